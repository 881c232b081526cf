"""Teaching live in a real page: start, pause, go on, stop; answering meanwhile; a failing run; the opinion view."""

import pytest

pytestmark = pytest.mark.browser

RUN = """
import time
from rlhf_edu.widgets.live import Teach
from rlhf_edu.widgets.opinion import Opinion
def steps():
    for i in range(30):
        time.sleep(0.1)
        if i == FAILS_AT:
            raise ValueError("the reward is NaN")
        yield {"reward": i / 30, "kl_nats": 0.1 * i}
live = Teach(steps, keys=("reward", "kl_nats"), total=30)
"""


def says(notebook, text):
    notebook.page.locator(".rlhf-says", has_text=text).wait_for()


def press(notebook, name):
    notebook.page.get_by_role("button", name=name, exact=False).first.click()


def test_teach_pause_go_on_and_the_next_cell_reads_the_history(lab):
    notebook = lab.open([f"FAILS_AT = -1\n{RUN}\nlive", "2 + 2"])
    notebook.run_all()
    assert notebook.outputs()[1] == "4"  # showing the panel held up nothing
    says(notebook, "Nothing has happened yet")
    press(notebook, "Teach")
    says(notebook, "Learning: step")
    press(notebook, "Pause")
    says(notebook, "Paused after step")
    at = notebook.page.locator(".rlhf-says").inner_text()
    notebook.page.wait_for_timeout(500)
    assert notebook.page.locator(".rlhf-says").inner_text() == at
    press(notebook, "Go on")
    says(notebook, "Done: 30 steps")
    assert notebook.page.locator(".rlhf-value").all_inner_texts() == ["0.97", "2.90"]
    ink = "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some(x => x > 0)"
    assert all(canvas.evaluate(ink) for canvas in notebook.page.locator("canvas").all())


def test_run_all_with_nobody_there_and_stop_by_key(lab):
    notebook = lab.open([f"FAILS_AT = -1\n{RUN}\nlive", "len(live.wait(60))"])
    notebook.run_all()
    assert notebook.outputs()[1] == "30"
    says(notebook, "Done: 30 steps")
    press(notebook, "Teach again")
    says(notebook, "Learning: step")
    notebook.page.keyboard.press("x")
    says(notebook, "Stopped after step")


def test_a_run_that_fails_says_so_in_one_sentence(lab):
    notebook = lab.open([f"FAILS_AT = 3\n{RUN}\nlive"])
    notebook.run_all()
    press(notebook, "Teach")
    says(notebook, "Stopped: step 4 failed (ValueError: the reward is NaN); put that right, then start again.")


def test_opinions_move_when_python_says_so(lab):
    cells = ["from rlhf_edu.widgets.opinion import Opinion\nview = Opinion(['<b>x</b>', 'y'], ['A', 'B'])\nview"]
    notebook = lab.open([*cells, "view.set_scores([0.0, 1.0]); view.set_scores([2.0, -1.0], 'After 12 answers.')"])
    notebook.run_all()
    notebook.page.get_by_role("status").get_by_text("After 12 answers.").wait_for()
    assert notebook.page.locator(".rlhf-value").all_inner_texts() == ["2.00", "−1.00"]
    assert notebook.page.locator(".rlhf-change").all_inner_texts() == ["▲ 2.00", "▼ 2.00"]
    assert notebook.page.locator(".rlhf-story").all_inner_texts() == ["<b>x</b>", "y"]


def test_answers_are_stored_while_the_model_learns(lab):
    cell = f"""FAILS_AT = -1
{RUN}
from rlhf_edu.feedback.session import FeedbackSession
from rlhf_edu.feedback.store import FeedbackStore
from rlhf_edu.feedback.types import Query
from rlhf_edu.widgets.compare import Compare
def busy():  # keeps a core busy with Python itself
    for i in range(60):
        until = time.perf_counter() + 0.1
        while time.perf_counter() < until:
            sum(range(100))
        yield {{"reward": i}}
session = FeedbackSession([Query("compare", str(i), ("x", "y")) for i in range(9)], FeedbackStore())
display(Compare(session), Teach(busy, total=60))"""
    notebook = lab.open([cell])
    notebook.run_all()
    press(notebook, "Teach")
    says(notebook, "Learning: step")
    notebook.page.locator(".rlhf-question").click()
    for i in range(4):
        notebook.page.keyboard.press("t")
        notebook.page.locator(".rlhf-count", has_text=f"{i + 1} of 9").wait_for()
        notebook.page.wait_for_timeout(260)
    says(notebook, "Learning: step")  # all this happened during the run
