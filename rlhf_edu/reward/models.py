"""A reward model: the policy's own reading of a text, and one number read from it.

Stiennon et al. (2020), "Learning to summarize from human feedback", put a scalar head on a language model and fine-tune all
of it on 60,000 choices. With forty choices there is too little to move a million weights: here the trunk stays frozen and
only the head learns.
"""

import copy

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from rlhf_edu.lm.gpt2 import GPT2
from rlhf_edu.lm.heads import ScalarHead, at_last_real
from rlhf_edu.lm.interface import Completions
from rlhf_edu.lm.sampling import autocast


class RewardModel(nn.Module):
    """r(text) = (w·f(text) + b − bias) / gain, where f is the running mean of the trunk's features at the last real token.

    The trunk is a frozen copy: training the policy later does not change what is rewarded. Called with `Completions` it is
    a `RewardFn`.
    """

    def __init__(self, trunk: GPT2, layer: int | None = None):
        super().__init__()
        self.trunk = copy.deepcopy(trunk).eval().requires_grad_(False)
        width = trunk.config.width
        self.head = ScalarHead(width)
        self.register_buffer("centre", torch.zeros(width))  # features of an average text, so that the head sees differences
        self.register_buffer("scale", torch.ones(()))
        self.register_buffer("bias", torch.zeros(()))
        self.register_buffer("gain", torch.ones(()))

    def train(self, mode: bool = True) -> "RewardModel":
        super().train(mode)
        self.trunk.eval()  # the trunk never learns
        return self

    @torch.no_grad()
    def features(self, ids: Int[Tensor, "B T"], mask: Bool[Tensor, "B T"]) -> Float[Tensor, "B D"]:
        """f: the mean of the trunk's hidden states over a text, as it stands at the last real token."""
        with autocast(ids.device):
            hidden = self.trunk(ids, mask).hidden
        return at_last_real(running_mean(hidden.float(), mask), mask)


def running_mean(hidden: Float[Tensor, "B T D"], mask: Bool[Tensor, "B T"]) -> Float[Tensor, "B T D"]:
    """At each token the mean of the hidden states up to there, padding left out: what has been read so far."""
    m = mask[..., None].float()
    return (hidden * m).cumsum(1) / m.cumsum(1).clamp(min=1)
