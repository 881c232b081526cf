"""Several policies in one order: ratings that explain who beats whom, with intervals.

Zermelo (1929); Bradley and Terry (1952); Elo (1978), "The rating of chessplayers". Left out on purpose: advantage of place, ratings that drift.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from rlhf_edu.evaluate.bootstrap import Interval

ELO = 400 / math.log(10)  # Elo points in a nat of log-odds


def bradley_terry_ratings(wins: Float[np.ndarray, "K L"], prior: float = 0.5) -> Float[np.ndarray, " K"]:
    """Ratings r under which P(i beats j) = σ(r_i − r_j) makes the games most likely; `wins[i, j]` counts i's over j, ties half each.

    maximise Σ_ij w_ij log σ(r_i − r_j) + Σ_i prior/2 · (log σ(r_i) + log σ(−r_i))        by Newton's method, in log-odds

    The second term is `prior` drawn games of everyone against a player of rating 0. It fixes the zero, and keeps the rating
    of who never lost finite; a few dozen games make it negligible.
    """
    wins = np.asarray(wins, float)
    if wins.ndim != 2 or wins.shape[0] != wins.shape[1] or len(wins) < 2:
        raise ValueError(f"wins has shape {wins.shape}, but it must be a square table of two or more policies")
    if not np.isfinite(wins).all() or (wins < 0).any() or np.diag(wins).any():
        raise ValueError("wins must be finite, 0 or more, and 0 on the diagonal: nobody plays against themself")
    if not 0 < prior < math.inf:
        raise ValueError(
            f"prior is {prior}, but it must be positive: without it, who never lost would be rated infinite"
        )
    games, r = wins + wins.T, np.zeros(len(wins))
    for _ in range(100):
        p = 1 / (1 + np.exp(r[None, :] - r[:, None]))
        mine = 1 / (1 + np.exp(-r))
        gradient = (wins - games * p).sum(1) + prior * (0.5 - mine)
        curve = games * p * (1 - p)
        hessian = np.diag(curve.sum(1) + prior * mine * (1 - mine)) - curve
        step = np.linalg.solve(hessian, gradient)
        r = r + step * min(1.0, 2.0 / max(1e-12, np.abs(step).max()))  # far away the parabola is no good guide
        if np.abs(step).max() < 1e-10:
            break
    return r


def elo_ratings(games: Sequence[tuple[str, str, float]], k: float = 16.0, start: float = 1000.0) -> dict[str, float]:
    """Ratings after a sequence of games (a, b, score of a: 1, ½ or 0), updated one by one.

    E = 1 / (1 + 10^((R_b − R_a)/400))        R_a ← R_a + k (S − E)        R_b ← R_b − k (S − E)

    The order of the games matters and the last ones count most: right for players who change, a waste for policies
    that do not. `rank_policies` fits all games at once.
    """
    if not k > 0:
        raise ValueError(f"k is {k}, but it must be positive")
    ratings: dict[str, float] = {}
    for a, b, score in games:
        if a == b or score not in (0, 0.5, 1):
            raise ValueError(
                f"a game is {(a, b, score)!r}, but it needs two players, and a score of 0, 0.5 or 1 for the first"
            )
        ra, rb = ratings.setdefault(a, start), ratings.setdefault(b, start)
        surprise = score - 1 / (1 + 10 ** ((rb - ra) / 400))
        ratings[a], ratings[b] = ra + k * surprise, rb - k * surprise
    return ratings


class Standing(NamedTuple):
    """A policy's place: Elo points above the average policy, and its share of all games won."""

    name: str
    elo: Interval
    won: float

    def __str__(self) -> str:
        return (
            f"{self.name}: {self.elo.value:+.0f} Elo ({self.elo.low:+.0f} to {self.elo.high:+.0f}), won {self.won:.0%}"
        )


def rank_policies(
    scores: Mapping[str, np.ndarray], *, rng: np.random.Generator, resamples: int = 500
) -> list[Standing]:
    """Policies by Bradley-Terry rating, the best first; `scores` are the judge's, of each policy's answer to the same P prompts.

    Every two policies play once on each prompt; the higher score wins. Intervals come from drawing prompts again.
    """
    names, rows = list(scores), [np.asarray(x, float) for x in scores.values()]
    if len(names) < 2 or len({x.shape for x in rows}) != 1 or rows[0].ndim != 1 or len(rows[0]) < 2:
        raise ValueError(
            f"scores of shapes {[x.shape for x in rows]} came, but ranking needs two or more policies judged on the same prompts"
        )
    table = np.stack(rows)
    if not np.isfinite(table).all():
        raise ValueError("a score is NaN or infinite, so nobody can say who won: look at the judge")
    beat = (table[:, None] > table[None]) + 0.5 * (table[:, None] == table[None])  # K K P
    beat[np.arange(len(names)), np.arange(len(names))] = 0.0
    n = table.shape[1]

    def elo(weights: np.ndarray) -> np.ndarray:
        r = bradley_terry_ratings(beat @ weights)
        return ELO * (r - r.mean())

    drawn = np.stack([elo(np.bincount(rng.integers(n, size=n), minlength=n).astype(float)) for _ in range(resamples)])
    value, won = elo(np.ones(n)), beat.sum((1, 2)) / (n * (len(names) - 1))
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    standings = [
        Standing(name, Interval(float(value[i]), float(low[i]), float(high[i])), float(won[i]))
        for i, name in enumerate(names)
    ]
    return sorted(standings, key=lambda s: -s.elo.value)
