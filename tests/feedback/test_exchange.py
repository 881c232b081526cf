"""Round trips through every format, what each cannot hold, and files that are not what they should be."""

import json
import re
from collections import Counter

import numpy as np
import pytest

from rlhf_edu.feedback.events import Event
from rlhf_edu.feedback.exchange import NAMES, export, merge, parse, take_in, write_whole
from rlhf_edu.feedback.store import FeedbackStore
from rlhf_edu.feedback.types import Edit, Preference, Ranking, Rating, to_pairs

ODD = '=1+1, "quoted"\r\nnext line\ttab, 漢字 and <script>alert(1)</script>'
RECORDS = [
    Preference("p", "x", ODD, "a"),
    Preference("p", "'x", "-5", "b"),
    Preference(ODD, "", " leading and trailing ", "tie"),
    Preference("p", "x", "z", "both_bad"),
    Rating("p", "x", 4, 1, 5),
    Rating("p", ODD, 0.1, -1, 1),
    Rating("q", "alone", 3, 1, 5),
    Ranking("", ("x", ODD, "z"), (2, 0, 1)),
    Edit("p", "bad", "good\n"),
    Edit("p", "same", "same"),
]


def filled():
    store = FeedbackStore()
    for i, record in enumerate(RECORDS):
        order = (1, 0) if isinstance(record, Preference) else ()
        store.add(record, annotator="ann" if i % 3 else "bob", seconds=0.1 * i, order=order)
    store.add(RECORDS[0], annotator="robot", simulated=True)
    store.append(Event("skip", "ann", "i", note="It upsets me"))
    return store


def stripped(events):
    return [(e.annotator, e.item, e.record, e.simulated, e.order, e.seconds, e.answered_at) for e in events]


@pytest.mark.parametrize("format", ["csv", "argilla"])
def test_files_that_name_people_come_back_as_they_went_out(format):
    store, other = filled(), FeedbackStore()
    text, report = export(store, format, simulated="also", names=True)
    assert (report.count, +report.left_out) == (11, Counter({"skips": 1}))
    assert take_in(other, parse(text, format)).count == 11
    by_item = {(e.item, e.annotator): e for e in other.answers()}
    back = [by_item[e.item, e.annotator] for e in store.answers()]
    assert stripped(back) == stripped(store.answers())
    again = take_in(other, parse(text, format))
    assert (again.count, again.left_out) == (0, Counter({"that were there already": 11}))
    assert len(other.events()) == 11
    if format == "csv":
        assert take_in(store, parse(text, format)).count == 0  # the very same events, known by their uid


def test_names_leave_a_store_only_when_asked():
    store = filled()
    for format in ("csv", "argilla"):
        text, _ = export(store, format)
        assert not re.search(r"\b(ann|bob)\b", text)
        assert {e.annotator for e in parse(text, format)} == {store.pseudonym("ann"), store.pseudonym("bob")}


def test_who_counts_can_be_chosen_and_is_reported():
    store = filled()
    store.consent("ann", "yes")
    assert export(store, "csv")[1].left_out == Counter({"simulated answers": 1, "skips": 1})
    assert export(store, "csv", simulated="only")[1].count == 1
    text, report = export(store, "csv", consented=True, names=True)
    assert {e.annotator for e in parse(text, "csv")} == {"ann"}
    left_out = {"answers of people who did not consent": 4, "simulated answers": 1, "skips": 1}
    assert report.left_out == Counter(left_out)
    assert "left out: 4 answers of people who did not consent" in str(report)
    with pytest.raises(ValueError, match="simulated is 'maybe'"):
        export(store, "csv", simulated="maybe")


def test_preferences_hold_every_pair_and_count_what_is_none():
    store = filled()
    text, report = export(store, "trl-preference")
    rows = [json.loads(line) for line in text.splitlines()]
    assert report.count == len(rows)
    expected: Counter = Counter()
    for who in ("ann", "bob"):
        expected += Counter((p.prompt, p.better, p.worse) for p in to_pairs(store.all(annotator=who)))
    assert Counter((r["prompt"], r["chosen"], r["rejected"]) for r in rows) == expected
    left = {
        "simulated answers": 1, "ties": 1, 'answers "both are bad"': 1, "edits that changed nothing": 1,
        "ratings with nothing to compare them with": 1, "skips": 1,
    }  # fmt: skip
    assert report.left_out == Counter(left)


