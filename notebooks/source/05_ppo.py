# %% [markdown]
# # 05 PPO: many careful steps on the same data
#
# Lesson 04 threw its data away after a single step, and still one bad step could ruin everything. PPO takes dozens of steps
# on the same data, safely. It balances poles, and it is how language models are taught from human feedback.
#
# **You will**
#
# - write the clipped loss, and see on which side it lets go;
# - read an agent's vital signs: KL, clip fraction, explained variance;
# - break PPO twice, and tell from the signs what happened.
#
# | | |
# | --- | --- |
# | **Time** | about 60 minutes, of which 3 are computing |
# | **Needs** | any laptop: CPU, 1 GB of memory, no network, no GPU |
# | **Before** | lesson 04 |
# | **Practice** | `exercises/05_ppo.ipynb`: the graded work, when you are through here |
# | **Solution** | `solutions/05_ppo.ipynb` in the repository, for afterwards |

# %%
import gymnasium as gym
import ipywidgets as W
import numpy as np
import torch

from rlhf_edu.core import budget, seed_everything
from rlhf_edu.envs import make_vec
from rlhf_edu.plots import COLOURS, Picture, curves, new_figure, play, watch
from rlhf_edu.plots.agents import film
from rlhf_edu.plots.sliders import slide
from rlhf_edu.rl.nets import actor_critic
from rlhf_edu.rl.play import episode_returns, greedy_actions, greedy_policy
from rlhf_edu.rl.ppo import PPOConfig, ppo
from rlhf_edu.rl.returns import gae
from rlhf_edu.rl.rollout import rollouts
from rlhf_edu.rl.stepping import Stepper

seed_everything(0)
torch.set_num_threads(1)  # networks this small run faster on one core
print(f"torch {torch.__version__}, ready")

# %% [markdown]
# ## 1 A step too far
#
# Two levers, both worth the same. You pull eight times with a fair policy, and by luck lever 1 does a little better. The true
# gradient is zero; the estimate is not.
#
# **Predict before you run.** Someone takes not one but a hundred gradient steps on those eight pulls. Where does the chance
# of lever 1 end?

# %%
act = torch.tensor([0, 0, 0, 0, 1, 1, 1, 1])
adv = torch.tensor([-1.2, 0.8, -0.9, 0.5, 1.1, -0.7, 0.9, -0.5])  # mean -0.2 for lever 0, +0.2 for lever 1


def chance_after(loss_of, steps, lr=1.0):
    """The chance of lever 1 after so many gradient steps on the same eight pulls."""
    theta = torch.zeros(2, requires_grad=True)
    logp_old = theta.detach().log_softmax(0)[act]
    for _ in range(steps):
        loss = loss_of(theta.log_softmax(0)[act], logp_old, adv)
        theta.data -= lr * torch.autograd.grad(loss, theta)[0]
    return theta.detach().softmax(0)[1].item()


def plain(logp, logp_old, adv):
    return -(torch.exp(logp - logp_old) * adv).mean()


print("  ".join(f"{steps} steps: {chance_after(plain, steps):.2f}" for steps in (0, 1, 10, 100)))

# %% [markdown]
# Near certainty, from eight pulls that said almost nothing. The estimate was about the policy that *acted*; the further the
# policy moves, the less the data knows about it.
#
# ## 2 The clip
#
# How far has it moved? For each action taken, the **ratio** says how much likelier it is now than when it was taken:
#
# $$\rho = \frac{\pi(a|s)}{\pi_\text{old}(a|s)} = e^{\log\pi(a|s) - \log\pi_\text{old}(a|s)}$$
#
# PPO (Schulman et al. 2017, eq. 7) maximises $\rho A$, but stops paying once the ratio has moved by $\varepsilon$:
#
# $$L = -\operatorname{mean}\, \min\bigl(\rho A,\; \text{clip}(\rho, 1 - \varepsilon, 1 + \varepsilon)\, A\bigr)$$
#
# **By hand**, $\varepsilon = 0.2$: what is the minimum for $\rho = 1.5$ and $A = 1$? For $\rho = 1.5$ and $A = -1$? For
# $\rho = 0.5$ and $A = 1$; $A = -1$? In which of the four does nothing pull any more?


