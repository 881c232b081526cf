"""A page with one view of a session on it, as the tests of rating, ranking and editing use it."""

import os
from contextlib import contextmanager

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
    opened.page.locator(".rlhf-view").wait_for()
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
