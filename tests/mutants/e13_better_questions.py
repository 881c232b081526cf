"""Wrong answers that exercise 13 must reject, and right ones, written differently, that it must accept."""

import numpy as np


# gain
def gain(probs, weights):
    def h(p):
        with np.errstate(all="ignore"):
            return np.nan_to_num(-p * np.log(p)) + np.nan_to_num(-(1 - p) * np.log1p(-p))

    weights = weights if weights.ndim == 2 else weights[:, None]
    return h((weights * probs).sum(0)) - (weights * h(probs)).sum(0)


def gain_as_divergence(probs, weights):
    """The mean Kullback-Leibler divergence of the members from their mean."""
    both, mean = np.stack([probs, 1 - probs]), np.stack([weights @ probs, weights @ (1 - probs)])
    inside = np.where(both > 0, both, 1.0) / np.where(mean > 0, mean, 1.0)[:, None]
    return np.einsum("e,aen->n", weights, both * np.log(inside))


def gain_clipped(probs, weights):
    """Keeps ln away from 0 by a clip that is far too wide."""
    return gain(np.clip(probs, 0.05, 0.95), weights)


def gain_two_members(probs, weights):
    return gain(probs[:2], weights[:2] / weights[:2].sum())


def gain_of_entropy(probs, weights):
    """The spread of the members' entropies."""
    p = np.clip(probs, 1e-9, 1 - 1e-9)
    return (-p * np.log(p) - (1 - p) * np.log(1 - p)).std(0)


# weights
def weights_by_logs(weights, probs, answers):
    p = probs[:, ~np.isnan(answers)]
    said = answers[~np.isnan(answers)]
    logs = np.log(weights) + np.log(p) @ said + np.log1p(-p) @ (1 - said)
    return np.exp(logs - np.logaddexp.reduce(logs))


def weights_one_by_one(weights, probs, answers):
    for n in np.flatnonzero(~np.isnan(answers)):
        weights = weights * np.abs(1 - answers[n] - probs[:, n])
        weights = weights / weights.sum()
    return weights


def weights_last_only(weights, probs, answers):
    last = np.flatnonzero(~np.isnan(answers))[-1]
    after = weights * (probs[:, last] if answers[last] == 1 else 1 - probs[:, last])
    return after / after.sum()


def weights_gap_is_yes(weights, probs, answers):
    return weights_by_logs(weights, probs, np.nan_to_num(answers, nan=1.0))


def weights_tempered(weights, probs, answers):
    """Divides the evidence by the number of answers, so that it cannot come to 0."""
    after = weights_by_logs(np.full(len(weights), 1 / len(weights)), probs, answers)
    after = weights * after ** (1 / len(answers))
    return after / after.sum()


def weights_best_takes_all(weights, probs, answers):
    return (np.arange(len(weights)) == weights_by_logs(weights, probs, answers).argmax()).astype(float)


# together
def together(differences, covariance, k):
    sigma, left, chosen = np.array(covariance), list(range(len(differences))), []
    while len(chosen) < k:
        value = [0.5 * np.log1p(differences[n] @ sigma @ differences[n] / 4) for n in left]
        chosen.append(left.pop(int(np.argmax(value))))
        x = differences[chosen[-1]]
        sigma = sigma - np.outer(sigma @ x, x @ sigma) / (4 + x @ sigma @ x)
    return np.array(chosen)


def together_rotated(differences, covariance, k):
    """In coordinates in which the belief is round; there the update is a plain projection in part."""
    z = differences @ np.linalg.cholesky(covariance)
    precision, chosen = np.eye(z.shape[1]), []
    for _ in range(k):
        spread = (z * np.linalg.solve(precision, z.T).T).sum(1)
        spread[chosen] = -1.0
        chosen.append(int(spread.argmax()))
        precision = precision + np.outer(z[chosen[-1]], z[chosen[-1]]) / 4
    return np.array(chosen)


def together_diagonal(differences, covariance, k):
    """Keeps only the variances."""
    return together(differences, np.diag(np.diag(covariance)), k)


def together_half_update(differences, covariance, k):
    sigma, chosen = covariance.copy(), []
    for _ in range(k):
        spread = np.einsum("nd,de,ne->n", differences, sigma, differences)
        spread[chosen] = -np.inf
        chosen.append(int(spread.argmax()))
        x = differences[chosen[-1]]
        sigma = sigma - 0.3 * np.outer(sigma @ x, sigma @ x) / (4 + x @ sigma @ x)
    return np.array(chosen)


