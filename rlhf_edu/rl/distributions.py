"""Two families of action distributions, as plain as they come: which action, how likely, how spread out.

`torch.distributions` would do as well; these take a generator, and cost a third on networks as small as ours.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Categorical:
    """A choice among A actions."""

    logits: Float[Tensor, "*B A"]

    def log_softmax(self) -> Float[Tensor, "*B A"]:
        return torch.log_softmax(self.logits, -1)

    def sample(self, generator: torch.Generator | None = None) -> Int[Tensor, "*B"]:
        """The winner of a race: action a arrives after an exponential time of rate π(a), so it is first with π(a)."""
        times = torch.empty_like(self.logits).exponential_(generator=generator)
        return (torch.softmax(self.logits, -1) / times).argmax(-1)

    def mode(self) -> Int[Tensor, "*B"]:
        return self.logits.argmax(-1)

    def logp(self, act: Int[Tensor, "*B"]) -> Float[Tensor, "*B"]:
        return self.log_softmax().gather(-1, act[..., None])[..., 0]

    def entropy(self) -> Float[Tensor, "*B"]:
        """−Σ_a π(a) log π(a), in nats."""
        logp = self.log_softmax()
        return -(logp.exp() * logp).sum(-1)


@dataclass(frozen=True)
class Gaussian:
    """A continuous action of D independent normal parts."""

    mean: Float[Tensor, "*B D"]
    log_std: Float[Tensor, " D"]

    def sample(self, generator: torch.Generator | None = None) -> Float[Tensor, "*B D"]:
        noise = torch.empty_like(self.mean).normal_(generator=generator)
        return self.mean + self.log_std.exp() * noise

    def mode(self) -> Float[Tensor, "*B D"]:
        return self.mean

    def logp(self, act: Float[Tensor, "*B D"]) -> Float[Tensor, "*B"]:
        z = (act - self.mean) * torch.exp(-self.log_std)
        return -(0.5 * z**2 + self.log_std + 0.5 * math.log(2 * math.pi)).sum(-1)

    def entropy(self) -> Float[Tensor, "*B"]:
        """Σ_d [ log σ_d + ½ log 2πe ], in nats; the same for every observation."""
        total = (self.log_std + 0.5 * math.log(2 * math.pi * math.e)).sum()
        return total.expand(self.mean.shape[:-1])
