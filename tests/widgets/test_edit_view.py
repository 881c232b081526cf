"""Editing without a browser: the difference between two texts, what is kept, and the plain twin."""

import time

import numpy as np
import pytest

from rlhf_edu.feedback.session import FeedbackSession
from rlhf_edu.feedback.store import FeedbackStore
from rlhf_edu.feedback.types import Query
from rlhf_edu.widgets.edit import Edit, as_marked, difference

EVIL = "<script>alert(1)</script>"
WORDS = ["the", "cat", " ", "\n", "<b>", ".", "é"]


@pytest.mark.parametrize("seed", range(30))
def test_without_what_came_in_the_difference_is_the_old_text_and_without_what_went_the_new(seed):
    rng = np.random.default_rng(seed)
    before, after = ("".join(rng.choice(WORDS, rng.integers(13))) for _ in range(2))
    parts = difference(before, after)
    assert "".join(text for kind, text in parts if kind != "in") == before
    assert "".join(text for kind, text in parts if kind != "out") == after
    assert all(text for _, text in parts)
    assert difference(before, before) == ([("same", before)] if before else [])


def test_whole_words_are_exchanged_and_told_apart_without_colour():
    parts = difference("a cat sat", "a dog sat")
    assert parts == [("same", "a "), ("out", "cat"), ("in", "dog"), ("same", " sat")]
    marked = as_marked([("same", EVIL), ("out", EVIL), ("in", EVIL)])
    assert "<script>" not in marked
    assert marked.count("<del>") == marked.count("<ins>") == 1


@pytest.fixture
def session():
    return FeedbackSession([Query("edit", f"p {i}", (f"one\r\ntwo {EVIL}",)) for i in range(3)], FeedbackStore())


def test_the_new_text_is_kept_and_an_unchanged_one_says_good_as_it_is(session):
    view = Edit(session)
    for value in ("better", session.queries[1].options[0]):
        view._receive(view.rich, {"do": "answer", "item": session.current.item, "value": value}, [])
    changed, same = session.answers()
    assert (changed.text, changed.edited) == (f"one\r\ntwo {EVIL}", "better")
    assert same.edited == same.text
    view._receive(view.rich, {"do": "answer", "item": session.current.item, "value": 3}, [])
    assert "an edit takes the new text" in view.rich.state["problem"]


def test_the_plain_twin_shows_the_difference_and_the_draft_after_undo(session):
    view = Edit(session, view="plain")
    assert "<script>" not in view._changes.value
    assert view._done.description == "Good as it is"
    view._done.click()
    assert session.answers()[0].edited == f"one\r\ntwo {EVIL}"  # line ends as the page holds them are no change
    time.sleep(0.26)
    view._text.value = "one\nthree"
    assert "<ins>three</ins>" in view._changes.value
    assert view._done.description == "Keep my version"
    view._done.click()
    assert session.answers()[1].edited == "one\nthree"
    assert view._again.disabled
    view._undo.click()
    assert view._text.value == "one\nthree"
    view._again.click()
    assert view._text.value == f"one\ntwo {EVIL}"


def test_one_word_of_a_long_text_is_one_word_of_the_difference():
    words = np.random.default_rng(0).choice(["the", "cat", "saw", "a", "dog"], 400).tolist()  # all of them frequent
    parts = difference(" ".join(words), " ".join([*words[:200], "horse", *words[201:]]))
    assert [part for part in parts if part[0] != "same"] == [("out", words[200]), ("in", "horse")]


def test_the_plain_twins_text_comes_when_its_box_is_left(session):
    assert not Edit(session, view="plain")._text.continuous_update  # else a click overtakes what was typed before it
