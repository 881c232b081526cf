"""Exercises: `check` and `progress` for students, and what an instructor needs to release, collect and grade them.

Both names are bound here, once: the modules that hold them have the same names, and are light (no torch).
"""

from rlhf_edu.grading.check import check
from rlhf_edu.grading.numbers import numbers
from rlhf_edu.grading.progress import progress

__all__ = ["check", "numbers", "progress"]
