"""A picture with sliders under it, drawn anew when one of them moves. The cell that shows it returns at once."""

import html
import math
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rlhf_edu.plots.style import Picture

if TYPE_CHECKING:
    import ipywidgets


def slide(draw: Callable[..., Picture], **controls: Any) -> "ipywidgets.VBox":
    """Show `draw(name=value, …)` over its controls; each keyword is an ipywidgets control, or (low, high, start).

    slide(lambda eps: clip_picture(eps), eps=(0.05, 0.75, 0.2))

    `draw` may run on any thread: it builds its picture with `new_figure`, never through pyplot.
    """
    import ipywidgets as W

    if not controls:
        raise ValueError("there is nothing to move: give at least one control, such as eps=(0.0, 1.0, 0.2)")
    made = {name: _control(name, spec) for name, spec in controls.items()}
    view, lock = W.HTML(), threading.Lock()  # of two moves at once, the later one must be drawn last

    def show(_: Any = None) -> None:
        with lock:
            try:
                picture = draw(**{name: control.value for name, control in made.items()})
                view.value = picture._repr_mimebundle_()["text/html"]
            except Exception as error:
                if not view.value:
                    raise  # the cell shows it; raised by a move of a slider it would be seen by nobody
                words = f"{type(error).__name__}: {error}"
                view.value = f"<p role='alert'>No picture for these values. {html.escape(words)}</p>"

    for control in made.values():
        control.observe(show, "value")
    show()
    return W.VBox([view, *made.values()])


def _control(name: str, spec: Any) -> Any:
    import ipywidgets as W

    if isinstance(spec, W.Widget):
        return spec
    low, high, start = spec
    layout, style = W.Layout(width="480px"), {"description_width": "130px"}
    words = dict(min=low, max=high, value=start, description=name.replace("_", " "), layout=layout, style=style)
    if all(isinstance(x, int) for x in spec):
        return W.IntSlider(**words)
    return W.FloatSlider(**words, step=_step(low, high, start))


def _step(low: float, high: float, start: float) -> float:
    """A round step, at least 40 to the range, that meets `start` and `high`: a slider moves what lies beside its steps."""
    finest = math.floor(math.log10(high - low)) - 3
    steps = (round(m * 10.0**e, 9) for e in range(finest + 3, finest - 1, -1) for m in (5, 2, 1))
    for step in steps:
        counts = [(x - low) / step for x in (start, high)]
        if counts[1] > 40 - 1e-6 and all(abs(count - round(count)) < 1e-6 for count in counts):
            return step
    return round((high - low) / 50, 6)
