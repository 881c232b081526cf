"""Tasks of exercise 13, better questions: expected gain, Bayes' rule in logs, questions together, a price, a busy loop.

Every oracle takes another way than the lesson: by both answers of Bayes' rule, by matrices inverted anew for each candidate.
"""

import math
from itertools import accumulate

import numpy as np

from rlhf_edu.grading.answers import DiagnosisJudge
from rlhf_edu.grading.judges import FunctionJudge
from rlhf_edu.grading.task import Task
from rlhf_edu.grading.tasks import wrong_questions as wrong

EXERCISE = "13_better_questions"
LIBRARY = ("rlhf_edu.feedback.",)


def gain_by_bayes(probs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The doubt about the members before the answer, less what is left on average after it."""
    out = []
    for column in probs.T.tolist():
        gain = 0.0
        for likelihood in (column, [1 - p for p in column]):
            chance = sum(w * p for w, p in zip(weights.tolist(), likelihood, strict=True))
            gain += sum(
                w * p * math.log(p / chance) for w, p in zip(weights.tolist(), likelihood, strict=True) if p > 0
            )
        out.append(gain)
    return np.array(out)


def weights_by_turns(weights: np.ndarray, probs: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """One answer after the other, brought back to a sum of 1 each time, so that nothing gets lost."""
    now = weights.tolist()
    for n, said in enumerate(answers.tolist()):
        if math.isnan(said):
            continue
        now = [w * (p if said == 1 else 1 - p) for w, p in zip(now, probs[:, n].tolist(), strict=True)]
        total = sum(now)
        now = [w / total for w in now]
    return np.array(now)


def together_by_inverses(differences: np.ndarray, covariance: np.ndarray, k: int) -> np.ndarray:
    """Add each candidate in turn to the precision, and take the one with the largest determinant."""
    precision, chosen = np.linalg.inv(covariance), []
    for _ in range(k):
        left = [n for n in range(len(differences)) if n not in chosen]
        grown = [precision + np.outer(differences[n], differences[n]) / 4 for n in left]
        best = int(np.argmax([np.linalg.slogdet(m)[1] for m in grown]))
        precision = grown[best]
        chosen.append(left[best])
    return np.array(chosen)


def price_by_rows(labels: np.ndarray, minutes: np.ndarray, score: np.ndarray, target: float) -> tuple[float, float]:
    """The first row after which the lowest score to come is high enough."""
    worst = list(accumulate(reversed(score.tolist()), min))[::-1]
    for row, low in enumerate(worst):
        if low >= target:
            return math.fsum(labels[: row + 1].tolist()), math.fsum(minutes[: row + 1].tolist())
    return -1.0, -1.0


def draw_members(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    """Members who disagree, with certain ones among them."""
    members, questions = ((2, 3), (3, 4), (5, 6), (8, 10), (12, 20))[i]
    probs = rng.uniform(0.02, 0.98, (members, questions))
    probs[0, 0], probs[1, 0], probs[:, 1] = 1.0, 0.0, 0.5
    if hidden:
        probs[:, 2] = rng.integers(0, 2, members)
        probs[0, 2], probs[1, 2] = 0.0, 1.0
    return {"probs": probs, "weights": rng.dirichlet(np.full(members, 2.0))}


def draw_answers(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    """Answers of one member, with gaps; the last case has thousands of them, on which members hardly differ."""
    members, questions = ((2, 3), (3, 4), (4, 6), (6, 10), (4, 3000))[i]
    probs = rng.uniform(0.15, 0.85, (members, questions))
    if i == 4:
        probs = np.clip(probs[:1] + rng.uniform(-0.015, 0.015, (members, questions)), 0.1, 0.9)
    answers = (rng.random(questions) < probs[-1]).astype(float)
    answers[:2] = (1, 0)
    if i or hidden:
        answers[2:][rng.random(questions - 2) < 0.25] = np.nan
        answers[2] = np.nan
    return {"weights": rng.dirichlet(np.full(members, 3.0)), "probs": probs, "answers": answers}


def draw_candidates(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    """Questions in groups of near copies, of unequal length, and a belief that is wide in some directions."""
    groups, copies, width, k = ((3, 2, 2, 3), (4, 2, 3, 4), (4, 3, 3, 6), (6, 3, 4, 8), (8, 4, 5, 12))[i]
    differences = np.repeat(rng.normal(0, 2, (groups, width)), copies, axis=0)
    differences += 0.2 * rng.normal(size=differences.shape)
    root = rng.normal(size=(width, width)) * (1.5 if hidden else 1.0)
    return {"differences": differences, "covariance": root @ root.T + 0.3 * np.eye(width), "k": k}


def draw_ledger(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    """A score that rises, falls back once, and may never reach the target; or reaches it with the first row."""
    rows = (4, 5, 7, 10, 14)[i]
    score = np.round(np.linspace(0.3, 0.9, rows) + rng.normal(0, 0.02, rows), 2)
    score[rows // 2], score[rows // 2 - 1] = 0.5, 0.8
    target = float(score[-2]) if i == 1 else 0.7
    score[-1] = max(score[-1], target)
    if i == 3:
        score[-1] = 0.69
    if hidden and i == 2:
        target = 0.1
    labels = rng.integers(5, 40, rows).astype(float)
    return {
        "labels": labels,
        "minutes": np.round(labels * rng.uniform(0.1, 0.3, rows), 1),
        "score": score,
        "target": target,
    }


TASKS = [
    Task(
        name="expected_gain",
        exercise=EXERCISE,
        kind="function",
        title="What an answer is expected to tell",
        points=4,
        minutes=8,
        judge=FunctionJudge("expected_gain", gain_by_bayes, draw_members, wrong.GAIN),
        hints=(
            "Write H as a function of an array first, and try it on 0 and 1: np.where(p > 0, p, 1) keeps ln away from 0.",
            "The mean over the members is weights @ probs, and the mean of the entropies weights @ H(probs).",
        ),
        forbidden=LIBRARY,
    ),
    Task(
        name="after_answers",
        exercise=EXERCISE,
        kind="function",
        title="After the answers",
        points=4,
        minutes=10,
        difficulty=2,
        judge=FunctionJudge("after_answers", weights_by_turns, draw_answers, wrong.WEIGHTS),
        hints=(
            "Add up logarithms. A skipped question adds 0.",
            "Before np.exp subtract the largest sum: that changes nothing once the weights are made to add up to 1.",
        ),
        forbidden=LIBRARY,
    ),
    Task(
        name="ask_together",
        exercise=EXERCISE,
        kind="function",
        title="Ten questions at once",
        points=5,
        minutes=15,
        difficulty=3,
        judge=FunctionJudge("ask_together", together_by_inverses, draw_candidates, wrong.TOGETHER),
        hints=(
            "All the spreads at once: np.einsum('nd,de,ne->n', x, sigma, x). g grows with the spread, so compare spreads.",
            "Work on a copy of the covariance, and give the questions already chosen a spread of −inf.",
        ),
        forbidden=LIBRARY,
    ),
    Task(
        name="price_of",
        exercise=EXERCISE,
        kind="function",
        title="What a target cost",
        points=3,
        minutes=8,
        judge=FunctionJudge("price_of", price_by_rows, draw_ledger, wrong.PRICE),
        hints=("Where is the *last* row below the target? The row after it is the one you look for.",),
        forbidden=LIBRARY,
    ),
    Task(
        name="busy_loop",
        exercise=EXERCISE,
        kind="diagnosis",
        title="Bug hunt: busy, and none the wiser",
        points=4,
        minutes=8,
        difficulty=2,
        judge=DiagnosisJudge(
            "busy_loop",
            options={"fault": tuple("abcde"), "evidence": ("again", "alike", "promised")},
            key={"fault": "ed5267812fb1a78e", "evidence": "218f105dbb216b43"},
            why={
                "73061cbc8dbd16e2": "a question of least gain would promise about 0 nats, and not half a nat",
                "5ddee7bd537128a7": "then half of the answers would be turned round, the belief would learn nothing, and r would stay near 0",
                "bfc6c805e66cc11e": "twins are answered by a coin, so the same answer would come again about half of the time",
                "d3e73117c3be749e": "the person wavers less on these questions than on random ones: see the line “again”",
                "9732b3f326b0f661": "easy questions give the same answer again; a working loop may meet some of them, too",
                "727a181852818438": "a working belief that is wide in one direction asks alike questions, too, for a while",
            },
        ),
        hints=(
            "Go through the five one by one: what would each do to the three lines in the middle?",
            "If nine of ten answers are foreseen, what can a question tell at most?",
        ),
    ),
]
