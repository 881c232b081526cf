# %% [markdown]
# # 11 Inverse reinforcement learning: which reward explains what somebody does?
#
# Until now a reward came first and behaviour followed. Here you only watch somebody walk, and work out what they want.
#
# **You will**
#
# - recover what mud, flowers and a goal are worth to a walker, in ten lines, and prove the lines right;
# - say what behaviour cannot tell about a reward, and measure it;
# - play the game behind GAIL and AIRL without sampling, and see why an episode's end must have a value.
#
# | | |
# | --- | --- |
# | **Time** | about 45 minutes, of which 1 is computing |
# | **Needs** | any laptop: CPU, 0.4 GB of memory, no network |
# | **Before** | lesson 01; lesson 10 helps |
# | **Practice** | `exercises/11_inverse_rl.ipynb`: the graded work, when you are through here |
# | **Solution** | `solutions/11_inverse_rl.ipynb` in the repository, for afterwards |

# %%
from itertools import pairwise

import ipywidgets as W
import numpy as np

from rlhf_edu.core import budget
from rlhf_edu.envs import GridWorld
from rlhf_edu.plots import curves, play, value_map
from rlhf_edu.reward import irl
from rlhf_edu.rl.planning import Model, PlanningConfig, exact_values, greedy, model_of, q_values, value_iteration
from rlhf_edu.widgets.follow import follow

SEEDS = range(budget(full=3, fast=1))
GAMMA = 0.95
print(f"{len(SEEDS)} seeds where demonstrations are drawn; nearly everything else here is exact")

# %% [markdown]
# ## 1 A fork
#
# A neighbour comes to a fork every morning. Of 40 mornings, she went left 30 times. Which reward explains that? Not "left
# is better": then she would go left always. We need a rule for people who prefer, but not always:
#
# $$\pi(a) = \frac{e^{r(a)}}{\sum_b e^{r(b)}}$$
#
# Among all rules that earn the same on average, this is the most random one (**maximum entropy**): it assumes nothing
# that was not seen. **Predict**: if the right way is worth 0, what is the left way worth?

# %%
r = np.array([0.0, 0.0])
for _ in range(200):
    pi = np.exp(r) / np.exp(r).sum()
    r += 0.5 * (np.array([0.75, 0.25]) - pi)  # what she does, minus what this reward would make her do
print(f"rewards {r.round(3)}, difference {r[0] - r[1]:.3f}, log 3 = {np.log(3):.3f}")
print("5 more on both:", (np.exp(r + 5) / np.exp(r + 5).sum()).round(3))

# %% [markdown]
# By hand: $e^{r_l - r_r} = 30/10$, so the difference is $\log 3 = 1.10$. You know this formula: it is Bradley and Terry's,
# which turned comparisons into scores. You see a first limit: only the *difference* can be known.
#
# The line in the loop is all there is to this lesson: **what the expert does, minus what your reward would make an agent
# do.** What is missing is somebody who looks more than one step ahead.
#
# ## 2 Somebody who plans
#
# Value iteration with a soft maximum in place of the hard one (Ziebart, 2010):
#
# $$Q(s, a) = r(s, a) + \gamma \sum_{s'} P(s' \mid s, a)\, V(s') \qquad V(s) = \log \sum_a e^{Q(s, a)} \qquad
# \pi(a \mid s) = e^{Q(s, a) - V(s)}$$
#
# Rewards are measured in **nats** now: 1 more makes an action $e$ times as likely. As in lesson 01, `reach` is 0 where
# a step ends the episode.


# %%
def my_soft_sweep(v, reward, reach, gamma):
    q = reward + gamma * reach @ v
    top = q.max(axis=1, keepdims=True)  # taken out, so that exp cannot overflow
    return (top + np.log(np.exp(q - top).sum(axis=1, keepdims=True)))[:, 0]


print("two actions worth 1 and 1:", my_soft_sweep(np.zeros(1), np.ones((1, 2)), np.zeros((1, 2, 1)), 0.9).round(3))

