import multiprocessing
import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import text

import rlhf_edu
from rlhf_edu.feedback import schema
from rlhf_edu.feedback.events import Event, StoreError
from rlhf_edu.feedback.store import FeedbackStore
from rlhf_edu.feedback.types import Preference, Query, Rating

YES = Preference("p", "x", "y", "a")


@pytest.fixture
def store(tmp_path):
    store = FeedbackStore(tmp_path / "answers.db")
    yield store
    store.close()


def test_current_answers_by_kind_person_and_origin(store):
    store.add(YES, annotator="ann", seconds=1.5)
    store.add(Rating("p", "x", 4), annotator="bob")
    store.add(YES, annotator="robot", simulated=True)
    assert store.all("preference") == [YES, YES]
    assert store.all(Rating) == [Rating("p", "x", 4)]
    assert store.all(annotator="ann") == [YES]
    assert store.all(simulated=True) == [YES]
    assert store.answers("preference", simulated=False)[0].seconds == 1.5
    assert store.answers(annotator="ann")[0].item == Query("compare", "p", ("x", "y")).id
    assert "3 answers hold now" in repr(store)
    for ask in (store.all, store.answers):  # the kind of a question is none of an answer
        with pytest.raises(ValueError, match="'compare' is no kind of feedback: expected"):
            ask("compare")


def test_another_opening_reads_the_same_and_a_path_a_url_and_a_string_are_the_same(tmp_path):
    path = tmp_path / "a b" / "answers ü.db"
    path.parent.mkdir()
    FeedbackStore(path).add(YES)
    for address in (path, str(path), f"sqlite:///{path}"):
        assert FeedbackStore(address).all() == [YES]


def test_undo_takes_back_the_last_of_this_person_among_these_items(store):
    for item in ("1", "2", "3"):
        store.add(YES, annotator="ann", item=item)
    store.add(YES, annotator="bob", item="4")
    assert store.undo(annotator="ann", items=["1", "2"]).item == "2"
    assert store.undo(annotator="ann").item == "3"
    assert store.undo(annotator="ann").item == "1"
    assert store.undo(annotator="ann") is None
    assert [e.item for e in store.answers()] == ["4"]
    assert len(store.events()) == 7


def test_the_file_is_set_up_to_survive_power_cuts(store):
    store.add(YES)
    with store.database.reading() as connection:
        settings = [connection.execute(text(f"PRAGMA {name}")).scalar() for name in ("journal_mode", "synchronous")]
        assert settings == ["wal", 2]  # 2 is FULL
        assert connection.execute(text("PRAGMA busy_timeout")).scalar() == 5000


def test_the_log_of_one_person_is_handed_over_and_erased_to_the_last_byte(tmp_path):
    store = FeedbackStore(tmp_path / "answers.db")
    secret = "a sentence that only Ann ever wrote"
    store.consent("ann", "You may use my answers for this course.")
    store.add(Preference("p", secret, "y", "a"), annotator="ann")
    store.add(YES, annotator="bob")
    rows = store.person("ann")
    assert [row["action"] for row in rows] == ["consent", "answer"]
    assert secret in rows[1]["record"]
    assert store.consented("ann")
    assert not store.consented("bob")
    store.withdraw("ann")
    assert store.all() == [YES]
    assert not store.consented("ann")
    assert store.erase("ann") == 3
    assert store.person("ann") == []
    assert store.all() == [YES]
    files = [p for p in tmp_path.iterdir() if p.name.startswith("answers.db")]
    assert files
    assert all(secret.encode() not in p.read_bytes() for p in files)


def test_storing_an_event_twice_stores_it_once_even_at_the_same_time(store):
    event = Event("answer", "ann", "1", YES)
    threads = [threading.Thread(target=store.append, args=(event,)) for _ in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert store.events() == [event]


def test_an_older_file_is_brought_up_to_date_and_keeps_its_answers(tmp_path, monkeypatch):
    path = tmp_path / "old.db"
    with monkeypatch.context() as older:
        older.setattr(schema, "STEPS", schema.STEPS[:1])
        FeedbackStore(path).add(YES)
    newer = FeedbackStore(path)
    assert newer.all() == [YES]
    assert newer.claim(["1"], "ann", per_item=1, seconds=9, limit=1) == ["1"]
    with monkeypatch.context() as older:
        older.setattr(schema, "STEPS", schema.STEPS[:1])
        with pytest.raises(StoreError, match=r"written by a newer rlhf_edu .*version 3, this one knows 1"):
            FeedbackStore(path)


def test_a_step_that_fails_leaves_the_old_file_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "old.db"
    FeedbackStore(path).add(YES)

    def half(connection):
        connection.execute(text("CREATE TABLE half_done (x INTEGER)"))
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(schema, "STEPS", (*schema.STEPS, half))
        with pytest.raises(KeyboardInterrupt):
            FeedbackStore(path)
    assert FeedbackStore(path).all() == [YES]
    assert sqlite3.connect(path).execute("SELECT count(*) FROM sqlite_master WHERE name='half_done'").fetchone() == (0,)


def write_many(path, name):
    store = FeedbackStore(path)
    for i in range(25):
        store.add(Preference(name, str(i), "y", "a"), annotator=name)
        store.all(annotator=name)


def test_eight_processes_write_one_file(tmp_path):
    path = tmp_path / "answers.db"
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=write_many, args=(path, f"writer {i}")) for i in range(8)]
    [w.start() for w in writers]
    [w.join() for w in writers]
    assert [w.exitcode for w in writers] == [0] * 8
    assert len(FeedbackStore(path).all()) == 200


def test_a_store_opened_before_a_fork_works_on_both_sides(store):
    store.add(YES, annotator="parent")
    child = os.fork()
    if child == 0:
        try:
            store.add(YES, annotator="child")
            os._exit(0)
        except BaseException:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    assert [e.annotator for e in store.answers()] == ["parent", "child"]


def test_a_hundred_killed_writers_lose_no_acknowledged_answer(tmp_path):
    path = tmp_path / "answers.db"
    FeedbackStore(path).close()
    script = Path(__file__).with_name("killed_writers.py")
    command = [sys.executable, script, path, "100"]
    here = os.environ | {"PYTHONPATH": str(Path(rlhf_edu.__file__).parents[1])}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=here)
    acknowledged = set(done.stdout.splitlines())
    assert done.returncode == 0, done.stderr
    assert len(acknowledged) > 200  # three a writer on average: enough were in flight when killed
    kept = {e.uid for e in FeedbackStore(path).events()}
    assert acknowledged <= kept
    assert sqlite3.connect(path).execute("PRAGMA integrity_check").fetchone() == ("ok",)
