# %% [markdown]
# # Exercise 20: live RLHF
#
# You measure whether a reward model keeps up with its policy, let old answers fade, find out what luck can do in a blind test,
# and hunt a bug in a live loop.
#
# | | |
# | --- | --- |
# | **Time** | about 40 minutes |
# | **Points** | 17 |
# | **Needs** | any laptop, no network, no GPU |
# | **Before** | lesson 20 |
# | **Solution** | `solutions/20_live_rlhf.ipynb` in the repository, for afterwards |
#
# Shapes: $R$ rounds of questions, $n$ answers in each, $F$ features of a text.

# %%
import math

import numpy as np

from rlhf_edu.grading import check, progress

# %% [markdown]
# ## 1 Guess first, then learn
#
# *4 points · 10 minutes · difficulty 2 of 3*
#
# A reward $w \cdot f$ is refitted after every round: `weights[r]` was fitted to the answers of the rounds $0 \dots r$. How good
# is it on answers it has **not** learned from? Let the fit of the round before guess each new round:
#
# $$g_r = \text{share of the answers of round } r \text{ with } w_{r-1} \cdot f(\text{better}) > w_{r-1} \cdot f(\text{worse}),
# \qquad r = 1 \dots R - 1$$
#
# An exact tie counts half: the model says nothing. By hand, with one feature: $w_0 = 1$, and in round 1 the better texts have
# 2, 1, 0, the worse ones 1, 1, 3: right, tie, wrong, so $g_1 = 0.5$.


# %% answer="guess_first"
def guess_first(weights: np.ndarray, better: np.ndarray, worse: np.ndarray) -> np.ndarray:
    """The share of each round that the fit before it had guessed right.

    weights [R, F]; better and worse [R, n, F], the features of the texts. Returns [R − 1].
    """
    ### BEGIN SOLUTION
    margin = np.einsum("rf,rnf->rn", weights[:-1], better[1:] - worse[1:])
    return ((margin > 0) + 0.5 * (margin == 0)).mean(axis=1)
    ### END SOLUTION


# %% check="guess_first"
check("guess_first")
### BEGIN HIDDEN TESTS
check("guess_first", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 2 Old answers fade
#
# *5 points · 10 minutes · difficulty 2 of 3*
#
# Old answers are about texts that nobody writes any more. One remedy: an answer of age $a$ (in rounds) counts $2^{-a/h}$, so
# that it counts half after $h$ rounds. With the margin $m_i = r(\text{better}_i) - r(\text{worse}_i)$,
#
# $$L = \frac{\sum_i 2^{-a_i/h}\, \cdot\, (-\log \sigma(m_i))}{\sum_i 2^{-a_i/h}}$$
#
# Very wrong margins, $m = -1000$, must give a loss of 1000 and no overflow: `np.logaddexp(0, -m)` is $-\log\sigma(m)$. By hand:
# margins 0 and 0 give $\log 2 = 0.693$, whatever their ages.


# %% answer="fading_loss"
def fading_loss(margins: np.ndarray, ages: np.ndarray, half_life: float) -> float:
    """The loss of a preference fit whose old answers fade, in nats an answer.

    margins [N]; ages whole numbers [N], 0 for the newest round; half_life in rounds.
    """
    ### BEGIN SOLUTION
    weights = 2.0 ** (-ages / half_life)
    return float((weights * np.logaddexp(0, -margins)).sum() / weights.sum())
    ### END SOLUTION


# %% check="fading_loss"
check("fading_loss")
### BEGIN HIDDEN TESTS
check("fading_loss", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 3 What luck can do
#
# *4 points · 8 minutes · difficulty 1 of 3*
#
# In a blind test somebody tells $k$ of $n$ pairs right. How likely is it that a pure guesser does **at least** as well?
#
# $$P(K \ge k) = \sum_{j=k}^{n} \binom{n}{j} \left(\tfrac12\right)^n$$
#
# By hand: all of 3 right has 1/8. **Predict:** 7 of 8 right: is a guesser as good in one case of 10, of 28 or of 100?
# (`math.comb(n, j)` is the number of ways.)


# %% answer="by_luck"
def by_luck(k: int, n: int) -> float:
    """The probability that a guesser gets at least k of n right."""
    ### BEGIN SOLUTION
    return sum(math.comb(n, j) for j in range(k, n + 1)) / 2**n
    ### END SOLUTION


# %% check="by_luck"
check("by_luck")
### BEGIN HIDDEN TESTS
check("by_luck", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 4 A bug hunt: nobody is listening
#
# *4 points · 8 minutes · difficulty 2 of 3*
#
# A live loop with five rounds. After each one the reward model is refitted to all answers so far, and PPO goes on. Each line
# below is about the policy's texts at the end of a round; the last two lines are about the same texts.

# %%
report = {
    "answers so far": "16    22    28    34    40",
    "new answers guessed before learning": "   –  .50   .67   .67   .83",
    "KL to the old self (nats)": " 2.1   5.0   8.8  12.9  17.3",
    "score in PPO's own records": " 0.9   1.6   2.2   2.7   3.1",
    "score by the newest fit": " 0.9   1.1   0.8   0.4  -0.1",
}
for name, values in report.items():
    print(f"{name:<38}{values}")

# %% [markdown]
# What is wrong?
#
# - **a** new questions are still about the old policy's texts
# - **b** PPO holds a copy of the first reward model, and the refits change another one
# - **c** the refit forgets all earlier rounds
# - **d** chosen and rejected are swapped in the new answers
# - **e** β is too large
#
# And which **two** lines, taken together, cannot both be right if PPO uses the newest fit: `"guessed"` (with the answers),
# `"kl"` (with the answers) or `"scores"` (the last two)? Set `deaf_loop = {"fault": "…", "evidence": "…"}`. Each part is worth
# half the points.

# %% answer="deaf_loop"
### BEGIN SOLUTION
deaf_loop = {"fault": "b", "evidence": "scores"}
### END SOLUTION

# %% check="deaf_loop"
check("deaf_loop")
### BEGIN HIDDEN TESTS
check("deaf_loop", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## How far you are

# %%
progress()
