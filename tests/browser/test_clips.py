"""Choosing between clips in a real page: films that move together, keys, and an answer in the store."""

import pytest
from asking_page import soon

from rlhf_edu.feedback.store import FeedbackStore

pytestmark = pytest.mark.browser

SETUP = """
import numpy as np
from rlhf_edu.feedback.types import Query
from rlhf_edu.feedback.store import FeedbackStore
from rlhf_edu.feedback.session import FeedbackSession
from rlhf_edu.plots import sheet
from rlhf_edu.widgets.clips import Clips

def film(colour, n):
    frames = np.full((n, 80, 120, 3), 255, np.uint8)
    for i in range(n):
        frames[i, 30:50, 5 * i : 5 * i + 20] = colour
    return sheet(frames, width=120, fps=25, alt=f"a box, {n} pictures")

films = {"blue": film((0, 0, 200), 20), "red": film((200, 0, 0), 12)}
queries = [Query("clips", f"Question {i}", ("blue", "red")) for i in range(4)]
session = FeedbackSession(queries, FeedbackStore(FILE), seed=0, guidelines="Which box do you like?")
"""
WHERE = """canvas => { const pen = canvas.getContext('2d'); const { width, height } = canvas;
  const data = pen.getImageData(0, height / 2, width, 1).data; const seen = [];
  for (let x = 0; x < width; x++) if (data[4 * x + 1] < 100) seen.push(x);
  return seen.length ? seen[0] : null; }"""  # how far the box has come


def boxes(page):
    return [canvas.evaluate(WHERE) for canvas in page.locator("canvas").all()]


def test_films_are_wound_in_step_and_keys_choose(lab, tmp_path):
    file = tmp_path / "answers.db"
    notebook = lab.open([f"FILE = {str(file)!r}\n{SETUP}\nClips(session, films)"])
    notebook.run_all()
    page, cells = notebook.page, notebook.source_count()
    page.get_by_role("button", name="Left is better").wait_for()
    page.wait_for_timeout(500)
    assert boxes(page) == pytest.approx([0, 0], abs=2)  # reduced motion: nothing moves by itself
    page.locator(".rlhf-question").click()
    for _ in range(15):
        page.keyboard.press(".")
    short = 0 if "12" in page.locator("canvas").first.get_attribute("aria-label") else 1
    there = boxes(page)
    assert there[1 - short] == pytest.approx(75, abs=2)
    assert there[short] == pytest.approx(55, abs=2)  # stays on its last picture
    page.get_by_text("Over after 12 of 20").wait_for()
    notebook.screenshot(tmp_path / "clips.png", ".rlhf-view")
    page.keyboard.press(",")
    page.get_by_text("15 / 20").wait_for()
    slider = page.get_by_role("slider")
    slider.focus()
    page.keyboard.press("ArrowLeft")  # winds, and answers nothing
    page.get_by_text("14 / 20").wait_for()
    slider.fill("3")
    assert boxes(page) == pytest.approx([15, 15], abs=2)
    page.locator(".rlhf-question").click()
    page.keyboard.press(" ")
    page.get_by_text("Pause").wait_for()
    page.get_by_text("20 / 20").wait_for()
    page.keyboard.press(" ")
    page.keyboard.press("ArrowLeft" if short == 0 else "ArrowRight")
    page.locator(".rlhf-count", has_text="1 of 4").wait_for()
    page.wait_for_timeout(260)
    for key in ("t", "a", "d", "d"):
        page.keyboard.press(key)
    page.locator(".rlhf-count", has_text="2 of 4").wait_for()
    notebook.idle()
    soon(lambda: [e.record.chosen for e in FeedbackStore(file).answers()], ["red", None])
    page.keyboard.press("u")
    page.locator(".rlhf-count", has_text="1 of 4").wait_for()
    assert notebook.source_count() == cells


def test_films_start_by_themselves_where_motion_is_welcome(lab, tmp_path):
    file = tmp_path / "answers.db"
    notebook = lab.open([f"FILE = {str(file)!r}\n{SETUP}\nClips(session, films)"], reduced_motion="no-preference")
    notebook.run_all()
    notebook.page.get_by_text("20 / 20").wait_for()
    notebook.page.get_by_role("button", name="Pause").click()
    notebook.page.get_by_role("button", name="Play").wait_for()
