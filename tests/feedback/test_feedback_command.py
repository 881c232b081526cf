"""`rlhf-edu feedback` as a user meets it: what it says, what it writes, and what it refuses without a trace."""

import json
import sys

import pytest

from rlhf_edu import cli
from rlhf_edu.feedback.events import Event
from rlhf_edu.feedback.store import FeedbackStore
from rlhf_edu.feedback.summary import in_words, summary
from rlhf_edu.feedback.types import Preference, Rating


@pytest.fixture
def feedback(monkeypatch, capsys):
    """Run `rlhf-edu feedback …` in this process; its exit code, what it wrote and what it complained about."""

    def run(*words) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["rlhf-edu", "feedback", *map(str, words)])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        said, code = capsys.readouterr(), stop.value.code
        return (1, said.out, said.err + code) if isinstance(code, str) else (code or 0, said.out, said.err)

    return run


@pytest.fixture
def path(tmp_path):
    """Two people on four comparisons, three of which both answered, one of them twice; and a simulated one."""
    store = FeedbackStore(tmp_path / "class.db")
    store.consent("ann", "yes")
    for who, choices in (("ann", "aaba"), ("bob", "ab")):
        for i, choice in enumerate(choices):
            store.add(
                Preference(f"{i}", "two words", "one", choice), annotator=who, item=f"{i}", seconds=2 + i, order=(0, 1)
            )
    store.add(Preference("2", "two words", "one", "tie"), annotator="bob", item="2", order=(0, 1))
    store.add(Preference("0", "two words", "one", "b"), annotator="ann", item="0#2", order=(1, 0))
    store.add(Preference("0", "two words", "one", "a"), annotator="robot", item="0", simulated=True)
    store.append(Event("skip", "bob", "3", note="It upsets me"))
    store.close()
    return tmp_path / "class.db"


def test_numbers_of_a_store_by_hand(path):
    n = summary(FeedbackStore(path))
    assert (n["answers"], n["items"], n["simulated"], n["ties"], n["undone"]) == (8, 5, 1, 1, 0)
    assert n["skips"] == {"It upsets me": 1}
    assert n["people"]["ann"] == {"answers": 5, "median_seconds": 3.5, "consent": True}
    assert n["people"]["bob"] == {"answers": 3, "median_seconds": 2.5, "consent": None}
    assert n["minutes"] == pytest.approx((2 + 3 + 4 + 5 + 2 + 3) / 60, abs=0.01)
    assert n["same_answer_again"] == {"ann": [0, 1]}
    # won on the left: ann a a . a and b shown (1, 0); bob a; on the right: ann's b, bob's b
    assert n["left_won"] == [5, 7]
    assert n["longer_won"] == [4, 7]
    # both answered 0, 1 and 2: a a, a b, b tie. One pair of three agrees. Values a a a b b tie: n = 6
    found = n["agreement"]["preference"]
    assert (found["items"], found["percent"], found["level"]) == (3, 33.3, "nominal")
    different = 36 - (9 + 4 + 1)  # Σ_{c ≠ k} n_c n_k
    assert found["alpha"][0] == pytest.approx(1 - (6 - 1) * 4 / different, abs=1e-3)
    assert found["alpha"][1] <= found["alpha"][0] <= found["alpha"][2]
    assert n["agreement"]["rating"] is None
    words = in_words(n)
    assert "preference: 33 % of pairs on 3 shared items" in words
    assert "ann: 5 answers, 3.5 s each, same answer again 0 of 1; consented" in words
    assert "bob: 3 answers, 2.5 s each; no consent recorded" in words


def test_numbers_of_an_empty_store_and_of_people_who_all_say_the_same():
    store = FeedbackStore()
    assert "none yet" in in_words(summary(store))
    for who in ("ann", "bob"):
        store.add(Rating("p", "x", 4), annotator=who)
    assert summary(store)["agreement"]["rating"]["alpha"] == [None, None, None]
    assert "undefined" in in_words(summary(store))


def test_stats_in_words_and_as_json(feedback, path):
    code, said, _ = feedback("stats", path)
    assert code == 0
    assert said.startswith("answers     8 on 5 items (8 preference); 1 ties")
    code, said, _ = feedback("stats", path, "--json")
    assert json.loads(said)["answers"] == 8


