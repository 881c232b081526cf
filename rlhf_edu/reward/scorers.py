"""What a reward is read from: a backbone that turns items into features, and a head that turns features into one number.

A backbone is anything with `features(items) -> Float[Tensor, "B F"]`: word counts, observations, a language model's hidden
states, a Hugging Face encoder. Where it has parameters that want gradients, it is trained along with the head.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from rlhf_edu.lm.gpt2 import GPT2
from rlhf_edu.lm.heads import ScalarHead, at_last_real
from rlhf_edu.lm.train import right_pad
from rlhf_edu.reward.models import RewardModel

CHUNK = 64  # items read at once where no gradient is wanted


@runtime_checkable
class Backbone(Protocol):
    def features(self, items: Sequence[Any]) -> Float[Tensor, "B F"]: ...


class Numbers:
    """Items that are vectors already: observations of an environment, or measurements of your own."""

    def features(self, items: Sequence[Any]) -> Float[Tensor, "B F"]:
        return torch.as_tensor(np.stack([np.asarray(item, dtype=np.float32).ravel() for item in items]))


class Columns:
    """Linear features: a function from all items to an array with one row each (word counts, TF-IDF, hand-made measures)."""

    def __init__(self, measure: Callable[[Sequence[Any]], Any]):
        self.measure = measure

    def features(self, items: Sequence[Any]) -> Float[Tensor, "B F"]:
        table = self.measure(items)
        table = table.toarray() if hasattr(table, "toarray") else np.asarray(table)
        if table.ndim != 2 or len(table) != len(items):
            raise ValueError(f"the features have shape {table.shape}, but {len(items)} items need {len(items)} rows")
        return torch.as_tensor(np.asarray(table, dtype=np.float32))


class LMFeatures(nn.Module):
    """Hidden states of any model behind the language-model interface (our GPT-2, a Hugging Face decoder), pooled to one a text.

    mean: Σ_t h_t / n        sqrt: Σ_t h_t / √n        last: h_n        n: the text's tokens, its end among them

    A sum over √n keeps independent words as loud in a long text as in a short one; their mean fades.
    `lm(ids, mask).hidden` is all that is asked of it, and of the tokenizer `encode`, `pad_id` and `eos_id`. `trainable`
    fine-tunes it in place; otherwise it is read without gradients, and is no part of this module's state. While it is
    fine-tuned, each token is left out with chance `drop`, drawn from `rng`, so that no text can be learned by heart
    (Iyyer et al. 2015, "Deep unordered composition rivals syntactic methods for text classification": word dropout).
    """

    def __init__(
        self,
        lm: Any,
        tokenizer: Any,
        *,
        pool: str = "mean",
        trainable: bool = False,
        cut: bool = False,
        drop: float = 0.0,
        rng: np.random.Generator | None = None,
    ):
        super().__init__()
        if not 0 <= drop < 1:
            raise ValueError(f"drop is {drop}, but it is a share of the tokens: it must lie in [0, 1)")
        if drop and rng is None:
            raise ValueError("tokens are left out at random, so drop needs rng=np.random.default_rng(seed)")
        if pool not in ("mean", "sqrt", "last"):
            raise ValueError(f'pool is {pool!r}, but it must be "mean", "sqrt" or "last"')
        self.tokenizer, self.pool, self.cut, self.trainable = tokenizer, pool, cut, trainable
        self.drop, self.rng = drop, rng
        self._lm = [lm]  # in a list, so that a frozen model is not registered
        if trainable:
            self.lm = lm

    def features(self, items: Sequence[str]) -> Float[Tensor, "B F"]:
        lm = self._lm[0]
        rows = encode(self.tokenizer, items, lm.context, self.cut)
        learning = self.trainable and torch.is_grad_enabled()
        if learning and self.rng is not None:
            rows = [thinned(row, self.drop, self.rng) for row in rows]
        ids, mask = right_pad(rows, self.tokenizer.pad_id)
        device = next(lm.parameters()).device
        ids, mask = ids.to(device), mask.to(device)
        with torch.set_grad_enabled(learning):
            hidden = (lm.read(ids, mask) if isinstance(lm, GPT2) else lm(ids, mask).hidden).float()
        if self.pool == "last":
            return at_last_real(hidden, mask)
        n = mask.sum(1, keepdim=True).float()
        return (hidden * mask[..., None]).sum(1) / (n if self.pool == "mean" else n.sqrt())


class EncoderFeatures(nn.Module):
    """The mean of the last hidden states of a Hugging Face encoder (BERT and its family), as for sentence embeddings.

    `model(**batch).last_hidden_state` and `tokenizer(texts, ...)` as `transformers` has them. Reimers and Gurevych (2019),
    "Sentence-BERT", section 6, found the mean over tokens better than the first token.
    """

    def __init__(self, model: Any, tokenizer: Any, *, trainable: bool = False, cut: bool = False):
        super().__init__()
        self.tokenizer, self.trainable, self.cut = tokenizer, trainable, cut
        self._model = [model]  # in a list, so that a frozen model is not registered
        if trainable:
            self.model = model

    def features(self, items: Sequence[str]) -> Float[Tensor, "B F"]:
        model = self._model[0]
        limit = int(model.config.max_position_embeddings)
        shorten = dict(truncation=True, max_length=limit) if self.cut else {}
        batch = self.tokenizer(list(items), padding=True, return_tensors="pt", **shorten)
        n_tokens = batch["input_ids"].shape[1]
        if n_tokens > limit:
            raise ValueError(
                f"a text has {n_tokens} tokens, but the model reads {limit}: shorten it, or read only its beginning with cut=True"
            )
        device = next(model.parameters()).device
        batch = {name: x.to(device) for name, x in batch.items()}
        with torch.set_grad_enabled(self.trainable and torch.is_grad_enabled()):
            hidden = model(**batch).last_hidden_state.float()
        there = batch["attention_mask"][..., None].float()
        return (hidden * there).sum(1) / there.sum(1)


def encode(tokenizer: Any, texts: Sequence[str], context: int, cut: bool) -> list[list[int]]:
    """Ids of each text with its end token; a text too long for the model is an error, or cut where `cut` says so."""
    rows = [tokenizer.encode(text) for text in texts]
    longest = max(range(len(rows)), key=lambda i: len(rows[i]), default=0)
    if rows and len(rows[longest]) >= context and not cut:
        raise ValueError(
            f"a text has {len(rows[longest])} tokens ({texts[longest][:30]!r} …), but the model reads {context - 1} and the "
            "end: shorten it, or read only its beginning with cut=True"
        )
    return [row[: context - 1] + [tokenizer.eos_id] for row in rows]


def thinned(row: list[int], drop: float, rng: np.random.Generator) -> list[int]:
    """The row without about `drop` of its tokens; the last one, which ends it, always stays."""
    stays = rng.random(len(row)) >= drop
    stays[-1] = True
    return [token for token, there in zip(row, stays, strict=True) if there]


class Scorer(nn.Module):
    """r(x) = head( (f(x) − centre) / scale ): a linear head, or an MLP where `hidden` has sizes.

    `scale="each"` measures every feature in its own standard deviations (features of different units), "all" divides all by one
    number (features of one kind, where the large ones matter more). Call it with items for their rewards.
    """

    centre: Tensor
    scale: Tensor

    def __init__(self, backbone: Backbone, width: int, hidden: Sequence[int] = (), scale: str = "each"):
        super().__init__()
        if scale not in ("each", "all"):
            raise ValueError(f'scale is {scale!r}, but it must be "each" or "all"')
        self.backbone, self.how = backbone, scale
        sizes = [width, *hidden]
        layers = [m for a, b in pairwise(sizes) for m in (nn.Linear(a, b), nn.Tanh())]
        self.head = nn.Sequential(*layers, ScalarHead(sizes[-1]))
        self.register_buffer("centre", torch.zeros(width))
        self.register_buffer("scale", torch.ones(width))

    @property
    def trainable(self) -> bool:
        """Whether the backbone learns too, so that its features cannot be computed once and kept."""
        return isinstance(self.backbone, nn.Module) and any(p.requires_grad for p in self.backbone.parameters())

    def features(self, items: Sequence[Any]) -> Float[Tensor, "B F"]:
        return self.backbone.features(items)

    def reward(self, features: Float[Tensor, "B F"]) -> Float[Tensor, " B"]:
        return self.head((features.to(self.centre.device) - self.centre) / self.scale)

    def forward(self, items: Sequence[Any]) -> Float[Tensor, " B"]:
        return self.reward(self.features(items))

    def settle(self, features: Float[Tensor, "N F"]) -> None:
        """Set centre and scale; a feature that never changes is scaled by 1, since it can say nothing."""
        if bad := int((~torch.isfinite(features)).any(1).sum()):
            raise ValueError(
                f"{bad} of {len(features)} items have NaN or infinity among their features: make them finite"
            )
        self.centre.copy_(features.mean(0))
        spread = features.std(0, correction=0)
        if not bool((spread > 1e-8 * (1 + self.centre.abs())).any()):
            raise ValueError(
                f"all {len(features)} items have the same features, so nothing tells them apart: use other features"
            )
        each = spread.where(spread > 1e-8 * (1 + self.centre.abs()), torch.ones_like(spread))
        self.scale.copy_(each if self.how == "each" else spread.square().sum().sqrt().expand_as(spread))


class TrunkScorer(nn.Module):
    """A `RewardModel` as a scorer of texts: its frozen trunk is the backbone, and the fit trains its own head.

    What is fitted here is therefore at once a `RewardFn` for reinforcement learning. The model must have been settled on
    typical texts (`RewardModel.settle`), which sets its centre and scale.
    """

    trainable = False

    def __init__(self, model: RewardModel, tokenizer: Any, *, cut: bool = False):
        super().__init__()
        self.model, self.tokenizer, self.cut = model, tokenizer, cut

    @property
    def head(self) -> nn.Module:
        return self.model.head

    def features(self, items: Sequence[str]) -> Float[Tensor, "B F"]:
        context = self.model.trunk.context
        ids, mask = right_pad(encode(self.tokenizer, items, context, self.cut), self.tokenizer.pad_id)
        device = next(self.model.parameters()).device
        return self.model.features(ids.to(device), mask.to(device))

    def reward(self, features: Float[Tensor, "B F"]) -> Float[Tensor, " B"]:
        return self.model.reward(features)

    def forward(self, items: Sequence[str]) -> Float[Tensor, " B"]:
        return self.reward(self.features(items))

    def settle(self, features: Float[Tensor, "N F"]) -> None:
        """Nothing to set (the model has been settled on typical texts); only a check that the texts differ at all."""
        if not bool((features - features[0]).abs().max() > 1e-7):
            raise ValueError(
                f"all {len(features)} texts are the same to the model (equal, or equal once cut to its context), so nothing "
                "tells them apart: judge texts that differ earlier"
            )


def read(scorer: Scorer | TrunkScorer, items: Sequence[Any]) -> Float[Tensor, "N F"]:
    """Features of all items without gradients, a few at a time, short texts with short ones."""
    order = sorted(range(len(items)), key=lambda i: len(items[i]) if isinstance(items[i], str) else 0)
    with torch.no_grad():
        parts = [scorer.features([items[i] for i in order[k : k + CHUNK]]) for k in range(0, len(order), CHUNK)]
    back = torch.empty(len(order), dtype=torch.long)
    back[order] = torch.arange(len(order))
    return torch.cat(parts)[back]
