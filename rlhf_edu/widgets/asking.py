"""What all views of a feedback session share: the queue, skip and undo, progress, and the frame of the plain twin."""

import time

import ipywidgets as W

from rlhf_edu.feedback.events import StoreError
from rlhf_edu.feedback.session import TOO_SOON_SECONDS, FeedbackSession
from rlhf_edu.feedback.showing import Shown
from rlhf_edu.widgets.panel import Panel, as_text

AHEAD = 8  # items sent to the page beforehand, so that the next one shows at once even while the kernel is busy
REASONS = ("I cannot tell", "It makes no sense", "It upsets me")
OVER = "All are answered. Thank you! Undo takes back the last one."
KEYS_ELSEWHERE = "<small>By mouse, or by Tab and Enter: letters are commands of Jupyter's here.</small>"


def row_of(*widgets: W.Widget) -> W.HBox:
    """Widgets side by side, as the plain twins set them."""
    return W.HBox(widgets, layout=W.Layout(grid_gap="12px", align_items="stretch"))


class Asking(Panel):
    """A view of a session whose queries are all of one `kind`; subclasses draw an item and read its answer."""

    kind = ""  # of the queries
    shows = ""  # what such queries are called
    question = ""  # asked where the query has none of its own
    ahead = AHEAD

    def __init__(self, session: FeedbackSession, view: str = "auto"):
        kinds = {query.kind for query in session.queries} - {self.kind}
        if kinds:
            name = type(self).__name__
            raise ValueError(f"{name} shows {self.shows}, but the session also asks to {', '.join(sorted(kinds))}")
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
    _pressed_at = 0.0

    def _item(self, shown: Shown) -> dict:
        """What the page must know of an item beyond its texts."""
        return {}

    def _state(self) -> dict:
        refused, self._refused = self._refused, ""
        try:
            upcoming, problem = self.session.upcoming(self.ahead), self.session.problem or refused
        except StoreError as error:
            upcoming, problem = [], str(error)
        progress = self.session.progress
        items = [
            {"item": s.item, "prompt": s.query.prompt, "question": s.query.question or self.question}
            | {"texts": list(s.query.options)}
            | self._item(s)
            for s in upcoming
        ]
        return {
            "items": items,
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

    def _plain_body(self) -> list[W.Widget]:
        """The widgets that show an item of the twin and take its answer."""
        raise NotImplementedError

    def _draw_body(self, current: dict | None, new: bool) -> None:
        """Bring them up to date; `new` says that another item is shown than before, None that all is answered."""
        raise NotImplementedError

    def _plain(self) -> W.Box:
        self._progress = W.IntProgress(layout=W.Layout(width="100%"))
        self._status, self._prompt, self._problem = W.HTML(), W.HTML(), W.HTML()
        self._undo, self._skip = W.Button(description="Undo"), W.Button(description="Skip")
        self._reason = W.Dropdown(options=REASONS, description="because")
        self._undo.on_click(lambda _: self._press({"do": "undo"}))
        self._skip.on_click(lambda _: self._press({"do": "skip", "reason": self._reason.value}))
        self._rules = W.Accordion([W.HTML()], titles=("Guidelines",), selected_index=None)
        top = [self._status, self._progress, self._rules, self._prompt]
        row = row_of(self._undo, self._skip, self._reason)
        return W.VBox([*top, *self._plain_body(), row, W.HTML(KEYS_ELSEWHERE), self._problem])

    def _press(self, message: dict) -> None:
        now = time.time()
        if message["do"] != "undo" and now - self._pressed_at < TOO_SOON_SECONDS:
            return  # the second of two clicks, which waited while the first was stored
        message |= {"item": self._shown_item or None, "pressed_at": now, "seconds": now - self._shown_at}
        if self._shown_item or message["do"] == "undo":
            self.act(message)
            self._pressed_at = time.time()

    def _draw_plain(self, state: dict) -> None:
        current = next(iter(state["items"]), None)
        new = (current or {}).get("item", "") != self._shown_item
        if new:
            self._shown_item, self._shown_at = (current or {}).get("item", ""), time.time()
        question = current["question"] if current else OVER
        self._status.value = f"<b>{as_text(question)}</b> &nbsp; {as_text(str(self.session.progress))}"
        self._progress.max, self._progress.value = state["total"], state["answered"] + state["skipped"]
        self._prompt.value = f"<i>{as_text(current['prompt'])}</i>" if current else ""
        self._skip.disabled = current is None
        self._undo.disabled = state["answered"] + state["skipped"] == 0
        self._draw_body(current, new)
        self._rules.children[0].value = f'<div style="white-space: pre-wrap">{as_text(state["guidelines"])}</div>'
        self._rules.layout.display = None if state["guidelines"] else "none"
        self._problem.value = f"<b>Problem:</b> {as_text(state['problem'])}" if state["problem"] else ""
