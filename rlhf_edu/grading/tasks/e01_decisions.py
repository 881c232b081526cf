"""Tasks of exercise 01, decisions: estimates, returns, a story as a model, the best values, and a question of patience.

Every oracle goes state by state in plain Python, or solves for each policy, so that it shares nothing with the library.
"""

import numpy as np

from rlhf_edu.grading.judges import FunctionJudge, NumberJudge
from rlhf_edu.grading.task import Task
from rlhf_edu.grading.tasks import wrong_decisions as wrong

EXERCISE = "01_decisions"
LIBRARY = ("rlhf_edu.rl.", "rlhf_edu.envs.")


def averages_by_list(acts: np.ndarray, rews: np.ndarray, n_acts: int) -> np.ndarray:
    """The plain mean of what each action gave, 0 where it was never taken."""
    got: list[list[float]] = [[] for _ in range(n_acts)]
    for act, rew in zip(acts.tolist(), rews.tolist(), strict=True):
        got[act].append(rew)
    return np.array([sum(each) / len(each) if each else 0.0 for each in got])


def returns_by_definition(rews: np.ndarray, gamma: float) -> np.ndarray:
    """G_t = Σ_k γ^k r_{t+k+1}, each summed for itself."""
    rewards = rews.tolist()
    return np.array([sum(gamma**k * r for k, r in enumerate(rewards[t:])) for t in range(len(rewards))])


def bike_by_outcome(n_levels: int, p_steep: float, pay: float, penalty: float):
    """All that can happen on the delivery bike, one outcome after the other."""
    reach = [[[0.0] * n_levels for _ in range(2)] for _ in range(n_levels)]
    reward = [[0.0, 0.0] for _ in range(n_levels)]
    for charge in range(1, n_levels):
        reach[charge][0][min(charge + 2, n_levels - 1)] = 1.0
        for chance, cost in ((1 - p_steep, 1), (p_steep, 2)):
            left = charge - cost
            if left > 0:
                reach[charge][1][left] += chance
                reward[charge][1] += chance * pay
            else:
                reward[charge][1] -= chance * penalty
    return np.array(reach), np.array(reward)


def best_values_by_policies(reach: np.ndarray, reward: np.ndarray, gamma: float) -> np.ndarray:
    """Howard's policy iteration: solve for the value of a policy, act greedily on it, until it stays."""
    n_states, n_acts = reward.shape
    policy = [0] * n_states
    while True:
        chain = np.array([reach[s][a] for s, a in enumerate(policy)])
        gained = np.array([reward[s][a] for s, a in enumerate(policy)])
        v = np.linalg.solve(np.eye(n_states) - gamma * chain, gained)
        better = list(policy)
        for s in range(n_states):
            worth = [reward[s, a] + gamma * float(reach[s, a] @ v) for a in range(n_acts)]
            if max(worth) > worth[policy[s]] + 1e-10:
                better[s] = worth.index(max(worth))
        if better == policy:
            return v
        policy = better


