"""The mistakes people make in the formulas of PPO: the code that makes each, and what to say about it."""

import math


def _slope(logp, logp_old, adv, clip, flat=None, inner=True, mean=True):
    """−∂ mean objective / ∂ log π of each sample; `flat(ratio, adv)` says where nothing pulls."""
    ratio = (logp - logp_old).exp()
    if flat is None:
        let_go = ((adv > 0) & (ratio > 1 + clip)) | ((adv < 0) & (ratio < 1 - clip))
    else:
        let_go = flat(ratio, adv)
    slope = -adv * (ratio if inner else ratio * 0 + 1) * ~let_go
    return slope / len(adv) if mean else slope


CLIPPED_SLOPE = {
    "sign": (lambda *a: -_slope(*a), "the sign is turned: this is the slope of the objective, not of the loss"),
    "no_ratio": (
        lambda *a: _slope(*a, inner=False),
        "the derivative of ρ = e^{log π − log π_old} by log π is ρ itself, and it is missing",
    ),
    "both_sides": (
        lambda p, old, adv, clip: _slope(p, old, adv, clip, lambda ratio, a: (ratio - 1).abs() > clip),
        "every ratio outside 1 ± ε is let go; those that went the wrong way must still be pulled back",
    ),
    "unclipped": (
        lambda p, old, adv, clip: _slope(p, old, adv, clip, lambda ratio, a: ratio < 0),
        "nothing is clipped",
    ),
    "wrong_side": (
        lambda p, old, adv, clip: _slope(
            p, old, adv, clip, lambda r, a: ((a > 0) & (r < 1 - clip)) | ((a < 0) & (r > 1 + clip))
        ),
        "it lets go of those that went the wrong way: PPO takes the smaller objective of the two, the pessimistic one",
    ),
    "log_clip": (
        lambda p, old, adv, clip: _slope(
            p, old, adv, clip, lambda r, a: ((a > 0) & (r.log() > clip)) | ((a < 0) & (r.log() < -clip))
        ),
        "it looks at log ρ; the clip is on ρ",
    ),
    "only_good": (
        lambda p, old, adv, clip: _slope(p, old, adv, clip, lambda r, a: (a > 0) & (r > 1 + clip)),
        "bad actions are never let go: their ratio is clipped from below, at 1 − ε",
    ),
    "sum": (lambda *a: _slope(*a, mean=False), "the loss is a mean over the batch: each slope is divided by B"),
    "upside_down": (
        lambda p, old, adv, clip: _slope(old, p, adv, clip),
        "the ratio is upside down: it is new over old",
    ),
}


def _signs(logp, logp_old, values, returns, clip, kl=None, fraction=None, explained=None):
    d = logp - logp_old
    ratio = d.exp()
    if kl is None:
        kl = (ratio - 1 - d).mean()
    if fraction is None:
        fraction = ((ratio - 1).abs() > clip).float().mean()
    if explained is None:
        explained = 1 - (returns - values).var() / returns.var()
    return kl, fraction, explained


VITAL_SIGNS = {
    "k1": (
        lambda p, old, v, g, clip: _signs(p, old, v, g, clip, kl=(old - p).mean()),
        "the KL is the mean of −log ρ: right on average, but noisy and at times negative; ρ − 1 − log ρ is asked for",
    ),
    "kl_reversed": (
        lambda p, old, v, g, clip: _signs(p, old, v, g, clip, kl=((old - p).exp() - 1 - (old - p)).mean()),
        "in the KL the ratio is upside down: the actions came from the old policy, so ρ is new over old",
    ),
    "kl_one": (
        lambda p, old, v, g, clip: _signs(p, old, v, g, clip, kl=((p - old).exp() - (p - old)).mean()),
        "the KL lacks its − 1, so it is not 0 where nothing has changed",
    ),
    "kl_squared": (
        lambda p, old, v, g, clip: _signs(p, old, v, g, clip, kl=((p - old) ** 2).mean() / 2),
        "the KL is ½ (log ρ)²: close for small steps, but not what is asked for",
    ),
    "clip_above": (
        lambda p, old, v, g, clip: _signs(p, old, v, g, clip, fraction=((p - old).exp() > 1 + clip).float().mean()),
        "the clip fraction counts ratios above 1 + ε only; those below 1 − ε belong to it",
    ),
    "clip_log": (
        lambda p, old, v, g, clip: _signs(p, old, v, g, clip, fraction=((p - old).abs() > clip).float().mean()),
        "the clip fraction looks at log ρ; the clip is on ρ",
    ),
    "not_centred": (
        lambda p, old, v, g, clip: _signs(p, old, v, g, clip, explained=1 - ((g - v) ** 2).mean() / g.var()),
        "the explained variance uses the mean square of G − V; its variance ignores a constant error",
    ),
    "unexplained": (
        lambda p, old, v, g, clip: _signs(p, old, v, g, clip, explained=(g - v).var() / g.var()),
        "this is the share of the variance that is left; the explained one is 1 minus it",
    ),
    "by_value": (
        lambda p, old, v, g, clip: _signs(p, old, v, g, clip, explained=1 - (g - v).var() / v.var()),
        "the explained variance is divided by the variance of V; it is a share of the variance of the returns",
    ),
    "ratio_of_variances": (
        lambda p, old, v, g, clip: _signs(p, old, v, g, clip, explained=v.var() / g.var()),
        "Var(V) / Var(G) is high for any critic that varies, right or wrong",
    ),
}


