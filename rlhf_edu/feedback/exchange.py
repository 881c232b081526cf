"""Answers out of a store and into it: exported, imported, and several stores merged. Each all or nothing."""

import hashlib
import json
import math
import os
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

from rlhf_edu.feedback.answer_files import read_argilla, read_csv, write_argilla, write_csv
from rlhf_edu.feedback.events import Event, standing
from rlhf_edu.feedback.privacy import forgotten_since
from rlhf_edu.feedback.store import FeedbackStore
from rlhf_edu.feedback.training_files import FORMATS
from rlhf_edu.feedback.types import Feedback, item_of

NAMES = (*FORMATS, "argilla", "csv")
ARGILLA_NAMES = ("prompt", "response", "response_a", "response_b", "preference", "rating", "ranking", "edit")
SIMULATED = {"no": False, "only": True, "also": None}


@dataclass(frozen=True)
class Report:
    """What was written or taken in, and what was left out and why."""

    count: int
    what: str
    left_out: Counter[str]
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [f"{self.count} {self.what}"]
        lines += [f"left out: {n} {reason}" for reason, n in self.left_out.items() if n]
        return "\n".join([*lines, *self.notes])


def export(
    store: FeedbackStore, format: str, *, simulated: str = "no", names: bool = False, consented: bool = False
) -> tuple[str, Report]:
    """The answers that hold now, as the text of a file, with a report.

    Without `names`, people appear under their pseudonyms. With `consented`, only those who said yes count. `simulated`
    answers are left out ("no"), taken along ("also"), or the only ones ("only").
    """
    _known(format)
    if simulated not in SIMULATED:
        raise ValueError(f"simulated is {simulated!r}, but it must be one of {', '.join(SIMULATED)}")
    left_out: Counter[str] = Counter()
    log = store.events()
    agreed = {e.annotator: e.action == "consent" for e in log if e.action in ("consent", "withdraw")}
    events = []
    for event in store.answers():
        if SIMULATED[simulated] not in (None, event.simulated):
            left_out["simulated answers" if event.simulated else "answers of people"] += 1
        elif consented and not event.simulated and not agreed.get(event.annotator):
            left_out["answers of people who did not consent"] += 1
        else:
            events.append(event)
    if simulated != "only" and (skips := sum(e.action == "skip" and not e.simulated for e in standing(log))):
        left_out["skips"] = skips
    if not names:
        people = {e.annotator: store.pseudonym(e.annotator) for e in events if not e.simulated}
        events = [replace(e, annotator=people.get(e.annotator, e.annotator)) for e in events]
    if format in ("csv", "argilla"):
        text, number, more = (write_csv if format == "csv" else write_argilla)(events)
        return text, Report(number, "answers", left_out + more)
    rows, more = FORMATS[format][0](events)
    text = "".join(json.dumps(row) + "\n" for row in rows)
    return text, Report(len(rows), f"rows, from {len(events)} answers", left_out + more)


def parse(
    text: str,
    format: str,
    annotator: str = "imported",
    names: Mapping[str, str] = {},
    left_out: Counter[str] | None = None,
) -> list[Event]:
    """The answers in the text of a file. Where it names nobody, `annotator` gave them. `names` are those of its fields and
    questions, where an Argilla-style file has its own: {"prompt": "instruction", "rating": "quality"}.

    Raises ValueError, naming the line, when anything in it cannot be understood. The same text gives the same uids, so
    that importing a file twice adds nothing. What is no answer yet (Argilla's drafts) is counted in `left_out`.
    """
    _known(format)
    if names and format != "argilla":
        raise ValueError(f"only argilla files have names of their own to give, but the format is {format}")
    if unknown := sorted(n for n in names if n not in ARGILLA_NAMES and not n.startswith("response_")):
        raise ValueError(
            f"{unknown[0]!r} is no name of ours: expected one of {', '.join(ARGILLA_NAMES)}, response_0, …"
        )
    seen: Counter[Any] = Counter()

    def event(record: Feedback, *, annotator: str = "", item: str = "", uid: str = "", **more: Any) -> Event:
        who = annotator or default
        if not item:  # the same question once more is another item, or the later answer would replace the earlier
            item = item_of(record)
            seen[who, item] += 1
            item += f"#{seen[who, item]}" if seen[who, item] > 1 else ""
        if not uid:
            uid = hashlib.sha256(repr((format, who, item, record)).encode(errors="backslashreplace")).hexdigest()[:32]
        if len(uid) > 64 or len(item) > 200:
            raise ValueError(f"uid {uid[:20]!r} has at most 64 characters, item {item[:20]!r} at most 200: shorten it")
        for name in ("seconds", "shown_at", "answered_at"):
            if not isinstance(more.get(name), int | float | None):
                raise ValueError(f"{name} is {more[name]!r}, but it must be a number of seconds")
        if more.get("answered_at") is None:
            more.pop("answered_at", None)
        return Event("answer", who, item, record, uid=uid, **more)

    default = annotator
    if format == "csv":
        return read_csv(text, event)
    if format == "argilla":
        return read_argilla([row for _, row in _objects(text)], event, names, left_out)
    read = FORMATS[format][1]
    if read is None:
        raise ValueError(f"a {format} file holds prompts and no answers, so there is nothing to import")
    events = []
    for line, row in _objects(text):
        try:
            events.append(event(read(row)))
        except ValueError as error:
            raise ValueError(f"line {line}: {error}") from None
    return events


