# %% [markdown]
# # Exercise 00: how tasks and checks work
#
# Six small tasks, one of each kind you will meet in this course.
#
# | | |
# | --- | --- |
# | **Time** | about 35 minutes |
# | **Points** | 20 |
# | **Needs** | any laptop, no network, no GPU |
# | **Solution** | `solutions/00_start.ipynb` in the repository, for afterwards |
#
# Under each task stands a line `check("…")`. Run it as often as you like. It says whether you are right and, if not,
# what the likeliest mistake is. After two tries it offers a hint, folded so that you can leave it shut. When it says
# *visible checks passed*, other cases, which you do not see, are still tried when your work is graded.

# %%
import numpy as np

from rlhf_edu.grading import check, numbers, progress

# %% locked="seed"
SEED = 0  # yours alone if your class was given seeds; leave it as it is

# %% [markdown]
# ## 1 A function: from two rewards to a probability
#
# *4 points · 5 minutes · difficulty 1 of 3*
#
# A person compares two stories with rewards $r_A$ and $r_B$. Under the **Bradley-Terry** model they choose A with
# probability
#
# $$P(A \succ B) = \frac{e^{r_A}}{e^{r_A} + e^{r_B}} = \sigma(r_A - r_B), \qquad \sigma(z) = \frac{1}{1 + e^{-z}}$$
#
# Write it for arrays of $N$ pairs; gaps may be as large as ±900, where $e^r$ itself overflows. Do not call a ready-made
# sigmoid; write it out.


# %% answer="preference"
def preference(r_a: np.ndarray, r_b: np.ndarray) -> np.ndarray:
    """P(A ≻ B) for N pairs.

    r_a, r_b: rewards of A and of B, shape [N]. Returns probabilities, shape [N].
    """
    ### BEGIN SOLUTION
    return 1 / (1 + np.exp(-(r_a - r_b)))
    ### END SOLUTION


