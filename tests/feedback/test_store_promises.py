"""What a store and a session promise where something goes wrong between them: nothing is lost, nothing comes back."""

import json
import os
import time
from collections import Counter

import pytest

from rlhf_edu.feedback import disk, outbox
from rlhf_edu.feedback import store as store_module
from rlhf_edu.feedback.events import Event, StoreError
from rlhf_edu.feedback.exchange import export, merge, parse, read_text, take_in
from rlhf_edu.feedback.session import FeedbackSession
from rlhf_edu.feedback.store import FeedbackStore
from rlhf_edu.feedback.summary import summary
from rlhf_edu.feedback.types import Edit, Preference, Query, Rating

QUERIES = [Query("compare", f"p {i}", ("x", "y")) for i in range(4)]
YES = Preference("p", "x", "y", "a")


@pytest.fixture
def store(tmp_path):
    store = FeedbackStore(tmp_path / "a.db")
    yield store
    store.close()


def away(*events):
    raise StoreError("the disk is full")


# --- an answer and the store


def test_an_event_that_the_database_refuses_is_not_called_kept(store, monkeypatch):
    monkeypatch.setattr(store_module, "to_row", lambda e, right=store_module.to_row: right(e) | {"answered_at": None})
    with pytest.raises(StoreError, match=r"refused an event .*none was stored"):
        store.add(YES)
    assert store.events() == []


def test_the_last_answer_of_all_is_sent_again_by_itself(store, monkeypatch):
    monkeypatch.setattr(outbox, "RETRY_SECONDS", 0.05)
    session, seen = FeedbackSession(QUERIES[:1], store), []
    session.on_change(lambda s: seen.append(s.problem))
    with monkeypatch.context() as patch:
        patch.setattr(store, "append", away)
        with pytest.raises(StoreError, match="1 not stored yet: kept here, and sent again by itself"):
            session.answer("left")
        time.sleep(0.3)  # it tries, and fails, more than once
        assert session.progress.unsaved == 1
    until = time.monotonic() + 10
    while session.progress.unsaved and time.monotonic() < until:
        time.sleep(0.01)
    assert (session.progress.unsaved, session.problem, len(store.all())) == (0, "", 1)
    assert seen[-1] == ""
    assert FeedbackSession(QUERIES[:1], store).current is None