def test_unpaired_rows_by_hand():
    rows = [json.loads(line) for line in export(filled(), "trl-unpaired")[0].splitlines()]
    seen = [(r["prompt"], r["completion"], r["label"]) for r in rows]
    assert seen == [
        ("p", "x", True), ("p", ODD, False), ("p", "-5", True), ("p", "'x", False), ("p", "x", False), ("p", "z", False),
        ("p", "x", True), ("p", ODD, True), ("p", "good\n", True), ("p", "bad", False), ("p", "same", True),
    ]  # fmt: skip
    left_out = export(filled(), "trl-unpaired", simulated="also")[1].left_out
    assert left_out == Counter({"ties": 1, "ratings in the middle of their scale": 1, "rankings": 1, "skips": 1})


def test_prompts_are_written_once_and_say_what_they_lose():
    text, report = export(filled(), "trl-prompt")
    assert [json.loads(line)["prompt"] for line in text.splitlines()] == ["p", ODD, "q", ""]
    assert report.left_out["answers, of which only the prompt is kept"] == 10
    with pytest.raises(ValueError, match="holds prompts and no answers"):
        parse(text, "trl-prompt")


@pytest.mark.parametrize("format", ["trl-preference", "trl-unpaired", "hh-rlhf"])
def test_training_files_come_back_and_go_out_again_word_for_word(format):
    text, _ = export(filled(), format)
    other = FeedbackStore()
    events = parse(text, format, annotator="file")
    assert take_in(other, events).count == len(text.splitlines())
    assert len(other.answers()) == len(events)  # the same question twice is two items: none replaces another
    if format == "trl-unpaired":  # those are ratings now, which pair up; the rows are what matters
        assert all(isinstance(e.record, Rating) for e in events)
    assert export(other, format)[0] == text
    assert take_in(other, parse(text, format, annotator="file")).count == 0


def test_hh_rlhf_by_hand_and_conversations_of_several_turns():
    store = FeedbackStore()
    store.add(Preference("Tell me a story.", "Once.", " Twice.", "b"))
    (row,) = [json.loads(line) for line in export(store, "hh-rlhf")[0].splitlines()]
    assert row == {
        "chosen": "\n\nHuman: Tell me a story.\n\nAssistant:  Twice.",
        "rejected": "\n\nHuman: Tell me a story.\n\nAssistant: Once.",
    }
    turns = "\n\nHuman: Hi\n\nAssistant: Hello!\n\nHuman: A story?\n\nAssistant:"
    line = json.dumps({"chosen": turns + " Once upon", "rejected": turns + " Once more"})
    (event,) = parse(line, "hh-rlhf")
    assert event.record == Preference(turns, "Once upon", "Once more", "a")
    other = FeedbackStore()
    take_in(other, [event])
    assert json.loads(export(other, "hh-rlhf")[0]) == json.loads(line)


def test_hh_rlhf_leaves_out_texts_that_would_be_read_as_another_turn():
    store = FeedbackStore()
    store.add(Preference("p", "x\n\nHuman: me?", "y", "a"))
    store.add(Preference("p\n\nAssistant: q", "x", "y", "a"))
    text, report = export(store, "hh-rlhf")
    assert text == ""
    assert report.left_out == Counter({'pairs with a line "Human:" or "Assistant:" of their own': 2})


