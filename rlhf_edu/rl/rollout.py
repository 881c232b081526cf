"""Let a policy act in several environments at once and write down what happened: T steps × E environments."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from gymnasium import spaces
from jaxtyping import Bool, Float
from torch import Tensor

from rlhf_edu.rl.distributions import Categorical
from rlhf_edu.rl.nets import ActorCritic, check_fits
from rlhf_edu.rl.stepping import Stepper


@dataclass(frozen=True)
class Rollout:
    """T steps of E environments, with values and log-probabilities under the policy that acted."""

    obs: Float[Tensor, "T E D"]
    act: Tensor  # T E, or T E A where actions are vectors
    logp: Float[Tensor, "T E"]
    rew: Float[Tensor, "T E"]
    val: Float[Tensor, "T E"]
    next_val: Float[Tensor, "T E"]  # of the state truly reached, also where an episode was cut off
    terminated: Bool[Tensor, "T E"]
    truncated: Bool[Tensor, "T E"]


def rollouts(
    policy: ActorCritic, envs: Stepper, n_steps: int, generator: torch.Generator | None = None
) -> Iterator[Rollout]:
    """Rollouts of `n_steps` steps one after another, for ever; episodes go on from one to the next.

    The steps themselves need only the actions. Values and log-probabilities follow for the whole rollout at once, from
    the same weights, which saves T small forward passes.
    """
    device = next(policy.parameters()).device
    check_policy(policy, envs)
    while True:
        obs_seen, acts, rews, terminations, truncations, cut_off = [], [], [], [], [], []
        for t in range(n_steps):
            obs = torch.from_numpy(envs.obs).to(device)
            with torch.no_grad():
                act = policy.policy(obs).sample(generator)
            rew, reached, terminated, truncated = envs.step(act.cpu().numpy())
            cut_off += [(t, i, reached[i]) for i in np.flatnonzero(truncated & ~terminated).tolist()]
            for column, item in zip(
                (obs_seen, acts, rews, terminations, truncations),
                (obs, act, rew, terminated, truncated),
                strict=True,
            ):
                column.append(item)
        seen = torch.stack([*obs_seen, torch.from_numpy(envs.obs).to(device)])
        yield finish(policy, seen, torch.stack(acts), np.stack([rews, terminations, truncations]), cut_off)


def check_policy(policy: ActorCritic, envs: Stepper) -> None:
    """Raise a ValueError where the policy was made for another environment."""

    def outputs(obs: Tensor) -> Tensor:
        distribution = policy.policy(obs)
        return distribution.logits if isinstance(distribution, Categorical) else distribution.mean

    obs = torch.from_numpy(envs.obs).to(next(policy.parameters()).device)
    space = envs.act_space
    n_out = int(space.n) if isinstance(space, spaces.Discrete) else math.prod(space.shape or ())
    check_fits(outputs, obs, n_out, "actor_critic")


def finish(
    policy: ActorCritic,
    seen: Float[Tensor, "T_plus_1 E D"],
    act: Tensor,
    outcomes: Float[np.ndarray, "3 T E"],
    cut_off: list[tuple[int, int, np.ndarray]],
) -> Rollout:
    """Add values and log-probabilities to what was seen."""
    device, (n_rows, n_envs, _) = seen.device, seen.shape
    n_steps = n_rows - 1
    rew, terminated, truncated = torch.from_numpy(outcomes).to(device)
    with torch.no_grad():
        val = policy.value(seen.flatten(0, 1)).view(n_rows, n_envs)
        next_val = val[1:].clone()
        if cut_off:  # the next row belongs to the next episode: ask for the value of the state that was reached
            last = torch.from_numpy(np.stack([obs for _, _, obs in cut_off])).to(device)
            times, rows = [t for t, _, _ in cut_off], [i for _, i, _ in cut_off]
            next_val[times, rows] = policy.value(last)
        logp = policy.policy(seen[:-1].flatten(0, 1)).logp(act.flatten(0, 1)).view(n_steps, n_envs)
    return Rollout(seen[:-1], act, logp, rew.float(), val[:-1], next_val, terminated.bool(), truncated.bool())
