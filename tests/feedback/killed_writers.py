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


if __name__ == "__main__":
    path, times = sys.argv[1], int(sys.argv[2])
    rng = random.Random(0)
    for number in range(times):
        child = os.fork()
        if child == 0:
            write_for_ever(path, number, 1)
        time.sleep(rng.uniform(0.015, 0.09))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
