"""Wrong answers that exercise 08 must reject, and right ones, written differently, that it must accept."""

import numpy as np


# a log
def holds(log):
    taken_back = {event["target"] for event in log if event["action"] == "undo"}
    word = {event["who"]: event["action"] for event in log if event["action"] in ("consent", "withdraw")}
    last = {}
    for event in log:
        if event["action"] in ("answer", "skip") and event["uid"] not in taken_back:
            last[event["who"], event["item"]] = event
    kept = [(who, item, e["value"]) for (who, item), e in last.items() if e["action"] == "answer"]
    return sorted(x for x in kept if word.get(x[0]) != "withdraw")


def holds_by_stacks(log):
    """A stack for each person and item; an undo removes its target from within it."""
    stacks, gone = {}, set()
    for e in log:
        stack = stacks.setdefault((e["who"], e["item"]), [])
        if e["action"] in ("answer", "skip"):
            stack.append(e)
        elif e["action"] == "undo":
            for other in stacks.values():
                other[:] = [x for x in other if x["uid"] != e["target"]]
        elif e["action"] == "withdraw":
            gone |= {e["who"]}
        else:
            gone -= {e["who"]}
    tops = [(key, stack[-1]) for key, stack in stacks.items() if stack]
    return [
        (w, i, e["value"])
        for (w, i), e in sorted(tops, key=lambda t: t[0])
        if e["action"] == "answer" and w not in gone
    ]


def holds_no_undo_no_consent(log):
    return holds([e for e in log if e["action"] in ("answer", "skip")])


def holds_undo_ends_person(log):
    """An undo takes back everything since."""
    cut = {}
    for e in log:
        if e["action"] == "undo":
            cut = {k: v for k, v in cut.items() if k[0] != e["who"]}
        elif e["action"] == "answer":
            cut[e["who"], e["item"]] = e["value"]
    return sorted((w, i, v) for (w, i), v in cut.items())


def holds_lost_without_consent(log):
    """What was said while withdrawn does not come back with a new consent."""
    out, heard = set(), []
    for e in log:
        out = out | {e["who"]} if e["action"] == "withdraw" else out - {e["who"]} if e["action"] == "consent" else out
        heard += [e] if e["action"] != "answer" or e["who"] not in out else []
    return holds(heard)


def holds_wiped(log):
    """What was said before a withdrawal does not come back either."""
    last = {e["who"]: n for n, e in enumerate(log) if e["action"] == "withdraw"}
    return holds([e for n, e in enumerate(log) if e["action"] != "answer" or n > last.get(e["who"], -1)])


def skips(log):
    return {e["uid"] for e in log if e["action"] == "skip"}


def holds_all(log):
    """Every answer that was not taken back, also those replaced later."""
    back = {e["target"] for e in log if e["action"] == "undo"}
    return sorted((e["who"], e["item"], e["value"]) for e in log if e["action"] == "answer" and e["uid"] not in back)


def holds_with_consent_only(log):
    """Wants an explicit yes."""
    word = {e["who"]: e["action"] for e in log if e["action"] in ("consent", "withdraw")}
    return [x for x in holds(log) if word.get(x[0]) == "consent"]


# sides
def pull(pressed_left, new_left):
    won = pressed_left == new_left
    a, b = won[new_left].mean(), won[~new_left].mean()
    a, b = np.log(a / (1 - a)), np.log(b / (1 - b))
    return (a + b) / 2, (a - b) / 2


def pull_by_fitting(pressed_left, new_left):
    """Logistic regression of left on ±1, by Newton's method."""
    x = np.stack([np.where(new_left, 1.0, -1.0), np.ones(len(new_left))], axis=1)
    w = np.zeros(2)
    for _ in range(60):
        p = 1 / (1 + np.exp(-x @ w))
        w += np.linalg.solve((x * (p * (1 - p))[:, None]).T @ x, x.T @ (pressed_left - p))
    return float(w[0]), float(w[1])


# rankings
def ranked(order, said):
    texts = order[said]
    return np.array(sorted((a, b) for i, a in enumerate(texts) for b in texts[i + 1 :]))


def ranked_by_rank(order, said):
    rank = np.empty(len(order), int)
    rank[order[said]] = np.arange(len(order))
    return np.argwhere(rank[:, None] < rank[None])


# leases
def free(items, answers, leases, who, per_item, now):
    busy = set(answers) | {(i, p) for i, p, until in leases if until > now}
    return [
        item
        for item in items
        if (item, who) not in answers and len([1 for i, p in busy if i == item and p != who]) < per_item
    ]


