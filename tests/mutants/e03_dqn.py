"""Wrong answers that exercise 03 must reject, and right ones, written differently, that it must accept."""

import numpy as np
import torch


# double
def double_loop(rewards, terminated, next_target, next_online, gamma):
    out = rewards.clone()
    for i in range(len(rewards)):
        if not terminated[i]:
            out[i] += gamma * next_target[i, int(next_online[i].argmax())]
    return out


def double_one_hot(rewards, terminated, next_target, next_online, gamma):
    chosen = torch.nn.functional.one_hot(next_online.argmax(-1), next_online.shape[-1])
    return torch.where(terminated, rewards, rewards + gamma * (next_target * chosen).sum(-1))


def double_index(rewards, terminated, next_target, next_online, gamma):
    rows = torch.arange(len(rewards))
    return rewards + gamma * (1 - terminated.float()) * next_target[rows, next_online.max(1).indices]


def double_first_row(rewards, terminated, next_target, next_online, gamma):
    """Chooses one action for the whole batch."""
    return rewards + gamma * ~terminated * next_target[:, next_online.sum(0).argmax()]


def double_mean(rewards, terminated, next_target, next_online, gamma):
    return rewards + gamma * ~terminated * (next_target.max(1).values + next_online.max(1).values) / 2


def double_argmin(rewards, terminated, next_target, next_online, gamma):
    return double_loop(rewards, terminated, next_target, -next_online, gamma)


def double_zero_reward_at_end(rewards, terminated, next_target, next_online, gamma):
    """Loses the reward of the last step as well."""
    return double_loop(rewards, terminated, next_target, next_online, gamma) * ~terminated


def double_over_batch(rewards, terminated, next_target, next_online, gamma):
    """argmax over the wrong axis."""
    best = next_online.argmax(0)
    picked = next_target[best, torch.arange(len(best))]
    return rewards + gamma * ~terminated * picked[torch.arange(len(rewards)) % len(best)]


# n-step
def n_step_vector(rewards, terminated, truncated, n, gamma):
    """All rows at once, one more step at a time."""
    size = len(rewards)
    last, total = torch.arange(size), rewards.clone()
    power, going = torch.full((size,), float(gamma)), torch.ones(size, dtype=torch.bool)
    for _ in range(n - 1):
        going = going & ~(terminated | truncated)[last] & (last < size - 1)
        last = torch.where(going, last + 1, last)
        total = total + torch.where(going, power * rewards[last], torch.zeros(()))
        power = torch.where(going, power * gamma, power)
    return total, torch.where(terminated[last], torch.zeros(()), power), last


def n_step_lists(rewards, terminated, truncated, n, gamma):
    total, discount, last = [], [], []
    for t in range(len(rewards)):
        g, power = 0.0, 1.0
        for u in range(t, min(t + n, len(rewards))):
            g, power, stop = g + power * float(rewards[u]), power * gamma, u
            if terminated[u] or truncated[u]:
                break
        total.append(g)
        discount.append(0.0 if terminated[stop] else power)
        last.append(stop)
    return torch.tensor(total), torch.tensor(discount), torch.tensor(last)


def n_step_zero_at_memory_end(rewards, terminated, truncated, n, gamma):
    """Takes the end of memory for a terminal state."""
    terminated = terminated.clone()
    terminated[-1] = True
    return n_step_lists(rewards, terminated, truncated, n, gamma)


def n_step_shifted(rewards, terminated, truncated, n, gamma):
    total, discount, last = n_step_lists(rewards, terminated, truncated, n, gamma)
    return total, discount, last + 1


def n_step_wraps(rewards, terminated, truncated, n, gamma):
    """Reads on at the beginning of memory."""
    size = len(rewards)
    total, discount, last = n_step_lists(*(torch.cat([x, x]) for x in (rewards, terminated, truncated)), n, gamma)
    return total[:size], discount[:size], last[:size] % size


def n_step_both_is_truncated(rewards, terminated, truncated, n, gamma):
    return n_step_lists(rewards, terminated & ~truncated, truncated, n, gamma)


def n_step_gamma_on_first(rewards, terminated, truncated, n, gamma):
    total, discount, last = n_step_lists(rewards, terminated, truncated, n, gamma)
    return gamma * total, discount, last


def n_step_mean(rewards, terminated, truncated, n, gamma):
    total, discount, last = n_step_lists(rewards, terminated, truncated, n, gamma)
    return total / (last - torch.arange(len(last)) + 1), discount, last


# dueling
def dueling_loop(value, adv):
    return torch.stack([v + row - row.sum() / row.numel() for v, row in zip(value, adv, strict=True)])


