"""Writing: sample continuations of prompts, many at once, as fast as a small model allows.

Three things make it quick: a cache allocated once; a prompt read once however many samples it gets; and rows that
leave the batch when their text is finished. On a GPU our GPT-2 replays its steps as a CUDA graph (`lm.graphs`).

Sampling is from the full distribution: any filter (top-k, top-p) would make the recorded log-probs those of another
policy, and the KL to the reference could come out negative.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from rlhf_edu.lm.interface import CausalLM, Completions, LMOutput, SteadyLM

GRAPHS = {"cuda"}  # where `lm.graphs` writes, for models that can step steadily


class Plan(NamedTuple):
    """What is to be written."""

    B: int  # rows
    width: int  # columns of prompt
    n_new: int
    eos_id: int
    pad_id: int
    temperature: float


class Written(NamedTuple):
    ids: Int[Tensor, "B N"]
    mask: Bool[Tensor, "B N"]
    logp: Float[Tensor, "B N"]
    val: Float[Tensor, "B N"] | None


def autocast(device: torch.device):
    """bfloat16 matrix products on a CUDA GPU; on a CPU nothing changes."""
    return torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda")


def draw(
    logits: Float[Tensor, "B V"],
    temperature: float,
    generator: torch.Generator | None,
    u: Float[Tensor, " B"] | None = None,
) -> tuple[Int[Tensor, " B"], Float[Tensor, " B"]]:
    """One token a row from softmax(logits / temperature), and its log-prob. `u` is drawn here, or given.

    token = the first v with p_1 + … + p_v > u,   u ~ Uniform(0, 1)        inverse transform sampling
    """
    p = F.softmax(logits.float() if temperature == 1 else logits.float() / temperature, dim=-1)
    cdf = p.cumsum(-1)
    if u is None:
        u = torch.rand(len(cdf), generator=generator, device=cdf.device)
    u = u[:, None] * cdf[:, -1:]  # rounding leaves cdf[-1] near 1
    token = torch.searchsorted(cdf, u, right=True).clamp(max=cdf.shape[1] - 1)
    return token.squeeze(1), p.gather(1, token).log().squeeze(1)


def check_room(lm: CausalLM, width: int, n_new: int) -> None:
    """ValueError when prompts of `width` tokens and `n_new` after them do not fit the model."""
    if width + n_new > lm.context:
        raise ValueError(
            f"prompts of {width} tokens and {n_new} new ones do not fit the model's context of {lm.context}: "
            "shorten the prompts or ask for fewer new tokens"
        )


def sample(
    lm: CausalLM,
    ids: Int[Tensor, "P T"],
    mask: Bool[Tensor, "P T"],
    n_new: int,
    *,
    eos_id: int,
    pad_id: int,
    samples: int = 1,
    temperature: float = 1.0,
    generator: torch.Generator | None = None,
    head: nn.Module | None = None,
    dice: Float[Tensor, "B N"] | None = None,
) -> Completions:
    """Up to `n_new` tokens after each left-padded prompt, `samples` times: P·samples rows, a prompt's own side by side.

    A row ends with its first EOS; what follows is padding, masked out. `generator` lives on the model's device. With a
    `head` (hidden state → number) its value before each new token is noted too, which saves reading the texts again.
    `dice`, uniform in [0, 1), replaces the generator: a number for each new token, whoever else is in the batch.
    Raises ValueError when prompt and answer do not fit the model's context, or the temperature is not positive.
    """
    width = ids.shape[1]
    check_room(lm, width, n_new)
    if not temperature > 0:
        raise ValueError(f"temperature is {temperature}, but it must be positive: use 0.01 for nearly greedy writing")
    if not mask[:, -1].all():
        raise ValueError("a prompt ends in padding, but completions start right after it: pad prompts on the left")
    device, plan = ids.device, Plan(len(ids) * samples, width, n_new, eos_id, pad_id, temperature)
    steady = lm if device.type in GRAPHS and isinstance(lm, SteadyLM) and n_new > 0 else None
    with torch.inference_mode(), autocast(device):
        out = lm(ids, mask, lm.new_cache(len(ids), width if steady else width + n_new), last=1)
        each = torch.arange(len(ids), device=device).repeat_interleave(samples)
        if steady is not None:
            from rlhf_edu.lm.graphs import write  # which draws as this module does

            dice = torch.rand(plan.B, n_new, generator=generator, device=device) if dice is None else dice
            new = write(steady, plan, out, mask, each, dice, head)
        else:
            new = step_by_step(lm, plan, out, mask, each, generator, dice, head)
    return Completions(  # copies from outside the inference mode: they may meet gradients later
        torch.cat([ids.repeat_interleave(samples, 0), new.ids], 1),
        torch.cat([mask.repeat_interleave(samples, 0), new.mask], 1),
        new.logp.clone(),
        None if new.val is None else new.val.clone(),
    )


def step_by_step(
    lm: CausalLM,
    plan: Plan,
    out: LMOutput,
    mask: Bool[Tensor, "P T"],
    each: Int[Tensor, " B"],
    generator: torch.Generator | None,
    dice: Float[Tensor, "B N"] | None,
    head: nn.Module | None,
) -> Written:
    """The new tokens of all rows, each after the prompt that `each` names; `out` is what the model said of the prompts."""
    device, n_new = mask.device, plan.n_new
    ids = torch.full((plan.B, n_new), plan.pad_id, device=device)
    logp, done = torch.zeros(plan.B, n_new, device=device), torch.zeros(plan.B, n_new, dtype=torch.bool, device=device)
    val = torch.zeros(plan.B, n_new, device=device) if head is not None else None
    cache = out.cache.rows(each) if len(each) > len(mask) else out.cache
    seen = F.pad(mask[each], (0, n_new), value=True)  # also what is to come
    logits, hidden = out.logits[each, -1], out.hidden[each, -1]
    alive = torch.arange(plan.B, device=device)  # the row of the result that each row of the batch writes
    writing, pad = torch.ones(plan.B, dtype=torch.bool, device=device), torch.tensor(plan.pad_id, device=device)
    for t in range(n_new):
        token, chance = draw(logits, plan.temperature, generator, None if dice is None else dice[alive, t])
        ids[alive, t] = token.where(writing, pad)
        logp[alive, t], done[alive, t] = chance * writing, writing
        if head is not None and val is not None:
            val[alive, t] = head(hidden) * writing
        writing = writing & (token != plan.eos_id)
        left = int(writing.sum())
        if left == 0 or t == n_new - 1:
            break
        if left <= 0.8 * len(alive):  # copying the cache costs about one step: do it when it pays
            keep = writing.nonzero().squeeze(1)
            cache, alive, seen, token = cache.rows(keep), alive[keep], seen[keep], token[keep]
            writing = writing[keep]
        out = lm(token[:, None], seen[:, : plan.width + t + 1], cache)
        cache, logits, hidden = out.cache, out.logits[:, -1], out.hidden[:, -1]
    return Written(ids, done, logp, val)
