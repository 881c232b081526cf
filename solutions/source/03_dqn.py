# %% [markdown]
# # Exercise 03: DQN
#
# You write the four formulas that turn Q-learning with a network into something that works, and hunt a bug in an agent of
# great expectations.
#
# | | |
# | --- | --- |
# | **Time** | about 45 minutes |
# | **Points** | 20 |
# | **Needs** | any laptop, no network, no GPU |
# | **Before** | lesson 03 |
# | **Solution** | `solutions/03_dqn.ipynb` in the repository, for afterwards |
#
# **Terminated** means that the episode was over, **truncated** that somebody stopped it: there would have been more.

# %%
import torch
from torch import Tensor

from rlhf_edu.grading import check, progress

# %% [markdown]
# ## 1 One chooses, the other judges
#
# *4 points · 8 minutes · difficulty 1 of 3*
#
# The targets of double Q-learning (van Hasselt et al. 2016, eq. 4):
#
# $$y = r + \gamma\, Q_\text{target}\bigl(s', \arg\max_{a'} Q_\text{online}(s', a')\bigr)$$
#
# After a terminal step, $y = r$. By hand: $r = 1$, $\gamma = \tfrac12$, $Q_\text{target} = (4, 2)$, $Q_\text{online} = (0, 3)$
# give $y = 2$.


# %% answer="double_q_targets"
def double_q_targets(
    rewards: Tensor, terminated: Tensor, next_target: Tensor, next_online: Tensor, gamma: float
) -> Tensor:
    """The targets of B steps.

    rewards [B]; terminated bool [B]; next_target and next_online [B, A]: Q(s', ·) by the two networks. Returns [B].
    """
    ### BEGIN SOLUTION
    best = next_online.argmax(dim=1, keepdim=True)
    return rewards + gamma * ~terminated * next_target.gather(1, best)[:, 0]
    ### END SOLUTION


