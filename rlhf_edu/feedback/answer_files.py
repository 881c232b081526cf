"""Answers as files that keep who said what: a table (CSV) and Argilla-style records (JSON).

Both hold every kind of answer, ties included, and come back as they went out.
"""

import csv
import io
import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from rlhf_edu.feedback.events import Event
from rlhf_edu.feedback.types import Edit, Feedback, Preference, Ranking, Rating, from_json, kind_of

TIMES = ("seconds", "shown_at", "answered_at")
WHAT = ("kind", "prompt", "a", "b", "texts", "answer", "low", "high")
COLUMNS: tuple[str, ...] = (*WHAT, "annotator", "simulated", "item", "shown_order", *TIMES, "uid")
RISKY = tuple("=+-@\t\r'")


def write_csv(events: Iterable[Event]) -> tuple[str, int, Counter[str]]:
    """One row an answer. A cell that a spreadsheet would run as a formula gets a ' in front; reading takes it away."""
    out, count, left_out = io.StringIO(newline=""), 0, Counter()
    table = csv.DictWriter(out, COLUMNS, lineterminator="\r\n")  # RFC 4180; a lone \r is quoted too
    table.writeheader()
    for event in events:
        if event.record is not None:
            row = {name: _guard(str(value)) for name, value in _columns(event).items()}
            if any("\ud800" <= c <= "\udfff" for value in row.values() for c in value):
                left_out["answers whose text is no valid Unicode"] += 1
            else:
                table.writerow(row)
                count += 1
    return out.getvalue(), count, left_out


def _columns(event: Event) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(COLUMNS, "")
    match event.record:
        case Preference(prompt=p, a=a, b=b, choice=choice):
            row |= {"prompt": p, "a": a, "b": b, "answer": choice}
        case Rating(prompt=p, text=text, score=score, low=low, high=high):
            row |= {"prompt": p, "a": text, "answer": score, "low": low, "high": high}
        case Ranking(prompt=p, texts=texts, order=order):
            row |= {"prompt": p, "texts": json.dumps(texts), "answer": " ".join(map(str, order))}
        case Edit(prompt=p, text=text, edited=edited):
            row |= {"prompt": p, "a": text, "answer": edited}
    same = {name: getattr(event, name) for name in ("annotator", "simulated", "item", "uid")}
    times = {name: "" if getattr(event, name) is None else float(getattr(event, name)) for name in TIMES}
    return row | same | times | {"kind": kind_of(event.record), "shown_order": " ".join(map(str, event.order))}  # type: ignore[arg-type]


def read_csv(text: str, event: Callable[..., Event]) -> list[Event]:
    """The answers of a table with at least the columns kind, prompt, answer and what that kind needs."""
    csv.field_size_limit(2**31 - 1)
    table = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    events, where = [], "row 1"
    try:
        columns = set(table.fieldnames or ())
        if missing := {"kind", "prompt", "answer"} - columns:
            raise ValueError(f"the first line must name the columns, but {', '.join(sorted(missing))} is missing")
        ours = set(COLUMNS) <= columns  # so that nobody else's ' is taken away
        where = "row 2"
        for row in table:
            if None in row or None in row.values():
                raise ValueError(f"the row has another number of cells than there are columns ({len(columns)})")
            row = {name: value.removeprefix("'") if ours else value for name, value in row.items()}
            events.append(_event(row, event))
            where = f"row {len(events) + 2}"
    except (csv.Error, ValueError) as error:
        raise ValueError(f"{where}: {error}") from None
    return events


def _event(row: dict[str, str], event: Callable[..., Event]) -> Event:
    order = tuple(int(i) for i in row.get("shown_order", "").split())
    times = {name: _number(row, name) if row.get(name) else None for name in TIMES}
    simulated = row.get("simulated", "").strip().lower() in ("true", "1", "yes")
    same = {name: row.get(name, "") for name in ("annotator", "item", "uid")}
    return event(_record(row), **same, **times, order=order, simulated=simulated)


def _record(row: dict[str, str]) -> Feedback:
    prompt, answer = row["prompt"], row["answer"]
    match row["kind"].strip():
        case "preference":
            if answer not in ("a", "b", "tie", "both_bad"):
                raise ValueError(f"answer is {answer!r}, but a preference takes a, b, tie or both_bad")
            return Preference(prompt, row.get("a", ""), row.get("b", ""), answer)  # type: ignore[arg-type]
        case "rating":
            ends = [_number(row, name) if row.get(name) else usual for name, usual in (("low", 1.0), ("high", 5.0))]
            return Rating(prompt, row.get("a", ""), _number(row, "answer"), *ends)
        case "ranking":
            fields = {"kind": "ranking", "prompt": prompt, "texts": json.loads(row.get("texts") or "[]")}
            return from_json(json.dumps(fields | {"order": [int(i) for i in answer.split()]}))
        case "edit":
            return Edit(prompt, row.get("a", ""), answer)
        case other:
            raise ValueError(f"kind is {other!r}, but it must be preference, rating, ranking or edit")


def _number(row: dict[str, str], name: str) -> float:
    try:
        number = float(row[name])
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{name} is {row[name]!r}, but it must be a number")
    return number


def _guard(cell: str) -> str:
    return "'" + cell if cell.startswith(RISKY) and not _is_number(cell) else cell


def _is_number(cell: str) -> bool:
    try:
        return cell[1:2].isdigit() and math.isfinite(float(cell))
    except ValueError:
        return False


