"""Ranking in a real page, by dragging, by buttons and by keyboard: the order on the page is the order that is stored."""

import pytest
from asking_page import counted, picture, shown_view, soon, stored

pytestmark = pytest.mark.browser

SETUP = """
from rlhf_edu.widgets.rank import Rank
texts = ["A ghost & a <b>bold</b> fox.", "The bus was late.", "Bones rattled.", "Fog came up from the moor, and it was cold."]
queries = [Query("rank", f"Night {i}.", texts) for i in range(3)]
session = FeedbackSession(queries, FeedbackStore(FILE), guidelines="How spooky is it?")
Rank(session)
"""


@pytest.fixture
def notebook(lab, tmp_path):
    with shown_view(lab, tmp_path, SETUP, "rank") as opened:
        yield opened


def shown(page):
    return page.locator(".rlhf-rank .rlhf-text").all_inner_texts()


def drag_to_the_top(page, place):
    handle = page.locator(".rlhf-handle").nth(place).bounding_box()
    top = page.locator(".rlhf-rank").first.bounding_box()
    page.mouse.move(handle["x"] + 10, handle["y"] + 10)
    page.mouse.down()
    page.mouse.move(handle["x"] + 10, top["y"] + 4, steps=6)
    page.mouse.up()


def test_rank_by_mouse(notebook, tmp_path):
    page = notebook.page
    before = shown(page)
    picture(notebook, "rank_start")
    drag_to_the_top(page, 2)
    assert shown(page) == [before[2], before[0], before[1], before[3]]
    page.get_by_role("button", name="down").nth(2).click()
    wanted = [before[2], before[0], before[3], before[1]]
    assert shown(page) == wanted
    picture(notebook, "rank_dragged")
    page.get_by_role("button", name="This is my order").click()
    counted(page, "1 of 3")
    soon(lambda: [list(record.ranked) for record in stored(tmp_path)], [wanted])
    page.get_by_role("button", name="Undo").click()
    counted(page, "0 of 3")
    assert shown(page) == wanted  # what was done is still there
    soon(lambda: stored(tmp_path), [])


def test_rank_by_keyboard(notebook, tmp_path):
    page = notebook.page
    before = shown(page)
    page.locator(".rlhf-question").click()
    for key in "dbac":
        page.keyboard.press(key)
    picture(notebook, "rank_named")
    page.keyboard.press("Enter")
    counted(page, "1 of 3")
    soon(lambda: [list(record.ranked) for record in stored(tmp_path)], [[before[i] for i in (3, 1, 0, 2)]])
    second = shown(page)
    page.keyboard.press("ArrowDown")  # choose the first, and move it down twice
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Shift+ArrowDown")
    picture(notebook, "rank_moved")
    page.keyboard.press("Enter")
    counted(page, "2 of 3")
    soon(lambda: [list(record.ranked) for record in stored(tmp_path)][1:], [[second[i] for i in (1, 2, 0, 3)]])