def test_out_and_in_again(feedback, path, tmp_path):
    file = tmp_path / "answers.csv"
    code, said, _ = feedback("export", path, "--format", "csv", "--out", file)
    assert code == 0
    assert said.splitlines() == ["8 answers", "left out: 1 simulated answers", "left out: 1 skips"]
    assert b"ann,F" not in file.read_bytes()  # under a pseudonym
    code, _, complaint = feedback("export", path, "-f", "csv", "--out", file)
    assert code == 1
    assert "is there already" in complaint
    code, said, _ = feedback("import", file, "-f", "csv", "--into", tmp_path / "new.db")
    assert (code, said.strip()) == (0, "8 events taken in")
    code, said, _ = feedback("import", file, "-f", "csv", "--into", tmp_path / "new.db")
    assert said.splitlines() == ["0 events taken in", "left out: 8 that were there already"]
    assert FeedbackStore(tmp_path / "new.db").all() == FeedbackStore(path).all(simulated=False)


def test_ties_are_counted_and_lines_go_to_the_terminal(feedback, path):
    code, said, report = feedback("export", path, "-f", "trl-preference")
    assert code == 0
    assert len([json.loads(line) for line in said.splitlines()]) == 7
    assert "7 rows, from 8 answers" in report
    assert "left out: 1 ties" in report


def test_a_bad_file_makes_no_store_and_adds_nothing_to_one(feedback, path, tmp_path):
    file = tmp_path / "pairs.jsonl"
    file.write_text('{"prompt": "p", "chosen": "x", "rejected": "y"}\n{"prompt": "p", "chosen": "x"}\n')
    before = len(FeedbackStore(path).events())
    for into in (path, tmp_path / "new.db"):
        code, said, complaint = feedback("import", file, "-f", "trl-preference", "--into", into)
        assert (code, said) == (1, "")
        assert complaint == (
            f"rlhf-edu: {file} was not imported: line 2: rejected is 'None', but it must be text or a list of messages"
        )
    assert len(FeedbackStore(path).events()) == before
    assert not (tmp_path / "new.db").exists()
    file.write_bytes(b"\xff\xfe\x00")
    assert "is not UTF-8 text (byte 0): save it as UTF-8" in feedback("import", file, "-f", "csv", "--into", path)[2]


def test_a_store_that_is_not_there_or_is_none_is_named_and_not_made(feedback, tmp_path):
    for words in (("stats",), ("export", "-f", "csv"), ("person", "ann")):
        code, _, complaint = feedback(words[0], tmp_path / "none.db", *words[1:])
        assert (code, "there is no feedback store at" in complaint) == (1, True)
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear Sir or Madam, " * 50)
    assert "letter.txt is not a feedback store" in feedback("stats", letter)[2]
    assert "there is no feedback store" in feedback("merge", tmp_path / "none.db", "--into", tmp_path / "all.db")[2]
    assert [p.name for p in tmp_path.iterdir()] == ["letter.txt"]


def test_stores_are_merged(feedback, path, tmp_path):
    other = FeedbackStore(tmp_path / "other.db")
    other.add(Preference("p", "x", "y", "a"), annotator="bob")
    other.close()
    code, said, _ = feedback("merge", path, tmp_path / "other.db", "--into", tmp_path / "all.db")
    assert code == 0
    taken, renamed = said.splitlines()
    assert taken == "12 events taken in"
    assert renamed.startswith("bob of other is now called bob (other): the name was taken (one person? merge into")
    assert len(FeedbackStore(tmp_path / "all.db").all()) == 10
    code, said, _ = feedback("merge", path, tmp_path / "other.db", "--into", tmp_path / "all.db")
    assert said.splitlines() == ["0 events taken in", "left out: 12 that were there already"]


def test_a_persons_data_is_handed_over_and_deleted(feedback, path, tmp_path):
    code, said, _ = feedback("person", path, "ann", "--out", tmp_path / "ann.json", "--erase")
    assert code == 0
    assert said.splitlines()[0].startswith("6 events of ann written to")
    assert "6 events of ann deleted" in said
    assert [row["action"] for row in json.loads((tmp_path / "ann.json").read_text())] == ["consent"] + ["answer"] * 5
    assert {e.annotator for e in FeedbackStore(path).events()} == {"bob", "robot"}
    code, _, complaint = feedback("person", path, "ann")
    assert code == 1
    assert "keeps nothing about 'ann'" in complaint
    assert len(json.loads(feedback("person", path, "bob")[1])) == 4
