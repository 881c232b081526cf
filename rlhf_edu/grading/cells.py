"""Cells of graded notebooks in nbgrader's format (metadata schema 3): marks, locks, stripping, checksums.

nbgrader has all of this too, but importing it takes seconds and brings a web server along; a test holds both to the
same result.
Short marks in a source expand to nbgrader's metadata:

    # %% answer="gae"                where the student writes; grade_id gae_answer
    # %% check="gae"                 the test cell of the task; grade_id gae, points from its `Task`
    # %% [markdown] essay="taste"    text marked by a person; grade_id taste
    # %% locked="seed"               read-only; grade_id seed
"""

import hashlib
import re
from collections.abc import Mapping

from nbformat import NotebookNode

from rlhf_edu.grading.task import Task

CODE_STUB = "# YOUR CODE HERE\nraise NotImplementedError()"
TEXT_STUB = "YOUR ANSWER HERE"
MARKS = ("answer", "check", "essay", "locked")


class ReleaseError(ValueError):
    """A source that cannot be released, and what to do about it."""


def is_grade(cell: NotebookNode) -> bool:
    """Whether points hang on this cell."""
    return bool(cell.metadata.get("nbgrader", {}).get("grade", False))


def is_solution(cell: NotebookNode) -> bool:
    """Whether the student writes in this cell."""
    return bool(cell.metadata.get("nbgrader", {}).get("solution", False))


def is_locked(cell: NotebookNode) -> bool:
    """Whether a grader restores this cell."""
    meta = cell.metadata.get("nbgrader", {})
    return not is_solution(cell) and bool(is_grade(cell) or meta.get("locked", False))


def expand(cell: NotebookNode, tasks: Mapping[str, Task]) -> None:
    """Turn a short mark in the cell's metadata into nbgrader's; what is already nbgrader's stays as it is."""
    marks = [mark for mark in MARKS if mark in cell.metadata]
    if not marks:
        return
    mark, name = marks[0], str(cell.metadata.pop(marks[0]))
    if mark != "locked" and name not in tasks:
        raise ReleaseError(f'a cell is marked {mark}="{name}", but the exercise has no task of that name')
    meta = {
        "grade": mark in ("check", "essay"),
        "grade_id": f"{name}_answer" if mark == "answer" else name,
        "locked": mark in ("check", "locked"),
        "schema_version": 3,
        "solution": mark in ("answer", "essay"),
        "task": False,
    }
    if meta["grade"]:
        meta["points"] = tasks[name].points
    cell.metadata["nbgrader"] = NotebookNode(meta)
    if mark == "answer" and tasks[name].kind in ("number", "choice", "diagnosis"):
        cell.metadata["tags"] = ["raises-exception"]  # an empty answer must not stop "Run All" at this cell


def lock(cell: NotebookNode) -> None:
    """Keep the cell from being deleted, and from being edited unless the student writes in it."""
    if is_solution(cell) or is_locked(cell):
        cell.metadata["deletable"] = False
    if is_locked(cell):
        cell.metadata["editable"] = False


def _without(cell: NotebookNode, what: str, stub: str) -> bool:
    """Replace each region between BEGIN `what` and END `what` by the stub, indented alike; whether there was one."""
    kept, inside, found = [], False, False
    for line in cell.source.split("\n"):
        if f"BEGIN {what}" in line:
            if inside:
                raise ReleaseError(f"BEGIN {what} stands inside another one in the cell:\n{cell.source}")
            inside = found = True
            indent = line[: len(line) - len(line.lstrip())]
            kept += [indent + part for part in stub.split("\n")] if stub else []
        elif f"END {what}" in line:
            inside = False
        elif not inside:
            kept.append(line)
    if inside:
        raise ReleaseError(f"BEGIN {what} has no END {what} in the cell:\n{cell.source}")
    cell.source = "\n".join(kept)
    return found


def clear_solution(cell: NotebookNode) -> None:
    """Put the stub in place of the solution: of its marked regions, or of the whole answer cell if it has none."""
    stub = CODE_STUB if cell.cell_type == "code" else TEXT_STUB
    found = _without(cell, "SOLUTION", stub)
    if found and not is_solution(cell):
        raise ReleaseError(f'a solution stands in a cell that is not marked answer="…":\n{cell.source}')
    if is_solution(cell) and not found:
        cell.source = stub


def clear_hidden_tests(cell: NotebookNode) -> None:
    """Take the hidden tests out."""
    if _without(cell, "HIDDEN TESTS", "") and not is_grade(cell):
        raise ReleaseError(f'hidden tests stand in a cell that is not marked check="…":\n{cell.source}')


def checksum(cell: NotebookNode) -> str:
    """nbgrader's checksum of a cell, by which it sees whether locked cells were edited and answers left empty."""
    meta = cell.metadata["nbgrader"]
    parts = [cell.source, cell.cell_type, is_grade(cell), is_solution(cell), is_locked(cell), meta["grade_id"]]
    if is_grade(cell):
        parts.append(float(meta["points"]))
    return hashlib.md5("".join(map(str, parts)).encode(), usedforsecurity=False).hexdigest()


def sign(cell: NotebookNode) -> None:
    """Write the checksum into the metadata of a marked cell."""
    if is_grade(cell) or is_solution(cell) or is_locked(cell):
        cell.metadata["nbgrader"]["checksum"] = checksum(cell)
        cell.metadata["nbgrader"]["cell_type"] = cell.cell_type


def clear_output(cell: NotebookNode) -> None:
    """Empty the outputs of a code cell."""
    if cell.cell_type == "code":
        cell.outputs, cell.execution_count = [], None


def name_cells(cells: list[NotebookNode]) -> None:
    """Give each cell an id made from its grade_id or its text alone, so that building twice gives the same file."""
    seen: dict[str, int] = {}
    for cell in cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        key = grade_id or hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:12]
        key = re.sub(r"[^a-zA-Z0-9_-]", "-", key)[:56]
        seen[key] = seen.get(key, 0) + 1
        cell["id"] = key if seen[key] == 1 else f"{key}-{seen[key]}"