# %%
def my_policy_loss(logp, logp_old, adv, clip=0.2):
    ratio = torch.exp(logp - logp_old)
    return -torch.minimum(ratio * adv, ratio.clamp(1 - clip, 1 + clip) * adv).mean()


print(f"loss for ρ = 1.5, A = 1: {my_policy_loss(torch.tensor([1.5]).log(), torch.zeros(1), torch.ones(1)):.1f}")

# %%
for ratio in (1.5, 0.5):
    for A in (1.0, -1.0):
        logp = torch.tensor([ratio]).log().requires_grad_(True)
        loss = my_policy_loss(logp, torch.zeros(1), torch.tensor([A]))
        loss.backward()
        print(f"ρ = {ratio}, A = {A:+.0f}: minimum {-loss.item():+.1f}   slope in log π {0.0 - logp.grad.item():+.1f}")

# %% [markdown]
# Two of the four are let go: a good action that is already likelier, and a bad one that is already rarer. The other two went
# the *wrong* way, and are pulled back at full strength. That is what the minimum is for.

# %%
from rlhf_edu.rl.losses import clipped_policy_loss

for seed in range(20):
    logp, logp_old, adv_random = 0.4 * torch.randn(3, 50, generator=torch.Generator().manual_seed(seed))
    expected = clipped_policy_loss(logp, logp_old, adv_random, 0.2)
    torch.testing.assert_close(my_policy_loss(logp, logp_old, adv_random), expected)
print("20 random batches: my_policy_loss equals the library's")

# %% [markdown]
# **Play.** The objective of one action by its ratio, and its slope in $\rho$. Move $\varepsilon$. On which side of 1 is it flat when
# $A$ is positive?


# %%
def clip_picture(eps, A):
    rho = torch.linspace(0.2, 1.8, 321, requires_grad=True)
    objective = torch.minimum(rho * A, rho.clamp(1 - eps, 1 + eps) * A)
    slope = torch.autograd.grad(objective.sum(), rho)[0]
    figure, axes = new_figure(2, width=3.8, height=2.4)
    for ax, y, name in zip(axes, (objective.detach(), slope), ("objective", "slope"), strict=True):
        ax.plot(rho.detach(), y, color=COLOURS[0])
        ax.axvline(1, color="0.7", linestyle=":")
        ax.set(xlabel="ratio ρ (no unit)", ylabel=name)
    where = f"above {1 + eps:.2f}" if A > 0 else f"below {1 - eps:.2f}"
    return Picture(figure, f"Objective of one action for A = {A:+.1f}: flat {where}")


slide(clip_picture, eps=(0.05, 0.75, 0.2), A=W.ToggleButtons(options=[1.0, -1.0], description="A"))

# %% [markdown]
# Back to the eight pulls. **Predict** the chance of lever 1 after 99 and after a hundred steps with the clip.

# %%
for eps in (0.1, 0.2, 0.4):
    late = [chance_after(lambda *a, eps=eps: my_policy_loss(*a, clip=eps), steps) for steps in (99, 100)]
    print(f"ε = {eps}: {late[0]:.2f}, then {late[1]:.2f}   the line: {0.5 * (1 + eps):.2f}")

# %% [markdown]
# It no longer runs away: it swings around $0.5\,(1 + \varepsilon)$. The step on which it crosses the line still counts in full, so the
# clip is no wall; past the line the good pulls of lever 1 fall silent, and its bad ones pull back. The clip does not forbid large
# steps, it stops *asking* for them.
#
# ## 3 Vital signs
#
# Three numbers tell you how an update went.
#
# - **KL** in nats: how different are the new and the old policy? From the actions taken, $\text{mean}\,(\rho - 1 - \log
#   \rho)$, which is never negative (Schulman 2020). Healthy: about 0.001 to 0.02 an update.
# - **Clip fraction**: the share of ratios beyond $1 \pm \varepsilon$. Healthy: below about 0.3. On the first step 0.
# - **Explained variance**: $1 - \text{Var}(G - V) / \text{Var}(G)$. 1: the critic knows; 0: it only knows the mean; below
#   0: worse than that.
#
# **Predict** the explained variance of a critic that is right except for being 10 too high, everywhere.


