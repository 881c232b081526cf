"""Tasks of exercise 02, Q-learning and SARSA: one update, who explores how, what comes next, an episode, a bug hunt.

Every oracle works on plain lists, cell by cell, so that it shares nothing with the library.
"""

import numpy as np

from rlhf_edu.grading.answers import DiagnosisJudge
from rlhf_edu.grading.judges import FunctionJudge
from rlhf_edu.grading.task import Task
from rlhf_edu.grading.tasks import wrong_tabular as wrong

EXERCISE = "02_q_learning"
LIBRARY = ("rlhf_edu.rl.",)


def updated_by_cell(q, s, act, rew, s_next, terminated, alpha, gamma):
    """The same table, with (1 − α) of the old cell and α of the target in the cell (s, a)."""
    table = [list(row) for row in q.tolist()]
    after = 0.0 if terminated else sorted(table[s_next])[-1]
    table[s][act] = (1 - alpha) * table[s][act] + alpha * (rew + gamma * after)
    return np.array(table)


def chances_by_row(q, epsilon):
    """For each row: how likely each action is, summed over the two ways to choose it."""
    rows = []
    for row in q.tolist():
        winners = [i for i, value in enumerate(row) if value == max(row)]
        at_random = epsilon / len(row)
        rows.append([at_random + ((1 - epsilon) / len(winners) if i in winners else 0.0) for i in range(len(row))])
    return np.array(rows)


def targets_by_draw(rews, next_q, terminated, epsilon, gamma):
    """r + γ E[Q(s', a')], the mean taken over a coin for exploring and then over the action."""
    out = []
    for rew, row, end in zip(rews.tolist(), next_q.tolist(), terminated.tolist(), strict=True):
        explores = sum(row) / len(row)
        after = 0.0 if end else epsilon * explores + (1 - epsilon) * max(row)
        out.append(rew + gamma * after)
    return np.array(out)


def sarsa_by_step(q, obs, acts, rews, terminated, alpha, gamma):
    """One SARSA update for each step, in order; only a terminal step has nothing after it."""
    table = {(s, a): value for s, row in enumerate(q.tolist()) for a, value in enumerate(row)}
    pairs = list(zip(obs.tolist(), acts.tolist(), strict=True))
    for t, rew in enumerate(rews.tolist()):
        is_over = terminated and t + 1 == len(rews)
        target = rew if is_over else rew + gamma * table[pairs[t + 1]]
        table[pairs[t]] = table[pairs[t]] + alpha * (target - table[pairs[t]])
    return np.array([[table[s, a] for a in range(q.shape[1])] for s in range(q.shape[0])])


