"""The teach panel and the opinion view without a browser."""

import sys
import threading
import time
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

import rlhf_edu
from rlhf_edu.widgets.live import POINTS, Teach, readable
from rlhf_edu.widgets.opinion import Opinion

EVIL = "<script>alert(1)</script>"


def steps(n=20, pause=0.0):
    for i in range(n):
        time.sleep(pause) if pause else None
        yield {"reward": float(i), "kl_nats": float("nan") if i == 3 else i / 10}


def test_a_run_with_nobody_there():
    done = []
    live = Teach(steps, keys=("reward", "kl_nats"), total=20, on_done=lambda history: done.append(len(history)))
    assert live.status == "ready"
    assert live.rich.state["says"] == "Nothing has happened yet. Press Teach to begin."
    history = live.wait(30)
    assert [record["reward"] for record in history] == list(range(20))
    assert done == [20]
    assert live.rich.state["step"] == 20
    assert live.rich.state["curves"][1]["label"] == "KL (nats)"
    assert live.rich.state["curves"][1]["points"][3] == (4, None)  # NaN is no JSON
    assert live.wait() is history  # waiting again starts nothing
    assert len(live.run_now()) == 20
    assert done == [20, 20]


@pytest.mark.parametrize("fails", [False, True])
def test_while_it_trains_answers_wait_a_tenth_as_long_for_their_turn(fails):
    def run():
        yield {"turn": sys.getswitchinterval()}
        if fails:
            raise ValueError("no luck")

    usual = sys.getswitchinterval()
    live = Teach(run, keys=("turn",), total=1)
    live.act({"do": "start"})
    assert live.worker.wait(10)
    assert live.history[0]["turn"] == pytest.approx(usual / 10, rel=0.01)
    assert sys.getswitchinterval() == usual
    assert live.status == ("failed" if fails else "finished")


def test_pause_go_on_and_stop_close_the_run():
    closed = threading.Event()

    def run():
        try:
            yield from steps(1000, 0.01)
        finally:
            closed.set()

    live = Teach(run, total=1000)
    live.act({"do": "start"})
    time.sleep(0.1)
    live.act({"do": "pause"})
    time.sleep(0.1)
    at = len(live.history)
    time.sleep(0.2)
    assert len(live.history) == at > 0
    assert live.rich.state["status"] == "paused"
    with pytest.raises(TimeoutError, match=r"still going on after 0.2 s: wait longer, or press Stop"):
        live.wait(0.2)  # waiting goes on from a pause
    assert len(live.history) > at
    live.act({"do": "stop"})
    assert len(live.wait(10)) < 1000
    assert closed.is_set()
    assert live.rich.state["says"].startswith("Stopped after step")


def test_a_failing_run_is_one_sentence_and_can_be_started_again():
    broken = [True]

    def run():
        yield {"reward": 1.0}
        if broken.pop():
            raise RuntimeError("no such taste\nand a second line")
        yield {"reward": 2.0}

    live = Teach(run)
    with pytest.raises(RuntimeError, match=r"step 2 failed \(RuntimeError: no such taste\); put that right"):
        live.wait(10)
    assert live.rich.state["says"].count("\n") == 0
    broken.append(False)
    live.start()
    assert len(live.wait(10)) == 2
    live = Teach(steps, on_done=lambda history: 1 / 0)
    assert len(live.wait(10)) == 20
    assert "the run is complete, but on_done failed (ZeroDivisionError" in live.rich.state["problem"]


def test_the_page_hears_at_most_five_times_a_second_and_gets_few_points():
    told = []
    live = Teach(lambda: steps(3000), total=3000)
    live.rich.observe(lambda change: told.append(change.new["step"]), "state")
    start = time.monotonic()
    live.wait(60)
    assert len(told) <= 5 * (time.monotonic() - start) + 3
    points = live.rich.state["curves"][0]["points"]
    assert len(points) <= POINTS + 1
    assert points[-1] == (3000, 2999.0)


