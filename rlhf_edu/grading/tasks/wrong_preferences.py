"""The mistakes people make in the formulas of direct preferences: the code that makes each, and what to say about it."""


def _tilt(logits, beta):
    total = logits.logsumexp(0)
    return logits - total, beta * total


BEST_POLICY = {
    "no_reference": (
        lambda ref, r, beta: _tilt(r / beta, beta),
        "the reference is missing: its chances are multiplied by exp(r/β)",
    ),
    "times_beta": (lambda ref, r, beta: _tilt(ref + r * beta, beta), "r is multiplied by β; it is divided by it"),
    "sign": (lambda ref, r, beta: _tilt(ref - r / beta, beta), "the sign of the reward is turned"),
    "probs": (
        lambda ref, r, beta: (_tilt(ref + r / beta, beta)[0].exp(), _tilt(ref + r / beta, beta)[1]),
        "these are chances; their logarithms are asked for",
    ),
    "not_normalised": (
        lambda ref, r, beta: (ref + r / beta, _tilt(ref + r / beta, beta)[1]),
        "the chances do not add up to 1: divide by Z",
    ),
    "log_z": (
        lambda ref, r, beta: (_tilt(ref + r / beta, beta)[0], (ref + r / beta).logsumexp(0)),
        "the objective is β log Z; β is missing",
    ),
    "reward_only": (
        lambda ref, r, beta: (
            _tilt(ref + r / beta, beta)[0],
            (_tilt(ref + r / beta, beta)[0].exp() * r).sum(),
        ),
        "this is the expected reward; the objective also pays β a nat of KL",
    ),
    "objective_of_reference": (
        lambda ref, r, beta: (_tilt(ref + r / beta, beta)[0], (ref.exp() * r).sum()),
        "this is what the reference reaches; the objective of the best policy is asked for",
    ),
    "no_beta": (lambda ref, r, beta: _tilt(ref + r, 1.0), "β is missing"),
}


def _dpo(margin, loss=None):
    import torch.nn.functional as F

    return (F.softplus(-margin) if loss is None else loss).mean(), (margin > 0).float().mean()


DPO_LOSS = {
    "no_reference": (
        lambda w, l, rw, rl, beta: _dpo(beta * (w - l)),
        "the reference is missing: the implied reward is measured from it",
    ),
    "swapped": (
        lambda w, l, rw, rl, beta: _dpo(beta * ((l - rl) - (w - rw))),
        "chosen and rejected are swapped: this teaches to write what was rejected",
    ),
    "reference_added": (
        lambda w, l, rw, rl, beta: _dpo(beta * ((w - l) + (rw - rl))),
        "the reference's log-probs are added; they are subtracted",
    ),
    "no_beta": (lambda w, l, rw, rl, beta: _dpo(w - rw - l + rl), "β is missing"),
    "over_beta": (lambda w, l, rw, rl, beta: _dpo((w - rw - l + rl) / beta), "this divides by β; it multiplies"),
    "sign": (
        lambda w, l, rw, rl, beta: (-_dpo(beta * (w - rw - l + rl))[0], _dpo(beta * (w - rw - l + rl))[1]),
        "the sign is turned: the loss is minus the mean log σ",
    ),
    "sigmoid": (
        lambda w, l, rw, rl, beta: _dpo(beta * (w - rw - l + rl), 1 - (beta * (w - rw - l + rl)).sigmoid()),
        "this is 1 − σ, a share; the loss is −log σ, in nats",
    ),
    "unstable": (
        lambda w, l, rw, rl, beta: _dpo(beta * (w - rw - l + rl), -(beta * (w - rw - l + rl)).sigmoid().log()),
        "log(σ(x)) is infinite where σ rounds to 0: use softplus or logsigmoid",
    ),
    "sum": (
        lambda w, l, rw, rl, beta: (
            _dpo(beta * (w - rw - l + rl))[0] * len(w),
            _dpo(beta * (w - rw - l + rl))[1],
        ),
        "this is the sum over pairs; the mean is asked for",
    ),
    "accuracy_of_logp": (
        lambda w, l, rw, rl, beta: (_dpo(beta * (w - rw - l + rl))[0], (w > l).float().mean()),
        "the accuracy compares implied rewards, not plain log-probs",
    ),
}


def _kto(logp, ref, good, z, beta):
    import torch

    surplus = logp - ref - z
    return 1 - torch.sigmoid(beta * torch.where(good, surplus, -surplus))