def take_in(
    store: FeedbackStore, events: Sequence[Event], notes: tuple[str, ...] = (), left_out: Mapping[str, int] = {}
) -> Report:
    """Append events of elsewhere, all or none; what is there already, or belongs to erased people, stays out."""
    known = {e.uid for e in store.events()}
    with store.database.reading() as connection:
        erased_at = forgotten_since(connection, {e.annotator for e in events})
    new, left_out = {}, Counter(left_out)
    for event in events:
        if event.uid in known or event.uid in new:
            left_out["that were there already"] += 1
        elif event.answered_at <= erased_at.get(event.annotator, -math.inf):
            left_out["of people whose data was deleted here"] += 1
        else:
            new[event.uid] = event
    if new:
        store.append(*new.values())
    return Report(len(new), "events taken in", left_out, notes)


def merge(store: FeedbackStore, sources: Iterable[tuple[str, FeedbackStore]], same_names: bool = False) -> Report:
    """Copy the whole logs of `sources` (each with a short name) into `store`.

    Two people who both call themselves "me" stay two: a name that is taken gets that of its source, as "me (bob)",
    unless both logs have an event in common (one is a copy of the other) or `same_names` says that they are one person.
    """
    owner = {e.uid: e.annotator for e in store.events()}
    taken, everything, notes = set(owner.values()), [], []
    logs = [(name, source.events()) for name, source in sources]
    with store.database.reading() as connection:
        erased_at = forgotten_since(connection, {e.annotator for _, log in logs for e in log})
    gone = 0
    for source_name, log in logs:
        called, known = {}, set()
        for who in dict.fromkeys(e.annotator for e in log):
            same = next((owner[e.uid] for e in log if e.annotator == who and e.uid in owner), None)
            known |= {who} if same else set()
            called[who] = same or (
                who if same_names or who not in taken else _free(f"{who[:90]} ({source_name[:90]})", taken)
            )
            if same is None and called[who] != who:
                notes.append(
                    f"{who} of {source_name} is now called {called[who]}: the name was taken"
                    " (one person? merge into a new store with --same-names)"
                )
        for event in log:
            if event.annotator not in known and event.answered_at <= erased_at.get(event.annotator, -math.inf):
                gone += 1
            else:
                everything.append(replace(event, annotator=called[event.annotator]))
                owner.setdefault(event.uid, called[event.annotator])
        taken |= set(called.values())
    report = take_in(store, everything, tuple(notes))
    return replace(report, left_out=report.left_out + Counter({"of people whose data was deleted here": gone}))


def write_whole(path: Path, text: str, overwrite: bool = False) -> None:
    """Write a file completely or not at all; one that is there stays unless `overwrite`."""
    if path.exists() and not overwrite:
        raise ValueError(f"{path} is there already: choose another name, or pass --overwrite")
    if not path.parent.is_dir():
        raise ValueError(f"{path.parent} is no folder: make it first, or choose another place")
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def read_text(path: Path) -> str:
    """The text of a file, with a clear word about what is no text."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return file.read()
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not UTF-8 text (byte {error.start}): save it as UTF-8") from None


def _free(name: str, taken: set[str]) -> str:
    numbers = (f"{name} {i}" for i in count(2))
    return name if name not in taken else next(n for n in numbers if n not in taken)


def _known(format: str) -> None:
    if format not in NAMES:
        raise ValueError(f"format is {format!r}, but it must be one of {', '.join(NAMES)}")


def _objects(text: str) -> Iterator[tuple[int, dict]]:
    """(line, object) of JSON lines, or of one JSON list, whose objects count as lines."""
    if text.lstrip().startswith("["):
        try:
            found = list(enumerate(json.loads(text), start=1))
        except (ValueError, RecursionError) as error:
            raise ValueError(f"it is no JSON: {error}") from None
    else:
        found = [(n, line) for n, line in enumerate(text.split("\n"), start=1) if line.strip()]
    for number, line in found:
        try:
            row = json.loads(line) if isinstance(line, str) else line
        except (ValueError, RecursionError) as error:
            raise ValueError(f"line {number} is no JSON: {error}") from None
        if not isinstance(row, dict):
            raise ValueError(f"line {number} is {str(row)[:40]!r}, but it must be a JSON object")
        yield number, row