# ---- Argilla-style records: one a question, with everybody's responses to it


def write_argilla(events: Iterable[Event]) -> tuple[str, int, Counter[str]]:
    """A list of records with "id", "fields", "responses" (by question, one value a user) and "metadata"."""
    records: dict[str, dict] = {}
    count = 0
    for event in events:
        if event.record is None:
            continue
        kind, (fields, scale, value) = kind_of(event.record), _parts(event.record)
        key = json.dumps([event.item, kind, fields, scale])
        about = {"kind": kind, **scale, "simulated": [], "shown_order": {}, **{name: {} for name in TIMES}}
        record = {"id": event.item, "fields": fields, "responses": {kind: []}, "metadata": about}
        record = records.setdefault(key, record)
        record["responses"][kind].append({"user_id": event.annotator, "value": value, "status": "submitted"})
        if event.simulated:
            record["metadata"]["simulated"].append(event.annotator)
        record["metadata"]["shown_order"][event.annotator] = list(event.order)
        for name in TIMES:
            record["metadata"][name][event.annotator] = getattr(event, name)
        count += 1
    return json.dumps(list(records.values()), indent=1, allow_nan=False) + "\n", count, Counter()


def _parts(record: Feedback) -> tuple[dict[str, str], dict[str, Any], Any]:
    match record:
        case Preference(prompt=p, a=a, b=b, choice=choice):
            return {"prompt": p, "response_a": a, "response_b": b}, {}, choice
        case Rating(prompt=p, text=text, score=score, low=low, high=high):
            return {"prompt": p, "response": text}, {"low": low, "high": high}, score
        case Ranking(prompt=p, texts=texts, order=order):
            names = [f"response_{i}" for i in range(len(texts))]
            return {"prompt": p, **dict(zip(names, texts, strict=True))}, {}, [names[i] for i in order]
        case Edit(prompt=p, text=text, edited=edited):
            return {"prompt": p, "response": text}, {}, edited


def renamed(row: dict, names: Mapping[str, str]) -> dict:
    """A record whose fields, questions and answers are called as `write_argilla` calls them; `names` maps ours to theirs.

    {"prompt": "instruction", "response_a": "left", "preference": "which"}: what is not named keeps its name.
    """
    ours = {theirs: name for name, theirs in names.items()}
    fields = {ours.get(name, name): text for name, text in row["fields"].items()}
    sides = {names.get(f"response_{side}", f"response_{side}"): side for side in "ab"}  # an answer may name its field

    def value(kind: str, said: Any) -> Any:
        if kind == "preference" and isinstance(said, str):
            return sides.get(said, said)
        return [ours.get(v, v) if isinstance(v, str) else v for v in said] if isinstance(said, list) else said

    responses = {}
    for question, given in row["responses"].items():
        kind = str(ours.get(question, question))
        responses[kind] = [r | {"value": value(kind, r.get("value"))} for r in given]
    return row | {"fields": fields, "responses": responses}


def read_argilla(
    rows: Iterable[dict],
    event: Callable[..., Event],
    names: Mapping[str, str] = {},
    left_out: Counter[str] | None = None,
) -> list[Event]:
    """The submitted responses of records that are laid out as `write_argilla` does it, under other `names` if need be.

    Drafts and discarded ones are counted in `left_out`.
    """
    events, left_out = [], Counter() if left_out is None else left_out
    for number, row in enumerate(rows, start=1):
        try:
            row = renamed(row, names)
            fields, about = row["fields"], row.get("metadata") or {}
            for kind, responses in row["responses"].items():
                for response in responses:
                    if (status := response.get("status", "submitted")) != "submitted":
                        left_out[f"responses that are {status}"] += 1
                    else:
                        record = _answered(kind, fields, about, response["value"])
                        who = str(response.get("user_id") or "")
                        known = {name: (about.get(name) or {}).get(who) for name in TIMES}
                        order = tuple(int(i) for i in (about.get("shown_order") or {}).get(who, ()))
                        item, robot = _item(row, kind), who in (about.get("simulated") or ())
                        events.append(
                            event(record, annotator=who, item=item, uid="", order=order, simulated=robot, **known)
                        )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f'record {number} is not laid out as expected ({type(error).__name__}: {error}): it needs "fields" and '
                '"responses" with a list of {"user_id", "value"} under preference, rating, ranking or edit'
            ) from None
        except ValueError as error:
            raise ValueError(f"record {number}: {error}") from None
    return events


def _item(row: dict, kind: str) -> str:
    item = str(row.get("id") or "")  # two questions on one record are two items: neither answer replaces the other
    return f"{item}/{kind}" if item and len(row["responses"]) > 1 else item


def _answered(kind: str, fields: dict[str, str], about: dict[str, Any], value: Any) -> Feedback:
    record: dict[str, Any] = {"kind": kind, "prompt": fields["prompt"]}
    match kind:
        case "preference":
            record |= {"a": fields["response_a"], "b": fields["response_b"], "choice": value}
        case "rating":
            record |= {"text": fields["response"], "score": value}
            record |= {name: about[name] for name in ("low", "high") if name in about}
        case "ranking":
            names = sorted((n for n in fields if n != "prompt"), key=lambda n: int(n.rpartition("_")[2]))
            record |= {"texts": [fields[n] for n in names], "order": [names.index(v) for v in value]}
        case "edit":
            record |= {"text": fields["response"], "edited": value}
    return from_json(json.dumps(record))
