"""The mistakes people make with logs, sides, rankings and leases: the code that makes each, and what to say about it."""

import numpy as np


def _holds(log, *, undo="target", skip=True, words="last", keep="last"):
    """What holds, with one rule of the log read wrongly."""
    taken, last, back = set(), {}, {e["target"] for e in log if e["action"] == "undo"}
    for e in log:
        key = e["who"], e["item"]
        if e["action"] in ("answer", "skip"):
            counts = e["uid"] not in back if undo == "target" else True
            if counts and (skip or e["action"] == "answer") and not (keep == "first" and key in last):
                last[key] = e
        elif e["action"] == "undo" and undo == "item":
            last.pop(key, None)  # forgets the item altogether
        elif e["action"] == "undo" and undo == "newest":
            mine = [x for x in last if x[0] == e["who"]]
            if mine:
                last.pop(max(mine, key=lambda x: log.index(last[x])))
        elif e["action"] in ("withdraw", "consent"):
            if e["action"] == "withdraw":
                taken.add(e["who"])
            elif words == "last":
                taken.discard(e["who"])
    out = [(who, item, e["value"]) for (who, item), e in last.items() if e["action"] == "answer"]
    return sorted(x for x in out if words == "ignored" or x[0] not in taken)


def _one_person(log):
    """Lets the last person on an item speak for all."""
    seen = {}
    for who, item, value in _holds(log):
        seen[item] = (who, item, value)
    return sorted(seen.values())


def _skips_too(log):
    """Holding skips come back as answers without a value."""
    return _holds([{**e, "action": "answer"} if e["action"] == "skip" else e for e in log])


LOG = {
    "undo_ignored": (
        lambda log: _holds(log, undo="never"),
        "an answer that an undo names still holds",
    ),
    "undo_forgets_item": (
        lambda log: _holds(log, undo="item"),
        "an undo takes back one event, not all that was said on the item: what stood before stands again",
    ),
    "undo_newest": (
        lambda log: _holds(log, undo="newest"),
        "an undo takes back the event whose uid is its `target`, which need not be the person's latest",
    ),
    "skip_ignored": (
        lambda log: _holds(log, skip=False),
        "a later skip replaces an answer: whoever answers and then skips has no answer",
    ),
    "skips_too": (_skips_too, "a skip that holds is no answer, so it does not belong in the list"),
    "first_kept": (
        lambda log: _holds(log, keep="first"),
        "people may change their minds: the last answer holds, not the first",
    ),
    "withdrawal_ignored": (
        lambda log: _holds(log, words="ignored"),
        "the answers of somebody who has withdrawn still count",
    ),
    "withdrawn_for_ever": (
        lambda log: _holds(log, words="once"),
        "whoever withdrew and agreed again later counts: the last word is what holds",
    ),
    "one_person": (_one_person, "people do not replace one another: keep the last of each person on each item"),
}


def _log_odds(share):
    return float(np.log(share / (1 - share)))


def _shares(pressed, left):
    won = pressed == left
    return float(won[left].mean()), float(won[~left].mean())


def _both(pressed, left):
    a, b = _shares(pressed, left)
    return _log_odds(a), _log_odds(b)


def _presses(pressed, left):
    """Shares of left pressed in place of shares of the new text."""
    a, b = _log_odds(float(pressed[left].mean())), _log_odds(float(pressed[~left].mean()))
    return (a + b) / 2, (a - b) / 2


def _of_all(pressed, left):
    won = pressed == left
    return _log_odds(float(won.mean())), _log_odds(float(pressed.mean()))


