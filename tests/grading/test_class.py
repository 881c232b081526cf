"""One command grades a class of right, wrong, damaged and hostile submissions with exactly the scores they deserve."""

import csv
import os
import shutil
import socket
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parent))

import class_of_forty

from rlhf_edu.grading.commands import grade_command
from rlhf_edu.grading.gradebook import Gradebook
from rlhf_edu.grading.sandbox import bubblewrap

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bubblewrap() is None, reason="bubblewrap is not installed"),
]


def run_grade(root: Path) -> str:
    """Grade the class with the command, and give what it prints."""
    app = typer.Typer()
    app.command()(grade_command)
    limits = ["--cell-seconds", "10", "--task-seconds", "10", "--notebook-seconds", "60"]
    (root / "seed.txt").write_text("a secret of this test")
    options = ["--out", str(root / "out"), "--jobs", "2", "--secret", str(root / "seed.txt"), *limits]
    result = CliRunner().invoke(app, [str(root / "submissions"), *options])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """The class after one run of the command: everything expected, and everything found."""
    root = tmp_path_factory.mktemp("class")
    canary, secret = root / "canary.txt", root / "secret.txt"
    canary.write_text("still here")
    secret.write_text("the answers")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        fill = {"CANARY": str(canary), "SECRET": str(secret), "PORT": str(server.getsockname()[1])}
        expected = class_of_forty.write_class(root / "submissions", fill)
        run_grade(root)
        try:
            called = server.accept()
        except TimeoutError:
            called = None
    rows = {}
    with (root / "out" / "grades.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            rows[row["student"]] = {task: float(row[task]) for task in class_of_forty.FULL}
    mistakes = {
        handin.student.name: {score.task: score.mistake for score in handin.scores}
        for handin in Gradebook(root / "out" / "gradebook.db").handins()
    }
    yield {"root": root, "expected": expected, "rows": rows, "mistakes": mistakes, "called": called, "canary": canary}
    shutil.rmtree(root, ignore_errors=True)


def test_the_class_has_at_least_forty_submissions(graded):
    assert len(graded["expected"]) >= 40


def test_everybody_gets_exactly_the_points_they_deserve(graded):
    expected = {name: points for name, (points, _) in graded["expected"].items()}
    wrong = {
        name: (graded["rows"].get(name), points)
        for name, points in expected.items()
        if graded["rows"].get(name) != points
    }
    assert not wrong
    assert set(graded["rows"]) == set(expected)


def test_each_known_mistake_is_named(graded):
    found = graded["mistakes"]
    wrong = {
        (name, task): (found[name][task], mistake)
        for name, (_, mistakes) in graded["expected"].items()
        for task, mistake in mistakes.items()
        if found[name][task] != mistake
    }
    assert not wrong


def test_nothing_outside_was_touched_and_nobody_called_out(graded):
    assert graded["canary"].read_text() == "still here"
    assert graded["called"] is None


def test_no_process_of_a_submission_is_left(graded):
    left = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if b"MARKER = 1" in Path(f"/proc/{pid}/cmdline").read_bytes():
                left.append(pid)
        except OSError:
            continue
    assert not left


def test_no_markup_of_a_student_reaches_a_page(graded):
    pages = list((graded["root"] / "out").rglob("*.html"))
    assert len(pages) == len(graded["expected"]) + 2
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert "<script" not in text
        assert "<img" not in text
        assert "<b>&'x'" not in text
        assert "script-src" not in text
        assert "default-src &#x27;none&#x27;" in text


def test_what_a_cell_printed_is_shown_as_text(graded):
    page = next((graded["root"] / "out" / "feedback").glob("script-*.html")).read_text(encoding="utf-8")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=alert(2)&gt;" in page


def test_no_feedback_shows_the_secret_or_a_file_of_the_grader(graded):
    reader = next((graded["root"] / "out" / "feedback").glob("reads_the_answers-*.html")).read_text(encoding="utf-8")
    assert "found: []" in reader
    for page in (graded["root"] / "out" / "feedback").glob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert "a secret of this test" not in text
        assert "leak_" not in text


def test_a_second_run_grades_nobody_again(graded):
    assert f"{len(graded['expected'])} unchanged" in run_grade(graded["root"])