def test_the_plain_panel_draws_a_picture():
    live = Teach(steps, keys=("reward", "kl_nats"), total=20, view="plain")
    live._start.click()
    live.wait(30)
    assert bytes(live._picture.value)[:4] == b"\x89PNG"
    assert live._progress.value == 20
    assert live._start.description == "Teach"
    assert live._stop.disabled


def test_opinions_are_shares_of_the_range_seen_so_far():
    view = Opinion(["x", EVIL], ["A", "B"])
    assert [row["score"] for row in view.rich.state["rows"]] == [None, None]
    view.set_scores([0.0, 4.0])
    view.set_scores([3.0, 1.0], note="After 8 answers.")
    rows = view.rich.state["rows"]
    assert [row["share"] for row in rows] == [0.75, 0.25]
    assert [row["change"] for row in rows] == [3.0, -3.0]
    for scores, words in [([1.0], "1 entries, but there are 2"), ([1.0, float("nan")], "every score must be a finite")]:
        with pytest.raises(ValueError, match=words):
            view.set_scores(scores)
    assert view.rich.state["rows"] == rows
    with pytest.raises(ValueError, match="labels has 1 entries, but there are 2 texts"):
        Opinion(["x", "y"], ["A"])
    fixed = Opinion(["x", "y"], low=0, high=1, view="plain")
    fixed.set_scores([0.25, 2.0])
    assert [bar.value for bar in fixed._bars] == [0.25, 1.0]


def test_keys_become_words():
    assert [readable(k) for k in ("reward", "kl_nats", "win_rate")] == ["reward", "KL (nats)", "win rate"]


def test_a_notebook_runs_to_the_end_with_nobody_there(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(rlhf_edu.__file__).parents[1]))
    source = """
from rlhf_edu.feedback.annotators import boltzmann, label_all
from rlhf_edu.feedback.session import FeedbackSession
from rlhf_edu.feedback.store import FeedbackStore
from rlhf_edu.feedback.types import Query
from rlhf_edu.widgets.compare import Compare
from rlhf_edu.widgets.live import Teach
import numpy as np
session = FeedbackSession([Query("compare", "p", ("x", "yy"))], FeedbackStore("a.db"))
live = Teach(lambda: iter([{"reward": 1.0}] * 3), total=3)
display(Compare(session), live)
"""
    cells = [source, "label_all(session, boltzmann(len, rng=np.random.default_rng(0)))", "len(live.wait())"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    NotebookClient(notebook, timeout=60, kernel_name="python3", resources={"metadata": {"path": tmp_path}}).execute()
    assert notebook.cells[1].outputs[0]["data"]["text/plain"] == "1"
    assert notebook.cells[2].outputs[0]["data"]["text/plain"] == "3"


def test_stop_says_that_the_step_under_way_ends_first_and_teach_waits_for_it():
    free = threading.Event()

    def run():
        yield {"reward": 1.0}
        free.wait(10)
        yield {"reward": 2.0}
        raise AssertionError("a stopped run goes no further")

    live = Teach(run, total=9)
    live.act({"do": "start"})
    while not live.history:
        time.sleep(0.01)
    live.act({"do": "stop"})
    assert live.rich.state["status"] == "stopping"
    assert live.rich.state["says"] == "Stopping: step 2 of 9 ends first."
    live.act({"do": "start"})  # switched off on the page; nothing happens
    free.set()
    assert len(live.wait(10)) == 2
    assert live.rich.state["status"] == "stopped"
    assert live.rich.state["says"].startswith("Stopped after step 2 of 9")


def test_a_run_whose_clearing_up_fails_is_told_all_the_same():
    class Untidy:
        def __iter__(self):
            yield from steps(3)

        def close(self):
            raise OSError("the file is gone")

    live = Teach(Untidy, total=3)
    live.act({"do": "start"})
    live.worker.wait(10)
    assert len(live.history) == 3
    assert "failed (OSError: the file is gone)" in live.rich.state["says"]
