"""PPO on a language model: write, score, subtract what it costs to leave the reference, take clipped steps, again.

Schulman et al. (2017), "Proximal policy optimization algorithms"; Ziegler et al. (2019), "Fine-tuning language models from
human preferences". Left out on purpose: reward whitening (the score has unit variance already), dropout.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from rlhf_edu.core import trainer
from rlhf_edu.lm.checkpoint import save_state
from rlhf_edu.lm.heads import ScalarHead
from rlhf_edu.lm.interface import CausalLM, Completions, completion_logits, left_pad
from rlhf_edu.lm.sampling import autocast, check_room
from rlhf_edu.ops import kl_k3, masked_mean, token_logp, whiten
from rlhf_edu.rlhf.processes import average, average_gradients, by_shares, my_share, place, weight, write_together
from rlhf_edu.rlhf.resume import restore, snapshot
from rlhf_edu.rlhf.shaping import (
    RewardFn,
    adapt_beta,
    checked_advantages,
    checked_loss,
    checked_rewards,
    checked_scores,
    shaped_rewards,
    token_gae,
)
from rlhf_edu.rlhf.watching import distinct_pairs, explained_variance


@dataclass(frozen=True)
class PPOConfig:
    steps: int = 24
    batch: int = 64  # texts written a step
    n_new: int = 80  # longest answer, in tokens
    epochs: int = 1  # passes over each batch
    minibatches: int = 2
    lr: float = 6e-4  # at the first step; falls linearly to 0
    beta: float = 0.18  # price of a nat of KL, in standard deviations of the reward
    target_kl: float | None = None  # nats per text; adapts β when given
    clip: float = 0.2  # ε for the ratio and for values
    vf_coef: float = 0.1
    temperature: float = 1.0  # divides the logits in rollout, reference and update alike
    missing_eos: float = -2.0  # score of a text that does not end
    enough: float = float("inf")  # mean score at which training stops, well before `steps` if it may

    def __post_init__(self):
        for name in ("steps", "batch", "n_new", "epochs", "minibatches", "lr", "clip", "temperature"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}, but it must be positive")
        if not 0 <= self.beta < float("inf"):
            raise ValueError(
                f"beta is {self.beta}, but the price of leaving the reference must be finite and 0 or more"
            )
        if self.target_kl is not None and not (self.target_kl > 0 and self.beta > 0):
            raise ValueError(f"target_kl {self.target_kl} with beta {self.beta}: to adapt β, both must be positive")
        if self.minibatches > self.batch:
            raise ValueError(f"{self.minibatches} minibatches cannot be cut from a batch of {self.batch}")


def policy_loss(
    logp: Float[Tensor, "B N"],
    logp_old: Float[Tensor, "B N"],
    advantages: Float[Tensor, "B N"],
    mask: Bool[Tensor, "B N"],
    clip: float,
) -> Float[Tensor, ""]:
    """The clipped surrogate, as a loss, averaged over real tokens.

    L = mean_t max(−A_t ρ_t, −A_t clip(ρ_t, 1−ε, 1+ε))        ρ_t = exp(log π − log π_old)        (Schulman 2017, eq. 7)
    """
    ratio = torch.exp((logp - logp_old).masked_fill(~mask, 0.0))
    return masked_mean(torch.maximum(-advantages * ratio, -advantages * ratio.clamp(1 - clip, 1 + clip)), mask)


def value_loss(
    values: Float[Tensor, "B N"],
    values_old: Float[Tensor, "B N"],
    returns: Float[Tensor, "B N"],
    mask: Bool[Tensor, "B N"],
    clip: float,
) -> Float[Tensor, ""]:
    """Half the squared error, the larger of plain and clipped around the old values, averaged over real tokens.

    L = ½ mean_t max((V_t − R_t)², (clip(V_t, V_old ± ε) − R_t)²)
    """
    clipped = values_old + (values - values_old).clamp(-clip, clip)
    return 0.5 * masked_mean(torch.maximum((values - returns) ** 2, (clipped - returns) ** 2), mask)


def score_tokens(lm: CausalLM, done: Completions, temperature: float = 1.0, head: nn.Module | None = None):
    """Log-prob of each new token "B N", value of the state before it "B N" (0 without a head), and logits "B N V"."""
    logits, hidden = completion_logits(lm, done)
    logits = logits.float() if temperature == 1 else logits.float() / temperature
    logp = token_logp(logits, done.new_ids).masked_fill(~done.new_mask, 0.0)  # 0: ratio 1 where there is no token
    return logp, head(hidden) if head is not None else torch.zeros_like(logp), logits


def noted_or_read(policy: CausalLM, done: Completions, temperature: float = 1.0, head: nn.Module | None = None):
    """Log-probs and values (0 without a head) of the policy that wrote `done`: as noted while writing, or read again.

    In float32 the two agree to 1e-5. In bfloat16 the cache's kernels round differently from those of the update, and the
    first ratio would not be 1: there the texts are read once more.
    """
    if (head is None or done.val is not None) and not torch.is_autocast_enabled(done.ids.device.type):
        return done.logp, torch.zeros_like(done.logp) if head is None else done.val
    return score_tokens(policy, done, temperature, head)[:2]


@trainer
def ppo(
    policy: CausalLM,
    value_head: ScalarHead,
    reference: CausalLM,
    reward_fn: RewardFn,
    prompts: Sequence[list[int]],
    config: PPOConfig = PPOConfig(),
    *,
    eos_id: int,
    pad_id: int,
    generator: torch.Generator,
    expected: Callable[[Completions], Float[Tensor, "B N"]] | None = None,
    rewards: Callable[..., Float[Tensor, "B N"]] = shaped_rewards,
    advantages: Callable[..., Float[Tensor, "B N"]] = token_gae,
    policy_loss: Callable[..., Float[Tensor, ""]] = policy_loss,
    watch_texts: Callable[[Completions], dict] | None = None,
    checkpoint: Path | None = None,
):
    """Fine-tune `policy` (and `value_head`) in place; yield one record a step.

    `reward_fn` should have mean 0 and standard deviation 1 on the reference's samples (see `normalised`). `watch_texts`
    adds numbers of yours to each record, the gold score for example. `expected(done)` is a first guess of the values, to
    which the value head adds what it learns (0 if not given). `rewards(score, logp, logp_ref, mask, beta)`,
    `advantages(rewards, values, mask)` and `policy_loss(logp, logp_old, advantages, mask, clip)` may be your own.
    With `checkpoint` every step is saved there, and a run that finds one goes on from it with the same numbers.
    Several processes share each batch (see `processes`) and give the numbers of one with the whole batch.
    """
    device = next(iter(policy.parameters())).device
    trained = [*policy.parameters(), *value_head.parameters()]
    optimizer = torch.optim.Adam(trained, lr=config.lr, eps=1e-5, fused=device.type in ("cpu", "cuda"))
    beta, first = config.beta, 0
    check_room(policy, left_pad(list(prompts), pad_id)[0].shape[1], config.n_new)  # now, not when the longest is drawn
    if checkpoint is not None and checkpoint.exists():
        beta, first = restore(checkpoint, device, policy, value_head, optimizer, generator)
    elif (
        checkpoint is not None and place()[0] == 0
    ):  # so that an interrupt in the middle of the first step can be undone too
        save_state(checkpoint, snapshot(0, beta, policy, value_head, optimizer, generator))

    for step in range(first, config.steps):
        for group in optimizer.param_groups:
            group["lr"] = config.lr * (1 - step / config.steps)
        chosen = torch.randint(len(prompts), (config.batch,), generator=generator, device=device).tolist()
        ids, mask = left_pad([prompts[i] for i in chosen], pad_id, device)
        done = write_together(
            policy,
            ids,
            mask,
            config.n_new,
            eos_id=eos_id,
            pad_id=pad_id,
            temperature=config.temperature,
            generator=generator,
            head=value_head,
        )
        m = done.new_mask
        with torch.no_grad(), autocast(device):
            logp_old, own = by_shares(lambda part: noted_or_read(policy, part, config.temperature, value_head), done)
            logp_ref = by_shares(lambda part: score_tokens(reference, part, config.temperature)[0], done)
            known = by_shares(expected, done) if expected else torch.zeros_like(own)
            values_old = own + known
        ended = (done.new_ids == eos_id).any(1)
        score = torch.where(ended, by_shares(lambda part: checked_scores(reward_fn, part), done), config.missing_eos)
        paid = checked_rewards(rewards(score, logp_old, logp_ref, m, beta), m)
        adv = checked_advantages(advantages(paid, values_old, m), m)
        returns = adv + values_old  # before whitening: returns are in units of reward
        old = logp_old, values_old, whiten(adv, m), returns, known
        update = _update(policy, value_head, optimizer, done, *old, config, generator, policy_loss)
        kl = (logp_old - logp_ref).sum(1).mean().item()
        record = dict(
            step=step,
            score=score.mean().item(),
            kl_nats=kl,
            kl_per_token=masked_mean(kl_k3(logp_old, logp_ref), m).item(),
            beta=beta,
            reward=paid.sum(1).mean().item(),
            entropy=-masked_mean(logp_old, m).item(),  # of its own samples: unbiased, and needs no logits
            explained_variance=explained_variance(values_old, returns, m),
            n_new=m.sum(1).float().mean().item(),
            ended=ended.float().mean().item(),
            distinct_2=distinct_pairs(done),
            **update,
            **(watch_texts(done) if watch_texts else {}),
        )
        if config.target_kl is not None:
            beta = adapt_beta(beta, kl, config.target_kl, config.batch)
        following = config.steps if record["score"] >= config.enough else step + 1  # a run that stops early is finished
        if checkpoint is not None and place()[0] == 0:
            save_state(checkpoint, snapshot(following, beta, policy, value_head, optimizer, generator))
        yield record
        if following == config.steps:
            return


def _update(policy, value_head, optimizer, done, logp_old, values_old, adv, returns, known, config, generator, loss):
    """A few epochs of clipped steps on one batch. Stops, and says so, when the policy has moved too far from it."""
    device, logs, stopped = done.ids.device, [], 0.0
    params = [p for group in optimizer.param_groups for p in group["params"]]
    for _epoch in range(config.epochs):
        order = torch.randperm(len(done), generator=generator, device=device)
        for everyone in order.chunk(config.minibatches):
            rows = my_share(everyone)
            part, m = done[rows], done.new_mask[rows]
            share = weight(m, done.new_mask[everyone])
            with autocast(device):
                logp, values, _ = score_tokens(policy, part, config.temperature, value_head)
            values = values + known[rows]
            ratio = (logp - logp_old[rows]).exp()
            pi = checked_loss(loss(logp, logp_old[rows], adv[rows], m, config.clip))
            vf = value_loss(values, values_old[rows], returns[rows], m, config.clip)
            numbers = dict(
                policy_loss=pi,
                value_loss=vf,
                approx_kl=masked_mean(kl_k3(logp_old[rows], logp.detach()), m),
                clip_fraction=masked_mean(((ratio - 1).abs() > config.clip).float(), m),
                ratio=masked_mean(ratio, m),
            )
            means = average(share * torch.stack([*numbers.values()])).tolist()
            log = dict(grad_norm=0.0) | dict(zip(numbers, means, strict=True))
            logs.append(log)
            if not log["approx_kl"] < 1.0 or not 0.5 < log["ratio"] < 2.0:  # written so that NaN stops too
                stopped = 1.0
                break
            if not abs(log["policy_loss"]) < float("inf"):
                raise ValueError(f"the policy loss is {log['policy_loss']}: look at the function that makes it")
            optimizer.zero_grad()
            (share * (pi + config.vf_coef * vf)).backward()
            average_gradients(params)
            log["grad_norm"] = nn.utils.clip_grad_norm_(params, 1.0).item()
            optimizer.step()
        if stopped:
            break
    mean = {k: sum(log[k] for log in logs) / len(logs) for k in logs[0]}
    return {**mean, "first_ratio": logs[0]["ratio"], "stopped": stopped}
