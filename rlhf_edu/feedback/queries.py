"""Which question next? Scores for candidate comparisons, from what an ensemble or a posterior believes about them.

`probs[e, n]` is the chance that member e of an ensemble gives to "the first text of candidate n is better". Each function
returns one number a candidate, the more the better worth asking; `pick` turns them into candidates.
"""

import numpy as np
from jaxtyping import Float, Int

from rlhf_edu.feedback.types import Number

Probs = Float[np.ndarray, "E N"]
PerCandidate = Float[np.ndarray, " N"]


def sigmoid(x: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """σ(x) = 1 / (1 + e⁻ˣ), without overflow."""
    return 0.5 * (1 + np.tanh(x / 2))


def entropy(p: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """H(p) = −p ln p − (1 − p) ln(1 − p), in nats: how open a yes-or-no question is."""
    q = 1 - p
    return -p * np.log(np.where(p > 0, p, 1)) - q * np.log(np.where(q > 0, q, 1))


def uncertainty(probs: Probs) -> PerCandidate:
    """How open the answer is to the ensemble as a whole: H(mean_e p_e) (Lewis & Gale 1994).

    It cannot tell a question nobody has learned about yet from one that people themselves answer by a coin.
    """
    return entropy(probs.mean(axis=0))


def disagreement(probs: Probs) -> PerCandidate:
    """How much the members contradict each other: the variance of p_e (Christiano et al. 2017, section 2.2.4)."""
    return probs.var(axis=0)


def information_gain(probs: Probs) -> PerCandidate:
    """What the answer is expected to tell about which member is right, in nats.

    I(answer; e) = H(mean_e p_e) − mean_e H(p_e)                     (Houlsby et al. 2011, eq. 2)

    The first part alone is `uncertainty`; the second takes away what is the answer's own randomness.
    """
    return np.maximum(entropy(probs.mean(axis=0)) - entropy(probs).mean(axis=0), 0.0)


def pick(worth: PerCandidate, k: int, rng: np.random.Generator) -> Int[np.ndarray, " k"]:
    """The k candidates of most worth, the best first; ties in random order."""
    _enough(k, len(worth))
    shuffle = rng.permutation(len(worth))
    return shuffle[np.argsort(-worth[shuffle], kind="stable")[:k]]


def pick_at_random(n: int, k: int, rng: np.random.Generator) -> Int[np.ndarray, " k"]:
    """k of n candidates, each as likely as any other: what every cleverer way has to beat."""
    _enough(k, n)
    return rng.permutation(n)[:k]


def pick_batch(
    differences: Float[np.ndarray, "N D"],
    mean: Float[np.ndarray, " D"],
    covariance: Float[np.ndarray, "D D"],
    k: int,
) -> Int[np.ndarray, " k"]:
    """k candidates that together tell most about a linear reward, so that they do not all ask the same.

    P(first better) = σ(w · x),  w ~ N(mean, covariance),  x = features of the first text − features of the second
    gain(x) = ½ ln(1 + a xᵀ Σ x),   a = p̄ (1 − p̄),   p̄ = σ(wᵀx / √(1 + π xᵀΣx / 8)),   Σ ← Σ − Σx xᵀΣ / (1/a + xᵀΣx)

    One candidate after the other, each as if the answers before were in, whichever way they turn out: Laplace's
    approximation (MacKay 1992, "Information-based objective functions for active data selection"; p̄ as in his "The
    evidence framework applied to classification networks"). That is right for a small xᵀΣx; above some 4 it promises more
    than the ln 2 that one answer can tell: for a single question take `Belief.gain`.
    """
    _enough(k, len(differences))
    covariance, taken = covariance.copy(), np.zeros(len(differences), dtype=bool)
    logits, chosen = differences @ mean, []
    for _ in range(k):
        spread = np.einsum("nd,de,ne->n", differences, covariance, differences)
        p = sigmoid(logits / np.sqrt(1 + np.pi * spread / 8))
        gain = 0.5 * np.log1p(p * (1 - p) * spread)
        best = int(np.where(taken, -np.inf, gain).argmax())
        chosen.append(best)
        taken[best] = True
        column = covariance @ differences[best]
        covariance -= np.outer(column, column) / (1 / max(p[best] * (1 - p[best]), 1e-12) + spread[best])
    return np.array(chosen, dtype=int)


def duel(rewards: Float[np.ndarray, "E M"], rng: np.random.Generator, tries: int = 30) -> tuple[int, int]:
    """Two of M texts to compare, both likely to be the best: double Thompson sampling.

    Wu & Liu (2016), "Double Thompson sampling for dueling bandits"; for language models Dwaracherla et al. (2024).

    One member of the ensemble, drawn at random, names its best text; then others do, until one names another text. When
    `tries` of them agree, the second is drawn from the remaining texts. `rewards[e, m]` is what member e gives text m.
    """
    members, texts = rewards.shape
    if texts < 2:
        raise ValueError(f"a duel needs two texts, but got {texts}")
    best = [int(rng.choice(np.flatnonzero(row == row.max()))) for row in rewards]  # ties at random
    first = best[int(rng.integers(members))]
    for member in rng.integers(members, size=tries):
        second = best[int(member)]
        if second != first:
            return first, second
    second = int(rng.integers(texts - 1))
    return first, second + (second >= first)


def all_pairs(rewards: Float[np.ndarray, "E M"], temperature: Number = 1.0) -> tuple[Int[np.ndarray, "P 2"], Probs]:
    """Every pair of M texts, and what each member believes of it: p = σ((r_first − r_second) / temperature)."""
    pairs = np.stack(np.triu_indices(rewards.shape[1], k=1), axis=1)
    return pairs, sigmoid((rewards[:, pairs[:, 0]] - rewards[:, pairs[:, 1]]) / temperature)


def _enough(k: int, n: int) -> None:
    if not 0 <= k <= n:
        raise ValueError(f"asked for {k} of {n} candidates: ask for between 0 and {n}")
