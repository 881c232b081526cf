"""What an instructor and the students get to see: a page for each student, an overview of the class, essays to mark."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean, median

from rlhf_edu.grading.grades import Grade, TaskGrade, when
from rlhf_edu.grading.page import Safe, bar, figure, h, histogram, number, page, table
from rlhf_edu.grading.task import Task


def write_reports(
    out: Path, grades: Sequence[Grade], tasks: Mapping[str, Task], blind: bool = False, left_out: Sequence[str] = ()
) -> None:
    """Write `index.html`, `essays.html` and `feedback/*.html` into `out`; with `blind`, no names in the overview."""
    feedback = out / "feedback"
    feedback.mkdir(parents=True, exist_ok=True)
    students: dict[str, list[Grade]] = {}
    for grade in grades:
        students.setdefault(grade.blind, []).append(grade)
    for old in {p.name for p in feedback.glob("*.html")} - {file_name(theirs[0]) for theirs in students.values()}:
        (feedback / old).unlink()
    for theirs in students.values():
        (feedback / file_name(theirs[0])).write_text(student_page(theirs), encoding="utf-8")
    (out / "index.html").write_text(overview(grades, blind, left_out), encoding="utf-8")
    (out / "essays.html").write_text(essay_page(grades, tasks), encoding="utf-8")


def file_name(grade: Grade) -> str:
    """A file name for a student's page that no name can break out of."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "_", grade.student).strip("_")[:60]
    return f"{plain or 'student'}-{grade.blind}.html"


def student_page(grades: Sequence[Grade]) -> str:
    """The feedback for one student: every exercise, every task, what went well and what did not."""
    parts: list[str] = [f"<h1>Feedback for {h(grades[0].student)}</h1>"]
    for grade in grades:
        parts.append(f"<h2>{h(grade.exercise)}</h2>")
        total = f"{number(grade.total)} of {number(grade.out_of)}"
        parts.append(f"<div class=numbers>{figure('points' + (' so far' if grade.waiting else ''), total)}")
        right = sum(task.points >= task.out_of for task in grade.tasks)
        parts.append(f"{figure('tasks with full points', f'{right} of {len(grade.tasks)}')}")
        parts.append(f"{figure('late', f'{grade.days_late} days') if grade.days_late else ''}</div>")
        if grade.penalty:
            lost = number(grade.raw - grade.total)
            parts.append(f"<p class=soft>{lost} points taken off for lateness ({grade.penalty:.0%}).</p>")
        parts += [_task_card(task) for task in grade.tasks]
        if grade.problems:
            notes = "".join(f"<li>{h(problem)}</li>" for problem in grade.problems)
            parts.append(f"<div class=card><h3>About your file</h3><ul>{notes}</ul></div>")
        handed = f"Handed in {when(grade.submitted_at)}, file {grade.sha256[:12]}."
        parts.append(f"<p class=soft>{h(handed)} Hidden cases are not shown.</p>")
    return page(f"Feedback for {grades[0].student}", *parts, unsafe=any(grade.unsafe for grade in grades))


def _task_card(task: TaskGrade) -> str:
    share = task.points / task.out_of
    state = "wait" if task.waiting else "good" if share >= 1 else "part" if share > 0 else "bad"
    mark = {"wait": "…", "good": "✓", "part": "◐", "bad": "✗"}[state]
    points = "to be marked" if task.waiting else f"{number(task.points)} of {number(task.out_of)}"
    parts = [f"<div class='card {state}'><div class=head><h3>{mark} {h(task.title)}</h3>"]
    parts.append(f"<span class=points>{h(points)}</span></div>")
    words = task.words[:1].upper() + task.words[1:]
    parts.append(f"<p>{h(words)}</p>")
    if task.by_hand:
        parts.append("<p class=soft>Marked by a person.</p>")
    parts += [f"<p class=soft>{h(comment)}</p>" for comment in task.comments]
    if task.example:
        parts.append(f"<pre>{h(task.example)}</pre>")
    if task.output.strip():
        parts.append(f"<details><summary>What your cell printed</summary><pre>{h(task.output)}</pre></details>")
    if task.essay.strip():
        parts.append(f"<details><summary>Your text</summary><p class=essay>{h(task.essay)}</p></details>")
    return "".join(parts) + "</div>"


def overview(grades: Sequence[Grade], blind: bool = False, left_out: Sequence[str] = ()) -> str:
    """The class on one page: how it went, which tasks and which named mistakes cost most, who got what."""
    parts: list[str] = ["<h1>Class overview</h1>"]
    exercises = list(dict.fromkeys(grade.exercise for grade in grades))
    for exercise in exercises:
        mine = [grade for grade in grades if grade.exercise == exercise]
        parts += [f"<h2>{h(exercise)}</h2>", *_exercise(mine, blind)]
    if not grades:
        parts.append("<p>Nothing has been graded yet.</p>")
    if left_out:
        notes = "".join(f"<li>{h(words)}</li>" for words in left_out)
        parts.append(f"<h2>Not graded</h2><div class='card bad'><ul>{notes}</ul></div>")
    return page("Class overview", *parts, unsafe=any(grade.unsafe for grade in grades))