# %%
def my_signs(logp, logp_old, values, returns, clip=0.2):
    log_ratio = logp - logp_old
    kl = (log_ratio.exp() - 1 - log_ratio).mean()
    clip_fraction = ((log_ratio.exp() - 1).abs() > clip).float().mean()
    explained_variance = 1 - (returns - values).var() / returns.var()
    return kl, clip_fraction, explained_variance


# %%
returns, same = torch.randn(1000), torch.zeros(1000)
for name, values in {
    "perfect": returns,
    "10 too high": returns + 10,
    "knows nothing": same,
    "upside down": -returns,
}.items():
    print(f"{name:<15} explained variance {my_signs(same, same, values, returns)[2]:+.2f}")

# %% [markdown]
# 1.00: a constant error is invisible to it. (It is harmless only to returns that run to the end, λ = 1: **whitening** the advantages,
# to mean 0 and standard deviation 1, takes it off again. With λ < 1 it grows towards the end of an episode.) Now the KL, against the
# sum it estimates, $\sum_a \pi_\text{old}(a)\,(\log \pi_\text{old}(a) - \log \pi(a))$:

# %%
old = torch.tensor([0.5, 0.3, 0.2]).log()
new = torch.tensor([0.4, 0.3, 0.3]).log()
taken = torch.multinomial(old.exp(), 50_000, replacement=True)
exact = (old.exp() * (old - new)).sum()
estimated = my_signs(new[taken], old[taken], taken.float(), taken.float())[0]
print(f"exact KL {exact:.4f} nats   from 50,000 actions {estimated:.4f}")

# %% [markdown]
# ## 4 The whole of PPO
#
# Act, note the log-probs; compute advantages with GAE; then several passes over shuffled batches. That is all:


