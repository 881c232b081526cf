"""The mistakes people make when they compare policies: the code that makes each, and what to say about it."""

import math

import numpy as np


def _wilson(p, n, z):
    centre, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (centre - half) / (1 + z * z / n), (centre + half) / (1 + z * z / n)


def _wald(w, t, lost, z):
    n = w + t + lost
    p = (w + t / 2) / n
    half = z * math.sqrt(p * (1 - p) / n)
    return p - half, p + half


def _not_shrunk(w, t, lost, z):
    n = w + t + lost
    p = (w + t / 2) / n
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return p + z * z / (2 * n) - half, p + z * z / (2 * n) + half


def _centred_on_p(w, t, lost, z):
    n = w + t + lost
    p = (w + t / 2) / n
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return p - half, p + half


WILSON = {
    "wald": (_wald, "this is Wald's interval: it has no width after ten wins of ten"),
    "ties_dropped": (
        lambda w, t, lost, z: _wilson(w / (w + lost), w + lost, z),
        "ties are left out; they count as half a win, and in n",
    ),
    "ties_lost": (
        lambda w, t, lost, z: _wilson(w / (w + t + lost), w + t + lost, z),
        "ties count as losses; they are half a win",
    ),
    "ties_won": (
        lambda w, t, lost, z: _wilson((w + t) / (w + t + lost), w + t + lost, z),
        "ties count as wins; they are half a win",
    ),
    "not_shrunk": (_not_shrunk, "the division by 1 + z²/n is missing, so the ends can lie outside 0 and 1"),
    "centred_on_p": (_centred_on_p, "the centre is not p̂: it is drawn towards one half by z²/2n"),
    "fixed_z": (
        lambda w, t, lost, z: _wilson((w + t / 2) / (w + t + lost), w + t + lost, 1.96),
        "z is an argument; do not use 1.96 always",
    ),
    "swapped": (
        lambda w, t, lost, z: _wilson((w + t / 2) / (w + t + lost), w + t + lost, z)[::-1],
        "the lower end comes first",
    ),
}


def _tail(w, n, above=0):
    return sum(math.comb(n, k) for k in range(w + above, n + 1)) / 2**n


def _counts(ours, theirs):
    return int((ours > theirs).sum()), int((ours < theirs).sum())


def _more(ours, theirs):
    a, b = _counts(ours, theirs)
    return max(a, b), a + b


def _normal(ours, theirs):
    w, n = _more(ours, theirs)
    return math.erfc((2 * w - n) / math.sqrt(n) / math.sqrt(2)) if n else 1.0


LUCK = {
    "one_sided": (
        lambda ours, theirs: min(1.0, _tail(*_more(ours, theirs))),
        "this is one side only; who is better was not known beforehand, so both sides count",
    ),
    "ours_only": (
        lambda ours, theirs: min(1.0, 2 * _tail(_counts(ours, theirs)[0], sum(_counts(ours, theirs)))),
        "w is the number of wins of the more successful policy, which may be theirs",
    ),
    "ties_counted": (
        lambda ours, theirs: min(1.0, 2 * _tail(max(_counts(ours, theirs)), len(ours))),
        "ties are counted in n; nobody won them, so they are left out",
    ),
    "exactly_w": (
        lambda ours, theirs: min(1.0, 2 * (_tail(*_more(ours, theirs)) - _tail(*_more(ours, theirs), 1))),
        "this is the chance of exactly w wins; asked is w or more",
    ),
    "more_than_w": (
        lambda ours, theirs: min(1.0, 2 * _tail(*_more(ours, theirs), 1)),
        "the sum starts at w + 1: the result you saw belongs to it",
    ),
    "normal": (_normal, "this is the normal approximation; the sum is exact and short"),
    "not_capped": (
        lambda ours, theirs: 2 * _tail(*_more(ours, theirs)),
        "a probability above 1: take the minimum with 1",
    ),
    "confidence": (
        lambda ours, theirs: 1 - min(1.0, 2 * _tail(*_more(ours, theirs))),
        "this is 1 − P",
    ),
}


def _ratings(wins, steps=5000):
    games, r = wins + wins.T, np.zeros(len(wins))
    for _ in range(steps):
        r = r + (wins - games / (1 + np.exp(r[None] - r[:, None]))).sum(1) / games.sum(1)
    return r


def _centred(r):
    return r - r.mean()


def _share(wins):
    return wins.sum(1) / (wins + wins.T).sum(1)


RATE = {
    "share_of_wins": (
        lambda wins: _centred(np.log(_share(wins) / (1 - _share(wins)))),
        "these are log-odds of the share won, as if all had met the same rivals",
    ),
    "one_step": (lambda wins: _centred(_ratings(wins, 1)), "this is a single step: go on until nothing changes"),
    "too_few_steps": (lambda wins: _centred(_ratings(wins, 10)), "ten steps are too few: go on until nothing changes"),
    "upside_down": (lambda wins: -_centred(_ratings(wins)), "the order is upside down: wins[i, j] are i's wins over j"),
    "elo_points": (
        lambda wins: 400 / math.log(10) * _centred(_ratings(wins)),
        "these are Elo points; asked are log-odds",
    ),
    "first_at_zero": (lambda wins: _ratings(wins) - _ratings(wins)[0], "the first one stands at 0; the mean should"),
    "strengths": (lambda wins: np.exp(_centred(_ratings(wins))), "these are strengths e^r; asked is r itself"),
    "wins_alone": (lambda wins: _centred(wins.sum(1)), "these are counts of wins, centred; asked are log-odds"),
}


def _elo(games, players, k, base=10.0, first_only=False, batch=False, turned=False):
    r = np.zeros(players)
    for a, b, s in games.tolist():
        i, j = int(a), int(b)
        at = np.zeros(players) if batch else r
        gap = (at[i] - at[j]) if turned else (at[j] - at[i])
        surprise = s - 1 / (1 + base ** (gap / 400))
        r[i] += k * surprise
        r[j] -= 0.0 if first_only else k * surprise
    return r


ELO = {
    "turned_expectation": (
        lambda games, players, k: _elo(games, players, k, turned=True),
        "E is that of the second player: it should rise with the first one's lead",
    ),
    "first_only": (
        lambda games, players, k: _elo(games, players, k, first_only=True),
        "only the first player's rating moves; the second loses what the first gains",
    ),
    "all_from_the_start": (
        lambda games, players, k: _elo(games, players, k, batch=True),
        "E is computed from the ratings at the start; use those after the game before",
    ),
    "natural_base": (
        lambda games, players, k: _elo(games, players, k, base=math.e),
        "the base is 10, not e",
    ),
    "fixed_k": (lambda games, players, k: _elo(games, players, 32.0), "k is an argument; do not use 32 always"),
    "backwards": (
        lambda games, players, k: _elo(games[::-1], players, k),
        "the games are played from the last to the first",
    ),
    "from_1000": (
        lambda games, players, k: 1000 + _elo(games, players, k),
        "everybody starts at 1000; asked is a start at 0",
    ),
}
