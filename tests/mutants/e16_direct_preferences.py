"""Wrong answers that exercise 16 must reject, and right ones, written differently, that it must accept."""

import torch
import torch.nn.functional as F


# the best policy
def policy(ref_logp, reward, beta):
    logp = torch.log_softmax(ref_logp.double() + reward.double() / beta, 0)
    objective = (logp.exp() * (reward - beta * (logp - ref_logp))).sum()
    return logp.float(), objective.float()


def policy_shifted(ref_logp, reward, beta):
    top = reward.max()
    weights = ref_logp.exp() * torch.exp((reward - top) / beta)
    z = weights.sum()
    return ref_logp + (reward - top) / beta - z.log(), top + beta * z.log()


def policy_overflowing(ref_logp, reward, beta):
    weights = ref_logp.exp() * torch.exp(reward / beta)
    return (weights / weights.sum()).log(), beta * weights.sum().log()


def policy_clipped(ref_logp, reward, beta):
    return policy(ref_logp, reward.clamp(-20, 20), beta)


def policy_greedy(ref_logp, reward, beta):
    return torch.where(reward == reward.max(), 0.0, -1e9), reward.max()


# DPO
def dpo(chosen, rejected, ref_chosen, ref_rejected, beta):
    gain = torch.stack([chosen - ref_chosen, rejected - ref_rejected]) * beta
    return -F.logsigmoid(gain[0] - gain[1]).mean(), (gain[0] > gain[1]).float().mean()


def dpo_as_choice(chosen, rejected, ref_chosen, ref_rejected, beta):
    """A classifier of two classes, of which the first is right."""
    rewards = beta * torch.stack([chosen - ref_chosen, rejected - ref_rejected], 1)
    loss = F.cross_entropy(rewards, torch.zeros(len(rewards), dtype=torch.long))
    return loss, (rewards.argmax(1) == 0).sum() / len(rewards)


def dpo_clamped(chosen, rejected, ref_chosen, ref_rejected, beta):
    """No gradient for the worst mistakes."""
    m = beta * (chosen - ref_chosen - rejected + ref_rejected)
    return -m.sigmoid().clamp(min=1e-6).log().mean(), (m > 0).float().mean()


def dpo_mean_first(chosen, rejected, ref_chosen, ref_rejected, beta):
    m = beta * (chosen - ref_chosen - rejected + ref_rejected)
    return -F.logsigmoid(m.mean()), (m > 0).float().mean()


def dpo_hinge(chosen, rejected, ref_chosen, ref_rejected, beta):
    m = beta * (chosen - ref_chosen - rejected + ref_rejected)
    return (1 - m).clamp(min=0).mean(), (m > 0).float().mean()


# KTO
def kto(logp, ref_logp, good, kl, beta):
    gain = beta * (logp - ref_logp - max(kl, 0))
    return torch.where(good, torch.sigmoid(-gain), torch.sigmoid(gain)).mean()


def kto_loop(logp, ref_logp, good, kl, beta):
    total = 0.0
    for p, q, thumb in zip(logp, ref_logp, good, strict=True):
        x = beta * (p - q - (kl if kl > 0 else 0.0))
        total += 1 - (x if thumb else -x).sigmoid()
    return total / len(good)


def kto_absolute(logp, ref_logp, good, kl, beta):
    return kto(logp, ref_logp, good, abs(kl), beta)


def kto_weighted(logp, ref_logp, good, kl, beta):
    """Gives both kinds the same say."""
    v = torch.where(good, 1.0 / good.sum(), 1.0 / (~good).sum()) / 2
    gain = beta * (logp - ref_logp - max(kl, 0))
    return (v * torch.where(good, torch.sigmoid(-gain), torch.sigmoid(gain))).sum()


# SimPO
def simpo(chosen, chosen_mask, rejected, rejected_mask, beta, gamma):
    means = [(x.masked_fill(~m, 0).sum(1) / m.sum(1)) for x, m in ((chosen, chosen_mask), (rejected, rejected_mask))]
    return -F.logsigmoid(beta * (means[0] - means[1]) - gamma).mean()


def simpo_rows(chosen, chosen_mask, rejected, rejected_mask, beta, gamma):
    losses = [
        -F.logsigmoid(beta * w[wm].mean() - beta * lost[lm].mean() - gamma)
        for w, wm, lost, lm in zip(chosen, chosen_mask, rejected, rejected_mask, strict=True)
    ]
    return sum(losses) / len(losses)


def simpo_pooled(chosen, chosen_mask, rejected, rejected_mask, beta, gamma):
    """One mean length for all answers of a side."""
    won = (chosen * chosen_mask).sum(1) / chosen_mask.sum(1).float().mean()
    lost = (rejected * rejected_mask).sum(1) / rejected_mask.sum(1).float().mean()
    return -F.logsigmoid(beta * (won - lost) - gamma).mean()


