"""What a store holds, in numbers: answers, people, time, agreement and habits."""

import statistics
from collections import Counter
from typing import Any

import numpy as np

from rlhf_edu.feedback.agreement import answer_table, bootstrap_interval, krippendorff_alpha, percent_agreement
from rlhf_edu.feedback.events import Event, standing
from rlhf_edu.feedback.ledger import cost_of
from rlhf_edu.feedback.quality import left_share, longer_share, self_consistency
from rlhf_edu.feedback.store import FeedbackStore
from rlhf_edu.feedback.types import Preference, Rating, kind_of


def summary(store: FeedbackStore) -> dict[str, Any]:
    """People's answers in numbers that JSON can hold; simulated ones are only counted. None where nothing can be said."""
    log = store.events()
    now = standing(log)
    own = [e for e in now if e.record is not None and not e.simulated]
    consent = {e.annotator: e.action == "consent" for e in log if e.action in ("consent", "withdraw")}
    choices = Counter(e.record.choice for e in own if isinstance(e.record, Preference))
    people = {}
    for who in dict.fromkeys(e.annotator for e in log if not e.simulated):
        mine = [e for e in own if e.annotator == who]
        times = [e.seconds for e in mine if e.seconds is not None]
        people[who] = {
            "answers": len(mine),
            "median_seconds": round(statistics.median(times), 2) if times else None,
            "consent": consent.get(who),
        }
    return {
        "answers": len(own),
        "by_kind": dict(Counter(kind_of(e.record) for e in own if e.record)),
        "items": len({e.item for e in own}),
        "simulated": sum(e.simulated and e.record is not None for e in now),
        "ties": choices["tie"],
        "both_bad": choices["both_bad"],
        "skips": dict(Counter(e.note or "no reason given" for e in now if e.action == "skip" and not e.simulated)),
        "undone": sum(e.action == "undo" and not e.simulated for e in log),
        "minutes": round(cost_of(own)[1], 2),
        "people": people,
        "left_won": list(left_share(own)),
        "longer_won": list(longer_share(own)),
        "same_answer_again": {who: list(share) for who, share in self_consistency(own).items()},
        "agreement": {
            name: _agreement([e for e in own if isinstance(e.record, kind)], level)
            for name, kind, level in (("preference", Preference, "nominal"), ("rating", Rating, "interval"))
        },
    }


def _agreement(events: list[Event], level: str) -> dict[str, Any] | None:
    table = answer_table(events).values
    table = table[(~np.isnan(table)).sum(axis=1) > 1]
    if len(table) == 0:
        return None
    alpha = bootstrap_interval(lambda t: krippendorff_alpha(t, level), table, np.random.default_rng(0), times=500)
    rounded = [None if np.isnan(x) else round(x, 3) for x in alpha]
    return {"items": len(table), "percent": round(100 * percent_agreement(table), 1), "alpha": rounded, "level": level}


def in_words(numbers: dict[str, Any]) -> str:
    """`summary` as a page of text."""
    n = numbers
    kinds = ", ".join(f"{count} {kind}" for kind, count in n["by_kind"].items()) or "none yet"
    lines = [
        f"answers     {n['answers']} on {n['items']} items ({kinds}); {n['ties']} ties, {n['both_bad']} both bad",
        f"simulated   {n['simulated']}",
        f"taken back  {n['undone']}",
        f"time        {n['minutes']:.1f} minutes of people's time",
    ]
    lines += [f"skipped     {count} × {reason}" for reason, count in n["skips"].items()]
    for who, person in n["people"].items():
        pace = "" if person["median_seconds"] is None else f", {person['median_seconds']:.1f} s each"
        agreed = {True: "consented", False: "withdrew consent", None: "no consent recorded"}[person["consent"]]
        again = n["same_answer_again"].get(who)
        same = f", same answer again {again[0]} of {again[1]}" if again else ""
        lines.append(f"person      {who}: {person['answers']} answers{pace}{same}; {agreed}")
    for kind, found in n["agreement"].items():
        if found:
            value, low, high = ("undefined" if x is None else f"{x:.2f}" for x in found["alpha"])
            lines.append(
                f"agreement   {kind}: {found['percent']:.0f} % of pairs on {found['items']} shared items; Krippendorff's "
                f"α ({found['level']}) {value} ({low} to {high})"
            )
    for name, key in (("left", "left_won"), ("longer", "longer_won")):
        count, total = n[key]
        if total:
            lines.append(f"{name + ' won':<12}{count} of {total} ({count / total:.0%})")
    return "\n".join(lines)
