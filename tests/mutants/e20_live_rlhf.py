"""Wrong answers that exercise 20 must reject, and right ones, written differently, that it must accept."""

import math

import numpy as np


# guess first
def guessed(weights, better, worse):
    margin = np.einsum("rf,rnf->rn", weights[:-1], better[1:] - worse[1:])
    return ((margin > 0) + 0.5 * (margin == 0)).mean(axis=1)


def guessed_by_sign(weights, better, worse):
    """The mean sign, from [−1, 1] to [0, 1]."""
    margins = [(x - y) @ w for w, x, y in zip(weights, better[1:], worse[1:], strict=False)]
    return np.array([(1 + np.sign(m).mean()) / 2 for m in margins])


# fading
def fading(margins, ages, half_life):
    weights = 0.5 ** (ages / half_life)
    return np.average(np.logaddexp(0, -margins), weights=weights)


def fading_by_round(margins, ages, half_life):
    """Round by round."""
    top = bottom = 0.0
    for age in np.unique(ages):
        these = margins[ages == age]
        surprise = np.where(these > 0, 0, -these) + np.log1p(np.exp(-np.abs(these)))
        top += 2 ** (-age / half_life) * surprise.sum()
        bottom += 2 ** (-age / half_life) * len(these)
    return top / bottom


def fading_naive(margins, ages, half_life):
    """Overflows to infinity on a margin of −1000."""
    with np.errstate(over="ignore"):
        return np.average(np.log(1 + np.exp(-margins)), weights=0.5 ** (ages / half_life))


# luck
def luck(k, n):
    return sum(math.comb(n, j) for j in range(k, n + 1)) / 2**n


def luck_by_hand(k, n):
    """1 minus the rest, from one term to the next."""
    term, rest = 0.5**n, 0.0
    for j in range(k):
        rest += term
        term *= (n - j) / (j + 1)
    return 1 - rest


MUTANTS = {
    "guess_first": {
        "same_round": lambda w, x, y: guessed(np.vstack([w[1:], w[-1:]]), x, y),
        "mean of all": lambda w, x, y: np.full(len(w) - 1, guessed(w, x, y).mean()),
        "first text only": lambda w, x, y: (np.einsum("rf,rnf->rn", w[:-1], x[1:]) > 0).mean(axis=1),
        "a half": lambda w, x, y: np.full(len(w) - 1, 0.5),
        "last fit": lambda w, x, y: guessed(np.repeat(w[-1:], len(w), axis=0), x, y),
        "margins": lambda w, x, y: np.einsum("rf,rnf->rn", w[:-1], x[1:] - y[1:]).mean(axis=1),
        "counts": lambda w, x, y: guessed(w, x, y) * x.shape[1],
    },
    "fading_loss": {
        "overflow": fading_naive,
        "double half-life": lambda m, a, h: fading(m, a, 2 * h),
        "newest only": lambda m, a, h: fading(m[a == 0], a[a == 0], h),
        "clipped margins": lambda m, a, h: fading(np.clip(m, -20, 20), a, h),
        "hinge": lambda m, a, h: np.average(np.maximum(0, 1 - m), weights=0.5 ** (a / h)),
        "accuracy": lambda m, a, h: np.average(m > 0, weights=0.5 ** (a / h)),
        "bits": lambda m, a, h: fading(m, a, h) / math.log(2),
    },
    "by_luck": {
        "exactly": lambda k, n: math.comb(n, k) * 0.5**n,
        "share": lambda k, n: k / n,
        "all right": lambda k, n: 0.5**n,
        "all k right": lambda k, n: 0.5**k,
        "from 0": lambda k, n: sum(math.comb(n, j) for j in range(k)) / 2**n,
        "rounded": lambda k, n: round(luck(k, n), 2),
    },
    "deaf_loop": {
        "old questions": {"fault": "a", "evidence": "guessed"},
        "forgets": {"fault": "c", "evidence": "scores"},
        "swapped": {"fault": "d", "evidence": "guessed"},
        "beta": {"fault": "e", "evidence": "kl"},
        "right fault, kl": {"fault": "b", "evidence": "kl"},
        "a letter": "b",
    },
}

ALTERNATIVES = {
    "guess_first": {"einsum": guessed, "signs": guessed_by_sign},
    "fading_loss": {"average": fading, "round by round": fading_by_round},
    "by_luck": {"sum": luck, "the rest": luck_by_hand},
    "deaf_loop": {
        "as asked": {"fault": "b", "evidence": "scores"},
        "dressed": {"fault": "(B)", "evidence": "Scores"},
    },
}
