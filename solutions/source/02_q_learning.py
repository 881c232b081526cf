# %% [markdown]
# # Exercise 02: Q-learning and SARSA
#
# You write the update, the policy that explores, and the targets of SARSA and its calmer sister, with one eye on where
# episodes end. Then you hunt a bug that raises no error.
#
# | | |
# | --- | --- |
# | **Time** | about 40 minutes |
# | **Points** | 21 |
# | **Needs** | any laptop, no network, no GPU |
# | **Before** | lesson 02 |
# | **Solution** | `solutions/02_q_learning.ipynb` in the repository, for afterwards |
#
# Shapes: $S$ states, $A$ actions, $B$ steps in a batch, $T$ steps in an episode. All arrays are NumPy's.

# %%
import numpy as np

from rlhf_edu.grading import check, progress

# %% [markdown]
# ## 1 One step of Q-learning
#
# *4 points · 8 minutes · difficulty 1 of 3*
#
# In state $s$ you took action $a$, got the reward $r$ and came to $s'$:
#
# $$Q(s, a) \leftarrow Q(s, a) + \alpha\,\bigl[\,r + \gamma \max_{a'} Q(s', a') - Q(s, a)\,\bigr]$$
#
# with 0 in place of the max if the episode `terminated` with this step. Return the whole table after the step. By hand: $Q(s, a) = 1$, $r = 2$, the best of $s'$ is 10, $\alpha = 0.5$, $\gamma = 0.9$ give $1 + 0.5\,(2 + 9 - 1) =
# 6$; and 1.5 after the end.


# %% answer="q_update"
def q_update(
    q: np.ndarray, s: int, act: int, rew: float, s_next: int, terminated: bool, alpha: float, gamma: float
) -> np.ndarray:
    """The table after one step.

    q [S, A]. Returns [S, A].
    """
    ### BEGIN SOLUTION
    future = 0.0 if terminated else q[s_next].max()
    new = q.copy()
    new[s, act] += alpha * (rew + gamma * future - q[s, act])
    return new
    ### END SOLUTION


