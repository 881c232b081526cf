"""What a reward model likes besides what it was meant to like: length, where a text stood, and single words.

Each probe gives an effect with its 95 % interval. An interval that covers 0 says that nothing was found, not that nothing is there.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rlhf_edu.feedback.types import Preference

Score = Callable[[Sequence[str]], Float[np.ndarray, " N"]]
Z95 = 1.959963984540054  # the normal quantile of a two-sided 95 % interval


@dataclass(frozen=True)
class Effect:
    """An estimate, its 95 % interval, and from how many cases."""

    size: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.size:+.2f} (95 % interval {self.low:+.2f} to {self.high:+.2f}, n = {self.n})"


def length_bias(
    rewards: Float[np.ndarray, " N"], texts: Sequence[str], quality: Float[np.ndarray, " N"] | None = None
) -> Effect:
    """What a doubling of the number of words is worth, in standard deviations of the reward.

    r / sd(r) = a + b log₂(words) (+ c · quality)        b by least squares, its error by White (1980), which allows uneven noise

    Longer texts may *be* better: pass `quality` (a gold score, a mean human rating) to ask what length is worth among equals.
    Dubois et al. (2024), "Length-controlled AlpacaEval", correct judges this way.
    """
    words = np.log2([max(len(text.split()), 1) for text in texts])
    columns = [np.ones(len(words)), words] + ([] if quality is None else [np.asarray(quality, float)])
    y = np.asarray(rewards, float)
    if len(y) != len(words) or len(y) <= len(columns):
        raise ValueError(
            f"{len(y)} rewards and {len(words)} texts came, but equally many are needed, more than {len(columns)}"
        )
    if np.ptp(words) == 0:
        raise ValueError(
            "all texts have the same number of words, so length cannot show: take texts of different lengths"
        )
    if np.ptp(y) == 0:
        raise ValueError(f"all {len(y)} rewards are the same: fit the model first")
    X, y = np.stack(columns, 1), y / y.std()
    if np.linalg.matrix_rank(X) < X.shape[1]:
        raise ValueError(
            "quality and length go hand in hand in these texts, so they cannot be told apart: take other texts"
        )
    inverse = np.linalg.inv(X.T @ X)
    b = inverse @ X.T @ y
    residual = y - X @ b
    covariance = inverse @ (X * (residual**2)[:, None]).T @ X @ inverse * len(y) / (len(y) - X.shape[1])
    half = Z95 * math.sqrt(covariance[1, 1])
    return Effect(float(b[1]), float(b[1] - half), float(b[1] + half), len(y))


def position_bias(records: Sequence[Preference]) -> Effect:
    """How much more often than half the text shown first is chosen; ties and both bad are not counted.

    p̂ − ½        interval: Wilson (1927), score interval

    With the two texts in random order it must be 0. A reward model scores texts one by one and cannot have this bias itself, but
    labels with it are noise that it learns from.
    """
    first = [record.choice == "a" for record in records if record.choice in ("a", "b")]
    n = len(first)
    if not n:
        raise ValueError("no comparison was decided, so no position can have won: collect some choices first")
    p = sum(first) / n
    centre, half = p + Z95**2 / (2 * n), Z95 * math.sqrt(p * (1 - p) / n + Z95**2 / (4 * n * n))
    scale = 1 + Z95**2 / n
    return Effect(p - 0.5, (centre - half) / scale - 0.5, (centre + half) / scale - 0.5, n)


def word_bias(
    score: Score, texts: Sequence[str], swaps: Mapping[str, str], spread: float | None = None
) -> dict[str, Effect]:
    """What swapping one word for another in the same text does to the reward, in standard deviations; nothing else changes.

    mean over texts that hold the word of [ r(text with `new`) − r(text with `old`) ] / sd(r)        ± 1.96 standard errors

    `swaps` maps old → new: {"good": "bad"} asks about sentiment, {"he": "she"} about gender (counterfactual tests: Kaushik et al. 2020).
    Words that fewer than two texts hold are a ValueError. `spread` is the reward's sd, by default that on `texts`.
    """
    base = np.asarray(score(texts), float)
    spread = float(base.std()) if spread is None else spread
    if not spread > 0:
        raise ValueError(f"the rewards of all {len(texts)} texts are the same: fit the model first")
    found = {}
    for old, new in swaps.items():
        rows = [i for i, text in enumerate(texts) if old in text.split()]
        if len(rows) < 2:
            raise ValueError(
                f"{len(rows)} of the texts hold the word {old!r}, but two or more are needed: take other texts"
            )
        changed = [" ".join(new if word == old else word for word in texts[i].split()) for i in rows]
        plain = [" ".join(texts[i].split()) for i in rows]
        effect = (np.asarray(score(changed), float) - np.asarray(score(plain), float)) / spread
        mean, half = float(effect.mean()), Z95 * float(effect.std(ddof=1)) / math.sqrt(len(effect))
        found[f"{old} → {new}"] = Effect(mean, mean - half, mean + half, len(effect))
    return found
