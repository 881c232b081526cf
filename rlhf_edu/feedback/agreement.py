"""Do people agree more than chance would have them? Percent, two kappas, Krippendorff's alpha, and how sure we are.

Everything works on a table of items × people with NaN where somebody did not answer; `answer_table` makes it from a store.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Shaped

from rlhf_edu.feedback.events import Event
from rlhf_edu.feedback.types import Number, Preference, Rating, kind_of

Table = Float[np.ndarray, "N R"]
CODES = {"a": 0.0, "tie": 1.0, "b": 2.0, "both_bad": 3.0}


class Answers(NamedTuple):
    """Values of N items by R people, and which items and people they are."""

    values: Table
    items: list[str]
    people: list[str]


def answer_table(events: Iterable[Event], ordered: bool = False) -> Answers:
    """Comparisons as 0 (first text), 1 (tie), 2 (second text), 3 (both bad), or ratings as their scores; else NaN.

    With `ordered`, for ordinal and interval statistics, "both bad" becomes NaN: it has no place between the texts.
    """
    cells: dict[tuple[str, str], float] = {}
    kinds = set()
    for event in events:
        match event.record:
            case Preference(choice=choice):
                cells[event.item, event.annotator] = np.nan if ordered and choice == "both_bad" else CODES[choice]
            case Rating(score=score):
                cells[event.item, event.annotator] = float(score)
            case None:
                continue
            case other:
                raise ValueError(
                    f"a table holds comparisons or ratings, but got one of kind {kind_of(other)}: leave those out"
                )
        kinds.add(type(event.record))
    if len(kinds) > 1:
        raise ValueError("got comparisons and ratings, but a table holds one kind: call this once for each")
    items, people = (list(dict.fromkeys(key[side] for key in cells)) for side in (0, 1))
    rows = [[cells.get((item, who), np.nan) for who in people] for item in items]
    return Answers(np.array(rows, dtype=float).reshape(len(items), len(people)), items, people)


def counts(table: Table) -> tuple[Float[np.ndarray, "N K"], Float[np.ndarray, " K"]]:
    """How often each value was given to each item, and the values, in ascending order."""
    values = np.unique(table[~np.isnan(table)])
    return (table[:, :, None] == values).sum(axis=1).astype(float), values


def percent_agreement(table: Table) -> float:
    """The share of equal answers among all pairs of answers to the same item; NaN where nobody shared an item.

    P_o = Σ_i Σ_k n_ik (n_ik − 1) / Σ_i n_i (n_i − 1)
    """
    n, _ = counts(table)
    total = n.sum(axis=1)
    pairs = (total * (total - 1)).sum()
    return float((n * (n - 1)).sum() / pairs) if pairs else float("nan")


def cohen_kappa(a: Shaped[np.ndarray, " N"], b: Shaped[np.ndarray, " N"], weights: str = "none") -> float:
    """Two people's agreement, corrected for chance, on the items that both answered.

    κ = 1 − Σ_jk w_jk o_jk / Σ_jk w_jk e_jk        e_jk = row share j · column share k
    w_jk = [j ≠ k], |j − k| or (j − k)²             (Cohen 1960, eq. 1; with weights, Cohen 1968)

    j and k count the values that occur, in ascending order. NaN when chance alone explains all: one value throughout.
    """
    if weights not in ("none", "linear", "quadratic"):
        raise ValueError(f'weights is {weights!r}, but it must be "none", "linear" or "quadratic"')
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    both = ~(np.isnan(a) | np.isnan(b))
    values, codes = np.unique(np.stack([a[both], b[both]]), return_inverse=True)
    codes = codes.reshape(2, -1)
    observed = np.zeros((len(values), len(values)))
    np.add.at(observed, (codes[0], codes[1]), 1)
    expected = np.outer(observed.sum(axis=1), observed.sum(axis=0)) / max(both.sum(), 1)
    step = np.abs(np.subtract.outer(np.arange(len(values)), np.arange(len(values))))
    w = {"none": step > 0, "linear": step, "quadratic": step**2}[weights]
    return _one_minus((w * observed).sum(), (w * expected).sum())


def fleiss_kappa(table: Table) -> float:
    """Agreement of n people an item, who need not be the same people, corrected for chance (Fleiss 1971).

    κ = (P̄ − P̄_e) / (1 − P̄_e)        P̄ = percent agreement,  P̄_e = Σ_k p_k²,  p_k = share of answers that are k
    """
    n, _ = counts(table)
    people = n.sum(axis=1)
    if len(n) == 0 or people[0] < 2 or (people != people[0]).any():
        raise ValueError(
            f"Fleiss' kappa needs equally many answers to each item, at least 2, but got {sorted(set(people.tolist()))}: "
            "use krippendorff_alpha, which takes any number"
        )
    by_chance = ((n.sum(axis=0) / n.sum()) ** 2).sum()
    return _one_minus(1 - percent_agreement(table), 1 - by_chance)


def krippendorff_alpha(table: Table, level: str = "nominal") -> float:
    """Agreement of any number of people with gaps, for names, ranks or numbers (Krippendorff 2011).

    α = 1 − D_o / D_e = 1 − (n − 1) Σ_ck o_ck δ²_ck / Σ_ck n_c n_k δ²_ck
    o_ck = Σ_items n_ic (n_ik − [c = k]) / (n_i − 1),   n_c = Σ_k o_ck,   n = Σ_c n_c

    δ² is [c ≠ k] for names, (c − k)² for numbers, and for ranks the squared number of answers between c and k, with
    half of those at c and at k. Items with one answer do not count. NaN when all answers are the same.
    """
    n, values = counts(table)
    n = n[n.sum(axis=1) > 1]
    per_item = n.sum(axis=1, keepdims=True)
    coincidences = (n / (per_item - 1)).T @ n - np.diag((n / (per_item - 1)).sum(axis=0))
    totals = coincidences.sum(axis=1)
    if level == "nominal":
        difference = 1.0 - np.eye(len(values))
    elif level == "interval":
        difference = np.subtract.outer(values, values) ** 2
    elif level == "ordinal":
        middle = np.cumsum(totals) - totals / 2
        difference = np.subtract.outer(middle, middle) ** 2
    else:
        raise ValueError(f'level is {level!r}, but it must be "nominal", "ordinal" or "interval"')
    observed = (coincidences * difference).sum()
    expected = (np.outer(totals, totals) * difference).sum() / max(totals.sum() - 1, 1)
    return _one_minus(observed, expected)


def _one_minus(observed: float, expected: float) -> float:
    return float(1 - observed / expected) if expected > 0 else float("nan")


class Interval(NamedTuple):
    """A statistic with the range in which it would fall most of the time, were other items of the same kind drawn."""

    value: float
    low: float
    high: float


def bootstrap_interval(
    statistic: Callable[[Table], float],
    table: Table,
    rng: np.random.Generator,
    times: int = 1000,
    level: Number = 0.95,
) -> Interval:
    """The statistic's percentile interval over resampled items (Efron 1979), which takes the people as given.

    Draws in which the statistic is undefined do not count.
    """
    if not 0 < level < 1 or times < 1 or len(table) == 0:
        raise ValueError(
            f"got level {level}, {times} draws, {len(table)} items: level lies in (0, 1), the rest above 0"
        )
    draws = [statistic(table[rng.integers(len(table), size=len(table))]) for _ in range(times)]
    known = np.array([d for d in draws if not np.isnan(d)] or [np.nan])
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(statistic(table)), float(low), float(high))
