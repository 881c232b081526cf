# %% [markdown]
# # Exercise 15: RLOO and GRPO
#
# You write the advantages of groups, the loss they go into, and the share of groups that teach nothing. Then you hunt a bug
# that raises no error.
#
# | | |
# | --- | --- |
# | **Time** | about 40 minutes |
# | **Points** | 20 |
# | **Needs** | any laptop, no network, no GPU |
# | **Before** | lesson 15 |
# | **Solution** | `solutions/15_rloo_grpo.ipynb` in the repository, for afterwards |
#
# Shapes: $P$ prompts with $G$ texts each; $B = P \cdot G$ texts of up to $N$ tokens. Shorter texts are padded **on the right**;
# `mask` is `True` on real tokens, and whatever stands under padding is meaningless.

# %%
import torch
from torch import Tensor

from rlhf_edu.grading import check, progress

# %% [markdown]
# ## 1 Leave one out, with its price
#
# *4 points · 8 minutes · difficulty 1 of 3*
#
# Each text first pays $\beta$ for every nat it went away from the reference. Then it is compared with the mean of **the
# others** of its prompt:
#
# $$\tilde r_i = r_i - \beta\, \text{KL}_i, \qquad A_i = \tilde r_i - \frac{1}{G-1}\sum_{j \ne i} \tilde r_j$$
#
# By hand: scores 3, 1, 0, 0 without any KL give 2.67, 0, −1.33, −1.33.


# %% answer="rloo_advantages"
def rloo_advantages(scores: Tensor, kl: Tensor, beta: float) -> Tensor:
    """The advantage of each text.

    scores and kl [P, G], a row a prompt; kl in nats a text. Returns [P, G].
    """
    ### BEGIN SOLUTION
    paid = scores - beta * kl
    others = (paid.sum(1, keepdim=True) - paid) / (paid.shape[1] - 1)
    return paid - others
    ### END SOLUTION


