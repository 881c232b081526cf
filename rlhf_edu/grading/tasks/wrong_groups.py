"""The mistakes people make in the formulas of RLOO and GRPO: the code that makes each, and what to say about it."""


def _loo(paid):
    G = paid.shape[1]
    return (paid - paid.mean(1, keepdim=True)) * G / (G - 1)


RLOO_ADVANTAGES = {
    "no_price": (lambda s, kl, beta: _loo(s), "the price of the KL is missing"),
    "price_sign": (lambda s, kl, beta: _loo(s + beta * kl), "the sign of the KL is turned: going away is paid for"),
    "price_after": (
        lambda s, kl, beta: _loo(s) - beta * kl,
        "the KL is taken off after the comparison; it belongs to the score, so that the others' baseline pays it too",
    ),
    "no_beta": (lambda s, kl, beta: _loo(s - kl), "β is missing"),
    "itself_in": (
        lambda s, kl, beta: (s - beta * kl) - (s - beta * kl).mean(1, keepdim=True),
        "the text itself is in its baseline; it is compared with the others only",
    ),
    "whole_batch": (
        lambda s, kl, beta: (s - beta * kl) - ((s - beta * kl).sum() - (s - beta * kl)) / (s.numel() - 1),
        "the baseline is taken over the whole batch; it is taken within a prompt",
    ),
    "columns": (
        lambda s, kl, beta: (s - beta * kl) - (s - beta * kl).mean(0, keepdim=True),
        "the mean runs over prompts (dim 0); it runs over the texts of one prompt",
    ),
    "others_over_g": (
        lambda s, kl, beta: (s - beta * kl) - ((s - beta * kl).sum(1, keepdim=True) - (s - beta * kl)) / s.shape[1],
        "the others' sum is divided by G, but there are G − 1 of them",
    ),
    "sign": (
        lambda s, kl, beta: -_loo(s - beta * kl),
        "the sign is turned: a good text must have a positive advantage",
    ),
    "baseline": (
        lambda s, kl, beta: (s - beta * kl) - _loo(s - beta * kl),
        "this is the baseline; the advantage is the score minus it",
    ),
    "divided": (
        lambda s, kl, beta: _loo(s - beta * kl) / ((s - beta * kl).std(1, keepdim=True) + 1e-4),
        "RLOO does not divide by the spread",
    ),
}


def _relative(s, eps, spread, mean=None):
    return (s - (s.mean(1, keepdim=True) if mean is None else mean)) / (spread + eps)


GRPO_ADVANTAGES = {
    "population": (
        lambda s, eps: _relative(s, eps, s.std(1, keepdim=True, correction=0)),
        "this is the standard deviation with G; the one with G − 1 is asked for",
    ),
    "variance": (lambda s, eps: _relative(s, eps, s.var(1, keepdim=True)), "this divides by the variance"),
    "no_eps": (
        lambda s, eps: _relative(s, 0.0, s.std(1, keepdim=True)),
        "ε is missing: where all scores are equal this is 0/0",
    ),
    "eps_in_root": (
        lambda s, eps: _relative(s, 0.0, (s.var(1, keepdim=True) + eps).sqrt()),
        "ε is added to the variance, under the root; it is added to the standard deviation",
    ),
    "batch_spread": (
        lambda s, eps: _relative(s, eps, s.std()),
        "the spread is that of the whole batch; each group has its own",
    ),
    "batch_mean": (
        lambda s, eps: _relative(s, eps, s.std(1, keepdim=True), s.mean()),
        "the mean is that of the whole batch; each group has its own",
    ),
    "mean_kept": (lambda s, eps: s / (s.std(1, keepdim=True) + eps), "the group's mean is not subtracted"),
    "columns": (
        lambda s, eps: _relative(s, eps, s.std(0, keepdim=True, correction=0), s.mean(0, keepdim=True)),
        "mean and spread run over prompts (dim 0); they run over the texts of one prompt",
    ),
    "not_divided": (lambda s, eps: s - s.mean(1, keepdim=True), "the division by the spread is missing"),
    "leave_one_out": (
        lambda s, eps: _loo(s) / (s.std(1, keepdim=True) + eps),
        "the baseline leaves the text out, as RLOO's does; GRPO subtracts the mean of the whole group",
    ),
}


