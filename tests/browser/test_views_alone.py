"""The views' scripts in a bare page with a stand-in for the kernel, which can be made slow or silent at will."""

import numpy as np
import pytest
from bare_page import PAIRS, asked, bare_pages, sent

pytestmark = pytest.mark.browser

RUN = {"status": "ready", "step": 0, "total": 9, "says": "Nothing yet.", "problem": "", "start": "Teach", "curves": []}


@pytest.fixture
def show(chromium):
    with bare_pages(chromium) as opened:
        yield opened


def test_the_next_item_does_not_wait_for_a_silent_kernel_which_is_reported(show):
    page = show("compare", PAIRS)
    page.locator(".rlhf-question").click()
    page.keyboard.press("ArrowLeft")
    assert page.locator(".rlhf-prompt").inner_text() == "Prompt 1"
    assert page.locator(".rlhf-count").inner_text() == "1 of 3 answered"
    page.get_by_text("Saving: the kernel is busy, 1 waiting.").wait_for()
    assert [(m["do"], m["item"], m["value"]) for m in sent(page)] == [("answer", "i0", "left")]
    page.evaluate("window.update({ items: window.state.items.slice(1), answered: 1 })")
    page.evaluate("window.heard['msg:custom']({ handled: 'i0' })")
    page.locator(".rlhf-problem").wait_for(state="hidden")
    assert page.locator(".rlhf-prompt").inner_text() == "Prompt 1"


def test_a_kernel_silent_for_long_may_be_gone_and_the_page_says_what_then(show):
    page = show("compare", PAIRS)
    page.clock.install()
    page.locator(".rlhf-question").click()
    page.keyboard.press("ArrowLeft")
    page.clock.fast_forward(13_000)
    page.get_by_text(
        "Saving: the kernel is busy, 1 waiting. If it was stopped or restarted, they are lost: run"
    ).wait_for()


def test_an_answer_that_the_kernel_did_not_count_is_asked_again(show):
    page = show("compare", PAIRS)
    page.locator(".rlhf-question").click()
    page.keyboard.press("t")
    page.evaluate("window.heard['msg:custom']({ handled: 'i0' })")  # handled, but still among the items
    assert page.locator(".rlhf-prompt").inner_text() == "Prompt 0"


def test_no_plain_key_reaches_the_page_around_even_when_the_focused_button_goes_off(show):
    page = show("compare", PAIRS | {"answered": 1})
    page.get_by_role("button", name="Undo").click()
    page.evaluate("window.update({ answered: 0 })")
    assert page.get_by_role("button", name="Undo").get_attribute("aria-disabled") == "true"
    page.get_by_role("button", name="Left is better").click()
    page.evaluate("window.update({ items: [], answered: 3 })")
    page.get_by_text("All done. Thank you!").wait_for()
    for key in ("a", "x", "d", "u"):
        page.keyboard.press(key)
    assert page.evaluate("window.leaked") == []
    assert sent(page)[-1] == {"do": "undo"}
    page.keyboard.press("Control+s")  # told on the page itself: JupyterLab hears nothing of what happens in a view
    assert page.evaluate("window.leaked").count("s") == 2


def test_held_keys_and_double_presses_count_once(show):
    page = show("compare", PAIRS)
    page.locator(".rlhf-question").click()
    for _ in range(3):
        page.keyboard.down("t")  # the second and third are repeats of a held key
    page.keyboard.up("t")
    page.keyboard.press("j")
    assert len(sent(page)) == 1
    page.get_by_role("button", name="Tie").focus()
    for wait in (260, 260, 260):
        page.wait_for_timeout(wait)
        page.keyboard.down("Enter")  # on a button, where the browser itself would click again and again
    page.keyboard.up("Enter")
    assert len(sent(page)) == 2


def test_the_teach_panel_is_worked_by_keys(show):
    page = show("live", RUN)
    page.get_by_role("button", name="Teach").click()
    page.evaluate("window.update({ status: 'running', step: 1, says: 'Learning: step 1.' })")
    page.get_by_text("Learning: step 1.").wait_for()
    page.keyboard.press("Enter")  # Teach is switched off now
    for key in ("p", "x", "a"):
        page.keyboard.press(key)
    assert [m["do"] for m in sent(page)] == ["start", "pause", "stop"]
    assert page.evaluate("window.leaked") == []
    page.evaluate("window.update({ status: 'paused' })")
    page.get_by_role("button", name="Go on").wait_for()


EVIL = "<img src=x onerror='window.hacked = 1'><script>window.hacked = 1</script>"
MARKS = [{"value": v, "key": str(v), "words": {1: f"awful {EVIL}", 5: "a joy"}.get(v, "")} for v in range(1, 6)]
FINE = {"low": 0, "high": 1, "step": 0.01, "start": 0.5, "words": ["0", "1"]}


def answers(page):
    return [(m["item"], m["value"]) for m in sent(page) if m["do"] == "answer"]


def hear(page, item):
    page.evaluate("item => window.heard['msg:custom']({ handled: item })", item)


