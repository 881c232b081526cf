"""GPT-2, whole and readable: embeddings, blocks of attention and feed-forward, and a cache of keys and values.

Radford et al. (2019), "Language models are unsupervised multitask learners". Weights go both ways to and from
`transformers.GPT2LMHeadModel` and give the same logits.

Left out on purpose: dropout (it would make the policy that is updated another than the one that wrote) and
fused kernels beyond PyTorch's own attention.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from rlhf_edu.lm.interface import LMOutput, positions

if TYPE_CHECKING:
    from transformers import GPT2LMHeadModel


@dataclass(frozen=True)
class GPT2Config:
    vocab_size: int = 50257
    context: int = 1024  # longest sequence, in tokens
    layers: int = 12
    heads: int = 12
    width: int = 768  # D

    def __post_init__(self):
        for name in ("vocab_size", "context", "layers", "heads", "width"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, but it must be at least 1")
        if self.width % self.heads:
            raise ValueError(f"width {self.width} cannot be split into {self.heads} heads: make it a multiple")


class KVCache:
    """Keys and values of the tokens read so far, in memory allocated once: no copying while a text grows."""

    def __init__(self, kv: Float[Tensor, "layers 2 B H S Dh"], length: int = 0):
        self.kv, self.length = kv, length

    def append(self, layer: int, kv: Float[Tensor, "2 B H T Dh"]) -> tuple[Tensor, ...]:
        """Store the new keys and values of one layer; return all of them so far."""
        end = self.length + kv.shape[3]
        self.kv[layer, :, :, :, self.length : end] = kv
        return self.kv[layer, :, :, :, :end].unbind()

    def rows(self, index: Int[Tensor, " R"]) -> "KVCache":
        """A cache of the chosen rows: fewer when texts are finished, repeated when one prompt gets several samples."""
        return KVCache(self.kv[:, :, index], self.length)


class FixedCache(KVCache):
    """The same memory, all of it read at every step; where the new token goes is a number that the GPU keeps."""

    def __init__(self, kv: Float[Tensor, "layers 2 B H S Dh"], column: Int[Tensor, " 1"]):
        super().__init__(kv, kv.shape[4])
        self.column = column

    def append(self, layer: int, kv: Float[Tensor, "2 B H 1 Dh"]) -> tuple[Tensor, ...]:
        return self.kv[layer].index_copy_(3, self.column, kv).unbind()


class Attention(nn.Module):
    """Each token gathers from itself and earlier ones: softmax(q kᵀ / √Dh) v, in several heads side by side."""

    def __init__(self, config: GPT2Config, layer: int):
        super().__init__()
        self.heads, self.layer = config.heads, layer
        self.qkv = nn.Linear(config.width, 3 * config.width)
        self.out = nn.Linear(config.width, config.width)

    def forward(
        self, x: Float[Tensor, "B T D"], allowed: Bool[Tensor, "B 1 L S"] | None, cache: KVCache | None, last: int
    ) -> Float[Tensor, "B L D"]:
        """What the last L tokens gather; all T leave their keys and values."""
        B, T, D = x.shape
        qkv = self.qkv(x).view(B, T, 3, self.heads, D // self.heads).permute(2, 0, 3, 1, 4)  # 3 B H T Dh
        k, v = qkv[1:].unbind() if cache is None else cache.append(self.layer, qkv[1:])  # B H S Dh
        y = gather(qkv[0, :, :, T - last :], k, v, allowed)
        return self.out(y.transpose(1, 2).reshape(B, last, D))


def gather(
    q: Float[Tensor, "B H L Dh"],
    k: Float[Tensor, "B H S Dh"],
    v: Float[Tensor, "B H S Dh"],
    allowed: Bool[Tensor, "B 1 L S"] | None,
) -> Float[Tensor, "B H L Dh"]:
    """softmax(q kᵀ / √Dh) v over the allowed tokens: each token's average of the values, weighted by how well query and key agree."""
    L = q.shape[2]
    if L == 1 and q.is_cpu:  # the formula itself: for one token, the fused kernel's many small products are slower
        agree = q * q.shape[3] ** -0.5 @ k.transpose(2, 3)
        if allowed is not None:  # not −∞: what may read nothing (padding, read first) stays a number
            agree = agree.where(allowed, torch.finfo(agree.dtype).min)
        return torch.softmax(agree, dim=-1) @ v
    return F.scaled_dot_product_attention(q, k, v, attn_mask=allowed, is_causal=allowed is None and L > 1)


class Block(nn.Module):
    def __init__(self, config: GPT2Config, layer: int):
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(config.width), nn.LayerNorm(config.width)
        self.attention = Attention(config, layer)
        self.widen, self.narrow = nn.Linear(config.width, 4 * config.width), nn.Linear(4 * config.width, config.width)

    def forward(self, x, allowed, cache, last):
        x = x[:, x.shape[1] - last :] + self.attention(self.ln1(x), allowed, cache, last)
        return x + self.narrow(F.gelu(self.widen(self.ln2(x)), approximate="tanh"))


