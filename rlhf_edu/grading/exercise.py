"""What the grader knows of an exercise: its tasks, the notebook as it was released, and what to import beforehand."""

import ast
import hashlib
import importlib
import inspect
import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from rlhf_edu.grading.submission import Cell, _cell
from rlhf_edu.grading.task import Task

GRADER_VERSION = "1"  # raise it when grading itself changes so much that old scores should be computed anew
PACKAGE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Exercise:
    """One exercise with everything that grading it takes."""

    name: str
    tasks: Sequence[Task]
    released: Sequence[Cell]
    preload: Sequence[str]

    @property
    def points(self) -> float:
        """The points of all tasks together."""
        return sum(task.points for task in self.tasks)


def exercise_folder(folder: Path | None = None) -> Path:
    """Where the released notebooks are: `folder`, the installed course, or the repository this package stands in."""
    for candidate in [folder, PACKAGE / "course" / "exercises", PACKAGE.parent / "exercises"]:
        if candidate is not None and candidate.is_dir():
            return candidate
    raise NotADirectoryError(f"the released exercises are not in {folder or PACKAGE}: say where with --exercises")


def known_exercises(course: str) -> list[str]:
    """The names of all exercises of a course module that have tasks."""
    return importlib.import_module(course).exercises()


def load_exercise(name: str, folder: Path, course: str = "rlhf_edu.grading.tasks") -> Exercise:
    """The exercise `name` of the module `course`, as released in `folder`."""
    path = folder / f"{name}.ipynb"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: build it with `rlhf-edu release {name}`")
    notebook = json.loads(path.read_text(encoding="utf-8"))
    released = [cell for cell in map(_cell, notebook["cells"]) if cell is not None]
    tasks = tuple(importlib.import_module(course).of_exercise(name))
    guarded = {name.rpartition(".")[0] for task in tasks for name in task.forbidden}  # or a student waits for torch
    return Exercise(name, tasks, released, imported_modules(released) + sorted(guarded))


def imported_modules(cells: Sequence[Cell]) -> list[str]:
    """The modules that a notebook imports, so that the warm worker can have them already."""
    names: list[str] = []
    for cell in cells:
        if cell.kind != "code":
            continue
        try:
            tree = ast.parse(cell.source)
        except SyntaxError:  # a cell with magics
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                names += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.append(node.module)
                names += [f"{node.module}.{alias.name}" for alias in node.names if _is_module(node.module, alias.name)]
    return [name for name in dict.fromkeys(names) if not name.startswith("rlhf_edu.grading")]


def _is_module(package: str, name: str) -> bool:
    return package.startswith("rlhf_edu") and (PACKAGE.parent.joinpath(*package.split("."), f"{name}.py")).is_file()


def version_of(task: Task) -> str:
    """A hash that changes when the task's judging may have changed: its fields, its module, and the judges' code."""
    digest = hashlib.sha256(GRADER_VERSION.encode())
    for field in fields(task):
        if field.name not in ("judge", "numbers", "hints"):
            digest.update(f"{field.name}={getattr(task, field.name)!r};".encode())
    functions = [task.judge, getattr(task.judge, "oracle", None), getattr(task.judge, "draw", None)]
    modules = {inspect.getmodule(f if inspect.isroutine(f) else type(f)) for f in functions if f is not None}
    for module in sorted(filter(None, modules), key=lambda m: m.__name__):
        path = inspect.getsourcefile(module)
        digest.update(Path(path).read_bytes() if path else b"")
    return digest.hexdigest()[:16]
