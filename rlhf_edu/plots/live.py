"""Watch a run while it trains: a moving curve in a notebook, a moving line of text anywhere else."""

import sys
import time
from collections.abc import Iterable, Iterator

import numpy as np

from rlhf_edu.core import Run
from rlhf_edu.plots.curves import NAMES, smoothed
from rlhf_edu.plots.style import COLOURS, Picture, new_figure

FEW = 60  # records


def watch(run: Iterable[dict], *keys: str, x: str = "", every: float = 0.3) -> Run:
    """Hand on every record of a run, and show the named keys as they move, at most once in `every` seconds.

    for record in watch(dqn(...), "ret", "loss"): ...      train and watch; break stops the run
    history = watch(dqn(...), "ret").run()                 train to the end

    `x` is the record's key for the horizontal axis (the first of step, episode, iteration, sweep unless you say).
    """
    return Run(f"watch({getattr(run, 'name', 'run')})", follow(run, keys, x, every))


def follow(run: Iterable[dict], keys: tuple[str, ...], x: str, every: float) -> Iterator[dict]:
    shown, screen, last = [], screen_of_this_place(), 0.0
    try:
        for record in run:
            if not shown:
                keys, x = keys or numbers_in(record), x or first_known(record)
                check_keys(record, (*keys, *([x] if x else [])))
            shown.append([float(record.get(name, len(shown) if name == x else np.nan)) for name in (x, *keys)])
            if time.monotonic() - last > every:
                screen.show(shown, keys, x)
                last = time.monotonic()
            yield record
    finally:  # reached at the end, after an error, and when the reader breaks out of the loop
        if shown:
            screen.show(shown, keys, x, final=True)
        close = getattr(run, "close", None)
        if close:
            close()


def numbers_in(record: dict) -> tuple[str, ...]:
    return ("ret",) if "ret" in record else tuple(k for k, v in record.items() if isinstance(v, float))[:1]


def first_known(record: dict) -> str:
    return next((name for name in ("step", "episode", "iteration", "sweep") if name in record), "")


def check_keys(record: dict, keys: tuple[str, ...]) -> None:
    for key in keys:
        if key not in record:
            raise ValueError(f"there is no {key!r} to watch in this run's records; they have {', '.join(record)}")


def screen_of_this_place() -> "NotebookScreen | TextScreen":
    """A notebook gets pictures; everything else a line of text."""
    if "IPython" in sys.modules:
        from IPython.core.getipython import get_ipython

        if getattr(get_ipython(), "kernel", None) is not None:
            return NotebookScreen()
    return TextScreen()


class NotebookScreen:
    """One picture under the cell, replaced in place."""

    def __init__(self):
        self.handle = None

    def show(self, shown: list[list[float]], keys: tuple[str, ...], x: str, final: bool = False) -> None:
        from IPython.display import display

        picture = draw(shown, keys, x)
        if self.handle is None:
            self.handle = display(picture, display_id=True)
        else:
            self.handle.update(picture)


class TextScreen:
    """One line on the terminal, rewritten in place; where nobody looks (a pipe, a test), only the last one."""

    def show(self, shown: list[list[float]], keys: tuple[str, ...], x: str, final: bool = False) -> None:
        if not (final or sys.stderr.isatty()):
            return
        recent = np.array(shown[-100:], dtype=float)
        values = [f"{key} {finite_mean(recent[:, i + 1]):.4g}" for i, key in enumerate(keys)]
        line = f"{x or 'record'} {shown[-1][0]:g}   " + "   ".join(values)
        sys.stderr.write(("\r\x1b[K" if sys.stderr.isatty() else "") + line + ("\n" if final else ""))
        sys.stderr.flush()


def finite_mean(values: np.ndarray) -> float:
    values = values[np.isfinite(values)]
    return float(values.mean()) if len(values) else float("nan")


def draw(shown: list[list[float]], keys: tuple[str, ...], x: str) -> Picture:
    """Every record as a pale dot, and a line: the mean of the last twentieth of the axis, or, of FEW records, themselves."""
    table = np.array(shown, dtype=float)
    figure, axes = new_figure(len(keys), width=6.0 if len(keys) == 1 else 4.2, height=3.0)
    for i, (ax, key) in enumerate(zip(axes, keys, strict=True)):
        ok = np.isfinite(table[:, i + 1])
        xs, ys, colour = table[ok, 0], table[ok, i + 1], COLOURS[i % len(COLOURS)]
        thin = slice(None, None, max(1, len(xs) // 1000))
        ax.plot(xs[thin], ys[thin], ".", color=colour, alpha=0.25, markersize=3)
        if 0 < len(xs) <= FEW:  # a mean over a twentieth would be a staircase
            ax.plot(xs, ys, color=colour, linewidth=1.8)
        elif len(xs):
            grid = np.linspace(xs[0], xs[-1], 200)
            ax.plot(grid, smoothed(xs, ys, grid, 0.05 * xs[-1]), color=colour, linewidth=1.8)
        # Only runs with episodes count steps of an environment; fitting and fine-tuning have steps of their own.
        plain = x == "step" and "ret" not in keys
        ax.set(xlabel=x if plain else NAMES.get(x, x or "record"), ylabel=NAMES.get(key, key))
        ax.locator_params(axis="x", integer=True)  # there is no half step
    latest = ", ".join(f"{key} {finite_mean(table[-100:, i + 1]):.3g}" for i, key in enumerate(keys))
    return Picture(figure, f"Live curves up to {x or 'record'} {table[-1, 0]:g}: {latest} (mean of the last records)")
