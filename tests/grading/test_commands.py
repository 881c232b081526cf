"""`grade`, `collect` and `submit` as an instructor and a student would use them."""

import csv
import json
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parent))

from class_of_forty import NAME, RIGHT, notebook

from rlhf_edu.grading import pack, sandbox
from rlhf_edu.grading.commands import collect_command, grade_command, submit_command

app = typer.Typer(pretty_exceptions_enable=False)
for name, command in (("grade", grade_command), ("collect", collect_command), ("submit", submit_command)):
    app.command(name)(command)
needs_bubblewrap = pytest.mark.skipif(sandbox.bubblewrap() is None, reason="bubblewrap is not installed")


def run(*arguments, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return " ".join(result.output.split())


def points(out: Path) -> dict[str, dict[str, str]]:
    with (out / "grades.csv").open(newline="", encoding="utf-8") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


@needs_bubblewrap
def test_from_submit_over_collect_to_a_marked_essay(tmp_path, monkeypatch):
    monkeypatch.setattr(pack, "user_data_dir", lambda name: str(tmp_path / "data"))
    (tmp_path / "mine.ipynb").write_text(json.dumps(notebook()))
    run("submit", tmp_path / "mine.ipynb", "--name", "Anna", "--out", tmp_path / "drop")
    assert "1 notebooks" in run("collect", tmp_path / "drop", "--out", tmp_path / "in")
    out = tmp_path / "out"
    assert "1 graded" in run("grade", tmp_path / "in", "--out", out, "--jobs", "1")
    row = points(out)["Anna"]
    assert (float(row["points"]), row["waiting"]) == (14.0, "yes")

    essays = list(csv.DictReader((out / "essays.csv").open(newline="", encoding="utf-8")))
    with (tmp_path / "marked.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, essays[0])
        writer.writeheader()
        writer.writerows(row | {"points": row["of"], "comment": "good"} for row in essays)
    told = run("grade", tmp_path / "in", "--out", out, "--marks", tmp_path / "marked.csv", "--due", "2001-01-01")
    assert "4 marks taken" in told
    assert "1 unchanged" in told
    row = points(out)["Anna"]
    assert (float(row["points"]), row["waiting"], row["penalty"]) == (0.0, "", "1.0")
    run("grade", tmp_path / "in", "--out", out, "--due", "2999-01-01")
    assert float(points(out)["Anna"]["points"]) == 20.0

    assert "1 graded" in run("grade", tmp_path / "in", "--out", out, "--task", "gap", "--jobs", "1")
    assert float(points(out)["Anna"]["points"]) == 20.0
    assert "1 graded" in run("grade", tmp_path / "in", "--out", out, "--student", "Anna", "--jobs", "1")


def test_without_bubblewrap_it_refuses_and_grades_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(sandbox, "bubblewrap", lambda: None)
    monkeypatch.setattr("rlhf_edu.grading.classroom.bubblewrap", lambda: None)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "anna.ipynb").write_text(json.dumps(notebook()))
    assert "--unsafe" in run("grade", tmp_path / "in", "--out", tmp_path / "out", code=1)
    assert not (tmp_path / "out" / "grades.csv").exists()


def test_unsafe_grading_works_and_every_page_says_so(tmp_path):
    (tmp_path / "in").mkdir()
    book = notebook(RIGHT | {"gap": "gap = 1 / 0"})
    (tmp_path / "in" / "anna.ipynb").write_text(json.dumps(book))
    assert "without a sandbox" in run("grade", tmp_path / "in", "--out", tmp_path / "out", "--unsafe", "--jobs", "1")
    row = points(tmp_path / "out")["anna"]
    assert (row["preference"], row["gap"], row["unsafe"]) == ("4.0", "0.0", "yes")
    for page in (tmp_path / "out").rglob("*.html"):
        assert "Graded without a sandbox" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["--task", "nothing"], "there is no task nothing"), (["--due", "soon"], '"soon" is not a date')],
)
def test_a_wrong_option_is_told_in_a_sentence(tmp_path, arguments, words):
    (tmp_path / "in").mkdir()
    assert words in run("grade", tmp_path / "in", "--out", tmp_path / "out", *arguments, code=1)


def test_a_folder_that_is_not_there_is_told_in_a_sentence(tmp_path):
    assert "is not a folder" in run("grade", tmp_path / "nowhere", "--out", tmp_path / "out", code=1)


def test_a_file_of_no_known_exercise_is_reported(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "anna.ipynb").write_text(json.dumps({"cells": []}))
    assert "unknown exercise" in run("grade", tmp_path / "in", "--out", tmp_path / "out")
    assert "anna: unknown exercise" in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")


def test_what_is_no_submission_is_named_and_not_lost_in_silence(tmp_path):
    inbox = tmp_path / "in"
    (inbox / "dan").mkdir(parents=True)
    (inbox / "dan" / "notes.txt").write_text("mine")
    (inbox / "ann.ipynb").write_text("")
    (inbox / "bob.ipynb").write_text("this is a word document")
    (inbox / "cy.docx").write_text("mine")
    told = run("grade", inbox, "--out", tmp_path / "out")
    page = " ".join((tmp_path / "out" / "index.html").read_text(encoding="utf-8").split())
    for words in (
        "ann: unknown exercise, the file is empty",
        "bob: unknown exercise, the notebook is damaged",
        "cy.docx: not a notebook",
        "dan: a folder without a notebook",
    ):
        assert words in told
        assert words in page
    told = run("collect", inbox, "--out", inbox / "out")
    assert "cy.docx: not a pack made by" in told
    assert "dan/notes.txt: not a pack" in told


def test_the_exercise_used_here_is_released():
    assert notebook()["metadata"]["rlhf_edu"]["exercise"] == NAME
