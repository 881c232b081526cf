"""The numbers of a task, different for each student where a class was given seeds."""

from collections.abc import Mapping
from typing import Any


def numbers(name: str, seed: int = 0) -> Mapping[str, Any]:
    """The numbers that the task `name` gives to the student with this seed: `numbers("start_gap", SEED)`."""
    from rlhf_edu.grading import tasks

    task = tasks.find(name)
    if task.numbers is None:
        raise ValueError(f'the task "{name}" has no numbers of its own: it is the same for everyone')
    return task.numbers(seed)
