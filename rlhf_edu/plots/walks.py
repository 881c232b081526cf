"""Walks on a graph: nodes in columns by how far the goal is, steps as lines whose width says how often they are taken."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from rlhf_edu.plots.style import COLOURS, Picture, new_figure

if TYPE_CHECKING:
    from rlhf_edu.envs.graph import WalkGraph


def count_steps(walks: Iterable[Sequence[int]], n_nodes: int) -> Float[np.ndarray, "nodes nodes"]:
    """How often each step (from, to) occurs in `walks`. Nodes that the graph does not have, as −1, are left out."""
    counts = np.zeros((n_nodes, n_nodes))
    for walk in walks:
        for a, b in pairwise(walk):
            if 0 <= a < n_nodes and 0 <= b < n_nodes:
                counts[a, b] += 1
    return counts


def walk_map(
    graph: "WalkGraph",
    steps: Float[np.ndarray, "nodes nodes"],
    values: Float[np.ndarray, " nodes"] | None = None,
    *,
    marked: Sequence[int] = (),
    title: str = "",
) -> Picture:
    """The graph with the goal on the right, each node one column further left for each move it is away.

    `steps[a, b]` says how often b follows a: blue where an edge leads, vermilion and dotted where none does. `values` are
    written under the nodes; `marked` nodes get a ring.
    """
    if steps.shape != graph.edges.shape:
        raise ValueError(
            f"steps have shape {steps.shape}, but the graph needs {graph.edges.shape}: count_steps makes it"
        )
    places = _places(graph.distances)
    figure, (ax,) = new_figure(width=8.5, height=3.9)
    ax.axis("off")
    for a, b in np.argwhere(graph.edges):
        _arrow(ax, places[a], places[b], color="0.88", linewidth=0.8)
    share = steps / max(steps.max(), 1e-12)
    for a, b in np.argwhere(share > 0.004):
        real = bool(graph.edges[a, b])
        how = dict(color=COLOURS[0]) if real else dict(color=COLOURS[1], linestyle=":")
        _arrow(ax, places[a], places[b], linewidth=0.6 + 4.5 * share[a, b], alpha=0.8, **how)
    for node, (x, y) in enumerate(places):
        edge, width = (COLOURS[1], 2.0) if node in marked else ("0.5", 0.8)
        ax.scatter(
            x, y, s=210, zorder=3, facecolor=COLOURS[3] if node == 0 else "white", edgecolor=edge, linewidth=width
        )
        ax.text(x, y, graph.to_text([node]), ha="center", va="center", zorder=4, fontsize=10)
        if values is not None:
            ax.annotate(
                f"{values[node]:.1f}",
                (x, y),
                xytext=(0, -19),
                textcoords="offset points",
                ha="center",
                fontsize=8,
                zorder=5,
                bbox=dict(facecolor="white", edgecolor="none", alpha=0.95, pad=0.6),
            )
    ax.set_title(title, fontsize=10)
    return Picture(figure, f"{title or 'walks'}: {describe(graph, steps)}")


def describe(graph: "WalkGraph", steps: Float[np.ndarray, "nodes nodes"]) -> str:
    """The picture in words: how many of the steps go one nearer to the goal, and how many go where no edge leads."""
    total = max(float(steps.sum()), 1e-12)
    a, b = np.indices(steps.shape)
    nearer = graph.edges & (graph.distances[b] < graph.distances[a])
    return f"{steps[nearer].sum() / total:.0%} of the steps lead nearer to the goal, {steps[~graph.edges].sum() / total:.0%} along no edge"


def _places(distances: np.ndarray) -> np.ndarray:
    """x: minus the moves to the goal, in a zigzag so that lines within a column can be seen; y: spread evenly."""
    places = np.zeros((len(distances), 2))
    for d in np.unique(distances):
        column = np.flatnonzero(distances == d)
        y = np.linspace(1, -1, len(column)) if len(column) > 1 else np.zeros(1)
        zigzag = 0.14 * (np.arange(len(column)) % 2)
        places[column] = np.stack([zigzag - d, y * (0.95 if d % 2 else 0.8)], 1)
    return places


def _arrow(ax, start: np.ndarray, end: np.ndarray, **how) -> None:
    how = dict(arrowstyle="-|>", mutation_scale=9, shrinkA=8, shrinkB=8, connectionstyle="arc3,rad=0.16") | how
    ax.annotate("", end, start, arrowprops=how)
