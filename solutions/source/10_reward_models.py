# %% [markdown]
# # Exercise 10: reward models
#
# You write the two likelihoods of the lesson in full: a scale with cuts, and rankings of unequal length. Then the two numbers
# that say how far a model can be believed. Last, you hunt a bug that makes a model look better than it can be.
#
# | | |
# | --- | --- |
# | **Time** | about 40 minutes |
# | **Points** | 21 |
# | **Needs** | any laptop, no network, no GPU |
# | **Before** | lesson 10 |
# | **Solution** | `solutions/10_reward_models.ipynb` in the repository, for afterwards |
#
# All arrays are NumPy's.

# %%
import numpy as np

from rlhf_edu.grading import check, progress

# %% [markdown]
# ## 1 A scale with cuts
#
# *4 points · 8 minutes · difficulty 1 of 3*
#
# $$P(y \le k) = \sigma(c_k - r), \qquad P(y = k) = P(y \le k) - P(y \le k - 1)$$
#
# With $C$ cuts there are $C + 1$ levels; below the lowest nothing is left, and the highest takes the rest. By hand: cuts −1
# and 1, $r = 0$: 0.27, 0.46, 0.27.


# %% answer="level_chances"
def level_chances(rewards: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    """The chance of each level, the lowest first.

    rewards [R]; cuts [C], ascending. Returns [R, C + 1], rows sum to 1.
    """
    ### BEGIN SOLUTION
    below = 1 / (1 + np.exp(-np.clip(cuts - rewards[:, None], -500, 500)))
    none, all_ = np.zeros((len(rewards), 1)), np.ones((len(rewards), 1))
    return np.diff(np.concatenate([none, below, all_], axis=1), axis=1)
    ### END SOLUTION


# %% check="level_chances"
check("level_chances")
### BEGIN HIDDEN TESTS
check("level_chances", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 2 Rankings of unequal length
#
# *5 points · 10 minutes · difficulty 2 of 3*
#
# Row $m$ holds the rewards of `sizes[m]` texts, the best first; what stands behind them is padding and means nothing. The
# loss is the mean over rankings of
#
# $$-\log \prod_{k=1}^{n} \frac{\exp r_k}{\sum_{j=k}^{n} \exp r_j}$$
#
# By hand: the row 2, 1, 0 costs $-\log 0.486 = 0.72$ nats. Hidden cases have rewards in the hundreds.


# %% answer="ranking_loss"
def ranking_loss(ranked: np.ndarray, sizes: np.ndarray) -> float:
    """Mean surprise in nats by Plackett and Luce.

    ranked [M, K]; sizes [M], integers from 2 to K. Returns a number.
    """
    ### BEGIN SOLUTION
    total = 0.0
    for row, n in zip(ranked, sizes, strict=True):
        r = row[:n] - row[:n].max()
        total += sum(np.log(np.exp(r[k:]).sum()) - r[k] for k in range(n))
    return float(total / len(sizes))
    ### END SOLUTION


# %% check="ranking_loss"
check("ranking_loss")
### BEGIN HIDDEN TESTS
check("ranking_loss", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 3 Said and came true
#
# *4 points · 8 minutes · difficulty 2 of 3*
#
# Forecasts fall into bins of equal width, $[0, \frac1B), [\frac1B, \frac2B), \dots$; a forecast of exactly 1 belongs into the
# last. The **expected calibration error** is
#
# $$\text{ECE} = \sum_b \frac{n_b}{N} \,\bigl|\, \text{mean forecast in } b - \text{share that came true in } b \,\bigr|$$
#
# Empty bins count for nothing. By hand: four forecasts of 0.9, of which two come true: $|0.9 - 0.5| = 0.4$.


# %% answer="calibration_error"
def calibration_error(p: np.ndarray, outcome: np.ndarray, bins: int) -> float:
    """How far what was said is from what came true.

    p [N], forecasts in [0, 1]; outcome [N], 1 or 0. Returns a number.
    """
    ### BEGIN SOLUTION
    place = np.minimum((p * bins).astype(int), bins - 1)
    found = 0.0
    for b in np.unique(place):
        inside = place == b
        found += inside.mean() * abs(p[inside].mean() - outcome[inside].mean())
    return float(found)
    ### END SOLUTION


# %% check="calibration_error"
check("calibration_error")
### BEGIN HIDDEN TESTS
check("calibration_error", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 4 What wavering allows
#
# *4 points · 6 minutes · difficulty 2 of 3*
#
# The lowest Brier score that anybody can reach is $\mathbb{E}[p(1 - p)]$. From $k$ yes of $n$ votes to each question,
# estimate it without knowing $p$:
#
# $$\operatorname{mean} \frac{k (n - k)}{n (n - 1)}$$
#
# over the questions with two or more votes; one vote alone says nothing about wavering. By hand: 3 of 4, and 1 of 1:
# $3/12 = 0.25$.


# %% answer="wavering"
def wavering(yes: np.ndarray, votes: np.ndarray) -> float:
    """The Brier score of somebody who knows the true chances.

    yes [N] and votes [N], integers, yes ≤ votes; some votes are 1. Returns a number.
    """
    ### BEGIN SOLUTION
    k, n = yes[votes > 1], votes[votes > 1]
    return float(np.mean(k * (n - k) / (n * (n - 1))))
    ### END SOLUTION


# %% check="wavering"
check("wavering")
### BEGIN HIDDEN TESTS
check("wavering", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 5 A bug hunt: better than anybody could be
#
# *4 points · 6 minutes · difficulty 2 of 3*
#
# Somebody has 300 comparisons of 240 texts by people who waver, and learns one weight for each text. A share of the answers is
# held out as a test. No error. The ceiling is $\mathbb{E}[\max(p, 1 - p)]$, known here because the people are simulated:

# %%
import matplotlib.pyplot as plt


def read(text: str) -> list[float]:
    return [float(x) for x in text.split()]


steps = list(range(0, 201, 20))
loss = read("0.693 0.369 0.272 0.231 0.210 0.198 0.190 0.185 0.182 0.180 0.179")
learned = read("0.887 0.929 0.940 0.946 0.952 0.956 0.956 0.956 0.958 0.958 0.960")
test = read("0.750 0.750 0.792 0.800 0.808 0.808 0.808 0.825 0.833 0.833 0.842")
ceiling = 0.718

names = ("loss (nats an answer)", "learned: right on these", "test: right on held-out answers")
fig, axes = plt.subplots(1, 3, figsize=(10, 2.4), layout="constrained")
for ax, curve, name in zip(axes, (loss, learned, test), names, strict=True):
    ax.plot(steps, curve, color="black")
    ax.set_title(name, fontsize=10)
    ax.set_xlabel("step")
    ax.spines[["top", "right"]].set_visible(False)
for ax in axes[1:]:
    ax.axhline(ceiling, color="black", linestyle="--")
    ax.set_ylim(0.5, 1)

# %% [markdown]
# *In words: over 200 steps the loss falls smoothly from 0.69 to 0.18 nats; the share right on what was learned climbs from
# 0.89 to 0.96, on the test from 0.75 to 0.84; the ceiling (dashed) lies at 0.72. (The loss is measured before a step, the shares after it.)*
#
# What is wrong?
#
# - **a** the learning rate is too large
# - **b** chosen and rejected are swapped in the test
# - **c** the prior is too strong
# - **d** each answer was stored a second time with its sides swapped, and only then some were held out
# - **e** 300 comparisons are too few
#
# And which one picture shows what no honest model could reach: `"loss"`, `"learned"` or `"test"`? Set
# `too_sure = {"fault": "…", "evidence": "…"}`. Each part is worth half the points.

# %% answer="too_sure"
### BEGIN SOLUTION
too_sure = {"fault": "d", "evidence": "test"}
### END SOLUTION

# %% check="too_sure"
check("too_sure")
### BEGIN HIDDEN TESTS
check("too_sure", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## How far you are

# %%
progress()
