"""What the raters of the reviews world allow: how well one person does, and what nobody can beat."""

import numpy as np

from rlhf_edu.worlds.reviews_data import RatedText

PAIRS = 20_000


def one_rater(items: list[RatedText], rng: np.random.Generator) -> float:
    """How one person's rating of each sentence goes with the mean of the *others*: a fair rival of the models."""
    one, others = [], []
    for x in items:
        mine = rng.integers(len(x.ratings))
        one.append(x.ratings[mine])
        others.append(np.delete(x.ratings, mine).mean())
    return float(np.corrcoef(one, others)[0, 1])


def reliability(items: list[RatedText], rng: np.random.Generator) -> float:
    """The best that a model could reach: r of the mean with the truth, √ of the Spearman-Brown reliability from two halves."""
    halves = []
    for x in items:
        some = rng.permutation(x.ratings)
        halves.append((some[: len(some) // 2].mean(), some[len(some) // 2 :].mean()))
    r = np.corrcoef(np.transpose(halves))[0, 1]
    return float(np.sqrt(2 * r / (1 + r)))


def wins(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[float, float]:
    """Chances that a random rating of the one is above, or below, a random rating of the other."""
    gap = np.subtract.outer(a, b)
    return float((gap > 0).mean()), float((gap < 0).mean())


def random_pairs(items: list[RatedText], rng: np.random.Generator) -> np.ndarray:
    i = rng.integers(len(items), size=(2 * PAIRS, 2))
    return i[i[:, 0] != i[:, 1]][:PAIRS]


def pair_ceiling(items: list[RatedText], pairs: np.ndarray, rng: np.random.Generator) -> tuple[float, float]:
    """Bounds of the share of decided answers that anybody can predict: half of the raters judged by the other, and all by all."""
    low, high, decided, decided_half = 0.0, 0.0, 0.0, 0.0
    halves = []
    for x in items:
        some = rng.permutation(x.ratings)
        halves.append((some[: len(some) // 2], some[len(some) // 2 :]))
    for i, j in pairs:
        up, down = wins(items[i].ratings, items[j].ratings)
        high, decided = high + max(up, down), decided + up + down
        said = np.sign(halves[i][0].mean() - halves[j][0].mean())
        up, down = wins(halves[i][1], halves[j][1])
        low += (up + down) / 2 + said * (up - down) / 2
        decided_half += up + down
    return low / decided_half, high / decided


def pair_accuracy(items: list[RatedText], pairs: np.ndarray, scores: np.ndarray) -> float:
    """The share of decided answers that the scores predict, over all pairs of ratings of each pair of sentences."""
    right, decided = 0.0, 0.0
    for i, j in pairs:
        up, down = wins(items[i].ratings, items[j].ratings)
        right += (up + down) / 2 + np.sign(scores[i] - scores[j]) * (up - down) / 2
        decided += up + down
    return right / decided
