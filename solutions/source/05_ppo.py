# %% [markdown]
# # Exercise 05: PPO
#
# You write what PPO computes on each batch, a policy for motors, and hunt a bug.
#
# | | |
# | --- | --- |
# | **Time** | about 50 minutes |
# | **Points** | 23 |
# | **Needs** | any laptop, no network, no GPU |
# | **Before** | lesson 05 |
# | **Solution** | `solutions/05_ppo.ipynb` in the repository, for afterwards |
#
# Throughout, `logp` is the log-probability of the action taken under the policy as it is now, `logp_old` under the policy
# that acted, and $\rho = \pi / \pi_\text{old}$ is their ratio. $B$ samples.

# %%
import math

import torch
from torch import Tensor

from rlhf_edu.grading import check, progress

# %% [markdown]
# ## 1 Which way each action is pulled
#
# *5 points · 12 minutes · difficulty 3 of 3*
#
# The clipped loss (Schulman et al. 2017, eq. 7) is
#
# $$L = -\frac{1}{B} \sum_i \min\bigl(\rho_i A_i,\; \text{clip}(\rho_i, 1 - \varepsilon, 1 + \varepsilon)\, A_i\bigr)$$
#
# What matters in training is its slope. Return $\partial L / \partial \log\pi(a_i|s_i)$ for each sample. **By hand:** $B =
# 1$, $\rho = 1.1$, $A = 2$, $\varepsilon = 0.2$ give $-2.2$; with $\rho = 1.3$ nothing pulls any more, and it is $0$.


# %% answer="clipped_slope"
def clipped_slope(logp: Tensor, logp_old: Tensor, adv: Tensor, clip: float) -> Tensor:
    """The slope of the clipped loss in each log-probability.

    logp, logp_old, adv [B]; clip is ε. Returns [B].
    """
    ### BEGIN SOLUTION
    ratio = (logp - logp_old).exp()
    let_go = ((adv > 0) & (ratio > 1 + clip)) | ((adv < 0) & (ratio < 1 - clip))
    return torch.where(let_go, 0.0, -ratio * adv) / len(adv)
    ### END SOLUTION


