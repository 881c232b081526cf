"""The mistakes people make about over-optimisation: the code that makes each, and what to say about it."""

import math

import numpy as np


def _weighted(proxy, values, weights):
    return float(np.asarray(values)[np.argsort(proxy)] @ np.array(weights))


def _subsets(N, n):
    return [math.comb(i, n - 1) / math.comb(N, n) for i in range(N)]


def _with_replacement(proxy, gold, n):
    N = len(proxy)
    return _weighted(proxy, gold, [((i + 1) / N) ** n - (i / N) ** n for i in range(N)])


GOLD_OF_BEST = {
    "of_all": (
        lambda proxy, gold, n: float(gold[np.argmax(proxy)]),
        "this is the gold of the best of all N texts; only n of them are drawn",
    ),
    "by_gold": (
        lambda proxy, gold, n: _weighted(gold, gold, _subsets(len(gold), n)),
        "the texts are ranked by gold; the one who chooses sees only the proxy",
    ),
    "proxy_returned": (
        lambda proxy, gold, n: _weighted(proxy, proxy, _subsets(len(gold), n)),
        "this is the proxy of the kept text; asked is its gold",
    ),
    "worst_of_n": (
        lambda proxy, gold, n: _weighted(-proxy, gold, _subsets(len(gold), n)),
        "the texts are sorted the wrong way round: this keeps the one with the lowest proxy",
    ),
    "with_replacement": (_with_replacement, "this draws with replacement, so the same text can be drawn twice"),
    "first_n": (
        lambda proxy, gold, n: float(gold[np.argmax(proxy[:n])]),
        "this looks only at the first n texts; asked is the mean over all choices of n",
    ),
    "not_sorted": (
        lambda proxy, gold, n: float(gold @ np.array(_subsets(len(gold), n))),
        "the weights go by the rank of the proxy: sort gold by proxy first",
    ),
    "mean": (lambda proxy, gold, n: float(gold.mean()), "this is the mean of all texts, as if nobody chose"),
}


def _fit(kl, gold, second, intercept=False):
    d = np.sqrt(kl)
    columns = [d, -second(d)] + ([np.ones_like(d)] if intercept else [])
    found = np.linalg.lstsq(np.stack(columns, axis=1), gold, rcond=None)[0]
    return float(found[0]), float(found[1])


def _form(d):
    return d * np.log(d)


def _top(alpha, beta):
    return math.exp(2 * alpha / beta - 2)


def _then(fit, top):
    def answer(kl, gold):
        alpha, beta = fit(kl, gold)
        return alpha, beta, top(alpha, beta)

    return answer


def _right_fit(kl, gold):
    return _fit(kl, gold, _form)


TURNING_POINT = {
    "d_not_kl": (
        _then(_right_fit, lambda a, b: math.exp(a / b - 1)),
        "the third number is d*; asked is the KL there, its square",
    ),
    "slope_of_log": (
        _then(_right_fit, lambda a, b: math.exp(2 * a / b)),
        "that is where gold is 0 again; the derivative of d log d is log d + 1",
    ),
    "best_of_n": (
        _then(lambda kl, gold: _fit(kl, gold, np.square), lambda a, b: (a / (2 * b)) ** 2),
        "this is the form for best-of-n, d (α − β d); RL has log d",
    ),
    "beta_sign": (
        lambda kl, gold: (_right_fit(kl, gold)[0], -_right_fit(kl, gold)[1], _top(*_right_fit(kl, gold))),
        "β has the wrong sign: it is what is taken off",
    ),
    "kl_not_d": (
        _then(lambda kl, gold: _fit(kl**2, gold, _form), lambda a, b: math.exp(a / b - 1)),
        "the law is one of d = √KL, not of the KL",
    ),
    "log_of_kl": (
        _then(lambda kl, gold: _fit(kl, gold, lambda d: 2 * _form(d)), lambda a, b: math.exp(a / b - 2)),
        "the logarithm is that of d; log KL is twice as much",
    ),
    "log_10": (
        _then(
            lambda kl, gold: _fit(kl, gold, lambda d: d * np.log10(d)), lambda a, b: 10 ** (2 * (a / b)) * math.exp(-2)
        ),
        "the logarithm is the natural one",
    ),
    "intercept": (
        _then(lambda kl, gold: _fit(kl, gold, _form, intercept=True), _top),
        "there is an intercept in the fit; at KL 0 gold is 0 by definition",
    ),
}


