"""Labelling as a person does it: by mouse, by keyboard, with undo, after reopening, and where custom widgets fail."""

import pytest
from asking_page import soon

from rlhf_edu.feedback.store import FeedbackStore

pytestmark = pytest.mark.browser

EVIL = "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'> & <b>bold</b>"
SETUP = """
from rlhf_edu.feedback.types import Query
from rlhf_edu.feedback.store import FeedbackStore
from rlhf_edu.feedback.session import FeedbackSession
from rlhf_edu.widgets.compare import Compare
queries = [Query("compare", f"Prompt number {i}.", (f"good story {i}", f"bad story {i} " + EVIL)) for i in range(6)]
session = FeedbackSession(queries, FeedbackStore(FILE), seed=0, guidelines="Choose what you would rather read.")
"""


@pytest.fixture
def file(lab, tmp_path):
    return tmp_path / "answers.db"


def start(lab, file, last="Compare(session)", seen=".rlhf-view"):
    notebook = lab.open([f"EVIL = {EVIL!r}\nFILE = {str(file)!r}\n{SETUP}\n{last}", "session.progress"])
    notebook.run_all()
    notebook.page.locator(seen).first.wait_for()
    return notebook


def wait_for(notebook, text):
    notebook.page.locator(".rlhf-count", has_text=text).wait_for()


def stored(file):
    return [(e.record.prompt, e.record.chosen) for e in FeedbackStore(file).answers()]


def side_of_good(page):
    return 0 if "good" in page.locator(".rlhf-text").first.inner_text() else 1


def test_label_by_mouse_and_undo(lab, file):
    notebook = start(lab, file)
    page = notebook.page
    for i in range(2):
        side = side_of_good(page)
        page.get_by_role("button", name=("Left is better", "Right is better")[side]).click()
        wait_for(notebook, f"{i + 1} of 6")
        page.wait_for_timeout(260)
    page.get_by_role("button", name="Both are bad").click()
    wait_for(notebook, "3 of 6")
    page.get_by_role("button", name="Undo").click()
    wait_for(notebook, "2 of 6")
    assert "Prompt number 2." in page.locator(".rlhf-prompt").inner_text()
    soon(lambda: stored(file), [("Prompt number 0.", "good story 0"), ("Prompt number 1.", "good story 1")])
    assert all(0 < e.seconds < 60 for e in FeedbackStore(file).answers())


def test_ctrl_s_saves_from_inside_a_view_and_a_notebook_opened_again_says_what_to_do(lab, file):
    notebook = start(lab, file)
    page, path = notebook.page, lab.folder / notebook.name
    again = page.get_by_text("Run this cell again to bring this view back.")
    again.wait_for(state="hidden")
    assert "Run this cell again" not in path.read_text()
    page.locator(".rlhf-question").click()
    page.keyboard.press("Control+s")
    soon(lambda: "Run this cell again" in path.read_text(), True)
    notebook.close()
    page = lab.open(path).page
    page.get_by_text("Run this cell again to bring this view back.").wait_for()


def test_label_by_keyboard_alone_and_jupyterlab_keeps_its_hands_off(lab, file):
    notebook = start(lab, file)
    page, cells = notebook.page, notebook.source_count()
    page.locator(".rlhf-question").click()
    for i, key in enumerate(["ArrowLeft", "j", "t", "b"]):
        page.keyboard.press(key)
        wait_for(notebook, f"{i + 1} of 6")
        page.wait_for_timeout(260)
    for key in ["a", "x", "d", "d", "m", "Enter"]:  # commands of JupyterLab; none of ours
        page.keyboard.press(key)
    page.keyboard.press("s")
    page.keyboard.press("2")
    wait_for(notebook, "5 of 6 answered (1 skipped)")
    page.wait_for_timeout(260)
    page.keyboard.press("s")
    page.get_by_placeholder("another reason").fill("far too long")
    page.keyboard.press("Enter")
    page.get_by_text("All done. Thank you!").wait_for()
    soon(lambda: len(FeedbackStore(file).events()), 6)
    events = FeedbackStore(file).events()
    assert [e.record.choice for e in events[2:4]] == ["tie", "both_bad"]
    assert [e.note for e in events[4:]] == ["It makes no sense", "far too long"]
    assert notebook.source_count() == cells
    for key in ["a", "d", "d"]:  # with everything answered, keys still belong to the view
        page.keyboard.press(key)
    assert notebook.source_count() == cells
    for left in range(6):
        page.keyboard.press("u")
        wait_for(notebook, f"{5 - left} of 6")
    soon(lambda: len(FeedbackStore(file).events()), 12)
    soon(lambda: stored(file), [])


