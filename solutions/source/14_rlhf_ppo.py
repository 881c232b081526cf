# %% [markdown]
# # Exercise 14: RLHF with PPO
#
# You write the four formulas at the heart of RLHF with PPO, on tensors small enough to check by hand, and hunt bugs
# that raise no error.
#
# | | |
# | --- | --- |
# | **Time** | about 60 minutes |
# | **Points** | 29 |
# | **Needs** | any laptop, no network, no GPU |
# | **Before** | lesson 14 |
# | **Solution** | `solutions/14_rlhf_ppo.ipynb` in the repository, for afterwards |
#
# Shapes: $B$ responses, $N$ new tokens. Responses differ in length, so the shorter ones are padded **on the right**;
# `mask` is `True` on real tokens. Whatever stands under padding is meaningless: it must not change anything.

# %%
import torch
from torch import Tensor

from rlhf_edu.grading import check, progress

# %% [markdown]
# ## 1 Rewards for every token
#
# *5 points · 10 minutes · difficulty 2 of 3*
#
# A reward model gives one score to a whole response, yet PPO acts token by token. Each token pays for leaving the
# reference, and the score is added **once**, at the last real token:
#
# $$r_t = -\beta\,\bigl(\log \pi(a_t \mid s_t) - \log \pi_\text{ref}(a_t \mid s_t)\bigr) + [t \text{ is last}]\;
# \text{score}$$
#
# Under padding the reward is 0. By hand: log-probs $-1, -2$, reference $-1.5, -1.5$, $\beta = 0.1$ and score 1 give
# rewards $-0.05$ and $0.05 + 1 = 1.05$. They add up to score $- \beta \cdot$ KL of the sequence.


# %% answer="shaped_rewards"
def shaped_rewards(score: Tensor, logp: Tensor, logp_ref: Tensor, mask: Tensor, beta: float) -> Tensor:
    """The reward of each token.

    score [B]; logp and logp_ref [B, N]; mask bool [B, N]. Returns [B, N], 0 under padding.
    """
    ### BEGIN SOLUTION
    rewards = -beta * (logp - logp_ref) * mask
    last = mask.sum(1) - 1
    rewards[torch.arange(len(rewards)), last] += score
    return rewards
    ### END SOLUTION


