"""Wrong answers that exercise 05 must reject, and right ones, written differently, that it must accept."""

import math

import torch


# slope
def slope_autograd(logp, logp_old, adv, clip):
    logp = logp.clone().requires_grad_(True)
    ratio = (logp - logp_old).exp()
    loss = -torch.min(ratio * adv, torch.clamp(ratio, 1 - clip, 1 + clip) * adv).mean()
    return torch.autograd.grad(loss, logp)[0]


def slope_loop(logp, logp_old, adv, clip):
    out = torch.zeros_like(logp)
    for i in range(len(logp)):
        rho = math.exp(logp[i] - logp_old[i])
        bound = 1 + clip if adv[i] > 0 else 1 - clip
        gone = rho > bound if adv[i] > 0 else rho < bound
        out[i] = 0.0 if gone else -rho * adv[i] / len(logp)
    return out


def slope_where(logp, logp_old, adv, clip):
    rho = torch.exp(logp) / torch.exp(logp_old)
    pulls = rho * torch.sign(adv) <= torch.sign(adv) + clip
    return torch.where(pulls, -rho * adv, torch.zeros(())) / adv.numel()


def slope_clipped_ratio(logp, logp_old, adv, clip):
    """Puts the clipped ratio in place of the ratio, and never lets go."""
    return -adv * (logp - logp_old).exp().clamp(1 - clip, 1 + clip) / len(adv)


def slope_log_clip(logp, logp_old, adv, clip):
    d = logp - logp_old
    gone = ((adv > 0) & (d > clip)) | ((adv < 0) & (d < -clip))
    return -adv * d.exp() * ~gone / len(adv)


def slope_fixed(logp, logp_old, adv, clip):
    return slope_loop(logp, logp_old, adv, 0.2)


def slope_whitened(logp, logp_old, adv, clip):
    return slope_loop(logp, logp_old, (adv - adv.mean()) / adv.std(), clip)


def slope_pulling_mean(logp, logp_old, adv, clip):
    """Divides by the number of actions that still pull."""
    s = slope_loop(logp, logp_old, adv, clip)
    return s * len(s) / (s != 0).sum().clamp(min=1)


# signs
def signs(logp, logp_old, values, returns, clip):
    d = logp - logp_old
    left, whole = returns - values, returns - returns.mean()
    left = left - left.mean()
    return (
        (torch.expm1(d) - d).mean(),
        (d.expm1().abs() > clip).double().mean(),
        1 - left.square().sum() / whole.square().sum(),
    )


def signs_loop(logp, logp_old, values, returns, clip):
    n, kl, out = len(logp), 0.0, 0
    for p, q in zip(logp.tolist(), logp_old.tolist(), strict=True):
        r = math.exp(p - q)
        kl += r - 1 - (p - q)
        out += abs(r - 1) > clip
    e = returns - values
    return kl / n, out / n, 1 - float(e.var(correction=0) / returns.var(correction=0))


def with_kl(change):
    return lambda p, q, v, g, c: (change(p, q), *signs(p, q, v, g, c)[1:])


def with_explained(change):
    return lambda p, q, v, g, c: (*signs(p, q, v, g, c)[:2], change(v, g))


# normal
def normal_distributions(mean, log_std, act):
    total = torch.zeros(len(mean))
    for d in range(mean.shape[1]):
        total += -0.5 * (((act - mean)[:, d]) / log_std[d].exp()) ** 2 - log_std[d] - 0.9189385332
    return total, (log_std + 1.4189385332).sum()


def normal_matrix(mean, log_std, act):
    """As one bell in D dimensions, with a diagonal covariance."""
    covariance = torch.diag((2 * log_std).exp())
    away = act - mean
    distance = (away @ covariance.inverse() * away).sum(1)
    size = mean.shape[1] * math.log(2 * math.pi) + torch.logdet(covariance)
    return -0.5 * (distance + size), 0.5 * (mean.shape[1] + size)


def normal_plus_log_std(mean, log_std, act):
    return normal_matrix(mean, log_std, act)[0] + 2 * log_std.sum(), normal_matrix(mean, log_std, act)[1]


def normal_one_constant(mean, log_std, act):
    """The constant once instead of D times."""
    d = mean.shape[1]
    logp, entropy = normal_matrix(mean, log_std, act)
    return logp + (d - 1) * 0.5 * math.log(2 * math.pi), entropy


def normal_shared_spread(mean, log_std, act):
    return normal_matrix(mean, log_std.mean().expand_as(log_std), act)


# the whole loss
def loss(p, q, adv, v, g, h, clip, c_v, c_e):
    a = (adv - adv.mean()) / adv.std()
    r = (p - q).exp()
    bounded = torch.where(a > 0, r.clamp(max=1 + clip), r.clamp(min=1 - clip))
    return -(bounded * a).mean() + c_v / 2 * torch.nn.functional.mse_loss(v, g) - c_e * h.mean()


