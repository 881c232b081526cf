"""The tables of a feedback store, and the steps that bring an older store up to date.

A step, once released, is never edited: a change of the tables is a new step at the end of `STEPS`.
"""

import json
import secrets
from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    insert,
    inspect,
    select,
)
from sqlalchemy.engine import Connection

from rlhf_edu.feedback.events import Event, StoreError
from rlhf_edu.feedback.types import from_json, kind_of, to_json

metadata = MetaData()
schema_version = Table("schema_version", metadata, Column("version", Integer, primary_key=True))
events = Table(
    "events",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("uid", String(64), nullable=False, unique=True),
    Column("action", String(16), nullable=False),
    Column("annotator", String(200), nullable=False, index=True),
    Column("item", String(200), nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("record", Text, nullable=False),  # JSON, empty where the event carries no record
    Column("target", String(64), nullable=False),
    Column("note", Text, nullable=False),
    Column("simulated", Boolean, nullable=False),
    Column("shown_order", String(200), nullable=False),
    Column("seconds", Float),
    Column("shown_at", Float),
    Column("answered_at", Float, nullable=False),
    sqlite_autoincrement=True,  # an erased event's number is never given out again
)
leases = Table(
    "leases",
    metadata,
    Column("item", String(200), primary_key=True),
    Column("annotator", String(200), primary_key=True),
    Column("expires", Float, nullable=False),
)
settings = Table(
    "settings",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)
erased = Table(  # so that a merge with an older copy does not bring back whom we were asked to forget
    "erased",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("erased_at", Float, nullable=False),
)


def _events(connection: Connection) -> None:
    events.create(connection)


def _leases(connection: Connection) -> None:
    leases.create(connection)


def _privacy(connection: Connection) -> None:
    settings.create(connection)
    erased.create(connection)
    connection.execute(insert(settings).values(name="pseudonym_key", value=secrets.token_hex(32)))


STEPS: Sequence[Callable[[Connection], None]] = (_events, _leases, _privacy)


def migrate(connection: Connection) -> int:
    """Run the steps that this database has not seen, inside the caller's transaction; return how many there were."""
    steps = STEPS
    if not inspect(connection).has_table("schema_version"):
        schema_version.create(connection)
    version = max(connection.execute(select(schema_version.c.version)).scalars(), default=0)
    if version > len(steps):
        raise StoreError(
            f"the store was written by a newer rlhf_edu (its tables are version {version}, this one knows "
            f"{len(steps)}): update the package, or use another file"
        )
    for number, step in enumerate(steps[version:], start=version + 1):
        step(connection)
        connection.execute(insert(schema_version).values(version=number))
    return len(steps) - version


def to_row(event: Event) -> dict:
    """The event as a row of the table `events`."""
    return {
        "uid": event.uid,
        "action": event.action,
        "annotator": event.annotator,
        "item": event.item,
        "kind": kind_of(event.record) if event.record else "",
        "record": to_json(event.record) if event.record else "",
        "target": event.target,
        "note": _storable(event.note),
        "simulated": event.simulated,
        "shown_order": json.dumps(event.order),
        "seconds": event.seconds,
        "shown_at": event.shown_at,
        "answered_at": event.answered_at,
    }


def _storable(words: str) -> str:
    """The words as every database takes them: lone surrogates and NUL are spelt out."""
    return words.encode("utf-8", "backslashreplace").decode().replace("\x00", "\\x00")


def from_row(row: Mapping) -> Event:
    """The event that a row of the table `events` holds."""
    same = {name: row[name] for name in ("action", "annotator", "item", "target", "note", "uid")}
    times = {name: row[name] for name in ("seconds", "shown_at", "answered_at")}
    record = from_json(row["record"]) if row["record"] else None
    return Event(
        **same, **times, record=record, simulated=bool(row["simulated"]), order=tuple(json.loads(row["shown_order"]))
    )


def read_log(connection: Connection, annotator: str | None = None, items: list[str] | None = None) -> list[Event]:
    """The log, oldest first: of everybody or of one person, on everything or on some items."""
    query = select(events).order_by(events.c.answered_at, events.c.id)
    if annotator is not None:
        query = query.where(events.c.annotator == annotator)
    if items is not None and len(items) <= 500:  # SQL takes only so many parameters
        query = query.where(events.c.item.in_(items))
    keep = None if items is None else set(items)
    rows = connection.execute(query).mappings()
    return [from_row(row) for row in rows if keep is None or row["item"] in keep]