# %% [markdown]
# 1.693 is $1 + \log 2$: having a choice is itself worth something here. Is it right? **By brute force.** In a small tree, with
# $\gamma = 1$, a whole path should have a probability in proportion to $e^{\text{its reward}}$. There are four paths; list them.

# %%
tree = {s: {a: [(1.0, min(2 * s + 1 + a, 6), 0.0, s > 0)] for a in (0, 1)} for s in range(7)}
reach = irl.world_of(tree, [0]).reach
for seed in range(20):
    reward, v = np.random.default_rng(seed).normal(size=(7, 2)), np.zeros(7)
    for _ in range(3):
        v = my_soft_sweep(v, reward, reach, 1.0)
    pi = np.exp(reward + reach @ v - v[:, None])
    paths = [(reward[0, a] + reward[1 + a, b], pi[0, a] * pi[1 + a, b]) for a in (0, 1) for b in (0, 1)]
    z = sum(np.exp(total) for total, _ in paths)
    np.testing.assert_allclose([chance for _, chance in paths], [np.exp(total) / z for total, _ in paths])
print("20 trees of 4 paths: each has the probability exp(reward) / sum of exp(reward)")

# %% [markdown]
# ## 3 A town to watch
#
# A town with walls `#`, mud `m` (brown), flowers `f` (yellow) and the goal `G` (green), where a step slips sideways one time in ten. Our walker pays 2
# a step, 3 more for stepping into mud, gets 1 for flowers and 6 for the goal. Remember these numbers, and forget them: the
# learner will only see the walking.

# %%
TOWN = ("S..m..G", ".#.m.#.", "..fm...", ".#...#.", "...m...")
PAYS = dict(slip=0.1, step_reward=-2.0, rewards={"m": -3.0, "f": 1.0, "G": 6.0})
env = GridWorld(TOWN, render_mode="rgb_array", **PAYS)
world, true = irl.world_of(env.P, env.starts), model_of(env).reward
_, expert = irl.soft_value_iteration(world, true, GAMMA)
dice = np.random.default_rng(3)
play(env, lambda obs: dice.choice(4, p=expert[obs]), seed=3, max_steps=60)

# %% [markdown]
# She is a person, not a planner: she wanders a little, since small differences do not matter much to her. So there are
# *two* ceilings. **Predict** which is higher: what she earns, or what the best policy for her reward would earn?


# %%
def best_for(reward, reach=world.reach, gamma=GAMMA):
    v, model = np.zeros(len(reward)), Model(reach, reward)
    value_iteration(v, model, PlanningConfig(gamma=gamma, tolerance=1e-6)).run()
    return greedy(q_values(model, v, gamma))


def earns(policy, env=env):
    return exact_values(env, policy, GAMMA)[env.starts].mean()  # in the true reward


for name, policy in {"at random": np.full((35, 4), 0.25), "the walker": expert, "the best": best_for(true)}.items():
    print(f"{name:<11} {earns(policy):7.2f}")

# %% [markdown]
# An imitator can reach −17.05. Who knows what she *wants* can reach −10.39. That is the promise of inverse reinforcement
# learning: to do better than the one you learn from. −10.39 is the ceiling to read everything below against.
#
# ## 4 Where somebody spends time
#
# The **occupancy** $\rho(s, a) = \sum_t \gamma^t\, P(s_t = s, a_t = a)$ says how often a policy does what, later times counting less.
# A policy earns $\sum \rho(s, a)\, r(s, a)$, so nothing else about it matters to a reward.


# %%
def my_occupancy(policy, reach, starts, gamma, steps=500):
    rho, here = np.zeros(policy.shape), starts
    for t in range(steps):
        now = here[:, None] * policy  # how likely each pair is at time t
        rho += gamma**t * now
        here = np.einsum("sa,sat->t", now, reach)
    return rho


