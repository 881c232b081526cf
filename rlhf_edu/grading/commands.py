"""`rlhf-edu grade`, `collect` and `submit`."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rlhf_edu.grading.classroom import Plan
    from rlhf_edu.grading.gradebook import Gradebook

Submissions = Annotated[Path, typer.Argument(help="Folder of notebooks: NAME.ipynb, or NAME/EXERCISE.ipynb.")]
Out = Annotated[Path, typer.Option(help="Folder for the gradebook, grades.csv and the reports.")]
Jobs = Annotated[int, typer.Option(min=1, max=64, metavar="N", help="Submissions graded at a time.")]
Exercise = Annotated[str, typer.Option(help="Exercise of all submissions, where the files do not say it.")]
Tasks = Annotated[list[str] | None, typer.Option("--task", help="Grade this task again (repeatable), keep the others.")]
Students = Annotated[list[str] | None, typer.Option("--student", help="Grade this student again (repeatable).")]
Due = Annotated[list[str] | None, typer.Option(help="Local time, for all or for one: 2026-12-01T23:59 or NAME=2026-…")]
LatePercent = Annotated[
    float | None, typer.Option(min=0, max=100, metavar="N", help="Percent taken off for each day late.")
]
FreeDays = Annotated[int | None, typer.Option(min=0, metavar="N", help="Days late that cost nothing.")]
Marks = Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="Filled-in essays.csv to take in.")]
Seeds = Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="The seeds.csv that `release` wrote.")]
Blind = Annotated[bool, typer.Option("--blind", help="Numbers instead of names in grades.csv and the overview.")]
Unsafe = Annotated[
    bool, typer.Option("--unsafe", help="Run without a sandbox, on your own account: only for code you trust.")
]
Exercises = Annotated[Path | None, typer.Option(exists=True, file_okay=False, help="Folder of released exercises.")]
Secret = Annotated[
    Path | None,
    typer.Option(exists=True, dir_okay=False, help="Secret behind the hidden cases; OUT/secret.key if left out."),
]
TaskSeconds = Annotated[
    float, typer.Option(min=1, metavar="S", help="Seconds for one task, where the task itself allows more.")
]
CellSeconds = Annotated[float, typer.Option(min=1, metavar="S", help="Seconds for one cell.")]
NotebookSeconds = Annotated[
    float, typer.Option(min=1, metavar="S", help="Seconds for one notebook with all its tasks.")
]
Memory = Annotated[
    int, typer.Option(min=128, metavar="MB", help="MB one submission may use besides the imported libraries.")
]


def grade_command(
    submissions: Submissions,
    out: Out,
    jobs: Jobs = 2,
    exercise: Exercise = "",
    task: Tasks = None,
    student: Students = None,
    due: Due = None,
    late_percent: LatePercent = None,
    free_days: FreeDays = None,
    marks: Marks = None,
    seeds: Seeds = None,
    blind: Blind = False,
    unsafe: Unsafe = False,
    exercises: Exercises = None,
    secret: Secret = None,
    cell_seconds: CellSeconds = 60.0,
    task_seconds: TaskSeconds = 300.0,
    notebook_seconds: NotebookSeconds = 300.0,
    memory_mb: Memory = 2048,
) -> None:
    """Grade a folder of submissions: gradebook, grades.csv, a feedback page for each student, a class overview.

    Students' code runs in a sandbox (bubblewrap) without network, home or gradebook. Run it again to go on: what is
    graded and unchanged is skipped. Essays wait in OUT/essays.csv; fill in the points and give it back with --marks.
    """
    from rlhf_edu.grading.classroom import Plan, all_tasks, secret_beside
    from rlhf_edu.grading.exercise import exercise_folder
    from rlhf_edu.grading.gradebook import Gradebook
    from rlhf_edu.grading.grades import grades, read_marks, write_csv, write_essays
    from rlhf_edu.grading.report import write_reports
    from rlhf_edu.grading.sandbox import Limits, SandboxError

    file = out / "gradebook.db"
    limits = Limits(
        memory_mb=memory_mb, cell_seconds=cell_seconds, task_seconds=task_seconds, notebook_seconds=notebook_seconds
    )
    try:
        book = Gradebook(file)
        _late_rules(book, due or [], late_percent, free_days)
        plan = Plan(
            secret.read_bytes().strip() if secret else secret_beside(file),
            exercise_folder(exercises),
            limits=limits,
            unsafe=unsafe,
            jobs=jobs,
            only_tasks=tuple(task or ()),
            only_students=tuple(student or ()),
            exercise=exercise,
            seeds=seeds,
        )
        tasks = all_tasks(plan)
        if unknown := [name for name in plan.only_tasks if name not in tasks]:
            raise ValueError(f"there is no task {', '.join(unknown)}; there are: {', '.join(tasks)}")
        if marks:
            count, wrong = read_marks(book, marks, tasks)
            typer.echo(f"{count} marks taken from {marks.name}" + "".join(f"\n  {line}" for line in wrong))
        left_out = _grade(submissions, book, plan)
    except (SandboxError, OSError, ValueError, LookupError) as error:
        typer.secho(str(error), fg="red", err=True)
        raise typer.Exit(1) from None
    all_grades = grades(book, tasks)
    write_csv(out / "grades.csv", all_grades, blind)
    essays = write_essays(out / "essays.csv", all_grades, tasks)
    write_reports(out, all_grades, tasks, blind, left_out)
    typer.echo(f"{len(all_grades)} grades in {out / 'grades.csv'}, overview in {out / 'index.html'}")
    if essays:
        typer.echo(f"{essays} essays wait: fill in {out / 'essays.csv'} and give it back with --marks")
    if unsafe:
        typer.secho("Graded without a sandbox: every report says so.", fg="yellow")


def _grade(submissions: Path, book: "Gradebook", plan: "Plan") -> list[str]:
    """Grade with a progress bar; the submissions that have no grade, each with the reason."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as ProgressBar

    from rlhf_edu.grading.classroom import grade_class
    from rlhf_edu.grading.submission import strangers

    left_out, states = [], {}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with ProgressBar(*columns) as bar:
        shown = bar.add_task("grading", total=None)
        for step in grade_class(submissions, book, plan):
            bar.update(shown, total=step.total, completed=step.done)
            states[step.state] = states.get(step.state, 0) + 1
            if step.words:
                left_out.append(f"{step.student}: {step.state}, {step.words}")
                bar.console.print(left_out[-1], markup=False, highlight=False)
    for note in strangers(submissions):
        left_out.append(note)
        typer.secho(note, fg="yellow")
    typer.echo(", ".join(f"{count} {state}" for state, count in states.items()) or f"no notebooks in {submissions}")
    return left_out


