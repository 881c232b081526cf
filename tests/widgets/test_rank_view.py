"""Ranking without a browser: what is kept is in the query's own order, however it was shown."""

import time

import pytest

from rlhf_edu.feedback.session import FeedbackSession
from rlhf_edu.feedback.store import FeedbackStore
from rlhf_edu.feedback.types import Query
from rlhf_edu.widgets.rank import Rank

EVIL = "<script>alert(1)</script>"


@pytest.fixture
def session():
    queries = [Query("rank", f"p {i}", (f"a {EVIL}", "b", "c", "d")) for i in range(4)]
    return FeedbackSession(queries, FeedbackStore(), seed=3)


def test_the_texts_as_shown_are_ranked_and_the_order_shown_is_stored(session):
    view = Rank(session)
    item = view.rich.state["items"][0]
    alphabetical = sorted(range(4), key=lambda i: item["texts"][i], reverse=True)  # d c b a
    view._receive(view.rich, {"do": "answer", "item": item["item"], "value": alphabetical, "pressed_at": 5.0}, [])
    [event] = session.events()
    assert event.record.ranked == ("d", "c", "b", f"a {EVIL}")
    assert event.record.texts == session.queries[0].options
    assert [session.queries[0].options[i] for i in event.order] == item["texts"]
    assert item["texts"] != list(session.queries[0].options)  # with this seed


@pytest.mark.parametrize("value", [[0, 1, 2], [0, 1, 2, 2], [0, 1, 2, 4], "best"])
def test_what_is_no_order_is_refused_and_nothing_is_kept(session, value):
    view = Rank(session)
    view._receive(view.rich, {"do": "answer", "item": session.current.item, "value": value}, [])
    assert view.rich.state["problem"]
    assert session.answers() == []


def test_the_plain_twin_moves_texts_and_shows_what_was_taken_back(session):
    view = Rank(session, view="plain")
    shown = session.current.query.options
    assert all(EVIL not in row.children[0].value for row in view._rows.children)
    assert [row.children[1].disabled for row in view._rows.children] == [True, False, False, False]
    view._rows.children[3].children[1].click()  # the last one up
    view._rows.children[0].children[2].click()  # the first one down
    assert view._order == [1, 0, 3, 2]
    view._done.click()
    [ranking] = session.answers()
    assert ranking.ranked == (shown[1], shown[0], shown[3], shown[2])
    assert view._order == [0, 1, 2, 3]
    view._undo.click()
    assert view._order == [1, 0, 3, 2]
    view._again.click()
    time.sleep(0.26)
    view._done.click()
    assert session.answers()[0].ranked == shown


def test_when_all_is_ranked_the_plain_twin_has_nothing_to_keep(session):
    view = Rank(session, view="plain")
    while session.current:
        session.skip("I cannot tell")
    assert view._rows.children == ()
    assert view._done.disabled


def test_the_plain_twins_buttons_stay_and_keep_the_keyboard(session):
    view = Rank(session, view="plain")
    rows = view._rows.children
    rows[0].children[2].click()
    assert view._rows.children == rows
    assert view._order == [1, 0, 2, 3]