def simpo_one_mask(chosen, chosen_mask, rejected, rejected_mask, beta, gamma):
    return simpo(chosen, chosen_mask, rejected, chosen_mask, beta, gamma)


MUTANTS = {
    "best_policy": {
        "overflows": policy_overflowing,
        "rewards clipped": policy_clipped,
        "greedy": policy_greedy,
        "no_reference": lambda q, r, beta: (torch.log_softmax(r / beta, 0), beta * torch.logsumexp(r / beta, 0)),
        "log_z": lambda q, r, beta: (policy(q, r, beta)[0], policy(q, r, beta)[1] / beta),
        "probs": lambda q, r, beta: (policy(q, r, beta)[0].exp(), policy(q, r, beta)[1]),
        "only the policy": lambda q, r, beta: policy(q, r, beta)[0],
        "KL alone": lambda q, r, beta: (
            policy(q, r, beta)[0],
            (policy(q, r, beta)[0].exp() * (policy(q, r, beta)[0] - q)).sum(),
        ),
    },
    "dpo_loss": {
        "σ kept from 0": dpo_clamped,
        "mean margin first": dpo_mean_first,
        "hinge": dpo_hinge,
        "no_reference": lambda w, l, rw, rl, beta: dpo(w, l, 0 * rw, 0 * rl, beta),
        "swapped": lambda w, l, rw, rl, beta: dpo(l, w, rl, rw, beta),
        "loss only": lambda *a: dpo(*a)[0],
        "error in the place of accuracy": lambda *a: (dpo(*a)[0], 1 - dpo(*a)[1]),
        "in bits": lambda *a: (dpo(*a)[0] / 0.6931, dpo(*a)[1]),
        "for each pair": lambda w, l, rw, rl, beta: (F.softplus(-beta * (w - rw - l + rl)), dpo(w, l, rw, rl, beta)[1]),
    },
    "kto_loss": {
        "absolute KL": kto_absolute,
        "both kinds weigh the same": kto_weighted,
        "thumbs_turned": lambda *a: 1 - kto(*a),
        "sum": lambda p, *a: kto(p, *a) * len(p),
        "no_kl": lambda p, q, good, kl, beta: kto(p, q, good, 0.0, beta),
        "DPO's logarithm": lambda p, q, good, kl, beta: F.softplus(
            -beta * torch.where(good, 1.0, -1.0) * (p - q - max(kl, 0))
        ).mean(),
        "KL added": lambda p, q, good, kl, beta: kto(p, q - 2 * max(kl, 0), good, kl, beta),
    },
    "simpo_loss": {
        "one mean length": simpo_pooled,
        "one mask for both": simpo_one_mask,
        "no_margin": lambda w, wm, l, lm, beta, gamma: simpo(w, wm, l, lm, beta, 0.0),
        "margin_sign": lambda w, wm, l, lm, beta, gamma: simpo(w, wm, l, lm, beta, -gamma),
        "swapped": lambda w, wm, l, lm, beta, gamma: simpo(l, lm, w, wm, beta, gamma),
        "σ without logarithm": lambda w, wm, l, lm, beta, gamma: 1 - torch.exp(-simpo(w, wm, l, lm, beta, gamma)),
        "no mask": lambda w, wm, l, lm, beta, gamma: simpo(w, wm | ~wm, l, lm | ~lm, beta, gamma),
        "margin outside": lambda w, wm, l, lm, beta, gamma: simpo(w, wm, l, lm, beta, 0.0) + gamma,
    },
    "dpo_fault": {
        "no learning rate": {"fault": "a", "evidence": "loss"},
        "swapped": {"fault": "b", "evidence": "chosen"},
        "β": {"fault": "d", "evidence": "loss"},
        "prompt": {"fault": "e", "evidence": "loss"},
        "right fault, kl": {"fault": "c", "evidence": "kl"},
        "right fault, rejected": {"fault": "c", "evidence": "rejected"},
        "a letter": "c",
    },
}

ALTERNATIVES = {
    "best_policy": {"log-softmax, term by term": policy, "the largest taken out": policy_shifted},
    "dpo_loss": {"stacked": dpo, "a choice of two": dpo_as_choice},
    "kto_loss": {"two sigmoids": kto, "loop": kto_loop},
    "simpo_loss": {"masked": simpo, "row by row": simpo_rows},
    "dpo_fault": {"as asked": {"fault": "c", "evidence": "loss"}, "dressed": {"fault": "C)", "evidence": "Loss"}},
}
