"""Tasks of exercise 16, direct preferences: the best policy, DPO, KTO, SimPO, and a bug hunt.

Every oracle goes answer by answer in plain Python, so that it shares nothing with the solutions or the library.
"""

import math

import numpy as np

from rlhf_edu.grading.answers import DiagnosisJudge
from rlhf_edu.grading.judges import FunctionJudge
from rlhf_edu.grading.task import Task
from rlhf_edu.grading.tasks import slopes
from rlhf_edu.grading.tasks import wrong_preferences as wrong
from rlhf_edu.grading.tensors import SIZES, ragged_mask, tensor

EXERCISE = "16_direct_preferences"
LIBRARY = ("rlhf_edu.rlhf.", "rlhf_edu.ops.", "rlhf_edu.reward.")


def minus_log_sigmoid(x: float) -> float:
    """−log σ(x), from the side on which nothing overflows."""
    return math.log1p(math.exp(-x)) if x > 0 else math.log1p(math.exp(x)) - x


def best_policy_by_answer(ref_logp, reward, beta: float):
    """log π_ref + r/β − log Z with the largest exponent taken out; the objective is E[r] − β KL, term by term."""
    tilted = [p + r / beta for p, r in zip(ref_logp.tolist(), reward.tolist(), strict=True)]
    top = max(tilted)
    log_z = top + math.log(math.fsum(math.exp(x - top) for x in tilted))
    logp = [x - log_z for x in tilted]
    terms = zip(logp, ref_logp.tolist(), reward.tolist(), strict=True)
    objective = math.fsum(math.exp(p) * (r - beta * (p - q)) for p, q, r in terms)
    return tensor(logp), tensor(objective)


def dpo_by_pair(chosen, rejected, ref_chosen, ref_rejected, beta: float):
    """−log σ of the difference of implied rewards, pair by pair, and how many of them are positive."""
    rows = zip(*(x.tolist() for x in (chosen, rejected, ref_chosen, ref_rejected)), strict=True)
    margins = [beta * (w - rw) - beta * (lost - rl) for w, lost, rw, rl in rows]
    return (
        tensor(math.fsum(map(minus_log_sigmoid, margins)) / len(margins)),
        tensor(sum(m > 0 for m in margins) / len(margins)),
    )


def kto_by_answer(logp, ref_logp, good, kl: float, beta: float):
    """1 − v of each answer, v = 1/(1 + exp(∓β(g − z₀)))."""
    z, total = max(0.0, kl), 0.0
    for p, q, thumb in zip(logp.tolist(), ref_logp.tolist(), good.tolist(), strict=True):
        x = beta * (p - q - z) if thumb else beta * (z - (p - q))
        total += 1 - 1 / (1 + math.exp(-x))
    return tensor(total / len(good))


def simpo_by_token(chosen, chosen_mask, rejected, rejected_mask, beta: float, gamma: float):
    """The mean over real tokens of each answer, one by one, then −log σ of what is left after γ."""
    means = []
    for logp, mask in ((chosen, chosen_mask), (rejected, rejected_mask)):
        real = [[p for p, r in zip(*row, strict=True) if r] for row in zip(logp.tolist(), mask.tolist(), strict=True)]
        means.append([math.fsum(row) / len(row) for row in real])
    losses = [minus_log_sigmoid(beta * w - beta * lost - gamma) for w, lost in zip(*means, strict=True)]
    return tensor(math.fsum(losses) / len(losses))


