"""The mistakes people make with policy gradients: the code that makes each, and what to say about it."""


def _one_hot(act, like):
    import torch

    return torch.nn.functional.one_hot(act, like.shape[1]).to(like.dtype)


def _score(logits, act, adv, axis=1):
    return adv[:, None] * (_one_hot(act, logits) - logits.softmax(axis))


def _naive_softmax(logits, act, adv):
    weights = logits.exp()
    return adv[:, None] * (_one_hot(act, logits) - weights / weights.sum(1, keepdim=True))


SCORE_GRADIENT = {
    "sign": (
        lambda logits, act, adv: -_score(logits, act, adv),
        "the sign is turned: this is the gradient of the loss, and following it makes good actions rarer",
    ),
    "no_probability": (
        lambda logits, act, adv: adv[:, None] * _one_hot(act, logits),
        "π is not subtracted: raising one logit lowers the chance of all other actions",
    ),
    "not_logarithm": (
        lambda logits, act, adv: _score(logits, act, adv) * logits.softmax(1).gather(1, act[:, None]),
        "this is the gradient of A π(a), not of A log π(a): a factor π(a) too much",
    ),
    "wrong_axis": (
        lambda logits, act, adv: _score(logits, act, adv, axis=0),
        "the softmax runs over the batch; it has to run over the actions",
    ),
    "no_advantage": (
        lambda logits, act, adv: _score(logits, act, adv * 0 + 1),
        "the advantage is missing: this makes every action taken likelier, good or bad",
    ),
    "uniform": (
        lambda logits, act, adv: adv[:, None] * (_one_hot(act, logits) - 1 / logits.shape[1]),
        "1 / (number of actions) is subtracted; it should be the policy's own probabilities",
    ),
    "mean": (
        lambda logits, act, adv: _score(logits, act, adv) / len(act),
        "this is divided by the size of the batch; one row for each sample is asked for, not their mean",
    ),
    "overflow": (
        _naive_softmax,
        "e to a large power is ∞, and ∞ / ∞ is nan: take the largest logit out first, or use a ready softmax",
    ),
}


def _returns(rewards, next_values, terminated, truncated, gamma, at_end=True, ended=None, carry=None):
    """Bootstrapped returns, last step first; `ended` says where the sum stops, `carry` what is discounted there."""
    import torch

    ended = (terminated | truncated) if ended is None else ended
    future = next_values * ~terminated if carry is None else carry
    out, after = torch.zeros_like(rewards), future[-1] if at_end else torch.zeros_like(rewards[0])
    for t in reversed(range(len(rewards))):
        last = t == len(rewards) - 1 and at_end
        after = rewards[t] + gamma * torch.where(ended[t] | last, future[t], after)
        out[t] = after
    return out


def _no_gamma_at_end(rewards, next_values, terminated, truncated, gamma):
    """V is added, not γ V."""
    return _returns(rewards, next_values, terminated, truncated, gamma, carry=next_values * ~terminated / gamma)


def _forward(rewards, next_values, terminated, truncated, gamma):
    r, v, term, trunc = (x.flip(0) for x in (rewards, next_values, terminated, truncated))
    return _returns(r, v, term, trunc, gamma).flip(0)


BOOTSTRAPPED_RETURNS = {
    "truncation_as_termination": (
        lambda r, v, term, trunc, gamma: _returns(r, v, term | trunc, trunc, gamma),
        "a time limit is treated as a terminal state: a truncated step still bootstraps from V(s')",
    ),
    "termination_bootstraps": (
        lambda r, v, term, trunc, gamma: _returns(r, v, term & False, trunc, gamma, ended=term | trunc),
        "a terminated step bootstraps: after it nothing is to come",
    ),
    "through_ends": (
        lambda r, v, term, trunc, gamma: _returns(r, v, term, trunc, gamma, ended=term & False),
        "returns flow across the end of an episode into the one before",
    ),
    "rollout_end": (
        lambda r, v, term, trunc, gamma: _returns(r, v, term, trunc, gamma, at_end=False),
        "the last step of the rollout is taken for the end of its episode: it goes on, so it bootstraps",
    ),
    "no_bootstrap": (
        lambda r, v, term, trunc, gamma: _returns(r, v * 0, term, trunc, gamma),
        "V(s') is not used at all",
    ),
    "one_step": (
        lambda r, v, term, trunc, gamma: r + gamma * v * ~term,
        "each step bootstraps at once: this is the one-step target, not the return",
    ),
    "gamma_forgotten": (lambda r, v, term, trunc, gamma: _returns(r, v, term, trunc, 1.0), "γ is missing"),
    "value_not_discounted": (_no_gamma_at_end, "V(s') comes one step later: it is discounted, too"),
    "forward": (_forward, "the sum runs forward in time; it has to start at the last step"),
}


