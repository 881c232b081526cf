"""Wrong answers that exercise 01 must reject, and right ones, written differently, that it must accept."""

import numpy as np


# estimates
def averages_running(acts, rews, n_acts):
    q, n = np.zeros(n_acts), np.zeros(n_acts)
    for act, rew in zip(acts, rews, strict=True):
        n[act] += 1
        q[act] += (rew - q[act]) / n[act]
    return q


def averages_masked(acts, rews, n_acts):
    return np.array([rews[acts == a].mean() if (acts == a).any() else 0.0 for a in range(n_acts)])


def averages_counted(acts, rews, n_acts):
    hot = np.eye(n_acts)[acts]
    return (rews @ hot) / np.maximum(hot.sum(0), 1)


def averages_with_a_first_zero(acts, rews, n_acts):
    """Starts the count at one, as if the zero it began with were a try."""
    q, n = np.zeros(n_acts), np.ones(n_acts)
    for act, rew in zip(acts, rews, strict=True):
        n[act] += 1
        q[act] += (rew - q[act]) / n[act]
    return q


def averages_overshoot(acts, rews, n_acts):
    q, n = np.zeros(n_acts), np.zeros(n_acts)
    for act, rew in zip(acts, rews, strict=True):
        n[act] += 1
        q[act] += rew / n[act]
    return q


def averages_short(acts, rews, n_acts):
    return averages_running(acts, rews, n_acts)[: acts.max() + 1]


# returns
def returns_backwards(rews, gamma):
    out = np.array(rews, float)
    for t in range(len(out) - 2, -1, -1):
        out[t] += gamma * out[t + 1]
    return out


def returns_matrix(rews, gamma):
    steps = np.arange(len(rews))
    ahead = steps[None] - steps[:, None]
    return np.where(ahead >= 0, float(gamma) ** np.maximum(ahead, 0), 0.0) @ rews


def returns_recursive(rews, gamma):
    if len(rews) == 0:
        return np.zeros(0)
    later = returns_recursive(rews[1:], gamma)
    return np.concatenate([[rews[0] + (gamma * later[0] if len(later) else 0)], later])


def returns_gamma_twice(rews, gamma):
    return returns_backwards(rews, gamma**2)


def returns_wrapped(rews, gamma):
    """Lets the first reward follow the last."""
    return rews + gamma * np.roll(returns_backwards(rews, gamma), -1)


def returns_mean(rews, gamma):
    return returns_backwards(rews, gamma) / np.arange(len(rews), 0, -1)


# the bike
def bike(n, p, pay, penalty):
    reach, reward = np.zeros((n, 2, n)), np.zeros((n, 2))
    for c in range(1, n):
        reach[c, 0, min(c + 2, n - 1)] = 1.0
        for chance, left in ((1 - p, c - 1), (p, c - 2)):
            if left > 0:
                reach[c, 1, left] += chance
            reward[c, 1] += chance * (pay if left > 0 else -penalty)
    return reach, reward


def bike_by_index(n, p, pay, penalty):
    reach, reward = np.zeros((n, 2, n)), np.zeros((n, 2))
    charge = np.arange(1, n)
    reach[charge, 0, np.minimum(charge + 2, n - 1)] = 1
    reach[charge[1:], 1, charge[1:] - 1] = 1 - p
    reach[charge[2:], 1, charge[2:] - 2] = p
    survives = reach[:, 1].sum(1)
    reward[1:, 1] = (survives * pay - (1 - survives) * penalty)[1:]
    return reach, reward


def bike_list(n, p, pay, penalty):
    return list(bike(n, p, pay, penalty))


def bike_one_unit_survives_two(n, p, pay, penalty):
    """Takes one unit too many for a safe one."""
    reach, reward = bike(n, p, pay, penalty)
    reward[1:, 1] = (1 - p) * pay - p * penalty
    return reach, reward


def bike_charges_one(n, p, pay, penalty):
    reach, reward = bike(n, p, pay, penalty)
    reach[1:, 0] = np.eye(n)[np.minimum(np.arange(1, n) + 1, n - 1)]
    return reach, reward


def bike_pays_for_charging(n, p, pay, penalty):
    reach, reward = bike(n, p, pay, penalty)
    reward[1:, 0] = pay
    return reach, reward


def bike_acts_swapped(n, p, pay, penalty):
    reach, reward = bike(n, p, pay, penalty)
    return reach[:, ::-1], reward[:, ::-1]


def bike_transposed(n, p, pay, penalty):
    reach, reward = bike(n, p, pay, penalty)
    return reach.transpose(2, 1, 0), reward


def bike_start_again(n, p, pay, penalty):
    """After an empty battery the next episode follows at once, fully charged."""
    reach, reward = bike(n, p, pay, penalty)
    reach[1:, 1, n - 1] += 1 - reach[1:, 1].sum(1)
    return reach, reward


