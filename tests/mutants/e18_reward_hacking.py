"""Wrong answers that exercise 18 must reject, and right ones, written differently, that it must accept."""

import math
from itertools import combinations

import numpy as np


# the gold of the best
def gold_right(proxy, gold, n):
    ranked = [g for _, g in sorted(zip(proxy, gold, strict=True))]
    total = math.comb(len(ranked), n)
    return sum(math.comb(below, n - 1) * g for below, g in enumerate(ranked)) / total


def gold_listed(proxy, gold, n):
    kept = [max(some, key=lambda i: proxy[i]) for some in combinations(range(len(proxy)), n)]
    return np.mean(gold[kept])


def gold_by_differences(proxy, gold, n):
    """P(best ≤ rank i) − P(best ≤ rank i − 1)."""
    N = len(proxy)
    below = np.array([math.comb(i, n) for i in range(N + 1)]) / math.comb(N, n)
    return float(np.diff(below) @ np.take(gold, np.argsort(proxy, kind="stable")))


def gold_off_by_one(proxy, gold, n):
    ranked = gold[np.argsort(proxy)]
    return float(sum(math.comb(i, n) * g for i, g in enumerate(ranked)) / math.comb(len(gold), n))


def gold_one_draw(proxy, gold, n):
    some = np.random.default_rng(0).choice(len(proxy), n, replace=False)
    return float(gold[some[np.argmax(proxy[some])]])


def gold_top_n(proxy, gold, n):
    return float(gold[np.argsort(proxy)[-n:]].mean())


def gold_unnormalised(proxy, gold, n):
    return gold_right(proxy, gold, n) * math.comb(len(gold), n)


# the law
def law(kl, gold):
    d = kl**0.5
    X = np.column_stack([d, d * np.log(d)])
    alpha, minus_beta = np.linalg.solve(X.T @ X, X.T @ gold)
    return alpha, -minus_beta, np.exp(-2 * alpha / minus_beta - 2)


def law_by_division(kl, gold):
    """R/d is a straight line in log d; weights d² make it the same least squares."""
    d = np.sqrt(kl)
    slope, at_0 = np.polyfit(np.log(d), gold / d, 1, w=d)
    return [at_0, -slope, math.exp(at_0 / -slope - 1) ** 2]


def law_unweighted(kl, gold):
    d = np.sqrt(kl)
    slope, at_0 = np.polyfit(np.log(d), gold / d, 1)
    return at_0, -slope, math.exp(at_0 / -slope - 1) ** 2


def law_highest_point(kl, gold):
    alpha, beta, _ = law(kl, gold)
    return alpha, beta, kl[np.argmax(gold)]


# the ensemble
def agreed(o, t, k):
    z = (o.T - t.mean(1)) / t.std(1)
    return z.mean(1) - k * z.std(1, ddof=1)


def agreed_loop(o, t, k):
    rows = [(a - np.mean(b)) / np.sqrt(np.mean((b - np.mean(b)) ** 2)) for a, b in zip(o, t, strict=True)]
    mean = sum(rows) / len(rows)
    return mean - k * (sum((r - mean) ** 2 for r in rows) / (len(rows) - 1)) ** 0.5


def agreed_ddof_typical(o, t, k):
    z = (o - t.mean(1, keepdims=True)) / t.std(1, ddof=1, keepdims=True)
    return z.mean(0) - k * z.std(0, ddof=1)


def agreed_one_scale(o, t, k):
    z = (o - t.mean()) / t.std()
    return z.mean(0) - k * z.std(0, ddof=1)


def agreed_standard_error(o, t, k):
    z = (o - t.mean(1, keepdims=True)) / t.std(1, keepdims=True)
    return z.mean(0) - k * z.std(0, ddof=1) / len(z) ** 0.5


# the price
def priced(r, c, m, limit, rate):
    return r / (1 + m) - c * (m / (1 + m)), m * math.exp(rate * float(np.mean(c) - limit))


