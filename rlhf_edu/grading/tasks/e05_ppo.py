"""Tasks of exercise 05, PPO: the slope of the clipped loss, vital signs, normal policies, the whole loss, a bug hunt.

Every oracle goes number by number in plain Python, so that it shares nothing with the solutions or the library.
"""

import math

import numpy as np

from rlhf_edu.grading.answers import DiagnosisJudge
from rlhf_edu.grading.judges import FunctionJudge
from rlhf_edu.grading.task import Task
from rlhf_edu.grading.tasks import slopes
from rlhf_edu.grading.tasks import wrong_clipping as wrong
from rlhf_edu.grading.tensors import tensor

EXERCISE = "05_ppo"
LIBRARY = ("rlhf_edu.rl.", "rlhf_edu.rlhf.", "rlhf_edu.ops.")


def objective(rho: float, a: float, clip: float) -> float:
    """min( ρ A, clip(ρ, 1 − ε, 1 + ε) A )                                        (Schulman et al. 2017, eq. 7)"""
    return min(rho * a, min(max(rho, 1 - clip), 1 + clip) * a)


def slope_by_difference(logp, logp_old, adv, clip: float):
    """The slope of the mean loss in each log π, from a small step to either side."""
    h, out = 1e-6, []
    for p, old, a in zip(logp.double().tolist(), logp_old.double().tolist(), adv.double().tolist(), strict=True):
        up, down = (objective(math.exp(p + step - old), a, clip) for step in (h, -h))
        out.append(-(up - down) / (2 * h) / len(logp))
    return tensor(out)


def variance(xs: list[float]) -> float:
    mean = math.fsum(xs) / len(xs)
    return math.fsum((x - mean) ** 2 for x in xs) / (len(xs) - 1)


def signs_by_number(logp, logp_old, values, returns, clip: float):
    """KL, clip fraction and explained variance, one sample at a time."""
    kl, outside = [], 0
    for p, old in zip(logp.tolist(), logp_old.tolist(), strict=True):
        rho = math.exp(p - old)
        kl.append(rho - 1 - math.log(rho))
        outside += rho > 1 + clip or rho < 1 - clip
    left = [g - v for g, v in zip(returns.tolist(), values.tolist(), strict=True)]
    explained = 1 - variance(left) / variance(returns.tolist())
    return tensor(math.fsum(kl) / len(kl)), tensor(outside / len(kl)), tensor(explained)


def normal_by_part(mean, log_std, act):
    """log π(a) as the product of D bell curves, and the entropy Σ_d ½ log(2πe σ_d²)."""
    out = []
    for centre, a in zip(mean.tolist(), act.tolist(), strict=True):
        total = 0.0
        for m, s, x in zip(centre, log_std.tolist(), a, strict=True):
            spread = math.exp(s) ** 2
            total += math.log(1 / math.sqrt(2 * math.pi * spread)) - (x - m) ** 2 / (2 * spread)
        out.append(total)
    return tensor(out), tensor(sum(0.5 * math.log(2 * math.pi * math.e * math.exp(2 * s)) for s in log_std.tolist()))


def loss_by_sample(
    logp, logp_old, adv, values, returns, entropy, clip: float, value_weight: float, entropy_weight: float
):
    """−mean objective + c_v ½ mean (V − G)² − c_e mean entropy, with whitened advantages."""
    n, a = len(logp), adv.tolist()
    centre, spread = math.fsum(a) / n, math.sqrt(variance(a))
    total = 0.0
    for i in range(n):
        rho = math.exp(logp[i].item() - logp_old[i].item())
        total -= objective(rho, (a[i] - centre) / spread, clip)
        total += value_weight * 0.5 * (values[i].item() - returns[i].item()) ** 2
        total -= entropy_weight * entropy[i].item()
    return tensor(total / n)