def _normal(mean, log_std, act, half=0.5, constant=None, std=None, total=None):
    std = log_std.exp() if std is None else std
    constant = 0.5 * math.log(2 * math.pi) if constant is None else constant
    parts = -half * ((act - mean) / std) ** 2 - log_std - constant
    entropy = (log_std + 0.5 * math.log(2 * math.pi * math.e)).sum()
    return (parts.sum(1) if total is None else total(parts)), entropy


NORMAL_POLICY = {
    "mean": (
        lambda *a: _normal(*a, total=lambda parts: parts.mean(1)),
        "the parts of an action are independent: their log-probabilities add up, they are not averaged",
    ),
    "not_summed": (
        lambda *a: _normal(*a, total=lambda parts: parts),
        "an action of D parts has one log-probability, the sum of those of its parts",
    ),
    "no_half": (lambda *a: _normal(*a, half=1.0), "the square lacks its factor one half"),
    "no_constant": (lambda *a: _normal(*a, constant=0.0), "½ log 2π is missing from the log-probability"),
    "log_std_as_std": (
        lambda mean, log_std, act: _normal(mean, log_std, act, std=log_std),
        "the distance is divided by log σ; take the exponential first",
    ),
    "variance": (
        lambda mean, log_std, act: _normal(mean, log_std, act, std=(log_std / 2).exp()),
        "exp(log_std) is treated as the variance; it is the standard deviation",
    ),
    "density": (
        lambda *a: (_normal(*a)[0].exp(), _normal(*a)[1]),
        "this is the density itself; its logarithm is asked for",
    ),
    "entropy_no_e": (
        lambda mean, log_std, act: (
            _normal(mean, log_std, act)[0],
            (log_std + 0.5 * math.log(2 * math.pi)).sum(),
        ),
        "the log-probability is right; the entropy of a part is log σ + ½ log(2πe), and the e is missing",
    ),
    "entropy_mean": (
        lambda mean, log_std, act: (
            _normal(mean, log_std, act)[0],
            (log_std + 0.5 * math.log(2 * math.pi * math.e)).mean(),
        ),
        "the log-probability is right; entropies of independent parts add up, they are not averaged",
    ),
}


def _whiten(x):
    return (x - x.mean()) / (x.std() + 1e-8)


def _total(p, old, adv, v, g, h, clip, c_v, c_e, whiten=_whiten, pick=None, half=0.5, sign_v=1.0, sign_e=1.0):
    import torch

    ratio, a = (p - old).exp(), whiten(adv)
    policy = -(pick or torch.minimum)(ratio * a, ratio.clamp(1 - clip, 1 + clip) * a).mean()
    return policy + sign_v * c_v * half * ((v - g) ** 2).mean() - sign_e * c_e * h.mean()


TOTAL_LOSS = {
    "entropy_sign": (
        lambda *a: _total(*a, sign_e=-1.0),
        "the entropy has the wrong sign: minimising this makes the policy as sure of itself as it can be",
    ),
    "value_sign": (
        lambda *a: _total(*a, sign_v=-1.0),
        "the value loss has the wrong sign: minimising this drives V away from the returns",
    ),
    "no_half": (lambda *a: _total(*a, half=1.0), "the value loss lacks its factor one half"),
    "not_whitened": (lambda *a: _total(*a, whiten=lambda x: x), "the advantages are not whitened"),
    "only_centred": (
        lambda *a: _total(*a, whiten=lambda x: x - x.mean()),
        "the advantages are centred, but not divided by their standard deviation",
    ),
    "only_scaled": (
        lambda *a: _total(*a, whiten=lambda x: x / (x.std() + 1e-8)),
        "the advantages are scaled, but their mean is not taken off",
    ),
    "policy_sign": (
        lambda p, old, adv, *rest: _total(p, old, -adv, *rest),
        "the advantage has the wrong sign: good actions become rarer",
    ),
    "no_entropy": (
        lambda p, old, adv, v, g, h, clip, c_v, c_e: _total(p, old, adv, v, g, h, clip, c_v, 0.0),
        "the entropy is missing",
    ),
    "no_value": (
        lambda p, old, adv, v, g, h, clip, c_v, c_e: _total(p, old, adv, v, g, h, clip, 0.0, c_e),
        "the value loss is missing",
    ),
    "whitened_returns": (
        lambda p, old, adv, v, g, h, clip, c_v, c_e: _total(p, old, adv, v, _whiten(g), h, clip, c_v, c_e),
        "the returns are whitened; the critic has to learn the true ones",
    ),
    "always_clipped": (
        lambda *a: _total(*a, pick=lambda plain, clipped: clipped),
        "only the clipped term is used: what went the wrong way is no longer pulled back",
    ),
    "optimistic": (
        lambda *a: _total(*a, pick=lambda plain, clipped: plain.maximum(clipped)),
        "this takes the larger objective of the two; PPO takes the smaller one",
    ),
    "unclipped": (lambda *a: _total(*a, pick=lambda plain, clipped: plain), "nothing is clipped"),
}
