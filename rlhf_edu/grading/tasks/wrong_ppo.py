"""The mistakes people make in the formulas of RLHF with PPO: the code that makes each, and what to say about it."""


def _last(mask):
    """One at the last real token of each row."""
    import torch

    return (torch.arange(mask.shape[1]) == mask.sum(1, keepdim=True) - 1).float()


def _rewards(score, logp, logp_ref, mask, beta):
    return -beta * (logp - logp_ref) * mask


def _at_pad_edge(score, logp, logp_ref, mask, beta):
    r = _rewards(score, logp, logp_ref, mask, beta)
    r[:, -1] += score
    return r


def _at_first_token(score, logp, logp_ref, mask, beta):
    r = _rewards(score, logp, logp_ref, mask, beta)
    r[:, 0] += score
    return r


SHAPED_REWARDS = {
    "pad_edge": (
        _at_pad_edge,
        "the score stands in the last column, which may be padding; it belongs to the last real token",
    ),
    "first_token": (_at_first_token, "the score stands at the first token; it belongs to the last real one"),
    "kl_sign": (
        lambda s, p, ref, m, beta: _rewards(s, p, ref, m, -beta) + s[:, None] * _last(m),
        "the sign of the KL term is turned: this pays the policy for leaving the reference",
    ),
    "score_everywhere": (
        lambda s, p, ref, m, beta: _rewards(s, p, ref, m, beta) + s[:, None] * m,
        "the score is paid at every token; it is paid once",
    ),
    "no_mask": (
        lambda s, p, ref, m, beta: -beta * (p - ref) + s[:, None] * _last(m),
        "padding gets a KL penalty; rewards there must be 0",
    ),
    "score_replaces": (
        lambda s, p, ref, m, beta: _rewards(s, p, ref, m, beta) * (1 - _last(m)) + s[:, None] * _last(m),
        "the score replaces the KL penalty of the last token; it is added to it",
    ),
    "no_beta": (lambda s, p, ref, m, beta: _rewards(s, p, ref, m, 1.0) + s[:, None] * _last(m), "β is missing"),
    "no_score": (_rewards, "the score is missing"),
    "kl_at_the_end": (
        lambda s, p, ref, m, beta: (s[:, None] + _rewards(s, p, ref, m, beta).sum(1, keepdim=True)) * _last(m),
        "the whole KL penalty is paid at the last token; each token pays its own",
    ),
}


def _mean(x, mask):
    return (x * mask).sum() / mask.sum()


def _estimates(d, mask, mean=_mean):
    """k1, k2, k3 from d = log π_ref − log π."""
    return mean(-d, mask), mean(d**2 / 2, mask), mean(d.exp() - 1 - d, mask)


KL_ESTIMATES = {
    "direction": (
        lambda p, ref, m: _estimates(p - ref, m),
        "the policy and the reference are swapped: this estimates with the ratio π / π_ref",
    ),
    "k1_sign": (
        lambda p, ref, m: (-_estimates(ref - p, m)[0], *_estimates(ref - p, m)[1:]),
        "k1 has the wrong sign: samples from π are likelier under π, so log π − log π_ref is positive on average",
    ),
    "k3_ratio": (
        lambda p, ref, m: (*_estimates(ref - p, m)[:2], _estimates(p - ref, m)[2]),
        "k3 uses the ratio π / π_ref; it is π_ref / π",
    ),
    "k3_one": (
        lambda p, ref, m: (*_estimates(ref - p, m)[:2], _estimates(ref - p, m)[2] + 1),
        "k3 lacks its − 1, so it is not 0 where the policies agree",
    ),
    "k2_half": (
        lambda p, ref, m: (_estimates(ref - p, m)[0], 2 * _estimates(ref - p, m)[1], _estimates(ref - p, m)[2]),
        "k2 lacks its factor one half",
    ),
    "no_mask": (lambda p, ref, m: _estimates(ref - p, m, lambda x, m: x.mean()), "padding is counted in"),
    "all_positions": (
        lambda p, ref, m: _estimates(ref - p, m, lambda x, m: (x * m).mean()),
        "the sum is right, but it is divided by all positions instead of the real tokens",
    ),
    "sequence_mean": (
        lambda p, ref, m: _estimates(ref - p, m, lambda x, m: ((x * m).sum(1) / m.sum(1)).mean()),
        "this takes the mean of each response first, so tokens of short responses count for more",
    ),
    "per_sequence": (
        lambda p, ref, m: _estimates(ref - p, m, lambda x, m: (x * m).sum(1).mean()),
        "these are nats per sequence; per token is asked for",
    ),
}


def _gae(rewards, values, next_values, mask, gamma, lam):
    """GAE right to left, with whatever is called the next value."""
    import torch

    delta, running, out = rewards + gamma * next_values - values, torch.zeros(len(rewards)), torch.zeros_like(rewards)
    for t in reversed(range(rewards.shape[1])):
        running = delta[:, t] + gamma * lam * running
        out[:, t] = running
    return out * mask


