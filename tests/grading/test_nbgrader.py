"""Our notebooks are nbgrader's: the same release as nbgrader's own, and graded by nbgrader itself, end to end."""

import csv
import os
import sys
from copy import deepcopy
from pathlib import Path

import nbformat
import pytest

from rlhf_edu.grading import tasks
from rlhf_edu.grading.release import find_root, read_source, stripped

pytest.importorskip("nbgrader")
pytest.importorskip("jupytext")
ROOT = find_root()


def full(exercise):
    return read_source(ROOT / "solutions" / "source" / f"{exercise}.py", graded=True)


@pytest.mark.parametrize("exercise", tasks.exercises())
def test_stripping_equals_nbgraders(exercise):
    from nbgrader.preprocessors import (
        CheckCellMetadata,
        ClearHiddenTests,
        ClearOutput,
        ClearSolutions,
        ComputeChecksums,
        LockCells,
    )

    theirs = deepcopy(full(exercise))
    steps = (LockCells, ClearSolutions, ClearOutput, CheckCellMetadata, ComputeChecksums, ClearHiddenTests)
    for step in (*steps, ComputeChecksums, CheckCellMetadata):
        theirs, _ = step().preprocess(theirs, {})
    ours = stripped(full(exercise))
    assert len(ours.cells) == len(theirs.cells)
    for mine, other in zip(ours.cells, theirs.cells, strict=True):
        assert dict(mine) == dict(other), mine.source


def solved_by(student: str):
    """The released notebook with the answers of `student` in it: the right ones, the stubs, or some of both."""
    nb, answers = stripped(full("00_start")), {c["id"]: c.source for c in full("00_start").cells}
    if student == "blank":
        return nb
    for cell in nb.cells:
        if cell.metadata.get("nbgrader", {}).get("solution"):
            cell.source = answers[cell["id"]]
    by_id = {c["id"]: c for c in nb.cells}
    if student == "half":
        by_id["preference_answer"].source = "def preference(r_a, r_b):\n    return r_a - r_b"
        by_id["gap_answer"].source = "gap = 7.3"
        by_id["falling_loss_answer"].source = 'falling_loss = {"fault": "b", "evidence": "loss"}'
        by_id["shift"].source = "pass  # the test, edited away"
        by_id["shift_answer"].source = 'shift = "c"'
        by_id["corridor_answer"].source = "def walk(obs):\n    raise SystemExit"
    return nb


POINTS = {
    "solved": {"preference": 4, "gap": 2, "shift": 2, "falling_loss": 3, "corridor": 3},
    "half": {"preference": 0, "gap": 0, "shift": 0, "falling_loss": 1.5, "corridor": 0},
    "blank": {"preference": 0, "gap": 0, "shift": 0, "falling_loss": 0, "corridor": 0},
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")
def test_nbgrader_releases_grades_and_exports_the_exercise(tmp_path, monkeypatch):
    from nbgrader.api import Gradebook
    from nbgrader.apps import NbGraderAPI
    from nbgrader.plugins.export import CsvExportPlugin
    from traitlets.config import Config

    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("RLHF_EDU_PROGRESS", str(tmp_path / "progress.json"))
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))  # for alembic
    monkeypatch.chdir(tmp_path)
    config = Config()
    config.CourseDirectory.root = str(tmp_path)
    config.CourseDirectory.course_id = "rlhf"
    config.ExecutePreprocessor.timeout = 120
    api = NbGraderAPI(config=config)

    (tmp_path / "source" / "start").mkdir(parents=True)
    nbformat.write(full("00_start"), tmp_path / "source" / "start" / "00_start.ipynb")
    made = api.generate_assignment("start")
    assert made["success"], made["error"]
    released = nbformat.read(tmp_path / "release" / "start" / "00_start.ipynb", as_version=4)
    assert [c.source for c in released.cells] == [c.source for c in stripped(full("00_start")).cells]

    for student in POINTS:
        folder = tmp_path / "submitted" / student / "start"
        folder.mkdir(parents=True)
        nbformat.write(solved_by(student), folder / "00_start.ipynb")
        graded = api.autograde("start", student)
        assert graded["success"], graded["error"]

    with Gradebook(f"sqlite:///{tmp_path}/gradebook.db") as book:
        for student, points in POINTS.items():
            work = book.find_submission_notebook("00_start", "start", student)
            got = {grade.name: grade.score for grade in work.grades if grade.name != "taste"}
            assert got == points
            essay = next(grade for grade in work.grades if grade.name == "taste")
            assert essay.needs_manual_grade == (student != "blank")
        CsvExportPlugin(to="grades.csv").export(book)
    with (tmp_path / "grades.csv").open() as file:
        rows = {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}
    assert rows == {student: sum(points.values()) for student, points in POINTS.items()}
