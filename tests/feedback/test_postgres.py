"""A whole class on one PostgreSQL: at once, in turns, and while the server goes away and comes back."""

import threading
import time
from collections import Counter

import pytest
from sqlalchemy import text

from rlhf_edu.feedback import outbox, schema
from rlhf_edu.feedback.events import Event, StoreError
from rlhf_edu.feedback.session import FeedbackSession
from rlhf_edu.feedback.store import FeedbackStore
from rlhf_edu.feedback.types import Edit, Preference, Query, Ranking, Rating

QUERIES = [Query("compare", f"prompt {i}", (f"good {i}", f"bad {i}")) for i in range(12)]
YES = Preference("p", "x", "y", "a")


@pytest.fixture
def store(class_url):
    store = FeedbackStore(class_url)
    yield store
    store.close()


def at_once(functions):
    """Run functions in threads of their own that start together; raise what any of them raised."""
    failed, gate = [], threading.Barrier(len(functions))

    def call(function):
        try:
            gate.wait()
            function()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=call, args=(f,)) for f in functions]
    [t.start() for t in threads]
    [t.join() for t in threads]
    if failed:
        raise failed[0]


def test_every_kind_of_record_comes_back_as_it_went_in(store, class_url):
    odd = "lone \ud800, \x00, 漢字 and <script>"
    records = [YES, Rating("p", odd, 4), Ranking("", ("x", odd), (1, 0)), Edit("p", odd, "fixed")]
    for record in records:
        store.add(record, seconds=1.5, order=(1, 0))
    store.append(Event("skip", "me", "i", note=odd))
    assert store.all() == records
    assert {e.order for e in store.answers()} == {(1, 0)}
    assert store.events()[-1].note.startswith("lone ")
    assert FeedbackStore(class_url).all() == records


@pytest.mark.parametrize(("per_item", "items"), [(1, 100), (3, 40)])
def test_fifty_people_at_once_answer_each_item_as_often_as_asked(class_url, per_item, items):
    queries = [Query("compare", f"prompt {i}", ("x", "y")) for i in range(items)]
    given: Counter[str] = Counter()
    lock = threading.Lock()

    def work(number):
        store = FeedbackStore(class_url)  # an engine of their own, as in fifty notebooks
        session = FeedbackSession(queries, store, annotator=f"student {number}", per_item=per_item)
        while shown := session.current:
            assert session.answer("left", item=shown.item)
            with lock:
                given[session.annotator] += 1
        store.close()

    at_once([lambda n=n: work(n) for n in range(50)])
    answers = FeedbackStore(class_url).answers()
    assert Counter(e.item for e in answers) == {q.id: per_item for q in queries}
    assert len({(e.item, e.annotator) for e in answers}) == per_item * items
    assert Counter(e.annotator for e in answers) == given
    assert len(given) > 10  # the work was shared


def test_fifty_people_answer_everything_without_leases(class_url):
    def work(number):
        store = FeedbackStore(class_url)
        session = FeedbackSession(QUERIES[:4], store, annotator=f"student {number}")
        while session.current:
            session.answer("right")
        store.close()

    at_once([lambda n=n: work(n) for n in range(50)])
    assert len(FeedbackStore(class_url).answers()) == 200


def test_fifty_first_openings_at_once_make_the_tables_once(class_url):
    stores = []
    at_once([lambda: stores.append(FeedbackStore(class_url))] * 50)
    assert len(stores) == 50
    with stores[0].database.reading() as connection:
        versions = [row[0] for row in connection.execute(text("SELECT version FROM schema_version ORDER BY version"))]
    assert versions == list(range(1, len(schema.STEPS) + 1))
    [s.close() for s in stores]


