"""The mistakes people make with rounds, weights and luck: the code that makes each, and what to say about it."""

import math

import numpy as np


def _shares(margin, tie=0.5):
    return ((margin > 0) + tie * (margin == 0)).mean(axis=1)


def _margins(weights, better, worse):
    return np.einsum("rf,rnf->rn", weights, better - worse)


def _cumulative(w, x, y):
    """All rounds so far in one share, not each round on its own."""
    rounds = _shares(_margins(w[:-1], x[1:], y[1:]))
    return np.cumsum(rounds) / np.arange(1, len(rounds) + 1)


GUESSED = {
    "same_round": (
        lambda w, x, y: _shares(_margins(w[1:], x[1:], y[1:])),
        "these fits have already learned from the answers they guess; round r is guessed by weights[r − 1]",
    ),
    "backwards": (
        lambda w, x, y: _shares(_margins(w[1:], x[:-1], y[:-1])),
        "this lets a fit guess the round *before* it, from which it has learned",
    ),
    "first_fit": (
        lambda w, x, y: _shares(_margins(np.repeat(w[:1], len(w) - 1, axis=0), x[1:], y[1:])),
        "all rounds are guessed by the first fit: that is the stale one",
    ),
    "all_rounds": (
        lambda w, x, y: _shares(_margins(w, x, y)),
        "the first round has no fit before it: there are R − 1 shares, each by the fit before",
    ),
    "ties_wrong": (
        lambda w, x, y: _shares(_margins(w[:-1], x[1:], y[1:]), tie=0.0),
        "an exact tie counts half, not as a mistake",
    ),
    "ties_right": (
        lambda w, x, y: _shares(_margins(w[:-1], x[1:], y[1:]), tie=1.0),
        "an exact tie counts half, not as right",
    ),
    "worse": (
        lambda w, x, y: _shares(_margins(w[:-1], y[1:], x[1:])),
        "this is the share guessed wrong: better and worse have changed places",
    ),
    "running_mean": (_cumulative, "each round has a share of its own; this is the mean of the rounds so far"),
}


def _surprise(margins):
    return np.logaddexp(0, -margins)


def _weights(ages, half_life):
    return 2.0 ** (-ages / half_life)


def _mean(weights, values):
    return float((weights * values).sum() / weights.sum())


FADING = {
    "not_normalised": (
        lambda m, a, h: float((_weights(a, h) * _surprise(m)).mean()),
        "the sum is divided by the number of answers; divide by the sum of the weights",
    ),
    "summed": (
        lambda m, a, h: float((_weights(a, h) * _surprise(m)).sum()),
        "this is a sum; divide by the sum of the weights",
    ),
    "all_alike": (
        lambda m, a, h: float(_surprise(m).mean()),
        "old answers count as much as new ones",
    ),
    "growing": (
        lambda m, a, h: _mean(2.0 ** (a / h), _surprise(m)),
        "old answers count more than new ones: the exponent needs a minus",
    ),
    "natural": (
        lambda m, a, h: _mean(np.exp(-a / h), _surprise(m)),
        "after half_life rounds an answer should count a half; exp(−age / half_life) is 0.37 there",
    ),
    "no_half_life": (
        lambda m, a, h: _mean(2.0 ** (-a * 1.0), _surprise(m)),
        "half_life is not used",
    ),
    "wrong_sign": (
        lambda m, a, h: _mean(_weights(a, h), _surprise(-m)),
        "this is surprised by right margins: a large positive m should cost nothing",
    ),
    "weighted_margins": (
        lambda m, a, h: float(_surprise(_weights(a, h) * m).mean()),
        "the weights belong to the answers' losses, not into the margins",
    ),
}


def _at_least(k, n):
    return sum(math.comb(n, j) for j in range(k, n + 1)) / 2**n


LUCK = {
    "exactly": (
        lambda k, n: math.comb(n, k) / 2**n,
        "this is the chance of exactly k right; at least k means k or more",
    ),
    "more_than": (
        lambda k, n: _at_least(k + 1, n),
        "this is more than k; at least k includes k itself",
    ),
    "at_most": (
        lambda k, n: 1 - _at_least(k + 1, n),
        "this is at most k right; asked is at least k",
    ),
    "fewer": (
        lambda k, n: 1 - _at_least(k, n),
        "this is the chance of fewer than k right",
    ),
    "doubled": (
        lambda k, n: 2 * _at_least(k, n),
        "this counts both ends; asked is only the chance of doing at least as well",
    ),
    "bell": (
        lambda k, n: 0.5 * math.erfc((k - n / 2) / math.sqrt(n / 2)),
        "the bell curve is only near; add up the exact chances",
    ),
    "ways": (
        lambda k, n: float(sum(math.comb(n, j) for j in range(k, n + 1))),
        "these are ways; divide by all 2ⁿ of them",
    ),
}
