"""`check("gae")`: is my answer right, and if not, why not? In a notebook, in a script, offline."""

import os
import re
import secrets
import sys
import zlib
from collections.abc import Mapping
from functools import partial
from html import escape
from typing import Any

import numpy as np

from rlhf_edu.grading import tasks
from rlhf_edu.grading.own_work import fingerprint
from rlhf_edu.grading.progress import present, record
from rlhf_edu.grading.student import LocalStudent
from rlhf_edu.grading.task import Task, Verdict

TRIES_BEFORE_HINT = 2


def check(name: str, hidden: bool = False, namespace: Mapping[str, Any] | None = None) -> float | None:
    """Look at your answer to the task `name`, found among the names of whoever calls, and say what is right or wrong.

    Visible checks always draw the same cases; `hidden=True` draws others from a fresh seed, shows none of them, raises
    AssertionError without points and returns the points for a partly right answer (nbgrader reads both).
    """
    task = tasks.find(name)
    if namespace is None:
        namespace = _names_of_caller()
    if hidden:
        return _graded(task, judged(task, namespace, seed=secrets.randbits(64), hidden=True))
    verdict = judged(task, namespace, seed=zlib.crc32(name.encode()))
    graded_elsewhere = bool(os.environ.get("NBGRADER_EXECUTION"))
    tries = 0 if graded_elsewhere else record(task, verdict)
    show(task, verdict, tries)
    if graded_elsewhere and verdict.score == 0 and task.kind != "essay":
        raise AssertionError(f"{name}: {verdict.words}")
    return None


def _names_of_caller() -> dict[str, Any]:
    """The names where `check` was called, past the wrappers that a run-time type checker may have put around it."""
    frame = sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").split(".")[0] in ("rlhf_edu", "jaxtyping", "beartype"):
        frame = frame.f_back
    return {**frame.f_globals, **frame.f_locals}


def judged(task: Task, namespace: Mapping[str, Any], seed: int, hidden: bool = False) -> Verdict:
    """The verdict on the answer in `namespace`, run in this process."""
    student = LocalStudent(namespace, task.forbidden, originals(task))
    return task.judge(student, np.random.default_rng(seed), hidden)


def originals(task: Task) -> frozenset[str]:
    """Fingerprints of the functions that a student's answer may not be a copy of: the judge's oracle."""
    oracle = getattr(task.judge, "oracle", None)
    return frozenset({fingerprint(oracle)} - {""}) if oracle else frozenset()


def _graded(task: Task, verdict: Verdict) -> float | None:
    if task.kind == "essay" or verdict.score == 1:
        return None
    if verdict.score == 0:
        raise AssertionError(f"{task.name}: {verdict.words}")
    return round(verdict.score * task.points, 2)


def headline(task: Task, verdict: Verdict) -> str:
    """The verdict in one line."""
    if verdict.score == 1 and task.kind == "essay":
        return f"{task.name}: {verdict.words}."
    if verdict.score == 1:
        return f"{task.name}: visible checks passed; hidden ones run when graded."
    if verdict.mistake == "missing":
        return f"{verdict.words}." if f"`{task.name}`" in verdict.words else f"{task.name}: {verdict.words}."
    words = verdict.words.rstrip(".")
    return f"{task.name}: not yet. {words[:1].upper()}{words[1:]}{'' if words.endswith('?') else '.'}"


def hints_due(task: Task, verdict: Verdict, tries: int) -> tuple[str, ...]:
    """The hints to offer: one after two failed tries, one more with each further try."""
    if verdict.score == 1 or verdict.mistake == "missing":
        return ()
    return task.hints[: max(0, tries - TRIES_BEFORE_HINT + 1)]


def as_text(task: Task, verdict: Verdict, tries: int) -> str:
    """The verdict for a terminal."""
    mark = {True: "✓", False: "…" if verdict.mistake == "missing" else "✗"}[verdict.score == 1]
    lines = [f"{mark} {headline(task, verdict)}"]
    if 0 < verdict.score < 1:
        lines.append(f"  worth {verdict.score * task.points:g} of {task.points:g} points as it stands")
    lines += [f"    {line}" for line in verdict.example.splitlines()]
    lines += [f"  hint {i + 1}: {hint}" for i, hint in enumerate(hints_due(task, verdict, tries))]
    return "\n".join(lines)


COLOURS = {"right": ("#1b7837", "#edf7ee", "✓"), "wrong": ("#b2182b", "#fdf0ee", "✗"), "open": ("#666", "#f4f4f4", "…")}


def _code(words: str) -> str:
    """Words as HTML, with what stands between backticks set as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(words))


def as_html(task: Task, verdict: Verdict, tries: int) -> str:
    """The verdict for a notebook: the same words, the example in a box, hints folded."""
    state = "right" if verdict.score == 1 else "open" if verdict.mistake == "missing" else "wrong"
    edge, ground, mark = COLOURS[state]
    parts = [f"<b style='color:{edge}'>{mark}</b> {_code(headline(task, verdict))}"]
    if 0 < verdict.score < 1:
        parts.append(f"<br><small>worth {verdict.score * task.points:g} of {task.points:g} points as it stands</small>")
    if verdict.example:
        style = "margin:6px 0 0;padding:6px 10px;background:#fff;color:#222;overflow-x:auto;line-height:1.35"
        parts.append(f"<pre style='{style}'>{escape(verdict.example)}</pre>")
    for i, hint in enumerate(hints_due(task, verdict, tries)):
        style = "margin-top:6px;cursor:pointer"
        parts.append(f"<details style='{style}'><summary>Hint {i + 1}</summary>{_code(hint)}</details>")
    box = f"border-left:4px solid {edge};background:{ground};color:#222;padding:8px 12px;border-radius:3px"
    return f"<div role='status' style='{box}'>{''.join(parts)}</div>"


def show(task: Task, verdict: Verdict, tries: int) -> None:
    """Show the verdict: HTML in a notebook, text elsewhere."""
    present(partial(as_html, task, verdict, tries), partial(as_text, task, verdict, tries))
