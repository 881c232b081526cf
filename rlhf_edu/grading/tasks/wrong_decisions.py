"""The mistakes people make with estimates, returns and models: the code that makes each, and what to say about it."""

import numpy as np


def _totals(acts, rews, n_acts):
    return np.bincount(acts, rews, n_acts), np.bincount(acts, minlength=n_acts)


def _last_seen(acts, rews, n_acts):
    q = np.zeros(n_acts)
    q[acts] = rews
    return q


def _half_steps(acts, rews, n_acts):
    q = np.zeros(n_acts)
    for act, rew in zip(acts, rews, strict=True):
        q[act] += 0.5 * (rew - q[act])
    return q


def _one_count(acts, rews, n_acts):
    q = np.zeros(n_acts)
    for n, (act, rew) in enumerate(zip(acts, rews, strict=True), 1):
        q[act] += (rew - q[act]) / n
    return q


def _nan_untried(acts, rews, n_acts):
    total, n = _totals(acts, rews, n_acts)
    return np.where(n > 0, total / np.maximum(n, 1), np.nan)


AVERAGES = {
    "sums": (lambda a, r, k: _totals(a, r, k)[0], "these are sums; divide by how often each action was taken"),
    "over_all": (
        lambda a, r, k: _totals(a, r, k)[0] / len(a),
        "the sums are divided by the number of all tries; each action has a count of its own",
    ),
    "last": (_last_seen, "this is the last reward of each action, not the mean"),
    "half_steps": (_half_steps, "a fixed step size forgets the first tries; the step is 1/n"),
    "one_count": (_one_count, "all actions share one count; each needs its own"),
    "nan_untried": (_nan_untried, "an action that was never taken gives 0/0; it should be 0"),
}


def _returns(rews, gamma):
    out, after = np.zeros(len(rews)), 0.0
    for t in reversed(range(len(rews))):
        after = rews[t] + gamma * after
        out[t] = after
    return out


RETURNS = {
    "forward": (
        lambda r, g: _returns(r[::-1], g)[::-1],
        "the sum runs over the past; a return adds up what comes from step t on",
    ),
    "too_late": (lambda r, g: g * _returns(r, g), "the first reward is discounted already; it counts in full"),
    "no_discount": (lambda r, g: _returns(r, 1.0), "γ is missing"),
    "first_only": (
        lambda r, g: float(_returns(r, g)[0]),
        "this is the return from the first step alone; one for every step is asked",
    ),
    "from_the_start": (
        lambda r, g: np.cumsum((g ** np.arange(len(r)) * r)[::-1])[::-1],
        "each reward is discounted from the first step of the episode; count from step t",
    ),
    "next_only": (
        lambda r, g: r + g * np.append(r[1:], 0.0),
        "only the next reward is added; the rest of the episode counts, too",
    ),
    "without_own": (
        lambda r, g: np.append(_returns(r, g)[1:], 0.0),
        "the reward of step t itself is left out",
    ),
}


def _bike(n_levels, p_steep, pay, penalty, *, ends=True, cap=True, fall=True, alive=False, expected=True, swap=False):
    reach, reward = np.zeros((n_levels, 2, n_levels)), np.zeros((n_levels, 2))
    for charge in range(0 if alive else 1, n_levels):
        reach[charge, 0, min(charge + 2, n_levels - 1) if cap else (charge + 2) % n_levels] = 1
        for chance, cost in ((p_steep, 1), (1 - p_steep, 2)) if swap else ((1 - p_steep, 1), (p_steep, 2)):
            left = charge - cost
            if left > 0 or not ends:
                reach[charge, 1, max(left, 0)] += chance
            gain = pay if left > 0 else -penalty if fall else 0.0
            reward[charge, 1] += (chance if expected else 1.0) * gain
    return reach, reward


BIKE = {
    "goes_on": (
        lambda *a: _bike(*a, ends=False),
        "an empty battery still counts in `reach`; the episode ends there, so nobody goes on",
    ),
    "overflow": (lambda *a: _bike(*a, cap=False), "the battery is never more than full: charging stops at the top"),
    "no_penalty": (lambda *a: _bike(*a, fall=False), "the penalty for an empty battery is missing"),
    "alive": (lambda *a: _bike(*a, alive=True), "at charge 0 all is over: both arrays stay 0 there"),
    "not_expected": (lambda *a: _bike(*a, expected=False), "rewards are to be weighted with their chances"),
    "swapped": (lambda *a: _bike(*a, swap=True), "the chances of one and two units are swapped"),
    "pay_on_top": (
        lambda n, p, pay, pen: (_bike(n, p, pay, pen)[0], _bike(n, p, pay, pen - pay)[1]),
        "the penalty comes instead of the pay, not on top of it",
    ),
}


def _iterate(reach, reward, gamma, best=np.max, sweeps=4000):
    v = np.zeros(len(reward))
    for _ in range(sweeps):
        v = best(reward + gamma * reach @ v, axis=1)
    return v


def _shortsighted(reach, reward, gamma):
    acts = reward.argmax(1)
    rows = np.arange(len(acts))
    return np.linalg.solve(np.eye(len(acts)) - gamma * reach[rows, acts], reward[rows, acts])


BEST_VALUES = {
    "one_sweep": (lambda p, r, g: _iterate(p, r, g, sweeps=1), "one sweep is not enough: repeat until v stands still"),
    "mean": (lambda p, r, g: _iterate(p, r, g, np.mean), "this is the value of acting at random; take the best action"),
    "worst": (lambda p, r, g: _iterate(p, r, g, np.min), "this takes the worst action in each state"),
    "gamma_on_reward": (lambda p, r, g: g * _iterate(p, r, g), "the reward at once is not discounted"),
    "shortsighted": (
        _shortsighted,
        "this follows the largest reward at once; the action must be best with all that comes afterwards",
    ),
    "next_only": (
        lambda p, r, g: (r + g * (p @ r.max(1))).max(1),
        "two steps ahead is not to the end: repeat until v stands still",
    ),
    "table": (
        lambda p, r, g: r + g * p @ _iterate(p, r, g),
        "these are action values; v is their maximum over actions",
    ),
}


PATIENCE = {
    "upside_down": (
        lambda small, soon, large, late: (large / small) ** (1 / (late - soon)),
        "this is above 1: large and small are swapped",
    ),
    "only_late": (
        lambda small, soon, large, late: (small / large) ** (1 / late),
        "the small offer takes time, too: what counts is the difference of the two waits",
    ),
    "no_root": (
        lambda small, soon, large, late: small / large,
        "this would be γ if the large offer came just one step after the small one",
    ),
    "straight_line": (
        lambda small, soon, large, late: 1 - (large - small) / large / (late - soon),
        "discounting multiplies at every step, it does not subtract: take a root",
    ),
}
