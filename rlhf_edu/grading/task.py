"""What a graded task is, and what a judge may ask of a student's work.

The same `judge` runs beside the student (`check("gae")` in the notebook, through `LocalStudent`) and in the grader
(through a student who lives in a sandbox). It never sees how the answer is computed, only plain data that comes back.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np

Kind = Literal["function", "number", "choice", "diagnosis", "agent", "essay"]


class StudentError(Exception):
    """What went wrong on the student's side, in one sentence (an exception, a time-out, a crash, an odd answer).

    `kind` is a short name that may be shown even where the sentence may not, because it could quote a hidden case:
    "NotImplementedError", "time-out", "library"…
    """

    def __init__(self, words: str, kind: str = ""):
        super().__init__(words)
        self.kind = kind


@runtime_checkable
class Student(Protocol):
    """A student's work after their notebook has run: functions to call and values to read.

    Only plain data crosses: None, bool, int, float, str, lists, tuples, dicts, NumPy arrays and torch tensors.
    Each method raises `StudentError` with a sentence that can be shown.
    """

    def call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """The result of calling the student's function `name`."""
        ...

    def gradient(self, name: str, place: int, part: int, *args: Any) -> Any:
        """The gradient in argument `place` of the result of `name(*args)`; of `part` of it where it has several."""
        ...

    def get(self, name: str) -> Any:
        """The value the student's notebook gave to `name`."""
        ...


@dataclass(frozen=True)
class Verdict:
    """What a judge says of one task: a share of the points and words for the student."""

    score: float | int  # share of the points, in [0, 1]
    words: str  # the likely mistake in one sentence, or "correct"
    mistake: str = ""  # name of the recognised mistake, for the class overview
    example: str = ""  # the smallest failing example, with shapes; never shows hidden cases


Judge = Callable[[Student, np.random.Generator, bool], Verdict]


@dataclass(frozen=True)
class Task:
    """One graded task. `judge(student, rng, hidden)` draws its cases from `rng`, harder ones when `hidden`."""

    name: str  # unique in the course, and the grade_id of its test cell
    exercise: str  # "14_rlhf_ppo"
    kind: Kind
    title: str
    points: float | int
    minutes: int
    judge: Judge
    difficulty: int = 1  # 1 to 3
    hints: tuple[str, ...] = ()
    rubric: Mapping[str, float | int] = field(default_factory=dict)  # essays: criterion → points
    seconds: float | int = 30.0  # limit for all of this task's calls together
    forbidden: tuple[
        str, ...
    ] = ()  # dotted names the student's function may not be or call; "torch.special." means all in it
    numbers: Callable[[int], Mapping[str, Any]] | None = None  # the numbers a student with this seed works with

    def __post_init__(self):
        if self.points <= 0:
            raise ValueError(f"task {self.name} has {self.points} points, but they must be positive")
        if not 1 <= self.difficulty <= 3:
            raise ValueError(f"task {self.name} has difficulty {self.difficulty}, but it must be 1, 2 or 3")
