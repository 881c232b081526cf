"""The losses of policy gradient methods, as pure functions of what a policy says about a batch.

Williams (1992), REINFORCE; Schulman et al. (2017), "Proximal policy optimization algorithms".
"""

import torch
from jaxtyping import Float
from torch import Tensor


def policy_gradient_loss(logp: Float[Tensor, " B"], advantages: Float[Tensor, " B"]) -> Float[Tensor, ""]:
    """−mean log π(a|s) A: its gradient is minus the policy gradient."""
    return -(logp * advantages).mean()


def clipped_policy_loss(
    logp: Float[Tensor, " B"], logp_old: Float[Tensor, " B"], advantages: Float[Tensor, " B"], clip: float = 0.2
) -> Float[Tensor, ""]:
    """−mean min( ρ A, clip(ρ, 1 − ε, 1 + ε) A ), with ρ = π(a|s) / π_old(a|s)            (Schulman et al. 2017, eq. 7)

    The minimum is pessimistic: moving further than ε earns nothing, moving back always does.
    """
    ratio = torch.exp(logp - logp_old)
    return -torch.minimum(ratio * advantages, ratio.clamp(1 - clip, 1 + clip) * advantages).mean()


def clip_fraction(logp: Float[Tensor, " B"], logp_old: Float[Tensor, " B"], clip: float = 0.2) -> float:
    """Share of actions whose probability changed by more than a factor of 1 ± ε."""
    return float(((torch.exp(logp - logp_old) - 1).abs() > clip).float().mean())


def sampled_kl(logp: Float[Tensor, " B"], logp_old: Float[Tensor, " B"]) -> float:
    """KL(π_old ‖ π) in nats from actions of π_old: mean of (ρ − 1) − log ρ, never negative and little noise."""
    log_ratio = logp - logp_old
    return float((torch.expm1(log_ratio) - log_ratio).mean())


def value_loss(values: Float[Tensor, " B"], returns: Float[Tensor, " B"]) -> Float[Tensor, ""]:
    """½ mean ( V(s) − G )²"""
    return 0.5 * (values - returns).square().mean()
