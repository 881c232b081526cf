"""Grades: judged scores, marks by hand and lateness put together; `grades.csv`; essays to be marked."""

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rlhf_edu.grading.gradebook import OVERRIDE, Gradebook, Handin, Mark
from rlhf_edu.grading.task import Task

ESSAY_COLUMNS = ["number", "exercise", "task", "criterion", "of", "points", "comment", "text"]


@dataclass(frozen=True)
class TaskGrade:
    """One task of one student: the points that count, and why."""

    task: str
    title: str
    points: float
    out_of: float
    words: str
    mistake: str = ""
    example: str = ""
    output: str = ""
    essay: str = ""
    waiting: bool = False  # for a person to mark it
    by_hand: bool = False
    comments: tuple[str, ...] = ()


@dataclass
class Grade:
    """One exercise of one student."""

    student: str
    blind: str
    exercise: str
    tasks: list[TaskGrade] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    days_late: int = 0
    penalty: float = 0.0  # share taken off
    submitted_at: float = 0.0
    unsafe: bool = False
    sha256: str = ""

    @property
    def raw(self) -> float:
        """Points before lateness."""
        return float(sum(task.points for task in self.tasks))

    @property
    def total(self) -> float:
        """Points that count."""
        return round(self.raw * (1 - self.penalty), 2)

    @property
    def out_of(self) -> float:
        """Points to be had."""
        return float(sum(task.out_of for task in self.tasks))

    @property
    def waiting(self) -> bool:
        """Whether an essay is still to be marked."""
        return any(task.waiting for task in self.tasks)


def grades(book: Gradebook, tasks: Mapping[str, Task]) -> list[Grade]:
    """Every grade, worked out from what the book holds now; `tasks` are by name."""
    marks: dict[tuple[int, str], list[Mark]] = {}
    for mark in book.marks():
        marks.setdefault((mark.student_id, mark.task), []).append(mark)
    out = []
    rules = {}
    for row in book.handins():
        rule = rules.setdefault(row.exercise, book.late_rule(row.exercise))
        grade = Grade(row.student.name, row.student.blind, row.exercise, problems=json.loads(row.problems))
        grade.days_late, grade.penalty = rule.days(row.submitted_at), rule.penalty(row.submitted_at)
        grade.submitted_at, grade.unsafe, grade.sha256 = row.submitted_at, row.unsafe, row.sha256
        grade.tasks = _tasks(row, tasks, marks)
        out.append(grade)
    return out


def _tasks(row: Handin, tasks: Mapping[str, Task], marks: Mapping) -> list[TaskGrade]:
    order = list(tasks)
    scores = sorted(row.scores, key=lambda s: order.index(s.task) if s.task in order else len(order))
    return [_task(score, tasks.get(score.task), marks.get((row.student_id, score.task), [])) for score in scores]


def _task(score, task: Task | None, marks: Sequence[Mark]) -> TaskGrade:
    given = {mark.criterion: mark for mark in marks}
    comments = tuple(f"{mark.criterion}: {mark.comment}" for mark in marks if mark.comment)
    points, waiting = score.share * score.points, False
    if OVERRIDE in given:
        points = given[OVERRIDE].points
    elif task is not None and task.kind == "essay" and score.essay.strip() and score.mistake != "missing":
        points = sum(mark.points for mark in given.values())
        waiting = not set(task.rubric or {task.name: task.points}) <= set(given)
    elif task is not None and task.kind == "essay":
        points = 0.0
    return TaskGrade(
        score.task,
        task.title if task else score.task,
        round(float(points), 2),
        score.points,
        score.words,
        score.mistake,
        score.example,
        score.output,
        score.essay,
        waiting,
        bool(given),
        comments,
    )


def write_csv(path: Path, all_grades: Sequence[Grade], blind: bool = False) -> None:
    """`grades.csv`: a line for each student and exercise, a column for each task."""
    names = list(dict.fromkeys(task.task for grade in all_grades for task in grade.tasks))
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["student", "exercise", "points", "of", "days_late", "penalty", "waiting", "unsafe", *names])
        for grade in all_grades:
            by_name = {task.task: task.points for task in grade.tasks}
            who = grade.blind if blind else _safe(grade.student)
            row = [who, grade.exercise, grade.total, grade.out_of, grade.days_late, round(grade.penalty, 3)]
            row += ["yes" if grade.waiting else "", "yes" if grade.unsafe else ""]
            out.writerow(row + [by_name.get(name, "") for name in names])


def write_essays(path: Path, all_grades: Sequence[Grade], tasks: Mapping[str, Task]) -> int:
    """`essays.csv`: texts that wait for a person, a line for each criterion, under blind numbers; how many texts."""
    waiting = [(grade, task) for grade in all_grades for task in grade.tasks if task.waiting]
    typed = _typed(path)
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(ESSAY_COLUMNS)
        for grade, task in sorted(waiting, key=lambda pair: (pair[1].task, pair[0].blind)):
            for criterion, points in (tasks[task.task].rubric or {task.task: task.out_of}).items():
                text = _safe(task.essay)
                given = typed.get((grade.blind, task.task, criterion, text), ("", ""))
                out.writerow([grade.blind, grade.exercise, task.task, criterion, points, *given, text])
    return len(waiting)


def _typed(path: Path) -> dict[tuple[str, ...], tuple[str, str]]:
    """Points and comments somebody has typed into the file already: they must not be lost when it is written anew."""
    if not path.exists():
        return {}
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = [row for row in csv.DictReader(file) if row.get("points") or row.get("comment")]
    keys = ("number", "task", "criterion", "text")
    return {tuple(row.get(key) or "" for key in keys): (row["points"] or "", row["comment"] or "") for row in rows}


def read_marks(book: Gradebook, path: Path, tasks: Mapping[str, Task]) -> tuple[int, list[str]]:
    """Take the marks in a filled-in `essays.csv` into the book: how many, and what is wrong with the others.

    Empty points are skipped. The criterion "override" replaces the points of any task.
    """
    count, wrong = 0, []
    with path.open(newline="", encoding="utf-8-sig") as file:
        for number, row in enumerate(csv.DictReader(file), 2):
            if not (row.get("points") or "").strip():
                continue
            try:
                task, criterion = tasks[row["task"]], row["criterion"]
                most = task.points if criterion == OVERRIDE else (task.rubric or {task.name: task.points})[criterion]
                points = float(row["points"].replace(",", "."))
                if not math.isfinite(points) or not 0 <= points <= most:
                    raise ValueError(f"{points:g} points where 0 to {most:g} are possible")
                book.mark(row["number"], task.name, criterion, points, row.get("comment") or "")
                count += 1
            except KeyError as error:
                wrong.append(f"line {number}: there is no {error}")
            except (ValueError, LookupError) as error:
                wrong.append(f"line {number}: {error}")
    return count, wrong


def when(seconds: float) -> str:
    """A moment for a reader, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _safe(text: str) -> str:
    """Text that a spreadsheet does not take for a formula."""
    return f"'{text}" if text[:1] in "=+-@\t\r" else text
