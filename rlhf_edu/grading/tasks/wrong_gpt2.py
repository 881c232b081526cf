"""The mistakes people make in the parts of a GPT-2: the code that makes each, and what to say about it."""

import math


def _right_to_left(ids, pair, new):
    out, i = [], len(ids)
    while i > 0:
        if i > 1 and (ids[i - 2], ids[i - 1]) == tuple(pair):
            out, i = [new, *out], i - 2
        else:
            out, i = [ids[i - 1], *out], i - 1
    return out


def _walk(ids, pair, new, step=2, keep_last=True, either_way=False, only_first=False):
    out, i = [], 0
    while i < len(ids) - 1:
        two = (ids[i], ids[i + 1])
        if (two == tuple(pair) or (either_way and two == tuple(pair)[::-1])) and not (only_first and new in out):
            out.append(new)
            i += step
        else:
            out.append(ids[i])
            i += 1
    return out + (list(ids[i:]) if keep_last else [])


MERGE_PAIR = {
    "right_to_left": (_right_to_left, "runs such as 1, 1, 1 are merged from the right; start from the left"),
    "used_twice": (
        lambda ids, pair, new: _walk(ids, pair, new, step=1),
        "after a merge the second token is used again; go on by two",
    ),
    "last_lost": (
        lambda ids, pair, new: _walk(ids, pair, new, keep_last=False),
        "the last token is lost where it is not part of a pair",
    ),
    "either_way": (
        lambda ids, pair, new: _walk(ids, pair, new, either_way=True),
        "the pair is also merged the other way round; order matters",
    ),
    "only_first": (
        lambda ids, pair, new: _walk(ids, pair, new, only_first=True),
        "only the first pair is merged; all of them are to be",
    ),
    "unmerged": (lambda ids, pair, new: list(ids), "nothing is merged"),
    "each_alone": (
        lambda ids, pair, new: [new if x in pair else x for x in ids],
        "each token of the pair is replaced on its own; only the two side by side are",
    ),
}


def _attend(q, k, v, root=None, hide: int | None = 1, before=True, axis=-1, swap=False):
    """Attention with one thing changed: the divisor, what is hidden, when, and where the softmax goes."""
    import torch

    T, width = q.shape[-2:]
    scores = q @ k.transpose(-1, -2) / (math.sqrt(width) if root is None else root(width, q.shape[1] * width))
    if swap:
        scores = scores.transpose(-1, -2)
    future = torch.ones(T, T, dtype=torch.bool).triu(hide) if hide is not None else torch.zeros(T, T, dtype=torch.bool)
    if not before:
        return scores.softmax(-1).masked_fill(future, 0.0) @ v
    return scores.masked_fill(future, -1e30).softmax(axis) @ v


def _past_hidden(q, k, v):
    return _attend(q.flip(-2), k.flip(-2), v.flip(-2)).flip(-2)


CAUSAL_ATTENTION = {
    "no_mask": (lambda q, k, v: _attend(q, k, v, hide=None), "tokens read the future; hide s > t before the softmax"),
    "past_hidden": (_past_hidden, "the mask is the wrong way round: tokens read the future and not the past"),
    "self_hidden": (
        lambda q, k, v: _attend(q, k, v, hide=0),
        "a token does not read itself, but it may: only s > t is hidden",
    ),
    "one_ahead": (lambda q, k, v: _attend(q, k, v, hide=2), "the mask begins one token too late: t reads t + 1"),
    "mask_after": (
        lambda q, k, v: _attend(q, k, v, before=False),
        "the future is hidden after the softmax, so the weights no longer add up to 1; hide it before",
    ),
    "no_root": (lambda q, k, v: _attend(q, k, v, root=lambda d, D: 1.0), "the scores are not divided by √Dh"),
    "no_square_root": (
        lambda q, k, v: _attend(q, k, v, root=lambda d, D: d),
        "the scores are divided by Dh; √Dh is right",
    ),
    "whole_width": (
        lambda q, k, v: _attend(q, k, v, root=lambda d, D: math.sqrt(D)),
        "the scores are divided by the root of the whole width; each head divides by the root of its own",
    ),
    "other_axis": (
        lambda q, k, v: _attend(q, k, v, axis=-2),
        "the softmax goes over the readers; it goes over what is read",
    ),
    "swapped": (lambda q, k, v: _attend(q, k, v, swap=True), "queries and keys are swapped"),
}


