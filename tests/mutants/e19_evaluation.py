"""Wrong answers that exercise 19 must reject, and right ones, written differently, that it must accept."""

import math

import numpy as np


# Wilson
def wilson_roots(w, t, lost, z):
    """Roots of (1 + z²/n) p² − (2 p̂ + z²/n) p + p̂² = 0."""
    n = w + t + lost
    p = (2 * w + t) / (2 * n)
    roots = np.roots([1 + z**2 / n, -(2 * p + z**2 / n), p * p])
    return tuple(sorted(np.real(roots)))


def wilson_plus(w, t, lost, z):
    """With z² made-up games, half of them won."""
    n, won = w + t + lost, w + 0.5 * t
    m = n + z**2
    middle = (won + z**2 / 2) / m
    half = z / m * (won * (n - won) / n + z**2 / 4) ** 0.5
    return [middle - half, middle + half]


def agresti(w, t, lost, z):
    n, won = w + t + lost + z**2, w + 0.5 * t + z**2 / 2
    half = z * (won / n * (1 - won / n) / n) ** 0.5
    return won / n - half, won / n + half


def wilson_z_once(w, t, lost, z):
    n = w + t + lost
    p = (w + t / 2) / n
    half = z * math.sqrt(p * (1 - p) / n + z / (4 * n * n))
    return (p + z / (2 * n) - half) / (1 + z / n), (p + z / (2 * n) + half) / (1 + z / n)


# the sign test
def luck_symmetric(ours, theirs):
    gap = np.sign(ours - theirs)
    n, lead = int(np.abs(gap).sum()), abs(int(gap.sum()))
    return sum(math.comb(n, k) for k in range(n + 1) if abs(2 * k - n) >= lead) / 2**n


def luck_lower_tail(ours, theirs):
    a, b = np.sum(ours > theirs), np.sum(ours < theirs)
    few, n = int(min(a, b)), int(a + b)
    tail, term = 0.0, 0.5**n
    for k in range(few + 1):
        tail += term
        term *= (n - k) / (k + 1)
    return min(1, 2 * tail)


def luck_of_means(ours, theirs):
    gap = ours - theirs
    spread = gap.std() / len(gap) ** 0.5
    return math.erfc(abs(gap.mean()) / spread / 2**0.5) if spread else 1.0


def luck_ties_half(ours, theirs):
    n = len(ours)
    w = (ours > theirs).sum() + (ours == theirs).sum() / 2
    w = math.ceil(max(w, n - w))
    return min(1.0, 2 * sum(math.comb(n, k) for k in range(w, n + 1)) / 2**n)


# Bradley-Terry
def rate_newton(wins):
    games, r = wins + wins.T, np.zeros(len(wins))
    for _ in range(60):
        p = 1 / (1 + np.exp(r[None] - r[:, None]))
        curve = games * p * (1 - p)
        hessian = np.diag(curve.sum(1)) - curve + 1 / len(wins)
        step = np.linalg.solve(hessian, (wins - games * p).sum(1))
        r = r + step / max(1.0, np.abs(step).max())
    return r - r.mean()


def rate_zermelo(wins):
    games, s = wins + wins.T, np.ones(len(wins))
    for _ in range(5000):
        s = wins.sum(1) / (games / (s[:, None] + s[None])).sum(1)
        s /= np.exp(np.log(s).mean())
    return np.log(s)


def rate_pairwise(wins):
    """The mean of the pairs' log-odds."""
    with np.errstate(all="ignore"):
        odds = np.nan_to_num(np.log(wins / wins.T))
    return odds.mean(1) - odds.mean()


def rate_prior(wins):
    return rate_newton(wins + 1 - np.eye(len(wins)))


# Elo
def elo(games, players, k):
    r = [0.0] * players
    for a, b, s in games:
        i, j = int(a), int(b)
        e = 10 ** (r[i] / 400) / (10 ** (r[i] / 400) + 10 ** (r[j] / 400))
        r[i], r[j] = r[i] + k * (s - e), r[j] + k * ((1 - s) - (1 - e))
    return np.array(r)


