"""Two people of a class in two browsers, each with a kernel of their own, share one store and never get the same item."""

import pytest
from asking_page import soon

from rlhf_edu.feedback.store import FeedbackStore

pytestmark = pytest.mark.browser

CELL = """
from rlhf_edu.feedback.types import Query
from rlhf_edu.feedback.store import FeedbackStore
from rlhf_edu.feedback.session import FeedbackSession
from rlhf_edu.widgets.compare import Compare
queries = [Query("compare", f"Prompt number {{i}}.", (f"left or right {{i}}", f"right or left {{i}}")) for i in range(20)]
session = FeedbackSession(queries, FeedbackStore({file!r}), annotator={name!r}, per_item=1)
Compare(session)
"""


def test_two_browsers_share_a_pile_and_no_item_is_asked_twice(lab, tmp_path):
    file = str(tmp_path / "class.db")
    pages = {}
    for name in ("ann", "bo"):
        notebook = lab.open([CELL.format(file=file, name=name)], viewport={"width": 1180, "height": 800})
        notebook.run_all()
        notebook.page.locator(".rlhf-question").click()
        pages[name] = notebook.page
    seen = {name: [] for name in pages}
    for _ in range(6):  # in turns, so that both hold leases while the other asks
        for name, page in pages.items():
            seen[name].append(page.locator(".rlhf-prompt").inner_text())
            page.keyboard.press("ArrowLeft")
            page.locator(".rlhf-count", has_text=f"{len(seen[name])} of 20").wait_for()
            page.wait_for_timeout(260)  # a second key within a quarter of a second would not count
    assert not set(seen["ann"]) & set(seen["bo"])
    for page in pages.values():  # to the end: whoever is quicker takes what is left
        while page.locator(".rlhf-question").is_visible():
            page.wait_for_timeout(260)
            page.keyboard.press("t")
        page.locator(".rlhf-over").wait_for()
    soon(lambda: len(FeedbackStore(file).answers()), 20)
    answers = FeedbackStore(file).answers()
    items = [event.item for event in answers]
    assert len(items) == len(set(items)) == 20
    given = {name: [e.record.prompt for e in answers if e.annotator == name] for name in pages}
    assert given["ann"][:6] == seen["ann"]
    assert given["bo"][:6] == seen["bo"]
    assert sorted(given) == ["ann", "bo"]
