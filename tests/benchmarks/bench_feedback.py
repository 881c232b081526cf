"""How long an answer takes: in the store, and in a real page from the key to the stored answer and to the next item.

    python tests/benchmarks/bench_feedback.py            needs PostgreSQL for the second part, chromium and playwright
    python tests/benchmarks/bench_feedback.py store      for the third; the first two alone

Targets: 50 ms at the median from click to stored answer, 100 ms from key to next item, also while a model learns.
"""

import json
import random
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "browser"))
sys.path.append(str(Path(__file__).parents[1] / "feedback"))  # after "browser": both have a conftest
sys.path.insert(0, str(Path(__file__).parents[2]))

from postgres_server import Server, programs

from rlhf_edu.feedback.session import FeedbackSession
from rlhf_edu.feedback.store import FeedbackStore
from rlhf_edu.feedback.types import Query

CELL = """
import json, time
from rlhf_edu.feedback.session import FeedbackSession
from rlhf_edu.feedback.store import FeedbackStore
from rlhf_edu.feedback.types import Query
from rlhf_edu.widgets.compare import Compare
from rlhf_edu.widgets.live import Teach
class Timed(FeedbackSession):
    stored = []
    def answer(self, value, **timing):
        counted = super().answer(value, **timing)
        self.stored.append(1000 * (time.time() - timing["pressed_at"]))
        open("stored.json", "w").write(json.dumps(self.stored))
        return counted
def learn():
    while True:
        until = time.perf_counter() + 0.1
        while time.perf_counter() < until:
            sum(range(1000))
        yield {"reward": 1.0}
queries = [Query("compare", f"{i}", (f"story {i} " * 40, f"tale {i} " * 40)) for i in range(200)]
session = Timed(queries, FeedbackStore("bench.db"))
display(Compare(session), Teach(learn))
"""
NEXT_ITEM = """() => new Promise((resolve) => {
  const prompt = document.querySelector('.rlhf-prompt');
  const start = performance.now();
  new MutationObserver((_, observer) => {
    observer.disconnect();
    requestAnimationFrame(() => resolve(performance.now() - start));
  }).observe(prompt, { childList: true, characterData: true, subtree: true });
  prompt.dispatchEvent(new KeyboardEvent('keydown', { key: 't', bubbles: true }));
})"""


def row(name: str, milliseconds: list[float]) -> None:
    low, high = statistics.median(milliseconds), sorted(milliseconds)[int(0.95 * len(milliseconds))]
    print(f"{name:<52} median {low:6.1f} ms   95 % {high:6.1f} ms   n = {len(milliseconds)}", flush=True)


def questions(times: int) -> list[Query]:
    return [Query("compare", f"{i}", ("x " * 60, "y " * 60)) for i in range(times)]


def alone(url: str | Path, where: str, times: int = 200) -> None:
    session = FeedbackSession(questions(times), FeedbackStore(url))
    spent = []
    while session.current:
        start = time.perf_counter()
        session.answer("left")
        spent.append(1000 * (time.perf_counter() - start))
    row(f"session.answer to {where}", spent)


def class_of_fifty(url: str, each: int = 8) -> None:
    """Fifty people label at once, one answer every second or so; each item is to be answered once, under a lease."""
    stored: list[float] = []
    asked: list[float] = []

    def person(number: int) -> None:
        store, rng = FeedbackStore(url), random.Random(number)
        session = FeedbackSession(questions(1000), store, annotator=f"student {number}", per_item=1)
        for _ in range(each):
            start = time.perf_counter()
            upcoming = session.upcoming(8)
            asked.append(1000 * (time.perf_counter() - start))
            time.sleep(rng.uniform(0.5, 1.5))
            start = time.perf_counter()
            session.answer("left", item=upcoming[0].item)
            stored.append(1000 * (time.perf_counter() - start))
        store.close()

    people = [threading.Thread(target=person, args=(n,)) for n in range(50)]
    [p.start() for p in people]
    [p.join() for p in people]
    row("fifty at once on PostgreSQL: session.answer", stored)
    row("fifty at once on PostgreSQL: session.upcoming(8)", asked)


def on_postgresql() -> None:
    bin = programs()
    if bin is None:
        print("PostgreSQL is not installed here: left out")
        return
    server = Server(bin)
    try:
        server.start()
        alone(server.url, "PostgreSQL on this machine")
        class_of_fifty(server.url)
    finally:
        server.remove()


def in_a_page(folder: Path, home: Path, times: int = 25) -> None:
    from conftest import running_lab

    with running_lab(folder, home) as lab:
        notebook = lab.open([CELL])
        notebook.run_all()
        notebook.page.locator(".rlhf-question").click()
        done = 0
        for when in ("", " while a model learns"):
            if when:
                notebook.page.get_by_role("button", name="Teach").click()
                notebook.page.wait_for_timeout(1000)
            shown = []
            for _ in range(times):
                shown.append(notebook.page.evaluate(NEXT_ITEM))
                notebook.page.wait_for_timeout(300)
            notebook.page.wait_for_timeout(1000)
            stored = json.loads((folder / "stored.json").read_text())[done:]
            done += len(stored)
            row(f"key to next item on screen{when}", shown)
            row(f"key to stored answer{when}", stored)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        places = [Path(folder) / name for name in ("work", "home")]
        for place in places:
            place.mkdir()
        alone(places[0] / "answers.db", "a SQLite file")
        on_postgresql()
        if sys.argv[1:] != ["store"]:
            in_a_page(*places)
