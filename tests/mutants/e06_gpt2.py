"""Wrong answers that exercise 06 must reject, and right ones, written differently, that it must accept."""

import math

import torch
import torch.nn.functional as F


# one merge
def merge_first_token_only(ids, pair, new):
    return [new if i + 1 < len(ids) and tuple(ids[i : i + 2]) == tuple(pair) else x for i, x in enumerate(ids)]


def merge_by_text(ids, pair, new):
    """Replaces digits in a string: 1, 2 is found inside 11, 2."""
    found = " ".join(map(str, ids)).replace(f"{pair[0]} {pair[1]}", str(new))
    return [int(x) for x in found.split()]


def merge_drops_pair(ids, pair, new):
    out = []
    for x in ids:
        if out and (out[-1], x) == tuple(pair):
            out.pop()
        else:
            out.append(x)
    return out


def merge_keeps_first(ids, pair, new):
    out = []
    for i, x in enumerate(ids):
        out.append(new if i and (ids[i - 1], x) == tuple(pair) else x)
    return out


def merge_in_place_while_counting(ids, pair, new):
    """Goes by the old length and stops where the list has become too short."""
    ids = list(ids)
    for i in range(len(ids) - 1):
        if i + 1 < len(ids) and (ids[i], ids[i + 1]) == tuple(pair):
            ids[i : i + 2] = [new]
            return ids
    return ids


def merge_by_looking_back(ids, pair, new):
    out = []
    for token in ids:
        if out and out[-1] == pair[0] and token == pair[1]:
            out[-1] = new
        else:
            out.append(token)
    return out


def merge_recursively(ids, pair, new):
    for i in range(len(ids) - 1):
        if ids[i] == pair[0] and ids[i + 1] == pair[1]:
            return [*ids[:i], new, *merge_recursively(ids[i + 2 :], pair, new)]
    return list(ids)


def merge_with_iterator(ids, pair, new):
    out, rest = [], list(ids)[::-1]
    while rest:
        token = rest.pop()
        if rest and (token, rest[-1]) == (pair[0], pair[1]):
            rest.pop()
            token = new
        out.append(token)
    return out


# attention
def masked(scores, value):
    T = scores.shape[-1]
    return torch.where(torch.arange(T)[:, None] >= torch.arange(T)[None, :], scores, value)


def attention_einsum(q, k, v):
    scores = torch.einsum("bhtd,bhsd->bhts", q, k) * q.shape[-1] ** -0.5
    return torch.einsum("bhts,bhsd->bhtd", masked(scores, torch.tensor(-torch.inf)).softmax(-1), v)


def attention_by_prefix(q, k, v):
    rows = []
    for t in range(q.shape[2]):
        score = (k[:, :, : t + 1] * q[:, :, t : t + 1]).sum(-1) / math.sqrt(q.shape[-1])
        rows.append((score.softmax(-1)[..., None] * v[:, :, : t + 1]).sum(-2))
    return torch.stack(rows, 2)


def attention_added_mask(q, k, v):
    T = q.shape[-2]
    mask = torch.full((T, T), -1e9).triu(1)
    scores = (q / math.sqrt(q.shape[-1])) @ k.mT + mask
    scores = scores - scores.amax(-1, keepdim=True)
    e = scores.exp()
    return (e / e.sum(-1, keepdim=True)) @ v


def attention_zero_mask(q, k, v):
    """Multiplies scores by the triangle: 0 is no −∞."""
    scores = (q @ k.mT / math.sqrt(q.shape[-1])).tril()
    return scores.softmax(-1) @ v


def attention_bare_exponential(q, k, v):
    """Overflows where scores are large."""
    e = (q @ k.mT / math.sqrt(q.shape[-1])).exp().tril()
    return (e / e.sum(-1, keepdim=True)) @ v


def attention_root_of_length(q, k, v):
    return masked(q @ k.mT / math.sqrt(q.shape[-2]), torch.tensor(-torch.inf)).softmax(-1) @ v


def attention_values_as_keys(q, k, v):
    return masked(q @ v.mT / math.sqrt(q.shape[-1]), torch.tensor(-torch.inf)).softmax(-1) @ v


