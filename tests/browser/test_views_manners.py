"""What a view does besides asking: it stops when it is taken away, keeps its buttons together, says what is new."""

import pytest
from bare_page import asked, bare_pages, sent

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


def test_what_is_said_marked_and_focused(show):
    page = show("edit", asked([["a cat"], ["b"]]) | {"seconds_each": 5})
    assert page.locator(".rlhf-pace").inner_text() == "5 s each · about 10 s left"
    page.get_by_role("progressbar", name="Answered").wait_for()
    page.get_by_role("region", name="What has changed").wait_for()
    page.locator("textarea").fill("a dog")
    line = "node => getComputedStyle(node).textDecorationLine"  # not by colour alone
    assert page.locator("del").evaluate(line) == "line-through"
    assert page.locator("ins").evaluate(line) == "underline"
    page.locator("textarea").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineWidth") == "3px"
    page.keyboard.press("Control+Enter")
    page.get_by_role("status").filter(has_text="Your version is kept. 1 of 2 answered").wait_for()
    page.evaluate("window.update({ problem: 'The disk is full.' })")
    page.get_by_role("alert").filter(has_text="The disk is full.").wait_for()


def test_the_view_that_has_the_keyboard_shows_it(show):
    page = show("compare", asked([["x", "y"]]))
    frame = "getComputedStyle(document.querySelector('.rlhf-view')).boxShadow"
    page.evaluate("document.activeElement.blur()")
    assert page.evaluate(frame) == "none"
    page.get_by_text("Click here to use the keys").click()
    assert page.evaluate(frame) != "none"


HIDE = """hidden => { Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
  document.dispatchEvent(new Event('visibilitychange')); }"""


def test_time_in_another_tab_counts_for_no_item_not_even_for_one_drawn_meanwhile(show):
    page = show("compare", asked([["x", "y"]] * 3))
    page.locator(".rlhf-question").click()
    page.evaluate(HIDE, True)
    page.wait_for_timeout(700)
    page.evaluate("window.update({ items: window.state.items.slice(1) })")  # another item, while nobody looks
    page.wait_for_timeout(700)
    page.evaluate(HIDE, False)
    page.keyboard.press("t")
    assert 0 <= sent(page)[-1]["seconds"] < 0.5


def test_the_reasons_close_when_the_item_changes_under_them(show):
    page = show("compare", asked([["x", "y"]] * 3))
    page.get_by_role("button", name="Skip").click()
    page.evaluate("window.update({ items: window.state.items.slice(1) })")  # answered in another view
    page.get_by_role("group", name="Why skip?").wait_for(state="hidden")
    page.keyboard.press("1")  # left is better now, and no reason
    assert [(m["do"], m["item"]) for m in sent(page)] == [("answer", "i1")]


def test_keys_that_are_jupyters_or_the_input_methods_answer_nothing(show):
    page = show("rank", asked([["x", "y"]] * 3))
    page.locator(".rlhf-question").click()
    page.keyboard.press("Shift+Enter")  # "run the cell"
    page.get_by_role("button", name="This is my order").focus()
    page.keyboard.press("Shift+Enter")
    page.get_by_role("button", name="Skip").click()
    other = page.get_by_label("Another reason")
    other.fill("にほん")
    composing = (
        "node => node.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', isComposing: %s, bubbles: true }))"
    )
    other.evaluate(composing % "true")
    assert sent(page) == []
    other.evaluate(composing % "false")
    assert [(m["do"], m["reason"]) for m in sent(page)] == [("skip", "にほん")]


@pytest.mark.parametrize("view", ["compare", "rank", "rate"])
def test_a_text_that_shows_nothing_says_so(show, view):
    state = asked([["\u200b \n", "y"]], marks=[{"value": 1, "key": "1", "words": ""}], fine=None)
    page = show(view, state)
    assert page.locator(".rlhf-text").first.inner_text() == "(nothing)"


def test_words_of_a_slider_stand_below_their_marks(show):
    words = [{"at": 0, "said": "0 bad"}, {"at": 60, "said": "60 fair"}, {"at": 100, "said": "100 good"}]
    fine = {"low": 0, "high": 100, "step": 1, "start": 50, "words": words}
    page = show("rate", asked([["x"]], marks=[], fine=fine))
    slider = page.get_by_label("Mark", exact=True).bounding_box()
    box = page.get_by_text("60 fair").bounding_box()
    assert box["x"] + box["width"] / 2 == pytest.approx(slider["x"] + 0.6 * slider["width"], abs=12)
    words[1] |= {"at": 90, "said": "90 very good"}
    page = show("rate", asked([["x"]], marks=[], fine=fine | {"words": words}))
    ends = [page.get_by_text(w["said"], exact=True).bounding_box() for w in words]
    assert ends[1]["x"] + ends[1]["width"] <= ends[2]["x"]  # too near each other for that: side by side
