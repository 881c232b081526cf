# %% [markdown]
# # Exercise 09: agreement
#
# You take luck out of agreement, measure a scale with gaps, read what a person asked twice gives away, weigh votes, and find
# out what is wrong with a stranger.
#
# | | |
# | --- | --- |
# | **Time** | about 45 minutes |
# | **Points** | 20 |
# | **Needs** | any laptop, no network, no GPU |
# | **Before** | lesson 09 |
# | **Solution** | `solutions/09_agreement.ipynb` in the repository, for afterwards |
#
# Shapes: $N$ items, $R$ people. All arrays are NumPy's; NaN stands where somebody has not answered.

# %%
import numpy as np

from rlhf_edu.grading import check, progress

# %% [markdown]
# ## 1 Two people and luck
#
# *4 points · 8 minutes · difficulty 1 of 3*
#
# Cohen's κ, on the items that both have answered. The numbers are only names of answers.
#
# $$\kappa = \frac{P_o - P_e}{1 - P_e}, \qquad P_e = \sum_k p_k\, q_k$$
#
# By hand: answers 1, 1, 2, 2 and 1, 2, 2, 2 give $P_o = 3/4$, $P_e = \frac12 \cdot \frac14 + \frac12 \cdot \frac34 =
# \frac12$ and $\kappa = \frac12$.


# %% answer="kappa_of_two"
def kappa_of_two(a: np.ndarray, b: np.ndarray) -> float:
    """Cohen's κ of two people.

    a and b [N], with NaN where one of them has not answered. Returns one number.
    """
    ### BEGIN SOLUTION
    both = ~(np.isnan(a) | np.isnan(b))
    a, b = a[both], b[both]
    observed = np.mean(a == b)
    by_chance = sum(np.mean(a == k) * np.mean(b == k) for k in np.unique(np.append(a, b)))
    return float((observed - by_chance) / (1 - by_chance))
    ### END SOLUTION


