"""Wrong answers that exercise 09 must reject, and right ones, written differently, that it must accept."""

import numpy as np


# two people
def kappa(a, b):
    both = ~(np.isnan(a) | np.isnan(b))
    a, b = a[both], b[both]
    luck = sum(np.mean(a == k) * np.mean(b == k) for k in np.unique(a))
    return (np.mean(a == b) - luck) / (1 - luck)


def kappa_table(a, b):
    """From a table of who said what."""
    keep = np.isfinite(a + b)
    names, codes = np.unique(np.append(a[keep], b[keep]), return_inverse=True)
    x, y = codes.reshape(2, -1)
    shares = np.zeros((len(names), len(names)))
    np.add.at(shares, (x, y), 1 / len(x))
    luck = shares.sum(0) @ shares.sum(1)
    return 1 - (1 - np.trace(shares)) / (1 - luck)


def kappa_first_shares(a, b):
    """Takes the first person's shares for both."""
    both = ~(np.isnan(a) | np.isnan(b))
    a, b = a[both], b[both]
    luck = sum(np.mean(a == k) ** 2 for k in np.unique(a))
    return (np.mean(a == b) - luck) / (1 - luck)


def kappa_one_answer(a, b):
    """Counts only agreement on the lowest answer as luck."""
    both = ~(np.isnan(a) | np.isnan(b))
    a, b = a[both], b[both]
    luck = np.mean(a == a.min()) * np.mean(b == a.min())
    return (np.mean(a == b) - luck) / (1 - luck)


def kappa_divided_by_luck(a, b):
    both = ~(np.isnan(a) | np.isnan(b))
    a, b = a[both], b[both]
    luck = sum(np.mean(a == k) * np.mean(b == k) for k in np.unique(a))
    return (np.mean(a == b) - luck) / luck


def kappa_correlation(a, b):
    both = ~(np.isnan(a) | np.isnan(b))
    return np.corrcoef(a[both], b[both])[0, 1]


# a scale
def alpha(table):
    rows = [row[~np.isnan(row)] for row in table]
    rows = [row for row in rows if len(row) > 1]
    everything = np.concatenate(rows)
    n = len(everything)
    observed = sum(((row[:, None] - row) ** 2).sum() / (len(row) - 1) for row in rows) / n
    return 1 - observed / (((everything[:, None] - everything) ** 2).sum() / (n * (n - 1)))


def alpha_by_variance(table):
    """The squares of all pairs are variances in disguise: Σ (x − y)² = 2 n² var."""
    rows = [row[np.isfinite(row)] for row in table if np.isfinite(row).sum() > 1]
    everything = np.concatenate(rows)
    within = sum(len(row) * row.var(ddof=1) for row in rows) / len(everything)
    return 1 - within / everything.var(ddof=1)


def alpha_mean_of_rows(table):
    """Every item counts alike, however many have rated it."""
    rows = [row[np.isfinite(row)] for row in table if np.isfinite(row).sum() > 1]
    everything = np.concatenate(rows)
    return 1 - np.mean([row.var(ddof=1) for row in rows]) / everything.var(ddof=1)


def alpha_complete_rows(table):
    """Throws away every item with a gap."""
    rows = [row for row in table if np.isfinite(row).all()]
    return alpha(np.array(rows)) if len(rows) > 1 else alpha(table) + 0.1


def alpha_of_people(table):
    """Takes people for items."""
    return alpha(table.T)


def alpha_spread(table):
    """Standard deviations in place of variances."""
    rows = [row[np.isfinite(row)] for row in table if np.isfinite(row).sum() > 1]
    everything = np.concatenate(rows)
    return 1 - sum(len(row) * row.std(ddof=1) for row in rows) / len(everything) / everything.std(ddof=1)


def alpha_first_two(table):
    return alpha(table[:, :2])


# twice
def twice(first, second):
    return float(np.mean(first != second)), float(np.mean(np.append(first, second) == 0))


def twice_sums(first, second):
    n = len(first)
    same = sum(x + y == 1 for x, y in zip(first, second, strict=True))
    return same / n, 1 - (first.sum() + second.sum()) / (2 * n)


# votes
def votes(said, accuracy, prior):
    yes = np.where(np.isnan(said), 1.0, np.where(said == 1, accuracy, 1 - accuracy)).prod(1) * prior
    no = np.where(np.isnan(said), 1.0, np.where(said == 0, accuracy, 1 - accuracy)).prod(1) * (1 - prior)
    return yes / (yes + no)


