"""Wrong answers that exercise 14 must reject, and right ones, written differently, that it must accept."""

import torch
import torch.nn.functional as F


# rewards
def rewards_pad_edge(score, logp, logp_ref, mask, beta):
    out = -beta * (logp - logp_ref)
    out[~mask] = 0
    out[:, -1] = out[:, -1] + score
    return out


def rewards_off_by_one(score, logp, logp_ref, mask, beta):
    out = torch.where(mask, -beta * (logp - logp_ref), 0.0)
    last = (mask.sum(1) - 2).clamp(min=0)
    out[torch.arange(len(out)), last] += score
    return out


def rewards_same_length(score, logp, logp_ref, mask, beta):
    """Takes the first row's length for all."""
    out = torch.where(mask, -beta * (logp - logp_ref), 0.0)
    out[:, int(mask[0].sum()) - 1] += score
    return out


def rewards_absolute(score, logp, logp_ref, mask, beta):
    out = torch.where(mask, -beta * (logp - logp_ref).abs(), 0.0)
    out[torch.arange(len(out)), mask.sum(1) - 1] += score
    return out


def rewards_beta_on_score(score, logp, logp_ref, mask, beta):
    out = torch.where(mask, -(logp - logp_ref), 0.0)
    out[torch.arange(len(out)), mask.sum(1) - 1] += score
    return beta * out


def rewards_kl_sign(score, logp, logp_ref, mask, beta):
    out = beta * (logp - logp_ref).masked_fill(~mask, 0.0)
    out[torch.arange(len(out)), mask.sum(1) - 1] += score
    return out


def rewards_score_shared(score, logp, logp_ref, mask, beta):
    share = score / mask.sum(1)
    return (share[:, None] - beta * (logp - logp_ref)) * mask


def rewards_k3(score, logp, logp_ref, mask, beta):
    d = logp_ref - logp
    out = torch.where(mask, -beta * (torch.expm1(d) - d), 0.0)
    out[torch.arange(len(out)), mask.sum(1) - 1] += score
    return out


def rewards_scatter(score, logp, logp_ref, mask, beta):
    out = (logp_ref - logp) * beta * mask
    return out.scatter_add(1, mask.sum(1, keepdim=True) - 1, score[:, None])


def rewards_by_flag(score, logp, logp_ref, mask, beta):
    following = F.pad(mask[:, 1:], (0, 1), value=False)
    last = mask & ~following
    return torch.where(mask, beta * logp_ref - beta * logp, torch.zeros(())) + last * score.unsqueeze(1)


def rewards_rows(score, logp, logp_ref, mask, beta):
    rows = []
    for s, p, q, m in zip(score, logp, logp_ref, mask, strict=True):
        n = int(m.sum())
        row = -beta * (p[:n] - q[:n])
        row[-1] = row[-1] + s
        rows.append(F.pad(row, (0, len(m) - n)))
    return torch.stack(rows)


# KL
def kl(logp, logp_ref, mask):
    d = (logp_ref - logp)[mask]
    return -d.mean(), 0.5 * d.pow(2).mean(), (torch.expm1(d) - d).mean()


def kl_loop(logp, logp_ref, mask):
    total, n = torch.zeros(3), 0
    for p, q, m in zip(logp, logp_ref, mask, strict=True):
        d = p[m] - q[m]
        total += torch.stack([d.sum(), d.square().sum() / 2, ((-d).exp() - 1 + d).sum()])
        n += int(m.sum())
    return [float(x) / n for x in total]


def kl_where(logp, logp_ref, mask):
    d = torch.where(mask, logp - logp_ref, 0.0)
    n = mask.float().sum()
    return tuple(x.sum() / n for x in (d, d * d / 2, torch.exp(-d) + d - 1))


