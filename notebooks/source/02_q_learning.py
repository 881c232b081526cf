# %% [markdown]
# # 02 Q-learning and SARSA: learning without a map
#
# In lesson 01 you had the rules of the world. Now nobody gives you any: you take steps, and learn from what they bring.
#
# **You will**
#
# - write Q-learning, prove it equal to the library's, and watch its values find the exact ones;
# - see Q-learning and SARSA disagree on a cliff, and say which of them is right about what;
# - plant two famous bugs, both about where an episode ends, and see why one of them hides.
#
# | | |
# | --- | --- |
# | **Time** | about 45 minutes, of which less than 1 is computing |
# | **Needs** | any laptop: CPU, 0.3 GB of memory, no network |
# | **Before** | lesson 01 |
# | **Practice** | `exercises/02_q_learning.ipynb`: the graded work, when you are through here |
# | **Solution** | `solutions/02_q_learning.ipynb` in the repository, for afterwards |

# %%
import gymnasium as gym
import ipywidgets as W
import numpy as np
from IPython.display import display

from rlhf_edu.core import budget
from rlhf_edu.envs import GridWorld
from rlhf_edu.plots import curves, play, value_map
from rlhf_edu.rl import planning
from rlhf_edu.rl.tabular import TabularConfig, epsilon_greedy, expected_sarsa, make_table, q_learning, sarsa
from rlhf_edu.widgets.follow import follow

SEEDS = range(budget(full=10, fast=3))
print(f"the same world for all, {len(SEEDS)} seeds for the dice of each learner")

# %% [markdown]
# ## 1 A guess from a guess
#
# Keep a table $Q(s, a)$: what action $a$ is worth in state $s$. After a step from $s$ to $s'$ with reward $r$, you know a
# little more than before: the reward itself, and your own guess of what comes afterwards. Move towards their sum
# (Watkins, 1989):
#
# $$Q(s, a) \leftarrow Q(s, a) + \alpha\,\bigl[\,r + \gamma \max_{a'} Q(s', a') - Q(s, a)\,\bigr]$$
#
# *Old guess, plus a step towards what just happened*, with a fixed step size $\alpha$ in place of $1/n$. To learn a guess
# from a guess is called **bootstrapping**; the bracket is the **TD error** (temporal difference). After the last step of
# an episode nothing comes: the max is 0 there.
#
# A corridor, `S..G`, where you always go right; G pays 1. With α = 0.5 and γ = 0.9, **predict**: after how many episodes
# does the start know that there is something to be had?

# %%
q = np.zeros(4)  # one action only, so one number for each cell
for episode in range(1, 6):
    for s in range(3):
        rew, future = (1.0, 0.0) if s == 2 else (0.0, q[s + 1])
        q[s] += 0.5 * (rew + 0.9 * future - q[s])
    print(f"after episode {episode}: {q[:3].round(3)}")

# %% [markdown]
# Three: the news goes back one cell an episode, as it went one cell a sweep. By hand: $0.5 \cdot 1 = 0.5$; then $0.5 \cdot
# 0.9 \cdot 0.5 = 0.225$; then $0.5 \cdot 0.9 \cdot 0.225 = 0.101$. In the end it would be 0.81, 0.9, 1: exactly what value
# iteration gives.
#
# ## 2 The whole algorithm
#
# To choose what to do, be greedy, but explore with chance ε. `over` says when nothing comes afterwards; keep an eye on it.


# %%
def healthy(terminated, truncated):
    return terminated


def my_q_learning(q, env, config, rng, over=healthy):
    for episode in range(config.episodes):
        s, _ = env.reset(seed=int(rng.integers(2**31)) if episode == 0 else None)
        first, act, ret, ended = s, epsilon_greedy(q[s].tolist(), config.epsilon, rng), 0.0, False
        while not ended:
            s_next, rew, terminated, truncated, _ = env.step(act)
            next_act = epsilon_greedy(q[s_next].tolist(), config.epsilon, rng)
            future = 0.0 if over(terminated, truncated) else q[s_next].max()
            q[s, act] += config.alpha * (rew + config.gamma * future - q[s, act])
            s, act, ret, ended = s_next, next_act, ret + rew, terminated or truncated
        yield {"episode": episode, "ret": ret, "value of the start": q[first].max()}