KTO_LOSS = {
    "kl_unclamped": (
        lambda p, ref, good, kl, beta: _kto(p, ref, good, kl, beta).mean(),
        "z₀ is never below 0, though the estimate of the KL may be",
    ),
    "no_kl": (
        lambda p, ref, good, kl, beta: _kto(p, ref, good, 0.0, beta).mean(),
        "the point of reference z₀ is missing",
    ),
    "all_good": (
        lambda p, ref, good, kl, beta: _kto(p, ref, good | ~good, max(kl, 0.0), beta).mean(),
        "bad answers are treated like good ones",
    ),
    "thumbs_turned": (
        lambda p, ref, good, kl, beta: _kto(p, ref, ~good, max(kl, 0.0), beta).mean(),
        "this is the mean of v, which is the loss with thumbs up and down exchanged; the loss is the mean of 1 − v",
    ),
    "no_reference": (
        lambda p, ref, good, kl, beta: _kto(p, 0 * ref, good, max(kl, 0.0), beta).mean(),
        "the reference is missing from the gain",
    ),
    "no_beta": (lambda p, ref, good, kl, beta: _kto(p, ref, good, max(kl, 0.0), 1.0).mean(), "β is missing"),
    "sides_first": (
        lambda p, ref, good, kl, beta: (
            (_kto(p, ref, good, max(kl, 0.0), beta)[good].mean() + _kto(p, ref, good, max(kl, 0.0), beta)[~good].mean())
            / 2
        ),
        "this takes the mean of each side first; the mean over all answers is asked for",
    ),
    "logarithm": (
        lambda p, ref, good, kl, beta: -(1 - _kto(p, ref, good, max(kl, 0.0), beta)).log().mean(),
        "KTO has no logarithm: the loss is 1 − v, so that very good and very bad answers hardly move it",
    ),
    "kl_times": (
        lambda p, ref, good, kl, beta: _kto(p, ref, good, max(kl, 0.0) / beta, beta).mean(),
        "z₀ stands inside the brackets: β multiplies it too",
    ),
}


def _means(x, mask):
    return (x * mask).sum(1) / mask.sum(1)


def _simpo(won, lost, beta, gamma):
    import torch.nn.functional as F

    return F.softplus(gamma - beta * (won - lost)).mean()


SIMPO_LOSS = {
    "sums": (
        lambda w, wm, l, lm, beta, gamma: _simpo((w * wm).sum(1), (l * lm).sum(1), beta, gamma),
        "these are sums over the tokens; the mean log-prob a token is the reward",
    ),
    "no_mask": (
        lambda w, wm, l, lm, beta, gamma: _simpo(w.mean(1), l.mean(1), beta, gamma),
        "padding is counted in",
    ),
    "all_positions": (
        lambda w, wm, l, lm, beta, gamma: _simpo((w * wm).mean(1), (l * lm).mean(1), beta, gamma),
        "the sums are right, but they are divided by all positions instead of the real tokens",
    ),
    "no_margin": (lambda w, wm, l, lm, beta, gamma: _simpo(_means(w, wm), _means(l, lm), beta, 0.0), "γ is missing"),
    "margin_sign": (
        lambda w, wm, l, lm, beta, gamma: _simpo(_means(w, wm), _means(l, lm), beta, -gamma),
        "the sign of γ is turned: the winner has to win by it",
    ),
    "margin_times_beta": (
        lambda w, wm, l, lm, beta, gamma: _simpo(_means(w, wm), _means(l, lm), beta, beta * gamma),
        "γ is not multiplied by β",
    ),
    "swapped": (
        lambda w, wm, l, lm, beta, gamma: _simpo(_means(l, lm), _means(w, wm), beta, gamma),
        "chosen and rejected are swapped",
    ),
    "lengths_swapped": (
        lambda w, wm, l, lm, beta, gamma: _simpo((w * wm).sum(1) / lm.sum(1), (l * lm).sum(1) / wm.sum(1), beta, gamma),
        "each sum is divided by the other answer's length",
    ),
    "no_beta": (lambda w, wm, l, lm, beta, gamma: _simpo(_means(w, wm), _means(l, lm), 1.0, gamma), "β is missing"),
    "sign": (
        lambda w, wm, l, lm, beta, gamma: -_simpo(_means(w, wm), _means(l, lm), beta, gamma),
        "the sign is turned: the loss is minus the mean log σ",
    ),
}
