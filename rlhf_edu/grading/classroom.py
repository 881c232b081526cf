"""Grading a whole class: several submissions at once, what is graded already skipped, nobody stopping the others."""

import csv
import importlib
import os
import secrets
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

from rlhf_edu.grading.exercise import Exercise, exercise_folder, known_exercises, load_exercise, version_of
from rlhf_edu.grading.gradebook import Gradebook
from rlhf_edu.grading.runner import Graded, grade
from rlhf_edu.grading.sandbox import Limits, Sandbox, SandboxError, bubblewrap
from rlhf_edu.grading.submission import Submission, find_submissions, identify
from rlhf_edu.grading.task import Task


@dataclass(frozen=True)
class Plan:
    """How a class is graded. It is sent to the grading processes as it is."""

    secret: bytes = field(repr=False)
    exercises: Path
    course: str = "rlhf_edu.grading.tasks"
    limits: Limits = field(default_factory=Limits)
    unsafe: bool = False
    jobs: int = 2
    only_tasks: tuple[str, ...] = ()
    only_students: tuple[str, ...] = ()
    exercise: str = ""  # where the submissions do not say it themselves
    seeds: Path | None = None


@dataclass(frozen=True)
class Progress:
    """One submission that is dealt with."""

    done: int
    total: int
    student: str
    exercise: str
    state: str  # "graded", "unchanged", "unknown exercise", "not graded"
    words: str = ""


def secret_beside(gradebook: Path) -> bytes:
    """The class's secret for hidden cases, made and stored beside the gradebook when there is none."""
    path = gradebook.with_name("secret.key")
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
    return path.read_text().strip().encode()


def grade_class(folder: Path, book: Gradebook, plan: Plan) -> Iterator[Progress]:
    """Grade every submission in `folder` that is new or changed, and yield as each is done."""
    if not plan.unsafe and bubblewrap() is None:
        Sandbox(plan.limits)  # refuses, and says what to do
    names = [plan.exercise] if plan.exercise else known_exercises(plan.course)
    exercises = {name: load_exercise(name, plan.exercises, plan.course) for name in names if _released(plan, name)}
    versions = {name: {task.name: version_of(task) for task in ex.tasks} for name, ex in exercises.items()}
    seeds = _seeds(plan.seeds)
    again = plan.only_tasks or plan.only_students
    work, ready = [], []
    for submission, name in _sorted_out(folder, exercises, plan):
        if name not in exercises:
            ready.append((submission, name, "unknown exercise", _unknown(submission)))
        elif plan.only_tasks and not _wanted(plan.only_tasks, exercises[name]):
            continue
        elif not again and book.done(submission, name, versions[name], plan.unsafe):
            ready.append((submission, name, "unchanged", ""))
        else:
            work.append((submission, name, seeds.get(submission.student)))
    total = len(work) + len(ready)
    for done, (submission, name, state, words) in enumerate(ready, 1):
        yield Progress(done, total, submission.student, name, state, words)
    for done, (job, graded) in enumerate(_results(work, plan), len(ready) + 1):
        submission, name, _ = job
        if isinstance(graded, Graded):
            book.record(submission, name, graded, exercises[name].tasks, versions[name], plan.unsafe)
            yield Progress(done, total, submission.student, name, "graded")
        else:
            yield Progress(done, total, submission.student, name, "not graded", str(graded))


def all_tasks(plan: Plan) -> dict[str, Task]:
    """Every task of the course by name, in its order."""
    module = importlib.import_module(plan.course)
    return {task.name: task for name in known_exercises(plan.course) for task in module.of_exercise(name)}


def _unknown(submission: Submission) -> str:
    if submission.readable:
        return "no exercise of the course has these cells"
    return f"{submission.problems[-1]} (with --exercise NAME it is graded, as 0)"


def _released(plan: Plan, name: str) -> bool:
    return bool(plan.exercise) or (plan.exercises / f"{name}.ipynb").is_file()


def _sorted_out(folder: Path, exercises: dict[str, Exercise], plan: Plan) -> Iterable[tuple[Submission, str]]:
    """Submissions with their exercises; of two files of one student for one exercise the newer counts."""
    ids = {name: {cell.grade_id for cell in ex.released if cell.grade_id} for name, ex in exercises.items()}
    latest: dict[tuple[str, str], Submission] = {}
    for submission in find_submissions(folder):
        if plan.only_students and submission.student not in plan.only_students:
            continue
        key = (submission.student, identify(submission, exercises, ids) or "?")
        old = latest.get(key)
        if old is not None:
            newer, other = sorted([submission, old], key=lambda s: (s.readable, s.modified), reverse=True)
            newer.problems.append(f"two files for this exercise; {newer.path.name} counts, {other.path.name} does not")
            submission = newer
        latest[key] = submission
    return [(submission, name) for (_, name), submission in sorted(latest.items(), key=lambda i: (i[0][1], i[0][0]))]


def _seeds(path: Path | None) -> dict[str, int]:
    if path is None:
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        return {row["student"]: int(row["seed"]) for row in csv.DictReader(file)}


Job = tuple[Submission, str, int | None]


def _results(work: Sequence[Job], plan: Plan) -> Iterator[tuple[Job, Graded | Exception]]:
    """Each job with its result, or with the reason why the grader itself failed at it."""
    if plan.jobs == 1 or len(work) <= 1:
        for job in work:
            yield job, _guarded(job, plan)
        _release_sandbox()
        return
    left = list(work)
    while left:  # a grading process that dies takes the pool with it: the rest is done in a new one, one at a time
        jobs = plan.jobs if len(left) == len(work) else 1
        with ProcessPoolExecutor(min(jobs, len(left)), mp_context=get_context("spawn")) as pool:
            waiting = {}
            for job in left if jobs > 1 else left[:1]:
                waiting[pool.submit(_guarded, job, plan)] = job
            while waiting:
                for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                    job = waiting.pop(future)
                    error = future.exception()
                    if isinstance(error, BrokenProcessPool) and jobs > 1:
                        continue
                    left.remove(job)
                    yield job, error if isinstance(error, Exception) else future.result()


_sandbox: dict[str, Sandbox] = {}  # of this process: the exercise it was warmed for


def _guarded(job: Job, plan: Plan) -> Graded | Exception:
    submission, name, seed = job
    try:
        exercise = load_exercise(name, plan.exercises, plan.course)
        if name not in _sandbox:
            _release_sandbox()
            _sandbox[name] = Sandbox(plan.limits, exercise.preload, plan.unsafe)
        return grade(submission, exercise, _sandbox[name], plan.secret, seed, _wanted(plan.only_tasks, exercise))
    except (SandboxError, OSError, ValueError, LookupError, RuntimeError) as error:
        _release_sandbox()
        return RuntimeError(f"{type(error).__name__}: {error}")


def _wanted(only: Sequence[str], exercise: Exercise) -> Collection[str]:
    return set(only) & {task.name for task in exercise.tasks}


def _release_sandbox() -> None:
    while _sandbox:
        _sandbox.popitem()[1].close()


def default_plan(gradebook: Path, exercises: Path | None = None, **options) -> Plan:
    """A plan with this class's secret and the installed course."""
    return Plan(secret_beside(gradebook), exercise_folder(exercises), **options)