def test_trl_files_load_in_datasets_and_conversations_become_text(tmp_path):
    row = {
        "prompt": [{"role": "user", "content": "Hi"}], "chosen": [{"role": "assistant", "content": "Hello!"}],
        "rejected": [{"role": "assistant", "content": "No."}, {"role": "user", "content": "Why?"}],
    }  # fmt: skip
    (event,) = parse(json.dumps([row]), "trl-preference")  # a JSON list will do as well
    assert event.record == Preference("Hi", "Hello!", "assistant: No.\n\nuser: Why?", "a")
    datasets = pytest.importorskip("datasets")
    text, report = export(filled(), "trl-preference")
    (tmp_path / "pairs.jsonl").write_text(text)
    rows = datasets.load_dataset("json", data_files=str(tmp_path / "pairs.jsonl"), cache_dir=str(tmp_path))["train"]
    assert rows.column_names == ["prompt", "chosen", "rejected"]
    assert len(rows) == report.count


def test_a_spreadsheet_finds_no_formula_and_its_own_tables_can_be_read():
    store = FeedbackStore()
    for text in ("=cmd|' /C calc'!A0", "@SUM(1)", "+1+1", "-x", "\tx", "'quoted'", "-5"):
        store.add(Preference(text, text, "y", "a"))
    text, _ = export(store, "csv")
    assert [e.record for e in parse(text, "csv")] == store.all()
    cells = [line.split(",")[1].strip('"') for line in text.splitlines()[1:]]
    assert all(cell.startswith("'") for cell in cells[:-1])
    (event,) = parse("kind,prompt,a,b,answer\r\npreference,p,'x,y,tie\r\n", "csv", annotator="ann")
    assert (event.annotator, event.record) == ("ann", Preference("p", "'x", "y", "tie"))


def test_text_that_csv_cannot_hold_is_counted():
    store = FeedbackStore()
    store.add(Preference("p", "lone \ud800", "y", "a"))
    assert export(store, "csv")[1].left_out == Counter({"answers whose text is no valid Unicode": 1})
    assert [e.record for e in parse(export(store, "argilla")[0], "argilla")] == store.all()


HEAD = "kind,prompt,a,b,answer\n"


@pytest.mark.parametrize(
    ("format", "text", "words"),
    [
        ("nonsense", "", "format is 'nonsense', but it must be one of trl-prompt"),
        ("trl-preference", '{"prompt": "p"}', "line 1: chosen is 'None', but it must be text"),
        ("trl-preference", '{"prompt": "p", "chosen": "x", "rejected": "y"}\n\n{"prompt', "line 3 is no JSON"),
        ("trl-preference", "[1]", "line 1 is '1', but it must be a JSON object"),
        ("trl-preference", "[{]", "it is no JSON"),
        ("trl-preference", "[" * 100_000, "it is no JSON"),
        ("trl-unpaired", '{"prompt": "p", "completion": "x", "label": 1}', "label is 1, but it must be true or false"),
        ("hh-rlhf", '{"chosen": "x", "rejected": "y"}', "line 1: chosen and rejected must both begin with the same"),
        ("csv", "prompt,a\np,x\n", "the first line must name the columns, but answer, kind is missing"),
        ("csv", "", "the first line must name the columns"),
        ("csv", HEAD + "preference,p,x,y\n", "row 2: the row has another number of cells"),
        ("csv", HEAD + "preference,p,x,y,c\n", "row 2: answer is 'c', but a preference takes a, b, tie or both_bad"),
        ("csv", HEAD + "rating,p,x,,nan\n", "row 2: answer is 'nan', but it must be a number"),
        ("csv", HEAD + "rating,p,x,,9\n", "row 2: score is 9.0, but it must lie between 1.0 and 5.0"),
        ("csv", HEAD + "song,p,x,,9\n", "row 2: kind is 'song'"),
        ("csv", HEAD + 'preference,p,"x', "row 2: unexpected end of data"),
        ("argilla", '[{"fields": {}}]', 'record 1 is not laid out as expected .*"fields" and "responses"'),
        (
            "argilla",
            '[{"fields": {"prompt": "p", "response": "x"}, "responses": {"rating": [{"value": 7}]}}]',
            "record 1: score is 7, but it must lie between",
        ),
        ("argilla", '[{"fields": {"prompt": "p"}, "responses": {"song": [{"value": 7}]}}]', "record 1: expected a record"),
    ],
)  # fmt: skip
def test_a_bad_file_is_refused_in_one_sentence(format, text, words):
    with pytest.raises(ValueError, match=words) as caught:
        parse(text, format)
    assert "\n" not in str(caught.value)


