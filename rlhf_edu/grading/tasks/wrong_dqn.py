"""The mistakes people make with DQN: the code that makes each, and what to say about it."""


def _double(r, term, target, online, gamma):
    best = online.argmax(1, keepdim=True)
    return r + gamma * ~term * target.gather(1, best)[:, 0]


DOUBLE_Q_TARGETS = {
    "terminal_bootstraps": (
        lambda r, term, target, online, gamma: _double(r, term & False, target, online, gamma),
        "a terminal step bootstraps: after it nothing is to come",
    ),
    "plain": (
        lambda r, term, target, online, gamma: _double(r, term, target, target, gamma),
        "this is the plain target: the target network chooses and judges; the choice is the online network's",
    ),
    "online_only": (
        lambda r, term, target, online, gamma: _double(r, term, online, online, gamma),
        "the online network chooses and judges; the judging is the target network's",
    ),
    "swapped": (
        lambda r, term, target, online, gamma: _double(r, term, online, target, gamma),
        "the two networks are swapped: the online one chooses, the target one judges",
    ),
    "smaller": (
        lambda r, term, target, online, gamma: r + gamma * ~term * target.minimum(online).max(1).values,
        "this takes the smaller of the two networks; double Q-learning lets one choose and the other judge",
    ),
    "gamma_forgotten": (
        lambda r, term, target, online, gamma: _double(r, term, target, online, 1.0),
        "γ is missing",
    ),
    "inverted": (
        lambda r, term, target, online, gamma: _double(r, ~term, target, online, gamma),
        "`terminated` is the wrong way round: this bootstraps only after terminal steps",
    ),
    "no_reward": (
        lambda r, term, target, online, gamma: _double(r * 0, term, target, online, gamma),
        "the reward is missing",
    ),
}


def _ahead(rewards, terminated, truncated, n, gamma, stop=None, discount=None, weigh=True):
    """Look ahead by loops; `stop` says where an episode is over for the sum."""
    import torch

    stop = (terminated | truncated) if stop is None else stop
    total, factor = torch.zeros_like(rewards), torch.zeros_like(rewards)
    last = torch.zeros(len(rewards), dtype=torch.int64)
    for t in range(len(rewards)):
        u = t
        while u - t < n - 1 and not stop[u] and u + 1 < len(rewards):
            u += 1
        total[t] = sum(rewards[v] * (gamma ** (v - t) if weigh else 1.0) for v in range(t, u + 1))
        steps = u - t + 1 if discount is None else discount(u - t + 1)
        factor[t] = gamma**steps * ~terminated[u]
        last[t] = u
    return total, factor, last


N_STEP = {
    "through_ends": (
        lambda r, term, trunc, n, gamma: _ahead(r, term, trunc, n, gamma, stop=term & False),
        "the sum runs on into the next episode",
    ),
    "through_truncation": (
        lambda r, term, trunc, n, gamma: _ahead(r, term, trunc, n, gamma, stop=term),
        "the sum runs across a time limit: what follows belongs to another episode",
    ),
    "truncation_as_termination": (
        lambda r, term, trunc, n, gamma: _ahead(r, term | trunc, trunc, n, gamma),
        "a time limit is treated as a terminal state: its discount is not 0",
    ),
    "terminal_bootstraps": (
        lambda r, term, trunc, n, gamma: _ahead(r, term & False, trunc, n, gamma, stop=term | trunc),
        "the discount after a terminal step must be 0: nothing is to come",
    ),
    "gamma_to_the_n": (
        lambda r, term, trunc, n, gamma: _ahead(r, term, trunc, n, gamma, discount=lambda k: n),
        "the discount is γ to the number of steps really taken, which is less than n at an end",
    ),
    "one_power_short": (
        lambda r, term, trunc, n, gamma: _ahead(r, term, trunc, n, gamma, discount=lambda k: k - 1),
        "after k rewards the next state is k steps away: the discount is γ^k, not γ^(k − 1)",
    ),
    "undiscounted": (
        lambda r, term, trunc, n, gamma: _ahead(r, term, trunc, n, gamma, weigh=False),
        "the rewards are added without their powers of γ",
    ),
    "one_step": (
        lambda r, term, trunc, n, gamma: _ahead(r, term, trunc, 1, gamma),
        "this looks one step ahead whatever n is",
    ),
    "one_too_many": (
        lambda r, term, trunc, n, gamma: _ahead(r, term, trunc, n + 1, gamma),
        "this adds n + 1 rewards",
    ),
}

