"""Tasks of exercise 06, a mini GPT-2: a merge, attention, heads, the loss, and the number of weights.

Every oracle goes number by number in plain Python, so that it shares nothing with the solutions or the library.
"""

import math

import numpy as np

from rlhf_edu.grading.judges import FunctionJudge
from rlhf_edu.grading.task import Task
from rlhf_edu.grading.tasks import slopes
from rlhf_edu.grading.tasks import wrong_gpt2 as wrong
from rlhf_edu.grading.tensors import tensor

EXERCISE = "06_gpt2"
LIBRARY = ("rlhf_edu.lm.", "rlhf_edu.ops.")


def merged_by_hand(ids, pair, new: int) -> list[int]:
    """Read from the left; a token that begins the pair waits for the next one."""
    first, second = pair
    out, waiting = [], False
    for token in ids:
        if waiting and token == second:
            out.append(new)
            waiting = False
            continue
        if waiting:
            out.append(first)
        waiting = token == first
        if not waiting:
            out.append(token)
    return [*out, first] if waiting else out


def attention_by_number(q, k, v):
    """y_t = Σ_{s ≤ t} w_ts v_s with w the softmax of q_t·k_s / √Dh over the past."""
    B, H, T, width = q.shape
    out = np.zeros((B, H, T, v.shape[-1]))
    for b, h, t in np.ndindex(B, H, T):
        query = q[b, h, t].tolist()
        past = [k[b, h, s].tolist() for s in range(t + 1)]
        score = [math.fsum(x * y for x, y in zip(query, key, strict=True)) / math.sqrt(width) for key in past]
        weight = [math.exp(s - max(score)) for s in score]
        for s, w in enumerate(weight):
            out[b, h, t] += w / math.fsum(weight) * np.array(v[b, h, s].tolist())
    return tensor(out)


