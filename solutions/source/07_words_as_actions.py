# %% [markdown]
# # Exercise 07: words as actions
#
# You write what stands between a language model and reinforcement learning, and hunt a bug in a fine-tuning run.
#
# | | |
# | --- | --- |
# | **Time** | about 55 minutes |
# | **Points** | 24 |
# | **Needs** | any laptop, no network, no GPU |
# | **Before** | lesson 07 |
# | **Solution** | `solutions/07_words_as_actions.ipynb` in the repository, for afterwards |
#
# Shapes: $B$ texts, $T$ tokens of prompt and answer together, $N$ new tokens (the answer), $V$ the vocabulary.

# %%
import torch
from torch import Tensor

from rlhf_edu.grading import check, progress

# %% [markdown]
# ## 1 Nucleus sampling
#
# *5 points · 10 minutes · difficulty 2 of 3*
#
# Keep the fewest tokens that together have at least probability $P$ (Holtzman et al., 2020): go down from the likeliest
# and stop **with** the one that reaches $P$. Scale what is kept so that it adds up to 1; the rest is 0. Do so for each
# row on its own, and leave the tokens in their places.
#
# By hand: (0.15, 0.5, 0.3, 0.05) with $P = 0.9$ keeps the first three: (0.158, 0.526, 0.316, 0).


# %% answer="nucleus"
def nucleus(probs: Tensor, P: float) -> Tensor:
    """The distribution to sample from. probs [B, V], each row adding up to 1; 0 < P ≤ 1. Returns [B, V]."""
    ### BEGIN SOLUTION
    likely, order = probs.sort(dim=-1, descending=True)
    before = likely.cumsum(-1) - likely
    likely = likely.masked_fill(before >= P, 0.0)
    kept = torch.zeros_like(probs).scatter(-1, order, likely)
    return kept / kept.sum(-1, keepdim=True)
    ### END SOLUTION


