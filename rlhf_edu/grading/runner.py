"""Grading one submission: its cells run in the sandbox, each task's questions come from outside, all of it survived."""

import hashlib
import math
import time
from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np

from rlhf_edu.grading.exercise import Exercise
from rlhf_edu.grading.own_work import fingerprint
from rlhf_edu.grading.repair import Repaired, repair
from rlhf_edu.grading.sandbox import Sandbox, SandboxError
from rlhf_edu.grading.session import OUTPUT_SHOWN, SandboxStudent, Session, WorkerGone
from rlhf_edu.grading.submission import Cell, Submission
from rlhf_edu.grading.task import StudentError, Task, Verdict


@dataclass(frozen=True)
class TaskResult:
    """The score of one task, with the words for the student."""

    task: str
    share: float  # of the points, in [0, 1]
    words: str
    mistake: str = ""
    example: str = ""
    output: str = ""  # what the answer cell printed
    essay: str = ""  # the text, for marking by hand


@dataclass
class Graded:
    """What grading one submission gave."""

    tasks: list[TaskResult] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0


@dataclass
class _CellRun:
    words: str = ""
    kind: str = ""
    output: str = ""


def grade(
    submission: Submission,
    exercise: Exercise,
    sandbox: Sandbox,
    secret: bytes,
    seed: int | None = None,
    only: Collection[str] = (),
) -> Graded:
    """Grade one submission, or `only` some of its tasks; `seed` is the student's where the class was given seeds."""
    start = time.monotonic()
    graded = Graded(problems=list(submission.problems))
    tasks = [task for task in exercise.tasks if not only or task.name in only]
    if not submission.readable:
        words = submission.problems[-1]
        graded.tasks = [TaskResult(task.name, 0.0, words, "unreadable") for task in tasks]
        return graded
    if seed is not None and seed != submission.seed:
        graded.problems.append(f"the notebook carries the seed {submission.seed}, but this student was given {seed}")
    seed = submission.seed if seed is None else seed
    repaired = repair(submission, exercise.released, seed)
    graded.problems += repaired.problems
    run = _Run(repaired, exercise, sandbox, seed)
    try:
        run.cells()
        graded.tasks = [run.judge(task, secret) for task in tasks]
    finally:
        run.close()
    graded.problems += run.problems
    graded.seconds = time.monotonic() - start
    return graded


