"""The views without a browser: what they tell the page, and what they do with what the page sends."""

import sys
import time

import numpy as np
import pytest

from rlhf_edu.feedback.annotators import boltzmann, label_all
from rlhf_edu.feedback.events import StoreError
from rlhf_edu.feedback.session import FeedbackSession
from rlhf_edu.feedback.store import FeedbackStore
from rlhf_edu.feedback.types import Query
from rlhf_edu.widgets.compare import Compare

EVIL = "<script>alert(1)</script>"


@pytest.fixture
def session():
    queries = [Query("compare", f"prompt {i} {EVIL}", (f"x {i} {EVIL}", f"y {i}")) for i in range(12)]
    return FeedbackSession(queries, FeedbackStore(), guidelines=f"Be fair. {EVIL}")


def click(view, **message):
    view._receive(view.rich, message, [])


def test_the_page_gets_a_few_items_ahead_and_its_answers_are_kept(session):
    view = Compare(session)
    first, second, *rest = view.rich.state["items"]
    assert len(rest) == 6
    assert first["texts"] == list(session.current.query.options)
    click(view, do="answer", item=second["item"], value="tie", seconds=1.5, pressed_at=10.0)
    click(view, do="answer", item=first["item"], value="left", seconds=2.5, pressed_at=11.0)
    assert [e.seconds for e in session.events()] == [2.5, 1.5]
    assert view.rich.state["answered"] == 2
    assert view.rich.state["items"][0]["prompt"].startswith("prompt 2")
    click(view, do="undo")
    assert view.rich.state["items"][0]["item"] == first["item"]
    click(view, do="skip", item=first["item"], reason="It upsets me", pressed_at=12.0)
    assert view.rich.state["skipped"] == 1


def test_every_message_about_an_item_is_confirmed_even_when_it_did_not_count(session):
    view, sent = Compare(session), []
    view.rich.send = sent.append
    item = session.current.item
    for pressed_at in (10.0, 10.1):
        click(view, do="answer", item=item, value="left", pressed_at=pressed_at)
    click(view, do="answer", item=item, value="sideways", pressed_at=20.0)
    assert sent == [{"handled": item}] * 3
    assert session.progress.answered == 1


def test_a_refusal_is_shown_once_and_a_store_that_is_away_until_it_is_back(session, monkeypatch):
    view = Compare(session)
    click(view, do="answer", item=session.current.item, value="sideways")
    assert "a comparison takes left, right" in view.rich.state["problem"]
    append = session.store.append

    def away(*events):
        raise StoreError("the disk is full: free some space")

    monkeypatch.setattr(session.store, "append", away)
    click(view, do="answer", item=session.current.item, value="left")
    assert "the disk is full: free some space (1 not stored yet: kept here" in view.rich.state["problem"]
    monkeypatch.setattr(session.store, "append", append)
    click(view, do="answer", item=session.current.item, value="left")
    assert view.rich.state["problem"] == ""
    assert len(session.store.all()) == 2


def test_the_plain_view_works_by_its_buttons_and_escapes_what_models_wrote(session):
    view = Compare(session, view="plain")
    assert view.rich is None
    for widget in (view._prompt, *view._texts, view._rules.children[0]):
        assert "<script>" not in widget.value
    assert "&lt;script&gt;" in view._prompt.value
    view._choices[0].click()
    view._press({"do": "answer", "value": "tie"})  # within 250 ms: ignored
    assert session.progress.answered == 1
    time.sleep(0.26)
    view._skip.click()
    assert session.events()[1].note == "I cannot tell"
    view._undo.click()
    assert session.progress.skipped == 0
    assert "1 of 12 answered" in view._status.value
    while session.current:
        session.answer("tie")
    assert "All are answered" in view._status.value
    assert view._choices[0].disabled


def test_the_second_of_two_clicks_is_ignored_even_when_the_store_is_slow(session, monkeypatch):
    view, append = Compare(session, view="plain"), session.store.append

    def slow(*events):
        time.sleep(0.3)
        append(*events)

    monkeypatch.setattr(session.store, "append", slow)
    view._choices[0].click()
    view._choices[0].click()  # was waiting in the kernel's queue
    assert session.progress.answered == 1


def test_a_notebook_opened_without_its_kernel_says_what_to_do(session, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw: shown.append(data))
    Compare(session)._ipython_display_()
    first, second = shown
    assert "Run this cell again" in first["text/html"]
    assert "application/vnd.jupyter.widget-view+json" in second
    assert "VBox(" not in first["text/plain"] + second["text/plain"]


def test_simulated_answers_are_announced(session):
    view = Compare(session)
    label_all(session, boltzmann(len, rng=np.random.default_rng(0)))
    assert view.rich.state["simulated"] == 12
    assert view.rich.state["answered"] == 0


@pytest.mark.parametrize(("asked", "environment", "expected"), [("auto", "plain", "plain"), ("rich", "plain", "rich")])
def test_the_view_can_be_chosen(session, monkeypatch, asked, environment, expected):
    monkeypatch.setenv("RLHF_EDU_VIEW", environment)
    assert Compare(session, view=asked).view == expected


def test_without_anywidget_the_plain_view_is_chosen_and_nonsense_is_refused(session, monkeypatch):
    with pytest.raises(ValueError, match="view is 'fancy', but it must be"):
        Compare(session, view="fancy")
    monkeypatch.setitem(sys.modules, "anywidget", None)  # importing it raises ImportError
    assert Compare(session).view == "plain"
    rating = FeedbackSession([Query("rate", "p", ("x",))], FeedbackStore())
    with pytest.raises(ValueError, match="the session also asks to rate"):
        Compare(rating)
