"""Value maps: what each cell of a grid is worth, and which way a policy goes from it."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from rlhf_edu.plots.style import Picture, new_figure

ARROWS = {"←": (-1, 0), "↓": (0, 1), "→": (1, 0), "↑": (0, -1)}  # as (right, down), for an axis that points down


def value_map(
    values: np.ndarray,
    env: Any = None,
    *,
    policy: np.ndarray | None = None,
    shape: tuple[int, int] | None = None,
    actions: str = "",
    limits: tuple[float, float] | None = None,
    numbers: bool | None = None,
    title: str = "",
) -> Picture:
    """Colour each cell by its value and point an arrow along the policy; dark is low and light is high, in grey too.

    `values` holds one number a state, or a table of action values (states × actions), which then also gives the
    arrows. The grid's shape and letters come from `env` (our grids, FrozenLake, CliffWalking), or from `shape` alone.
    Ties get an arrow each. `actions` names the moves in order, "←↓→↑" unless the environment says otherwise.
    """
    values = np.asarray(values, dtype=float)
    letters, shape = layout(env, shape, len(values))
    if values.ndim == 2 and policy is None:
        policy = np.isclose(values, values.max(axis=1, keepdims=True), atol=1e-9)
    v = values.max(axis=1) if values.ndim == 2 else values
    walls = np.array([letter == "#" for letter in letters])
    ends = np.array([bool(letter in "GXH") for letter in letters])  # nothing follows there, so no value is learnt
    inside = ~walls & ~ends
    low, high = limits or span(v[inside])
    figure, (ax,) = new_figure(width=max(2.6, min(9.0, 0.72 * shape[1])), height=max(2.0, min(7.5, 0.76 * shape[0])))
    ax.grid(False)
    ax.spines[:].set_visible(False)
    ax.set(xticks=[], yticks=[], title=title)
    ax.imshow(np.where(walls, 0.27, 0.93).reshape(shape), cmap="gray", vmin=0, vmax=1)
    ax.imshow(np.ma.array(v.reshape(shape), mask=~inside.reshape(shape)), cmap="cividis", vmin=low, vmax=high)
    numbers = max(shape) <= 12 if numbers is None else numbers
    for state in np.flatnonzero(ends):
        row, col = divmod(int(state), shape[1])
        ax.text(col, row, letters[state], color="black", fontsize=13, ha="center", va="center", weight="bold")
    for state in np.flatnonzero(inside):
        row, col = divmod(int(state), shape[1])
        ink = "white" if (v[state] - low) / (high - low) < 0.55 else "black"
        if letters[state] not in " .F#":
            ax.text(col - 0.4, row - 0.4, letters[state], color=ink, fontsize=8, ha="left", va="top", weight="bold")
        if numbers:
            ax.text(col, row + 0.4, f"{v[state]:.2g}", color=ink, fontsize=7, ha="center", va="bottom")
        if policy is not None:
            draw_arrows(ax, float(col), row - 0.05, ways(policy[state], actions or moves_of(env)), ink)
    best = int(np.argmax(np.where(inside, v, -np.inf)))
    return Picture(
        figure,
        f"{title or 'Value map'}: {shape[0]} rows by {shape[1]} columns, values from {v[inside].min():.3g} to "
        f"{v[inside].max():.3g}, highest in row {best // shape[1]}, column {best % shape[1]}",
    )


def draw_arrows(ax: Axes, x: float, y: float, directions: list[str], ink: str) -> None:
    back = 0.2 if len(directions) == 1 else 0.0  # a lone arrow is centred, several start from the middle
    for way in directions:
        dx, dy = ARROWS[way]
        style = dict(arrowstyle="-|>", color=ink, linewidth=1.2, shrinkA=0, shrinkB=0)
        tip = 0.3 - 0.4 * back
        ax.annotate("", (x + tip * dx, y + tip * dy), (x - back * dx, y - back * dy), arrowprops=style)


def span(v: np.ndarray) -> tuple[float, float]:
    low, high = (float(v.min()), float(v.max())) if len(v) else (0.0, 0.0)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def layout(env: Any, shape: tuple[int, int] | None, n_states: int) -> tuple[list[str], tuple[int, int]]:
    """The letters of a grid, row by row, and its shape."""
    inner = getattr(env, "unwrapped", None)
    rows = getattr(inner, "rows", None)
    desc = getattr(inner, "desc", None)  # FrozenLake keeps its map as bytes
    if rows is None and desc is not None:
        rows = ["".join(letter.decode() for letter in row) for row in desc]
    if shape is None:
        shape = (len(rows), len(rows[0])) if rows else getattr(inner, "shape", None)
    if shape is None or shape[0] * shape[1] != n_states:
        raise ValueError(
            f"there are {n_states} values for a grid of shape {shape}: give one value a cell, and the env or the shape"
        )
    letters = list("".join(rows)) if rows else [" "] * n_states
    if not rows and type(inner).__name__ == "CliffWalkingEnv":
        letters[36:48] = "SXXXXXXXXXXG"
    return letters, (int(shape[0]), int(shape[1]))


def moves_of(env: Any) -> str:
    return "↑→↓←" if type(getattr(env, "unwrapped", None)).__name__ == "CliffWalkingEnv" else "←↓→↑"


def ways(choice: Any, actions: str) -> list[str]:
    """The arrows of one state: from an action's number, from probabilities, or from a mask of equally good actions."""
    choice = np.asarray(choice)
    if choice.ndim == 0:
        return [actions[int(choice)]]
    if choice.all() and choice.dtype == bool:
        return []  # nothing learnt here yet: every action looks alike
    return [actions[i] for i in np.flatnonzero(choice >= choice.max() - 1e-9)]
