"""What is true when people of unequal quality disagree: their errors and the truth, learned from each other.

Dawid & Skene (1979), "Maximum likelihood estimation of observer error-rates using the EM algorithm".
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from rlhf_edu.feedback.agreement import Table, counts
from rlhf_edu.feedback.types import Number


class Truth(NamedTuple):
    """What `dawid_skene` found. `confusion[r, j, k]` is the chance that person r says k where j is true."""

    posterior: Float[np.ndarray, "N K"]
    confusion: Float[np.ndarray, "R K K"]
    prior: Float[np.ndarray, " K"]
    values: Float[np.ndarray, " K"]
    loss: list[float]  # minus the log of likelihood times smoothing, at each step: it never rises

    @property
    def best(self) -> Float[np.ndarray, " N"]:
        """The most probable value of each item."""
        return self.values[self.posterior.argmax(axis=1)]

    @property
    def accuracy(self) -> Float[np.ndarray, " R"]:
        """How often each person is right, over items as frequent as the prior says."""
        return np.einsum("j,rjj->r", self.prior, self.confusion)


def dawid_skene(table: Table, steps: int = 500, smoothing: Number = 0.1, tolerance: Number = 1e-8) -> Truth:
    """Expectation-maximisation, started from the shares of votes.

    E:  P(true_i = j) ∝ p_j Π_r π^r_j,said(i,r)                                                    (eq. 2.5)
    M:  π^r_jk ∝ Σ_i P(true_i = j) [r said k of i] + smoothing,     p_j = mean_i P(true_i = j)      (eq. 2.3, 2.4)

    `smoothing` imagined answers in each cell keep a person who was never wrong from counting as infallible.
    """
    n, values = counts(table)
    if len(values) < 2 or (n.sum(axis=1) == 0).any():
        raise ValueError(f"needs two different values and an answer to each item, but got {len(values)} value(s)")
    if smoothing <= 0:
        raise ValueError(f"smoothing is {smoothing}, but it must be more than 0")
    said = (table[:, :, None] == values).astype(float)  # items, people, values
    posterior, loss = n / n.sum(axis=1, keepdims=True), []
    while True:
        confusion = np.einsum("ij,irk->rjk", posterior, said) + smoothing
        confusion /= confusion.sum(axis=2, keepdims=True)
        prior = posterior.mean(axis=0)
        joint = np.log(prior + 1e-300) + np.einsum("irk,rjk->ij", said, np.log(confusion))
        top = joint.max(axis=1, keepdims=True)
        evidence = top + np.log(np.exp(joint - top).sum(axis=1, keepdims=True))
        posterior = np.exp(joint - evidence)
        loss.append(-float(evidence.sum() + smoothing * np.log(confusion).sum()))
        if len(loss) >= steps or (len(loss) > 1 and loss[-2] - loss[-1] < tolerance):
            return Truth(posterior, confusion, prior, values, loss)
