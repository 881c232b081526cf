"""Tasks of exercise 11, inverse reinforcement learning: a soft sweep, time spent, the gradient, shaping, a bug hunt.

Every oracle works on plain numbers, state by state, so that it shares nothing with the library.
"""

import math

import numpy as np

from rlhf_edu.grading.answers import DiagnosisJudge
from rlhf_edu.grading.judges import FunctionJudge
from rlhf_edu.grading.task import Task
from rlhf_edu.grading.tasks import wrong_irl as wrong

EXERCISE = "11_inverse_rl"
LIBRARY = ("rlhf_edu.reward.", "rlhf_edu.rl.")


def sweep_by_state(v, reward, reach, gamma):
    """log(e^x + e^y) = x + log(1 + e^(y − x)) for the larger x, one action after the other."""
    out = []
    for s in range(len(v)):
        total = -math.inf
        for a in range(reward.shape[1]):
            q = float(reward[s, a]) + gamma * sum(
                float(p) * float(after) for p, after in zip(reach[s, a], v, strict=True)
            )
            high, low = max(total, q), min(total, q)
            total = high + math.log1p(math.exp(low - high))
        out.append(total)
    return np.array(out)


def time_by_steps(policy, reach, starts, gamma):
    """The sum over time, step by step, until what is left is nothing."""
    n_states, n_acts = policy.shape
    here, rho, weight = starts.tolist(), np.zeros(policy.shape), 1.0
    while weight > 1e-9:
        after = [0.0] * n_states
        for s in range(n_states):
            for a in range(n_acts):
                now = here[s] * float(policy[s, a])
                rho[s, a] += weight * now
                for t in range(n_states):
                    after[t] += now * float(reach[s, a, t])
        here, weight = after, weight * gamma
    return rho


def gradient_by_feature(theta, expert, learner, features, prior):
    """For each feature: what the expert collects of it, less what the learner does, less the slope of the prior."""
    out = []
    for f, weight in enumerate(theta.tolist()):
        theirs = sum(float(x) for x in (expert * features[:, :, f]).ravel())
        own = sum(float(x) for x in (learner * features[:, :, f]).ravel())
        out.append(theirs - own - prior * weight - prior * weight)
    return np.array(out)


def shaped_by_pair(reward, potential, reach, gamma):
    """Pay for the climb from s to every t where it may go on, and for the fall to 0 where it ends."""
    out = reward.astype(float)
    for s in range(reward.shape[0]):
        for a in range(reward.shape[1]):
            for t, p in enumerate(reach[s, a].tolist()):
                out[s, a] += p * (gamma * float(potential[t]) - float(potential[s]))
            out[s, a] -= (1 - float(reach[s, a].sum())) * float(potential[s])
    return out


def random_reach(rng: np.random.Generator, n_states: int, n_acts: int) -> np.ndarray:
    """Chances to go on; some actions end the episode now and then, the very last one always."""
    reach = rng.dirichlet(np.ones(n_states), (n_states, n_acts))
    reach *= rng.choice([1.0, 0.6], (n_states, n_acts))[..., None]
    reach[0, 0] *= 0.5
    reach[-1, -1] = 0.0
    return reach


SIZES = ((2, 2), (3, 2), (4, 3), (5, 4), (7, 3))
GAMMAS = (0.5, 0.9, 0.8, 0.95, 0.7)


