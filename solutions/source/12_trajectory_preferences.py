# %% [markdown]
# # Exercise 12: preferences over trajectories
#
# You write how clips are compared, the loss, which questions to ask, and what the agent is paid. Then you hunt a bug that raises
# no error.
#
# | | |
# | --- | --- |
# | **Time** | about 40 minutes |
# | **Points** | 21 |
# | **Needs** | any laptop, no network, no GPU |
# | **Before** | lesson 12 |
# | **Solution** | `solutions/12_trajectory_preferences.ipynb` in the repository, for afterwards |
#
# Shapes: $P$ comparisons of clips of $L$ steps, $M$ models, $N$ clips. All arrays are NumPy's. Of a clip's $L$ steps only the first
# $n$ happened; the numbers behind them mean nothing.

# %%
import numpy as np

from rlhf_edu.grading import check, progress

# %% [markdown]
# ## 1 Which clip will be chosen?
#
# *4 points · 8 minutes · difficulty 1 of 3*
#
# $$P(1 \succ 2) = \sigma\Bigl(\sum_{t < n_1} \hat r_t^1 - \sum_{t < n_2} \hat r_t^2\Bigr)$$
#
# By hand: rewards (1, 1, 9) of which 2 steps happened, against (1, 0, 0) of which 3 happened: $\sigma(2 - 1) = 0.731$. Some hidden
# cases have sums in the thousands; `np.exp` may overflow there, and a sigmoid written with `np.tanh` does not.


# %% answer="clip_chance"
def clip_chance(r1: np.ndarray, n1: np.ndarray, r2: np.ndarray, n2: np.ndarray) -> np.ndarray:
    """The chance that the first clip is chosen.

    r1, r2 [P, L]: rewards of the steps; n1, n2 [P]: how many steps happened. Returns [P].
    """
    ### BEGIN SOLUTION
    there = np.arange(r1.shape[1])
    gap = (r1 * (there < n1[:, None])).sum(1) - (r2 * (there < n2[:, None])).sum(1)
    return 0.5 * (1 + np.tanh(gap / 2))
    ### END SOLUTION


