"""Wrong answers that exercise 17 must reject, and right ones, written differently, that it must accept."""

import math
from itertools import product

import numpy as np


# the expectile
def expectile(x, tau):
    v = x.mean()
    for _ in range(300):
        w = np.abs(tau - (x < v))
        v = np.average(x, weights=w)
    return float(v)


def expectile_sorted(x, tau):
    """Try every split of the sorted numbers: below it weight 1 − τ, above it τ; one split agrees with itself."""
    x = np.sort(x)
    for k in range(len(x) + 1):
        w = np.r_[np.full(k, 1 - tau), np.full(len(x) - k, tau)]
        v = float(w @ x / w.sum())
        if (k == 0 or x[k - 1] <= v + 1e-12) and (k == len(x) or x[k] >= v - 1e-12):
            return v


def expectile_grid(x, tau):
    grid = np.linspace(x.min(), x.max(), 30)
    return float(grid[(np.abs(tau - (x[:, None] < grid)) * (x[:, None] - grid) ** 2).mean(0).argmin()])


# the best of n
def kept(p, scores, n):
    out = np.zeros(len(p))
    for s in np.unique(scores):
        here = scores == s
        chance = p[scores <= s].sum() ** n - p[scores < s].sum() ** n
        if p[here].sum() > 0:
            out[here] = p[here] / p[here].sum() * chance
    return out


def kl(q, p):
    return float(sum(a * math.log(a / b) for a, b in zip(q, p, strict=True) if a > 0))


def kl_by_scores(p, scores, n):
    total = 0.0
    for s in np.unique(scores):
        mass = p[scores == s].sum()
        if mass > 0:
            win = p[scores <= s].sum() ** n - p[scores < s].sum() ** n
            total += win * (math.log(win) - math.log(mass))
    return total


def kl_listed(p, scores, n):
    out = np.zeros(len(p))
    for draw in product(range(len(p)), repeat=n):
        out[draw[int(np.argmax(scores[list(draw)]))]] += p[list(draw)].prod()
    return kl(out, p)


def last_drawn_alone(p, scores, n):
    """Among equals the text latest in the list is kept, however they were drawn."""
    out = np.zeros(len(p))
    for draw in product(range(len(p)), repeat=n):
        out[max(draw, key=lambda y: (scores[y], y))] += p[list(draw)].prod()
    return kl(out, p)


# the targets
def targets(reward, v, mask, gamma):
    out = np.zeros(v.shape)
    for b, n in enumerate(mask.sum(1)):
        out[b, : n - 1] = gamma * v[b, 1:n]
        out[b, n - 1] = reward[b]
    return out


def targets_where(reward, v, mask, gamma):
    more = np.pad(mask[:, 1:], ((0, 0), (0, 1)))
    after = np.pad(np.where(mask, v, 0.0)[:, 1:], ((0, 0), (0, 1)))
    return np.where(more, gamma * after, np.where(mask, reward[:, None], 0.0))


def targets_monte_carlo(reward, v, mask, gamma):
    """The discounted rating itself at each token: no value takes part."""
    left = mask[:, ::-1].cumsum(1)[:, ::-1] - 1
    return np.where(mask, reward[:, None] * gamma**left, 0.0)


def targets_rating_and_value(reward, v, mask, gamma):
    out = targets(reward, v, mask, gamma)
    for b, n in enumerate(mask.sum(1)):
        out[b, n - 1] += gamma * v[b, n - 1]
    return out


# the tilted policy
def tilt(logp, q, v, beta):
    x = logp + beta * (q - v[:, None])
    return x - np.logaddexp.reduce(x, axis=1)[:, None]


def tilt_by_row(logp, q, v, beta):
    rows = []
    for p, a in zip(logp, q, strict=True):  # v is the same for all tokens of a state, so it cancels
        x = p + beta * a
        x = x - x.max()
        rows.append(x - np.log(np.exp(x).sum()))
    return np.stack(rows)