next(my_q_learning(np.zeros((35, 4)), GridWorld("two_rooms"), TabularConfig(), np.random.default_rng(0)))

# %%
for seed in range(10):
    world = GridWorld("two_rooms", slip=0.2)
    mine, theirs = make_table(world), make_table(world)
    for _ in my_q_learning(mine, world, TabularConfig(episodes=30), np.random.default_rng(seed)):
        pass
    q_learning(theirs, world, TabularConfig(episodes=30), rng=np.random.default_rng(seed)).run()
    np.testing.assert_array_equal(mine, theirs)
print("10 seeds: my_q_learning equals q_learning, to the last bit")

# %% [markdown]
# After its first episode the learner has earned 1 (`ret` is the sum of rewards), and the start is still worth 0: only the cell
# before G has learnt something. From here on, the library's or yours: it is the same. Is it also *right*? In two rooms with a slippery floor we know
# the rules, although the learner does not. Value iteration gives the ceiling.
#
# **Predict.** Will the value of the start come from below or from above? Will it ever stand still? (Here and below,
# lines are medians over ten seeds, and bands their middle half.)

# %%
world, config = GridWorld("two_rooms", slip=0.1), TabularConfig(episodes=400, alpha=0.1, gamma=0.95, epsilon=0.2)
exact = np.zeros(35)
planning.value_iteration(exact, world, planning.PlanningConfig(gamma=0.95)).run()
tables = [make_table(world) for _ in SEEDS]
runs = [[*my_q_learning(q, world, config, np.random.default_rng(seed))] for seed, q in zip(SEEDS, tables, strict=True)]
curves({"Q-learning": runs}, "value of the start", "episode", smooth=0, best=exact[world.starts[0]])

# %%
display(value_map(tables[0], world, title="learnt (one seed)"))
value_map(planning.q_values(world, exact, 0.95), world, title="exact")

# %% [markdown]
# From below, since the table starts at 0, and each single run goes on trembling, by 0.02 to 0.05 over the last 100 episodes (the
# median hides it): with a fixed α, each slip of the foot moves the guess. Off the beaten track the table is too low, and some arrows
# are plainly wrong: here (one seed) the cell left of G points up, past it. It learns where it walks, and it
# walks where it believes it is good.
#
# Watch it: first with an empty table, then with the learnt one.

# %%
shown = GridWorld("two_rooms", slip=0.1, render_mode="rgb_array")
dice = np.random.default_rng(1)
display(play(shown, lambda obs: epsilon_greedy([0.0] * 4, 0.0, dice), seed=1, max_steps=80, fps=12))
play(shown, lambda obs: int(tables[0][obs].argmax()), seed=1, max_steps=80)

# %% [markdown]
# **Play.** After 200 episodes: what does α = 1 do on a slippery floor? What happens with ε = 0, and with ε = 1? Which
# learner finds the exact value of the start, and which the right arrows everywhere?


# %%
def after_200(alpha, gamma, epsilon):
    q, exact = make_table(world), np.zeros(35)
    limited = gym.wrappers.TimeLimit(world, 200)  # α = 1 and ε = 0 would bump into one wall for ever
    q_learning(q, limited, TabularConfig(200, alpha, gamma, epsilon), rng=np.random.default_rng(5)).run()
    planning.value_iteration(exact, world, planning.PlanningConfig(gamma=gamma, tolerance=1e-6)).run()
    return value_map(q, world, title=f"one seed: start {q[8].max():.2f}, exactly {exact[8]:.2f}")


knobs = {"alpha": (0.1, 0.05, 1.0), "gamma": (0.95, 0.5, 0.99), "epsilon": (0.2, 0.0, 1.0)}
follow(after_200, **{name: W.FloatSlider(at, min=low, max=high, step=0.01) for name, (at, low, high) in knobs.items()})

# %% [markdown]
# ## 3 Whose value?
#
# There is a choice hidden in the update. What is the next state worth? Three answers:
#
# - **Q-learning**: what the *best* action there is worth, whatever is done: $\max_{a'} Q(s', a')$.
# - **SARSA** (Rummery and Niranjan, 1994): what the action $a'$ that is *in fact taken* is worth: $Q(s', a')$.
# - **Expected SARSA**: the mean over what *might* be taken: $\sum_{a'} \pi(a' \mid s')\, Q(s', a')$.
#
# **Predict** the three numbers, for $Q(s', \cdot) = (-10, -12, -100, -11)$, ε = 0.1, and a next action, drawn at random,
# that is the third.

