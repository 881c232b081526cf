# %% [markdown]
# # Exercise 13: better questions
#
# You value a question, learn from answers without losing anybody to rounding, choose questions that do not repeat each other,
# read a ledger, and find out why a busy loop learns so little.
#
# | | |
# | --- | --- |
# | **Time** | about 50 minutes |
# | **Points** | 20 |
# | **Needs** | any laptop, no network, no GPU |
# | **Before** | lesson 13 |
# | **Solution** | `solutions/13_better_questions.ipynb` in the repository, for afterwards |
#
# Shapes: $E$ members of an ensemble, $N$ questions, $D$ features. All arrays are NumPy's.

# %%
import numpy as np

from rlhf_edu.grading import check, progress

# %% [markdown]
# ## 1 What an answer is expected to tell
#
# *4 points · 8 minutes · difficulty 1 of 3*
#
# Member $e$, believed with probability $\pi_e$, says that question $n$ is answered yes with chance $p_{en}$, which may be 0 or 1.
#
# $$I_n = H\Big(\sum_e \pi_e\, p_{en}\Big) - \sum_e \pi_e\, H(p_{en}), \qquad H(p) = -p \ln p - (1 - p) \ln (1 - p), \quad
# 0 \ln 0 = 0$$
#
# By hand: two members with π = ½ who say 1 and 0 give $\ln 2 = 0.693$; two who both say ½ give 0.


