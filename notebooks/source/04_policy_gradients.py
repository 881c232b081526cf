# %% [markdown]
# # 04 Policy gradients: more of what went better than expected
#
# So far you learned values and acted on the best of them. Now you turn the policy itself, one gradient step at a time. It
# is this idea, and not Q-learning, that later teaches a language model your taste.
#
# **You will**
#
# - derive the policy gradient, and check it by hand on two levers;
# - write REINFORCE, and see what a baseline is worth;
# - write an actor-critic with generalised advantage estimation (GAE), and turn its one knob, λ.
#
# | | |
# | --- | --- |
# | **Time** | about 60 minutes, of which 2 are computing |
# | **Needs** | any laptop: CPU, 1 GB of memory, no network, no GPU |
# | **Before** | lessons 01 and 02 |
# | **Practice** | `exercises/04_policy_gradients.ipynb`: the graded work, when you are through here |
# | **Solution** | `solutions/04_policy_gradients.ipynb` in the repository, for afterwards |

# %%
import ipywidgets as W
import numpy as np
import torch

from rlhf_edu.core import budget, seed_everything
from rlhf_edu.envs import make_vec
from rlhf_edu.plots import COLOURS, Picture, curves, new_figure, watch
from rlhf_edu.plots.sliders import slide

seed_everything(0)
torch.set_num_threads(1)  # networks this small run faster on one core
print(f"torch {torch.__version__}, ready")

# %% [markdown]
# ## 1 Two levers
#
# Lever 0 pays 1, lever 1 pays 3. A **policy** is a chance for each, made from two numbers $\theta$ you may turn:
# $\pi = \text{softmax}(\theta)$. With $\theta = (0, 0)$ you pull each lever half of the time, and earn $J = 2$ on average.
#
# **Predict before you run.** Which way should $\theta_1$ move to earn more? And $\theta_0$?

# %%
theta = torch.zeros(2, requires_grad=True)
pay = torch.tensor([1.0, 3.0])
J = (theta.softmax(0) * pay).sum()
print(f"J = {J.item():.1f}   gradient of J: {torch.autograd.grad(J, theta)[0].tolist()}")

# %% [markdown]
# Up with $\theta_1$, down with $\theta_0$. But we cheated: we put `pay` into a formula and took its derivative. Nobody can
# take the derivative of a game, or of a person's taste. All you get is *pull, and see what you are paid*.
#
# The way out takes two lines. Write $\nabla \pi = \pi\, \nabla \log \pi$, and the gradient becomes an average over your
# own actions:
#
# $$\nabla J = \sum_a \nabla \pi(a)\, r(a) = \sum_a \pi(a)\, \nabla \log \pi(a)\, r(a) = \mathbb{E}_{a \sim \pi}\bigl[\,
# r\, \nabla \log \pi(a)\,\bigr]$$
#
# The reward is now just a number to multiply with. For a softmax, $\partial \log \pi(a) / \partial \theta_i = [i = a] -
# \pi_i$ ($[\dots]$ is 1 where it is true, else 0). **By hand:** what does a pull of lever 0 say about $\theta_1$? And a pull of lever 1?


# %%
def estimate(act, rew, pi):
    """One guess at the gradient of J for each pull: acts [N], rewards [N] -> [N, levers]."""
    return rew[:, None] * (torch.eye(len(pi))[act] - pi)


pi = theta.detach().softmax(0)
for lever in (0, 1):
    print(f"lever {lever}: {estimate(torch.tensor([lever]), pay[[lever]], pi)[0].tolist()}")

# %% [markdown]
# $1 \cdot (0 - \tfrac12) = -\tfrac12$, and $3 \cdot (1 - \tfrac12) = \tfrac32$: their mean is $\tfrac12$, the true
# gradient. Lever 0 tells you to pull lever 0 more often! It did pay, after all. Only on average is the estimate right:

# %%
act = torch.multinomial(pi, 10_000, replacement=True)
guesses = estimate(act, pay[act], pi)[:, 1]
print(f"10,000 pulls: mean {guesses.mean():.2f} (true 0.50), standard deviation of one {guesses.std():.2f}")

# %% [markdown]
# In code nobody writes that gradient down. One gives autograd a **loss** whose gradient it is, with the sign turned,
# because optimisers go downhill:
#
# $$L = -\operatorname{mean}\; r \log \pi(a)$$


# %%
def my_loss(logp, adv):
    """logp of the actions taken [B], and how good each was [B]."""
    return -(logp * adv).mean()


