"""Habits beyond plain noise, crowds of different tastes, and recorded raters."""

from collections import Counter
from itertools import product
from math import erf, exp, sqrt

import numpy as np
import pytest

from rlhf_edu.feedback.agreement import answer_table, krippendorff_alpha
from rlhf_edu.feedback.annotators import Habits, boltzmann
from rlhf_edu.feedback.people import ReplayedRaters, crowd, label_together
from rlhf_edu.feedback.quality import left_share
from rlhf_edu.feedback.store import FeedbackStore
from rlhf_edu.feedback.types import Preference, Query

QUERIES = [Query("compare", f"{i}", ("long and sad", "gay")) for i in range(60)]


@pytest.mark.parametrize("noise", [0.1, 0.5])
def test_a_value_that_varies_between_readings_gives_thurstones_law(noise):
    person = boltzmann({"x": 0.7, "y": 0.4}.__getitem__, 0, rng=np.random.default_rng(0), value_noise=noise)
    query = Query("compare", "p", ("x", "y"))
    share = np.mean([person(query).choice == "a" for _ in range(6000)])
    difference_in_deviations = 0.3 / (sqrt(2) * noise)
    assert share == pytest.approx(0.5 * (1 + erf(difference_in_deviations / sqrt(2))), abs=0.02)


def test_a_myopic_person_weighs_the_end_more():
    steps = {"good start": [1.0, 0.0, 0.0], "good end": [0.0, 0.0, 0.6]}
    values = [
        boltzmann(steps.__getitem__, rng=np.random.default_rng(0), myopic=g).worth("good start") for g in (1, 0.5)
    ]
    assert values == [1.0, 0.5**2]
    query = Query("clips", "p", ("good start", "good end"))
    patient, myopic = (
        boltzmann(steps.__getitem__, 0.2, rng=np.random.default_rng(0), myopic=gamma) for gamma in (1, 0.5)
    )
    shares = [np.mean([p(query).choice == "a" for _ in range(3000)]) for p in (patient, myopic)]
    assert shares == pytest.approx([1 / (1 + exp(-(1 - 0.6) / 0.2)), 1 / (1 + exp(-(0.25 - 0.6) / 0.2))], abs=0.025)
    with pytest.raises(ValueError, match="myopic is 0, but it must lie above 0"):
        Habits(myopic=0)
    with pytest.raises(ValueError, match="value_noise is -1"):
        Habits(value_noise=-1)


def test_habits_left_alone_draw_the_same_answers_as_before_there_were_any():
    """The stream of random numbers is part of what lessons print."""
    person = boltzmann({"x": 0.5, "y": 0.4}.__getitem__, 0.1, rng=np.random.default_rng(7))
    rng = np.random.default_rng(7)
    for _ in range(50):
        likes_left = rng.random() < 1 / (1 + exp(-1.0))
        rng.random()
        assert person(Query("compare", "p", ("x", "y"))).choice == ("a" if likes_left else "b")


def test_a_crowd_of_two_tastes_agrees_within_a_taste_and_not_across(rng):
    tastes = {"long": len, "short": lambda text: -len(text)}
    people = crowd(tastes, each=3, rng=rng, temperature=2.0)
    assert list(people) == ["long 1", "long 2", "long 3", "short 1", "short 2", "short 3"]
    store = FeedbackStore()
    assert label_together(store, QUERIES, people, rng=rng) == 360
    answers = store.answers(simulated=True)
    assert len(answers) == 360 == len(store.answers())
    table, _, names = answer_table(answers)
    long = [name.startswith("long") for name in names]
    assert np.nanmean(table[:, long] == 0) > 0.9
    assert np.nanmean(table[:, ~np.array(long)] == 0) < 0.1
    assert krippendorff_alpha(table) < 0.0
    assert {e.order for e in answers} == {(0, 1), (1, 0)}
    assert left_share(answers).value == pytest.approx(0.5, abs=0.1)  # the sides were drawn, and nobody minds them


def test_a_pull_to_the_left_shows_in_the_answers_of_a_crowd(rng):
    store = FeedbackStore()
    people = crowd({"any": lambda text: 0.0}, each=4, rng=rng, position=1.0)
    label_together(store, QUERIES, people, rng=rng)
    assert left_share(store.answers()).value == pytest.approx(1 / (1 + exp(-1)), abs=0.08)


def test_some_of_a_crowd_answer_each_item_and_a_second_call_adds_what_is_missing(rng):
    store, people = FeedbackStore(), crowd({"long": len}, each=5, rng=rng)
    assert label_together(store, QUERIES, people, 2, rng=rng) == 120
    assert set(Counter(e.item for e in store.answers()).values()) == {2}
    assert len(Counter(e.annotator for e in store.answers())) == 5
    assert label_together(store, QUERIES, people, 2, rng=rng) == 0
    assert label_together(store, QUERIES, people, 3, rng=rng) == 60
    with pytest.raises(ValueError, match="per_item is 6, but there are 5 people"):
        label_together(store, QUERIES, people, 6, rng=rng)


def test_recorded_raters_answer_as_often_as_the_record_says():
    recorded = {"x": [1, 2, 3], "y": [2, 2, 4], "z": [0]}
    people = ReplayedRaters(recorded, 0, 4, rng=np.random.default_rng(0))
    seen = Counter(people(Query("compare", "p", ("x", "y"))).choice for _ in range(6000))
    signs = Counter(np.sign(a - b) for a, b in product(recorded["x"], recorded["y"]))  # all nine couples of raters
    for choice, sign in (("a", 1), ("b", -1), ("tie", 0)):
        assert seen[choice] / 6000 == pytest.approx(signs[sign] / 9, abs=0.02)
    scores = Counter(people(Query("rate", "p", ("y",), scale=(1, 5))).score for _ in range(3000))
    assert set(scores) == {3.0, 5.0}
    assert scores[3.0] / 3000 == pytest.approx(2 / 3, abs=0.03)
    firsts = Counter(people(Query("rank", "p", ("z", "x", "y"))).order[0] for _ in range(6000))
    assert firsts[0] == 0
    assert firsts[1] / 6000 == pytest.approx((signs[1] + signs[0] / 2) / 9, abs=0.02)


def test_recorded_raters_say_what_they_cannot_do(rng):
    people = ReplayedRaters({"x": [1]}, 0, 4, rng=rng)
    with pytest.raises(ValueError, match="nobody rated 'unknown'"):
        people(Query("rate", "p", ("unknown",)))
    with pytest.raises(ValueError, match="cannot edit text"):
        people(Query("edit", "p", ("x",)))
    with pytest.raises(ValueError, match="low end must be below"):
        ReplayedRaters({}, 4, 0, rng=rng)


def test_who_skips_is_replaced_by_somebody_who_does_not():
    queries = [Query("compare", f"p {i}", ("x", "y")) for i in range(50)]
    people = dict.fromkeys(("ann", "bob", "eve"), lambda q: Preference(q.prompt, *q.options, "a"))
    people["shy"] = lambda q: None
    store = FeedbackStore()
    assert label_together(store, queries, people, per_item=2, rng=np.random.default_rng(0)) == 100
    assert Counter(Counter(e.item for e in store.answers()).values()) == {2: 50}
    assert "shy" not in {e.annotator for e in store.answers()}