def _exercise(grades: Sequence[Grade], blind: bool) -> list[str]:
    shares = [grade.total / grade.out_of if grade.out_of else 0.0 for grade in grades]
    waiting = sum(grade.waiting for grade in grades)
    so_far = " so far" if waiting else ""
    unreadable = sum(all(task.mistake == "unreadable" for task in grade.tasks) for grade in grades)
    numbers = [figure("submissions", len(grades)), figure("mean" + so_far, f"{mean(shares):.0%}")]
    numbers += [figure("median" + so_far, f"{median(shares):.0%}"), figure("unreadable files", unreadable)]
    numbers += [figure("late", sum(g.days_late > 0 for g in grades)), figure("essays to mark", waiting)]
    parts = [f"<div class=numbers>{''.join(numbers)}</div>", f"<div class=card>{histogram(shares)}</div>"]
    if waiting:
        parts.append('<p class=soft>Essays wait in <a href="essays.html">essays.html</a> and essays.csv.</p>')
    lost, by_mistake, named = _losses(grades)
    rows = []
    for task, (title, points, out_of) in lost.items():
        share = 1 - points / out_of if out_of else 0.0
        rows.append([title, task, bar(share, f"{share:.0%} of the points"), f"{share:.0%}", number(points)])
    rows.sort(key=lambda row: -float(row[-1]))
    parts += ["<h2>Tasks, the costliest first</h2>"]
    parts.append(table(["task", "name", "class", "reached", "points lost"], rows, numeric=(3, 4)))
    if by_mistake:
        rows = [
            [mistake, task, named[task, mistake][0], named[task, mistake][1], number(points)]
            for (task, mistake), points in sorted(by_mistake.items(), key=lambda item: -item[1])[:15]
        ]
        head = ["mistake", "task", "in words", "students", "points lost"]
        parts += ["<h2>Mistakes that cost most</h2>", table(head, rows, numeric=(3, 4))]
    return [*parts, "<h2>Students</h2>", _students(grades, blind)]


def _losses(grades: Sequence[Grade]):
    lost: dict[str, tuple[str, float, float]] = {}
    by_mistake: dict[tuple[str, str], float] = {}
    named: dict[tuple[str, str], tuple[str, int]] = {}
    for task in (task for grade in grades for task in grade.tasks if not task.waiting):
        title, points, out_of = lost.get(task.task, (task.title, 0.0, 0.0))
        lost[task.task] = (title, points + task.out_of - task.points, out_of + task.out_of)
        if task.mistake and task.mistake != "unreadable" and task.points < task.out_of:
            key = task.task, task.mistake
            by_mistake[key] = by_mistake.get(key, 0.0) + task.out_of - task.points
            named[key] = (named.get(key, (task.words, 0))[0], named.get(key, ("", 0))[1] + 1)
    return lost, by_mistake, named


def _students(grades: Sequence[Grade], blind: bool) -> Safe:
    rows = []
    for grade in sorted(grades, key=lambda g: g.blind) if blind else grades:
        share = grade.total / grade.out_of if grade.out_of else 0.0
        link = Safe(f'<a href="feedback/{h(file_name(grade))}">{h(grade.student)}</a>')
        notes = [f"{grade.days_late} days late"] if grade.days_late else []
        notes += ["essay to mark"] if grade.waiting else []
        notes += [f"{len(grade.problems)} notes"] if grade.problems and blind else []
        notes += [] if blind else grade.problems
        more = [f"and {len(notes) - 6} more"] if notes[6:] else []
        shown = Safe("<br>".join(h(note) for note in notes[:6] + more))
        points = f"{number(grade.total)} / {number(grade.out_of)}"
        rows.append([grade.blind if blind else link, points, bar(share, f"{share:.0%}", 80), shown])
    return table(["number" if blind else "student", "points", "", "notes"], rows, numeric=(1,))


def essay_page(grades: Sequence[Grade], tasks: Mapping[str, Task]) -> str:
    """The texts that wait for a person, under blind numbers, each with the rubric."""
    waiting = [(task.task, grade.blind, task) for grade in grades for task in grade.tasks if task.waiting]
    waiting.sort(key=lambda entry: entry[:2])
    parts = [f"<h1>Essays to mark: {len(waiting)}</h1>"]
    parts.append("<p class=soft>Write the points into essays.csv, then run the same command with --marks.</p>")
    for name, blind, task in waiting:
        rubric = tasks[name].rubric or {name: task.out_of}
        rows = [[criterion, number(points)] for criterion, points in rubric.items()]
        parts.append(f"<div class=card><div class=head><h3>{h(task.title)}</h3><span class=tag>{h(blind)}</span></div>")
        parts.append(f"<p class=essay>{h(task.essay)}</p>{table(['criterion', 'points'], rows, numeric=(1,))}</div>")
    return page("Essays to mark", *parts, unsafe=any(grade.unsafe for grade in grades))