loss = my_loss(theta.log_softmax(0)[act], pay[act])
print("from the loss   ", (-torch.autograd.grad(loss, theta)[0]).numpy().round(3))
print("from the formula", estimate(act, pay[act], pi).mean(0).numpy().round(3))

# %% [markdown]
# The *value* of this loss means nothing: it can go up while the agent gets better. Watch the return instead.
#
# ## 2 A baseline
#
# Now compare each pay with what you expected, 2: lever 0 was a disappointment (−1), lever 1 a nice surprise (+1).
#
# **Predict.** What happens to the mean of the estimates, and what to their standard deviation?

# %%
for baseline in (0.0, 2.0):
    guesses = estimate(act, pay[act] - baseline, pi)[:, 1]
    print(f"baseline {baseline:.0f}: mean {guesses.mean():.2f}   standard deviation {guesses.std():.2f}")

# %% [markdown]
# The same mean, and no noise left at all: both levers now say $+\tfrac12$. That it keeps the mean is no luck. A baseline
# $b$ that does not look at the action adds nothing on average:
#
# $$\mathbb{E}\bigl[\, b\, \nabla \log \pi(a)\,\bigr] = b \sum_a \nabla \pi(a) = b\, \nabla 1 = 0$$
#
# **Play.** Real pay varies, so here it does, with standard deviation 1. Each estimate averages 16 pulls. Move the baseline;
# then raise all pay. Which baseline is best after the rise?

# %%
noise = torch.randn(2000 * 16)
pulls = torch.multinomial(pi, 2000 * 16, replacement=True)


def means_of_16(baseline, pay_rise):
    return estimate(pulls, pay[pulls] + noise + pay_rise - baseline, pi)[:, 1].view(2000, 16).mean(1)


print(f"no baseline {means_of_16(0, 0).std():.2f}   baseline 2 {means_of_16(2, 0).std():.2f} (standard deviation)")


# %%
def baseline_picture(baseline, pay_rise):
    means = means_of_16(baseline, pay_rise)
    figure, (ax,) = new_figure(width=6.2, height=2.4)
    ax.hist(means.numpy(), bins=np.linspace(-4, 5, 91), color=COLOURS[0])
    ax.axvline(0.5, color=COLOURS[1], linestyle="--")
    ax.set(xlabel="estimate of the gradient from 16 pulls (true: 0.5)", ylabel="how often, of 2000")
    wrong = (means < 0).float().mean()
    ax.set_title(f"standard deviation {means.std():.2f}; wrong direction {wrong:.0%}", fontsize=10)
    return Picture(figure, f"Histogram around 0.5, standard deviation {means.std():.2f}, {wrong:.0%} below zero")


slide(baseline_picture, baseline=(-4.0, 16.0, 0.0), pay_rise=(0.0, 10.0, 0.0))

# %% [markdown]
# A pay rise of 10 for both levers changes nothing about which is better. Without a baseline the noise grows fivefold, and
# more than a third of all estimates point the wrong way; with a baseline of 12 it is as if nothing had happened.
#
# ## 3 Many steps: returns
#
# In an episode an action can only be praised for what came **after** it. So its reward is replaced by the *return*, the
# discounted sum from there to the end of the episode:
#
# $$G_t = r_t + \gamma r_{t+1} + \gamma^2 r_{t+2} + \dots = r_t + \gamma\, G_{t+1}$$
#
# **Predict** the five returns, for $\gamma = \tfrac12$: rewards 0, 0, 4, then a new episode with rewards 0, 2.


# %%
def my_returns(rewards, ended, gamma, last):
    """All [T, E] but gamma; `last` is what was still to come where an episode stopped, 0 where it was over."""
    returns, after = torch.zeros_like(rewards), torch.zeros_like(rewards[0])
    for t in reversed(range(len(rewards))):
        after = rewards[t] + gamma * torch.where(ended[t], last[t], after)
        returns[t] = after
    return returns


rewards = torch.tensor([[0.0, 0, 4, 0, 2]]).T
ended = torch.tensor([[False, False, True, False, True]]).T
print(my_returns(rewards, ended, 0.5, last=0 * rewards).flatten().tolist())


# %%
def random_steps(seed, T=12, E=3):
    g = torch.Generator().manual_seed(seed)
    rewards, values, next_values = torch.randn(3, T, E, generator=g)
    ends = torch.rand(T, E, generator=g)
    return rewards, values, next_values, ends < 0.15, (ends > 0.15) & (ends < 0.30)  # terminated, truncated


print(f"of {12 * 3} random steps, {random_steps(0)[3].sum()} terminate and {random_steps(0)[4].sum()} are cut off")

