# %% [markdown]
# # 01 Decisions: bandits, Markov decision processes, value iteration
#
# You choose without knowing, then with a map, and at the end you paint a world and watch what each place in it is worth.
#
# **You will**
#
# - see why somebody who always takes the best so far does badly, and how a little curiosity mends it;
# - state a problem of your own so that Gymnasium accepts it: states, actions, rewards, ends;
# - write value iteration in one line, prove it right by brute force, and break it in two ways.
#
# | | |
# | --- | --- |
# | **Time** | about 45 minutes, of which less than 1 is computing |
# | **Needs** | any laptop: CPU, 0.3 GB of memory, no network |
# | **Before** | nothing; lesson 00 is fun, but not needed here |
# | **Practice** | `exercises/01_decisions.ipynb`: the graded work, when you are through here |
# | **Solution** | `solutions/01_decisions.ipynb` in the repository, for afterwards |

# %%
import gymnasium as gym
import ipywidgets as W
import numpy as np
from IPython.display import display

from rlhf_edu.core import budget
from rlhf_edu.envs import GridWorld
from rlhf_edu.plots import COLOURS, Picture, curves, new_figure, play, value_map
from rlhf_edu.plots.style import DASHES
from rlhf_edu.rl.planning import Model, PlanningConfig, exact_values, greedy, model_of, q_values, value_iteration
from rlhf_edu.widgets.follow import follow

rng = np.random.default_rng(0)
print(f"Gymnasium {gym.__version__} and {len(gym.registry)} ready-made worlds. We start without any of them.")

# %% [markdown]
# ## 1 One choice, again and again
#
# There are three cafés in your street. You went to café 0 four times (good, good, bad, good), to café 1 twice (bad,
# good), to café 2 never.
#
# **Predict before you run.** What do you think of each? And where do you go next?
#
# The obvious estimate of a café is the mean of its cups, and it can be kept without remembering them. After cup number
# $n$, with $r = 1$ for a good one and 0 for a bad one:
#
# $$Q \leftarrow Q + \frac{1}{n}\,(r - Q)$$
#
# Read it aloud: *old guess, plus a step towards what just happened*. You will meet this line in every lesson to come.


# %%
q, n = np.zeros(3), np.zeros(3)
for act, rew in [(0, 1), (0, 1), (0, 0), (0, 1), (1, 0), (1, 1)]:
    n[act] += 1
    q[act] += (rew - q[act]) / n[act]  # a step towards the reward it just gave
    print(f"café {act} gave {rew}: estimates {q.round(2)}")

# %% [markdown]
# 0.75 and 0.5, the plain means. Café 2 stays at 0, but that 0 is ignorance, not bad coffee. Going where the
# estimate is highest is called **greedy**. Going somewhere at random with a small chance $\varepsilon$, and to the best so
# far otherwise, is called **ε-greedy**.
#
# Five cafés now, good with chances 0.3 to 0.7, and a street full of people who do not know these numbers. This problem is
# called a **bandit**, after the slot machines known as one-armed bandits.

# %%
GOOD = np.array([0.3, 0.5, 0.7, 0.4, 0.6])  # hidden from everybody


def street(epsilon, seed, visits=1000, people=100):
    """The share of good cups at each visit, over many people who all learn for themselves."""
    rng, rows = np.random.default_rng(seed), np.arange(people)
    q, n = np.zeros((people, 5)), np.zeros((people, 5))
    for visit in range(visits):
        best = (q + 1e-6 * rng.random(q.shape)).argmax(1)  # ties are broken at random
        act = np.where(rng.random(people) < epsilon, rng.integers(5, size=people), best)
        rew = (rng.random(people) < GOOD[act]).astype(float)
        n[rows, act] += 1
        q[rows, act] += (rew - q[rows, act]) / n[rows, act]
        yield {"visit": visit + 1, "share of good cups": rew.mean()}


print("first visit:", next(street(0.1, seed=0)))

# %% [markdown]
# At the first visit nobody knows anything: about half of the cups are good, the mean of the five chances.
#
# **Predict.** A thousand visits with $\varepsilon$ = 0 (greedy), 0.1 and 1 (always at random). Which share of good cups
# does each of them get? The best anybody could do is 0.7. (Line: median of five seeds; band: their middle half.)

