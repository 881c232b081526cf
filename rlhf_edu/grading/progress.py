"""How far you have come: a small file on your own machine, and a picture of it."""

import json
import os
import sys
import tempfile
import time
from html import escape
from pathlib import Path
from typing import Any

from rlhf_edu.grading.task import Task, Verdict

PARTS = {
    "Start": range(0, 1),
    "Reinforcement learning": range(1, 6),
    "Language models": range(6, 8),
    "Human feedback": range(8, 14),
    "RLHF": range(14, 21),
    "Applications": range(21, 24),
    "Frontier": range(24, 28),
}


def path() -> Path:
    """Where progress is kept: `$RLHF_EDU_PROGRESS`, else `progress.json` in the user's data directory."""
    chosen = os.environ.get("RLHF_EDU_PROGRESS", "")
    if chosen:
        return Path(chosen).expanduser()
    from platformdirs import user_data_dir

    return Path(user_data_dir("rlhf-edu", appauthor=False)) / "progress.json"


def load() -> dict[str, dict[str, Any]]:
    """What is known of each task tried so far: {"gae": {"score": 1.0, "tries": 3, "when": …}}.

    A file that cannot be read is set aside, never overwritten.
    """
    file = path()
    try:
        known = json.loads(file.read_text(encoding="utf-8"))
        return {str(k): dict(v) for k, v in known["tasks"].items()}
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError):
        aside = file.with_name(f"{file.name}.unreadable-{int(time.time())}")
        os.replace(file, aside)
        print(f"your progress file could not be read; it is kept as {aside}, and a new one begins", file=sys.stderr)
        return {}
    except OSError:
        return {}


def record(task: Task, verdict: Verdict) -> int:
    """Note a verdict; the number of tries so far that went wrong (an answer not yet written is no try)."""
    known = load()
    entry = known.setdefault(task.name, {"score": 0.0, "tries": 0})
    if verdict.mistake == "missing":
        return int(entry.get("tries", 0))
    if verdict.score < 1:
        entry["tries"] = int(entry.get("tries", 0)) + 1
    entry["score"] = max(float(entry.get("score", 0.0)), verdict.score)
    entry["when"] = time.strftime("%Y-%m-%dT%H:%M:%S")
    _save(known)
    return int(entry["tries"])


def _save(known: dict) -> None:
    """Write to a new file and move it into place, so that a crash or a second notebook never leaves half a file."""
    file = path()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, new = tempfile.mkstemp(dir=file.parent, suffix=".tmp")
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            json.dump({"version": 1, "tasks": known}, out, indent=1)
        os.replace(new, file)
    except OSError as error:
        print(f"progress could not be saved in {file} ({error.strerror}); checks work all the same", file=sys.stderr)


def in_notebook() -> bool:
    """Whether this runs in a Jupyter kernel (a terminal IPython has no use for HTML)."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return shell is not None and getattr(shell, "kernel", None) is not None


def present(html: Any, text: Any) -> None:
    """Display `html()` (with `text()` for front ends that show none) in a notebook, print `text()` elsewhere."""
    if in_notebook():
        from IPython.display import display

        display({"text/html": html(), "text/plain": text()}, raw=True)
    else:
        print(text())


def summary() -> list[dict[str, Any]]:
    """One row a part of the course that has tasks: part, points, of, done, tasks (name, title, state)."""
    from rlhf_edu.grading import tasks

    known, rows = load(), []
    for part, numbers in PARTS.items():
        here = [t for e in tasks.exercises() if int(e[:2]) in numbers for t in tasks.of_exercise(e)]
        if not here:
            continue
        scores = {t.name: float(known.get(t.name, {}).get("score", 0.0)) for t in here}
        rows.append(
            {
                "part": part,
                "points": sum(scores[t.name] * t.points for t in here if t.kind != "essay"),
                "of": sum(t.points for t in here),
                "done": sum(scores[t.name] == 1 for t in here),
                "tasks": [
                    (t.name, t.title, "done" if scores[t.name] == 1 else "tried" if t.name in known else "open")
                    for t in here
                ],
            }
        )
    return rows


NOTE = "Points so far count what visible checks show; hidden checks and essays are added when your work is graded."


def as_text(rows: list[dict[str, Any]]) -> str:
    """The picture in characters: a bar a part, a sign a task."""
    lines = []
    for row in rows:
        filled = round(20 * row["points"] / row["of"])
        bar = "█" * filled + "░" * (20 - filled)
        points = f"{row['points']:g} of {row['of']:g} points, {row['done']} of {len(row['tasks'])} tasks"
        lines.append(f"{row['part']:<23}{bar} {points}")
        lines += [f"   {SIGNS[state]} {name}: {title}" for name, title, state in row["tasks"]]
    return "\n".join([*lines, NOTE])


SIGNS = {"done": "✓", "tried": "◐", "open": "○"}
SHADES = {"done": "#1b7837", "tried": "#f0b849", "open": "#e3e3e3"}


def as_html(rows: list[dict[str, Any]]) -> str:
    """The picture for a notebook: a row a part, a box a task, darker and ticked when done (readable in grey)."""
    cells = []
    for row in rows:
        boxes = "".join(_box(*task) for task in row["tasks"])
        share = 100 * row["points"] / row["of"]
        bar = (
            f"<div role='img' aria-label='{share:.0f} percent' style='background:#e3e3e3;width:160px;height:10px'>"
            f"<div style='background:#1b7837;width:{share:.0f}%;height:10px'></div></div>"
        )
        points = f"{row['points']:g} of {row['of']:g} points<br>{row['done']} of {len(row['tasks'])} tasks"
        cells.append(
            f"<tr><th style='text-align:left'>{escape(row['part'])}</th><td>{bar}</td>"
            f"<td style='text-align:left;white-space:nowrap'>{points}</td><td style='text-align:left'>{boxes}</td></tr>"
        )
    return f"<table>{''.join(cells)}</table><small>{NOTE}</small>"


def _box(name: str, title: str, state: str) -> str:
    colours = f"background:{SHADES[state]};color:{'#fff' if state == 'done' else '#222'}"
    style = f"display:inline-block;margin:2px;padding:3px 8px;border-radius:3px;{colours}"
    return f"<span title='{escape(title, quote=True)}: {state}' style='{style}'>{SIGNS[state]} {escape(name)}</span>"


def progress() -> None:
    """Show your progress: tasks done and points so far, for each part of the course."""
    rows = summary()
    present(lambda: as_html(rows), lambda: as_text(rows))
