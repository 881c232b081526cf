"""Exercises as a student sees them in JupyterLab: empty, half right, right; hints folded; Run All gets to the end."""

import nbformat
import pytest

from rlhf_edu.grading.release import find_root

pytestmark = pytest.mark.browser
ROOT = find_root()
TALL = {"width": 1100, "height": 2000}


def prepared(name, tmp_path, change=None, folder="exercises"):
    """A copy of the notebook that keeps its progress in `tmp_path`, with some cells changed."""
    nb = nbformat.read(ROOT / folder / f"{name}.ipynb", as_version=4)
    setting = f"import os\nos.environ['RLHF_EDU_PROGRESS'] = {str(tmp_path / 'progress.json')!r}"
    nb.cells.insert(1, nbformat.v4.new_code_cell(setting, id="progress-file"))
    for cell in nb.cells:
        if change and cell["id"] in change:
            cell.source = change[cell["id"]]
    path = tmp_path / f"{name}.ipynb"
    nbformat.write(nb, path)
    return path


@pytest.mark.parametrize("name", ["00_start", "14_rlhf_ppo"])
def test_an_empty_exercise_runs_to_its_end_without_red(lab, tmp_path, name):
    notebook = lab.open(prepared(name, tmp_path), viewport=TALL)
    notebook.run_all(seconds=90)
    status = notebook.page.locator(".jp-OutputArea-output div[role=status]")
    texts = status.all_text_contents()
    assert texts
    assert all(text.startswith("…") for text in texts)
    assert "0 of" in notebook.cells.last.locator(".jp-OutputArea-output").last.text_content()
    notebook.screenshot(tmp_path / f"{name}_empty.png")


def test_a_half_right_exercise_names_mistakes_and_folds_its_hint(lab, tmp_path):
    change = {
        "preference_answer": "def preference(r_a, r_b):\n    return 1 / (1 + np.exp(r_a - r_b))",
        "gap_answer": "gap = np.log(88 / 12)",
        "shift_answer": 'shift = "a c"',
        "falling_loss_answer": 'falling_loss = {"fault": "b", "evidence": "fresh"}',
        "corridor_answer": "def walk(obs):\n    return obs[:, 1] - obs[:, 7]",
        "taste": "I like short stories.",
        "preference": 'check("preference")\ncheck("preference")',
    }
    notebook = lab.open(prepared("00_start", tmp_path, change), viewport=TALL)
    notebook.run_all(seconds=90)
    boxes = notebook.page.locator(".jp-OutputArea-output div[role=status]").all_text_contents()
    assert "A and B are swapped" in boxes[0]
    assert "visible checks passed; hidden ones run when graded" in boxes[2]
    assert "worth 1.5 of 3 points" in boxes[4]
    assert "IndexError" in boxes[5]
    assert "4 words so far" in boxes[6]
    hint = notebook.page.locator("details")
    assert hint.count() == 1
    assert hint.get_attribute("open") is None
    hint.scroll_into_view_if_needed()
    folded = hint.bounding_box()["height"]  # Chromium calls folded text visible, so its room on the page is measured
    notebook.screenshot(tmp_path / "half_right.png")
    hint.locator("summary").click()
    assert hint.get_by_text("Only the gap matters").is_visible()
    assert hint.bounding_box()["height"] > folded + 10


@pytest.mark.parametrize("name", ["00_start", "14_rlhf_ppo"])
def test_the_solution_is_green_from_top_to_bottom(lab, tmp_path, name):
    notebook = lab.open(prepared(name, tmp_path, folder="solutions"), viewport=TALL)
    notebook.run_all(seconds=90)
    texts = notebook.page.locator(".jp-OutputArea-output div[role=status]").all_text_contents()
    assert texts
    assert all(text.startswith("✓") for text in texts)
    assert notebook.page.locator(".jp-OutputArea-output", has_text="Traceback").count() == 0
    notebook.screenshot(tmp_path / f"{name}_solved.png")