# %%
visits = budget(full=1000, fast=300)
runs = {f"ε = {e:g}": [[*street(e, seed, visits)] for seed in range(5)] for e in (0.0, 0.1, 1.0)}
for name, seeds in runs.items():
    late = [np.mean([r["share of good cups"] for r in history[-200:]]) for history in seeds]
    print(
        f"{name:<8} last 200 visits: {np.mean(late):.3f}   (5 seeds of 100 people, from {min(late):.3f} to {max(late):.3f})"
    )
curves(runs, "share of good cups", "visit", best=0.7)

# %% [markdown]
# Choosing at random gets the mean of all cafés, 0.5. The greedy ones settle early, often in a mediocre café that was good
# at first, and never find out. With $\varepsilon = 0.1$ nearly everybody finds the best one, and then wastes a tenth of the
# visits for ever: at most $0.9 \cdot 0.7 + 0.1 \cdot 0.5 = 0.68$. **Exploring costs now and pays later.**
#
# **Play.** Move the slider. Which ε is best for 50 visits? For 800? Is it the same one?


# %%
def cups(epsilon, visits):
    history = [*street(epsilon, seed=7, visits=visits, people=200)]
    title = f"in all {np.mean([record['share of good cups'] for record in history]):.3f} (0.5 is chance)"
    return curves({"you": history}, "share of good cups", "visit", best=0.7, limits=(0.4, 0.75), title=title)


follow(cups, epsilon=W.FloatSlider(0.1, max=1, step=0.05), visits=W.IntSlider(50, 50, 800, 50))

# %% [markdown]
# ## 2 Choices that change where you are
#
# A cup of coffee changes nothing. Most choices do: they decide what you can choose next. A robot vacuum cleaner has a
# **state**, its charge from 0 to 4, and two **actions**: rest at the dock (two units more), or clean. Cleaning pays a
# **reward** of 1 and costs one unit, one time in five two. With an empty battery it stands in the middle of the room: the
# reward is −5 instead, and that is the **end**.
#
# States, actions, the chances of what happens next, and rewards: this is a **Markov decision process** (MDP). *Markov*
# means that the state says all there is to know; how it came about does not matter. Written down:


# %%
def outcomes(charge, act):
    """All that can happen: a list of (probability, next state, reward, terminated)."""
    if charge == 0:
        return [(1.0, 0, 0.0, True)]
    if act == 0:  # rest
        return [(1.0, min(charge + 2, 4), 0.0, False)]
    after = [(0.8, charge - 1), (0.2, charge - 2)]  # clean
    return [(p, max(left, 0), 1.0 if left > 0 else -5.0, left <= 0) for p, left in after]


RULES = {charge: {act: outcomes(charge, act) for act in (0, 1)} for charge in range(5)}
print(f"charge 2, clean: {RULES[2][1]}")

# %% [markdown]
# **Gymnasium** is the plug that fits nearly all of reinforcement learning. A world is a class that says what its
# observations and actions are, and has two methods: `reset` starts an episode, `step` takes an action.


# %%
class Vacuum(gym.Env):
    observation_space, action_space = gym.spaces.Discrete(5), gym.spaces.Discrete(2)
    P = RULES

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.charge = 4
        return self.charge, {}

    def step(self, act):
        possible = self.P[self.charge][int(act)]
        drawn = self.np_random.choice(len(possible), p=[p for p, *_ in possible])
        _, self.charge, rew, terminated = possible[drawn]
        return self.charge, rew, terminated, False, {}


# %%
from gymnasium.utils.env_checker import check_env

check_env(Vacuum(), skip_render_check=True)
env = gym.wrappers.TimeLimit(Vacuum(), max_episode_steps=6)
for seed in (0, 3):
    obs, _ = env.reset(seed=seed)
    terminated = truncated = False
    while not (terminated or truncated):
        act = 1 if obs > 1 else 0
        old, (obs, rew, terminated, truncated, _) = obs, env.step(act)
        print(
            f"charge {old}, {('rest', 'clean')[act]:<5} → charge {obs}, reward {rew:+.0f}, {terminated=}, {truncated=}"
        )
    print()

# %% [markdown]
# Gymnasium's checker has no complaints. Note the two ways to stop. **Terminated**: it is over, nothing more can come.
# **Truncated**: we stopped watching; the robot would have gone on. To take one for the other is one of the commonest
# mistakes in this field, and lesson 02 shows what it costs.
#
# ## 3 Later counts less
#
# The robot may clean for ever, so plain sums of rewards can be infinite. We add them up with a **discount** $\gamma$
# below 1. The result is called the **return**:
#
# $$G = r_1 + \gamma\, r_2 + \gamma^2 r_3 + \dots$$
#
# **Predict.** What is better, 1 now or 2 in five steps? With $\gamma = 0.9$, and with $\gamma = 0.8$?


