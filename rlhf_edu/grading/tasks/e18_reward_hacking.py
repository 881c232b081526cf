"""Tasks of exercise 18, reward hacking: the gold of the best, the law, an ensemble's bound, a multiplier, perfect harmony.

Every oracle counts in plain Python, so that it shares nothing with the solutions or the library.
"""

import math
from itertools import combinations
from statistics import fmean, pstdev, stdev

import numpy as np

from rlhf_edu.grading.answers import DiagnosisJudge
from rlhf_edu.grading.judges import FunctionJudge
from rlhf_edu.grading.task import Task
from rlhf_edu.grading.tasks import wrong_hacking as wrong

EXERCISE = "18_reward_hacking"
LIBRARY = ("rlhf_edu.rlhf.", "rlhf_edu.evaluate.", "rlhf_edu.reward.")


def gold_by_listing(proxy: np.ndarray, gold: np.ndarray, n: int) -> float:
    """Every choice of n texts, one after the other."""
    texts = list(zip(proxy.tolist(), gold.tolist(), strict=True))
    return fmean(max(some)[1] for some in combinations(texts, n))


def turning_by_normal_equations(kl: np.ndarray, gold: np.ndarray) -> tuple[float, float, float]:
    """The two equations of least squares, solved by Cramer's rule; the turn at d = exp(α/β − 1)."""
    d = [math.sqrt(x) for x in kl.tolist()]
    u, v = d, [-x * math.log(x) for x in d]
    y = gold.tolist()
    dot = lambda a, b: math.fsum(p * q for p, q in zip(a, b, strict=True))  # noqa: E731
    size = dot(u, u) * dot(v, v) - dot(u, v) ** 2
    alpha = (dot(u, y) * dot(v, v) - dot(v, y) * dot(u, v)) / size
    beta = (dot(v, y) * dot(u, u) - dot(u, y) * dot(u, v)) / size
    return alpha, beta, math.exp(alpha / beta - 1) ** 2


def agreed_by_text(opinions: np.ndarray, typical: np.ndarray, k: float) -> np.ndarray:
    """Judge by judge, text by text."""
    settled = [
        [(x - fmean(seen)) / pstdev(seen) for x in said]
        for said, seen in zip(opinions.tolist(), typical.tolist(), strict=True)
    ]
    return np.array([fmean(of) - k * stdev(of) for of in zip(*settled, strict=True)])


def priced_by_text(reward: np.ndarray, cost: np.ndarray, multiplier: float, limit: float, rate: float):
    """Text by text; the price moves in its logarithm."""
    share = 1 / (1 + multiplier)
    paid = [share * r - (1 - share) * c for r, c in zip(reward.tolist(), cost.tolist(), strict=True)]
    return np.array(paid), math.exp(math.log(multiplier) + rate * (fmean(cost.tolist()) - limit))


