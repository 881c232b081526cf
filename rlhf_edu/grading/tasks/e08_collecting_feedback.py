"""Tasks of exercise 08, collecting feedback: a log, taste and pull, rankings, leases, lost labels.

Every oracle goes event by event, or place by place, so that it shares nothing with the solutions or the library.
"""

import math

import numpy as np

from rlhf_edu.grading.answers import DiagnosisJudge
from rlhf_edu.grading.judges import FunctionJudge
from rlhf_edu.grading.task import Task
from rlhf_edu.grading.tasks import wrong_collecting as wrong

EXERCISE = "08_collecting_feedback"
LIBRARY = ("rlhf_edu.feedback.",)


def answers_by_asking(log: list) -> list:
    """For each person and item: walk back through the log until an event that nothing took back."""
    out = []
    for who, item in sorted({(e["who"], e["item"]) for e in log if e["action"] == "answer"}):
        words = [e["action"] for e in log if e["who"] == who and e["action"] in ("consent", "withdraw")]
        if words and words[-1] == "withdraw":
            continue
        for event in reversed(log):
            mine = event["who"] == who and event["item"] == item and event["action"] in ("answer", "skip")
            if mine and not any(e["action"] == "undo" and e["target"] == event["uid"] for e in log):
                if event["action"] == "answer":
                    out.append((who, item, event["value"]))
                break
    return out


def taste_and_pull_by_counting(pressed_left: np.ndarray, new_left: np.ndarray) -> tuple[float, float]:
    """d and p from the four counts: odds of the new text on the left and on the right."""
    won, lost = {True: 0, False: 0}, {True: 0, False: 0}
    for pressed, side in zip(pressed_left.tolist(), new_left.tolist(), strict=True):
        (won if pressed == side else lost)[side] += 1
    on_left, on_right = (math.log(won[side] / lost[side]) for side in (True, False))
    return (on_left + on_right) / 2, (on_left - on_right) / 2


def pairs_by_text(order: np.ndarray, said: np.ndarray) -> np.ndarray:
    """For any two texts: which of them did the person name first?"""
    named = [order.tolist()[place] for place in said.tolist()]
    found = [(a, b) for a in range(len(named)) for b in range(len(named)) if named.index(a) < named.index(b)]
    return np.array(found)


def free_by_person(items: list, answers: list, leases: list, who: int, per_item: int, now: float) -> list:
    """Item by item: the other people whose answer or running lease it is."""
    free = []
    for item in items:
        others = {p for i, p in answers if i == item} | {p for i, p, until in leases if i == item and until > now}
        if (item, who) not in answers and len(others - {who}) < per_item:
            free.append(item)
    return free


ANN, BO, CY = 0, 1, 2


def event(uid: int, who: int, action: str, item: int = -1, value: int = -1, target: int = -1) -> dict:
    return {"uid": uid, "who": who, "item": item, "action": action, "value": value, "target": target}


