"""Notebooks are read whatever they look like, and put back into the shape in which they were released."""

import json
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from class_of_forty import NAME, ROOT, cells_of, notebook

from rlhf_edu.grading.exercise import load_exercise
from rlhf_edu.grading.repair import repair
from rlhf_edu.grading.submission import find_submissions, identify


@pytest.fixture(scope="module")
def exercise():
    return load_exercise(NAME, ROOT / "exercises")


def read(tmp_path, book, name="anna.ipynb"):
    (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
    (tmp_path / name).write_text(book if isinstance(book, str) else json.dumps(book), encoding="utf-8")
    return find_submissions(tmp_path)[0]


def test_files_and_folders_are_both_students(tmp_path):
    for name in ("anna.ipynb", "bob/work.ipynb", "bob/.ipynb_checkpoints/work.ipynb", ".hidden.ipynb", "notes.txt"):
        read_into = tmp_path / name
        read_into.parent.mkdir(exist_ok=True, parents=True)
        read_into.write_text(json.dumps(notebook()))
    assert [s.student for s in find_submissions(tmp_path)] == ["anna", "bob"]


def test_two_students_with_one_name_stay_two(tmp_path):
    (tmp_path / "anna").mkdir()
    for name in ("anna.ipynb", "anna/work.ipynb"):
        (tmp_path / name).write_text(json.dumps(notebook()))
    found = find_submissions(tmp_path)
    assert sorted(s.student for s in found) == ["anna", "anna (2)"]
    assert all('two submissions are called "anna"' in s.problems[0] for s in found)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("  \n", "empty"),
        ("{", "damaged"),
        ("[" * 100_000, "cannot be read"),
        ("{}", "not a notebook"),
        ('{"worksheets": []}', "not a notebook"),
        (json.dumps({"cells": [{}] * 3000}), "3000 cells"),
    ],
)
def test_an_unreadable_file_says_why(tmp_path, text, words):
    submission = read(tmp_path, text)
    assert not submission.readable
    assert words in submission.problems[-1]


def test_a_huge_file_is_not_even_opened(tmp_path):
    path = tmp_path / "anna.ipynb"
    path.touch()
    os.truncate(path, 200 << 20)
    submission = find_submissions(tmp_path)[0]
    assert "210 MB" in submission.problems[0]
    assert "clear its outputs" in submission.problems[0]


@pytest.mark.parametrize("folder", [False, True])
def test_a_link_out_of_the_folder_is_not_followed(tmp_path, folder):
    inside = tmp_path / "in"
    inside.mkdir()
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "x.ipynb").write_text(json.dumps(notebook()))
    if folder:
        (inside / "anna").symlink_to(tmp_path / "secret")
        assert find_submissions(inside) == []
    else:
        (inside / "anna.ipynb").symlink_to(tmp_path / "secret" / "x.ipynb")
        assert "leads out" in find_submissions(inside)[0].problems[0]


def test_a_pipe_does_not_make_the_grader_wait(tmp_path):
    os.mkfifo(tmp_path / "anna.ipynb")
    assert "not a regular file" in find_submissions(tmp_path)[0].problems[0]


def test_latin_1_is_read_and_told(tmp_path):
    (tmp_path / "anna.ipynb").write_bytes(
        json.dumps(notebook(extra="# pâté"), ensure_ascii=False).encode("cp1252", "replace")
    )
    submission = find_submissions(tmp_path)[0]
    assert submission.readable
    assert "Latin-1" in submission.problems[0]
    assert any("pâté" in cell.source for cell in submission.cells)


def test_another_kernel_is_told(tmp_path):
    book = notebook()
    book["metadata"]["kernelspec"] = {"name": "ir", "language": "R"}
    assert 'kernel "ir"' in read(tmp_path, book).problems[0]


def test_the_exercise_is_found_by_metadata_name_or_cells(tmp_path, exercise):
    ids = {NAME: {cell.grade_id for cell in exercise.released if cell.grade_id}, "14_rlhf_ppo": {"gae"}}
    book = notebook()
    assert identify(read(tmp_path, book), ids, ids) == NAME
    book["metadata"].pop("rlhf_edu")
    assert identify(read(tmp_path, book), ids, ids) == NAME
    for cell in book["cells"]:
        cell["metadata"] = {}
    assert identify(read(tmp_path, book), ids, ids) == ""
    assert identify(read(tmp_path / "b", book, f"{NAME}.ipynb"), ids, ids) == NAME


def test_an_untouched_notebook_needs_no_repair(tmp_path, exercise):
    repaired = repair(read(tmp_path, notebook()), exercise.released, 0)
    assert repaired.problems == []
    assert [c.grade_id for c in repaired.cells] == [c.grade_id for c in exercise.released]


def test_edited_deleted_and_duplicated_cells_are_put_right(tmp_path, exercise):
    book = notebook()
    cells_of(book, "gap")[0]["source"] = "pass"
    book["cells"] = [c for c in book["cells"] if c not in cells_of(book, "shift") + cells_of(book, "seed")]
    book["cells"] += cells_of(book, "corridor")
    repaired = repair(read(tmp_path, book), exercise.released, 0)
    original = {c.grade_id: c for c in exercise.released if c.grade_id}
    for name in ("gap", "shift", "seed", "corridor"):
        assert [c for c in repaired.cells if c.grade_id == name] == [original[name]]
        assert sum(f'"{name}"' in problem for problem in repaired.problems) == 1
    order = [c.grade_id for c in repaired.cells if c.grade_id]
    assert order.index("seed") < order.index("gap_answer")
    assert order.index("shift_answer") < order.index("shift") < order.index("falling_loss_answer")


def test_a_student_cannot_change_the_seed_they_were_given(tmp_path, exercise):
    book = notebook()
    book["metadata"]["rlhf_edu"]["seed"] = 41
    cells_of(book, "seed")[0]["source"] = "SEED = 5"
    repaired = repair(read(tmp_path, book), exercise.released, 41)
    assert next(c for c in repaired.cells if c.grade_id == "seed").source.startswith("SEED = 41")
    assert 'the locked cell "seed" had been edited' in repaired.problems[0]


def test_an_essay_in_two_cells_is_one_text(tmp_path, exercise):
    book = notebook(essay="first half")
    book["cells"].append(dict(cells_of(book, "taste")[0], source="second half"))
    assert repair(read(tmp_path, book), exercise.released, 0).texts["taste"] == "first half\n\nsecond half"
