"""Which of the two is better? Two texts side by side, answered by mouse or with single keys."""

import time

import ipywidgets as W

from rlhf_edu.feedback.events import StoreError
from rlhf_edu.feedback.session import FeedbackSession
from rlhf_edu.widgets.panel import Panel, as_text

AHEAD = 8  # items sent to the page beforehand, so that the next one shows at once even while the kernel is busy
REASONS = ("I cannot tell", "It makes no sense", "It upsets me")
CHOICES = {"left": "Left is better", "right": "Right is better", "tie": "Tie", "both_bad": "Both are bad"}


class Compare(Panel):
    """Shows a session's comparisons. The last line of a cell, `Compare(session)`, is enough; the cell returns at once.

    Keys: ← f 1 left · → j 2 right · t tie · b both bad · u undo · s skip · g guidelines. Running the cell again goes on
    where the person left off. `view` is "auto", "rich" or "plain" (buttons only).
    """

    script = "compare"

    def __init__(self, session: FeedbackSession, view: str = "auto"):
        kinds = {query.kind for query in session.queries} - {"compare"}
        if kinds:
            raise ValueError(f"Compare shows comparisons, but the session also asks to {', '.join(sorted(kinds))}")
        self.session, self._shown_item, self._shown_at = session, "", 0.0
        super().__init__(view)
        session.on_change(self.draw)

    def act(self, message: dict) -> None:
        """Answer, skip or undo, as the page says. What cannot be stored is kept, and the page says why."""
        timing = {name: message.get(name) for name in ("item", "seconds", "pressed_at")}
        try:
            match message.get("do"):
                case "answer":
                    self.session.answer(message.get("value"), **timing)
                case "skip":
                    self.session.skip(str(message.get("reason", "")), **timing)
                case "undo":
                    self.session.undo()
        except StoreError:
            pass  # session.problem says it on the page
        except ValueError as error:
            self._refused = str(error)
        self.draw()

    _refused = ""

    def _state(self) -> dict:
        refused, self._refused = self._refused, ""
        try:
            upcoming, problem = self.session.upcoming(AHEAD), self.session.problem or refused
        except StoreError as error:
            upcoming, problem = [], str(error)
        progress = self.session.progress
        return {
            "items": [
                {"item": s.item, "prompt": s.query.prompt, "question": s.query.question, "texts": list(s.query.options)}
                for s in upcoming
            ],
            "answered": progress.answered,
            "skipped": progress.skipped,
            "total": progress.total,
            "simulated": progress.simulated,
            "seconds_each": progress.seconds_each,
            "guidelines": self.session.guidelines,
            "reasons": list(REASONS),
            "problem": problem,
        }

    # ---- the plain twin

    def _plain(self) -> W.Box:
        half = W.Layout(width="50%", min_width="0")
        self._progress = W.IntProgress(layout=W.Layout(width="100%"))
        self._status, self._prompt, self._problem = W.HTML(), W.HTML(), W.HTML()
        self._texts = [W.HTML(layout=half), W.HTML(layout=half)]
        self._choices = [W.Button(description=words, tooltip=words, layout=half) for words in CHOICES.values()]
        for value, button in zip(CHOICES, self._choices, strict=True):
            button.on_click(lambda _, value=value: self._press({"do": "answer", "value": value}))
        self._undo, self._skip = W.Button(description="Undo"), W.Button(description="Skip")
        self._reason = W.Dropdown(options=REASONS, description="because")
        self._undo.on_click(lambda _: self._press({"do": "undo"}))
        self._skip.on_click(lambda _: self._press({"do": "skip", "reason": self._reason.value}))
        self._rules = W.Accordion([W.HTML()], titles=("Guidelines",), selected_index=None)
        rows = [self._texts, self._choices[:2], self._choices[2:], [self._undo, self._skip, self._reason]]
        boxes = [W.HBox(row, layout=W.Layout(grid_gap="12px", align_items="stretch")) for row in rows]
        return W.VBox([self._status, self._progress, self._rules, self._prompt, *boxes, self._problem])

    def _press(self, message: dict) -> None:
        now = time.time()
        message |= {"item": self._shown_item or None, "pressed_at": now, "seconds": now - self._shown_at}
        if self._shown_item or message["do"] == "undo":
            self.act(message)

    def _draw_plain(self, state: dict) -> None:
        current = next(iter(state["items"]), None)
        if (current or {}).get("item", "") != self._shown_item:
            self._shown_item, self._shown_at = (current or {}).get("item", ""), time.time()
        question = (current["question"] or "Which one is better?") if current else ""
        over = "All are answered. Thank you! Undo takes back the last one."
        self._status.value = f"<b>{as_text(question or over)}</b> &nbsp; {as_text(str(self.session.progress))}"
        self._progress.max, self._progress.value = state["total"], state["answered"] + state["skipped"]
        self._prompt.value = f"<i>{as_text(current['prompt'])}</i>" if current else ""
        for widget, text in zip(self._texts, current["texts"] if current else ("", ""), strict=True):
            widget.value = f'<div class="rlhf-card">{as_text(text)}</div>' if current else ""
        for button in (*self._choices, self._skip):
            button.disabled = current is None
        self._undo.disabled = state["answered"] + state["skipped"] == 0
        self._rules.children[0].value = f'<div style="white-space: pre-wrap">{as_text(state["guidelines"])}</div>'
        self._rules.layout.display = None if state["guidelines"] else "none"
        self._problem.value = f"<b>Problem:</b> {as_text(state['problem'])}" if state["problem"] else ""
