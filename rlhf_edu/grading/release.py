"""From the one source to what students and instructors open.

    solutions/source/NN_topic.py ─▶ solutions/NN_topic.ipynb   everything, hidden tests too
                                 └▶ exercises/NN_topic.ipynb   stripped, locked, no outputs, no hidden tests
    notebooks/source/NN_topic.py ─▶ notebooks/NN_topic.ipynb   the lessons, as they are

Building twice gives the same bytes, so that a stale file can be told by comparing.
"""

import csv
import re
import secrets
from collections.abc import Iterable, Iterator
from copy import deepcopy
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from rlhf_edu.grading import cells, tasks
from rlhf_edu.grading.cells import ReleaseError
from rlhf_edu.grading.task import Task

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


def find_root(start: Path | None = None) -> Path:
    """The folder that holds `solutions/source`: the current one, one above it, or the one this package stands in."""
    start = (start or Path.cwd()).resolve()
    for folder in [start, *start.parents, Path(__file__).resolve().parents[2]]:
        if (folder / "solutions" / "source").is_dir():
            return folder
    raise ReleaseError(
        f"there is no solutions/source in {start} or above it: releasing needs the sources of the course, "
        "so run it inside a clone of its repository"
    )


def read_source(path: Path, graded: bool) -> NotebookNode:
    """The notebook written in a percent script: without outputs, with steady cell ids and nbgrader's metadata."""
    try:
        import jupytext
    except ImportError:
        raise ReleaseError('building notebooks needs jupytext: run `pip install "rlhf-edu[class]"`') from None
    nb = jupytext.reads(path.read_text(encoding="utf-8"), fmt="py:percent")
    known = {task.name: task for task in tasks.of_exercise(path.stem)} if graded else {}
    for cell in nb.cells:
        cells.clear_output(cell)
        cell.metadata.pop("lines_to_next_cell", None)
        if graded:
            cells.expand(cell, known)
    if graded:
        _complete(nb, known, path)
    cells.name_cells(nb.cells)
    nb.metadata = NotebookNode(kernelspec=NotebookNode(KERNEL), language_info=NotebookNode(name="python"))
    nb.nbformat, nb.nbformat_minor = 4, 5
    if graded:
        nb.metadata["rlhf_edu"] = NotebookNode(exercise=path.stem, seed=0)
    return nb


def _complete(nb: NotebookNode, known: dict[str, Task], path: Path) -> None:
    """Complain unless every task has its cells, once each, with its points and a hidden test."""
    marked = [cell for cell in nb.cells if "nbgrader" in cell.metadata]
    ids = [cell.metadata["nbgrader"]["grade_id"] for cell in marked]
    if twice := {i for i in ids if ids.count(i) > 1}:
        raise ReleaseError(f"{path.name} has more than one cell for: {', '.join(sorted(twice))}")
    for task in known.values():
        needed = [task.name] if task.kind == "essay" else [f"{task.name}_answer", task.name]
        if missing := [name for name in needed if name not in ids]:
            mark = "essay" if task.kind == "essay" else "check" if missing[0] == task.name else "answer"
            raise ReleaseError(f'{path.name} has no cell marked {mark}="{task.name}" for the task {task.name}')
        cell = marked[ids.index(task.name)]
        if float(cell.metadata["nbgrader"].get("points", -1)) != task.points:
            raise ReleaseError(f"the cell {task.name} in {path.name} does not carry the task's {task.points:g} points")
        if task.kind != "essay" and not re.search(rf'check\("{task.name}",\s*hidden=True\)', cell.source):
            raise ReleaseError(
                f'the cell {task.name} in {path.name} has no hidden test check("{task.name}", hidden=True)'
            )


def stripped(nb: NotebookNode, seed: int = 0) -> NotebookNode:
    """The student's notebook: solutions and hidden tests taken out, cells locked, the student's seed put in."""
    nb = deepcopy(nb)
    nb.metadata["rlhf_edu"]["seed"] = seed
    for cell in nb.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == "seed":
            cell.source = re.sub(r"^SEED = \d+", f"SEED = {seed}", cell.source, flags=re.M)
        cells.lock(cell)
        cells.clear_solution(cell)
        cells.clear_hidden_tests(cell)
        cells.sign(cell)
    return nb


def text_of(nb: NotebookNode) -> str:
    """The notebook as the text of its file."""
    nbformat.validate(nb)
    return nbformat.writes(nb).rstrip("\n") + "\n"


