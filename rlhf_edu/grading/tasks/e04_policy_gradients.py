"""Tasks of exercise 04, policy gradients: the score, returns and advantages with both kinds of end, baselines.

Every oracle goes number by number in plain Python, so that it shares nothing with the solutions or the library.
"""

import math

import numpy as np

from rlhf_edu.grading.answers import ChoiceJudge
from rlhf_edu.grading.judges import FunctionJudge, NumberJudge
from rlhf_edu.grading.task import Task
from rlhf_edu.grading.tasks import wrong_policy_gradients as wrong
from rlhf_edu.grading.tensors import tensor

EXERCISE = "04_policy_gradients"
LIBRARY = ("rlhf_edu.rl.",)


def score_by_number(logits, act, adv):
    """A ∂ log π(a) / ∂ logit_i = A ([i = a] − π_i), the largest logit taken out first."""
    out = []
    for row, a, advantage in zip(logits.tolist(), act.tolist(), adv.tolist(), strict=True):
        weights = [math.exp(x - max(row)) for x in row]
        out.append([advantage * ((i == a) - w / math.fsum(weights)) for i, w in enumerate(weights)])
    return tensor(out)


def returns_by_definition(rewards, next_values, terminated, truncated, gamma: float):
    """G_t = Σ_{k<n} γ^k r_{t+k} + γ^n V, where V is 0 after a terminal step, summed to the end of episode or rollout."""
    T, E = rewards.shape
    out = [[0.0] * E for _ in range(T)]
    for e in range(E):
        for t in range(T):
            stop = next(u for u in range(t, T) if terminated[u, e] or truncated[u, e] or u == T - 1)
            total = math.fsum(gamma ** (u - t) * rewards[u, e].item() for u in range(t, stop + 1))
            rest = 0.0 if terminated[stop, e] else next_values[stop, e].item()
            out[t][e] = total + gamma ** (stop + 1 - t) * rest
    return tensor(out)


def gae_by_definition(rewards, values, next_values, terminated, truncated, gamma: float, lam: float):
    """A_t = Σ_k (γλ)^k δ_{t+k} to the end of the episode; the targets are A_t + V(s_t)."""
    T, E = rewards.shape
    adv = np.zeros((T, E))
    for e in range(E):
        for t in range(T):
            for u in range(t, T):
                future = 0.0 if terminated[u, e] else gamma * next_values[u, e].item()
                adv[t, e] += (gamma * lam) ** (u - t) * (rewards[u, e].item() + future - values[u, e].item())
                if terminated[u, e] or truncated[u, e]:
                    break
    return tensor(adv), tensor(adv + values.double().numpy())


