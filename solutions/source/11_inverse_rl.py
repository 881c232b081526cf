# %% [markdown]
# # Exercise 11: inverse reinforcement learning
#
# You write the planner who wavers, where somebody spends time, the gradient that turns behaviour into a reward, and the
# shaping that no behaviour shows. Then you hunt a bug that raises no error.
#
# | | |
# | --- | --- |
# | **Time** | about 40 minutes |
# | **Points** | 21 |
# | **Needs** | any laptop, no network, no GPU |
# | **Before** | lesson 11 |
# | **Solution** | `solutions/11_inverse_rl.ipynb` in the repository, for afterwards |
#
# Shapes: $S$ states, $A$ actions, $F$ features. All arrays are NumPy's. `reach[s, a, t]` is the chance to go *on* from state
# $t$ after action $a$ in state $s$; it is 0 where the step ends the episode, so its sums can be below 1.

# %%
import numpy as np

from rlhf_edu.grading import check, progress

# %% [markdown]
# ## 1 One soft sweep
#
# *4 points · 8 minutes · difficulty 1 of 3*
#
# $$V(s) \leftarrow \log \sum_a \exp\Bigl[\,r(s, a) + \gamma \sum_{t} \text{reach}(s, a, t)\, V(t)\,\Bigr]$$
#
# Hidden cases have rewards in the thousands, where `exp` overflows: take the largest one out first. By hand: two actions
# worth 1 each give $1 + \log 2 = 1.693$.


# %% answer="soft_sweep"
def soft_sweep(v: np.ndarray, reward: np.ndarray, reach: np.ndarray, gamma: float) -> np.ndarray:
    """The values after one sweep.

    v [S]; reward [S, A]; reach [S, A, S]. Returns [S].
    """
    ### BEGIN SOLUTION
    q = reward + gamma * reach @ v
    top = q.max(axis=1)
    return top + np.log(np.exp(q - top[:, None]).sum(axis=1))
    ### END SOLUTION


