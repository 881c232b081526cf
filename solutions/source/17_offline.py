# %% [markdown]
# # Exercise 17: offline methods
#
# You write the number between mean and maximum, the exact price of the best of n, what ILQL's Q learns, and the policy that
# leans on it. Then you hunt a bug that raises no error.
#
# | | |
# | --- | --- |
# | **Time** | about 45 minutes |
# | **Points** | 21 |
# | **Needs** | any laptop, no network, no GPU |
# | **Before** | lesson 17 |
# | **Solution** | `solutions/17_offline.ipynb` in the repository, for afterwards |
#
# All arrays are NumPy's. $B$ texts, $N$ tokens, $S$ states, $V$ tokens in the vocabulary.

# %%
import numpy as np

from rlhf_edu.grading import check, progress

# %% [markdown]
# ## 1 The expectile
#
# *4 points · 8 minutes · difficulty 1 of 3*
#
# $$v = \arg\min_v \sum_i \lvert \tau - 1[x_i < v] \rvert\, (x_i - v)^2$$
#
# To four digits. By hand: 0, 0, 1 with $\tau = 0.9$ give $0.9 / 1.1 = 0.818$.


# %% answer="expectile"
def expectile(x: np.ndarray, tau: float) -> float:
    """The τ-expectile of the numbers x [N], for 0 < τ < 1."""
    ### BEGIN SOLUTION
    v = x.mean()
    for _ in range(200):  # ends at a fixed point after a few steps: there are only N + 1 ways to split x
        weight = np.where(x > v, tau, 1 - tau)
        v = (weight * x).sum() / weight.sum()
    return float(v)
    ### END SOLUTION