def _split(x, heads):
    B, T, D = x.shape
    return x.reshape(B, T, heads, D // heads).transpose(1, 2)


def _join(y):
    return y.transpose(1, 2).reshape(y.shape[0], y.shape[2], -1)


def _dealt(x, heads):
    B, T, D = x.shape
    return x.reshape(B, T, D // heads, heads).permute(0, 3, 1, 2)


SPLIT_AND_JOIN = {
    "not_swapped": (
        lambda x, y, h: (x.reshape(x.shape[0], h, x.shape[1], -1), _join(y)),
        "the split cuts across tokens: reshape to [B, T, H, Dh] first, and swap axes afterwards",
    ),
    "joined_unswapped": (
        lambda x, y, h: (_split(x, h), y.reshape(y.shape[0], y.shape[2], -1)),
        "the join does not swap tokens and heads back before it makes one axis of two",
    ),
    "neither_swapped": (
        lambda x, y, h: (x.reshape(x.shape[0], h, x.shape[1], -1), y.reshape(y.shape[0], y.shape[2], -1)),
        "neither split nor join swaps the axes of tokens and heads",
    ),
    "dealt_out": (
        lambda x, y, h: (_dealt(x, h), _join(y)),
        "the columns are dealt out in turn; a head gets neighbouring ones",
    ),
    "joined_in_turn": (
        lambda x, y, h: (_split(x, h), y.permute(0, 2, 3, 1).reshape(y.shape[0], y.shape[2], -1)),
        "the join takes one column of each head in turn; the columns of a head stay together",
    ),
}


def _loss(logits, ids, mask, keep=None, mean=None):
    logp = logits[:, :-1].log_softmax(-1).gather(-1, ids[:, 1:, None]).squeeze(-1)
    keep = mask[:, 1:] if keep is None else keep(mask)
    return -(logp[keep].mean() if mean is None else mean(logp, keep))


def _rowwise(logp, keep):
    return ((logp * keep).sum(1) / keep.sum(1).clamp(min=1)).mean()


def _no_shift(logits, ids, mask):
    return -logits.log_softmax(-1).gather(-1, ids[..., None]).squeeze(-1)[mask].mean()


def _backwards(logits, ids, mask):
    return -logits[:, 1:].log_softmax(-1).gather(-1, ids[:, :-1, None]).squeeze(-1)[mask[:, 1:]].mean()


NEXT_TOKEN_LOSS = {
    "no_shift": (
        _no_shift,
        "the logits at t are held against the token at t, which they have read; t + 1 is asked for",
    ),
    "backwards": (_backwards, "the shift goes the wrong way: the logits at t are held against the token at t − 1"),
    "no_mask": (lambda z, i, m: _loss(z, i, m, keep=lambda m: m[:, 1:] | True), "padding is counted in"),
    "mask_unshifted": (
        lambda z, i, m: _loss(z, i, m, keep=lambda m: m[:, :-1]),
        "the mask is not shifted along with the tokens: it must say whether the token at t + 1 is real",
    ),
    "all_positions": (
        lambda z, i, m: _loss(z, i, m, mean=lambda p, keep: (p * keep).mean()),
        "the sum is right, but it is divided by all positions instead of the real tokens",
    ),
    "sequence_mean": (
        lambda z, i, m: _loss(z, i, m, mean=_rowwise),
        "this takes the mean of each text first, so tokens of short texts count for more",
    ),
    "summed": (
        lambda z, i, m: _loss(z, i, m, mean=lambda p, keep: p[keep].sum()),
        "this is the sum; the mean is asked for",
    ),
    "sign": (lambda z, i, m: -_loss(z, i, m), "the sign is turned: this is the mean of log p, which is below 0"),
    "bits": (lambda z, i, m: _loss(z, i, m) / math.log(2), "this is in bits; nats are asked for"),
    "no_softmax": (
        lambda z, i, m: -z[:, :-1].gather(-1, i[:, 1:, None]).squeeze(-1)[m[:, 1:]].mean(),
        "these are logits; their log-softmax is still to be taken",
    ),
}


def _count(vocab, context, layers, width, biases=13, tied=True, last=2, places=True):
    outside = (vocab * (1 if tied else 2) + (context if places else 0)) * width + last * width
    return outside + layers * (12 * width * width + biases * width)


COUNT_WEIGHTS = {
    "untied": (
        lambda *sizes: _count(*sizes, tied=False),
        "the output layer is counted; it is the token embedding, and brings no weights of its own",
    ),
    "no_biases": (lambda *sizes: _count(*sizes, biases=4), "the biases of the four matrices of each block are missing"),
    "one_norm": (lambda *sizes: _count(*sizes, biases=11), "each block has two layer norms, not one"),
    "half_norms": (
        lambda *sizes: _count(*sizes, biases=11, last=1),
        "a layer norm has a gain and a bias for each of the D numbers: 2·D weights",
    ),
    "no_last_norm": (lambda *sizes: _count(*sizes, last=0), "the layer norm after the last block is missing"),
    "no_places": (lambda *sizes: _count(*sizes, places=False), "the positions have an embedding, too"),
    "one_block": (lambda v, c, n, d: _count(v, c, 1, d), "only one block is counted"),
}
