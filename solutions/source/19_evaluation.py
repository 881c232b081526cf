# %% [markdown]
# # Exercise 19: Evaluation
#
# You write what every comparison of language models should report: an interval, a test, a ranking; and find out why a result that looked
# clean was not.
#
# | | |
# | --- | --- |
# | **Time** | about 50 minutes |
# | **Points** | 21 |
# | **Needs** | any laptop, no network, no GPU |
# | **Before** | lesson 19 |
# | **Solution** | `solutions/19_evaluation.ipynb` in the repository, for afterwards |

# %%
import math

import numpy as np

from rlhf_edu.grading import check, progress

# %% [markdown]
# ## 1 An interval that keeps its promise
#
# *4 points · 8 minutes · difficulty 2 of 3*
#
# Wilson's interval for a win rate. A tie counts as half a win: $\hat p = (\text{wins} + \tfrac12\,\text{ties})/n$, where $n$ counts all three.
#
# $$\frac{\hat p + \frac{z^2}{2n} \pm z\sqrt{\frac{\hat p(1-\hat p)}{n} + \frac{z^2}{4n^2}}}{1 + z^2/n}$$
#
# By hand: 10 wins, no ties, no losses and $z = 1.96$ give 0.722 to 1.


# %% answer="wilson_interval"
def wilson_interval(wins: int, ties: int, losses: int, z: float) -> tuple[float, float]:
    """The lower and the upper end of the interval."""
    ### BEGIN SOLUTION
    n = wins + ties + losses
    p = (wins + ties / 2) / n
    centre, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (centre - half) / (1 + z * z / n), (centre + half) / (1 + z * z / n)
    ### END SOLUTION


# %% check="wilson_interval"
check("wilson_interval")
### BEGIN HIDDEN TESTS
check("wilson_interval", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 2 Might it be luck?
#
# *4 points · 10 minutes · difficulty 2 of 3*
#
# The sign test: two policies were scored on the same prompts. Leave ties out. Of the $n$ decided prompts, the more successful policy won $w$.
# If neither were better, each would be a toss of a coin:
#
# $$P = \min\Bigl(1,\; 2 \sum_{k=w}^{n} \binom{n}{k}\, 2^{-n}\Bigr)$$
#
# By hand: 8 of 10 give $2 \cdot (45 + 10 + 1)/1024 = 0.109$. With nothing decided, $P = 1$.


# %% answer="luck"
def luck(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The two-sided P of the sign test. ours and theirs [N]: scores on the same prompts."""
    ### BEGIN SOLUTION
    wins, n = int((ours > theirs).sum()), int((ours != theirs).sum())
    w = max(wins, n - wins)
    return min(1.0, 2 * sum(math.comb(n, k) for k in range(w, n + 1)) / 2**n)
    ### END SOLUTION


# %% check="luck"
check("luck")
### BEGIN HIDDEN TESTS
check("luck", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 3 One order for all
#
# *6 points · 14 minutes · difficulty 3 of 3*
#
# `wins[i, j]` says how often policy $i$ beat $j$ (ties count half for each). Find ratings with $P(i \text{ beats } j) = \sigma(r_i - r_j)$ that
# make the games most likely, and shift them so that their mean is 0. At the best ratings, everybody wins just as often as expected:
#
# $$\sum_j w_{ij} = \sum_j (w_{ij} + w_{ji})\,\sigma(r_i - r_j) \qquad \text{for every } i$$
#
# So start at 0 and let each rating rise while its owner won more often than expected; a few thousand steps of
# (won − expected) / (games of $i$) will do. Here any two who have met have each won against the other, and all are linked by games, so the ratings are finite. By hand: two policies, 3
# wins to 1, give $r_1 - r_2 = \log 3$.


# %% answer="rate_policies"
def rate_policies(wins: np.ndarray) -> np.ndarray:
    """Ratings in log-odds with mean 0, right to three decimals. wins [K, K], 0 on the diagonal. Returns [K]."""
    ### BEGIN SOLUTION
    games, r = wins + wins.T, np.zeros(len(wins))
    for _ in range(5000):
        expected = games / (1 + np.exp(r[None, :] - r[:, None]))
        r = r + (wins - expected).sum(1) / games.sum(1)
    return r - r.mean()
    ### END SOLUTION


# %% check="rate_policies"
check("rate_policies")
### BEGIN HIDDEN TESTS
check("rate_policies", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 4 Elo, game by game
#
# *4 points · 10 minutes · difficulty 2 of 3*
#
# Everybody starts at 0. For each game in turn, with $S$ the score of the first player (1, ½ or 0):
#
# $$E = \frac{1}{1 + 10^{(R_b - R_a)/400}}, \qquad R_a \leftarrow R_a + k\,(S - E), \qquad R_b \leftarrow R_b - k\,(S - E)$$
#
# By hand: at $k = 32$ the first of two beginners wins, so $E = ½$ and the ratings are $+16$ and $-16$.


# %% answer="elo_run"
def elo_run(games: np.ndarray, players: int, k: float) -> np.ndarray:
    """Ratings after all games.

    games [G, 3], a row each: number of the first player, of the second, and the first's score. Returns [players].
    """
    ### BEGIN SOLUTION
    ratings = np.zeros(players)
    for first, second, score in games:
        a, b = int(first), int(second)
        surprise = score - 1 / (1 + 10 ** ((ratings[b] - ratings[a]) / 400))
        ratings[a] += k * surprise
        ratings[b] -= k * surprise
    return ratings
    ### END SOLUTION


# %% check="elo_run"
check("elo_run")
### BEGIN HIDDEN TESTS
check("elo_run", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 5 A bug hunt: sixty-two per cent
#
# *3 points · 6 minutes · difficulty 2 of 3*
#
# "Our new policy wins 62 % of 400 blind comparisons (Wilson: 57 % to 67 %)." The judges are people who never saw the reward model. A colleague
# checks four things (made-up numbers, 400 comparisons each):
#
# | check | result |
# | --- | --- |
# | `"fresh"`: other openings, drawn after the training | the new policy wins 61 % |
# | `"seeds"`: policies of four other training seeds | they win 60, 62, 61 and 63 % |
# | `"ties"`: ties counted as half a win, not left out | 61 % |
# | `"itself"`: the *old* policy against itself, two samples each, shown by the same program | the one in the new policy's place wins 61 % |
#
# What is wrong?
#
# - **a** the openings of the test were used in training
# - **b** the best of several seeds was reported
# - **c** dropping ties made the rate look better
# - **d** the new policy always stands in the same place, and that place is favoured
# - **e** nothing: the new policy is better
#
# And which check proves it? Set `sixty_two = {"fault": "…", "evidence": "…"}`. Each part is worth half the points.

# %% answer="sixty_two"
### BEGIN SOLUTION
sixty_two = {"fault": "d", "evidence": "itself"}
### END SOLUTION

# %% check="sixty_two"
check("sixty_two")
### BEGIN HIDDEN TESTS
check("sixty_two", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## How far you are

# %%
progress()
