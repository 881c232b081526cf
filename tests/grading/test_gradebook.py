"""The gradebook: what counts is worked out anew whenever a due date moves or a person has marked a text."""

import csv
import math
from pathlib import Path

import numpy as np
import pytest

from rlhf_edu.grading.exercise import version_of
from rlhf_edu.grading.gradebook import DAY, Gradebook, LateRule
from rlhf_edu.grading.grades import grades, read_marks, write_csv, write_essays
from rlhf_edu.grading.runner import Graded, TaskResult, hidden_rng
from rlhf_edu.grading.submission import Submission
from rlhf_edu.grading.task import Task, Verdict


def judge(student, rng, hidden) -> Verdict:
    return Verdict(1.0, "correct")


TASKS = {
    "sum": Task("sum", "90_test", "function", "A sum", 4.0, 1, judge),
    "essay": Task("essay", "90_test", "essay", "A text", 3.0, 1, judge, rubric={"clear": 2.0, "short": 1.0}),
}
VERSIONS = {name: version_of(task) for name, task in TASKS.items()}
SENT = 1_700_000_000.0


@pytest.fixture
def book(tmp_path):
    return Gradebook(tmp_path / "gradebook.db")


def hand_in(book, student="anna", share=1.0, text="my text", sha="a", unsafe=False, only=("sum", "essay"), sent=SENT):
    results = {"sum": TaskResult("sum", share, "words", "sign"), "essay": TaskResult("essay", 1.0, "ready", essay=text)}
    submission = Submission(student, Path("anna.ipynb"), sha, sent)
    graded = Graded([results[name] for name in only], ["a note"], 1.0)
    book.record(submission, "90_test", graded, list(TASKS.values()), VERSIONS, unsafe)
    return submission


def test_an_unchanged_file_counts_as_done_until_file_judge_or_safety_changes(book):
    submission = hand_in(book)
    assert book.done(submission, "90_test", VERSIONS, unsafe=False)
    assert not book.done(Submission("anna", Path("x"), "b"), "90_test", VERSIONS, unsafe=False)
    assert not book.done(submission, "90_test", VERSIONS | {"sum": "newer"}, unsafe=False)
    hand_in(book, unsafe=True)
    assert not book.done(submission, "90_test", VERSIONS, unsafe=False)
    assert book.done(submission, "90_test", VERSIONS, unsafe=True)


def test_grading_one_task_again_keeps_the_others(book):
    hand_in(book, share=0.0)
    hand_in(book, share=0.5, only=("sum",))
    grade = grades(book, TASKS)[0]
    assert [(t.task, t.points) for t in grade.tasks] == [("sum", 2.0), ("essay", 0.0)]


def test_scores_of_an_older_file_do_not_survive(book):
    hand_in(book)
    submission = hand_in(book, sha="b", only=("sum",))
    assert [t.task for t in grades(book, TASKS)[0].tasks] == ["sum"]
    assert not book.done(submission, "90_test", VERSIONS, unsafe=False)


def test_days_late_against_counting_by_hand():
    rule = LateRule(due=SENT, share_per_day=0.1, free_days=2, most=0.5)
    for late in np.random.default_rng(0).uniform(-3 * DAY, 12 * DAY, 200):
        begun, left = 0, late - 300
        while left > 0:
            begun, left = begun + 1, left - DAY
        assert rule.days(SENT + late) == begun
        assert math.isclose(rule.penalty(SENT + late), min(0.5, 0.1 * max(0, begun - 2)))
    assert LateRule().days(SENT) == 0


def test_a_moved_due_date_changes_the_total_without_grading(book):
    hand_in(book)
    assert grades(book, TASKS)[0].total == 4.0
    book.settings(**{"due 90_test": str(SENT - 1.5 * DAY), "late_share": "0.25"})
    assert grades(book, TASKS)[0].total == 2.0
    assert grades(book, TASKS)[0].raw == 4.0
    book.settings(free_days="1")
    assert grades(book, TASKS)[0].total == 3.0
    book.settings(**{"due 90_test": str(SENT + DAY)})
    assert grades(book, TASKS)[0].total == 4.0


def fill_in(path, **points):
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["points"] = points.get(row["criterion"], "")
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.DictWriter(file, rows[0])
        out.writeheader()
        out.writerows(rows)


def test_an_essay_waits_is_marked_and_counts(book, tmp_path):
    hand_in(book)
    path = tmp_path / "essays.csv"
    assert write_essays(path, grades(book, TASKS), TASKS) == 1
    assert "anna" not in path.read_text()
    fill_in(path, clear="1,5")
    assert read_marks(book, path, TASKS) == (1, [])
    assert grades(book, TASKS)[0].waiting
    fill_in(path, clear="1.5", short="1")
    assert read_marks(book, path, TASKS) == (2, [])
    grade = grades(book, TASKS)[0]
    assert not grade.waiting
    assert grade.total == 6.5


def test_what_was_typed_into_the_essay_file_is_not_lost(book, tmp_path):
    hand_in(book)
    path = tmp_path / "essays.csv"
    write_essays(path, grades(book, TASKS), TASKS)
    fill_in(path, short="0.5")
    hand_in(book, student="bob")
    write_essays(path, grades(book, TASKS), TASKS)
    with path.open(newline="", encoding="utf-8") as file:
        assert sorted(row["points"] for row in csv.DictReader(file)) == ["", "", "", "0.5"]


@pytest.mark.parametrize("points", ["3", "-1", "nan", "many"])
def test_an_impossible_mark_is_refused_with_its_line(book, tmp_path, points):
    hand_in(book)
    path = tmp_path / "essays.csv"
    write_essays(path, grades(book, TASKS), TASKS)
    fill_in(path, clear=points)
    count, wrong = read_marks(book, path, TASKS)
    assert count == 0
    assert wrong[0].startswith("line 2:")


def test_marks_go_when_the_text_they_were_for_changes(book):
    hand_in(book)
    blind = grades(book, TASKS)[0].blind
    book.mark(blind, "essay", "clear", 2.0)
    book.mark(blind, "sum", "override", 1.0)
    hand_in(book, sha="b", text="my text")
    assert grades(book, TASKS)[0].raw == 3.0
    hand_in(book, sha="c", text="another text")
    assert grades(book, TASKS)[0].raw == 1.0


def test_the_table_holds_names_or_numbers_and_no_formulas(book, tmp_path):
    hand_in(book, student="=cmd()")
    path = tmp_path / "grades.csv"
    write_csv(path, grades(book, TASKS))
    row = next(csv.DictReader(path.open(encoding="utf-8")))
    assert row["student"] == "'=cmd()"
    assert (row["points"], row["of"], row["sum"], row["waiting"]) == ("4.0", "7.0", "4.0", "yes")
    write_csv(path, grades(book, TASKS), blind=True)
    assert "cmd" not in path.read_text()


def test_odd_text_can_be_stored(book):
    hand_in(book, text="lone \udc80, zero \0, emoji 🙂" + "x" * 10**6)
    text = grades(book, TASKS)[0].tasks[1].essay
    assert text.startswith("lone ?, zero �, emoji 🙂")
    assert len(text) == 100_000


def test_hidden_cases_depend_on_the_secret_and_the_task_only():
    draws = [hidden_rng(s, t).integers(1 << 60) for s, t in [(b"a", "x"), (b"a", "x"), (b"b", "x"), (b"a", "y")]]
    assert draws[0] == draws[1]
    assert len(set(draws)) == 3
