"""Supervised fine-tuning: go on training, on answers that we like, and learn the answers only.

Ouyang et al. (2022), "Training language models to follow instructions with human feedback", step 1.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from rlhf_edu.core import trainer
from rlhf_edu.lm.interface import CausalLM
from rlhf_edu.lm.tokenizer import Tokenizer
from rlhf_edu.lm.train import Batch, PretrainConfig, pretrain, right_pad


@dataclass(frozen=True)
class SFTConfig(PretrainConfig):
    """The settings of pretraining, gentler and shorter: the model can write already."""

    steps: int = 100
    batch: int = 32  # demonstrations a step
    lr: float = 5e-4
    warmup: int = 10
    final_lr: float = 0.1
    weight_decay: float = 0.0


def encode_demonstration(tokenizer: Tokenizer, prompt: str, answer: str, context: int) -> tuple[list[int], int]:
    """Token ids of prompt, answer and end, and how many of them are the prompt. ValueError when they do not fit.

    Both are encoded on their own, as they will be when the model writes: its prompt stops there too.
    """
    start = tokenizer.encode(prompt)
    ids = [*start, *tokenizer.encode(answer, start=False), tokenizer.eos_id]
    if len(ids) - 1 > context:
        raise ValueError(
            f"a demonstration has {len(ids) - 1} tokens, but this model reads at most {context}: shorten {prompt[:40]!r}"
        )
    return ids, len(start)


def sft_batches(
    demonstrations: list[tuple[list[int], int]], batch: int, pad_id: int, rng: np.random.Generator
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Endless batches of ids, mask and learn ("B T" each) in random order; `learn` is True at answers and their end."""
    if not demonstrations:
        raise ValueError("there are no demonstrations, but fine-tuning needs at least one (prompt, answer)")
    while True:
        order = rng.permutation(len(demonstrations))
        for begin in range(0, len(order), batch):
            chosen = [demonstrations[i] for i in order[begin : begin + batch]]
            ids, mask = right_pad([row for row, _ in chosen], pad_id)
            n_prompt = torch.tensor([n for _, n in chosen])
            yield ids, mask, mask & (torch.arange(ids.shape[1])[None, :] >= n_prompt[:, None])


@trainer
def sft(
    lm: CausalLM,
    tokenizer: Tokenizer,
    demonstrations: Sequence[tuple[str, str]],
    config: SFTConfig = SFTConfig(),
    *,
    rng: np.random.Generator,
    test: Callable[[CausalLM], dict] | None = None,
    test_every: int = 100,
    checkpoint: Path | None = None,
):
    """Fine-tune `lm` in place on (prompt, answer) texts; yield step, loss (nats per token of the answers), lr, grad_norm.

    L = −mean log π(answer token | prompt and what stands before it)

    `test` and `checkpoint` are those of `pretrain`; to go on from a checkpoint, pass the same demonstrations and an `rng`
    of the same seed.
    """
    rows = [encode_demonstration(tokenizer, prompt, answer, lm.context) for prompt, answer in demonstrations]
    data: Iterator[Batch] = sft_batches(rows, config.batch, tokenizer.pad_id, rng)
    yield from pretrain(lm, data, config, test=test, test_every=test_every, checkpoint=checkpoint)