def test_a_cell_run_again_while_answers_wait_goes_on_where_it_was(store, monkeypatch):
    session = FeedbackSession(QUERIES[:2], store)
    monkeypatch.setattr(store, "append", away)
    for _ in range(2):
        with pytest.raises(StoreError):
            session.answer("left")
    with pytest.raises(StoreError):
        session.undo()
    session.extend(QUERIES[2:])
    assert [e.item for e in session.events()] == [QUERIES[0].id]
    assert session.current.item == QUERIES[1].id


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Query("rate", "p", ("x",), scale=(0, float("inf"))), "both its ends must be finite"),
        (lambda: Query("rank", "p", tuple("abc" * 17)), "a ranking of 51 texts .* at most 50"),
        (lambda: Query("compare", "p", ("x", "y"), id="i" * 191), "has 191 characters, but at most 190"),
        (lambda: Rating("p", "x", 4, 0, float("inf")), "high is inf, but it must be a number"),
        (lambda: Event("answer", "ann", "i", YES, answered_at=float("nan")), "answered_at is nan"),
    ],
)
def test_what_no_store_could_keep_is_refused_where_it_is_made(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_a_forked_process_has_connections_of_its_own(store):
    store.add(YES)
    mine = store.database.engine
    pid = os.fork()
    if pid == 0:  # the child: no pytest, no clean-up
        os._exit(0 if store.database.engine is not mine else 1)
    assert os.waitpid(pid, 0)[1] == 0
    assert store.database.engine is mine


@pytest.mark.parametrize("number", [450, 900])
def test_long_piles_are_handed_out_and_read_to_their_end(store, number):
    items = [f"i{n}" for n in range(number)]
    store.append(*[Event("answer", "bob", item, YES) for item in items[:-3]])
    assert store.claim(items, "ann", per_item=1, seconds=60, limit=2) == items[-3:-1]
    assert store.claim(items, "eve", per_item=1, seconds=60, limit=9) == items[-1:]
    assert [e.item for e in store.events("bob", items=items[5:])] == items[5:-3]


# --- people who withdraw, and people who are forgotten


def test_withdrawn_answers_do_not_count_in_a_new_session(store):
    FeedbackSession(QUERIES, store, annotator="ann").answer("left")
    store.consent("ann", "yes")
    assert len(FeedbackSession(QUERIES, store, annotator="ann").answers()) == 1
    store.withdraw("ann")
    assert FeedbackSession(QUERIES, store, annotator="ann").answers() == []
    numbers = summary(store)
    assert numbers["people"]["ann"] == {"answers": 0, "median_seconds": None, "consent": False}


def test_what_was_taken_back_is_counted(store):
    store.add(YES)
    store.undo()
    assert summary(store)["undone"] == 1


def test_who_only_holds_an_item_is_shown_and_forgotten(store):
    store.claim(["i"], "ann", per_item=1, seconds=60, limit=1)
    [row] = store.person("ann")
    assert (row["action"], row["item"]) == ("lease", "i")
    store.erase("ann")
    assert store.person("ann") == []
    assert store.claim(["i"], "bob", per_item=1, seconds=60, limit=1) == ["i"]


def test_deleted_is_not_said_while_another_program_keeps_the_text_readable(tmp_path):
    store = FeedbackStore(tmp_path / "a.db", timeout_seconds=0.1)
    store.add(Preference("p", "secret words", "y", "a"), annotator="ann")
    other = FeedbackStore(tmp_path / "a.db")
    with other.database.reading() as connection:
        connection.exec_driver_sql("SELECT * FROM events").fetchall()
        with pytest.raises(StoreError, match="the rows are deleted, but another program is reading"):
            store.erase("ann")
    other.close()
    store.erase("ann")
    assert not any(b"secret words" in file.read_bytes() for file in tmp_path.iterdir())


def test_the_forgotten_do_not_come_back_by_their_pseudonym_and_a_second_time_counts_too(store):
    store.add(YES, annotator="ann")
    text, _ = export(store, "csv")
    store.erase("ann")
    report = take_in(store, parse(text, "csv"))
    assert (report.count, report.left_out) == (0, Counter({"of people whose data was deleted here": 1}))
    store.add(YES, annotator="ann")  # begins anew, and is forgotten once more
    copy = store.events("ann")
    store.erase("ann")
    assert take_in(store, copy).count == 0


# --- files and merging


def test_two_questions_on_one_record_are_two_answers_and_drafts_are_counted(store):
    said = {"rating": 4, "edit": "better", "ranking": None}
    responses = {kind: [{"user_id": "ann", "value": value}] for kind, value in said.items() if value}
    responses["rating"] += [{"user_id": "bob", "value": 1, "status": status} for status in ("draft", "discarded")]
    row = {"id": "r1", "fields": {"prompt": "p", "response": "x"}, "responses": responses}
    left_out: Counter[str] = Counter()
    events = parse(json.dumps(row), "argilla", left_out=left_out)
    report = take_in(store, events, left_out=left_out)
    assert "left out: 1 responses that are draft\nleft out: 1 responses that are discarded" in str(report)
    assert Counter(store.all()) == Counter([Rating("p", "x", 4), Edit("p", "x", "better")])


def test_times_in_words_are_refused_with_the_record():
    row = {"fields": {"prompt": "p", "response": "x"}, "responses": {"rating": [{"user_id": "ann", "value": 1}]}}
    row["metadata"] = {"answered_at": {"ann": "2026-11-29T10:00:00"}}
    with pytest.raises(ValueError, match="record 1: answered_at is '2026-11-29T10:00:00', but it must be a number"):
        parse(json.dumps(row), "argilla")


def test_a_table_saved_by_a_spreadsheet_begins_with_a_mark_that_is_no_letter(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("\ufeffkind,prompt,a,b,answer\npreference,p,x,y,a\n", encoding="utf-8")
    assert [e.record for e in parse(read_text(file), "csv")] == [YES]


def test_merged_logs_are_read_in_the_order_of_time():
    lab, laptop = FeedbackStore(), FeedbackStore()
    lab.append(Event("consent", "ann", answered_at=100.0), Event("answer", "ann", "i", YES, answered_at=101.0))
    newer = Preference("p", "x", "y", "b")
    laptop.append(Event("answer", "ann", "i", newer, answered_at=200.0))
    for sources in ([("lab", lab), ("laptop", laptop)], [("laptop", laptop), ("lab", lab)]):
        both = FeedbackStore()
        merge(both, sources, same_names=True)
        assert both.all() == [newer]
        assert both.consented("ann")
    laptop.append(Event("withdraw", "ann", answered_at=300.0))
    both = FeedbackStore()
    merge(both, [("laptop", laptop), ("lab", lab)], same_names=True)
    assert both.all() == []
    assert both.claim(["i"], "bob", per_item=1, seconds=9, limit=1) == ["i"]


def test_to_forget_one_me_does_not_refuse_another():
    anns, bobs, both = FeedbackStore(), FeedbackStore(), FeedbackStore()
    anns.add(YES, annotator="me")
    bobs.add(YES, annotator="me")
    merge(both, [("ann", anns), ("bob", bobs)])
    both.erase("me")  # ann; bob is called "me (bob)" here
    bobs.add(Preference("q", "x", "y", "b"), annotator="me")
    report = merge(both, [("bob", bobs)])
    assert report.count == 1
    assert len(both.all(annotator="me (bob)")) == 2
    assert merge(both, [("ann", anns)]).count == 0


# --- places


def test_a_mount_point_with_blanks_and_letters_of_other_languages_is_read_right(monkeypatch):
    lines = "server:/x /mnt/für\\040alle nfs4 rw 0 0\nserver:/y /mnt/web fuse.webdav rw 0 0\n"
    monkeypatch.setattr(disk.sys, "platform", "linux")
    monkeypatch.setattr(disk.Path, "read_text", lambda self, **how: lines)
    assert disk.mounts() == [("/mnt/für alle", "nfs4"), ("/mnt/web", "fuse.webdav")]


def test_a_home_that_is_nobodys_is_named():
    with pytest.raises(StoreError, match="is in nobody's home folder here"):
        FeedbackStore("~nosuchuser/a.db")


def test_a_server_without_space_does_not_answer_and_only_the_first_line_is_said():
    class OperationalError(Exception): ...

    class DiskFull(OperationalError): ...

    said = disk.plain_words(DiskFull("could not extend file\nHINT: check free space"), "the class")
    assert said.startswith("the class does not answer (could not extend file): check that the database runs")
    assert "\n" not in disk.plain_words(RuntimeError("permission denied\nLINE 2: CREATE"), "the class")
