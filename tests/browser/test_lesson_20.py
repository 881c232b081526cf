"""Lesson 20 by keys alone: forty comparisons while the model learns, then the blind test; how long each answer takes."""

import re

import nbformat
import numpy as np
import pytest
from asking_page import picture, run_cells

from rlhf_edu.feedback.store import FeedbackStore
from rlhf_edu.grading.release import find_root

pytestmark = [pytest.mark.browser, pytest.mark.slow]
LESSON = find_root() / "notebooks" / "20_live_rlhf.ipynb"
LIVE = "display(live, Compare(session), page)"
WORDS_A_MINUTE = 250
FASTER = {  # the lesson's forty questions, in as few steps as they fit in
    "FIRST, MORE, EVERY, SHARED, DRAFTS = budget(16, 8), budget(8, 4), budget(6, 1), 4, 12": "FIRST, MORE, EVERY, "
    "SHARED, DRAFTS = 16, 8, 1, 4, 12",
    "steps=budget(24, 3)": "steps=4",
}
CLOCK = """() => { window.took = [];
  const shown = (view) => [...view.querySelectorAll('.rlhf-count, .rlhf-text')].map((n) => n.textContent).join();
  document.addEventListener('keydown', (event) => { const view = event.target.closest('.rlhf-view');
    if (!view?.querySelector('.rlhf-count') || !/^Arrow/.test(event.key)) return;
    const before = shown(view);
    const look = () => shown(view) === before ? requestAnimationFrame(look) : window.took.push(performance.now() - event.timeStamp);
    requestAnimationFrame(look); }, true); }"""


@pytest.fixture
def lesson(lab, tmp_path):
    nb = nbformat.read(LESSON, as_version=4)
    nb.cells.insert(1, nbformat.v4.new_code_cell("import os\nos.environ['RLHF_EDU_FAST'] = '1'", id="fast-mode"))
    source = "\0".join(cell.source for cell in nb.cells)
    for old, new in (FASTER | {'"my_live_answers.db"': repr(str(tmp_path / "answers.db"))}).items():
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    for cell, text in zip(nb.cells, source.split("\0"), strict=True):
        cell.source = text
    nbformat.write(nb, tmp_path / "lesson.ipynb")
    return lab.open(tmp_path / "lesson.ipynb", viewport={"width": 1280, "height": 1300})


def tab_into(page, view, key):
    """Press Tab, or Shift+Tab, until the keyboard is inside `view`."""
    inside = "view => view.contains(document.activeElement)"
    for _ in range(30):
        if view.evaluate(inside):
            return
        page.keyboard.press(key)
    raise AssertionError("thirty times Tab, and not there")


def answer(page, view, n):
    """Choose the longer text by an arrow key until n are answered; the words one had to read for it."""
    words, known = 0, None
    count = view.locator(".rlhf-count")
    start = int(count.inner_text().split()[0])
    for i in range(start, n):
        view.locator(".rlhf-question").wait_for()  # while the model learns, the next ones may still be on their way
        prompt, texts = view.locator(".rlhf-prompt").inner_text(), view.locator(".rlhf-text").all_inner_texts()
        lengths = [len(text.split()) for text in texts]
        words += sum(lengths) + (len(prompt.split()) if prompt != known else 0)
        known = prompt
        page.keyboard.press("ArrowLeft" if lengths[0] >= lengths[1] else "ArrowRight")
        count.filter(has_text=re.compile(f"^{i + 1} of")).wait_for()  # of how many, may change meanwhile
        page.wait_for_timeout(260)
    return words


def view_under(lesson, text, which=0):
    return lesson.cells.filter(has_text=text).first.locator(".rlhf-view").nth(which)


def test_forty_comparisons_by_keys_in_four_minutes_then_the_blind_test(lesson, tmp_path):
    page, own = lesson.page, FeedbackStore(tmp_path / "answers.db")
    run_cells(lesson, "RLHF_EDU_FAST", "store = FeedbackStore(")
    page.evaluate(CLOCK)
    cells = lesson.source_count()
    view = view_under(lesson, "store = FeedbackStore(")
    tab_into(page, view, "Shift+Tab")
    picture(lesson, "lesson20_first_questions")
    words = answer(page, view, 16)
    run_cells(lesson, "likes = [", LIVE)
    page.get_by_text("16 answers are yours").wait_for(state="attached")

    teach, view = view_under(lesson, LIVE), view_under(lesson, LIVE, 1)
    tab_into(page, teach.get_by_role("button", name="Teach"), "Shift+Tab")
    page.keyboard.press("Enter")
    teach.locator(".rlhf-says", has_text="Learning").wait_for()
    tab_into(page, view, "Tab")
    for n in (24, 32, 40):
        words += answer(page, view, n)
        picture(lesson, f"lesson20_{n}")
    assert lesson.source_count() == cells
    run_cells(lesson, "history = live.wait()", "display(Compare(tells), Compare(prefers))")
    page.get_by_text("40 answers, ").wait_for(state="attached")
    picture(lesson, "lesson20_history")
    answers = own.answers(simulated=False)
    assert len(answers) == len({event.item for event in answers}) == 40
    assert all(len(str(e.record.chosen).split()) >= len(str(e.record.rejected).split()) for e in answers)
    took = page.evaluate("window.took")
    assert len(took) == 40
    reading = 60 * words / WORDS_A_MINUTE
    print(
        f"\n40 answers: key to next item {np.median(took):.0f} ms at the median, {max(took):.0f} ms at most; {words / 40:.1f} "
        f"words and {reading / 40:.1f} s of reading each; {reading + sum(took) / 1000:.0f} s in all"
    )
    assert reading + sum(took) / 1000 < 240

    for which in (0, 1):
        view = view_under(lesson, "display(Compare(tells), Compare(prefers))", which)
        tab_into(page, view, "Tab" if which else "Shift+Tab")
        answer(page, view, 8)
    picture(lesson, "lesson20_blind")
    run_cells(lesson, "from rlhf_edu.evaluate import distinct_n, win_rate", "if simulated:")
    for words in ("you: the taught one told right in", "you: the taught one preferred in"):
        page.get_by_text(words).wait_for(state="attached")
    picture(lesson, "lesson20_verdict")
    assert len(own.answers(simulated=False)) == 56
    assert not own.answers(simulated=True)
