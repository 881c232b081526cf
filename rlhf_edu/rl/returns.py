"""From rewards to returns and advantages: how much better than expected was each action?

Schulman et al. (2016), "High-dimensional continuous control using generalized advantage estimation".
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def discounted_returns(
    rewards: Float[Tensor, "T E"],
    ended: Bool[Tensor, "T E"],
    gamma: float = 0.99,
    last: Float[Tensor, "T E"] | None = None,
) -> Float[Tensor, "T E"]:
    """Monte Carlo returns within each episode: G_t = r_t + γ (1 − ended_t) G_{t+1}.

    `last` is added, discounted, wherever an episode ended: V(s'_t) where it was cut off by a time limit and 0 where it
    terminated. Without it, a cut-off episode counts as finished.
    """
    returns = torch.empty_like(rewards)
    running = torch.zeros_like(rewards[0])
    for t in reversed(range(len(rewards))):
        end = 0.0 if last is None else last[t]
        running = rewards[t] + gamma * torch.where(ended[t], end, running)
        returns[t] = running
    return returns


def gae(
    rewards: Float[Tensor, "T E"],
    values: Float[Tensor, "T E"],
    next_values: Float[Tensor, "T E"],
    terminated: Bool[Tensor, "T E"],
    truncated: Bool[Tensor, "T E"],
    gamma: float = 0.99,
    lam: float = 0.95,
) -> Float[Tensor, "T E"]:
    """Generalised advantage estimates for T steps of E environments.

        δ_t = r_t + γ (1 − terminated_t) V(s'_t) − V(s_t)
        A_t = δ_t + γ λ (1 − ended_t) A_{t+1}        ended = terminated or truncated      (eq. 11 and 16)

    `next_values` holds V of the state each step truly led to, which after an automatic reset is *not* the
    next row of `values`. An episode cut off by a time limit still had a future: it bootstraps, a terminated one
    does not. Neither lets advantages flow back from the episode that follows.
    """
    delta = rewards + gamma * ~terminated * next_values - values
    carry = gamma * lam * ~(terminated | truncated)
    advantages = torch.empty_like(delta)
    running = torch.zeros_like(delta[0])
    for t in reversed(range(len(delta))):
        running = delta[t] + carry[t] * running
        advantages[t] = running
    return advantages


def normalised(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Mean 0 and standard deviation 1 (n − 1 in the denominator): the size of advantages stops mattering."""
    return (x - x.mean()) / (x.std() + 1e-8)


def explained_variance(predicted: Float[Tensor, "*shape"], target: Float[Tensor, "*shape"]) -> float:
    """1 − Var(target − predicted) / Var(target): 1 is a perfect value function, 0 one that knows only the mean."""
    spread = target.var()
    return float("nan") if spread == 0 else float(1 - (target - predicted).var() / spread)
