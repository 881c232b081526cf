"""Tasks of exercise 10, reward models: an ordinal scale, rankings, calibration, what wavering allows, a bug hunt.

Every oracle goes answer by answer in plain Python, so that it shares nothing with the library.
"""

import math
from itertools import combinations, pairwise

import numpy as np

from rlhf_edu.grading.answers import DiagnosisJudge
from rlhf_edu.grading.judges import FunctionJudge
from rlhf_edu.grading.task import Task
from rlhf_edu.grading.tasks import wrong_reward_models as wrong

EXERCISE = "10_reward_models"
LIBRARY = ("rlhf_edu.reward.", "rlhf_edu.feedback.", "sklearn.", "torch.nn.functional.")


def levels_one_by_one(rewards, cuts):
    """P(above a cut) = ½ (1 + tanh((r − c)/2)); a level lies above all lower cuts and not above the next."""
    out = []
    for r in rewards.tolist():
        above = [1.0, *(0.5 * (1 + math.tanh((r - c) / 2)) for c in cuts.tolist()), 0.0]
        out.append([a - b for a, b in pairwise(above)])
    return np.array(out)


def ranking_by_chances(ranked, sizes):
    """The chance of each pick among those that are left, from the last one backwards."""
    total = 0.0
    for row, n in zip(ranked.tolist(), sizes.tolist(), strict=True):
        top, weight = max(row[:n]), 0.0
        for r in reversed(row[:n]):
            weight += math.exp(r - top)
            total -= r - top - math.log(weight)
    return total / len(sizes)


def ece_by_forecast(p, outcome, bins):
    """Sorted into lists, one forecast after the other."""
    said, came = [[] for _ in range(bins)], [[] for _ in range(bins)]
    for x, y in zip(p.tolist(), outcome.tolist(), strict=True):
        b = min(math.floor(x * bins), bins - 1)
        said[b].append(x)
        came[b].append(y)
    return sum(abs(math.fsum(s) - math.fsum(c)) for s, c in zip(said, came, strict=True)) / len(p)


def ceiling_by_couples(yes, votes):
    """How often two different people disagree, counted over all couples of each question, and halved."""
    found = []
    for k, n in zip(yes.tolist(), votes.tolist(), strict=True):
        couples = list(combinations([1] * k + [0] * (n - k), 2))
        if couples:
            found.append(sum(a != b for a, b in couples) / len(couples) / 2)
    return sum(found) / len(found)