def test_keys_stay_in_the_view_when_the_button_pressed_last_is_switched_off(lab, file):
    notebook = start(lab, file)
    page, cells = notebook.page, notebook.source_count()
    page.get_by_role("button", name="Tie").click()
    wait_for(notebook, "1 of 6")
    page.get_by_role("button", name="Undo").click()
    wait_for(notebook, "0 of 6")
    for key in ["a", "x", "d", "d"]:
        page.keyboard.press(key)
    page.wait_for_timeout(300)
    assert notebook.source_count() == cells


def test_a_double_press_counts_once(lab, file):
    notebook = start(lab, file)
    notebook.page.locator(".rlhf-question").click()
    for _ in range(2):
        notebook.page.keyboard.press("t")
    wait_for(notebook, "1 of 6")
    notebook.page.wait_for_timeout(300)
    assert len(stored(file)) == 1


def test_reopen_and_go_on_where_one_left_off(lab, file):
    notebook = start(lab, file)
    notebook.page.locator(".rlhf-question").click()
    notebook.page.keyboard.press("t")
    wait_for(notebook, "1 of 6")
    notebook.close()
    again = start(lab, file)
    wait_for(again, "1 of 6")
    assert "Prompt number 1." in again.page.locator(".rlhf-prompt").inner_text()


def test_script_in_a_sample_is_shown_as_text(lab, file):
    for last, texts in [("Compare(session)", ".rlhf-text"), ("Compare(session, view='plain')", ".rlhf-card")]:
        notebook = start(lab, file, last, seen=texts)
        assert any(EVIL in text for text in notebook.page.locator(texts).all_inner_texts())
        notebook.page.wait_for_timeout(300)
        assert notebook.page.evaluate("window.hacked") is None
        notebook.close()


def test_the_plain_view_does_the_same_with_buttons(lab, file):
    notebook = start(lab, file, "Compare(session, view='plain')", seen=".rlhf-card")
    page = notebook.page
    side = 0 if "good" in page.locator(".rlhf-card").first.inner_text() else 1
    page.get_by_role("button", name=("Left is better", "Right is better")[side]).click()
    page.locator(".rlhf-plain", has_text="1 of 6 answered").wait_for()
    page.wait_for_timeout(260)
    page.get_by_role("button", name="Skip").click()
    page.locator(".rlhf-plain", has_text="1 of 6 answered, 1 skipped").wait_for()
    page.get_by_role("button", name="Undo").click()
    page.locator(".rlhf-plain", has_text="Prompt number 1.").wait_for()
    assert stored(file) == [("Prompt number 0.", "good story 0")]


def test_the_plain_view_takes_over_by_itself_where_the_rich_one_cannot_draw(lab, file):
    broken = "from rlhf_edu.widgets import panel\nrich = panel.rich_widget\ndef broken(name):\n    view = rich(name)\n"
    broken += "    view._esm = 'this is no script ('\n    return view\npanel.rich_widget = broken\nCompare(session)"
    notebook = start(lab, file, broken, seen=".rlhf-panel")
    button = notebook.page.get_by_role("button", name="Tie")
    button.click()
    notebook.page.locator(".rlhf-plain", has_text="1 of 6 answered").wait_for()


def test_the_plain_twin_stays_hidden_while_the_rich_view_works(lab, file):
    notebook = start(lab, file)
    notebook.page.wait_for_timeout(3500)
    assert not notebook.page.locator(".rlhf-plain").is_visible()
    assert notebook.page.get_by_role("button", name="Tie").count() == 1
