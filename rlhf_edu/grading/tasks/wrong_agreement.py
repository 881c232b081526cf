"""The mistakes people make about agreement: the code that makes each, and what to say about it."""

import numpy as np


def _both(a, b):
    there = ~(np.isnan(a) | np.isnan(b))
    return a[there], b[there]


def _chance(a, b):
    return sum(float(np.mean(a == k) * np.mean(b == k)) for k in np.unique(np.append(a, b)))


def _kappa(a, b):
    observed, luck = float(np.mean(a == b)), _chance(a, b)
    return (observed - luck) / (1 - luck)


def _pooled_chance(a, b):
    a, b = _both(a, b)
    everything = np.append(a, b)
    luck = sum(float(np.mean(everything == k)) ** 2 for k in np.unique(everything))
    return (float(np.mean(a == b)) - luck) / (1 - luck)


def _even_chance(a, b):
    a, b = _both(a, b)
    luck = 1 / len(np.unique(np.append(a, b)))
    return (float(np.mean(a == b)) - luck) / (1 - luck)


def _not_divided(a, b):
    a, b = _both(a, b)
    return float(np.mean(a == b)) - _chance(a, b)


def _own_shares(a, b):
    """Luck from all that each has answered, also where the other has not."""
    x, y = _both(a, b)
    luck = _chance(a[~np.isnan(a)], b[~np.isnan(b)])
    return (float(np.mean(x == y)) - luck) / (1 - luck)


KAPPA = {
    "percent": (
        lambda a, b: float(np.mean(np.equal(*_both(a, b)))),
        "this is the share of equal answers; κ takes away what luck alone would give",
    ),
    "not_divided": (_not_divided, "the difference has to be divided by what luck leaves over, 1 − P_e"),
    "gaps_disagree": (
        lambda a, b: _kappa(a, b),
        "a missing answer is counted as a disagreement; only items that both have answered count",
    ),
    "gaps_filled": (
        lambda a, b: _kappa(np.nan_to_num(a), np.nan_to_num(b)),
        "missing answers are filled with 0, which nobody has said; leave those items out",
    ),
    "own_shares": (
        _own_shares,
        "P_e has to come from the same items as P_o: those that both have answered",
    ),
    "pooled_chance": (
        _pooled_chance,
        "this mixes both people's answers in P_e (that is Scott's π); κ multiplies the one's share with the other's",
    ),
    "even_chance": (
        _even_chance,
        "luck is not one in the number of answers: an answer that both give often agrees often by luck",
    ),
}


def _rows(table):
    rows = [row[~np.isnan(row)] for row in table]
    return [row for row in rows if len(row) > 1]


def _squares(x, y):
    return float(np.sum((x[:, None] - y[None]) ** 2))


def _alpha(rows, everything, weigh=lambda n: n - 1, pairs=lambda n: n * (n - 1)):
    n = sum(map(len, rows))
    observed = sum(_squares(row, row) / weigh(len(row)) for row in rows) / n
    return 1 - observed / (_squares(everything, everything) / pairs(len(everything)))


def _nominal(table):
    rows = _rows(table)
    everything = np.concatenate(rows)
    n = len(everything)
    observed = sum((row[:, None] != row[None]).sum() / (len(row) - 1) for row in rows) / n
    return float(1 - observed / ((everything[:, None] != everything[None]).sum() / (n * (n - 1))))


def _not_squared(table):
    rows = _rows(table)
    everything = np.concatenate(rows)
    n = len(everything)
    observed = sum(np.abs(row[:, None] - row[None]).sum() / (len(row) - 1) for row in rows) / n
    return float(1 - observed / (np.abs(everything[:, None] - everything[None]).sum() / (n * (n - 1))))


def _equal_pairs(table):
    rows = _rows(table)
    everything = np.concatenate(rows)
    n = len(everything)
    observed = sum(_squares(r, r) for r in rows) / sum(len(r) * (len(r) - 1) for r in rows)
    return 1 - observed / (_squares(everything, everything) / (n * (n - 1)))


