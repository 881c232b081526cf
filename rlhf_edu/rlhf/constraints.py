"""Rewards that are harder to cheat: pay for length, doubt what few choices have settled, keep a cost under its limit.

Each is a `RewardFn` made of others, so that every trainer can use it. An ensemble that is trusted only as far as it agrees is
a `RewardFn` too: see reward/ensemble.py. `lower_bound` is that of infinitely many members.
"""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from rlhf_edu.lm.heads import at_last_real
from rlhf_edu.lm.interface import Completions
from rlhf_edu.reward.models import RewardModel
from rlhf_edu.rlhf.shaping import RewardFn, checked_scores


def length_penalty(reward_fn: RewardFn, per_token: float, free: int = 0) -> RewardFn:
    """A price for every new token beyond the first `free`, against judges that like long texts for their length.

    r'(y) = r(y) − c · max(0, n − n_free)        n: new tokens, the end included
    """
    if not (0 <= per_token < math.inf and free >= 0):
        raise ValueError(f"per_token is {per_token} and free {free}, but a price and an allowance must be 0 or more")

    def penalised(done: Completions) -> Float[Tensor, " B"]:
        beyond = (done.new_mask.sum(1) - free).clamp(min=0)
        return checked_scores(reward_fn, done) - per_token * beyond

    return penalised


@torch.no_grad()
def head_posterior(
    model: RewardModel, chosen: Float[Tensor, "P F"], rejected: Float[Tensor, "P F"], prior: float
) -> Float[Tensor, "F F"]:
    """Covariance of the head's weights, given the P choices it was fitted to with this `prior` (`FitConfig.prior`).

    Σ = ( Σ_i p_i (1 − p_i) Δ_i Δ_iᵀ + 2 λ P I )⁻¹        Δ_i: chosen − rejected, standardised; p_i = σ(w·Δ_i)

    MacKay (1992), "The evidence framework applied to classification networks": the loss, read as a negative log-posterior, is
    replaced by a parabola at its lowest point (Laplace's approximation).
    """
    if not prior > 0:
        raise ValueError(
            f"prior is {prior}, but it must be positive: without it, what no choice settles is anything at all"
        )
    gap = (model.standardise(chosen) - model.standardise(rejected)).double()
    p = torch.sigmoid(gap @ model.head.linear.weight[0].double())
    curve = (gap.T * (p * (1 - p))) @ gap
    return torch.linalg.inv(
        curve + 2 * prior * len(gap) * torch.eye(len(curve), dtype=curve.dtype, device=curve.device)
    )


def lower_bound(model: RewardModel, covariance: Float[Tensor, "F F"], k: float = 1.0) -> RewardFn:
    """The reward, less k standard deviations of what it might as well have been.

    r'(y) = r(y) − k √(zᵀ Σ z)        z: the text's standardised features, Σ from `head_posterior`

    Heads drawn from the posterior would disagree by just that: it is the lower bound of an ensemble of infinitely many.
    """
    if not 0 <= k < math.inf:
        raise ValueError(f"k is {k}, but a lower bound takes 0 or more standard deviations off")

    def cautious(done: Completions) -> Float[Tensor, " B"]:
        z = model.standardise(at_last_real(model.read(done), done.mask)).to(covariance.dtype)
        doubt = ((z @ covariance) * z).sum(1).clamp(min=0).sqrt()
        return checked_scores(model, done) - k * doubt.float()

    return cautious


class Lagrangian:
    """Reward minus a cost at a price λ that rises while the cost is above its limit, and falls while it is below.

    r'(y) = (r(y) − λ c(y)) / (1 + λ)        log λ ← log λ + η (mean c − limit)

    The saddle point of max_π min_{λ≥0} E[r] − λ (E[c] − limit): Dai et al. (2024), "Safe RLHF", whose division
    by 1 + λ keeps the size of the reward. Each call of `reward` is one step of λ; `watch` gives λ and cost for the records.
    """

    def __init__(
        self,
        reward_fn: RewardFn,
        cost_fn: Callable[[Completions], Tensor],
        limit: float,
        rate: float = 0.1,
        start: float = 1.0,
    ):
        if not math.isfinite(limit):
            raise ValueError(f"limit is {limit}, but it must be a finite mean cost")
        if not (0 < rate < math.inf and 0 < start < math.inf):
            raise ValueError(f"rate is {rate} and start {start}, but λ moves and begins at positive numbers")
        self.reward_fn, self.cost_fn, self.limit, self.rate = reward_fn, cost_fn, limit, rate
        self.multiplier, self.cost = start, math.nan

    def reward(self, done: Completions) -> Float[Tensor, " B"]:
        """The `RewardFn`: pays at the present λ, then moves λ by this batch's cost."""
        costs = checked_scores(self.cost_fn, done)
        paid = (checked_scores(self.reward_fn, done) - self.multiplier * costs) / (1 + self.multiplier)
        self.cost = costs.mean().item()
        step = self.rate * (self.cost - self.limit)
        self.multiplier = min(1e6, max(1e-6, self.multiplier * math.exp(min(5.0, max(-5.0, step)))))
        return paid

    def watch(self, done: Completions) -> dict[str, float]:
        """For `watch_texts`: the mean cost of the batch just paid, and λ after it."""
        return dict(cost=self.cost, multiplier=self.multiplier)