def draw_averages(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    """Tries of a few actions; the last action is never taken in hidden cases and in the first visible one."""
    n_acts, tries = (3, 4, 3, 5, 8)[i], (6, 12, 30, 40, 200)[i]
    acts = rng.integers(n_acts - (hidden or i == 0), size=tries)
    acts[:3] = (0, 0, 1)  # means and sums differ from the start
    return {"acts": acts, "rews": rng.normal(1.0, 2.0, tries), "n_acts": n_acts}


def draw_rewards(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    """The rewards of an episode, and a discount; hidden ones know γ = 1, γ = 0 and episodes of one step."""
    gamma = (0.5, 0.9, 0.8, 0.99, 0.7)[i]
    steps = (3, 5, 8, 20, 50)[i]
    if hidden and i > 2:
        gamma, steps = ((1.0, 12), (0.0, 6))[i - 3]
    elif hidden and i == 0:
        steps = 1
    return {"rews": rng.normal(0.5, 1.0, steps), "gamma": gamma}


def draw_bike(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    """Sizes and chances of the bike; hidden ones also without luck, and with the smallest battery."""
    p_steep = round(float(rng.uniform(0.1, 0.6)), 2)
    n_levels = (4, 3, 5, 6, 9)[i]
    if hidden and i > 2:
        n_levels, p_steep = ((2, p_steep), (7, 1.0))[i - 3]
    return {
        "n_levels": n_levels,
        "p_steep": p_steep,
        "pay": round(float(rng.uniform(0.5, 2)), 2),
        "penalty": round(float(rng.uniform(3, 9)), 2),
    }


def draw_model(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    """A random model in which every step may end the episode; hidden ones look further ahead."""
    n_states, n_acts = ((2, 2), (3, 2), (4, 3), (5, 2), (6, 4))[i]
    reach = rng.dirichlet(np.full(n_states + 1, 0.5), (n_states, n_acts))[..., :n_states]
    gamma = (0.5, 0.8, 0.9, 0.7, 0.9)[i] if not hidden else (0.9, 0.95, 0.8, 0.99, 0.97)[i]
    return {"reach": reach, "reward": rng.normal(0.0, 1.0, (n_states, n_acts)), "gamma": gamma}


def patience_for(seed: int) -> dict:
    """Two offers: `small` points in `soon` steps, `large` ones in `late` steps."""
    if seed == 0:
        return {"small": 4, "soon": 2, "large": 6, "late": 7}
    rng = np.random.default_rng([seed, 1])
    small, soon = int(rng.integers(2, 6)), int(rng.integers(1, 4))
    return {
        "small": small,
        "soon": soon,
        "large": small + int(rng.integers(2, 6)),
        "late": soon + int(rng.integers(3, 8)),
    }


def tipping_point(small: int, soon: int, large: int, late: int) -> float:
    """The γ at which small · γ^soon = large · γ^late."""
    return (small / large) ** (1 / (late - soon))


TASKS = [
    Task(
        name="sample_averages",
        exercise=EXERCISE,
        kind="function",
        title="Estimates from tries",
        points=3,
        minutes=6,
        judge=FunctionJudge("sample_averages", averages_by_list, draw_averages, wrong.AVERAGES),
        hints=(
            "Keep a count n and an estimate q for each action. After a try: n += 1, then q += (r − q) / n, for that "
            "action alone.",
        ),
        forbidden=LIBRARY,
    ),
    Task(
        name="discounted_returns",
        exercise=EXERCISE,
        kind="function",
        title="Returns, from every step on",
        points=3,
        minutes=6,
        judge=FunctionJudge("discounted_returns", returns_by_definition, draw_rewards, wrong.RETURNS),
        hints=("Start at the end: G_t = r_{t+1} + γ G_{t+1}, and after the last reward G is 0.",),
        forbidden=LIBRARY,
    ),
    Task(
        name="bike_model",
        exercise=EXERCISE,
        kind="function",
        title="A story becomes a model",
        points=5,
        minutes=12,
        difficulty=2,
        judge=FunctionJudge("bike_model", bike_by_outcome, draw_bike, wrong.BIKE),
        hints=(
            "Loop over the charges from 1 up. Charging has one outcome, riding has two; add each outcome's chance to "
            "`reach`, and chance times reward to `reward`.",
            "An outcome that leaves no charge adds to `reward` only: nobody goes on from there.",
        ),
        forbidden=LIBRARY,
    ),
    Task(
        name="best_values",
        exercise=EXERCISE,
        kind="function",
        title="Value iteration, to the end",
        points=5,
        minutes=10,
        difficulty=2,
        judge=FunctionJudge("best_values", best_values_by_policies, draw_model, wrong.BEST_VALUES),
        hints=(
            "One sweep is (reward + gamma * reach @ v).max(axis=1). Repeat until v stands still.",
            "If hidden cases fail: with γ = 0.99 a few dozen sweeps are not enough. Stop by the size of the change, not "
            "by a fixed number.",
        ),
        forbidden=LIBRARY,
    ),
    Task(
        name="patience",
        exercise=EXERCISE,
        kind="number",
        title="How patient is that?",
        points=2,
        minutes=4,
        judge=NumberJudge("patience", tipping_point, wrong.PATIENCE, numbers=patience_for, atol=0.002, rtol=0.0),
        hints=("Both offers are worth the same when small · γ^soon = large · γ^late. Solve for γ.",),
        numbers=patience_for,
    ),
]
