"""Rating without a browser: which marks a scale gets, what the page is told, and the plain twin."""

import time

import pytest

from rlhf_edu.feedback.session import FeedbackSession
from rlhf_edu.feedback.store import FeedbackStore
from rlhf_edu.feedback.types import Query
from rlhf_edu.widgets.rate import Rate, marks_of

EVIL = "<script>alert(1)</script>"


def session_of(*scales):
    queries = [Query("rate", f"p {i}", (f"x {i} {EVIL}",), scale=scale) for i, scale in enumerate(scales)]
    return FeedbackSession(queries, FeedbackStore())


@pytest.mark.parametrize(
    ("low", "high", "keys"),
    [(1, 5, "12345"), (0, 10, "0123456789t"), (1, 10, "1234567890"), (-2, 2, "12345"), (0, 1, "01")],
)
def test_small_whole_scales_get_a_button_and_a_key_of_its_own_for_each_mark(low, high, keys):
    marks = marks_of(low, high)
    assert [value for value, _ in marks] == list(range(low, high + 1))
    assert "".join(key for _, key in marks) == keys
    assert not set(keys) & set("sug")


@pytest.mark.parametrize(("low", "high"), [(0, 0.5), (0.5, 4.5), (1, 100), (0, 11)])
def test_other_scales_get_a_slider(low, high):
    view = Rate(session_of((low, high)), view="rich")
    item = view.rich.state["items"][0]
    assert item["marks"] == []
    fine = item["fine"]
    assert (fine["low"], fine["high"]) == (low, high)
    assert low < fine["start"] < high
    steps = (fine["start"] - low) / fine["step"]
    assert steps == pytest.approx(round(steps))  # where the slider stands is one of its marks


def test_the_page_gets_the_marks_with_their_words_and_its_answer_is_kept():
    session = session_of((1, 5), (1, 5))
    view = Rate(session, {1: "no sense", 5.0: "a joy"})
    marks = view.rich.state["items"][0]["marks"]
    assert [mark["words"] for mark in marks] == ["no sense", "", "", "", "a joy"]
    message = {"do": "answer", "item": session.current.item, "value": 4, "seconds": 1.5, "pressed_at": 5.0}
    view._receive(view.rich, message, [])
    [rating] = session.answers()
    assert (rating.score, rating.low, rating.high) == (4.0, 1.0, 5.0)
    view._receive(view.rich, message | {"item": session.current.item, "value": 6, "pressed_at": 9.0}, [])
    assert "score is 6.0, but it must lie between 1.0 and 5.0" in view.rich.state["problem"]
    assert len(session.answers()) == 1


def test_anchors_off_the_scale_and_other_kinds_are_refused():
    with pytest.raises(ValueError, match="anchors name the mark 7, but the scale runs from 1 to 5"):
        Rate(session_of((1, 5)), {7: "superb"})
    with pytest.raises(ValueError, match="Rate shows texts to be rated, but the session also asks to edit"):
        Rate(FeedbackSession([Query("edit", "p", ("x",))], FeedbackStore()))


def test_the_plain_twin_rates_by_buttons_and_by_its_slider():
    session = session_of((1, 3), (-9.5, -1), (0, 1000))
    view = Rate(session, view="plain")
    assert EVIL not in view._text.value
    assert "&lt;script&gt;" in view._text.value
    assert [button.description for button in view._marks.children] == ["1", "2", "3"]
    view._marks.children[2].click()
    assert view._marks.children == ()
    assert (view._slider.min, view._slider.max) == (-9.5, -1)
    view._slider.value = -2.0
    view._give.click()  # within 250 ms
    assert len(session.answers()) == 1
    time.sleep(0.26)
    view._give.click()
    assert [rating.score for rating in session.answers()] == [3.0, -2.0]
    assert (view._slider.min, view._slider.max) == (0, 1000)
    view._undo.click()
    assert (view._slider.min, view._slider.max) == (-9.5, -1)
