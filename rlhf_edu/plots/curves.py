"""Learning curves over several seeds: the median and the middle half."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from rlhf_edu.plots.style import COLOURS, DASHES, Picture, label_ends, new_figure

History = Sequence[Mapping]
# What a record's keys measure, for the axes.
NAMES = {
    "ret": "return an episode",
    "step": "environment steps",
    "steps": "steps an episode",
    "episode": "episode",
    "iteration": "iteration",
    "sweep": "sweep",
    "loss": "loss",
    "q_loss": "loss of Q",
    "v_loss": "loss of V",
    "imitation_loss": "loss of imitation",
    "kl": "KL (nats)",
    "kl_nats": "KL (nats)",
    "entropy": "entropy (nats)",
    "clip_fraction": "share of clipped samples",
    "explained_variance": "explained variance",
    "seconds": "time (s)",
}


def curves(
    runs: Mapping[str, Sequence[History] | History],
    key: str = "ret",
    x: str = "step",
    *,
    smooth: float = 0.05,
    best: float | None = None,
    limits: tuple[float, float] | None = None,
    exact: bool = False,
    title: str = "",
) -> Picture:
    """Draw `key` over `x` for each named group of histories: the median over seeds, and the middle half as a band.

    `runs` maps a name to the histories of its seeds (or to one history). Each history is averaged over a window of
    `smooth` times the length of the axis (0: its points are joined as they are); `best` draws the ceiling to read the curves against; `limits` cuts the
    vertical axis. Labels say how many seeds there were, unless the runs are `exact`: then no chance is in them.
    """
    if not runs:
        raise ValueError("there are no runs to draw: give a dict of name → histories")
    groups = {name: as_group(name, group) for name, group in runs.items()}
    points = {name: [series(name, history, x, key) for history in group] for name, group in groups.items()}
    last = max(xs[-1] for group in points.values() for xs, _ in group)
    figure, (ax,) = new_figure()
    ends = []
    for i, (name, group) in enumerate(points.items()):
        first = max(xs[0] for xs, _ in group)
        end = min(xs[-1] for xs, _ in group)
        grid = np.linspace(first, end, 200)
        lines = np.stack(
            [smoothed(xs, ys, grid, smooth * last) if smooth else np.interp(grid, xs, ys) for xs, ys in group]
        )
        low, middle, high = np.percentile(lines, [25, 50, 75], axis=0)
        colour = COLOURS[i % len(COLOURS)]
        ax.fill_between(grid, low, high, color=colour, alpha=0.2, linewidth=0)
        ax.plot(grid, middle, color=colour, linestyle=DASHES[i % len(DASHES)], linewidth=1.8)
        ends.append((end, middle[-1], name if exact else f"{name} ({seeds(len(group))})", colour))
    if best is not None:
        ax.axhline(best, color="0.4", linewidth=1, linestyle=(0, (1, 3)))
        ends.append((last, best, "best possible", "0.3"))
    ax.set(xlabel=NAMES.get(x, x), ylabel=NAMES.get(key, key), title=title)
    if limits:
        ax.set_ylim(limits)
    label_ends(ax, ends)
    summary = "; ".join(f"{name} ends at {y:.3g}" for _, y, name, _ in ends)
    return Picture(figure, f"{title or 'Learning curves'}: {NAMES.get(key, key)} over {NAMES.get(x, x)}. {summary}.")


def seeds(n: int) -> str:
    return "one seed" if n == 1 else f"{n} seeds"


def as_group(name: str, group: Sequence) -> list[History]:
    group = [group] if len(group) and isinstance(group[0], Mapping) else list(group)
    if not group or not all(len(history) for history in group):
        raise ValueError(f"{name!r} holds no records: train first, for example with history = run.run()")
    return group


def series(name: str, history: History, x: str, key: str) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """The points of one history; records where `key` is not a number (no episode ended yet) are left out."""
    for wanted in (x, key):
        if wanted not in history[0]:
            raise ValueError(f"the records of {name!r} have no {wanted!r}; they have {', '.join(history[0])}")
    points = np.array([(record[x], record[key]) for record in history], dtype=float)
    points = points[np.isfinite(points).all(axis=1)]
    if not len(points):
        raise ValueError(f"{key!r} is never a number in the records of {name!r}: train for longer")
    return points[:, 0], points[:, 1]


def smoothed(
    xs: Float[np.ndarray, " n"], ys: Float[np.ndarray, " n"], grid: Float[np.ndarray, " m"], width: float
) -> Float[np.ndarray, " m"]:
    """Mean of the points within `width` before each grid point; the latest earlier point where there are none."""
    total = np.concatenate([[0.0], np.cumsum(ys)])
    stop = np.maximum(np.searchsorted(xs, grid, side="right"), 1)
    start = np.minimum(np.searchsorted(xs, grid - width, side="left"), stop - 1)
    return (total[stop] - total[start]) / (stop - start)
