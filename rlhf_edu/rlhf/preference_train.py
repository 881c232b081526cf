"""One trainer for every loss of the DPO family: read both answers, take the loss, step.

Left out on purpose: sampling (all answers are given), a schedule beyond a linear fall.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from rlhf_edu.core import trainer
from rlhf_edu.feedback.types import Pair
from rlhf_edu.lm.interface import CausalLM
from rlhf_edu.lm.sampling import autocast
from rlhf_edu.lm.sft import encode_demonstration
from rlhf_edu.lm.tokenizer import Tokenizer
from rlhf_edu.lm.train import right_pad
from rlhf_edu.ops import token_logp
from rlhf_edu.rlhf.preference import AnswerLogps, Loss, dpo
from rlhf_edu.rlhf.processes import average, average_gradients, gather, my_share


class Thumb(NamedTuple):
    """One answer with a thumb up or down, without a partner: what KTO learns from."""

    prompt: str
    answer: str
    good: bool


@dataclass(frozen=True)
class PreferenceConfig:
    steps: int = 60
    batch: int = 16  # pairs a step (or twice as many single answers)
    lr: float = 3e-4  # at the first step; falls linearly to 0
    clip: float = 1.0  # gradient norm

    def __post_init__(self):
        for name in ("steps", "batch", "lr", "clip"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}, but it must be positive")


@dataclass(frozen=True)
class Answers:
    """Token rows of prompts with answers. Paired: rows 2i and 2i + 1 are the chosen and the rejected answer of pair i."""

    rows: list[list[int]]
    n_prompt: list[int]
    good: list[bool]
    paired: bool
    pad_id: int

    def __len__(self) -> int:
        return len(self.rows)

    def rectangle(self, index: Sequence[int], device) -> tuple[Int[Tensor, "B T"], Tensor, Bool[Tensor, "B T"]]:
        """ids, mask and which tokens are the answer's, padded on the right."""
        ids, mask = right_pad([self.rows[i] for i in index], self.pad_id)
        starts = torch.tensor([self.n_prompt[i] for i in index])
        answer = mask & (torch.arange(ids.shape[1]) >= starts[:, None])
        return ids.to(device), mask.to(device), answer.to(device)

    def exchanged(self, context: int) -> "Answers":
        """Every prompt with an answer to another prompt, for KTO's z₀: how far the policy has moved on what it would not write."""
        prompts = [tuple(row[:n]) for row, n in zip(self.rows, self.n_prompt, strict=True)]
        rows = []
        for i, prompt in enumerate(prompts):
            others = (j % len(prompts) for j in range(i + 1, i + len(prompts)))
            j = next((j for j in others if prompts[j] != prompt), i)
            rows.append([*prompt, *self.rows[j][self.n_prompt[j] :]][: context + 1])
        return Answers(rows, self.n_prompt, self.good, self.paired, self.pad_id)


def encode_answers(tokenizer: Tokenizer, data: Sequence[Pair] | Sequence[Thumb], context: int) -> Answers:
    """Pairs or thumbs as token rows, each ended by EOS, or a ValueError that names what cannot be learned from."""
    if not data:
        raise ValueError("there are no comparisons, but at least one (prompt, better, worse) is needed")
    texts: list[tuple[str, str, bool]] = []
    for i, item in enumerate(data):
        if isinstance(item, Thumb):
            texts.append((item.prompt, item.answer, bool(item.good)))
            continue
        if item.better == item.worse:
            raise ValueError(f"in pair {i} chosen and rejected are the same text, so nothing is preferred: drop it")
        texts += [(item.prompt, item.better, True), (item.prompt, item.worse, False)]
    kinds = {isinstance(item, Thumb) for item in data}
    if len(kinds) > 1:
        raise ValueError("pairs and thumbs came in one list, but a loss reads one kind: train on them in turn")
    if kinds == {True} and len({good for *_, good in texts}) < 2:
        raise ValueError("all thumbs point the same way, so nothing tells good from bad: add some of the other kind")
    if empty := [i for i, (_, answer, _) in enumerate(texts) if not answer]:
        raise ValueError(f"answer {empty[0]} is empty, but an answer needs at least one word")
    coded = [encode_demonstration(tokenizer, prompt, answer, context) for prompt, answer, _ in texts]
    rows, n_prompt = [row for row, _ in coded], [n for _, n in coded]
    if 0 in n_prompt:
        raise ValueError(f"prompt {n_prompt.index(0)} is empty, but the model needs a token to start from")
    return Answers(rows, n_prompt, [good for *_, good in texts], kinds == {False}, tokenizer.pad_id)


def answer_logps(
    lm: CausalLM, ids: Int[Tensor, "B T"], mask: Bool[Tensor, "B T"], answer: Bool[Tensor, "B T"]
) -> Float[Tensor, " B"]:
    """log π(y | x) = Σ_t log π(y_t | x, y_<t), summed over the tokens that `answer` marks, in nats."""
    with autocast(ids.device):
        logits = lm(ids[:, :-1], mask[:, :-1]).logits
    return token_logp(logits, ids[:, 1:]).masked_fill(~answer[:, 1:], 0.0).sum(1)


