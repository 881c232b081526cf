"""Planning with a known model: policy evaluation, value iteration, policy iteration (Bellman 1957, Howard 1960).

The model is the transition table `env.unwrapped.P` of Gymnasium's toy-text environments and of our grid worlds.
Left out on purpose: asynchronous sweeps, and models too big for dense arrays.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
from jaxtyping import Float, Integer

from rlhf_edu.core import trainer


@dataclass(frozen=True)
class Model:
    """A finite Markov decision process as two arrays.

    `reach[s, a, s']` is the probability of going *on* from s' (it is 0 where the step terminates, so that nothing
    bootstraps there), `reward[s, a]` the expected reward.
    """

    reach: Float[np.ndarray, "S A S"]
    reward: Float[np.ndarray, "S A"]

    def __post_init__(self):
        if self.reach.shape != (*self.reward.shape, len(self.reward)):
            raise ValueError(
                f"reach has shape {self.reach.shape} and reward {self.reward.shape}, but they must be (S, A, S) and (S, A)"
            )
        if not (self.reach >= 0).all() or not (self.reach.sum(2) <= 1 + 1e-6).all():
            raise ValueError(
                "reach has rows that are no probabilities: they must not be negative or sum to more than 1"
            )


@dataclass(frozen=True)
class PlanningConfig:
    gamma: float = 0.99  # discount a step
    tolerance: float = 1e-9  # stop when no value moves further than this
    max_sweeps: int = 10_000

    def __post_init__(self):
        if not 0 <= self.gamma <= 1:
            raise ValueError(f"gamma is {self.gamma}, but it must lie in [0, 1]")
        if self.tolerance <= 0 or self.max_sweeps < 1:
            raise ValueError(
                f"tolerance is {self.tolerance} and max_sweeps {self.max_sweeps}, but both must be positive"
            )


def model_of(env: gym.Env | Model | dict[int, dict[int, list]]) -> Model:
    """Read the transition table of an environment (or a table like it) and check that it makes sense."""
    if isinstance(env, Model):
        return env
    table: Any = env if isinstance(env, dict) else getattr(env.unwrapped, "P", None)
    if table is None:
        raise ValueError(f"{env} has no transition table P to plan with: learn from its steps instead (q_learning)")
    n_states, n_actions = len(table), len(table[0])
    reach, reward = np.zeros((n_states, n_actions, n_states)), np.zeros((n_states, n_actions))
    for s in range(n_states):
        for a in range(n_actions):
            chances = [outcome[0] for outcome in table[s][a]]
            if min(chances) < 0 or abs(sum(chances) - 1) > 1e-6:
                raise ValueError(
                    f"P[{s}][{a}] has probabilities {[float(p) for p in chances]}, "
                    "but they must not be negative and must sum to 1"
                )
            for p, s_next, r, terminated in table[s][a]:
                if not np.isfinite(r):
                    raise ValueError(f"P[{s}][{a}] has the reward {r}, but rewards must be finite numbers")
                reward[s, a] += p * r
                reach[s, a, s_next] += p * (not terminated)
    return Model(reach, reward)


def q_values(env: gym.Env | Model, v: Float[np.ndarray, " S"], gamma: float) -> Float[np.ndarray, "S A"]:
    """What each action is worth when v says what comes after: Q(s, a) = Σ_s' P(s'|s, a) [ r + γ v(s') ]."""
    model = model_of(env)
    return model.reward + gamma * model.reach @ v


def greedy(q: Float[np.ndarray, "S A"]) -> Integer[np.ndarray, " S"]:
    """The best action in each state; near-ties go to the lowest action, so that rounding does not decide."""
    return (q >= q.max(axis=1, keepdims=True) - 1e-9).argmax(axis=1)


def under(model: Model, policy: np.ndarray) -> tuple[Float[np.ndarray, "S S"], Float[np.ndarray, " S"]]:
    """The Markov chain and the expected rewards that a policy makes of a model.

    A policy is one action a state, or a table of probabilities (states × actions).
    """
    n_states, n_actions = model.reward.shape
    policy = np.asarray(policy)
    if policy.shape == (n_states,) and np.issubdtype(policy.dtype, np.integer):
        policy = np.eye(n_actions)[policy]
    if policy.shape != (n_states, n_actions):
        raise ValueError(
            f"the policy has shape {policy.shape}, but it must hold one action for each of {n_states} states, "
            f"or probabilities of shape {(n_states, n_actions)}"
        )
    if policy.min() < 0 or not np.allclose(policy.sum(axis=1), 1):
        raise ValueError("the policy has rows that are no probabilities: they must not be negative and must sum to 1")
    return np.einsum("sa,sat->st", policy, model.reach), (policy * model.reward).sum(axis=1)


def exact_values(env: gym.Env | Model, policy: np.ndarray, gamma: float = 0.99) -> Float[np.ndarray, " S"]:
    """The value of a policy by solving the linear system v = r + γ P v at once.

    Raises ValueError with γ = 1 where the policy may wander for ever: its return is then not defined.
    """
    chain, reward = under(model_of(env), policy)
    system = np.eye(len(reward)) - gamma * chain
    if np.linalg.matrix_rank(system) < len(reward):
        raise ValueError("with gamma = 1 this policy may never finish, so it has no value: use gamma < 1")
    return np.linalg.solve(system, reward)


def sweeps(v: np.ndarray, backup: Callable[[np.ndarray], np.ndarray], config: PlanningConfig, n_states: int):
    """Sweep v ← backup(v) in place until no value moves further than the tolerance; one record a sweep."""
    check_values(v, n_states)
    for sweep in range(config.max_sweeps):
        new = backup(v)
        change = float(np.abs(new - v).max())
        v[:] = new
        yield dict(sweep=sweep, change=change, mean_value=float(v.mean()))
        if change < config.tolerance:
            return


@trainer
def policy_evaluation(v: np.ndarray, env: gym.Env | Model, policy: np.ndarray, config=PlanningConfig()):
    """Sweep v ← r_π + γ P_π v in place until it stands still; yield one record a sweep."""
    chain, reward = under(model_of(env), policy)
    yield from sweeps(v, lambda v: reward + config.gamma * chain @ v, config, len(reward))


@trainer
def value_iteration(v: np.ndarray, env: gym.Env | Model, config=PlanningConfig()):
    """Sweep v(s) ← max_a Σ_s' P(s'|s, a) [ r + γ v(s') ] in place; yield one record a sweep."""
    model = model_of(env)
    yield from sweeps(v, lambda v: q_values(model, v, config.gamma).max(axis=1), config, len(model.reward))


@trainer
def policy_iteration(policy: np.ndarray, env: gym.Env | Model, config=PlanningConfig()):
    """Evaluate the policy exactly, act greedily on what it is worth, in place, until nothing changes."""
    model = model_of(env)
    for iteration in range(config.max_sweeps):
        v = exact_values(model, policy, config.gamma)
        q = q_values(model, v, config.gamma)
        # An action is given up only for a better one: ties must not make the policy run in circles.
        better = q.max(axis=1) > q[np.arange(len(q)), policy] + 1e-9
        policy[better] = greedy(q)[better]
        yield dict(iteration=iteration, changed=int(better.sum()), mean_value=float(v.mean()))
        if not better.any():
            return


def check_values(v: np.ndarray, n_states: int) -> None:
    if not isinstance(v, np.ndarray) or v.shape != (n_states,) or not np.issubdtype(v.dtype, np.floating):
        shape = f"{v.dtype} of shape {v.shape}" if isinstance(v, np.ndarray) else type(v).__name__
        raise ValueError(f"v is {shape}, but it must be a float array of shape ({n_states},): np.zeros({n_states})")
