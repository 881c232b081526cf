"""The mistakes people make in offline methods: the code that makes each, and what to say about it."""

import math

import numpy as np


def _expectile(x, tau, power=2):
    v = x.mean()
    for _ in range(500):
        w = np.where(x > v, tau, 1 - tau)
        v = (w * x).sum() / w.sum()
    return float(v)


EXPECTILE = {
    "swapped": (
        lambda x, tau: _expectile(x, 1 - tau),
        "the sides are swapped: numbers *above* v get the weight τ, so that v leans upwards",
    ),
    "quantile": (
        lambda x, tau: float(np.quantile(x, tau)),
        "this is the τ-quantile, which minimises uneven *absolute* errors; an expectile minimises squares",
    ),
    "mean": (lambda x, tau: float(x.mean()), "this is the mean, whatever τ is"),
    "maximum": (lambda x, tau: float(x.max()), "this is the maximum: the expectile of τ = 1 only"),
    "between": (
        lambda x, tau: float(tau * x.max() + (1 - tau) * x.min()),
        "this mixes largest and smallest; all the numbers count",
    ),
    "one_step": (
        lambda x, tau: float((w := np.where(x > x.mean(), tau, 1 - tau)) @ x / w.sum()),
        "this weighs around the mean, once; the weights must be those around v itself, so repeat",
    ),
    "tau_squared": (
        lambda x, tau: _expectile(x, tau**2 / (tau**2 + (1 - tau) ** 2)),
        "the weight multiplies the square; it is not squared itself",
    ),
}


def _kept(p, scores, n, ties=True):
    """Chances to be kept; with `ties` False equal scores are ranked by their place in the list."""
    rank = np.unique(scores, return_inverse=True)[1] if ties else np.argsort(np.argsort(scores, kind="stable"))
    mass = np.bincount(rank, p)
    below, level = (mass.cumsum() - mass)[rank], mass[rank]
    return np.divide(p * ((below + level) ** n - below**n), level, out=np.zeros_like(p), where=level > 0)


def _kl(q, p):
    real = (q > 0) & (p > 0)
    return float((q[real] * np.log(q[real] / p[real])).sum())


KEPT = {
    "bound": (
        lambda p, s, n: math.log(n) - (n - 1) / n,
        "this is the formula for endlessly many texts with different scores; here it is only an upper bound",
    ),
    "reverse": (
        lambda p, s, n: _kl(p, _kept(p, s, n)),
        "the direction is turned round: KL(best of n ‖ writer) averages over the texts that are *kept*",
    ),
    "ties": (
        lambda p, s, n: _kl(_kept(p, s, n, ties=False), p),
        "equal scores are ranked by their place in the list; among equals the first *drawn* is kept",
    ),
    "worst": (lambda p, s, n: _kl(_kept(p, -s, n), p), "this keeps the worst of n"),
    "bits": (lambda p, s, n: _kl(_kept(p, s, n), p) / math.log(2), "this is in bits; nats are asked for"),
    "one_more": (lambda p, s, n: _kl(_kept(p, s, n + 1), p), "this is the best of n + 1"),
    "log_n": (
        lambda p, s, n: math.log(n),
        "log n is what n texts *could* cost; the winner is not always one of a kind",
    ),
}


def _next(v):
    return np.concatenate([v[:, 1:], np.zeros_like(v[:, :1])], axis=1)


def _last(mask):
    return mask & ~np.concatenate([mask[:, 1:], np.zeros_like(mask[:, :1])], axis=1)


def _targets(reward, v, mask, gamma):
    v = np.where(mask, v, 0.0)
    return np.where(mask, reward[:, None] * _last(mask) + gamma * _next(v), 0.0)


TARGETS = {
    "past_the_end": (
        lambda r, v, m, g: np.where(m, r[:, None] * _last(m) + g * _next(v), 0.0),
        "after the last real token there is no next state, but you add the value of padding",
    ),
    "pad_edge": (
        lambda r, v, m, g: (
            np.where(m, g * _next(np.where(m, v, 0.0)), 0.0) + r[:, None] * (np.arange(v.shape[1]) == v.shape[1] - 1)
        ),
        "the rating is given in the last column; it belongs to each row's last *real* token",
    ),
    "everywhere": (
        lambda r, v, m, g: np.where(m, r[:, None] + g * _next(np.where(m, v, 0.0)), 0.0),
        "every token gets the rating; it comes once, at the end",
    ),
    "no_reward": (lambda r, v, m, g: _targets(0 * r, v, m, g), "the rating is missing"),
    "no_discount": (lambda r, v, m, g: _targets(r, v, m, 1.0), "γ is missing"),
    "discounted_rating": (
        lambda r, v, m, g: _targets(g * r, v, m, g),
        "the rating itself is not discounted, only what comes later",
    ),
    "own_value": (
        lambda r, v, m, g: np.where(m, np.where(_last(m), r[:, None], g * np.where(m, v, 0.0)), 0.0),
        "this takes V of the same state; the target needs the *next* one",
    ),
    "padding": (
        lambda r, v, m, g: np.where(m, _targets(r, v, m, g), g * np.nan_to_num(v)),
        "padding should be 0",
    ),
}


def _normal(x):
    top = x.max(1, keepdims=True)
    return x - top - np.log(np.exp(x - top).sum(1, keepdims=True))


TILTED = {
    "not_normalised": (
        lambda p, q, v, b: p + b * (q - v[:, None]),
        "each row must be log-probabilities again: their exponentials do not sum to 1",
    ),
    "no_habit": (
        lambda p, q, v, b: _normal(b * (q - v[:, None])),
        "the habit is missing: tokens that nobody ever wrote are held back by it alone",
    ),
    "no_values": (lambda p, q, v, b: _normal(p), "the values are missing"),
    "beta_on_both": (
        lambda p, q, v, b: _normal(b * (p + q - v[:, None])),
        "β multiplies the advantage alone, not the habit",
    ),
    "divided": (
        lambda p, q, v, b: _normal(p + (q - v[:, None]) / b) if b else _normal(p),
        "this divides by β; here a *large* β leans on the values",
    ),
    "sign": (lambda p, q, v, b: _normal(p - b * (q - v[:, None])), "the sign is turned round: this likes bad tokens"),
    "probabilities": (
        lambda p, q, v, b: np.exp(_normal(p + b * (q - v[:, None]))),
        "these are probabilities; their logarithms are asked for",
    ),
}
