"""How many noisy comparisons teach a hidden taste in stories: pairwise accuracy by taste with 60, 200 and 1,000 labels.

    python tests/benchmarks/bench_story_rewards.py [--seeds 0 1 2 3 4] [--labels 60 200 1000] [--keep FILE]

Pairs: two stories that the shipped storyteller writes after one opening, taken as they come; 1,500 are written once (and kept in
FILE), and each seed draws which of them teach, which 500 test, and the person's dice. Labels: a person who chooses by the hidden
taste with σ(difference / 0.1). Test: the taste without noise (equal pairs left out). The reward model is the shipped one with its
themes; its prior is the same whatever the number of labels (λ = 0.4 / n). Median (lowest to highest) of the seeds.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from machine import headline, spread

from rlhf_edu.commands.demo import NOISE
from rlhf_edu.reward.fit import FitRewardConfig, fit_reward
from rlhf_edu.reward.labels import Labels
from rlhf_edu.reward.scorers import Numbers, Scorer
from rlhf_edu.rlhf.studio import open_studio
from rlhf_edu.worlds.world import world

TEST = 500  # pairs
CHUNK = 125  # openings at once


def written(pairs: int, keep: Path | None) -> tuple[torch.Tensor, list[str]]:
    """Features and texts of two stories after each of so many openings."""
    if keep and keep.exists():
        found = torch.load(keep, weights_only=True)
        return found["features"], found["texts"]
    studio = open_studio("stories", 0)
    model, dice = studio.reward_model(), studio.generator("pairs")
    openings, features, texts = studio.openings(pairs, "pairs"), [], []
    for at in range(0, pairs, CHUNK):
        done = studio.write(studio.reference, openings[at : at + CHUNK], dice, samples=2)
        if not at:
            model.settle(done)
        features.append(model.standardise(model.features(done.ids, done.mask)))
        texts += studio.read(done)
    if keep:
        torch.save(dict(features=torch.cat(features), texts=texts), keep)
    return torch.cat(features), texts


def accuracy(reward: torch.Tensor, gold: np.ndarray) -> float:
    r, g = reward.numpy().reshape(-1, 2), gold.reshape(-1, 2)
    differ = g[:, 0] != g[:, 1]
    return float(((r[:, 0] > r[:, 1]) == (g[:, 0] > g[:, 1]))[differ].mean())


def one_seed(seed: int, amounts: list[int], features: torch.Tensor, gold: np.ndarray) -> list[float]:
    """How often a label is right, and the accuracy with each number of labels."""
    rng = np.random.default_rng([seed, 7])
    order = torch.as_tensor(rng.permutation(len(gold) // 2))
    rows = torch.stack([2 * order, 2 * order + 1], 1)
    learn, test = rows[:-TEST], rows[-TEST:].flatten()
    p = 1 / (1 + np.exp(-(gold[learn[:, 0]] - gold[learn[:, 1]]) / NOISE))
    outcome, found = torch.as_tensor(rng.random(len(p)) > p).long(), [float(np.maximum(p, 1 - p).mean())]
    for n in amounts:
        labels = Labels(list(features), pairs=learn[:n], outcome=outcome[:n])
        scorer = Scorer(Numbers(), features.shape[1])  # the features are standardised already: it is not settled again
        fit_reward(scorer, labels, FitRewardConfig(steps=150, lr=0.2, prior=0.4 / n), settle=False).run()
        with torch.no_grad():
            found.append(accuracy(scorer.reward(features[test]), gold[test.numpy()]))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--labels", type=int, nargs="+", default=[60, 200, 1000])
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    start = time.perf_counter()
    features, texts = written(max(options.labels) + TEST, options.keep)
    print(f"{len(texts)} stories in {time.perf_counter() - start:.0f} s", flush=True)
    rows = {}
    for name, taste in world("stories").gold.items():
        gold = np.array([taste(text) for text in texts])
        rows[name] = [one_seed(seed, options.labels, features, gold) for seed in options.seeds]
    print(f"{headline(options.threads)}; {len(options.seeds)} seeds, {time.perf_counter() - start:.0f} s\n")
    print(f"| taste | {' | '.join(f'{n} labels' for n in options.labels)} | a label is the better story |")
    print(f"| --- {'| --- ' * len(options.labels)}| --- |")
    for name, found in rows.items():
        agree, *by_amount = np.transpose(found).tolist()
        print(f"| {name} | {' | '.join(spread(values) for values in by_amount)} | {spread(agree)} |")
    for i, n in enumerate(options.labels, 1):
        middle = [np.median([row[i] for row in found]) for found in rows.values()]
        print(
            f"\n{n} labels: median over tastes {np.median(middle):.3f}, {sum(m >= 0.8 for m in middle)} of {len(middle)} ≥ 0.80"
        )


if __name__ == "__main__":
    main()
