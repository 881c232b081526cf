"""From one score for a whole text to an advantage for every token: KL penalty, returns, whitening, adaptive β.

Ziegler et al. (2019), "Fine-tuning language models from human preferences": R(x, y) = r(x, y) − β log π(y|x)/ρ(y|x)  (eq. 2).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from rlhf_edu.lm.heads import last_real
from rlhf_edu.lm.interface import Completions
from rlhf_edu.ops import kl_k1

RewardFn = Callable[[Completions], Float[Tensor, " B"]]


def shaped_rewards(
    score: Float[Tensor, " B"],
    logp: Float[Tensor, "B N"],
    logp_ref: Float[Tensor, "B N"],
    mask: Bool[Tensor, "B N"],
    beta: float,
) -> Float[Tensor, "B N"]:
    """The reward of each token: the price of leaving the reference, and the score once, at the last real token.

    r_t = −β (log π(a_t) − log π_ref(a_t)) + 1[t is the last real token] · score        (k1, in nats)

    Summed over a text this is score − β·KL̂, so maximising it is maximising equation 2.
    """
    rewards = (-beta * kl_k1(logp, logp_ref)).masked_fill(~mask, 0.0)
    rewards[torch.arange(len(score), device=score.device), last_real(mask)] += score
    return rewards


def token_gae(
    rewards: Float[Tensor, "B N"],
    values: Float[Tensor, "B N"],
    mask: Bool[Tensor, "B N"],
    gamma: float = 1.0,
    lam: float = 0.95,
) -> Float[Tensor, "B N"]:
    """Generalised advantage estimates over the tokens of each text; 0 outside the mask.

    δ_t = r_t + γ V_{t+1} − V_t        A_t = δ_t + γλ A_{t+1}        (Schulman et al. 2016, eq. 11 and 16)

    The text ends after its last *real* token: V and A are 0 from there on, not from the edge of the padding.
    """
    values, rewards = values.masked_fill(~mask, 0.0), rewards.masked_fill(~mask, 0.0)
    advantages = torch.zeros_like(rewards)
    later, next_value = torch.zeros_like(rewards[:, 0]), torch.zeros_like(rewards[:, 0])
    for t in reversed(range(rewards.shape[1])):
        delta = rewards[:, t] + gamma * next_value - values[:, t]
        later = (delta + gamma * lam * later) * mask[:, t]
        advantages[:, t], next_value = later, values[:, t]
    return advantages


def adapt_beta(beta: float, kl_nats: float, target: float, episodes: int, horizon: int = 10_000) -> float:
    """Raise β when the KL per text is above its target, lower it when below (Ziegler et al. 2019, section 2.2).

    e = clip(KL / target − 1, −0.2, 0.2)        β ← β (1 + e · episodes / horizon)
    """
    if not target > 0:
        raise ValueError(f"the KL target is {target} nats, but it must be positive: use target_kl=None for a fixed β")
    error = min(max(kl_nats / target - 1, -0.2), 0.2)
    return beta * (1 + error * episodes / horizon)


@dataclass(frozen=True)
class Scale:
    """Gain and bias of a reward: (r − bias) / gain."""

    bias: Tensor
    gain: Tensor

    def __call__(self, reward_fn: Callable[[Completions], Tensor]) -> Callable[[Completions], Tensor]:
        return lambda done: (reward_fn(done) - self.bias) / self.gain


def reference_scale(reward_fn: RewardFn, reference_samples: Completions) -> Scale:
    """The scale on which samples of the frozen reference have mean 0 and standard deviation 1.

    A reward model's zero and scale mean nothing (choices only fix differences); β and the learning rate need them fixed.
    """
    scores = checked_scores(reward_fn, reference_samples)
    bias, gain = scores.mean(), scores.std(correction=0)
    if not gain > 1e-6:
        raise ValueError(
            "every reference sample gets the same reward, so there is nothing to learn: look at the reward function"
        )
    return Scale(bias, gain)


def checked_scores(reward_fn: RewardFn, done: Completions) -> Float[Tensor, " B"]:
    """What `reward_fn` says of each text, or a ValueError that tells what is wrong with its answer."""
    answer = reward_fn(done)
    try:
        scores = torch.as_tensor(answer, device=done.ids.device)
    except (RuntimeError, TypeError, ValueError):  # None, words, lists of unequal length
        raise ValueError(
            f"the reward function returned {str(answer)[:60]!r} for {len(done)} texts, but it must return one number each"
        ) from None
    if scores.shape != (len(done),):
        raise ValueError(
            f"the reward function returned shape {tuple(scores.shape)} for {len(done)} texts, but it must return one number each"
        )
    if bad := int((~torch.isfinite(scores)).sum()):
        raise ValueError(
            f"the reward function returned NaN or infinity for {bad} of {len(done)} texts: "
            "make it finite for every text, strange ones too (training stopped; the steps before are kept)"
        )
    return scores.float().detach()


def checked_rewards(rewards: object, mask: Bool[Tensor, "B N"]) -> Float[Tensor, "B N"]:
    """Rewards of your own, checked as `checked_advantages` does."""
    return _one_a_token("rewards", rewards, mask)


def checked_advantages(advantages: object, mask: Bool[Tensor, "B N"]) -> Float[Tensor, "B N"]:
    """Advantages of your own, cut off from the graph, or a ValueError: NaN in one of them would spoil every weight."""
    return _one_a_token("advantages", advantages, mask)


def _one_a_token(name: str, numbers: object, mask: Bool[Tensor, "B N"]) -> Float[Tensor, "B N"]:
    if not isinstance(numbers, Tensor):
        raise ValueError(
            f"the {name} are {str(numbers)[:60]!r}, but they must be a tensor of shape {tuple(mask.shape)}"
        )
    if numbers.shape != mask.shape:
        raise ValueError(
            f"the {name} have shape {tuple(numbers.shape)}, but there must be one for each token: {tuple(mask.shape)}"
        )
    if bad := int((~torch.isfinite(numbers) & mask).sum()):
        raise ValueError(f"{bad} {name} are NaN or infinite: look at the function that makes them")
    return numbers.detach().masked_fill(~mask, 0.0)


def checked_loss(loss: object) -> Float[Tensor, ""]:
    """A policy loss of your own, or a ValueError: one number, which the log-probs it was given can lower."""
    if not isinstance(loss, Tensor) or loss.shape != ():
        what = f"a tensor of shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else repr(loss)[:60]
        raise ValueError(f"the policy loss is {what}, but it must be one number: average over the real tokens")
    if not loss.requires_grad:
        raise ValueError(
            "the policy loss has no way back to the log-probs, so nothing can be learned: do not detach them"
        )
    return loss