# %% answer="expected_gain"
def expected_gain(probs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Expected information gain of each question, in nats.

    probs [E, N], between 0 and 1, both included; weights [E], which add up to 1. Returns [N].
    """

    ### BEGIN SOLUTION
    def entropy(p):
        q = 1 - p
        return -p * np.log(np.where(p > 0, p, 1)) - q * np.log(np.where(q > 0, q, 1))

    return entropy(weights @ probs) - weights @ entropy(probs)
    ### END SOLUTION


# %% check="expected_gain"
check("expected_gain")
### BEGIN HIDDEN TESTS
check("expected_gain", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 2 After the answers
#
# *4 points · 10 minutes · difficulty 2 of 3*
#
# Bayes' rule for the members: each counts as much as it had expected what was said.
#
# $$\pi_e \leftarrow \frac{\pi_e \prod_n P_e(\text{answer}_n)}{\sum_f \pi_f \prod_n P_f(\text{answer}_n)}$$
#
# A yes has the chance $p_{en}$, a no $1 - p_{en}$, and a skipped question (NaN) says nothing. There may be thousands of answers,
# and the product of thousands of chances is 0 in floating point. By hand: weights ½ and ½, chances 0.9 and 0.3, one no: ⅛ and ⅞.


# %% answer="after_answers"
def after_answers(weights: np.ndarray, probs: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """The members' weights after all answers.

    weights [E], which add up to 1; probs [E, N], above 0 and below 1; answers [N]: 1 yes, 0 no, NaN skipped. Returns [E].
    """
    ### BEGIN SOLUTION
    asked = ~np.isnan(answers)
    likely = np.where(answers[asked] == 1, probs[:, asked], 1 - probs[:, asked])
    logs = np.log(weights) + np.log(likely).sum(axis=1)
    after = np.exp(logs - logs.max())
    return after / after.sum()
    ### END SOLUTION


# %% check="after_answers"
check("after_answers")
### BEGIN HIDDEN TESTS
check("after_answers", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 3 Ten questions at once
#
# *5 points · 15 minutes · difficulty 3 of 3*
#
# The reward is linear, $w \sim N(\cdot, \Sigma)$, and a question is a difference $x$ of features. While all answers are open, question $x$ tells
# about
#
# $$g(x) = \tfrac12 \ln\left(1 + \tfrac14\, x^\top \Sigma\, x\right)$$
#
# Choose `k` questions, one after the other: the one with the largest $g$ among those not yet chosen; then, before the next,
# as if it were answered,
#
# $$\Sigma \leftarrow \Sigma - \frac{\Sigma x\, x^\top \Sigma}{4 + x^\top \Sigma\, x}$$
#
# By hand: $\Sigma = I$ and the questions (3, 0), (2.9, 0), (0, 1). First (3, 0). That leaves $\Sigma_{11} = 1 - 9/13 = 0.31$; now
# (2.9, 0) has $x^\top \Sigma x = 2.6$ and still beats (0, 1) with 1.


# %% answer="ask_together"
def ask_together(differences: np.ndarray, covariance: np.ndarray, k: int) -> np.ndarray:
    """The numbers (positions) of k different questions, in the order in which they were chosen.

    differences [N, D], covariance [D, D], k at most N. Returns an array of whole numbers, shape [k].
    """
    ### BEGIN SOLUTION
    sigma, chosen = covariance.copy(), []
    for _ in range(k):
        spread = np.einsum("nd,de,ne->n", differences, sigma, differences)
        spread[chosen] = -np.inf
        best = int(spread.argmax())  # g grows with the spread
        column = sigma @ differences[best]
        sigma = sigma - np.outer(column, column) / (4 + spread[best])
        chosen.append(best)
    return np.array(chosen)
    ### END SOLUTION


# %% check="ask_together"
check("ask_together")
### BEGIN HIDDEN TESTS
check("ask_together", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 4 What a target cost
#
# *3 points · 8 minutes · difficulty 1 of 3*
#
# A ledger has one row a purchase: the labels and minutes spent *since the row before*, and the score after it. What did it cost, from the
# beginning, to reach `target` **and stay there**: to the first row from which the score never falls below it again? A score equal to
# the target is enough. If it was never reached for good, both numbers are −1.
#
# By hand: labels 10, 10, 20, 10 and scores 0.5, 0.8, 0.7, 0.9. A target of 0.75 costs 50 labels: the 0.8 did not last.


# %% answer="price_of"
def price_of(labels: np.ndarray, minutes: np.ndarray, score: np.ndarray, target: float) -> tuple[float, float]:
    """(labels, minutes) spent until the score reached the target for good; (-1, -1) if it never did.

    labels, minutes and score [R].
    """
    ### BEGIN SOLUTION
    below = np.flatnonzero(score < target)
    last = below[-1] + 1 if len(below) else 0
    if last == len(score):
        return -1.0, -1.0
    return float(labels[: last + 1].sum()), float(minutes[: last + 1].sum())
    ### END SOLUTION


# %% check="price_of"
check("price_of")
### BEGIN HIDDEN TESTS
check("price_of", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 5 A bug hunt: busy, and none the wiser
#
# *4 points · 8 minutes · difficulty 2 of 3*
#
# A loop chooses sixty questions by expected information gain; another asks sixty at random. No question is asked twice, and no error
# appears. The person is the same. *Promised* is the gain that the loop itself computes for the question it is about to ask; *foreseen* says how often
# the belief had guessed the answer. Means over eight seeds:

# %%
report = {
    "r with the taste after 5, 20, 60 answers": ("0.58, 0.78, 0.86", "0.61, 0.85, 0.93"),
    "again: same answer when asked again": ("0.93", "0.81"),
    "alike: mean |cosine| between questions": ("0.86", "0.42"),
    "promised: nats, first ten and last ten": ("0.55, 0.54", "0.30, 0.11"),
    "foreseen: last twenty answers guessed": ("0.92", "0.79"),
}
print(f"{'':<42}{'chosen':>18}{'random':>18}")
for name, (chosen, at_random) in report.items():
    print(f"{name:<42}{chosen:>18}{at_random:>18}")

# %% [markdown]
# What is wrong with the loop that chooses?
#
# - **a** it values questions by the belief as it was before the first answer
# - **b** it asks the question of *least* gain
# - **c** it shuffles the sides of each pair, and does not turn the answers back
# - **d** it values questions by the entropy of the mean answer alone, and there are twins among them
# - **e** nothing: the person wavers on the questions that it chooses
#
# And which line says so most directly, since *no* loop with a working belief could print it beside the line "foreseen": `"again"`, `"alike"` or
# `"promised"`? Set `busy_loop = {"fault": "…", "evidence": "…"}`. Each part is worth half the points.

# %% answer="busy_loop"
### BEGIN SOLUTION
busy_loop = {"fault": "a", "evidence": "promised"}
### END SOLUTION

# %% check="busy_loop"
check("busy_loop")
### BEGIN HIDDEN TESTS
check("busy_loop", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## How far you are

# %%
progress()
