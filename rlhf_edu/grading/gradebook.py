"""The gradebook: one SQLite file, written by the grader alone, through SQLAlchemy.

Scores are kept as judged. Late days, marks given by hand and totals are worked out when they are read, so that moving a
due date or marking an essay re-computes every grade without running anything again.
"""

import json
import math
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import ForeignKey, UniqueConstraint, create_engine, delete, event, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

from rlhf_edu.grading.runner import Graded, TaskResult
from rlhf_edu.grading.submission import Submission
from rlhf_edu.grading.task import Task

DAY = 86_400
OVERRIDE = "override"  # the criterion of a mark that replaces the points of a whole task
GRACE_SECONDS = 300  # clocks differ


class Base(DeclarativeBase):
    """Base of the tables."""


class Student(Base):
    """One student, with the blind number under which their essays are marked."""

    __tablename__ = "students"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    blind: Mapped[str] = mapped_column(unique=True)


class Handin(Base):
    """The latest file a student handed in for one exercise."""

    __tablename__ = "submissions"
    __table_args__ = (UniqueConstraint("student_id", "exercise"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    student_id: Mapped[int] = mapped_column(ForeignKey("students.id"))
    exercise: Mapped[str]
    path: Mapped[str]
    sha256: Mapped[str]
    submitted_at: Mapped[float]
    graded_at: Mapped[float]
    seconds: Mapped[float]
    unsafe: Mapped[bool]
    problems: Mapped[str]  # JSON list
    student: Mapped[Student] = relationship(lazy="joined")
    scores: Mapped[list["Score"]] = relationship(cascade="all, delete-orphan", lazy="selectin")


class Score(Base):
    """The judged score of one task of one submission."""

    __tablename__ = "scores"
    __table_args__ = (UniqueConstraint("submission_id", "task"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey("submissions.id"))
    task: Mapped[str]
    version: Mapped[str]
    share: Mapped[float]
    points: Mapped[float]  # what a full share is worth
    words: Mapped[str]
    mistake: Mapped[str]
    example: Mapped[str]
    output: Mapped[str]
    essay: Mapped[str]


class Mark(Base):
    """Points a person gave: for a criterion of an essay, or ("override") for a whole task."""

    __tablename__ = "marks"
    __table_args__ = (UniqueConstraint("student_id", "task", "criterion"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    student_id: Mapped[int] = mapped_column(ForeignKey("students.id"))
    task: Mapped[str]
    criterion: Mapped[str]
    points: Mapped[float]
    comment: Mapped[str] = mapped_column(default="")
    marked_at: Mapped[float] = mapped_column(default=time.time)


class Setting(Base):
    """A value of the whole class: due dates, late rules, the version of the tables."""

    __tablename__ = "settings"
    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


@dataclass(frozen=True)
class LateRule:
    """What lateness costs: a share of the points a day begun, after free days, never more than `most`."""

    due: float | None = None  # seconds since 1970
    share_per_day: float = 0.1
    free_days: int = 0
    most: float = 1.0

    def days(self, submitted: float) -> int:
        """Days late, a day begun being a whole one."""
        late = 0.0 if self.due is None else submitted - self.due - GRACE_SECONDS
        return math.ceil(late / DAY) if late > 0 else 0

    def penalty(self, submitted: float) -> float:
        """The share of the points that is taken off."""
        return min(self.most, self.share_per_day * max(0, self.days(submitted) - self.free_days))


class Gradebook:
    """A gradebook file, made when it is missing."""

    def __init__(self, path: Path):
        path.parent.mkdir(parents=True, exist_ok=True)
        self.engine = create_engine(f"sqlite:///{path}")
        event.listen(self.engine, "connect", _pragmas)
        Base.metadata.create_all(self.engine)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A transaction, committed at its end."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    def done(self, submission: Submission, exercise: str, versions: dict[str, str], unsafe: bool) -> bool:
        """Whether exactly this file has been graded by exactly these judges."""
        with self.session() as session:
            old = _handin(session, submission.student, exercise)
            if old is None or old.sha256 != submission.sha256 or (old.unsafe and not unsafe):
                return False
            return {score.task: score.version for score in old.scores} == versions

    def record(self, submission: Submission, exercise: str, graded: Graded, tasks: Sequence[Task], versions, unsafe):
        """Write what grading gave; scores of tasks that were not graded this time stay if the file is the same."""
        results = {result.task: result for result in graded.tasks}
        with self.session() as session:
            student = self._student(session, submission.student)
            row = _handin(session, submission.student, exercise)
            if row is None:
                row = Handin(student_id=student.id, exercise=exercise, sha256="", scores=[])
                session.add(row)
            fresh = row.sha256 != submission.sha256
            row.path, row.sha256 = str(submission.path), submission.sha256
            row.submitted_at, row.graded_at = submission.modified or time.time(), time.time()
            row.seconds, row.unsafe, row.problems = graded.seconds, unsafe, json.dumps(graded.problems)
            for score in row.scores:
                if score.task in results and score.essay != _clean(results[score.task].essay):
                    self._forget_marks(session, student.id, score.task)  # they were for another text
            row.scores[:] = [score for score in row.scores if score.task not in results and not fresh]
            session.flush()
            for task in tasks:
                if task.name in results:
                    row.scores.append(_score(results[task.name], task, versions[task.name]))

    def mark(self, blind: str, task: str, criterion: str, points: float, comment: str = "") -> None:
        """Write points given by hand; a later mark replaces an earlier one."""
        with self.session() as session:
            student = session.scalar(select(Student).where((Student.blind == blind) | (Student.name == blind)))
            if student is None:
                raise LookupError(f'no student has the number "{blind}"')
            session.execute(
                delete(Mark).where(Mark.student_id == student.id, Mark.task == task, Mark.criterion == criterion)
            )
            session.add(Mark(student_id=student.id, task=task, criterion=criterion, points=points, comment=comment))

    def settings(self, **values: str) -> dict[str, str]:
        """All settings, after writing `values`."""
        with self.session() as session:
            for key, value in values.items():
                session.merge(Setting(key=key, value=value))
            session.flush()
            return {row.key: row.value for row in session.scalars(select(Setting))}

    def late_rule(self, exercise: str) -> LateRule:
        """The rule on lateness for one exercise."""
        known = self.settings()
        due = known.get(f"due {exercise}", known.get("due"))
        return LateRule(
            float(due) if due else None,
            float(known.get("late_share", 0.1)),
            int(known.get("free_days", 0)),
        )

    def handins(self) -> list[Handin]:
        """Every submission with its student and scores, in order of exercise and name."""
        with self.session() as session:
            query = select(Handin).join(Student).order_by(Handin.exercise, Student.name)
            return list(session.scalars(query).unique())

    def marks(self) -> list[Mark]:
        """All marks given by hand."""
        with self.session() as session:
            return list(session.scalars(select(Mark)))

    def _forget_marks(self, session: Session, student: int, task: str) -> None:
        session.execute(delete(Mark).where(Mark.student_id == student, Mark.task == task, Mark.criterion != OVERRIDE))

    def _student(self, session: Session, name: str) -> Student:
        student = session.scalar(select(Student).where(Student.name == name))
        if student is None:
            student = Student(name=name, blind=secrets.token_hex(4))  # tells nothing, not even the order of names
            session.add(student)
            session.flush()
        return student


def _score(result: TaskResult, task: Task, version: str) -> Score:
    texts = {"words": result.words, "mistake": result.mistake, "example": result.example, "output": result.output}
    texts = {key: _clean(value) for key, value in (texts | {"essay": result.essay}).items()}
    return Score(task=result.task, version=version, share=result.share, points=task.points, **texts)


def _clean(text: str) -> str:
    """Text that a database and a browser can hold: no lone surrogates, no zero bytes, not endless."""
    return text.encode("utf-8", "replace").decode().replace("\0", "�")[:100_000]


def _handin(session: Session, name: str, exercise: str) -> Handin | None:
    query = select(Handin).join(Student).where(Student.name == name, Handin.exercise == exercise)
    return session.scalars(query).unique().first()


def _pragmas(connection, _) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=5000"):
        connection.execute(f"PRAGMA {pragma}")
