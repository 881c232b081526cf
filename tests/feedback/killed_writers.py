"""Writers that die: each child process answers as fast as it can until it is killed.

Run as `python killed_writers.py FILE TIMES`. Prints what was acknowledged, one uid a line.
"""

import os
import random
import signal
import sys
import time

from rlhf_edu.feedback.store import FeedbackStore
from rlhf_edu.feedback.types import Preference


def write_for_ever(path: str, number: int, out: int) -> None:
    store = FeedbackStore(path)
    for i in range(10**6):
        event = store.add(Preference(f"{number}", f"{i}", "x" * 500, "a"), annotator=f"writer {number}")
        os.write(out, f"{event.uid}\n".encode())
        if i % 5 == 4:
            store.undo(annotator=f"writer {number}")


def kill_one(path: str, number: int, rng: random.Random) -> bytes:
    """Start a writer, kill it some milliseconds after some answer (or before its first); return what it had said."""
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receive)
        write_for_ever(path, number, send)
    os.close(send)
    said, wanted = b"", rng.randrange(7)
    while said.count(b"\n") < wanted:  # counted in answers, so that a busy machine kills as many in flight
        more = os.read(receive, 4096)
        assert more, "a writer died before it was killed"
        said += more
    time.sleep(rng.uniform(0, 0.06 if wanted == 0 else 0.012))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    while rest := os.read(receive, 4096):
        said += rest
    os.close(receive)
    return said


if __name__ == "__main__":
    path, times = sys.argv[1], int(sys.argv[2])
    rng = random.Random(0)
    for number in range(times):
        os.write(1, kill_one(path, number, rng))
