# %% [markdown]
# # Exercise 06: the parts of a GPT-2
#
# You write the five pieces that make a language model: a merge of byte-pair encoding, attention, several heads, the loss,
# and a count of the weights.
#
# | | |
# | --- | --- |
# | **Time** | about 50 minutes |
# | **Points** | 22 |
# | **Needs** | any laptop, no network, no GPU |
# | **Before** | lesson 06 |
# | **Solution** | `solutions/06_gpt2.ipynb` in the repository, for afterwards |
#
# Shapes: $B$ texts, $H$ heads, $T$ tokens, $D$ the width, $D_h = D / H$ the width of a head, $V$ the vocabulary.

# %%
import math

import torch
from torch import Tensor

from rlhf_edu.grading import check, progress

# %% [markdown]
# ## 1 One merge
#
# *3 points · 8 minutes · difficulty 1 of 3*
#
# The step that byte-pair encoding repeats (Sennrich et al., 2016): wherever the tokens of `pair` stand side by side, put
# the token `new` in their place. Go from left to right, and use no token twice.
#
# By hand: merging (1, 2) into 9 turns 1, 2, 3, 1, 2 into 9, 3, 9; merging (1, 1) turns 1, 1, 1 into 9, 1.


# %% answer="merge_pair"
def merge_pair(ids: list[int], pair: tuple[int, int], new: int) -> list[int]:
    """The token ids with every `pair` replaced by `new`, from left to right."""
    ### BEGIN SOLUTION
    out, i = [], 0
    while i < len(ids):
        if tuple(ids[i : i + 2]) == tuple(pair):
            out.append(new)
            i += 2
        else:
            out.append(ids[i])
            i += 1
    return out
    ### END SOLUTION


# %% check="merge_pair"
check("merge_pair")
### BEGIN HIDDEN TESTS
check("merge_pair", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 2 Attention over the past
#
# *5 points · 10 minutes · difficulty 2 of 3*
#
# Vaswani et al. (2017), eq. 1, where token $t$ may read tokens $s \le t$ only:
#
# $$w_{ts} = \underset{s \le t}{\text{softmax}}\; \frac{q_t \cdot k_s}{\sqrt{D_h}}, \qquad y_t = \sum_{s \le t} w_{ts}\, v_s$$
#
# By hand: with $D_h = 1$, $q = k = (0, 0)$ and $v = (1, 3)$ the first token gathers 1 and the second 2. PyTorch's own
# attention is not allowed here; `softmax` is.


# %% answer="causal_attention"
def causal_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """What each token gathers from itself and the ones before it. q, k and v are [B, H, T, Dh], as is the result."""
    ### BEGIN SOLUTION
    T, Dh = q.shape[-2:]
    scores = q @ k.transpose(-1, -2) / math.sqrt(Dh)
    future = torch.ones(T, T, dtype=torch.bool).triu(1)
    return scores.masked_fill(future, -math.inf).softmax(-1) @ v
    ### END SOLUTION


# %% check="causal_attention"
check("causal_attention")
### BEGIN HIDDEN TESTS
check("causal_attention", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 3 Several heads
#
# *5 points · 12 minutes · difficulty 3 of 3*
#
# Each head works on its own $D_h$ of the $D$ numbers of a token. Head $h$ gets the columns $h D_h$ to $(h+1) D_h - 1$.
# `split_heads` deals them out, $[B, T, D] \to [B, H, T, D_h]$, and `join_heads` puts them side by side again. Return
# both, as a pair: the split of `x`, and `y` joined.
#
# By hand: one text of two tokens (1, 2, 3, 4) and (5, 6, 7, 8), two heads. The first head gets (1, 2) and (5, 6), the
# second (3, 4) and (7, 8).


# %% answer="split_and_join"
def split_and_join(x: Tensor, y: Tensor, heads: int) -> tuple[Tensor, Tensor]:
    """x [B, T, D] as [B, H, T, Dh], and y [B, H, T, Dh] as [B, T, D]."""
    ### BEGIN SOLUTION
    B, T, D = x.shape
    split = x.view(B, T, heads, D // heads).transpose(1, 2)
    joined = y.transpose(1, 2).reshape(y.shape[0], y.shape[2], -1)
    return split, joined
    ### END SOLUTION


# %% check="split_and_join"
check("split_and_join")
### BEGIN HIDDEN TESTS
check("split_and_join", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 4 The loss
#
# *5 points · 10 minutes · difficulty 2 of 3*
#
# The logits at $t$ predict the token at $t + 1$. With $m$ = `mask` (True on real tokens; texts are padded on the right):
#
# $$L = -\frac{\sum_{b,t} m_{b,t+1} \log \text{softmax}(\text{logits}_{b,t})_{x_{b,t+1}}}{\sum_{b,t} m_{b,t+1}}$$
#
# One mean over all real tokens but each text's first. By hand: where all logits are 0, $L = \log V$.


# %% answer="next_token_loss"
def next_token_loss(logits: Tensor, ids: Tensor, mask: Tensor) -> Tensor:
    """Mean −log p of the next tokens, in nats. logits [B, T, V]; ids int [B, T]; mask bool [B, T]."""
    ### BEGIN SOLUTION
    logp = logits[:, :-1].log_softmax(-1)
    logp = logp.gather(-1, ids[:, 1:, None]).squeeze(-1)
    return -logp[mask[:, 1:]].mean()
    ### END SOLUTION


# %% check="next_token_loss"
check("next_token_loss")
### BEGIN HIDDEN TESTS
check("next_token_loss", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 5 How many weights?
#
# *4 points · 10 minutes · difficulty 2 of 3*
#
# Count the weights of a GPT-2: an embedding for each token and each position; in each of $L$ blocks two layer norms (a
# gain and a bias for each of the $D$ numbers), one matrix that makes $q, k, v$, one for the output of attention, one that
# widens to $4D$ and one back, each of these four with a bias; a last layer norm. The output layer **is** the token
# embedding, and brings none of its own.
#
# For the GPT-2 of 2019 ($V$ = 50,257, context 1024, 12 layers, $D$ = 768) it must give 124,439,808.


# %% answer="count_weights"
def count_weights(vocab: int, context: int, layers: int, width: int) -> int:
    """The number of trained weights of a GPT-2."""
    ### BEGIN SOLUTION
    norm = 2 * width
    attention = width * 3 * width + 3 * width + width * width + width
    feed_forward = width * 4 * width + 4 * width + 4 * width * width + width
    return (vocab + context) * width + layers * (2 * norm + attention + feed_forward) + norm
    ### END SOLUTION


# %% check="count_weights"
check("count_weights")
### BEGIN HIDDEN TESTS
check("count_weights", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## How far you are

# %%
progress()
