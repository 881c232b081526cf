"""Wrong answers that exercise 15 must reject, and right ones, written differently, that it must accept."""

import torch


# leave one out
def rloo(scores, kl, beta):
    paid = scores - beta * kl
    return (paid - paid.mean(1, keepdim=True)) * paid.shape[1] / (paid.shape[1] - 1)


def rloo_by_text(scores, kl, beta):
    out = torch.zeros_like(scores)
    for p in range(scores.shape[0]):
        for i in range(scores.shape[1]):
            keep = torch.arange(scores.shape[1]) != i
            paid = scores[p] - beta * kl[p]
            out[p, i] = paid[i] - paid[keep].mean()
    return out


def rloo_by_matrix(scores, kl, beta):
    G = scores.shape[1]
    compare = (G * torch.eye(G) - 1) / (G - 1)
    return torch.addmm(torch.zeros_like(scores), scores - beta * kl, compare)


def rloo_neighbour(scores, kl, beta):
    paid = scores - beta * kl
    return paid - paid.roll(1, 1)


def rloo_best_other(scores, kl, beta):
    paid = scores - beta * kl
    eye = torch.eye(paid.shape[1], dtype=torch.bool)
    return paid - paid[:, None].expand(-1, paid.shape[1], -1).masked_fill(eye, -1e9).amax(2)


def rloo_wrong_cut(scores, kl, beta):
    """Texts of different prompts in one group."""
    return rloo(scores.T.reshape(scores.shape), kl.T.reshape(kl.shape), beta)


def rloo_price_of_mean(scores, kl, beta):
    return rloo(scores - beta * kl.mean(1, keepdim=True), kl, 0.0)


# the group's spread
def grpo(scores, eps):
    centred = scores - scores.mean(dim=-1, keepdim=True)
    spread = (centred.square().sum(-1, keepdim=True) / (scores.shape[-1] - 1)).sqrt()
    return centred / (spread + eps)


def grpo_rows(scores, eps):
    return torch.stack([(row - row.mean()) / (torch.std(row) + eps) for row in scores])


def grpo_absolute(scores, eps):
    centred = scores - scores.mean(1, keepdim=True)
    return centred / (centred.abs().mean(1, keepdim=True) + eps)


def grpo_range(scores, eps):
    span = scores.amax(1, keepdim=True) - scores.amin(1, keepdim=True)
    return (scores - scores.mean(1, keepdim=True)) / (span + eps)


def grpo_max(scores, eps):
    spread = scores.std(1, keepdim=True)
    return (scores - scores.mean(1, keepdim=True)) / torch.maximum(spread, torch.full_like(spread, eps))


def grpo_median(scores, eps):
    return (scores - scores.median(1, keepdim=True).values) / (scores.std(1, keepdim=True) + eps)


# the loss
def losses(logp, logp_old, adv, mask, clip):
    r = torch.exp(logp - logp_old)
    worst = torch.max(-adv.unsqueeze(1) * r, -adv.unsqueeze(1) * torch.clamp(r, 1 - clip, 1 + clip)).masked_fill(
        ~mask, 0
    )
    return (worst / mask.sum(1, keepdim=True)).sum() / len(adv), worst.sum() / mask.numel()


def losses_by_row(logp, logp_old, adv, mask, clip):
    by_text, total = 0.0, 0.0
    for p, old, a, m in zip(logp, logp_old, adv, mask, strict=True):
        r = (p[m] - old[m]).exp()
        bounded = r.clamp(max=1 + clip) if a > 0 else r.clamp(min=1 - clip)
        by_text, total = by_text - a * bounded.mean(), total - a * bounded.sum()
    return by_text / len(adv), total / (mask.shape[0] * mask.shape[1])


def losses_one_sided(logp, logp_old, adv, mask, clip):
    r, a = (logp - logp_old).exp(), adv[:, None]
    worst = torch.max(-a * r, -a * r.clamp(max=1 + clip)) * mask
    return (worst.sum(1) / mask.sum(1)).mean(), worst.mean()


def losses_of_text_ratio(logp, logp_old, adv, mask, clip):
    """One ratio for a whole text."""
    r = ((logp - logp_old) * mask).sum(1).exp()
    worst = torch.max(-adv * r, -adv * r.clamp(1 - clip, 1 + clip))
    return worst.mean(), (worst[:, None] * mask).sum() / mask.numel()


