"""Which of the two clips is better? Two films side by side that play and stop together."""

import base64
from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import ipywidgets as W

from rlhf_edu.feedback.session import FeedbackSession
from rlhf_edu.feedback.showing import Shown
from rlhf_edu.widgets.asking import Asking, row_of
from rlhf_edu.widgets.compare import CHOICES
from rlhf_edu.widgets.panel import as_text

FIELDS = ("data", "n", "columns", "width", "height", "fps", "alt")


@runtime_checkable
class Film(Protocol):
    """The pictures of a clip in one WEBP image, row by row, as `plots.sheet` makes them."""

    @property
    def data(self) -> bytes: ...
    @property
    def n(self) -> int: ...
    @property
    def alt(self) -> str: ...
    def animation(self, n: int) -> bytes: ...


class Clips(Asking):
    """Shows a session's clips, two at a time. The last line of a cell, `Clips(session, films)`, is enough.

    A query's two options are names of clips, and `films[name]` is the film of each. Keys: space play or pause · , . one
    picture back or on · ← f 1 left · → j 2 right · t tie · b both bad · u undo · s skip · g guidelines. Running the cell
    again goes on where the person left off. `view` is "auto", "rich" or "plain" (buttons only). Who asked their system
    for reduced motion sees the first pictures stand still until they press play; in the plain view, all of them at once.
    """

    script, kind, shows, question = "clips", "clips", "clips", "Which one is better?"
    ahead = 3  # films are larger than texts

    def __init__(self, session: FeedbackSession, films: Mapping[str, Film], view: str = "auto"):
        missing = [name for query in session.queries for name in query.options if name not in films]
        if missing:
            raise ValueError(f"there is no film of {missing[0]!r}: films needs one for each clip that is asked about")
        self.films = films
        super().__init__(session, view)

    def _item(self, shown: Shown) -> dict:
        films = [self.films[name] for name in shown.query.options]
        return {"films": [{name: getattr(film, name) for name in FIELDS} for film in films]}

    # ---- the plain twin

    def _plain_body(self) -> list[W.Widget]:
        half = W.Layout(width="50%", min_width="0")
        self._pictures = [W.HTML(layout=half), W.HTML(layout=half)]
        self._still = W.Checkbox(description="All pictures at once, none moving", indent=False)
        self._still.observe(lambda _: self._show(self._names), "value")
        self._names: tuple[str, ...] = ()
        self._choices = [W.Button(description=words, tooltip=words, layout=half) for words in CHOICES.values()]
        for value, button in zip(CHOICES, self._choices, strict=True):
            button.on_click(lambda _, value=value: self._press({"do": "answer", "value": value}))
        choices = [row_of(*self._choices[:2]), row_of(*self._choices[2:])]
        return [row_of(*self._pictures), self._still, *choices]

    def _draw_body(self, current: dict | None, new: bool) -> None:
        for button in self._choices:
            button.disabled = current is None
        if new:
            self._show(tuple(current["texts"]) if current else ())

    def _show(self, names: tuple[str, ...]) -> None:
        self._names = names
        films = [self.films[name] for name in names]
        longest = max((film.n for film in films), default=0)
        for widget, film in zip(self._pictures, films or (None, None), strict=True):
            if film is None:
                widget.value = ""
                continue
            still, moving = (_address(data) for data in (film.data, film.animation(longest)))
            picture = f'<img src="{still if self._still.value else moving}" alt="{as_text(film.alt)}"'
            calm = f'<source media="(prefers-reduced-motion: reduce)" srcset="{still}">'
            widget.value = f'<picture>{calm}{picture} style="width: 100%; background: white"></picture>'


def _address(data: bytes) -> str:
    return f"data:image/webp;base64,{base64.b64encode(data).decode()}"
