"""Painting a world as a person does it: by mouse, by keyboard, with undo, and where custom widgets fail."""

import pytest

pytestmark = pytest.mark.browser

CELL = "from rlhf_edu.widgets.grid import Grid\npainter = Grid(('S....', '.....', '....G'))\npainter"


def says(notebook, text):
    notebook.page.locator(".rlhf-count", has_text=text).wait_for()


def labels(page, n):
    return [page.locator(".rlhf-cell").nth(i).get_attribute("aria-label") for i in range(n)]


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_a_wall_is_dragged_the_values_flow_and_a_step_back_mends_it(lab, motion):
    notebook = lab.open([CELL, "painter.rows"], reduced_motion=motion)
    notebook.run_all()
    page, cells = notebook.page, notebook.page.locator(".rlhf-cell")
    says(notebook, "the start is worth 0.59")  # 0.9 to the power 5
    first, last = cells.nth(4).bounding_box(), cells.nth(8).bounding_box()
    page.mouse.move(first["x"] + 20, first["y"] + 20)
    page.mouse.down()
    page.mouse.move(last["x"] + 20, last["y"] + 20, steps=8)
    page.mouse.up()
    page.locator(".rlhf-wall").nth(1).wait_for()
    page.get_by_role("button", name="Undo").click()
    page.locator(".rlhf-wall").first.wait_for(state="detached")
    says(notebook, "the start is worth 0.59")
    page.get_by_role("button", name="cliff").click()
    cells.nth(1).click()
    page.locator(".rlhf-cliff").first.wait_for()
    says(notebook, "the start is worth 0.59")  # there is another way
    assert "best down" in labels(page, 1)[0]


def test_everything_has_a_key_and_jupyterlab_keeps_its_hands_off(lab):
    notebook = lab.open([CELL])
    notebook.run_all()
    page, n = notebook.page, notebook.source_count()
    says(notebook, "the start is worth 0.59")
    page.locator(".rlhf-cell").first.click()  # the brush is a wall, but the start stays
    page.get_by_text("The start stays.").wait_for()
    for key in ["2", "ArrowRight", "Enter", "ArrowDown", "ArrowLeft", "3", " "]:
        page.keyboard.press(key)
    page.locator(".rlhf-wall").first.wait_for()
    page.locator(".rlhf-cliff").first.wait_for()
    assert labels(page, 6)[1] == "row 1, column 2: wall"
    assert labels(page, 6)[5] == "row 2, column 1: cliff"
    says(notebook, "the start is worth 0.00")  # walled in, and the only door is a cliff
    page.keyboard.press("u")
    page.locator(".rlhf-cliff").first.wait_for(state="detached")
    page.keyboard.press("z")
    says(notebook, "After 0 sweeps")
    page.keyboard.press("n")
    says(notebook, "After 1 sweep the")
    page.keyboard.press("f")
    says(notebook, "the start is worth 0.59")
    page.keyboard.press("o")
    page.locator(".rlhf-wall").first.wait_for(state="detached")
    for key in ["a", "d", "d", "x", "m"]:
        page.keyboard.press(key)
    page.wait_for_timeout(300)
    assert notebook.source_count() == n


def test_the_plain_twin_can_be_painted_too(lab):
    notebook = lab.open(["from rlhf_edu.widgets.grid import Grid\nGrid(('S.G',), view='plain')"])
    notebook.run_all()
    page = notebook.page
    page.get_by_text("the start is worth 0.90").wait_for()
    page.get_by_role("button", name="1.00→").click()  # a wall, and the way is shut
    page.get_by_text("the start is worth 0.00").wait_for()
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("the start is worth 0.90").wait_for()