rho = my_occupancy(expert, world.reach, world.starts, GAMMA)
np.testing.assert_allclose(rho, irl.occupancy(world, expert, GAMMA), atol=1e-9)
print(f"all together {rho.sum():.2f}, never more than {1 / (1 - GAMMA):.0f}; Σ ρ r = {(rho * true).sum():.2f}")
value_map(rho.sum(1), env, title="time spent by the walker (discounted steps)")

# %% [markdown]
# ## 5 Maximum entropy IRL
#
# Let the reward be a weighted sum of features, $r_\theta(s, a) = \theta \cdot \phi(s, a)$; ours say what kind of ground the
# step lands on. How likely is what was seen? The gradient of its log-likelihood is as simple as at the fork (Ziebart et
# al., 2008, eq. 6):
#
# $$\nabla \ell(\theta) = \sum_{s,a} \bigl[\rho_E(s, a) - \rho_\theta(s, a)\bigr]\, \phi(s, a)$$
#
# *As much mud as the expert has, minus as much as your walker would have.* Too much mud? Then make it dearer.


# %%
def kinds_of(rows, world):
    letters = "".join(rows).replace("S", ".")
    return world.land @ np.array([[float(letter == kind) for kind in ".mfG"] for letter in letters])


def my_irl(expert_rho, features, steps, lr=0.2):
    theta, v = np.zeros(features.shape[-1]), np.zeros(len(features))
    for step in range(steps):
        reward = features @ theta
        v, policy = irl.soft_value_iteration(world, reward, GAMMA, v)
        rho = irl.occupancy(world, policy, GAMMA)
        theta += lr * np.einsum("sa,saf->f", expert_rho - rho, features)
        yield {"iteration": step, "gap": irl.occupancy_gap(rho, expert_rho), "theta": theta.copy()}


phi = kinds_of(TOWN, world)
next(my_irl(rho, phi, 1))

# %% [markdown]
# Is the gradient right? Nudge each weight, and see how the likelihood $\sum \rho_E \log \pi_\theta$ moves. (We need no library function for
# that: the logarithm of a policy, weighted with what was seen.)


# %%
def likelihood(theta):
    return (rho * np.log(irl.soft_value_iteration(world, phi @ theta, GAMMA)[1])).sum()


theta, nudges = np.array([-1.0, -2.0, 0.5, 1.0]), 1e-4 * np.eye(4)
_, policy = irl.soft_value_iteration(world, phi @ theta, GAMMA)
formula = np.einsum("sa,saf->f", rho - irl.occupancy(world, policy, GAMMA), phi)
nudged = np.array([likelihood(theta + nudge) - likelihood(theta - nudge) for nudge in nudges]) / 2e-4
np.testing.assert_allclose(formula, nudged, atol=1e-4)
print("formula", formula.round(4), "nudged", nudged.round(4))

# %% [markdown]
# **Predict** which weights it will find. Exactly −2, −5, −1, 4? (Mud costs $-2-3$ in all.) We run yours and the library's, which takes
# Adam's steps in place of plain ones.

# %%
mine = [*my_irl(rho, phi, budget(600, 200))]
theirs = np.zeros(4)
history = irl.max_ent_irl(theirs, world, rho, phi, irl.IRLConfig(gamma=GAMMA)).run()
for name, weights in {"true": np.array([-2, -5, -1, 4.0]), "mine": mine[-1]["theta"], "library": theirs}.items():
    print(
        f"{name:<8} pavement {weights[0]:6.2f}   mud {weights[1]:6.2f}   flowers {weights[2]:6.2f}   goal {weights[3]:5.2f}"
    )
print(f"gap to the walker: mine {mine[-1]['gap']:.4f}, library {history[-1]['gap']:.4f}")

# %%
print(f"its best policy earns {earns(best_for(phi @ theirs)):.2f}, of {earns(best_for(true)):.2f} possible")
renamed = [{"iteration": record["step"], "gap": record["gap"]} for record in history]
curves({"yours": [mine], "library": [renamed]}, "gap", "iteration", smooth=0, limits=(0, 0.5), exact=True)