# %%
from rlhf_edu.rl.returns import discounted_returns

for seed in range(20):
    rewards, values, last, terminated, truncated = random_steps(seed)
    ended = terminated | truncated
    torch.testing.assert_close(my_returns(rewards, ended, 0.9, last), discounted_returns(rewards, ended, 0.9, last))
print("20 random cases: my_returns equals the library's")

# %% [markdown]
# ## 4 REINFORCE
#
# That is all there is to the oldest policy gradient method (Williams 1992): act, compute returns, take one step on
# $-\operatorname{mean}\,(G_t - b)\log\pi(a_t|s_t)$, throw the data away, begin again.
#
# CartPole: a cart may be pushed left or right, each step that the pole stands pays 1, and after 500 steps it is over. Your
# `my_returns` does the work. The baseline is a second network, $b = V(s)$, that learns to predict the returns. Each rollout is
# 25 steps of 8 environments; where it stops in mid-episode, $V$ stands for the rest. (The library also divides by the standard
# deviation, so that the size of the pay does not set the size of a step; with a baseline it centres what is left as well.)
#
# **Predict.** The untrained agent stands for some 20 steps. After 40,000 steps of practice: 30, 100 or more?

# %%
from rlhf_edu.rl.nets import actor_critic
from rlhf_edu.rl.policy_gradient import ReinforceConfig, reinforce


def learner(seed, env="CartPole-v1", steps=budget(40_000, 1500), n_steps=25, **switches):
    """A fresh policy, and the run that will train it."""
    torch.manual_seed(seed)
    envs = make_vec(env, 8)
    policy = actor_critic(envs)
    config = ReinforceConfig(steps=steps, n_steps=n_steps, lr=2e-3, **switches)
    return policy, reinforce(policy, envs, config, rng=np.random.default_rng(seed), returns=my_returns)


policy, run = learner(seed=1)
run

# %%
history = watch(run, "ret").run()
print(f"return {history[5]['ret']:.0f} → {history[-1]['ret']:.0f} (one seed)")

# %% [markdown]
# **Look inside.** What does it do when the pole leans? How sure is it? Press play below, or move the slider.


# %%
@torch.no_grad()
def chances(obs):
    return policy.policy(torch.from_numpy(obs)).logits.softmax(-1).numpy()


upright, leaning = np.zeros((1, 4), np.float32), np.array([[0, 0, 0.1, 0]], np.float32)  # 0.1 rad to the right
print(
    f"chance of a push to the right: upright {chances(upright)[0, 1]:.2f}, leaning right {chances(leaning)[0, 1]:.2f}"
)

# %%
import gymnasium as gym

from rlhf_edu.plots.agents import film
from rlhf_edu.rl.play import greedy_policy

stage = gym.make("CartPole-v1", render_mode="rgb_array")
film(stage, greedy_policy(policy), chances, ("left", "right"), label="chance of a push", seed=3, max_steps=120, skip=2)

# %% [markdown]
# ## 5 Break it: no baseline
#
# Each step pays +1, so without a baseline *every* action is praised, the fatal one included. With one, `mean` compares with
# the mean return of the batch and `value` with $V(s)$.
#
# **Predict** the order of the three curves.

# %%
names = {"no baseline": "none", "mean": "mean", "value": "value"}
runs = {name: [learner(seed, baseline=kind)[1].run() for seed in range(budget(5, 2))] for name, kind in names.items()}
curves(runs, best=500, title="CartPole")

# %% [markdown]
# `value` is ahead, though the bands are wide. Part of what it wins is something else: where the 25 steps end in
# mid-episode, $V$ stands for what was still to come, while the others take that to be nothing. The next picture has no such
# excuse. A coin is shown, one of two actions earns +1, the other −1, and the episode is over. Then everybody gets a
# **pay rise of 10**:


# %%
def coin_game(rise):
    return lambda: gym.wrappers.TransformReward(gym.make("rlhf_edu/ProbeObservationAction-v0"), lambda r: r + rise)


def coin_run(seed, rise, baseline):
    history = learner(seed, coin_game(rise), budget(2000, 400), n_steps=4, baseline=baseline)[1].run()
    return [record | {"ret": record["ret"] - rise} for record in history]  # without the rise, to compare


print(f"untrained {coin_run(0, 10, 'mean')[0]['ret']:+.1f}   best possible +1.0")

# %%
runs = {
    f"{name}, +{rise}": [coin_run(seed, rise, names[name]) for seed in range(budget(5, 2))]
    for name, rise in (("no baseline", 0), ("no baseline", 10), ("mean", 10))
}
curves(runs, best=1, title="Coin game, without the rise")