# %% check="clip_chance"
check("clip_chance")
### BEGIN HIDDEN TESTS
check("clip_chance", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 2 The loss, with ties
#
# *5 points · 10 minutes · difficulty 2 of 3*
#
# The mean of $-\log P(\text{answer})$, where `outcome` is 0 (the first clip was better), 1 (the second) or 2 (a tie). As in Christiano et al.
# (2017), a tie counts half for each side. By hand: two clips of the same worth cost $\log 2 = 0.693$, whatever the answer.
# Mind sums in the thousands: the loss is large there, and not infinite.


# %% answer="clip_loss"
def clip_loss(r1: np.ndarray, n1: np.ndarray, r2: np.ndarray, n2: np.ndarray, outcome: np.ndarray) -> float:
    """Mean surprise at the answers, in nats.

    r1, r2 [P, L]; n1, n2 [P]; outcome [P] of 0, 1, 2. Returns one number.
    """
    ### BEGIN SOLUTION
    there = np.arange(r1.shape[1])
    gap = (r1 * (there < n1[:, None])).sum(1) - (r2 * (there < n2[:, None])).sum(1)
    first = np.array([1.0, 0.0, 0.5])[outcome]
    return float((first * np.logaddexp(0, -gap) + (1 - first) * np.logaddexp(0, gap)).mean())
    ### END SOLUTION


# %% check="clip_loss"
check("clip_loss")
### BEGIN HIDDEN TESTS
check("clip_loss", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 3 Which pairs to ask about
#
# *4 points · 8 minutes · difficulty 2 of 3*
#
# Several models give each clip a sum. Ask about the pairs whose chance $P(1 \succ 2)$ differs most between the models: the largest variance
# over the models, the largest first, the earlier pair where two are alike.


# %% answer="worth_asking"
def worth_asking(opinions: np.ndarray, pairs: np.ndarray, k: int) -> np.ndarray:
    """The k pairs about which the models disagree most.

    opinions [M, N]: each model's sum for each clip; pairs [P, 2]: numbers of clips. Returns [k, 2].
    """
    ### BEGIN SOLUTION
    gap = opinions[:, pairs[:, 0]] - opinions[:, pairs[:, 1]]
    spread = (0.5 * (1 + np.tanh(gap / 2))).var(axis=0)
    return pairs[np.argsort(-spread, kind="stable")[:k]]
    ### END SOLUTION


# %% check="worth_asking"
check("worth_asking")
### BEGIN HIDDEN TESTS
check("worth_asking", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 4 What the agent is paid
#
# *4 points · 6 minutes · difficulty 2 of 3*
#
# Each model has a unit of its own. Divide each by the root mean square of its rewards on typical steps, then take the mean over the models.
# The zero must stay where the choices put it.


# %% answer="clip_pay"
def clip_pay(r: np.ndarray) -> np.ndarray:
    """What each step pays.

    r [M, T]: each model's reward of T typical steps. Returns [T].
    """
    ### BEGIN SOLUTION
    return (r / np.sqrt((r**2).mean(axis=1, keepdims=True))).mean(axis=0)
    ### END SOLUTION


# %% check="clip_pay"
check("clip_pay")
### BEGIN HIDDEN TESTS
check("clip_pay", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 5 A bug hunt: a short life
#
# *4 points · 6 minutes · difficulty 2 of 3*
#
# Somebody teaches a cart to stay left, with 200 choices between clips. The three networks then predict fresh choices of the same
# person with an accuracy of 0.90. A fresh agent is trained with PPO on the reward they learned. No error:

# %%
import matplotlib.pyplot as plt

steps = [0, 1440, 2880, 4320, 5760, 7200, 8640, 10080, 11520, 12960]
accuracy = [0.90] * 10
pay = [-0.78, -0.76, -0.74, -0.73, -0.73, -0.73, -0.73, -0.73, -0.73, -0.73]
length = [19.5, 11.3, 9.8, 9.4, 9.4, 9.5, 9.4, 9.2, 9.2, 9.2]
paid = [-17.25, -9.35, -7.06, -6.81, -6.91, -7.04, -6.98, -6.67, -6.67, -6.73]
paid_at = [512, 2048, 3584, 5120, 6656, 8192, 9728, 11264, 12800, 14336]

names = ("accuracy on fresh choices", "pay (a step)", "length of an episode (steps)", "return (what it is paid)")
fig, axes = plt.subplots(1, 4, figsize=(11, 2.4), layout="constrained")
for ax, x, curve, name in zip(axes, (steps, steps, steps, paid_at), (accuracy, pay, length, paid), names, strict=True):
    ax.plot(x, curve, color="black")
    ax.set_title(name, fontsize=10)
    ax.set_xlabel("step")
    ax.spines[["top", "right"]].set_visible(False)
axes[0].set_ylim(0.5, 1)
axes[1].axhline(0, color="black", linestyle="--", linewidth=0.8)
axes[2].set_ylim(0, 25)

# %% [markdown]
# *In words: the accuracy is 0.90 (it was measured once, and the networks stay as they are); the pay of a step is about −0.75 all the
# time, below the dashed 0; episodes shorten from 20 steps to 9; the return rises from −17 to −7 and stays there.*
#
# What is wrong?
#
# - **a** the choices were read the wrong way round
# - **b** somebody shifted the learned reward, so that its best step is worth 0
# - **c** 200 choices are too few
# - **d** the value function is not trained
# - **e** the person always chose the clip on the left
#
# And which one picture shows why dying soon is the best that this agent can do: `"accuracy"`, `"pay"`, `"length"` or `"return"`? Set
# `short_life = {"fault": "…", "evidence": "…"}`. Each part is worth half the points.

# %% answer="short_life"
### BEGIN SOLUTION
short_life = {"fault": "b", "evidence": "pay"}
### END SOLUTION

# %% check="short_life"
check("short_life")
### BEGIN HIDDEN TESTS
check("short_life", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## How far you are

# %%
progress()
