"""The mistakes people make on the way from a language model to RL: the code that makes each, and what to say about it."""


def _nucleus(probs, P, keep=None, scale=True, back=True, descending=True):
    """Nucleus sampling with one thing changed: what is kept, whether it is scaled, and whether it goes back in place."""
    import torch

    likely, order = probs.sort(dim=-1, descending=descending)
    total = likely.cumsum(-1)
    kept = (total - likely < P) if keep is None else keep(total, likely, P)
    likely = likely * kept
    out = torch.zeros_like(probs).scatter(-1, order, likely) if back else likely
    return out / out.sum(-1, keepdim=True).clamp(min=1e-12) if scale else out


def _whole_batch(probs, P):
    return _nucleus(probs.reshape(1, -1) / len(probs), P).reshape(probs.shape) * len(probs)


NUCLEUS = {
    "one_short": (
        lambda p, P: _nucleus(p, P, keep=lambda total, likely, P: total <= P),
        "the token that reaches P is left out, so what is kept has less than P; it belongs to the nucleus",
    ),
    "not_scaled": (
        lambda p, P: _nucleus(p, P, scale=False),
        "what is kept is not scaled up: the rows must add up to 1",
    ),
    "sorted": (
        lambda p, P: _nucleus(p, P, back=False),
        "the probabilities come back sorted; each must stand in its token's own place",
    ),
    "threshold": (
        lambda p, P: _nucleus(p, P, keep=lambda total, likely, P: likely >= 1 - P),
        "each token is held against a threshold by itself; what counts is what the likeliest have together",
    ),
    "least_likely": (
        lambda p, P: _nucleus(p, P, descending=False),
        "this keeps the least likely tokens; go down from the likeliest",
    ),
    "only_the_best": (
        lambda p, P: _nucleus(p, P, keep=lambda total, likely, P: total == likely),
        "only the likeliest token is kept: this is greedy",
    ),
    "whole_batch": (_whole_batch, "all rows are sorted together; each row has a nucleus of its own"),
}


def _logp(logits, ids, n_new, temperature, back=1, logp=None):
    """Log-probs with one thing changed: how far before the token its logits stand, and how they become log-probs."""
    T = ids.shape[1]
    z = logits[:, T - n_new - back : T - back]
    z = (z / temperature).log_softmax(-1) if logp is None else logp(z, temperature)
    return z.gather(-1, ids[:, T - n_new :, None]).squeeze(-1)


ACTION_LOGP = {
    "no_shift": (
        lambda z, i, n, t: _logp(z, i, n, t, back=0),
        "off by one: logits[:, t] have read token t and predict the next; those that predict it stand one column before",
    ),
    "two_early": (
        lambda z, i, n, t: _logp(z, i, n, t, back=2),
        "these logits stand two columns before the token, not one",
    ),
    "no_temperature": (lambda z, i, n, t: _logp(z, i, n, 1.0), "the temperature is missing"),
    "temperature_after": (
        lambda z, i, n, t: _logp(z, i, n, t, logp=lambda z, t: z.log_softmax(-1) / t),
        "the temperature divides the log-probs; it divides the logits, and the softmax comes after",
    ),
    "times_temperature": (lambda z, i, n, t: _logp(z, i, n, 1 / t), "the logits are multiplied by the temperature"),
    "first_columns": (
        lambda z, i, n, t: _logp(z[:, : n + 1], i[:, : n + 1], n, t),
        "these are the tokens at the start; the answer is the last N columns",
    ),
    "probabilities": (
        lambda z, i, n, t: _logp(z, i, n, t).exp(),
        "these are probabilities; their logarithms are asked for",
    ),
    "logits": (lambda z, i, n, t: _logp(z, i, n, t, logp=lambda z, t: z / t), "the log-softmax is missing"),
}


def _learn(ids, n_prompt, eos_id, pad_id, late=0, end=True, padding=False, prompt=False):
    """The mask with one thing changed."""
    import torch

    places = torch.arange(ids.shape[1])[None, :]
    kept = (places >= n_prompt[:, None] + late) | torch.tensor(prompt)
    kept = kept & ((ids != pad_id) | torch.tensor(padding))
    return kept & ((ids != eos_id) | torch.tensor(end))


LEARN_MASK = {
    "prompt_too": (lambda *a: _learn(*a, prompt=True), "the prompt is learned, too; only the answer is"),
    "no_end": (
        lambda *a: _learn(*a, end=False),
        "the end token is not learned, so the model never learns to stop",
    ),
    "padding_too": (lambda *a: _learn(*a, padding=True), "padding is learned, too"),
    "one_late": (lambda *a: _learn(*a, late=1), "the first token of the answer is left out"),
    "one_early": (lambda *a: _learn(*a, late=-1), "the last token of the prompt is learned, too"),
    "prompt_only": (
        lambda *a: _learn(*a, prompt=True) & ~_learn(*a),
        "this marks the prompts; the answers are to be learned",
    ),
    "first_length": (
        lambda ids, n, eos, pad: _learn(ids, n[:1].expand(len(n)), eos, pad),
        "all rows use the prompt length of the first; each has its own",
    ),
}


def _loss(logp, ref, r, mask, beta, others=None, mean=None):
    """The loss with one thing changed: the baseline, or how texts and tokens are added up."""
    m = mask.float()
    total = r - beta * ((logp - ref) * m).sum(1)
    base = (total.sum() - total) / (len(total) - 1) if others is None else others(total)
    return -((total - base) * (logp * m).sum(1)).mean() if mean is None else mean(total - base, logp, m)


REINFORCE_LOSS = {
    "sign": (lambda *a: -_loss(*a), "the sign is turned: minimising this makes good texts rarer"),
    "no_baseline": (lambda *a: _loss(*a, others=lambda R: 0 * R), "the baseline is missing"),
    "own_included": (
        lambda *a: _loss(*a, others=lambda R: R.mean()),
        "the baseline is the mean of all texts; leave each text's own reward out of its baseline",
    ),
    "kl_sign": (lambda p, q, r, m, b: _loss(p, q, r, m, -b), "drift from the reference is paid for, not charged"),
    "no_kl": (lambda p, q, r, m, b: _loss(p, q, r, m, 0.0), "the price of the KL is missing"),
    "no_beta": (lambda p, q, r, m, b: _loss(p, q, r, m, 1.0), "β is missing"),
    "no_mask": (lambda p, q, r, m, b: _loss(p, q, r, m | True, b), "what stands under padding is counted in"),
    "kl_unmasked": (
        lambda p, q, r, m, b: _loss(p, q, r - b * ((p - q) * ~m).sum(1), m, b),
        "padding is counted in the KL",
    ),
    "per_token": (
        lambda *a: _loss(*a, mean=lambda A, p, m: -(A[:, None] * p * m).sum() / m.sum()),
        "this is the mean over tokens; the log-probs of a text are added up, and the mean is over texts",
    ),
    "summed": (lambda *a: _loss(*a) * len(a[2]), "this is the sum over the texts; the mean is asked for"),
}