def draw_score(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    n, n_actions = ((1, 2), (2, 3), (4, 3), (6, 4), (9, 5))[i]
    logits = rng.normal(0, 1.5, (n, n_actions))
    if hidden and i > 2:
        logits[:2] += np.array([[400.0], [-300.0]])  # the same policy, but e to the power 400 is too large
    return {
        "logits": tensor(logits),
        "act": tensor(rng.integers(n_actions, size=n)),
        "adv": tensor(rng.normal(0.5, 2, n)),
    }


def draw_steps(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    """Rewards, values and ends of T steps of E environments; every kind of end is there, in the hidden cases also both."""
    T, E = ((4, 1), (6, 2), (8, 2), (12, 3), (16, 4))[i]
    ends = rng.random((T, E))
    terminated, truncated = ends < 0.15, (ends > 0.15) & (ends < 0.3)
    terminated[1, 0], truncated[1, 0] = True, hidden and i > 2
    terminated[T // 2, -1], truncated[T // 2, -1] = False, True
    terminated[-1, 0], truncated[-1, 0] = False, False  # the rollout stops in mid-episode
    rewards, values, next_values = rng.normal(0.5, 1, (3, T, E))
    ended = terminated | truncated
    next_values[:-1] = np.where(ended[:-1], next_values[:-1], values[1:])  # inside an episode: the next row
    return {
        "rewards": tensor(rewards),
        "values": tensor(values),
        "next_values": tensor(next_values),
        "terminated": tensor(terminated),
        "truncated": tensor(truncated),
    }


def draw_returns(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    steps = draw_steps(rng, i, hidden)
    steps.pop("values")
    return {**steps, "gamma": (0.5, 0.9, 0.99, 0.8, 0.95)[i]}


def draw_gae(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    gamma, lam = ((0.5, 0.5), (0.9, 0.8), (0.99, 0.9), (0.8, 0.6), (0.95, 0.7))[i]
    return {**draw_steps(rng, i, hidden), "gamma": gamma, "lam": lam}


def levers_for(seed: int) -> dict[str, float]:
    """The chance of lever 0 and what the two levers pay, in the copy of the student with this seed."""
    if seed == 0:
        return {"p0": 0.9, "pay0": 2.0, "pay1": 7.0}
    rng = np.random.default_rng([seed, 4])
    pay0 = int(rng.integers(1, 10))
    return {"p0": int(rng.integers(6, 10)) / 10, "pay0": float(pay0), "pay1": float(pay0 + rng.integers(3, 9))}


def best_constant(p0: float, pay0: float, pay1: float) -> float:
    """b that minimises E[ ((r − b) ∂ log π)² ], so b = E[ s² r ] / E[ s² ] with the score s: 1 − π of the lever pulled."""
    squares = {"0": p0 * (1 - p0) ** 2, "1": (1 - p0) * p0**2}
    return (squares["0"] * pay0 + squares["1"] * pay1) / (squares["0"] + squares["1"])


TASKS = [
    Task(
        name="score_gradient",
        exercise=EXERCISE,
        kind="function",
        title="What one action says",
        points=4,
        minutes=8,
        difficulty=1,
        judge=FunctionJudge("score_gradient", score_by_number, draw_score, wrong.SCORE_GRADIENT),
        hints=(
            "For one sample: log π(a) = logit_a − log Σ_i e^{logit_i}. Take the derivative with respect to logit_i.",
            "torch.nn.functional.one_hot(act, n_actions) gives [i = a], and logits.softmax(1) gives π without overflow.",
        ),
        forbidden=LIBRARY,
    ),
    Task(
        name="bootstrapped_returns",
        exercise=EXERCISE,
        kind="function",
        title="Returns when the rollout stops too early",
        points=5,
        minutes=12,
        difficulty=2,
        judge=FunctionJudge("bootstrapped_returns", returns_by_definition, draw_returns, wrong.BOOTSTRAPPED_RETURNS),
        hints=(
            "Go from the last step to the first and carry the return of the step after along.",
            "What is discounted at step t is one of three things: 0, V(s'_t), or the return of step t + 1. Which one "
            "belongs to terminated, to truncated, to the last row?",
        ),
        forbidden=LIBRARY,
    ),
    Task(
        name="best_baseline",
        exercise=EXERCISE,
        kind="number",
        title="The best constant",
        points=3,
        minutes=10,
        difficulty=3,
        judge=NumberJudge(
            "best_baseline",
            best_constant,
            numbers=levers_for,
            rtol=0.002,
            mistakes={
                "mean_pay": (
                    lambda p0, pay0, pay1: p0 * pay0 + (1 - p0) * pay1,
                    "this is the mean pay: a good baseline, but not the one with the least variance",
                ),
                "midpoint": (lambda p0, pay0, pay1: (pay0 + pay1) / 2, "this is the middle; the chances matter, too"),
                "better": (lambda p0, pay0, pay1: max(pay0, pay1), "this is what the better lever pays"),
                "squared_chance": (
                    lambda p0, pay0, pay1: (p0**2 * pay0 + (1 - p0) ** 2 * pay1) / (p0**2 + (1 - p0) ** 2),
                    "the squares of the chances are no weights here: what is squared is ∂ log π",
                ),
                "score_only": (
                    lambda p0, pay0, pay1: ((1 - p0) ** 2 * pay0 + p0**2 * pay1) / ((1 - p0) ** 2 + p0**2),
                    "the squared scores are right, but each lever must also count as often as it is pulled",
                ),
            },
        ),
        hints=(
            "The mean does not depend on b, so the variance is least where the mean square is. Write it as a sum over the "
            "two levers, and take the derivative by b.",
        ),
        numbers=levers_for,
    ),
    Task(
        name="unbiased",
        exercise=EXERCISE,
        kind="choice",
        title="What may be subtracted",
        points=2,
        minutes=4,
        difficulty=2,
        judge=ChoiceJudge(
            "unbiased",
            options="abcde",
            key="06eef5db0027da74",
            why={
                "4c1f52e73b39383f": "right as far as it goes, but one more is harmless",
                "d862c67cfe8d007c": "right as far as it goes, but one more is harmless",
                "1d755d298f4cb63e": "right as far as it goes, but one more is harmless",
                "4a696cba4230b087": "then nothing could ever go wrong: try b = r on two levers",
                "476cf9a1e74ebdb4": "subtract the reward of the very action, and nothing is left to learn from",
                "744899e5dc2b52be": "Q(s, a) looks at the action: averaged over actions, it does not cancel",
            },
        ),
        hints=("E[b ∇ log π(a)] = b Σ ∇π(a) = 0 works if b may be taken out of the sum over the actions.",),
    ),
    Task(
        name="gae_and_targets",
        exercise=EXERCISE,
        kind="function",
        title="Advantages, and what the critic learns",
        points=6,
        minutes=15,
        difficulty=3,
        judge=FunctionJudge("gae_and_targets", gae_by_definition, draw_gae, wrong.GAE_AND_TARGETS),
        hints=(
            "Compute δ for all steps at once; `~terminated` switches off what comes after a terminal step.",
            "The sum stops at both kinds of end, the bootstrap only at one of them.",
        ),
        forbidden=LIBRARY,
    ),
]