# %% check="nucleus"
check("nucleus")
### BEGIN HIDDEN TESTS
check("nucleus", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 2 Log-probs of the actions
#
# *5 points · 10 minutes · difficulty 3 of 3*
#
# The formulas of RL need $\log \pi(a_t \mid s_t)$ for each new token. The model has read the whole text, prompt and
# answer, in one go. Prompts are padded on the left, so that every answer is the **last** $N$ columns. It was sampled at a
# temperature, so its log-probs are those at that temperature:
#
# $$\log \pi(a_t \mid s_t) = \log \text{softmax}(\text{logits}_{t-1} / T)_{a_t}$$
#
# Careful: which logits predict the first token of the answer? Answers need no mask here.
#
# By hand: with all logits 0 every log-prob is $-\log V$, whatever the temperature.


# %% answer="action_logp"
def action_logp(logits: Tensor, ids: Tensor, n_new: int, temperature: float) -> Tensor:
    """The log-prob of each new token, [B, N]. logits [B, T, V]: logits[:, t] predict ids[:, t + 1]; ids int [B, T]."""
    ### BEGIN SOLUTION
    T = ids.shape[1]
    logp = (logits[:, T - n_new - 1 : T - 1] / temperature).log_softmax(-1)
    return logp.gather(-1, ids[:, T - n_new :, None]).squeeze(-1)
    ### END SOLUTION


# %% check="action_logp"
check("action_logp")
### BEGIN HIDDEN TESTS
check("action_logp", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 3 What fine-tuning learns
#
# *4 points · 10 minutes · difficulty 2 of 3*
#
# Fine-tuning learns answers, not prompts. Here texts are padded on the **right**. Text $b$ has `n_prompt[b]` tokens of
# prompt, then its answer, then the end token `eos_id`, then padding with `pad_id`, which is another token. Return a mask
# [B, T], True at the tokens to be learned: the answer, and its end token.
#
# By hand: ids (5, 6, 7, 1, 0) with one token of prompt, end 1 and padding 0 give (False, True, True, True, False).


# %% answer="learn_mask"
def learn_mask(ids: Tensor, n_prompt: Tensor, eos_id: int, pad_id: int) -> Tensor:
    """True at the tokens that fine-tuning learns. ids int [B, T]; n_prompt int [B]. Returns bool [B, T]."""
    ### BEGIN SOLUTION
    in_answer = torch.arange(ids.shape[1])[None, :] >= n_prompt[:, None]
    return in_answer & (ids != pad_id)
    ### END SOLUTION


# %% check="learn_mask"
check("learn_mask")
### BEGIN HIDDEN TESTS
check("learn_mask", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 4 REINFORCE with the mean of the others
#
# *6 points · 15 minutes · difficulty 3 of 3*
#
# Williams (1992), with the baseline of Kool et al. (2019): a text is measured against the mean reward of the **other**
# texts of its batch. Each nat of drift from the reference costs $\beta$. With $m$ the mask of the answers:
#
# $$R_b = r_b - \beta \sum_t m_{bt} \bigl(\log\pi_{bt} - \log\pi_{\text{ref},bt}\bigr), \qquad
# A_b = R_b - \frac{1}{B-1} \sum_{c \ne b} R_c, \qquad L = -\frac1B \sum_b A_b \sum_t m_{bt} \log \pi_{bt}$$
#
# By hand: two texts of one token with log-probs $-1$ and $-2$, rewards 1 and 0 and $\beta = 0$ have $A = 1$ and $-1$, so
# $L = -\tfrac12 (1 \cdot (-1) + (-1)(-2)) = -0.5$. $A$ is a constant of the step: compute it from `logp.detach()`, but
# leave the last $\log \pi$ attached, or nothing is learned. The check looks at the value and at the gradient in `logp`.


# %% answer="reinforce_loss"
def reinforce_loss(logp: Tensor, logp_ref: Tensor, rewards: Tensor, mask: Tensor, beta: float) -> Tensor:
    """The loss to minimise. logp, logp_ref [B, N]; rewards [B]; mask bool [B, N], True on real tokens."""
    ### BEGIN SOLUTION
    kl = ((logp.detach() - logp_ref) * mask).sum(1)
    total = rewards - beta * kl
    advantages = total - (total.sum() - total) / (len(total) - 1)
    return -(advantages * (logp * mask).sum(1)).mean()
    ### END SOLUTION


# %% check="reinforce_loss"
check("reinforce_loss")
### BEGIN HIDDEN TESTS
check("reinforce_loss", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 5 A bug hunt: the loss falls nicely
#
# *4 points · 8 minutes · difficulty 2 of 3*
#
# Somebody fine-tunes the storyteller of lesson 07 on 300 more stories of the same kind, for 40 steps. The training loss
# falls, as it should. Four numbers, taken every four steps, *before* the step's update: the training loss; the loss on
# stories held out, computed by the library; the share of well-formed sentences in what the model writes; the share of its
# texts that come to an end. (One real run, one seed.)

# %%
from rlhf_edu.plots import Picture, new_figure


def read(text: str) -> list[float]:
    return [float(x) for x in text.split()]


train = read("14.22 10.36 7.08 5.73 4.95 4.44 4.18 3.82 3.57 3.29 3.12")
held_out = read("0.73 0.91 1.86 2.91 3.25 3.29 3.28 3.24 3.23 3.27 3.32")
grammatical = read("0.96 0.74 0.28 0.34 0.24 0.16 0.14 0.14 0.14 0.15 0.13")
ended = read("0.67 0.79 0.96 1.00 0.67 0.58 0.54 0.83 0.67 0.88 0.83")

figure, axes = new_figure(4, width=2.8, height=2.4)
labels = ("training loss (nats a token)", "held-out loss (nats a token)", "well-formed (share)", "ended (share)")
for ax, curve, label in zip(axes, (train, held_out, grammatical, ended), labels, strict=True):
    ax.plot(range(0, 41, 4), curve, "o-", color="black", markersize=3)
    ax.set(xlabel="step", ylabel=label, ylim=(0, 1.1 * max(max(curve), 1)))
Picture(
    figure,
    "The training loss falls; the held-out loss rises; fewer sentences are well formed; the share of texts that end goes up and down",
)

# %% [markdown]
# *In words: the training loss falls from 14.22 to 3.12 nats, the held-out loss rises from 0.73 to 3.32, the share of
# well-formed sentences falls from 0.96 to 0.13, and the share of texts that end within 70 tokens goes up and down between
# 0.54 and 1.00. For comparison: knowing nothing about 512 tokens costs log 512 = 6.24 nats.*
#
# What is wrong?
#
# - **a** the learning rate is far too large
# - **b** the targets are shifted twice: where token $t + 1$ is asked for, token $t + 2$ is learned
# - **c** the prompts are learned as well as the answers
# - **d** the model learns 300 stories by heart (overfitting)
# - **e** the end token is missing from the examples
#
# And which of the four gives it away by its **very first** point, before anything was learned: `"train"`, `"held_out"`,
# `"grammatical"` or `"ended"`? Set `falling_nicely = {"fault": "…", "evidence": "…"}`. Each part is worth half the points.

# %% answer="falling_nicely"
### BEGIN SOLUTION
falling_nicely = {"fault": "b", "evidence": "train"}
### END SOLUTION

# %% check="falling_nicely"
check("falling_nicely")
### BEGIN HIDDEN TESTS
check("falling_nicely", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## How far you are

# %%
progress()
