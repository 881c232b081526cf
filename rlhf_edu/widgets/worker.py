"""Drives a training run in a thread, so that a person can watch, pause and stop it. Knows nothing of Jupyter."""

import sys
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

# A thread that wants Python's lock waits this long before the one that has it must let go. Taking in an answer needs the lock some
# ten times over, and a training thread hardly ever lets go by itself: at Python's usual 5 ms the answers waited.
TURN, USUAL = 0.0005, sys.getswitchinterval()  # seconds


class Worker:
    """Runs what `make_run()` returns, record by record; `history` keeps the records.

    status is "ready", "running", "paused", "stopped", "finished" or "failed". `on_change()` is called from the thread
    after changes, at most `per_second` times a second; the last change of all is always told.
    """

    def __init__(
        self, make_run: Callable[[], Iterable[dict]], on_change: Callable[[], Any] = lambda: None, per_second: int = 5
    ):
        self.make_run, self.on_change, self.pause_seconds = make_run, on_change, 1 / per_second
        self.history: list[dict] = []
        self.status, self.error = "ready", ""
        self.at_rest = False  # the step that was under way when it was paused, or stopped, has ended
        self._state = threading.Condition()
        self._thread: threading.Thread | None = None
        self._told_at = 0.0

    def start(self) -> None:
        """Start, or go on after a pause; once finished, stopped or failed, start a new run."""
        with self._state:
            if self.status == "paused":
                self.status = "running"
                self._state.notify_all()
            elif self._thread is None or not self._thread.is_alive():
                self.status, self.error, self.history, self.at_rest = "running", "", [], False
                self._thread = threading.Thread(target=self._work, daemon=True, name="rlhf-edu run")
                self._thread.start()
        self.on_change()

    def pause(self) -> None:
        """Hold after the current step, until `start`."""
        with self._state:
            if self.status == "running":
                self.status = "paused"
        self.on_change()

    def stop(self) -> None:
        """End after the current step; what was learned so far stays."""
        with self._state:
            if self.status in ("running", "paused"):
                self.status = "stopped"
                self._state.notify_all()
        self.on_change()

    def wait(self, timeout: float | int | None = None) -> bool:
        """Wait for the end; False when it did not come within `timeout` seconds."""
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout)
        return thread is None or not thread.is_alive()

    def _work(self) -> None:
        sys.setswitchinterval(TURN)
        try:
            self._steps(self.make_run())
            with self._state:
                if self.status != "stopped":
                    self.status = "finished"
        except Exception as error:
            said = str(error).strip().rstrip(".").splitlines()[:1] or ["no reason given"]
            with self._state:
                self.status = "failed"
            step = len(self.history) + 1
            self.error = f"step {step} failed ({type(error).__name__}: {said[0]}); put that right, then start again"
        finally:
            sys.setswitchinterval(USUAL)
            self.at_rest = True
            self.on_change()

    def _steps(self, run: Iterable[dict]) -> None:
        try:
            for record in run:
                self.history.append(record)
                self._tell()
                if not self._may_go_on():
                    break
        finally:
            if close := getattr(run, "close", None):
                close()

    def _may_go_on(self) -> bool:
        if self.status == "paused":
            self.at_rest = True
            self.on_change()
        with self._state:
            self._state.wait_for(lambda: self.status != "paused")
            self.at_rest = False
            return self.status != "stopped"

    def _tell(self) -> None:
        now = time.monotonic()
        if now - self._told_at >= self.pause_seconds:
            self._told_at = now
            self.on_change()