# %% check="kappa_of_two"
check("kappa_of_two")
### BEGIN HIDDEN TESTS
check("kappa_of_two", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 2 A scale, many people, gaps
#
# *5 points · 12 minutes · difficulty 2 of 3*
#
# Krippendorff's α for distances. Item $i$ has $n_i$ answers; items with a single answer are left out of everything, and $n$
# counts the answers that remain.
#
# $$\alpha = 1 - \frac{D_o}{D_e}, \qquad D_o = \frac{1}{n}\sum_i \frac{1}{n_i - 1} \sum_{r \ne s} (x_{ir} - x_{is})^2,
# \qquad D_e = \frac{1}{n(n-1)} \sum_{x,\,y} (x - y)^2$$
#
# By hand: the rows (1, 2), (5, 4), (3, 3) give $D_o = 4/6$, $D_e = 120/30 = 4$ and $\alpha = 0.83$.


# %% answer="alpha_of_ratings"
def alpha_of_ratings(table: np.ndarray) -> float:
    """Krippendorff's α with squared distances.

    table [N, R], with NaN where somebody has not answered. Returns one number.
    """
    ### BEGIN SOLUTION
    rows = [row[~np.isnan(row)] for row in table]
    rows = [row for row in rows if len(row) > 1]
    everything = np.concatenate(rows)
    n = len(everything)
    observed = sum(((row[:, None] - row) ** 2).sum() / (len(row) - 1) for row in rows) / n
    by_chance = ((everything[:, None] - everything) ** 2).sum() / (n * (n - 1))
    return float(1 - observed / by_chance)
    ### END SOLUTION


# %% check="alpha_of_ratings"
check("alpha_of_ratings")
### BEGIN HIDDEN TESTS
check("alpha_of_ratings", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 3 Asked twice, sides swapped
#
# *3 points · 6 minutes · difficulty 1 of 3*
#
# Somebody compares the same $N$ pairs twice, the second time with the sides swapped. `first` and `second` say which side
# they *pressed*: 0 left, 1 right. Return two numbers: the share of pairs for which they chose the same **story** both times,
# and the share of *left* among all $2N$ presses. By hand: left, left, right at first and right, left, left afterwards give
# 2/3 and 4/6.


# %% answer="asked_twice"
def asked_twice(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """(share of pairs with the same story, share of left among all presses).

    first and second [N], whole numbers 0 or 1.
    """
    ### BEGIN SOLUTION
    same_story = np.mean(first != second)  # the other side, and thus the same story
    left = np.mean(np.concatenate([first, second]) == 0)
    return float(same_story), float(left)
    ### END SOLUTION


# %% check="asked_twice"
check("asked_twice")
### BEGIN HIDDEN TESTS
check("asked_twice", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 4 Votes of unequal weight
#
# *4 points · 10 minutes · difficulty 2 of 3*
#
# The step of Dawid and Skene that finds the truth when the people are known. Is the answer to item $i$ yes (1)? Person $r$ is right with chance
# `accuracy[r]`, whatever is true, and independently of the others; before anybody has spoken, yes has the chance `prior`.
#
# $$P(\text{true}_i = j \mid \text{said}) \propto P(j) \prod_{r \text{ answered}} P(\text{said}_{ir} \mid j)$$
#
# By hand: with `prior` 1/2, accuracies 0.9, 0.6, 0.6 and the votes yes, no, no, yes has odds $9 \cdot \frac23 \cdot \frac23 = 4$,
# thus 0.8.


# %% answer="unequal_votes"
def unequal_votes(said: np.ndarray, accuracy: np.ndarray, prior: float) -> np.ndarray:
    """The probability that the true answer is yes, for each item.

    said [N, R]: 1 yes, 0 no, NaN for no answer; accuracy [R], between 0 and 1. Returns [N].
    """
    ### BEGIN SOLUTION
    if_yes = np.where(said == 1, accuracy, 1 - accuracy)
    if_no = np.where(said == 1, 1 - accuracy, accuracy)
    gap = np.isnan(said)
    yes = prior * np.where(gap, 1.0, if_yes).prod(axis=1)
    no = (1 - prior) * np.where(gap, 1.0, if_no).prod(axis=1)
    return yes / (yes + no)
    ### END SOLUTION


# %% check="unequal_votes"
check("unequal_votes")
### BEGIN HIDDEN TESTS
check("unequal_votes", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 5 A bug hunt: a stranger among us
#
# *4 points · 8 minutes · difficulty 2 of 3*
#
# Four people compare the same 200 pairs. Fifty of the pairs come a second time, with fresh sides. Forty more pairs are
# **obvious**: a whole story against a torn one, which nobody likes. All four files are read by the same program, and no
# error appears. The report:

# %%
kappa = np.array(
    [[1.00, 0.94, 0.91, -0.08], [0.94, 1.00, 0.92, -0.05], [0.91, 0.92, 1.00, -0.10], [-0.08, -0.05, -0.10, 1.00]]
)
report = {
    "same answer twice": [0.98, 0.94, 0.94, 0.96],
    "left among decided": [0.50, 0.56, 0.50, 0.50],
    "ties": [0.19, 0.19, 0.19, 0.17],
    "obvious pairs right": ["40/40", "40/40", "40/40", "18/40"],
}
print(f"{'':<22}{'A':>8}{'B':>8}{'C':>8}{'D':>8}")
for name, row in zip("ABCD", kappa, strict=True):
    print(f"{'κ with ' + name:<22}" + "".join(f"{x:>8.2f}" for x in row))
for name, values in report.items():
    print(f"{name:<22}" + "".join(f"{x:>8}" for x in values))

# %% [markdown]
# What is wrong with D?
#
# - **a** D clicks at random
# - **b** D's answers are joined to the wrong pairs: that file numbers the pairs in another order, the same one both times
# - **c** D has another taste than the others
# - **d** D always presses the same side
# - **e** ties were dropped before κ was computed
#
# And which one line of the report rules out that D clicks at random: `"kappa"`, `"twice"`, `"left"` or `"ties"`? Set
# `stranger = {"fault": "…", "evidence": "…"}`. Each part is worth half the points.

# %% answer="stranger"
### BEGIN SOLUTION
stranger = {"fault": "b", "evidence": "twice"}
### END SOLUTION

# %% check="stranger"
check("stranger")
### BEGIN HIDDEN TESTS
check("stranger", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## How far you are

# %%
progress()
