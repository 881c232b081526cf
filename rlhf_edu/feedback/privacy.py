"""Names that tell nothing, and forgetting people for good."""

import hashlib
import hmac
import secrets
import time

from sqlalchemy import delete, insert, select, update
from sqlalchemy.engine import Connection

from rlhf_edu.feedback.schema import erased, events, leases, settings

_HOW = (
    "amber brave calm clear eager early fair gentle green happy keen kind lucky merry neat plain quiet quick swift warm"
)
_WHO = "badger crane deer eagle finch fox hare heron ibis lark lynx mole newt otter owl raven robin seal swan wren"


def fresh_name() -> str:
    """A name for a new annotator, such as "quiet otter 4821", which says nothing about the person who takes it."""
    return f"{secrets.choice(_HOW.split())} {secrets.choice(_WHO.split())} {secrets.randbelow(9000) + 1000}"


def pseudonym_key(connection: Connection) -> str:
    """This store's secret. Whoever holds the store itself can test a name they guess; nobody else can."""
    return connection.execute(select(settings.c.value).where(settings.c.name == "pseudonym_key")).scalar_one()


def digest(key: str, annotator: str) -> str:
    """HMAC-SHA256 of the name under the store's secret."""
    return hmac.new(bytes.fromhex(key), annotator.encode(), hashlib.sha256).hexdigest()


def erase(connection: Connection, annotator: str) -> int:
    """Delete a person's events and leases, and remember when, under a digest of the name; return how many events."""
    connection.execute(delete(leases).where(leases.c.annotator == annotator))
    count = connection.execute(delete(events).where(events.c.annotator == annotator)).rowcount
    who, now = digest(pseudonym_key(connection), annotator), time.time()
    if connection.execute(update(erased).where(erased.c.digest == who).values(erased_at=now)).rowcount == 0:
        connection.execute(insert(erased).values(digest=who, erased_at=now))
    return count


def forgotten_since(connection: Connection, annotators: set[str]) -> dict[str, float]:
    """Which of these people were erased here, and when: nothing older of theirs may come back."""
    key = pseudonym_key(connection)
    when = {row.digest: row.erased_at for row in connection.execute(select(erased))}
    found = {name: when.get(digest(key, name)) for name in annotators}
    when_pseudonym = {f"person-{who[:10]}": at for who, at in when.items()}  # as our own exports call them
    found |= {name: when_pseudonym[name] for name in annotators if name in when_pseudonym}
    return {name: at for name, at in found.items() if at is not None}