@torch.no_grad()
def all_logps(lm: CausalLM, answers: Answers, device, batch: int = 64) -> Float[Tensor, " A"]:
    """`answer_logps` of every row: the reference never changes, so its opinion is asked once."""
    parts = range(0, len(answers), batch)
    rows = [list(range(start, min(start + batch, len(answers)))) for start in parts]
    return torch.cat([answer_logps(lm, *answers.rectangle(index, device)) for index in rows])


def batches(answers: Answers, size: int, rng: np.random.Generator) -> Iterator[list[int]]:
    """Endless batches of rows in random order. Pairs stay together: all chosen, then their rejected in the same order."""
    units = len(answers) // 2 if answers.paired else len(answers)
    size = min(size if answers.paired else 2 * size, units)
    while True:
        order = rng.permutation(units)
        for start in range(0, units - size + 1, size):
            some = my_share(order[start : start + size].tolist())
            yield [2 * i for i in some] + [2 * i + 1 for i in some] if answers.paired else list(some)


@trainer
def train_preference(
    policy: CausalLM,
    reference: CausalLM | None,
    tokenizer: Tokenizer,
    data: Sequence[Pair] | Sequence[Thumb],
    config: PreferenceConfig = PreferenceConfig(),
    *,
    loss: Loss = dpo,
    rng: np.random.Generator,
    test: Callable[[CausalLM], dict] | None = None,
    test_every: int = 20,
):
    """Fine-tune `policy` in place on comparisons (or thumbs, with `kto`); yield one record a step.

    `loss` is one from `preference`, its settings chosen by functools.partial, or your own function of `AnswerLogps`. The
    reference may be None for losses without one (`orpo`, `simpo`). Records hold loss, accuracy (share of pairs in which
    training has favoured the chosen answer), margin, and how much likelier chosen and rejected have become, in nats.
    Several processes share each batch (see `processes`) and give the numbers of one with the whole batch.
    """
    device = next(iter(policy.parameters())).device
    answers = encode_answers(tokenizer, data, policy.context)
    exchanged = answers.exchanged(policy.context)
    optimizer = torch.optim.AdamW(policy.parameters(), lr=config.lr, weight_decay=0.0)
    before = all_logps(reference if reference is not None else policy, answers, device)
    exchanged_ref: list[Tensor] = []  # filled when the first loss asks

    def kl_of(index: list[int]) -> Tensor:
        if reference is None:
            raise ValueError("this loss measures from a reference, but there is none: pass reference=a frozen copy")
        if not exchanged_ref:
            exchanged_ref.append(all_logps(reference, exchanged, device))
        with torch.no_grad():
            return average((answer_logps(policy, *exchanged.rectangle(index, device)) - exchanged_ref[0][index]).mean())

    some = batches(answers, config.batch, rng)
    for step in range(config.steps):
        index = next(some)
        for group in optimizer.param_groups:
            group["lr"] = config.lr * (1 - step / config.steps)
        ids, mask, answer = answers.rectangle(index, device)
        logp = answer_logps(policy, ids, mask, answer)
        good = torch.tensor([answers.good[i] for i in index], device=device)
        ref = before[index] if reference is not None else None
        read = AnswerLogps(logp, ref, answer.sum(1).float(), good, answers.paired, lambda index=index: kl_of(index))
        value = loss(read)
        mean = average(value)
        if not torch.isfinite(mean):
            raise ValueError(
                f"the loss is {mean.item()} at step {step}: lower lr, or look at the loss (weights are kept)"
            )
        optimizer.zero_grad()
        value.backward()
        average_gradients(policy.parameters())
        norm = nn.utils.clip_grad_norm_(policy.parameters(), config.clip)
        optimizer.step()
        sides = favours(gather(logp - before[index]), gather(good), answers.paired)
        record = dict(step=step, loss=mean.item(), **sides, grad_norm=norm.item())
        last = step + 1 == config.steps
        yield record | (test(policy) if test and (last or (step + 1) % test_every == 0) else {})


def favours(moved: Float[Tensor, " B"], good: Bool[Tensor, " B"], paired: bool) -> dict[str, float]:
    """What training has done so far: accuracy and margin of pairs, and the mean change of log-prob on each side, in nats.

    Accuracy counts margins beyond rounding, so that it is 0 before the first step.
    """
    sides = {name: moved[side].mean().item() for name, side in (("chosen", good), ("rejected", ~good)) if side.any()}
    if not paired:
        return sides
    margins = moved[good] - moved[~good]
    return dict(accuracy=(margins > 1e-4).float().mean().item(), margin=margins.mean().item(), **sides)
