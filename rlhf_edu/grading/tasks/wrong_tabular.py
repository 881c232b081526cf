"""The mistakes people make in Q-learning and SARSA: the code that makes each, and what to say about it."""

import numpy as np


def _update(q, s, act, rew, after, alpha, gamma):
    q = q.copy()
    q[s, act] += alpha * (rew + gamma * after - q[s, act])
    return q


def _next(q, s_next, terminated):
    return 0.0 if terminated else q[s_next].max()


UPDATE = {
    "through_the_end": (
        lambda q, s, a, r, s2, end, alpha, g: _update(q, s, a, r, q[s2].max(), alpha, g),
        "you bootstrapped through a terminal state: nothing comes after the end",
    ),
    "no_step_size": (
        lambda q, s, a, r, s2, end, alpha, g: _update(q, s, a, r, _next(q, s2, end), 1.0, g),
        "α is missing: this jumps onto the target in place of a step towards it",
    ),
    "no_discount": (
        lambda q, s, a, r, s2, end, alpha, g: _update(q, s, a, r, _next(q, s2, end), alpha, 1.0),
        "γ is missing",
    ),
    "same_state": (
        lambda q, s, a, r, s2, end, alpha, g: _update(q, s, a, r, _next(q, s, end), alpha, g),
        "the maximum is taken over the state you came from; it is the one you came to that counts",
    ),
    "same_action": (
        lambda q, s, a, r, s2, end, alpha, g: _update(q, s, a, r, 0.0 if end else q[s2, a], alpha, g),
        "this takes the same action again in the next state; Q-learning takes the best one there",
    ),
    "old_kept": (
        lambda q, s, a, r, s2, end, alpha, g: _update(q, s, a, r + q[s, a], _next(q, s2, end), alpha, g),
        "the old value is not subtracted: α times the target is added on top",
    ),
    "never_learns_at_the_end": (
        lambda q, s, a, r, s2, end, alpha, g: q.copy() if end else _update(q, s, a, r, _next(q, s2, end), alpha, g),
        "the last step of an episode is left out; its reward counts, only nothing comes afterwards",
    ),
    "one_number": (
        lambda q, s, a, r, s2, end, alpha, g: float(_update(q, s, a, r, _next(q, s2, end), alpha, g)[s, a]),
        "this is the new number alone; the whole table is asked for",
    ),
    "gamma_on_reward": (
        lambda q, s, a, r, s2, end, alpha, g: _update(q, s, a, g * r, _next(q, s2, end), alpha, g),
        "the reward itself is not discounted, only what comes after it",
    ),
}


def _winners(q):
    return q == q.max(axis=1, keepdims=True)


def _first(q):
    return np.eye(q.shape[1])[q.argmax(1)]


def _shared(q):
    return _winners(q) / _winners(q).sum(1, keepdims=True)


POLICY = {
    "ties": (
        lambda q, e: (1 - e) * _first(q) + e / q.shape[1],
        "where several actions are best they share 1 − ε; here the first one gets it all",
    ),
    "ties_in_full": (
        lambda q, e: (1 - e) * _winners(q) + e / q.shape[1],
        "each of several best actions gets 1 − ε in full; the chances of a row must sum to 1",
    ),
    "greedy": (lambda q, e: _shared(q), "ε is missing: somebody who explores takes each action now and then"),
    "random": (lambda q, e: np.full(q.shape, 1 / q.shape[1]), "this always acts at random"),
    "best_left_out": (
        lambda q, e: np.where(_winners(q), (1 - e) * _shared(q), e / q.shape[1]),
        "a random action can be the best one, too: it gets ε / A on top",
    ),
    "swapped": (lambda q, e: e * _shared(q) + (1 - e) / q.shape[1], "ε and 1 − ε are swapped"),
    "epsilon_each": (
        lambda q, e: (1 - e) * _shared(q) + e,
        "every action gets ε in full; they share it, ε / A each",
    ),
    "worst": (lambda q, e: (1 - e) * _shared(-q) + e / q.shape[1], "this favours the worst action"),
}


def _targets(rews, mean, terminated, gamma):
    return rews + gamma * np.where(terminated, 0.0, mean)


def _mix(q, e):
    return (1 - e) * q.max(1) + e * q.mean(1)


