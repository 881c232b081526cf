import threading
import time

import pytest

from rlhf_edu.feedback.annotators import boltzmann, label_all
from rlhf_edu.feedback.session import FeedbackSession
from rlhf_edu.feedback.store import FeedbackStore
from rlhf_edu.feedback.types import Preference, Query, Rating

QUERIES = [Query("compare", f"prompt {i}", (f"good {i}", f"bad {i}")) for i in range(12)]


@pytest.fixture
def store(tmp_path):
    store = FeedbackStore(tmp_path / "answers.db")
    yield store
    store.close()


def taste(text):
    return 1.0 if text.startswith("good") else 0.0


def side_of_good(session):
    return "left" if session.current.query.options[0].startswith("good") else "right"


def test_a_person_answers_in_the_querys_own_order_whatever_side_it_was_shown_on(store):
    session = FeedbackSession(QUERIES, store)
    sides = []
    while session.current:
        sides.append(side_of_good(session))
        assert session.answer(sides[-1])
    assert set(sides) == {"left", "right"}
    assert session.answers() == [Preference(q.prompt, *q.options, choice="a") for q in QUERIES]
    assert [e.order for e in store.answers()] == [(0, 1) if side == "left" else (1, 0) for side in sides]


def test_another_session_resumes_with_the_same_sides_and_another_seed_shuffles_otherwise(store):
    first = FeedbackSession(QUERIES, store)
    for _ in range(5):
        first.answer("left")
    again, other = FeedbackSession(QUERIES, store), FeedbackSession(QUERIES, store, seed=1)
    assert again.answers() == first.answers()
    assert again.current == first.current
    assert again.current.query.prompt == "prompt 5"
    assert [again.shown(q.id) for q in QUERIES] == [first.shown(q.id) for q in QUERIES]
    assert [again.shown(q.id) for q in QUERIES] != [other.shown(q.id) for q in QUERIES]


def test_undo_goes_back_to_the_beginning_and_nothing_is_deleted(store):
    session = FeedbackSession(QUERIES, store)
    for value in ("left", "tie", "both_bad"):
        session.answer(value)
    session.skip("I do not understand it")
    assert session.progress.answered == 3
    assert session.progress.skipped == 1
    assert all(session.undo() for _ in range(4))
    assert not session.undo()
    assert session.answers() == []
    assert session.current.query.prompt == "prompt 0"
    assert len(store.events()) == 8
    assert store.all() == []
    assert [e.note for e in store.events() if e.action == "skip"] == ["I do not understand it"]


def test_undo_reaches_back_past_a_restart(store):
    FeedbackSession(QUERIES, store).answer("left")
    again = FeedbackSession(QUERIES, store)
    assert again.undo()
    assert again.current.query.prompt == "prompt 0"
    assert store.all() == []


def test_a_second_press_within_250_ms_and_a_late_press_on_an_answered_item_are_ignored(store):
    session = FeedbackSession(QUERIES, store)
    first = session.current.item
    assert session.answer("left", pressed_at=100.0)
    assert not session.answer("left", pressed_at=100.2)
    assert not session.answer("right", item=first, pressed_at=101.0)
    assert session.answer("left", pressed_at=100.26)
    assert session.progress.answered == 2


def test_an_unknown_item_and_an_empty_queue_say_what_is_wrong(store):
    session = FeedbackSession(QUERIES[:1], store)
    with pytest.raises(ValueError, match="item 'nonsense' is not in this session's queue of 1 queries"):
        session.answer("left", item="nonsense")
    with pytest.raises(ValueError, match="a comparison takes"):
        session.answer("up")
    assert session.progress.left == 1  # a refused answer changes nothing
    session.answer("left")
    with pytest.raises(ValueError, match="everything is answered"):
        session.answer("left")


def test_a_question_asked_twice_is_two_items(store):
    session = FeedbackSession([QUERIES[0], QUERIES[0]], store)
    session.answer("left")
    assert session.current.item == QUERIES[0].id + "#2"
    session.answer("right")
    assert len(store.all()) == 2
    assert session.progress.left == 0


def test_time_and_pace_are_kept(store):
    session = FeedbackSession(QUERIES, store)
    for seconds in (1.0, 2.0, 9.0):
        session.answer("left", seconds=seconds)
    assert session.progress.seconds_each == 2.0
    event = store.answers()[0]
    assert event.answered_at - event.shown_at == pytest.approx(1.0)
    session.upcoming(1)
    time.sleep(0.05)
    session.answer("left")  # nobody measured: the session did, from when the item was first asked for
    assert 0.04 < store.answers()[3].seconds < 5


def test_a_simulated_person_fills_in_and_steps_aside(store, rng):
    session = FeedbackSession(QUERIES, store)
    session.answer("tie")
    session.skip("offensive")
    assert label_all(session, boltzmann(taste, temperature=0, rng=rng)) == 10
    assert session.answers()[0].choice == "tie"
    assert all(a.chosen.startswith("good") for a in session.answers()[1:])
    assert len(session.answers()) == 11
    assert len(session.answers(simulated=False)) == 1
    assert session.progress.simulated == 10
    assert session.progress.answered == 1
    assert "a simulated person filled in 10" in str(session.progress)
    assert session.current.query.prompt == "prompt 2"  # the person is still asked
    session.answer("both_bad")
    assert session.answers()[1].choice == "both_bad"
    assert session.progress.simulated == 9
    again = FeedbackSession(QUERIES, store)
    assert again.answers() == session.answers()


