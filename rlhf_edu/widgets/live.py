"""Teach the model while you watch: a training run with a start button and moving curves, which blocks no cell."""

import io
import math
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import ipywidgets as W

from rlhf_edu.widgets.panel import Panel, as_text
from rlhf_edu.widgets.worker import Worker

POINTS = 400  # a longer curve is thinned out for the page
WORDS = {
    "ready": "Nothing has happened yet. Press {start} to begin.",
    "running": "Learning: step {step}{of}.",
    "pausing": "Pausing: step {next}{of} ends first.",
    "paused": "Paused after step {step}{of}. Press Go on when you like.",
    "stopping": "Stopping: step {next}{of} ends first.",
    "stopped": "Stopped after step {step}{of}. What was learned so far stays.",
    "finished": "Done: {step} steps in {seconds:.0f} s.",
    "failed": "Stopped: {error}.",
}


class Teach(Panel):
    """A panel that runs `make_run()` (a `Run`, or any iterator of records) in a thread, and draws the curves of `keys`.

    The cell that shows it returns at once. In the next cell, `live.wait()` waits for the end, or, when nobody pressed
    the button, does the run itself, so that "Run All" needs no one. `on_done(history)` is called after the last step.
    """

    script = "live"

    def __init__(
        self,
        make_run: Callable[[], Iterable[dict]],
        keys: Sequence[str] = ("reward",),
        total: int | None = None,
        *,
        labels: dict[str, str] | None = None,
        start: str = "Teach",
        on_done: Callable[[list[dict]], Any] | None = None,
        view: str = "auto",
    ):
        self.keys, self.total, self.labels, self.start_label = tuple(keys), total, labels or {}, start
        self.on_done, self._started_at, self._seconds, self._done_error = on_done, 0.0, 0.0, ""
        self._finish, self._told = threading.RLock(), ""
        self._pictured_at = 0.0
        self.worker = Worker(make_run, self._changed)
        super().__init__(view)

    @property
    def history(self) -> list[dict]:
        """The records so far."""
        return self.worker.history

    @property
    def status(self) -> str:
        """ready, running, paused, stopped, finished or failed."""
        return self.worker.status

    def start(self) -> None:
        """What the button does: start, or go on after a pause."""
        if self.worker.status not in ("running", "paused"):
            self._started_at, self._told = time.monotonic(), ""
        self.worker.start()

    def pause(self) -> None:
        """Hold after the current step."""
        self.worker.pause()

    def stop(self) -> None:
        """End after the current step."""
        self.worker.stop()

    def wait(self, timeout: float | int | None = None) -> list[dict]:
        """The records, once the run has ended; starts it when nobody has, and goes on when it is paused.

        Raises TimeoutError after `timeout` seconds, and RuntimeError when the run failed. Interrupting the cell stops
        the run after its current step.
        """
        if self.status in ("ready", "paused"):
            self.start()
        try:
            ended = self.worker.wait(timeout)
        except KeyboardInterrupt:
            self.stop()
            raise
        if not ended:
            raise TimeoutError(f"the run is still going on after {timeout} s: wait longer, or press Stop")
        if self.status == "failed":
            raise RuntimeError(self.worker.error)
        return self.history

    def run_now(self) -> list[dict]:
        """Start anew and wait for the end."""
        if self.worker.wait(0):
            self.start()
        return self.wait()

    def act(self, message: dict) -> None:
        """Start, pause or stop, as the page says."""
        {"start": self.start, "pause": self.pause, "stop": self.stop}.get(message.get("do", ""), self.draw)()

    def _changed(self) -> None:
        if self.status in ("running", "paused"):
            self._seconds = time.monotonic() - self._started_at
        with self._finish:
            ended = self.status in ("finished", "stopped", "failed") and self.status != self._told
            thread_is_here = threading.current_thread().name == "rlhf-edu run"
            if ended and thread_is_here:
                self._told, self._seconds = self.status, time.monotonic() - self._started_at
                if self.on_done is not None and self.status != "failed":
                    try:
                        self.on_done(self.history)
                        self._done_error = ""
                    except Exception as error:
                        self._done_error = f"the run is complete, but on_done failed ({type(error).__name__}: {error})"
        self.draw()

    def _state(self) -> dict:
        step, of = len(self.history), f" of {self.total}" if self.total else ""
        words = {
            "step": step,
            "next": step + 1,
            "of": of,
            "seconds": self._seconds,
            "error": self.worker.error,
            "start": self.start_label,
        }
        status, ending = self.status, {"paused": "pausing", "stopped": "stopping"}
        said = status if self.worker.at_rest else ending.get(status, status)
        return {
            "status": "stopping" if said == "stopping" else status,
            "step": step,
            "total": self.total or 0,
            "says": WORDS[said].format(**words),
            "problem": self._done_error,
            "start": self.start_label,
            "curves": [self._curve(key) for key in self.keys],
        }

    def _curve(self, key: str) -> dict:
        points = [(i + 1, _number(record.get(key))) for i, record in enumerate(list(self.history))]
        if len(points) > POINTS:
            stride = math.ceil(len(points) / POINTS)
            points = points[::stride] + ([points[-1]] if (len(points) - 1) % stride else [])
        return {"key": key, "label": self.labels.get(key, readable(key)), "points": points}

    # ---- the plain twin

    def _plain(self) -> W.Box:
        self._start, self._pause, self._stop = (W.Button(description=d) for d in (self.start_label, "Pause", "Stop"))
        for name, button in (("start", self._start), ("pause", self._pause), ("stop", self._stop)):
            button.on_click(lambda _, name=name: self.act({"do": name}))
        self._progress = W.IntProgress(max=self.total or 1, layout=W.Layout(width="100%"))
        self._says, self._picture = W.HTML(), W.Image(format="png", layout=W.Layout(width="640px", display="none"))
        return W.VBox([W.HBox([self._start, self._pause, self._stop]), self._progress, self._says, self._picture])

    def _draw_plain(self, state: dict) -> None:
        running, paused = state["status"] in ("running", "stopping"), state["status"] == "paused"
        self._start.disabled, self._pause.disabled = running, state["status"] != "running"
        self._start.description = "Go on" if paused else state["start"]
        self._stop.disabled = state["status"] not in ("running", "paused")
        self._progress.value = state["step"]
        self._says.value = as_text(" ".join([state["says"], state["problem"]]))
        pause = 0.2 if self.view == "plain" else 2.0  # a hidden twin is drawn seldom
        if state["step"] and (not running or time.monotonic() - self._pictured_at > pause):
            self._picture.value, self._picture.layout.display = picture(state["curves"]), None
            self._pictured_at = time.monotonic()


def _number(value: Any) -> float | None:
    """A number that JSON can carry, or None where there is none."""
    try:
        value = float(value)
    except (TypeError, ValueError):
        return None
    return value if math.isfinite(value) else None


def readable(key: str) -> str:
    """A record's key as words: "kl_nats" becomes "KL (nats)"."""
    words = key.split("_")
    unit = words.pop() if len(words) > 1 and words[-1] in ("nats", "seconds", "steps") else ""
    words = [{"kl": "KL", "lr": "LR", "ret": "return an episode"}.get(word, word) for word in words]
    return " ".join(words) + (f" ({unit})" if unit else "")


def picture(curves: list[dict]) -> bytes:
    """The curves as a PNG, drawn without pyplot because threads may not share it."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 2.2), dpi=100, layout="constrained")
    for axes, curve in zip(figure.subplots(1, len(curves), squeeze=False)[0], curves, strict=True):
        x, y = zip(*[(i, v) for i, v in curve["points"] if v is not None] or [(0, 0)], strict=True)
        axes.plot(x, y, color="#0072B2")
        axes.set_title(curve["label"], fontsize=10)
        axes.set_xlabel("step")
    out = io.BytesIO()
    figure.savefig(out, format="png")
    return out.getvalue()