def tilt_overflowing(logp, q, v, beta):
    with np.errstate(all="ignore"):
        p = np.exp(logp) * np.exp(beta * (q - v[:, None]))
        return np.log(p / p.sum(1, keepdims=True))


def tilt_clipped(logp, q, v, beta):
    x = logp + np.clip(beta * (q - v[:, None]), -50, 50)
    return x - np.logaddexp.reduce(x, axis=1)[:, None]


def tilt_positive(logp, q, v, beta):
    return tilt(logp, np.maximum(q, v[:, None]), v, beta)


MUTANTS = {
    "expectile": {
        "on a coarse grid": expectile_grid,
        "swapped": lambda x, tau: expectile(x, 1 - tau),
        "quantile": lambda x, tau: float(np.quantile(x, tau)),
        "mean": lambda x, tau: float(x.mean()),
        "median": lambda x, tau: float(np.median(x)),
        "maximum": lambda x, tau: float(x.max()),
        "one_step": lambda x, tau: float(np.average(x, weights=np.abs(tau - (x < x.mean())))),
    },
    "kept_kl": {
        "the last among equals": last_drawn_alone,
        "bound": lambda p, s, n: math.log(n) - (n - 1) / n,
        "reverse": lambda p, s, n: kl(p, np.maximum(kept(p, s, n), 1e-30)),
        "worst": lambda p, s, n: kl(kept(p, -s, n), p),
        "bits": lambda p, s, n: kl(kept(p, s, n), p) / math.log(2),
        "n − 1": lambda p, s, n: kl(kept(p, s, max(n - 1, 1)), p),
        "always 0": lambda p, s, n: 0.0,
        "entropy lost": lambda p, s, n: float(-sum(x * math.log(x) for x in p if x > 0)) - kl_by_scores(p, s, n),
    },
    "q_targets": {
        "no values at all": targets_monte_carlo,
        "V of the last state too": targets_rating_and_value,
        "at each token, and again at the end": lambda r, v, m, g: targets(r, v, m, g) + m * r[:, None],
        "no_discount": lambda r, v, m, g: targets(r, v, m, 1.0),
        "no_reward": lambda r, v, m, g: targets(0 * r, v, m, g),
        "the edge": lambda r, v, m, g: targets(r, v, np.ones_like(m), g),
        "discounted_rating": lambda r, v, m, g: targets(g * r, v, m, g),
    },
    "tilted": {
        "overflows": tilt_overflowing,
        "clipped": tilt_clipped,
        "only what is better": tilt_positive,
        "sign": lambda p, q, v, b: tilt(p, -q, -v, b),
        "no_habit": lambda p, q, v, b: tilt(0 * p, q, v, b),
        "probabilities": lambda p, q, v, b: np.exp(tilt(p, q, v, b)),
        "not normalised": lambda p, q, v, b: p + b * (q - v[:, None]),
    },
    "low_hopes": {
        "τ of one half": {"fault": "a", "evidence": "value"},
        "no rating": {"fault": "c", "evidence": "q_loss"},
        "never follows": {"fault": "d", "evidence": "optimality"},
        "turned round": {"fault": "e", "evidence": "optimality"},
        "right fault, imitation": {"fault": "b", "evidence": "imitation"},
        "a letter": "b",
    },
}

ALTERNATIVES = {
    "expectile": {"averages": expectile, "sorted": expectile_sorted},
    "kept_kl": {"by scores": kl_by_scores, "listed": kl_listed, "by text": lambda p, s, n: kl(kept(p, s, n), p)},
    "q_targets": {"row by row": targets, "where": targets_where},
    "tilted": {"logaddexp": tilt, "v left out": tilt_by_row},
    "low_hopes": {
        "as asked": {"fault": "b", "evidence": "value"},
        "dressed": {"fault": "B)", "evidence": "Value"},
    },
}
