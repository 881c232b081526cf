"""Reinforcement learning on real human ratings: film sentences that people would rate higher, and two judges nobody trained on.

    python tests/benchmarks/bench_reviews.py encoder --rounds 1 --keep bench_reviews      the examiner (about six minutes)
    python tests/benchmarks/bench_reviews_rl.py [--encoder bench_reviews/encoder.pt] [--seeds 30 31 …] [--log FILE] [--report]

Policy: the reviews world's mini GPT-2. Reward: what the same model's hidden states, and a table of the worth of its tokens, expect
people to say from −4 (very negative) to +4 (very positive); fitted to the training sentences' mean ratings, the table to four fifths of
them, the head with `fit_reward` to the rest. PPO from the first words of training sentences; tested on the first words of 512 held-out
ones. Two examiners read the same texts: MiniLM, fine-tuned on the same people's ratings, in rating points; and VADER's rules, which
know none of the ratings. To read VADER's scores in rating points: the slope of its compound on the mean rating of real held-out
sentences. Intervals: bootstrap over openings. Language: nats a token of real held-out sentences under the policy, and of the written
texts under the reference; keeping plain rules of writing. Settings were tried on seed 7. Needs the extra `bert` and vaderSentiment.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from bench_reviews import minilm, rewards
from machine import headline, spread
from review_texts import means, split, texts
from torch import Tensor

from rlhf_edu.evaluate import bootstrap, distinct_n
from rlhf_edu.lm.heads import ScalarHead
from rlhf_edu.lm.interface import Completions
from rlhf_edu.lm.train import held_out
from rlhf_edu.reward.answers import GaussianScale, People
from rlhf_edu.reward.fit import FitRewardConfig, fit_reward
from rlhf_edu.reward.labels import Labels
from rlhf_edu.reward.models import RewardModel
from rlhf_edu.reward.scorers import TrunkScorer, read
from rlhf_edu.rlhf.ppo import PPOConfig, ppo, score_tokens
from rlhf_edu.rlhf.shaping import reference_scale
from rlhf_edu.rlhf.studio import Studio, open_studio
from rlhf_edu.worlds.reviews_data import RatedText

TEST, WORDS, SHOWN, RIDGE = 512, 3, 6, 40.0
CONFIG = PPOConfig(steps=30, n_new=64, beta=0.18, enough=1.6)
JUDGES = dict(learned="the reward (optimised)", minilm="MiniLM's rating", vader="VADER's compound")
SIDES = ("before", "after")
Judge = Callable[[list[str]], np.ndarray]


def first_words(sentences: list[str]) -> list[str]:
    """Different openings of WORDS words; a sentence of fewer than twice as many would be given away."""
    rows = [sentence.split() for sentence in sentences]
    return list(dict.fromkeys(" ".join(row[:WORDS]) for row in rows if len(row) >= 2 * WORDS))


def token_worth(studio: Studio, learn: list[RatedText]) -> Tensor:
    """A weight for each token: ridge regression of the mean rating on which tokens a sentence holds."""
    there = np.zeros((len(learn), studio.policy.vocab_size), np.float32)
    for row, item in zip(there, learn, strict=True):
        row[studio.tokenizer.encode(item.text)] = 1.0
    gram = there.T @ there + RIDGE * np.eye(there.shape[1], dtype=np.float32)
    return torch.tensor(np.linalg.solve(gram, there.T @ (means(learn) - means(learn).mean()))).float()


def reward_model(studio: Studio, learn: list[RatedText], drafts: Completions) -> tuple[RewardModel, GaussianScale]:
    """A reward model fitted to people's mean ratings, and the scale on which its rewards are ratings."""
    order = np.random.default_rng(studio.seed).permutation(len(learn))
    table, rest = ([learn[i] for i in some] for some in np.split(order, [len(order) * 4 // 5]))
    model = RewardModel(studio.reference, token_worth(studio, table)[:, None]).settle(drafts)
    labels = Labels(texts(rest), torch.arange(len(rest)), torch.tensor(means(rest), dtype=torch.float32))
    people = People(labels, "squared")
    assert isinstance(people.scale, GaussianScale)
    people.scale.log_s.requires_grad_(False)  # plain least squares: no noise to be learned
    scorer, config = TrunkScorer(model, studio.tokenizer, cut=True), FitRewardConfig(steps=200, lr=0.1, prior=1e-4)
    fit_reward(scorer, labels, config, people=people).run()
    return model, people.scale


def vader() -> tuple[Judge, float]:
    """Compounds of texts, and their slope on the rating, over real held-out sentences."""
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    rules, (_, test) = SentimentIntensityAnalyzer(), split()
    judge = lambda some: np.array([rules.polarity_scores(text)["compound"] for text in some])  # noqa: E731
    return judge, float(np.polyfit(means(test), judge(texts(test)), 1)[0])


def examine(runs: list[dict], encoder: Path) -> None:
    """Let MiniLM rate the texts of all runs that it has not read yet."""
    scorer, ratings = minilm(trainable=True).eval(), means(split()[0])
    scorer.load_state_dict(torch.load(encoder, weights_only=True)["scorer"])
    for side in (run[side] for run in runs for side in SIDES if "minilm" not in run[side]["scores"]):
        found = ratings.mean() + ratings.std() * rewards(scorer, side["texts"])
        side["scores"]["minilm"] = found.round(4).tolist()


def look(studio: Studio, done: Completions, logp: Tensor, scores: dict[str, np.ndarray]) -> dict:
    """All numbers of one side of the test, with each text's own scores; `logp` under the reference."""
    found = studio.read(done)
    return dict(
        texts=found,
        scores={name: score.round(4).tolist() for name, score in scores.items()},
        token_nats=(-logp.sum() / done.new_mask.sum()).item(),
        distinct2=distinct_n(found),
        rules=float(np.mean([studio.world.grammatical(text) for text in found])),
        n_new=done.new_mask.sum(1).float().mean().item(),
        ended=(done.new_ids == studio.tokenizer.eos_id).any(1).float().mean().item(),
    )


def one(seed: int, rules: Judge, config: PPOConfig, checkpoint: Path) -> dict:
    """Fit the reward, train, and test: one seed. PPO goes on from `checkpoint`, if an earlier call was cut off."""
    studio, (learn, test), start = open_studio("reviews", seed), split(), time.process_time()
    prompts = first_words(texts(learn))
    some = np.random.default_rng(seed).permutation(len(prompts))[:256]
    drafts = studio.write(studio.reference, [prompts[i] for i in some], studio.generator("pairs"))
    model, scale = reward_model(studio, learn, drafts)
    with torch.no_grad():
        guess = model.reward(read(TrunkScorer(model, studio.tokenizer, cut=True), texts(test)))
    r = float(np.corrcoef(guess.numpy(), means(test))[0, 1])
    unit, steps, fitted = reference_scale(model, drafts), 0, time.process_time() - start
    print(f"seed {seed}: the reward's r with people on {len(test)} held-out sentences {r:.2f}", flush=True)

    ends = dict(eos_id=studio.tokenizer.eos_id, pad_id=studio.tokenizer.pad_id, generator=studio.generator("ppo"))
    who = studio.policy, ScalarHead(studio.policy.config.width), studio.reference
    start, ids, whole = time.process_time(), studio.prompt_ids(prompts), not checkpoint.exists()
    for record in ppo(*who, unit(model), ids, config, expected=unit(model.expected), checkpoint=checkpoint, **ends):
        steps = record["step"] + 1
        if steps % 5 == 0:
            shown = "  ".join(f"{k} {record[k]:.3g}" for k in ("step", "score", "kl_nats", "n_new", "distinct_2"))
            print(f"  {shown}", flush=True)
    trained = time.process_time() - start if whole else None  # of a part it would say nothing

    openings = first_words(texts(test))
    openings = [openings[i] for i in np.random.default_rng(0).permutation(len(openings))[:TEST]]  # all seeds the same
    before = studio.write(studio.reference, openings, studio.generator("test"))
    after = studio.write(studio.policy, openings, studio.generator("test"))
    with torch.no_grad():
        logp, _, _ = score_tokens(studio.reference, after)
        scores = [
            dict(learned=scale.expected(model(done)).numpy(), vader=rules(studio.read(done)))
            for done in (before, after)
        ]
    real = [held_out(lm, studio.tokenizer, texts(test)[:TEST]) for lm in (studio.reference, studio.policy)]
    return dict(
        seed=seed,
        r=r,
        steps=steps or None,
        kl_nats=(after.logp - logp).sum(1).mean().item(),
        fit_seconds=fitted,
        seconds=trained,
        real=[x["held_out_nats"] for x in real],
        before=look(studio, before, before.logp, scores[0]),
        after=look(studio, after, logp, scores[1]),
    )


def report(runs: list[dict], slope: float) -> None:
    rng = np.random.default_rng(1)
    print("| seed | judge | before | after | raise (95 % interval) |\n| --- | --- | --- | --- | --- |")
    rises: dict[str, list[float]] = {key: [] for key in JUDGES}
    for run in runs:
        for key, name in JUDGES.items():
            old, new = (np.array(run[side]["scores"][key]) for side in SIDES)
            rise = bootstrap(lambda a, b: float((b - a).mean()), old, new, rng=rng)
            rises[key].append(rise.value)
            interval = f"{rise.value:+.2f} ({rise.low:+.2f} to {rise.high:+.2f})"
            print(f"| {run['seed']} | {name} | {old.mean():+.2f} | {new.mean():+.2f} | {interval} |")
    print(f"\nMedian (lowest to highest) of {len(runs)} seeds, {TEST} openings each:")
    for key, name in JUDGES.items():
        print(f"  raise by {name}: {spread(rises[key])}")
    print(
        f"  a real sentence rated 1 higher has a compound {slope:.3f} higher; so VADER sees {spread([x / slope for x in rises['vader']])} points"
    )
    rows = dict(distinct2=("distinct-2", 3), rules=("keeps plain rules of writing", 2), n_new=("new tokens", 1))
    rows |= dict(ended=("ended", 3), token_nats=("nats a token under the reference", 2))
    for key, (name, digits) in rows.items():
        print(f"  {name}: " + " -> ".join(spread([run[side][key] for run in runs], digits) for side in SIDES))
    print(
        "  nats a token of real held-out sentences: "
        + " -> ".join(spread([r["real"][i] for r in runs]) for i in (0, 1))
    )
    kl, r = (spread([run[key] for run in runs], n) for key, n in (("kl_nats", 1), ("r", 2)))
    print(f"  KL {kl} nats; the reward's r with people, held-out sentences: {r}")
    for key in ("steps", "fit_seconds", "seconds"):  # not known where a run was cut off and went on
        found = [run[key] for run in runs if run[key] is not None]
        print(f"  {key} ({len(found)} seeds): {spread(found, 0) if found else ''}")
    print(f"\nThe first {SHOWN} openings of seed {runs[0]['seed']}: MiniLM's rating, VADER's compound, text")
    for i in range(SHOWN):
        for side in SIDES:
            rating, compound = (runs[0][side]["scores"][key][i] for key in ("minilm", "vader"))
            print(f"  {side:<6} {rating:+.1f} {compound:+.2f}  {runs[0][side]['texts'][i]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", type=Path, default=Path("bench_reviews/encoder.pt"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[30, 31, 32, 33, 34])  # never used while tuning
    parser.add_argument("--beta", type=float, default=CONFIG.beta)
    parser.add_argument("--enough", type=float, default=CONFIG.enough, help="mean score at which PPO stops")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--log", type=Path, default=Path("runs/bench_reviews_rl.jsonl"))
    parser.add_argument("--report", action="store_true", help="print the tables of what is in --log")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if not options.encoder.exists():
        parser.error(f"there is no {options.encoder}: make it with bench_reviews.py, as above, or name it (--encoder)")
    options.log.parent.mkdir(parents=True, exist_ok=True)
    runs = [json.loads(line) for line in options.log.read_text().splitlines()] if options.log.exists() else []
    print(headline(options.threads))
    rules, slope = vader()
    missing = [] if options.report else [seed for seed in options.seeds if seed not in {run["seed"] for run in runs}]
    for seed in missing:
        unfinished = options.log.with_suffix(f".{seed}.pt")
        runs.append(one(seed, rules, replace(CONFIG, beta=options.beta, enough=options.enough), unfinished))
        with options.log.open("a") as log:
            log.write(json.dumps(runs[-1]) + "\n")
        unfinished.unlink()
    if any("minilm" not in run[side]["scores"] for run in runs for side in SIDES):
        examine(runs, options.encoder)
        options.log.write_text("".join(json.dumps(run) + "\n" for run in runs))
    if runs:
        report(sorted(runs, key=lambda run: run["seed"]), slope)


if __name__ == "__main__":
    main()
