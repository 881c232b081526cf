"""Wrong answers that exercise 10 must reject, and right ones, written differently, that it must accept."""

import math

import numpy as np


# a scale with cuts
def levels(rewards, cuts):
    out = np.empty((len(rewards), len(cuts) + 1))
    for i, r in enumerate(rewards):
        before = 0.0
        for k, c in enumerate(cuts):
            below = 1 / (1 + math.exp(min(r - c, 700)))
            out[i, k], before = below - before, below
        out[i, -1] = 1 - before
    return out


def levels_probit(rewards, cuts):
    erf = np.vectorize(math.erf)
    below = 0.5 * (1 + erf((cuts - rewards[:, None]) / math.sqrt(2)))
    edges = np.concatenate([np.zeros((len(rewards), 1)), below, np.ones((len(rewards), 1))], 1)
    return np.diff(edges, axis=1)


def levels_softmax(rewards, cuts):
    logits = rewards[:, None] * np.arange(len(cuts) + 1)
    top = np.exp(logits - logits.max(1, keepdims=True))
    return top / top.sum(1, keepdims=True)


# rankings
def rank(ranked, sizes):
    k = ranked.shape[1]
    r = np.where(np.arange(k) < sizes[:, None], ranked, -np.inf)
    tails = np.logaddexp.accumulate(r[:, ::-1], axis=1)[:, ::-1]
    with np.errstate(invalid="ignore"):
        return np.where(np.isfinite(r), tails - r, 0.0).sum() / len(ranked)


def rank_backwards(ranked, sizes):
    total = 0.0
    for row, n in zip(ranked, sizes, strict=True):
        tail = row[n - 1]
        for k in range(n - 2, -1, -1):
            tail = np.logaddexp(row[k], tail)
            total += tail - row[k]
    return total / len(sizes)


def rank_overflowing(ranked, sizes):
    with np.errstate(all="ignore"):
        return np.mean(
            [
                sum(np.log(np.exp(row[k:n]).sum()) - row[k] for k in range(n))
                for row, n in zip(ranked, sizes, strict=True)
            ]
        )


def rank_first_two(ranked, sizes):
    return rank(ranked[:, :2], np.minimum(sizes, 2))


# calibration
def ece(p, outcome, bins):
    place = np.clip(np.floor(p * bins), 0, bins - 1)
    return sum(abs((p - outcome)[place == b].sum()) for b in range(bins)) / len(p)


def ece_by_counts(p, outcome, bins):
    place = np.minimum((p * bins).astype(int), bins - 1)
    said, came = (np.bincount(place, weights=x, minlength=bins) for x in (p, outcome))
    return np.abs(said - came).sum() / len(place)


def ece_signed(p, outcome, bins):
    return float(p.mean() - outcome.mean())


def ece_equal_counts(p, outcome, bins):
    parts = np.array_split(np.argsort(p), bins)
    return sum(len(s) * abs(p[s].mean() - outcome[s].mean()) for s in parts if len(s)) / len(p)


def ece_largest(p, outcome, bins):
    place = np.minimum((p * bins).astype(int), bins - 1)
    return max(abs((p - outcome)[place == b].mean()) for b in set(place.tolist()))


# wavering
def waver(yes, votes):
    found = [k / n * (n - k) / (n - 1) for k, n in zip(yes, votes, strict=True) if n >= 2]
    return sum(found) / len(found)


def waver_by_variance(yes, votes):
    """The unbiased variance of votes of 0 and 1 is n/(n − 1) · share · (1 − share)."""
    found = [np.var([1] * k + [0] * (n - k), ddof=1) for k, n in zip(yes, votes, strict=True) if n > 1]
    return float(np.mean(found))


def waver_weighted(yes, votes):
    k, n = yes[votes > 1], votes[votes > 1]
    return float(np.average(k * (n - k) / (n * (n - 1)), weights=n))


def ece_in(edges, p, y, right=False):
    """Between these edges; the last bin takes its end too."""
    k = np.clip(np.digitize(p, edges, right=right) - 1, 0, len(edges) - 2)
    return sum(abs((p - y)[k == b].sum()) for b in range(len(edges) - 1)) / len(p)


MUTANTS = {
    "level_chances": {
        "probit": levels_probit,
        "softmax": levels_softmax,
        "cumulative, one short": lambda r, c: 1 / (1 + np.exp(-(c - r[:, None]))),
        "upside down": lambda r, c: levels(r, c)[:, ::-1],
        "rewards turned": lambda r, c: levels(-r, c),
        "no_reward": lambda r, c: levels(0 * r, c),
        "even": lambda r, c: np.full((len(r), len(c) + 1), 1 / (len(c) + 1)),
    },
    "ranking_loss": {
        "overflows": rank_overflowing,
        "first two only": rank_first_two,
        "padding ranked, too": lambda ranked, sizes: rank(ranked, np.full_like(sizes, ranked.shape[1])),
        "negated": lambda ranked, sizes: rank(-ranked, sizes),
        "summed": lambda ranked, sizes: rank(ranked, sizes) * len(sizes),
        "sign": lambda ranked, sizes: -rank(ranked, sizes),
        "mean over picks": lambda ranked, sizes: rank(ranked, sizes) * len(sizes) / sizes.sum(),
        "bits": lambda ranked, sizes: rank(ranked, sizes) / math.log(2),
    },
    "calibration_error": {
        "signed": ece_signed,
        "equal counts": ece_equal_counts,
        "largest": ece_largest,
        "ten bins always": lambda p, y, bins: ece(p, y, 10),
        "Brier": lambda p, y, bins: ((p - y) ** 2).mean(),
        "by forecast": lambda p, y, bins: np.abs(p - y).mean(),
        "zero": lambda p, y, bins: 0.0,
        "bins over the data": lambda p, y, bins: ece_in(np.linspace(p.min(), p.max(), bins + 1), p, y),
        "an edge belongs to the lower bin": lambda p, y, bins: ece_in(np.linspace(0, 1, bins + 1), p, y, right=True),
    },
    "wavering": {
        "weighted by votes": waver_weighted,
        "plugged in": lambda k, n: float(np.mean((k / n * (1 - k / n))[n > 1])),
        "singles counted": lambda k, n: float(np.mean(k * (n - k) / np.maximum(n * (n - 1), 1))),
        "minimum": lambda k, n: float(np.mean(np.minimum(k / n, 1 - k / n)[n > 1])),
        "disagreement": lambda k, n: 2 * waver(k, n),
        "a coin": lambda k, n: 0.25,
    },
    "too_sure": {
        "rate": {"fault": "a", "evidence": "loss"},
        "swapped": {"fault": "b", "evidence": "test"},
        "prior": {"fault": "c", "evidence": "learned"},
        "few": {"fault": "e", "evidence": "test"},
        "right fault, learned": {"fault": "d", "evidence": "learned"},
        "a letter": "d",
    },
}

ALTERNATIVES = {
    "level_chances": {
        "one by one": levels,
        "tanh": lambda r, c: np.diff(
            np.pad(0.5 * (1 + np.tanh((c - r[:, None]) / 2)), ((0, 0), (1, 1)), constant_values=((0, 0), (0, 1))),
            axis=1,
        ),
    },
    "ranking_loss": {"accumulated": rank, "backwards": rank_backwards},
    "calibration_error": {"sums": ece, "counts": ece_by_counts},
    "wavering": {"one by one": waver, "variance": waver_by_variance},
    "too_sure": {
        "as asked": {"fault": "d", "evidence": "test"},
        "dressed": {"fault": "(D)", "evidence": "Test"},
    },
}
