"""Wrong answers that exercise 04 must reject, and right ones, written differently, that it must accept."""

import numpy as np
import torch
import torch.nn.functional as F


# score
def score_autograd(logits, act, adv):
    logits = logits.clone().requires_grad_(True)
    logp = logits.log_softmax(1)[torch.arange(len(act)), act]
    return torch.autograd.grad((logp * adv).sum(), logits)[0]


def score_rows(logits, act, adv):
    rows = []
    for z, a, advantage in zip(logits, act, adv, strict=True):
        row = -torch.softmax(z, 0)
        row[a] += 1
        rows.append(advantage * row)
    return torch.stack(rows)


def score_in_place(logits, act, adv):
    out = -F.softmax(logits, dim=-1) * adv.unsqueeze(1)
    out[torch.arange(len(out)), act] += adv
    return out


def score_of_best(logits, act, adv):
    """For the likeliest action instead of the one taken."""
    return score_rows(logits, logits.argmax(1), adv)


def score_absolute(logits, act, adv):
    return score_rows(logits, act, adv.abs())


def score_centred(logits, act, adv):
    return score_rows(logits, act, adv - adv.mean())


def score_only_chosen(logits, act, adv):
    return score_rows(logits, act, adv) * F.one_hot(act, logits.shape[1])


# returns
def returns_split(rewards, next_values, terminated, truncated, gamma):
    """Column by column, episode by episode."""
    out = torch.zeros_like(rewards)
    for e in range(rewards.shape[1]):
        g = 0.0 if terminated[-1, e] else float(next_values[-1, e])
        for t in range(len(rewards) - 1, -1, -1):
            if terminated[t, e]:
                g = 0.0
            elif truncated[t, e]:
                g = float(next_values[t, e])
            g = float(rewards[t, e]) + gamma * g
            out[t, e] = g
    return out


def returns_masked(rewards, next_values, terminated, truncated, gamma):
    stop = terminated | truncated
    stop = torch.cat([stop[:-1], torch.ones_like(stop[:1])])
    base = rewards + gamma * next_values * (stop & ~terminated)
    out = [base[-1]]
    for t in range(len(rewards) - 2, -1, -1):
        out.insert(0, base[t] + gamma * (~stop[t]).float() * out[0])
    return torch.stack(out)


def returns_truncation_wins(rewards, next_values, terminated, truncated, gamma):
    return returns_split(rewards, next_values, terminated & ~truncated, truncated, gamma)


def returns_truncated_dropped(rewards, next_values, terminated, truncated, gamma):
    """Goes on through truncation as if nothing had happened."""
    return returns_split(rewards, next_values, terminated, truncated & False, gamma)


def returns_last_row_v0(rewards, next_values, terminated, truncated, gamma):
    """Bootstraps with the wrong row: one too early."""
    return returns_split(rewards, next_values.roll(1, 0), terminated, truncated, gamma)


def returns_centred(rewards, next_values, terminated, truncated, gamma):
    g = returns_split(rewards, next_values, terminated, truncated, gamma)
    return g - g.mean()


def returns_first_env(rewards, next_values, terminated, truncated, gamma):
    """Uses the first environment's ends for all."""
    first = [x[:, :1].expand_as(x) for x in (terminated, truncated)]
    return returns_split(rewards, next_values, *first, gamma)


def returns_gamma_twice(rewards, next_values, terminated, truncated, gamma):
    return returns_split(rewards, gamma * next_values, terminated, truncated, gamma)


# gae
def gae_rows(rewards, values, next_values, terminated, truncated, gamma, lam):
    adv = torch.zeros_like(values)
    for e in range(values.shape[1]):
        later = 0.0
        for t in reversed(range(len(values))):
            v_next = 0.0 if terminated[t, e] else next_values[t, e]
            if terminated[t, e] or truncated[t, e]:
                later = 0.0
            later = rewards[t, e] + gamma * v_next - values[t, e] + gamma * lam * later
            adv[t, e] = later
    return adv, values + adv


def gae_matrix(rewards, values, next_values, terminated, truncated, gamma, lam):
    T = len(rewards)
    delta = (rewards + gamma * torch.where(terminated, torch.zeros(()), next_values) - values).double()
    keep = (gamma * lam * (1 - (terminated | truncated).double())).numpy()
    adv = torch.zeros_like(delta)
    for t in range(T):
        weight = np.ones(keep.shape[1])
        for u in range(t, T):
            adv[t] += torch.from_numpy(weight) * delta[u]
            weight = weight * keep[u]
    return adv.float(), (adv + values).float()