def test_a_digit_rates_a_text_and_what_models_wrote_stays_text(show):
    page = show("rate", asked([[EVIL], ["fine"]], marks=MARKS, fine=None))
    assert page.locator(".rlhf-text").inner_text() == EVIL
    page.get_by_role("button", name="5 a joy").wait_for()
    page.locator(".rlhf-question").click()
    for key in ("9", "4", "2"):  # 9 is no mark; 2 comes within 250 ms of 4
        page.keyboard.press(key)
    assert answers(page) == [("i0", 4)]
    assert page.locator(".rlhf-text").inner_text() == "fine"
    page.wait_for_timeout(260)
    page.get_by_role("button", name="1 awful").click()
    assert answers(page)[1:] == [("i1", 1)]
    assert page.evaluate("[window.hacked ?? null, window.leaked]") == [None, []]


def test_a_fine_scale_is_moved_by_arrows_and_given_by_enter(show):
    page = show("rate", asked([["fine"]], marks=[], fine=FINE))
    page.locator(".rlhf-question").click()
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "ArrowRight"):
        page.keyboard.press(key)
    page.get_by_role("button", name="Give 0.52").wait_for()
    page.keyboard.press("Enter")
    assert answers(page) == [("i0", 0.52)]


def test_texts_are_ranked_by_letters_by_arrows_and_by_dragging(show):
    page = show("rank", asked([["one", EVIL, "three"]] * 3))
    texts = page.locator(".rlhf-rank .rlhf-text")
    page.locator(".rlhf-question").click()
    for key in ("c", "a", "Enter"):
        page.keyboard.press(key)
    assert answers(page) == [("i0", [2, 0, 1])]
    page.wait_for_timeout(260)
    assert texts.all_inner_texts() == ["one", EVIL, "three"]  # the next item, in its own order
    for key in ("ArrowDown", "ArrowDown", "Shift+ArrowUp", "Shift+ArrowDown", "Shift+ArrowDown"):
        page.keyboard.press(key)
    assert texts.all_inner_texts() == ["one", "three", EVIL]
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Text B, place 3 of 3"
    page.get_by_role("button", name="This is my order").click()
    page.wait_for_timeout(260)
    handle, first = page.locator(".rlhf-handle").nth(2).bounding_box(), page.locator(".rlhf-rank").first.bounding_box()
    page.mouse.move(handle["x"] + 10, handle["y"] + 10)
    page.mouse.down()
    page.mouse.move(handle["x"] + 10, first["y"] + 5, steps=5)
    page.mouse.up()
    page.get_by_role("button", name="Move text A down").click()
    page.locator(".rlhf-question").click()
    page.keyboard.press("Enter")
    assert answers(page)[1:] == [("i1", [0, 2, 1]), ("i2", [2, 1, 0])]
    hear(page, "i0")  # taken back: what was done shows again
    assert texts.all_inner_texts() == ["three", "one", EVIL]
    assert page.evaluate("[window.hacked ?? null, window.leaked]") == [None, []]


def marked(page):
    """What the marked difference shows: [["#text" | "DEL" | "INS", text], ...]."""
    return page.evaluate(
        "[...document.querySelector('.rlhf-card .rlhf-text').childNodes].map((n) => [n.nodeName, n.textContent])"
    )


def without(kind, parts):
    return "".join(text for name, text in parts if name != kind)


def most_in_common(a, b):
    """The length of the longest common subsequence, from its definition."""
    if not a or not b:
        return 0
    if a[0] == b[0]:
        return 1 + most_in_common(a[1:], b[1:])
    return max(most_in_common(a[1:], b), most_in_common(a, b[1:]))


def test_the_difference_keeps_as_many_signs_as_can_be_kept(show):
    rng = np.random.default_rng(0)
    before, *versions = ["".join(rng.choice(list("<&>."), 10)) for _ in range(9)]  # each sign is a word of its own
    page = show("edit", asked([[before]]))
    for after in versions:
        page.locator("textarea").fill(after)
        parts = marked(page)
        assert (without("INS", parts), without("DEL", parts)) == (before, after)
        assert sum(len(text) for name, text in parts if name == "#text") == most_in_common(before, after)


def test_a_text_is_edited_with_the_difference_live_and_line_ends_are_no_change(show):
    page = show("edit", asked([[f"the cat sat\r\n{EVIL}"], ["the cat sat on the mat"]]))
    page.locator(".rlhf-question").click()
    page.keyboard.press("Control+Enter")
    assert answers(page) == [("i0", f"the cat sat\r\n{EVIL}")]  # good as it is
    page.wait_for_timeout(260)
    page.keyboard.press("e")
    page.keyboard.press("Control+a")
    page.keyboard.type(f"the big cat sat on {EVIL}")
    assert page.locator("ins").first.inner_text().strip() == "big"
    assert without("INS", marked(page)) == "the cat sat on the mat"
    assert without("DEL", marked(page)) == f"the big cat sat on {EVIL}"
    page.keyboard.press("Escape")
    page.keyboard.press("0")
    page.get_by_text("Nothing changed yet").wait_for()
    page.locator("textarea").fill("a dog")
    page.get_by_role("button", name="Keep my version").click()
    assert answers(page)[1:] == [("i1", "a dog")]
    hear(page, "i1")
    assert page.locator("textarea").input_value() == "a dog"
    assert page.evaluate("window.hacked ?? null") is None
    assert "e" not in page.evaluate("window.leaked")
