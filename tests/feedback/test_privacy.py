"""Consent, pseudonyms, a person's data on request, and stores written by earlier versions."""

import re
import sqlite3

import pytest
from old_stores import OLD
from sqlalchemy import text

from rlhf_edu.feedback import schema
from rlhf_edu.feedback.events import StoreError
from rlhf_edu.feedback.privacy import forgotten_since, fresh_name
from rlhf_edu.feedback.store import FeedbackStore
from rlhf_edu.feedback.types import Preference

YES = Preference("p", "x", "y", "a")


def old_store(path, version):
    with sqlite3.connect(path) as connection:
        connection.executescript(OLD[version])
    return path


@pytest.mark.parametrize("version", sorted(OLD))
def test_every_older_file_is_brought_up_to_date_and_means_the_same(tmp_path, version):
    path = old_store(tmp_path / "old.db", version)
    before = sqlite3.connect(path).execute("SELECT * FROM events ORDER BY id").fetchall()
    for _ in range(2):  # the second time there is nothing to do
        store = FeedbackStore(path)
        assert [e.uid for e in store.answers()] == ["u2", "u5"]
        assert store.all(simulated=False) == [Preference("p", "x", "y", "b")]
        assert store.answers()[0].order == (1, 0)
        assert store.consented("ann")
        assert [e.note for e in store.events() if e.action == "skip"] == ["It upsets me"]
        assert store.pseudonym("ann") == store.pseudonym("ann") != store.pseudonym("bob")
        with store.database.reading() as connection:
            rows = connection.execute(text("SELECT version FROM schema_version")).scalars()
            assert sorted(rows) == list(range(1, len(schema.STEPS) + 1))
        store.close()
    assert sqlite3.connect(path).execute("SELECT * FROM events ORDER BY id").fetchall() == before
    store = FeedbackStore(path)
    assert store.claim(["i9"], "eve", per_item=1, seconds=9, limit=1) == ([] if version >= 2 else ["i9"])
    assert store.erase("ann") == 5
    assert [e.annotator for e in store.answers()] == ["robot"]


def test_the_table_of_older_files_is_complete():
    assert sorted(OLD) == list(range(1, len(schema.STEPS))), (
        "add the store that the last release wrote to old_stores.py"
    )


def test_a_pseudonym_is_steady_in_one_store_and_another_in_the_next(tmp_path):
    path = tmp_path / "a.db"
    names = {FeedbackStore(path).pseudonym("Ann Example") for _ in range(2)}
    names.add(FeedbackStore(tmp_path / "b.db").pseudonym("Ann Example"))
    assert len(names) == 2
    assert all(re.fullmatch(r"person-[0-9a-f]{10}", name) for name in names)


def test_fresh_names_differ_and_can_be_used():
    names = {fresh_name() for _ in range(50)}
    assert len(names) > 45
    store = FeedbackStore()
    assert [store.add(YES, annotator=name).annotator for name in sorted(names)] == sorted(names)


def test_withdrawn_answers_do_not_count_and_come_back_with_new_consent():
    store = FeedbackStore()
    store.consent("ann", "yes")
    store.add(YES, annotator="ann")
    store.withdraw("ann")
    assert store.all() == []
    assert len(store.person("ann")) == 3  # still there to be handed over
    store.consent("ann", "yes, again")
    assert store.all() == [YES]


def test_an_erased_person_leaves_no_name_and_may_begin_anew():
    store = FeedbackStore()
    store.add(YES, annotator="ann")
    assert store.erase("ann") == 1
    assert store.erase("ann") == 0
    with store.database.reading() as connection:
        rows = [row for table in schema.metadata.sorted_tables for row in connection.execute(table.select())]
        assert forgotten_since(connection, {"ann", "bob"}).keys() == {"ann"}
    assert "ann" not in str(rows)
    store.add(YES, annotator="ann")
    assert store.all() == [YES]


def test_a_store_that_must_exist_is_not_made(tmp_path):
    with pytest.raises(StoreError, match=r"there is no feedback store at .*none.db: check the path"):
        FeedbackStore(tmp_path / "none.db", must_exist=True)
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE recipes (x INTEGER)")
    with pytest.raises(StoreError, match=r"other.db holds no feedback"):
        FeedbackStore(other, must_exist=True)
    assert sqlite3.connect(other).execute("SELECT name FROM sqlite_master").fetchall() == [("recipes",)]
    assert not (tmp_path / "none.db").exists()