class GPT2(nn.Module):
    """`gpt2(ids, mask, cache) -> LMOutput`, as `lm.interface.CausalLM` asks; output weights tied to the embedding."""

    def __init__(self, config: GPT2Config):
        super().__init__()
        self.config, self.context, self.vocab_size = config, config.context, config.vocab_size
        self.tokens = nn.Embedding(config.vocab_size, config.width)
        self.places = nn.Embedding(config.context, config.width)
        self.blocks = nn.ModuleList(Block(config, layer) for layer in range(config.layers))
        self.ln = nn.LayerNorm(config.width)
        self.apply(self._init)
        for name, weight in self.named_parameters():  # keeps the residual stream's variance from growing with depth
            if name.endswith(("attention.out.weight", "narrow.weight")):
                nn.init.normal_(weight, std=0.02 / (2 * config.layers) ** 0.5)

    @staticmethod
    def _init(module: nn.Module) -> None:
        # The default N(0, 1) for embeddings gives tied logits of size √D, from which training hardly recovers.
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=0.02)
        if isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)

    def new_cache(self, batch: int, length: int) -> KVCache:
        """A cache for `batch` rows of up to `length` tokens; what is in it before it is written is never read."""
        c, like = self.config, self.tokens.weight
        dtype = torch.get_autocast_dtype("cuda") if torch.is_autocast_enabled("cuda") and like.is_cuda else like.dtype
        shape = (c.layers, 2, batch, c.heads, length, c.width // c.heads)
        return KVCache(torch.empty(shape, device=like.device, dtype=dtype))

    def forward(
        self,
        ids: Int[Tensor, "B T"],
        mask: Bool[Tensor, "B S"],
        cache: KVCache | None = None,
        last: int | None = None,
    ) -> LMOutput:
        hidden = self.read(ids, mask, cache, last)
        return LMOutput(logits=F.linear(hidden, self.tokens.weight), hidden=hidden, cache=cache)

    def read(
        self,
        ids: Int[Tensor, "B T"],
        mask: Bool[Tensor, "B S"],
        cache: KVCache | None = None,
        last: int | None = None,
    ) -> Float[Tensor, "B L D"]:
        """The hidden states alone: with many words and few layers, the logits cost more than all the rest."""
        T, S = ids.shape[1], mask.shape[1]
        if self.context < S:
            raise ValueError(f"{S} tokens came, but this model reads at most {self.context}: shorten the text")
        if T + (cache.length if cache else 0) != S:
            raise ValueError(f"the mask covers {S} tokens, but cache and ids hold {T + (cache.length if cache else 0)}")
        x = self.tokens(ids) + self.places(positions(mask, T))
        allowed, last = attention_mask(mask, T), min(last or T, T)
        for block in self.blocks[:-1]:
            x = block(x, allowed, cache, T)
        # Nobody reads on from the last block: there, only the tokens asked for need an answer.
        x = self.blocks[-1](x, allowed if last == T else attention_mask(mask, last), cache, last)
        if cache is not None:
            cache.length += T
        return self.ln(x)

    def step(
        self,
        ids: Int[Tensor, "B 1"],
        mask: Bool[Tensor, "B S"],
        kv: Float[Tensor, "layers 2 B H S Dh"],
        column: Int[Tensor, " 1"],
    ) -> LMOutput:
        """Read one token a row, in `column` of S, as `lm.graphs` asks: no shape changes, and Python waits for no number."""
        x = self.tokens(ids) + self.places(mask.sum(1, keepdim=True) - 1)
        for block in self.blocks:
            x = block(x, mask[:, None, None, :], FixedCache(kv, column), 1)
        hidden = self.ln(x)
        return LMOutput(logits=F.linear(hidden, self.tokens.weight), hidden=hidden, cache=None)

    @classmethod
    def from_transformers(cls, model: "GPT2LMHeadModel") -> "GPT2":
        """Our GPT-2 with the weights of a `transformers` GPT-2. ValueError when it uses what ours leaves out."""
        from rlhf_edu.lm.convert import from_transformers

        return from_transformers(model)

    def to_transformers(self, **special_ids: int) -> "GPT2LMHeadModel":
        """The same model as a `transformers.GPT2LMHeadModel`; pass e.g. eos_token_id=…, pad_token_id=… to record them."""
        from rlhf_edu.lm.convert import to_transformers

        return to_transformers(self, **special_ids)


def attention_mask(mask: Bool[Tensor, "B S"], T: int) -> Bool[Tensor, "B 1 T S"] | None:
    """Which earlier tokens each of the last T may read; None for the plain causal triangle without padding.

    Padding may read itself, so that no row of the softmax is empty (an empty one is NaN, and NaN spreads).
    """
    S = mask.shape[1]
    if mask.all() and T in (1, S):
        return None
    if T == 1:
        return mask[:, None, None, :]
    rows = torch.arange(S - T, S, device=mask.device)[:, None]
    columns = torch.arange(S, device=mask.device)[None, :]
    return ((columns <= rows) & mask[:, None, :] | (columns == rows))[:, None]
