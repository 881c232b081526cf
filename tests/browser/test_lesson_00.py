"""Lesson 00 as a student works through it: label by keys and mouse, watch the opinion move, teach, read, judge blind."""

import os
import re

import nbformat
import pytest
from asking_page import drawn, run_cells

from rlhf_edu.feedback.store import FeedbackStore
from rlhf_edu.grading.release import find_root

pytestmark = [pytest.mark.browser, pytest.mark.slow]
LESSON = find_root() / "notebooks" / "00_start.ipynb"
LABEL = "Compare(session)"  # what the cell with the labelling view shows


@pytest.fixture
def lesson(lab, tmp_path):
    """The lesson in fast mode, its answers kept in a file of this test."""
    nb = nbformat.read(LESSON, as_version=4)
    fast = nbformat.v4.new_code_cell("import os\nos.environ['RLHF_EDU_FAST'] = '1'", id="fast-mode")
    nb.cells.insert(1, fast)
    for cell in nb.cells:
        cell.source = cell.source.replace('"my_answers.db"', repr(str(tmp_path / "answers.db")))
    nbformat.write(nb, tmp_path / "lesson.ipynb")
    return lab.open(tmp_path / "lesson.ipynb", viewport={"width": 1280, "height": 1300})


def pictures(notebook, name):
    """A picture of this moment, for somebody to look at, where LESSON_PICTURES names a folder."""
    if folder := os.environ.get("LESSON_PICTURES"):
        notebook.page.wait_for_timeout(400)
        notebook.screenshot(f"{folder}/{name}.png")


def test_a_student_labels_teaches_and_judges(lesson, tmp_path):
    page = lesson.page
    run_cells(lesson, "RLHF_EDU_FAST", LABEL)
    label(lesson)
    own = FeedbackStore(tmp_path / "answers.db")
    assert own.consented("me")
    assert len(own.answers(simulated=False)) == 12

    run_cells(lesson, "likes = [", "display(live, page)")
    page.get_by_text("All 12 answers are yours").first.wait_for(state="attached")
    pictures(lesson, "3_ready_to_teach")
    page.get_by_role("button", name="Teach", exact=False).first.click()
    page.locator(".rlhf-says", has_text="Done: 3 steps").wait_for(timeout=90_000)
    page.get_by_text("after 3 steps").first.wait_for()
    pictures(lesson, "4_taught")

    run_cells(lesson, "live.wait()", "Compare(blind)")
    judge = page.locator(".rlhf-view").filter(has_text="of 12 answered").last
    judge.get_by_role("button", name="Left is better").click()
    judge.locator(".rlhf-count", has_text="1 of 12").wait_for()
    pictures(lesson, "5_blind")
    run_cells(lesson, "price = {", "price = {")
    page.get_by_text(re.compile("You prefer the taught storyteller in .* 1 prompts")).wait_for()
    pictures(lesson, "6_verdict")


def label(lesson):
    """Answer all pairs, the first by mouse and the rest by keys; see the opinion follow."""
    page = lesson.page
    view = page.locator(".rlhf-view").first
    drawn(lesson, LABEL, page.locator(".rlhf-note", has_text="No opinion yet."))
    pictures(lesson, "1_before_the_first_answer")
    view.get_by_role("button", name="Left is better").click()
    page.locator(".rlhf-note", has_text="After 1 choice").wait_for(timeout=30_000)
    cells = lesson.source_count()
    for i in range(1, 12):
        view.locator(".rlhf-count", has_text=f"{i} of 12").wait_for()
        page.wait_for_timeout(260)
        page.keyboard.press("ArrowRight" if i % 3 else "f")
    page.locator(".rlhf-note", has_text="After 12 choices.").wait_for(timeout=30_000)
    assert lesson.source_count() == cells
    assert any(page.locator(".rlhf-change").all_inner_texts())  # some bar has moved
    pictures(lesson, "2_all_answered")