# %% check="preference"
check("preference")
### BEGIN HIDDEN TESTS
check("preference", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 2 A number: from a probability back to a gap
#
# *2 points · 3 minutes · difficulty 1 of 3*
#
# Now the other way round. You have seen how often A was chosen over B:

# %%
print(f"A is chosen over B in {numbers('gap', SEED)['percent']} of 100 comparisons")

# %% [markdown]
# How large is the gap $r_A - r_B$? Give it to two decimals. (Work it out, or let Python do it.)

# %% answer="gap"
### BEGIN SOLUTION
p = numbers("gap", SEED)["percent"] / 100
gap = np.log(p / (1 - p))
### END SOLUTION

# %% check="gap"
check("gap")
### BEGIN HIDDEN TESTS
check("gap", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 3 A choice: what comparisons cannot tell
#
# *2 points · 3 minutes · difficulty 1 of 3*
#
# A reward model gives a reward to every story. You add 10 to all of them. What stays **exactly** as it was?
#
# - **a** the probability that A is chosen over B
# - **b** the Bradley-Terry loss $-\log \sigma(r_\text{chosen} - r_\text{rejected})$ on the comparisons you recorded
# - **c** the mean reward of the stories
# - **d** which story is the best
#
# Set `shift` to all the letters that are right, as in `shift = "a c"`.

# %% answer="shift"
### BEGIN SOLUTION
shift = "a b d"
### END SOLUTION

# %% check="shift"
check("shift")
### BEGIN HIDDEN TESTS
check("shift", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 4 A bug hunt: the loss looks fine
#
# *3 points · 6 minutes · difficulty 2 of 3*
#
# Somebody trained a reward model on 300 comparisons and kept 300 fresh ones aside. *Accuracy* is the share of pairs in
# which the story the person chose gets the higher reward. No error message, no warning:

# %%
import matplotlib.pyplot as plt

loss = [0.67, 0.61, 0.57, 0.53, 0.50, 0.48, 0.46, 0.44, 0.43, 0.41, 0.40, 0.39]
train = [0.37, 0.22, 0.16, 0.15, 0.14, 0.14, 0.14, 0.13, 0.13, 0.13, 0.13, 0.12]
fresh = [0.42, 0.20, 0.14, 0.14, 0.13, 0.12, 0.13, 0.12, 0.12, 0.12, 0.12, 0.12]

fig, ax = plt.subplots(figsize=(6.4, 3.2))
for values, name, style in (
    (loss, "loss (nats)", "-"),
    (train, "train accuracy", "--"),
    (fresh, "fresh accuracy", ":"),
):
    ax.plot(range(1, 13), values, style, color="black")
    ax.annotate(name, (12, values[-1]), xytext=(4, -9 if values is fresh else 3), textcoords="offset points")
ax.axhline(0.5, color="0.8", zorder=0)
ax.annotate("a coin", (1, 0.5), xytext=(0, 3), textcoords="offset points", color="0.5")
ax.set(xlabel="epoch", ylim=(0, 0.75), xlim=(1, 15), xticks=range(1, 13))
ax.spines[["top", "right"]].set_visible(False)

# %% [markdown]
# *In words: over twelve epochs the loss falls smoothly from 0.67 to 0.39 nats; the accuracy on training pairs falls
# from 0.37 to 0.12, and the accuracy on fresh pairs from 0.42 to 0.12.*
#
# What is wrong?
#
# - **a** the learning rate is too high
# - **b** `chosen` and `rejected` are swapped in the loss
# - **c** the model learns its training pairs by heart
# - **d** the labels are pure noise
#
# And which one curve rules out the other three: `"loss"`, `"train"` or `"fresh"`? Set
# `falling_loss = {"fault": "…", "evidence": "…"}`. Each part is worth half the points.

# %% answer="falling_loss"
### BEGIN SOLUTION
falling_loss = {"fault": "b", "evidence": "train"}
### END SOLUTION

# %% check="falling_loss"
check("falling_loss")
### BEGIN HIDDEN TESTS
check("falling_loss", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 5 An agent: find the flag
#
# *3 points · 6 minutes · difficulty 1 of 3*
#
# A corridor has eleven cells, numbered 0 to 10. You stand in one of them, a flag in another. Each step costs 0.1; the
# step onto the flag pays 1 instead and ends the episode, and after 20 steps it ends anyway. Write the policy that
# gets the most. It acts for $E$ corridors at once. Your agent is judged by its mean return, on corridors it has never
# seen.


# %% answer="corridor"
def walk(obs: np.ndarray) -> np.ndarray:
    """One step in each of E corridors: −1 goes left, +1 goes right, 0 stays.

    obs: your cell and the flag's cell, shape [E, 2]. Returns the actions, shape [E].
    """
    ### BEGIN SOLUTION
    return np.sign(obs[:, 1] - obs[:, 0])
    ### END SOLUTION


# %% check="corridor"
check("corridor")
### BEGIN HIDDEN TESTS
check("corridor", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 6 A short text: a taste of your own
#
# *6 points · 10 minutes · difficulty 1 of 3*
#
# You will soon teach a model your taste by choosing between its stories. In 60 to 250 words: name a taste that two
# people could disagree about; say what in a story lets you tell which of two is better; then think of a story that
# would win every comparison and that you would still not like.
#
# | a person marks | points |
# | --- | --- |
# | names a taste that two people could disagree about | 1.5 |
# | says what in a text lets a person tell the better one | 1.5 |
# | gives a text that a model could learn to write which scores well and is not liked | 2 |
# | clear and short | 1 |
#
# Write below, in place of `YOUR ANSWER HERE`, and save. The check only counts words.

# %% [markdown] essay="taste"
# I like stories that end on a small surprise. Others want to see the ending coming, because being right about it is
# part of their pleasure, so we would disagree often.
#
# Of two stories I look at the last sentence: could I have guessed it from the one before? If not, and if it still
# fits what the hero wanted, that story is the better one.
#
# A model that learns this from my choices would soon write stories whose last sentence has nothing to do with the
# rest: "Then the moon fell into the soup." Nobody can guess that, so it would win each comparison that I make in a
# hurry. I would not like it, because a surprise that fits nothing is only noise. What I meant was a surprise that
# makes sense afterwards, and my choices did not say so.

# %%
check("taste")

# %% [markdown]
# ## How far you are

# %%
progress()
