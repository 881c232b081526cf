"""Tasks of exercise 19, evaluation: Wilson's interval, the sign test, Bradley-Terry, Elo, and a rate that means nothing.

Every oracle goes another way than the solution: bisection of a definition, coins one after the other, Zermelo's iteration.
"""

import math
from fractions import Fraction

import numpy as np

from rlhf_edu.grading.answers import DiagnosisJudge
from rlhf_edu.grading.judges import FunctionJudge
from rlhf_edu.grading.task import Task
from rlhf_edu.grading.tasks import wrong_evaluation as wrong

EXERCISE = "19_evaluation"
LIBRARY = ("rlhf_edu.evaluate.", "scipy.", "statsmodels.")


def wilson_by_bisection(wins: int, ties: int, losses: int, z: float) -> tuple[float, float]:
    """The rates at which |p̂ − p| is just z standard errors of p, found by halving."""
    n = wins + ties + losses
    seen = (wins + ties / 2) / n

    def edge(inside: float, outside: float) -> float:
        for _ in range(100):
            p = (inside + outside) / 2
            if abs(seen - p) <= z * math.sqrt(p * (1 - p) / n):
                inside = p
            else:
                outside = p
        return inside

    return edge(seen, 0.0), edge(seen, 1.0)


def luck_coin_by_coin(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The distribution of heads, one toss after the other; then all results at least as uneven as the one seen."""
    decided = [x > y for x, y in zip(ours.tolist(), theirs.tolist(), strict=True) if x != y]
    n, seen = len(decided), abs(2 * sum(decided) - len(decided))
    chance = [Fraction(1)]
    for _ in range(n):
        chance = [(a + b) / 2 for a, b in zip([*chance, Fraction(0)], [Fraction(0), *chance], strict=True)]
    return float(sum(p for heads, p in enumerate(chance) if abs(2 * heads - n) >= seen))


def ratings_by_zermelo(wins: np.ndarray) -> np.ndarray:
    """Zermelo's iteration on strengths: π_i ← wins of i / Σ_j games_ij / (π_i + π_j)."""
    w, K = wins.tolist(), len(wins)
    strength = [1.0] * K
    for _ in range(4000):
        old = strength
        strength = [
            sum(w[i]) / math.fsum((w[i][j] + w[j][i]) / (old[i] + old[j]) for j in range(K) if j != i) for i in range(K)
        ]
        size = math.exp(math.fsum(map(math.log, strength)) / K)
        strength = [s / size for s in strength]
        if max(abs(a - b) for a, b in zip(old, strength, strict=True)) < 1e-12:
            break
    return np.array([math.log(s) for s in strength])


def elo_by_dict(games: np.ndarray, players: int, k: float) -> np.ndarray:
    """Each rating is k times the sum of one's surprises; the odds of the first are 10^(lead/400)."""
    surprises: dict[int, list[float]] = {player: [] for player in range(players)}
    for first, second, score in games.tolist():
        lead = k * (math.fsum(surprises[int(first)]) - math.fsum(surprises[int(second)]))
        odds = math.exp(lead * math.log(10) / 400)
        surprise = score - odds / (1 + odds)
        surprises[int(first)].append(surprise)
        surprises[int(second)].append(-surprise)
    return np.array([k * math.fsum(surprises[player]) for player in range(players)])


def draw_counts(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    """Wins, ties and losses; hidden ones also hold nothing but wins, and nothing but losses."""
    n = (6, 12, 30, 80, 300)[i]
    wins, ties, losses = (int(x) + 1 for x in rng.multinomial(n, rng.dirichlet((4, 2, 3))))
    if hidden and i < 2:
        wins, ties, losses = ((n, 0, 0), (0, 0, n))[i]
    return {"wins": wins, "ties": ties, "losses": losses, "z": float((1.96, 1.0, 2.576, 1.645, 1.96)[i])}


def draw_scores(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    """Coarse scores, so that there are ties; sometimes ours are better, sometimes theirs; once nothing is decided."""
    n = (5, 8, 14, 25, 40)[i]
    shift = (0.8, -0.8, 0.5, -0.5, 0.3)[i]
    ours = np.round(rng.normal(shift, 1, n))
    theirs = np.round(rng.normal(0, 1, n))
    if i == 2 and not hidden:  # an even result, where twice the tail is more than 1
        ours, theirs = np.array([1.0, 0, 1, 0, 2, 2]), np.array([0.0, 1, 0, 1, 2, 2])
    if hidden and i == 1:
        theirs = ours.copy()
    return {"ours": ours, "theirs": theirs}


def draw_wins(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    """Unequal numbers of games, everybody with wins and losses against somebody; once with half points."""
    K = (2, 3, 4, 5, 7)[i]
    r = rng.normal(0, 1, K)
    games = rng.integers(4, 40, (K, K))
    wins = np.zeros((K, K))
    for a in range(K):
        for b in range(a):
            won = rng.binomial(games[a, b], 1 / (1 + math.exp(r[b] - r[a])))
            wins[a, b], wins[b, a] = won + 1, games[a, b] - won + 1
    if hidden and i > 2:
        wins = wins + 0.5 * (1 - np.eye(K))
        wins[0, 2] = wins[2, 0] = 0.0  # two who have never met
    return {"wins": wins}


def draw_games(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    """A sequence of games between players of unequal strength."""
    players, n = ((2, 4), (3, 8), (4, 20), (5, 60), (6, 150))[i]
    strength = rng.normal(0, 1.5, players)
    rows = []
    for _ in range(n):
        a, b = rng.choice(players, 2, replace=False)
        p = 1 / (1 + math.exp(strength[b] - strength[a]))
        rows.append((a, b, 0.5 if rng.random() < 0.15 else float(rng.random() < p)))
    k = float((24, 16, 40, 10, 64)[i] + (5 if hidden else 0))
    return {"games": np.array(rows, float), "players": players, "k": k}


TASKS = [
    Task(
        name="wilson_interval",
        exercise=EXERCISE,
        kind="function",
        title="An interval that keeps its promise",
        points=4,
        minutes=8,
        difficulty=2,
        judge=FunctionJudge("wilson_interval", wilson_by_bisection, draw_counts, wrong.WILSON),
        hints=("n is wins + ties + losses. Compute centre and half-width first; divide both by 1 + z²/n at the end.",),
        forbidden=LIBRARY,
    ),
    Task(
        name="luck",
        exercise=EXERCISE,
        kind="function",
        title="Might it be luck?",
        points=4,
        minutes=10,
        difficulty=2,
        judge=FunctionJudge("luck", luck_coin_by_coin, draw_scores, wrong.LUCK, atol=1e-6),
        hints=(
            "w = max(wins, n − wins), where n = (ours != theirs).sum(). math.comb counts; sum from w to n, n included.",
        ),
        forbidden=LIBRARY,
    ),
    Task(
        name="rate_policies",
        exercise=EXERCISE,
        kind="function",
        title="One order for all",
        points=6,
        minutes=14,
        difficulty=3,
        judge=FunctionJudge("rate_policies", ratings_by_zermelo, draw_wins, wrong.RATE, atol=1e-3, rtol=1e-3),
        hints=(
            "r[:, None] - r[None, :] is the table of all differences r_i − r_j.",
            "expected = games * σ(differences); then r += (wins − expected).sum(1) / games.sum(1), again and again.",
        ),
        forbidden=LIBRARY,
    ),
    Task(
        name="elo_run",
        exercise=EXERCISE,
        kind="function",
        title="Elo, game by game",
        points=4,
        minutes=10,
        difficulty=2,
        judge=FunctionJudge("elo_run", elo_by_dict, draw_games, wrong.ELO),
        hints=(
            "Compute the surprise S − E once, before either rating changes. The numbers in games are floats: use int().",
        ),
        forbidden=LIBRARY,
    ),
    Task(
        name="sixty_two",
        exercise=EXERCISE,
        kind="diagnosis",
        title="Bug hunt: sixty-two per cent",
        points=3,
        minutes=6,
        difficulty=2,
        judge=DiagnosisJudge(
            "sixty_two",
            options={"fault": tuple("abcde"), "evidence": ("fresh", "seeds", "ties", "itself")},
            key={"fault": "18acd753de018644", "evidence": "d56fe6ed4ee7e234"},
            why={
                "ea0a4b49dc9997af": "on openings drawn after the training the rate is the same",
                "8db65477f45cd731": "other seeds win as often: nobody picked a lucky one",
                "2714282f1d581ec0": "with ties as halves the rate hardly changes",
                "a30ff98ffc5e59aa": "then the old policy would draw level with itself",
                "43ee9105d4b632f5": "fresh openings give the same rate: that clears the openings, and proves nothing",
                "e6e5263e5f0e58c8": "other seeds give the same rate: that clears the seed, and proves nothing",
                "13858cb6453fc9c4": "ties hardly matter here: that clears them, and proves nothing",
            },
        ),
        hints=("For each check: which result would you expect if the new policy were truly better?",),
    ),
]
