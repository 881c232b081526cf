"""Wrong answers that exercise 12 must reject, and right ones, written differently, that it must accept."""

import math

import numpy as np


def total(r, n):
    return np.array([row[:k].sum() for row, k in zip(r, n, strict=True)])


# the chance
def chance(r1, n1, r2, n2):
    z = total(r1, n1) - total(r2, n2)
    return np.where(z >= 0, 1 / (1 + np.exp(-np.abs(z))), np.exp(-np.abs(z)) / (1 + np.exp(-np.abs(z))))


def chance_softmax(r1, n1, r2, n2):
    both = np.stack([total(r1, n1), total(r2, n2)], 1)
    both = np.exp(both - both.max(1, keepdims=True))
    return both[:, 0] / both.sum(1)


def chance_clipped(r1, n1, r2, n2):
    return 1 / (1 + np.exp(-np.clip(total(r1, n1) - total(r2, n2), -1, 1)))


# the loss
def loss(r1, n1, r2, n2, outcome):
    z = total(r1, n1) - total(r2, n2)
    wins = np.where(outcome == 2, 0.5, outcome == 0)
    return np.mean(np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z))) - wins * z)


def loss_one_by_one(r1, n1, r2, n2, outcome):
    parts = []
    for z, o in zip((total(r1, n1) - total(r2, n2)).tolist(), outcome.tolist(), strict=True):
        won, lost = np.logaddexp(0, -z), np.logaddexp(0, z)
        parts.append((won, lost, (won + lost) / 2)[o])
    return sum(parts) / len(parts)


def loss_overflowing(r1, n1, r2, n2, outcome):
    with np.errstate(all="ignore"):
        p = 1 / (1 + np.exp(total(r2, n2) - total(r1, n1)))
        first = np.array([1.0, 0.0, 0.5])[outcome]
        return -(first * np.log(p) + (1 - first) * np.log(1 - p)).mean()


def loss_tie_free(r1, n1, r2, n2, outcome):
    z, sign = total(r1, n1) - total(r2, n2), np.array([1.0, -1.0, 0.0])[outcome]
    return float(np.logaddexp(0, -sign * z).mean())


# which to ask
def ask(opinions, pairs, k):
    scored = []
    for place, (a, b) in enumerate(pairs.tolist()):
        p = [0.5 + 0.5 * math.tanh((row[a] - row[b]) / 2) for row in opinions.tolist()]
        scored.append((-np.var(p), place))
    return np.array([pairs[place] for _, place in sorted(scored)[:k]])


def ask_by_std(opinions, pairs, k):
    z = opinions[:, pairs[:, 0]] - opinions[:, pairs[:, 1]]
    return pairs[np.argsort(-(1 / (1 + np.exp(-z))).std(0, ddof=1), kind="stable")][:k]


def ask_from_behind(opinions, pairs, k):
    return ask(opinions, pairs, k)[::-1]


def ask_by_entropy(opinions, pairs, k):
    p = chance_of_mean(opinions, pairs)
    return pairs[np.argsort(p * np.log(p + 1e-12) + (1 - p) * np.log(1 - p + 1e-12), kind="stable")[:k]]


def chance_of_mean(opinions, pairs):
    z = opinions.mean(0)[pairs[:, 0]] - opinions.mean(0)[pairs[:, 1]]
    return 0.5 + 0.5 * np.tanh(z / 2)


# the pay
def pay(r):
    return np.mean([row / np.sqrt(np.mean(np.square(row))) for row in r], axis=0)


def pay_by_norm(r):
    return r.T @ (math.sqrt(r.shape[1]) / np.linalg.norm(r, axis=1)) / len(r)


MUTANTS = {
    "clip_chance": {
        "all steps": lambda r1, n1, r2, n2: chance(r1, n1 * 0 + r1.shape[1], r2, n2 * 0 + r1.shape[1]),
        "means": lambda r1, n1, r2, n2: chance_softmax(
            (total(r1, n1) / n1)[:, None], n1 * 0 + 1, (total(r2, n2) / n2)[:, None], n2 * 0 + 1
        ),
        "second": lambda r1, n1, r2, n2: chance(r2, n2, r1, n1),
        "a step too many": lambda r1, n1, r2, n2: chance(r1, n1 + 1, r2, n2 + 1),
        "clipped": chance_clipped,
        "longer wins": lambda r1, n1, r2, n2: chance(r1 * 0 + 1, n1, r2 * 0 + 1, n2),
        "a coin": lambda r1, n1, r2, n2: np.full(len(n1), 0.5),
    },
    "clip_loss": {
        "overflows": loss_overflowing,
        "a tie costs log 2": loss_tie_free,
        "swapped": lambda r1, n1, r2, n2, o: loss(r2, n2, r1, n1, o),
        "all steps": lambda r1, n1, r2, n2, o: loss(r1, n1 * 0 + 99, r2, n2 * 0 + 99, o),
        "ties for the first": lambda r1, n1, r2, n2, o: loss(r1, n1, r2, n2, np.where(o == 2, 0, o)),
        "negative": lambda r1, n1, r2, n2, o: -loss(r1, n1, r2, n2, o),
        "one a comparison": lambda r1, n1, r2, n2, o: np.logaddexp(0, total(r2, n2) - total(r1, n1)),
    },
    "worth_asking": {
        "from behind": ask_from_behind,
        "entropy of the mean": ask_by_entropy,
        "raw differences": lambda o, p, k: p[np.argsort(-(o[:, p[:, 0]] - o[:, p[:, 1]]).var(0))[:k]],
        "agreement": lambda o, p, k: ask(o, p, len(p))[::-1][:k],
        "one too many": lambda o, p, k: ask(o, p, k + 1),
        "pairs turned round": lambda o, p, k: ask(o, p, k)[:, ::-1],
        "all": lambda o, p, k: p,
    },
    "clip_pay": {
        "standard deviation": lambda r: (r / r.std(1, keepdims=True)).mean(0),
        "centred": lambda r: pay(r) - pay(r).mean(),
        "no unit": lambda r: r.mean(0),
        "largest": lambda r: (r / np.abs(r).max(1, keepdims=True)).mean(0),
        "mean absolute": lambda r: (r / np.abs(r).mean(1, keepdims=True)).mean(0),
        "sum over models": lambda r: pay(r) * len(r),
        "sum of squares": lambda r: pay(r) / math.sqrt(r.shape[1]),
    },
    "short_life": {
        "turned round": {"fault": "a", "evidence": "pay"},
        "too few": {"fault": "c", "evidence": "accuracy"},
        "no values": {"fault": "d", "evidence": "return"},
        "one side": {"fault": "e", "evidence": "pay"},
        "right fault, length": {"fault": "b", "evidence": "length"},
        "a letter": "b",
    },
}

ALTERNATIVES = {
    "clip_chance": {"two branches": chance, "softmax": chance_softmax},
    "clip_loss": {"with the maximum": loss, "one by one": loss_one_by_one},
    "worth_asking": {"sorted": ask, "standard deviation": ask_by_std},
    "clip_pay": {"row by row": pay, "by the norm": pay_by_norm},
    "short_life": {
        "as asked": {"fault": "b", "evidence": "pay"},
        "dressed": {"fault": "(B)", "evidence": "Pay"},
    },
}
