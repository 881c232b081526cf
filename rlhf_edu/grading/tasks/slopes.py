"""What the gradients of graded losses must be: formulas found on paper, number by number in plain Python.

A loss can be right in value and teach nothing, or something else, because a part of it was cut off from its inputs or left
attached. Each function takes the loss's own arguments and returns its derivative in one of them.
"""

import math

import numpy as np

from rlhf_edu.grading.judges import Gradient
from rlhf_edu.grading.tensors import tensor


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > -500 else 0.0


def clipped(logp: float, logp_old: float, adv: float, clip: float) -> float:
    """The slope of max(−A ρ, −A clip(ρ, 1 ± ε)) in log π: −A ρ, and 0 where the clip holds."""
    ratio = math.exp(logp - logp_old)
    return 0.0 if (ratio > 1 + clip if adv > 0 else ratio < 1 - clip) else -adv * ratio


def policy_loss_in_logp(logp, logp_old, adv, mask, clip: float):
    flat = zip(*(x.flatten().tolist() for x in (logp, logp_old, adv, mask)), strict=True)
    slopes = [clipped(p, q, a, clip) if real else 0.0 for p, q, a, real in flat]
    return tensor(np.reshape(slopes, logp.shape) / sum(mask.flatten().tolist()))


def group_loss_in_logp(logp, logp_old, adv, mask, clip: float):
    """Of the first loss: every text counts alike, however long it is."""
    return _group_slope(logp, logp_old, adv, mask, clip, lambda row: sum(row) * len(mask))


def budget_loss_in_logp(logp, logp_old, adv, mask, clip: float):
    """Of the second loss: every token counts alike."""
    return _group_slope(logp, logp_old, adv, mask, clip, lambda row: len(row) * len(mask))


def _group_slope(logp, logp_old, adv, mask, clip: float, shares):
    rows = []
    for p, q, a, row in zip(logp.tolist(), logp_old.tolist(), adv.tolist(), mask.tolist(), strict=True):
        tokens = zip(p, q, row, strict=True)
        rows.append([clipped(x, y, a, clip) / shares(row) if real else 0.0 for x, y, real in tokens])
    return tensor(rows)


def total_loss_in_logp(logp, logp_old, adv, values, returns, entropy, clip, value_weight, entropy_weight):
    a, n = adv.tolist(), len(logp)
    centre = math.fsum(a) / n
    spread = math.sqrt(math.fsum((x - centre) ** 2 for x in a) / (n - 1))
    rows = zip(logp.tolist(), logp_old.tolist(), a, strict=True)
    return tensor([clipped(p, q, (x - centre) / spread, clip) / n for p, q, x in rows])


def total_loss_in_values(logp, logp_old, adv, values, returns, entropy, clip, value_weight, entropy_weight):
    rows = zip(values.tolist(), returns.tolist(), strict=True)
    return tensor([value_weight * (v - g) / len(logp) for v, g in rows])


def total_loss_in_entropy(logp, logp_old, adv, values, returns, entropy, clip, value_weight, entropy_weight):
    return tensor([-entropy_weight / len(logp)] * len(logp))


def next_token_loss_in_logits(logits, ids, mask):
    """(softmax − one at the token that came) / their number, one column before each real token from the second on."""
    out = np.zeros(tuple(logits.shape))
    places = [(b, t) for b, row in enumerate(mask.tolist()) for t in range(1, len(row)) if row[t]]
    for b, t in places:
        z = logits[b, t - 1].tolist()
        p = [math.exp(x - max(z)) for x in z]
        out[b, t - 1] = [x / math.fsum(p) for x in p]
        out[b, t - 1, int(ids[b, t])] -= 1
    return tensor(out / len(places))