# %%
next_q, next_act, epsilon = np.array([-10.0, -12.0, -100.0, -11.0]), 2, 0.1
chances = np.full(4, epsilon / 4)
chances[next_q.argmax()] += 1 - epsilon
print(f"the policy's chances {chances}")
print(f"Q-learning {next_q.max():.2f}   SARSA {next_q[next_act]:.2f}   expected SARSA {chances @ next_q:.2f}")

# %% [markdown]
# SARSA took the blow, and will believe for a while that $s'$ is terrible. On average it believes what expected SARSA
# says: $s'$ is dangerous **for somebody who explores**. Q-learning does not care: it learns about a greedy policy while
# following another. That is called **off-policy**. SARSA learns about the policy it follows: **on-policy**.
#
# Does it matter? `CliffWalking`: from S to G along a cliff. Each step costs 1; a step off the cliff costs 100 and puts you
# back at S. Everybody explores with ε = 0.1.
#
# **Predict.** Which of the two walks along the edge? Which of the two earns more *while learning*?

# %%
cliff = gym.make("CliffWalking-v1")
config = TabularConfig(episodes=budget(500, 300), alpha=0.2, gamma=1.0, epsilon=0.1)
learners = {"Q-learning": q_learning, "SARSA": sarsa, "expected SARSA": expected_sarsa}
learnt, runs = {name: [make_table(cliff) for _ in SEEDS] for name in learners}, {}
for name, learner in learners.items():
    dice = [np.random.default_rng(seed) for seed in SEEDS]
    runs[name] = [learner(q, cliff, config, rng=rng).run() for q, rng in zip(learnt[name], dice, strict=True)]
curves(runs, "ret", "episode", limits=(-100, 0), title="While learning, with ε = 0.1")

# %%
display(value_map(learnt["Q-learning"][0], cliff, title="Q-learning (one seed)", limits=(-20, 0)))
value_map(learnt["SARSA"][0], cliff, title="SARSA (one seed)", limits=(-20, 0))

# %% [markdown]
# Q-learning walks along the edge and keeps falling; SARSA keeps its distance and earns more.
#
# Which is better? First the right ceilings, and we can compute them exactly, since Gymnasium keeps the cliff's rules in a
# table: what a policy earns when it makes no mistakes, and what it earns when one action in ten is random.


# %%
def exploring(policy, epsilon):
    """The chances of each action (states × actions) for somebody who explores."""
    return (1 - epsilon) * np.eye(4)[policy] + epsilon / 4


def best_for(epsilon):
    """The best of all policies that explore with ε: solve, act greedily on it, repeat (policy iteration)."""
    policy = np.zeros(48, dtype=int)
    planning.policy_iteration(policy, cliff, planning.PlanningConfig(gamma=0.99)).run()
    for _ in range(30 * (epsilon > 0)):
        v = planning.exact_values(cliff, exploring(policy, epsilon), gamma=1.0)
        policy = planning.greedy(planning.q_values(cliff, v, 1.0))
    return policy, planning.exact_values(cliff, exploring(policy, epsilon), gamma=1.0)


for own, name in ((0.0, "shortest way"), (0.1, "best way for ε = 0.1")):
    policy, _ = best_for(own)
    earns = [planning.exact_values(cliff, exploring(policy, epsilon), 1.0)[36] for epsilon in (0.0, 0.1)]
    print(f"{name:<21} without mistakes {earns[0]:6.1f}   with ε = 0.1 {earns[1]:6.1f}")

# %%
for name, histories in runs.items():
    late = [np.mean([record["ret"] for record in history[-100:]]) for history in histories]
    print(f"{name:<15} last 100 episodes: median {np.median(late):6.1f}   from {min(late):6.1f} to {max(late):6.1f}")