def draw_log(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    """People who answer, skip, take any of their last few events back, withdraw and agree again."""
    length, people, items = ((6, 1, 2), (14, 2, 3), (30, 3, 3), (60, 3, 5), (80, 4, 5))[i]
    log = [event(100, ANN, "answer", 1, 0), event(101, ANN, "answer", 1, 1)]
    if i:
        log += [event(102, BO, "answer", 1, 1), event(103, BO, "skip", 1), event(104, ANN, "withdraw")]
        log += [event(105, ANN, "consent")] if i != 2 else []
        log += [event(106, BO, "answer", 2, 2), event(107, ANN, "answer", 2, 0)]
        log += [event(108, BO, "undo", 2, target=106), event(109, CY, "answer", 2, 1), event(110, CY, "consent")]
        dee = 9  # whom the dice below never draw: withdrew, answered, agreed again; and took a skip back
        log += [event(111, dee, "answer", 1, 1), event(112, dee, "withdraw"), event(113, dee, "answer", 2, 2)]
        log += [event(114, dee, "consent"), event(115, dee, "answer", 3, 0), event(116, dee, "skip", 3)]
        log += [event(117, dee, "undo", 3, target=116)]
    for uid in range(120, 120 + length):
        who, taken = int(rng.integers(people)), {e["target"] for e in log}
        mine = [e for e in log if e["who"] == who and e["action"] in ("answer", "skip") and e["uid"] not in taken]
        kind = rng.choice(["answer", "skip", "undo", "word"], p=[0.55, 0.13, 0.3, 0.02])
        if kind == "undo" and mine:
            old = mine[-int(rng.integers(1, 4 if hidden else 3)) % len(mine)]
            log.append(event(uid, who, "undo", old["item"], target=old["uid"]))
        elif kind == "word" and i:
            log.append(event(uid, who, "consent" if rng.random() < 0.7 else "withdraw"))
        else:
            item, value = 1 + int(rng.integers(items)), int(rng.integers(3))
            log.append(event(uid, who, "skip", item) if kind == "skip" else event(uid, who, "answer", item, value))
    return {"log": [*log, event(300, ANN, "undo", 1, target=101)] if i == 0 else log}


def draw_presses(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    """Somebody with a taste and a pull; the new model stands left more often in some cases."""
    n = (20, 40, 80, 200, 400)[i]
    taste, pull = rng.normal(0, 1, 2)
    new_left = rng.random(n) < (0.5, 0.5, 0.4, 0.7, 0.6)[i]
    pressed_left = rng.random(n) < 1 / (1 + np.exp(-(np.where(new_left, 1, -1) * taste + pull)))
    new_left[:6] = (True, True, True, False, False, False)
    pressed_left[:6] = (True, False, hidden, False, True, i % 2 == 0)  # no share is 0 or 1
    return {"pressed_left": pressed_left, "new_left": new_left}


def draw_ranking(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    """Orders that are not their own inverse, or the two ways of reading them would agree."""
    k = (3, 3, 4, 5, 7)[i] + (1 if hidden and i > 2 else 0)
    order, said = rng.permutation(k), rng.permutation(k)
    while (order == np.argsort(order)).all() or (said == np.argsort(said)).all():
        order, said = rng.permutation(k), rng.permutation(k)
    return {"order": order, "said": said}


def draw_desk(rng: np.random.Generator, i: int, hidden: bool) -> dict:
    """A busy class: answers, leases of the same and of other people, running, run out, or just now running out."""
    n, people, per_item = ((4, 3, 1), (8, 3, 1), (12, 5, 2), (30, 6, 3), (60, 8, 3))[i]
    names, order = list(range(people)), rng.permutation(n).tolist()  # 0 is who asks
    items = sorted(order)
    now = float(rng.integers(50, 100))
    answers = [(item, name) for item in items for name in names if rng.random() < (0.2 if per_item == 1 else 0.35)]
    leases = [
        (item, name, now + float(rng.choice([-30.0, -1.0, 0.0, 1.0, 30.0] if hidden else [-30.0, 30.0, 60.0])))
        for item in items
        for name in names
        if rng.random() < 0.25
    ]
    answers += [(order[0], name) for name in names[1 : 1 + per_item] if (order[0], name) not in answers]  # is full
    leases += [(order[1], 0, now + 20.0), (order[1], names[1], now - 5.0)]
    answers = [a for a in answers if a[0] not in order[1:3]]
    leases += [(order[2], name, now + 10.0) for name in names[1 : 1 + per_item]]  # held by enough others
    answers += [(order[3], names[1])] if per_item > 1 else []
    leases += [(order[3], names[1], now + 9.0)] if per_item > 1 else []  # one person, although twice there
    leases = [(i, p, until) for (i, p), until in {(i, p): until for i, p, until in leases}.items()]  # one lease each
    return {"items": order, "answers": answers, "leases": leases, "who": 0, "per_item": per_item, "now": now}


TASKS = [
    Task(
        name="current_answers",
        exercise=EXERCISE,
        kind="function",
        title="What holds now",
        points=5,
        minutes=12,
        difficulty=2,
        judge=FunctionJudge("current_answers", answers_by_asking, draw_log, wrong.LOG),
        hints=(
            "First collect the uids that some undo names. Then go through the log once and keep, for each person and "
            "item, the last answer or skip that is not among them.",
            "What a person last said about consent can be read from the whole log beforehand, or at the end.",
        ),
        forbidden=LIBRARY,
    ),
    Task(
        name="taste_and_pull",
        exercise=EXERCISE,
        kind="function",
        title="Taste and pull, apart",
        points=5,
        minutes=12,
        difficulty=2,
        judge=FunctionJudge("taste_and_pull", taste_and_pull_by_counting, draw_presses, wrong.PULL),
        hints=(
            "The new text won where left was pressed and it stood left, and where right was pressed and it stood right.",
            "Add the two equations for the log-odds, and subtract them.",
        ),
        forbidden=LIBRARY,
    ),
    Task(
        name="ranked_pairs",
        exercise=EXERCISE,
        kind="function",
        title="From a ranking to pairs",
        points=4,
        minutes=8,
        difficulty=2,
        judge=FunctionJudge("ranked_pairs", pairs_by_text, draw_ranking, wrong.RANKS),
        hints=(
            "Which text is the best? The one that stood at place said[0], and order tells which that was.",
            "order[said] lists the numbers of the texts, the best first. Every earlier one beats every later one.",
        ),
        forbidden=LIBRARY,
    ),
    Task(
        name="free_items",
        exercise=EXERCISE,
        kind="function",
        title="Who is asked what",
        points=4,
        minutes=10,
        difficulty=2,
        judge=FunctionJudge("free_items", free_by_person, draw_desk, wrong.DESK),
        hints=(
            "For each item make the set of people who have answered it or hold a running lease; then take `who` out.",
        ),
        forbidden=LIBRARY,
    ),
    Task(
        name="lost_labels",
        exercise=EXERCISE,
        kind="diagnosis",
        title="Bug hunt: lost labels",
        points=4,
        minutes=8,
        difficulty=2,
        judge=DiagnosisJudge(
            "lost_labels",
            options={"fault": tuple("abcde"), "evidence": ("left", "repeats", "obvious", "seconds")},
            key={"fault": "8bdcbb72c3f212c8", "evidence": "3d8ad99851c15a62"},
            why={
                "8a0577d70802f054": "whoever presses at random gives the same label twice half the time, whatever the sides",
                "8f85c23fe3d2b996": "unread answers are like coins: they would not turn 91 % into 14 % when sides are swapped",
                "69c4db098ee050bd": "then the obvious pairs would all be wrong, and labels given twice would still agree",
                "b2154908e5f1a280": "then the left side would win far more than half the time",
                "81a0e29c62c9171d": "a coin would press left half the time, too",
                "8dcef1289dbe19c1": "half of the obvious pairs is what a coin would get, too",
                "dceb904e7af9e729": "whoever presses at random can take six seconds over it",
            },
        ),
        hints=(
            "Play it through with one careful person and one pair whose better text is A, once on the left, once on the "
            "right: what is pressed, and what must be stored?",
        ),
    ),
]