def elo_logistic(games, players, k):
    r = np.zeros(players)
    for i, j, s in zip(games[:, 0].astype(int), games[:, 1].astype(int), games[:, 2], strict=True):
        move = k * (s - 1 / (1 + np.exp(-(r[i] - r[j]) * np.log(10) / 400)))
        r[[i, j]] += (move, -move)
    return r


def elo_second_sees_first(games, players, k):
    r = np.zeros(players)
    for a, b, s in games:
        i, j = int(a), int(b)
        r[i] += k * (s - 1 / (1 + 10 ** ((r[j] - r[i]) / 400)))
        r[j] -= k * (s - 1 / (1 + 10 ** ((r[j] - r[i]) / 400)))
    return r


def elo_draws_skipped(games, players, k):
    return elo(games[games[:, 2] != 0.5], players, k)


MUTANTS = {
    "wilson_interval": {
        "Agresti-Coull": agresti,
        "z for z²": wilson_z_once,
        "clipped inwards": lambda w, t, lost, z: tuple(np.clip(wilson_plus(w, t, lost, z), 0.05, 0.95)),
        "losses for wins": lambda w, t, lost, z: wilson_plus(lost, t, w, z),
        "in percent": lambda w, t, lost, z: tuple(100 * x for x in wilson_plus(w, t, lost, z)),
        "half-width only": lambda w, t, lost, z: float(np.diff(wilson_plus(w, t, lost, z))[0] / 2),
        "n without ties": lambda w, t, lost, z: wilson_plus(w + t / 2, 0, lost - t / 2 if lost > t / 2 else lost, z),
    },
    "luck": {
        "test of means": luck_of_means,
        "ties as halves": luck_ties_half,
        "one side": lambda ours, theirs: luck_symmetric(ours, theirs) / 2,
        "share of wins": lambda ours, theirs: float((ours > theirs).mean()),
        "1 − P": lambda ours, theirs: 1 - luck_symmetric(ours, theirs),
        "always luck": lambda ours, theirs: 1.0,
    },
    "rate_policies": {
        "mean of the pairs' log-odds": rate_pairwise,
        "a made-up game each": rate_prior,
        "scaled to unit spread": lambda wins: rate_newton(wins) / rate_newton(wins).std(),
        "lowest at zero": lambda wins: rate_newton(wins) - rate_newton(wins).min(),
        "shares": lambda wins: wins.sum(1) / (wins + wins.T).sum(1),
        "sorted": lambda wins: np.sort(rate_newton(wins)),
        "turned": lambda wins: rate_newton(wins.T),
    },
    "elo_run": {
        "the second sees the first's new rating": elo_second_sees_first,
        "draws skipped": elo_draws_skipped,
        "scale 200": lambda games, players, k: elo(games, players, 2 * k) / 2,
        "half k": lambda games, players, k: elo(games, players, k / 2),
        "ranks": lambda games, players, k: np.argsort(np.argsort(elo(games, players, k))).astype(float),
        "score turned": lambda games, players, k: -elo(games, players, k),
    },
    "sixty_two": {
        "seen openings": {"fault": "a", "evidence": "fresh"},
        "lucky seed": {"fault": "b", "evidence": "seeds"},
        "ties": {"fault": "c", "evidence": "ties"},
        "nothing": {"fault": "e", "evidence": "itself"},
        "right fault, fresh": {"fault": "d", "evidence": "fresh"},
        "right fault, seeds": {"fault": "d", "evidence": "seeds"},
        "a letter": "d",
    },
}

ALTERNATIVES = {
    "wilson_interval": {"roots": wilson_roots, "made-up games": wilson_plus},
    "luck": {"symmetric": luck_symmetric, "lower tail": luck_lower_tail},
    "rate_policies": {"Newton": rate_newton, "Zermelo": rate_zermelo},
    "elo_run": {"shares of strength": elo, "logistic": elo_logistic},
    "sixty_two": {"as asked": {"fault": "d", "evidence": "itself"}, "dressed": {"fault": "D)", "evidence": "Itself"}},
}
