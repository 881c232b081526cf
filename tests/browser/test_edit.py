"""Editing in a real page, by mouse and by keyboard: what is written is what is stored, letter by letter."""

import os

import pytest

from rlhf_edu.feedback.store import FeedbackStore

pytestmark = pytest.mark.browser

SETUP = """
from rlhf_edu.feedback.types import Query
from rlhf_edu.feedback.store import FeedbackStore
from rlhf_edu.feedback.session import FeedbackSession
from rlhf_edu.widgets.edit import Edit
texts = ["A ghost & a <b>bold</b> fox lived here.", "The bus was late.", "Bones rattled."]
queries = [Query("edit", "Once upon a time.", (text,)) for text in texts]
session = FeedbackSession(queries, FeedbackStore(FILE), guidelines="How spooky is it?")
Edit(session)
"""


@pytest.fixture
def notebook(lab, tmp_path):
    opened = lab.open([f"FILE = {str(tmp_path / 'answers.db')!r}\n{SETUP}"], viewport={"width": 1180, "height": 900})
    opened.run_all()
    opened.page.locator(".rlhf-view").wait_for()
    yield opened
    if folder := os.environ.get("VIEW_PICTURES"):  # for somebody to look at
        opened.screenshot(f"{folder}/edit_end.png")
    assert opened.source_count() == 1  # no key has made JupyterLab add a cell


def picture(notebook, name):
    if folder := os.environ.get("VIEW_PICTURES"):
        notebook.screenshot(f"{folder}/edit_{name}.png")


def counted(page, text):
    page.locator(".rlhf-count", has_text=text).wait_for()
    page.wait_for_timeout(260)  # nobody answers twice within a quarter of a second


def stored(tmp_path):
    return [event.record for event in FeedbackStore(tmp_path / "answers.db").answers()]


def test_edit_by_mouse(notebook, tmp_path):
    page = notebook.page
    page.locator("textarea.rlhf-edit").fill("A ghost & a <b>grim</b> fox died here.")
    page.get_by_text("2 out (struck through), 2 in (underlined)").wait_for()
    picture(notebook, "changed")
    page.get_by_role("button", name="Keep my version").click()
    counted(page, "1 of 3")
    page.get_by_role("button", name="Good as it is").click()
    counted(page, "2 of 3")
    changed, same = stored(tmp_path)
    assert (changed.text, changed.edited) == (
        "A ghost & a <b>bold</b> fox lived here.",
        "A ghost & a <b>grim</b> fox died here.",
    )
    assert same.text == same.edited == "The bus was late."


def test_edit_by_keyboard(notebook, tmp_path):
    page = notebook.page
    page.locator(".rlhf-question").click()
    page.keyboard.press("e")
    page.keyboard.press("Control+End")
    page.keyboard.type(" Dad sus, g 0!")  # every letter is a key of ours or of JupyterLab, and must stay a letter
    page.keyboard.press("Control+Enter")
    counted(page, "1 of 3")
    assert stored(tmp_path)[0].edited == "A ghost & a <b>bold</b> fox lived here. Dad sus, g 0!"
    page.keyboard.press("Escape")
    page.keyboard.press("u")
    counted(page, "0 of 3")
    assert page.locator("textarea.rlhf-edit").input_value().endswith("Dad sus, g 0!")
    page.keyboard.press("0")
    page.keyboard.press("Control+Enter")
    counted(page, "1 of 3")
    assert [record.edited for record in stored(tmp_path)] == ["A ghost & a <b>bold</b> fox lived here."]
