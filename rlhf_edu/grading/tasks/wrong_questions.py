"""The mistakes people make in choosing questions: the code that makes each, and what to say about it."""

import numpy as np


def _entropy(p):
    q = 1 - p
    return -p * np.log(np.where(p > 0, p, 1)) - q * np.log(np.where(q > 0, q, 1))


def _gain(probs, weights):
    return _entropy(weights @ probs) - weights @ _entropy(probs)


def _even(probs):
    return np.full(len(probs), 1 / len(probs))


def _half_entropy(p):
    return -p * np.log(np.where(p > 0, p, 1))


def _plain_logs(probs, weights):
    with np.errstate(all="ignore"):
        h = lambda p: -p * np.log(p) - (1 - p) * np.log(1 - p)  # noqa: E731
        return h(weights @ probs) - weights @ h(probs)


GAIN = {
    "uncertainty": (
        lambda probs, weights: _entropy(weights @ probs),
        "this is the entropy of the mean alone, which a coin has too; take away the mean of the entropies",
    ),
    "randomness": (
        lambda probs, weights: weights @ _entropy(probs),
        "this is the mean of the entropies alone: what would stay open even if we knew who is right",
    ),
    "sign": (lambda probs, weights: -_gain(probs, weights), "the sign is turned: entropy of the mean, minus the mean"),
    "weights_forgotten": (
        lambda probs, weights: _gain(probs, _even(probs)),
        "all members count alike here; each has to count by its weight",
    ),
    "weights_half": (
        lambda probs, weights: _entropy(weights @ probs) - _entropy(probs).mean(0),
        "the mean of the entropies does not use the weights",
    ),
    "variance": (
        lambda probs, weights: weights @ (probs - weights @ probs) ** 2,
        "this is the disagreement (variance); the gain is a difference of entropies",
    ),
    "bits": (lambda probs, weights: _gain(probs, weights) / np.log(2), "this is in bits; use the natural logarithm"),
    "half": (
        lambda probs, weights: _half_entropy(weights @ probs) - weights @ _half_entropy(probs),
        "the entropy of a yes-or-no question has two parts: −p ln p − (1 − p) ln (1 − p)",
    ),
    "zero_log": (_plain_logs, "a chance of 0 or 1 gives NaN: 0 ln 0 is 0"),
}


def _after(weights, probs, answers, yes=1.0, gap=0.0, keep=True):
    likely = np.where(answers == yes, probs, 1 - probs)
    logs = np.where(np.isnan(answers), gap, np.log(likely)).sum(1) + (np.log(weights) if keep else 0.0)
    after = np.exp(logs - logs.max())
    return after / after.sum()


def _products(weights, probs, answers):
    """By products; where they come to 0, 0 divided by 0."""
    likely = np.where(np.isnan(answers), 1.0, np.where(answers == 1, probs, 1 - probs))
    after = weights * likely.prod(1)
    with np.errstate(all="ignore"):
        return after / after.sum()


def _gap_as_no(weights, probs, answers):
    return _after(weights, probs, np.nan_to_num(answers))


def _only_yes(weights, probs, answers):
    return _after(weights, probs, np.where(answers == 1, answers, np.nan))


def _votes(weights, probs, answers):
    """The mean chance in place of the product."""
    likely = np.where(answers == 1, probs, 1 - probs)
    after = weights * np.nanmean(np.where(np.isnan(answers), np.nan, likely), 1)
    return after / after.sum()


WEIGHTS = {
    "underflow": (
        _products,
        "with thousands of answers the products come to 0: add up logarithms, and subtract the largest sum before np.exp",
    ),
    "gap_as_no": (_gap_as_no, "a skipped question is taken for a no; it says nothing"),
    "not_one": (
        lambda weights, probs, answers: _after(weights, probs, answers) * len(weights),
        "the weights do not add up to 1",
    ),
    "only_yes": (_only_yes, "only a yes counts here; a no has the chance 1 − p and counts as well"),
    "turned": (
        lambda weights, probs, answers: _after(weights, probs, answers, yes=0.0),
        "yes and no are mixed up: a yes has the chance p",
    ),
    "prior_forgotten": (
        lambda weights, probs, answers: _after(weights, probs, answers, keep=False),
        "the weights from before the answers are missing",
    ),
    "mean": (_votes, "chances of independent answers are multiplied, not averaged"),
}


