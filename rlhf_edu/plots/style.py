"""How our pictures look: few lines, direct labels, colours and dashes that survive colour blindness and grey paper."""

import base64
import html
import io
import threading
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe and Ito (2008), ordered so that neighbours differ in lightness; each colour has a dash pattern of its own.
COLOURS = ("#0072B2", "#D55E00", "#CC79A7", "#009E73", "#56B4E9", "#000000", "#E69F00")
DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")

_drawing = threading.RLock()  # Matplotlib's text layout is shared and not thread-safe


class Picture:
    """A finished picture that shows itself in a notebook, with words for those who cannot see it."""

    def __init__(self, figure: Figure, alt: str, dpi: int = 100):
        self.figure, self.alt = figure, alt
        self.width = round(figure.get_figwidth() * dpi)
        with _drawing:
            buffer = io.BytesIO()
            figure.savefig(buffer, format="png", dpi=2 * dpi)  # twice the pixels: sharp on dense screens
        self.png = buffer.getvalue()

    def save(self, path: str | Path) -> Path:
        """Write the picture to a file; the ending (.png, .svg, .pdf) decides the format."""
        path = Path(path)
        with _drawing:
            self.figure.savefig(path, dpi=200)
        return path

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        return {"text/html": image_tag(self.png, "png", self.alt, self.width), "text/plain": repr(self)}

    def __repr__(self) -> str:
        return f"<Picture: {self.alt}>"


def image_tag(data: bytes, kind: str, alt: str, width: int) -> str:
    encoded = base64.b64encode(data).decode()
    return (
        f'<img src="data:image/{kind};base64,{encoded}" alt="{html.escape(alt)}" width="{width}" '
        'style="max-width:100%; background:white">'
    )


def new_figure(n_axes: int = 1, *, width: float = 6.0, height: float = 3.4, rows: int = 1) -> tuple[Figure, list[Axes]]:
    """A figure with `n_axes` panels (each of that many inches) side by side, or in `rows`, in the course's style."""
    columns = -(-n_axes // rows)
    with _drawing:
        figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
        axes = [figure.add_subplot(rows, columns, i + 1) for i in range(n_axes)]
        for ax in axes:
            ax.spines[["top", "right"]].set_visible(False)
            ax.grid(axis="y", color="0.9", linewidth=0.8)
            ax.set_axisbelow(True)
            ax.tick_params(color="0.6", labelsize=9)
            ax.locator_params(nbins=6)
    return figure, axes


def label_ends(ax: Axes, ends: list[tuple[float, float, str, str]]) -> None:
    """Write each line's name beside its last point (x, y, name, colour), pushed apart where they would overlap.

    A line that ends before the others has its name above its end, where no line runs through it.
    """
    (low, high), (left, right) = ax.get_ylim(), ax.get_xlim()
    gap, last = 0.07 * (high - low), max(end[0] for end in ends)
    placed = low - 0.5 * gap  # the lowest name stands above the axis, not on it
    for x, y, name, colour in sorted(ends, key=lambda end: end[1]):
        early = x < last - 0.05 * (right - left)
        if not early:
            y = placed = max(y, placed + gap)
        ax.annotate(
            name,
            (x, y),
            xytext=(0, 4) if early else (5, 0),
            textcoords="offset points",
            color=colour,
            fontsize=9,
            ha="center" if early else "left",
            va="bottom" if early else "center",
            annotation_clip=False,
        )
