"""Honest numbers about a policy: who wins in a blind comparison, how far it has gone, whether it still has something to say."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from rlhf_edu.lm.interface import CausalLM, Completions
from rlhf_edu.lm.sampling import autocast
from rlhf_edu.reward.models import RewardModel
from rlhf_edu.rlhf.ppo import score_tokens
from rlhf_edu.rlhf.shaping import reference_scale
from rlhf_edu.rlhf.studio import Studio

Z95 = 1.959963984540054  # the normal quantile of a two-sided 95 % interval


@dataclass(frozen=True)
class WinRate:
    """A share of wins with its 95 % interval."""

    rate: float
    low: float
    high: float
    n: int
    ties: int

    def __str__(self) -> str:
        return f"{self.rate:.1%} (95 % interval {self.low:.1%} to {self.high:.1%}, {self.n} prompts, {self.ties} ties)"


def win_rate(ours: Float[np.ndarray, " N"], theirs: Float[np.ndarray, " N"]) -> WinRate:
    """How often our text scores higher than theirs for the same prompt; a tie counts half.

    p̂ = (wins + ½ ties) / N        interval: Wilson (1927), score interval

    (p̂ + z²/2N ± z √(p̂(1−p̂)/N + z²/4N²)) / (1 + z²/N)

    A tie varies less than a win or a loss, so with ties the interval is on the wide, safe side.
    """
    ours, theirs = np.asarray(ours, float), np.asarray(theirs, float)
    if ours.shape != theirs.shape or ours.ndim != 1 or not len(ours):
        raise ValueError(
            f"scores of shapes {ours.shape} and {theirs.shape} came, but two equal lists of numbers are needed"
        )
    if not (np.isfinite(ours).all() and np.isfinite(theirs).all()):
        raise ValueError("a score is NaN or infinite, so nobody can say who won: look at the judge")
    n, ties = len(ours), int((ours == theirs).sum())
    p = ((ours > theirs).sum() + ties / 2) / n
    centre, half = p + Z95**2 / (2 * n), Z95 * math.sqrt(p * (1 - p) / n + Z95**2 / (4 * n * n))
    scale = 1 + Z95**2 / n
    low, high = max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale)
    return WinRate(float(p), float(low), float(high), n, ties)


@torch.no_grad()
def kl_to_reference(policy: CausalLM, reference: CausalLM, done: Completions) -> float:
    """KL(π ‖ π_ref) in nats per text, from texts that the policy itself wrote.

    mean over texts of Σ_t (log π(a_t) − log π_ref(a_t))        (k1: unbiased)
    """
    with autocast(done.ids.device):
        logp, _, _ = score_tokens(policy, done)
        logp_ref, _, _ = score_tokens(reference, done)
    return (logp - logp_ref).sum(1).mean().item()


def distinct_n(texts: Sequence[str], n: int = 2) -> float:
    """Different n-grams of words / all n-grams, over all texts together (Li et al. 2016). 1 is all different.

    It falls as texts get more, so compare only sets of the same size.
    """
    grams = [tuple(words[i : i + n]) for words in map(str.split, texts) for i in range(len(words) - n + 1)]
    return len(set(grams)) / max(1, len(grams))


def blind_test(
    studio: Studio, model: RewardModel, typical: Completions, gold: Callable[[str], float], n: int = 512, shown: int = 6
) -> dict:
    """The taught policy against the reference on n fresh openings, judged by `gold`, which neither has ever seen.

    Returns gold, proxy (in units of the reference's spread), grammatical share and distinct-2 before and after,
    kl_nats, win_rate with low and high, and `samples`: a few (opening, before, after).
    """
    openings, generator = studio.openings(n, "test"), studio.generator("test")
    before = studio.write(studio.reference, openings, generator)
    after = studio.write(studio.policy, openings, generator)
    texts = studio.read(before), studio.read(after)
    scores = [np.array([gold(text) for text in side]) for side in texts]
    learned = reference_scale(model, typical)(model)
    proxy = [learned(side).mean().item() for side in (before, after)]
    win = win_rate(scores[1], scores[0])
    numbers: dict = {}
    for when, side, score, reward in zip(("before", "after"), texts, scores, proxy, strict=True):
        numbers[f"gold_{when}"] = float(score.mean())
        numbers[f"proxy_{when}"] = reward
        numbers[f"grammatical_{when}"] = float(np.mean([studio.world.grammatical(text) for text in side]))
        numbers[f"distinct2_{when}"] = distinct_n(side)
    return numbers | dict(
        kl_nats=kl_to_reference(studio.policy, studio.reference, after),
        win_rate=win.rate,
        win_rate_low=win.low,
        win_rate_high=win.high,
        samples=list(zip(openings[:shown], texts[0], texts[1], strict=False)),
    )