# %% check="rloo_advantages"
check("rloo_advantages")
### BEGIN HIDDEN TESTS
check("rloo_advantages", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 2 In units of the group's spread
#
# *4 points · 8 minutes · difficulty 2 of 3*
#
# GRPO divides by the standard deviation of the group, the one with $G - 1$, and adds $\varepsilon$ to it so that nothing is
# divided by 0:
#
# $$A_i = \frac{r_i - \text{mean}(r)}{\text{std}(r) + \varepsilon}$$
#
# Hidden cases have groups in which all scores are equal: their advantages are 0.


# %% answer="grpo_advantages"
def grpo_advantages(scores: Tensor, eps: float) -> Tensor:
    """The advantage of each text.

    scores [P, G], a row a prompt. Returns [P, G].
    """
    ### BEGIN SOLUTION
    mean = scores.mean(1, keepdim=True)
    return (scores - mean) / (scores.std(1, keepdim=True) + eps)
    ### END SOLUTION


# %% check="grpo_advantages"
check("grpo_advantages")
### BEGIN HIDDEN TESTS
check("grpo_advantages", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 3 One advantage for a whole text
#
# *5 points · 12 minutes · difficulty 3 of 3*
#
# With $\rho_{it} = \pi/\pi_\text{old}$ and $\ell_{it} = \max\bigl(-A_i \rho_{it},\, -A_i\, \text{clip}(\rho_{it}, 1-\varepsilon,
# 1+\varepsilon)\bigr)$ return **both** losses:
#
# $$L_\text{text} = \text{mean}_i\, \frac{1}{n_i} \sum_t \ell_{it} \qquad\qquad L_\text{budget} = \frac{1}{B N} \sum_i \sum_t \ell_{it}$$
#
# $n_i$ counts the real tokens of text $i$; $N$ is the width of the batch. The first is GRPO as published; the second leaves
# out the division that spares long failures.


# %% answer="group_losses"
def group_losses(logp: Tensor, logp_old: Tensor, adv: Tensor, mask: Tensor, clip: float) -> tuple[Tensor, Tensor]:
    """The loss averaged text by text, and the loss over a fixed budget of tokens.

    logp and logp_old [B, N]; adv [B]; mask bool [B, N]; clip is ε.
    """
    ### BEGIN SOLUTION
    ratio, adv = (logp - logp_old).exp(), adv[:, None]
    loss = torch.maximum(-adv * ratio, -adv * ratio.clamp(1 - clip, 1 + clip))
    total = torch.where(mask, loss, 0.0).sum(1)
    return (total / mask.sum(1)).mean(), total.mean() / mask.shape[1]
    ### END SOLUTION


# %% check="group_losses"
check("group_losses")
### BEGIN HIDDEN TESTS
check("group_losses", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 4 Groups that teach nothing
#
# *3 points · 6 minutes · difficulty 1 of 3*
#
# A text passes a test (score 1) or fails it (score 0). The policy passes prompt $p$ with chance $q_p$, independently each
# time. A group of $G$ texts teaches nothing when all scores are equal. Return the expected **share** of such groups: the
# mean of their chance over all prompts. By hand: one prompt, $q = 0.5$, $G = 2$ gives 0.5.


# %% answer="flat_share"
def flat_share(q: Tensor, G: int) -> Tensor:
    """The expected share of groups in which all G texts score alike, one number.

    q [P], the chance to pass each prompt.
    """
    ### BEGIN SOLUTION
    return (q**G + (1 - q) ** G).mean()
    ### END SOLUTION


# %% check="flat_share"
check("flat_share")
### BEGIN HIDDEN TESTS
check("flat_share", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 5 A bug hunt: noisy, but it learns
#
# *4 points · 6 minutes · difficulty 2 of 3*
#
# RLOO on four openings with eight texts each, $\beta = 0$, no division by the spread. A good text of an opening scores about 1
# more than a bad one; the openings themselves differ by several points. Since somebody tidied up the code, gradients are
# noisier than before. Numbers of a small run, each the mean of five steps:

# %%
import matplotlib.pyplot as plt


def read(text: str) -> list[float]:
    return [float(x) for x in text.split()]


score = read("0.58 0.74 0.78 0.83 0.90 0.89 0.94 0.95 0.90 0.95 0.93 0.92 0.93 0.92 0.97 0.96 0.97 0.97 0.96 0.98")
mean_advantage, flat = [0.0] * 20, [0.0] * 20
by_opening = [
    read("6.99 6.93 6.88 6.95 6.91 6.86 6.81 6.90 6.95 6.94 6.94 6.91 6.93 6.93 6.83 6.85 6.88 6.92 6.84 6.91"),
    read("2.22 2.31 2.30 2.32 2.18 2.40 2.32 2.25 2.26 2.22 2.17 2.31 2.25 2.16 2.20 2.21 2.24 2.33 2.23 2.29"),
    read(
        "-2.32 -2.43 -2.24 -2.52 -2.38 -2.42 -2.38 -2.34 -2.41 -2.39 -2.31 -2.41 -2.35 -2.27 -2.27 -2.26 -2.30 -2.39 -2.28 -2.38"
    ),
    read(
        "-6.89 -6.82 -6.94 -6.75 -6.71 -6.84 -6.75 -6.82 -6.80 -6.77 -6.80 -6.81 -6.83 -6.81 -6.76 -6.79 -6.82 -6.86 -6.79 -6.83"
    ),
]

panels = {
    "score": [score],
    "mean advantage": [mean_advantage],
    "advantage by opening": by_opening,
    "flat groups (share)": [flat],
}
fig, axes = plt.subplots(1, 4, figsize=(11, 2.4), layout="constrained")
for ax, (label, lines) in zip(axes, panels.items(), strict=True):
    for line, dash in zip(lines, ("-", "--", "-.", ":"), strict=False):
        ax.plot(range(1, 21), line, dash, color="black")
    ax.set(title=label, xlabel="five steps")
    ax.title.set_fontsize(10)
    ax.spines[["top", "right"]].set_visible(False)

# %% [markdown]
# *In words: the score rises from 0.58 to 0.98; the mean of all advantages and the share of flat groups stay at 0; the mean
# advantage of the four openings stays near +6.9, +2.3, −2.4 and −6.8 throughout.*
#
# What is wrong?
#
# - **a** each text is part of its own baseline
# - **b** texts of different openings are put into one group
# - **c** the advantages are divided by the spread
# - **d** all texts of an opening are equal
# - **e** the sign of the loss is turned
#
# And which curve cannot be right: `"score"`, `"mean"`, `"opening"` or `"flat"`? Set
# `group_fault = {"fault": "…", "evidence": "…"}`. Each part is worth half the points.

# %% answer="group_fault"
### BEGIN SOLUTION
group_fault = {"fault": "b", "evidence": "opening"}
### END SOLUTION

# %% check="group_fault"
check("group_fault")
### BEGIN HIDDEN TESTS
check("group_fault", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## How far you are

# %%
progress()
