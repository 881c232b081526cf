"""What feedback costs and what it buys: labels, minutes of people's time and seconds of computing, against a score."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from rlhf_edu.feedback.events import Event
from rlhf_edu.feedback.types import Number


@dataclass(frozen=True)
class Entry:
    """One purchase: what it cost, and the score that the model had after it."""

    labels: int
    human_minutes: Number
    compute_seconds: Number
    score: Number
    what: str = ""

    def __post_init__(self):
        for name in ("labels", "human_minutes", "compute_seconds"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} is {getattr(self, name)}, but a cost must be 0 or more")


def cost_of(events: Iterable[Event]) -> tuple[int, float]:
    """Labels and human minutes of these answers. Nobody's minutes went into a simulated answer, or one without a clock.

    A gap of more than two minutes counts as two: by then the person had left.
    """
    answers = [event for event in events if event.record is not None]
    seconds = [min(e.seconds, 120.0) for e in answers if e.seconds is not None and not e.simulated]
    return len(answers), sum(seconds) / 60


class Ledger:
    """Purchases in order. `ledger.add(40, 3.5, 12.0, score=0.61)`, then print it."""

    def __init__(self, entries: Iterable[Entry] = ()):
        self.entries = list(entries)

    def add(
        self, labels: int, human_minutes: Number, compute_seconds: Number, *, score: Number, what: str = ""
    ) -> Entry:
        """Write down what was spent since the last entry, and the score it led to."""
        entry = Entry(labels, human_minutes, compute_seconds, score, what)
        self.entries.append(entry)
        return entry

    def running(self) -> list[Entry]:
        """The same entries with costs added up from the beginning."""
        labels, minutes, seconds, rows = 0, 0.0, 0.0, []
        for entry in self.entries:
            labels += entry.labels
            minutes += entry.human_minutes
            seconds += entry.compute_seconds
            rows.append(Entry(labels, minutes, seconds, entry.score, entry.what))
        return rows

    def until(self, target: Number) -> Entry | None:
        """What it cost to reach the target and stay there: the first row from which the score never fell below it."""
        rows = self.running()
        below = [i for i, row in enumerate(rows) if not row.score >= target]
        first = below[-1] + 1 if below else 0
        return rows[first] if first < len(rows) else None

    def __str__(self) -> str:
        rows = [f"{'labels':>8}{'minutes':>9}{'seconds':>9}{'score':>9}{'per label':>11}"]
        before: Entry | None = None
        for row in self.running():
            gained = "" if before is None else self._per_label(before, row)
            minutes, seconds = f"{row.human_minutes:.1f}", f"{row.compute_seconds:.0f}"
            line = f"{row.labels:>8}{minutes:>9}{seconds:>9}{row.score:>9.3f}{gained:>11}  {row.what}"
            rows.append(line.rstrip())
            before = row
        return "\n".join(rows)

    def _per_label(self, before: Entry, after: Entry) -> str:
        bought = after.labels - before.labels
        return f"{(after.score - before.score) / bought:+.4f}" if bought else ""
