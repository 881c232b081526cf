"""Answers as the files that training libraries read: TRL's three formats and HH-RLHF, one JSON object a line.

Each writer returns its rows and counts what the format has no place for; each reader turns rows back into answers.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple

from rlhf_edu.feedback.events import Event
from rlhf_edu.feedback.types import Edit, Feedback, Pair, Preference, Ranking, Rating, to_pairs

HUMAN, ASSISTANT = "\n\nHuman:", "\n\nAssistant:"


class Rows(NamedTuple):
    """What a file holds, and what it could not hold, by reason."""

    rows: list[dict]
    left_out: Counter[str]


def write_prompts(events: Iterable[Event]) -> Rows:
    """TRL prompt-only: {"prompt"}, each prompt once."""
    records = [e.record for e in events if e.record is not None]
    prompts = dict.fromkeys(record.prompt for record in records)
    return Rows([{"prompt": p} for p in prompts], Counter({"answers, of which only the prompt is kept": len(records)}))


def pairs_of(events: Iterable[Event]) -> tuple[list[Pair], Counter[str]]:
    """(prompt, better, worse) of all answers, one person's ratings at a time; and what says nothing of that kind."""
    pairs: list[Pair] = []
    left_out: Counter[str] = Counter()
    ratings: dict[str, list[Rating]] = {}
    for event in events:
        match event.record:
            case Rating() as rating:
                ratings.setdefault(event.annotator, []).append(rating)
            case Preference(choice="tie"):
                left_out["ties"] += 1
            case Preference(choice="both_bad"):
                left_out['answers "both are bad"'] += 1
            case Edit(text=text, edited=edited) if text == edited:
                left_out["edits that changed nothing"] += 1
            case Ranking(texts=texts) if len(texts) < 2:
                left_out["rankings of one text"] += 1
            case None:
                pass
            case record:
                pairs += to_pairs([record])
    for given in ratings.values():
        found = to_pairs(given)
        used = {(p.prompt, text) for p in found for text in (p.better, p.worse)}
        left_out["ratings with nothing to compare them with"] += sum((r.prompt, r.text) not in used for r in given)
        pairs += found
    return pairs, +left_out


def write_preferences(events: Iterable[Event]) -> Rows:
    """TRL preference with an explicit prompt: {"prompt", "chosen", "rejected"}."""
    pairs, left_out = pairs_of(events)
    return Rows([{"prompt": p.prompt, "chosen": p.better, "rejected": p.worse} for p in pairs], left_out)


def read_preferences(row: dict) -> Feedback:
    """A TRL preference row as the comparison that its chosen text won; conversations become text."""
    return Preference(_text(row, "prompt"), _text(row, "chosen"), _text(row, "rejected"), "a")


def write_unpaired(events: Iterable[Event]) -> Rows:
    """TRL unpaired: {"prompt", "completion", "label"}. A comparison's winner is good, its loser is not; so is a rating
    above or below the middle of its scale, and an edit or the text it replaces."""
    rows: list[dict] = []
    left_out: Counter[str] = Counter()

    def put(prompt: str, text: str, label: bool) -> None:
        rows.append({"prompt": prompt, "completion": text, "label": label})

    for event in events:
        match event.record:
            case Preference(choice="tie"):
                left_out["ties"] += 1
            case Preference(choice="both_bad") as r:
                put(r.prompt, r.a, False)
                put(r.prompt, r.b, False)
            case Preference() as r:
                put(r.prompt, str(r.chosen), True)
                put(r.prompt, str(r.rejected), False)
            case Rating() as r if 2 * r.score == r.low + r.high:
                left_out["ratings in the middle of their scale"] += 1
            case Rating() as r:
                put(r.prompt, r.text, 2 * r.score > r.low + r.high)
            case Edit() as r:
                put(r.prompt, r.edited, True)
                if r.edited != r.text:
                    put(r.prompt, r.text, False)
            case Ranking():
                left_out["rankings"] += 1
    return Rows(rows, left_out)


def read_unpaired(row: dict) -> Feedback:
    """A TRL unpaired row as a rating of 0 or 1."""
    label = row.get("label")
    if not isinstance(label, bool):
        raise ValueError(f"label is {label!r}, but it must be true or false")
    return Rating(_text(row, "prompt"), _text(row, "completion"), float(label), 0.0, 1.0)


def write_hh(events: Iterable[Event]) -> Rows:
    """HH-RLHF: {"chosen", "rejected"}, each a whole conversation, equal up to the last answer."""
    pairs, left_out = pairs_of(events)
    rows = []
    for prompt, better, worse in pairs:
        opening = prompt if _is_dialogue(prompt) else f"{HUMAN} {prompt}{ASSISTANT}"
        marked = [text for text in (better, worse) if HUMAN in text or ASSISTANT in text]
        if marked or (opening is not prompt and (HUMAN in prompt or ASSISTANT in prompt)):
            left_out['pairs with a line "Human:" or "Assistant:" of their own'] += 1
        else:
            rows.append({"chosen": f"{opening} {better}", "rejected": f"{opening} {worse}"})
    return Rows(rows, left_out)


def read_hh(row: dict) -> Feedback:
    """A HH-RLHF row: the prompt is what both conversations share, or the question alone where it was asked alone."""
    chosen, rejected = _text(row, "chosen"), _text(row, "rejected")
    differ = (i for i, (x, y) in enumerate(zip(chosen, rejected, strict=False)) if x != y)
    shared = chosen[: next(differ, min(len(chosen), len(rejected)))]
    end = shared.rfind(ASSISTANT)
    if end < 0 or not shared.startswith(HUMAN):
        raise ValueError(
            f'chosen and rejected must both begin with the same "\\n\\nHuman: … \\n\\nAssistant:", but they begin with '
            f"{chosen[:30]!r} and {rejected[:30]!r}"
        )
    end += len(ASSISTANT)
    opening, answers = chosen[:end], [text[end:].removeprefix(" ") for text in (chosen, rejected)]
    question = opening.removeprefix(HUMAN + " ").removesuffix(ASSISTANT)
    alone = opening == f"{HUMAN} {question}{ASSISTANT}" and HUMAN not in question and ASSISTANT not in question
    return Preference(question if alone else opening, *answers, choice="a")


def _is_dialogue(prompt: str) -> bool:
    return prompt.startswith(HUMAN) and prompt.endswith(ASSISTANT)


def _text(row: dict, name: str) -> str:
    """A field as text. TRL's conversations are joined: one message is its content, several are "role: content"."""
    value = row.get(name)
    if isinstance(value, str):
        return value
    if (
        isinstance(value, list)
        and value
        and all(isinstance(m, dict) and isinstance(m.get("content"), str) for m in value)
    ):
        if len(value) == 1:
            return value[0]["content"]
        return "\n\n".join(f"{m.get('role', 'user')}: {m['content']}" for m in value)
    raise ValueError(f"{name} is {str(value)[:40]!r}, but it must be text or a list of messages")


Writer = Callable[[Iterable[Event]], Rows]
Reader = Callable[[dict], Feedback]
FORMATS: dict[str, tuple[Writer, Reader | None]] = {
    "trl-prompt": (write_prompts, None),
    "trl-preference": (write_preferences, read_preferences),
    "trl-unpaired": (write_unpaired, read_unpaired),
    "hh-rlhf": (write_hh, read_hh),
}
