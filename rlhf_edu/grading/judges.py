"""Judges of computed answers: a function against an oracle on random inputs, and a number.

A judge is a `Judge` (see `task`): it asks the student for plain data, compares, and names the likely mistake. It runs
in the student's own notebook as well as in the grader, so its oracle is installed beside the student. Nothing on a
student's machine can be kept secret; what protects a grade is that the hidden cases come from another seed, and that
a function that calls or copies the oracle is refused (`own_work`).
"""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rlhf_edu.grading.compare import Difference, array_of, compare, name_of, show
from rlhf_edu.grading.task import Student, StudentError, Verdict

Case = dict[str, Any]
Draw = Callable[[np.random.Generator, int, bool], Case]
Mistakes = Mapping[str, tuple[Callable[..., Any], str]]
CORRECT = Verdict(1.0, "correct")


@dataclass(frozen=True)
class Gradient:
    """What a loss has to be besides right in value: its gradient in the argument `of`, by `oracle` from the same arguments.

    Of a function that returns several losses, `part` says which one.
    """

    of: str
    oracle: Callable[..., Any]
    mistakes: Mistakes = field(default_factory=dict)
    part: int = 0


@dataclass(frozen=True)
class FunctionJudge:
    """Compares the student's function `name` with `oracle` on cases drawn by `draw(rng, i, hidden)`.

    `draw` gives the arguments in the order of the signature; case 0 is the smallest, since the first one that fails is
    shown. `mistakes` maps a name to (a function that makes this mistake, the words for the student). Of a loss the
    `gradients` are compared as well, on the same cases.
    """

    name: str
    oracle: Callable[..., Any]
    draw: Draw
    mistakes: Mistakes = field(default_factory=dict)
    n_cases: int = 5
    atol: float = 1e-4
    rtol: float = 1e-4
    gradients: tuple[Gradient, ...] = ()

    def __call__(self, student: Student, rng: np.random.Generator, hidden: bool) -> Verdict:
        for secret in (False, True) if hidden else (False,):
            cases = [self.draw(rng, i, secret) for i in range(self.n_cases)]
            verdict = self._judge(student, cases, secret)
            if verdict.score < 1:
                return verdict
        return CORRECT

    def _judge(self, student: Student, cases: list[Case], secret: bool) -> Verdict:
        answers: list[Any] = []
        for case in cases:
            try:
                answers.append(student.call(self.name, *deepcopy(list(case.values()))))
            except StudentError as error:
                words = f"it fails on a hidden case ({error.kind or 'error'})" if secret else str(error)
                quiet = secret or error.kind in ("missing", "library")
                return Verdict(0.0, words, error.kind or "error", "" if quiet else self._example(case))
        for case, answer in zip(cases, answers, strict=True):
            difference = self._differs(answer, self.oracle, case)
            if difference:
                name, words = self._explain(student, cases, answers, case, answer, difference)
                shown = f"\n{self.name}(…) = {show(answer)}\n{difference.place}" if difference.place else ""
                example = "" if secret else self._example(case) + shown
                return Verdict(0.0, f"on hidden cases: {words}" if secret else words, name, example)
        verdict = self._same_again(student, cases[-1], answers[-1])
        for gradient in self.gradients:
            if verdict.score == 1:
                verdict = self._slopes(student, cases, secret, gradient)
        return verdict

    def _slopes(self, student: Student, cases: list[Case], secret: bool, g: Gradient) -> Verdict:
        """Whether an optimiser would go where it should: values can be right and the gradient wrong."""
        slopes: list[Any] = []
        for case in cases:
            try:
                slopes.append(student.gradient(self.name, [*case].index(g.of), g.part, *deepcopy([*case.values()])))
            except StudentError as error:
                words = f"its gradient fails on a hidden case ({error.kind or 'error'})" if secret else str(error)
                return Verdict(0.0, words, error.kind or "error", "" if secret else self._example(case))
        for case, slope in zip(cases, slopes, strict=True):
            difference = self._differs(slope, g.oracle, case)
            if difference:
                words = f"its value is right, but not its gradient in `{g.of}`, and that is what an optimiser follows"
                known = (
                    (name, said)
                    for name, (wrong, said) in g.mistakes.items()
                    if not any(self._differs(s, wrong, c) for c, s in zip(cases, slopes, strict=True))
                )
                name, words = next(known, ("gradient", words))
                shown = f"\ngradient in {g.of} = {show(slope)}\n{difference.place}"
                example = "" if secret else self._example(case) + shown
                return Verdict(0.0, f"on hidden cases: {words}" if secret else words, name, example)
        return CORRECT

    def _differs(self, answer: Any, right: Callable[..., Any], case: Case) -> Difference | None:
        with np.errstate(all="ignore"):
            expected = right(*deepcopy(list(case.values())))
        return compare(answer, expected, self.atol, self.rtol)

    def _explain(self, student, cases, answers, case, answer, difference: Difference) -> tuple[str, str]:
        """The name and the words of the mistake that explains all the answers, else of the difference."""
        if difference.why in ("missing", "type", "dtype"):
            return difference.why, difference.words
        for name, (wrong, words) in self.mistakes.items():
            if not any(self._differs(a, wrong, c) for c, a in zip(cases, answers, strict=True)):
                return name, words
        if difference.why != "finite" and self._same_again(student, case, answer).score < 1:
            return "unsteady", "called twice with the same input it gives two answers"
        return _common_fault(answers, cases) or (difference.why, difference.words)

    def _same_again(self, student: Student, case: Case, answer: Any) -> Verdict:
        try:
            again = student.call(self.name, *deepcopy(list(case.values())))
        except StudentError:
            again = None
        if compare(again, answer, self.atol, self.rtol) is None:
            return CORRECT
        return Verdict(0.0, "called twice with the same input it gives two answers", "unsteady")

    def _example(self, case: Case) -> str:
        return "\n".join(f"{key} = {show(value)}" for key, value in case.items())


