# %% [markdown]
# # Exercise 16: direct preferences
#
# You write the policy that DPO is looking for, the loss that finds it, two of its relatives, and hunt a bug that raises no
# error.
#
# | | |
# | --- | --- |
# | **Time** | about 45 minutes |
# | **Points** | 21 |
# | **Needs** | any laptop, no network, no GPU |
# | **Before** | lesson 16 |
# | **Solution** | `solutions/16_direct_preferences.ipynb` in the repository, for afterwards |
#
# Shapes: $Y$ possible answers; $P$ pairs, each with a chosen and a rejected answer; $B$ single answers. Log-probs of an answer
# are **sums** over its tokens, in nats, unless a task says otherwise.

# %%
import torch
from torch import Tensor

from rlhf_edu.grading import check, progress

# %% [markdown]
# ## 1 The best policy there is
#
# *4 points · 8 minutes · difficulty 2 of 3*
#
# The policy that maximises $\mathbb{E}[r] - \beta\,\text{KL}(\pi \,\|\, \pi_\text{ref})$ is
#
# $$\pi^*(y) = \frac{\pi_\text{ref}(y)\, e^{r(y)/\beta}}{\sum_{y'} \pi_\text{ref}(y')\, e^{r(y')/\beta}}$$
#
# Return its **log**-probs, and the value of the objective that it reaches (one number). Hidden cases have rewards in the
# hundreds and small $\beta$, where `exp` overflows. By hand: reference 0.5, 0.3, 0.2, rewards 0, 1, 2 and $\beta = 1$ give
# chances 0.179, 0.292, 0.529 and the objective 1.027.


# %% answer="best_policy"
def best_policy(ref_logp: Tensor, reward: Tensor, beta: float) -> tuple[Tensor, Tensor]:
    """Log-probs [Y] of the best policy, and the objective it reaches.

    ref_logp and reward [Y].
    """
    ### BEGIN SOLUTION
    tilted = ref_logp + reward / beta
    log_z = tilted.logsumexp(0)
    return tilted - log_z, beta * log_z
    ### END SOLUTION


