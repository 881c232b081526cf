"""Events on their way into a store: what it cannot take now is kept, and sent again with the next or by itself."""

import threading
from collections.abc import Callable
from typing import Any

from rlhf_edu.feedback.events import Event, StoreError

RETRY_SECONDS = 5.0


class Outbox:
    """`waiting` are the events that `store` has not taken yet, and `problem` says why, in one sentence.

    `on_change()` is called, from a thread, after an attempt that nobody asked for.
    """

    def __init__(self, store, on_change: Callable[[], Any]):
        self.store, self.on_change = store, on_change
        self.waiting: list[Event] = []
        self.problem = ""
        self._lock = threading.RLock()
        self._retry: threading.Timer | None = None

    def send(self, *events: Event) -> StoreError | None:
        """Send these, and whatever waits, all or none; the error, when the store did not take them."""
        with self._lock:
            self.waiting += events
            sending = list(self.waiting)
        error = None
        try:
            if sending:
                self.store.append(*sending)  # without the lock: a slow store holds nobody up
        except StoreError as failed:
            error = failed
        with self._lock:
            if error is None:
                sent = {event.uid for event in sending}
                self.waiting = [event for event in self.waiting if event.uid not in sent]
                self.problem = self.problem if self.waiting else ""
                return None
            self.problem = f"{error} ({len(self.waiting)} not stored yet: kept here, and sent again by itself)"
            if self._retry is None:  # the last answer of all has no next one that would send it along
                self._retry = threading.Timer(RETRY_SECONDS, self._send_again)
                self._retry.daemon = True
                self._retry.start()
            return StoreError(self.problem)

    def _send_again(self) -> None:
        with self._lock:
            self._retry = None
        self.send()
        self.on_change()
