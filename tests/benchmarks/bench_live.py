"""What lesson 20 claims, measured by running the lesson's own cells with other seeds, and nobody at the keys.

    python tests/benchmarks/bench_live.py                  asked again while it learns against never again (a minute or two a seed)
    python tests/benchmarks/bench_live.py --reading        the next sentence against whole stories, for the same time of reading

Reading: words of both options, and of what stands before them where it was not read for the question before, at 250 words a
minute. What was learned: how often the best of 28 fresh stories by the reward beats any one, by each of the eight tastes.
"""

import argparse
import tempfile

import jupytext
import numpy as np
import torch
from bench_queries import best_of_wins
from machine import headline

from rlhf_edu.feedback.annotators import boltzmann
from rlhf_edu.feedback.types import to_pairs
from rlhf_edu.grading.release import find_root
from rlhf_edu.reward.train import fit_preferences
from rlhf_edu.rlhf.loop import reading_on, write_pairs

WORDS_A_MINUTE, MINUTES, LABELS = 250, 4, 40


class Lesson:
    """The lesson's code cells, run one after the other in `names`."""

    def __init__(self, seed: int, taste: str, folder: str):
        source = find_root() / "notebooks" / "source" / "20_live_rlhf.py"
        cells = [c.source for c in jupytext.read(source).cells if c.cell_type == "code"]
        changes = {"seed=0, device": f"seed={seed}, device", 'value="happy_ending"': f"value={taste!r}"}
        changes['"my_live_answers.db"'] = repr(f"{folder}/{seed}{taste}.db")
        text = "\n\0".join(cells)
        for old, new in changes.items():
            if text.count(old) != 1:
                raise SystemExit(f"the lesson has changed: {old} stands in it {text.count(old)} times, not once")
            text = text.replace(old, new)
        self.cells, self.names = text.split("\n\0"), {"__name__": "lesson"}

    def run_until(self, words: str) -> dict:
        """Run on, up to and with the first cell in which `words` stand; return all names."""
        while True:
            cell = self.cells.pop(0)
            exec(compile(cell, "<lesson 20>", "exec"), self.names)
            if words in cell:
                return self.names


def asked_again(seed: int, taste: str, folder: str) -> dict[str, float]:
    """The numbers of "Break it on purpose", and the guesses of the reward that was asked again on its own stories."""
    lesson = Lesson(seed, taste, folder)
    v = lesson.run_until("live.wait()")
    taught = {name: weight.clone() for name, weight in v["studio"].policy.state_dict().items()}
    lesson.run_until("guessed = {}")
    studio, gold, found = v["studio"], v["gold"], {}
    found["guess never again"], found["ceiling never again"] = (
        v["guessed"]["new stories"][which] for which in ("never again", "ceiling")
    )
    for which, run in (("never again", v["never_again"]), ("asked again", v["history"])):
        if which == "asked again":
            studio.policy.load_state_dict(taught)
        texts = studio.read(studio.write(studio.policy, v["fresh"], studio.generator("test")))
        found |= {f"{key} {which}": run[-1][key] for key in ("score", "kl_nats")}
        found[f"taste {which}"] = float(np.mean([gold(text) for text in texts]))
        found[f"different pairs {which}"] = v["distinct_n"](texts)
    found["taste before"] = float(np.mean([gold(text) for text in v["before"]]))
    some = studio.write(studio.policy, v["fresh"][:100], studio.generator("reward"), samples=2)
    tastes = torch.tensor([gold(text) for text in studio.read(some)]).view(-1, 2)
    p, r = torch.sigmoid((tastes[:, 0] - tastes[:, 1]) / 0.1), v["reward"](some).detach().cpu().view(-1, 2)
    found["guess asked again"] = float(torch.where(r[:, 0] > r[:, 1], p, 1 - p).mean())
    found["ceiling asked again"] = float(torch.maximum(p, 1 - p).mean())
    return found


def reading(seed: int, folder: str) -> None:
    """What four minutes of reading buy: whole stories, or the next sentence."""
    v = Lesson(seed, "happy_ending", folder).run_until("def questions")
    studio, model = v["studio"], v["model"]
    fresh = studio.write(studio.reference, studio.openings(500, "test"), studio.generator("test"))
    texts, features = studio.read(fresh), model.features(fresh.ids, fresh.mask)
    v["where"] = np.random.default_rng(0)
    next_sentence = v["questions"](studio.reference, v["starts"][: LABELS // v["SHARED"] + 2])[:LABELS]
    whole, _ = write_pairs(studio, model, LABELS)
    for name, queries in (("the next sentence", next_sentence), ("whole stories", whole)):
        words = [len(" ".join(q.options).split()) for q in queries]
        for i, query in enumerate(queries):
            words[i] += len(query.prompt.split()) * (i == 0 or queries[i - 1].prompt != query.prompt)
        seconds = 60 * np.cumsum(words) / WORDS_A_MINUTE
        n = int(np.searchsorted(seconds, 60 * MINUTES, side="right"))
        for some in sorted({n, len(queries)}):
            wins = []
            for taste in studio.world.gold:
                gold = studio.world.taste(taste)
                person = reading_on(boltzmann(gold, 0.1, rng=np.random.default_rng(7)))
                fit_preferences(
                    model, studio.tokenizer, to_pairs([answer for q in queries[:some] if (answer := person(q))])
                ).run()
                reward = model.reward(features).detach().numpy()
                wins.append(best_of_wins(reward, np.array([gold(text) for text in texts])))
            print(
                f"seed {seed}, {name}: {some} answers, {seconds[some - 1]:.0f} s of reading ({seconds[some - 1] / some:.1f} s each): "
                f"win rate {np.mean(wins):.1%} over {len(wins)} tastes ({min(wins):.0%} to {max(wins):.0%})",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--taste", default="happy_ending")
    parser.add_argument("--reading", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        found = []
        for seed in options.seeds:
            if options.reading:
                reading(seed, folder)
            else:
                found.append(asked_again(seed, options.taste, folder))
                print(f"seed {seed}:", {name: round(value, 3) for name, value in found[-1].items()}, flush=True)
    print(headline(options.threads))
    for name in found[0] if found else ():
        print(f"{name:<28} mean {np.mean([f[name] for f in found]):.3f}, of {len(found)} seeds")


if __name__ == "__main__":
    main()
