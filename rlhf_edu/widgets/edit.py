"""Make it better: one text at a time, to be changed; what was taken out and put in is shown while typing."""

import re
from difflib import SequenceMatcher

import ipywidgets as W

from rlhf_edu.widgets.asking import Asking, row_of
from rlhf_edu.widgets.panel import as_text

Parts = list[tuple[str, str]]
MOST_STEPS = 20_000_000


def difference(before: str, after: str) -> Parts:
    """How `after` came from `before`, word by word: ("same" | "out" | "in", text) in reading order."""
    a, b = (re.findall(r"\s+|[\w'’]+|.", text, re.DOTALL) for text in (before, after))
    parts: Parts = []
    slow = len(a) * len(b) > MOST_STEPS  # then frequent words are no anchors, and the difference is coarser
    for kind, i, end_i, j, end_j in SequenceMatcher(None, a, b, autojunk=slow).get_opcodes():
        if kind == "equal":
            parts.append(("same", "".join(a[i:end_i])))
            continue
        parts += [(name, "".join(words)) for name, words in (("out", a[i:end_i]), ("in", b[j:end_j])) if words]
    return parts


def as_marked(parts: Parts) -> str:
    """The difference as HTML: struck through what went out, underlined what came in."""
    tags = {"same": "{}", "out": "<del>{}</del>", "in": "<ins>{}</ins>"}
    return f'<div class="rlhf-card">{"".join(tags[kind].format(as_text(text)) for kind, text in parts)}</div>'


class Edit(Asking):
    """Shows a session's texts to be changed. The last line of a cell, `Edit(session)`, is enough; it returns at once.

    An unchanged text says: good as it is. Keys: e write · Esc leave the text · Ctrl Enter keep · 0 start over · u undo
    · s skip · g guidelines. Running the cell again goes on where the person left off. `view` is "auto", "rich" or
    "plain" (buttons only).
    """

    script, kind, shows, question = "edit", "edit", "texts to be changed", "Change the text until you like it."

    def _plain_body(self) -> list[W.Widget]:
        self._original = self._as_written = ""
        self._drafts: dict[str, str] = {}  # by item, for those that are taken back
        # The text comes when the box is left. While typing it would come late, behind the click that keeps it.
        self._text = W.Textarea(layout=W.Layout(width="auto"), rows=6, continuous_update=False)
        self._changes = W.HTML()
        self._done, self._again = W.Button(), W.Button(description="Start over")
        self._text.observe(lambda _: self._show_changes(), "value")
        self._done.on_click(lambda _: self._save())
        self._again.on_click(lambda _: setattr(self._text, "value", self._as_written))
        return [self._text, self._changes, row_of(self._done, self._again)]

    @property
    def _changed(self) -> bool:
        return self._text.value != self._as_written

    def _save(self) -> None:
        self._press({"do": "answer", "value": self._text.value if self._changed else self._original})

    def _draw_body(self, current: dict | None, new: bool) -> None:
        if new:
            self._original = current["texts"][0] if current else ""
            self._as_written = re.sub("\r\n?", "\n", self._original)  # as a text area holds it: that is no change
            self._text.value = self._drafts.get(self._shown_item, self._as_written)
        self._text.disabled = self._done.disabled = current is None
        self._show_changes()

    def _show_changes(self) -> None:
        if self._shown_item:
            self._drafts[self._shown_item] = self._text.value
        self._changes.value = as_marked(difference(self._as_written, self._text.value))
        self._done.description = "Keep my version" if self._changed else "Good as it is"
        self._again.disabled = not self._changed
