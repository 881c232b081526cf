"""Who works on what: so that several people on one store do not answer the same item unless they are asked to."""

from collections.abc import Sequence

from sqlalchemy import delete, insert, select
from sqlalchemy.engine import Connection

from rlhf_edu.feedback.database import Database
from rlhf_edu.feedback.schema import events, leases

BLOCK = 400  # SQL takes only so many parameters


def claim(
    database: Database, items: Sequence[str], annotator: str, *, per_item: int, seconds: float | int, limit: int
) -> list[str]:
    """The first `limit` of `items` that still need this person, now held for them for `seconds`.

    An item needs people until `per_item` have answered it or hold it. Who answered or skipped it is not asked again.
    """
    claimed: list[str] = []
    with database.writing() as connection:
        database.one_at_a_time(connection)
        now = database.now(connection)
        connection.execute(delete(leases).where(leases.c.expires < now))
        for start in range(0, len(items), BLOCK):
            block = list(items[start : start + BLOCK])
            finished = latest_actions(connection, block)
            held = connection.execute(select(leases.c.item, leases.c.annotator).where(leases.c.item.in_(block)))
            holders = {key for key, action in finished.items() if action == "answer"}
            holders |= {(lease.item, lease.annotator) for lease in held} - finished.keys()
            others: dict[str, int] = {}
            for item, who in holders:
                others[item] = others.get(item, 0) + (who != annotator)
            free = [i for i in block if (i, annotator) not in finished and others.get(i, 0) < per_item]
            claimed += free[: limit - len(claimed)]
            if len(claimed) == limit:
                break
        if claimed:
            mine = leases.c.item.in_(claimed) & (leases.c.annotator == annotator)
            connection.execute(delete(leases).where(mine))
            rows = [{"item": item, "annotator": annotator, "expires": now + seconds} for item in claimed]
            connection.execute(insert(leases), rows)
    return claimed


def latest_actions(connection: Connection, items: Sequence[str]) -> dict[tuple[str, str], str]:
    """For (item, person): "answer" or "skip", whichever holds now. Simulated people hold nobody up.

    The same as `standing` finds, without reading the records: this is asked for with every few answers of a class.
    """
    columns = (events.c.uid, events.c.action, events.c.annotator, events.c.item, events.c.target)
    here = events.c.item.in_([*items, ""])  # consent stands under no item
    log = connection.execute(
        select(*columns).where(here, events.c.simulated.is_(False)).order_by(events.c.answered_at, events.c.id)
    ).all()
    undone = {row.target for row in log if row.action == "undo"}
    consent = {row.annotator: row.action for row in log if row.action in ("consent", "withdraw")}
    return {
        (row.item, row.annotator): row.action
        for row in log
        if row.action in ("answer", "skip") and row.uid not in undone and consent.get(row.annotator) != "withdraw"
    }