def draw_sweep(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    """Random values and rewards; some hidden ones are in the thousands, of either sign."""
    n_states, n_acts = SIZES[i]
    scale = 2000.0 if hidden and i > 2 else 1.5
    return {
        "v": rng.normal(0.0, scale, n_states),
        "reward": rng.normal(0.0, scale, (n_states, n_acts)),
        "reach": random_reach(rng, n_states, n_acts),
        "gamma": GAMMAS[i],
    }


def draw_time(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    """A random policy in a random world, one of which never ends; hidden ones may begin in one state only."""
    n_states, n_acts = SIZES[i]
    starts = rng.dirichlet(np.ones(n_states))
    if hidden and i % 2:
        starts = np.eye(n_states)[-1]
    endless = rng.dirichlet(np.ones(n_states), (n_states, n_acts))
    return {
        "policy": rng.dirichlet(np.ones(n_acts), n_states),
        "reach": endless if i == 3 else random_reach(rng, n_states, n_acts),
        "starts": starts,
        "gamma": (0.5, 0.9, 0.8, 0.95, 0.9)[i],
    }


def draw_gradient(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    """Two occupancies of different totals, random features."""
    n_states, n_acts = SIZES[i]
    n_features = (2, 3, 1, 4, 6)[i] if hidden else (2, 3, 2, 4, 5)[i]
    return {
        "theta": rng.normal(0.0, 2.0, n_features),
        "expert": rng.uniform(0.0, 1.0, (n_states, n_acts)),
        "learner": rng.uniform(0.0, 2.0, (n_states, n_acts)),
        "features": rng.normal(0.0, 1.0, (n_states, n_acts, n_features)),
        "prior": (0.5, 0.1, 0.3, 0.2, 1.0)[i],
    }


def draw_shaped(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    """A random reward, potential and world with ends; one hidden potential is the same everywhere."""
    n_states, n_acts = SIZES[i]
    constant = hidden and i == 3
    return {
        "reward": rng.normal(0.0, 1.0, (n_states, n_acts)),
        "potential": np.full(n_states, 3.0) if constant else rng.normal(0.0, 2.0, n_states),
        "reach": random_reach(rng, n_states, n_acts),
        "gamma": GAMMAS[i],
    }


TASKS = [
    Task(
        name="soft_sweep",
        exercise=EXERCISE,
        kind="function",
        title="One soft sweep",
        points=4,
        minutes=8,
        judge=FunctionJudge("soft_sweep", sweep_by_state, draw_sweep, wrong.SWEEP),
        hints=("Take the largest Q of each state out, add up the exponentials of what is left, and add it again.",),
        forbidden=LIBRARY,
    ),
    Task(
        name="time_spent",
        exercise=EXERCISE,
        kind="function",
        title="Where somebody spends time",
        points=5,
        minutes=10,
        difficulty=2,
        judge=FunctionJudge("time_spent", time_by_steps, draw_time, wrong.TIME),
        hints=(
            "`np.einsum('sa,sat->st', policy, reach)` is the chain P_π: the chance to get from s to t.",
            "d gathers at t what comes from all s, so the chain must be transposed.",
        ),
        forbidden=LIBRARY,
    ),
    Task(
        name="irl_gradient",
        exercise=EXERCISE,
        kind="function",
        title="The gradient",
        points=4,
        minutes=8,
        difficulty=2,
        judge=FunctionJudge("irl_gradient", gradient_by_feature, draw_gradient, wrong.GRADIENT),
        hints=("Expected minus expected: one sum over states and actions for each feature, then the prior's slope.",),
        forbidden=LIBRARY,
    ),
    Task(
        name="shaped",
        exercise=EXERCISE,
        kind="function",
        title="What no behaviour shows",
        points=4,
        minutes=6,
        difficulty=2,
        judge=FunctionJudge("shaped", shaped_by_pair, draw_shaped, wrong.SHAPED),
        hints=(
            "`reach @ potential` has shape [S, A]; the potential of s needs a second axis to be subtracted from it.",
        ),
        forbidden=LIBRARY,
    ),
    Task(
        name="endless_climb",
        exercise=EXERCISE,
        kind="diagnosis",
        title="Bug hunt: a likelihood that never stops climbing",
        points=4,
        minutes=6,
        difficulty=2,
        judge=DiagnosisJudge(
            "endless_climb",
            options={"fault": tuple("abcde"), "evidence": ("likelihood", "gap", "weights", "visits")},
            key={"fault": "8b8b9af9bed6d5a9", "evidence": "bec332bcf4cd427c"},
            why={
                "d695b5e8a482da6c": "too large a step makes weights jump to and fro; these climb in a straight line",
                "1abdbfa8b8a8183c": "then the likelihood would fall",
                "6890c2407e7d6c6f": "few walks make the answer uncertain; they do not make the expert walk longer than possible",
                "55c29aac11e29be6": "a γ that is too large would raise what the learner can reach, and the expert would be below it",
                "dc59b497867f76e7": "it should not pass 0, but that follows from another number that is on the page",
                "18a0d9042f5f5c1e": "a gap of 0.5 is bad, but possible",
                "78713bf5b2955bfc": "weights may be as large as they like; an expert who never wavers makes them grow, too",
            },
        ),
        hints=("What is 1 + γ + γ² + … for γ = 0.9? Which number on the page does not respect that?",),
    ),
]
