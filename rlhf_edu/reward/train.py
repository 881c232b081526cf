"""Fitting a reward model to choices, with a prior strong enough for forty of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from rlhf_edu.core import trainer
from rlhf_edu.lm.train import right_pad
from rlhf_edu.reward.losses import bradley_terry
from rlhf_edu.reward.models import RewardModel

Pair = tuple[list[int], list[int]]  # token ids of the chosen and of the rejected text, prompt and EOS included


@dataclass(frozen=True)
class FitConfig:
    steps: int = 60
    lr: float = 0.3
    prior: float = 0.02  # λ: how strongly the weights are drawn to 0
    margin: float = 0.0

    def __post_init__(self):
        for name in ("steps", "lr"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}, but it must be positive")
        if self.prior < 0:
            raise ValueError(f"prior is {self.prior}, but it must be 0 or more")
