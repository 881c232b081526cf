"""Silent faults of RLHF with PPO, each planted in the one place where people write it: `with seeded("top_k"): ppo(…).run()`.

None of them raises an error; training goes on. `FAULTS` says of each what it is, the sign that gives it away, and the cure.
Signs are those of runs on the stories (see `gallery`). The books: the rewards of a text must add up to score − β·KL.
Collected from published reproductions: Huang et al. (2024), "The N+ implementation details of RLHF with PPO"; Zheng et al.
(2023), "Secrets of RLHF in large language models, part I: PPO".
"""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any
from unittest.mock import patch

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rlhf_edu.lm import sampling
from rlhf_edu.ops import token_logp, whiten
from rlhf_edu.rlhf import ppo as trainer
from rlhf_edu.rlhf import shaping

OWN = inspect.unwrap(trainer.ppo).__kwdefaults__  # what a caller of `ppo` may write

# How bad the faults are.
KEPT = 3  # tokens
COLD = 0.7  # temperature
DROPPED = 0.1  # share of dropout
OFF_BY = 4.0  # standard deviations of the score


@dataclass(frozen=True)
class Fault:
    """`what` was written, the `sign` to see it by, the `cure`. `faulty(right, *arguments)` stands in for what is at `place`."""

    name: str
    what: str
    sign: str
    cure: str
    place: tuple[Any, str] = field(repr=False)
    faulty: Callable = field(repr=False)


FAULTS: dict[str, Fault] = {}


def fault(place: tuple[Any, str], *, what: str, sign: str, cure: str) -> Callable[[Callable], Callable]:
    """Enter a function into FAULTS; `place` is a module and a name in it, or a dict and a key of it."""

    def enter(faulty: Callable) -> Callable:
        FAULTS[faulty.__name__] = Fault(faulty.__name__, what, sign, cure, place, faulty)
        return faulty

    return enter


@contextmanager
def seeded(name: str) -> Iterator[Fault]:
    """Plant a fault for the length of a `with`; the library is whole again afterwards, whatever happens inside.

    Both the call and the training belong inside: some faults act when `ppo(…)` is called, most while it runs.
    """
    if name not in FAULTS:
        raise ValueError(f'there is no fault "{name}": choose one of {", ".join(FAULTS)}')
    chosen = FAULTS[name]
    place, key = chosen.place
    in_dict = isinstance(place, dict)
    wrong = partial(chosen.faulty, place[key] if in_dict else getattr(place, key))
    with patch.dict(place, {key: wrong}) if in_dict else patch.object(place, key, wrong):
        yield chosen


# --- writing


@fault(
    (sampling, "draw"),
    what=f"Rollouts draw among the {KEPT} likeliest tokens only; their log-probs are those of the full softmax.",
    sign="The entropy starts too low. The KL starts at 0 as it should, and may even fall below, which no true KL can.",
    cure="Sample from the full distribution; filters are for showing texts, not for learning from them.",
)
def top_k(draw, logits, temperature, generator, u=None):
    kept = logits.masked_fill(logits < logits.topk(KEPT).values[:, -1:], -1e9)
    token, _ = draw(kept, temperature, generator, u)
    return token, token_logp(logits[:, None] / temperature, token[:, None])[:, 0]


@fault(
    (sampling, "draw"),
    what=f"A temperature of {COLD} divides the logits in the rollout, but neither in the reference nor in the update.",
    sign="The KL is not 0 at the first step, though nobody has learned anything, and tokens are clipped from the first one on.",
    cure="One temperature, in rollout, reference and update alike.",
)
def rollout_temperature(draw, logits, temperature, generator, u=None):
    return draw(logits, COLD * temperature, generator, u)


@fault(
    (trainer, "write_together"),
    what="EOS serves as the padding token, and the mask is “not padding”: the end of a text is masked out.",
    sign="No curve shows it where texts end anyway; a test does: the end token is not in the mask, so nothing ever rewards it.",
    cure="A padding token of its own; or a mask that runs through the first EOS.",
)
def eos_as_padding(write, policy, ids, mask, n_new, *, eos_id, **how):
    done = write(policy, ids, mask, n_new, eos_id=eos_id, **how)
    end = (done.ids == eos_id) & (F.pad(done.new_mask, (ids.shape[1], 0)).cumsum(1) > 1)  # never a whole text
    mask = done.mask & ~end
    return replace(done, mask=mask, logp=done.logp * mask[:, ids.shape[1] :])


# --- reading again


@fault(
    (trainer, "completion_logits"),
    what="Log-probs are read one column too far right: those that predict the token after each token.",
    sign="The first ratio is nowhere near 1, and the KL of an untrained policy is far from 0.",
    cure="Logits at column t predict token t + 1: compare the slice with a loop over tokens.",
)
def shifted_logp(_, lm, done):
    out, start = lm(done.ids, done.mask), done.ids.shape[1] - done.n_new
    return out.logits[:, start:], out.hidden[:, start:]