# %% [markdown]
# Now it is clear. Q-learning has found the shortest way, −13, and is right about it; but whoever explores on that way
# earns −46 on average, or less, depending on where it goes after a stumble; Q-learning gets about −50. SARSA and expected SARSA look for the way that is best *with* the
# stumbling; expected SARSA gets there (the ceiling is −20.7), and SARSA loses a little to the luck of its
# draws. Each is right about its own question. Off-policy pays when you can stop exploring afterwards, or when the data
# come from somebody else; on-policy pays when you have to live with your mistakes.
#
# **Play.** No learning here, all exact. From which ε on does the best way leave the edge?


# %%
def best_way(epsilon):
    policy, v = best_for(epsilon)
    return value_map(
        v, cliff, policy=policy, limits=(-30, 0), title=f"best for ε = {epsilon:.2f}; S is worth {v[36]:.1f}"
    )


follow(best_way, epsilon=W.FloatSlider(0.1, min=0.0, max=0.4, step=0.01))

# %% [markdown]
# ## 4 Break it on purpose
#
# Two bugs, both in `over`. *No end*: bootstrap always, even from a terminal state. **Predict**: in two rooms, where G pays
# 1, what does it do to the value of the start? Once with a table that starts at 0, and once at 1, as an optimist would.

# %%
rooms, runs = gym.wrappers.TimeLimit(GridWorld("two_rooms"), 50), {}
config = TabularConfig(episodes=200, alpha=0.2, gamma=0.95, epsilon=0.1)
FAULTS = {"healthy": healthy, "no end": lambda terminated, truncated: False}
for name, over in FAULTS.items():
    for begin in (0.0, 1.0):
        dice = [np.random.default_rng(seed) for seed in SEEDS]
        runs[f"{name}, from {begin:.0f}"] = [
            [*my_q_learning(np.full((35, 4), begin), rooms, config, rng, over)] for rng in dice
        ]
switch = W.ToggleButtons(options=[0, 1], value=1, description="table from", style={"button_width": "60px"})
pick = lambda begin: {name: group for name, group in runs.items() if name.endswith(str(begin))}  # noqa: E731
follow(lambda begin: curves(pick(begin), "value of the start", "episode", smooth=0, best=0.95**5), begin=switch)

# %%
for name, group in runs.items():
    print(f"{name:<16} the start ends at {np.median([history[-1]['value of the start'] for history in group]):.2f}")

# %% [markdown]
# From 0, nothing happens! Nobody ever acts in a terminal state, so its row keeps what it was born with, and 0 happens to be
# the truth. From 1, the row keeps its 1 for ever, and everything before it is too high, far above the 0.77 that is
# possible. A bug that hides until somebody changes something else. A neural network is not 0 at terminal states either:
# lesson 03 has no such luck.
#
# The second bug: a **time limit** taken for an end. `aS....b` has no end at all. At `a` you are paid 0.5 at every visit,
# at `b` 1 (bumping into the wall counts as a visit), with γ = 0.9. We stop each episode after 10 steps, because we have
# other things to do. The tables start at 10, the most that can be had: such an optimist tries everything (from 0 even the healthy
# learner would stay at `a`). **Predict** what the start is worth, and where the learner goes, with the bug.

# %%
endless = GridWorld(("aS....b",), rewards={"a": 0.5, "b": 1.0})
stopped, config = gym.wrappers.TimeLimit(endless, 10), TabularConfig(episodes=budget(1000, 500), gamma=0.9, epsilon=0.3)
LIMITS = {"healthy": healthy, "limit is an end": lambda terminated, truncated: terminated or truncated}
after, runs = {name: [np.full((7, 4), 10.0) for _ in SEEDS] for name in LIMITS}, {}
for name, over in LIMITS.items():
    dice = [np.random.default_rng(seed) for seed in SEEDS]
    runs[name] = [[*my_q_learning(q, stopped, config, rng, over)] for q, rng in zip(after[name], dice, strict=True)]
    ways = ["←↓→↑"[q[1].argmax()] for q in after[name]]
    print(f"{name:<16} the start is worth {np.median([q[1].max() for q in after[name]]):.2f}, go {' '.join(ways)}")
truth = max(0.5 / (1 - 0.9), 0.9**4 / (1 - 0.9))
curves(runs, "value of the start", "episode", smooth=0, best=truth, limits=(0, 10))

