"""Wrong answers that exercise 02 must reject, and right ones, written differently, that it must accept."""

import numpy as np


# one update
def update(q, s, act, rew, s_next, terminated, alpha, gamma):
    q = np.array(q)
    q[s, act] += alpha * (rew + gamma * (not terminated) * q[s_next].max() - q[s, act])
    return q


def update_mixed(q, s, act, rew, s_next, terminated, alpha, gamma):
    target = rew
    if not terminated:
        target += gamma * np.max(q[s_next, :])
    mask = np.zeros_like(q)
    mask[s, act] = alpha
    return q * (1 - mask) + mask * target


def update_whole_table(q, s, act, rew, s_next, terminated, alpha, gamma):
    """Takes the best of all states for what comes next."""
    future = 0.0 if terminated else q.max()
    q = q.copy()
    q[s, act] += alpha * (rew + gamma * future - q[s, act])
    return q


def update_wrong_cell(q, s, act, rew, s_next, terminated, alpha, gamma):
    future = 0.0 if terminated else q[s_next].max()
    q = q.copy()
    q[s_next, act] += alpha * (rew + gamma * future - q[s_next, act])
    return q


def update_sign(q, s, act, rew, s_next, terminated, alpha, gamma):
    future = 0.0 if terminated else q[s_next].max()
    q = q.copy()
    q[s, act] -= alpha * (rew + gamma * future - q[s, act])
    return q


def update_mean(q, s, act, rew, s_next, terminated, alpha, gamma):
    future = 0.0 if terminated else q[s_next].mean()
    q = q.copy()
    q[s, act] += alpha * (rew + gamma * future - q[s, act])
    return q


def update_absolute(q, s, act, rew, s_next, terminated, alpha, gamma):
    future = 0.0 if terminated else np.abs(q[s_next]).max()
    q = q.copy()
    q[s, act] += alpha * (rew + gamma * future - q[s, act])
    return q


# the exploring policy
def policy(q, epsilon):
    best = np.isclose(q, q.max(1, keepdims=True))
    return epsilon / q.shape[1] + (1 - epsilon) * best / best.sum(1, keepdims=True)


def policy_by_row(q, epsilon):
    out = np.full(q.shape, epsilon / q.shape[1])
    for s in range(len(q)):
        winners = np.flatnonzero(q[s] == q[s].max())
        out[s, winners] += (1 - epsilon) / len(winners)
    return out


def policy_last(q, epsilon):
    """Gives the last of the best ones all."""
    out = np.full(q.shape, epsilon / q.shape[1])
    out[np.arange(len(q)), q.shape[1] - 1 - q[:, ::-1].argmax(1)] += 1 - epsilon
    return out


def policy_others(q, epsilon):
    """Explores among the other actions only."""
    best = np.eye(q.shape[1])[q.argmax(1)]
    return (1 - epsilon) * best + epsilon * (1 - best) / (q.shape[1] - 1)


def policy_softmax(q, epsilon):
    weights = np.exp((q - q.max(1, keepdims=True)) / max(epsilon, 1e-3))
    return weights / weights.sum(1, keepdims=True)


def policy_whole_table(q, epsilon):
    best = q == q.max()
    return epsilon / q.shape[1] + (1 - epsilon) * best / best.sum()


def policy_columns(q, epsilon):
    best = q == q.max(0, keepdims=True)
    return epsilon / q.shape[1] + (1 - epsilon) * best / best.sum(0, keepdims=True)


# expected targets
def targets(rews, next_q, terminated, epsilon, gamma):
    return rews + gamma * (policy(next_q, epsilon) * next_q).sum(1) * ~terminated


def targets_by_row(rews, next_q, terminated, epsilon, gamma):
    out = []
    for rew, row, end in zip(rews, next_q, terminated, strict=True):
        mean = sum((epsilon / len(row) + (1 - epsilon) * (i == row.argmax())) * x for i, x in enumerate(row))
        out.append(rew if end else rew + gamma * mean)
    return np.array(out)


def targets_others(rews, next_q, terminated, epsilon, gamma):
    return rews + gamma * (policy_others(next_q, epsilon) * next_q).sum(1) * ~terminated


def targets_whole_batch(rews, next_q, terminated, epsilon, gamma):
    return rews + gamma * ((1 - epsilon) * next_q.max() + epsilon * next_q.mean()) * ~terminated


def targets_by_column(rews, next_q, terminated, epsilon, gamma):
    after = (1 - epsilon) * next_q.max(1) + epsilon * next_q.mean()
    return rews + gamma * after * ~terminated


# an episode of SARSA
def episode(q, obs, acts, rews, terminated, alpha, gamma):
    q = q.copy()
    for t in range(len(rews)):
        last = t == len(rews) - 1
        after = 0 if terminated and last else gamma * q[obs[t + 1], acts[t + 1]]
        q[obs[t], acts[t]] = (1 - alpha) * q[obs[t], acts[t]] + alpha * (rews[t] + after)
    return q


def episode_by_weights(q, obs, acts, rews, terminated, alpha, gamma):
    """Lists of discounts, 0 at the terminal step."""
    discounts = [gamma] * len(rews)
    if terminated:
        discounts[-1] = 0.0
    flat, pairs = q.ravel().tolist(), (obs * q.shape[1] + acts).tolist()
    for here, there, rew, discount in zip(pairs[:-1], pairs[1:], rews.tolist(), discounts, strict=True):
        flat[here] += alpha * (rew + discount * flat[there] - flat[here])
    return np.array(flat).reshape(q.shape)


