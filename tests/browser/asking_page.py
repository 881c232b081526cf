"""A page with one view of a session on it, as the tests of rating, ranking and editing use it; and lessons, part by part."""

import os
import re
import time
import warnings
from contextlib import contextmanager, suppress

from rlhf_edu.feedback.store import FeedbackStore

IMPORTS = """
from rlhf_edu.feedback.types import Query
from rlhf_edu.feedback.store import FeedbackStore
from rlhf_edu.feedback.session import FeedbackSession
"""


@contextmanager
def shown_view(lab, tmp_path, setup, name):
    """The notebook whose only cell runs `setup`, which may use FILE, the store of this test."""
    cell = f"FILE = {str(tmp_path / 'answers.db')!r}\n{IMPORTS}{setup}"
    opened = lab.open([cell], viewport={"width": 1180, "height": 900})
    opened.run_all()
    drawn(opened, "FILE =", opened.page.locator(".rlhf-view"))
    yield opened
    picture(opened, f"{name}_end")
    assert opened.source_count() == 1  # no key has made JupyterLab add a cell


def picture(notebook, name):
    """A picture of this moment, for somebody to look at, where VIEW_PICTURES names a folder."""
    if folder := os.environ.get("VIEW_PICTURES"):
        notebook.screenshot(f"{folder}/{name}.png")


def counted(page, text):
    page.locator(".rlhf-count", has_text=text).wait_for()
    page.wait_for_timeout(260)  # nobody answers twice within a quarter of a second


def stored(tmp_path):
    return [event.record for event in FeedbackStore(tmp_path / "answers.db").answers()]


def soon(read, wanted, seconds=15):
    """Assert that `read()` becomes `wanted`: the page goes on to the next question before the store has the answer."""
    until = time.monotonic() + seconds
    while (found := read()) != wanted and time.monotonic() < until:
        time.sleep(0.05)
    assert found == wanted


def run_cells(notebook, first, last, seconds=120):
    """Run from the code cell that contains `first` to the one that contains `last`, and wait until that has run."""
    page, active = notebook.page, notebook.page.locator(".jp-Notebook .jp-Cell.jp-mod-active")
    start = notebook.cells.filter(has_text=first).first.locator(".jp-InputPrompt").first
    for _ in range(4):  # on a cold start a key is ignored now and then
        start.click()
        if last in active.text_content():
            break
        page.keyboard.press("Shift+Enter")
        try:
            start.filter(has_text=re.compile(r"\[[*\d]+\]")).wait_for(timeout=5_000)
            break
        except Exception:  # playwright may be missing here, so its TimeoutError has no name
            continue
    for _ in range(60):
        here = "jp-CodeCell" in active.get_attribute("class") and last in active.text_content()
        cell = active.element_handle()
        page.keyboard.press("Shift+Enter")
        if here:
            break
        with suppress(Exception):  # a key that was ignored is pressed again; one that is late must not be
            page.wait_for_function("cell => !cell.classList.contains('jp-mod-active')", arg=cell, timeout=10_000)
    prompt = notebook.cells.filter(has_text=last).first.locator(".jp-InputPrompt")
    prompt.filter(has_text=re.compile(r"\[\d+\]")).wait_for(timeout=1000 * seconds, state="attached")


def drawn(notebook, cell, view, seconds=25):
    """Wait until `view` is on the page; a cell whose rich view never came is run once more, and the page told of."""
    try:
        view.wait_for(timeout=1000 * seconds)
    except Exception:  # playwright may be missing here, so its TimeoutError has no name
        warnings.warn(f"no view under {cell}, so it is run again:\n{notebook.lab.describe()}", stacklevel=2)
        run_cells(notebook, cell, cell)
        view.wait_for()
