"""The mistakes people make in inverse reinforcement learning: the code that makes each, and what to say about it."""

import numpy as np


def _soft(q):
    top = q.max(1)
    return top + np.log(np.exp(q - top[:, None]).sum(1))


SWEEP = {
    "hard": (
        lambda v, r, reach, g: (r + g * reach @ v).max(1),
        "this is the hard maximum; the soft one is the log of a sum of exponentials",
    ),
    "mean": (
        lambda v, r, reach, g: _soft(r + g * reach @ v) - np.log(r.shape[1]),
        "this is the log of the *mean* of the exponentials; the sum is asked for",
    ),
    "no_discount": (lambda v, r, reach, g: _soft(r + reach @ v), "γ is missing"),
    "no_future": (lambda v, r, reach, g: _soft(r), "what comes afterwards is missing"),
    "gamma_on_reward": (
        lambda v, r, reach, g: _soft(g * (r + reach @ v)),
        "the reward itself is not discounted, only what comes after it",
    ),
    "expected": (
        lambda v, r, reach, g: (np.exp((q := r + g * reach @ v) - _soft(q)[:, None]) * q).sum(1),
        "this is the mean of Q under the soft policy; V holds its entropy as well",
    ),
}


def _solve(policy, reach, starts, gamma, turned=True):
    chain = np.einsum("sa,sat->st", policy, reach)
    return np.linalg.solve(np.eye(len(starts)) - gamma * (chain.T if turned else chain), starts)


def _steps(policy, reach, starts, gamma, n):
    rho, here = np.zeros(policy.shape), starts
    for t in range(n):
        rho = rho + gamma**t * here[:, None] * policy
        here = np.einsum("sa,sat->t", here[:, None] * policy, reach)
    return rho


TIME = {
    "not_turned": (
        lambda p, reach, starts, g: p * _solve(p, reach, starts, g, False)[:, None],
        "P_π is not transposed: time flows from s to t, so d(t) = μ₀(t) + γ Σ_s d(s) P_π(s, t)",
    ),
    "normalised": (
        lambda p, reach, starts, g: (1 - g) * p * _solve(p, reach, starts, g)[:, None],
        "this is multiplied by 1 − γ; the sum over time itself is asked for",
    ),
    "no_starts": (
        lambda p, reach, starts, g: p * _solve(p, reach, np.full(len(starts), 1 / len(starts)), g)[:, None],
        "episodes begin where `starts` says, not everywhere alike",
    ),
    "start_left_out": (
        lambda p, reach, starts, g: p * (_solve(p, reach, starts, g) - starts)[:, None],
        "the time t = 0 is left out",
    ),
    "discounted_early": (
        lambda p, reach, starts, g: g * p * _solve(p, reach, starts, g)[:, None],
        "the first step is discounted already: γ^0 = 1",
    ),
    "ten_steps": (
        lambda p, reach, starts, g: _steps(p, reach, starts, g, 10),
        "this stops after a few steps; sum until nothing is left, or solve the system",
    ),
    "states_alone": (
        lambda p, reach, starts, g: np.tile(_solve(p, reach, starts, g)[:, None], p.shape[1]),
        "this is the time in each state; each action gets its share π(a|s) of it",
    ),
}


def _pull(expert, learner, phi):
    return np.einsum("sa,saf->f", expert - learner, phi)


GRADIENT = {
    "downhill": (
        lambda th, e, o, phi, lam: -_pull(e, o, phi) + 2 * lam * th,
        "the sign is turned round: this makes the expert less likely",
    ),
    "swapped": (
        lambda th, e, o, phi, lam: _pull(o, e, phi) - 2 * lam * th,
        "expert and learner are swapped: what the expert does *more* of must become worth more",
    ),
    "no_prior": (lambda th, e, o, phi, lam: _pull(e, o, phi), "the prior is missing"),
    "prior_pushes": (
        lambda th, e, o, phi, lam: _pull(e, o, phi) + 2 * lam * th,
        "the prior pushes weights away from 0; it should draw them there",
    ),
    "no_two": (
        lambda th, e, o, phi, lam: _pull(e, o, phi) - lam * th,
        "the derivative of λθ² is 2λθ: the 2 is missing",
    ),
    "no_learner": (
        lambda th, e, o, phi, lam: _pull(e, 0 * o, phi) - 2 * lam * th,
        "what the learner does is missing: this grows for ever",
    ),
    "shares": (
        lambda th, e, o, phi, lam: _pull(e / e.sum(), o / o.sum(), phi) - 2 * lam * th,
        "the occupancies are divided by their sums; a short and a long episode differ, and should",
    ),
}

SHAPED = {
    "no_discount": (lambda r, p, reach, g: r + reach @ p - p[:, None], "γ is missing"),
    "sign": (
        lambda r, p, reach, g: r - g * reach @ p + p[:, None],
        "the sign of the potentials is turned round: going uphill is paid for",
    ),
    "no_leaving": (lambda r, p, reach, g: r + g * reach @ p, "the potential of the state one leaves is missing"),
    "all_discounted": (
        lambda r, p, reach, g: r + g * (reach @ p - p[:, None]),
        "γ belongs to the next potential alone",
    ),
    "no_reward": (lambda r, p, reach, g: g * reach @ p - p[:, None], "the reward itself is missing"),
    "end_kept": (
        lambda r, p, reach, g: r + g * reach @ p / np.maximum(reach.sum(-1), 1e-12) - p[:, None],
        "`reach` is made to sum to 1: after the end the potential is 0, so what is missing must stay missing",
    ),
}
