"""Tasks of exercise 17, offline methods: an expectile, the KL of the best of n, ILQL's targets, the tilted policy, a bug hunt.

Every oracle works on plain numbers, one after the other, so that it shares nothing with the library.
"""

import math
from itertools import product

import numpy as np

from rlhf_edu.grading.answers import DiagnosisJudge
from rlhf_edu.grading.judges import FunctionJudge
from rlhf_edu.grading.task import Task
from rlhf_edu.grading.tasks import wrong_offline as wrong

EXERCISE = "17_offline"
LIBRARY = ("rlhf_edu.rlhf.",)


def expectile_by_halving(x, tau):
    """The slope Σ |τ − 1[x < v]| (x − v) falls as v grows: halve the interval in which it changes its sign."""
    low, high = min(x.tolist()), max(x.tolist())
    for _ in range(100):
        v = (low + high) / 2
        slope = sum((tau if number > v else 1 - tau) * (number - v) for number in x.tolist())
        low, high = (v, high) if slope > 0 else (low, v)
    return (low + high) / 2


def kl_by_listing(p, scores, n):
    """All Kⁿ draws, one after the other; among equals the first drawn is kept."""
    chances = p.tolist()
    kept = [0.0] * len(chances)
    for draw in product(range(len(chances)), repeat=n):
        winner = max(draw, key=lambda y: float(scores[y]))
        kept[winner] += math.prod(chances[y] for y in draw)
    return sum(q * (math.log(q) - math.log(b)) for q, b in zip(kept, chances, strict=True) if q > 0)


def targets_by_token(reward, v, mask, gamma):
    """Each row on its own, from its last real token backwards."""
    out = np.zeros(v.shape)
    for b in range(v.shape[0]):
        later = None
        for t in reversed(range(v.shape[1])):
            if mask[b, t]:
                out[b, t] = float(reward[b]) if later is None else gamma * later
                later = float(v[b, t])
    return out


def tilted_by_token(logp, q, v, beta):
    """Weights relative to the heaviest token of each state, then logarithms of shares."""
    out = np.zeros(logp.shape)
    for s in range(len(v)):
        weight = [float(l) + beta * (float(x) - float(v[s])) for l, x in zip(logp[s], q[s], strict=True)]
        top = max(weight)
        total = math.fsum(math.exp(w - top) for w in weight)
        out[s] = [w - top - math.log(total) for w in weight]
    return out


SIZES = (3, 4, 6, 9, 14)


