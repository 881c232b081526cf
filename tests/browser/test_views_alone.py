"""The views' scripts in a bare page with a stand-in for the kernel, which can be made slow or silent at will."""

from pathlib import Path

import pytest

import rlhf_edu.widgets

pytestmark = pytest.mark.browser

FOLDER = Path(rlhf_edu.widgets.__file__).parent
KERNEL = """async ([script, css, state]) => {
  document.body.innerHTML = '<style></style><div id="here"></div>';
  document.querySelector('style').textContent = css;
  window.state = state; window.sent = []; window.heard = {}; window.leaked = [];
  document.addEventListener('keydown', (event) => window.leaked.push(event.key));
  const model = { get: () => window.state, send: (message) => window.sent.push(message), off: () => 0,
    on: (name, call) => { window.heard[name] = call; } };
  window.update = (news) => { window.state = { ...window.state, ...news }; window.heard['change:state'](); };
  const view = await import(URL.createObjectURL(new Blob([script], { type: 'text/javascript' })));
  view.default.render({ model, el: document.getElementById('here') });
}"""
PAIRS = {
    "items": [{"item": f"i{n}", "prompt": f"Prompt {n}", "question": "", "texts": [f"x{n}", f"y{n}"]} for n in range(3)],
    "answered": 0, "skipped": 0, "total": 3, "simulated": 0, "seconds_each": None, "guidelines": "Be fair.",
    "reasons": ["I cannot tell"], "problem": "",
}  # fmt: skip
RUN = {"status": "ready", "step": 0, "total": 9, "says": "Nothing yet.", "problem": "", "start": "Teach", "curves": []}


@pytest.fixture
def show(chromium):
    pages = []

    def open_view(name, state):
        page = chromium.new_page()
        pages.append(page)
        page.set_default_timeout(60_000)
        script = "\n".join((FOLDER / file).read_text() for file in ("common.js", f"{name}.js"))
        page.evaluate(KERNEL, [script, (FOLDER / "style.css").read_text(), state])
        return page

    yield open_view
    for page in pages:
        page.close()


def sent(page):
    return [m for m in page.evaluate("window.sent") if m["do"] != "ready"]


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
    page.keyboard.press("Control+s")  # commands with Ctrl are still JupyterLab's
    assert "s" in page.evaluate("window.leaked")


def test_held_keys_and_double_presses_count_once(show):
    page = show("compare", PAIRS)
    page.locator(".rlhf-question").click()
    for _ in range(3):
        page.keyboard.down("t")  # the second and third are repeats of a held key
    page.keyboard.up("t")
    page.keyboard.press("j")
    assert len(sent(page)) == 1


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