# %% check="expectile"
check("expectile")
### BEGIN HIDDEN TESTS
check("expectile", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 2 How far the best of n is away
#
# *5 points · 12 minutes · difficulty 2 of 3*
#
# A writer has $K$ texts, in any order, and some may share a score. Of $n$ draws the one with the highest score is kept; among
# equals, the first drawn. How far is that from the writer?
#
# $$\mathrm{KL} = \sum_y q(y) \log \frac{q(y)}{p(y)}$$
#
# By hand: two texts, each with chance ½ and scores of their own, $n = 2$: 0.131 nats. With the *same* score: 0.


# %% answer="kept_kl"
def kept_kl(p: np.ndarray, scores: np.ndarray, n: int) -> float:
    """KL(best of n ‖ writer) in nats, exactly.

    p [K], chances that sum to 1 (some may be 0); scores [K].
    """
    ### BEGIN SOLUTION
    total = 0.0
    for s in np.unique(scores):
        level = p[scores == s].sum()
        below = p[scores < s].sum()
        if level > 0:
            wins = (below + level) ** n - below**n
            total += wins * np.log(wins / level)  # all texts of this score gain by the same factor
    return float(total)
    ### END SOLUTION


# %% check="kept_kl"
check("kept_kl")
### BEGIN HIDDEN TESTS
check("kept_kl", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 3 What Q learns
#
# *4 points · 10 minutes · difficulty 2 of 3*
#
# The target of $Q(s_t, a_t)$. The rating comes with the last real token of each row; after it there is no state.
#
# $$y_t = r_t + \gamma\, V(s_{t+1})$$
#
# Padding (mask False, on the right) gets 0, whatever `v` holds there. In hidden cases that may be NaN, and NaN · 0 is NaN:
# choose with `np.where` instead of multiplying.


# %% answer="q_targets"
def q_targets(reward: np.ndarray, v: np.ndarray, mask: np.ndarray, gamma: float) -> np.ndarray:
    """The target of each written token.

    reward [B], one rating a text; v [B, N], V(s_t) *before* token t; mask [B, N], True at real tokens. Returns [B, N].
    """
    ### BEGIN SOLUTION
    none = np.zeros_like(mask[:, :1])
    goes_on = np.concatenate([mask[:, 1:], none], axis=1)
    next_v = np.roll(v, -1, axis=1)
    return np.where(goes_on, gamma * next_v, np.where(mask, reward[:, None], 0.0))
    ### END SOLUTION


# %% check="q_targets"
check("q_targets")
### BEGIN HIDDEN TESTS
check("q_targets", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 4 Writing with values
#
# *4 points · 8 minutes · difficulty 2 of 3*
#
# $$\log \pi(a \mid s) = \log \pi_\text{habit}(a \mid s) + \beta\, \bigl(Q(s, a) - V(s)\bigr) - \log Z(s)$$
#
# with $Z$ such that each row's probabilities sum to 1. Hidden cases have a β in the thousands.


# %% answer="tilted"
def tilted(logp: np.ndarray, q: np.ndarray, v: np.ndarray, beta: float) -> np.ndarray:
    """Log-probabilities of the perturbed policy.

    logp [S, V], log-probabilities of the habit; q [S, V]; v [S]. Returns [S, V].
    """
    ### BEGIN SOLUTION
    x = logp + beta * (q - v[:, None])
    x = x - x.max(axis=1, keepdims=True)
    return x - np.log(np.exp(x).sum(axis=1, keepdims=True))
    ### END SOLUTION


# %% check="tilted"
check("tilted")
### BEGIN HIDDEN TESTS
check("tilted", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 5 A bug hunt: low hopes
#
# *4 points · 6 minutes · difficulty 2 of 3*
#
# ILQL learns from 3000 rated walks on another graph, with $\tau = 0.8$, $\gamma = 1$. The walks are rated 0.44 on average. `value` is
# the mean of $V$ at the starts of the pile; `optimality` that of the tilted policy ($\beta = 30$). No error:

# %%
import matplotlib.pyplot as plt


def read(text: str) -> list[float]:
    return [float(x) for x in text.split()]


steps = list(range(40, 401, 40))
value = read("-0.131 -0.085 -0.055 -0.027 -0.013 -0.007 -0.010 0.020 0.023 0.023")
optimality = read("0.367 0.541 0.603 0.598 0.617 0.691 0.730 0.810 0.883 0.955")
q_loss = read("0.0590 0.0287 0.0132 0.0093 0.0051 0.0041 0.0034 0.0027 0.0023 0.0019")
imitation = read("0.546 0.521 0.515 0.556 0.533 0.516 0.498 0.509 0.540 0.522")

names = ("value", "optimality", "q_loss", "imitation (nats a token)")
fig, axes = plt.subplots(1, 4, figsize=(11, 2.4), layout="constrained")
for ax, curve, name in zip(axes, (value, optimality, q_loss, imitation), names, strict=True):
    ax.plot(steps, curve, color="black")
    ax.set_title(name, fontsize=10)
    ax.set_xlabel("step")
    ax.spines[["top", "right"]].set_visible(False)
axes[0].axhline(0.44, color="black", linestyle="--")
axes[1].set_ylim(0, 1)

# %% [markdown]
# *In words: over 400 steps the value climbs from −0.13 to 0.02 and flattens out, far below the mean rating of 0.44 (dashed);
# optimality climbs from 0.37 to 0.96; the Q loss falls from 0.059 to 0.002; imitation stays between 0.50 and 0.56.*
#
# What is wrong?
#
# - **a** τ is 0.5 by mistake, so that values are means
# - **b** the two sides of the expectile are swapped
# - **c** the ratings never arrive: every reward is 0
# - **d** the slow copies never move
# - **e** the ratings came with their sign turned round
#
# And which curve shows a number that no $\tau$ from 0.5 upwards could end at: `"value"`, `"optimality"`, `"q_loss"` or
# `"imitation"`? Set `low_hopes = {"fault": "…", "evidence": "…"}`. Each part is worth half the points.

# %% answer="low_hopes"
### BEGIN SOLUTION
low_hopes = {"fault": "b", "evidence": "value"}
### END SOLUTION

# %% check="low_hopes"
check("low_hopes")
### BEGIN HIDDEN TESTS
check("low_hopes", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## How far you are

# %%
progress()