def _both(logp, old, adv, mask, clip, pick=None, ratio=None):
    import torch

    r, a = ((logp - old).exp() if ratio is None else ratio), adv[:, None]
    loss = (pick or torch.maximum)(-a * r, -a * r.clamp(1 - clip, 1 + clip))
    total = torch.where(mask, loss, 0.0).sum(1)
    return (total / mask.sum(1)).mean(), total.mean() / mask.shape[1]


def _optimistic(plain, clipped):
    import torch

    return torch.minimum(plain, clipped)


def _all_tokens(logp, old, adv, mask, clip):
    """The mean over all real tokens in the place of the mean text by text."""
    budget = _both(logp, old, adv, mask, clip)[1]
    return budget * mask.numel() / mask.sum(), budget


def _budget_by_tokens(logp, old, adv, mask, clip):
    text, budget = _both(logp, old, adv, mask, clip)
    return text, budget * mask.numel() / mask.sum()


def _no_mask(logp, old, adv, mask, clip):
    return _both(logp, old, adv, mask.new_ones(mask.shape), clip)


def _longest(logp, old, adv, mask, clip):
    text, budget = _both(logp, old, adv, mask, clip)
    return text, budget * mask.shape[1] / mask.sum(1).max()


GROUP_LOSSES = {
    "sign": (lambda *a: tuple(-x for x in _both(*a)), "the sign is turned: minimising this makes good texts rarer"),
    "optimistic": (
        lambda *a: _both(*a, pick=_optimistic),
        "this takes the smaller loss of the two; the larger one is asked for, the pessimistic view",
    ),
    "unclipped": (lambda *a: _both(*a, pick=lambda plain, clipped: plain), "nothing is clipped"),
    "always_clipped": (
        lambda *a: _both(*a, pick=lambda plain, clipped: clipped),
        "only the clipped term is used, so a token that went the wrong way gets no gradient to come back",
    ),
    "upside_down": (lambda p, old, *a: _both(old, p, *a), "the ratio is upside down: it is new over old"),
    "no_exponential": (
        lambda p, old, *a: _both(p, old, *a, ratio=p - old),
        "this is the logarithm of the ratio; the exponential is missing",
    ),
    "no_mask": (_no_mask, "padding is counted in"),
    "all_tokens": (
        _all_tokens,
        "the first loss is the mean over all real tokens; it takes the mean of each text first",
    ),
    "budget_by_tokens": (
        _budget_by_tokens,
        "the second loss divides by the number of real tokens; it divides by B · N, whatever the lengths",
    ),
    "longest": (_longest, "the second loss divides by the longest text; N is the width of the batch"),
    "swapped": (lambda *a: _both(*a)[::-1], "the two losses are in the wrong order"),
}

FLAT_SHARE = {
    "all_pass": (lambda q, G: (q**G).mean(), "this counts groups in which all pass; all may fail, too"),
    "all_fail": (lambda q, G: ((1 - q) ** G).mean(), "this counts groups in which all fail; all may pass, too"),
    "lively": (lambda q, G: 1 - (q**G + (1 - q) ** G).mean(), "this is the share of groups that do teach something"),
    "mean_first": (
        lambda q, G: q.mean() ** G + (1 - q.mean()) ** G,
        "the mean over prompts comes first here; prompts differ, so take the mean of their chances last",
    ),
    "both": (lambda q, G: (q**G * (1 - q) ** G).mean(), "all pass OR all fail: the chances add up"),
    "one_fewer": (
        lambda q, G: (q ** (G - 1) + (1 - q) ** (G - 1)).mean(),
        "this has G − 1 texts; the first one has to agree as well",
    ),
    "linear": (lambda q, G: (q * G).mean(), "chances of independent texts multiply"),
}