def reinforce_in_logp(logp, logp_ref, rewards, mask, beta: float):
    """−A_b / B at the real tokens, A held fixed (Williams 1992)."""
    B, rows = len(rewards), []
    drift = [
        math.fsum(x - y for x, y, real in zip(p, q, row, strict=True) if real)
        for p, q, row in zip(logp.tolist(), logp_ref.tolist(), mask.tolist(), strict=True)
    ]
    total = [r - beta * d for r, d in zip(rewards.tolist(), drift, strict=True)]
    for b, row in enumerate(mask.tolist()):
        advantage = total[b] - (math.fsum(total) - total[b]) / (B - 1)
        rows.append([-advantage / B if real else 0.0 for real in row])
    return tensor(rows)


def reinforce_through_reward(logp, logp_ref, rewards, mask, beta: float):
    """As `reinforce_in_logp`, plus what comes in when the KL inside of A is not held fixed: β (s_b − mean of the other s) / B."""
    said = [
        math.fsum(x for x, real in zip(p, row, strict=True) if real)
        for p, row in zip(logp.tolist(), mask.tolist(), strict=True)
    ]
    B = len(said)
    extra = [beta * (s - (math.fsum(said) - s) / (B - 1)) / B for s in said]
    return reinforce_in_logp(logp, logp_ref, rewards, mask, beta) + tensor(extra)[:, None] * mask


def dpo_in_chosen(chosen, rejected, ref_chosen, ref_rejected, beta: float):
    rows = zip(*(x.tolist() for x in (chosen, rejected, ref_chosen, ref_rejected)), strict=True)
    return tensor([-beta * sigmoid(-beta * (w - rw - lost + rl)) / len(chosen) for w, lost, rw, rl in rows])


def dpo_in_rejected(chosen, rejected, ref_chosen, ref_rejected, beta: float):
    return -dpo_in_chosen(chosen, rejected, ref_chosen, ref_rejected, beta)


def kto_in_logp(logp, ref_logp, good, kl: float, beta: float):
    """z₀ is held fixed."""
    out = []
    for p, q, thumb in zip(logp.tolist(), ref_logp.tolist(), good.tolist(), strict=True):
        v, sign = sigmoid(beta * (p - q - max(0.0, kl))), 1 if thumb else -1
        out.append(-sign * beta * v * (1 - v) / len(logp))
    return tensor(out)


def simpo_in(side: str):
    """The slope in the tokens of the chosen or the rejected answers."""

    def slope(chosen, chosen_mask, rejected, rejected_mask, beta: float, gamma: float):
        pairs = zip(*(x.tolist() for x in (chosen, chosen_mask, rejected, rejected_mask)), strict=True)
        rows = []
        for won, won_mask, lost, lost_mask in pairs:
            means = [
                math.fsum(x for x, real in zip(p, row, strict=True) if real) / sum(row)
                for p, row in ((won, won_mask), (lost, lost_mask))
            ]
            push = beta * sigmoid(gamma - beta * (means[0] - means[1])) / len(chosen)
            row, sign = (won_mask, -1) if side == "chosen" else (lost_mask, 1)
            rows.append([sign * push / sum(row) if real else 0.0 for real in row])
        return tensor(rows)

    return slope


POLICY_LOSS = (Gradient("logp", policy_loss_in_logp),)
GROUP_LOSS = (Gradient("logp", group_loss_in_logp), Gradient("logp", budget_loss_in_logp, part=1))
TOTAL_LOSS = (
    Gradient("logp", total_loss_in_logp),
    Gradient("values", total_loss_in_values),
    Gradient("entropy", total_loss_in_entropy),
)
NEXT_TOKEN_LOSS = (Gradient("logits", next_token_loss_in_logits),)
REINFORCE_LOSS = (
    Gradient(
        "logp",
        reinforce_in_logp,
        {
            "through_reward": (
                reinforce_through_reward,
                "the value is right, but the gradient also runs through the advantages: hold them fixed, with logp.detach() in the KL",
            )
        },
    ),
)
DPO_LOSS = (Gradient("chosen", dpo_in_chosen), Gradient("rejected", dpo_in_rejected))
KTO_LOSS = (Gradient("logp", kto_in_logp),)
SIMPO_LOSS = (Gradient("chosen", simpo_in("chosen")), Gradient("rejected", simpo_in("rejected")))