# %% [markdown]
# The **gap** says how differently two policies spend their time: 0 alike, 1 never in the same place. Mud costs 3
# more than pavement and flowers 1 less, as they do. The ceiling is reached. But the two disagree about the
# goal, both find it too cheap, and all ground a little too dear! More steps? No: the walker is explained already.
#
# ## 6 What behaviour cannot tell
#
# Give every cell a potential $\Phi$, and pay for going uphill:
#
# $$r'(s, a) = r(s, a) + \gamma \sum_{s'} P(s' \mid s, a)\, \Phi(s') - \Phi(s)$$
#
# with $\Phi = 0$ after the end (Ng et al., 1999). Along any path the potentials cancel, all but the first, which nobody
# can change. **Predict**: how much does a wild random Φ change the behaviour? And what does 2 more for every step?

# %%
wild = np.random.default_rng(0).normal(0, 5, 35)
shaped = true + GAMMA * world.reach @ wild - wild[:, None]
for name, reward in {"shaped": shaped, "2 more a step": true + 2}.items():
    _, policy = irl.soft_value_iteration(world, reward, GAMMA)
    gap = irl.occupancy_gap(irl.occupancy(world, policy, GAMMA), rho)
    print(f"{name:<14} rewards move by up to {np.abs(reward - true).max():5.1f}, the walker by {gap:.3f}", end="")
    print(f"; the best policy for it earns {earns(best_for(reward)):.2f}")

# %%
for name, weights in {"library": theirs, "mine": mine[-1]["theta"]}.items():
    phi_all = 4 - weights[3]
    print(f"{name}: Φ = {phi_all:.2f} all over: pavement {-2 - (1 - GAMMA) * phi_all:.2f}, found {weights[0]:.2f}")

# %% [markdown]
# Rewards moved by more than ten, and nobody walks differently. So a reward can be known **up to shaping** only. The last
# lines explain what you found: the same Φ all over takes Φ from the goal and $(1 - \gamma)\,\Phi$ from each other step. Both
# answers are nearly the true one, shaped differently. A constant is harmless only where nothing ever
# ends; here 2 more a step makes it pleasant never to arrive.
#
# So never compare a recovered reward with the true one number by number. **Ask what its best policy earns.**
#
# ## 7 Few demonstrations, and another town
#
# So far we saw *exactly* how the walker spends her time. Now a few walks only. Two ways to say what a reward is: a number
# for each of the 35 *cells*, or for the 4 *kinds* of ground. And there is a second town, with the same grounds in
# other places. **Predict** which of the two needs more walks, and which of them is good for what in the new town.

# %%
NEW = ("..f.m.G", ".#.##..", "S.mmm..", ".#.m.#.", ".......")
new_env = GridWorld(NEW, **PAYS)
new = irl.world_of(new_env.P, new_env.starts)
WAYS = {"cells": (irl.landing(world), irl.landing(new)), "kinds": (phi, kinds_of(NEW, new))}
config = irl.IRLConfig(gamma=GAMMA, steps=budget(150, 40), prior=1e-3)  # the prior draws weights to 0
for name, (features, elsewhere) in WAYS.items():
    for walks in budget((1, 3, 10, 30), (3, 10)):
        found = []
        for seed in SEEDS:
            seen = irl.demonstrate(world, expert, walks, np.random.default_rng(seed))
            theta = np.zeros(features.shape[-1])
            irl.max_ent_irl(theta, world, irl.observed_occupancy(world, seen, GAMMA), features, config).run()
            there = best_for(elsewhere @ theta, new.reach)
            found.append((earns(best_for(features @ theta)), earns(there, new_env)))
        here, there = np.median(found, axis=0)
        print(f"{name} from {walks:>2} walks: here {here:7.2f}, in the new town {there:7.2f}")
