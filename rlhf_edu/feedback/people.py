"""Several people instead of one: simulated crowds with different tastes, and real people's recorded ratings replayed."""

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from rlhf_edu.feedback.annotators import Annotator, Habits, SimulatedPerson, Taste
from rlhf_edu.feedback.events import Event, as_asked, judge
from rlhf_edu.feedback.showing import shuffled
from rlhf_edu.feedback.store import FeedbackStore
from rlhf_edu.feedback.types import Feedback, Number, Query


def crowd(
    tastes: Mapping[str, Taste], each: int = 1, *, rng: np.random.Generator, **habits: Number
) -> dict[str, SimulatedPerson]:
    """`each` people of every taste, named "rhymes 1", "rhymes 2", …; `habits` are those of `Habits`, for all of them."""
    names = [(f"{group} {i + 1}", taste) for group, taste in tastes.items() for i in range(each)]
    return {
        name: SimulatedPerson(taste, Habits(**habits), own)
        for (name, taste), own in zip(names, rng.spawn(len(names)), strict=True)
    }


def label_together(
    store: FeedbackStore,
    queries: Iterable[Query],
    people: Mapping[str, Annotator],
    per_item: int | None = None,
    *,
    rng: np.random.Generator,
    seed: int = 0,
) -> int:
    """Let `per_item` of the simulated people, drawn at random (all by default), answer each query; return how many did.

    Each is shown the options in an order of their own, and answers under their own name, marked simulated. Who has
    answered an item is not asked again, so that a second call adds only what is missing.
    """
    wanted = len(people) if per_item is None else per_item
    if not 1 <= wanted <= len(people):
        raise ValueError(f"per_item is {per_item}, but there are {len(people)} people: it must lie between 1 and that")
    asked = {query.id: query for query in queries}
    given: dict[str, set[str]] = {item: set() for item in asked}
    for event in store.answers(items=asked):
        given[event.item].add(event.annotator)
    new: list[Event] = []
    for item, query in asked.items():
        rest = [name for name in people if name not in given[item]]
        missing = max(0, wanted - (len(people) - len(rest)))
        drawn = rng.permutation(len(rest))
        for at in [*sorted(drawn[:missing]), *drawn[missing:]]:  # who skips is replaced by the next
            if not missing:
                break
            shown = shuffled(query, rest[at], seed)
            record = people[rest[at]](shown.query)
            if record is not None:
                missing -= 1
                record = as_asked(record, shown.order)
                new.append(Event("answer", rest[at], item, record, simulated=True, order=shown.order))
    if new:
        store.append(*new)
    return len(new)


class ReplayedRaters:
    """Real people whose ratings were recorded: every question draws one recorded rating of each of its texts.

    So two answers to one question differ as two real people did. Equal ratings are a tie; in a ranking they are put
    in random order. `low` and `high` are the ends of the recorded scale.
    """

    def __init__(self, ratings: Mapping[str, Sequence[Number]], low: Number, high: Number, *, rng: np.random.Generator):
        if not low < high:
            raise ValueError(f"the scale runs from {low} to {high}, but its low end must be below its high end")
        self.ratings, self.low, self.high, self.rng = ratings, low, high, rng

    def __call__(self, query: Query) -> Feedback:
        if query.kind == "edit":
            raise ValueError("recorded ratings cannot edit text: ask for comparisons, ratings or rankings")
        scores = np.array([self._draw(text) for text in query.options])
        if query.kind == "rate":
            low, high = query.scale
            share = (scores[0] - self.low) / (self.high - self.low)
            return judge(query, float(np.clip(math.floor(low + share * (high - low) + 0.5), low, high)))
        if query.kind == "rank":
            shuffle = self.rng.permutation(len(scores))
            return judge(query, [int(i) for i in shuffle[np.argsort(-scores[shuffle], kind="stable")]])
        sign = int(np.sign(scores[0] - scores[1]))
        return judge(query, {1: "left", -1: "right", 0: "tie"}[sign])

    def _draw(self, text: str) -> float:
        known = self.ratings.get(text, ())
        if len(known) == 0:
            raise ValueError(f"nobody rated {text[:40]!r}: ask only about texts with recorded ratings")
        return float(known[int(self.rng.integers(len(known)))])