def _shift(values):
    import torch

    return torch.cat([values[:, 1:], torch.zeros(len(values), 1)], 1)


def _right(rewards, values, mask, gamma, lam):
    rewards, values = rewards * mask, values * mask
    return _gae(rewards, values, _shift(values), mask, gamma, lam)


RESPONSE_GAE = {
    "no_mask": (
        lambda r, v, m, gamma, lam: _gae(r, v, _shift(v), m, gamma, lam),
        "what stands under padding flows back into the real tokens",
    ),
    "pad_bootstrap": (
        lambda r, v, m, gamma, lam: _gae(r * m, v * m, _shift(v) * m, m, gamma, lam),
        "the last real token bootstraps from the value under the padding after it; that value is 0",
    ),
    "no_bootstrap": (lambda r, v, m, gamma, lam: _gae(r * m, v * m, 0 * v, m, gamma, lam), "V(t+1) is missing from δ"),
    "own_value": (
        lambda r, v, m, gamma, lam: _gae(r * m, v * m, v * m, m, gamma, lam),
        "δ bootstraps from V(t) instead of V(t+1)",
    ),
    "lambda_forgotten": (lambda r, v, m, gamma, lam: _right(r, v, m, gamma, 1.0), "λ is missing from the sum"),
    "one_step": (
        lambda r, v, m, gamma, lam: _right(r, v, m, gamma, 0.0),
        "this is δ alone; the advantage of the next token is not carried back",
    ),
    "gamma_forgotten": (lambda r, v, m, gamma, lam: _right(r, v, m, 1.0, lam), "γ is missing"),
    "value_not_subtracted": (
        lambda r, v, m, gamma, lam: _gae(r * m, 0 * v, _shift(v * m), m, gamma, lam),
        "V(t) is not subtracted in δ",
    ),
    "returns": (
        lambda r, v, m, gamma, lam: (_right(r, v, m, gamma, lam) + v) * m,
        "these are returns, A + V; advantages are asked for",
    ),
    "forward": (
        lambda r, v, m, gamma, lam: _gae(
            (r * m).flip(1), (v * m).flip(1), _shift(v * m).flip(1), m.flip(1), gamma, lam
        ).flip(1),
        "the sum runs forward in time; it has to start at the last token",
    ),
}


def _loss(logp, logp_old, adv, mask, clip, pick=None, mean=_mean, ratio=None):
    import torch

    r = (logp - logp_old).exp() if ratio is None else ratio
    plain, clipped = -adv * r, -adv * r.clamp(1 - clip, 1 + clip)
    loss = (pick or torch.maximum)(plain, clipped)
    return mean(loss, mask), mean(((r - 1).abs() > clip).float(), mask)


def _binding(logp, logp_old, adv, mask, clip):
    loss, _ = _loss(logp, logp_old, adv, mask, clip)
    r = (logp - logp_old).exp()
    return loss, _mean((-adv * r.clamp(1 - clip, 1 + clip) > -adv * r).float(), mask)


def _optimistic(plain, clipped):
    import torch

    return torch.minimum(plain, clipped)


POLICY_LOSS = {
    "sign": (lambda *a: (-_loss(*a)[0], _loss(*a)[1]), "the sign is turned: minimising this makes good tokens rarer"),
    "optimistic": (
        lambda *a: _loss(*a, pick=_optimistic),
        "this takes the smaller loss of the two; PPO takes the larger one, the pessimistic view",
    ),
    "unclipped": (lambda *a: _loss(*a, pick=lambda plain, clipped: plain), "nothing is clipped"),
    "always_clipped": (
        lambda *a: _loss(*a, pick=lambda plain, clipped: clipped),
        "only the clipped term is used, so a token that went the wrong way gets no gradient to come back",
    ),
    "upside_down": (lambda p, old, *a: _loss(old, p, *a), "the ratio is upside down: it is new over old"),
    "no_exponential": (
        lambda p, old, *a: _loss(p, old, *a, ratio=p - old),
        "this is the logarithm of the ratio; the exponential is missing",
    ),
    "no_mask": (lambda *a: _loss(*a, mean=lambda x, m: x.mean()), "padding is counted in"),
    "all_positions": (
        lambda *a: _loss(*a, mean=lambda x, m: (x * m).mean()),
        "the sum is right, but it is divided by all positions instead of the real tokens",
    ),
    "sequence_mean": (
        lambda *a: _loss(*a, mean=lambda x, m: ((x * m).sum(1) / m.sum(1)).mean()),
        "this takes the mean of each response first; the mean over all real tokens is asked for",
    ),
    "binding": (
        _binding,
        "the loss is right; the clip fraction counts every ratio outside 1 ± ε, also where the clip changes nothing",
    ),
}
