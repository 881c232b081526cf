"""Telling others that something changed, at once or from a thread of their own."""

import threading
import warnings
from collections.abc import Callable
from typing import Any


class _Background:
    """Calls a function from one thread; what arrives during a call is folded into one more call after it."""

    def __init__(self, call: Callable[[], None]):
        self._call = call
        self._changed = threading.Condition()
        self._wanted, self._busy, self._thread = False, False, None

    def __call__(self) -> None:
        with self._changed:
            self._wanted = True
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, daemon=True, name="rlhf-edu listener")
                self._thread.start()
            self._changed.notify_all()

    def _work(self) -> None:
        while True:
            with self._changed:
                if not self._changed.wait_for(lambda: self._wanted, timeout=60):
                    self._thread = None  # idle for a minute: the next change starts a new thread
                    return
                self._wanted, self._busy = False, True
            try:
                self._call()
            finally:
                with self._changed:
                    self._busy = False
                    self._changed.notify_all()

    def settle(self, timeout: float | int) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: not self._wanted and not self._busy, timeout)


class Listeners:
    """Functions called with `subject` after a change. One that fails warns, and keeps nobody from their work."""

    def __init__(self, subject: Any):
        self._subject, self._calls = subject, []

    def add(self, fn: Callable[[Any], Any], background: bool = False) -> Callable[[], None]:
        """Register `fn`; return a function that takes it off again."""

        def call() -> None:
            try:
                fn(self._subject)
            except Exception as error:
                name = getattr(fn, "__name__", "a listener")
                warnings.warn(f"{name} failed ({type(error).__name__}: {error}); the answers are safe", stacklevel=2)

        entry = _Background(call) if background else call
        self._calls.append(entry)
        return lambda: self._calls.remove(entry) if entry in self._calls else None

    def fire(self) -> None:
        for call in list(self._calls):
            call()

    def settle(self, timeout: float | int) -> bool:
        """Wait until no background call is wanted or running; False when `timeout` seconds were not enough."""
        return all(call.settle(timeout) for call in list(self._calls) if isinstance(call, _Background))
