"""How good is it? One text at a time, given a mark on a scale whose ends, or more, are put in words."""

from collections.abc import Mapping

import ipywidgets as W

from rlhf_edu.feedback.session import FeedbackSession
from rlhf_edu.feedback.showing import Shown
from rlhf_edu.feedback.types import Number
from rlhf_edu.widgets.asking import Asking, row_of
from rlhf_edu.widgets.panel import as_card, as_text, shown_text

MOST_BUTTONS = 11  # a scale of more marks gets a slider
FINE_STEPS = 100


def marks_of(low: Number, high: Number) -> list[tuple[int, str]]:
    """The marks of a scale with the key of each; none where an end is no whole number, or for more than eleven marks.

    A mark's key is its own digit. On a scale that goes below zero keys count from the lowest mark instead; a tenth
    mark that has no digit is "0" where nothing else is, and the eleventh, 10 on a scale from 0, is "t".
    """
    if low != int(low) or high != int(high) or high - low >= MOST_BUTTONS:
        return []
    values = range(int(low), int(high) + 1)
    digits = values if low >= 0 and high <= 10 else range(1, len(values) + 1)
    keys = {10: "t" if 0 in digits else "0", 11: "t"}
    return [(value, keys.get(digit, str(digit))) for value, digit in zip(values, digits, strict=True)]


class Rate(Asking):
    """Shows a session's texts to be rated. The last line of a cell, `Rate(session)`, is enough; the cell returns at once.

    `anchors` puts marks in words: {1: "makes no sense", 5: "a joy to read"}. Each query's `scale` says which marks there
    are; one of more than eleven marks, or whose ends are no whole numbers, gets a slider. A scale from 0 to 1 gets two buttons, no
    and yes; for shares take 0 to 100.

    Keys: the one shown on each mark (← → and Enter for a slider) · u undo · s skip · g guidelines. Running the cell again goes on
    where the person left off. `view` is "auto", "rich" or "plain" (buttons only).
    """

    script, kind, shows, question = "rate", "rate", "texts to be rated", "How good is it?"

    def __init__(self, session: FeedbackSession, anchors: Mapping[Number, str] | None = None, view: str = "auto"):
        self.anchors = {float(mark): str(words) for mark, words in (anchors or {}).items()}
        for query in session.queries if self.anchors else ():
            off = [mark for mark in self.anchors if not query.scale[0] <= mark <= query.scale[1]]
            if off:
                low, high = query.scale
                raise ValueError(f"anchors name the mark {off[0]:g}, but the scale runs from {low:g} to {high:g}")
        super().__init__(session, view)

    def _item(self, shown: Shown) -> dict:
        low, high = shown.query.scale
        marks = [{"value": v, "key": k, "words": self.anchors.get(v, "")} for v, k in marks_of(low, high)]
        if marks:
            return {"marks": marks, "fine": None}
        named = sorted({low, *self.anchors, high})
        words = [{"at": mark, "said": f"{mark:g} {self.anchors.get(mark, '')}".strip()} for mark in named]
        step = 1 if low == int(low) and high == int(high) else (high - low) / FINE_STEPS
        return {
            "marks": [],
            "fine": {"low": low, "high": high, "step": step, "start": low + step * ((high - low) / step // 2)}
            | {"words": words},
        }

    # ---- the plain twin

    def _plain_body(self) -> list[W.Widget]:
        self._text, self._marks = W.HTML(), row_of()
        self._marks.layout.flex_flow, self._offered = "row wrap", []
        self._slider, self._words, self._give = (
            W.FloatSlider(description="Mark"),
            W.HTML(),
            W.Button(description="Give it"),
        )
        self._give.on_click(lambda _: self._press({"do": "answer", "value": self._slider.value}))
        self._fine = W.VBox([self._slider, self._words, self._give])
        return [self._text, self._marks, self._fine]

    def _draw_body(self, current: dict | None, new: bool) -> None:
        if not new:
            return
        self._text.value = as_card(shown_text(current["texts"][0])) if current else ""
        if (
            marks := current["marks"] if current else []
        ) != self._offered:  # else the buttons stay, and with them the keyboard
            self._offered, self._marks.children = marks, [self._mark(mark) for mark in marks]
        fine = (current or {}).get("fine")
        self._fine.layout.display = None if fine else "none"
        if fine:
            self._slider.min, self._slider.max = min(fine["low"], self._slider.max), fine["high"]
            self._slider.min, self._slider.step, self._slider.value = fine["low"], fine["step"], fine["start"]
            self._words.value = as_text(" · ".join(words["said"] for words in fine["words"]))

    def _mark(self, mark: dict) -> W.Button:
        words = f"{mark['value']} {mark['words']}".strip()
        button = W.Button(description=words, tooltip=words, layout=W.Layout(flex="1 0 auto", width="auto"))
        button.on_click(lambda _: self._press({"do": "answer", "value": mark["value"]}))
        return button
