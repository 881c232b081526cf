"""Every lesson, run from its first cell to its last in fast mode with nobody there; and built the way a lesson is built."""

import re
import resource
import time

import nbformat
import pytest

from rlhf_edu.grading.release import find_root

ROOT = find_root()
LESSONS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
CPU_SECONDS = 30  # what a lesson may take in fast mode; processor time, so that a busy machine fails nobody
WALL_SECONDS = 300  # a notebook that waits for a person would wait for ever
PARTS = (
    "**You will**",
    "**Time**",
    "**Needs**",
    "**Solution**",
    "**Predict",
    "Break it",
    "Your turn",
    "What to remember",
)

lessons = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)


def cells(path, kind=None):
    return [cell for cell in nbformat.read(path, as_version=4).cells if kind in (None, cell.cell_type)]


def run(path, folder):
    """Run the notebook in `folder` within the limit; return it with its outputs, and the processor time it took."""
    client = pytest.importorskip("nbclient", reason="nbclient is not installed: no notebook is run")
    notebook, deadline = nbformat.read(path, as_version=4), time.monotonic() + WALL_SECONDS
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    client.NotebookClient(
        notebook,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        timeout_func=lambda cell: max(1, round(deadline - time.monotonic())),
    ).execute()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)  # the kernel counts here once it has ended
    return notebook, (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)


def test_there_are_lessons():
    assert "00_start" in [path.stem for path in LESSONS]


@pytest.mark.notebook
@pytest.mark.slow
@lessons
def test_runs_to_its_end_with_nobody_there(path, tmp_path, monkeypatch):
    monkeypatch.setenv("RLHF_EDU_FAST", "1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook, seconds = run(path, tmp_path)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code)
    for cell in code:
        for output in cell.outputs:
            said = f"{output.get('text', '')}" if output.output_type == "stream" else ""
            assert output.output_type != "error"
            assert output.get("name") != "stderr" or "Warning" not in said, said
    assert seconds > 1  # a measure that reads nothing would pass anything
    assert seconds < CPU_SECONDS


@lessons
def test_anatomy(path):
    code, prose = cells(path, "code"), cells(path, "markdown")
    lines = sorted(len(cell.source.splitlines()) for cell in code)
    assert 25 <= len(code) + len(prose) <= 45
    assert lines[-1] <= 20
    assert lines[(len(lines) - 1) // 2] <= 8, "half of the code cells have at most 8 lines"
    assert sum(len(cell.source.split()) for cell in prose) <= 2000
    assert not any(cell.outputs or cell.execution_count for cell in code)


@lessons
def test_every_part_is_there(path):
    text = "\n".join(cell.source for cell in cells(path, "markdown"))
    assert cells(path)[0].cell_type == "markdown"
    assert cells(path)[0].source.startswith(f"# {path.stem[:2]} ")
    assert [part for part in PARTS if part.lower() not in text.lower()] == []
    assert re.search(r"^#+ (\d+ )?Sources", text, re.MULTILINE)
    assert "one seed" in text.lower() or "seeds" in text.lower()
    assert f"solutions/{path.stem}.ipynb" in text


@lessons
def test_speaks_of_itself_alone(path):
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"/(?:work|home|opt|tmp|Users)/", text), "a path of somebody's machine"
    assert "TODO" not in text