# best values
def values_until_still(reach, reward, gamma):
    v = np.zeros(len(reward))
    while True:
        new = (reward + gamma * reach @ v).max(axis=1)
        if np.abs(new - v).max() < 1e-9:
            return new
        v = new


def values_in_place(reach, reward, gamma):
    """State by state, each using the newest values of the others."""
    v = np.zeros(len(reward))
    change = 1.0
    while change > 1e-10:
        change = 0.0
        for s in range(len(v)):
            new = max(reward[s, a] + gamma * float(reach[s, a] @ v) for a in range(reward.shape[1]))
            change, v[s] = max(change, abs(new - v[s])), new
    return v


def values_by_q(reach, reward, gamma):
    q = np.zeros_like(reward)
    for _ in range(5000):
        q = reward + gamma * np.einsum("sat,t->sa", reach, q.max(1))
    return q.max(1)


def values_fifty_sweeps(reach, reward, gamma):
    v = np.zeros(len(reward))
    for _ in range(50):
        v = (reward + gamma * reach @ v).max(axis=1)
    return v


def values_renormalised(reach, reward, gamma):
    """Makes the rows sum to one, so that nothing ever ends."""
    return values_until_still(reach / reach.sum(2, keepdims=True), reward, gamma)


def values_loose(reach, reward, gamma):
    v, change = np.zeros(len(reward)), 1.0
    while change > 0.05:
        new = (reward + gamma * reach @ v).max(axis=1)
        change, v = np.abs(new - v).max(), new
    return v


def values_best_next(reach, reward, gamma):
    """Takes the luckiest next state instead of the mean over next states."""
    v = np.zeros(len(reward))
    for _ in range(3000):
        v = (reward + gamma * (reach * v).max(2)).max(1)
    return v


def values_no_gamma(reach, reward, gamma):
    return values_until_still(reach, reward, 1 - 1e-9)


MUTANTS = {
    "sample_averages": {
        "counts from one": averages_with_a_first_zero,
        "forgets to subtract": averages_overshoot,
        "as many as were seen": averages_short,
        "medians": lambda a, r, k: np.array([np.median(r[a == j]) if (a == j).any() else 0.0 for j in range(k)]),
        "mean of all": lambda a, r, k: np.full(k, r.mean()),
        "counts": lambda a, r, k: np.bincount(a, minlength=k).astype(float),
        "sums": lambda a, r, k: r @ np.eye(k)[a],
    },
    "discounted_returns": {
        "γ squared": returns_gamma_twice,
        "goes round in circles": returns_wrapped,
        "means": returns_mean,
        "no_discount": lambda r, g: np.cumsum(r[::-1])[::-1],
        "too_late": lambda r, g: g * returns_matrix(r, g),
        "past": lambda r, g: np.cumsum(r),
        "reversed": lambda r, g: returns_backwards(r, g)[::-1],
        "first_only": lambda r, g: returns_backwards(r, g)[0],
    },
    "bike_model": {
        "one unit more": bike_one_unit_survives_two,
        "charges one unit": bike_charges_one,
        "pays for charging": bike_pays_for_charging,
        "actions swapped": bike_acts_swapped,
        "arrows turned": bike_transposed,
        "starts again": bike_start_again,
        "reach alone": lambda *a: bike(*a)[0],
        "reward first": lambda *a: bike(*a)[::-1],
        "never steep": lambda n, p, pay, pen: bike(n, 0.0, pay, pen),
    },
    "best_values": {
        "fifty sweeps": values_fifty_sweeps,
        "nothing ends": values_renormalised,
        "stops early": values_loose,
        "luckiest next state": values_best_next,
        "no discount": values_no_gamma,
        "one_sweep": lambda p, r, g: r.max(axis=1),
        "greedy actions": lambda p, r, g: (r + g * p @ values_by_q(p, r, g)).argmax(1).astype(float),
        "γ of the example": lambda p, r, g: values_by_q(p, r, 0.9 if g != 0.9 else 0.8),
    },
    "patience": {
        "upside_down": 1.0845,
        "no_root": 0.6667,
        "only_late": 0.9437,
        "one digit": 0.9,
        "percent": 92.2,
        "text": "0.922",
        "nothing": None,
    },
}

ALTERNATIVES = {
    "sample_averages": {
        "running": averages_running,
        "boolean index": averages_masked,
        "one-hot": averages_counted,
    },
    "discounted_returns": {
        "backwards": returns_backwards,
        "as a matrix": returns_matrix,
        "recursive": returns_recursive,
    },
    "bike_model": {"loops": bike, "by index": bike_by_index, "a list": bike_list},
    "best_values": {"until it stands still": values_until_still, "in place": values_in_place, "by Q": values_by_q},
    "patience": {"three digits": 0.922, "NumPy": np.float64(4 / 6) ** 0.2, "exact": (4 / 6) ** (1 / 5)},
}