def attention_uniform(q, k, v):
    steps = torch.arange(1, q.shape[2] + 1)[:, None]
    return v.cumsum(2) / steps


# heads
def split(x, heads):
    return torch.stack(x.chunk(heads, dim=-1), dim=1)


def join(y):
    return torch.cat(list(y.unbind(1)), dim=-1)


def split_join_unflatten(x, y, heads):
    return x.unflatten(-1, (heads, -1)).permute(0, 2, 1, 3), y.permute(0, 2, 1, 3).flatten(2)


def split_join_loops(x, y, heads):
    each = x.shape[-1] // heads
    out = torch.empty(x.shape[0], heads, x.shape[1], each)
    for h in range(heads):
        out[:, h] = x[..., h * each : (h + 1) * each]
    back = torch.empty(y.shape[0], y.shape[2], y.shape[1] * y.shape[3])
    for h in range(y.shape[1]):
        back[..., h * y.shape[3] : (h + 1) * y.shape[3]] = y[:, h]
    return out, back


# loss
def loss_cross_entropy(logits, ids, mask):
    target = ids[:, 1:].masked_fill(~mask[:, 1:], -100)
    return F.cross_entropy(logits[:, :-1].transpose(1, 2), target, ignore_index=-100)


def loss_one_by_one(logits, ids, mask):
    total, n = 0.0, 0
    for z, x, m in zip(logits, ids, mask, strict=True):
        for t in range(1, len(x)):
            if m[t]:
                total, n = total + torch.logsumexp(z[t - 1], 0) - z[t - 1][x[t]], n + 1
    return total / n


def loss_flat(logits, ids, mask):
    keep = mask[:, 1:].flatten()
    logp = logits[:, :-1].flatten(0, 1)[keep].log_softmax(-1)
    return -logp[torch.arange(len(logp)), ids[:, 1:].flatten()[keep]].mean()


def loss_drops_last_real(logits, ids, mask):
    keep = mask[:, 1:].clone()
    keep[torch.arange(len(keep)), (mask.sum(1) - 2).clamp(min=0)] = False
    logp = logits[:, :-1].log_softmax(-1).gather(-1, ids[:, 1:, None]).squeeze(-1)
    return -logp[keep].mean()


def loss_over_positions(logits, ids, mask):
    """Softmax over time instead of the vocabulary."""
    logp = logits[:, :-1].log_softmax(1).gather(-1, ids[:, 1:, None]).squeeze(-1)
    return -logp[mask[:, 1:]].mean()


def loss_of_the_mean(logits, ids, mask):
    p = logits[:, :-1].softmax(-1).gather(-1, ids[:, 1:, None]).squeeze(-1)
    return -p[mask[:, 1:]].mean().log()


def loss_for_each(logits, ids, mask):
    logp = logits[:, :-1].log_softmax(-1).gather(-1, ids[:, 1:, None]).squeeze(-1)
    return -logp * mask[:, 1:]


# weights
def weights_of_2019(vocab, context, layers, width):
    return 124439808


def weights_closed(vocab, context, layers, width):
    return width * (vocab + context + layers * (12 * width + 13) + 2)


def weights_by_torch(vocab, context, layers, width):
    from torch import nn

    def block():
        linear = [nn.Linear(width, 3 * width), nn.Linear(width, width)]
        linear += [nn.Linear(width, 4 * width), nn.Linear(4 * width, width)]
        return nn.ModuleList([*linear, nn.LayerNorm(width), nn.LayerNorm(width)])

    with torch.device("meta"):
        parts = [nn.Embedding(vocab, width), nn.Embedding(context, width), nn.LayerNorm(width)]
        whole = nn.ModuleList([*parts, *(block() for _ in range(layers))])
    return sum(p.numel() for p in whole.parameters())


