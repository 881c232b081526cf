"""The one narrow door between language models and everything that trains them.

Shapes: B sequences, T tokens given now, S = tokens in the cache + T, N new tokens, V vocabulary, D width.
"""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


@dataclass(frozen=True)
class LMOutput:
    logits: Float[
        Tensor, "B T V"
    ]  # logits[:, t] predict the token after ids[:, t]; T: all of them, or the `last` asked for
    hidden: Float[Tensor, "B T D"]  # what the output layer reads; heads for values and rewards read it too
    cache: Any  # hand it back with the next tokens; None when none was asked for


@runtime_checkable  # the tests check shapes and types at run time
class CausalLM(Protocol):
    """Anything that predicts the next token: our GPT2, or a Hugging Face model behind its adapter.

    `mask[b, s]` is True at real tokens of cache + ids. Positions are counted from it, so left padding is harmless.
    """

    config: Any  # .width is D, the width of `hidden`; the rest is the family's own
    context: int  # longest sequence it can read
    vocab_size: int

    def __call__(
        self, ids: Int[Tensor, "B T"], mask: Bool[Tensor, "B S"], cache: Any = None, last: int | None = None
    ) -> LMOutput:
        """Read `ids` after what the cache holds. `last` asks for the logits and hidden states of that many tokens only."""
        ...

    def new_cache(self, batch: int, length: int) -> Any:
        """An empty cache for texts of up to `length` tokens; its `.rows(index)` picks or repeats rows."""
        ...

    def parameters(self) -> Any: ...

    def eval(self) -> Any: ...


@runtime_checkable
class SteadyLM(Protocol):
    """A model that can also read one token a row without any tensor changing its shape, as a CUDA graph asks: our GPT-2."""

    def step(
        self,
        ids: Int[Tensor, "B 1"],
        mask: Bool[Tensor, "B S"],
        kv: Float[Tensor, "layers 2 B H S Dh"],
        column: Int[Tensor, " 1"],
    ) -> LMOutput:
        """Read `ids` as the token in `column` of S; `mask` is True at all that may be read, `ids` included."""
        ...

    def parameters(self) -> Any: ...


@dataclass(frozen=True)
class Completions:
    """What a policy wrote after its prompts. Prompts are left-padded, so every completion starts at column T − N."""

    ids: Int[Tensor, "B T"]
    mask: Bool[Tensor, "B T"]  # True at real tokens, through the first EOS; False at padding and after
    logp: Float[Tensor, "B N"]  # log-prob of each new token under the distribution it was sampled from; 0 where masked
    val: Float[Tensor, "B N"] | None = None  # what a value head said before each new token, where one was asked

    @property
    def n_new(self) -> int:
        return self.logp.shape[1]

    @property
    def new_ids(self) -> Int[Tensor, "B N"]:
        return self.ids[:, self.ids.shape[1] - self.n_new :]

    @property
    def new_mask(self) -> Bool[Tensor, "B N"]:
        return self.mask[:, self.mask.shape[1] - self.n_new :]

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, rows) -> "Completions":
        """Some of the rows, chosen by a slice, a list or a tensor of indices."""
        return Completions(
            self.ids[rows], self.mask[rows], self.logp[rows], None if self.val is None else self.val[rows]
        )


def positions(mask: Bool[Tensor, "B S"], T: int) -> Int[Tensor, "B T"]:
    """The position of each of the last T tokens: how many real tokens came before it. Padding gets 0, which nothing reads."""
    cut = mask.shape[1] - T
    return (mask[:, :cut].sum(1, keepdim=True) + mask[:, cut:].cumsum(1) - 1).clamp(min=0)


def check_lengths(context: int, new: int, cached: int, masked: int) -> None:
    """ValueError when more tokens came than a model can read, or a mask does not cover cache and new tokens."""
    if context < masked:
        raise ValueError(f"{masked} tokens came, but this model reads at most {context}: shorten the text")
    if new + cached != masked:
        raise ValueError(f"the mask covers {masked} tokens, but cache and ids hold {new + cached}")


def left_pad(rows: list[list[int]], pad_id: int, device: Any = None) -> tuple[Int[Tensor, "B T"], Bool[Tensor, "B T"]]:
    """Token lists of unequal length as one rectangle, padded on the left, with its mask."""
    if not rows:
        raise ValueError("no sequences came, but at least one is needed: pass a list with one or more prompts")
    if empty := [i for i, row in enumerate(rows) if not row]:
        raise ValueError(f"sequence {empty[0]} is empty, but the model needs at least one token to start from")
    width = max(map(len, rows))
    ids = torch.tensor([[pad_id] * (width - len(row)) + list(row) for row in rows], device=device)
    mask = torch.tensor([[False] * (width - len(row)) + [True] * len(row) for row in rows], device=device)
    return ids, mask


def completion_logits(lm: CausalLM, done: Completions) -> tuple[Float[Tensor, "B N V"], Float[Tensor, "B N D"]]:
    """Logits that predict each new token, and the hidden states they were read from, in one pass without a cache.

    Both come from the position *before* the token: columns T−N−1 … T−2. (Off by one here is the commonest silent bug.)
    """
    out = lm(done.ids[:, :-1], done.mask[:, :-1], last=done.n_new)
    return out.logits, out.hidden