def loss_small_guard(p, q, adv, v, g, h, clip, c_v, c_e):
    a = (adv - adv.mean()) / (adv.std() + 1e-8)
    r = torch.exp(p - q)
    worst = torch.maximum(-r * a, -r.clip(1 - clip, 1 + clip) * a)
    return (worst + c_v * 0.5 * (v - g).square() - c_e * h).mean()


def loss_sum(*a):
    return loss(*a) * len(a[0])


def loss_clips_values(p, q, adv, v, g, h, clip, c_v, c_e):
    return loss(p, q, adv, g + (v - g).clamp(-clip, clip), g, h, clip, c_v, c_e)


def loss_unclipped(p, q, adv, v, g, h, clip, c_v, c_e):
    return loss(p, q, adv, v, g, h, 1e6, c_v, c_e)


def loss_swapped_weights(p, q, adv, v, g, h, clip, c_v, c_e):
    return loss(p, q, adv, v, g, h, clip, c_e, c_v)


def loss_old_entropy(p, q, adv, v, g, h, clip, c_v, c_e):
    """Estimates the entropy from the log-probs instead of taking what is given."""
    return loss(p, q, adv, v, g, -p, clip, c_v, c_e)


def loss_scaled_by_return(p, q, adv, v, g, h, clip, c_v, c_e):
    return loss(p, q, g - v, v, g, h, clip, c_v, c_e)


MUTANTS = {
    "clipped_slope": {
        "clipped ratio": slope_clipped_ratio,
        "log_clip": slope_log_clip,
        "fixed ε": slope_fixed,
        "whitens": slope_whitened,
        "mean over those that pull": slope_pulling_mean,
        "sign": lambda *a: -slope_autograd(*a),
        "unclipped": lambda p, q, adv, clip: slope_autograd(p, q, adv, 1e6),
        "sum": lambda *a: slope_autograd(*a) * len(a[0]),
        "the loss itself": lambda p, q, adv, clip: -torch.minimum((p - q).exp() * adv, adv * (1 + clip)) / len(adv),
    },
    "vital_signs": {
        "k1": with_kl(lambda p, q: -(p - q).mean()),
        "absolute k1": with_kl(lambda p, q: (p - q).abs().mean()),
        "kl in bits": with_kl(lambda p, q: (torch.expm1(p - q) - (p - q)).mean() / math.log(2)),
        "sum": with_kl(lambda p, q: (torch.expm1(p - q) - (p - q)).sum()),
        "correlation": with_explained(lambda v, g: torch.corrcoef(torch.stack([v, g]))[0, 1] ** 2),
        "standard deviations": with_explained(lambda v, g: 1 - (g - v).std() / g.std()),
        "not_centred": with_explained(lambda v, g: 1 - (g - v).square().mean() / g.var()),
        "fraction inside": lambda *a: (signs(*a)[0], 1 - signs(*a)[1], signs(*a)[2]),
        "in another order": lambda *a: signs(*a)[::-1],
    },
    "normal_policy": {
        "adds log σ": normal_plus_log_std,
        "constant once": normal_one_constant,
        "one spread for all": normal_shared_spread,
        "sign": lambda *a: (-normal_matrix(*a)[0], normal_matrix(*a)[1]),
        "mean": lambda m, s, a: (normal_matrix(m, s, a)[0] / m.shape[1], normal_matrix(m, s, a)[1]),
        "entropy of each row": lambda m, s, a: (normal_matrix(m, s, a)[0], -normal_matrix(m, s, a)[0]),
        "logp only": lambda *a: normal_matrix(*a)[0],
        "at the mean": lambda m, s, a: normal_matrix(m, s, m),
    },
    "total_loss": {
        "sum": loss_sum,
        "clips values, too": loss_clips_values,
        "unclipped": loss_unclipped,
        "weights swapped": loss_swapped_weights,
        "entropy from log-probs": loss_old_entropy,
        "advantages anew": loss_scaled_by_return,
        "entropy_sign": lambda *a: loss(*a[:8], -a[8]),
        "no_entropy": lambda *a: loss(*a[:8], 0.0),
        "upside down": lambda p, q, *a: loss(q, p, *a),
    },
    "frozen_clip": {
        "ε too small": {"fault": "a", "evidence": "clip"},
        "time limits": {"fault": "c", "evidence": "explained"},
        "no critic": {"fault": "d", "evidence": "explained"},
        "no learning": {"fault": "e", "evidence": "return"},
        "right fault, kl": {"fault": "b", "evidence": "kl"},
        "right fault, return": {"fault": "b", "evidence": "return"},
        "a letter": "b",
    },
}

ALTERNATIVES = {
    "clipped_slope": {"by autograd": slope_autograd, "one by one": slope_loop, "by signs": slope_where},
    "vital_signs": {"by sums of squares": signs, "one by one": signs_loop},
    "normal_policy": {"part by part": normal_distributions, "with a covariance": normal_matrix},
    "total_loss": {"by the sign of A": loss, "sample by sample": loss_small_guard},
    "frozen_clip": {
        "as asked": {"fault": "b", "evidence": "clip"},
        "dressed": {"evidence": "Clip", "fault": "(B)"},
    },
}
