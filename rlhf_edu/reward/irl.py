"""Inverse reinforcement learning on small worlds: which reward explains what somebody does? Maximum causal entropy.

Ziebart (2010), "Modeling purposeful adaptive behavior with the principle of maximum causal entropy", with a discount as in
Bloem and Bambos (2014). Everything is exact: soft value iteration, occupancies by a linear solve, no sampling.
Left out on purpose: learned features (see `adversarial`), worlds too big for dense arrays.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from rlhf_edu.core import trainer


@dataclass(frozen=True)
class World:
    """A finite world without its reward. Actions lead to cells; some of those end the episode.

    `land[s, a, s']` is the probability to land on s', `reach` that of landing there *and* going on. `starts` is where episodes begin.
    """

    land: Float[np.ndarray, "S A S"]
    reach: Float[np.ndarray, "S A S"]
    starts: Float[np.ndarray, " S"]

    def __post_init__(self):
        if not np.allclose(self.land.sum(-1), 1) or self.land.min() < 0 or (self.reach > self.land + 1e-12).any():
            raise ValueError("land[s, a] must hold probabilities that sum to 1, and reach no more than land")
        if self.starts.min() < 0 or abs(self.starts.sum() - 1) > 1e-6:
            raise ValueError(
                f"the start probabilities sum to {self.starts.sum():.3f}, but they must be 0 or more and sum to 1"
            )


@dataclass(frozen=True)
class IRLConfig:
    steps: int = 500  # the most; it stops when the gap is small enough
    gamma: float = 0.95  # discount a step, the expert's as well as ours
    lr: float = 0.2  # Adam's; falls to 0 in a straight line
    prior: float = 0.0  # λ: draws rewards to 0; needed where demonstrations are few
    tolerance: float = 1e-4  # of the occupancy gap

    def __post_init__(self):
        if not 0 <= self.gamma < 1:
            raise ValueError(
                f"gamma is {self.gamma}, but it must lie in [0, 1): occupancies are sums over endless time"
            )
        if self.steps < 1 or self.lr <= 0 or self.prior < 0 or self.tolerance < 0:
            raise ValueError(
                f"steps is {self.steps}, lr {self.lr}, prior {self.prior}, tolerance {self.tolerance}, but steps and lr must "
                "be positive, the others 0 or more"
            )


def world_of(table: Mapping[int, Mapping[int, Sequence]], starts: Sequence[int]) -> World:
    """Read a transition table P[s][a] = [(probability, next state, reward, terminated), …]; its rewards are not looked at."""
    n_states, n_actions = len(table), len(table[0])
    if not len(starts) or not all(0 <= s < n_states for s in starts):
        raise ValueError(f"starts is {list(starts)}, but it must name one or more of the states 0 … {n_states - 1}")
    land = np.zeros((n_states, n_actions, n_states))
    reach = np.zeros_like(land)
    for s in range(n_states):
        for a in range(n_actions):
            for p, s_next, _, terminated in table[s][a]:
                land[s, a, s_next] += p
                reach[s, a, s_next] += p * (not terminated)
    return World(land, reach, np.bincount(np.asarray(starts), minlength=n_states) / len(starts))


def soft_value_iteration(
    world: World,
    reward: Float[np.ndarray, "S A"],
    gamma: float,
    v: Float[np.ndarray, " S"] | None = None,
    tolerance: float = 1e-10,
) -> tuple[Float[np.ndarray, " S"], Float[np.ndarray, "S A"]]:
    """V and the policy of somebody who earns reward and likes to keep options open; returns (V, π).

    Q(s, a) = r(s, a) + γ Σ_s' reach(s'|s, a) V(s')        V(s) = log Σ_a exp Q(s, a)        π(a|s) = exp( Q(s, a) − V(s) )

    Ziebart (2010), chapter 6: value iteration with a soft maximum in place of the hard one, a contraction of modulus γ. Large
    rewards make π nearly greedy, zero rewards make it wander. `v` warm-starts the sweeps and is not changed.
    """
    value = np.zeros(len(reward)) if v is None else v
    while True:
        q = reward + gamma * world.reach @ value
        top = q.max(1, keepdims=True)
        new = (top + np.log(np.exp(q - top).sum(1, keepdims=True)))[:, 0]
        if np.abs(new - value).max() < tolerance * (1 + np.abs(new).max()):
            return new, np.exp(q - new[:, None])
        value = new


def occupancy(world: World, policy: Float[np.ndarray, "S A"], gamma: float) -> Float[np.ndarray, "S A"]:
    """How often a policy takes each action in each state, later times counting less.

    ρ(s, a) = π(a|s) d(s)        d = μ₀ + γ P_πᵀ d        so that the policy earns Σ ρ(s, a) r(s, a)

    One linear solve; Puterman (1994), section 6.9.1. An episode that always ends soon has a smaller total.
    """
    chain = np.einsum("sa,sat->st", policy, world.reach)
    d = np.linalg.solve(np.eye(len(chain)) - gamma * chain.T, world.starts)
    return policy * d[:, None]


def occupancy_gap(a: Float[np.ndarray, "S A"], b: Float[np.ndarray, "S A"]) -> float:
    """How differently two policies spend their time: the total variation between their occupancies, in [0, 1].

    ½ Σ_sa | a/Σa − b/Σb |
    """
    return 0.5 * float(np.abs(a / a.sum() - b / b.sum()).sum())


def observed_occupancy(
    world: World, episodes: Sequence[Sequence[tuple[int, int]]], gamma: float
) -> Float[np.ndarray, "S A"]:
    """The occupancy of demonstrations, each a list of (state, action): mean over episodes of Σ_t γ^t 1[s_t = s, a_t = a]."""
    if not len(episodes) or not all(len(episode) for episode in episodes):
        raise ValueError("there is no demonstration, or an empty one: show at least one (state, action) in each")
    n_states, n_actions = world.land.shape[:2]
    rho = np.zeros((n_states, n_actions))
    for episode in episodes:
        for t, (s, a) in enumerate(episode):
            if not (0 <= s < n_states and 0 <= a < n_actions):
                raise ValueError(
                    f"a demonstration has state {s} and action {a}, but there are {n_states} states and {n_actions} actions"
                )
            rho[s, a] += gamma**t
    return rho / len(episodes)


def demonstrate(
    world: World, policy: Float[np.ndarray, "S A"], n: int, rng: np.random.Generator, max_steps: int = 200
) -> list[list[tuple[int, int]]]:
    """n episodes of a policy as lists of (state, action), each cut off after `max_steps`."""
    episodes = []
    for _ in range(n):
        s, episode = int(rng.choice(len(world.starts), p=world.starts)), []
        while len(episode) < max_steps:
            a = int(rng.choice(policy.shape[1], p=policy[s]))
            episode.append((s, a))
            landed = int(rng.choice(len(policy), p=world.land[s, a]))
            if rng.random() * world.land[s, a, landed] >= world.reach[s, a, landed]:  # the episode ends there
                break
            s = landed
        episodes.append(episode)
    return episodes


def landing(world: World) -> Float[np.ndarray, "S A F"]:
    """One feature a cell, "this action lands there", so that the reward is a number on each cell: φ_s'(s, a) = P(s'|s, a)."""
    return world.land


def log_likelihood(
    world: World,
    rho: Float[np.ndarray, "S A"],
    v: Float[np.ndarray, " S"],
    reward: Float[np.ndarray, "S A"],
    gamma: float,
) -> float:
    """How well a reward explains behaviour: mean discounted log π(a|s), up to what the reward cannot change.

    ℓ(θ) = Σ ρ_E(s, a) r(s, a) − Σ μ₀(s) V(s)        concave, and ∇ℓ = Σ ρ_E φ − Σ ρ_π φ
    """
    return float((rho * reward).sum() - world.starts @ v)


@trainer
def max_ent_irl(
    theta: np.ndarray,
    world: World,
    expert: np.ndarray,
    features: np.ndarray,
    config: IRLConfig = IRLConfig(),
):
    """Find F weights θ in place so that the soft-optimal policy for the reward φ·θ spends its time as the expert does.

    ∇ℓ(θ) = Σ_sa ρ_E(s, a) φ(s, a) − Σ_sa ρ_θ(s, a) φ(s, a)        Ziebart et al. (2008), eq. 6: expected minus expected

    `features` φ are S × A × F, `expert` is an occupancy (`observed_occupancy`, or exact), S × A. Yields step, likelihood and gap, the `occupancy_gap` between
    expert and learner. Many rewards explain the same behaviour (add a constant, or a potential: Ng et al. 1999); this finds one.
    """
    check(theta, world, expert, features)
    wanted, v = np.einsum("sa,saf->f", expert, features), None
    m, n = np.zeros_like(theta), np.zeros_like(theta)
    for step in range(config.steps):
        reward = features @ theta
        v, policy = soft_value_iteration(world, reward, config.gamma, v)
        rho = occupancy(world, policy, config.gamma)
        likelihood = log_likelihood(world, expert, v, reward, config.gamma) - config.prior * float(theta @ theta)
        gap = occupancy_gap(rho, expert)
        yield dict(step=step, likelihood=likelihood, gap=gap)
        if gap < config.tolerance:
            return
        gradient = wanted - np.einsum("sa,saf->f", rho, features) - 2 * config.prior * theta
        m, n = 0.9 * m + 0.1 * gradient, 0.999 * n + 0.001 * gradient**2
        lr = config.lr * (1 - step / config.steps)
        theta += lr * (m / (1 - 0.9 ** (step + 1))) / (np.sqrt(n / (1 - 0.999 ** (step + 1))) + 1e-8)


def check(theta: Any, world: World, expert: np.ndarray, features: np.ndarray) -> None:
    shape = world.land.shape[:2]
    if features.shape != (*shape, len(theta)) or expert.shape != shape:
        raise ValueError(
            f"theta has {len(theta)} weights, features the shape {features.shape} and expert {expert.shape}, but this world "
            f"needs features of shape {(*shape, len(theta))} and an expert of shape {shape}"
        )
    if np.ptp(features.reshape(-1, len(theta)), axis=0).max() < 1e-12:
        raise ValueError("all features are constant, so every behaviour earns the same: use features that differ")