# advantages
def gae_by_time(rewards, values, mask, gamma, lam, after=None):
    m = mask.float()
    rewards, values = rewards * m, values * m
    carry, out = torch.zeros(len(values)), []
    for t in range(values.shape[1] - 1, -1, -1):
        following = values[:, t + 1] if t + 1 < values.shape[1] else torch.zeros(len(values))
        carry = rewards[:, t] + gamma * following - values[:, t] + gamma * lam * carry
        out.append(carry)
    return torch.stack(out[::-1], 1) * m


def gae_by_matrix(rewards, values, mask, gamma, lam):
    n = values.shape[1]
    v = values.masked_fill(~mask, 0)
    delta = rewards.masked_fill(~mask, 0) + gamma * F.pad(v[:, 1:], (0, 1)) - v
    steps = torch.arange(n)[:, None] - torch.arange(n)[None]
    weights = torch.where(steps >= 0, torch.tensor(gamma * lam, dtype=torch.float64) ** steps.clamp(min=0), 0.0)
    return (delta.double() @ weights).float() * mask


def gae_by_row(rewards, values, mask, gamma, lam):
    out = torch.zeros_like(values)
    for b in range(len(values)):
        later, value = 0.0, 0.0
        for t in reversed(range(int(mask[b].sum()))):
            later = rewards[b, t] + gamma * value - values[b, t] + gamma * lam * later
            value = values[b, t]
            out[b, t] = later
    return out


def gae_unmasked(rewards, values, mask, gamma, lam):
    return gae_by_time(rewards, values, torch.ones_like(mask), gamma, lam) * mask


def gae_whitened(rewards, values, mask, gamma, lam):
    a = gae_by_time(rewards, values, mask, gamma, lam)
    real = a[mask]
    return (a - real.mean()) / (real.std(correction=0) + 1e-8) * mask


def gae_leaves_padding(rewards, values, mask, gamma, lam):
    return torch.where(mask, gae_by_time(rewards, values, mask, gamma, lam), -values)


def gae_last_token_free(rewards, values, mask, gamma, lam):
    """The last real token bootstraps from itself."""
    n = mask.sum(1)
    v = values * mask
    v = F.pad(v, (0, 1))
    v[torch.arange(len(v)), n] = values[torch.arange(len(v)), n - 1]
    out, carry = torch.zeros_like(values), torch.zeros(len(values))
    for t in reversed(range(values.shape[1])):
        carry = ((rewards * mask)[:, t] + gamma * v[:, t + 1] - v[:, t] + gamma * lam * carry) * mask[:, t]
        out[:, t] = carry
    return out


def gae_lambda_only(rewards, values, mask, gamma, lam):
    """Carries with λ, without γ."""
    delta = rewards * mask + gamma * F.pad((values * mask)[:, 1:], (0, 1)) - values * mask
    out, carry = torch.zeros_like(values), torch.zeros(len(values))
    for t in reversed(range(values.shape[1])):
        carry = delta[:, t] + lam * carry
        out[:, t] = carry
    return out * mask


# loss
def loss(logp, logp_old, adv, mask, clip):
    r = torch.exp(logp - logp_old)
    worst = torch.max(-adv * r, -adv * torch.clamp(r, 1 - clip, 1 + clip))
    n = mask.sum()
    return (worst * mask).sum() / n, (((r - 1).abs() > clip) & mask).sum() / n


def loss_by_sign(logp, logp_old, adv, mask, clip):
    """Good tokens count up to 1 + ε, bad ones from 1 − ε on."""
    r, a = (logp[mask] - logp_old[mask]).exp(), adv[mask]
    bounded = torch.where(a > 0, r.clamp(max=1 + clip), r.clamp(min=1 - clip))
    return -(a * bounded).mean(), 1 - ((r >= 1 - clip) & (r <= 1 + clip)).float().mean()


