"""`rlhf-edu release`, as registered in `rlhf_edu.cli`."""

from pathlib import Path
from typing import Annotated

import typer


def release_command(
    which: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NN]...", help="Lessons and exercises by number or name; all if none."),
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Build nothing; fail when a notebook is stale.")] = False,
    seed_per_student: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Give each student named in FILE (one a line, or a CSV file) other numbers for the same tasks: writes "
            "OUT/STUDENT/NN_topic.ipynb, and OUT/seeds.csv, which the grader needs.",
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Where the copies of --seed-per-student go.")] = Path("released"),
) -> None:
    """Build the notebooks from their sources: lessons, solutions, and exercises without solutions or hidden tests."""
    from rlhf_edu.grading.cells import ReleaseError
    from rlhf_edu.grading.release import find_root, read_students, release, release_per_student

    try:
        root = find_root()
        if seed_per_student is not None:
            students = read_students(seed_per_student)
            written = release_per_student(root, which or [], students, out)
            typer.echo(f"{len(written)} notebooks for {len(students)} students in {out}; keep {out / 'seeds.csv'}")
            return
        states = release(root, which or [], check)
    except (ReleaseError, OSError) as error:
        typer.echo(f"rlhf-edu release: {error}", err=True)
        raise typer.Exit(2) from None
    bad = 0
    for path, state in states:
        if state != "fresh":
            typer.echo(f"{state:<7}{path.relative_to(root)}")
        bad += state in ("stale", "orphan") and check
    if bad:
        typer.echo("run `rlhf-edu release` to build the stale ones, delete the orphans, and commit", err=True)
        raise typer.Exit(1)
    if all(state == "fresh" for _, state in states):
        typer.echo(f"{len(states)} notebooks are up to date")
