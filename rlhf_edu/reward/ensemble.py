"""Several reward models instead of one: where they disagree, none of them knows.

Coste et al. (2024), "Reward model ensembles help mitigate overoptimization"; Lakshminarayanan et al. (2017), "Simple and scalable
predictive uncertainty estimation using deep ensembles".

Members that are all drawn to the same weights agree where no answer speaks, and there a policy runs to. `draw_anchors` gives each
a prior of its own: Osband, Aslanides and Cassirer (2018), "Randomized prior functions for deep reinforcement learning"; Pearce,
Leibfried and Brintrup (2020), "Uncertainty in neural networks: approximately Bayesian ensembling".
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from rlhf_edu.core import trainer
from rlhf_edu.reward.calibration import gain_and_bias
from rlhf_edu.reward.fit import FitRewardConfig, fit_reward, matrices
from rlhf_edu.reward.labels import Labels

Member = Callable[[Any], Float[Tensor, " B"]]  # items (texts, or `Completions`) -> rewards


class Ensemble(nn.Module):
    """Members that each give a reward. Called, it gives mean − k · spread, the lower bound, so that it is a `RewardFn` itself.

    A reward's zero and unit are arbitrary, so the members must first agree on them: `settle` sets each one's mean to 0 and its
    standard deviation to 1 on typical items. Without that, members differ where nothing is in doubt.
    """

    gain: Tensor
    bias: Tensor

    def __init__(self, members: Sequence[Member], k: float | int = 1.0):
        super().__init__()
        if len(members) < 2:
            raise ValueError(f"{len(members)} member came, but disagreement takes two: fit a few more")
        if k < 0:
            raise ValueError(f"k is {k}, but a lower bound takes 0 or more standard deviations off")
        self.members, self.k = list(members), k
        self.register_buffer("gain", torch.ones(len(members)))
        self.register_buffer("bias", torch.zeros(len(members)))

    @torch.no_grad()
    def settle(self, typical: Any, *, one_unit: bool = False) -> "Ensemble":
        """Give every member mean 0 and standard deviation 1 on typical items.

        With `one_unit`, each gets mean 0, and all share the gain that gives their mean a standard deviation of 1. So it must be
        where members are draws from one posterior (`draw_anchors`): there, how much each wants is part of the doubt.
        """
        raw = torch.stack([member(typical) for member in self.members])
        for i, (gain, bias) in enumerate(map(gain_and_bias, raw)):
            self.gain[i], self.bias[i] = gain, bias
        if one_unit:
            self.gain.fill_(gain_and_bias(raw.mean(0))[0])
            self.bias.copy_(-self.gain * raw.mean(1).to(self.bias.device))
        return self

    def opinions(self, items: Any) -> Float[Tensor, "M B"]:
        """Every member's reward, on the common scale."""
        raw = torch.stack([member(items) for member in self.members])
        return self.gain[:, None].to(raw.device) * raw + self.bias[:, None].to(raw.device)

    def mean(self, items: Any) -> Float[Tensor, " B"]:
        return self.opinions(items).mean(0)

    def spread(self, items: Any) -> Float[Tensor, " B"]:
        """Standard deviation of the opinions (M − 1 in the denominator)."""
        return self.opinions(items).std(0)

    def worst(self, items: Any) -> Float[Tensor, " B"]:
        """The lowest opinion: worst-case optimisation (Coste et al. 2024)."""
        return self.opinions(items).min(0).values

    def lower(self, items: Any, k: float | int | None = None) -> Float[Tensor, " B"]:
        """mean − k · spread. (Coste et al. 2024 subtract the variance; the standard deviation keeps the reward's unit.)"""
        opinions = self.opinions(items)
        return opinions.mean(0) - (self.k if k is None else k) * opinions.std(0)

    def forward(self, items: Any) -> Float[Tensor, " B"]:
        return self.lower(items)


def bootstrap(labels: Labels, rng: np.random.Generator) -> Labels:
    """As many answers, drawn with replacement (Efron 1979): what another afternoon with the same people might have given."""
    return labels.take(rng.integers(len(labels), size=len(labels)))


@torch.no_grad()
def draw_anchors(heads: Sequence[nn.Module], prior: float, answers: int, *, rng: np.random.Generator) -> None:
    """Set each member's head to a draw from the prior, before it is fitted with `anchored=True`, which draws it back to there.

    w_m ~ N(0, 1 / (2λP)), moved so that Σ_m w_m = 0        λ: `prior`, against the mean loss over P answers

    Where no answer speaks, members keep disagreeing as much as the prior does. Fitted to a bootstrap sample each, they come
    near to draws from the posterior (exactly so for a squared loss with Gaussian noise in place of the bootstrap):

    Cov w_m = H⁻¹ (Σ_i p_i (1 − p_i) Δ_i Δ_iᵀ + 2λP I) H⁻¹ = H⁻¹        H: the curvature in `head_posterior`

    The bootstrap gives the first term, the anchors the second. That they sum to 0 leaves spreads (over M − 1) as they are, and
    keeps the anchors' own noise out of the mean.
    """
    if not prior > 0:
        raise ValueError(f"prior is {prior}, but it must be positive: without it, nothing says how far apart to begin")
    scale = (2 * prior * answers) ** -0.5
    for weights in zip(*map(matrices, heads), strict=True):
        drawn = torch.as_tensor(rng.normal(scale=scale, size=(len(heads), *weights[0].shape)), dtype=torch.float32)
        for weight, anchor in zip(weights, drawn - drawn.mean(0), strict=True):
            weight.copy_(anchor)


@trainer
def fit_ensemble(
    scorers: Sequence[Any],
    labels: Labels,
    config: FitRewardConfig = FitRewardConfig(),
    *,
    rng: np.random.Generator,
    anchored: bool = False,
    **options,
):
    """Fit every scorer in place to a bootstrap sample of its own; yield `fit_reward`'s records with the member's number.

    Members that differ only in their samples disagree about answers that waver. Linear ones agree (on 0) about what was never
    asked: `anchored` gives each a prior of its own. A sample from which nothing can be learned (all ties, say) is drawn again.
    """
    labels.check()
    if anchored:
        draw_anchors([scorer.head for scorer in scorers], config.prior, len(labels), rng=rng)
    for member, scorer in enumerate(scorers):
        for record in fit_reward(scorer, learnable(labels, rng), config, rng=rng, anchored=anchored, **options):
            yield dict(member=member, **record)


def learnable(labels: Labels, rng: np.random.Generator, tries: int = 20) -> Labels:
    for _ in range(tries):
        try:
            return bootstrap(labels, rng).check()
        except ValueError:
            continue
    raise ValueError(f"{len(labels)} labels are too few to draw samples from that teach anything: collect more")
