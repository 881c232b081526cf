"""What a store says when the disk or the file is not as it should be, and that it loses nothing over it."""

import multiprocessing
import os
import resource
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import text

from rlhf_edu.feedback.disk import network_disk, plain_words
from rlhf_edu.feedback.events import Event, StoreError
from rlhf_edu.feedback.store import FeedbackStore
from rlhf_edu.feedback.types import Preference, Rating

YES = Preference("p", "x", "y", "a")


@pytest.fixture
def store(tmp_path):
    store = FeedbackStore(tmp_path / "answers.db")
    yield store
    store.close()


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
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
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
        ("mysql://user@host/db", "is no address of a store"),  # not: install a driver
        (" ", "the address of the store is empty"),
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
