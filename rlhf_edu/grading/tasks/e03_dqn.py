"""Tasks of exercise 03, DQN: double targets, n steps, dueling, prioritised replay, and a bug hunt.

Every oracle goes number by number in plain Python, so that it shares nothing with the solutions or the library.
"""

import math

import numpy as np

from rlhf_edu.grading.answers import DiagnosisJudge
from rlhf_edu.grading.judges import FunctionJudge
from rlhf_edu.grading.task import Task
from rlhf_edu.grading.tasks import wrong_dqn as wrong
from rlhf_edu.grading.tensors import tensor

EXERCISE = "03_dqn"
LIBRARY = ("rlhf_edu.rl.",)


def double_by_row(rewards, terminated, next_target, next_online, gamma: float):
    """y = r + γ Q_target(s', argmax_a Q(s', a)), and r alone after a terminal step  (van Hasselt et al. 2016, eq. 4)."""
    out = []
    for r, over, target, online in zip(
        rewards.tolist(), terminated.tolist(), next_target.tolist(), next_online.tolist(), strict=True
    ):
        out.append(r if over else r + gamma * target[online.index(max(online))])
    return tensor(out)


def n_step_by_step(rewards, terminated, truncated, n: int, gamma: float):
    """Σ_{k<m} γ^k r_{t+k}, the discount γ^m or 0, and the last row, with m ≤ n steps to the end of episode or memory."""
    size = len(rewards)
    total, discount, last = [], [], []
    for t in range(size):
        ends = [u for u in range(t, size) if terminated[u] or truncated[u] or u == size - 1]
        u = min(ends[0], t + n - 1)
        total.append(math.fsum(gamma**k * rewards[t + k].item() for k in range(u - t + 1)))
        discount.append(0.0 if terminated[u] else gamma ** (u - t + 1))
        last.append(u)
    return tensor(total), tensor(discount), tensor(np.array(last))


def dueling_by_number(value, adv):
    """Q(s, a) = V(s) + A(s, a) − mean_a' A(s, a')                                      (Wang et al. 2016, eq. 9)"""
    rows = zip(value.tolist(), adv.tolist(), strict=True)
    return tensor([[v + a - math.fsum(row) / len(row) for a in row] for v, row in rows])


def priorities_by_number(errors, alpha: float, beta: float, small: float):
    """P(i) = p_i^α / Σ_j p_j^α with p = |δ| + ε, and w_i = (N P(i))^−β / max_j w_j   (Schaul et al. 2016, eq. 1, 3.4)"""
    p = [(abs(e) + small) ** alpha for e in errors.tolist()]
    chance = [x / math.fsum(p) for x in p]
    weight = [(len(p) * c) ** -beta for c in chance]
    return tensor(chance), tensor([w / max(weight) for w in weight])


