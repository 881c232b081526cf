"""A reward model: the policy's own reading of a text, and one number read from it.

Stiennon et al. (2020), "Learning to summarize from human feedback", put a scalar head on a language model and fine-tune all
of it on tens of thousands of choices. Forty choices cannot move a million weights: here the trunk stays frozen, and only
the head learns.
"""

import copy

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from rlhf_edu.lm.gpt2 import GPT2
from rlhf_edu.lm.heads import ScalarHead, at_last_real
from rlhf_edu.lm.interface import Completions
from rlhf_edu.lm.sampling import autocast

RECENT = 24  # tokens: about the last third of a story


def shift(x: Float[Tensor, "B T F"], n: int) -> Float[Tensor, "B T F"]:
    """x as it stood n tokens earlier; 0 before the start."""
    return F.pad(x, (0, 0, n, 0))[:, : x.shape[1]]


class RewardModel(nn.Module):
    """r(text) = min(1, n/n_min) · (w·(f(text) − centre) / scale + b), read at the last of the text's n tokens.

    f joins two means of the trunk's hidden states: over the whole text so far, and over its last `RECENT` tokens, because
    how a story ends says more than its length would give it.

    The trunk is a frozen copy: training the policy later does not change what is rewarded. Called with `Completions` it is
    a `RewardFn`; `running` gives its opinion after every token.
    """

    centre: Tensor
    scale: Tensor
    length: Tensor
    shortest: Tensor

    def __init__(self, trunk: GPT2):
        super().__init__()
        self.trunk = copy.deepcopy(trunk).eval().requires_grad_(False)
        self.head = ScalarHead(2 * trunk.config.width)
        self.register_buffer("centre", torch.zeros(2 * trunk.config.width))
        self.register_buffer("scale", torch.ones(()))
        self.register_buffer("length", torch.ones(()))
        self.register_buffer("shortest", torch.ones(()))
        self._read: tuple[Completions, Tensor] | None = None

    @torch.no_grad()
    def settle(self, typical: Completions) -> "RewardModel":
        """Measure features from the average of typical texts, in units of their spread, so that a prior means something."""
        f = self.features(typical.ids, typical.mask)
        self.centre.copy_(f.mean(0))
        spread = (f - self.centre).square().sum(1).mean().sqrt()
        if not spread > 0:
            raise ValueError(
                f"all {len(f)} typical texts are the same, so nothing can be compared: write different ones"
            )
        self.scale.copy_(spread)
        lengths = typical.mask.sum(1).float()
        self.length.copy_(lengths.mean())
        self.shortest.copy_(lengths.quantile(0.01))
        return self

    @torch.no_grad()
    def running_features(self, ids: Int[Tensor, "B T"], mask: Bool[Tensor, "B T"]) -> Float[Tensor, "B T F"]:
        """f at each token, about the text up to there; padding counts for nothing."""
        with autocast(ids.device):
            hidden = self.trunk(ids, mask).hidden.float()
        m = mask[..., None].float()
        total, count = (hidden * m).cumsum(1), m.cumsum(1)
        recent, recent_count = total - shift(total, RECENT), count - shift(count, RECENT)
        return torch.cat([total / count.clamp(min=1), recent / recent_count.clamp(min=1)], -1)

    def features(self, ids: Int[Tensor, "B T"], mask: Bool[Tensor, "B T"]) -> Float[Tensor, "B F"]:
        """f of each text, as it stands at the last real token."""
        return at_last_real(self.running_features(ids, mask), mask)

    def reward(self, features: Float[Tensor, "*S D"]) -> Float[Tensor, "*S"]:
        return self.head((features - self.centre) / self.scale)

    def running(self, done: Completions) -> Float[Tensor, "B T"]:
        """The opinion after each token, about the text up to there. Asked twice about the same texts, it reads once."""
        if self._read is None or self._read[0] is not done:
            self._read = done, self.running_features(done.ids, done.mask)
        return self.reward(self._read[1])

    def forward(self, done: Completions) -> Float[Tensor, " B"]:
        """The reward of each text. One shorter than all it has seen counts in part: there it knows nothing.

        (Without this, the policy soon finds that a story without a story can please.)
        """
        return at_last_real(self.running(done), done.mask) * (done.mask.sum(1) / self.shortest).clamp(max=1.0)

    def expected(self, done: Completions) -> Float[Tensor, "B N"]:
        """The reward to expect *before* each new token: what is written counts, the rest is taken to be average.

        V_t = min(1, n_t / n̄) · r_t        r_t: `running` over the first n_t tokens; n̄: length of a typical text
        """
        written = (done.mask.cumsum(1) / self.length).clamp(max=1.0)
        before = (self.running(done) * written)[:, -done.n_new - 1 : -1]
        return before.masked_fill(~done.new_mask, 0.0)