def priced_log(r, c, m, limit, rate):
    new = np.exp(np.log(m) + rate * (np.sum(c) / len(c) - limit))
    return [(r - m * c) / (m + 1), new]


MUTANTS = {
    "gold_of_best": {
        "off by one": gold_off_by_one,
        "one draw": gold_one_draw,
        "mean of the top n": gold_top_n,
        "not divided": gold_unnormalised,
        "highest proxy of all": lambda p, g, n: float(g[p.argmax()]),
        "median": lambda p, g, n: float(np.median(g)),
        "proxy": lambda p, g, n: gold_right(p, p, n),
    },
    "turning_point": {
        "unweighted line": law_unweighted,
        "highest point seen": law_highest_point,
        "d, not KL": lambda kl, gold: (*law(kl, gold)[:2], law(kl, gold)[2] ** 0.5),
        "without the derivative's 1": lambda kl, gold: (*law(kl, gold)[:2], law(kl, gold)[2] * math.e**2),
        "β with its sign turned": lambda kl, gold: (law(kl, gold)[0], -law(kl, gold)[1], law(kl, gold)[2]),
        "only two numbers": lambda kl, gold: law(kl, gold)[:2],
        "KL for d": lambda kl, gold: law(kl**2, gold),
        "other order": lambda kl, gold: law(kl, gold)[::-1],
    },
    "agreed_reward": {
        "ddof=1 on typical": agreed_ddof_typical,
        "one scale for all": agreed_one_scale,
        "standard error": agreed_standard_error,
        "k fixed": lambda o, t, k: agreed(o, t, 1.0),
        "upper bound": lambda o, t, k: agreed(o, t, -k),
        "median": lambda o, t, k: np.median((o - t.mean(1, keepdims=True)) / t.std(1, keepdims=True), axis=0),
        "not settled": lambda o, t, k: o.mean(0) - k * o.std(0, ddof=1),
        "one number": lambda o, t, k: float(agreed(o, t, k).mean()),
    },
    "pay_and_reprice": {
        "clipped at the limit": lambda r, c, m, limit, rate: (
            priced(r, np.maximum(c - limit, 0), m, limit, rate)[0],
            priced(r, c, m, limit, rate)[1],
        ),
        "divided by λ": lambda r, c, m, limit, rate: ((r - m * c) / m, priced(r, c, m, limit, rate)[1]),
        "never falls": lambda r, c, m, limit, rate: (
            priced(r, c, m, limit, rate)[0],
            max(m, priced(r, c, m, limit, rate)[1]),
        ),
        "median cost": lambda r, c, m, limit, rate: (
            priced(r, c, m, limit, rate)[0],
            m * math.exp(rate * (float(np.median(c)) - limit)),
        ),
        "step not scaled": lambda r, c, m, limit, rate: (
            priced(r, c, m, limit, rate)[0],
            priced(r, c, m, limit, 1.0)[1],
        ),
        "old price": lambda r, c, m, limit, rate: (priced(r, c, m, limit, rate)[0], m),
        "paid alone": lambda r, c, m, limit, rate: priced(r, c, m, limit, rate)[0],
    },
    "harmony": {
        "sign of the KL": {"fault": "a", "evidence": "kl"},
        "not settled": {"fault": "c", "evidence": "spread"},
        "swapped": {"fault": "d", "evidence": "people"},
        "nothing": {"fault": "e", "evidence": "spread"},
        "right fault, people": {"fault": "b", "evidence": "people"},
        "right fault, score": {"fault": "b", "evidence": "score"},
        "a letter": "b",
    },
}

ALTERNATIVES = {
    "gold_of_best": {"sorted pairs": gold_right, "listed": gold_listed, "differences": gold_by_differences},
    "turning_point": {"normal equations": law, "a weighted line": law_by_division},
    "agreed_reward": {"transposed": agreed, "a loop": agreed_loop},
    "pay_and_reprice": {"shares": priced, "logarithm": priced_log},
    "harmony": {"as asked": {"fault": "b", "evidence": "spread"}, "dressed": {"fault": "B)", "evidence": "Spread"}},
}
