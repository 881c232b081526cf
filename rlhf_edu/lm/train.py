"""Teaching a model to predict the next token, on raw text (pretraining) or on texts we like (fine-tuning).

Left out on purpose: dropout, gradient accumulation, distributed training.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from rlhf_edu.core import trainer
from rlhf_edu.lm.gpt2 import GPT2
from rlhf_edu.lm.interface import CausalLM
from rlhf_edu.lm.sampling import autocast


@dataclass(frozen=True)
class PretrainConfig:
    steps: int = 3000
    batch: int = 64  # texts a step
    lr: float = 3e-3  # the highest; small models bear high rates
    warmup: int = 100  # steps of linear rise
    final_lr: float = 0.02  # the last rate, as a share of the highest
    weight_decay: float = 0.05
    clip: float = 1.0  # gradient norm

    def __post_init__(self):
        for name in ("steps", "batch", "lr", "clip"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}, but it must be positive")


def cosine_lr(step: int, config: PretrainConfig) -> float:
    """Linear rise over `warmup` steps, then half a cosine down to `final_lr` × lr at the last step."""
    if step < config.warmup:
        return config.lr * (step + 1) / config.warmup
    share = min(1.0, (step - config.warmup) / max(1, config.steps - 1 - config.warmup))
    return config.lr * (config.final_lr + (1 - config.final_lr) * 0.5 * (1 + math.cos(math.pi * share)))


def next_token_loss(lm: CausalLM, ids: Int[Tensor, "B T"], mask: Bool[Tensor, "B T"]) -> Float[Tensor, ""]:
    """Mean −log p(next token) in nats over all real tokens after each text's first."""
    logits = lm(ids[:, :-1], mask[:, :-1]).logits
    target = ids[:, 1:].masked_fill(~mask[:, 1:], -100)
    return F.cross_entropy(logits.float().flatten(0, 1), target.flatten(), ignore_index=-100)


def right_pad(rows: list[list[int]], pad_id: int) -> tuple[Int[Tensor, "B T"], Bool[Tensor, "B T"]]:
    """Token lists as one rectangle, padded on the right (for training, where every text starts at position 0)."""
    width = max(map(len, rows))
    ids = torch.tensor([row + [pad_id] * (width - len(row)) for row in rows])
    return ids, torch.arange(width)[None, :] < torch.tensor([len(row) for row in rows])[:, None]


def batches(
    rows: list[list[int]], batch: int, pad_id: int, rng: np.random.Generator, bunch: int = 16
) -> Iterator[tuple[Int[Tensor, "B T"], Bool[Tensor, "B T"]]]:
    """Endless batches in random order; texts of like length share a batch, so that little of it is padding."""
    if not rows:
        raise ValueError("the corpus is empty, but training needs at least one text")
    while True:
        order = rng.permutation(len(rows))
        for start in range(0, len(order), batch * bunch):
            near = sorted(order[start : start + batch * bunch], key=lambda i: len(rows[i]))
            groups = [near[i : i + batch] for i in range(0, len(near), batch)]
            for g in rng.permutation(len(groups)):
                yield right_pad([rows[i] for i in groups[g]], pad_id)


def adamw(model: torch.nn.Module, lr: float, weight_decay: float) -> torch.optim.AdamW:
    """AdamW with decay on matrices only: biases and layer norms are not kept small."""
    decay = [p for p in model.parameters() if p.requires_grad and p.dim() >= 2]
    rest = [p for p in model.parameters() if p.requires_grad and p.dim() < 2]
    groups = [{"params": decay, "weight_decay": weight_decay}, {"params": rest, "weight_decay": 0.0}]
    device = next(model.parameters()).device
    return torch.optim.AdamW(groups, lr=lr, betas=(0.9, 0.98), fused=device.type in ("cpu", "cuda"))


@trainer
def pretrain(
    gpt2: GPT2,
    data: Iterable[tuple[Int[Tensor, "B T"], Bool[Tensor, "B T"]]],
    config: PretrainConfig = PretrainConfig(),
):
    """Train `gpt2` in place on batches of (ids, mask); yield step, loss (nats per token), lr and grad_norm."""
    device = gpt2.tokens.weight.device
    optimizer = adamw(gpt2, config.lr, config.weight_decay)
    for step, (ids, mask) in zip(range(config.steps), data, strict=False):
        for group in optimizer.param_groups:
            group["lr"] = cosine_lr(step, config)
        with autocast(device):
            loss = next_token_loss(gpt2, ids.to(device), mask.to(device))
        optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(gpt2.parameters(), config.clip)
        optimizer.step()
        yield dict(step=step, loss=loss.item(), lr=optimizer.param_groups[0]["lr"], grad_norm=norm.item())