def free_by_dict(items, answers, leases, who, per_item, now):
    people = {item: set() for item in items}
    done = set()
    for item, person in answers:
        if person == who:
            done.add(item)
        else:
            people[item].add(person)
    for item, person, until in leases:
        if until > now and person != who:
            people[item].add(person)
    return [item for item, others in people.items() if item not in done and len(others) < per_item]


def free_by_lease(items, answers, leases, who, per_item, now):
    """One lease for a person and item, as a store keeps them."""
    until = {(item, person): end for item, person, end in leases}
    return free(items, answers, [(i, p, end) for (i, p), end in until.items()], who, per_item, now)


MUTANTS = {
    "current_answers": {
        "only answers are read": holds_no_undo_no_consent,
        "an undo takes back everything": holds_undo_ends_person,
        "all answers not taken back": holds_all,
        "an explicit yes is needed": holds_with_consent_only,
        "values alone": lambda log: [value for _, _, value in holds(log)],
        "not sorted": lambda log: holds(log)[::-1],
        "a dict": lambda log: {item: value for _, item, value in holds(log)},
        "empty": lambda log: [],
        "answers without consent are lost for good": holds_lost_without_consent,
        "a withdrawal wipes what was said": holds_wiped,
        "a skip stays": lambda log: holds([e for e in log if e["target"] not in skips(log)]),
    },
    "taste_and_pull": {
        "d only": lambda p, l: (pull(p, l)[0], 0.0),
        "of_all": lambda p, l: tuple(float(np.log(s / (1 - s))) for s in ((p == l).mean(), p.mean())),
        "absolute": lambda p, l: tuple(abs(x) + 0.01 for x in pull(p, l)),
        "old wins": lambda p, l: (-pull(p, l)[0], pull(p, l)[1]),
        "log2": lambda p, l: tuple(x / np.log(2) for x in pull(p, l)),
        "as chances": lambda p, l: tuple(1 / (1 + np.exp(-x)) for x in pull(p, l)),
        "left one only": lambda p, l: (float(np.log((p == l)[l].mean() / (1 - (p == l)[l].mean()))), pull(p, l)[1]),
    },
    "ranked_pairs": {
        "best against rest": lambda o, s: np.array([(o[s][0], x) for x in sorted(o[s][1:])]),
        "by places": lambda o, s: ranked(np.arange(len(o)), s),
        "order alone": lambda o, s: ranked(o, np.arange(len(o))),
        "both inverted": lambda o, s: ranked(np.argsort(o), np.argsort(s)),
        "last first": lambda o, s: ranked(o, s[::-1]),
        "with itself": lambda o, s: np.array(sorted((a, b) for i, a in enumerate(o[s]) for b in o[s][i:])),
        "both ways": lambda o, s: np.array([(a, b) for a in sorted(o) for b in sorted(o) if a != b]),
    },
    "free_items": {
        "nobody answered": lambda items, answers, leases, who, n, now: [
            i for i in items if i not in {x for x, _ in answers}
        ],
        "all not mine": lambda items, answers, leases, who, n, now: [i for i in items if (i, who) not in answers],
        "sorted": lambda *a: sorted(free(*a)),
        "the taken": lambda *a: [i for i in a[0] if i not in free(*a)],
        "one each": lambda items, answers, leases, who, n, now: (
            free(items, answers, leases, who, 1, now) if n > 1 else free(items, answers, leases, who, 2, now)
        ),
        "until starts": lambda items, answers, leases, who, n, now: free(
            items, answers, [(i, p, 2 * now - u) for i, p, u in leases], who, n, now
        ),
    },
    "lost_labels": {
        "random presses": {"fault": "a", "evidence": "repeats"},
        "double clicks": {"fault": "c", "evidence": "seconds"},
        "swapped": {"fault": "d", "evidence": "obvious"},
        "pull": {"fault": "e", "evidence": "left"},
        "right fault, obvious": {"fault": "b", "evidence": "obvious"},
        "right fault, seconds": {"fault": "b", "evidence": "seconds"},
        "a letter": "b",
    },
}

ALTERNATIVES = {
    "current_answers": {"one pass": holds, "stacks": holds_by_stacks},
    "taste_and_pull": {"two shares": pull, "logistic regression": pull_by_fitting},
    "ranked_pairs": {"pairs": ranked, "ranks": ranked_by_rank},
    "free_items": {"sets": free, "a dict": free_by_dict, "a lease each": free_by_lease},
    "lost_labels": {
        "as asked": {"fault": "b", "evidence": "repeats"},
        "dressed": {"fault": "(B)", "evidence": "Repeats"},
    },
}
