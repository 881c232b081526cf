"""Tasks of exercise 09, agreement: two people and luck, a scale with gaps, asked twice, unequal votes, a stranger.

Every oracle counts pair by pair in plain Python, so that it shares nothing with the library.
"""

import math
from itertools import permutations

import numpy as np

from rlhf_edu.grading.answers import DiagnosisJudge
from rlhf_edu.grading.judges import FunctionJudge
from rlhf_edu.grading.task import Task
from rlhf_edu.grading.tasks import wrong_agreement as wrong

EXERCISE = "09_agreement"
LIBRARY = ("rlhf_edu.feedback.", "sklearn.")


def kappa_by_pairs(a: np.ndarray, b: np.ndarray) -> float:
    """(P_o − P_e) / (1 − P_e); luck by pairing every answer of the one with every answer of the other."""
    shared = [(x, y) for x, y in zip(a.tolist(), b.tolist(), strict=True) if not (math.isnan(x) or math.isnan(y))]
    same = sum(x == y for x, y in shared) / len(shared)
    luck = sum(x == y for x, _ in shared for _, y in shared) / len(shared) ** 2
    return (same - luck) / (1 - luck)


def alpha_by_pairs(table: np.ndarray) -> float:
    """1 − D_o / D_e for distances, over all ordered pairs of different answers."""
    items = [[x for x in row if not math.isnan(x)] for row in table.tolist()]
    items = [row for row in items if len(row) > 1]
    everything = [x for row in items for x in row]
    n = len(everything)
    observed = sum(sum((x - y) ** 2 for x, y in permutations(row, 2)) / (len(row) - 1) for row in items) / n
    by_chance = sum((x - y) ** 2 for x, y in permutations(everything, 2)) / (n * (n - 1))
    return 1 - observed / by_chance