def _gae(rewards, values, next_values, terminated, truncated, gamma, lam, ended=None):
    import torch

    ended = (terminated | truncated) if ended is None else ended
    delta = rewards + gamma * next_values * ~terminated - values
    out, after = torch.zeros_like(delta), torch.zeros_like(delta[0])
    for t in reversed(range(len(delta))):
        after = delta[t] + gamma * lam * after * ~ended[t]
        out[t] = after
    return out, out + values


def _whitened(*a):
    adv, _ = _gae(*a)
    white = (adv - adv.mean()) / (adv.std() + 1e-8)
    return white, white + a[1]


GAE_AND_TARGETS = {
    "truncation_as_termination": (
        lambda r, v, nv, term, trunc, *k: _gae(r, v, nv, term | trunc, trunc, *k),
        "a time limit is treated as a terminal state: truncated steps still bootstrap",
    ),
    "termination_bootstraps": (
        lambda r, v, nv, term, trunc, *k: _gae(r, v, nv, term & False, trunc, *k, ended=term | trunc),
        "a terminated step bootstraps: after it nothing is to come",
    ),
    "through_ends": (
        lambda r, v, nv, term, trunc, *k: _gae(r, v, nv, term, trunc, *k, ended=term & False),
        "advantages flow across the end of an episode into the one before",
    ),
    "through_truncation": (
        lambda r, v, nv, term, trunc, *k: _gae(r, v, nv, term, trunc, *k, ended=term),
        "advantages flow across a time limit: what follows belongs to another episode",
    ),
    "lambda_forgotten": (
        lambda r, v, nv, term, trunc, gamma, lam: _gae(r, v, nv, term, trunc, gamma, 1.0),
        "λ is missing from the sum",
    ),
    "gamma_not_carried": (
        lambda r, v, nv, term, trunc, gamma, lam: _gae(r, v, nv, term, trunc, gamma, lam / gamma),
        "A(t+1) is carried back with λ alone; it is γ λ",
    ),
    "one_step": (
        lambda r, v, nv, term, trunc, gamma, lam: _gae(r, v, nv, term, trunc, gamma, 0.0),
        "this is δ alone; the advantage of the next step is not carried back",
    ),
    "value_not_subtracted": (
        lambda r, v, nv, term, trunc, *k: _gae(r, v * 0, nv, term, trunc, *k),
        "V(s_t) is not subtracted in δ",
    ),
    "next_row": (
        lambda r, v, nv, term, trunc, *k: _gae(r, v, v.roll(-1, 0), term, trunc, *k),
        "δ takes the next row of `values`; after a reset that is another episode: use `next_values`",
    ),
    "td_target": (
        lambda r, v, nv, term, trunc, gamma, lam: (
            _gae(r, v, nv, term, trunc, gamma, lam)[0],
            r + gamma * nv * ~term,
        ),
        "the advantages are right; the value target is A + V, not the one-step r + γ V(s')",
    ),
    "targets_are_advantages": (
        lambda *a: (_gae(*a)[0], _gae(*a)[0]),
        "the advantages are right; V(s_t) has to be added to them to get the value targets",
    ),
    "whitened": (_whitened, "the advantages were whitened; the value targets must come from the true ones"),
    "target_minus": (
        lambda *a: (_gae(*a)[0], _gae(*a)[0] - a[1]),
        "the advantages are right; the value target is A + V, not A − V",
    ),
}
