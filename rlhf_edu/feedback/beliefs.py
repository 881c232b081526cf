"""What a few answers say about a linear reward, and how far they leave it open: a Gaussian belief, one answer at a time.

    P(first better) = σ(w · x),   w ~ N(mean, covariance),   x = features of the first text − features of the second

After an answer the belief about w is no Gaussian any more; it is replaced by the Gaussian with the same mean and
covariance (assumed-density filtering; Opper 1998, "A Bayesian approach to on-line learning"; Minka 2001, "Expectation
propagation"). An answer concerns w only through z = w · x, so that every integral here has one dimension.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rlhf_edu.feedback.queries import entropy, sigmoid
from rlhf_edu.feedback.types import Number

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(41)  # E f(z) = Σ weight · f(mean + deviation · node)
# Good to 0.01 nats up to a deviation of 7: scale features so that beliefs stay below it.
WEIGHTS = WEIGHTS / WEIGHTS.sum()


@dataclass(frozen=True)
class Belief:
    """w ~ N(mean, covariance). `learn` gives a new belief and leaves this one as it is."""

    mean: Float[np.ndarray, " D"]
    covariance: Float[np.ndarray, "D D"]

    def spread(self, x: Float[np.ndarray, "N D"]) -> tuple[Float[np.ndarray, " N"], Float[np.ndarray, " N"]]:
        """Mean and standard deviation of z = w · x, for each question."""
        variance = np.einsum("nd,nd->n", x @ self.covariance, x)
        return x @ self.mean, np.sqrt(np.maximum(variance, 0.0))

    def chance(self, x: Float[np.ndarray, "N D"]) -> Float[np.ndarray, " N"]:
        """How likely the first text is to be called better: E σ(w · x)."""
        return sigmoid(self._logits(x)) @ WEIGHTS

    def gain(self, x: Float[np.ndarray, "N D"]) -> Float[np.ndarray, " N"]:
        """What the answer to each question is expected to tell about w, in nats: H(E σ(z)) − E H(σ(z)).

        The information gain of `queries`, with infinitely many members: Houlsby et al. (2011), "Bayesian active learning for
        classification and preference learning".
        """
        p = sigmoid(self._logits(x))
        return np.maximum(entropy(p @ WEIGHTS) - entropy(p) @ WEIGHTS, 0.0)

    def settles(self, x: Float[np.ndarray, "N D"], texts: Float[np.ndarray, "D D"]) -> Float[np.ndarray, " N"]:
        """How much less the rewards of texts are expected to be in doubt after the answer to each question.

        Σ_texts Var[w · f] is expected to fall by  Var[E[z | answer]] xᵀΣ C Σx / s⁴,   C = `texts`, the covariance of their
        features. `gain` counts every direction of w alike, this one by how far texts differ along it: expected reduction
        of variance (MacKay 1992; Cohn, Ghahramani & Jordan 1996, "Active learning with statistical models").
        """
        mu, s = self.spread(x)
        z = mu[:, None] + s[:, None] * NODES
        p = sigmoid(z)
        yes = p @ WEIGHTS
        learned = ((p * z) @ WEIGHTS - yes * mu) ** 2 / np.maximum(yes * (1 - yes), 1e-300)  # Var[E[z | answer]]
        along = x @ self.covariance
        return np.where(s > 0, learned * np.einsum("nd,nd->n", along @ texts, along) / np.where(s > 0, s, 1) ** 4, 0.0)

    def ahead(self, features: Float[np.ndarray, "N D"], pull: Number = 1.0) -> Float[np.ndarray, "D D"]:
        """The covariance of texts' features, were they written by a policy on its way to what is believed by now.

        C = Σ_i p_i (f_i − f̄)(f_i − f̄)ᵀ,   f̄ = Σ_i p_i f_i,   p_i ∝ exp(pull · r_i / std r),   r = mean · f

        Reward minus the price of KL is highest for π(text) ∝ π_ref(text) exp(r / β) (Ziegler et al. 2019, after eq. 2), so
        that texts of the reference, weighted by p, stand for what it will write: `pull` is how many standard deviations
        of the reward it has gained, were r normal. `settles` with this C asks about those texts, not about any.
        """
        r = features @ self.mean
        p = np.exp(pull * (r - r.max()) / r.std()) if r.std() > 0 else np.ones(len(r))
        p = p / p.sum()
        off = features - p @ features
        return (off * p[:, None]).T @ off

    def learn(self, x: Float[np.ndarray, " D"], first_better: bool) -> "Belief":
        """The belief after one more answer.

        m ← m + Σx (E[z | answer] − μ) / s²        Σ ← Σ − Σx xᵀΣ (s² − Var[z | answer]) / s⁴        z ~ N(μ, s²) before
        """
        along = self.covariance @ x
        (mu,), (s,) = self.spread(x[None])
        if not s > 0:  # both texts are the same to the features: the answer tells nothing
            return self
        z = mu + s * NODES
        logs = np.log(WEIGHTS) - np.logaddexp(0, -z if first_better else z)  # σ(z) is 0 in floating point below −37
        chance = np.exp(logs - logs.max())
        chance = chance / chance.sum()
        after = chance @ z
        shrinks = s**2 - chance @ (z - after) ** 2
        mean = self.mean + along * (after - mu) / s**2
        return Belief(mean, self.covariance - np.outer(along, along) * shrinks / s**4)

    def _logits(self, x: Float[np.ndarray, "N D"]) -> Float[np.ndarray, "N K"]:
        mu, s = self.spread(x)
        return mu[:, None] + s[:, None] * NODES


def know_nothing(width: int, variance: Number = 2.0) -> Belief:
    """The belief before any answer: no direction is more likely than another.

    `variance` is that of w · f for features f of length 1. With features whose total spread is 1 and a person whose noise has
    the logistic's unit, 2 means that typical pairs are decided with some 80 % certainty.
    """
    if width < 1 or not 0 < variance < np.inf:
        raise ValueError(f"width is {width} and variance {variance}, but both must be positive")
    return Belief(np.zeros(width), variance * np.eye(width))
