"""Where answers are kept: an append-only log in SQLite (one file, no server) or PostgreSQL (a whole class at once).

An answer that `add` has returned is on the disk: neither a killed process nor a power cut can lose it. Nothing is ever
overwritten; the one exception is `erase`, because people may ask for their data to be deleted.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from rlhf_edu.feedback.database import Database
from rlhf_edu.feedback.events import Event, StoreError, standing
from rlhf_edu.feedback.leases import claim
from rlhf_edu.feedback.privacy import digest, erase, pseudonym_key
from rlhf_edu.feedback.schema import events, leases, read_log, to_row
from rlhf_edu.feedback.types import Feedback, Number, item_of, kind_of


class FeedbackStore:
    """Answers at `url`: a path, "sqlite:///path", or "postgresql://user@host/database"; without one, only in memory.

    Safe to use from any thread and from several processes at once. A store waits up to `timeout_seconds` for another
    writer, then raises `StoreError`, as it does for a full disk, a damaged file and the like: one sentence each. With
    `must_exist`, a place that holds no store yet is such a fault too, instead of becoming one.
    """

    def __init__(self, url: str | Path = "sqlite://", timeout_seconds: Number = 5.0, *, must_exist: bool = False):
        self.database = Database(url, timeout_seconds, must_exist)
        self.database.update_tables()

    def __repr__(self) -> str:
        return f"<FeedbackStore at {self.database.name}: {len(self.answers())} answers hold now>"

    def add(
        self,
        record: Feedback,
        *,
        annotator: str = "me",
        seconds: Number | None = None,
        simulated: bool = False,
        item: str = "",
        order: tuple[int, ...] = (),
        shown_at: Number | None = None,
    ) -> Event:
        """Keep an answer; when this returns, it is on the disk. `item` defaults to the question the record answers."""
        item = item or item_of(record)
        new = Event("answer", annotator, item, record, simulated=simulated, order=tuple(order), seconds=seconds)
        return self.append(replace(new, shown_at=shown_at))

    def append(self, *new: Event) -> Event:
        """Keep events, all or none, and return the last. Sending one again does no harm: its uid is unique."""
        for last_try in (False, True):  # once more when another thread stored the very same event in between
            try:
                with self.database.writing() as connection:
                    for one in new:
                        if connection.execute(select(events.c.id).where(events.c.uid == one.uid)).first() is None:
                            connection.execute(insert(events).values(to_row(one)))
                break
            except IntegrityError as error:
                if last_try:
                    raise StoreError(
                        f"{self.database.name} refused an event ({error.orig}): none was stored"
                    ) from error
        return new[-1]

    def undo(self, *, annotator: str = "me", items: Iterable[str] | None = None) -> Event | None:
        """Take back this person's last answer or skip (among `items`); return it, or None when there is none left."""
        wanted = None if items is None else set(items)
        with self.database.writing() as connection:
            log = read_log(connection, annotator)
            undone = {e.target for e in log if e.action == "undo"}
            for last in reversed(log):
                if (
                    last.action in ("answer", "skip")
                    and last.uid not in undone
                    and (wanted is None or last.item in wanted)
                ):
                    back = Event("undo", annotator, last.item, target=last.uid, simulated=last.simulated)
                    connection.execute(insert(events).values(to_row(back)))
                    return last
        return None

    def events(self, annotator: str | None = None, items: Iterable[str] | None = None) -> list[Event]:
        """The log, oldest first: of everybody or of one person, on everything or on some items."""
        with self.database.reading() as connection:
            return read_log(connection, annotator, None if items is None else list(items))

    def answers(
        self,
        kind: str | type | None = None,
        *,
        annotator: str | None = None,
        simulated: bool | None = None,
        items: Iterable[str] | None = None,
    ) -> list[Event]:
        """The answers that hold now, each with its annotator, item, time taken and the order shown."""
        name = None if kind is None else kind_of(kind)
        wanted = None if items is None else set(items)
        return [
            e
            for e in standing(self.events(annotator))
            if e.record is not None
            and name in (None, kind_of(e.record))
            and simulated in (None, e.simulated)
            and (wanted is None or e.item in wanted)
        ]

    def all(self, kind: str | type | None = None, **which) -> list[Feedback]:
        """The answers that hold now as plain records: `all("preference")`, `all(Rating, annotator="ann")`, …"""
        return [e.record for e in self.answers(kind, **which) if e.record is not None]

    def claim(self, items: Sequence[str], annotator: str, *, per_item: int, seconds: Number, limit: int) -> list[str]:
        """The first of `items` that still need this person, now held for them: no one else is asked meanwhile."""
        return claim(self.database, items, annotator, per_item=per_item, seconds=seconds, limit=limit)

    def consent(self, annotator: str, statement: str) -> Event:
        """Write down that a person agreed, and to which words."""
        return self.append(Event("consent", annotator, note=statement))

    def withdraw(self, annotator: str) -> Event:
        """Write down that a person no longer agrees: their answers no longer count. (`erase` deletes them.)"""
        return self.append(Event("withdraw", annotator))

    def consented(self, annotator: str) -> bool:
        """Whether this person agreed, and has not withdrawn."""
        words = [e.action for e in self.events(annotator) if e.action in ("consent", "withdraw")]
        return words[-1:] == ["consent"]

    def person(self, annotator: str) -> list[dict]:
        """Everything kept about one person, as plain rows, to hand over on request."""
        with self.database.reading() as connection:
            query = select(events).where(events.c.annotator == annotator).order_by(events.c.id)
            rows = [dict(row) for row in connection.execute(query).mappings()]
            held = connection.execute(select(leases).where(leases.c.annotator == annotator)).mappings()
            return rows + [{"action": "lease", **row} for row in held]

    def erase(self, annotator: str) -> int:
        """Delete everything kept about one person, for good; return how many events that were.

        What stays is a keyed digest of the name, which keeps `merge` from bringing the person back from an older copy.
        """
        with self.database.writing() as connection:
            count = erase(connection, annotator)
        self.database.forget_deleted()
        return count

    def pseudonym(self, annotator: str) -> str:
        """The name under which this person's answers leave the store: always the same, and not to be turned back."""
        with self.database.reading() as connection:
            return f"person-{digest(pseudonym_key(connection), annotator)[:10]}"

    def close(self) -> None:
        """Close the connections; the store opens them again when it needs them."""
        self.database.close()
