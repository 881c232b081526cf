"""One person working through a queue of questions: what comes next, what was said, and how to take it back.

Knows nothing of Jupyter: widgets are thin views over a session. Everything may be called from any thread.
"""

import statistics
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from rlhf_edu.feedback.events import Event, StoreError, as_asked, judge
from rlhf_edu.feedback.listeners import Listeners
from rlhf_edu.feedback.outbox import Outbox
from rlhf_edu.feedback.showing import Progress, Shown, shuffled
from rlhf_edu.feedback.types import Feedback, Number, Query

TOO_SOON_SECONDS = 0.25


class FeedbackSession:
    """Asks `annotator` the `queries`, keeps every answer in `store`, and resumes where this person left off.

    Sides are shuffled from `seed`, each item on its own, so that they are the same after resuming. With `per_item`,
    people who share the store get different items, until that many have answered each; an item is held for its person
    for `lease_seconds`. Without it, everybody is asked everything.
    """

    def __init__(
        self,
        queries: Iterable[Query],
        store,
        *,
        annotator: str = "me",
        seed: int = 0,
        per_item: int | None = None,
        lease_seconds: Number = 120.0,
        guidelines: str = "",
    ):
        if per_item is not None and per_item < 1:
            raise ValueError(f"per_item is {per_item}, but it must be at least 1 (None: everybody answers everything)")
        self.store, self.annotator, self.seed, self.guidelines = store, annotator, seed, guidelines
        self.per_item, self.lease_seconds = per_item, lease_seconds
        self._lock = threading.RLock()
        self._queries: dict[str, Query] = {}
        self._history: list[Event] = []  # this person's answers and skips, none taken back
        self._filled: dict[str, Event] = {}  # simulated answers
        self._leases: dict[str, float] = {}
        self._reclaim = False  # an item was taken back, so that what is held is not all there is
        self._head, self._last_press = ("", 0.0), -1e9
        self._answered, self._changed = Listeners(self), Listeners(self)
        self._outbox, self._claim_problem = Outbox(store, self._changed.fire), ""
        self.extend(queries)

    def extend(self, queries: Iterable[Query]) -> None:
        """Put more queries at the end of the queue. One that is there already is asked a second time, as `id#2`."""
        with self._lock:
            for query in queries:
                base, count = query.id, 1
                while query.id in self._queries:
                    count += 1
                    query = replace(query, id=f"{base}#{count}")
                self._queries[query.id] = query
            mine = self.store.events(self.annotator)
            if [e.action for e in mine if e.action in ("consent", "withdraw")][-1:] == ["withdraw"]:
                mine = []  # what they said no longer counts
            log = [e for e in mine if e.item in self._queries]
            log += self._outbox.waiting
            undone = {e.target for e in log if e.action == "undo"}
            kept = [e for e in log if e.action in ("answer", "skip") and e.uid not in undone]
            self._history = list({e.uid: e for e in kept if not e.simulated}.values())
            self._filled.update({e.item: e for e in self.store.answers(simulated=True, items=self._queries)})
        self._changed.fire()

    # ---- asking

    def shown(self, item: str) -> Shown:
        """A query as this person sees it. Only comparisons, clips and rankings are shuffled."""
        if item not in self._queries:
            raise ValueError(f"item {item!r} is not in this session's queue of {len(self._queries)} queries")
        return shuffled(self._queries[item], self.annotator, self.seed)

    def upcoming(self, limit: int = 1) -> list[Shown]:
        """The next items to answer, at most `limit`, the current one first."""
        with self._lock:
            handled = self._handled()
            waiting = [item for item in self._queries if item not in handled]
            items = waiting[:limit] if self.per_item is None else self._claim(waiting, limit)
            if items and items[0] != self._head[0]:
                self._head = (items[0], time.time())
            return [self.shown(item) for item in items]

    @property
    def current(self) -> Shown | None:
        """The item to answer now, or None when there is nothing left."""
        return next(iter(self.upcoming(1)), None)

    # ---- answering

    def answer(
        self, value: Any, *, item: str | None = None, seconds: Number | None = None, pressed_at: Number | None = None
    ) -> bool:
        """Keep an answer to `item` (the current one by default); True when it counted.

        A comparison takes "left", "right", "tie" or "both_bad", as shown. A view passes `pressed_at`, the time of the
        click on the page's clock: a second click within 250 ms is ignored (False), and so is one on an item already
        answered. Raises StoreError when the answer could not be stored; it is kept here and sent again until it is.
        """
        return self._act(value, "answer", "", item, seconds, pressed_at)

    def skip(
        self,
        reason: str = "",
        *,
        item: str | None = None,
        seconds: Number | None = None,
        pressed_at: Number | None = None,
    ) -> bool:
        """Leave an item unanswered, saying why; it is not asked again unless the skip is undone."""
        return self._act(None, "skip", reason, item, seconds, pressed_at)

    def _act(self, value, action: str, note: str, item, seconds, pressed_at) -> bool:
        with self._lock:
            shown = self.current if item is None else self.shown(item)
            if shown is None:
                raise ValueError("everything is answered: there is no current item; undo() reopens the last one")
            if shown.item in self._handled():
                return False
            if pressed_at is not None:
                if 0 <= pressed_at - self._last_press < TOO_SOON_SECONDS:
                    return False
                self._last_press = pressed_at
            record = as_asked(judge(shown.query, value), shown.order) if action == "answer" else None
            now, started = time.time(), self._head[1] if self._head[0] == shown.item else None
            if seconds is None or not 0 <= seconds < float("inf"):  # the page's clock may have been set in between
                seconds = None if started is None else now - started
            new = Event(action, self.annotator, shown.item, record, note=note, order=shown.order, seconds=seconds)
            new = replace(new, answered_at=now, shown_at=None if seconds is None else now - seconds)
            self._history.append(new)
            self._leases.pop(shown.item, None)
            error = self._outbox.send(new)
        self._changed.fire()  # first the views, so that the next item never waits for what learns from this one
        if action == "answer":
            self._answered.fire()
        if error:
            raise error
        return True

    def undo(self) -> bool:
        """Take back the last answer or skip, as often as you like; False when there is nothing left to take back."""
        with self._lock:
            if not self._history:
                return False
            last, self._reclaim = self._history.pop(), True
            error = self._outbox.send(Event("undo", self.annotator, last.item, target=last.uid))
        self._changed.fire()
        if error:
            raise error
        return True

    def fill(self, records: dict[str, Feedback], *, name: str = "simulated") -> int:
        """Keep a simulated person's answers, marked as such; a person's own answer to the same item goes before it."""
        with self._lock:
            standing_ones = {item: event.record for item, event in self._filled.items() if event.annotator == name}
            news = [
                Event("answer", name, item, record, simulated=True, order=self.shown(item).order)
                for item, record in records.items()
                if standing_ones.get(item) != record
            ]
            if news:
                self.store.append(*news)
            self._filled.update({event.item: event for event in news})
        self._changed.fire()
        return len(records)

    # ---- reading

    def answers(self, simulated: bool = True) -> list[Feedback]:
        """The answers that hold now, in the queue's order: the person's own and, where there is none, the simulated."""
        return [e.record for e in self.events(simulated) if e.record is not None]

    def events(self, simulated: bool = True) -> list[Event]:
        """What stands behind `answers`: who answered, in which order the options were shown, how long it took."""
        with self._lock:
            best = {**(self._filled if simulated else {}), **self._handled()}
            return [best[item] for item in self._queries if item in best]

    @property
    def queries(self) -> list[Query]:
        """The whole queue, answered or not."""
        with self._lock:
            return list(self._queries.values())

    @property
    def progress(self) -> Progress:
        """How many are answered, skipped, simulated and left, and how fast it goes."""
        with self._lock:
            own = self._handled().values()
            times = [e.seconds for e in own if e.seconds is not None][-20:]
            return Progress(
                answered=sum(e.action == "answer" for e in own),
                skipped=sum(e.action == "skip" for e in own),
                total=len(self._queries),
                simulated=sum(e.simulated for e in self.events()),
                unsaved=len(self._outbox.waiting),
                seconds_each=statistics.median(times) if times else None,
            )

    @property
    def problem(self) -> str:
        """One sentence while answers wait to be stored, or while no more items can be had; else empty."""
        return self._outbox.problem or self._claim_problem

    # ---- being told

    def on_answer(self, fn: Callable[["FeedbackSession"], Any], background: bool = False) -> Callable[[], None]:
        """Call `fn(session)` after each of the person's answers; the returned function takes it off again.

        With `background=True` it runs in a thread of its own, so that slow work (fitting a model) never holds up the
        next click; answers that come in meanwhile are folded into one more call.
        """
        return self._answered.add(fn, background)

    def on_change(self, fn: Callable[["FeedbackSession"], Any], background: bool = False) -> Callable[[], None]:
        """Call `fn(session)` after every answer, skip, undo or refill of the queue."""
        return self._changed.add(fn, background)

    def settle(self, timeout: Number = 60.0) -> bool:
        """Wait until the background listeners have caught up; False when `timeout` seconds were not enough."""
        return self._answered.settle(timeout) and self._changed.settle(timeout)

    def _handled(self) -> dict[str, Event]:
        return {event.item: event for event in self._history}

    def _claim(self, waiting: list[str], limit: int) -> list[str]:
        now = time.time()
        held = [item for item in waiting if self._leases.get(item, 0.0) > now]
        few = len(held) <= limit // 2  # not with every answer: each claim makes all the others wait
        if waiting and (few or self._reclaim):
            people = {"per_item": self.per_item, "seconds": self.lease_seconds}
            try:
                held = self.store.claim(waiting, self.annotator, **people, limit=limit)
                self._leases = dict.fromkeys(held, now + self.lease_seconds)
                self._claim_problem, self._reclaim = "", False
            except StoreError as error:
                if not held:
                    raise
                self._claim_problem = str(error)  # what is held can still be answered
        return held[:limit]
