"""Policy gradients: do more of what went better than expected. REINFORCE with and without a baseline, and A2C.

Williams (1992); Sutton et al. (2000); Mnih et al. (2016), "Asynchronous methods for deep reinforcement learning".
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from gymnasium import Env
from gymnasium.vector import VectorEnv
from torch import Tensor

from rlhf_edu.core import trainer
from rlhf_edu.rl.losses import policy_gradient_loss, value_loss
from rlhf_edu.rl.nets import ActorCritic
from rlhf_edu.rl.returns import discounted_returns, explained_variance, gae, normalised
from rlhf_edu.rl.rollout import rollouts
from rlhf_edu.rl.stepping import Stepper


@dataclass(frozen=True)
class ReinforceConfig:
    steps: int = 50_000  # environment steps, over all environments together
    n_steps: int = 500  # steps of each environment in a rollout
    gamma: float = 0.99  # discount a step
    lr: float = 3e-3
    baseline: str = "value"  # what counts as expected: "none", "mean" (of the returns) or "value" (V of the state)
    normalise: bool = True  # divide advantages by their standard deviation
    entropy_weight: float = 0.0

    def __post_init__(self):
        check(self)
        if self.baseline not in ("none", "mean", "value"):
            raise ValueError(f'baseline is {self.baseline!r}, but it must be "none", "mean" or "value"')


@dataclass(frozen=True)
class A2CConfig:
    steps: int = 100_000  # environment steps, over all environments together
    n_steps: int = 8  # steps of each environment in a rollout
    gamma: float = 0.99  # discount a step
    lam: float = 0.95  # λ of the advantage estimates
    lr: float = 1e-3
    value_weight: float = 0.5
    entropy_weight: float = 0.0
    max_grad_norm: float = 0.5
    normalise: bool = False
    anneal: bool = True  # let lr shrink to 0 in a straight line

    def __post_init__(self):
        check(self)


def check(config) -> None:
    for name in ("gamma", "lam"):
        if hasattr(config, name) and not 0 <= getattr(config, name) <= 1:
            raise ValueError(f"{name} is {getattr(config, name)}, but it must lie in [0, 1]")
    for name in ("steps", "n_steps"):
        if getattr(config, name) < 1:
            raise ValueError(f"{name} is {getattr(config, name)}, but it must be at least 1")
    if config.lr <= 0:
        raise ValueError(f"lr is {config.lr}, but it must be greater than 0")


@trainer
def reinforce(
    policy: ActorCritic,
    env: Env | VectorEnv,
    config=ReinforceConfig(),
    *,
    rng: np.random.Generator,
    returns: Callable[..., Tensor] = discounted_returns,
):
    """Train `policy` in place by whole-episode returns; yield one record for each rollout and its one update.

    ∇J = E[ Σ_t ∇ log π(a_t|s_t) (G_t − b(s_t)) ]

    `returns(rewards, ended, gamma, last)` can be a function of your own. Steps whose episode is still running when the
    rollout stops, or was cut off by a time limit, add the value of the state reached when `baseline="value"`. Without
    a value function nothing can stand for what was still to come: there the return simply stops.
    """
    envs, generator, optimizer = start(policy, env, config.lr, rng)
    for iteration, r in enumerate(rollouts(policy, envs, config.n_steps, generator)):
        ended = r.terminated | r.truncated
        ended[-1] = True
        future = r.next_val * ~r.terminated if config.baseline == "value" else torch.zeros_like(r.rew)
        g = returns(r.rew, ended, config.gamma, future).flatten()
        obs, act = r.obs.flatten(0, 1), r.act.flatten(0, 1)
        values = policy.value(obs)
        baseline = dict(none=0.0, mean=g.mean(), value=values.detach())[config.baseline]
        advantages = g - baseline
        if config.normalise:
            # Without a baseline only the size may change: subtracting the mean would be one.
            advantages = advantages / (g.std() + 1e-8) if config.baseline == "none" else normalised(advantages)
        distribution = policy.policy(obs)
        entropy = distribution.entropy().mean()
        loss = policy_gradient_loss(distribution.logp(act), advantages) - config.entropy_weight * entropy
        if config.baseline == "value":
            loss = loss + value_loss(values, g)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        numbers = dict(loss=loss.item(), entropy=entropy.item(), adv_std=float((g - baseline).std()))
        yield dict(iteration=iteration, step=envs.steps, **envs.score(), **numbers)
        if envs.steps >= config.steps:
            return


@trainer
def a2c(
    policy: ActorCritic,
    env: Env | VectorEnv,
    config=A2CConfig(),
    *,
    rng: np.random.Generator,
    advantages: Callable[..., Tensor] = gae,
):
    """Advantage actor-critic: a few steps, one update, over and over; yield one record for each.

    loss = −mean log π(a|s) A + c_v ½ mean (V − G)² − c_e entropy        G = A + V

    `advantages(rewards, values, next_values, terminated, truncated, gamma, lam)` can be a function of your own.
    """
    envs, generator, optimizer = start(policy, env, config.lr, rng)
    for iteration, r in enumerate(rollouts(policy, envs, config.n_steps, generator)):
        if config.anneal:
            optimizer.param_groups[0]["lr"] = config.lr * max(1 - envs.steps / config.steps, 0.0)
        adv = advantages(r.rew, r.val, r.next_val, r.terminated, r.truncated, config.gamma, config.lam)
        targets, adv = (adv + r.val).flatten(), adv.flatten()
        obs, act = r.obs.flatten(0, 1), r.act.flatten(0, 1)
        distribution = policy.policy(obs)
        entropy = distribution.entropy().mean()
        loss = (
            policy_gradient_loss(distribution.logp(act), normalised(adv) if config.normalise else adv)
            + config.value_weight * value_loss(policy.value(obs), targets)
            - config.entropy_weight * entropy
        )
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(policy.parameters(), config.max_grad_norm)
        optimizer.step()
        numbers = dict(loss=loss.item(), entropy=entropy.item())
        numbers["explained_variance"] = explained_variance(r.val.flatten(), targets)
        yield dict(iteration=iteration, step=envs.steps, **envs.score(), **numbers)
        if envs.steps >= config.steps:
            return


def start(
    policy: ActorCritic, env: Env | VectorEnv, lr: float, rng: np.random.Generator
) -> tuple[Stepper, torch.Generator, torch.optim.Optimizer]:
    envs = Stepper(env, seed=int(rng.integers(2**31)))
    device = next(policy.parameters()).device
    generator = torch.Generator(device).manual_seed(int(rng.integers(2**31)))
    return envs, generator, torch.optim.Adam(policy.parameters(), lr=lr, eps=1e-5, fused=True)
