"""Tasks of exercise 15, RLOO and GRPO: advantages of groups, the loss they go into, flat groups, and a bug hunt.

Every oracle goes text by text in plain Python, so that it shares nothing with the solutions or the library.
"""

import math

import numpy as np

from rlhf_edu.grading.answers import DiagnosisJudge
from rlhf_edu.grading.judges import FunctionJudge
from rlhf_edu.grading.task import Task
from rlhf_edu.grading.tasks import slopes
from rlhf_edu.grading.tasks import wrong_groups as wrong
from rlhf_edu.grading.tensors import SIZES, ragged_mask, tensor

EXERCISE = "15_rloo_grpo"
LIBRARY = ("rlhf_edu.rlhf.", "rlhf_edu.ops.", "rlhf_edu.rl.")
GROUPS = ((1, 3), (2, 4), (3, 2), (4, 5), (5, 8))  # prompts and texts of case 0, 1, …


def rloo_by_text(scores, kl, beta: float):
    """Each text's paid score minus the mean over a list from which it is left out."""
    out = []
    for row, far in zip(scores.tolist(), kl.tolist(), strict=True):
        paid = [s - beta * k for s, k in zip(row, far, strict=True)]
        out.append([x - math.fsum(paid[:i] + paid[i + 1 :]) / (len(paid) - 1) for i, x in enumerate(paid)])
    return tensor(out)


def grpo_by_text(scores, eps: float):
    """(r_i − mean) / (std + ε), with Σ (r − mean)² / (G − 1) under the root."""
    out = []
    for row in scores.tolist():
        mean = math.fsum(row) / len(row)
        spread = math.sqrt(math.fsum((x - mean) ** 2 for x in row) / (len(row) - 1))
        out.append([(x - mean) / (spread + eps) for x in row])
    return tensor(out)


def group_losses_by_token(logp, logp_old, adv, mask, clip: float):
    """Both averages of max(−A ρ, −A clip(ρ, 1 ± ε)), token by token."""
    texts = []
    for p, old, a, real in zip(logp.tolist(), logp_old.tolist(), adv.tolist(), mask.tolist(), strict=True):
        ratios = [math.exp(x - y) for x, y, r in zip(p, old, real, strict=True) if r]
        texts.append([max(-a * r, -a * min(max(r, 1 - clip), 1 + clip)) for r in ratios])
    by_text = math.fsum(math.fsum(row) / len(row) for row in texts) / len(texts)
    return tensor(by_text), tensor(math.fsum(map(math.fsum, texts)) / (len(texts) * mask.shape[1]))


def flat_share_by_counting(q, G: int):
    """The chance of all groups but those with 1 … G − 1 passes, averaged over prompts."""
    lively = [math.fsum(math.comb(G, k) * x**k * (1 - x) ** (G - k) for k in range(1, G)) for x in q.tolist()]
    return tensor(1 - math.fsum(lively) / len(lively))