def _settled(opinions, typical):
    return (opinions - typical.mean(1, keepdims=True)) / typical.std(1, keepdims=True)


AGREED = {
    "unsettled": (
        lambda o, t, k: o.mean(0) - k * o.std(0, ddof=1),
        "the judges are not settled: their zeros and units are accidents, and differ where nothing is in doubt",
    ),
    "settled_on_themselves": (
        lambda o, t, k: _settled(o, o).mean(0) - k * _settled(o, o).std(0, ddof=1),
        "mean and deviation are those of the texts judged; settle on `typical`, or the policy can never get better",
    ),
    "centred_only": (
        lambda o, t, k: (o - t.mean(1, keepdims=True)).mean(0) - k * (o - t.mean(1, keepdims=True)).std(0, ddof=1),
        "the means are settled but not the units: divide by each judge's deviation on `typical`",
    ),
    "ddof_0": (
        lambda o, t, k: _settled(o, t).mean(0) - k * _settled(o, t).std(0),
        "the spread over judges has M − 1 in the denominator (ddof=1)",
    ),
    "variance": (
        lambda o, t, k: _settled(o, t).mean(0) - k * _settled(o, t).var(0, ddof=1),
        "the variance is taken off; asked is the standard deviation, which has the reward's unit",
    ),
    "upper": (
        lambda o, t, k: _settled(o, t).mean(0) + k * _settled(o, t).std(0, ddof=1),
        "this rewards disagreement: the spread is taken off",
    ),
    "worst": (lambda o, t, k: _settled(o, t).min(0), "this is the lowest opinion; asked is mean − k · spread"),
    "mean": (lambda o, t, k: _settled(o, t).mean(0), "the spread is not taken off"),
}


def _pay(r, c, price):
    return (r - price * c) / (1 + price)


def _after(c, price, limit, rate):
    return float(price * np.exp(rate * (c.mean() - limit)))


REPRICE = {
    "falls": (
        lambda r, c, m, limit, rate: (_pay(r, c, m), _after(c, m, limit, -rate)),
        "the price falls where the cost is above its limit; it must rise there",
    ),
    "not_divided": (
        lambda r, c, m, limit, rate: (r - m * c, _after(c, m, limit, rate)),
        "the division by 1 + λ is missing: the size of the reward would grow with the price",
    ),
    "new_price": (
        lambda r, c, m, limit, rate: (_pay(r, c, _after(c, m, limit, rate)), _after(c, m, limit, rate)),
        "the batch is paid at the new price; pay first, then move it",
    ),
    "added": (
        lambda r, c, m, limit, rate: (_pay(r, c, m), float(m + rate * (c.mean() - limit))),
        "the price is moved by adding, and can become negative; multiply by the exponential",
    ),
    "sum": (
        lambda r, c, m, limit, rate: (_pay(r, c, m), float(m * np.exp(rate * (c.sum() - limit)))),
        "the sum of the costs is compared with the limit; it is one for the mean",
    ),
    "no_limit": (
        lambda r, c, m, limit, rate: (_pay(r, c, m), _after(c, m, 0.0, rate)),
        "the limit is missing: the price would rise for ever",
    ),
    "cost_added": (
        lambda r, c, m, limit, rate: (_pay(r, -c, m), _after(c, m, limit, rate)),
        "the cost is added to the reward; it is taken off",
    ),
    "reward_too": (
        lambda r, c, m, limit, rate: (_pay(r, c - limit, m), _after(c, m, limit, rate)),
        "the limit is taken off the cost before paying; here texts pay the whole cost, and the limit only moves the price",
    ),
}
