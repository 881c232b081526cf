"""Editing in a real page, by mouse and by keyboard: what is written is what is stored, letter by letter."""

import pytest
from asking_page import counted, picture, shown_view, soon, stored

pytestmark = pytest.mark.browser

SETUP = """
from rlhf_edu.widgets.edit import Edit
texts = ["A ghost & a <b>bold</b> fox lived here.", "The bus was late.", "Bones rattled."]
queries = [Query("edit", "Once upon a time.", (text,)) for text in texts]
session = FeedbackSession(queries, FeedbackStore(FILE), guidelines="How spooky is it?")
Edit(session)
"""


@pytest.fixture
def notebook(lab, tmp_path):
    with shown_view(lab, tmp_path, SETUP, "edit") as opened:
        yield opened


def test_edit_by_mouse(notebook, tmp_path):
    page = notebook.page
    page.locator("textarea.rlhf-edit").fill("A ghost & a <b>grim</b> fox died here.")
    page.get_by_text("2 out (struck through), 2 in (underlined)").wait_for()
    picture(notebook, "edit_changed")
    page.get_by_role("button", name="Keep my version").click()
    counted(page, "1 of 3")
    page.get_by_role("button", name="Good as it is").click()
    counted(page, "2 of 3")
    soon(lambda: len(stored(tmp_path)), 2)
    changed, same = stored(tmp_path)
    assert (changed.text, changed.edited) == (
        "A ghost & a <b>bold</b> fox lived here.",
        "A ghost & a <b>grim</b> fox died here.",
    )
    assert same.text == same.edited == "The bus was late."


def test_edit_by_keyboard(notebook, tmp_path):
    page = notebook.page

    def edited():
        return [record.edited for record in stored(tmp_path)]

    page.locator(".rlhf-question").click()
    page.keyboard.press("e")
    page.keyboard.press("Control+End")
    page.keyboard.type(" Dad sus, g 0!")  # every letter is a key of ours or of JupyterLab, and must stay a letter
    page.keyboard.press("Control+Enter")
    counted(page, "1 of 3")
    soon(edited, ["A ghost & a <b>bold</b> fox lived here. Dad sus, g 0!"])
    page.keyboard.press("Escape")
    page.keyboard.press("u")
    counted(page, "0 of 3")
    assert page.locator("textarea.rlhf-edit").input_value().endswith("Dad sus, g 0!")
    page.keyboard.press("0")
    page.keyboard.press("Control+Enter")
    counted(page, "1 of 3")
    soon(edited, ["A ghost & a <b>bold</b> fox lived here."])