PULL = {
    "of_all": (
        _of_all,
        "these are log-odds over all comparisons; with unequal sides taste and pull leak into each other: look at the two sides apart",
    ),
    "not_halved": (
        lambda p, l: (sum(_both(p, l)), _both(p, l)[0] - _both(p, l)[1]),
        "the sum of the two log-odds is 2 d, the difference 2 p: halve them",
    ),
    "shares_of_left": (
        _presses,
        "d and p have changed places: either the order is wrong, or you took shares of *left* in place of shares of the new text",
    ),
    "pull_to_the_right": (
        lambda p, l: (sum(_both(p, l)) / 2, (_both(p, l)[1] - _both(p, l)[0]) / 2),
        "the pull has the wrong sign: it is positive for somebody drawn to the left",
    ),
    "shares_averaged": (
        lambda p, l: (
            _log_odds(sum(_shares(p, l)) / 2),
            _log_odds((_shares(p, l)[0] + 1 - _shares(p, l)[1]) / 2),
        ),
        "the shares are averaged before the log-odds are taken; the equations are linear in log-odds, not in shares",
    ),
    "no_log": (
        lambda p, l: (sum(_shares(p, l)) / 2, (_shares(p, l)[0] - _shares(p, l)[1]) / 2),
        "these are means of shares; σ has to be undone: the log-odds of a share s are log(s / (1 − s))",
    ),
}


def _pairs(ranked):
    ranked = [int(x) for x in ranked]
    return np.array(sorted((a, b) for i, a in enumerate(ranked) for b in ranked[i + 1 :]))


RANKS = {
    "places": (
        lambda order, said: _pairs(said),
        "these are places of the page; `order` tells which text stood at each",
    ),
    "inverse": (
        lambda order, said: _pairs(np.argsort(order)[said]),
        "order[j] is the text at place j; this looks up the place of text j",
    ),
    "ranks": (
        lambda order, said: _pairs(order[np.argsort(said)]),
        "said[0] is the place of the best text; this reads said[j] as the rank of the text at place j",
    ),
    "composed_backwards": (
        lambda order, said: _pairs(said[order]),
        "this takes said[order]; the place is looked up first, then the text at it: order[said]",
    ),
    "worse_first": (
        lambda order, said: np.array(sorted((b, a) for a, b in _pairs(order[said]).tolist())),
        "the worse text stands first in each pair",
    ),
    "unsorted": (
        lambda order, said: np.array([(a, b) for i, a in enumerate(order[said]) for b in order[said][i + 1 :]]),
        "the pairs are right, but not sorted by the first number and then by the second",
    ),
    "neighbours": (
        lambda order, said: np.array(sorted(zip(order[said][:-1].tolist(), order[said][1:].tolist(), strict=True))),
        "these are only neighbours in the ranking; the first also beats the third",
    ),
}


def _free(items, answers, leases, who, per_item, now, *, late=False, own=True, mine=True, heads=True, held=True):
    """Free items, with one rule read wrongly."""
    out = []
    running = [(i, p) for i, p, until in leases if held and (late or until > now)]
    for item in items:
        there = [p for i, p in answers if i == item] + [p for i, p in running if i == item]
        there = set(there) if heads else there
        others = [p for p in there if not mine or p != who]
        if len(others) < per_item and not (own and (item, who) in answers):
            out.append(item)
    return out


DESK = {
    "late_leases": (
        lambda *a: _free(*a, late=True),
        "a lease that has run out holds nobody up any more",
    ),
    "asked_again": (
        lambda *a: _free(*a, own=False),
        "an item that `who` has answered already is asked again",
    ),
    "own_lease": (
        lambda *a: _free(*a, mine=False),
        "a lease of `who` itself is no hindrance: only other people count",
    ),
    "counted_twice": (
        lambda *a: _free(*a, heads=False),
        "somebody with an answer and a lease on the same item is one person, not two",
    ),
    "no_leases": (
        lambda *a: _free(*a, held=False),
        "leases are not looked at: two people will be asked the same item at the same time",
    ),
    "one_too_many": (
        lambda items, answers, leases, who, n, now: _free(items, answers, leases, who, n + 1, now),
        "fewer than `per_item` others, not at most that many: this asks one person too many",
    ),
    "first_only": (
        lambda *a: _free(*a)[:1],
        "this is only the first free item; asked are all of them",
    ),
}
