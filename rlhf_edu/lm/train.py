"""Teaching a model to predict the next token: the loss, the data, the schedule, and the loop (pretraining).

Fine-tuning on texts we like is the same loop on other data: see `sft`.
Left out on purpose: dropout, gradient accumulation, distributed training.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from rlhf_edu.core import trainer
from rlhf_edu.lm.checkpoint import check_fits, load_state, save_state
from rlhf_edu.lm.interface import CausalLM
from rlhf_edu.lm.sampling import autocast
from rlhf_edu.lm.tokenizer import Tokenizer

Batch = tuple[Tensor, ...]  # ids and mask "B T", and where not every token is to be learned, which are


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


def next_token_loss(
    lm: CausalLM, ids: Int[Tensor, "B T"], mask: Bool[Tensor, "B T"], learn: Bool[Tensor, "B T"] | None = None
) -> Float[Tensor, ""]:
    """Mean −log p(next token) in nats over all real tokens after each text's first, or over those that `learn` picks."""
    counts = (mask if learn is None else mask & learn)[:, 1:]
    logits = lm(ids[:, :-1], mask[:, :-1]).logits
    target = ids[:, 1:].masked_fill(~counts, -100)
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


def packed(
    rows: list[list[int]], length: int, batch: int, rng: np.random.Generator
) -> Iterator[tuple[Int[Tensor, "B T"], Bool[Tensor, "B T"]]]:
    """Endless batches without padding: texts in random order, laid end to end, cut every `length` tokens.

    A row may begin in the middle of a text and see the end of another before its own start; the EOS that closes each text
    tells them apart (Brown et al. 2020, appendix B). Each pass cuts at other places.
    """
    total = sum(map(len, rows))
    if total < length:
        raise ValueError(
            f"the corpus has {total} tokens, but one row of {length} needs more: add texts or pack shorter"
        )
    while True:
        stream = np.concatenate([np.asarray(rows[i], dtype=np.int64) for i in rng.permutation(len(rows))])
        first = int(rng.integers(0, total % length + 1))
        cut = torch.from_numpy(stream[first : first + total // length * length].reshape(-1, length))
        for chosen in torch.from_numpy(rng.permutation(len(cut))).split(batch):
            yield cut[chosen], torch.ones(len(chosen), length, dtype=torch.bool)


@torch.no_grad()
def held_out(lm: CausalLM, tokenizer: Tokenizer, texts: Sequence[str], batch: int = 64) -> dict[str, float]:
    """How surprised the model is by texts it has not seen: held_out_nats (per token) and bits_per_byte.

    bits per byte = nats / (log 2 · bytes)        nats: −Σ log p(token), ends of texts included

    Nats per token depend on the tokenizer, bits per byte hardly do, so that only they compare models. A text's first token
    is given, not predicted. Texts longer than the context are read in pieces.
    """
    rows = [[*tokenizer.encode(text), tokenizer.eos_id] for text in texts]
    if not rows:
        raise ValueError("no texts to test on came, but at least one is needed")
    n_bytes = sum(
        len(text.encode()) - len(tokenizer.decode(row[:1]).encode()) for text, row in zip(texts, rows, strict=True)
    )
    hop = lm.context - 1  # a piece begins with the last token of the one before, which it does not predict again
    pieces = sorted((row[i : i + hop + 1] for row in rows for i in range(0, max(len(row) - 1, 1), hop)), key=len)
    device, nats, tokens = next(iter(lm.parameters())).device, 0.0, 0
    for start in range(0, len(pieces), batch):
        ids, mask = right_pad(pieces[start : start + batch], tokenizer.pad_id)
        if n := int(mask[:, 1:].sum()):
            nats, tokens = nats + next_token_loss(lm, ids.to(device), mask.to(device)).item() * n, tokens + n
    return dict(held_out_nats=nats / max(tokens, 1), bits_per_byte=nats / math.log(2) / max(n_bytes, 1))


def adamw(model: CausalLM, lr: float, weight_decay: float) -> torch.optim.AdamW:
    """AdamW with decay on matrices only: biases and layer norms are not kept small."""
    decay = [p for p in model.parameters() if p.requires_grad and p.dim() >= 2]
    rest = [p for p in model.parameters() if p.requires_grad and p.dim() < 2]
    groups = [{"params": decay, "weight_decay": weight_decay}, {"params": rest, "weight_decay": 0.0}]
    device = next(model.parameters()).device
    return torch.optim.AdamW(groups, lr=lr, betas=(0.9, 0.98), fused=device.type in ("cpu", "cuda"))


@trainer
def pretrain(
    lm: CausalLM,
    data: Iterable[Batch],
    config: PretrainConfig = PretrainConfig(),
    *,
    test: Callable[[CausalLM], dict] | None = None,
    test_every: int = 100,
    checkpoint: Path | None = None,
    save_every: int = 100,
):
    """Train `lm` in place on batches of (ids, mask); yield step, loss (nats per token), lr and grad_norm.

    `test(lm)` adds numbers of yours to every `test_every`-th record and the last: `held_out`, for example. With
    `checkpoint` the run is saved there, and one that finds it goes on with the same numbers, as long as `data` begins
    anew with the same batches (the same seed).
    """
    device, model = next(iter(lm.parameters())).device, cast(nn.Module, lm)
    optimizer, first = adamw(lm, config.lr, config.weight_decay), 0
    if checkpoint is not None and checkpoint.exists():
        first = _restore(checkpoint, device, model, optimizer, config)
    for step, batch in enumerate(islice(data, first, config.steps), start=first):
        for group in optimizer.param_groups:
            group["lr"] = cosine_lr(step, config)
        with autocast(device):
            loss = next_token_loss(lm, *(part.to(device) for part in batch))
        optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(lm.parameters(), config.clip)
        optimizer.step()
        record = dict(step=step, loss=loss.item(), lr=optimizer.param_groups[0]["lr"], grad_norm=norm.item())
        last = step + 1 == config.steps
        if checkpoint is not None and (last or (step + 1) % save_every == 0):
            state = dict(step=step + 1, config=asdict(config), lm=model.state_dict(), optimizer=optimizer.state_dict())
            save_state(checkpoint, state)
        yield record | (test(lm) if test and (last or (step + 1) % test_every == 0) else {})


def _restore(
    path: Path, device: torch.device, model: nn.Module, optimizer: torch.optim.Optimizer, config: PretrainConfig
) -> int:
    """Fill model and optimizer from a checkpoint of the same model and settings, or change nothing; the step it is at."""
    state = load_state(path, device)
    if state.get("config") != asdict(config):
        raise ValueError(
            f"the checkpoint {path} was made with other settings ({state.get('config')}): take those, or delete it to start afresh"
        )
    check_fits(model, state["lm"], path)
    model.load_state_dict(state["lm"])
    optimizer.load_state_dict(state["optimizer"])
    return state["step"]