ALPHA = {
    "nominal": (_nominal, "this counts different answers; on a scale it matters how far apart they are: (x − y)²"),
    "not_squared": (_not_squared, "the distances are not squared"),
    "lonely_counted": (
        lambda table: _alpha(_rows(table), table[~np.isnan(table)]),
        "items with a single answer count in D_e; they agree with nobody and are left out of everything",
    ),
    "gaps_filled": (
        lambda table: _alpha(list(np.nan_to_num(table)), np.nan_to_num(table).ravel()),
        "missing answers are filled with 0, which nobody has said; leave them out",
    ),
    "equal_pairs": (
        _equal_pairs,
        "each item's squares have to be divided by n_i − 1: otherwise items with many answers count too much",
    ),
    "divided_by_n_i": (
        lambda table: _alpha(_rows(table), np.concatenate(_rows(table)), weigh=lambda n: n),
        "each item's squares are divided by n_i − 1, not by n_i: an answer is not compared with itself",
    ),
    "divided_by_n": (
        lambda table: _alpha(_rows(table), np.concatenate(_rows(table)), pairs=lambda n: n * n),
        "D_e is divided by n (n − 1), not by n²: an answer is not compared with itself",
    ),
    "observed_alone": (
        lambda table: sum(_squares(r, r) / (len(r) - 1) for r in _rows(table)) / sum(map(len, _rows(table))),
        "this is D_o alone; α = 1 − D_o / D_e",
    ),
}


def _share(flags):
    return float(np.mean(flags))


TWICE = {
    "sides_compared": (
        lambda first, second: (_share(first == second), (_share(first == 0) + _share(second == 0)) / 2),
        "the sides were swapped: whoever chose the same story pressed left once and right once",
    ),
    "first_only": (
        lambda first, second: (_share(first != second), _share(first == 0)),
        "the pull counts all presses, those of the second time as well",
    ),
    "second_swapped_back": (
        lambda first, second: (_share(first != second), (_share(first == 0) + _share(second == 1)) / 2),
        "for the pull it counts where a story stood when it was chosen: do not swap the second time back",
    ),
    "right_counted": (
        lambda first, second: (_share(first != second), (_share(first == 1) + _share(second == 1)) / 2),
        "0 is left: this counts how often the right side was pressed",
    ),
    "left_both_times": (
        lambda first, second: (_share(first != second), _share((first == 0) & (second == 0))),
        "this is the share of pairs with left both times; asked is the share of left among all presses",
    ),
    "swapped_results": (
        lambda first, second: ((_share(first == 0) + _share(second == 0)) / 2, _share(first != second)),
        "the two numbers come in the wrong order: first the share of pairs with the same story, then the pull",
    ),
}


def _posterior(said, accuracy, prior, gap=1.0):
    yes, no = prior, 1 - prior
    out = np.empty(len(said))
    for i, row in enumerate(said):
        up, down = yes, no
        for s, a in zip(row, accuracy, strict=True):
            up *= gap if np.isnan(s) else a if s == 1 else 1 - a
            down *= gap if np.isnan(s) else 1 - a if s == 1 else a
        out[i] = up / (up + down)
    return out


def _up(said, accuracy, prior):
    chances = np.where(np.isnan(said), 1.0, np.where(said == 1, accuracy, 1 - accuracy))
    return prior * chances.prod(axis=1)


def _weighted_mean(said, accuracy, prior):
    w = np.where(np.isnan(said), 0.0, accuracy)
    return (w * np.nan_to_num(said)).sum(1) / w.sum(1)


VOTES = {
    "prior_forgotten": (
        lambda said, accuracy, prior: _posterior(said, accuracy, 0.5),
        "the prior is missing: where yes is rare, a yes takes more to believe",
    ),
    "gaps_say_no": (
        lambda said, accuracy, prior: _posterior(np.nan_to_num(said), accuracy, prior),
        "who has not answered has not said no: leave them out of the product",
    ),
    "not_normalised": (_up, "divide by the sum over both answers: the two posteriors add up to 1"),
    "weighted_mean": (
        _weighted_mean,
        "this is a weighted mean of votes; chances of independent people multiply",
    ),
    "votes_alike": (
        lambda said, accuracy, prior: _posterior(said, np.full_like(accuracy, accuracy.mean()), prior),
        "everybody counts alike here; each person has an accuracy of their own",
    ),
    "rounded": (
        lambda said, accuracy, prior: (_posterior(said, accuracy, prior) > 0.5).astype(float),
        "this is the more likely answer; asked is its probability",
    ),
    "of_no": (
        lambda said, accuracy, prior: 1 - _posterior(said, accuracy, prior),
        "this is the probability that the answer is no",
    ),
}