def _common_fault(answers: list[Any], cases: list[Case]) -> tuple[str, str] | None:
    """Faults any function can have: the same number everywhere, or an input handed back."""
    arrays = [array_of(a) for a in answers]
    if all(a is not None and a.size and np.all(a == 0) for a in arrays):
        return "zeros", "it returns only zeros"
    if all(a is not None and a.size > 1 and np.all(a == a.flat[0]) for a in arrays):
        return "constant", "it returns the same number everywhere"
    for key in cases[0]:
        if all(
            array_of(c[key]) is not None and compare(a, c[key]) is None for a, c in zip(answers, cases, strict=True)
        ):
            return "input", f"it hands back its input `{key}`"
    return None


@dataclass(frozen=True)
class NumberJudge:
    """Compares the number in the student's variable `name` with `answer(**numbers)`.

    `numbers` are those of the task for the student's `SEED` (see `Task.numbers`); without them `answer()` takes none.
    `mistakes` maps a name to (a function of the same numbers that makes this mistake, the words). The expected
    number is never shown.
    """

    name: str
    answer: Callable[..., Any]
    mistakes: Mistakes = field(default_factory=dict)
    numbers: Callable[[int], Mapping[str, Any]] | None = None
    atol: float | int = 0.0
    rtol: float | int = 0.01
    unit: str = ""

    def __call__(self, student: Student, rng: np.random.Generator, hidden: bool) -> Verdict:
        try:
            got = student.get(self.name)
            given = self.numbers(seed_of(student)) if self.numbers else {}
        except StudentError as error:
            return Verdict(0.0, str(error), error.kind or "missing")
        value = array_of(got)
        if value is None or value.size != 1 or value.dtype.kind not in "iuf":
            what = f'the text "{got[:40]}"' if isinstance(got, str) else name_of(got)
            return Verdict(0.0, f"`{self.name}` should be one number{self._unit()}, but it is {what}", "type")
        number = float(value.reshape(()))
        if self._near(number, self.answer(**given)):
            return CORRECT
        for name, (wrong, words) in self.mistakes.items():
            if self._near(number, wrong(**given)):
                return Verdict(0.0, words, name)
        if not np.isfinite(number):
            return Verdict(0.0, f"`{self.name}` is {number}", "finite")
        return Verdict(0.0, f"`{self.name}` = {number:.4g}{self._unit()} is not the number asked for", "value")

    def _near(self, number: float, target: float | int) -> bool:
        return bool(abs(number - target) <= self.atol + self.rtol * abs(target))

    def _unit(self) -> str:
        return f" {self.unit}" if self.unit else ""


def seed_of(student: Student) -> int:
    """The seed in the student's notebook (`SEED`, set when it was released for them), 0 where there is none."""
    try:
        seed = student.get("SEED")
    except StudentError:
        return 0
    if type(seed) is not int or seed < 0:
        raise StudentError(f"SEED should be the whole number set in your copy, but it is {show(seed)}", "seed")
    return seed
