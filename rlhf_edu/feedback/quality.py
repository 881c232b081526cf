"""What answers tell about those who gave them, and how right anybody could be.

Self-consistency, attention, pull of the left side and of the longer text; and the ceiling that disagreement puts on accuracy.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from itertools import combinations
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from rlhf_edu.feedback.agreement import Table, counts
from rlhf_edu.feedback.events import Event
from rlhf_edu.feedback.types import Feedback, Preference, item_of


class Share(NamedTuple):
    """`count` out of `total`."""

    count: int
    total: int

    @property
    def value(self) -> float:
        """The share, NaN of nothing."""
        return self.count / self.total if self.total else float("nan")

    def __str__(self) -> str:
        return f"{self.count} of {self.total}" + (f" ({self.value:.0%})" if self.total else "")


def asked_again(item: str) -> str:
    """The question behind an item: "x#2" is the second time that "x" was asked."""
    return re.sub(r"#\d+$", "", item)


def self_consistency(events: Iterable[Event]) -> dict[str, Share]:
    """For each person who was asked something twice: how many pairs of their answers to one question are the same."""
    given: dict[tuple[str, str], list[tuple[set[str], Feedback]]] = {}
    for event in events:
        if event.record is not None:  # ids of one's own may end in "#2", too: only the same texts are the same question
            names = {event.item, asked_again(event.item)}
            given.setdefault((event.annotator, item_of(event.record)), []).append((names, event.record))
    found: dict[str, Share] = {}
    for (who, _), answers in given.items():
        same = [x == y for (mine, x), (others, y) in combinations(answers, 2) if mine & others]
        if same:
            before = found.get(who, Share(0, 0))
            found[who] = Share(before.count + sum(same), before.total + len(same))
    return found


def attention(
    events: Iterable[Event], expected: Mapping[str, Feedback | Callable[[Feedback], bool]]
) -> dict[str, Share]:
    """For each person: how many of the items with an obvious answer they got right. A skip is no answer.

    `expected` gives, for an item, the right answer or a function that tells a right one.
    """
    found: dict[str, Share] = {}
    for event in events:
        right = expected.get(event.item, expected.get(asked_again(event.item)))
        if right is not None and event.record is not None:
            good = bool(right(event.record)) if callable(right) else event.record == right
            before = found.get(event.annotator, Share(0, 0))
            found[event.annotator] = Share(before.count + good, before.total + 1)
    return found


def left_share(events: Iterable[Event]) -> Share:
    """How often the text shown on the left won, where one won. Sides are drawn at random: far from a half is a habit."""
    left = [
        (e.record.choice == "a") == (e.order == (0, 1))
        for e in events
        if isinstance(e.record, Preference) and e.record.chosen is not None and len(e.order) == 2
    ]
    return Share(sum(left), len(left))


def longer_share(events: Iterable[Event]) -> Share:
    """How often the text with more words won, where one won. Longer may also be better: this alone proves no bias."""
    longer = []
    for event in events:
        if isinstance(event.record, Preference) and event.record.chosen is not None:
            won, lost = (len(str(text).split()) for text in (event.record.chosen, event.record.rejected))
            if won != lost:
                longer.append(won > lost)
    return Share(sum(longer), len(longer))


def bayes_ceiling(chances: Float[np.ndarray, "N K"]) -> float:
    """The accuracy that nothing can beat, when item i is labelled k with chance `chances[i, k]`: mean_i max_k p_ik."""
    if not np.allclose(chances.sum(axis=1), 1) or (chances < 0).any():
        raise ValueError("each row of chances must be at least 0 and add up to 1")
    return float(chances.max(axis=1).mean())


def ceiling_from_votes(table: Table) -> tuple[float, float]:
    """Two estimates between which the ceiling lies on average, from several people's answers to each item.

    low:  how often an answer equals the majority of the *other* answers (ties count in part)      E ≤ ceiling
    high: mean_i max_k n_ik / n_i, the majority judged by the very answers it came from             E ≥ ceiling

    The more answers an item has, the closer they lie. Items with fewer than two answers do not count.
    """
    n, _ = counts(table)
    n = n[n.sum(axis=1) > 1]
    if len(n) == 0:
        raise ValueError("no item has two answers, but the ceiling shows only where people answer the same item")
    total = n.sum(axis=1)
    others = n[:, None, :] - np.eye(n.shape[1])  # row k: the votes without one vote for k
    first = others == others.max(axis=2, keepdims=True)
    hit = np.einsum("ikk->ik", first) / first.sum(axis=2)
    low = (n * hit).sum(axis=1) / total
    return float(low.mean()), float((n.max(axis=1) / total).mean())
