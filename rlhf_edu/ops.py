"""Small operations on tensors that every language-model lesson uses: masked statistics, log-probabilities, KL estimators.

Schulman (2020), "Approximating KL divergence" (a blog note), names the estimators k1, k2 and k3.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor


def masked_mean(x: Float[Tensor, "*S"], mask: Bool[Tensor, "*S"]) -> Float[Tensor, ""]:
    """The mean of x where mask is True; 0 when it is True nowhere.

    mean = Σ m·x / Σ m

    What x holds where mask is False does not matter, not even NaN.
    """
    return x.masked_fill(~mask, 0.0).sum() / mask.sum().clamp(min=1)


def masked_var(x: Float[Tensor, "*S"], mask: Bool[Tensor, "*S"]) -> Float[Tensor, ""]:
    """The population variance of x where mask is True: Σ m·(x − mean)² / Σ m."""
    return masked_mean((x - masked_mean(x, mask)) ** 2, mask)


def whiten(
    x: Float[Tensor, "*S"], mask: Bool[Tensor, "*S"], shift_mean: bool = True, eps: float = 1e-8
) -> Float[Tensor, "*S"]:
    """Scale x to unit variance under mask; positions outside become 0.

    w = (x − mean) / √(var + ε)          and + mean again when `shift_mean` is False

    Advantages lose their mean; rewards keep it, because a reward's mean says whether it pays to go on writing.
    """
    mean, var = masked_mean(x, mask), masked_var(x, mask)
    w = (x - mean) * torch.rsqrt(var + eps)
    return (w if shift_mean else w + mean).masked_fill(~mask, 0.0)


def token_logp(logits: Float[Tensor, "B T V"], ids: Int[Tensor, "B T"]) -> Float[Tensor, "B T"]:
    """log p(ids[b, t]) under softmax(logits[b, t]), in float32: log-probs rounded to bfloat16 ruin ratios.

    `logits[:, t]` must already be those that *predict* `ids[:, t]`; shifting is the caller's business.
    """
    return -F.cross_entropy(logits.float().flatten(0, 1), ids.flatten(), reduction="none").view(ids.shape)


def entropy(logits: Float[Tensor, "*S V"]) -> Float[Tensor, "*S"]:
    """The entropy of softmax(logits) in nats: H = −Σ_v p_v log p_v."""
    logp = F.log_softmax(logits.float(), dim=-1)
    return -(logp.exp() * logp).sum(-1)


def kl_exact(logits: Float[Tensor, "*S V"], logits_ref: Float[Tensor, "*S V"]) -> Float[Tensor, "*S"]:
    """KL(π ‖ π_ref) in nats, summed over the whole vocabulary: Σ_v π_v (log π_v − log π_ref,v)."""
    logp, logp_ref = F.log_softmax(logits.float(), dim=-1), F.log_softmax(logits_ref.float(), dim=-1)
    return (logp.exp() * (logp - logp_ref)).sum(-1)


def kl_k1(logp: Float[Tensor, "*S"], logp_ref: Float[Tensor, "*S"]) -> Float[Tensor, "*S"]:
    """log π − log π_ref at tokens sampled from π. Its mean is KL(π ‖ π_ref): unbiased, noisy, often negative."""
    return logp - logp_ref


def kl_k2(logp: Float[Tensor, "*S"], logp_ref: Float[Tensor, "*S"]) -> Float[Tensor, "*S"]:
    """½ (log π − log π_ref)² at tokens sampled from π. Never negative, little noise, biased."""
    return 0.5 * (logp - logp_ref) ** 2


def kl_k3(logp: Float[Tensor, "*S"], logp_ref: Float[Tensor, "*S"]) -> Float[Tensor, "*S"]:
    """(ρ − 1) − log ρ with ρ = π_ref/π at tokens sampled from π. Never negative and unbiased.

    expm1 keeps the small values that ρ − 1 would round away.
    """
    log_ratio = logp_ref - logp
    return torch.expm1(log_ratio) - log_ratio