print(f"best possible:       here {earns(best_for(true)):7.2f}, ", end="")
print(f"in the new town {earns(best_for(model_of(new_env).reward, new.reach), new_env):7.2f}")

# %% [markdown]
# (Medians over the seeds.) At home both do well. In the new town, numbers on *cells* know where mud was, not that it
# was mud. Rewards travel when they are about things that travel: **what you let a reward see decides what it can learn.**
#
# ## 8 Your walk
#
# Straight through the mud (the cell below): to whom would that make sense? To somebody who does not mind it. (It meets no
# flowers, so their price means little.) Then you are the expert: click from S cell by cell to where you want to end, then *Explain*. Try a long way round; a tour past the
# flowers and back; a stop halfway. Which walks does no reward of four weights explain? (See the gap.)


# %%
def explain(walk):
    """Prices of the grounds, and the reward they make, from one walk over neighbouring cells."""
    steps = [(a, {-1: 0, 7: 1, 1: 2, -7: 3}[b - a]) for a, b in pairwise(walk)]
    theta, few = np.zeros(4), irl.IRLConfig(gamma=GAMMA, steps=60, prior=0.02)
    *_, last = irl.max_ent_irl(theta, world, irl.observed_occupancy(world, [steps], GAMMA), phi, few)
    title = "beside pavement: mud {:+.1f}, flowers {:+.1f}; gap {:.2f}".format(*theta[1:3] - theta[0], last["gap"])
    return value_map(landing_pay @ theta, env, policy=best_for(phi @ theta), title=title)


landing_pay = np.array([[float(letter == kind) for kind in ".mfG"] for letter in "".join(TOWN).replace("S", ".")])
explain([0, 1, 2, 3, 4, 5, 6])

# %%
walk, page = [0], W.HTML()
square = W.Layout(width="44px", height="38px")
cells = [W.Button(description=letter.strip("."), layout=square) for letter in "".join(TOWN)]
ready, anew = W.Button(description="Explain"), W.Button(description="Start over")


