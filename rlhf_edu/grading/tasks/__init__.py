"""All graded tasks of the course: one module an exercise (`e14_rlhf_ppo.py` for `14_rlhf_ppo`) with a list TASKS."""

import pkgutil
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from pathlib import Path

from rlhf_edu.grading.task import Task


def exercises() -> list[str]:
    """The exercises that have tasks, in the order of the course: ["00_start", …]."""
    return sorted(
        m.name[1:] for m in pkgutil.iter_modules(__path__) if m.name.startswith("e") and m.name[1:3].isdigit()
    )


@cache
def _tasks(exercise: str) -> tuple[Task, ...]:
    tasks = tuple(import_module(f"{__name__}.e{exercise}").TASKS)
    for task in tasks:
        if task.exercise != exercise:
            raise ValueError(f"task {task.name} says it belongs to {task.exercise}, but it stands in e{exercise}.py")
    return tasks


def of_exercise(exercise: str) -> tuple[Task, ...]:
    """The tasks of one exercise, named "14_rlhf_ppo", "14" or "rlhf_ppo"."""
    for known in exercises():
        if exercise in (known, known.split("_", 1)[0], known.split("_", 1)[1]):
            return _tasks(known)
    raise LookupError(f'there is no exercise "{exercise}"; there are: {", ".join(exercises())}')


def all_tasks() -> tuple[Task, ...]:
    """Every task of the course, in its order."""
    tasks = tuple(task for exercise in exercises() for task in _tasks(exercise))
    names = [task.name for task in tasks]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"task names must be unique in the course; found twice: {', '.join(sorted(twice))}")
    return tasks


def find(name: str) -> Task:
    """The task called `name`. Modules that do not mention the name are not imported (some of them load torch)."""
    for path in sorted(Path(__file__).parent.glob("e[0-9][0-9]_*.py")):
        if f'"{name}"' in path.read_text(encoding="utf-8"):
            for task in _tasks(path.stem[1:]):
                if task.name == name:
                    return task
    names = [task.name for task in all_tasks()]
    near = get_close_matches(name, names, n=1)
    hint = f' Did you mean "{near[0]}"?' if near else f" There are: {', '.join(names)}."
    raise LookupError(f'there is no task "{name}".{hint}')
