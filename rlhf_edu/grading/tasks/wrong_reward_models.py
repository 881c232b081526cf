"""The mistakes people make with reward models: the code that makes each, and what to say about it."""

import numpy as np


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _padded(below):
    return np.concatenate([np.zeros((len(below), 1)), below, np.ones((len(below), 1))], 1)


LEVELS = {
    "turned": (
        lambda r, c: np.diff(_padded(_sigmoid(r[:, None] - c[::-1])), axis=1),
        "a higher reward makes *low* marks likelier here: it is σ(c − r), not σ(r − c)",
    ),
    "cumulative": (
        lambda r, c: _padded(_sigmoid(c - r[:, None]))[:, 1:],
        "these are P(y ≤ k); the chance of level k alone is the difference of two of them",
    ),
    "no_reward": (
        lambda r, c: np.tile(np.diff(_padded(_sigmoid(c)[None]), axis=1), (len(r), 1)),
        "the reward is missing: cuts are compared with it",
    ),
    "inner_only": (
        lambda r, c: np.diff(_sigmoid(c - r[:, None]), axis=1),
        "the lowest and the highest level are missing: below the first cut and above the last are levels, too",
    ),
}


def _surprise(row, places):
    return sum(np.logaddexp.reduce(row[k:]) - row[k] for k in places)


def _by_row(ranked, sizes, loss):
    return np.mean([loss(row, int(n)) for row, n in zip(ranked, sizes, strict=True)])


RANKING = {
    "padding": (
        lambda ranked, sizes: _by_row(ranked, sizes, lambda r, n: _surprise(r, range(n))),
        "what stands behind the first `sizes[m]` entries of a row is padding: it competes with nobody",
    ),
    "worst_first": (
        lambda ranked, sizes: _by_row(ranked, sizes, lambda r, n: _surprise(r[:n][::-1], range(n))),
        "this takes the rows as worst first; the best stands first",
    ),
    "first_pick": (
        lambda ranked, sizes: _by_row(ranked, sizes, lambda r, n: _surprise(r[:n], [0])),
        "only the first pick counts here; after it comes the best of the rest, and so on",
    ),
    "with_all": (
        lambda ranked, sizes: _by_row(ranked, sizes, lambda r, n: n * np.logaddexp.reduce(r[:n]) - r[:n].sum()),
        "whoever has been picked still competes here: the k-th pick is among those that are left",
    ),
    "as_pairs": (
        lambda ranked, sizes: _by_row(
            ranked, sizes, lambda r, n: sum(np.log1p(np.exp(r[j] - r[i])) for i in range(n) for j in range(i + 1, n))
        ),
        "this takes the ranking apart into pairs, as if each had been answered by itself",
    ),
    "summed": (
        lambda ranked, sizes: len(ranked) * _by_row(ranked, sizes, lambda r, n: _surprise(r[:n], range(n))),
        "this is the sum over the rankings; their mean is asked for",
    ),
    "each_pick": (
        lambda ranked, sizes: _by_row(ranked, sizes, lambda r, n: _surprise(r[:n], range(n)) / n),
        "a ranking's surprise is the *sum* over its picks; do not divide by their number",
    ),
    "likelihood": (
        lambda ranked, sizes: -_by_row(ranked, sizes, lambda r, n: _surprise(r[:n], range(n))),
        "the sign is turned round: surprise is minus the log of the chance",
    ),
}


def _bins(p, y, bins):
    place = np.minimum((p * bins).astype(int), bins - 1)
    return [(p[place == b], y[place == b]) for b in range(bins) if (place == b).any()]


ECE = {
    "unweighted": (
        lambda p, y, bins: np.mean([abs(a.mean() - b.mean()) for a, b in _bins(p, y, bins)]),
        "each bin counts alike here; weigh it with the share of the forecasts that fall into it",
    ),
    "each_forecast": (
        lambda p, y, bins: np.abs(p - y).mean(),
        "this compares forecast by forecast; compare the means within each bin",
    ),
    "overall": (
        lambda p, y, bins: abs(p.mean() - y.mean()),
        "too high in one bin and too low in another cancel here: take the absolute value bin by bin",
    ),
    "squared": (
        lambda p, y, bins: sum(len(a) * (a.mean() - b.mean()) ** 2 for a, b in _bins(p, y, bins)) / len(p),
        "the distances are squared; the absolute value is asked for",
    ),
    "middles": (
        lambda p, y, bins: (
            sum(len(a) * abs((min(int(a[0] * bins), bins - 1) + 0.5) / bins - b.mean()) for a, b in _bins(p, y, bins))
            / len(p)
        ),
        "this takes the middle of the bin for what was said; take the mean of the forecasts in it",
    ),
    "one_lost": (
        lambda p, y, bins: (
            sum(
                np.sum((p * bins).astype(int) == b)
                * abs(p[(p * bins).astype(int) == b].mean() - y[(p * bins).astype(int) == b].mean())
                for b in set((p * bins).astype(int).tolist()) - {bins}
            )
            / len(p)
        ),
        "a forecast of exactly 1 gets lost: it belongs into the last bin",
    ),
}


def _some(yes, votes):
    return yes[votes > 1], votes[votes > 1]


CEILING = {
    "plugged_in": (
        lambda k, n: np.mean(np.divide(*_some(k, n)) * (1 - np.divide(*_some(k, n)))),
        "the share plugged into p(1 − p) is too small on average: it lacks a factor n/(n − 1)",
    ),
    "plugged_in_all": (
        lambda k, n: np.mean((k / n) * (1 - k / n)),
        "the share plugged into p(1 − p) is too small on average, and one vote alone tells nothing",
    ),
    "singles_as_zero": (
        lambda k, n: np.mean(np.where(n > 1, k * (n - k) / np.maximum(n * (n - 1), 1), 0)),
        "a question with one vote counts as agreed here; leave it out",
    ),
    "squared_minimum": (
        lambda k, n: np.mean(np.minimum(np.divide(*_some(k, n)), 1 - np.divide(*_some(k, n))) ** 2),
        "min(p, 1 − p)² is no expected score of anybody; whoever knows p pays p(1 − p)",
    ),
    "twice": (
        lambda k, n: np.mean(2 * _some(k, n)[0] * (n - k)[n > 1] / (_some(k, n)[1] * (_some(k, n)[1] - 1))),
        "this is the chance that two people disagree, which is twice p(1 − p)",
    ),
    "pooled": (
        lambda k, n: _some(k, n)[0].sum() * (n - k)[n > 1].sum() / (n[n > 1].sum() * (n[n > 1].sum() - 1)),
        "all votes are thrown together; each question has a p of its own",
    ),
}