def draw_targets(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    n, n_actions = ((2, 2), (3, 3), (5, 3), (8, 4), (12, 5))[i]
    terminated = rng.random(n) < 0.3
    terminated[0], terminated[1] = True, False
    return {
        "rewards": tensor(rng.normal(0.5, 1, n)),
        "terminated": tensor(terminated),
        "next_target": tensor(rng.normal(1, 2, (n, n_actions))),
        "next_online": tensor(rng.normal(1, 2, (n, n_actions))),
        "gamma": (0.5, 0.9, 0.99, 0.8, 0.95)[i],
    }


def draw_n_step(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    size, n = ((5, 2), (7, 3), (9, 2), (14, 4), (20, 5))[i]
    if hidden and i == 2:
        n = 30  # looks past the end of the memory from everywhere
    ends = rng.random(size)
    terminated, truncated = ends < 0.12, (ends > 0.12) & (ends < 0.24)
    terminated[1:3], truncated[1:3] = (True, False), (hidden and i > 2, False)
    terminated[-3:], truncated[-3:] = (False, False, False), (True, False, False)
    return {
        "rewards": tensor(rng.normal(0.5, 1, size)),
        "terminated": tensor(terminated),
        "truncated": tensor(truncated),
        "n": n,
        "gamma": (0.5, 0.9, 0.99, 0.8, 0.95)[i],
    }


def draw_dueling(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    n, n_actions = ((1, 2), (2, 3), (4, 2), (5, 4), (9, 6))[i]
    return {"value": tensor(rng.normal(3, 2, n)), "adv": tensor(rng.normal(0.7, 1.5, (n, n_actions)))}


def draw_priorities(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    n = (3, 4, 6, 10, 20)[i]
    return {
        "errors": tensor(rng.normal(0, 1.5, n)),
        "alpha": (0.5, 0.6, 0.7, 0.4, 0.8)[i] if not (hidden and i == 4) else 0.3,
        "beta": (0.5, 0.4, 0.7, 0.6, 0.9)[i],
        "small": (0.1, 0.05, 0.2, 0.1, 0.3)[i],
    }


TASKS = [
    Task(
        name="double_q_targets",
        exercise=EXERCISE,
        kind="function",
        title="One chooses, the other judges",
        points=4,
        minutes=8,
        difficulty=1,
        judge=FunctionJudge("double_q_targets", double_by_row, draw_targets, wrong.DOUBLE_Q_TARGETS),
        hints=(
            "First the choice, argmax over the actions of next_online; then look that action up in next_target.",
            "next_target.gather(1, best[:, None]) picks one number of each row; multiply by ~terminated.",
        ),
        forbidden=LIBRARY,
    ),
    Task(
        name="n_step",
        exercise=EXERCISE,
        kind="function",
        title="Looking n steps ahead",
        points=6,
        minutes=15,
        difficulty=3,
        judge=FunctionJudge("n_step", n_step_by_step, draw_n_step, wrong.N_STEP),
        hints=(
            "For each row find the last row of its sum first: it is reached after n − 1 more steps, or at an end, or at "
            "the end of memory, whichever comes first.",
            "With m rewards added, the next state is m steps away: its discount is γ^m, or 0 if the last row terminated.",
        ),
        forbidden=LIBRARY,
    ),
    Task(
        name="dueling_q",
        exercise=EXERCISE,
        kind="function",
        title="A height and a difference",
        points=2,
        minutes=5,
        difficulty=1,
        judge=FunctionJudge("dueling_q", dueling_by_number, draw_dueling, wrong.DUELING_Q),
        hints=("adv.mean(dim=1, keepdim=True) has shape [B, 1]; value needs a second axis, too.",),
        forbidden=LIBRARY,
    ),
    Task(
        name="priorities",
        exercise=EXERCISE,
        kind="function",
        title="What surprised comes back sooner",
        points=4,
        minutes=10,
        difficulty=2,
        judge=FunctionJudge("priorities", priorities_by_number, draw_priorities, wrong.PRIORITIES),
        hints=(
            "Three steps: priorities (|δ| + ε)^α, chances that add up to 1, weights (N P)^−β.",
            "Dividing by the largest weight means that no weight exceeds 1.",
        ),
        forbidden=LIBRARY,
    ),
    Task(
        name="endless_pole",
        exercise=EXERCISE,
        kind="diagnosis",
        title="Bug hunt: great expectations",
        points=4,
        minutes=8,
        difficulty=2,
        judge=DiagnosisJudge(
            "endless_pole",
            options={"fault": tuple("abcde"), "evidence": ("return", "q", "loss", "epsilon")},
            key={"fault": "2d8cde2ebaef3318", "evidence": "fe584252a5be763f"},
            why={
                "8d8a456ad4c062b9": "ε falls as it should, and is drawn beside the others",
                "831d0564f497ae91": "with targets that never move, Q could not climb so far",
                "f177ce3ec4acce24": "with a learning rate of 0, Q would stay where it began",
                "b26add9021938477": "with γ = 0 no target could exceed 1, the reward of a step",
                "880e9c7a6bdf85db": "a low return fits nearly every fault there is",
                "6ce640ab96cce823": "the loss says how far Q is from its own targets, right or wrong",
                "3cb7486c322031f9": "ε is as it should be",
            },
        ),
        hints=(
            "With γ = 0.99 and a reward of 1 a step, what is a state worth from which the pole never falls? And one from "
            "which it falls after ten steps? What keeps an agent from counting on, past the fall?",
        ),
    ),
]
