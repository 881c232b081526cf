"""Proximal policy optimisation: take several careful gradient steps on the same rollout.

Schulman et al. (2017), "Proximal policy optimization algorithms", algorithm 1.
Left out on purpose: value clipping (Andrychowicz et al. 2021 found that it does not help), recurrent policies.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from gymnasium import Env
from gymnasium.vector import VectorEnv
from torch import Tensor

from rlhf_edu.core import trainer
from rlhf_edu.rl.losses import clip_fraction, clipped_policy_loss, sampled_kl, value_loss
from rlhf_edu.rl.nets import ActorCritic
from rlhf_edu.rl.returns import explained_variance, gae, normalised
from rlhf_edu.rl.rollout import Rollout, rollouts
from rlhf_edu.rl.stepping import Stepper

Advantages = Callable[..., Tensor]
PolicyLoss = Callable[[Tensor, Tensor, Tensor, float], Tensor]


@dataclass(frozen=True)
class PPOConfig:
    steps: int = 100_000  # environment steps, over all environments together
    n_steps: int = 32  # steps of each environment in a rollout
    epochs: int = 10  # passes over a rollout
    batch_size: int = 256
    gamma: float = 0.99  # discount a step
    lam: float = 0.95  # λ of the advantage estimates
    lr: float = 1e-3
    clip: float = 0.2  # ε: how far the ratio may move before it earns nothing more
    value_weight: float = 0.5
    entropy_weight: float = 0.0
    max_grad_norm: float = 0.5
    anneal: bool = True  # let lr and clip shrink to 0 in a straight line

    def __post_init__(self):
        for name in ("gamma", "lam"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}, but it must lie in [0, 1]")
        for name, least in (("steps", 1), ("n_steps", 1), ("epochs", 1), ("batch_size", 2)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} is {getattr(self, name)}, but it must be at least {least}")
        for name in ("lr", "clip", "max_grad_norm"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}, but it must be greater than 0")


@trainer
def ppo(
    policy: ActorCritic,
    env: Env | VectorEnv,
    config=PPOConfig(),
    *,
    rng: np.random.Generator,
    advantages: Advantages = gae,
    policy_loss: PolicyLoss = clipped_policy_loss,
):
    """Train `policy` in place; yield one record for each rollout and its updates.

    loss = policy_loss(log π, log π_old, A, ε) + c_v ½ mean (V − G)² − c_e entropy        G = A + V_old

    `advantages(rewards, values, next_values, terminated, truncated, gamma, lam)` and
    `policy_loss(logp, logp_old, advantages, clip)` can be functions of your own.
    """
    envs = Stepper(env, seed=int(rng.integers(2**31)))
    device = next(policy.parameters()).device
    generator = torch.Generator(device).manual_seed(int(rng.integers(2**31)))
    optimizer = torch.optim.Adam(policy.parameters(), lr=config.lr, eps=1e-5, fused=True)
    for iteration, rollout in enumerate(rollouts(policy, envs, config.n_steps, generator)):
        left = max(1 - (envs.steps - rollout.rew.numel()) / config.steps, 0.0) if config.anneal else 1.0
        optimizer.param_groups[0]["lr"] = config.lr * left
        numbers = improve(policy, optimizer, rollout, config, config.clip * left, rng, advantages, policy_loss)
        yield dict(iteration=iteration, step=envs.steps, **envs.score(), **numbers)
        if envs.steps >= config.steps:
            return


def improve(
    policy: ActorCritic,
    optimizer: torch.optim.Optimizer,
    rollout: Rollout,
    config: PPOConfig,
    clip: float,
    rng: np.random.Generator,
    advantages: Advantages,
    policy_loss: PolicyLoss,
) -> dict[str, float]:
    """`config.epochs` passes over one rollout in shuffled batches; returns what the last pass looked like."""
    r = rollout
    adv = advantages(r.rew, r.val, r.next_val, r.terminated, r.truncated, config.gamma, config.lam)
    returns = (adv + r.val).flatten()  # before any whitening: the value function must learn true returns
    obs, act, logp_old, adv = r.obs.flatten(0, 1), r.act.flatten(0, 1), r.logp.flatten(), adv.flatten()
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    logp, loss, entropy = logp_old, torch.tensor(float("nan")), torch.tensor(float("nan"))
    for _ in range(config.epochs):
        for batch in batches(len(obs), config.batch_size, rng):
            distribution = policy.policy(obs[batch])
            logp, entropy = distribution.logp(act[batch]), distribution.entropy().mean()
            loss = (
                policy_loss(logp, logp_old[batch], normalised(adv[batch]), clip)
                + config.value_weight * value_loss(policy.value(obs[batch]), returns[batch])
                - config.entropy_weight * entropy
            )
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters, config.max_grad_norm)
            optimizer.step()
    with torch.no_grad():
        logp = policy.policy(obs).logp(act)
    return dict(
        loss=loss.item(),
        kl=sampled_kl(logp, logp_old),
        clip_fraction=clip_fraction(logp, logp_old, clip),
        entropy=entropy.item(),
        explained_variance=explained_variance(r.val.flatten(), returns),
    )


def batches(n: int, size: int, rng: np.random.Generator) -> list[Tensor | slice]:
    """Row numbers 0 … n − 1, shuffled and cut into parts of at least `size`; the whole, in order, when it makes one."""
    if n < 2 * size:
        return [slice(None)]
    order = torch.from_numpy(rng.permutation(n))
    return list(torch.tensor_split(order, n // size))
