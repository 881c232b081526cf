"""A picture that follows sliders."""

import threading
from collections.abc import Callable
from typing import Any

import ipywidgets as W

from rlhf_edu.widgets.panel import as_text


def follow(draw: Callable[..., Any], **controls: Any) -> W.VBox:
    """The controls, and under them `draw(name=value, …)`, drawn anew whenever one of them has come to rest.

        follow(lambda gamma: value_map(...), gamma=ipywidgets.FloatSlider(0.9, min=0, max=0.99))

    `draw` returns anything that shows itself as HTML, like the pictures of `rlhf_edu.plots`. A control without a
    description is labelled with its name. An error in `draw` is shown in place of the picture.
    """
    page, lock = W.HTML(), threading.Lock()  # callbacks come from any thread, two at once

    def redraw(_: Any = None) -> None:
        with lock:
            try:
                picture = draw(**{name: control.value for name, control in controls.items()})
                page.value = picture._repr_mimebundle_()["text/html"]
            except Exception as error:  # raised in a callback it would be seen by nobody
                page.value = f"<p role='alert'><b>{type(error).__name__}</b>: {as_text(str(error))}</p>"

    for name, control in controls.items():
        control.description = control.description or name
        control.style.description_width = "110px"
        if hasattr(control, "continuous_update"):
            control.continuous_update, control.layout.width = False, "440px"
        control.observe(redraw, "value")
    redraw()
    return W.VBox([*controls.values(), page])