# %% check="clipped_slope"
check("clipped_slope")
### BEGIN HIDDEN TESTS
check("clipped_slope", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 2 Three vital signs
#
# *5 points · 10 minutes · difficulty 1 of 3*
#
# After an update, return
#
# - the KL in nats, as the mean of $\rho - 1 - \log\rho$;
# - the clip fraction, the share of samples with $|\rho - 1| > \varepsilon$;
# - the explained variance of the critic, $1 - \text{Var}(G - V)\, /\, \text{Var}(G)$, with $G$ the returns.


# %% answer="vital_signs"
def vital_signs(
    logp: Tensor, logp_old: Tensor, values: Tensor, returns: Tensor, clip: float
) -> tuple[Tensor, Tensor, Tensor]:
    """KL, clip fraction, explained variance. logp, logp_old, values, returns [B]."""
    ### BEGIN SOLUTION
    log_ratio = logp - logp_old
    ratio = log_ratio.exp()
    kl = (ratio - 1 - log_ratio).mean()
    clip_fraction = ((ratio - 1).abs() > clip).float().mean()
    explained_variance = 1 - (returns - values).var() / returns.var()
    return kl, clip_fraction, explained_variance
    ### END SOLUTION


# %% check="vital_signs"
check("vital_signs")
### BEGIN HIDDEN TESTS
check("vital_signs", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 3 A policy for motors
#
# *4 points · 10 minutes · difficulty 2 of 3*
#
# An action of $D$ independent parts, each from a normal distribution of mean $\mu_d$ and standard deviation $\sigma_d$:
#
# $$\pi(a|s) = \prod_d \frac{1}{\sqrt{2\pi\sigma_d^2}}\, \exp\!\left(-\frac{(a_d - \mu_d)^2}{2\sigma_d^2}\right), \qquad
# H = \sum_d \left(\log\sigma_d + \tfrac12 \log 2\pi e\right)$$
#
# The network gives $\mu$, and $\log\sigma$ is a parameter. Return $\log\pi(a|s)$ for each row, and the entropy $H$, one
# number. Write it out, without `torch.distributions`.


# %% answer="normal_policy"
def normal_policy(mean: Tensor, log_std: Tensor, act: Tensor) -> tuple[Tensor, Tensor]:
    """Log-probabilities [B] and the entropy. mean and act [B, D], log_std [D]."""
    ### BEGIN SOLUTION
    z = (act - mean) / log_std.exp()
    logp = (-(z**2) / 2 - log_std - math.log(2 * math.pi) / 2).sum(1)
    entropy = (log_std + math.log(2 * math.pi * math.e) / 2).sum()
    return logp, entropy
    ### END SOLUTION


# %% check="normal_policy"
check("normal_policy")
### BEGIN HIDDEN TESTS
check("normal_policy", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 4 The whole loss
#
# *5 points · 10 minutes · difficulty 2 of 3*
#
# What the optimiser minimises on each batch:
#
# $$L = L_\text{clip}(\hat A) + c_v \cdot \tfrac12 \operatorname{mean}\,(V - G)^2 - c_e \operatorname{mean}\, H$$
#
# $\hat A$ are the whitened advantages of this batch: mean 0, standard deviation 1 (torch's `std`, which divides by $B - 1$).
# The returns $G$ stay as they are.


# %% answer="total_loss"
def total_loss(
    logp: Tensor,
    logp_old: Tensor,
    adv: Tensor,
    values: Tensor,
    returns: Tensor,
    entropy: Tensor,
    clip: float,
    value_weight: float,
    entropy_weight: float,
) -> Tensor:
    """The loss of one batch, one number. All tensors [B]."""
    ### BEGIN SOLUTION
    adv = (adv - adv.mean()) / (adv.std() + 1e-8)
    ratio = (logp - logp_old).exp()
    policy_loss = -torch.minimum(ratio * adv, ratio.clamp(1 - clip, 1 + clip) * adv).mean()
    value_loss = 0.5 * ((values - returns) ** 2).mean()
    return policy_loss + value_weight * value_loss - entropy_weight * entropy.mean()
    ### END SOLUTION


# %% check="total_loss"
check("total_loss")
### BEGIN HIDDEN TESTS
check("total_loss", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 5 A bug hunt: up, and down for good
#
# *4 points · 8 minutes · difficulty 2 of 3*
#
# CartPole, 25 rollouts of 1024 steps, ten passes over each, ε = 0.2. *Return* is the mean of the last twenty episodes, *clip
# fraction* the mean over all batches of what the loss sees, *KL* is measured after each update against the policy that
# acted.

# %%
import matplotlib.pyplot as plt


def read(text: str) -> list[float]:
    return [float(x) for x in text.split()]


ret = read("23 53 44 18 9 9 9 10 9 9 9 9 9 9 10 9 9 9 9 9 9 9 10 9 10")
kl = read(
    "2.48 2.00 4.37 4.06 0.05 20.79 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00"
)
clip_fraction = read(
    "0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00"
)
explained = read(
    "-0.00 0.03 0.22 0.30 -0.18 0.66 0.79 0.98 0.98 0.99 0.99 0.99 0.99 0.99 0.99 0.99 0.99 0.99 0.99 0.99 0.99 0.99 0.99 0.99 0.99"
)

fig, axes = plt.subplots(1, 4, figsize=(11, 2.4), layout="constrained")
panels = {"return": ret, "KL (nats)": kl, "clip fraction": clip_fraction, "explained variance": explained}
for ax, (label, curve) in zip(axes, panels.items(), strict=True):
    ax.plot(range(1, 26), curve, color="black")
    ax.set(title=label, xlabel="update")
    ax.title.set_fontsize(10)
    ax.spines[["top", "right"]].set_visible(False)
axes[2].set_ylim(-0.05, 1)

# %% [markdown]
# *In words: over 25 updates the return rises from 23 to 53, then falls to 9, where it stays. The KL is 2.0 to 4.4 nats in the first
# four updates, 20.8 in the sixth, and 0.00 from then on. The clip fraction is 0.00 throughout. The explained variance rises from 0
# to 0.99.*
#
# What is wrong?
#
# - **a** ε is far too small
# - **b** `logp_old` is computed anew before each gradient step, with the weights of that moment
# - **c** time limits are treated as terminal states
# - **d** the critic is never trained
# - **e** the learning rate is 0
#
# And which one curve shows values that cannot be right, given the others: `"return"`, `"kl"`, `"clip"` or `"explained"`?
# Set `frozen_clip = {"fault": "…", "evidence": "…"}`. Each part is worth half the points.

# %% answer="frozen_clip"
### BEGIN SOLUTION
frozen_clip = {"fault": "b", "evidence": "clip"}
### END SOLUTION

# %% check="frozen_clip"
check("frozen_clip")
### BEGIN HIDDEN TESTS
check("frozen_clip", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## How far you are

# %%
progress()