# %% [markdown]
# By hand: left is worth $0.5/(1-\gamma) = 5$, right $\gamma^4/(1-\gamma) = 6.56$. The healthy learner knows, although no
# episode ever lasted longer than 10 steps. The broken one believes that at any step the world may end:
# everything is worth less, what lies further off most of all, and it takes the small pay nearby. No error, and a curve that converges. **Termination: nothing comes
# afterwards. Truncation: we do not see it.**
#
# ## 5 When the table no longer fits
#
# **Predict.** How many numbers has a table for Blackjack, for Taxi, for noughts and crosses, for a story of 70 tokens
# from a vocabulary of 2000?

# %%
for name in ("Blackjack-v1", "CliffWalking-v1", "Taxi-v4"):
    print(f"{name:<18} {make_table(gym.make(name)).size:>8,} numbers")
print(f"noughts and crosses   at most 3^9 × 9 = {3**9 * 9:,}")
print(f"a story               2000^70 × 2000, a number of {len(str(2000**71))} digits")

# %% [markdown]
# Long before memory runs out, something else does: experience. A table learns each cell for itself; from a thousand
# visits to one cell it knows nothing of the cell next to it. Rooms that grow, and the same 20 000 random steps:

# %%
for side in (5, 10, 20, 40, 80):
    room = GridWorld(["S" + "." * (side - 1)] + ["." * side] * (side - 2) + ["." * (side - 1) + "G"])
    (obs, _), dice, seen = room.reset(seed=0), np.random.default_rng(0), set()
    for act in dice.integers(4, size=budget(20_000, 4_000)):
        seen.add((obs, act))
        obs, _, terminated, *_ = room.step(act)
        obs = room.reset()[0] if terminated else obs
    total = side * side * 4 - 4  # nobody acts at G
    print(f"{side:>2} × {side:<2} {total:>6,} numbers, ever touched: {len(seen) / total:.0%}   (one seed)")

# %% [markdown]
# What is needed is a **function** in place of the table: a few weights that give $Q(s, a)$ for every state, so that what
# is learnt here helps over there. One change, and three new troubles: an update here now moves the values *everywhere*,
# the target moves while you aim at it, and steps that follow each other look alike. Lesson 03 meets them with a neural
# network, a replay memory and a target network. The update stays the one from the top of this page.
#
# (What learning costs: a step of Q-learning takes 1.03 to 1.14 times as long as a random step in the same world, on FrozenLake,
# CliffWalking, Taxi, Blackjack and our grids; five runs each, one thread, 2026-11-24, two shared cores.)
#
# ## Your turn
#
# 1. *(5 minutes, easy)* Let ε fall to 0 on the cliff: `TabularConfig(..., epsilon_end=0.0)`. What do the two learn now?
# 2. *(10 minutes, medium)* Q-learning takes a function of your own: `q_learning(..., target=my_target)`, with
#    `my_target(next_q, next_act, epsilon)`. Take the *mean* of `next_q`. Whose value is that?
# 3. *(10 minutes, medium)* Paint a world in lesson 01, copy `painter.rows` into a `GridWorld` and learn it. Build one in
#    which 400 episodes are not enough.
# 4. *(15 minutes, hard)* Let α fall as $1/n$ with $n$ the visits of each pair. Does the trembling stop? What does it cost?
#
# The graded work is in `exercises/02_q_learning.ipynb`, with a bug hunt; its solutions are in `solutions/02_q_learning.ipynb`.
#
# ## What to remember
#
# 1. Move a guess towards reward + γ · the next guess; after the end there is no next guess.
# 2. Off-policy (Q-learning): the value of the best policy. On-policy (SARSA): of the one you follow, mistakes included.
# 3. Read a curve against the ceiling for *that* policy: −13, −20.7 and −46 are all right, about different questions.
# 4. Termination: nothing comes. Truncation: it comes, but you do not see it, so bootstrap.
# 5. A table learns each cell alone. Where cells outnumber your steps, you need a function.
#
# ## Sources
#
# - Watkins (1989), *Learning from delayed rewards*: Q-learning.
# - Rummery and Niranjan (1994), *On-line Q-learning using connectionist systems*: SARSA.
# - van Seijen et al. (2009), *A theoretical and empirical analysis of expected Sarsa*.
# - Pardo et al. (2018), *Time limits in reinforcement learning*: truncation is not termination.
# - Sutton and Barto (2018), *Reinforcement learning: an introduction*, chapter 6; the cliff is its example 6.6.