# %% check="double_q_targets"
check("double_q_targets")
### BEGIN HIDDEN TESTS
check("double_q_targets", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 2 Looking n steps ahead
#
# *6 points · 15 minutes · difficulty 3 of 3*
#
# A memory holds $T$ steps of one environment in a row, episode after episode. From step $t$, add $m$ discounted rewards:
# $m = n$, or fewer where the episode ends (in either way) or the memory does. Return, for every $t$,
#
# - $\sum_{k < m} \gamma^k r_{t+k}$;
# - the discount of the value that follows: $\gamma^m$, or 0 if the last of those steps terminated;
# - the row of the last of those steps, $t + m - 1$ (whole numbers).
#
# By hand: rewards $1, 2, 4$, the third step terminal, $n = 2$, $\gamma = \tfrac12$ give sums $2, 4, 4$, discounts $\tfrac14, 0,
# 0$ and rows $1, 2, 2$. A step that is terminated *and* truncated is terminated.


# %% answer="n_step"
def n_step(
    rewards: Tensor, terminated: Tensor, truncated: Tensor, n: int, gamma: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Sums, discounts and last rows. rewards [T]; terminated and truncated bool [T]; all three results [T]."""
    ### BEGIN SOLUTION
    ended = terminated | truncated
    sums, discounts, rows = torch.zeros_like(rewards), torch.zeros_like(rewards), torch.zeros(len(rewards)).long()
    for t in range(len(rewards)):
        u, power = t, 1.0
        sums[t] = rewards[t]
        while u - t < n - 1 and not ended[u] and u + 1 < len(rewards):
            u, power = u + 1, power * gamma
            sums[t] += power * rewards[u]
        discounts[t] = 0.0 if terminated[u] else power * gamma
        rows[t] = u
    return sums, discounts, rows
    ### END SOLUTION


# %% check="n_step"
check("n_step")
### BEGIN HIDDEN TESTS
check("n_step", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 3 A height and a difference
#
# *2 points · 5 minutes · difficulty 1 of 3*
#
# The last layer of a dueling network (Wang et al. 2016, eq. 9):
#
# $$Q(s, a) = V(s) + A(s, a) - \text{mean}_{a'} A(s, a')$$


# %% answer="dueling_q"
def dueling_q(value: Tensor, adv: Tensor) -> Tensor:
    """Q-values from heights and differences. value [B], adv [B, A]. Returns [B, A]."""
    ### BEGIN SOLUTION
    return value[:, None] + adv - adv.mean(dim=1, keepdim=True)
    ### END SOLUTION


# %% check="dueling_q"
check("dueling_q")
### BEGIN HIDDEN TESTS
check("dueling_q", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 4 What surprised comes back sooner
#
# *4 points · 10 minutes · difficulty 2 of 3*
#
# Prioritised replay (Schaul et al. 2016). From the errors $\delta_i$ of $N$ remembered steps:
#
# $$p_i = |\delta_i| + \epsilon, \qquad P(i) = \frac{p_i^\alpha}{\sum_j p_j^\alpha}, \qquad w_i = \frac{(N P(i))^{-\beta}}{\max_j
# (N P(j))^{-\beta}}$$
#
# Return the chances $P$ and the weights $w$. By hand: errors $4, -1, 1$, $\epsilon = 0$, $\alpha = \tfrac12$, $\beta = 1$ give
# $P = \tfrac12, \tfrac14, \tfrac14$ and $w = \tfrac12, 1, 1$.


# %% answer="priorities"
def priorities(errors: Tensor, alpha: float, beta: float, small: float) -> tuple[Tensor, Tensor]:
    """Chances [N] and weights [N]. errors [N]; small is ε."""
    ### BEGIN SOLUTION
    power = (errors.abs() + small) ** alpha
    chances = power / power.sum()
    weights = (len(errors) * chances) ** -beta
    return chances, weights / weights.max()
    ### END SOLUTION


# %% check="priorities"
check("priorities")
### BEGIN HIDDEN TESTS
check("priorities", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 5 A bug hunt: great expectations
#
# *4 points · 8 minutes · difficulty 2 of 3*
#
# CartPole, γ = 0.99, a reward of 1 a step, the target network renewed every 200 updates. *Return* is the mean of the last
# twenty episodes, *Q* the mean of $\max_a Q(s, a)$ over 512 states met by pushing at random: from all of them, a random
# pusher soon falls.

# %%
import matplotlib.pyplot as plt


def read(text: str) -> list[float]:
    return [float(x) for x in text.split()]


step = read(
    "1260 2510 3780 5020 6260 7510 8750 10000 11300 12500 13800 15000 16300 17500 18800 20000 21300 22500 23800"
)
ret = read("20.9 21.3 15.3 16.3 14.9 16.9 14.3 12.9 13.1 13.2 11.7 10.9 11.7 10.7 10.6 10.6 10.2 9.55 9.6")
q = read("1 4.03 7.07 10.3 15.8 20.7 26.5 34.7 43.9 54.7 67 82.3 116 148 191 255 346 478 643")
loss = read(
    "0.00524 0.00237 0.000826 0.00169 0.525 0.175 0.164 0.135 0.286 0.285 0.211 0.22 18.8 19.7 10.9 21.7 71.7 197 2480"
)
epsilon = read(
    "0.953 0.905 0.857 0.81 0.763 0.715 0.668 0.62 0.572 0.525 0.478 0.43 0.382 0.335 0.287 0.24 0.193 0.145 0.0977"
)

fig, axes = plt.subplots(1, 4, figsize=(11, 2.4), layout="constrained")
for ax, (label, curve) in zip(axes, {"return": ret, "Q": q, "loss": loss, "ε": epsilon}.items(), strict=True):
    ax.plot(step, curve, color="black")
    ax.set(title=label, xlabel="environment steps", ylim=(0, None))
    ax.title.set_fontsize(10)
    ax.spines[["top", "right"]].set_visible(False)

# %% [markdown]
# *In words: the return falls from 21 to 10. Q rises from 1 to 643, faster and faster; it is above 100 from step 16,300 on. The loss
# is below 0.6 for the first 15,000 steps and ends at 2480. ε falls from 0.95 to 0.10.*
#
# What is wrong?
#
# - **a** ε never falls
# - **b** targets bootstrap through terminal steps
# - **c** the target network is never renewed
# - **d** the learning rate is 0
# - **e** γ is 0
#
# And which one curve shows values that no agent could ever earn: `"return"`, `"q"`, `"loss"` or `"epsilon"`? Set
# `endless_pole = {"fault": "…", "evidence": "…"}`. Each part is worth half the points.

# %% answer="endless_pole"
### BEGIN SOLUTION
endless_pole = {"fault": "b", "evidence": "q"}
### END SOLUTION

# %% check="endless_pole"
check("endless_pole")
### BEGIN HIDDEN TESTS
check("endless_pole", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## How far you are

# %%
progress()
