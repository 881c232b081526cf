"""Who works on what: so that several people on one store do not answer the same item unless they are asked to."""

import time
from collections.abc import Sequence

from sqlalchemy import delete, insert, select

from rlhf_edu.feedback.database import Database
from rlhf_edu.feedback.events import standing
from rlhf_edu.feedback.schema import leases, read_log


def claim(
    database: Database, items: Sequence[str], annotator: str, *, per_item: int, seconds: float | int, limit: int
) -> list[str]:
    """The first `limit` of `items` that still need this person, now held for them for `seconds`.

    An item needs people until `per_item` have answered it or hold it. Who answered or skipped it is not asked again.
    """
    now, claimed = time.time(), []
    with database.writing() as connection:
        database.one_at_a_time(connection)
        connection.execute(delete(leases).where(leases.c.expires < now))
        for start in range(0, len(items), 200):
            block = list(items[start : start + 200])
            log = [e for e in standing(read_log(connection, items=block)) if not e.simulated]
            finished = {(e.item, e.annotator) for e in log}
            holders = {(e.item, e.annotator) for e in log if e.action == "answer"}
            held = connection.execute(select(leases).where(leases.c.item.in_(block)))
            holders |= {(lease.item, lease.annotator) for lease in held} - finished
            for item in block:
                others = sum(1 for it, who in holders if it == item and who != annotator)
                if (item, annotator) not in finished and others < per_item:
                    mine = (leases.c.item == item) & (leases.c.annotator == annotator)
                    connection.execute(delete(leases).where(mine))
                    connection.execute(insert(leases).values(item=item, annotator=annotator, expires=now + seconds))
                    claimed.append(item)
                    if len(claimed) == limit:
                        return claimed
    return claimed