def dueling_matrix(value, adv):
    n = adv.shape[1]
    return adv @ (torch.eye(n) - torch.ones(n, n) / n) + value.unsqueeze(-1)


# priorities
def chances_numpy(errors, alpha, beta, small):
    p = (np.abs(errors.numpy()) + small) ** alpha
    weight = (p / p.sum() * len(p)) ** (-beta)
    return torch.from_numpy(p / p.sum()), torch.from_numpy(weight / weight.max())


def chances_logs(errors, alpha, beta, small):
    """By logarithms; the largest weight belongs to the smallest chance."""
    chance = torch.softmax(alpha * torch.log(errors.abs() + small), 0)
    return chance, (chance.min() / chance) ** beta


def with_weight(change):
    return lambda e, a, b, s: (chances_numpy(e, a, b, s)[0], change(chances_numpy(e, a, b, s)[0], b))


MUTANTS = {
    "double_q_targets": {
        "one action for all": double_first_row,
        "mean of both": double_mean,
        "worst action": double_argmin,
        "reward lost at the end": double_zero_reward_at_end,
        "argmax over the batch": double_over_batch,
        "plain": lambda r, t, target, online, g: double_loop(r, t, target, target, g),
        "terminal_bootstraps": lambda r, t, target, online, g: double_loop(r, t & False, target, online, g),
        "γ twice": lambda r, t, target, online, g: double_loop(r, t, target, online, g * g),
    },
    "n_step": {
        "memory ends like an episode": n_step_zero_at_memory_end,
        "one row late": n_step_shifted,
        "wraps round": n_step_wraps,
        "both counts as truncated": n_step_both_is_truncated,
        "first reward discounted": n_step_gamma_on_first,
        "mean reward": n_step_mean,
        "sum only": lambda *a: n_step_lists(*a)[0],
        "one_step": lambda r, term, trunc, n, g: n_step_vector(r, term, trunc, 1, g),
        "γ forgotten": lambda r, term, trunc, n, g: n_step_vector(r, term, trunc, n, 1.0),
    },
    "dueling_q": {
        "no_mean": lambda value, adv: adv + value.unsqueeze(1),
        "max": lambda value, adv: value[:, None] + adv - adv.amax(1, keepdim=True),
        "sum taken off": lambda value, adv: value[:, None] + adv - adv.sum(1, keepdim=True),
        "minimum": lambda value, adv: value[:, None] + adv - adv.min(1, keepdim=True).values,
        "mean added": lambda value, adv: value[:, None] + adv + adv.mean(1, keepdim=True),
        "mean over actions": lambda value, adv: dueling_loop(value, adv).mean(1),
        "first value for all": lambda value, adv: dueling_loop(value * 0 + value[0] + 1, adv),
    },
    "priorities": {
        "not_scaled": with_weight(lambda p, b: (len(p) * p) ** -b),
        "N forgotten, not scaled": with_weight(lambda p, b: p**-b),
        "linear weights": with_weight(lambda p, b: 1 - p),
        "square root only": lambda e, a, b, s: chances_numpy(e, 0.5, b, s),
        "beta on the chances": lambda e, a, b, s: chances_numpy(e, b, a, s),
        "uniform": lambda e, a, b, s: (torch.full_like(e, 1 / len(e)), torch.ones_like(e)),
        "in another order": lambda *a: chances_numpy(*a)[::-1],
        "chances only": lambda *a: chances_numpy(*a)[0],
        "by rank": lambda e, a, b, s: chances_numpy(1.0 / (1 + (-e.abs()).argsort().argsort()), a, b, s),
    },
    "endless_pole": {
        "ε": {"fault": "a", "evidence": "epsilon"},
        "frozen targets": {"fault": "c", "evidence": "loss"},
        "no learning": {"fault": "d", "evidence": "loss"},
        "no discount": {"fault": "e", "evidence": "return"},
        "right fault, loss": {"fault": "b", "evidence": "loss"},
        "right fault, return": {"fault": "b", "evidence": "return"},
        "a letter": "b",
    },
}

ALTERNATIVES = {
    "double_q_targets": {"a loop": double_loop, "one-hot": double_one_hot, "by index": double_index},
    "n_step": {"all rows at once": n_step_vector, "lists": n_step_lists},
    "dueling_q": {"a loop": dueling_loop, "a matrix": dueling_matrix},
    "priorities": {"NumPy inside": chances_numpy, "logarithms": chances_logs},
    "endless_pole": {"as asked": {"fault": "b", "evidence": "q"}, "dressed": {"evidence": "Q", "fault": "b)"}},
}