# %% check="shaped_rewards"
check("shaped_rewards")
### BEGIN HIDDEN TESTS
check("shaped_rewards", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 2 Three estimates of the KL divergence
#
# *4 points · 8 minutes · difficulty 2 of 3*
#
# How far is the policy from the reference? The sum over all possible texts is out of reach, but samples from $\pi$ give
# estimates. With the ratio $\rho = \pi_\text{ref}(a_t \mid s_t) \,/\, \pi(a_t \mid s_t)$ (Schulman, 2020):
#
# $$k_1 = -\log \rho, \qquad k_2 = \tfrac12 (\log \rho)^2, \qquad k_3 = \rho - 1 - \log \rho$$
#
# Return the mean of each over **all real tokens** of the batch, in nats per token. **Predict first:** which of the
# three can be negative for a single token?


# %% answer="kl_estimates"
def kl_estimates(logp: Tensor, logp_ref: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """k1, k2 and k3, each a mean over all real tokens.

    logp and logp_ref [B, N], log-probs of the sampled tokens; mask bool [B, N].
    """
    ### BEGIN SOLUTION
    log_ratio = (logp_ref - logp)[mask]
    k1 = -log_ratio
    k2 = log_ratio**2 / 2
    k3 = torch.expm1(log_ratio) - log_ratio
    return k1.mean(), k2.mean(), k3.mean()
    ### END SOLUTION


# %% check="kl_estimates"
check("kl_estimates")
### BEGIN HIDDEN TESTS
check("kl_estimates", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 3 Advantages over the tokens of a response
#
# *5 points · 12 minutes · difficulty 3 of 3*
#
# Generalised advantage estimation (Schulman et al., 2016, eq. 11 and 16), now with tokens as steps:
#
# $$\delta_t = r_t + \gamma V_{t+1} - V_t, \qquad A_t = \delta_t + \gamma \lambda A_{t+1}$$
#
# After the last real token the response is over, so $V$ and $A$ are 0 **there**, and not only at the edge of the
# padding. By hand: rewards $0, 1$, values $0.5, 0.5$, $\gamma = \lambda = 1$ give $\delta = 0, 0.5$ and $A = 0.5,
# 0.5$.


# %% answer="response_gae"
def response_gae(rewards: Tensor, values: Tensor, mask: Tensor, gamma: float, lam: float) -> Tensor:
    """The advantage of each token.

    rewards and values [B, N]; mask bool [B, N]. Returns [B, N], 0 under padding.
    """
    ### BEGIN SOLUTION
    rewards, values = rewards * mask, values * mask
    advantages = torch.zeros_like(values)
    next_value = next_advantage = torch.zeros(len(values))
    for t in reversed(range(values.shape[1])):
        delta = rewards[:, t] + gamma * next_value - values[:, t]
        next_advantage = delta + gamma * lam * next_advantage
        next_value = values[:, t]
        advantages[:, t] = next_advantage
    return advantages * mask
    ### END SOLUTION


# %% check="response_gae"
check("response_gae")
### BEGIN HIDDEN TESTS
check("response_gae", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 4 The clipped policy loss
#
# *5 points · 8 minutes · difficulty 2 of 3*
#
# PPO may take several steps on the same samples, because it stops paying for tokens whose probability has moved too far
# (Schulman et al., 2017, eq. 7). With $r_t = \pi(a_t \mid s_t) \,/\, \pi_\text{old}(a_t \mid s_t)$, minimise
#
# $$L = \text{mean over real tokens of } \max\bigl(-A_t\, r_t,\; -A_t\, \text{clip}(r_t, 1 - \varepsilon, 1 +
# \varepsilon)\bigr)$$
#
# Return $L$ and the **clip fraction**: the share of real tokens with $|r_t - 1| > \varepsilon$. On the first step
# after sampling it must be 0; in a healthy run it stays below about 0.3.


# %% answer="policy_loss"
def policy_loss(logp: Tensor, logp_old: Tensor, adv: Tensor, mask: Tensor, clip: float) -> tuple[Tensor, Tensor]:
    """The loss to minimise, and the clip fraction.

    logp, logp_old and adv [B, N]; mask bool [B, N]; clip is ε.
    """
    ### BEGIN SOLUTION
    ratio = (logp - logp_old).exp()
    loss = torch.maximum(-adv * ratio, -adv * ratio.clamp(1 - clip, 1 + clip))
    outside = (ratio - 1).abs() > clip
    return loss[mask].mean(), outside[mask].float().mean()
    ### END SOLUTION


# %% check="policy_loss"
check("policy_loss")
### BEGIN HIDDEN TESTS
check("policy_loss", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 5 A bug hunt: everything goes up
#
# *4 points · 6 minutes · difficulty 2 of 3*
#
# Twenty steps of training with $\beta = 0.1$, 128 responses a step. The score climbs and climbs; the team is pleased.
# The KL is k1, measured against the reference on the responses just sampled.

# %%
import matplotlib.pyplot as plt


def read(text: str) -> list[float]:
    return [float(x) for x in text.split()]


score = read("0.02 0.24 0.32 0.54 0.68 0.84 1.01 1.15 1.26 1.39 1.43 1.44 1.46 1.47 1.48 1.52 1.52 1.53 1.53 1.54")
entropy = read("3.04 2.96 2.82 2.55 2.37 2.03 1.75 1.35 1.05 0.72 0.53 0.37 0.27 0.24 0.26 0.17 0.13 0.11 0.09 0.08")
distinct = read("0.98 0.95 0.95 0.77 0.80 0.55 0.61 0.41 0.28 0.23 0.29 0.13 0.15 0.12 0.16 0.10 0.07 0.05 0.05 0.02")
kl = [0.0] * 20

labels = ("score", "kl (nats per response)", "entropy (nats per token)", "distinct openings (share)")
fig, axes = plt.subplots(1, 4, figsize=(11, 2.4), layout="constrained")
for ax, curve, label in zip(axes, (score, kl, entropy, distinct), labels, strict=True):
    ax.plot(range(1, 21), curve, color="black")
    ax.set(title=label, xlabel="step", ylim=(-0.1, 1.1 * max(max(curve), 1)))
    ax.title.set_fontsize(10)
    ax.spines[["top", "right"]].set_visible(False)

# %% [markdown]
# *In words: over twenty steps the score rises from 0.02 to 1.54, the KL is 0.00 throughout, the entropy falls from 3.04
# to 0.08 nats, and the share of distinct openings falls from 0.98 to 0.02.*
#
# What is wrong?
#
# - **a** β is too large
# - **b** the reference shares its weights with the policy, so it moves along
# - **c** the score is added at the edge of the padding
# - **d** the optimizer never changes the policy
# - **e** the policy loss has the wrong sign
#
# And which one curve shows values that cannot be right, given the others: `"score"`, `"kl"`, `"entropy"` or
# `"distinct"`? Set `silent_fault = {"fault": "…", "evidence": "…"}`. Each part is worth half the points.

# %% answer="silent_fault"
### BEGIN SOLUTION
silent_fault = {"fault": "b", "evidence": "kl"}
### END SOLUTION

# %% check="silent_fault"
check("silent_fault")
### BEGIN HIDDEN TESTS
check("silent_fault", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 6 Six runs without a name
#
# *6 points · 15 minutes · difficulty 3 of 3*
#
# Six runs of PPO on the stories, recorded like the lesson's gallery, with other seeds. Each has one fault of the list
# that the next cell prints; one of them may be healthy. (`eos_as_padding` is left out: no curve shows it here.) Dashed: the
# run. Blue: five healthy ones, from lowest to highest. β is 0.1, and the *books* must balance at every step: the rewards
# of a text add up to score − β·KL.

# %%
from IPython.display import display

from rlhf_edu.plots.rlhf import fault_picture
from rlhf_edu.rlhf.faults import FAULTS
from rlhf_edu.rlhf.gallery import recorded

healthy, runs = recorded()["healthy"], recorded("unnamed")["runs"]
for name in sorted(FAULTS.keys() - {"eos_as_padding"}):
    print(f"{name:<20} {FAULTS[name].what}")
for name, run in runs.items():
    first = "   ".join(f"{key} {run[0][key]:+.3f}" for key in ("score", "kl_nats", "first_ratio", "value_loss"))
    print(f"\n{name} at its first step: {first}")
    display(fault_picture(run, healthy))

# %% [markdown]
# Set `diagnose` to a dict, `{"run_1": "…", …, "run_6": "…"}`, with names from the list or `"healthy"`. One point a run.

# %% answer="diagnose"
### BEGIN SOLUTION
diagnose = {
    "run_1": "dropout",  # clipped from the first step to the last and a first ratio that is not 1, but the KL begins at 0
    "run_2": "whitened_early",  # all looks well but the value loss, which begins and stays near 1/2
    "run_3": "kl_sign",  # the KL runs away, and rewards add up to more than the score
    "run_4": "healthy",
    "run_5": "rollout_temperature",  # the KL is not 0 before anything is learned
    "run_6": "pad_edge",  # the score never rises, and there is hardly anything for the values to learn
}
### END SOLUTION

# %% check="diagnose"
check("diagnose")
### BEGIN HIDDEN TESTS
check("diagnose", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## How far you are

# %%
progress()
