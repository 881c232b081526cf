"""What a person can say about a model's text, as plain records, and the question that was asked.

A `Query` asks; a `Rating`, `Preference`, `Ranking` or `Edit` answers; `to_pairs` turns answers of any kind into
(prompt, better, worse), which is all that a reward model needs.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from numbers import Real
from typing import Any, Literal, NamedTuple

Choice = Literal["a", "b", "tie", "both_bad"]
Number = float | int
KINDS = ("compare", "clips", "rate", "rank", "edit")
MOST_RANKED = 50


def _texts(owner: str, **fields: Any) -> None:
    for name, value in fields.items():
        if not isinstance(value, str):
            raise ValueError(f"{owner} got {name}={value!r}, but {name} must be text (a str)")


@dataclass(frozen=True)
class Rating:
    """One text given a score between `low` and `high`, both included."""

    prompt: str
    text: str
    score: Number
    low: Number = 1.0
    high: Number = 5.0

    def __post_init__(self):
        _texts("Rating", prompt=self.prompt, text=self.text)
        for name in ("score", "low", "high"):
            value = getattr(self, name)
            if not isinstance(value, Real) or math.isinf(value):
                raise ValueError(f"{name} is {value!r}, but it must be a number")
            object.__setattr__(self, name, value if isinstance(value, int) else float(value))  # NumPy's are no JSON
        if not self.low < self.high:
            raise ValueError(
                f"the scale runs from {self.low} to {self.high}, but its low end must be below its high end"
            )
        if not self.low <= self.score <= self.high:  # also refuses NaN
            raise ValueError(f"score is {self.score}, but it must lie between {self.low} and {self.high}")


@dataclass(frozen=True)
class Preference:
    """Two texts compared. A tie and "both are bad" are answers of their own: neither names a better text."""

    prompt: str
    a: str
    b: str
    choice: Choice

    def __post_init__(self):
        _texts("Preference", prompt=self.prompt, a=self.a, b=self.b)
        if self.choice not in ("a", "b", "tie", "both_bad"):
            raise ValueError(f'choice is {self.choice!r}, but it must be "a", "b", "tie" or "both_bad"')

    @property
    def chosen(self) -> str | None:
        """The better text, or None for a tie and for both bad."""
        return {"a": self.a, "b": self.b}.get(self.choice)

    @property
    def rejected(self) -> str | None:
        """The worse text, or None for a tie and for both bad."""
        return {"a": self.b, "b": self.a}.get(self.choice)


@dataclass(frozen=True)
class Ranking:
    """Several texts put in order: `order` lists their positions in `texts`, the best first."""

    prompt: str
    texts: tuple[str, ...]
    order: tuple[int, ...]

    def __post_init__(self):
        if isinstance(self.texts, str) or not isinstance(self.texts, Iterable):
            raise ValueError(f"texts is {self.texts!r}, but it must be several texts")
        object.__setattr__(self, "texts", tuple(self.texts))
        try:
            object.__setattr__(self, "order", tuple(int(i) for i in self.order))
        except (TypeError, ValueError):  # words, None
            raise ValueError(
                f"order is {self.order!r}, but it must be the positions of the texts (0, 1, …), the best first"
            ) from None
        _texts("Ranking", prompt=self.prompt, **{f"texts[{i}]": text for i, text in enumerate(self.texts)})
        if sorted(self.order) != list(range(len(self.texts))):
            raise ValueError(
                f"order is {self.order}, but it must name each of the {len(self.texts)} texts (0 to "
                f"{len(self.texts) - 1}) exactly once"
            )

    @property
    def ranked(self) -> tuple[str, ...]:
        """The texts, the best first."""
        return tuple(self.texts[i] for i in self.order)


@dataclass(frozen=True)
class Edit:
    """A text and the version a person made of it. An unchanged text says: good as it is."""

    prompt: str
    text: str
    edited: str

    def __post_init__(self):
        _texts("Edit", prompt=self.prompt, text=self.text, edited=self.edited)


Feedback = Rating | Preference | Ranking | Edit
_NAMES: dict[str, type] = {"rating": Rating, "preference": Preference, "ranking": Ranking, "edit": Edit}


@dataclass(frozen=True)
class Query:
    """One thing to ask a person: which kind of answer, about which texts, following which prompt.

    `id` follows from the content, so that the same question is recognised when a notebook is run again.
    """

    kind: str
    prompt: str
    options: Sequence[str]  # kept as a tuple
    question: str = ""
    scale: tuple[Number, Number] = (1.0, 5.0)
    id: str = ""

    def __post_init__(self):
        if self.kind not in KINDS:
            raise ValueError(f"kind is {self.kind!r}, but it must be one of {', '.join(KINDS)}")
        if isinstance(self.options, str):
            raise ValueError("options is one text, but it must be a tuple of texts: write (a, b)")
        object.__setattr__(self, "options", tuple(self.options))
        object.__setattr__(self, "scale", (float(self.scale[0]), float(self.scale[1])))
        if not all(map(math.isfinite, self.scale)):
            raise ValueError(f"scale is {self.scale}, but both its ends must be finite numbers")
        _texts("Query", prompt=self.prompt, **{f"options[{i}]": text for i, text in enumerate(self.options)})
        asked, count = {"compare": "two texts", "clips": "two texts", "rank": "two or more texts"}, len(self.options)
        if (self.kind in ("compare", "clips") and count != 2) or (self.kind == "rank" and count < 2):
            raise ValueError(f'a "{self.kind}" query got {count} text(s), but it needs {asked[self.kind]}')
        if self.kind == "rank" and count > MOST_RANKED:
            raise ValueError(f"a ranking of {count} texts is more than anybody reads: at most {MOST_RANKED}")
        if self.kind in ("rate", "edit") and count != 1:
            raise ValueError(f'a "{self.kind}" query got {count} text(s), but it needs exactly one')
        if not self.id:
            content = [self.kind, self.prompt, *self.options] + ([self.question] if self.question else [])
            digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()
            object.__setattr__(self, "id", digest[:16])
        if len(self.id) > 190:  # and 200 in the store: one asked again is called id#2
            raise ValueError(f"the id {self.id[:20]!r}… has {len(self.id)} characters, but at most 190 can be kept")


def item_of(record: Feedback) -> str:
    """The id of the plain query that `record` answers, for records that come from elsewhere than a session."""
    match record:
        case Preference():
            return Query("compare", record.prompt, (record.a, record.b)).id
        case Rating():
            return Query("rate", record.prompt, (record.text,)).id
        case Ranking():
            return Query("rank", record.prompt, record.texts).id
        case Edit():
            return Query("edit", record.prompt, (record.text,)).id


class Pair(NamedTuple):
    """What a reward model learns from: after `prompt`, `better` was preferred to `worse`."""

    prompt: str
    better: str
    worse: str


def to_pairs(records: Iterable[Feedback], gap: Number = 0.0) -> list[Pair]:
    """Every (prompt, better, worse) that the records imply; ties, both bad and unchanged edits imply none.

    Ratings are paired within a prompt where their scores, as shares of their scale, differ by more than `gap`. Pass the
    ratings of one person at a time: two people rarely mean the same by a 4.
    """
    pairs: list[Pair] = []
    ratings: dict[str, list[Rating]] = {}
    for record in records:
        match record:
            case Preference(choice="a" | "b"):
                pairs.append(Pair(record.prompt, str(record.chosen), str(record.rejected)))
            case Ranking():
                pairs += [Pair(record.prompt, x, y) for x, y in combinations(record.ranked, 2)]
            case Edit() if record.edited != record.text:
                pairs.append(Pair(record.prompt, record.edited, record.text))
            case Rating():
                ratings.setdefault(record.prompt, []).append(record)
    for prompt, rated in ratings.items():
        for x, y in combinations(rated, 2):
            difference = (x.score - x.low) / (x.high - x.low) - (y.score - y.low) / (y.high - y.low)
            if abs(difference) > gap and x.text != y.text:
                better, worse = (x, y) if difference > 0 else (y, x)
                pairs.append(Pair(prompt, better.text, worse.text))
    return pairs


def kind_of(record: Feedback | type | str) -> str:
    """The short name of a record or of its class: "preference", "rating", "ranking" or "edit". A short name is its own."""
    wanted = record if isinstance(record, type | str) else type(record)
    for name, cls in _NAMES.items():
        if wanted in (cls, name):
            return name
    said = repr(wanted) if isinstance(wanted, str) else wanted.__name__
    raise ValueError(f"{said} is no kind of feedback: expected {', '.join(_NAMES)}")


def to_json(record: Feedback) -> str:
    """The record as one line of JSON, in ASCII, so that no database or file can spoil it."""
    return json.dumps({"kind": kind_of(record)} | asdict(record), allow_nan=False)


def from_json(line: str) -> Feedback:
    """The record that `to_json` wrote."""
    try:
        fields = json.loads(line, parse_constant=lambda _: math.nan)
    except ValueError as error:
        raise ValueError(f"expected one record as JSON, but got {line[:40]!r} ({error})") from None
    cls = _NAMES.get(fields.pop("kind", None)) if isinstance(fields, dict) else None
    if cls is None:
        raise ValueError(f'expected a record with "kind" one of {", ".join(_NAMES)}, but got {line[:60]!r}')
    missing_or_unknown = set(fields) ^ set(cls.__dataclass_fields__)
    if missing_or_unknown - {"low", "high"}:
        raise ValueError(f"a {cls.__name__} has the fields {', '.join(cls.__dataclass_fields__)}: check {line[:60]!r}")
    return cls(
        **{name: tuple(x) if isinstance(x, Sequence) and not isinstance(x, str) else x for name, x in fields.items()}
    )
