"""Wrong answers that exercise 11 must reject, and right ones, written differently, that it must accept."""

import numpy as np


# one soft sweep
def sweep(v, reward, reach, gamma):
    return np.logaddexp.reduce(reward + gamma * np.einsum("sat,t->sa", reach, v), axis=1)


def sweep_by_row(v, reward, reach, gamma):
    out = np.zeros(len(v))
    for s in range(len(v)):
        q = reward[s] + gamma * (reach[s] @ v)
        out[s] = q.max() + np.log(np.sum(np.exp(q - q.max())))
    return out


def sweep_overflowing(v, reward, reach, gamma):
    with np.errstate(all="ignore"):
        return np.log(np.exp(reward + gamma * reach @ v).sum(1))


def sweep_top_forgotten(v, reward, reach, gamma):
    q = reward + gamma * reach @ v
    return np.log(np.exp(q - q.max(1, keepdims=True)).sum(1))


def sweep_clipped(v, reward, reach, gamma):
    return np.log(np.exp(np.clip(reward + gamma * reach @ v, -500, 500)).sum(1))


def sweep_ends_forgotten(v, reward, reach, gamma):
    return sweep(v, reward, reach / np.maximum(reach.sum(-1, keepdims=True), 1e-12), gamma)


# time spent
def time(policy, reach, starts, gamma):
    rho, here, weight = 0.0, starts, 1.0
    for _ in range(2000):
        now = here[:, None] * policy
        rho, here, weight = rho + weight * now, np.tensordot(now, reach, 2), weight * gamma
    return rho


def time_by_pairs(policy, reach, starts, gamma):
    """One linear system over the pairs (s, a)."""
    n = policy.size
    flow = (reach[:, :, :, None] * policy[None, None]).reshape(n, n)
    begin = (starts[:, None] * policy).ravel()
    return np.linalg.inv(np.eye(n) - gamma * flow.T).dot(begin).reshape(policy.shape)


def time_squared(policy, reach, starts, gamma):
    return time(policy, reach, starts, gamma**2)


# the gradient
def gradient(theta, expert, learner, features, prior):
    return np.tensordot(expert - learner, features, 2) - prior * (theta + theta)


def gradient_flat(theta, expert, learner, features, prior):
    table = features.reshape(-1, len(theta))
    return table.T @ expert.ravel() - table.T @ learner.ravel() - 2 * prior * theta


def gradient_mean(theta, expert, learner, features, prior):
    return ((expert - learner)[..., None] * features).mean((0, 1)) - 2 * prior * theta


def gradient_absolute(theta, expert, learner, features, prior):
    return gradient(np.sign(theta), expert, learner, features, prior / 2)


# shaping
def shape(reward, potential, reach, gamma):
    return reward - potential.reshape(-1, 1) + gamma * np.tensordot(reach, potential, 1)


def shape_by_state(reward, potential, reach, gamma):
    return np.stack([reward[s] + gamma * reach[s].dot(potential) - potential[s] for s in range(len(potential))])


def shape_falls_forgotten(reward, potential, reach, gamma):
    return reward + gamma * reach @ potential - reach.sum(-1) * potential[:, None]


def time_cut_short(policy, reach, starts, gamma):
    """Adds up step by step, and stops too early for a world without an end."""
    there, total = starts, np.zeros_like(policy)
    for t in range(50):
        total = total + gamma**t * there[:, None] * policy
        there = np.einsum("s,sa,sat->t", there, policy, reach)
    return total


MUTANTS = {
    "soft_sweep": {
        "overflows": sweep_overflowing,
        "the largest not added again": sweep_top_forgotten,
        "clipped": sweep_clipped,
        "no end": sweep_ends_forgotten,
        "hard": lambda v, r, reach, g: (r + g * reach @ v).max(1),
        "no_discount": lambda v, r, reach, g: sweep(v, r, reach, 1.0),
        "Q itself": lambda v, r, reach, g: r + g * reach @ v,
    },
    "time_spent": {
        "γ squared": time_squared,
        "no end": lambda p, reach, s, g: time(p, reach / np.maximum(reach.sum(-1, keepdims=True), 1e-12), s, g),
        "not_turned": lambda p, reach, s, g: (
            p * np.linalg.solve(np.eye(len(s)) - g * np.einsum("sa,sat->st", p, reach), s)[:, None]
        ),
        "normalised": lambda p, reach, s, g: (1 - g) * time(p, reach, s, g),
        "shares": lambda p, reach, s, g: (x := time(p, reach, s, g)) / x.sum(),
        "by state": lambda p, reach, s, g: time(p, reach, s, g).sum(1),
        "the first step": lambda p, reach, s, g: s[:, None] * p,
        "fifty steps": time_cut_short,
    },
    "irl_gradient": {
        "mean over pairs": gradient_mean,
        "sign of the weights": gradient_absolute,
        "swapped": lambda th, e, o, phi, lam: gradient(th, o, e, phi, lam),
        "no_prior": lambda th, e, o, phi, lam: gradient(th, e, o, phi, 0.0),
        "downhill": lambda th, e, o, phi, lam: -gradient(th, e, o, phi, lam),
        "prior alone": lambda th, e, o, phi, lam: -2 * lam * th,
        "one number": lambda th, e, o, phi, lam: gradient(th, e, o, phi, lam).sum(),
    },
    "shaped": {
        "no fall at the end": shape_falls_forgotten,
        "sign": lambda r, p, reach, g: shape(r, -p, reach, g),
        "no_discount": lambda r, p, reach, g: shape(r, p, reach, 1.0),
        "no_reward": lambda r, p, reach, g: shape(0 * r, p, reach, g),
        "a constant potential": lambda r, p, reach, g: shape(r, p * 0 + p.mean(), reach, g),
        "the mean over actions": lambda r, p, reach, g: shape(r, p, reach * 0 + reach.mean(1, keepdims=True), g),
    },
    "endless_climb": {
        "step size": {"fault": "a", "evidence": "visits"},
        "sign": {"fault": "b", "evidence": "likelihood"},
        "few walks": {"fault": "d", "evidence": "gap"},
        "learner's γ": {"fault": "e", "evidence": "visits"},
        "right fault, weights": {"fault": "c", "evidence": "weights"},
        "a letter": "c",
    },
}

ALTERNATIVES = {
    "soft_sweep": {"logaddexp": sweep, "row by row": sweep_by_row},
    "time_spent": {"step by step": time, "over pairs": time_by_pairs},
    "irl_gradient": {"tensordot": gradient, "flat": gradient_flat},
    "shaped": {"tensordot": shape, "state by state": shape_by_state},
    "endless_climb": {
        "as asked": {"fault": "c", "evidence": "visits"},
        "dressed": {"fault": "(C)", "evidence": "Visits"},
    },
}
