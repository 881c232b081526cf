"""RLOO and GRPO: several texts for each prompt judge each other, so that no value function is needed.

Kool et al. (2019), "Buy 4 REINFORCE samples, get a baseline for free!"; Ahmadian et al. (2024), "Back to basics" (RLOO);
Shao et al. (2024), "DeepSeekMath" (GRPO); Liu et al. (2025), "Understanding R1-zero-like training" (its two biases).
Left out on purpose: a value per token, asymmetric clipping, several rewards.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from rlhf_edu.core import trainer
from rlhf_edu.lm.interface import CausalLM, Completions, left_pad
from rlhf_edu.lm.sampling import autocast, check_room
from rlhf_edu.ops import kl_k3, masked_mean
from rlhf_edu.rlhf.ppo import noted_or_read, score_tokens
from rlhf_edu.rlhf.processes import average, average_gradients, by_shares, my_share, weight, write_together
from rlhf_edu.rlhf.shaping import RewardFn, checked_scores
from rlhf_edu.rlhf.watching import distinct_pairs


def leave_one_out(scores: Float[Tensor, "P G"]) -> Float[Tensor, "P G"]:
    """RLOO: each text's score minus the mean of the other texts of its prompt. Unbiased: no text is its own baseline.

    A_i = r_i − 1/(G − 1) Σ_{j≠i} r_j  =  G/(G − 1) (r_i − mean r)        (Kool et al. 2019; Ahmadian et al. 2024)
    """
    G = check_group(scores)
    return (scores - scores.mean(1, keepdim=True)) * (G / (G - 1))


def group_centred(scores: Float[Tensor, "P G"]) -> Float[Tensor, "P G"]:
    """Each text's score minus its group's mean: A_i = r_i − mean r. What Liu et al. (2025) leave of GRPO ("Dr. GRPO").

    (G − 1)/G of `leave_one_out`: the text itself sits in its baseline, which shrinks all advantages alike.
    """
    check_group(scores)
    return scores - scores.mean(1, keepdim=True)


def group_relative(scores: Float[Tensor, "P G"], eps: float = 1e-4) -> Float[Tensor, "P G"]:
    """GRPO: scores in standard deviations of their own group (the one with G − 1).

    A_i = (r_i − mean r) / (std r + ε)        (Shao et al. 2024, section 4.1.2)

    The division makes every prompt count alike, so that one where the group hardly differs counts as much as one where
    half of it fails: the first bias. Where all scores are equal nobody can be better, and A is 0.
    """
    return group_centred(scores) / (scores.std(1, keepdim=True) + eps)


def check_group(scores: Float[Tensor, "P G"]) -> int:
    """The size of the groups, or a ValueError: one text alone has nobody to be compared with."""
    if scores.ndim != 2 or scores.shape[1] < 2:
        raise ValueError(
            f"scores of shape {tuple(scores.shape)} came, but a group needs at least two texts for each prompt: raise group"
        )
    return scores.shape[1]


def group_loss(
    logp: Float[Tensor, "B N"],
    logp_old: Float[Tensor, "B N"],
    advantages: Float[Tensor, " B"],
    mask: Bool[Tensor, "B N"],
    clip: float,
    average: str = "text",
) -> Float[Tensor, ""]:
    """The clipped surrogate with one advantage for a whole text, as a loss.

    ℓ_it = max(−A_i ρ_it, −A_i clip(ρ_it, 1−ε, 1+ε))        ρ = exp(log π − log π_old)        (Shao et al. 2024, eq. 3)

    "text":   mean_i 1/n_i Σ_t ℓ_it     GRPO as published. Wrong texts are pushed away less the longer they are: the second bias
    "tokens": Σ ℓ / Σ n                 long texts weigh more, each token alike
    "budget": Σ ℓ / (B N)               a constant: no text's length changes its weight (Liu et al. 2025)
    """
    ratio = torch.exp((logp - logp_old).masked_fill(~mask, 0.0))
    adv = advantages[:, None]
    return average_tokens(torch.maximum(-adv * ratio, -adv * ratio.clamp(1 - clip, 1 + clip)), mask, average)


def average_tokens(x: Float[Tensor, "B N"], mask: Bool[Tensor, "B N"], average: str) -> Float[Tensor, ""]:
    """One number from one for each token; see `group_loss` for the three ways."""
    total = x.masked_fill(~mask, 0.0).sum(1)
    if average == "text":
        return (total / mask.sum(1).clamp(min=1)).mean()
    if average == "tokens":
        return masked_mean(x, mask)
    return total.mean() / mask.shape[1]


@dataclass(frozen=True)
class GroupConfig:
    steps: int = 24
    prompts: int = 8  # different ones a step
    group: int = 8  # texts for each
    n_new: int = 80  # longest answer, in tokens
    epochs: int = 1
    minibatches: int = 2
    lr: float = 6e-4  # at the first step; falls linearly to 0
    beta: float = 0.18  # price of a nat of KL; 0 for none
    clip: float = 0.2
    missing_eos: float | None = -2.0  # score of a text that does not end; None: as the reward function says
    advantages: Callable[[Tensor], Tensor] = leave_one_out
    average: str = "budget"  # over tokens: "text", "tokens" or "budget", see `group_loss`
    kl: str = "reward"  # k1 taken off the score (RLOO), or k3 added to the loss (GRPO)

    def __post_init__(self):
        for name in ("steps", "prompts", "n_new", "epochs", "minibatches", "lr", "clip"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}, but it must be positive")
        if self.group < 2:
            raise ValueError(
                f"group is {self.group}, but a text is judged against others of its prompt: take 2 or more"
            )
        if not 0 <= self.beta < float("inf"):
            raise ValueError(
                f"beta is {self.beta}, but the price of leaving the reference must be finite and 0 or more"
            )
        if self.average not in ("text", "tokens", "budget") or self.kl not in ("reward", "loss"):
            raise ValueError(
                f'average is "{self.average}" and kl "{self.kl}", but they must be "text", "tokens" or "budget", '
                'and "reward" or "loss"'
            )


RLOO = GroupConfig()
GRPO = GroupConfig(advantages=group_relative, average="text", kl="loss")
DR_GRPO = GroupConfig(advantages=group_centred, average="budget", kl="loss")  # GRPO without its two divisions


@trainer
def group_rl(
    policy: CausalLM,
    reference: CausalLM,
    reward_fn: RewardFn,
    prompts: Sequence[list[int]],
    config: GroupConfig = RLOO,
    *,
    eos_id: int,
    pad_id: int,
    generator: torch.Generator,
    advantages: Callable[[Float[Tensor, "P G"]], Float[Tensor, "P G"]] | None = None,
    watch_texts: Callable[[Completions], dict] | None = None,
):
    """Fine-tune `policy` in place; yield one record a step. `config` is RLOO, GRPO, DR_GRPO or one of your own.

    `advantages(scores)` may be your own. A group in which all scores are equal teaches nothing; `flat` is their share, and
    nothing else in the first three steps stops the run with a ValueError.
    Several processes share each batch (see `processes`) and give the numbers of one with the whole batch.
    """
    device = next(iter(policy.parameters())).device
    optimizer = torch.optim.Adam(policy.parameters(), lr=config.lr, eps=1e-5, fused=device.type in ("cpu", "cuda"))
    check_room(policy, left_pad(list(prompts), pad_id)[0].shape[1], config.n_new)
    idle = 0
    for step in range(config.steps):
        for parameters in optimizer.param_groups:
            parameters["lr"] = config.lr * (1 - step / config.steps)
        some = torch.randint(len(prompts), (config.prompts,), generator=generator, device=device).tolist()
        ids, mask = left_pad([prompts[i] for i in some], pad_id, device)
        done = write_together(
            policy, ids, mask, config.n_new, eos_id=eos_id, pad_id=pad_id, samples=config.group, generator=generator
        )
        m = done.new_mask
        with torch.no_grad(), autocast(device):
            logp_old, _ = by_shares(lambda part: noted_or_read(policy, part), done)
            logp_ref = by_shares(lambda part: score_tokens(reference, part)[0], done)
        ended = (done.new_ids == eos_id).any(1)
        score = by_shares(lambda part: checked_scores(reward_fn, part), done)
        if config.missing_eos is not None:
            score = torch.where(ended, score, config.missing_eos)
        kl = (logp_old - logp_ref).sum(1)
        paid = score - config.beta * kl if config.kl == "reward" else score
        groups = paid.view(-1, config.group)
        flat = (score.view(groups.shape) - score.view(groups.shape)[:, :1]).abs().amax(1) < 1e-6
        idle = idle + 1 if bool(flat.all()) else 0
        if idle == 3 == step + 1:  # later it may only mean that the policy has made up its mind
            raise ValueError(
                f"in the first three steps all {config.group} texts of every prompt got equal scores, so no text is better than another: "
                "look at the reward function, or ask for more texts a prompt"
            )
        adv = (advantages or config.advantages)(groups).detach().flatten()
        update = _update(policy, optimizer, done, logp_old, logp_ref, adv, config, generator)
        yield dict(
            step=step,
            score=score.mean().item(),
            kl_nats=kl.mean().item(),
            kl_per_token=masked_mean(kl_k3(logp_old, logp_ref), m).item(),
            reward=(score - config.beta * kl).mean().item(),
            flat=flat.float().mean().item(),
            advantage_size=adv.abs().mean().item(),
            entropy=-masked_mean(logp_old, m).item(),  # of its own samples: unbiased, and needs no logits
            n_new=m.sum(1).float().mean().item(),
            ended=ended.float().mean().item(),
            distinct_2=distinct_pairs(done),
            **update,
            **(watch_texts(done) if watch_texts else {}),
        )


def _update(policy, optimizer, done, logp_old, logp_ref, adv, config: GroupConfig, generator) -> dict:
    """A few epochs of clipped steps on one batch; stops, and says so, when the policy has moved too far from it."""
    logs, stopped = [], 0.0
    for _epoch in range(config.epochs):
        for everyone in torch.randperm(len(done), generator=generator, device=adv.device).chunk(config.minibatches):
            rows = my_share(everyone)
            part, m = done[rows], done.new_mask[rows]
            share = weight(m, done.new_mask[everyone])
            with autocast(adv.device):
                logp, _, _ = score_tokens(policy, part)
            loss = group_loss(logp, logp_old[rows], adv[rows], m, config.clip, config.average)
            if config.kl == "loss":  # eq. 4 of Shao et al. is k3: its gradient pulls towards the reference
                loss = loss + config.beta * average_tokens(kl_k3(logp, logp_ref[rows]), m, config.average)
            loss = share * loss if config.average == "tokens" else loss  # the other means are over texts: equal shares
            ratio = (logp.detach() - logp_old[rows]).exp()
            numbers = dict(
                approx_kl=share * masked_mean(kl_k3(logp_old[rows], logp.detach()), m),
                clip_fraction=share * masked_mean(((ratio - 1).abs() > config.clip).float(), m),
                ratio=share * masked_mean(ratio, m),
                policy_loss=loss,
            )
            means = average(torch.stack([*numbers.values()])).tolist()
            log = dict(grad_norm=0.0) | dict(zip(numbers, means, strict=True))
            logs.append(log)
            if not log["approx_kl"] < 1.0 or not 0.5 < log["ratio"] < 2.0:  # written so that NaN stops too
                stopped = 1.0
                break
            optimizer.zero_grad()
            loss.backward()
            average_gradients(policy.parameters())
            log["grad_norm"] = nn.utils.clip_grad_norm_(policy.parameters(), 1.0).item()
            optimizer.step()
        if stopped:
            break
    return {k: sum(log[k] for log in logs) / len(logs) for k in logs[0]} | {"stopped": stopped}
