"""Does "70 % sure" come true in seven cases of ten? Reliability and proper scores, read against the ceiling that people set.

People waver, so no forecast of their choices is perfect. Who knows the true chance p of a choice still pays E[p(1 − p)] in Brier score and
E[H(p)] in nats, and is right in E[max(p, 1 − p)] of the cases: that is the ceiling, never 0 loss or 100 %.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

Shares = Float[np.ndarray, " N"]


@dataclass(frozen=True)
class Reliability:
    """Forecasts sorted into bins: how many, what was said on average, what came true. Empty bins are left out."""

    count: Int[np.ndarray, " B"]
    said: Float[np.ndarray, " B"]
    came_true: Float[np.ndarray, " B"]

    @property
    def ece(self) -> float:
        """Expected calibration error: Σ_b n_b/N · |said_b − came_true_b|        Naeini et al. (2015); Guo et al. (2017), eq. 3.

        Noise alone makes it positive: with few forecasts a bin, compare with `noise_ece`, not with 0.
        """
        return float((self.count / self.count.sum()) @ np.abs(self.said - self.came_true))


def checked(p: np.ndarray, outcome: np.ndarray) -> tuple[Shares, Shares]:
    p, outcome = np.asarray(p, float), np.asarray(outcome, float)
    if p.shape != outcome.shape or p.ndim != 1 or not len(p):
        raise ValueError(
            f"forecasts of shape {p.shape} and outcomes of shape {outcome.shape} came, but two equal lists are needed"
        )
    for name, x in (("a forecast", p), ("an outcome", outcome)):
        if not ((x >= 0) & (x <= 1)).all():
            raise ValueError(f"{name} is {x[~((x >= 0) & (x <= 1))][0]}, but chances and outcomes lie in [0, 1]")
    return p, outcome


def reliability(p: np.ndarray, outcome: np.ndarray, bins: int = 10) -> Reliability:
    """Forecasts p of a yes, in `bins` bins of equal width, against what came (1 yes, 0 no; ½ for a tie)."""
    p, outcome = checked(p, outcome)
    if bins < 1:
        raise ValueError(f"bins is {bins}, but at least 1 is needed")
    place = np.minimum((p * bins).astype(int), bins - 1)
    count = np.bincount(place, minlength=bins)
    used = count > 0
    sums = [np.bincount(place, weights=x, minlength=bins)[used] / count[used] for x in (p, outcome)]
    return Reliability(count[used], *sums)


def noise_ece(p: Shares, bins: int = 10, *, rng: np.random.Generator, draws: int = 200) -> float:
    """The ECE that forecasts p would show by chance if they were exactly right: the mean over simulated outcomes."""
    p, _ = checked(p, p)
    return float(np.mean([reliability(p, (rng.random(len(p)) < p).astype(float), bins).ece for _ in range(draws)]))


def brier(p: np.ndarray, outcome: np.ndarray) -> float:
    """Mean (p − y)²        Brier (1950). In expectation E(p − p*)² + E[p*(1 − p*)]: distance from the truth, and its noise."""
    p, outcome = checked(p, outcome)
    return float(((p - outcome) ** 2).mean())


def nll(p: np.ndarray, outcome: np.ndarray, floor: float = 1e-12) -> float:
    """Mean −[ y log p + (1 − y) log(1 − p) ] in nats. Being sure and wrong costs −log of `floor`."""
    p, outcome = checked(p, outcome)
    p = p.clip(floor, 1 - floor)
    return float(-(outcome * np.log(p) + (1 - outcome) * np.log(1 - p)).mean())


@dataclass(frozen=True)
class Ceiling:
    """The best that anybody can do who knows the chance of every choice, but not the choice."""

    accuracy: float  # E[max(p, 1 − p)]
    brier: float  # E[p (1 − p)]
    nll: float  # E[−p log p − (1 − p) log(1 − p)], nats


def ceiling(p_true: Shares) -> Ceiling:
    """The ceiling where the true chances are known, as with simulated people. Not min(p, 1 − p)²: that punishes the noise twice.

    accuracy E[max(p, 1 − p)]        Brier E[p(1 − p)]        NLL E[H(p)]
    """
    p, _ = checked(p_true, p_true)
    return Ceiling(float(np.maximum(p, 1 - p).mean()), float((p * (1 - p)).mean()), nll(p, p))


def brier_ceiling_from_votes(yes: Int[np.ndarray, " N"], votes: Int[np.ndarray, " N"]) -> float:
    """E[p(1 − p)] without knowing p, from several people's answers to the same questions.

    E[ k(n − k) / (n(n − 1)) ] = p(1 − p)        for k of n votes: the chance that two different people disagree, halved

    Plugging the share k/n into p(1 − p) comes out too small by (n − 1)/n, half of the truth with two votes.
    """
    yes, votes = np.asarray(yes), np.asarray(votes)
    if yes.shape != votes.shape or not len(votes) or (yes < 0).any() or (yes > votes).any():
        raise ValueError("each question needs 0 or more yes votes and no more than its votes")
    twice = votes >= 2
    if not twice.any():
        raise ValueError("every question was answered once, so nobody could disagree: ask some questions twice")
    k, n = yes[twice], votes[twice]
    return float((k * (n - k) / (n * (n - 1))).mean())


def temperature(difference: Float[Tensor, " N"], outcome: Float[Tensor, " N"]) -> float:
    """The T that calibrates σ(Δr / T) best on held-out choices: T > 1 where the model is too sure.

    T = argmin mean −log-likelihood of σ(Δr / T)        Guo et al. (2017), section 4.2

    The loss is convex in 1/T; 60 halvings of an interval in log T find where its slope changes sign.
    """
    if not float(difference.abs().max()) > 0:
        raise ValueError(
            "all rewards are equal, so no temperature can make their differences surer: fit the model first"
        )
    x, y = difference.double(), outcome.double()

    def slope(log_t: float) -> float:
        return float(((torch.sigmoid(x * np.exp(-log_t)) - y) * x).mean())

    low, high = -6.0, 6.0  # slope is positive on the left, where the model is too sure
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) > 0 else (low, middle)
    return float(np.exp((low + high) / 2))


def choice_chances(first: Float[Tensor, " N"], second: Float[Tensor, " N"]) -> Shares:
    """σ(r_first − r_second) as an array: what a reward model forecasts about a comparison."""
    return torch.sigmoid((first - second).detach().double()).cpu().numpy()


def gain_and_bias(rewards: Float[Tensor, " N"]) -> tuple[float, float]:
    """Gain and bias that give these rewards (of typical texts) mean 0 and standard deviation 1.

    r' = gain · r + bias        Ziegler et al. (2019): a reward model's zero and unit mean nothing by themselves
    """
    spread = float(rewards.std(correction=0))
    if not spread > 0:
        raise ValueError(
            f"all {len(rewards)} rewards are {float(rewards[0]):g}, so they have no scale: fit the model first"
        )
    return 1 / spread, -float(rewards.mean()) / spread