def draw_logps(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Log-probs before and after some updates; a fair share of ratios lies beyond any clip."""
    old = -rng.exponential(1.2, n) - 0.05
    return old + rng.normal(0, 0.35, n), old


def draw_slope(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    n, clip = ((3, 0.2), (5, 0.2), (8, 0.1), (12, 0.3), (20, 0.15))[i]
    logp, old = draw_logps(rng, n)
    # All four corners: too far up and down, each with a good and a bad action.
    corners = np.array([0.6, 0.6, -0.6, -0.6])[: n - 1]
    logp[: len(corners)] = old[: len(corners)] + corners
    adv = rng.normal(0.2, 1, n)
    adv[:4] = np.abs(adv[:4]) * np.array([1, -1, 1, -1])[: len(adv[:4])]
    if n > 4:  # ρ has just passed 1 + ε, its logarithm has not
        logp[4], adv[4] = old[4] + (math.log1p(clip) + clip) / 2, abs(adv[4]) + 0.5
    return {"logp": tensor(logp), "logp_old": tensor(old), "adv": tensor(adv), "clip": clip}


def draw_signs(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    n = (4, 6, 10, 16, 30)[i]
    logp, old = draw_logps(rng, n)
    logp[0], logp[1] = old[0] + 0.5, old[1] - 0.21  # one far above; one below 1 − ε by log ρ only
    returns = rng.normal(3, 2, n)
    skill = (0.7, 0.3, 0.9, 0.5, 0.0)[i] if not (hidden and i == 3) else -1.0
    values = skill * returns + rng.normal(1, 1, n)
    return {
        "logp": tensor(logp),
        "logp_old": tensor(old),
        "values": tensor(values),
        "returns": tensor(returns),
        "clip": (0.2, 0.2, 0.1, 0.3, 0.2)[i],
    }


def draw_normal(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    n, parts = ((1, 2), (2, 2), (3, 3), (5, 4), (8, 2))[i]
    mean = rng.normal(0, 1, (n, parts))
    log_std = rng.uniform(-1.2, 0.8, parts) if not (hidden and i > 2) else rng.uniform(-3, -1, parts)
    act = mean + np.exp(log_std) * rng.normal(0, 1, (n, parts))
    return {"mean": tensor(mean), "log_std": tensor(log_std), "act": tensor(act)}


def draw_loss(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    n = (4, 6, 10, 16, 30)[i]
    logp, old = draw_logps(rng, n)
    clip, value_weight, entropy_weight = ((0.2, 0.5, 0.1), (0.2, 1.0, 0.3), (0.1, 0.5, 0.2), (0.3, 0.3, 0.5))[i % 4]
    returns = rng.normal(2, 1.5, n)
    return {
        "logp": tensor(logp),
        "logp_old": tensor(old),
        "adv": tensor(rng.normal(1, 3, n)),
        "values": tensor(returns + rng.normal(0.5, 1, n)),
        "returns": tensor(returns),
        "entropy": tensor(rng.uniform(0.2, 1.4, n)),
        "clip": clip,
        "value_weight": value_weight,
        "entropy_weight": entropy_weight,
    }


TASKS = [
    Task(
        name="clipped_slope",
        exercise=EXERCISE,
        kind="function",
        title="Which way each action is pulled",
        points=5,
        minutes=12,
        difficulty=3,
        judge=FunctionJudge("clipped_slope", slope_by_difference, draw_slope, wrong.CLIPPED_SLOPE),
        hints=(
            "Without the clip, the loss of one sample is −ρ A / B with ρ = e^{log π − log π_old}. What is dρ / d log π?",
            "With it, the slope is 0 in two cases only: A > 0 with ρ above 1 + ε, and A < 0 with ρ below 1 − ε.",
        ),
        forbidden=LIBRARY,
    ),
    Task(
        name="vital_signs",
        exercise=EXERCISE,
        kind="function",
        title="Three vital signs",
        points=5,
        minutes=10,
        difficulty=1,
        judge=FunctionJudge("vital_signs", signs_by_number, draw_signs, wrong.VITAL_SIGNS),
        hints=(
            "All but the explained variance starts from logp − logp_old.",
            "x.var() divides by n − 1. In the explained variance that cancels, as long as you use it twice.",
        ),
        forbidden=LIBRARY,
    ),
    Task(
        name="normal_policy",
        exercise=EXERCISE,
        kind="function",
        title="A policy for motors",
        points=4,
        minutes=10,
        difficulty=2,
        judge=FunctionJudge("normal_policy", normal_by_part, draw_normal, wrong.NORMAL_POLICY),
        hints=("Take the logarithm of 1 / √(2πσ²) · exp(−(a − μ)² / 2σ²) on paper first, then sum over the parts.",),
        forbidden=(*LIBRARY, "torch.distributions."),
    ),
    Task(
        name="total_loss",
        exercise=EXERCISE,
        kind="function",
        title="The whole loss",
        points=5,
        minutes=10,
        difficulty=2,
        judge=FunctionJudge("total_loss", loss_by_sample, draw_loss, wrong.TOTAL_LOSS, gradients=slopes.TOTAL_LOSS),
        hints=(
            "Whiten the advantages first: minus their mean, divided by their standard deviation (x.std()).",
            "An optimiser makes the loss small. So what should become large, the objective and the entropy, gets a minus.",
        ),
        forbidden=LIBRARY,
    ),
    Task(
        name="frozen_clip",
        exercise=EXERCISE,
        kind="diagnosis",
        title="Bug hunt: up, and down for good",
        points=4,
        minutes=8,
        difficulty=2,
        judge=DiagnosisJudge(
            "frozen_clip",
            options={"fault": tuple("abcde"), "evidence": ("return", "kl", "clip", "explained")},
            key={"fault": "9545a902a01fed6e", "evidence": "465cb4ae9137cf07"},
            why={
                "254bf48ffc9ce52b": "a tiny ε would clip nearly everything, and keep the KL small",
                "908abd69a06c7911": "then the values would be wrong, but ratios would still leave 1 ± ε",
                "8d58fad93bde4bd4": "the critic does learn: its explained variance rises to 0.99",
                "872e731c7b3c57b5": "with a learning rate of 0 the KL would be 0 from the start",
                "7d6e689fa8cdb87b": "a return that rises and falls fits many faults",
                "c58d0fbe062779e3": "a large KL says that steps are too large; it does not say why",
                "5d1cc669f497888e": "a policy that always does the same is easy to predict: that is no contradiction",
            },
        ),
        hints=(
            "Dozens of steps on the same data, and the policy has moved by whole nats. What must its ratios look like?",
        ),
    ),
]