# %% check="best_policy"
check("best_policy")
### BEGIN HIDDEN TESTS
check("best_policy", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 2 DPO
#
# *5 points · 10 minutes · difficulty 2 of 3*
#
# The reward that a policy implies is $\hat r(y) = \beta \log\frac{\pi(y)}{\pi_\text{ref}(y)}$. Return
#
# $$L = -\text{mean}\,\log \sigma(\hat r_\text{chosen} - \hat r_\text{rejected})$$
#
# and the **accuracy**: the share of pairs with $\hat r_\text{chosen} > \hat r_\text{rejected}$. In hidden cases margins reach
# hundreds of nats, where $\sigma$ is 0 or 1 in float32 and its logarithm must not be taken.


# %% answer="dpo_loss"
def dpo_loss(
    chosen: Tensor, rejected: Tensor, ref_chosen: Tensor, ref_rejected: Tensor, beta: float
) -> tuple[Tensor, Tensor]:
    """The loss to minimise, and the accuracy.

    All four [P]: log-probs of the answers under the policy, and under the reference.
    """
    ### BEGIN SOLUTION
    margin = beta * ((chosen - ref_chosen) - (rejected - ref_rejected))
    loss = torch.nn.functional.softplus(-margin)
    return loss.mean(), (margin > 0).float().mean()
    ### END SOLUTION


# %% check="dpo_loss"
check("dpo_loss")
### BEGIN HIDDEN TESTS
check("dpo_loss", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 3 KTO: thumbs up and down
#
# *4 points · 10 minutes · difficulty 2 of 3*
#
# No pairs: each answer has a thumb. With the gain $g = \log\pi - \log\pi_\text{ref}$ of an answer and the point of reference
# $z_0 = \max(0, \text{KL})$:
#
# $$L = \text{mean}\,\bigl(1 - v\bigr), \qquad v = \sigma\bigl(\beta (g - z_0)\bigr) \text{ for good answers,}\quad \sigma\bigl(\beta(z_0 - g)\bigr) \text{ for bad ones}$$


# %% answer="kto_loss"
def kto_loss(logp: Tensor, ref_logp: Tensor, good: Tensor, kl: float, beta: float) -> Tensor:
    """The loss to minimise, one number.

    logp and ref_logp [B]; good bool [B]; kl an estimate of KL(π ‖ π_ref) in nats, which chance can make negative.
    """
    ### BEGIN SOLUTION
    surplus = logp - ref_logp - max(0.0, kl)
    sign = good.float() * 2 - 1
    return torch.sigmoid(-beta * sign * surplus).mean()
    ### END SOLUTION


# %% check="kto_loss"
check("kto_loss")
### BEGIN HIDDEN TESTS
check("kto_loss", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 4 SimPO: no reference
#
# *4 points · 8 minutes · difficulty 2 of 3*
#
# SimPO's reward is the **mean** log-prob of an answer's tokens, and the winner has to win by $\gamma$:
#
# $$L = -\text{mean}\,\log\sigma\Bigl(\frac{\beta}{n_w} \sum_t \log\pi(w_t) - \frac{\beta}{n_l}\sum_t \log \pi(l_t) - \gamma\Bigr)$$
#
# Here you get the log-probs of single tokens. Answers are padded on the right, and what stands under padding is meaningless.


# %% answer="simpo_loss"
def simpo_loss(
    chosen: Tensor, chosen_mask: Tensor, rejected: Tensor, rejected_mask: Tensor, beta: float, gamma: float
) -> Tensor:
    """The loss to minimise, one number.

    chosen and rejected [P, N], log-probs of tokens; both masks bool [P, N], True on real tokens.
    """
    ### BEGIN SOLUTION
    won = torch.where(chosen_mask, chosen, 0.0).sum(1) / chosen_mask.sum(1)
    lost = torch.where(rejected_mask, rejected, 0.0).sum(1) / rejected_mask.sum(1)
    return torch.nn.functional.softplus(gamma - beta * (won - lost)).mean()
    ### END SOLUTION


# %% check="simpo_loss"
check("simpo_loss")
### BEGIN HIDDEN TESTS
check("simpo_loss", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 5 A bug hunt: log 2
#
# *4 points · 6 minutes · difficulty 2 of 3*
#
# DPO with $\beta = 0.1$ on one prompt with four possible answers, of which the first is always preferred to the second. The
# curves of twenty reports:

# %%
import matplotlib.pyplot as plt


def read(text: str) -> list[float]:
    return [float(x) for x in text.split()]


loss = [0.693] * 20
chosen = read("-1.20 -0.78 -0.49 -0.30 -0.18 -0.11 -0.07 -0.04 -0.02 -0.01 -0.01 -0.01 0 0 0 0 0 0 0 0")
rejected = [-1.2, -1.78, -2.49, -3.3, -4.18, -5.11, -6.07, -7.04, -8.02, *[-9.01 - k for k in range(11)]]
kl = read("0.00 0.07 0.25 0.46 0.66 0.82 0.94 1.02 1.08 1.12 1.15 1.17 1.18 1.19 1.19 1.20 1.20 1.20 1.20 1.20")

panels = {"loss (nats)": loss, "log-prob, chosen": chosen, "log-prob, rejected": rejected, "KL to the start (nats)": kl}
fig, axes = plt.subplots(1, 4, figsize=(11, 2.4), layout="constrained")
for ax, (label, curve) in zip(axes, panels.items(), strict=True):
    ax.plot(range(1, 21), curve, color="black")
    ax.set(title=label, xlabel="report")
    ax.title.set_fontsize(10)
    ax.spines[["top", "right"]].set_visible(False)
axes[0].set_ylim(0, 1)

# %% [markdown]
# *In words: the loss stays at 0.693 throughout; the log-prob of the chosen answer rises from −1.2 to 0; that of the rejected
# one falls from −1.2 to −19, straight on; the KL to the policy at the start rises from 0 to 1.2 nats.*
#
# What is wrong?
#
# - **a** the learning rate is 0
# - **b** chosen and rejected are swapped
# - **c** the reference is the policy itself, so it moves along
# - **d** β is too large
# - **e** the prompt's tokens are counted as part of the answer
#
# And which one curve cannot be right, given the others: `"loss"`, `"chosen"`, `"rejected"` or `"kl"`? Set
# `dpo_fault = {"fault": "…", "evidence": "…"}`. Each part is worth half the points.

# %% answer="dpo_fault"
### BEGIN SOLUTION
dpo_fault = {"fault": "c", "evidence": "loss"}
### END SOLUTION

# %% check="dpo_fault"
check("dpo_fault")
### BEGIN HIDDEN TESTS
check("dpo_fault", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## How far you are

# %%
progress()