def loss_by_rows(logp, logp_old, adv, mask, clip):
    total, outside, n = 0.0, 0, 0
    for row in zip(logp.tolist(), logp_old.tolist(), adv.tolist(), mask.tolist(), strict=True):
        for p, old, a, real in zip(*row, strict=True):
            if real:
                r = torch.tensor(p - old).exp().item()
                total -= min(a * r, a * sorted((1 - clip, r, 1 + clip))[1])
                outside, n = outside + (r > 1 + clip or r < 1 - clip), n + 1
    return total / n, outside / n


def loss_clipped_log(logp, logp_old, adv, mask, clip):
    """Clips the log-ratio instead of the ratio."""
    d = logp - logp_old
    worst = torch.max(-adv * d.exp(), -adv * d.clamp(-clip, clip).exp())
    return worst[mask].mean(), (d.abs() > clip)[mask].float().mean()


def loss_one_sided(logp, logp_old, adv, mask, clip):
    r = (logp - logp_old).exp()
    worst = torch.max(-adv * r, -adv * r.clamp(max=1 + clip))
    return worst[mask].mean(), ((r - 1).abs() > clip)[mask].float().mean()


# diagnoses
RUNS = {
    "run_1": "dropout",
    "run_2": "whitened_early",
    "run_3": "kl_sign",
    "run_4": "healthy",
    "run_5": "rollout_temperature",
    "run_6": "pad_edge",
}


def loss_clip_detached(logp, logp_old, adv, mask, clip):
    """The right value; but of the clipped candidate nothing is learned, and where both are equal it is the one that counts."""
    ratio = (logp - logp_old).exp()
    clipped = ratio.detach().clamp(1 - clip, 1 + clip)
    worst = torch.where(ratio == clipped, -adv * clipped, torch.maximum(-adv * ratio, -adv * clipped))
    return worst[mask].mean(), ((ratio - 1).abs() > clip)[mask].float().mean()


def loss_old_attached(logp, logp_old, adv, mask, clip):
    """Writes the ratio as π/π_old with both from the same log-probs: the right value, half the slope."""
    ratio = (0.5 * logp + 0.5 * logp.detach() - logp_old).exp()
    worst = torch.maximum(-adv * ratio, -adv * ratio.clamp(1 - clip, 1 + clip))
    return worst[mask].mean(), ((ratio - 1).abs() > clip)[mask].float().mean()