def votes_by_logit(said, accuracy, prior):
    weight = np.log(accuracy) - np.log1p(-accuracy)
    evidence = np.nan_to_num(2 * said - 1) @ weight + np.log(prior) - np.log1p(-prior)
    return 0.5 * (1 + np.tanh(evidence / 2))


def votes_mean(said, accuracy, prior):
    return np.nanmean(said, axis=1)


def votes_gap_half(said, accuracy, prior):
    """A gap counts as half a vote of a perfect person: it shrinks only one side."""
    yes = np.where(np.isnan(said), 0.5, np.where(said == 1, accuracy, 1 - accuracy)).prod(1) * prior
    no = np.where(np.isnan(said), 1.0, np.where(said == 0, accuracy, 1 - accuracy)).prod(1) * (1 - prior)
    return yes / (yes + no)


def votes_reliable_only(said, accuracy, prior):
    """Ignores whoever is wrong more often than right, or hardly better than a coin."""
    return votes(np.where(accuracy > 0.7, said, np.nan), accuracy, prior)


def votes_prior_twice(said, accuracy, prior):
    return votes(said, accuracy, prior**2 / (prior**2 + (1 - prior) ** 2))


def votes_no_is_nothing(said, accuracy, prior):
    """Only a yes counts as evidence."""
    return votes(np.where(said == 1, said, np.nan), accuracy, prior)


MUTANTS = {
    "kappa_of_two": {
        "the first one's shares": kappa_first_shares,
        "luck of one answer": kappa_one_answer,
        "divided by luck": kappa_divided_by_luck,
        "correlation": kappa_correlation,
        "disagreement": lambda a, b: 1 - kappa(a, b),
        "absolute": lambda a, b: abs(kappa(a, b)) + 0.01,
        "both gaps agree": lambda a, b: np.mean((a == b) | np.isnan(a + b)),
        "gaps_filled": lambda a, b: kappa(np.where(np.isnan(a), 0, a), np.where(np.isnan(b), 0, b)),
    },
    "alpha_of_ratings": {
        "mean of items": alpha_mean_of_rows,
        "complete items only": alpha_complete_rows,
        "people for items": alpha_of_people,
        "standard deviations": alpha_spread,
        "the first two people": alpha_first_two,
        "ratio alone": lambda table: 1 - alpha(table),
        "population variance": lambda table: 1 - np.nanmean(np.nanvar(table, axis=1)) / np.nanvar(table),
    },
    "asked_twice": {
        "all the same": lambda first, second: (1.0, twice(first, second)[1]),
        "a half": lambda first, second: (twice(first, second)[0], 0.5),
        "counts": lambda first, second: (int(np.sum(first != second)), int(np.sum(np.append(first, second) == 0))),
        "left among the changed": lambda first, second: (
            twice(first, second)[0],
            float(np.mean(first[first == second] == 0)),
        ),
        "percent": lambda first, second: tuple(100 * x for x in twice(first, second)),
        "sides_compared": lambda first, second: (float(np.mean(first == second)), twice(first, second)[1]),
        "one number": lambda first, second: twice(first, second)[0],
    },
    "unequal_votes": {
        "mean vote": votes_mean,
        "a gap is half a yes": votes_gap_half,
        "reliable people only": votes_reliable_only,
        "prior twice": votes_prior_twice,
        "a no is nothing": votes_no_is_nothing,
        "log-odds": lambda said, accuracy, prior: np.log(votes(said, accuracy, prior)),
        "prior_forgotten": lambda said, accuracy, prior: votes(said, accuracy, 0.5),
        "of_no": lambda said, accuracy, prior: votes(1 - said, accuracy, 1 - prior),
    },
    "stranger": {
        "random clicks": {"fault": "a", "evidence": "twice"},
        "another taste": {"fault": "c", "evidence": "twice"},
        "always left": {"fault": "d", "evidence": "left"},
        "dropped ties": {"fault": "e", "evidence": "ties"},
        "right fault, kappa": {"fault": "b", "evidence": "kappa"},
        "right fault, left": {"fault": "b", "evidence": "left"},
        "a letter": "b",
    },
}

ALTERNATIVES = {
    "kappa_of_two": {"shares": kappa, "a table": kappa_table},
    "alpha_of_ratings": {"pairs": alpha, "variances": alpha_by_variance},
    "asked_twice": {"means": twice, "sums": twice_sums},
    "unequal_votes": {"products": votes, "log-odds": votes_by_logit},
    "stranger": {
        "as asked": {"fault": "b", "evidence": "twice"},
        "dressed": {"fault": "(B)", "evidence": "Twice"},
    },
}