def twice_by_story(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """Story A stands left the first time and right the second."""
    stories = [("AB"[x], "BA"[y]) for x, y in zip(first.tolist(), second.tolist(), strict=True)]
    presses = first.tolist() + second.tolist()
    return sum(x == y for x, y in stories) / len(stories), presses.count(0) / len(presses)


def posterior_by_odds(said: np.ndarray, accuracy: np.ndarray, prior: float) -> np.ndarray:
    """P(yes) of each item: the log-odds of the prior and of everybody who answered, added up."""
    out = []
    for row in said.tolist():
        odds = math.log(prior / (1 - prior))
        for vote, right in zip(row, accuracy.tolist(), strict=True):
            if not math.isnan(vote):
                odds += (1 if vote == 1 else -1) * math.log(right / (1 - right))
        out.append(1 / (1 + math.exp(-odds)))
    return np.array(out)


def with_gaps(rng: np.random.Generator, x: np.ndarray, share: float) -> np.ndarray:
    return np.where(rng.random(x.shape) < share, np.nan, x)


def draw_two(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    """Two people who often agree, on unevenly common answers; gaps from the second case on."""
    n, k = ((10, 2), (16, 2), (30, 3), (60, 4), (120, 5))[i]
    shares = np.arange(k, 0, -1.0) ** 2
    a = rng.choice(k, n, p=shares / shares.sum()).astype(float)
    b = np.where(rng.random(n) < 0.55, a, rng.integers(k, size=n)).astype(float)
    a[:3], b[:3] = (0, 1, 0), (0, 1, 1)  # never all alike
    if i:
        a[3:], b[3:] = with_gaps(rng, a[3:], 0.15), with_gaps(rng, b[3:], 0.25)
    return {"a": a + (1 + i if hidden else 1), "b": b + (1 + i if hidden else 1)}  # the values are names only


def draw_table(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    """Ratings of items by people, with gaps, and with items that one person alone has rated."""
    items, people = ((4, 3), (6, 3), (8, 4), (12, 5), (25, 8))[i]
    table = rng.integers(1, 6, (items, 1)) + rng.integers(0, 3, (items, people)).astype(float)
    table = with_gaps(rng, table, 0.3 if hidden else 0.2)
    table[0], table[1] = np.nan, np.nan
    table[0, 0], table[1, :3] = 7.0, (1, 3, 2)  # one answer alone; three answers
    table[2, :2] = (5, 6)
    return {"table": table}


def draw_twice(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    """Sides pressed (0 left, 1 right) by somebody with a taste and a pull to one side, which may be the right."""
    n = (5, 10, 25, 60, 200)[i]
    likes, pull = rng.random(n) < 0.4, rng.random((2, n)) < (0.2 if i % 2 else 0.4)
    side = 1 if hidden and i > 2 else 0
    first, second = np.where(pull[0], side, likes), np.where(pull[1], side, ~likes)
    first[:4], second[:4] = (0, 1, 0, side), (1, 0, 0, side)
    return {"first": first.astype(int), "second": second.astype(int)}


def draw_votes(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    """What people of different accuracy said (1 yes, 0 no); hidden ones also know somebody who is mostly wrong."""
    items, people = ((3, 3), (5, 3), (8, 4), (20, 5), (40, 7))[i]
    accuracy = rng.uniform(0.55, 0.95, people)
    if hidden:
        accuracy[0] = rng.uniform(0.1, 0.4)
    said = rng.integers(0, 2, (items, people)).astype(float)
    said[1:] = with_gaps(rng, said[1:], 0.3)
    said[:, 1] = rng.integers(0, 2, items)  # nobody is left without an answer
    said[1, 2] = np.nan
    return {"said": said, "accuracy": accuracy, "prior": float(rng.choice([0.1, 0.2, 0.3, 0.7]))}


TASKS = [
    Task(
        name="kappa_of_two",
        exercise=EXERCISE,
        kind="function",
        title="Two people and luck",
        points=4,
        minutes=8,
        judge=FunctionJudge("kappa_of_two", kappa_by_pairs, draw_two, wrong.KAPPA),
        hints=(
            "First keep only the items that both have answered: ~(np.isnan(a) | np.isnan(b)).",
            "P_e sums, over the answers k, the share of k among the one's answers times its share among the other's.",
        ),
        forbidden=LIBRARY,
    ),
    Task(
        name="alpha_of_ratings",
        exercise=EXERCISE,
        kind="function",
        title="A scale, many people, gaps",
        points=5,
        minutes=12,
        difficulty=2,
        judge=FunctionJudge("alpha_of_ratings", alpha_by_pairs, draw_table, wrong.ALPHA),
        hints=(
            "Make a list of rows without their gaps, and drop the rows with a single answer before anything else.",
            "For a row x, the squared distances of all pairs are ((x[:, None] - x) ** 2).sum().",
        ),
        forbidden=LIBRARY,
    ),
    Task(
        name="asked_twice",
        exercise=EXERCISE,
        kind="function",
        title="Asked twice, sides swapped",
        points=3,
        minutes=6,
        judge=FunctionJudge("asked_twice", twice_by_story, draw_twice, wrong.TWICE),
        hints=("Write down both presses of somebody who likes story A, which stands left first and right afterwards.",),
        forbidden=LIBRARY,
    ),
    Task(
        name="unequal_votes",
        exercise=EXERCISE,
        kind="function",
        title="Votes of unequal weight",
        points=4,
        minutes=10,
        difficulty=2,
        judge=FunctionJudge("unequal_votes", posterior_by_odds, draw_votes, wrong.VOTES),
        hints=(
            "For each item two products: prior times the chance of what was said if yes is true, and (1 − prior) times "
            "the chance of it if no is true.",
            "Somebody who is right with chance a says yes with chance a if yes is true, and 1 − a if it is not. Who "
            "said nothing contributes a factor of 1 to both.",
        ),
        forbidden=LIBRARY,
    ),
    Task(
        name="stranger",
        exercise=EXERCISE,
        kind="diagnosis",
        title="Bug hunt: a stranger among us",
        points=4,
        minutes=8,
        difficulty=2,
        judge=DiagnosisJudge(
            "stranger",
            options={"fault": tuple("abcde"), "evidence": ("kappa", "twice", "left", "ties")},
            key={"fault": "e911afa54c071170", "evidence": "f05401cfc8cf52d6"},
            why={
                "99222eeee782b37b": "whoever clicks at random gives the same answer twice about half the time, not nine times in ten",
                "67df4de4feeb79e8": "the obvious pairs, a whole story against a torn one, have the same answer for every taste, and D misses half of them",
                "06c9f28ecc14d673": "then the left side would win nearly always; it wins half the time",
                "ab7a708d62c7fd22": "dropped ties make the agreement look better, for everybody alike; here it is luck, for one alone",
                "4a65ad09e9cbd529": "κ near 0 is what a random clicker would have, too",
                "6d33a153b3a01bd3": "a random clicker would press left half the time, too",
                "dfcce1dc64afa4b9": "a random clicker could press tie as often as the others do",
            },
        ),
        hints=(
            "Go through the five one by one: what would each do to the answers given twice, and to the obvious pairs?",
        ),
    ),
]