def click(cell):
    near = abs(cell // 7 - walk[-1] // 7) + abs(cell % 7 - walk[-1] % 7) == 1
    if near and "".join(TOWN)[cell] != "#" and walk[-1] != 6:  # 6 is G, where it ends
        walk.append(cell)
    for i, button in enumerate(cells):
        button.style.button_color = "#56B4E9" if i in walk else "#777777" if button.description == "#" else "#eeeeee"


for i, button in enumerate(cells):
    button.on_click(lambda _, i=i: click(i))
click(0)
print(f"{len(cells)} buttons, one a cell; the walk so far: {walk}")


# %%
def again(_):
    del walk[1:]
    click(0)


def show(_):
    picture = explain(walk) if len(walk) > 1 else None
    page.value = picture._repr_mimebundle_()["text/html"] if picture else "Click a cell next to S first."


anew.on_click(again)
ready.on_click(show)
W.VBox([*(W.HBox(cells[7 * row : 7 * row + 7]) for row in range(5)), W.HBox([ready, anew]), page])

# %% [markdown]
# ## 9 A game: GAIL and AIRL
#
# All this needed the map, and a planner inside the loop. Without them: let a **judge** $D(s, a)$ learn to tell the expert's
# steps from the agent's, and pay the agent for being taken for the expert: $-\log(1 - D)$. That is generative adversarial
# imitation learning (**GAIL**; Ho and Ermon, 2016). On big tasks judge and agent are networks and see samples
# (`reward/adversarial.py`). In our town we can play it exactly, for we know the best possible judge:
#
# $$D(s, a) = \frac{\rho_E(s, a)}{\rho_E(s, a) + \rho(s, a)}$$
#
# One question decides everything: what is it worth that an episode is *over*? Let the end be a place like any other, where
# one stays for ever and which the judge judges, too; or say nothing about it, so that it is worth 0. **Predict** what
# the second does to the agent. (All payments are positive.)


# %%
def payment(expert, agent):  # −log(1 − D) of the best possible judge
    return -np.log((agent + 1e-12) / (expert + agent + 2e-12))


def game(the_end_counts, rounds=budget(150, 60)):
    policy, stops = np.full((35, 4), 0.25), 1 - world.reach.sum(-1)
    for step in range(rounds):
        own = irl.occupancy(world, policy, GAMMA)
        pay = payment(rho, own)
        if the_end_counts:  # whoever ends it stays there for ever, γ + γ² + …
            pay += stops * GAMMA / (1 - GAMMA) * payment(*(1 / (1 - GAMMA) - x.sum() for x in (rho, own)))
        yield {"iteration": step, "gap": irl.occupancy_gap(own, rho), "own": own, "pay": pay}
        model = Model(world.reach, pay)
        q = q_values(model, exact_values(model, policy, GAMMA), GAMMA)
        policy = policy * np.exp(0.3 * (q - q.max(1, keepdims=True)))  # a step towards what pays
        policy /= policy.sum(1, keepdims=True)


print("the first payments:", next(game(True))["pay"][0].round(2))

# %%
games = {"the end counts": [*game(True)], "the end is worth 0": [*game(False)]}
for name, rounds in games.items():
    own = rounds[-1]["own"]
    print(f"{name:<19} gap {rounds[-1]['gap']:.3f}, earns {(own * true).sum():.2f}, walks {own.sum():.2f} of 20 steps")
curves(games, "gap", "iteration", smooth=0, limits=(0, 0.5), exact=True)

# %% [markdown]
# With the end, the agent becomes the walker, −17.05 and all. Without it, it ends up *worse than chance* (−42.51): every step
# pays something and the end nothing, so it takes care never to arrive (20 discounted steps would be for ever). No error, and a gap that falls nicely at first.
#
# **Predict.** The game is won. Take the judge's last payments as a reward. What does their best policy earn?

# %%
won = games["the end counts"][-1]["pay"]
goes_on = (world.reach.sum(-1) > 0.999) & (rho > 1e-6)
print(
    f"the payments where the walker goes: {won[goes_on].min():.3f} to {won[goes_on].max():.3f}; log 2 = {np.log(2):.3f}"
)
print(f"their best policy earns {earns(best_for(won)):.2f}; chance earns {earns(np.full((35, 4), 0.25)):.2f}")

# %% [markdown]
# A judge that cannot tell them apart says ½ everywhere and pays everybody the same; then rounding decides what is best. **GAIL leaves a policy, not a
# reward.** **AIRL** (Fu et al., 2018) mends that by building the judge from a reward $g$ and a potential $h$:
#
# $$D = \frac{e^{f}}{e^{f} + \pi(a \mid s)} \qquad f = g + \gamma\, h(s') - h(s)$$
#
# What shaping can explain goes into $h$, and $g$ can be taken along. When agent and $h$ have caught up with $g$, the judge's
# learning step is one you know. We nudge $g$'s weights and see what the judge gains:


# %%
g, nudges = np.array([-1.0, -2.0, 0.5, 1.0]), 1e-4 * np.eye(4)
h, policy = irl.soft_value_iteration(world, phi @ g, GAMMA)
own = irl.occupancy(world, policy, GAMMA)


def judge_gain(g):  # Σ ρ_E log D + Σ ρ log(1 − D)
    logit = phi @ g + GAMMA * world.reach @ h - h[:, None] - np.log(policy)
    return -(rho * np.logaddexp(0, -logit)).sum() - (own * np.logaddexp(0, logit)).sum()


judge = np.array([judge_gain(g + nudge) - judge_gain(g - nudge) for nudge in nudges]) / 2e-4
max_ent = np.einsum("sa,saf->f", rho - own, phi)
np.testing.assert_allclose(judge, max_ent / 2, atol=1e-4)
print("AIRL's judge:", judge.round(3), "  maximum entropy, halved:", (max_ent / 2).round(3))

# %% [markdown]
# The same step, halved. AIRL is maximum entropy IRL, played as a game so that it needs neither a map nor a planner.
#
# ## 10 Break it on purpose: the wrong patience
#
# How far does the walker look ahead? $\gamma$ is our guess, and nobody asked her. Suppose we believe in 0.3, and give
# each cell a number of its own. **Predict**: can such a reward still explain walks to a goal
# six steps away?


# %%
def believed(gamma):
    theta, seen = np.zeros(35), irl.occupancy(world, expert, gamma)
    config = irl.IRLConfig(gamma=gamma, steps=budget(400, 300))
    *_, last = irl.max_ent_irl(theta, world, seen, irl.landing(world), config)
    return theta, last["gap"], earns(best_for(irl.landing(world) @ theta))


print("believing in γ = 0.95: gap {:.4f}, its best policy earns {:.2f}".format(*believed(0.95)[1:]))

# %%
for gamma in (0.3, 0.5, 0.7, 0.9, 0.95):
    _, gap, ret = believed(gamma)
    print(f"believing in γ = {gamma:<4}: gap {gap:.4f}; its best policy earns {ret:7.2f}")


# %%
def crumbs(gamma):
    theta, gap, ret = believed(gamma)
    policy = best_for(irl.landing(world) @ theta)
    return value_map(theta, env, policy=policy, title=f"γ = {gamma}: gap {gap:.4f}, earns {ret:.1f}")


follow(crumbs, gamma=W.SelectionSlider(options=[0.3, 0.5, 0.7, 0.9, 0.95], description="believed γ"))

# %% [markdown]
# Every guess explains the walker; no gap is above 0.005. But somebody impatient cannot want a goal that is
# far away; so the reward is laid out along the way, like crumbs. Give it to one that does look ahead ($\gamma = 0.95$, the
# arrows), and with 0.3 or 0.5 it stays with the crumbs: no better than chance. **A perfect fit says nothing about the reward.** Four *kinds*
# of ground cannot lay crumbs: they would have given the fault away (task 2).
#
# ## Your turn
#
# 1. *(5 minutes, easy)* Double all *rewards* in `PAYS` (not the slip) and look at the walker's return and at the gap between the two ceilings. Why does it shrink?
# 2. *(10 minutes, medium)* Run `believed` with `phi` in place of `irl.landing(world)` (and `np.zeros(4)` for the 35 weights). What does the gap say now?
# 3. *(10 minutes, medium)* Learn from the *best* policy in place of the walker (as chances: `np.eye(4)[best_for(true)]`), with `prior=0`. Why do the weights never stop growing?
# 4. *(15 minutes, hard)* Put a puddle `p` into a town where the walker never comes. What does IRL say it is worth? What
#    would *you* have an agent do about it?
#
# The graded work is in `exercises/11_inverse_rl.ipynb`, solved in `solutions/11_inverse_rl.ipynb`.
#
# ## What to remember
#
# 1. What the expert does, minus what your reward would make an agent do: that is the gradient.
# 2. A reward is known up to shaping, so ask what its best policy earns, against the best possible, not against the expert.
# 3. Rewards about kinds of things travel; rewards about places do not.
# 4. GAIL gives a policy, AIRL a reward as well; both need a value for the end of an episode.
# 5. A perfect fit with wrong assumptions (how patient, how careful) is a wrong reward.
#
# ## Sources
#
# - Ng and Russell (2000), *Algorithms for inverse reinforcement learning*: the question, and how many answers it has.
# - Ng, Harada and Russell (1999), *Policy invariance under reward transformations*: shaping.
# - Ziebart et al. (2008), *Maximum entropy inverse reinforcement learning*; Ziebart (2010), his thesis: the causal form used here.
# - Ho and Ermon (2016), *Generative adversarial imitation learning*. Fu, Luo and Levine (2018), *Learning robust rewards
#   with adversarial inverse reinforcement learning*.
# - Kostrikov et al. (2019), *Discriminator-actor-critic*: why the end must count.