def draw_policy(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    n = (3, 3, 4, 6, 10)[i]
    ref = np.log(rng.dirichlet(np.full(n, 2.0)))
    reward, beta = rng.normal(0, 1, n), (1.5, 0.5, 2.0, 0.25, 0.7)[i]
    if hidden and i > 2:
        reward, beta = reward * (1 if i == 3 else 3) + 300.0, 0.5  # exp(600) is no number; differences stay readable
    return {"ref_logp": tensor(ref), "reward": tensor(reward), "beta": beta}


def draw_dpo(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    n = (3, 4, 6, 9, 14)[i]
    ref = -rng.gamma(8, 1.5, (2, n))
    moved = rng.normal(0, 3 if i else 1, (2, n))
    if hidden and i > 2:
        moved *= 100.0  # far from home: σ rounds to 0 and 1
    return {
        "chosen": tensor(ref[0] + moved[0]),
        "rejected": tensor(ref[1] + moved[1]),
        "ref_chosen": tensor(ref[0]),
        "ref_rejected": tensor(ref[1]),
        "beta": (0.5, 0.1, 0.3, 0.8, 0.6)[i],
    }


def draw_kto(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    n = (3, 5, 6, 9, 14)[i]
    ref = -rng.gamma(8, 1.5, n)
    good = rng.random(n) < 0.4
    good[:2] = True, False
    kl = (0.8, 2.0, -0.7, 1.1, -2.0)[i]
    beta = (0.5, 0.2, 0.3, 0.8, 0.4)[i]
    return {
        "logp": tensor(ref + rng.normal(0.5, 2, n)),
        "ref_logp": tensor(ref),
        "good": tensor(good),
        "kl": kl,
        "beta": beta,
    }


def draw_simpo(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    rows, n_new = SIZES[i]
    masks = [ragged_mask(rng, rows, n_new, hidden) for _ in range(2)]
    masks[1][0, 1:] = False  # the first pair is of unequal length
    chosen, rejected = (-rng.exponential(1.5, (rows, n_new)) - 0.05 for _ in range(2))
    return {
        "chosen": tensor(chosen),
        "chosen_mask": tensor(masks[0]),
        "rejected": tensor(rejected),
        "rejected_mask": tensor(masks[1]),
        "beta": (2.0, 2.5, 1.5, 0.5, 3.0)[i],
        "gamma": (1.0, 0.5, 0.7, 1.5, 0.3)[i],
    }


TASKS = [
    Task(
        name="best_policy",
        exercise=EXERCISE,
        kind="function",
        title="The best policy there is",
        points=4,
        minutes=8,
        difficulty=2,
        judge=FunctionJudge("best_policy", best_policy_by_answer, draw_policy, wrong.BEST_POLICY, atol=1e-3, rtol=1e-4),
        hints=(
            "Stay in logarithms: log π* = log π_ref + r/β − log Z, and log Z is a logsumexp.",
            "Put π* into the objective: what is left is β log Z.",
        ),
        forbidden=LIBRARY,
    ),
    Task(
        name="dpo_loss",
        exercise=EXERCISE,
        kind="function",
        title="DPO",
        points=5,
        minutes=10,
        difficulty=2,
        judge=FunctionJudge("dpo_loss", dpo_by_pair, draw_dpo, wrong.DPO_LOSS, gradients=slopes.DPO_LOSS),
        hints=(
            "First the gain of each answer: policy minus reference. Then chosen minus rejected, times β.",
            "−log σ(x) = softplus(−x), which never overflows.",
        ),
        forbidden=LIBRARY,
    ),
    Task(
        name="kto_loss",
        exercise=EXERCISE,
        kind="function",
        title="KTO: thumbs up and down",
        points=4,
        minutes=10,
        difficulty=2,
        judge=FunctionJudge("kto_loss", kto_by_answer, draw_kto, wrong.KTO_LOSS, gradients=slopes.KTO_LOSS),
        hints=(
            "torch.where(good, surplus, -surplus) turns the sign for bad answers.",
            "kl is a plain number: max works.",
        ),
        forbidden=LIBRARY,
    ),
    Task(
        name="simpo_loss",
        exercise=EXERCISE,
        kind="function",
        title="SimPO: no reference",
        points=4,
        minutes=8,
        difficulty=2,
        judge=FunctionJudge("simpo_loss", simpo_by_token, draw_simpo, wrong.SIMPO_LOSS, gradients=slopes.SIMPO_LOSS),
        hints=("Each answer is divided by its own number of real tokens, mask.sum(1).",),
        forbidden=LIBRARY,
    ),
    Task(
        name="dpo_fault",
        exercise=EXERCISE,
        kind="diagnosis",
        title="A bug hunt: log 2",
        points=4,
        minutes=6,
        difficulty=2,
        judge=DiagnosisJudge(
            "dpo_fault",
            options={"fault": tuple("abcde"), "evidence": ("loss", "chosen", "rejected", "kl")},
            key={"fault": "bc2b4f549e9c7c29", "evidence": "cc35a6187ae28f6a"},
            why={
                "ffbbfe86762b4d9f": "then the log-probs would stand still",
                "6e5c1ebd8c3ed7b8": "then the chosen answer would become less likely",
                "d8b2144fd5d0c943": "a large β makes the loss fall fast, and then stop",
                "648966b6e0f757ee": "the prompt is the same on both sides and drops out of the margin; the loss would still fall",
                "7a8477701df5f520": "an answer that is always preferred may well become certain",
                "f948dc2e9669eef9": "a rejected answer falls; that it never slows down is strange, but follows from the fault",
                "6ac41931624d33ec": "the policy has moved, so this KL, to the policy at the start, must rise",
            },
        ),
        hints=("The margin has grown to 19 nats. What should −log σ(0.1 · 19) be? What is subtracted from it here?",),
    ),
]