def draw_texts(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    """A proxy that follows gold, except for a few glitches it loves."""
    N, n = ((4, 2), (6, 3), (8, 2), (10, 4), (9, 7))[i] if not hidden else ((5, 3), (7, 1), (9, 9), (11, 3), (12, 5))[i]
    gold = rng.normal(0, 1, N)
    proxy = gold + rng.normal(0, 0.6, N)
    glitch = rng.choice(N, 2, replace=False)
    gold[glitch] -= 3
    proxy[glitch] += 2
    return {"proxy": proxy, "gold": gold, "n": n}


def draw_curve(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    """Points along a run, with noise; the turn lies inside it, or beyond its end."""
    n = (6, 10, 16, 25, 40)[i]
    beta = rng.uniform(0.3, 0.6)
    alpha = beta * rng.uniform(1.6, 2.6 if not hidden else 3.2)
    kl = np.sort(rng.uniform(0.3, 60, n))
    d = np.sqrt(kl)
    return {"kl": kl, "gold": d * (alpha - beta * np.log(d)) + rng.normal(0, 0.1, n)}


def draw_opinions(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    """Judges with a zero and a unit of their own; the texts judged lie above the typical ones."""
    M, B = ((2, 3), (3, 4), (4, 6), (5, 8), (7, 12))[i]
    zero, unit = rng.normal(0, 3, (M, 1)), rng.uniform(0.3, 4, (M, 1))
    typical = rng.normal(0, 1, (1, 12)) + 0.5 * rng.normal(0, 1, (M, 12))
    texts = rng.normal(1, 1, (1, B)) + rng.normal(0, 1, (M, B))
    k = float(rng.choice([0.5, 1.0, 1.5, 2.0])) if not (hidden and i == 4) else 0.0
    return {"opinions": zero + unit * texts, "typical": zero + unit * typical, "k": k}


def draw_prices(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    """Costs above the limit and below it."""
    B = (3, 4, 6, 10, 20)[i]
    cost = rng.uniform(0, 4, B)
    limit = float(cost.mean() + (-1) ** (i + hidden) * rng.uniform(0.3, 1.5))
    return {
        "reward": rng.normal(0, 1, B),
        "cost": cost,
        "multiplier": float(rng.uniform(0.1, 3)),
        "limit": limit,
        "rate": float(rng.choice([0.1, 0.3, 0.5])),
    }


TASKS = [
    Task(
        name="gold_of_best",
        exercise=EXERCISE,
        kind="function",
        title="The gold of the best",
        points=5,
        minutes=12,
        difficulty=3,
        judge=FunctionJudge("gold_of_best", gold_by_listing, draw_texts, wrong.GOLD_OF_BEST),
        hints=(
            "gold[np.argsort(proxy)] lists gold from the lowest proxy to the highest.",
            "With Python's counting from 0, the text at place i has i others below it: math.comb(i, n - 1).",
        ),
        forbidden=LIBRARY,
    ),
    Task(
        name="turning_point",
        exercise=EXERCISE,
        kind="function",
        title="Where gold turns",
        points=5,
        minutes=12,
        difficulty=2,
        judge=FunctionJudge(
            "turning_point", turning_by_normal_equations, draw_curve, wrong.TURNING_POINT, atol=1e-5, rtol=1e-3
        ),
        hints=(
            "Two columns, d and −d log d: their weights are α and β.",
            "d/dd of d (α − β log d) is α − β log d − β. Where it is 0, log d = α/β − 1.",
        ),
        forbidden=LIBRARY,
    ),
    Task(
        name="agreed_reward",
        exercise=EXERCISE,
        kind="function",
        title="Trust them as far as they agree",
        points=4,
        minutes=8,
        difficulty=2,
        judge=FunctionJudge("agreed_reward", agreed_by_text, draw_opinions, wrong.AGREED),
        hints=("A row is a judge: mean(1, keepdims=True) gives each one's own zero.",),
        forbidden=LIBRARY,
    ),
    Task(
        name="pay_and_reprice",
        exercise=EXERCISE,
        kind="function",
        title="A price that finds itself",
        points=4,
        minutes=8,
        difficulty=2,
        judge=FunctionJudge("pay_and_reprice", priced_by_text, draw_prices, wrong.REPRICE),
        hints=("Pay with the λ that came in; only then compute the new one, from the mean cost of this batch.",),
        forbidden=LIBRARY,
    ),
    Task(
        name="harmony",
        exercise=EXERCISE,
        kind="diagnosis",
        title="Bug hunt: perfect harmony",
        points=3,
        minutes=6,
        difficulty=2,
        judge=DiagnosisJudge(
            "harmony",
            options={"fault": tuple("abcde"), "evidence": ("score", "spread", "kl", "people")},
            key={"fault": "d36c1da72176a25e", "evidence": "fddca046cb4b5ba4"},
            why={
                "bc47285ac60385da": "then the KL would run away, to hundreds of nats, and the score with it; this run leaves slowly",
                "996d49a0e17fd21f": "judges on different scales disagree too much, not too little",
                "57c362a90a0d1b01": "then people's ratings would fall from the first step; they rise at first",
                "671ffa4d7c3c44f4": "the five saw different samples of choices, so on fresh texts they must differ at least a little",
                "937339c125f66795": "the score rises in every run that is over-optimised, with or without this fault",
                "813205e6a61161fb": "a KL of 38 nats is far, but nothing about it is impossible",
                "a340bdc79113d353": "ratings that turn over show that the judge was fooled, not why nothing warned of it",
            },
        ),
        hints=("Five fits to five different samples: which of the curves could then not look as it does?",),
    ),
]