def episode_all_at_once(q, obs, acts, rews, terminated, alpha, gamma):
    """Adds all changes up on the old table; of pairs seen twice only the last counts."""
    after = q[obs[1:], acts[1:]].copy()
    after[-1] *= not terminated
    new = q.copy()
    new[obs[:-1], acts[:-1]] += alpha * (rews + gamma * after - q[obs[:-1], acts[:-1]])
    return new


def episode_same_action(q, obs, acts, rews, terminated, alpha, gamma):
    return episode(q, obs, np.append(acts[:1], acts[:-1]), rews, terminated, alpha, gamma)


def episode_monte_carlo(q, obs, acts, rews, terminated, alpha, gamma):
    """Moves towards the whole return, without a guess."""
    q, later = q.copy(), 0.0 if terminated else q[obs[-1], acts[-1]]
    for t in reversed(range(len(rews))):
        later = rews[t] + gamma * later
        q[obs[t], acts[t]] += alpha * (later - q[obs[t], acts[t]])
    return q


def episode_twice(q, *rest):
    return episode(episode(q, *rest), *rest)


def episode_after_the_step(q, obs, acts, rews, terminated, alpha, gamma):
    """Every step of a terminated episode is taken for its last."""
    q = q.copy()
    for t in range(len(rews)):
        after = 0.0 if terminated else q[obs[t + 1], acts[t + 1]]
        q[obs[t], acts[t]] += alpha * (rews[t] + gamma * after - q[obs[t], acts[t]])
    return q


def update_in_place(q, s, act, rew, s_next, terminated, alpha, gamma):
    q[s, act] += alpha * (rew + (0.0 if terminated else gamma * q[s_next].max()) - q[s, act])
    return q


MUTANTS = {
    "q_update": {
        "best of the whole table": update_whole_table,
        "the wrong cell": update_wrong_cell,
        "away from the target": update_sign,
        "mean in place of max": update_mean,
        "absolute values": update_absolute,
        "through_the_end": lambda q, s, a, r, s2, end, alpha, g: update(q, s, a, r, s2, False, alpha, g),
        "no_step_size": lambda q, s, a, r, s2, end, alpha, g: update(q, s, a, r, s2, end, 1.0, g),
        "the change alone": lambda q, *rest: update(q, *rest) - q,
    },
    "exploring_policy": {
        "the last of the best": policy_last,
        "explores among the others": policy_others,
        "softmax": policy_softmax,
        "best of the whole table": policy_whole_table,
        "best of each column": policy_columns,
        "greedy": lambda q, e: policy_by_row(q, 0.0),
        "swapped": lambda q, e: policy_by_row(q, 1 - e),
        "the action": lambda q, e: q.argmax(1),
    },
    "expected_targets": {
        "explores among the others": targets_others,
        "of the whole batch": targets_whole_batch,
        "mean over the batch": targets_by_column,
        "best": lambda r, q, end, e, g: targets(r, q, end, 0.0, g),
        "swapped": lambda r, q, end, e, g: targets(r, q, end, 1 - e, g),
        "through_the_end": lambda r, q, end, e, g: targets(r, q, end & False, e, g),
        "everything has ended": lambda r, q, end, e, g: r,
        "a column": lambda r, q, end, e, g: targets(r, q, end, e, g)[:, None],
    },
    "sarsa_episode": {
        "all at once": episode_all_at_once,
        "same action again": episode_same_action,
        "whole returns": episode_monte_carlo,
        "twice": episode_twice,
        "every step is the last": episode_after_the_step,
        "limit_is_an_end": lambda q, o, a, r, end, alpha, g: episode(q, o, a, r, True, alpha, g),
        "through_the_end": lambda q, o, a, r, end, alpha, g: episode(q, o, a, r, False, alpha, g),
        "ends_upside_down": lambda q, o, a, r, end, alpha, g: episode(q, o, a, r, not end, alpha, g),
        "one step": lambda q, o, a, r, end, alpha, g: episode(q, o[:2], a[:2], r[:1], end, alpha, g),
    },
    "too_good": {
        "α too large": {"fault": "a", "evidence": "value"},
        "time limit": {"fault": "c", "evidence": "value"},
        "too little exploring": {"fault": "d", "evidence": "steps"},
        "γ is 1": {"fault": "e", "evidence": "value"},
        "right fault, return": {"fault": "b", "evidence": "return"},
        "right fault, error": {"fault": "b", "evidence": "error"},
        "a letter": "b",
    },
}

ALTERNATIVES = {
    "q_update": {"times (not terminated)": update, "a mask": update_mixed, "in place": update_in_place},
    "exploring_policy": {"isclose": policy, "row by row": policy_by_row},
    "expected_targets": {"by the policy": targets, "row by row": targets_by_row},
    "sarsa_episode": {"mixed": episode, "by discounts": episode_by_weights},
    "too_good": {"as asked": {"fault": "b", "evidence": "value"}, "dressed": {"fault": "(B)", "evidence": "Value"}},
}
