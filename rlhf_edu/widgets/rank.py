"""Put several texts in order, the best on top: by dragging, with the arrow keys, or by naming them one after the other."""

import ipywidgets as W

from rlhf_edu.widgets.asking import Asking, row_of
from rlhf_edu.widgets.panel import as_card, shown_text


class Rank(Asking):
    """Shows a session's rankings. The last line of a cell, `Rank(session)`, is enough; the cell returns at once.

    Keys: a b c … name the texts, the best first · ↑ ↓ choose a text, Shift ↑ ↓ move it · 0 start over · Enter keep the
    order · u undo · s skip · g guidelines. Running the cell again goes on where the person left off. `view` is "auto",
    "rich" or "plain" (buttons only).
    """

    script, kind, shows, question = "rank", "rank", "rankings", "Put them in order, the best on top."

    def _plain_body(self) -> list[W.Widget]:
        self._texts: tuple[str, ...] = ()
        self._order: list[int] = []
        self._drafts: dict[str, list[int]] = {}  # by item, for those that are taken back
        self._rows = W.VBox()
        self._done, self._again = W.Button(description="This is my order"), W.Button(description="Start over")
        self._done.on_click(lambda _: self._press({"do": "answer", "value": list(self._order)}))
        self._again.on_click(lambda _: self._arrange(list(range(len(self._texts)))))
        return [self._rows, row_of(self._done, self._again)]

    def _draw_body(self, current: dict | None, new: bool) -> None:
        self._done.disabled = self._again.disabled = current is None
        if new:
            self._texts = tuple(current["texts"]) if current else ()
            self._arrange(self._drafts.get(self._shown_item, list(range(len(self._texts)))))

    def _arrange(self, order: list[int]) -> None:
        self._order = order
        if order:
            self._drafts[self._shown_item] = order
        if len(self._rows.children) != len(order):  # else the buttons stay, and with them the keyboard
            self._rows.children = [self._row(place, len(order)) for place in range(len(order))]
        for place, i in enumerate(order):
            self._rows.children[place].children[0].value = as_card(f"{place + 1}.  {shown_text(self._texts[i])}")

    def _row(self, place: int, places: int) -> W.HBox:
        text = W.HTML(layout=W.Layout(flex="1 1 auto", min_width="0"))
        buttons = []
        for said, by in (("Up", -1), ("Down", 1)):
            words = f"Move number {place + 1} {said.lower()}"
            off = not 0 <= place + by < places
            button = W.Button(description=said, tooltip=words, disabled=off, layout=W.Layout(flex="0 0 70px"))
            button.on_click(lambda _, by=by: self._swap(place, place + by))
            buttons.append(button)
        return row_of(text, *buttons)

    def _swap(self, place: int, other: int) -> None:
        order = list(self._order)
        order[place], order[other] = order[other], order[place]
        self._arrange(order)
