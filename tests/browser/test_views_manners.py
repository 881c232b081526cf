"""What a view does besides asking: it stops when it is taken away, keeps its buttons together, says what is new."""

import pytest
from bare_page import asked, bare_pages

pytestmark = pytest.mark.browser


@pytest.fixture
def show(chromium):
    with bare_pages(chromium) as opened:
        yield opened


FILM = {"data": None, "n": 20, "columns": 5, "width": 12, "height": 8, "fps": 25, "alt": "a box"}
COUNT = """() => { window.asked = 0; const next = window.requestAnimationFrame;
  window.requestAnimationFrame = (call) => { window.asked += 1; return next(call); }; }"""


def test_films_stop_when_their_view_is_taken_away(show):
    page = show("clips", asked([["a", "b"]], films=[FILM, FILM]))
    page.get_by_role("button", name="Pause").wait_for()  # they play by themselves
    page.evaluate(COUNT)
    page.wait_for_function("window.asked > 2")
    page.evaluate("window.leave()")
    page.wait_for_timeout(100)
    before = page.evaluate("window.asked")
    page.wait_for_timeout(300)
    assert page.evaluate("window.asked") == before


def test_undo_and_skip_stay_side_by_side_however_narrow_the_view_is(show):
    page = show("edit", asked([["fine"]]))
    undo, skip = (page.get_by_role("button", name=name) for name in ("Undo", "Skip"))
    for width in range(1180, 300, -80):
        page.set_viewport_size({"width": width, "height": 700})
        assert undo.bounding_box()["y"] == skip.bounding_box()["y"]


def test_a_beginning_that_was_read_already_says_so(show):
    state = asked([["x", "y"]] * 3)
    state["items"][1]["prompt"] = "Prompt 0"
    page = show("compare", state)
    page.locator(".rlhf-question").click()
    for known in (False, True, False):
        classes = page.locator(".rlhf-prompt").get_attribute("class")
        assert ("rlhf-known" in classes) == known
        page.keyboard.press("t")
        page.wait_for_timeout(260)