def gae_of_returns(rewards, values, next_values, terminated, truncated, gamma, lam):
    """Targets by the λ-return recursion, advantages as their difference to V."""
    ended, target = terminated | truncated, torch.zeros_like(values)
    later = next_values[-1]
    for t in reversed(range(len(values))):
        mixed = (1 - lam) * next_values[t] + lam * torch.where(ended[t], next_values[t], later)
        later = rewards[t] + gamma * mixed * ~terminated[t]
        target[t] = later
    return target - values, target


def mix(*a):
    return gae_rows(*a)[0]


def swapped_pair(*a):
    return gae_rows(*a)[::-1]


def gae_terminated_forgotten_at_truncation(rewards, values, next_values, terminated, truncated, gamma, lam):
    """A step that is both counts as truncated."""
    return gae_rows(rewards, values, next_values, terminated & ~truncated, truncated, gamma, lam)


def gae_swapped_knobs(rewards, values, next_values, terminated, truncated, gamma, lam):
    return gae_rows(rewards, values, next_values, terminated, truncated, lam, gamma)


def gae_discounted_v(rewards, values, next_values, terminated, truncated, gamma, lam):
    return gae_rows(rewards, gamma * values, next_values, terminated, truncated, gamma, lam)


def gae_no_value_next(rewards, values, next_values, terminated, truncated, gamma, lam):
    return gae_rows(rewards, values, 0 * next_values, terminated, truncated, gamma, lam)


def gae_off_by_one(rewards, values, next_values, terminated, truncated, gamma, lam):
    """The end of the step before decides."""
    return gae_rows(rewards, values, next_values, terminated.roll(1, 0), truncated.roll(1, 0), gamma, lam)


MUTANTS = {
    "score_gradient": {
        "sign": lambda z, a, adv: -score_rows(z, a, adv),
        "wrong_axis": lambda z, a, adv: adv[:, None] * (F.one_hot(a, z.shape[1]) - torch.softmax(z, 0)),
        "likeliest action": score_of_best,
        "absolute advantage": score_absolute,
        "centred advantages": score_centred,
        "only the chosen logit": score_only_chosen,
        "logits for probabilities": lambda z, a, adv: adv[:, None] * (F.one_hot(a, z.shape[1]) - z),
        "mean over the batch": lambda z, a, adv: score_rows(z, a, adv).mean(0),
        "log-probabilities": lambda z, a, adv: adv[:, None] * (F.one_hot(a, z.shape[1]) - z.log_softmax(1)),
    },
    "bootstrapped_returns": {
        "truncation wins over termination": returns_truncation_wins,
        "goes on through truncation": returns_truncated_dropped,
        "value one row early": returns_last_row_v0,
        "centred": returns_centred,
        "first environment's ends": returns_first_env,
        "γ twice": returns_gamma_twice,
        "truncation_as_termination": lambda r, v, term, trunc, g: returns_split(r, v, term | trunc, trunc, g),
        "gamma_forgotten": lambda r, v, term, trunc, g: returns_split(r, v, term, trunc, 1.0),
    },
    "best_baseline": {
        "mean_pay": 0.9 * 2 + 0.1 * 7,
        "midpoint": 4.5,
        "better": 7.0,
        "worse": 2.0,
        "one digit": 6.4,
        "sign": -6.5,
        "text": "6.5",
        "a list": [6.5],
        "nan": float("nan"),
    },
    "unbiased": {
        "all": "a b c d e",
        "constants only": "a",
        "value only": "b",
        "without the others": "a b",
        "with Q": "a b d e",
        "with the return itself": "a b c d",
        "the two that hurt": "c e",
        "nothing": "",
        "a number": 3,
    },
    "gae_and_targets": {
        "advantages only": mix,
        "in another order": swapped_pair,
        "both counts as truncated": gae_terminated_forgotten_at_truncation,
        "γ and λ swapped": gae_swapped_knobs,
        "discounts V(s_t)": gae_discounted_v,
        "no bootstrap": gae_no_value_next,
        "end of the step before": gae_off_by_one,
        "targets_are_advantages": lambda *a: (mix(*a), mix(*a)),
        "lambda_forgotten": lambda r, v, nv, t, c, gamma, lam: gae_rows(r, v, nv, t, c, gamma, 1.0),
        "one_step": lambda r, v, nv, t, c, gamma, lam: gae_rows(r, v, nv, t, c, gamma, 0.0),
    },
}

ALTERNATIVES = {
    "score_gradient": {"by autograd": score_autograd, "row by row": score_rows, "in place": score_in_place},
    "bootstrapped_returns": {"environment by environment": returns_split, "by masks": returns_masked},
    "best_baseline": {"by formula": 0.9 * 7 + 0.1 * 2, "32 bit": np.float32(6.5), "an array": np.array(6.5)},
    "unbiased": {"letters": "abd", "list": ["d", "a", "b"], "capitals": "A, B, D"},
    "gae_and_targets": {"row by row": gae_rows, "by weights": gae_matrix, "by λ-returns": gae_of_returns},
}