@fault(
    (trainer, "score_tokens"),
    what=f"The policy is left in training mode: dropout of {DROPPED} is on whenever it is updated.",
    sign="The first ratio is not quite 1, and the clip fraction stays high although the learning rate falls; the KL starts at 0.",
    cure="Dropout off in every pass: the policy that is updated must be the one that wrote.",
)
def dropout(score_tokens, lm, *rest):
    layers = [m for m in lm.modules() if isinstance(m, nn.Linear)] if torch.is_grad_enabled() else []

    def drop(_module: nn.Module, _inputs: Any, y: Tensor) -> Tensor:
        return F.dropout(y, DROPPED)

    hooks = [m.register_forward_hook(drop) for m in layers]
    try:
        return score_tokens(lm, *rest)
    finally:
        for hook in hooks:
            hook.remove()


@fault(
    (trainer, "score_tokens"),
    what="The reference is the policy itself (`reference = policy`, without a copy), so it learns along.",
    sign="The KL stays at exactly 0 although score and entropy move: whatever the price, nothing is ever paid.",
    cure="A frozen deep copy; test that its weights never change.",
)
def moving_reference(score_tokens, lm, done, *rest):
    logp, *others = score_tokens(lm, done, *rest)
    if not torch.is_grad_enabled():  # whoever is asked, the policy answers: what it said while writing
        logp = done.logp
    return logp, *others


@fault(
    (trainer, "score_tokens"),
    what="Log-probs of padding are not masked out of the sum that is called KL.",
    sign="The KL is large from the first step on, and the books do not balance with it. All other curves are healthy.",
    cure="A harmless constant under padding, and no sum or mean without the mask.",
)
def kl_over_padding(score_tokens, lm, done, *rest):
    _, values, logits = score_tokens(lm, done, *rest)
    return token_logp(logits, done.new_ids), values, logits


# --- rewards and advantages


@fault(
    (trainer, "checked_scores"),
    what=f"Gain and bias are still those of an earlier judge, so that every score comes out {OFF_BY:g} deviations low.",
    sign="The score of the untrained policy is far from 0. And where −2 is more than a text can earn, not to end it can pay.",
    cure="Measure gain and bias again whenever the judge changes.",
)
def stale_scale(checked_scores, reward_fn, done):
    return checked_scores(reward_fn, done) - OFF_BY


@fault(
    (shaping, "last_real"),
    what="The score is added at the right edge of the batch, where short texts have only padding.",
    sign="The value loss starts near 0 and the score never rises: only texts that fill the batch ever get their score.",
    cure="Add it at the last real token; test with texts of unequal length.",
)
def pad_edge(_, mask):
    return torch.full((len(mask),), mask.shape[1] - 1, device=mask.device)


@fault(
    (OWN, "rewards"),
    what="The KL penalty has the wrong sign: leaving the reference is paid for.",
    sign="The KL runs away, and the books do not balance: rewards add up to more than the score.",
    cure="The rewards of a text must add up to score − β·KL: assert it.",
)
def kl_sign(shaped_rewards, score, logp, logp_ref, mask, beta):
    return shaped_rewards(score, logp, logp_ref, mask, -beta)


@fault(
    (OWN, "rewards"),
    what="Rewards are whitened before returns are made of them, so that the values' unit changes with every batch.",
    sign="The books do not balance, and the value loss is in another unit; score and taste rise as they should.",
    cure="Fix the scale once, on the reference's samples; if rewards must be whitened, keep their mean.",
)
def whitened_rewards(shaped_rewards, score, logp, logp_ref, mask, beta):
    return whiten(shaped_rewards(score, logp, logp_ref, mask, beta), mask)


@fault(
    (OWN, "advantages"),
    what="The last token bootstraps: the value after the end is taken to be that of the last state, not 0.",
    sign="The value loss grows and grows: values chase themselves. Score and taste rise as they should.",
    cure="V = 0 after the last real token, there and not at the edge.",
)
def bootstrap_at_end(gae, rewards, values, mask):
    last = mask & ~F.pad(mask[:, 1:], (0, 1))
    return gae(rewards + values * last, values, mask)


@fault(
    (trainer, "checked_advantages"),
    what="Advantages are whitened before returns are made of them.",
    sign="The value loss stays near 0.50 from the first step on: the values never learn that texts get better.",
    cure="returns = advantages + values first, then whiten.",
)
def whitened_early(checked_advantages, adv, mask):
    return whiten(checked_advantages(adv, mask), mask)


@fault(
    (OWN, "policy_loss"),
    what="The advantage has the wrong sign in the policy loss: bad tokens are made likelier.",
    sign="The score falls from the start and the KL runs away, while the books balance.",
    cure="The loss is minimised, so it is −A·ratio: test one step on one good token.",
)
def advantage_sign(policy_loss, logp, logp_old, adv, mask, clip):
    return policy_loss(logp, logp_old, -adv, mask, clip)