# %%
def discounted(rewards, gamma):
    return sum(gamma**t * rew for t, rew in enumerate(rewards))


for gamma in (0.9, 0.8):
    print(
        f"γ = {gamma}: 1 now {discounted([1], gamma):.2f}   2 in five steps {discounted([0, 0, 0, 0, 0, 2], gamma):.2f}"
    )

# %% [markdown]
# Both answers are right: γ is a matter of taste. $1/(1-\gamma)$ says roughly how many steps ahead it looks.
#
# ## 4 What a policy is worth
#
# A **policy** says what to do in each state. Its **value** $v(s)$ is the return it gets on average from $s$ on. Three
# policies for the robot: *bold* cleans at 2 and above, *careful* only at 3 and 4, *reckless* always.
#
# **Predict** which is best with $\gamma = 0.9$, starting fully charged.
#
# We could find out by trying: play many episodes, average. Or think. What is worth having now is the reward now, and what
# is worth having afterwards (the **Bellman equation**, 1957):
#
# $$v(s) = \sum_{s'} P(s' \mid s, \pi(s))\,\bigl[\,r + \gamma\, v(s')\,\bigr]$$
#
# Five states, five equations, five unknowns: solve them.

# %%
policies = {"bold": [0, 0, 1, 1, 1], "careful": [0, 0, 0, 1, 1], "reckless": [0, 1, 1, 1, 1]}


def simulated(policy, gamma=0.9, steps=100):
    """The return of one episode; after 100 steps, what is left is below 0.0003."""
    env, rewards, terminated = Vacuum(), [], False
    obs, _ = env.reset(seed=int(rng.integers(2**31)))
    while not terminated and len(rewards) < steps:
        obs, rew, terminated, *_ = env.step(policy[obs])
        rewards.append(rew)
    return discounted(rewards, gamma)


for name, policy in policies.items():
    tried = [simulated(policy) for _ in range(budget(1000, 100))]
    error = np.std(tried) / len(tried) ** 0.5
    print(
        f"{name:<9} tried {np.mean(tried):5.2f} ± {2 * error:.2f}   solved {exact_values(Vacuum(), np.array(policy), 0.9)[4]:.2f}"
    )

# %% [markdown]
# Thinking and trying agree (± is two standard errors: about 19 times in 20 the exact value lies inside), and thinking is exact. But are these three all? Which policy is the **best**?
#
# ## 5 Value iteration
#
# The best policy takes, in each state, the action with the most worth having now and afterwards:
#
# $$v(s) \leftarrow \max_a \sum_{s'} P(s' \mid s, a)\,\bigl[\,r + \gamma\, v(s')\,\bigr]$$
#
# Start from zeros and sweep over all states, again and again. We keep the MDP as two arrays: `model.reward[s, a]`, the
# expected reward, and `model.reach[s, a, s']`, the chance to *go on* from $s'$. Where an episode ends, nobody goes on, so
# `reach` is 0 there, and no value flows back.


# %%
def my_sweep(model, v, gamma):
    return (model.reward + gamma * model.reach @ v).max(axis=1)


corridor, v = model_of(GridWorld(("S..G",))), np.zeros(4)  # the step onto G pays 1 and ends the episode
for sweep in range(1, 5):
    v = my_sweep(corridor, v, gamma=0.5)
    print(f"after sweep {sweep}: {v}")

# %% [markdown]
# Did you see it? In each sweep the news travels one cell. By hand: next to the goal 1, before it $0.5 \cdot 1$, before
# that $0.5^2$; then nothing moves any more.
#
# Is it right? **By brute force:** the robot has $2^4 = 16$ policies (at charge 0 nothing is left to choose). Solve for
# each of them, and take the best. And on random MDPs, compare with the library.

# %%
from itertools import product

vacuum, v = model_of(Vacuum()), np.zeros(5)
for _ in range(300):
    v = my_sweep(vacuum, v, gamma=0.9)
solved = {acts: exact_values(vacuum, np.array([0, *acts]), 0.9)[4] for acts in product((0, 1), repeat=4)}
best = max(solved, key=lambda acts: solved[acts])
print(f"value iteration {v[4]:.4f}   best of {len(solved)} policies {solved[best]:.4f}, at charge 1 to 4: {best}")

