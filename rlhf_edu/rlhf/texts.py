"""Between token ids and functions of plain text: reward functions on strings, stop sequences, texts that are made to end."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from rlhf_edu.lm.interface import CausalLM, Completions, LMOutput
from rlhf_edu.lm.tokenizer import Tokenizer

Judge = Callable[..., Sequence[float]]


def texts_of(done: Completions, tokenizer: Tokenizer) -> tuple[list[str], list[str]]:
    """Prompts and outputs of finished texts, without special tokens."""
    width = done.ids.shape[1] - done.n_new
    rows = list(zip(done.ids.cpu(), done.mask.cpu(), strict=True))
    prompts = [tokenizer.decode(ids[:width][mask[:width]].tolist()) for ids, mask in rows]
    return prompts, [tokenizer.decode(ids[width:][mask[width:]].tolist()) for ids, mask in rows]


def cut(text: str, stop_sequences: Sequence[str]) -> str:
    """The text up to the first stop sequence in it, which is left out."""
    ends = [text.find(stop) for stop in stop_sequences if stop]
    return text[: min([end for end in ends if end >= 0], default=len(text))]


def split_sample(sample: str | Sequence[str], tokenizer: Tokenizer) -> tuple[str, str]:
    """(prompt, output) of a sample; a plain text is continued from its first token, since a model needs one to start from."""
    if isinstance(sample, str):
        first = tokenizer.decode(tokenizer.encode(sample)[:1])
        if not first or not sample.startswith(first) or first == sample:
            raise ValueError(
                f"the sample {sample[:40]!r} has fewer than two tokens, so there is nothing to continue: drop it"
            )
        return first, sample[len(first) :]
    if len(sample) != 2 or not all(isinstance(part, str) for part in sample):
        raise ValueError(f"a sample is {sample!r}, but it must be a text or (prompt, output)")
    prompt, output = sample
    return prompt, output


def call_with_texts(
    function: Callable[..., Any], samples: list[str], prompts: Sequence[str], outputs: list[str]
) -> Any:
    """Call a function of texts with those of samples, prompts and outputs that it names; one that names none gets the samples."""
    given = dict(samples=samples, prompts=list(prompts), outputs=outputs)
    parameters = inspect.signature(function).parameters
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return function(**given)
    named = {name: given[name] for name in parameters if name in given}
    return function(**named) if named else function(samples)


def checked_numbers(name: str, numbers: Any, n: int) -> list[float]:
    """One finite number for each of n texts, or a ValueError that tells what is wrong with them."""
    try:
        found = [float(x) for x in numbers]
    except (TypeError, ValueError):  # None, one number for all, words
        raise ValueError(
            f'"{name}" came as {str(numbers)[:60]!r} for {n} texts, but there must be one number for each'
        ) from None
    if len(found) != n:
        raise ValueError(f'"{name}" came as {len(found)} numbers for {n} texts, but there must be one for each')
    if bad := int((~torch.isfinite(torch.tensor(found))).sum()):
        raise ValueError(f'"{name}" is NaN or infinite for {bad} of {n} texts: make it finite for every text')
    return found


@dataclass
class SizedCache:
    """A cache that knows for how long a text it was made."""

    inner: Any
    length: int

    def rows(self, index: torch.Tensor) -> "SizedCache":
        return SizedCache(self.inner.rows(index), self.length)


class AlwaysEnds:
    """A language model whose last new token, where there is no room for another, is the end: no text is left unfinished.

    The end is then certain (log-prob 0) for writing, reference and update alike, so that ratios and KL stay true. For tasks in
    which texts of full length are the rule, and not to be punished.
    """

    def __init__(self, lm: CausalLM, eos_id: int):
        self.lm, self.eos_id = lm, eos_id
        self.config, self.context, self.vocab_size = lm.config, lm.context, lm.vocab_size

    def __call__(self, ids: torch.Tensor, mask: torch.Tensor, cache: Any = None, last: int | None = None) -> LMOutput:
        out = self.lm(ids, mask, None if cache is None else cache.inner, last)
        logits = out.logits
        if (
            cache is None or mask.shape[1] == cache.length - 1
        ):  # without a cache a whole text is read: its last token is next
            only = torch.full_like(logits[:, -1:], -1e9)
            only[..., self.eos_id] = 0.0
            logits = torch.cat([logits[:, :-1], only], 1)
        return LMOutput(logits, out.hidden, None if cache is None else SizedCache(out.cache, cache.length))

    def new_cache(self, batch: int, length: int) -> SizedCache:
        return SizedCache(self.lm.new_cache(batch, length), length)

    def parameters(self) -> Any:
        return self.lm.parameters()

    def eval(self) -> "AlwaysEnds":
        self.lm.eval()
        return self
