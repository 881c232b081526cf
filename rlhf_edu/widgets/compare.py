"""Which of the two is better? Two texts side by side, answered by mouse or with single keys."""

import ipywidgets as W

from rlhf_edu.widgets.asking import Asking, row_of
from rlhf_edu.widgets.panel import as_card, shown_text

CHOICES = {"left": "Left is better", "right": "Right is better", "tie": "Tie", "both_bad": "Both are bad"}


class Compare(Asking):
    """Shows a session's comparisons. The last line of a cell, `Compare(session)`, is enough; the cell returns at once.

    Keys: ← f 1 left · → j 2 right · t tie · b both bad · u undo · s skip · g guidelines. Running the cell again goes on
    where the person left off. `view` is "auto", "rich" or "plain" (buttons only).
    """

    script, kind, shows, question = "compare", "compare", "comparisons", "Which one is better?"

    def _plain_body(self) -> list[W.Widget]:
        half = W.Layout(width="50%", min_width="0")
        self._texts = [W.HTML(layout=half), W.HTML(layout=half)]
        self._choices = [W.Button(description=words, tooltip=words, layout=half) for words in CHOICES.values()]
        for value, button in zip(CHOICES, self._choices, strict=True):
            button.on_click(lambda _, value=value: self._press({"do": "answer", "value": value}))
        return [row_of(*self._texts), row_of(*self._choices[:2]), row_of(*self._choices[2:])]

    def _draw_body(self, current: dict | None, new: bool) -> None:
        for widget, text in zip(self._texts, current["texts"] if current else ("", ""), strict=True):
            widget.value = as_card(shown_text(text)) if current else ""
        for button in self._choices:
            button.disabled = current is None
