"""Tasks of exercise 20, live RLHF: guess first, fading answers, luck in a blind test, a deaf loop.

Every oracle goes answer by answer in plain Python, so that it shares nothing with the solutions or the library.
"""

import math
from fractions import Fraction

import numpy as np

from rlhf_edu.grading.answers import DiagnosisJudge
from rlhf_edu.grading.judges import FunctionJudge
from rlhf_edu.grading.task import Task
from rlhf_edu.grading.tasks import wrong_live as wrong

EXERCISE = "20_live_rlhf"
LIBRARY = ("rlhf_edu.rlhf.", "rlhf_edu.reward.", "scipy.")


def guessed_one_by_one(weights: np.ndarray, better: np.ndarray, worse: np.ndarray) -> np.ndarray:
    """For each answer of each round after the first: what the fit of the round before says of its two texts."""
    out = []
    for r in range(1, len(weights)):
        w, points = weights[r - 1].tolist(), 0.0
        for x, y in zip(better[r].tolist(), worse[r].tolist(), strict=True):
            a, b = (sum(i * j for i, j in zip(w, f, strict=True)) for f in (x, y))
            points += 1.0 if a > b else 0.5 if a == b else 0.0
        out.append(points / len(better[r]))
    return np.array(out)


def fading_by_answer(margins: np.ndarray, ages: np.ndarray, half_life: float) -> float:
    """Σ w (−log σ(m)) / Σ w, where −log σ(m) = max(0, −m) + log(1 + e^−|m|)."""
    top = bottom = 0.0
    for m, age in zip(margins.tolist(), ages.tolist(), strict=True):
        w = math.exp(-math.log(2) * age / half_life)
        top += w * (max(0.0, -m) + math.log1p(math.exp(-abs(m))))
        bottom += w
    return top / bottom


def luck_by_tossing(k: int, n: int) -> float:
    """The exact distribution of heads, built up coin by coin."""
    chances = [Fraction(1)]
    for _ in range(n):
        chances = [(a + b) / 2 for a, b in zip([*chances, Fraction(0)], [Fraction(0), *chances], strict=True)]
    return float(sum(chances[k:]))


def draw_rounds(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    """Small whole numbers, so that ties are exact; weights that change from round to round."""
    rounds, n, f = ((2, 3, 1), (3, 4, 2), (4, 6, 3), (5, 10, 4), (7, 12, 6))[i]
    weights = rng.integers(-2, 3, (rounds, f)).astype(float)
    weights[:, 0] = rng.choice([-2.0, -1.0, 1.0, 2.0], rounds)
    better, worse = rng.integers(-3, 4, (2, rounds, n, f)).astype(float)
    better[:, :, 0] += 1.0 if hidden else 0.5 * np.sign(weights[:, :1])
    worse[:, 0] = better[:, 0]  # a tie, whatever the weights
    return {"weights": weights, "better": better, "worse": worse}


def draw_fading(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    n = (3, 6, 12, 30, 60)[i]
    margins = rng.normal(0.5, 2, n)
    if i > 1:
        margins[0] = -1000.0 if hidden else -800.0
    ages = rng.integers(0, 5, n)
    ages[:2] = (0, 3)
    return {"margins": margins, "ages": ages, "half_life": float(rng.choice([0.5, 1.5, 2.0, 3.0]))}


def draw_luck(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    n = (4, 8, 12, 20, 40)[i] + (int(rng.integers(0, 5)) if hidden else 0)
    return {"k": n // 2 + int(rng.integers(1, 1 + n // 4)) if i < 4 or not hidden else n // 3, "n": n}


TASKS = [
    Task(
        name="guess_first",
        exercise=EXERCISE,
        kind="function",
        title="Guess first, then learn",
        points=4,
        minutes=10,
        difficulty=2,
        judge=FunctionJudge("guess_first", guessed_one_by_one, draw_rounds, wrong.GUESSED),
        hints=(
            "Round r is guessed by weights[r − 1]: put weights[:-1] beside better[1:] and worse[1:].",
            'The margins of all answers are np.einsum("rf,rnf->rn", weights, better − worse), with those slices.',
        ),
        forbidden=LIBRARY,
    ),
    Task(
        name="fading_loss",
        exercise=EXERCISE,
        kind="function",
        title="Old answers fade",
        points=5,
        minutes=10,
        difficulty=2,
        judge=FunctionJudge("fading_loss", fading_by_answer, draw_fading, wrong.FADING),
        hints=(
            "Make the weights first. Then it is a weighted mean: sum of weight times surprise, over the sum of weights.",
        ),
        forbidden=LIBRARY,
    ),
    Task(
        name="by_luck",
        exercise=EXERCISE,
        kind="function",
        title="What luck can do",
        points=4,
        minutes=8,
        judge=FunctionJudge("by_luck", luck_by_tossing, draw_luck, wrong.LUCK, atol=1e-7, rtol=1e-6),
        hints=("At least k right means k, or k + 1, …, or n right: add them all up.",),
        forbidden=LIBRARY,
    ),
    Task(
        name="deaf_loop",
        exercise=EXERCISE,
        kind="diagnosis",
        title="Bug hunt: nobody is listening",
        points=4,
        minutes=8,
        difficulty=2,
        judge=DiagnosisJudge(
            "deaf_loop",
            options={"fault": tuple("abcde"), "evidence": ("guessed", "kl", "scores")},
            key={"fault": "67b5e68036c77e67", "evidence": "837ea6a0870cd915"},
            why={
                "315851290165d89d": "then the newest fit would know nothing new, and would agree with PPO's records",
                "dba532ca7b0ff0b9": "a forgetful fit is still the one PPO would be paid by: the two scores would agree",
                "8df03d79d024087e": "a fit to swapped answers would pull the policy another way, but PPO's record would be its score all the same",
                "a173db8d978cb5b8": "a large β holds the policy near its old self; this one ran away",
                "13e42d2e345ebb8a": "a reward model that guesses new answers better and better is what one hopes for",
                "fd48502214beb57c": "the KL may grow however many answers there are; with a loose leash it will",
            },
        ),
        hints=("Two scores of the same texts, by what should be one and the same model. Who is the second model?",),
    ),
]