def losses_sum(logp, logp_old, adv, mask, clip):
    a, b = losses(logp, logp_old, adv, mask, clip)
    return a * len(adv), b * mask.numel()


def losses_of_one_gradient(logp, logp_old, adv, mask, clip):
    """Both values are right, but the second follows the gradient of the first."""
    a, b = losses(logp, logp_old, adv, mask, clip)
    return a, b.detach() + a - a.detach()


def losses_fixed(logp, logp_old, adv, mask, clip):
    return losses(logp, logp_old, adv, mask, 0.2)


MUTANTS = {
    "rloo_advantages": {
        "itself_in": lambda s, kl, beta: rloo(s, kl, beta) * (s.shape[1] - 1) / s.shape[1],
        "price_sign": lambda s, kl, beta: rloo_by_text(s, -kl, beta),
        "against the neighbour": rloo_neighbour,
        "against the best other": rloo_best_other,
        "texts of different prompts": rloo_wrong_cut,
        "the price of the mean": rloo_price_of_mean,
        "β squared": lambda s, kl, beta: rloo(s, kl, beta**2),
        "the KL without its sign": lambda s, kl, beta: rloo(s, kl.abs(), beta),
    },
    "grpo_advantages": {
        "population": lambda s, eps: (s - s.mean(1, keepdim=True)) / (s.std(1, keepdim=True, unbiased=False) + eps),
        "mean absolute deviation": grpo_absolute,
        "range": grpo_range,
        "the larger of spread and ε": grpo_max,
        "median": grpo_median,
        "fixed ε": lambda s, eps: grpo(s, 1e-4),
        "twice": lambda s, eps: grpo(grpo(s, eps), eps),
        "no_eps": lambda s, eps: grpo(s, 0.0),
    },
    "group_losses": {
        "clips above only": losses_one_sided,
        "the second detached": lambda *a: (losses(*a)[0], losses(*a)[1].detach()),
        "the second's gradient text by text": losses_of_one_gradient,
        "one ratio a text": losses_of_text_ratio,
        "sums": losses_sum,
        "fixed ε": losses_fixed,
        "sign": lambda *a: [-x for x in losses(*a)],
        "first only": lambda *a: losses(*a)[0],
        "the same twice": lambda *a: (losses(*a)[1], losses(*a)[1]),
        "advantages whitened": lambda p, o, a, m, c: losses(p, o, (a - a.mean()) / (a.std(correction=0) + 1e-6), m, c),
    },
    "flat_share": {
        "all_pass": lambda q, G: torch.pow(q, G).mean(),
        "lively": lambda q, G: (1 - q**G - (1 - q) ** G).mean(),
        "mean_first": lambda q, G: torch.mean(q) ** G + torch.mean(1 - q) ** G,
        "sum over prompts": lambda q, G: (q**G + (1 - q) ** G).sum(),
        "one a prompt": lambda q, G: q**G + (1 - q) ** G,
        "pairs": lambda q, G: (q**2 + (1 - q) ** 2).mean(),
        "all prompts at once": lambda q, G: (q**G + (1 - q) ** G).prod(),
        "one text more": lambda q, G: (q ** (G + 1) + (1 - q) ** (G + 1)).mean(),
    },
    "group_fault": {
        "itself in": {"fault": "a", "evidence": "opening"},
        "spread": {"fault": "c", "evidence": "opening"},
        "flat": {"fault": "d", "evidence": "flat"},
        "sign": {"fault": "e", "evidence": "score"},
        "right fault, mean": {"fault": "b", "evidence": "mean"},
        "right fault, score": {"fault": "b", "evidence": "score"},
        "a letter": "b",
    },
}

ALTERNATIVES = {
    "rloo_advantages": {"scaled": rloo, "text by text": rloo_by_text, "a matrix": rloo_by_matrix},
    "grpo_advantages": {"by hand": grpo, "row by row": grpo_rows},
    "group_losses": {"masked": losses, "row by row, by the sign of A": losses_by_row},
    "flat_share": {
        "power": lambda q, G: torch.stack([q, 1 - q]).pow(G).sum(0).mean(),
        "loop": lambda q, G: sum(float(x) ** G + (1 - float(x)) ** G for x in q) / len(q),
    },
    "group_fault": {
        "as asked": {"fault": "b", "evidence": "opening"},
        "dressed": {"fault": "B)", "evidence": "Opening"},
    },
}