def draw_levels(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    """Cuts in ascending order, one to eight; some hidden rewards lie far outside."""
    n, c = ((2, 2), (4, 1), (5, 4), (8, 3), (12, 8))[i]
    rewards = rng.normal(0.3, 1.5, n)
    if hidden and i > 2:
        rewards[:2] = -30.0, 40.0
    return {"rewards": rewards, "cuts": np.sort(rng.normal(0.0, 1.5, c)) + 0.05 * np.arange(c)}


def draw_rankings(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    """Rows of two to K items; behind them padding. Some hidden rewards are in the hundreds."""
    m, k = ((2, 3), (3, 3), (4, 4), (6, 5), (10, 7))[i]
    sizes = rng.integers(2, k + 1, m)
    sizes[:2] = k, 2
    ranked = rng.normal(0.0, 1.2, (m, k))
    if hidden and i > 2:
        ranked = ranked + 900.0
    return {"ranked": ranked, "sizes": sizes}


def draw_forecasts(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    """Forecasts that are too sure, unevenly spread over the bins; some of exactly 0 and 1, some between two bins."""
    n, bins = ((8, 4), (20, 5), (60, 10), (150, 10), (300, 20))[i]
    bins = bins + 3 if hidden else bins
    truth = rng.beta(1.2, 0.7, n)
    p = np.clip(truth + 0.6 * (truth - 0.5) + rng.normal(0, 0.05, n), 0, 1)
    outcome = (rng.random(n) < truth).astype(float)
    if i == 3:
        p = 0.1 + 0.7 * p  # nothing near the ends: bins cover [0, 1], not the data
    else:
        p[:2], outcome[:2] = (1.0, 0.0), (0.0, 1.0)
    if bins % 2 == 0:
        p[2:5], outcome[2:5] = 0.5, 0.0  # on an edge: it belongs to the upper bin
    return {"p": p, "outcome": outcome, "bins": bins}


def draw_votes(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    """Questions with one to nine votes; some were answered once."""
    n = (4, 8, 20, 50, 120)[i]
    votes = rng.integers(2, 6 if i < 2 else 10, n)
    votes[:2] = 1, 4
    p = rng.beta(0.8, 0.8, n) if hidden else rng.uniform(0.1, 0.9, n)
    yes = rng.binomial(votes, p)
    yes[:2] = 1, 1
    return {"yes": yes, "votes": votes}


TASKS = [
    Task(
        name="level_chances",
        exercise=EXERCISE,
        kind="function",
        title="A scale with cuts",
        points=4,
        minutes=8,
        judge=FunctionJudge("level_chances", levels_one_by_one, draw_levels, wrong.LEVELS, atol=1e-6),
        hints=("Put a column of zeros before P(y ≤ k) and a column of ones behind it; then `np.diff` along the row.",),
        forbidden=LIBRARY,
    ),
    Task(
        name="ranking_loss",
        exercise=EXERCISE,
        kind="function",
        title="Rankings of unequal length",
        points=5,
        minutes=10,
        difficulty=2,
        judge=FunctionJudge("ranking_loss", ranking_by_chances, draw_rankings, wrong.RANKING),
        hints=(
            "Cut the padding off first: `row[:n]`.",
            "The surprise of pick k is log Σ exp(row[k:n]) − row[k]; take the largest out before `exp`.",
        ),
        forbidden=LIBRARY,
    ),
    Task(
        name="calibration_error",
        exercise=EXERCISE,
        kind="function",
        title="Said and came true",
        points=4,
        minutes=8,
        difficulty=2,
        judge=FunctionJudge("calibration_error", ece_by_forecast, draw_forecasts, wrong.ECE),
        hints=("The bin of a forecast is `int(p * bins)`, but a forecast of 1 belongs into the last one.",),
        forbidden=LIBRARY,
    ),
    Task(
        name="wavering",
        exercise=EXERCISE,
        kind="function",
        title="What wavering allows",
        points=4,
        minutes=6,
        difficulty=2,
        judge=FunctionJudge("wavering", ceiling_by_couples, draw_votes, wrong.CEILING),
        hints=("Leave out what was answered once; then the mean of k(n − k) / (n(n − 1)).",),
        forbidden=LIBRARY,
    ),
    Task(
        name="too_sure",
        exercise=EXERCISE,
        kind="diagnosis",
        title="Bug hunt: better than anybody could be",
        points=4,
        minutes=6,
        difficulty=2,
        judge=DiagnosisJudge(
            "too_sure",
            options={"fault": tuple("abcde"), "evidence": ("loss", "learned", "test")},
            key={"fault": "270d45529c215504", "evidence": "8e8ced43773ec73d"},
            why={
                "82ad87b2206d3c36": "a rate that is too large makes the loss jump; this one falls smoothly",
                "d0cf9d399387464f": "then the test would be below a coin",
                "8cc5e2fc81737f1a": "a strong prior keeps the model from learning by heart; this one has done just that",
                "20445676940fd35e": "few pairs make it learn by heart, which explains the accuracy on what it learned from, not the test",
                "c95442a287666cec": "a loss of 0.18 nats on what was learned is no wonder with 240 weights",
                "89f47c34edbf30b3": "on answers it has learned from, a model may well beat the ceiling: it knows them by heart",
            },
        ),
        hints=("Nobody can predict answers beyond the ceiling, unless they have seen these very answers.",),
    ),
]