MUTANTS = {
    "merge_pair": {
        "puts the new token in, keeps the second": merge_first_token_only,
        "in a string": merge_by_text,
        "the pair vanishes": merge_drops_pair,
        "keeps the first": merge_keeps_first,
        "stops after one": merge_in_place_while_counting,
        "only_first": merge_in_place_while_counting,
        "right_to_left": lambda ids, p, new: merge_by_looking_back(list(ids)[::-1], p[::-1], new)[::-1],
        "a tuple of pairs": lambda ids, p, new: [new] * sum(1 for x in ids if x == p[0]),
    },
    "causal_attention": {
        "scores times the triangle": attention_zero_mask,
        "bare exponential": attention_bare_exponential,
        "root of the length": attention_root_of_length,
        "values as keys": attention_values_as_keys,
        "mean of the past": attention_uniform,
        "no_mask": lambda q, k, v: (q @ k.mT / q.shape[-1] ** 0.5).softmax(-1) @ v,
        "heads as a batch of tokens": lambda q, k, v: attention_einsum(
            *(x.transpose(1, 2) for x in (q, k, v))
        ).transpose(1, 2),
        "weights only": lambda q, k, v: masked(q @ k.mT, torch.tensor(-torch.inf)).softmax(-1),
    },
    "split_and_join": {
        "not_swapped": lambda x, y, h: (x.view(x.shape[0], h, x.shape[1], -1), join(y)),
        "joined_unswapped": lambda x, y, h: (split(x, h), y.reshape(len(y), y.shape[2], y.shape[1] * y.shape[3])),
        "split on the wrong axis order": lambda x, y, h: (split(x, h).transpose(1, 2), join(y)),
        "transposed inside": lambda x, y, h: (split(x, h).mT.reshape(split(x, h).shape), join(y)),
        "heads in reverse": lambda x, y, h: (split(x, h).flip(1), join(y.flip(1))),
        "a mean of the heads": lambda x, y, h: (split(x, h), y.mean(1).repeat(1, 1, h)),
        "split only": lambda x, y, h: split(x, h),
        "the other way round": lambda x, y, h: (join(y), split(x, h)),
    },
    "next_token_loss": {
        "last real token dropped": loss_drops_last_real,
        "softmax over time": loss_over_positions,
        "log of the mean": loss_of_the_mean,
        "for each token": loss_for_each,
        "sign": lambda z, i, m: -loss_cross_entropy(z, i, m),
        "bits": lambda z, i, m: loss_cross_entropy(z, i, m) / 0.693147,
        "no_mask": lambda z, i, m: loss_cross_entropy(z, i, torch.ones_like(m)),
        "perplexity": lambda z, i, m: loss_cross_entropy(z, i, m).exp(),
        "divided by the texts": lambda z, i, m: loss_cross_entropy(z, i, m) * m[:, 1:].sum() / len(m),
    },
    "count_weights": {
        "learnt by heart": weights_of_2019,
        "untied": lambda v, c, n, d: weights_closed(v, c, n, d) + v * d,
        "bias of the output layer": lambda v, c, n, d: weights_closed(v, c, n, d) + v,
        "no feed-forward biases": lambda v, c, n, d: weights_closed(v, c, n, d) - 5 * n * d,
        "narrow feed-forward": lambda v, c, n, d: weights_closed(v, c, n, d) - 6 * n * d * d,
        "no output of attention": lambda v, c, n, d: weights_closed(v, c, n, d) - n * (d * d + d),
        "in millions": lambda v, c, n, d: weights_closed(v, c, n, d) / 1e6,
        "context squared": lambda v, c, n, d: weights_closed(v, c, n, d) + n * c * c,
    },
}

ALTERNATIVES = {
    "merge_pair": {
        "looking back": merge_by_looking_back,
        "recursive": merge_recursively,
        "a stack": merge_with_iterator,
    },
    "causal_attention": {
        "einsum": attention_einsum,
        "by prefix": attention_by_prefix,
        "added mask": attention_added_mask,
    },
    "split_and_join": {
        "chunks": lambda x, y, h: (split(x, h), join(y)),
        "unflatten": split_join_unflatten,
        "loops, as a list": lambda x, y, h: list(split_join_loops(x, y, h)),
    },
    "next_token_loss": {"cross_entropy": loss_cross_entropy, "one by one": loss_one_by_one, "flat": loss_flat},
    "count_weights": {"closed form": weights_closed, "counted by torch": weights_by_torch},
}
