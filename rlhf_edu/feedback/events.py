"""What happened, in the order it happened: the log from which the current answers are derived.

Nothing in the log is ever changed. An undo is one more event, which names the event it takes back; changing one's mind
is one more answer. The log alone therefore tells who thought what, when.
"""

import math
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from numbers import Integral, Real

from rlhf_edu.feedback.types import Edit, Feedback, Number, Preference, Query, Ranking, Rating

ACTIONS = ("answer", "skip", "undo", "consent", "withdraw")


class StoreError(RuntimeError):
    """Answers could not be written or read; the message says why and what to do."""


@dataclass(frozen=True)
class Event:
    """One thing that one annotator did. `uid` names it for ever: storing it twice stores it once.

    `order` holds the positions of the query's options as they were shown; `shown_at` and `answered_at` are seconds
    since 1970; `seconds` is the time the person took, where the page measured it.
    """

    action: str
    annotator: str
    item: str = ""
    record: Feedback | None = None
    target: str = ""
    note: str = ""
    simulated: bool = False
    order: tuple[int, ...] = ()
    seconds: Number | None = None
    shown_at: Number | None = None
    answered_at: float = field(default_factory=time.time)
    uid: str = field(default_factory=lambda: uuid.uuid4().hex)

    def __post_init__(self):
        if self.action not in ACTIONS:
            raise ValueError(f"action is {self.action!r}, but it must be one of {', '.join(ACTIONS)}")
        if not self.annotator.strip() or len(self.annotator) > 200 or not self.annotator.isprintable():
            raise ValueError(
                f"annotator is {self.annotator[:40]!r}, but it must be a name of 1 to 200 printable characters"
            )
        for name in ("seconds", "shown_at", "answered_at"):
            value = getattr(self, name)
            if (value is not None or name == "answered_at") and not (isinstance(value, Real) and math.isfinite(value)):
                raise ValueError(f"{name} is {value!r}, but it must be a number of seconds")


def standing(events: Iterable[Event]) -> list[Event]:
    """The answers and skips that hold now: not taken back, the last one of each person on each item.

    Whoever withdrew their consent, and did not give it again, has no standing answers.
    """
    events = list(events)
    undone = {event.target for event in events if event.action == "undo"}
    consent = {event.annotator: event.action for event in events if event.action in ("consent", "withdraw")}
    last: dict[tuple[str, str], Event] = {}
    for event in events:
        if event.action in ("answer", "skip") and event.uid not in undone:
            last.pop((event.annotator, event.item), None)  # so that the order is that of the last answers
            last[event.annotator, event.item] = event
    return [event for event in last.values() if consent.get(event.annotator) != "withdraw"]


def judge(query: Query, value) -> Feedback:
    """The record that `value` means as an answer to `query`, read as it was shown.

    compare, clips: "left", "right", "tie" or "both_bad";  rate: the score;  rank: the positions, the best first;
    edit: the new text.
    """
    if query.kind in ("compare", "clips"):
        choices = {"left": "a", "right": "b", "tie": "tie", "both_bad": "both_bad"}
        if not isinstance(value, str) or value not in choices:
            raise ValueError(f"the answer is {value!r}, but a comparison takes {', '.join(choices)}")
        return Preference(query.prompt, *query.options, choice=choices[value])  # type: ignore[arg-type]
    if query.kind == "rate":
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"the answer is {value!r}, but a rating takes a number")
        return Rating(query.prompt, query.options[0], float(value), *query.scale)
    if query.kind == "rank":
        if not isinstance(value, list | tuple) or not all(
            isinstance(i, Integral) and not isinstance(i, bool) for i in value
        ):
            raise ValueError(f"the answer is {value!r}, but a ranking takes a list of positions, the best first")
        return Ranking(query.prompt, tuple(query.options), tuple(value))
    if not isinstance(value, str):
        raise ValueError(f"the answer is {value!r}, but an edit takes the new text")
    return Edit(query.prompt, query.options[0], value)


def as_asked(record: Feedback, order: tuple[int, ...]) -> Feedback:
    """The same answer in the query's own order of options, when they were shown in `order`."""
    if isinstance(record, Preference) and tuple(order) == (1, 0):
        flipped = {"a": "b", "b": "a"}.get(record.choice, record.choice)
        return Preference(record.prompt, record.b, record.a, flipped)  # type: ignore[arg-type]
    if isinstance(record, Ranking) and order:
        texts = [""] * len(order)
        for shown, asked in enumerate(order):
            texts[asked] = record.texts[shown]
        return Ranking(record.prompt, tuple(texts), tuple(order[i] for i in record.order))
    return record
