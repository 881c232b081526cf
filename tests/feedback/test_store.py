import multiprocessing
import os
import resource
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import text

import rlhf_edu
from rlhf_edu.feedback import schema
from rlhf_edu.feedback.disk import network_disk, plain_words
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
        with pytest.raises(StoreError, match=r"written by a newer rlhf_edu .*version 2, this one knows 1"):
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
    assert len(acknowledged) > 300
    kept = {e.uid for e in FeedbackStore(path).events()}
    assert acknowledged <= kept
    assert sqlite3.connect(path).execute("PRAGMA integrity_check").fetchone() == ("ok",)


# ---- when the disk or the file is not as it should be


def test_a_full_disk_says_so_keeps_what_is_stored_and_works_again_with_space(store):
    store.add(YES)
    with store.database.reading() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar()
        connection.execute(text(f"PRAGMA max_page_count={pages}"))
    with pytest.raises(StoreError, match=r"the disk that holds .*answers.db is full: free some space"):
        store.append(*[Event("answer", "me", str(i), Preference("p", "x" * 2000, "y", "a")) for i in range(50)])
    assert store.all() == [YES]
    with store.database.reading() as connection:
        connection.execute(text("PRAGMA max_page_count=100000"))
    store.add(Rating("p", "x", 4))
    assert store.all() == [YES, Rating("p", "x", 4)]


def limited_writer(path):
    resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
    store = FeedbackStore(path)
    try:
        for i in range(500):
            store.add(Preference("p", "x" * 2000, str(i), "a"))
    except StoreError as error:
        os._exit(0 if "the disk failed" in str(error) or "is full" in str(error) else 2)
    os._exit(1)


def test_a_disk_that_refuses_to_grow_the_file_is_reported_and_the_file_stays_whole(tmp_path):
    path = tmp_path / "answers.db"
    child = multiprocessing.get_context("fork").Process(target=limited_writer, args=(path,))
    child.start()
    child.join()
    assert child.exitcode == 0
    assert len(FeedbackStore(path).all()) > 0


def test_a_file_locked_by_another_program_is_reported_and_works_afterwards(tmp_path):
    path = tmp_path / "answers.db"
    store = FeedbackStore(path, timeout_seconds=0.2)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="is locked by another program: close that program"):
        store.add(YES)
    assert store.all() == []  # reading goes on
    other.execute("ROLLBACK")
    store.add(YES)
    assert store.all() == [YES]


def test_a_damaged_file_and_a_file_of_another_kind_are_named(tmp_path):
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear Sir or Madam, " * 100)
    with pytest.raises(StoreError, match=r"letter.txt is not a feedback store"):
        FeedbackStore(letter)
    assert letter.read_text().startswith("Dear Sir")
    path = tmp_path / "answers.db"
    store = FeedbackStore(path)
    for i in range(200):
        store.add(Preference("p", "x" * 500, str(i), "a"))
    store.database.forget_deleted()
    store.close()
    with path.open("r+b") as file:
        file.seek(8192)
        file.write(os.urandom(path.stat().st_size - 8192))
    with pytest.raises(StoreError, match=r"answers.db is damaged: keep it for rescue"):
        FeedbackStore(path).all()


def test_a_file_that_may_only_be_read_can_be_read_and_says_why_it_cannot_be_written(tmp_path):
    path = tmp_path / "answers.db"
    FeedbackStore(path).add(YES)
    frozen = FeedbackStore(f"sqlite:///file:{path}?mode=ro&uri=true")
    assert frozen.all() == [YES]
    with pytest.raises(StoreError, match="cannot be written: it, or its folder, is read-only"):
        frozen.add(YES)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("/no/such/folder/a.db", "cannot be opened or created"),
        ("nonsense://x", "is no address of a store: give a path"),
        ("://", "is no address of a store"),
    ],
)
def test_a_place_that_cannot_be_used_is_refused_in_one_sentence(address, words):
    with pytest.raises(StoreError, match=words) as caught:
        FeedbackStore(address)
    assert "\n" not in str(caught.value)


def test_a_network_disk_is_recognised_by_its_deepest_mount(tmp_path):
    around = [("/", "ext4"), ("/home", "nfs4"), ("/home/ann/local", "xfs"), ("/home2", "ext4")]
    assert network_disk(Path("/home/ann/work"), around) == "nfs4"
    assert network_disk(Path("/home/ann/local/a"), around) == ""
    assert network_disk(Path("/home2/ann"), around) == ""
    assert network_disk(Path("/srv"), [*around, ("/srv", "ext4"), ("/srv", "cifs")]) == "cifs"
    assert network_disk(tmp_path) == ""


def test_a_store_on_a_network_disk_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("rlhf_edu.feedback.disk.mounts", lambda: [("/", "ext4"), (str(tmp_path), "nfs4")])
    with pytest.raises(StoreError, match=r"lies on a network disk \(nfs4\), where SQLite loses answers"):
        FeedbackStore(tmp_path / "answers.db")
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_does_not_answer_is_named():
    class OperationalError(Exception):
        pass

    assert plain_words(OperationalError("connection refused\nmore"), "postgresql://h/d") == (
        "postgresql://h/d does not answer (connection refused): check that the database runs, then try again"
    )
