"""Tasks of exercise 12, preferences over clips: the chance, the loss, which to ask, the pay, a bug hunt.

Every oracle works on plain numbers, step by step, so that it shares nothing with the library.
"""

import math
from itertools import combinations

import numpy as np

from rlhf_edu.grading.answers import DiagnosisJudge
from rlhf_edu.grading.judges import FunctionJudge
from rlhf_edu.grading.task import Task
from rlhf_edu.grading.tasks import wrong_clips as wrong

EXERCISE = "12_trajectory_preferences"
LIBRARY = ("rlhf_edu.reward.",)


def sigma(z: float) -> float:
    """1 / (1 + e^−z), written so that it never overflows."""
    return 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z))


def worth(row: np.ndarray, n: int | np.integer) -> float:
    return sum(float(row[t]) for t in range(int(n)))


def chance_by_step(r1, n1, r2, n2):
    return np.array([sigma(worth(a, i) - worth(b, j)) for a, i, b, j in zip(r1, n1, r2, n2, strict=True)])


def loss_by_choice(r1, n1, r2, n2, outcome):
    """−log of the chance of each answer; log σ(z) = −log(1 + e^−z) = min(z, 0) − log(1 + e^−|z|)."""
    total = 0.0
    for a, i, b, j, o in zip(r1, n1, r2, n2, outcome.tolist(), strict=True):
        z = worth(a, i) - worth(b, j)
        first = -(min(z, 0.0) - math.log1p(math.exp(-abs(z))))
        second = -(min(-z, 0.0) - math.log1p(math.exp(-abs(z))))
        total += {0: first, 1: second, 2: (first + second) / 2}[o]
    return total / len(outcome)


def asked_by_pair(opinions, pairs, k):
    """Sort by spread with Python's own sort, the earlier pair first where two are alike."""
    spread = []
    for a, b in pairs.tolist():
        chances = [sigma(float(row[a]) - float(row[b])) for row in opinions]
        middle = sum(chances) / len(chances)
        spread.append(sum((c - middle) ** 2 for c in chances) / len(chances))
    order = sorted(range(len(pairs)), key=lambda p: (-spread[p], p))
    return np.array([pairs[p].tolist() for p in order[:k]])


def pay_by_model(r):
    rows = []
    for row in r.tolist():
        unit = math.sqrt(sum(x * x for x in row) / len(row))
        rows.append([x / unit for x in row])
    return np.array([sum(column) / len(rows) for column in zip(*rows, strict=True)])


SIZES = ((2, 3), (4, 3), (6, 5), (10, 8), (25, 12))  # comparisons, steps


def two_clips(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    """Rewards of both clips' steps, also of those that never happened; some hidden ones are in the thousands."""
    n, length = SIZES[i]
    scale = 900.0 if hidden and i == 4 else 0.7
    r1, r2 = rng.normal(0.2, scale, (2, n, length))
    n1, n2 = rng.integers(1, length + 1, (2, n))
    n1[0], n2[0], n1[1], n2[1] = length, 1, 2, length
    return {"r1": r1, "n1": n1, "r2": r2, "n2": n2}


def draw_loss(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    case = two_clips(rng, i, hidden)
    outcome = rng.integers(0, 3, len(case["n1"]))
    outcome[:2] = (0, 2)
    return case | {"outcome": outcome}


def draw_ask(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    """Opinions of models about clips, some pairs of which all are very sure of, though by different amounts."""
    models, clips, n_pairs, k = ((2, 4, 5, 2), (3, 6, 8, 3), (3, 8, 12, 4), (5, 10, 20, 6), (4, 12, 30, 10))[i]
    opinions = rng.normal(0.0, 1.0, (models, clips))
    opinions[:, 0] += np.linspace(8.0, 30.0, models)  # clip 0: sure to win, nobody knows by how much
    every = np.array(list(combinations(range(clips), 2)))  # no pair twice, so that none are equally worth asking
    chosen = every[np.append(0, 1 + rng.permutation(len(every) - 1)[: n_pairs - 1])]
    return {"opinions": opinions, "pairs": rng.permuted(chosen, axis=1), "k": k}


def draw_pay(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    """Step rewards of models with units of their own, whose mean is not 0."""
    models, steps = ((2, 3), (3, 5), (3, 10), (5, 20), (4, 50))[i]
    units = np.exp(rng.normal(0.0, 3.0 if hidden else 1.5, (models, 1)))
    return {"r": units * rng.normal(0.7, 0.6, (models, steps))}


TASKS = [
    Task(
        name="clip_chance",
        exercise=EXERCISE,
        kind="function",
        title="Which clip will be chosen?",
        points=4,
        minutes=8,
        judge=FunctionJudge("clip_chance", chance_by_step, two_clips, wrong.CHANCE),
        hints=("`np.arange(L) < n[:, None]` says which steps happened, one row a clip.",),
        forbidden=LIBRARY,
    ),
    Task(
        name="clip_loss",
        exercise=EXERCISE,
        kind="function",
        title="The loss, with ties",
        points=5,
        minutes=10,
        difficulty=2,
        judge=FunctionJudge("clip_loss", loss_by_choice, draw_loss, wrong.LOSS),
        hints=(
            "`np.logaddexp(0, -z)` is −log σ(z), and never overflows.",
            "Write how much each outcome counts for the first clip: 1, 0 and ½.",
        ),
        forbidden=LIBRARY,
    ),
    Task(
        name="worth_asking",
        exercise=EXERCISE,
        kind="function",
        title="Which pairs to ask about",
        points=4,
        minutes=8,
        difficulty=2,
        judge=FunctionJudge("worth_asking", asked_by_pair, draw_ask, wrong.ASK),
        hints=("`np.argsort(-spread, kind='stable')` puts the largest first, and the earlier of equal ones.",),
        forbidden=LIBRARY,
    ),
    Task(
        name="clip_pay",
        exercise=EXERCISE,
        kind="function",
        title="What the agent is paid",
        points=4,
        minutes=6,
        difficulty=2,
        judge=FunctionJudge("clip_pay", pay_by_model, draw_pay, wrong.PAY),
        hints=("`keepdims=True` keeps one unit for each row.",),
        forbidden=LIBRARY,
    ),
    Task(
        name="short_life",
        exercise=EXERCISE,
        kind="diagnosis",
        title="Bug hunt: a short life",
        points=4,
        minutes=6,
        difficulty=2,
        judge=DiagnosisJudge(
            "short_life",
            options={"fault": tuple("abcde"), "evidence": ("accuracy", "pay", "length", "return")},
            key={"fault": "dfd7e1b7501f3727", "evidence": "39d5b18b86f5a0a7"},
            why={
                "a1d6472f8b326639": "then it would be wrong about most choices; look at the accuracy",
                "301957d16d85ee56": "more comparisons would make it more accurate; at this accuracy the order is known well enough",
                "97e80e42cd422f95": "an agent without a value function learns slowly; this one learns fast what it is paid for",
                "33af44a83f6634cc": "a habit of choosing one side lowers the accuracy; it makes nobody die",
                "4ce3dfb43e4bd87e": "it shows that the order is right, and so it clears a suspect; but which number explains the short lives?",
                "e2f8047abd1aea44": "that is what has to be explained",
                "ecb72a69142ecb0f": "it rises: the agent gets what it is paid for. What is it paid?",
            },
        ),
        hints=("What would you do if every step cost you something, and you could leave?",),
    ),
]
