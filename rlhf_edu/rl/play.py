"""Let a trained agent play, and count."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from gymnasium import Env
from gymnasium.vector import VectorEnv
from jaxtyping import Float
from torch import nn

from rlhf_edu.rl.nets import ActorCritic
from rlhf_edu.rl.stepping import Stepper

Act = Callable[[Float[np.ndarray, "E D"]], np.ndarray]


def greedy_actions(net: nn.Module) -> Act:
    """Observations of E environments → the actions the network thinks best (the mode of a policy, the highest Q)."""
    device = next(net.parameters()).device

    def act(obs: Float[np.ndarray, "E D"]) -> np.ndarray:
        with torch.no_grad():
            batch = torch.from_numpy(obs).to(device)
            best = net.policy(batch).mode() if isinstance(net, ActorCritic) else net(batch).argmax(dim=1)
        return best.cpu().numpy()

    return act


def greedy_policy(net: nn.Module) -> Callable[[Any], Any]:
    """The same for one observation at a time, as `plots.play` wants it."""
    act = greedy_actions(net)
    return lambda obs: act(np.asarray(obs, dtype=np.float32)[None])[0]


def episode_returns(act: Act, env: Env | VectorEnv, episodes: int = 100, seed: int = 0) -> Float[np.ndarray, " n"]:
    """Undiscounted returns of `episodes` episodes.

    Each environment contributes the same number (rounded up), so that short episodes are not counted more often than
    long ones.
    """
    if episodes < 1:
        raise ValueError(f"episodes is {episodes}, but at least 1 is needed")
    envs = Stepper(env, seed=seed)
    each = -(-episodes // envs.n_envs)
    returns: list[list[float]] = [[] for _ in range(envs.n_envs)]
    while min(len(got) for got in returns) < each:
        before = envs.running[0].copy()
        rew, _, terminated, truncated = envs.step(act(envs.obs))
        for i in np.flatnonzero(terminated | truncated):
            returns[i].append(float(before[i] + rew[i]))
    return np.array([got[k] for k in range(each) for got in returns])[:episodes]
