# %% [markdown]
# # Exercise 01: decisions
#
# You turn tries into estimates, rewards into returns and a story into a model, and then find what the best policy is
# worth.
#
# | | |
# | --- | --- |
# | **Time** | about 40 minutes |
# | **Points** | 18 |
# | **Needs** | any laptop, no network, no GPU |
# | **Before** | lesson 01 |
# | **Solution** | `solutions/01_decisions.ipynb` in the repository, for afterwards |
#
# Shapes: $T$ steps, $S$ states, $A$ actions. All arrays are NumPy's.

# %%
import numpy as np

from rlhf_edu.grading import check, numbers, progress

# %% locked="seed"
SEED = 0  # yours alone if your class was given seeds; leave it as it is

# %% [markdown]
# ## 1 Estimates from tries
#
# *3 points · 6 minutes · difficulty 1 of 3*
#
# At try number $t$ you took action `acts[t]` and got `rews[t]`. What do you think of each action? Return the mean of what
# it gave, and 0 for an action that was never taken. By hand: actions 0, 0, 1 with rewards 1, 2, 5 and three actions in all
# give 1.5, 5 and 0.


# %% answer="sample_averages"
def sample_averages(acts: np.ndarray, rews: np.ndarray, n_acts: int) -> np.ndarray:
    """The estimate of each action.

    acts: whole numbers from 0 to n_acts − 1, shape [T]; rews [T]. Returns [n_acts].
    """
    ### BEGIN SOLUTION
    q, n = np.zeros(n_acts), np.zeros(n_acts)
    for act, rew in zip(acts, rews, strict=True):
        n[act] += 1
        q[act] += (rew - q[act]) / n[act]
    return q
    ### END SOLUTION


# %% check="sample_averages"
check("sample_averages")
### BEGIN HIDDEN TESTS
check("sample_averages", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 2 Returns, from every step on
#
# *3 points · 6 minutes · difficulty 1 of 3*
#
# An episode gave the rewards $r_1, \dots, r_T$ (`rews[0]` is $r_1$). What was still to come, seen from each step?
#
# $$G_t = r_{t+1} + \gamma\, r_{t+2} + \gamma^2 r_{t+3} + \dots$$
#
# By hand: rewards 0, 0, 1 and $\gamma = 0.5$ give 0.25, 0.5 and 1.


# %% answer="discounted_returns"
def discounted_returns(rews: np.ndarray, gamma: float) -> np.ndarray:
    """The return from each step to the end of the episode.

    rews [T]. Returns [T].
    """
    ### BEGIN SOLUTION
    returns, after = np.zeros(len(rews)), 0.0
    for t in reversed(range(len(rews))):
        after = rews[t] + gamma * after
        returns[t] = after
    return returns
    ### END SOLUTION


# %% check="discounted_returns"
check("discounted_returns")
### BEGIN HIDDEN TESTS
check("discounted_returns", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 3 A story becomes a model
#
# *5 points · 12 minutes · difficulty 2 of 3*
#
# An electric bike delivers parcels. Its battery has `n_levels` levels of charge, from 0 (empty) to `n_levels − 1` (full).
# There are two actions:
#
# - **0, charge:** two units more, but never more than full. It pays nothing.
# - **1, ride:** pays `pay` and costs one unit, or, with probability `p_steep`, two. If no charge is left afterwards, you get
#   −`penalty` *instead of* the pay, and the episode ends.
#
# At charge 0 all is over: both arrays stay 0 there. Return the model as two arrays, in this order: `reach[s, a, s']`,
# the probability to **go on** from $s'$, and `reward[s, a]`, the *expected* reward, as in the lesson. By hand: with four levels, at charge 2,
# riding goes on at charge 1 with probability $1 - p$ and pays $(1 - p) \cdot \text{pay} - p \cdot \text{penalty}$.


# %% answer="bike_model"
def bike_model(n_levels: int, p_steep: float, pay: float, penalty: float) -> tuple[np.ndarray, np.ndarray]:
    """reach [S, A, S] and reward [S, A], with S = n_levels and A = 2."""
    ### BEGIN SOLUTION
    reach, reward = np.zeros((n_levels, 2, n_levels)), np.zeros((n_levels, 2))
    for charge in range(1, n_levels):
        reach[charge, 0, min(charge + 2, n_levels - 1)] = 1
        for chance, left in ((1 - p_steep, charge - 1), (p_steep, charge - 2)):
            if left > 0:
                reach[charge, 1, left] += chance
            reward[charge, 1] += chance * (pay if left > 0 else -penalty)
    return reach, reward
    ### END SOLUTION


# %% check="bike_model"
check("bike_model")
### BEGIN HIDDEN TESTS
check("bike_model", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 4 Value iteration, to the end
#
# *5 points · 10 minutes · difficulty 2 of 3*
#
# The value of each state under the best policy, for any model of this kind:
#
# $$v(s) = \max_a \Bigl[\,r(s, a) + \gamma \sum_{s'} \text{reach}(s, a, s')\; v(s')\Bigr]$$
#
# Start at 0, and sweep until no value moves by more than $10^{-9}$. By hand: one state, one action that pays 1 and goes on
# with probability 1, $\gamma = 0.9$: the value is $1/(1 - 0.9) = 10$.


# %% answer="best_values"
def best_values(reach: np.ndarray, reward: np.ndarray, gamma: float) -> np.ndarray:
    """The value of each state under the best policy.

    reach [S, A, S]; reward [S, A]; gamma below 1. Returns [S].
    """
    ### BEGIN SOLUTION
    v, change = np.zeros(len(reward)), 1.0
    while change > 1e-9:
        new = (reward + gamma * reach @ v).max(axis=1)
        v, change = new, np.abs(new - v).max()
    return v
    ### END SOLUTION


# %% check="best_values"
check("best_values")
### BEGIN HIDDEN TESTS
check("best_values", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 5 How patient is that?
#
# *2 points · 4 minutes · difficulty 1 of 3*
#
# Somebody offers you a choice:

# %%
offer = numbers("patience", SEED)
print(f"{offer['small']} points in {offer['soon']} steps, or {offer['large']} points in {offer['late']} steps")

# %% [markdown]
# At which discount γ are the two worth the same to you? Set `patience` to it, to three decimals, as in `patience = 0.123`.

# %% answer="patience"
### BEGIN SOLUTION
patience = (offer["small"] / offer["large"]) ** (1 / (offer["late"] - offer["soon"]))
### END SOLUTION

# %% check="patience"
check("patience")
### BEGIN HIDDEN TESTS
check("patience", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## How far you are

# %%
progress()