def test_any_mix_of_records_survives_both_files_that_name_people():
    rng = np.random.default_rng(0)
    letters = ["'", '"', ",", "\n", "\r", "=", "-", " ", "é", "漢", "\\", "a", "1", ".", "\x00", "\u2028"]

    def word():
        return "".join(rng.choice(letters, size=rng.integers(0, 6)))

    store = FeedbackStore()
    for _ in range(60):
        order = tuple(int(i) for i in rng.permutation(3))
        choice = str(rng.choice(["a", "b", "tie", "both_bad"]))
        store.add(Preference(word(), word(), word(), choice))  # type: ignore[arg-type]
        store.add(Ranking(word(), (word(), word(), word()), order))
        store.add(Edit(word(), word(), word()))
        store.add(Rating(word(), word(), float(rng.random()), -2.5, 1e3))
    for format in ("csv", "argilla"):
        events = parse(export(store, format, names=True)[0], format)
        assert Counter(map(repr, [e.record for e in events])) == Counter(map(repr, store.all()))


def test_merging_keeps_undo_consent_and_people_apart(tmp_path):
    ann, bob, target = (FeedbackStore(tmp_path / f"{name}.db") for name in ("ann", "bob", "all"))
    for store, choice in ((ann, "a"), (bob, "b")):
        store.consent("me", "yes")
        store.add(Preference("p", "x", "y", choice))
        store.add(Preference("q", "x", "y", choice))
        store.undo()
    report = merge(target, [("ann", ann), ("bob", bob)])
    assert report.count == 8
    assert "me of bob is now called me (bob): the name was taken (one person? merge" in str(report)
    assert {(e.annotator, e.record.choice) for e in target.answers()} == {("me", "a"), ("me (bob)", "b")}
    assert len(target.answers()) == 2
    assert target.consented("me (bob)")
    bob.add(Preference("r", "x", "y", "tie"))
    again = merge(target, [("bob", bob), ("ann", ann)])  # in another order, with one answer more
    assert (again.count, again.left_out["that were there already"], again.notes) == (1, 8, ())
    assert len(target.answers(annotator="me (bob)")) == 2
    assert merge(FeedbackStore(), [("ann", ann), ("bob", bob)], same_names=True).notes == ()


def test_merging_does_not_bring_back_whom_we_were_asked_to_forget():
    target, copy = FeedbackStore(), FeedbackStore()
    target.add(RECORDS[0], annotator="ann")
    target.add(RECORDS[0], annotator="bob")
    merge(copy, [("target", target)])
    target.erase("ann")
    report = merge(target, [("copy", copy)])
    assert (report.count, report.left_out["of people whose data was deleted here"]) == (0, 1)
    assert {e.annotator for e in target.events()} == {"bob"}
    text, _ = export(copy, "csv", names=True)
    assert take_in(target, parse(text, "csv")).left_out["of people whose data was deleted here"] == 1
    copy.add(RECORDS[0], annotator="ann")  # after having been forgotten, ann began anew
    assert merge(target, [("copy", copy)]).count == 1


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "a.csv"
    write_whole(path, "first\r\n")
    with pytest.raises(ValueError, match=r"a.csv is there already: choose another name, or pass --overwrite"):
        write_whole(path, "second")
    with pytest.raises(ValueError, match="is no folder"):
        write_whole(tmp_path / "none" / "a.csv", "x")

    def full(handle):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space left"):
            write_whole(path, "second", overwrite=True)
    assert path.read_bytes() == b"first\r\n"
    assert [p.name for p in tmp_path.iterdir()] == ["a.csv"]
    write_whole(path, "second", overwrite=True)
    assert path.read_text() == "second"


def test_every_format_writes_an_empty_store():
    for format in NAMES:
        assert export(FeedbackStore(), format)[1].count == 0