def draw_expectile(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    """Random numbers; some hidden ones are all equal, or lean hard to one side."""
    x = np.round(rng.normal(0.0, 2.0, SIZES[i]), 2)
    if hidden and i == 3:
        x = np.full(9, 1.5)
    return {"x": x, "tau": (0.8, 0.6, 0.9, 0.7, 0.95)[i] if not hidden else (0.5, 0.2, 0.99, 0.7, 0.999)[i]}


def draw_kept(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    """A few texts, some with equal scores; a hidden text may have the chance 0."""
    K = (2, 3, 4, 5, 4)[i]
    p = rng.dirichlet(np.full(K, 2.0))
    scores = rng.permutation(K).astype(float)
    if i > 1:
        scores[rng.permutation(K)[:2]] = float(rng.integers(K))
    if hidden and i == 3:
        p[0], p[1] = 0.0, p[0] + p[1]
    if hidden and i == 4:
        scores = np.full(K, 2.0)
    return {"p": p, "scores": scores, "n": (2, 3, 5, 4, 6)[i] if not hidden else (4, 1, 3, 5, 2)[i]}


def draw_targets(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    """Rows of unequal length. Values at padding are not 0, and some hidden ones are not even numbers."""
    B, N = ((2, 3), (3, 4), (4, 5), (5, 7), (6, 6))[i]
    lengths = rng.integers(1, N + 1, B)
    lengths[0], lengths[1] = N, max(1, N - 2)
    mask = np.arange(N) < lengths[:, None]
    v = np.round(rng.normal(0.0, 1.0, (B, N)), 3)
    if hidden and i > 2:
        v = np.where(mask, v, np.nan)
    return {
        "reward": np.round(rng.normal(1.0, 1.0, B), 2),
        "v": v,
        "mask": mask,
        "gamma": (0.9, 0.5, 0.99, 0.8, 0.7)[i],
    }


def draw_tilted(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    """Random habits and values; some hidden betas are so large that exp overflows."""
    S, V = ((2, 3), (3, 4), (4, 6), (5, 5), (3, 8))[i]
    logits = rng.normal(0.0, 1.5, (S, V))
    logp = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    beta = (0.0, 3.0, 10.0, 2000.0, 5000.0)[i] if hidden else (1.0, 2.0, 0.5, 4.0, 3.0)[i]
    return {"logp": logp, "q": rng.normal(0.5, 1.0, (S, V)), "v": rng.normal(0.5, 1.0, S), "beta": beta}


TASKS = [
    Task(
        name="expectile",
        exercise=EXERCISE,
        kind="function",
        title="The expectile",
        points=4,
        minutes=8,
        judge=FunctionJudge("expectile", expectile_by_halving, draw_expectile, wrong.EXPECTILE),
        hints=(
            "Set the slope to 0: v is a *weighted mean* of x, with the weight τ above v and 1 − τ below.",
            "The weights depend on v: begin at the mean and repeat until nothing changes.",
        ),
        forbidden=("rlhf_edu.rlhf.", "scipy."),
    ),
    Task(
        name="kept_kl",
        exercise=EXERCISE,
        kind="function",
        title="How far the best of n is away",
        points=5,
        minutes=12,
        difficulty=2,
        judge=FunctionJudge("kept_kl", kl_by_listing, draw_kept, wrong.KEPT),
        hints=(
            "For each *score*: P(all n draws are at most this good) − P(all are worse) is the chance that it wins.",
            "Texts of the same score share that chance in proportion to p, so their log-ratio is that of the score.",
        ),
        forbidden=LIBRARY,
    ),
    Task(
        name="q_targets",
        exercise=EXERCISE,
        kind="function",
        title="What Q learns",
        points=4,
        minutes=10,
        difficulty=2,
        judge=FunctionJudge("q_targets", targets_by_token, draw_targets, wrong.TARGETS),
        hints=("Where is there a next real token? `mask` shifted by one column, with False at its right edge.",),
        forbidden=LIBRARY,
    ),
    Task(
        name="tilted",
        exercise=EXERCISE,
        kind="function",
        title="Writing with values",
        points=4,
        minutes=8,
        difficulty=2,
        judge=FunctionJudge("tilted", tilted_by_token, draw_tilted, wrong.TILTED),
        hints=("Take the largest number of each row out before you exponentiate.",),
        forbidden=LIBRARY,
    ),
    Task(
        name="low_hopes",
        exercise=EXERCISE,
        kind="diagnosis",
        title="Bug hunt: low hopes",
        points=4,
        minutes=6,
        difficulty=2,
        judge=DiagnosisJudge(
            "low_hopes",
            options={"fault": tuple("abcde"), "evidence": ("value", "optimality", "q_loss", "imitation")},
            key={"fault": "5923261c71b10886", "evidence": "e101f322d81064e0"},
            why={
                "1292bab6b91f302d": "means would end near 0.44; this is far below",
                "15930d0b54204d03": "without ratings the tilted policy could not get better than the habit; it does",
                "832fb7e6a6edb5a2": "then the Q that tilts the policy would never learn, and optimality would stay where it was",
                "17508ff073882f43": "then the policy would learn to arrive late or never; it gets better",
                "a97d016619b7e2b0": "slower than it could be, but nothing impossible",
                "37ca746dac8b02af": "small, as it should be: it only says that Q agrees with V",
                "62d51389d78d6aeb": "imitation is that of a healthy run",
            },
        ),
        hints=("With τ = 0.5 the value of a start is the mean rating. Which side of it should τ = 0.8 be on?",),
    ),
]