# %% [markdown]
# The same game, the same best policy; without a baseline the rise alone slows learning down. **Switch it yourself:**

# %%
from rlhf_edu.widgets.live import Teach

baseline = W.Dropdown(options=names, description="baseline")
rise = W.IntSlider(0, 0, 20, description="pay rise")
display(baseline, rise)
Teach(lambda: coin_run(0, rise.value, baseline.value), keys=("ret", "entropy"), start="Train")

# %% [markdown]
# ## 6 A critic that speaks up at once
#
# A return must wait for the end, and carries the luck of every step until then. But if $V(s)$ says what is still to come,
# one step is enough to judge an action. Was it better than expected?
#
# $$\delta_t = r_t + \gamma V(s_{t+1}) - V(s_t)$$
#
# The policy is now the **actor**, $V$ the **critic**. The price is trust: while the critic is wrong, so is $\delta$. GAE
# (Schulman et al. 2016, eq. 16) mixes one step, two steps, three…:
#
# $$A_t = \delta_t + \gamma\lambda\, \delta_{t+1} + (\gamma\lambda)^2 \delta_{t+2} + \dots = \delta_t + \gamma\lambda\,
# A_{t+1}$$
#
# Two kinds of end must not be mixed up. Where the pole fell (**terminated**), nothing more was to come. Where only the clock
# ran out (**truncated**), there would have been: $V(s_{t+1})$ stays in. In both cases the sum stops.
#
# **Predict**, for one step with $r = 1$, $V(s) = 0$, $V(s') = 10$, $\gamma = \tfrac12$: $A$ if terminated? If truncated?


# %%
def my_gae(rewards, values, next_values, terminated, truncated, gamma=0.99, lam=0.95):
    """All [T, E]; next_values is V of the state each step truly led to."""
    advantages, after = torch.zeros_like(rewards), torch.zeros_like(rewards[0])
    delta = rewards + gamma * next_values * ~terminated - values
    for t in reversed(range(len(rewards))):
        after = delta[t] + gamma * lam * after * ~(terminated[t] | truncated[t])
        advantages[t] = after
    return advantages


one, yes, no = torch.ones(1, 1), torch.tensor([[True]]), torch.tensor([[False]])
for name, *ends in (("terminated", yes, no), ("truncated", no, yes)):
    print(f"{name}: A = {my_gae(one, 0 * one, 10 * one, *ends, gamma=0.5).item():.0f}")

# %%
from rlhf_edu.rl.returns import gae

for seed in range(20):
    steps = random_steps(seed)
    torch.testing.assert_close(my_gae(*steps), gae(*steps))
print("20 random cases: my_gae equals the library's")

# %%
for seed in range(20):
    rewards, values, next_values, terminated, truncated = random_steps(seed)
    ended = terminated | truncated
    ended[-1] = truncated[-1] = True  # so that every episode has its end
    next_values = torch.where(ended, next_values, values.roll(-1, 0))  # inside an episode: the next row
    returns = my_returns(rewards, ended, 0.99, next_values * ~terminated)
    by_gae = my_gae(rewards, values, next_values, terminated, truncated, lam=1.0)
    torch.testing.assert_close(by_gae, returns - values)
print("and with λ = 1 it is the return minus the value: REINFORCE with V as its baseline")

# %% [markdown]
# ### The knob
#
# A puzzle with ten steps: the first action decides whether the last reward is 0 or 1, and every step adds luck of standard
# deviation 0.3. The critic sees the effect coming bit by bit: with each step it notices a share `skill` of what it has not
# noticed yet. At 0 it is newborn, at 1 it knows all after one step.
#
# **Predict.** Which λ has the best signal for its noise at skill 0? At skill 1? **Then play.**

# %%
effect = (torch.arange(4000) % 2).float()  # what the first action of each episode will earn: 0 or 1
never = torch.zeros(10, 4000, dtype=torch.bool)
last = never.clone()
last[-1] = True
rewards = 0.3 * torch.randn(10, 4000) + last * effect


def signal_and_noise(skill, lam):
    noticed = 1 - (1 - skill) ** torch.arange(10.0)  # 0 at first: before the action nobody knows
    values = noticed[:, None] * effect
    next_values = torch.cat([values[1:], torch.zeros(1, 4000)])
    A = my_gae(rewards, values, next_values, last, never, gamma=1.0, lam=lam)[0]
    return (A[1::2].mean() - A[::2].mean()).item(), A[::2].std().item()


print("skill 0.3, λ = 0.9: signal {:.2f}, noise {:.2f}".format(*signal_and_noise(0.3, 0.9)))