def test_a_simulated_person_is_asked_once_and_another_one_replaces_the_answers(store, rng):
    session = FeedbackSession(QUERIES, store)
    coin = boltzmann(taste, temperature=100, rng=rng)
    label_all(session, coin)
    first, count = session.answers(), len(store.events())
    label_all(session, coin)
    assert session.answers() == first  # a second draw of twelve coins would hardly be the same
    assert len(store.events()) == count
    assert coin.answered == len(QUERIES)
    session.extend([Query("compare", "new", ("x", "y"))])
    label_all(session, coin)
    assert session.answers()[:-1] == first
    assert coin.answered == len(QUERIES) + 1
    label_all(session, boltzmann(lambda text: -taste(text), temperature=0, rng=rng), name="contrary")
    assert all(a.chosen.startswith("bad") for a in session.answers()[:-1])
    assert FeedbackSession(session.queries, store).answers() == session.answers()
    label_all(session, coin)  # and back again: what was said then
    assert session.answers()[:-1] == first
    assert FeedbackSession(session.queries, store).answers() == session.answers()


def test_listeners_hear_of_answers_and_a_failing_one_loses_nothing(store):
    session = FeedbackSession(QUERIES, store)
    heard = []
    session.on_answer(lambda s: heard.append(len(s.answers())))
    off = session.on_change(lambda s: 1 / 0)
    with pytest.warns(UserWarning, match=r"ZeroDivisionError.*the answers are safe"):
        session.answer("left")
    off()
    session.answer("left")
    session.undo()
    assert heard == [1, 2]
    assert len(store.all()) == 1


def test_a_slow_background_listener_holds_nobody_up_and_sees_the_last_state(store):
    session = FeedbackSession(QUERIES, store)
    seen, threads = [], set()

    def slow(s):
        time.sleep(0.2)
        threads.add(threading.current_thread().name)
        seen.append(len(s.answers()))

    session.on_answer(slow, background=True)
    start = time.perf_counter()
    for _ in range(8):
        session.answer("left")
    assert time.perf_counter() - start < 0.4
    assert session.settle(10)
    assert seen[-1] == 8
    assert len(seen) <= 4
    assert threads == {"rlhf-edu listener"}


def test_ratings_and_rankings_go_through_the_same_session(store):
    queries = [
        Query("rate", "p", ("x",), scale=(0, 10)),
        Query("rank", "p", ("x", "y", "z")),
        Query("edit", "p", ("x",)),
    ]
    session = FeedbackSession(queries, store)
    session.answer(7)
    best_first = [session.current.query.options.index(t) for t in "zxy"]
    session.answer(best_first)
    session.answer("better")
    rating, ranking, edit = session.answers()
    assert rating == Rating("p", "x", 7, 0, 10)
    assert ranking.ranked == ("z", "x", "y")
    assert edit.edited == "better"


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        ("rate", 6, r"score is 6.0, but it must lie between 1.0 and 5.0"),
        ("rate", float("nan"), "score is nan, but it must lie between"),
        ("rate", "5", "the answer is '5', but a rating takes a number"),
        ("rank", [0, 0, 1], r"order is \(0, 0, 1\), but it must name each of the 3 texts .* exactly once"),
        ("rank", [0, 1], "exactly once"),
        ("rank", 3, "the answer is 3, but a ranking takes a list of positions"),
        ("rank", "210", "the answer is '210', but a ranking takes a list of positions"),
        ("edit", None, "the answer is None, but an edit takes the new text"),
        ("compare", ["left"], r"the answer is \['left'\], but a comparison takes"),
    ],
)
def test_an_answer_that_makes_no_sense_is_refused_in_one_sentence_and_changes_nothing(store, kind, value, words):
    texts = {"rank": ("x", "y", "z"), "compare": ("x", "y")}.get(kind, ("x",))
    session = FeedbackSession([Query(kind, "p", texts)], store)
    with pytest.raises(ValueError, match=words) as caught:
        session.answer(value)
    assert "\n" not in str(caught.value)
    assert session.progress.left == 1
    assert store.events() == []


def test_two_tabs_of_one_person_lose_nothing_and_the_last_word_counts(store):
    one, two = (FeedbackSession(QUERIES[:2], store) for _ in range(2))
    assert one.answer("left")
    assert two.answer("tie")  # the other tab does not know
    assert [e.record.choice for e in store.answers()] == ["tie"]
    assert len(store.events()) == 2
    one.extend([])  # running the cell again, in either tab
    assert one.answers() == two.answers() == store.all()
    assert one.undo()
    assert [e.record.chosen for e in store.answers()] == [one.shown(QUERIES[0].id).query.options[0]]


def test_a_reason_may_hold_any_characters(store):
    session = FeedbackSession(QUERIES, store)
    session.skip("lone \ud800, NUL \x00, 漢字 and '; DROP TABLE events")
    assert store.events()[0].note == "lone \\ud800, NUL \\x00, 漢字 and '; DROP TABLE events"


@pytest.mark.parametrize("seconds", [-30.0, float("inf"), float("nan")])
def test_a_page_whose_clock_was_set_tells_no_time(store, seconds):
    session = FeedbackSession(QUERIES, store)
    item = session.current.item
    session.answer("left", item=item, seconds=seconds)
    [event] = session.events()
    assert 0 <= event.seconds < 5
    assert event.shown_at <= event.answered_at