def chosen(folder: Path, which: Iterable[str]) -> list[Path]:
    """The sources in a folder that `which` names ("14", "14_rlhf_ppo", "rlhf_ppo"); all where it names none."""
    names = [name.removesuffix(".py").removesuffix(".ipynb") for name in which]
    sources = sorted(folder.glob("[0-9][0-9]_*.py"))
    return [s for s in sources if not names or {s.stem, *s.stem.split("_", 1)} & set(names)]


def outputs(root: Path, which: Iterable[str] = ()) -> Iterator[tuple[Path, str]]:
    """Every file to be built, with its text."""
    which = list(which)
    lessons, graded = chosen(root / "notebooks" / "source", which), chosen(root / "solutions" / "source", which)
    if which and not lessons + graded:
        there = sorted({p.stem for d in ("notebooks", "solutions") for p in chosen(root / d / "source", [])})
        raise ReleaseError(f"there is no source called {' or '.join(which)}; there are: {', '.join(there) or 'none'}")
    for source in lessons:
        yield root / "notebooks" / f"{source.stem}.ipynb", text_of(read_source(source, graded=False))
    for source in graded:
        nb = read_source(source, graded=True)
        yield root / "solutions" / f"{source.stem}.ipynb", text_of(nb)
        yield root / "exercises" / f"{source.stem}.ipynb", text_of(stripped(nb))


def orphans(root: Path) -> list[Path]:
    """Notebooks whose source is gone."""
    homes = {"notebooks": "notebooks", "solutions": "solutions", "exercises": "solutions"}
    return [
        nb
        for folder, home in homes.items()
        for nb in sorted((root / folder).glob("[0-9][0-9]_*.ipynb"))
        if not (root / home / "source" / f"{nb.stem}.py").is_file()
    ]


def release(root: Path, which: Iterable[str] = (), check: bool = False) -> list[tuple[Path, str]]:
    """Build what is not up to date; each file with "fresh", "built", "stale" (only told, with `check`) or "orphan"."""
    which, states = list(which), []
    for path, text in outputs(root, which):
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            states.append((path, "fresh"))
        elif check:
            states.append((path, "stale"))
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
            states.append((path, "built"))
    return states + [(path, "orphan") for path in orphans(root) if not which]


def read_students(file: Path) -> list[str]:
    """The names in a class list: one a line, or the first column of a CSV file; each becomes the name of a folder."""
    with file.open(encoding="utf-8-sig", newline="") as lines:
        names = [row[0].strip() for row in csv.reader(lines) if row and row[0].strip() and row[0][0] != "#"]
    if names and names[0].lower() in ("student", "id", "name", "student_id"):
        names = names[1:]
    if not names:
        raise ReleaseError(f"{file} names no student: put one on each line")
    for name in names:
        if not re.fullmatch(r"[\w@][\w.@ +-]*", name):
            raise ReleaseError(
                f'the student "{name}" cannot be the name of a folder: use letters, digits, and . _ - @ +'
            )
    if twice := {name for name in names if names.count(name) > 1}:
        raise ReleaseError(f"{file} names twice: {', '.join(sorted(twice))}")
    return names


def release_per_student(root: Path, which: Iterable[str], students: list[str], out: Path) -> list[Path]:
    """Write `out/STUDENT/NN_topic.ipynb` with other numbers for each; `out/seeds.csv` keeps the seeds once given."""
    sources = chosen(root / "solutions" / "source", which)
    if not sources:
        raise ReleaseError(f"there is no exercise called {' or '.join(which)}")
    notebooks = {source.stem: read_source(source, graded=True) for source in sources}
    file = out / "seeds.csv"
    seeds = {}
    if file.is_file():
        with file.open(encoding="utf-8", newline="") as lines:
            seeds = {row["student"]: int(row["seed"]) for row in csv.DictReader(lines)}
    taken = set(seeds.values())
    for student in students:
        while student not in seeds:
            seed = 1 + secrets.randbelow(10**6)
            if seed not in taken:
                seeds[student] = seed
                taken.add(seed)
    out.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding="utf-8", newline="") as table:
        writer = csv.writer(table, lineterminator="\n")
        writer.writerows([("student", "seed"), *sorted(seeds.items())])
    written = []
    for student in students:
        (out / student).mkdir(exist_ok=True)
        for name, nb in notebooks.items():
            path = out / student / f"{name}.ipynb"
            path.write_text(text_of(stripped(nb, seeds[student])), encoding="utf-8", newline="\n")
            written.append(path)
    return written
