"""A reward model: the policy's own reading of a text, the themes in it, and one number read from both.

Stiennon et al. (2020), "Learning to summarize from human feedback", put a scalar head on a language model and fine-tune all
of it on tens of thousands of choices. Forty choices cannot move a million weights: here the trunk stays frozen, and only
the head learns.
"""

import copy
import math

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from rlhf_edu.lm.heads import ScalarHead, at_last_real
from rlhf_edu.lm.interface import CausalLM, Completions
from rlhf_edu.lm.sampling import autocast
from rlhf_edu.reward.themes import running_themes

RECENT = 24  # tokens: about the last third of a story
THEMES = (
    2.0  # spread of the themes, in units of the hidden states' spread: how much sooner a choice is put down to them
)


def shift(x: Float[Tensor, "B T F"], n: int) -> Float[Tensor, "B T F"]:
    """x as it stood n tokens earlier; 0 before the start."""
    return F.pad(x, (0, 0, n, 0))[:, : x.shape[1]]


class RewardModel(nn.Module):
    """r(text) = min(1, n/n_min) · (w·(f(text) − centre) / scale + b), read at the last of the text's n tokens.

    f joins two means of the trunk's hidden states, over the whole text so far and over its last `RECENT` tokens (how a
    story ends says more than its length would give it), and, where a world has them, the sum of its `themes` over the
    different tokens of the text (see reward/themes.py).

    The trunk is a frozen copy: training the policy later does not change what is rewarded. Called with `Completions` it is
    a `RewardFn`; `running` gives its opinion after every token.
    """

    themes: Tensor
    centre: Tensor
    scale: Tensor
    length: Tensor
    shortest: Tensor

    def __init__(self, trunk: CausalLM, themes: Float[Tensor, "V K"] | None = None):
        super().__init__()
        self.trunk = copy.deepcopy(trunk).eval().requires_grad_(False)
        themes = torch.zeros(trunk.vocab_size, 0) if themes is None else themes
        if len(themes) != trunk.vocab_size:
            raise ValueError(
                f"themes of {len(themes)} tokens came, but the trunk knows {trunk.vocab_size}: use its own"
            )
        self.n_hidden, n_features = 2 * trunk.config.width, 2 * trunk.config.width + themes.shape[1]
        self.head = ScalarHead(n_features)
        self.register_buffer("themes", themes.float())
        self.register_buffer("centre", torch.zeros(n_features))
        self.register_buffer("scale", torch.ones(n_features))
        self.register_buffer("length", torch.ones(()))
        self.register_buffer("shortest", torch.ones(()))
        self._read: tuple[Completions, Tensor] | None = None

    @torch.no_grad()
    def settle(self, typical: Completions) -> "RewardModel":
        """Measure features from the average of typical texts, in units of their spread, so that a prior means something.

        All features together then spread by 1, the themes `THEMES` times as much as the hidden states.
        """
        f = self.features(typical.ids, typical.mask)
        self.centre.copy_(f.mean(0))
        blocks = (f - self.centre).split([self.n_hidden, f.shape[1] - self.n_hidden], 1)
        weights = (1.0, THEMES if blocks[1].shape[1] else 0.0)
        total = math.hypot(*weights)
        for block, weight, part in zip(blocks, weights, self.scale.split([b.shape[1] for b in blocks]), strict=True):
            spread = block.square().sum(1).mean().sqrt()
            if weight and not spread > 0:
                raise ValueError(
                    f"all {len(f)} typical texts are the same, so nothing can be compared: write different ones"
                )
            part.fill_(spread.item() * total / (weight or 1.0))
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
        means = [total / count.clamp(min=1), recent / recent_count.clamp(min=1)]
        return torch.cat([*means, running_themes(ids, mask, self.themes)], -1)

    def features(self, ids: Int[Tensor, "B T"], mask: Bool[Tensor, "B T"]) -> Float[Tensor, "B F"]:
        """f of each text, as it stands at the last real token."""
        return at_last_real(self.running_features(ids, mask), mask)

    def standardise(self, features: Float[Tensor, "*S F"]) -> Float[Tensor, "*S F"]:
        """(f − centre) / scale: what the head reads, and where two texts lie as far apart as they differ."""
        return (features - self.centre) / self.scale

    def reward(self, features: Float[Tensor, "*S F"]) -> Float[Tensor, "*S"]:
        return self.head(self.standardise(features))

    def read(self, done: Completions) -> Float[Tensor, "B T F"]:
        """`running_features` of texts; asked twice about the same ones, it reads once."""
        if self._read is None or self._read[0] is not done:
            self._read = done, self.running_features(done.ids, done.mask)
        return self._read[1]

    def running(self, done: Completions) -> Float[Tensor, "B T"]:
        """The opinion after each token, about the text up to there."""
        return self.reward(self.read(done))

    def forward(self, done: Completions) -> Float[Tensor, " B"]:
        """The reward of each text. One shorter than all it has seen counts in part: there it knows nothing.

        (Without this, the policy soon finds that a story without a story can please.)
        """
        return at_last_real(self.running(done), done.mask) * (done.mask.sum(1) / self.shortest).clamp(max=1.0)

    def expected(self, done: Completions) -> Float[Tensor, "B N"]:
        """The reward to expect *before* each new token: what is written counts, the rest is taken to be average.

        V_t = w·(E[f | n_t tokens] − centre) / scale + s b        s = min(1, n_t / n̄), n̄: length of a typical text

        A mean is then expected to end at s f_t + (1 − s) centre, a sum (of themes) at f_t + (1 − s) centre.
        """
        s = (done.mask.cumsum(1) / self.length).clamp(max=1.0)[..., None]
        f = self.read(done)
        kept = torch.cat([s * f[..., : self.n_hidden], f[..., self.n_hidden :]], -1)
        before = (self.head((kept - s * self.centre) / self.scale))[:, -done.n_new - 1 : -1]
        return before.masked_fill(~done.new_mask, 0.0)