def together_farthest(differences, covariance, k):
    """Always the one farthest from all chosen before."""
    chosen = [int((differences**2).sum(1).argmax())]
    while len(chosen) < k:
        distance = ((differences[:, None] - differences[chosen]) ** 2).sum(-1).min(1)
        chosen.append(int(distance.argmax()))
    return np.array(chosen)


# price
def price(labels, minutes, score, target):
    held = np.minimum.accumulate(score[::-1])[::-1] >= target
    if not held.any():
        return -1.0, -1.0
    row = int(held.argmax())
    return np.cumsum(labels)[row], np.cumsum(minutes)[row]


def price_backwards(labels, minutes, score, target):
    row = len(score)
    while row > 0 and score[row - 1] >= target:
        row -= 1
    return (labels[: row + 1].sum(), minutes[: row + 1].sum()) if row < len(score) else (-1.0, -1.0)


def price_of_best(labels, minutes, score, target):
    row = int(score.argmax())
    return labels[: row + 1].sum(), minutes[: row + 1].sum()


MUTANTS = {
    "expected_gain": {
        "clipped far too wide": gain_clipped,
        "two members only": gain_two_members,
        "spread of entropies": gain_of_entropy,
        "mean chance": lambda probs, weights: weights @ probs,
        "absolute difference from a half": lambda probs, weights: np.abs(weights @ probs - 0.5),
        "uncertainty": lambda probs, weights: gain(
            np.stack([0 * probs[0], 0 * probs[0] + 1]), np.stack([1 - weights @ probs, weights @ probs])
        ),
        "sum over questions": lambda probs, weights: gain(probs, weights).sum(),
        "weights_forgotten": lambda probs, weights: gain(probs, np.full(len(probs), 1 / len(probs))),
    },
    "after_answers": {
        "the last answer only": weights_last_only,
        "a gap is a yes": weights_gap_is_yes,
        "tempered": weights_tempered,
        "the best takes all": weights_best_takes_all,
        "logarithms": lambda weights, probs, answers: np.log(weights_by_logs(weights, probs, answers) + 1e-300),
        "unchanged": lambda weights, probs, answers: weights.copy(),
        "prior_forgotten": lambda weights, probs, answers: weights_by_logs(np.ones(len(weights)), probs, answers),
    },
    "ask_together": {
        "variances only": together_diagonal,
        "a third of an update": together_half_update,
        "always the farthest": together_farthest,
        "sorted": lambda x, sigma, k: np.sort(together(x, sigma, k)),
        "one too few": lambda x, sigma, k: together(x, sigma, k)[:-1],
        "counted from one": lambda x, sigma, k: together(x, sigma, k) + 1,
        "the first k": lambda x, sigma, k: np.arange(k),
        "no_covariance": lambda x, sigma, k: np.argsort(-np.linalg.norm(x, axis=1), kind="stable")[:k],
    },
    "price_of": {
        "until the best": price_of_best,
        "swapped": lambda *a: price(*a)[::-1],
        "labels alone": lambda *a: price(*a)[0],
        "minutes in seconds": lambda *a: (price(*a)[0], 60 * price(*a)[1]),
        "never costs nothing": lambda *a: tuple(max(x, 0.0) for x in price(*a)),
        "first_time": lambda labels, minutes, score, target: (
            (labels[: (score >= target).argmax() + 1].sum(), minutes[: (score >= target).argmax() + 1].sum())
            if (score >= target).any()
            else (-1.0, -1.0)
        ),
        "everything": lambda labels, minutes, score, target: (labels.sum(), minutes.sum()),
    },
    "busy_loop": {
        "least gain": {"fault": "b", "evidence": "promised"},
        "sides": {"fault": "c", "evidence": "again"},
        "twins": {"fault": "d", "evidence": "alike"},
        "wavering": {"fault": "e", "evidence": "again"},
        "right fault, alike": {"fault": "a", "evidence": "alike"},
        "right fault, again": {"fault": "a", "evidence": "again"},
        "a letter": "a",
    },
}

ALTERNATIVES = {
    "expected_gain": {"entropies": gain, "divergences": gain_as_divergence},
    "after_answers": {"by logs": weights_by_logs, "one by one": weights_one_by_one},
    "ask_together": {"a list of what is left": together, "rotated": together_rotated},
    "price_of": {"lowest to come": price, "backwards": price_backwards},
    "busy_loop": {
        "as asked": {"fault": "a", "evidence": "promised"},
        "dressed": {"fault": "(A)", "evidence": "Promised"},
    },
}