# %%
for seed in range(20):
    draw, mine, theirs = np.random.default_rng(seed), np.zeros(6), np.zeros(6)
    model = Model(reach=0.99 * draw.dirichlet(np.ones(6), (6, 3)), reward=draw.normal(size=(6, 3)))
    value_iteration(theirs, model, PlanningConfig(gamma=0.9)).run()
    for _ in range(300):
        mine = my_sweep(model, mine, gamma=0.9)
    np.testing.assert_allclose(mine, theirs, atol=1e-6)
print("20 random MDPs: my_sweep, repeated, equals value_iteration")

# %% [markdown]
# **Predict.** Each sweep shrinks the error at least by the factor γ. About how many sweeps until no value is off by more
# than 1 % of the largest one: 10, 50 or 500, for γ = 0.5, 0.9 and 0.99?

# %%
figure, (ax,) = new_figure(height=2.8)
for i, gamma in enumerate((0.5, 0.9, 0.99)):
    truth, v, errors = np.zeros(5), np.zeros(5), []
    value_iteration(truth, vacuum, PlanningConfig(gamma=gamma)).run()
    while not errors or errors[-1] > 0.01 * truth.max():
        v = my_sweep(vacuum, v, gamma)
        errors.append(np.abs(v - truth).max())
    ax.semilogy(range(1, len(errors) + 1), errors, color=COLOURS[i], linestyle=DASHES[i])
    ax.text(len(errors) + 8, errors[-1], f"γ = {gamma}: {len(errors)} sweeps", color=COLOURS[i], va="center")
ax.set(xlabel="sweep", ylabel="largest error (reward)", xlim=(0, 650))
Picture(figure, "Largest error by sweep, logarithmic: three straight lines, the flatter the closer γ is to 1")

# %% [markdown]
# Looking far ahead takes long. (The same price comes back when nobody gives you the map.)
#
# ## 6 A world on a map
#
# Four columns, three rows, a wall, a goal `G` that pays 1 and a pit `X` that costs 1; both end the episode. The floor is
# wet: one step in five goes sideways. Each step costs 0.04. **Predict** the arrow in the cell left of the pit.

# %%
book = GridWorld("book", slip=0.2, step_reward=-0.04)
v = np.zeros(12)
value_iteration(v, book, PlanningConfig(gamma=0.99)).run()
q = q_values(book, v, 0.99)
value_map(v, book, policy=greedy(q))

# %% [markdown]
# Up, though it slips into the pit one time in ten; the cell below the pit walks away from it. **Play** with all three. Make every step cost 0, or 0.5, or even pay
# something. When does the robot jump into the pit of its own free will? When does it never want to arrive?


# %%
def best_walk(gamma, slip, step):
    world, v = GridWorld("book", slip=slip, step_reward=step), np.zeros(12)
    value_iteration(v, world, PlanningConfig(gamma=gamma, tolerance=1e-6)).run()
    return value_map(q_values(world, v, gamma), world)


follow(
    best_walk,
    gamma=W.FloatSlider(0.99, min=0.1, max=0.99, step=0.01, description="γ"),
    slip=W.FloatSlider(0.2, min=0, max=0.6, step=0.05, description="slip"),
    step=W.FloatSlider(-0.04, min=-2, max=0.1, step=0.02, description="each step pays"),
)

# %% [markdown]
# ## 7 Your world
#
# Now you build it, and *your* `my_sweep` runs it. Choose a brush, then click or drag; after each stroke the values flow
# in again. Every button has a key. Coins (+0.05) and puddles (−0.05) count at every visit; goals and cliffs end it.
#
# Start with *Values to 0*, then *One sweep* a few times, and watch the wave. Then build: a wall with a single door; a
# short way along a cliff and a long safe one, with more and more slip; a single coin, with γ at 0.9 and at 0.99.

# %%
from rlhf_edu.widgets.grid import Grid

painter = Grid("two_rooms", gamma=0.9, sweep=my_sweep)
gamma = W.FloatSlider(0.9, min=0.5, max=0.99, step=0.01, description="γ")
slip = W.FloatSlider(0.0, max=0.5, step=0.05, description="slip")
gamma.observe(lambda change: painter.set(gamma=change["new"]), "value")
slip.observe(lambda change: painter.set(slip=change["new"]), "value")
display(W.HBox([gamma, slip]), painter)

# %% [markdown]
# The next cell takes what you painted: the world is an ordinary Gymnasium environment, and an episode in it can be watched.

