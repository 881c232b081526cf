# %% [markdown]
# # Exercise 04: policy gradients
#
# You write the gradient that one action gives, returns and advantages that know both kinds of ends, and find out which
# baseline is best.
#
# | | |
# | --- | --- |
# | **Time** | about 50 minutes |
# | **Points** | 20 |
# | **Needs** | any laptop, no network, no GPU |
# | **Before** | lesson 04 |
# | **Solution** | `solutions/04_policy_gradients.ipynb` in the repository, for afterwards |
#
# Shapes: $B$ samples, $A$ actions; $T$ steps of $E$ environments side by side. **Terminated** means that the episode was
# over, **truncated** that somebody stopped it: there would have been more.

# %%
import torch
from torch import Tensor

from rlhf_edu.grading import check, numbers, progress

# %% locked="seed"
SEED = 0  # yours alone if your class was given seeds; leave it as it is

# %% [markdown]
# ## 1 What one action says
#
# *4 points · 8 minutes · difficulty 1 of 3*
#
# A policy with logits $z$ has $\pi = \text{softmax}(z)$. An action $a$ was taken, and it was $A$ better than expected.
# REINFORCE then moves the logits along
#
# $$A\, \frac{\partial \log \pi(a)}{\partial z_i} = A\, \bigl([i = a] - \pi_i\bigr)$$
#
# where $[\dots]$ is 1 if it is true, else 0. Return it for $B$ samples, one row each. Logits may be large (some hundreds): the
# result must stay finite. By hand: logits $0, 0$, action 1 and $A = 3$ give $-1.5, 1.5$.


# %% answer="score_gradient"
def score_gradient(logits: Tensor, act: Tensor, adv: Tensor) -> Tensor:
    """The gradient of A log π(a) with respect to the logits, for each sample.

    logits [B, A]; act [B], whole numbers; adv [B]. Returns [B, A].
    """
    ### BEGIN SOLUTION
    chosen = torch.nn.functional.one_hot(act, logits.shape[1])
    return adv[:, None] * (chosen - logits.softmax(1))
    ### END SOLUTION


# %% check="score_gradient"
check("score_gradient")
### BEGIN HIDDEN TESTS
check("score_gradient", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 2 Returns when the rollout stops too early
#
# *5 points · 12 minutes · difficulty 2 of 3*
#
# Rollouts have a fixed length, so most stop in mid-episode. What was still to come is then estimated by the critic:
#
# $$G_t = r_t + \gamma \cdot \begin{cases} 0 & \text{terminated} \\ V(s'_t) & \text{truncated, or the last row of the
# rollout} \\ G_{t+1} & \text{otherwise} \end{cases}$$
#
# A step that is terminated *and* truncated is terminated. `next_values` holds $V(s'_t)$ of the state that each step truly
# led to. By hand: rewards $1, 1$, no end, $V(s'_1) = 4$, $\gamma = \tfrac12$ give $1 + \tfrac12 \cdot 3 = 2.5$ and $1 +
# \tfrac12 \cdot 4 = 3$.


# %% answer="bootstrapped_returns"
def bootstrapped_returns(
    rewards: Tensor, next_values: Tensor, terminated: Tensor, truncated: Tensor, gamma: float
) -> Tensor:
    """The return of each step.

    rewards and next_values [T, E]; terminated and truncated bool [T, E]. Returns [T, E].
    """
    ### BEGIN SOLUTION
    future = next_values * ~terminated
    ended = terminated | truncated
    returns = torch.zeros_like(rewards)
    after = future[-1]
    for t in reversed(range(len(rewards))):
        after = rewards[t] + gamma * torch.where(ended[t], future[t], after)
        returns[t] = after
    return returns
    ### END SOLUTION


# %% check="bootstrapped_returns"
check("bootstrapped_returns")
### BEGIN HIDDEN TESTS
check("bootstrapped_returns", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 3 The best constant
#
# *3 points · 10 minutes · difficulty 3 of 3*
#
# Two levers, a softmax policy, and rewards without noise:

# %%
levers = numbers("best_baseline", SEED)
print(f"lever 0 is pulled with chance {levers['p0']}, and pays {levers['pay0']:g}; lever 1 pays {levers['pay1']:g}")

# %% [markdown]
# One pull gives the estimate $(r - b)\, \partial \log \pi(a) / \partial z_1$. Its mean is the same for every $b$. For which
# $b$ is its **variance** least? Work it out, or search. To three digits at least.

# %% answer="best_baseline"
### BEGIN SOLUTION
p0, pay0, pay1 = levers["p0"], levers["pay0"], levers["pay1"]
# ∂ log π(a) / ∂z_1 is p0 for lever 1 and −(1 − p0) for lever 0: the rarer action shouts louder.
weight_0, weight_1 = p0 * (1 - p0) ** 2, (1 - p0) * p0**2
best_baseline = (weight_0 * pay0 + weight_1 * pay1) / (weight_0 + weight_1)
### END SOLUTION

# %% check="best_baseline"
check("best_baseline")
### BEGIN HIDDEN TESTS
check("best_baseline", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 4 What may be subtracted
#
# *2 points · 4 minutes · difficulty 2 of 3*
#
# Which of these may be subtracted from the return of the action $a$ in state $s$ so that the policy gradient keeps its
# mean, whatever the game?
#
# - **a** the number 100
# - **b** $V(s)$, as a critic knew it before this episode
# - **c** the return of this very action
# - **d** the mean return of the *other* episodes in the batch
# - **e** $Q(s, a)$, as a critic knew it before this episode
#
# Set `unbiased` to all the letters that are right, as in `unbiased = "a c"`.

# %% answer="unbiased"
### BEGIN SOLUTION
unbiased = "a b d"
### END SOLUTION

# %% check="unbiased"
check("unbiased")
### BEGIN HIDDEN TESTS
check("unbiased", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 5 Advantages, and what the critic learns
#
# *6 points · 15 minutes · difficulty 3 of 3*
#
# Generalised advantage estimation (Schulman et al. 2016, eq. 11 and 16), with both kinds of ends:
#
# $$\delta_t = r_t + \gamma\, [\text{not terminated}]\, V(s'_t) - V(s_t), \qquad A_t = \delta_t + \gamma\lambda\, [\text{not
# ended}]\, A_{t+1}$$
#
# *Ended* is terminated or truncated. The critic then learns the targets $A_t + V(s_t)$. Return both.


# %% answer="gae_and_targets"
def gae_and_targets(
    rewards: Tensor,
    values: Tensor,
    next_values: Tensor,
    terminated: Tensor,
    truncated: Tensor,
    gamma: float,
    lam: float,
) -> tuple[Tensor, Tensor]:
    """Advantages and value targets. All tensors, those returned as well, are [T, E]; the ends are bool."""
    ### BEGIN SOLUTION
    delta = rewards + gamma * next_values * ~terminated - values
    carry = gamma * lam * ~(terminated | truncated)
    advantages = torch.zeros_like(delta)
    after = torch.zeros_like(delta[0])
    for t in reversed(range(len(delta))):
        after = delta[t] + carry[t] * after
        advantages[t] = after
    return advantages, advantages + values
    ### END SOLUTION


# %% check="gae_and_targets"
check("gae_and_targets")
### BEGIN HIDDEN TESTS
check("gae_and_targets", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## How far you are

# %%
progress()