MUTANTS = {
    "shaped_rewards": {
        "pad_edge": rewards_pad_edge,
        "one token too early": rewards_off_by_one,
        "length of the first row": rewards_same_length,
        "absolute difference": rewards_absolute,
        "β on the score too": rewards_beta_on_score,
        "kl_sign": rewards_kl_sign,
        "score shared out": rewards_score_shared,
        "k3 in the reward": rewards_k3,
    },
    "kl_estimates": {
        "k1_sign": lambda p, q, m: (-kl(p, q, m)[0], *kl(p, q, m)[1:]),
        "direction": lambda p, q, m: kl(q, p, m),
        "no_mask": lambda p, q, m: kl(p, q, torch.ones_like(m)),
        "k1 without its sign": lambda p, q, m: ((p - q)[m].abs().mean(), *kl(p, q, m)[1:]),
        "square of the mean": lambda p, q, m: (kl(p, q, m)[0], kl(p, q, m)[0] ** 2 / 2, kl(p, q, m)[2]),
        "k3 of the means": lambda p, q, m: (*kl(p, q, m)[:2], torch.expm1(-kl(p, q, m)[0]) + kl(p, q, m)[0]),
        "in bits": lambda p, q, m: tuple(x / 0.6931 for x in kl(p, q, m)),
        "in another order": lambda p, q, m: kl(p, q, m)[::-1],
        "only k1": lambda p, q, m: kl(p, q, m)[0],
        "for every token": lambda p, q, m: ((p - q) * m, (p - q) ** 2 / 2 * m, (torch.expm1(q - p) - q + p) * m),
    },
    "response_gae": {
        "no_mask": gae_unmasked,
        "whitened": gae_whitened,
        "padding left in": gae_leaves_padding,
        "last token bootstraps from itself": gae_last_token_free,
        "carries with λ alone": gae_lambda_only,
        "lambda_forgotten": lambda r, v, m, gamma, lam: gae_by_row(r, v, m, gamma, 1.0),
        "γ and λ swapped": lambda r, v, m, gamma, lam: gae_by_row(r, v, m, lam, gamma),
        "returns": lambda r, v, m, gamma, lam: (gae_by_row(r, v, m, gamma, lam) + v) * m,
        "rewards to go": lambda r, v, m, gamma, lam: gae_by_row(r, 0 * v, m, gamma, 1.0),
    },
    "policy_loss": {
        "clips the log-ratio": loss_clipped_log,
        "plain numbers": loss_by_rows,
        "a clip that is no_grad": loss_clip_detached,
        "ratio against itself": loss_old_attached,
        "clips above only": loss_one_sided,
        "sign": lambda *a: (-loss(*a)[0], loss(*a)[1]),
        "sum": lambda p, o, a, m, c: (loss(p, o, a, m, c)[0] * m.sum(), loss(p, o, a, m, c)[1]),
        "upside_down": lambda p, o, a, m, c: loss(o, p, a, m, c),
        "no_mask": lambda p, o, a, m, c: loss(p, o, a, torch.ones_like(m), c),
        "whitens inside": lambda p, o, a, m, c: loss(p, o, (a - a[m].mean()) / (a[m].std() + 1e-6), m, c),
        "fraction inside": lambda *a: (loss(*a)[0], 1 - loss(*a)[1]),
        "fraction in percent": lambda *a: (loss(*a)[0], 100 * loss(*a)[1]),
        "loss only": lambda *a: loss(*a)[0],
        "fixed ε": lambda p, o, a, m, c: loss(p, o, a, m, 0.2),
    },
    "silent_fault": {
        "β too large": {"fault": "a", "evidence": "kl"},
        "pad edge": {"fault": "c", "evidence": "score"},
        "no updates": {"fault": "d", "evidence": "kl"},
        "wrong sign": {"fault": "e", "evidence": "score"},
        "right fault, entropy": {"fault": "b", "evidence": "entropy"},
        "right fault, distinct": {"fault": "b", "evidence": "distinct"},
        "a letter": "b",
    },
    "diagnose": {
        "all healthy": dict.fromkeys(RUNS, "healthy"),
        "temperature and dropout confused": RUNS | {"run_1": "rollout_temperature", "run_5": "dropout"},
        "the quiet one overlooked": RUNS | {"run_2": "healthy"},
        "the healthy one suspected": RUNS | {"run_4": "bootstrap_at_end"},
        "a falling score taken for a sign": RUNS | {"run_3": "advantage_sign"},
        "the fault that no curve shows": RUNS | {"run_4": "eos_as_padding"},
        "one left out": {run: name for run, name in RUNS.items() if run != "run_6"},
        "a list": list(RUNS.values()),
        "in another order": dict(zip(RUNS, reversed(RUNS.values()), strict=True)),
    },
}

ALTERNATIVES = {
    "shaped_rewards": {"scatter": rewards_scatter, "by flag": rewards_by_flag, "row by row": rewards_rows},
    "kl_estimates": {"boolean index": kl, "a loop over rows": kl_loop, "where": kl_where},
    "response_gae": {"by time": gae_by_time, "by matrix": gae_by_matrix, "by row": gae_by_row},
    "policy_loss": {"maximum": loss, "by the sign of A": loss_by_sign},
    "silent_fault": {"as asked": {"fault": "b", "evidence": "kl"}, "dressed": {"fault": "B)", "evidence": "KL"}},
    "diagnose": {"as asked": RUNS, "dressed": {run: f" {name.upper()}. " for run, name in RUNS.items()}},
}
