"""Tasks of exercise 00: a gentle tour, one task of each kind."""

import math

import numpy as np

from rlhf_edu.grading.answers import AgentJudge, ChoiceJudge, DiagnosisJudge, EssayJudge
from rlhf_edu.grading.judges import FunctionJudge, NumberJudge
from rlhf_edu.grading.task import Task

EXERCISE = "00_start"


def preference_by_definition(r_a: np.ndarray, r_b: np.ndarray) -> np.ndarray:
    """P(A ≻ B) = e^{r_A} / (e^{r_A} + e^{r_B}) one pair at a time, the larger reward taken out first."""
    out = []
    for a, b in zip(r_a.tolist(), r_b.tolist(), strict=True):
        top = max(a, b)
        weight_a, weight_b = math.exp(a - top), math.exp(b - top)
        out.append(weight_a / (weight_a + weight_b))
    return np.array(out)


def draw_rewards(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    """N pairs of rewards; the hidden ones hold gaps too large for a careless exponential."""
    n = (2, 3, 5, 8, 13)[i]
    r_a, r_b = rng.normal(0, 1.5, n), rng.normal(0, 1.5, n)
    if hidden and i > 2:
        r_a[0], r_b[0] = r_b[0] + 900, r_b[0]
        r_a[1], r_b[1] = r_a[1], r_a[1] + 900
    return {"r_a": r_a, "r_b": r_b}


def percent_for(seed: int) -> dict[str, int]:
    """How often A is chosen, in percent, in the copy of the student with this seed."""
    return {"percent": 88 if seed == 0 else int(np.random.default_rng([seed, 7]).integers(60, 96))}


def gap_of(percent: int) -> float:
    """The reward gap whose σ is `percent`: ln(p / (1 − p))."""
    return math.log(percent / (100 - percent))


class Corridor:
    """Eleven cells in a row and a flag in one of them; each step costs 0.1, the flag pays 1 and ends the episode."""

    def reset(self, seed: int):
        self.place, self.flag = np.random.default_rng(seed).choice(11, size=2, replace=False)
        self.steps = 0
        return np.array([self.place, self.flag], dtype=np.float64), {}

    def step(self, act: float | int):
        self.place = int(np.clip(self.place + np.sign(act), 0, 10))
        self.steps += 1
        there = bool(self.place == self.flag)
        obs = np.array([self.place, self.flag], dtype=np.float64)
        return obs, 1.0 if there else -0.1, there, self.steps >= 20, {}


TASKS = [
    Task(
        name="preference",
        exercise=EXERCISE,
        kind="function",
        title="From two rewards to a probability",
        points=4,
        minutes=5,
        judge=FunctionJudge(
            "preference",
            preference_by_definition,
            draw_rewards,
            mistakes={
                "swapped": (lambda r_a, r_b: 1 / (1 + np.exp(r_a - r_b)), "A and B are swapped: this is P(B ≻ A)"),
                "no_exponential": (
                    lambda r_a, r_b: r_a / (r_a + r_b),
                    "this divides the rewards themselves; Bradley-Terry compares their exponentials",
                ),
                "not_squashed": (lambda r_a, r_b: r_a - r_b, "this is the gap itself; σ of it is still to be taken"),
                "hard": (
                    lambda r_a, r_b: (r_a > r_b).astype(float),
                    "this always picks the better one; people waver, so the answer lies between 0 and 1",
                ),
                "one_sided": (
                    lambda r_a, r_b: 1 / (1 + np.exp(-np.abs(r_a - r_b))),
                    "the sign of the gap is lost: the answer must fall below one half when B is better",
                ),
                "only_a": (lambda r_a, r_b: 1 / (1 + np.exp(-r_a)), "B's reward does not enter"),
                "overflow": (
                    lambda r_a, r_b: np.exp(r_a - r_b) / (1 + np.exp(r_a - r_b)),
                    "e to a large power is ∞, and ∞ / ∞ is nan: large gaps need the other form of σ",
                ),
                "base_two": (lambda r_a, r_b: 1 / (1 + 2.0 ** (r_b - r_a)), "the base is e, not 2"),
            },
        ),
        hints=(
            "Only the gap matters. Compute it first, then put it through σ(z) = 1 / (1 + e^{−z}).",
            "If hidden cases fail with nan: e to the power 900 is too large for a float. In σ(z) = 1 / (1 + e^{−z}) "
            "that only gives 1 / ∞ = 0, which is right; in e^z / (1 + e^z) it gives ∞ / ∞.",
        ),
        forbidden=("torch.sigmoid", "torch.nn.functional.sigmoid", "scipy.special.expit"),
    ),
    Task(
        name="gap",
        exercise=EXERCISE,
        kind="number",
        title="From a probability back to a gap",
        points=2,
        minutes=3,
        judge=NumberJudge(
            "gap",
            gap_of,
            numbers=percent_for,
            atol=0.005,
            rtol=0.0,
            mistakes={
                "sign": (lambda percent: -gap_of(percent), "the sign is turned: A is the one chosen more often"),
                "no_logarithm": (
                    lambda percent: percent / (100 - percent),
                    "these are the odds; the gap is their logarithm",
                ),
                "base_ten": (lambda percent: gap_of(percent) / math.log(10), "this is the logarithm to base 10"),
                "log_p": (lambda percent: math.log(percent / 100), "this is log p alone; what about 1 − p?"),
                "forward": (
                    lambda percent: 1 / (1 + math.exp(-percent / 100)),
                    "this is σ(p); the question goes the other way round, from p to z",
                ),
            },
        ),
        hints=("Solve p = 1 / (1 + e^{−z}) for z. Start with 1/p − 1 = e^{−z}.",),
        numbers=percent_for,
    ),
    Task(
        name="shift",
        exercise=EXERCISE,
        kind="choice",
        title="What choices cannot tell",
        points=2,
        minutes=3,
        judge=ChoiceJudge(
            "shift",
            options="abcd",
            key="8e10722c6ccda729",
            why={
                "be1369cc81b49a99": "the mean of the rewards is a plain number: add 10 to all of them, look again",
                "ccd83a2a8a1bd77d": "right as far as it goes, but more than this stays the same",
                "aa4261bbddeca5e0": "right as far as it goes, but more than this stays the same",
                "87a1dc1234d9cc12": "right as far as it goes, but more than this stays the same",
                "54dd57b1f940275f": "right as far as it goes, but one more stays the same",
                "775096b5a78f9665": "right as far as it goes, but one more stays the same",
                "63fd9559d7485aaa": "right as far as it goes, but one more stays the same",
                "25facac830274f84": "this is the one thing that does change",
            },
        ),
        hints=("Write σ(r_A − r_B) down with 10 added to both rewards, and see what is left.",),
    ),
    Task(
        name="falling_loss",
        exercise=EXERCISE,
        kind="diagnosis",
        title="Bug hunt: the loss looks fine",
        points=3,
        minutes=6,
        judge=DiagnosisJudge(
            "falling_loss",
            options={"fault": tuple("abcd"), "evidence": ("loss", "train", "fresh")},
            key={"fault": "0331166544d76d97", "evidence": "729e6c85eb10b204"},
            why={
                "b3a7825c376653c8": "too large a step makes the loss jump about or grow; this one falls smoothly",
                "e589ae358d02472c": "a model that learns its pairs by heart is right about those pairs; is this one?",
                "855e33ebe27f3873": "labels that are pure noise leave fresh pairs at one half; these are far from it",
                "86de4f713282fca4": "the loss falls as it does in a healthy run; it does not tell the faults apart",
                "9c96d2015be387e2": "a low value on fresh pairs would also fit a model that learnt its pairs by heart",
            },
        ),
        hints=(
            "What accuracy would a coin get? Which of the four faults makes a model worse than a coin, and on which "
            "pairs would each of the others still do well?",
        ),
        difficulty=2,
    ),
    Task(
        name="corridor",
        exercise=EXERCISE,
        kind="agent",
        title="An agent that finds the flag",
        points=3,
        minutes=6,
        judge=AgentJudge(
            "walk",
            Corridor,
            floor=-0.5,
            goal=0.6,  # a right answer averages 0.70 ± 0.02 over 100 episodes: no luck is needed
            episodes=100,
            max_steps=20,
            mistakes={
                "away": (lambda obs: np.sign(obs[:, 0] - obs[:, 1]), "it walks away from the flag"),
                "always_right": (lambda obs: np.ones(len(obs)), "it always goes right, wherever the flag is"),
                "always_left": (lambda obs: -np.ones(len(obs)), "it always goes left, wherever the flag is"),
                "stays": (lambda obs: np.zeros(len(obs)), "it never moves"),
                "absolute": (
                    lambda obs: np.where(obs[:, 1] > 5, 1, -1),
                    "it looks at the flag only, not at where it stands itself",
                ),
            },
        ),
        hints=("Each row of `obs` is (place, flag). Which way to go is the sign of a difference.",),
    ),
    Task(
        name="taste",
        exercise=EXERCISE,
        kind="essay",
        title="A taste of your own",
        points=6,
        minutes=10,
        judge=EssayJudge("taste", min_words=60, max_words=250),
        rubric={
            "names a taste that two people could disagree about": 1.5,
            "says what in a text lets a person tell the better one": 1.5,
            "gives a text that a model could learn to write which scores well and is not liked": 2,
            "clear and short": 1,
        },
    ),
]
