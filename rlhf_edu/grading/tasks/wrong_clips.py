"""The mistakes people make with preferences over clips: the code that makes each, and what to say about it."""

import numpy as np


def _sums(r, n):
    return (r * (np.arange(r.shape[1]) < n[:, None])).sum(1)


def _sigmoid(z):
    return 0.5 * (1 + np.tanh(z / 2))


CHANCE = {
    "ended_steps_counted": (
        lambda r1, n1, r2, n2: _sigmoid(r1.sum(1) - r2.sum(1)),
        "steps after a clip has ended are counted: only the first n of each clip happened",
    ),
    "means": (
        lambda r1, n1, r2, n2: _sigmoid(_sums(r1, n1) / n1 - _sums(r2, n2) / n2),
        "this compares means; a clip is worth the *sum* of its steps, so that ending early has a price",
    ),
    "second": (
        lambda r1, n1, r2, n2: _sigmoid(_sums(r2, n2) - _sums(r1, n1)),
        "this is the chance that the *second* clip is chosen",
    ),
    "hard": (
        lambda r1, n1, r2, n2: (_sums(r1, n1) > _sums(r2, n2)).astype(float),
        "people waver: the answer is a chance between 0 and 1, not a decision",
    ),
    "one_step_less": (
        lambda r1, n1, r2, n2: _sigmoid(_sums(r1, n1 - 1) - _sums(r2, n2 - 1)),
        "the last step that happened is missing: n steps happened, numbers 0 to n − 1",
    ),
}


def _gap(r1, n1, r2, n2):
    return _sums(r1, n1) - _sums(r2, n2)


def _nll(gap, first):
    return (np.logaddexp(0, -gap) * first + np.logaddexp(0, gap) * (1 - first)).mean()


LOSS = {
    "ties_left_out": (
        lambda r1, n1, r2, n2, o: _nll(_gap(r1, n1, r2, n2)[o < 2], (o[o < 2] == 0) * 1.0),
        "ties are left out; a tie counts half for each side",
    ),
    "ties_are_second": (
        lambda r1, n1, r2, n2, o: _nll(_gap(r1, n1, r2, n2), (o == 0) * 1.0),
        "a tie (2) is read as if the second had won",
    ),
    "swapped": (
        lambda r1, n1, r2, n2, o: _nll(-_gap(r1, n1, r2, n2), np.array([1.0, 0.0, 0.5])[o]),
        "first and second are swapped: outcome 0 says that the first clip was better",
    ),
    "sum": (
        lambda r1, n1, r2, n2, o: len(o) * _nll(_gap(r1, n1, r2, n2), np.array([1.0, 0.0, 0.5])[o]),
        "this is the sum over the comparisons; the mean is asked for",
    ),
    "ended_steps_counted": (
        lambda r1, n1, r2, n2, o: _nll(r1.sum(1) - r2.sum(1), np.array([1.0, 0.0, 0.5])[o]),
        "steps after a clip has ended are counted",
    ),
    "likelihood": (
        lambda r1, n1, r2, n2, o: -_nll(_gap(r1, n1, r2, n2), np.array([1.0, 0.0, 0.5])[o]),
        "this is the log-likelihood; the loss is its negative",
    ),
}


def _picked(score, pairs, k):
    return pairs[np.argsort(-score, kind="stable")[:k]]


def _chances(opinions, pairs):
    return _sigmoid(opinions[:, pairs[:, 0]] - opinions[:, pairs[:, 1]])


ASK = {
    "uncertain": (
        lambda o, p, k: _picked(-np.abs(_chances(o, p).mean(0) - 0.5), p, k),
        "these are the pairs that are closest to a toss-up; asked for are those about which the models *disagree*",
    ),
    "least": (
        lambda o, p, k: _picked(-_chances(o, p).var(0), p, k),
        "these are the pairs about which the models agree most",
    ),
    "raw_gaps": (
        lambda o, p, k: _picked((o[:, p[:, 0]] - o[:, p[:, 1]]).var(0), p, k),
        "this is the variance of the differences; turn each into a chance first, so that two sure models agree",
    ),
    "any_k": (lambda o, p, k: p[:k], "these are the first k pairs, whatever the models say"),
    "numbers": (
        lambda o, p, k: np.argsort(-_chances(o, p).var(0), kind="stable")[:k],
        "these are the numbers of the rows; the pairs themselves are asked for",
    ),
}

PAY = {
    "std": (
        lambda r: (r / r.std(1, keepdims=True)).mean(0),
        "this divides by the standard deviation; where all rewards are alike that is almost 0. Take the root mean square",
    ),
    "centred": (
        lambda r: ((r - r.mean(1, keepdims=True)) / np.sqrt((r**2).mean(1, keepdims=True))).mean(0),
        "the mean is taken off: then the zero is gone, and with it what it is worth to go on",
    ),
    "no_unit": (
        lambda r: r.mean(0),
        "each model must be brought to its unit before the mean, or the loudest one decides",
    ),
    "after": (
        lambda r: r.mean(0) / np.sqrt((r.mean(0) ** 2).mean()),
        "the unit is taken after the mean: the loudest model has decided by then",
    ),
    "mean_square": (
        lambda r: (r / (r**2).mean(1, keepdims=True)).mean(0),
        "the root is missing: this is the mean square",
    ),
    "one_unit": (
        lambda r: (r / np.sqrt((r**2).mean())).mean(0),
        "all models share one unit here; each has its own",
    ),
}
