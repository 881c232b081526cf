# %% [markdown]
# # Exercise 18: Reward hacking
#
# You compute what a fooled judge costs, fit the law of over-optimisation, write two defences, and hunt a fault that makes a
# defence look better than it is.
#
# | | |
# | --- | --- |
# | **Time** | about 50 minutes |
# | **Points** | 21 |
# | **Needs** | any laptop, no network, no GPU |
# | **Before** | lesson 18 |
# | **Solution** | `solutions/18_reward_hacking.ipynb` in the repository, for afterwards |

# %%
import numpy as np

from rlhf_edu.grading import check, progress

# %% [markdown]
# ## 1 The gold of the best
#
# *5 points · 12 minutes · difficulty 3 of 3*
#
# You have $N$ texts with their proxy and gold rewards. Of $n$ drawn **without replacement**, the one with the highest proxy is kept. What
# is its gold on average, over **all** $\binom{N}{n}$ choices of $n$ texts?
#
# No need to list them: sort the texts by proxy, lowest first. The $i$-th (counting from 1) is kept if it is drawn and all others come from
# the $i - 1$ below it, so with chance
#
# $$w_i = \binom{i-1}{n-1} \Big/ \binom{N}{n}$$
#
# No two proxies are equal. By hand: proxy 1, 2, 3, gold 5, 0, 1 and $n = 2$: the kept ones are 2, 3, 3, so gold is $(0 + 1 + 1)/3 = 0.67$.
# (`math.comb` counts.)

# %%
import math


# %% answer="gold_of_best"
def gold_of_best(proxy: np.ndarray, gold: np.ndarray, n: int) -> float:
    """Mean gold of the text with the highest proxy among n, over all choices of n of the N texts.

    proxy and gold [N]; 1 ≤ n ≤ N.
    """
    ### BEGIN SOLUTION
    N = len(proxy)
    weights = [math.comb(i, n - 1) / math.comb(N, n) for i in range(N)]
    return float(gold[np.argsort(proxy)] @ np.array(weights))
    ### END SOLUTION