def test_a_lease_holds_runs_out_and_the_late_answer_is_kept_too(store):
    ann = FeedbackSession(QUERIES[:1], store, annotator="ann", per_item=1, lease_seconds=0.3)
    bob = FeedbackSession(QUERIES[:1], store, annotator="bob", per_item=1)
    assert ann.current is not None
    assert bob.current is None
    time.sleep(0.35)
    assert bob.current is not None  # ann went for lunch
    assert bob.answer("left")
    assert ann.answer("tie", item=QUERIES[0].id)
    assert len(store.all()) == 2


def test_an_event_sent_from_many_threads_is_stored_once(store):
    event = Event("answer", "ann", "1", YES)
    at_once([lambda: store.append(event)] * 8)
    assert store.events() == [event]


def test_a_person_is_erased_and_the_others_stay(store):
    store.consent("ann", "yes")
    store.add(YES, annotator="ann")
    store.add(YES, annotator="bob")
    assert store.undo(annotator="bob").annotator == "bob"
    store.add(YES, annotator="bob")
    assert store.erase("ann") == 2
    assert store.person("ann") == []
    assert [e.annotator for e in store.answers()] == ["bob"]


def test_a_server_that_was_started_again_between_two_answers_is_not_noticed(server, store):
    store.add(YES, annotator="ann")
    server.crash()
    server.start()
    store.add(YES, annotator="bob")
    assert len(store.all()) == 2


def test_a_store_waits_no_longer_than_it_was_told(store, class_url):
    hasty = FeedbackStore(class_url, timeout_seconds=0.3)
    with store.database.writing() as connection:
        connection.exec_driver_sql("LOCK TABLE events IN ACCESS EXCLUSIVE MODE")
        began = time.monotonic()
        with pytest.raises(StoreError) as caught:
            hasty.add(YES)
        assert time.monotonic() - began < 5
        assert "\n" not in str(caught.value)
    assert hasty.add(YES)
    hasty.close()


def test_leases_go_by_the_servers_clock(store, monkeypatch):
    assert store.claim(["i", "j"], "ann", per_item=1, seconds=60, limit=1) == ["i"]
    right = time.time
    monkeypatch.setattr(time, "time", lambda: right() + 3600)  # a laptop that is an hour ahead
    assert store.claim(["i", "j"], "bob", per_item=1, seconds=60, limit=2) == ["j"]


def test_a_server_that_crashes_in_mid_session_costs_no_answer(server, store, class_url, monkeypatch):
    monkeypatch.setattr(outbox, "RETRY_SECONDS", 600)  # here the next answer brings the others along
    session = FeedbackSession(QUERIES, store, per_item=1)
    ahead = session.upcoming(8)
    assert session.answer("left")
    try:
        server.crash()
        with pytest.raises(StoreError, match=r"127.0.0.1.* does not answer .*1 not stored yet.*again by itself"):
            session.answer("left")
        assert [s.item for s in session.upcoming(8)] == [s.item for s in ahead[2:]]  # what was handed out goes on
        assert "does not answer" in session.problem
        with pytest.raises(StoreError, match="2 not stored yet") as caught:
            session.answer("tie", item=ahead[2].item)
        assert "\n" not in str(caught.value)
        with pytest.raises(StoreError, match="does not answer"):
            FeedbackStore(class_url)
    finally:
        server.start()
    assert store.all() == session.answers()[:1]  # acknowledged before the crash: recovered
    assert session.answer("both_bad")
    assert session.problem == ""
    assert store.all() == session.answers()
    assert len(store.events()) == 4


def test_a_database_that_is_not_there_and_a_wrong_password_are_named(server):
    with pytest.raises(StoreError, match=r"does not answer .*database \"nowhere\" does not exist") as caught:
        FeedbackStore(server.url.removesuffix("postgres") + "nowhere")
    assert "\n" not in str(caught.value)
    with pytest.raises(StoreError, match=r"teacher:\*\*\*@") as caught:
        FeedbackStore("postgresql://teacher:secret@127.0.0.1:1/class")
    assert "secret" not in str(caught.value)
