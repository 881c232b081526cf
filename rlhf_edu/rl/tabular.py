"""Learning a table of action values from experience: Q-learning, SARSA and expected SARSA are one loop, three targets.

Watkins (1989); Rummery and Niranjan (1994); van Seijen et al. (2009). Sutton and Barto (2018), chapter 6.
Left out on purpose: function approximation (see dqn), double estimators, eligibility traces.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite

import gymnasium as gym
import numpy as np
from jaxtyping import Float

from rlhf_edu.core import trainer
from rlhf_edu.rl.spaces import count, indexer

Target = Callable[[list[float], int, float], float]


@dataclass(frozen=True)
class TabularConfig:
    episodes: int = 500
    alpha: float = 0.1  # step size
    gamma: float = 0.99  # discount a step
    epsilon: float = 0.1  # share of actions taken at random
    epsilon_end: float | None = None  # reached in equal steps by the last episode; None keeps ε as it is

    def __post_init__(self):
        for name in ("alpha", "gamma", "epsilon", "epsilon_end"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise ValueError(f"{name} is {value}, but it must lie in [0, 1]")
        if self.episodes < 1:
            raise ValueError(f"episodes is {self.episodes}, but at least 1 is needed")

    def epsilon_at(self, episode: int) -> float:
        if self.epsilon_end is None:
            return self.epsilon
        return self.epsilon + (self.epsilon_end - self.epsilon) * episode / max(self.episodes - 1, 1)


def q_learning_target(next_q: list[float], next_act: int, epsilon: float) -> float:
    """max_a Q(s', a): the value of the best action, whatever is done next (off-policy)."""
    return max(next_q)


def sarsa_target(next_q: list[float], next_act: int, epsilon: float) -> float:
    """Q(s', a'): the value of the action that is in fact taken next (on-policy)."""
    return next_q[next_act]


def expected_sarsa_target(next_q: list[float], next_act: int, epsilon: float) -> float:
    """Σ_a π(a|s') Q(s', a) for the ε-greedy π: SARSA without the luck of the draw."""
    return (1 - epsilon) * max(next_q) + epsilon * sum(next_q) / len(next_q)


def epsilon_greedy(values: list[float], epsilon: float, rng: np.random.Generator) -> int:
    """A random action with probability ε, otherwise the best one; ties are broken at random."""
    if rng.random() < epsilon:
        return int(rng.random() * len(values))
    best = max(values)
    if values.count(best) > 1:
        ties = [act for act, value in enumerate(values) if value == best]
        return ties[int(rng.random() * len(ties))]
    return values.index(best)


def make_table(env: gym.Env) -> Float[np.ndarray, "S A"]:
    """A table of zeros: one row for each observation, one column for each action."""
    return np.zeros((count(env.observation_space), count(env.action_space)))


def learn(q, env, config, rng, target: Target):
    """Q(s, a) ← Q(s, a) + α [ r + γ target(Q(s', ·), a', ε) − Q(s, a) ]        the target is 0 after a terminal step"""
    check_table(q, env)
    index, alpha, gamma = indexer(env.observation_space), config.alpha, config.gamma
    first_act = int(getattr(env.action_space, "start", 0))
    total = 0
    for episode in range(config.episodes):
        epsilon = config.epsilon_at(episode)
        obs, _ = env.reset(seed=int(rng.integers(2**31)) if episode == 0 else None)
        s = index(obs)
        act, ret, steps, ended = epsilon_greedy(q[s].tolist(), epsilon, rng), 0.0, 0, False
        while not ended:
            next_obs, rew, terminated, truncated, _ = env.step(act + first_act)
            if not isfinite(rew):
                raise ValueError(f"the environment gave the reward {rew} at step {steps}: rewards must be finite")
            s_next = index(next_obs)
            next_q = q[s_next].tolist()  # plain lists: on rows this short they beat NumPy several times over
            next_act = epsilon_greedy(next_q, epsilon, rng)
            future = 0.0 if terminated else target(next_q, next_act, epsilon)
            q[s, act] += alpha * (rew + gamma * future - q[s, act])
            s, act, ret, steps, ended = s_next, next_act, ret + float(rew), steps + 1, terminated or truncated
        total += steps
        yield dict(episode=episode, step=total, ret=ret, steps=steps, epsilon=epsilon)


@trainer
def q_learning(
    q: np.ndarray,
    env: gym.Env,
    config=TabularConfig(),
    *,
    rng: np.random.Generator,
    target: Target = q_learning_target,
):
    """Learn the values of the best policy while following another; updates `q` in place, one record an episode.

    Q(s, a) ← Q(s, a) + α [ r + γ max_a' Q(s', a') − Q(s, a) ]          the max is 0 after a terminal step

    `target(next_q, next_act, epsilon)`, the value of what comes next, can be a function of your own.
    """
    yield from learn(q, env, config, rng, target)


@trainer
def sarsa(q: np.ndarray, env: gym.Env, config=TabularConfig(), *, rng: np.random.Generator):
    """Learn the values of the policy that is followed, exploration included; updates `q` in place.

    Q(s, a) ← Q(s, a) + α [ r + γ Q(s', a') − Q(s, a) ]                 a' is the action taken next
    """
    yield from learn(q, env, config, rng, sarsa_target)


@trainer
def expected_sarsa(q: np.ndarray, env: gym.Env, config=TabularConfig(), *, rng: np.random.Generator):
    """SARSA with the mean over next actions in place of the one drawn; updates `q` in place.

    Q(s, a) ← Q(s, a) + α [ r + γ Σ_a' π(a'|s') Q(s', a') − Q(s, a) ]
    """
    yield from learn(q, env, config, rng, expected_sarsa_target)


def check_table(q: np.ndarray, env: gym.Env) -> None:
    shape = (count(env.observation_space), count(env.action_space))
    if not isinstance(q, np.ndarray) or q.shape != shape or not np.issubdtype(q.dtype, np.floating):
        got = f"a table of {q.dtype} with shape {q.shape}" if isinstance(q, np.ndarray) else type(q).__name__
        raise ValueError(
            f"q is {got}, but this environment needs floats of shape {shape} (states × actions): make_table(env)"
        )
