"""Sessions under strain: several threads, several people, a store that goes away."""

import threading
import time

import pytest

from rlhf_edu.feedback.events import Event, StoreError, standing
from rlhf_edu.feedback.leases import latest_actions
from rlhf_edu.feedback.session import FeedbackSession
from rlhf_edu.feedback.store import FeedbackStore
from rlhf_edu.feedback.types import Preference, Query

QUERIES = [Query("compare", f"prompt {i}", (f"good {i}", f"bad {i}")) for i in range(12)]


@pytest.fixture
def store(tmp_path):
    store = FeedbackStore(tmp_path / "answers.db")
    yield store
    store.close()


def test_two_callbacks_at_once_lose_and_double_nothing(store):
    queries = [Query("compare", f"{i}", ("x", "y")) for i in range(80)]
    session = FeedbackSession(queries, store)
    counted = []

    def work(start):
        for query in queries[start:]:
            counted.append(session.answer("left", item=query.id))

    threads = [threading.Thread(target=work, args=(s,)) for s in (0, 0, 20, 40)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert sum(counted) == 80 == len(store.answers()) == len(store.events())


def test_people_sharing_a_store_get_different_items(store):
    people = [FeedbackSession(QUERIES, store, annotator=name, per_item=1) for name in ("ann", "bob", "eve")]
    asked = [p.upcoming(3) for p in people]
    assert len({shown.item for shown_list in asked for shown in shown_list}) == 9
    while any(p.current for p in people):
        for p in people:
            if p.current:
                p.answer("left")
    assert sorted(e.item for e in store.answers()) == sorted(q.id for q in QUERIES)


def test_a_person_claims_ahead_and_not_with_every_answer(store, monkeypatch):
    claims = []
    claim = store.claim
    monkeypatch.setattr(store, "claim", lambda *a, **k: claims.append(1) or claim(*a, **k))
    session = FeedbackSession(QUERIES, store, per_item=1)
    for _ in range(8):
        assert len(session.upcoming(8)) >= 4  # there is always something ready while the store is busy with others
        session.answer("left")
    assert len(claims) == 2  # eight at first, and eight again when four were left


def test_each_item_is_answered_by_as_many_as_asked_for_and_a_lease_runs_out(store):
    ann = FeedbackSession(QUERIES[:1], store, annotator="ann", per_item=1, lease_seconds=0.2)
    bob = FeedbackSession(QUERIES[:1], store, annotator="bob", per_item=1)
    assert ann.current is not None
    assert bob.current is None
    time.sleep(0.25)
    assert bob.current is not None  # ann went for lunch
    assert bob.answer("left")
    assert ann.answer("tie", item=QUERIES[0].id)
    assert len(store.all()) == 2
    two = [FeedbackSession(QUERIES[1:2], store, annotator=n, per_item=2) for n in ("ann", "bob", "eve")]
    assert [s.current is not None for s in two] == [True, True, False]
    two[0].skip("no idea")
    assert two[2].current is not None  # a skip frees the place


def test_what_a_claim_believes_to_be_answered_is_what_stands(store, rng):
    """On a random log, with second thoughts, undo and withdrawn consent."""
    log: list[Event] = []
    for _ in range(400):
        who, item = rng.choice(["ann", "bob", "eve"]), str(rng.integers(12))
        action = str(
            rng.choice(["answer", "answer", "skip", "undo", "withdraw", "consent"], p=[0.4, 0.3, 0.1, 0.16, 0.02, 0.02])
        )
        if action in ("withdraw", "consent"):
            log.append(Event(action, who))
        elif action == "undo":
            if past := [e for e in log if e.annotator == who and e.action in ("answer", "skip")]:
                log.append(Event("undo", who, past[-1].item, target=past[-1].uid))
        else:
            record = Preference("p", "x", "y", "a") if action == "answer" else None
            log.append(Event(action, who, item, record, simulated=bool(rng.random() < 0.1)))
    store.append(*log)
    expected = {(e.item, e.annotator): e.action for e in standing(e for e in log if not e.simulated)}
    assert {"answer", "skip"} == set(expected.values())
    items = [str(i) for i in range(12)]
    with store.database.reading() as connection:
        assert latest_actions(connection, items) == expected
        some = latest_actions(connection, items[:5])
    assert some == {key: action for key, action in expected.items() if key[0] in items[:5]}


class Unplugged:
    """A store whose cable can be pulled: everything else is the real one."""

    def __init__(self, store):
        self.store, self.up, self.lose_reply = store, True, False

    def __getattr__(self, name):
        return getattr(self.store, name)

    def append(self, *events):
        if not self.up:
            raise StoreError("the database does not answer: check that it runs, then try again")
        self.store.append(*events)
        if self.lose_reply:
            raise StoreError("the connection broke before the reply came")


def test_answers_are_kept_while_the_store_is_away_and_sent_when_it_is_back(store):
    cable = Unplugged(store)
    session = FeedbackSession(QUERIES, cable)
    session.answer("left")
    cable.up = False
    for _ in range(2):
        with pytest.raises(StoreError, match="kept here, and sent again by itself"):
            session.answer("left")
    with pytest.raises(StoreError, match="3 not stored yet"):
        session.undo()
    assert len(session.answers()) == 2
    assert session.progress.unsaved == 3
    assert len(store.all()) == 1
    cable.up = True
    session.answer("left")
    assert session.problem == ""
    assert session.progress.unsaved == 0
    assert store.all() == session.answers()
    assert len(store.events()) == 5


def test_an_answer_whose_reply_was_lost_is_not_stored_twice(store):
    cable = Unplugged(store)
    session = FeedbackSession(QUERIES, cable)
    cable.lose_reply = True
    with pytest.raises(StoreError):
        session.answer("left")
    cable.lose_reply = False
    session.answer("left")
    assert len(store.events()) == 2


def test_with_items_held_for_people_undo_brings_the_item_back_first(store):
    session = FeedbackSession(QUERIES, store, per_item=1)
    first = session.current.item
    session.answer("left")
    session.undo()
    assert session.current.item == first
