"""Finding and reading what students handed in: nothing here is trusted, and nothing stops the rest of the class."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MAX_BYTES = 20 << 20
MAX_CELLS = 2000


@dataclass(frozen=True)
class Cell:
    """One cell of a notebook, as far as grading needs it."""

    kind: str  # "code" or "markdown"
    source: str
    grade_id: str = ""
    grade: bool = False
    solution: bool = False
    locked: bool = False

    @property
    def is_test(self) -> bool:
        """Whether it only checks: the grader asks its own questions instead."""
        return self.grade and not self.solution


@dataclass
class Submission:
    """One student's file for one exercise, read as well as it could be."""

    student: str  # from the name of the file or of the folder
    path: Path
    sha256: str = ""
    modified: float = 0.0  # seconds since 1970
    exercise: str = ""  # as the file says
    seed: int = 0
    cells: list[Cell] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)  # for the report
    readable: bool = True


def find_submissions(folder: Path) -> list[Submission]:
    """All notebooks in `folder`: NAME.ipynb, or NAME/*.ipynb, each read, in order of names.

    Two students with one name (a file and a folder, or names that differ in their extension only) stay two.
    """
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is not a folder: give the folder that holds the submissions")
    found: list[tuple[str, Path]] = []
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith("."):
            continue
        if entry.is_dir() and not entry.is_symlink():
            inside = sorted(p for p in entry.rglob("*.ipynb") if not any(part.startswith(".") for part in p.parts[-2:]))
            found += [(entry.name, path) for path in inside]
        elif entry.suffix == ".ipynb":
            found.append((entry.stem, entry))
    origins: dict[str, list[Path]] = {}
    for name, path in found:
        owner = path if path.parent == folder else folder / name
        if owner not in origins.setdefault(name, []):
            origins[name].append(owner)
    submissions = []
    for name, path in found:
        owner = path if path.parent == folder else folder / name
        number = origins[name].index(owner)
        submission = read_submission(path, name if number == 0 else f"{name} ({number + 1})", folder)
        if len(origins[name]) > 1:
            submission.problems.append(f'two submissions are called "{name}"; this one comes from {owner.name}')
        submissions.append(submission)
    return submissions


def strangers(folder: Path) -> list[str]:
    """What lies in a folder of submissions and is none: one sentence each, so that no student is lost in silence."""
    notes = []
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith(".") or entry.suffix == ".ipynb":
            continue
        if entry.is_file() or entry.is_symlink():
            notes.append(f"{entry.name}: not a notebook, left out")
        elif not any(entry.rglob("*.ipynb")):
            notes.append(f"{entry.name}: a folder without a notebook, left out")
    return notes


def read_submission(path: Path, student: str, root: Path) -> Submission:
    """The submission in `path`; what is wrong with the file is noted in `problems`, never raised."""
    submission = Submission(student, path)
    try:
        data = _bytes(path, root)
        submission.sha256 = hashlib.sha256(data).hexdigest()
        submission.modified = path.stat().st_mtime
        _parse(submission, _text(data, submission))
    except _Unreadable as error:
        submission.readable = False
        submission.problems.append(str(error))
    except (OSError, RecursionError, MemoryError) as error:
        submission.readable = False
        submission.problems.append(f"the file cannot be read ({type(error).__name__})")
    if not submission.sha256:
        submission.sha256 = hashlib.sha256(" ".join(submission.problems).encode()).hexdigest()
    return submission


class _Unreadable(Exception):
    """One sentence on why a file cannot be graded."""


def _bytes(path: Path, root: Path) -> bytes:
    if not path.resolve().is_relative_to(root.resolve()):
        raise _Unreadable("the file is a link that leads out of the folder of submissions; it was not opened")
    if not path.is_file():
        raise _Unreadable("it is not a regular file; hand in the notebook itself")
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise _Unreadable(
            f"the notebook has {size / 1e6:.0f} MB, but at most {MAX_BYTES >> 20} MB are read: clear its outputs and"
            " hand it in again"
        )
    data = path.read_bytes()
    if not data.strip():
        raise _Unreadable("the file is empty: save the notebook and hand it in again")
    return data


def _text(data: bytes, submission: Submission) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        submission.problems.append("the file is not UTF-8; it was read as Latin-1")
        return data.decode("latin-1")


def _parse(submission: Submission, text: str) -> None:
    try:
        notebook = json.loads(text)
    except ValueError as error:
        raise _Unreadable(f"the notebook is damaged, not valid JSON ({error}): save it again from Jupyter") from None
    if type(notebook) is not dict or type(notebook.get("cells")) is not list:
        raise _Unreadable("the file is JSON, but not a notebook of format 4: save it again from a current Jupyter")
    metadata = _dict(notebook.get("metadata"))
    ours = _dict(metadata.get("rlhf_edu"))
    submission.exercise = str(ours.get("exercise", ""))[:100]
    seed = ours.get("seed", 0)
    submission.seed = seed if type(seed) is int and 0 <= seed < 2**31 else 0
    language = str(_dict(metadata.get("kernelspec")).get("language", "python"))[:40]
    kernel = str(_dict(metadata.get("kernelspec")).get("name", "python3"))[:40]
    if language.lower() not in ("python", "") or not kernel.lower().startswith("py"):
        submission.problems.append(f'the notebook asks for the kernel "{kernel}"; it was run with Python')
    if len(notebook["cells"]) > MAX_CELLS:
        raise _Unreadable(f"the notebook has {len(notebook['cells'])} cells, but at most {MAX_CELLS} are graded")
    read = [_cell(raw) for raw in notebook["cells"]]
    if damaged := read.count(None):
        submission.problems.append(f"{damaged} damaged cell{'s' * (damaged > 1)} left out")
    submission.cells = [cell for cell in read if cell is not None and cell.kind in ("code", "markdown")]


def _cell(raw: Any) -> Cell | None:
    if type(raw) is not dict or type(raw.get("cell_type")) is not str:
        return None
    source = raw.get("source", "")
    if type(source) is list and all(type(line) is str for line in source):
        source = "".join(source)
    if type(source) is not str:
        return None
    marks = _dict(_dict(raw.get("metadata")).get("nbgrader"))
    grade_id = marks.get("grade_id", "")
    return Cell(
        raw["cell_type"],
        source,
        grade_id if type(grade_id) is str else "",
        marks.get("grade") is True,
        marks.get("solution") is True,
        marks.get("locked") is True,
    )


def _dict(value: Any) -> dict:
    return value if type(value) is dict else {}


def identify(submission: Submission, exercises: Iterable[str], ids: dict[str, set[str]]) -> str:
    """Which exercise a submission answers: what it says, else its file's name, else the cells it has; "" if unknown."""
    known = list(exercises)
    if submission.exercise in known:
        return submission.exercise
    stem = submission.path.stem.lower()
    for name in known:
        if name in stem:
            return name
    mine = {cell.grade_id for cell in submission.cells}
    best = max(known, key=lambda name: len(mine & ids.get(name, set())), default="")
    return best if best and mine & ids.get(best, set()) else (known[0] if len(known) == 1 else "")