class _Run:
    """A submission while it runs. Cells that worked are replayed in a new process when the old one is lost."""

    def __init__(self, repaired: Repaired, exercise: Exercise, sandbox: Sandbox, seed: int):
        self.repaired, self.exercise, self.sandbox = repaired, exercise, sandbox
        self.limits = sandbox.limits
        self.deadline = time.monotonic() + self.limits.notebook_seconds
        self.runs: dict[str, _CellRun] = {}  # by grade_id
        self.worked: list[str] = []
        self.problems: list[str] = []
        self.session: Session | None = None
        self.table = {
            (task.name, s): dict(task.numbers(s)) for task in exercise.tasks if task.numbers for s in {0, seed}
        }

    def close(self) -> None:
        if self.session is not None:
            self.session.close()

    def left(self, at_most: float) -> float:
        return max(0.0, min(at_most, self.deadline - time.monotonic()))

    def ready(self) -> Session:
        """A living process in which every cell that worked has been run."""
        tries = 0
        while self.session is None or not self.session.alive:
            tries += 1
            if tries > 5 + len(self.worked):
                raise SandboxError("the sandbox loses its processes before they have done anything")
            self.session = self.sandbox.session()
            try:
                self.session.ask(30.0, do="numbers", table=self.table)
            except WorkerGone:
                continue
            for i, source in enumerate(self.worked):
                if not self.left(1.0):
                    break
                try:
                    self.session.ask(self.left(self.limits.cell_seconds), do="cell", source=source)
                except WorkerGone as error:
                    self.problems.append(f"a cell that had worked failed when it was run again: {error}")
                    del self.worked[i:]  # so that the next try cannot meet it again
                    break
        return self.session

    def cells(self) -> None:
        """Run the code cells one by one; one that fails, hangs or crashes does not stop the next."""
        code = [
            cell for cell in self.repaired.cells if cell.kind == "code" and not cell.is_test and cell.source.strip()
        ]
        for number, cell in enumerate(code, 1):
            if not self.left(1.0):
                seconds = self.limits.notebook_seconds
                self.problems.append(
                    f"the notebook used up its {seconds:.0f} s; the cells from number {number} on did not run"
                )
                return
            outcome = self._cell(cell)
            if cell.grade_id and outcome.kind:
                self.runs[cell.grade_id] = outcome
            elif cell.grade_id:
                self.runs.setdefault(cell.grade_id, outcome)
            if outcome.kind in ("time-out", "crash", "memory", "forgery"):
                where = f'the cell "{cell.grade_id}"' if cell.grade_id else f"code cell {number}"
                self.problems.append(f"{where}: {outcome.words}")

    def _cell(self, cell: Cell) -> _CellRun:
        try:
            answer = self.ready().ask(self.left(self.limits.cell_seconds), do="cell", source=cell.source)
        except WorkerGone as error:
            return _CellRun(str(error), error.kind)
        self.worked.append(cell.source)
        output = answer["out"][:OUTPUT_SHOWN]
        if answer["ok"]:
            return _CellRun(output=output)
        return _CellRun(answer["words"][:300], answer["kind"][:40], output)

    def judge(self, task: Task, secret: bytes) -> TaskResult:
        """The result of one task; whatever the student's side does, there is one."""
        run = self.runs.get(f"{task.name}_answer", _CellRun())
        essay = self.repaired.texts.get(task.name, "") if task.kind == "essay" else ""
        try:
            verdict = self._verdict(task, secret, essay)
        except Exception as error:  # an answer that a judge was not ready for costs this task, not the class
            self.problems.append(f"the judge of {task.name} stopped with {type(error).__name__}: {str(error)[:200]}")
            verdict = Verdict(0.0, "the answer has a form that cannot be judged; ask your instructor", "judge stopped")
        share = float(verdict.score)
        share = min(1.0, max(0.0, share)) if math.isfinite(share) else 0.0
        words, mistake = verdict.words, verdict.mistake
        if share == 0 and mistake == "missing" and run.kind and run.kind != "NotImplementedError":
            words, mistake = f"the answer's cell did not finish: {run.words}", run.kind
        return TaskResult(task.name, share, words, mistake, verdict.example, run.output, essay)

    def _verdict(self, task: Task, secret: bytes, essay: str) -> Verdict:
        rng = hidden_rng(secret, task.name)
        if task.kind == "essay":
            return task.judge(_Written(essay), rng, True)
        if not self.left(1.0):
            return Verdict(
                0.0, f"the notebook used up its {self.limits.notebook_seconds:.0f} s before this task", "time-out"
            )
        session = self.ready()
        originals = {fingerprint(f) for f in (getattr(task.judge, "oracle", None),) if f} - {""}
        student = SandboxStudent(
            session,
            self.left(min(task.seconds, self.limits.task_seconds)),
            self.repaired.texts,
            task.forbidden,
            sorted(originals),
        )
        return task.judge(student, rng, True)


class _Written:
    """A `Student` of whom only one text is wanted."""

    def __init__(self, text: str):
        self.text = text

    def get(self, name: str) -> str:
        return self.text

    def call(self, name: str, *args, **kwargs):
        raise StudentError(f"`{name}` is a text, not a function", "type")

    gradient = call


def hidden_rng(secret: bytes, task: str) -> np.random.Generator:
    """The generator of a task's hidden cases: the same for everyone in a class, unknown to all of them."""
    digest = hashlib.sha256(secret + b"\0" + task.encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "little"))
