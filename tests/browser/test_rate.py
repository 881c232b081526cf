"""Rating in a real page, by mouse and by keyboard: what is pressed is what is stored."""

import pytest
from asking_page import counted, picture, shown_view, soon, stored

pytestmark = pytest.mark.browser

SETUP = """
from rlhf_edu.widgets.rate import Rate
texts = ["A ghost & a <b>bold</b> fox lived in the old mill.", "The bus was late.", "Bones rattled behind the door."]
queries = [Query("rate", "Once upon a time.", (text,)) for text in texts]
queries.append(Query("rate", "Once upon a time.", ("Fog came up.",), scale=(0, 100)))
session = FeedbackSession(queries, FeedbackStore(FILE), guidelines="How spooky is it?")
Rate(session)
"""


@pytest.fixture
def notebook(lab, tmp_path):
    with shown_view(lab, tmp_path, SETUP, "rate") as opened:
        yield opened


def press(page, mark):
    page.locator(f'.rlhf-mark[aria-keyshortcuts="{mark}"]').click()


def test_rate_by_mouse(notebook, tmp_path):
    page = notebook.page
    assert page.locator(".rlhf-text").inner_text() == "A ghost & a <b>bold</b> fox lived in the old mill."
    picture(notebook, "rate_start")
    press(page, "4")
    counted(page, "1 of 4")
    press(page, "1")
    counted(page, "2 of 4")
    page.get_by_role("button", name="Undo").click()
    counted(page, "1 of 4")
    press(page, "2")
    counted(page, "2 of 4")
    soon(lambda: [record.score for record in stored(tmp_path)], [4, 2])


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
    picture(notebook, "rate_slider")
    page.keyboard.press("Enter")
    page.get_by_text("All done. Thank you!").wait_for()
    soon(lambda: [record.score for record in stored(tmp_path)], [5, 3, 51])