DUELING_Q = {
    "no_mean": (
        lambda value, adv: value[:, None] + adv,
        "the mean advantage is not taken off: V and A could trade any constant",
    ),
    "max": (
        lambda value, adv: value[:, None] + adv - adv.max(1, keepdim=True).values,
        "the maximum is taken off (the paper's eq. 8); its mean is asked for (eq. 9)",
    ),
    "batch_mean": (
        lambda value, adv: value[:, None] + adv - adv.mean(),
        "the mean runs over the whole batch; it belongs to each state",
    ),
    "wrong_axis": (
        lambda value, adv: value[:, None] + adv - adv.mean(0, keepdim=True),
        "the mean runs over the states; it has to run over the actions",
    ),
    "no_value": (lambda value, adv: adv - adv.mean(1, keepdim=True), "V(s) is missing"),
    "value_mean": (
        lambda value, adv: value[:, None] - value.mean() + adv - adv.mean(1, keepdim=True),
        "V(s) is centred; only the advantages are",
    ),
    "sign": (
        lambda value, adv: value[:, None] - (adv - adv.mean(1, keepdim=True)),
        "the advantages have the wrong sign",
    ),
}


def _priorities(errors, alpha, beta, small, power=None, normal=None):
    p = (errors.abs() + small) ** (alpha if power is None else power)
    chance = p / p.sum()
    weight = (len(errors) * chance) ** -beta
    return chance, weight / (weight.max() if normal is None else normal(weight))


PRIORITIES = {
    "alpha_forgotten": (lambda e, a, b, s: _priorities(e, a, b, s, power=1.0), "α is missing"),
    "beta_forgotten": (lambda e, a, b, s: _priorities(e, a, 1.0, s), "β is missing from the weights"),
    "signed": (
        lambda e, a, b, s: _priorities(e.clamp(min=0), a, b, s),
        "an error below 0 surprises just as much: take its absolute value",
    ),
    "softmax": (
        lambda e, a, b, s: (e.abs().softmax(0), _priorities(e, a, b, s)[1]),
        "the chances are proportional to p^α; this is a softmax",
    ),
    "weight_sign": (
        lambda e, a, b, s: _priorities(e, a, -b, s),
        "the weights grow with the chance; what is drawn more often must count less",
    ),
    "not_scaled": (
        lambda e, a, b, s: _priorities(e, a, b, s, normal=lambda w: 1.0),
        "the weights are not divided by the largest of them",
    ),
    "sum_scaled": (
        lambda e, a, b, s: _priorities(e, a, b, s, normal=lambda w: w.sum()),
        "the weights are divided by their sum; the largest one is asked for",
    ),
    "small_forgotten": (
        lambda e, a, b, s: _priorities(e, a, b, 0.0),
        "the small constant is missing: an error of 0 could never be drawn again",
    ),
    "small_outside": (
        lambda e, a, b, s: (
            (e.abs() ** a + s) / (e.abs() ** a + s).sum(),
            _priorities(e, a, b, s)[1],
        ),
        "the small constant is added after the power; it belongs inside",
    ),
    "not_normalised": (
        lambda e, a, b, s: ((e.abs() + s) ** a, _priorities(e, a, b, s)[1]),
        "these are priorities; divide by their sum to get chances",
    ),
}