# %% check="soft_sweep"
check("soft_sweep")
### BEGIN HIDDEN TESTS
check("soft_sweep", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 2 Where somebody spends time
#
# *5 points · 10 minutes · difficulty 2 of 3*
#
# $$\rho(s, a) = \sum_{t=0}^{\infty} \gamma^t\, P(s_t = s,\, a_t = a)$$
#
# Sum over time until nothing is left, or solve $d = \mu_0 + \gamma P_\pi^\top d$ for the states and multiply by $\pi$. By
# hand: one state, one action, never an end, $\gamma = 0.9$: $1 + 0.9 + 0.81 + \dots = 10$.


# %% answer="time_spent"
def time_spent(policy: np.ndarray, reach: np.ndarray, starts: np.ndarray, gamma: float) -> np.ndarray:
    """The discounted occupancy of a policy.

    policy [S, A], rows sum to 1; reach [S, A, S]; starts [S], the chances to begin there. Returns [S, A].
    """
    ### BEGIN SOLUTION
    chain = np.einsum("sa,sat->st", policy, reach)
    d = np.linalg.solve(np.eye(len(starts)) - gamma * chain.T, starts)
    return policy * d[:, None]
    ### END SOLUTION


# %% check="time_spent"
check("time_spent")
### BEGIN HIDDEN TESTS
check("time_spent", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 3 The gradient
#
# *4 points · 8 minutes · difficulty 2 of 3*
#
# Log-likelihood minus a prior $\lambda\, \lVert\theta\rVert^2$, to be *climbed*:
#
# $$\nabla = \sum_{s,a} \bigl[\rho_E(s, a) - \rho_\theta(s, a)\bigr]\, \phi(s, a) - 2 \lambda\, \theta$$


# %% answer="irl_gradient"
def irl_gradient(
    theta: np.ndarray, expert: np.ndarray, learner: np.ndarray, features: np.ndarray, prior: float
) -> np.ndarray:
    """The direction in which the weights explain the expert better.

    theta [F]; expert and learner, occupancies [S, A]; features [S, A, F]; prior λ. Returns [F].
    """
    ### BEGIN SOLUTION
    return np.einsum("sa,saf->f", expert - learner, features) - 2 * prior * theta
    ### END SOLUTION


# %% check="irl_gradient"
check("irl_gradient")
### BEGIN HIDDEN TESTS
check("irl_gradient", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 4 What no behaviour shows
#
# *4 points · 6 minutes · difficulty 2 of 3*
#
# Shape a reward with a potential. After the end, the potential is 0, and `reach` already knows that:
#
# $$r'(s, a) = r(s, a) + \gamma \sum_{t} \text{reach}(s, a, t)\, \Phi(t) - \Phi(s)$$


# %% answer="shaped"
def shaped(reward: np.ndarray, potential: np.ndarray, reach: np.ndarray, gamma: float) -> np.ndarray:
    """Another reward that asks for the same behaviour.

    reward [S, A]; potential [S]; reach [S, A, S]. Returns [S, A].
    """
    ### BEGIN SOLUTION
    return reward + gamma * reach @ potential - potential[:, None]
    ### END SOLUTION


# %% check="shaped"
check("shaped")
### BEGIN HIDDEN TESTS
check("shaped", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 5 A bug hunt: a likelihood that never stops climbing
#
# *4 points · 6 minutes · difficulty 2 of 3*
#
# Somebody recovers four weights from 50 walks through the town of the lesson, with $\gamma = 0.9$. No error. `gap` says how
# differently learner and expert share out their time; `visits` is the sum of all entries of an occupancy:

# %%
import matplotlib.pyplot as plt


def read(text: str) -> list[float]:
    return [float(x) for x in text.split()]


steps = list(range(0, 201, 20))
likelihood = read("-13.84 256.55 525.47 794.34 1063.18 1332.02 1600.85 1869.68 2138.51 2407.34 2676.17")
gap = read("0.337 0.493 0.504 0.508 0.510 0.511 0.512 0.512 0.512 0.513 0.513")
weights = read("0.00 16.29 32.52 48.75 64.97 81.20 97.43 113.65 129.88 146.11 162.33")
visits = [10.0] * 11
expert_visits = 30.16

names = ("likelihood (nats)", "gap", "weights: largest |θ|", "visits (discounted steps)")
fig, axes = plt.subplots(1, 4, figsize=(11, 2.4), layout="constrained")
for ax, curve, name in zip(axes, (likelihood, gap, weights, visits), names, strict=True):
    ax.plot(steps, curve, color="black")
    ax.set_title(name, fontsize=10)
    ax.set_xlabel("iteration")
    ax.spines[["top", "right"]].set_visible(False)
axes[3].axhline(expert_visits, color="black", linestyle="--")
axes[3].set_ylim(0, 35)

# %% [markdown]
# *In words: over 200 iterations the likelihood climbs from −14 to 2676, the gap from 0.34 to 0.51, the largest weight from 0
# to 162, all without a sign of stopping but the gap; the learner's visits stay at 10.0, the expert's (dashed) are 30.2.*
#
# What is wrong?
#
# - **a** the step size is too large
# - **b** the gradient has the wrong sign
# - **c** the walks of the expert were counted without the discount
# - **d** 50 walks are too few
# - **e** the learner's γ is too large
#
# And which one picture shows the cause, not what follows from it: a number that was counted wrongly and that no policy could
# reach? `"likelihood"`, `"gap"`, `"weights"` or `"visits"`. Set
# `endless_climb = {"fault": "…", "evidence": "…"}`. Each part is worth half the points.

# %% answer="endless_climb"
### BEGIN SOLUTION
endless_climb = {"fault": "c", "evidence": "visits"}
### END SOLUTION

# %% check="endless_climb"
check("endless_climb")
### BEGIN HIDDEN TESTS
check("endless_climb", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## How far you are

# %%
progress()