# %%
mine = GridWorld(painter.rows, slip=painter.env.slip, rewards=painter.env.rewards, render_mode="rgb_array")
best_acts = greedy(q_values(mine, painter.values, painter.sketch.gamma))
print(f"{len(painter.rows)} × {len(painter.rows[0])} cells; the start is worth {painter.values[mine.starts[0]]:.2f}")
play(mine, lambda obs: best_acts[obs], seed=0, max_steps=60)

# %% [markdown]
# ## 8 Break it on purpose
#
# Two faults that raise no error, in the world of two rooms with γ = 0.95. *No end*: somebody forgets that the goal ends
# the episode. *Paid for walking*: to encourage the robot, somebody pays it 0.1 for each step.
#
# **Predict** for both: does the start become worth more or less? And does the robot still go to the goal?

# %%
FAULTS = {"healthy": {}, "no end": {"terminal": "X"}, "paid for walking": {"step_reward": 0.1}}
worlds = {fault: GridWorld("two_rooms", **changes) for fault, changes in FAULTS.items()}
flows = {fault: [np.zeros(35)] for fault in FAULTS}
for fault, world in worlds.items():
    for _ in range(150):
        flows[fault].append(my_sweep(model_of(world), flows[fault][-1], gamma=0.95))
    print(f"{fault:<17} the start is worth {flows[fault][-1][world.starts[0]]:.2f}")

# %%
figure, (ax,) = new_figure(height=2.8)
for i, fault in enumerate(FAULTS):
    by_sweep = [v[worlds[fault].starts[0]] for v in flows[fault]]
    ax.plot(by_sweep, color=COLOURS[i], linestyle=DASHES[i])
    ax.text(152, by_sweep[-1] + 0.3 * (i - 1), fault, color=COLOURS[i], va="center")
ax.set(xlabel="sweep", ylabel="value of the start (reward)")
Picture(figure, "Value of the start by sweep: healthy stops at 0.77, paid for walking at 2, no end climbs to 15")


# %%
def broken(fault):
    return value_map(q_values(worlds[fault], flows[fault][-1], 0.95), worlds[fault], title=fault)


follow(broken, fault=W.ToggleButtons(options=list(FAULTS), value="paid for walking", description="break it"))

# %% [markdown]
# *No end* multiplies the values by 20: the robot bumps into the wall at the goal for ever and is paid each time,
# $1 + 0.95 + 0.95^2 + \dots = 20$. Yet all arrows outside are the same. **The policy looks fine; only the numbers give it
# away.** You knew that no value could exceed 1, the one reward there is: know your ceiling.
#
# *Paid for walking* is worse, and it is no bug in the code. Walking for ever is worth $0.1/(1-0.95) = 2$; arriving
# with the next step is worth 1.1, and arriving later is worth more, but never 2. So the robot runs from the goal. It does exactly what it is paid for, not what was meant. Lesson 18 is about this
# alone: **reward hacking**.
#
# ## Your turn
#
# 1. *(5 minutes, easy)* At which pay for each step does *paid for walking* tip over with γ = 0.95? Work it out, then try.
# 2. *(10 minutes, medium)* Start the café estimates at `q = np.ones(...)` instead of zeros and stay greedy. Why does this
#    *optimism* explore?
# 3. *(10 minutes, medium)* Give the robot a third action: full speed, reward 2 for two units, one time in five for three.
#    When does the best policy use it?
# 4. *(10 minutes, hard)* Write policy iteration: solve for the value of a policy, act greedily on it, repeat. How many
#    rounds does the book's world take, against how many sweeps?
#
# The graded work is in `exercises/01_decisions.ipynb`, and its solutions in `solutions/01_decisions.ipynb`.
#
# ## What to remember
#
# 1. Old guess, plus a step towards what just happened.
# 2. Who never explores never knows what is missed; exploring costs now and pays later.
# 3. A problem is states, actions, chances, rewards and ends; γ says how far ahead to look.
# 4. Value now = reward now + γ · value afterwards; at the end, nothing comes afterwards.
# 5. An agent does what you pay for. Know the largest value that is possible, and look for it.
#
# ## Sources
#
# - Bellman (1957), *Dynamic programming*: the equation, and the sweeps.
# - Howard (1960), *Dynamic programming and Markov processes*: policy iteration.
# - Sutton and Barto (2018), *Reinforcement learning: an introduction*, chapters 2 to 4: the same with proofs.
# - Russell and Norvig (2021), *Artificial intelligence: a modern approach*, chapter 17: the four by three world.
# - Towers et al. (2024), *Gymnasium: a standard interface for reinforcement learning environments*.