# %% check="gold_of_best"
check("gold_of_best")
### BEGIN HIDDEN TESTS
check("gold_of_best", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 2 Where gold turns
#
# *5 points · 12 minutes · difficulty 2 of 3*
#
# For RL, with $d = \sqrt{\text{KL}}$, fit by least squares
#
# $$R(d) = d\,(\alpha - \beta \log d)$$
#
# and return $\alpha$, $\beta$ and the **KL in nats** at which the fitted curve is highest: set the derivative to 0, and mind that the answer
# is not $d$. There is no intercept: at KL 0 gold is 0. (`np.linalg.lstsq` solves $Xw \approx y$.)


# %% answer="turning_point"
def turning_point(kl: np.ndarray, gold: np.ndarray) -> tuple[float, float, float]:
    """α, β and the KL (nats) at which gold is highest.

    kl [N], all above 0; gold [N], above the reference's.
    """
    ### BEGIN SOLUTION
    d = np.sqrt(kl)
    alpha, beta = np.linalg.lstsq(np.stack([d, -d * np.log(d)], axis=1), gold, rcond=None)[0]
    return float(alpha), float(beta), float(np.exp(alpha / beta - 1) ** 2)
    ### END SOLUTION


# %% check="turning_point"
check("turning_point")
### BEGIN HIDDEN TESTS
check("turning_point", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 3 Trust them as far as they agree
#
# *4 points · 8 minutes · difficulty 2 of 3*
#
# $M$ judges score $B$ texts, each on a scale of its own. First **settle** them: give every judge mean 0 and standard deviation 1 on
# `typical` texts (divide by $T$ in that deviation, NumPy's default). Then return the lower bound of each text,
#
# $$\text{mean over judges} - k \cdot \text{standard deviation over judges}$$
#
# where this deviation has $M - 1$ in the denominator (`ddof=1`).


# %% answer="agreed_reward"
def agreed_reward(opinions: np.ndarray, typical: np.ndarray, k: float) -> np.ndarray:
    """The lower bound of each text.

    opinions [M, B]; typical [M, T]: what the same judges say of texts of the reference. Returns [B].
    """
    ### BEGIN SOLUTION
    settled = (opinions - typical.mean(1, keepdims=True)) / typical.std(1, keepdims=True)
    return settled.mean(0) - k * settled.std(0, ddof=1)
    ### END SOLUTION


# %% check="agreed_reward"
check("agreed_reward")
### BEGIN HIDDEN TESTS
check("agreed_reward", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 4 A price that finds itself
#
# *4 points · 8 minutes · difficulty 2 of 3*
#
# One step of a constraint with a Lagrange multiplier $\lambda$. Pay this batch at the present price, then move the price:
#
# $$r' = \frac{r - \lambda c}{1 + \lambda}, \qquad \lambda \leftarrow \lambda \cdot e^{\eta\,(\text{mean } c - \text{limit})}$$


# %% answer="pay_and_reprice"
def pay_and_reprice(
    reward: np.ndarray, cost: np.ndarray, multiplier: float, limit: float, rate: float
) -> tuple[np.ndarray, float]:
    """What each text is paid, and the multiplier afterwards.

    reward and cost [B]; multiplier is λ, rate is η.
    """
    ### BEGIN SOLUTION
    paid = (reward - multiplier * cost) / (1 + multiplier)
    return paid, float(multiplier * np.exp(rate * (cost.mean() - limit)))
    ### END SOLUTION


# %% check="pay_and_reprice"
check("pay_and_reprice")
### BEGIN HIDDEN TESTS
check("pay_and_reprice", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 5 A bug hunt: perfect harmony
#
# *3 points · 6 minutes · difficulty 2 of 3*
#
# A team trains five reward models, each on a bootstrap sample of 200 choices, and lets PPO climb on mean − spread with β = 0.05. They
# trust it: "the five have never disagreed". People rate samples of every fourth step, blind. (Made-up curves.)

# %%
import matplotlib.pyplot as plt


def read(text: str) -> list[float]:
    return [float(x) for x in text.split()]


curves = {
    "score": read("0.0 0.6 1.2 1.7 2.2 2.6 2.9 3.2 3.4 3.6 3.7"),
    "spread": read("0.0 0.0 0.0 0.0 0.0 0.0 0.0 0.0 0.0 0.0 0.0"),
    "kl": read("0.0 1.1 3.2 6.0 9.5 13.8 18.2 23.5 28.4 33.0 38.1"),
    "people": read("0.0 0.3 0.5 0.6 0.5 0.3 0.1 -0.2 -0.5 -0.7 -0.9"),
}
labels = ("score (sd)", "spread of the five (sd)", "KL (nats a text)", "people's rating (sd)")
fig, axes = plt.subplots(1, 4, figsize=(11, 2.4), layout="constrained")
for ax, curve, label in zip(axes, curves.values(), labels, strict=True):
    ax.plot(range(0, 44, 4), curve, color="black")
    ax.set(title=label, xlabel="step", ylim=(min(min(curve), -0.1), 1.1 * max(max(curve), 1)))
    ax.title.set_fontsize(10)
    ax.spines[["top", "right"]].set_visible(False)

# %% [markdown]
# *In words: over forty steps the score rises from 0 to 3.7, the spread of the five is 0.00 throughout, the KL rises to 38 nats, and people's
# ratings rise to 0.6 at step 12 and fall to −0.9.*
#
# What is wrong?
#
# - **a** the penalty for the KL has the wrong sign
# - **b** the five are copies: the random generator is seeded anew for each, so that all get the same sample
# - **c** the five were not settled on a common scale
# - **d** chosen and rejected are swapped in the choices
# - **e** nothing: a spread of 0 means that the choices were clear
#
# And which one curve proves it: `"score"`, `"spread"`, `"kl"` or `"people"`? Set `harmony = {"fault": "…", "evidence": "…"}`. Each part
# is worth half the points.

# %% answer="harmony"
### BEGIN SOLUTION
harmony = {"fault": "b", "evidence": "spread"}
### END SOLUTION

# %% check="harmony"
check("harmony")
### BEGIN HIDDEN TESTS
check("harmony", hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## How far you are

# %%
progress()