# %%
def my_update(policy, optimizer, r, epochs=10, batch_size=128):
    adv = gae(r.rew, r.val, r.next_val, r.terminated, r.truncated, gamma=0.99, lam=0.95)
    returns, adv = (adv + r.val).flatten(), adv.flatten()  # the critic learns true returns: whiten only afterwards
    obs, act, logp_old = r.obs.flatten(0, 1), r.act.flatten(), r.logp.flatten()
    ratios = []
    for _ in range(epochs):
        for batch in torch.randperm(len(obs)).split(batch_size):
            logp, white = policy.policy(obs[batch]).logp(act[batch]), adv[batch]
            white = (white - white.mean()) / (white.std() + 1e-8)
            loss = my_policy_loss(logp, logp_old[batch], white)
            loss = loss + 0.25 * ((policy.value(obs[batch]) - returns[batch]) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            ratios.append((logp - logp_old[batch]).exp().detach())
    return ratios


# %% [markdown]
# **The best bug detector there is.** Before the first step, policy and old policy are the same. So the first batch has
# ratios of exactly 1, whatever the game. If yours has not, stop and look for the bug.

# %%
policy = actor_critic(make_vec("CartPole-v1", 8))
optimizer = torch.optim.Adam(policy.parameters(), lr=1e-3)
experience = next(rollouts(policy, Stepper(make_vec("CartPole-v1", 8), seed=0), n_steps=128))
ratios = my_update(policy, optimizer, experience)
for i in (0, 1, len(ratios) - 1):
    print(f"batch {i + 1:>2} of {len(ratios)}: ratios from {ratios[i].min():.4f} to {ratios[i].max():.4f}")

# %% [markdown]
# The library's `ppo` is this loop, with a limit on the gradient's norm, and with the learning rate and ε shrinking to 0. It
# takes your `my_policy_loss`. **Predict.** Lesson 04 needed 40,000 steps for a return of some hundreds, if it got there.
# PPO, on 50,000?


# %%
def balance(seed, steps=budget(50_000, 2048), epochs=10, **functions):
    torch.manual_seed(seed)
    policy = actor_critic(envs := make_vec("CartPole-v1", 8))
    config = PPOConfig(steps=steps, n_steps=128, epochs=epochs, batch_size=128)
    return policy, ppo(policy, envs, config, rng=np.random.default_rng(seed), **functions)


balance(seed=0)[1]

# %%
policy, run = balance(seed=0, policy_loss=my_policy_loss)
history = watch(run, "ret", "kl").run()
greedy = episode_returns(greedy_actions(policy), make_vec("CartPole-v1", 10), episodes=budget(100, 10))
print(f"without exploring: {greedy.mean():.0f} ± {greedy.std():.0f} over {len(greedy)} episodes (one seed)")

# %% [markdown]
# ### Read the signs

# %%
from rlhf_edu.plots.curves import NAMES


def signs_picture(history, keys=("entropy", "clip_fraction", "explained_variance")):
    figure, axes = new_figure(3, width=3.2, height=2.4)
    for ax, key, colour in zip(axes, keys, COLOURS, strict=False):
        ax.plot([r["step"] for r in history], [r[key] for r in history], color=colour)
        ax.set(xlabel="environment steps", ylabel=NAMES.get(key, key))
    last = ", ".join(f"{key} {history[-1][key]:.2f}" for key in keys)
    return Picture(figure, f"Vital signs over {history[-1]['step']} steps; at the end: {last}")


signs_picture(history)

# %% [markdown]
# The entropy falls from $\log 2 = 0.69$: the policy makes up its mind. The explained variance climbs, and then *falls* again.
# Is the critic getting worse? No: when the pole never falls, all returns are alike, and there is hardly any variance left to
# explain. Read a ratio together with what it is divided by.
#
# Is that good? Against Stable-Baselines3 2.9 with its tuned settings, ours at 32 steps a rollout, 20 passes, γ = 0.98, λ = 0.8 and
# 100,000 steps (five seeds, median and interquartile range, one thread, 2026-11-24, two shared cores), until 100 greedy episodes average 475:
#
# | | environment steps | seconds of training | return at the end |
# | --- | --- | --- | --- |
# | this library | 20,224 (15,104 to 20,224) | 2.9 (2.8 to 3.4) | 500 ± 0, all five |
# | Stable-Baselines3 | 20,000 (15,000 to 25,000) | 5.2 (3.8 to 6.0) | stopped there |
#
# Pendulum, where actions are numbers: −174 (−194 to −173) after 100,000 steps; our bar was −200 (Gymnasium sets none).
#
# **Look inside.** The critic's $V$ beside the pole, discounted with $\gamma = 0.99$. What could it be at most?


# %%
@torch.no_grad()
def value_of(obs):
    return policy.value(torch.from_numpy(obs)).numpy()[:, None]


stage = gym.make("CartPole-v1", render_mode="rgb_array")
film(stage, greedy_policy(policy), value_of, ("V(s)",), label="return still to come", seed=3, max_steps=120, skip=2)

# %% [markdown]
# At most $1 + 0.99 + 0.99^2 + \dots = 100$. Episodes end at 500 steps by the clock, but the critic does not take that for an
# end, as we are about to see.
#
# ## 5 Break it: no clip
#
# The same ten passes over each rollout, with `plain` in place of the clipped loss. **Predict** the KL, and the return.

# %%
losses = {"clipped": my_policy_loss, "no clip": lambda logp, logp_old, adv, clip: plain(logp, logp_old, adv)}
runs = {name: [balance(seed, policy_loss=f)[1].run() for seed in range(budget(3, 2))] for name, f in losses.items()}
curves(runs, best=500, title="CartPole")

# %%
curves(runs, "kl", title="How far each update went")

# %% [markdown]
# Faster at first, then the fall: one of those updates moved the policy by half a nat and more, where the clipped ones moved it by
# a hundredth. It recovers only as the learning rate shrinks. Had you looked at the first 10,000 steps alone, you would have
# thrown the clip away.
#
# ## 6 Break it: truncation treated as termination
#
# You stand in the rain, up to eight steps from home (each episode starts at a random place). Waiting costs 1 a step, walking through the mud costs 2, and it will rain for
# ever. For practice, episodes are cut off after 10 steps: a *time limit*, no part of the problem.
#
# **By hand**, $\gamma = 0.95$: what does waiting for ever cost? And walking home, eight steps at 2?


# %%
class Rain(gym.Env):
    observation_space = gym.spaces.Box(0, 1, (9,), np.float32)  # which of nine places; the last is home
    action_space = gym.spaces.Discrete(2)  # wait, walk

    def look(self):
        return np.eye(9, dtype=np.float32)[self.place]

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.place = int(self.np_random.integers(8))
        return self.look(), {}

    def step(self, act):
        self.place += int(act)
        return self.look(), -2.0 if act else -1.0, self.place == 8, False, {}


walk_home = [-2 * (1 - 0.95**n) / 0.05 for n in range(8, 0, -1)]  # from each place
print(f"waiting {-1 / 0.05:.1f}   walking home {walk_home[0]:.1f}")

# %% [markdown]
# Walking is better. Now someone writes, in perfect innocence, `done = terminated | truncated`, and sets the value after
# *done* to 0. **Predict** what this agent believes about waiting, and what it does.


# %%
def one_kind_of_end(rewards, values, next_values, terminated, truncated, gamma, lam):
    done = terminated | truncated
    return gae(rewards, values, next_values, done, done, gamma, lam)


def rain(seed, advantages):
    torch.manual_seed(seed)
    envs = make_vec(lambda: gym.wrappers.TimeLimit(Rain(), 10), 8)
    policy = actor_critic(envs, (32,))
    config = PPOConfig(budget(30_000, 2048), 64, 6, 128, gamma=0.95, lr=3e-3, entropy_weight=0.02)
    return policy, ppo(policy, envs, config, rng=np.random.default_rng(seed), advantages=advantages)


rain(0, one_kind_of_end)[1]

# %%
places, agents = torch.eye(9)[:8], {"right": gae, "broken": one_kind_of_end}
beliefs = {name: [] for name in agents}
for name, advantages in agents.items():
    for seed in range(budget(3, 2)):
        policy, run = rain(seed, advantages)
        ret = run.run()[-1]["ret"]
        with torch.no_grad():
            beliefs[name].append(policy.value(places).numpy())
            walks = (policy.policy(places).mode() == 1).int().tolist()
        print(f"{name:<7} seed {seed}: return {ret:6.1f}   walks from place 0…7: {walks}")


# %%
def belief_picture():
    figure, (ax,) = new_figure(width=6.0, height=2.8)
    ax.plot(walk_home, color="0.2", linewidth=1, label="exact, walking home")
    for name, colour, style in zip(beliefs, COLOURS, ("o-", "s--"), strict=False):
        mean = np.mean(beliefs[name], axis=0)
        ax.plot(mean, style, color=colour, label=f"{name} (mean of {len(beliefs[name])} seeds)")
        ax.fill_between(range(8), np.min(beliefs[name], 0), np.max(beliefs[name], 0), color=colour, alpha=0.2)
    ax.set(xlabel="place (home is 8)", ylabel="V (return still to come)")
    ax.legend(frameon=False, fontsize=8)
    return Picture(figure, f"V at place 0: exact {walk_home[0]:.1f}, broken {np.mean(beliefs['broken'], 0)[0]:.1f}")


belief_picture()

# %% [markdown]
# The broken agent believes that the rain stops when the clock runs out. So, far from home, it mostly waits, and within its ten steps
# it earns no less than the one who walks: **the return does not give this bug away.** A value that you can work out by hand does; that is
# why lesson 03's ladder of probes has a rung for it.
#
# **Switch it yourself** on CartPole, one seed:

# %%
from rlhf_edu.widgets.live import Teach

clip = W.Checkbox(True, description="clip the ratio")
ends = W.Checkbox(True, description="tell truncated from terminated", layout={"width": "400px"})
display(clip, ends)


def experiment():
    loss = losses["clipped" if clip.value else "no clip"]
    yield from balance(0, policy_loss=loss, advantages=gae if ends.value else one_kind_of_end)[1]


Teach(experiment, keys=("ret", "kl", "explained_variance"), total=budget(49, 2), start="Train")

# %% [markdown]
# ## 7 Any action you can score
#
# Nothing in PPO asked how many actions there are. For a motor, the policy is a bell curve: the network gives its mean, and
# $\log\pi(a)$ is that of a normal distribution. **Predict** the return. In Pendulum a motor too weak to lift a rod must swing it up. Up and
# still earns 0 a step, hanging about −10; there are 200 steps.

# %%
torch.manual_seed(0)
envs = make_vec("Pendulum-v1", 8)
swinger = actor_critic(envs)
config = PPOConfig(budget(100_000, 4096), n_steps=256, batch_size=128, gamma=0.9)
history = watch(ppo(swinger, envs, config, rng=np.random.default_rng(0)), "ret", "entropy").run()
greedy = episode_returns(greedy_actions(swinger), make_vec("Pendulum-v1", 10), episodes=budget(100, 10))
print(f"without exploring: {greedy.mean():.0f} ± {greedy.std():.0f} over {len(greedy)} episodes (one seed)")

# %%
play(gym.make("Pendulum-v1", render_mode="rgb_array"), greedy_policy(swinger), seed=1, max_steps=120, skip=2, width=220)

# %% [markdown]
# From about −1,300 to about −200: it swings the rod up, and keeps it there.
#
# ## Your turn
#
# | | task | minutes | difficulty |
# | --- | --- | --- | --- |
# | 1 | **Epochs.** Train `balance` with 1, 10 and 40 epochs. Draw the clip fraction. Where do the extra steps stop helping? | 8 | ● |
# | 2 | **Wrong order.** Write `advantages` that whitens what `gae` gives. Do the signs show that the critic now learns nonsense? Compare $V$ at the start with the most it could be, 100. | 10 | ●● |
# | 3 | **Your own agent.** Call `my_update` on 40 rollouts in a row. How does it compare with the library's? | 12 | ●● |
# | 4 | **Stop early.** Give up the clip; leave the loop over epochs once the KL passes 0.01. Does it work as well? | 15 | ●●● |
#
# The graded work is in `exercises/05_ppo.ipynb`, with a bug hunt.
#
# ## What to remember
#
# 1. Data knows about the policy that made it. The ratio says how far you have moved since.
# 2. The clip stops asking for more; it never stops pulling back what went the wrong way.
# 3. First batch: ratio 1, clip fraction 0, KL 0. Always look there first.
# 4. Explained variance is a ratio: when returns are all alike, it means little.
# 5. A time limit is not the end of the world. The return may never tell you that you mixed up the two ends.
#
# ## Sources
#
# - J. Schulman et al. (2017), *Proximal policy optimization algorithms*: eq. 7, algorithm 1.
# - J. Schulman et al. (2016), *High-dimensional continuous control using generalized advantage estimation*.
# - J. Schulman (2020), *Approximating KL divergence*: the estimator that is never negative.
# - F. Pardo et al. (2018), *Time limits in reinforcement learning*: truncation and termination.
# - M. Andrychowicz et al. (2021), *What matters for on-policy deep actor-critic methods?*
# - S. Huang et al. (2022), *The 37 implementation details of proximal policy optimization*.