# %%
def knob_picture(skill):
    lams = np.linspace(0, 1, 21)
    signal, sd = np.array([signal_and_noise(skill, float(lam)) for lam in lams]).T
    figure, (left, right) = new_figure(2, width=3.8, height=2.5)
    left.plot(lams, signal, color=COLOURS[0], label="signal (true: 1)")
    left.plot(lams, sd, "--", color=COLOURS[1], label="noise (standard deviation)")
    left.set(xlabel="λ", ylabel="advantage of the first action", ylim=(-0.1, 1.3))
    left.legend(frameon=False, fontsize=8)
    best = lams[(signal / sd).argmax()]
    right.plot(lams, signal / sd, color=COLOURS[3])
    right.set(xlabel="λ", ylabel="signal ÷ noise", title=f"best λ: {best:.2f}")
    return Picture(figure, f"At skill {skill:.2f} signal over noise is highest at λ = {best:.2f}")


slide(knob_picture, skill=(0.0, 1.0, 0.3))

# %% [markdown]
# At skill 0, λ = 1 is best: only there does the whole effect arrive (at 0.9 it is $0.9^9 \approx 0.39$ of it, at 0.5 nearly nothing).
# At skill 1, λ = 0 is best; in between, something in between. Critics that learn are slow
# to notice: hence the λ of 0.9 or 0.95 that most people start from.
#
# ## 7 Actor and critic together
#
# **A2C** updates every few steps, here 16, with your `my_gae`. **Predict**, before the runs: λ = 0, 0.9, 1. Remember how
# much the critic knows at the start.

# %%
from rlhf_edu.rl.policy_gradient import A2CConfig, a2c


def actor_critic_run(seed, lam):
    torch.manual_seed(seed)
    envs = make_vec("CartPole-v1", 8)
    config = A2CConfig(steps=budget(40_000, 1500), n_steps=16, lr=2e-3, lam=lam)
    return a2c(actor_critic(envs), envs, config, rng=np.random.default_rng(seed), advantages=my_gae)


actor_critic_run(seed=0, lam=0.9)

# %%
runs = {f"λ = {lam:g}": [actor_critic_run(seed, lam).run() for seed in range(budget(5, 2))] for lam in (0.0, 0.9, 1.0)}
curves(runs, best=500, title="A2C on CartPole")

# %% [markdown]
# λ = 0 believes a critic that knows nothing, and stays there: the actor hardly improves, so the critic hardly sees better
# play. The other two climb, and five seeds do not tell them apart. One seed would have told you any story you like.
#
# The curves shake, too: one large step on one unlucky batch can undo a lot. Lesson 05 puts an end to that.
#
# ## Your turn
#
# | | task | minutes | difficulty |
# | --- | --- | --- | --- |
# | 1 | **Steps.** Call `learner` with `n_steps=100`, then 400. Why is the curve calmer, and why slower? | 8 | ● |
# | 2 | **The best constant.** For the two levers with $\pi = (0.9, 0.1)$, find by brute force the $b$ with the least variance. It is *not* the mean pay: why? | 10 | ●● |
# | 3 | **An illegal baseline.** Subtract a $b$ that depends on the action, $b = r$ say. What does the agent learn? | 8 | ● |
# | 4 | **Entropy.** Add `entropy_weight=0.01`, then 1. Predict the entropy curve first. | 10 | ●● |
#
# The graded work is in `exercises/04_policy_gradients.ipynb`.
#
# ## What to remember
#
# 1. $\nabla J = \mathbb{E}[A\, \nabla\log\pi(a|s)]$: no derivative of the reward is needed, so anything can be a reward.
# 2. A baseline that does not look at the action changes no mean, only noise. Use one, always.
# 3. A critic's word comes sooner than a return, and is worth what the critic is worth. λ says how far you trust it.
# 4. Terminated: nothing more to come. Truncated: $V$ stays in. Neither lets advantages pass.
# 5. The loss means nothing by itself; watch the return, over several seeds.
#
# ## Sources
#
# - R. J. Williams (1992), *Simple statistical gradient-following algorithms for connectionist reinforcement learning*.
# - R. Sutton et al. (2000), *Policy gradient methods for reinforcement learning with function approximation*.
# - V. Mnih et al. (2016), *Asynchronous methods for deep reinforcement learning*: A2C's parent.
# - J. Schulman et al. (2016), *High-dimensional continuous control using generalized advantage estimation*: eq. 11, 16.
# - R. Sutton and A. Barto (2018), *Reinforcement Learning: An Introduction*, chapter 13.