def draw_rloo(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    shape = GROUPS[i]
    scores = rng.normal(0, 1, shape) + rng.normal(0, 3, (shape[0], 1))
    kl = rng.normal(2, 2, shape)
    beta = (0.1, 0.5, 0.2, 0.05, 0.3)[i] if not (hidden and i == 4) else 0.0
    return {"scores": tensor(scores), "kl": tensor(kl), "beta": beta}


def draw_grpo(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    shape = GROUPS[i]
    scores = rng.normal(0, 1, shape) * rng.uniform(0.3, 2, (shape[0], 1)) + rng.normal(0, 1, (shape[0], 1))
    if hidden and i > 0:
        scores[-1] = float(i)  # a group that agrees, in numbers that a float32 mean keeps
    return {"scores": tensor(scores), "eps": (0.5, 0.1, 0.05, 0.2, 0.1)[i]}


def draw_losses(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    rows, n_new = SIZES[i]
    mask = ragged_mask(rng, rows, n_new, hidden)
    if i % 2:
        mask[:, -1] = False  # no text fills the batch: N is its width all the same
    old = -rng.exponential(1.5, (rows, n_new)) - 0.05
    logp = old + rng.normal(0, 0.35, (rows, n_new))
    logp[~mask] += rng.normal(0, 1, int((~mask).sum()))
    adv = rng.normal(0.3, 1, rows)
    clip = (0.2, 0.2, 0.1, 0.3, 0.2)[i]
    return {"logp": tensor(logp), "logp_old": tensor(old), "adv": tensor(adv), "mask": tensor(mask), "clip": clip}


def draw_flat(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    q = rng.uniform(0.05, 0.95, (2, 3, 4, 6, 9)[i])
    if hidden and i == 4:
        q[:2] = 0.0, 1.0  # certain either way
    return {"q": tensor(q), "G": (2, 3, 4, 2, 5)[i]}


TASKS = [
    Task(
        name="rloo_advantages",
        exercise=EXERCISE,
        kind="function",
        title="Leave one out, with its price",
        points=4,
        minutes=8,
        difficulty=1,
        judge=FunctionJudge("rloo_advantages", rloo_by_text, draw_rloo, wrong.RLOO_ADVANTAGES),
        hints=(
            "Take the price off first. The sum of the others is the sum of all minus the text's own.",
            "sum(1, keepdim=True) keeps a row a prompt, so that it can be subtracted from [P, G].",
        ),
        forbidden=LIBRARY,
    ),
    Task(
        name="grpo_advantages",
        exercise=EXERCISE,
        kind="function",
        title="In units of the group's spread",
        points=4,
        minutes=8,
        difficulty=2,
        judge=FunctionJudge("grpo_advantages", grpo_by_text, draw_grpo, wrong.GRPO_ADVANTAGES),
        hints=("torch's std divides by G − 1 unless told otherwise.", "ε stands beside the root, not under it."),
        forbidden=LIBRARY,
    ),
    Task(
        name="group_losses",
        exercise=EXERCISE,
        kind="function",
        title="One advantage for a whole text",
        points=5,
        minutes=12,
        difficulty=3,
        judge=FunctionJudge(
            "group_losses", group_losses_by_token, draw_losses, wrong.GROUP_LOSSES, gradients=slopes.GROUP_LOSS
        ),
        hints=(
            "adv[:, None] makes one advantage meet all tokens of its text.",
            "Sum the masked losses of each text first; the two results differ only in what that sum is divided by.",
        ),
        forbidden=LIBRARY,
    ),
    Task(
        name="flat_share",
        exercise=EXERCISE,
        kind="function",
        title="Groups that teach nothing",
        points=3,
        minutes=6,
        difficulty=1,
        judge=FunctionJudge("flat_share", flat_share_by_counting, draw_flat, wrong.FLAT_SHARE),
        hints=("All G pass, or all G fail. Independent chances multiply; one thing or the other adds.",),
        forbidden=LIBRARY,
    ),
    Task(
        name="group_fault",
        exercise=EXERCISE,
        kind="diagnosis",
        title="A bug hunt: noisy, but it learns",
        points=4,
        minutes=6,
        difficulty=2,
        judge=DiagnosisJudge(
            "group_fault",
            options={"fault": tuple("abcde"), "evidence": ("score", "mean", "opening", "flat")},
            key={"fault": "05f3be8172276caa", "evidence": "493ff850e3b4a8bb"},
            why={
                "e36637675b5fb3c9": "that makes all advantages smaller by the same factor; within an opening they would still add up to 0",
                "2eb2ceb9af44ea29": "then their size would be about 1; here it is near 7",
                "aa50d505fe9aeee8": "then the share of flat groups would be 1",
                "263776d08f5046ab": "a turned sign drives the score down",
                "fa728c4894178b2f": "a rising score is what a healthy run shows, too",
                "cc984b6fd3e1f8be": "the mean of all advantages is 0 in a healthy run, too",
                "78cb12ff7bc4ac55": "no flat groups is good news: every group teaches something",
            },
        ),
        hints=("Add up the advantages of the eight texts of one group. What must come out, whatever the scores are?",),
    ),
]
