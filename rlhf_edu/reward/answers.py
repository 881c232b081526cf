"""How people turn rewards into answers: the part of the fit that belongs to the people, not to the texts.

One latent reward explains every kind of answer. A pair or a ranking compares rewards; a rating is read off a scale of the
person's own, whose cuts (or gain) are learned beside the rewards.
"""

import math
from collections.abc import Callable, Mapping

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from rlhf_edu.reward.labels import FIRST, TIE, Labels
from rlhf_edu.reward.losses import (
    bradley_terry,
    classification,
    davidson,
    edit_preference,
    level_logp,
    ordinal,
    plackett_luce,
    squared_error,
)

PairLoss = Callable[[Tensor, Tensor], Tensor]  # (rewards of the chosen, of the rejected) -> mean loss
MOST_LEVELS = 25


class OrdinalScale(nn.Module):
    """A scale of levels in order, cut into the reward's axis at places that are learned (`losses.ordinal`)."""

    values: Tensor

    def __init__(self, scores: Float[Tensor, " R"]):
        super().__init__()
        self.register_buffer("values", scores.unique())
        levels = self.level(scores)
        share = (torch.bincount(levels).cumsum(0)[:-1] / len(levels)).clamp(1e-4, 1 - 1e-4)
        cuts = torch.logit(share)  # right for everybody while the rewards are all 0
        self.first = nn.Parameter(cuts[:1].clone())
        self.log_gap = nn.Parameter(cuts.diff().clamp(min=1e-3).log())

    @property
    def cuts(self) -> Float[Tensor, " C"]:
        """Ascending whatever the parameters are: first cut, then gaps exp(g) > 0."""
        return torch.cat([self.first, self.first + self.log_gap.exp().cumsum(0)])

    def level(self, scores: Float[Tensor, " R"]) -> Int[Tensor, " R"]:
        if not torch.isin(scores, self.values).all():
            odd = scores[~torch.isin(scores, self.values)][0].item()
            raise ValueError(f"a rating is {odd:g}, but this scale was learned from {self.values.tolist()}")
        return torch.searchsorted(self.values, scores)

    def logp(self, rewards: Float[Tensor, " R"]) -> Float[Tensor, "R K"]:
        return level_logp(rewards, self.cuts)

    def loss(self, rewards: Float[Tensor, " R"], scores: Float[Tensor, " R"]) -> Float[Tensor, ""]:
        return ordinal(rewards, self.level(scores), self.cuts)

    def expected(self, rewards: Float[Tensor, " R"]) -> Float[Tensor, " R"]:
        """The mean rating to expect at each reward: Σ_k value_k P(k | r)."""
        return self.logp(rewards).exp() @ self.values


class ClassScale(OrdinalScale):
    """Levels as classes that one reward makes more or less likely: P(k | r) = softmax_k( φ_k r + c_k ).

    Anderson (1984), "Regression and ordered categorical variables" (stereotype model), with φ fixed to −1 and 1 at the
    ends of the scale. How the levels between them are ordered is left for the data to say.
    """

    def __init__(self, scores: Float[Tensor, " R"]):
        super().__init__(scores)
        counts = torch.bincount(self.level(scores)).float()
        self.inner = nn.Parameter(torch.linspace(-1, 1, len(counts))[1:-1].clone())
        self.intercept = nn.Parameter((counts / counts.sum()).log())
        del self.first, self.log_gap

    def logits(self, rewards: Float[Tensor, " R"]) -> Float[Tensor, "R K"]:
        one = self.inner.new_ones(1)
        return rewards[:, None] * torch.cat([-one, self.inner, one]) + self.intercept

    def logp(self, rewards: Float[Tensor, " R"]) -> Float[Tensor, "R K"]:
        return self.logits(rewards).log_softmax(-1)

    def loss(self, rewards: Float[Tensor, " R"], scores: Float[Tensor, " R"]) -> Float[Tensor, ""]:
        return classification(self.logits(rewards), self.level(scores))


