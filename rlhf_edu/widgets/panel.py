"""What all views share: a rich view (anywidget, one JavaScript file) and a plain twin of ipywidgets for where it fails.

Both are sent to the page. The rich one, once it has drawn itself, hides its twin; where it never draws (no anywidget, a
front end that cannot load it), the twin appears by itself after three seconds.
"""

import html
import os
import threading
import unicodedata
from pathlib import Path
from typing import Any

import ipywidgets as W
import traitlets

HERE = Path(__file__).parent
SHARED = ("common.js", "asking.js")
VIEWS = ("auto", "rich", "plain")
PLAIN_STYLE = """<style>
.rlhf-panel { overflow: visible }
.jp-OutputArea:has(.rlhf-panel) .rlhf-again, body:has(.rlhf-panel):not(:has(.jp-OutputArea)) .rlhf-again { display: none }
.rlhf-panel:has(.rlhf-view) > .rlhf-plain { display: none }
.rlhf-panel > .rlhf-plain.rlhf-later { animation: rlhf-later 1ms 3s both }
@keyframes rlhf-later { from { max-height: 0; visibility: hidden } to { max-height: none; visibility: visible } }
.rlhf-plain { gap: 8px; padding: 8px; overflow: visible }
.rlhf-plain .widget-html-content { line-height: 1.5 }
.rlhf-card { border: 1px solid var(--jp-border-color1, #bbb); border-radius: 6px; padding: 8px 14px; height: 100%;
  box-sizing: border-box; white-space: pre-wrap; overflow-wrap: anywhere; max-height: 20em; overflow-y: auto }
</style>"""
AGAIN = (
    '<p class="rlhf-again">Run this cell again to bring this view back.</p>'  # for a notebook opened without its kernel
)


def as_text(text: str) -> str:
    """Text from a model as HTML that shows it and does nothing else."""
    return html.escape(text)


def as_card(text: str) -> str:
    """Text from a model in a frame of its own."""
    return f'<div class="rlhf-card" dir="auto">{as_text(text)}</div>'


def shown_text(text: str) -> str:
    """A text, or "(nothing)" for one of blanks and invisible characters alone."""
    return text if any(not c.isspace() and unicodedata.category(c) != "Cf" for c in text) else "(nothing)"


def choose_view(view: str) -> str:
    """Rich or plain: what was asked for, else what RLHF_EDU_VIEW says, else rich where anywidget can be imported."""
    if view not in VIEWS:
        raise ValueError(f'view is {view!r}, but it must be "auto", "rich" or "plain"')
    if view == "auto":
        view = os.environ.get("RLHF_EDU_VIEW", "auto")
        if view not in VIEWS:
            raise ValueError(f'RLHF_EDU_VIEW is {view!r}, but it must be "auto", "rich" or "plain"')
    if view == "auto":
        try:
            import anywidget  # noqa: F401
        except Exception:  # whatever keeps it from loading, the plain view still works
            return "plain"
    return "plain" if view == "plain" else "rich"


def script_of(name: str) -> str:
    """The script of the view `name`, with what all views share in front of it."""
    return "\n".join((HERE / file).read_text(encoding="utf-8") for file in (*SHARED, f"{name}.js"))


def rich_widget(name: str) -> Any:
    """The view whose script is `name`.js: it draws what `state` says, and sends back what the person does."""
    import anywidget

    class RichView(anywidget.AnyWidget):
        _esm = script_of(name)
        _css = (HERE / "style.css").read_text(encoding="utf-8")
        state = traitlets.Dict().tag(sync=True)

    return RichView()


class Panel:
    """One view in a cell's output. Subclasses say what the `state` is, what to do with a message, and draw the twin."""

    script = ""

    def __init__(self, view: str = "auto"):
        self.view = choose_view(view)
        self._drawing = threading.RLock()  # callbacks come from any thread, two at once
        self.rich = rich_widget(self.script) if self.view == "rich" else None
        self._rich_is_up = False
        twin = self._plain()
        twin.add_class("rlhf-plain")
        parts: list[W.Widget] = [W.HTML(PLAIN_STYLE, layout=W.Layout(margin="0", height="0"))]
        if self.rich is not None:
            twin.add_class("rlhf-later")
            parts.append(self.rich)
            self.rich.on_msg(self._receive)
        self.box = W.VBox([*parts, twin])
        self.box.add_class("rlhf-panel")
        self.draw()

    def draw(self, *_) -> None:
        """Bring what is on the page up to date."""
        with self._drawing:
            state = self._state()
            if self.rich is not None:
                self.rich.state = state
            if not self._rich_is_up:
                self._draw_plain(state)

    def _receive(self, _, message: dict, __) -> None:
        if message.get("do") == "ready":  # the page draws the rich view: the hidden twin need not be kept up to date
            self._rich_is_up = True
            return
        self.act(message)
        if self.rich is not None and "item" in message:
            self.rich.send({"handled": message["item"]})

    def act(self, message: dict) -> None:
        """Do what the person asked for on the page."""
        raise NotImplementedError(f"{type(self).__name__} takes no messages")

    def _state(self) -> dict:
        raise NotImplementedError

    def _plain(self) -> W.Box:
        raise NotImplementedError

    def _draw_plain(self, state: dict) -> None:
        raise NotImplementedError

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display({"text/html": AGAIN, "text/plain": "Run this cell to see this view."}, raw=True)
        display((self.box._repr_mimebundle_() or {}) | {"text/plain": ""}, raw=True)