def draw_update(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    """A random table and a random step; every second one is terminal, and some stay where they are."""
    n_states, n_acts = ((2, 2), (3, 2), (4, 3), (5, 4), (8, 4))[i]
    s = int(rng.integers(n_states))
    s_next = s if hidden and i == 2 else (s + 1) % n_states
    return {
        "q": rng.normal(0.0, 2.0, (n_states, n_acts)),
        "s": s,
        "act": int(rng.integers(n_acts)),
        "rew": round(float(rng.normal()), 2),
        "s_next": s_next,
        "terminated": i in (1, 3),
        "alpha": (0.5, 0.1, 0.3, 0.2, 0.7)[i],
        "gamma": (0.9, 0.8, 0.95, 0.5, 0.99)[i],
    }


def draw_policy(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    """Action values with ties in all but the first visible case; hidden ones hold rows where all are alike, and ε = 0."""
    n_states, n_acts = ((1, 3), (2, 3), (4, 4), (5, 2), (8, 5))[i]
    q = rng.normal(0.0, 2.0, (n_states, n_acts))
    if hidden or i > 0:
        q[0, 0] = q[0, 1] = q[0].max() + 1
    if hidden and i > 1:
        q[-1] = -3.0
    epsilon = (0.3, 0.1, 0.2, 0.5, 0.05)[i]
    return {"q": q, "epsilon": 0.0 if hidden and i == 3 else epsilon}


def draw_targets(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    """A batch of steps, some of them terminal; hidden ones also without exploring, and with nothing else."""
    batch, n_acts = ((2, 2), (3, 3), (5, 4), (8, 3), (16, 5))[i]
    terminated = rng.random(batch) < 0.3
    terminated[0], terminated[1] = False, True
    epsilon = (0.2, 0.1, 0.3, 0.5, 0.05)[i]
    return {
        "rews": rng.normal(0.0, 1.0, batch),
        "next_q": rng.normal(0.5, 2.0, (batch, n_acts)),
        "terminated": terminated,
        "epsilon": {3: 0.0, 4: 1.0}.get(i, epsilon) if hidden else epsilon,
        "gamma": (0.9, 0.8, 0.95, 0.99, 0.5)[i],
    }


def draw_episode(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    """An episode that visits pairs more than once; every second one is cut off by a time limit."""
    n_states, n_acts, steps = ((3, 2, 2), (2, 2, 5), (3, 2, 8), (4, 3, 20), (5, 2, 40))[i]
    if hidden and i == 0:
        steps = 1
    return {
        "q": rng.normal(0.0, 1.5, (n_states, n_acts)),
        "obs": rng.integers(n_states, size=steps + 1),
        "acts": rng.integers(n_acts, size=steps + 1),
        "rews": rng.normal(0.0, 1.0, steps),
        "terminated": i % 2 == 0,
        "alpha": (0.5, 0.3, 0.2, 0.1, 0.4)[i],
        "gamma": (0.9, 0.8, 0.95, 0.99, 0.7)[i],
    }


TASKS = [
    Task(
        name="q_update",
        exercise=EXERCISE,
        kind="function",
        title="One step of Q-learning",
        points=4,
        minutes=8,
        judge=FunctionJudge("q_update", updated_by_cell, draw_update, wrong.UPDATE),
        hints=("Three lines: what comes next, the target r + γ · next, and the step of size α towards it.",),
        forbidden=LIBRARY,
    ),
    Task(
        name="exploring_policy",
        exercise=EXERCISE,
        kind="function",
        title="The chances of somebody who explores",
        points=4,
        minutes=8,
        difficulty=2,
        judge=FunctionJudge("exploring_policy", chances_by_row, draw_policy, wrong.POLICY),
        hints=(
            "Every action gets ε / A. What is left, 1 − ε, goes to the best one; where several are best, they share it.",
            "`q == q.max(axis=1, keepdims=True)` marks all the best ones, and its sum over axis 1 counts them.",
        ),
        forbidden=LIBRARY,
    ),
    Task(
        name="expected_targets",
        exercise=EXERCISE,
        kind="function",
        title="Targets without the luck of the draw",
        points=4,
        minutes=8,
        difficulty=2,
        judge=FunctionJudge("expected_targets", targets_by_draw, draw_targets, wrong.TARGETS),
        hints=("Under ε-greedy the mean of Q(s', ·) is (1 − ε) times its maximum plus ε times its plain mean.",),
        forbidden=LIBRARY,
    ),
    Task(
        name="sarsa_episode",
        exercise=EXERCISE,
        kind="function",
        title="A whole episode of SARSA",
        points=5,
        minutes=10,
        difficulty=2,
        judge=FunctionJudge("sarsa_episode", sarsa_by_step, draw_episode, wrong.EPISODE),
        hints=(
            "Go through the steps in order and change the table as you go: a later step sees what an earlier one has "
            "learnt.",
            "Only one step can have nothing after it: the last one, and only if the episode terminated. After a time limit "
            "there is a next pair, (obs[T], acts[T]).",
        ),
        forbidden=LIBRARY,
    ),
    Task(
        name="too_good",
        exercise=EXERCISE,
        kind="diagnosis",
        title="Bug hunt: too good to be true",
        points=4,
        minutes=6,
        difficulty=2,
        judge=DiagnosisJudge(
            "too_good",
            options={"fault": tuple("abcde"), "evidence": ("return", "steps", "value", "error")},
            key={"fault": "09e0e715cdc65d71", "evidence": "3efb1676776eb850"},
            why={
                "b05a1e42b178c351": "a large step makes the values jump about; on average they would still not pass what is possible",
                "bafd172725bf9f56": "that makes values too small, since what comes after the limit is left out; these are too large",
                "de6f97413ace4a85": "without exploring, values stay too small where nobody goes; these are too large",
                "b6dd06ce0f4d5bab": "then no value could pass 1, the one reward there is; γ = 1 only means that a late reward counts as much as an early one",
                "b43a4e426d0984fb": "every episode reaches the goal: that is what a healthy learner does, too",
                "172967f88e31af81": "eight steps on a slippery floor are what a healthy learner needs, too",
                "cb4a8cf63b3426f4": "steps of chance keep the TD error above 0 in a healthy run, too",
            },
        ),
        hints=("The only reward in this world is 1, once, at the end. Which curve says something that cannot be?",),
    ),
]
