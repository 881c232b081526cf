"""One number read from a hidden state: the value of a state, or the reward of a text."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn


class ScalarHead(nn.Module):
    """v = w·h + b. Starts at zero, so that the first values say "nothing expected yet" and change no advantage's sign."""

    def __init__(self, width: int):
        super().__init__()
        self.linear = nn.Linear(width, 1)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, hidden: Float[Tensor, "*S D"]) -> Float[Tensor, "*S"]:
        with torch.autocast(hidden.device.type, enabled=False):  # values and rewards are too fine for bfloat16
            return self.linear(hidden.float()).squeeze(-1)


def last_real(mask: Bool[Tensor, "B T"]) -> Int[Tensor, " B"]:
    """The column of each row's last real token: where a reward model reads its score."""
    if not mask.any(1).all():
        raise ValueError("a row has no real token, so it has no last one: drop empty texts first")
    T = mask.shape[1]
    return T - 1 - mask.flip(1).long().argmax(1)


def at_last_real(x: Float[Tensor, "B T *D"], mask: Bool[Tensor, "B T"]) -> Float[Tensor, "B *D"]:
    """x at each row's last real token."""
    return x[torch.arange(len(x), device=x.device), last_real(mask)]