# %% check="q_update"
check("q_update")
### BEGIN HIDDEN TESTS
check("q_update", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 2 The chances of somebody who explores
#
# *4 points · 8 minutes · difficulty 2 of 3*
#
# With probability ε an action is drawn at random, *any* of them; otherwise the best one is taken. If several are equally
# good, one of those is drawn at random. How likely is each action in each state? By hand: values 5, 1, 5, 0 and ε = 0.2
# give 0.45, 0.05, 0.45 and 0.05.


# %% answer="exploring_policy"
def exploring_policy(q: np.ndarray, epsilon: float) -> np.ndarray:
    """The probability of each action in each state.

    q [S, A]. Returns [S, A]; each row sums to 1.
    """
    ### BEGIN SOLUTION
    best = q == q.max(axis=1, keepdims=True)
    return (1 - epsilon) * best / best.sum(axis=1, keepdims=True) + epsilon / q.shape[1]
    ### END SOLUTION


# %% check="exploring_policy"
check("exploring_policy")
### BEGIN HIDDEN TESTS
check("exploring_policy", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 3 Targets without the luck of the draw
#
# *4 points · 8 minutes · difficulty 2 of 3*
#
# Expected SARSA moves towards the mean over what an ε-greedy policy might do next (van Seijen et al., 2009):
#
# $$\text{target} = r + \gamma \sum_{a'} \pi(a' \mid s')\, Q(s', a')$$
#
# Write it for a batch of steps. `next_q` holds the row $Q(s', \cdot)$ of each. By hand: reward 1, row 4, 0, ε = 0.5 and γ =
# 0.5 give $1 + 0.5 \cdot 3 = 2.5$; and 1 after the end.


# %% answer="expected_targets"
def expected_targets(
    rews: np.ndarray, next_q: np.ndarray, terminated: np.ndarray, epsilon: float, gamma: float
) -> np.ndarray:
    """The target of each step.

    rews [B]; next_q [B, A]; terminated bool [B]. Returns [B].
    """
    ### BEGIN SOLUTION
    after = (1 - epsilon) * next_q.max(axis=1) + epsilon * next_q.mean(axis=1)
    return rews + gamma * np.where(terminated, 0.0, after)
    ### END SOLUTION


# %% check="expected_targets"
check("expected_targets")
### BEGIN HIDDEN TESTS
check("expected_targets", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 4 A whole episode of SARSA
#
# *5 points · 10 minutes · difficulty 2 of 3*
#
# An episode of $T$ steps: at step $t$ you were in `obs[t]`, took `acts[t]`, and got `rews[t]`. `obs[T]` is where the last
# step led, and `acts[T]` what the policy would do there. It ended in one of two ways. If `terminated`, nothing comes after
# the last step. Otherwise a **time limit** cut it off, and the last step bootstraps like any other.
#
# $$Q(s_t, a_t) \leftarrow Q(s_t, a_t) + \alpha\,\bigl[\,r_t + \gamma\, Q(s_{t+1}, a_{t+1}) - Q(s_t, a_t)\,\bigr]$$
#
# Go through the steps in order; each sees what the steps before it have changed. Return the table after the last step.


# %% answer="sarsa_episode"
def sarsa_episode(
    q: np.ndarray, obs: np.ndarray, acts: np.ndarray, rews: np.ndarray, terminated: bool, alpha: float, gamma: float
) -> np.ndarray:
    """The table after the episode.

    q [S, A]; obs and acts whole numbers [T + 1]; rews [T]. Returns [S, A].
    """
    ### BEGIN SOLUTION
    q = q.copy()
    for t, rew in enumerate(rews):
        over = terminated and t == len(rews) - 1
        future = 0.0 if over else q[obs[t + 1], acts[t + 1]]
        q[obs[t], acts[t]] += alpha * (rew + gamma * future - q[obs[t], acts[t]])
    return q
    ### END SOLUTION


# %% check="sarsa_episode"
check("sarsa_episode")
### BEGIN HIDDEN TESTS
check("sarsa_episode", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 5 A bug hunt: too good to be true
#
# *4 points · 6 minutes · difficulty 2 of 3*
#
# Somebody runs Q-learning in two slippery rooms: reaching the goal pays 1 and ends the episode, everything else pays 0. No
# time limit, α = 0.1, γ = 0.95, ε = 0.1, and a table that starts at 0. Their environment begins the next episode by itself:
# after the step onto the goal it hands out the *first observation of the next episode*. Here are 400 episodes of one run,
# in means over 20; no error, no warning:

# %%
import matplotlib.pyplot as plt


def read(text: str) -> list[float]:
    return [float(x) for x in text.split()]


steps = read("14.2 8.3 8.4 7.0 9.1 8.2 8.9 8.1 8.3 8.2 8.4 8.0 9.2 7.3 8.3 8.0 8.4 8.4 7.7 9.7")
value = read("0.00 0.07 0.28 0.50 0.64 0.74 0.91 1.01 1.19 1.26 1.30 1.41 1.43 1.48 1.60 1.69 1.72 1.73 1.79 1.79")
error = read("0.12 0.17 0.16 0.15 0.18 0.21 0.20 0.18 0.18 0.20 0.21 0.18 0.18 0.13 0.17 0.17 0.15 0.17 0.13 0.19")
returns = [1.0] * 20

names = ("return (sum of rewards)", "steps an episode", "value of the start", "error: mean |TD error|")
fig, axes = plt.subplots(1, 4, figsize=(11, 2.4), layout="constrained")
for ax, curve, name in zip(axes, (returns, steps, value, error), names, strict=True):
    ax.plot(range(20, 401, 20), curve, color="black")
    ax.set(title=name, xlabel="episode", ylim=(0, 1.15 * max(curve)))
    ax.title.set_fontsize(10)
    ax.spines[["top", "right"]].set_visible(False)

# %% [markdown]
# *In words: over 400 episodes the return is 1.00 throughout, the steps fall from 14 to about 8, the largest value in the
# row of the start climbs from 0 to 1.79, and the mean absolute TD error stays between 0.12 and 0.21.*
#
# What is wrong?
#
# - **a** α is too large
# - **b** the last step of an episode bootstraps, although nothing comes after it
# - **c** episodes that are cut off by a time limit are treated as if they had ended
# - **d** ε is too small
# - **e** γ is 1 in the code
#
# And which one curve shows values that cannot be right: `"return"`, `"steps"`, `"value"` or `"error"`? Set `too_good =
# {"fault": "…", "evidence": "…"}`. Each part is worth half the points.

# %% answer="too_good"
### BEGIN SOLUTION
too_good = {"fault": "b", "evidence": "value"}
### END SOLUTION

# %% check="too_good"
check("too_good")
### BEGIN HIDDEN TESTS
check("too_good", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## How far you are

# %%
progress()
