"""Rating in a real page, by mouse and by keyboard: what is pressed is what is stored."""

import os

import pytest

from rlhf_edu.feedback.store import FeedbackStore

pytestmark = pytest.mark.browser

SETUP = """
from rlhf_edu.feedback.types import Query
from rlhf_edu.feedback.store import FeedbackStore
from rlhf_edu.feedback.session import FeedbackSession
from rlhf_edu.widgets.rate import Rate
texts = ["A ghost & a <b>bold</b> fox lived in the old mill.", "The bus was late.", "Bones rattled behind the door."]
queries = [Query("rate", "Once upon a time.", (text,)) for text in texts]
queries.append(Query("rate", "Once upon a time.", ("Fog came up.",), scale=(0, 100)))
session = FeedbackSession(queries, FeedbackStore(FILE), guidelines="How spooky is it?")
Rate(session)
"""


@pytest.fixture
def notebook(lab, tmp_path):
    opened = lab.open([f"FILE = {str(tmp_path / 'answers.db')!r}\n{SETUP}"], viewport={"width": 1180, "height": 900})
    opened.run_all()
    opened.page.locator(".rlhf-view").wait_for()
    yield opened
    if folder := os.environ.get("VIEW_PICTURES"):  # for somebody to look at
        opened.screenshot(f"{folder}/rate_end.png")
    assert opened.source_count() == 1  # no key has made JupyterLab add a cell


def picture(notebook, name):
    if folder := os.environ.get("VIEW_PICTURES"):
        notebook.screenshot(f"{folder}/rate_{name}.png")


def counted(page, text):
    page.locator(".rlhf-count", has_text=text).wait_for()
    page.wait_for_timeout(260)  # nobody answers twice within a quarter of a second


def stored(tmp_path):
    return [event.record for event in FeedbackStore(tmp_path / "answers.db").answers()]


def press(page, mark):
    page.locator(f'.rlhf-mark[aria-keyshortcuts="{mark}"]').click()


def test_rate_by_mouse(notebook, tmp_path):
    page = notebook.page
    assert page.locator(".rlhf-text").inner_text() == "A ghost & a <b>bold</b> fox lived in the old mill."
    picture(notebook, "start")
    press(page, "4")
    counted(page, "1 of 4")
    press(page, "1")
    counted(page, "2 of 4")
    page.get_by_role("button", name="Undo").click()
    counted(page, "1 of 4")
    press(page, "2")
    counted(page, "2 of 4")
    assert [record.score for record in stored(tmp_path)] == [4, 2]


def test_rate_by_keyboard(notebook, tmp_path):
    page = notebook.page
    page.locator(".rlhf-question").click()
    for i, key in enumerate(["5", "3"]):
        page.keyboard.press(key)
        counted(page, f"{i + 1} of 4")
    page.keyboard.press("a")  # a command of JupyterLab, no key of ours
    page.keyboard.press("s")
    page.keyboard.press("1")
    counted(page, "3 of 4")
    page.keyboard.press("ArrowRight")  # the last one has a fine scale: a slider
    picture(notebook, "slider")
    page.keyboard.press("Enter")
    page.get_by_text("All done. Thank you!").wait_for()
    assert [record.score for record in stored(tmp_path)] == [5, 3, 51]
