"""Stands in, inside the sandbox, for everything of this folder that a notebook may import.

Checks are silent there: they run outside. The numbers of a task come from a table that the grader sends along.
"""

from collections.abc import Mapping
from typing import Any


def check(*args: Any, **kwargs: Any) -> None:
    """Nothing: the judges are outside."""


def progress(*args: Any, **kwargs: Any) -> None:
    """Nothing: there is no progress to show when work is graded."""


def numbers(name: str, seed: int = 0) -> Mapping[str, Any]:
    """The numbers that the task `name` gives to the student with this seed."""
    from rlhf_edu.grading import worker

    if (name, seed) not in worker.NUMBERS:
        raise LookupError(f'the task "{name}" has no numbers for the seed {seed!r}: keep the SEED of your copy')
    return worker.NUMBERS[name, seed]
