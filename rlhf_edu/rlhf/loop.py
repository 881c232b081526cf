"""The whole of RLHF in one generator: write pairs, have them judged, learn the reward, fine-tune, test blind.

Each stage is a function of its own, so that lessons can open the loop part by part; `rlhf_loop` composes them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from rlhf_edu.core import Run, trainer
from rlhf_edu.feedback.types import Feedback, Preference, Query, from_json, to_json, to_pairs
from rlhf_edu.lm.checkpoint import replace, save_state
from rlhf_edu.lm.heads import ScalarHead
from rlhf_edu.lm.interface import Completions
from rlhf_edu.reward.models import RewardModel
from rlhf_edu.reward.train import FitConfig, fit_preferences
from rlhf_edu.rlhf.ppo import PPOConfig, ppo
from rlhf_edu.rlhf.shaping import reference_scale
from rlhf_edu.rlhf.studio import Studio

Judge = Callable[[Query], Feedback | None]  # a simulated person; None skips


# Few of the compared texts were two deviations better than the average: beyond that the reward model guesses, and a
# policy that believes it pays with its variety.
ENOUGH = 2.0


@dataclass(frozen=True)
class LoopConfig:
    pairs: int = 40
    drafts: int = 6  # texts written for each opening, of which the two most different are compared
    fit: FitConfig = field(default_factory=FitConfig)
    ppo: PPOConfig = field(default_factory=lambda: PPOConfig(enough=ENOUGH))

    def __post_init__(self):
        if self.pairs < 1:
            raise ValueError(f"pairs is {self.pairs}, but a reward model needs at least one comparison to learn from")
        if self.drafts < 2:
            raise ValueError(f"drafts is {self.drafts}, but a comparison needs at least two texts")


def reading_on(judge: Judge) -> Judge:
    """The same person, who reads each option as the continuation it is: opening and text together."""

    def answer(query: Query) -> Preference | None:
        whole = tuple(query.prompt + text for text in query.options)
        said = judge(Query("compare", query.prompt, whole))
        return Preference(query.prompt, *query.options, choice=said.choice) if isinstance(said, Preference) else None

    return answer


def write_pairs(studio: Studio, model: RewardModel, n: int, drafts: int = 6) -> tuple[list[Query], Completions]:
    """n comparisons of two texts with the same opening, and all the drafts they were picked from.

    Of each opening's drafts the two that lie farthest apart in the reward model's features are shown: a person learns to
    tell them apart quickly, and the answer says more. The reward model is settled on all drafts.
    """
    openings = studio.openings(n, "pairs")
    done = studio.write(studio.reference, openings, studio.generator("pairs"), samples=drafts)
    model.settle(done)
    features = model.standardise(model.features(done.ids, done.mask)).view(n, drafts, -1)
    texts, queries = studio.read(done), []
    for i, opening in enumerate(openings):
        a, b = divmod(int(torch.cdist(features[i], features[i]).argmax()), drafts)
        options = tuple(texts[i * drafts + k].removeprefix(opening) for k in (a, b))
        queries.append(Query("compare", opening, options))
    return queries, done


def teach(
    studio: Studio,
    model: RewardModel,
    typical: Completions,
    config: PPOConfig = PPOConfig(),
    *,
    openings: int = 2000,
    watch_texts: Callable[[Completions], dict] | None = None,
    checkpoint: Path | None = None,
) -> Run:
    """PPO on the studio's policy with the reward model, its gain and bias set on `typical` texts of the reference."""
    scale = reference_scale(model, typical)
    return ppo(
        studio.policy,
        ScalarHead(studio.policy.config.width).to(studio.device),
        studio.reference,
        scale(model),
        studio.prompt_ids(studio.openings(openings, "ppo")),
        config,
        eos_id=studio.tokenizer.eos_id,
        pad_id=studio.tokenizer.pad_id,
        generator=studio.generator("ppo"),
        expected=scale(model.expected),
        watch_texts=watch_texts,
        checkpoint=checkpoint,
    )


@trainer
def rlhf_loop(
    studio: Studio,
    judge: Judge,
    config: LoopConfig = LoopConfig(),
    *,
    test: Callable[[Studio, RewardModel, Completions], dict] | None = None,
    watch_texts: Callable[[Completions], dict] | None = None,
    out: Path | None = None,
):
    """Run every stage; yield records with stage ("pairs", "reward", "ppo", "test"), step, total and that stage's numbers.

    With `out`, answers, reward model and every PPO step are kept there, and a run that finds them goes on from them.
    """
    model = studio.reward_model()
    queries, drafts = write_pairs(studio, model, config.pairs, config.drafts)

    answers: list[Feedback] = []
    for record in _stage("pairs", config.pairs, _ask(queries, judge, answers, out and out / "labels.jsonl")):
        yield record
    fit = fit_preferences(model, studio.tokenizer, to_pairs(answers), config.fit)
    for record in _stage("reward", config.fit.steps, fit):
        yield record
    if out is not None:
        save_state(out / "reward_model.pt", model.state_dict())
    run = teach(studio, model, drafts, config.ppo, watch_texts=watch_texts, checkpoint=out and out / "ppo.pt")
    for record in _stage("ppo", config.ppo.steps, run):
        yield record
    if test is not None:
        yield dict(stage="test", step=0, total=1, **test(studio, model, drafts))


def _stage(name: str, total: int, records: Iterator[dict]) -> Iterator[dict]:
    for record in records:
        yield {**record, "stage": name, "total": total}


def _ask(queries: Sequence[Query], judge: Judge, answers: list[Feedback], path: Path | None) -> Iterator[dict]:
    """Put every query to the judge, or take the answers kept at `path`; fill `answers`."""
    if path is not None and path.exists():
        try:
            answers += [from_json(line) for line in path.read_text(encoding="utf-8").splitlines()]
        except (ValueError, TypeError) as error:
            raise ValueError(
                f"the answers in {path} are damaged ({error}): mend that line, or delete the file"
            ) from None
        yield dict(step=len(queries) - 1, answered=len(answers))
        return
    for step, query in enumerate(queries):
        answer = judge(query)
        if answer is not None:
            answers.append(answer)
        yield dict(step=step, answered=len(answers))
    if path is not None:
        lines = "\n".join(map(to_json, answers))
        replace(path, lambda new: new.write_text(lines, encoding="utf-8"))