TARGETS = {
    "through_the_end": (
        lambda r, q, end, e, g: r + g * _mix(q, e),
        "you bootstrapped through a terminal state: nothing comes after the end",
    ),
    "best": (
        lambda r, q, end, e, g: _targets(r, q.max(1), end, g),
        "this is Q-learning's target: it takes the best action for certain",
    ),
    "plain_mean": (
        lambda r, q, end, e, g: _targets(r, q.mean(1), end, g),
        "all actions count alike; the best one is taken more often",
    ),
    "swapped": (lambda r, q, end, e, g: _targets(r, _mix(q, 1 - e), end, g), "ε and 1 − ε are swapped"),
    "sum": (
        lambda r, q, end, e, g: _targets(r, (1 - e) * q.max(1) + e * q.sum(1), end, g),
        "exploring takes one action of A, so its share is the mean of the row, not the sum",
    ),
    "no_discount": (lambda r, q, end, e, g: _targets(r, _mix(q, e), end, 1.0), "γ is missing"),
    "no_reward": (lambda r, q, end, e, g: _targets(0 * r, _mix(q, e), end, g), "the reward itself is missing"),
    "reward_lost": (
        lambda r, q, end, e, g: np.where(end, 0.0, r + g * _mix(q, e)),
        "the reward of a terminal step counts; only what comes afterwards does not",
    ),
    "upside_down": (
        lambda r, q, end, e, g: _targets(r, _mix(q, e), ~end, g),
        "`terminated` is turned round: this bootstraps at the ends and nowhere else",
    ),
}


def _episode(q, obs, acts, rews, alpha, gamma, last, rule=None, table=None):
    """SARSA over an episode; `last` says what follows the last step, `rule` what follows the others."""
    new = q.copy()
    read = new if table is None else table
    for t, rew in enumerate(rews):
        final = t + 1 == len(rews)
        after = last(read) if final else rule(read, t) if rule else read[obs[t + 1], acts[t + 1]]
        new[obs[t], acts[t]] += alpha * (rew + gamma * after - new[obs[t], acts[t]])
    return new


def _pair(obs, acts):
    return lambda table: table[obs[-1], acts[-1]]


def _right_end(obs, acts, end):
    return (lambda table: 0.0) if end else _pair(obs, acts)


def _backwards(q, obs, acts, rews, end, alpha, g):
    q = q.copy()
    for t in reversed(range(len(rews))):
        after = 0.0 if end and t + 1 == len(rews) else q[obs[t + 1], acts[t + 1]]
        q[obs[t], acts[t]] += alpha * (rews[t] + g * after - q[obs[t], acts[t]])
    return q


EPISODE = {
    "limit_is_an_end": (
        lambda q, o, a, r, end, alpha, g: _episode(q, o, a, r, alpha, g, lambda table: 0.0),
        "a time limit is treated as a terminal state: a truncated episode still bootstraps at its last step",
    ),
    "through_the_end": (
        lambda q, o, a, r, end, alpha, g: _episode(q, o, a, r, alpha, g, _pair(o, a)),
        "you bootstrapped through a terminal state: nothing comes after the end",
    ),
    "best": (
        lambda q, o, a, r, end, alpha, g: _episode(
            q, o, a, r, alpha, g, lambda t: 0.0 if end else t[o[-1]].max(), lambda t, i: t[o[i + 1]].max()
        ),
        "this is Q-learning: SARSA takes the value of the action that is in fact taken next",
    ),
    "old_table": (
        lambda q, o, a, r, end, alpha, g: _episode(q, o, a, r, alpha, g, _right_end(o, a, end), None, q),
        "targets come from the table as it was before the episode; each step sees what the steps before have learnt",
    ),
    "backwards": (_backwards, "the steps are gone through from the last to the first; SARSA learns as it walks"),
    "last_left_out": (
        lambda q, o, a, r, end, alpha, g: _episode(
            q, o, a, r[:-1], alpha, g, lambda table: table[o[len(r) - 1], a[len(r) - 1]]
        ),
        "the last step is left out",
    ),
    "no_discount": (
        lambda q, o, a, r, end, alpha, g: _episode(q, o, a, r, alpha, 1.0, _right_end(o, a, end)),
        "γ is missing",
    ),
    "no_step_size": (
        lambda q, o, a, r, end, alpha, g: _episode(q, o, a, r, 1.0, g, _right_end(o, a, end)),
        "α is missing",
    ),
    "ends_upside_down": (
        lambda q, o, a, r, end, alpha, g: _episode(q, o, a, r, alpha, g, _right_end(o, a, not end)),
        "`terminated` is turned round: this bootstraps at the end and not at the time limit",
    ),
}