class GaussianScale(nn.Module):
    """Ratings as a straight line of the reward with Gaussian noise of learned size (`losses.squared_error`).

    s·y ~ N(r, 1), y: the rating in standard deviations from the mean      L = ½ (r − s y)² − log s + ½ log 2π

    So one unit of reward is one standard deviation of the rating's noise, which makes it comparable with pairs and rankings.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, scores: Float[Tensor, " R"]):
        super().__init__()
        self.register_buffer("mean", scores.mean())
        self.register_buffer("spread", scores.std(correction=0).clamp(min=1e-6))
        self.log_s = nn.Parameter(torch.zeros(()))

    def loss(self, rewards: Float[Tensor, " R"], scores: Float[Tensor, " R"]) -> Float[Tensor, ""]:
        y = self.log_s.exp() * (scores - self.mean) / self.spread
        return 0.5 * squared_error(rewards, y) - self.log_s + 0.5 * math.log(2 * math.pi)

    def expected(self, rewards: Float[Tensor, " R"]) -> Float[Tensor, " R"]:
        return self.mean + self.spread * rewards / self.log_s.exp()


SCALES: dict[str, type[OrdinalScale | GaussianScale]] = dict(
    ordinal=OrdinalScale, squared=GaussianScale, classes=ClassScale
)


class People(nn.Module):
    """What is learned about the people who answered `labels`: their rating scale, and their fondness of ties.

    `pair_loss(chosen, rejected)` can be a function of your own (`losses.noisy_bradley_terry`, a margin); it then sees no ties.
    Without one, pairs follow Bradley and Terry, or Davidson where there are ties.  `top`: picks that count of each ranking.
    """

    def __init__(
        self,
        labels: Labels,
        ratings: str = "ordinal",
        *,
        pair_loss: PairLoss | None = None,
        top: int | None = None,
    ):
        super().__init__()
        if ratings not in SCALES:
            raise ValueError(f"ratings is {ratings!r}, but it must be one of {', '.join(SCALES)}")
        n_levels = len(labels.scores.unique())
        if ratings != "squared" and n_levels > MOST_LEVELS:
            raise ValueError(
                f'the ratings take {n_levels} different values, too many to learn a place for each: use ratings="squared"'
            )
        if n_levels == 1:
            raise ValueError(f"all {len(labels.rated)} ratings are the same, so they have no scale: leave them out")
        self.scale = SCALES[ratings](labels.scores) if len(labels.rated) else None
        self.log_nu = nn.Parameter(torch.zeros(()))
        self.pair_loss, self.top = pair_loss, top

    def losses(self, rewards: Float[Tensor, " N"], labels: Labels) -> dict[str, Float[Tensor, ""]]:
        """Mean surprise in nats an answer, by kind of answer; kinds without answers are left out."""
        found = {}
        if len(labels.rated) and self.scale is not None:
            found["rating"] = self.scale.loss(rewards[labels.rated], labels.scores)
        if len(labels.pairs):
            a, b, outcome = rewards[labels.pairs[:, 0]], rewards[labels.pairs[:, 1]], labels.outcome
            decided, first = outcome != TIE, outcome == FIRST
            chosen, rejected = torch.where(first, a, b)[decided], torch.where(first, b, a)[decided]
            if self.pair_loss is None and not bool(decided.all()):
                found["pair"] = davidson(a, b, outcome, self.log_nu)
            elif len(chosen):
                found["pair"] = (self.pair_loss or bradley_terry)(chosen, rejected)
        if len(labels.edits):
            edited, original = rewards[labels.edits[:, 0]], rewards[labels.edits[:, 1]]
            found["edit"] = edit_preference(edited, original, labels.changed)
        if len(labels.ranked):
            found["ranking"] = plackett_luce(rewards[labels.ranked.clamp(min=0)], labels.sizes, self.top)
        return found

    def total(
        self, losses: Mapping[str, Float[Tensor, ""]], labels: Labels, weights: Mapping[str, float] | None = None
    ) -> Float[Tensor, ""]:
        """One number: every answer counts once, or as often as the weight of its kind says.

        L = Σ_kind w_kind n_kind L_kind / Σ_kind w_kind n_kind
        """
        counts = labels.counts()
        share = {kind: counts[kind] * (weights or {}).get(kind, 1.0) for kind in losses}
        if not sum(share.values()) > 0:
            raise ValueError(f"weights is {weights}, but at least one kind of answer there is must count: {counts}")
        return torch.stack([share[kind] * loss for kind, loss in losses.items()]).sum() / sum(share.values())