def _late_rules(book: "Gradebook", due: list[str], late_percent: float | None, free_days: int | None) -> None:
    values = {}
    for entry in due:
        name, _, moment = entry.rpartition("=")
        try:
            values[f"due {name}".strip()] = str(datetime.fromisoformat(moment).timestamp())
        except ValueError:
            raise ValueError(f'"{moment}" is not a date: write 2026-12-01T23:59') from None
    if late_percent is not None:
        values["late_share"] = str(late_percent / 100)
    if free_days is not None:
        values["free_days"] = str(free_days)
    book.settings(**values)


def submit_command(
    notebook: Annotated[Path, typer.Argument(help="Your notebook, e.g. exercises/14_rlhf_ppo.ipynb.")],
    name: Annotated[str, typer.Option(help="Your name, as your instructor knows it.")],
    student_id: Annotated[str, typer.Option("--id", help="Your student number or e-mail, if your class uses it.")] = "",
    out: Annotated[Path | None, typer.Option(help="Folder for the file; the current one if left out.")] = None,
) -> None:
    """Pack a notebook into one file to hand in: by e-mail, upload or USB stick. Save the notebook first."""
    from rlhf_edu.grading.pack import PackError, pack

    try:
        path = pack(notebook, name, student_id, out)
    except PackError as error:
        typer.secho(str(error), fg="red", err=True)
        raise typer.Exit(1) from None
    typer.echo(f"Hand in this file: {path}")


def collect_command(
    packs: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Folder of *.rlhf.zip files.")],
    out: Annotated[Path, typer.Option(help="Folder of submissions to make or add to.")],
) -> None:
    """Unpack what students handed in into one folder a student, the newest file of each, ready for `grade`."""
    from rlhf_edu.grading.pack import SUFFIX, collect

    files = [file for file in sorted(packs.rglob("*")) if not file.is_dir() and not file.name.startswith(".")]
    count, notes = collect([file for file in files if file.name.endswith(SUFFIX)], out)
    for file in files:
        if not file.name.endswith(SUFFIX) and out.resolve() not in file.resolve().parents:
            notes.append(f"{file.relative_to(packs)}: not a pack made by `rlhf-edu submit`, left out")
    for note in notes:
        typer.secho(note, fg="yellow")
    typer.echo(f"{count} notebooks in {out}; next: rlhf-edu grade {out} --out grades")