def _chosen(differences, covariance, k, value, update, again=False):
    sigma, chosen = covariance.copy(), []
    for _ in range(k):
        spread = np.einsum("nd,de,ne->n", differences, sigma, differences)
        worth = value(spread)
        if not again:
            worth[chosen] = -np.inf
        best = int(worth.argmax())
        column = sigma @ differences[best]
        sigma = update(sigma, column, spread[best])
        chosen.append(best)
    return np.array(chosen)


def _same(spread):
    return spread.copy()


def _shrink(sigma, column, spread, noise=4.0):
    return sigma - np.outer(column, column) / (noise + spread)


TOGETHER = {
    "one_by_one": (
        lambda x, sigma, k: _chosen(x, sigma, k, _same, lambda s, column, spread: s),
        "Σ is never updated: these are the k largest gains, one by one, however alike the questions are",
    ),
    "again": (
        lambda x, sigma, k: _chosen(x, sigma, k, _same, _shrink, again=True),
        "a question is chosen twice; take the best among those not yet chosen",
    ),
    "no_covariance": (
        lambda x, sigma, k: np.argsort(-(x**2).sum(1), kind="stable")[:k],
        "these are the longest differences; how long a question is must be measured by Σ",
    ),
    "no_noise": (
        lambda x, sigma, k: _chosen(x, sigma, k, _same, lambda s, c, v: _shrink(s, c, v, 1e-9)),
        "the update acts as if an answer were never wrong: the 4 is missing from its denominator",
    ),
    "grows": (
        lambda x, sigma, k: _chosen(x, sigma, k, _same, lambda s, c, v: s + np.outer(c, c) / (4 + v)),
        "the sign of the update is turned: an answer makes Σ smaller",
    ),
    "smallest": (
        lambda x, sigma, k: _chosen(x, sigma, k, lambda s: -s, _shrink),
        "these are the questions of smallest gain",
    ),
    "backwards": (
        lambda x, sigma, k: _chosen(x, sigma, k, _same, _shrink)[::-1],
        "the order is turned round: the first chosen comes first",
    ),
}


def _first(good):
    return int(np.argmax(good)) if good.any() else None


def _up_to(labels, minutes, row):
    if row is None or row >= len(labels):
        return -1.0, -1.0
    return float(labels[: row + 1].sum()), float(minutes[: row + 1].sum())


def _row(score, target):
    below = np.flatnonzero(score < target)
    return int(below[-1]) + 1 if len(below) else 0


def _not_added(labels, minutes, score, target):
    row = _row(score, target)
    return (float(labels[row]), float(minutes[row])) if row < len(labels) else (-1.0, -1.0)


def _above_only(labels, minutes, score, target):
    below = np.flatnonzero(score <= target)
    return _up_to(labels, minutes, int(below[-1]) + 1 if len(below) else 0)


def _one_short(labels, minutes, score, target):
    row = _row(score, target)
    return (float(labels[:row].sum()), float(minutes[:row].sum())) if row < len(labels) else (-1.0, -1.0)


def _everything(labels, minutes, score, target):
    return float(labels.sum()), float(minutes.sum())


PRICE = {
    "first_time": (
        lambda labels, minutes, score, target: _up_to(labels, minutes, _first(score >= target)),
        "this is where the target was reached for the first time; the score fell below it again",
    ),
    "not_added": (_not_added, "this is the price of one row; costs add up from the beginning"),
    "above_only": (_above_only, "a score equal to the target is enough"),
    "one_short": (_one_short, "the row that reached the target was paid for, too"),
    "everything": (_everything, "this is what everything cost, also what was bought after the target was reached"),
    "rows": (
        lambda labels, minutes, score, target: (
            (float(_row(score, target) + 1), _up_to(labels, minutes, _row(score, target))[1])
            if _row(score, target) < len(score)
            else (-1.0, -1.0)
        ),
        "the first number counts rows; add up their labels",
    ),
}
