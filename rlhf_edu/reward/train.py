"""Fitting a reward model to choices, with a prior strong enough for forty of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from rlhf_edu.core import trainer
from rlhf_edu.feedback.types import Pair
from rlhf_edu.lm.tokenizer import Tokenizer
from rlhf_edu.lm.train import right_pad
from rlhf_edu.reward.losses import bradley_terry
from rlhf_edu.reward.models import RewardModel


@dataclass(frozen=True)
class FitConfig:
    steps: int = 100  # passes over all pairs: the trunk is frozen, so that their features are computed once
    lr: float = 0.2
    prior: float = 0.01  # λ: how strongly the weights are drawn to 0, against the mean loss

    def __post_init__(self):
        for name in ("steps", "lr"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}, but it must be positive")
        if self.prior < 0:
            raise ValueError(f"prior is {self.prior}, but it must be 0 or more")


def pair_features(
    model: RewardModel, tokenizer: Tokenizer, pairs: Sequence[Pair]
) -> tuple[Float[Tensor, "P F"], Float[Tensor, "P F"]]:
    """Features of the chosen and of the rejected texts. Pairs that say nothing are left out; none left is a ValueError.

    A pair says nothing when both texts are the same to the model (equal, or equal once cut to its context).
    """
    room = model.trunk.context - 1
    rows = [
        [tokenizer.encode(pair.prompt + text)[:room] + [tokenizer.eos_id] for text in (pair.better, pair.worse)]
        for pair in pairs
    ]
    rows = [(a, b) for a, b in rows if a != b]
    if not rows:
        raise ValueError(
            f"none of the {len(pairs)} labels says which of two texts is better (all ties, or equal texts): "
            "compare a few more pairs and choose a side"
        )
    texts = [a for a, _ in rows] + [b for _, b in rows]
    ids, mask = right_pad(texts, tokenizer.pad_id)
    device = model.centre.device
    features = model.features(ids.to(device), mask.to(device))
    return features[: len(rows)], features[len(rows) :]


@trainer
def fit_preferences(
    model: RewardModel,
    tokenizer: Tokenizer,
    pairs: Sequence[Pair],
    config: FitConfig = FitConfig(),
    *,
    loss=bradley_terry,
    anchored: bool = False,
):
    """Fit the head to choices, from wherever it stands; yield step, loss (nats per choice) and accuracy.

    minimise  L_BT + λ |w − w₀|²        a Gaussian prior on w: forty choices cannot fix 256 weights

    w₀ is 0; if `anchored`, it is where the head stands at first (see reward/ensemble.py).
    Two people (or one, twice) may contradict each other: the model then leans neither way, which is the right answer.
    """
    chosen, rejected = pair_features(model, tokenizer, pairs)
    optimizer = torch.optim.Adam(model.head.parameters(), lr=config.lr, betas=(0.9, 0.99))
    weight = model.head.linear.weight
    anchor = weight.detach().clone() if anchored else torch.zeros_like(weight)
    for step in range(config.steps):
        for group in optimizer.param_groups:
            group["lr"] = config.lr * (1 - step / config.steps)
        r_chosen, r_rejected = model.reward(chosen), model.reward(rejected)
        surprise = loss(r_chosen, r_rejected)
        optimizer.zero_grad()
        (surprise + config.prior * (weight - anchor).square().sum()).backward()
        optimizer.step()
        yield dict(
            step=step, loss=surprise.item(), accuracy=(r_chosen > r_rejected).float().mean().item(), pairs=len(chosen)
        )


def split_by_prompt(pairs: Sequence[Pair], share: float, rng: np.random.Generator) -> tuple[list[Pair], list[Pair]]:
    """Pairs to learn from, and those of `share` of the prompts to test on.

    Split by pair, one prompt would stand on both sides, and remembering it would look like understanding.
    """
    prompts = sorted({pair.prompt for pair in pairs})
    if not 0 < share < 1:
        raise ValueError(f"share is {share}, but it must lie between 0 and 1: both sides need something")
    if len(prompts) < 2:
        raise ValueError(f"there is {len(prompts)} prompt, but a split needs two: compare texts of another opening")
    n = min(max(1, round(share * len(prompts))), len(prompts) - 1)
    held = {prompts[i] for i in rng.permutation(len(prompts))[:n]}
    return [pair for pair in pairs if pair.prompt not in held], [pair for pair in pairs if pair.prompt in held]