def split_and_join_by_number(x, y, heads: int):
    """Column d of x belongs to head d // Dh, as its number d % Dh; joining goes the same way back."""
    B, T, D = x.shape
    each = D // heads
    split, joined = np.zeros((B, heads, T, each)), np.zeros((y.shape[0], y.shape[2], y.shape[1] * y.shape[3]))
    for b, t, d in np.ndindex(B, T, D):
        split[b, d // each, t, d % each] = x[b, t, d].item()
    for b, t, d in np.ndindex(*joined.shape):
        joined[b, t, d] = y[b, d // y.shape[3], t, d % y.shape[3]].item()
    return tensor(split), tensor(joined)


def loss_by_token(logits, ids, mask):
    """−log softmax(logits[b, t − 1])[ids[b, t]], averaged over the real tokens from each text's second on."""
    nats = []
    for b, row in enumerate(mask.tolist()):
        for t in range(1, len(row)):
            if row[t]:
                z = logits[b, t - 1].tolist()
                total = max(z) + math.log(math.fsum(math.exp(x - max(z)) for x in z))
                nats.append(total - z[int(ids[b, t])])
    return tensor(math.fsum(nats) / len(nats))


def weights_one_by_one(vocab: int, context: int, layers: int, width: int) -> int:
    """Σ over all matrices and lists of numbers of a GPT-2."""
    norm, total = [(width,), (width,)], [(vocab, width), (context, width)]
    for _ in range(layers):
        for inputs, outputs in ((width, 3 * width), (width, width), (width, 4 * width), (4 * width, width)):
            total += [(inputs, outputs), (outputs,)]
        total += norm * 2
    return sum(math.prod(shape) for shape in [*total, *norm])


def draw_merge(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    """Token ids with runs of the pair in them; the hidden ones also hold pairs of twins, and none at all."""
    a, b = (int(x) for x in rng.choice(20, size=2, replace=False))
    length, other = (7, 10, 14, 20, 30)[i], int(f"3{a}")  # as a string, it ends like the first of the pair
    ids = [int(x) for x in rng.choice([a, b, a, b, other, 41], size=length)] + [other, b, 41, a, b]
    if i in (1, 3):
        ids, b = [a if x == b else x for x in ids] + [41, a, a, a], a
    if hidden and i == 4:
        ids = []
    if hidden and i == 2:
        ids = [b, 41, a, 41, a]
    return {"ids": ids, "pair": (a, b), "new": int(rng.integers(50, 99))}


SHAPES = ((1, 1, 3, 1), (1, 2, 3, 4), (2, 2, 5, 3), (2, 3, 4, 8), (3, 4, 7, 2))  # B H T Dh of case 0, 1, …


def draw_attention(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    shape = SHAPES[i] if not (hidden and i == 3) else (2, 3, 1, 8)
    size = 60.0 if hidden and i == 4 else 1.5
    q, k, v = (rng.normal(0, scale, shape) for scale in (size, 1.5, 1.0))
    return {"q": tensor(q), "k": tensor(k), "v": tensor(v)}


def draw_heads(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    B, H, T, each = ((1, 2, 3, 2), (2, 2, 3, 3), (2, 3, 4, 2), (1, 4, 3, 5), (3, 3, 2, 4))[i]
    if hidden and i == 4:
        B, H, T, each = 2, 4, 1, 3
    numbers = np.arange(B * T * H * each, dtype=float).reshape(B, T, H * each) + 1
    x = numbers if i == 0 else rng.normal(0, 1, numbers.shape)
    return {"x": tensor(x), "y": tensor(rng.normal(0, 1, (B, H, T, each))), "heads": H}


def draw_loss(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    """Texts of unequal length; what stands under padding is nonsense, and a hidden text has a single token."""
    B, T, V = ((2, 4, 3), (2, 5, 6), (3, 6, 9), (4, 8, 5), (5, 9, 12))[i]
    lengths = rng.integers(2, T + 1, size=B)
    lengths[0], lengths[-1] = T - 1, T
    if hidden and B > 2:
        lengths[1] = 1
    logits = rng.normal(0, 300 if hidden and i == 4 else 2, (B, T, V))
    mask = np.arange(T) < lengths[:, None]
    return {"logits": tensor(logits), "ids": tensor(rng.integers(0, V, (B, T))), "mask": tensor(mask)}


def draw_sizes(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    if i == 0 and not hidden:
        return {"vocab": 50257, "context": 1024, "layers": 12, "width": 768}
    vocab, context, layers = int(rng.integers(100, 999)), int(rng.integers(32, 99)), int(rng.integers(2, 9))
    return {"vocab": vocab, "context": context, "layers": layers, "width": 8 * int(rng.integers(2, 17))}


TASKS = [
    Task(
        name="merge_pair",
        exercise=EXERCISE,
        kind="function",
        title="One merge",
        points=3,
        minutes=8,
        judge=FunctionJudge("merge_pair", merged_by_hand, draw_merge, wrong.MERGE_PAIR),
        hints=(
            "Walk through the list with an index. Where the pair stands, go on by 2; elsewhere by 1.",
            "The last token has no neighbour on its right: it must not be lost, and must not raise an error.",
        ),
        forbidden=LIBRARY,
    ),
    Task(
        name="causal_attention",
        exercise=EXERCISE,
        kind="function",
        title="Attention over the past",
        points=5,
        minutes=10,
        difficulty=2,
        judge=FunctionJudge("causal_attention", attention_by_number, draw_attention, wrong.CAUSAL_ATTENTION),
        hints=(
            "Scores are q @ k.transpose(-1, -2) / √Dh: rows are the tokens that read, columns those that are read.",
            "Fill the columns s > t with −∞ before the softmax, which goes over the last axis. "
            "torch.ones(T, T).triu(1) is 1 exactly there.",
        ),
        forbidden=(*LIBRARY, "torch.nn.functional.scaled_dot_product_attention"),
    ),
    Task(
        name="split_and_join",
        exercise=EXERCISE,
        kind="function",
        title="Several heads",
        points=5,
        minutes=12,
        difficulty=3,
        judge=FunctionJudge("split_and_join", split_and_join_by_number, draw_heads, wrong.SPLIT_AND_JOIN),
        hints=(
            "Cut the last axis first, [B, T, D] to [B, T, H, Dh]; then swap two axes. Shapes can be right and numbers "
            "in the wrong places: look at the first case.",
            "Joining goes backwards: swap first, then make one axis of two.",
        ),
        forbidden=LIBRARY,
    ),
    Task(
        name="next_token_loss",
        exercise=EXERCISE,
        kind="function",
        title="The loss",
        points=5,
        minutes=10,
        difficulty=2,
        judge=FunctionJudge(
            "next_token_loss", loss_by_token, draw_loss, wrong.NEXT_TOKEN_LOSS, gradients=slopes.NEXT_TOKEN_LOSS
        ),
        hints=(
            "logits[:, :-1] and ids[:, 1:] stand side by side. Which part of the mask belongs to them?",
            "log_softmax over the last axis, gather at the tokens, then one mean over all that the mask keeps.",
        ),
        forbidden=LIBRARY,
    ),
    Task(
        name="count_weights",
        exercise=EXERCISE,
        kind="function",
        title="How many weights?",
        points=4,
        minutes=10,
        difficulty=2,
        judge=FunctionJudge("count_weights", weights_one_by_one, draw_sizes, wrong.COUNT_WEIGHTS, atol=0.5, rtol=0.0),
        hints=(
            "A matrix from a to b numbers with its bias has a·b + b weights. A layer norm has 2·D.",
            "Each block has 12·D² + 13·D weights. What is there besides the blocks?",
        ),
        forbidden=LIBRARY,
    ),
]
