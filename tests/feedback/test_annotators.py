from collections import Counter
from itertools import permutations
from math import exp, log2, prod

import numpy as np
import pytest

from rlhf_edu.feedback.annotators import Habits, boltzmann
from rlhf_edu.feedback.types import Query

SCORES = {"good": 0.8, "fair": 0.6, "poor": 0.3, "good words " * 4: 0.8}


def share_left(left, right, times=6000, **habits):
    person = boltzmann(SCORES.__getitem__, rng=np.random.default_rng(1), **habits)
    query = Query("compare", "p", (left, right))
    return np.mean([person(query).choice == "a" for _ in range(times)])


@pytest.mark.parametrize("temperature", [0.1, 0.5])
@pytest.mark.parametrize(("left", "right"), [("good", "fair"), ("poor", "fair"), ("good", "good")])
def test_choices_are_as_frequent_as_the_ratio_of_exponentials(left, right, temperature):
    l, r = (exp(SCORES[x] / temperature) for x in (left, right))  # B-Pref's own form: a softmax over the two
    assert share_left(left, right, temperature=temperature) == pytest.approx(l / (l + r), abs=0.02)


def test_mistakes_biases_and_fatigue_change_the_frequencies_as_they_should():
    p = 1 / (1 + exp(-(0.8 - 0.6) / 0.2))
    assert share_left("good", "fair", temperature=0.2, mistake=0.3) == pytest.approx(0.7 * p + 0.3 * (1 - p), abs=0.02)
    assert share_left("good", "good", position=1.0) == pytest.approx(1 / (1 + exp(-1)), abs=0.02)
    longer = 0.5 * log2(8 / 1)
    assert share_left("good words " * 4, "good", length=0.5) == pytest.approx(1 / (1 + exp(-longer)), abs=0.02)
    tired = boltzmann(SCORES.__getitem__, 0.1, rng=np.random.default_rng(1), fatigue=0.5)
    for _ in range(4):
        tired(Query("compare", "p", ("good", "poor")))
    assert tired.temperature == pytest.approx(0.1 * (1 + 0.5 * 4))
    fresh = share_left("good", "fair", times=300)
    assert share_left("good", "fair", times=300, fatigue=10.0) < fresh - 0.1


def test_without_noise_the_better_text_always_wins():
    assert share_left("good", "fair", times=200, temperature=0) == 1
    assert share_left("poor", "fair", times=200, temperature=0) == 0


def test_close_calls_are_ties_and_hopeless_ones_are_skipped():
    person = boltzmann(SCORES.__getitem__, rng=np.random.default_rng(0), tie_within=0.25, skip_below=0.5)
    assert person(Query("compare", "p", ("good", "fair"))).choice == "tie"
    assert person(Query("compare", "p", ("good", "poor"))).choice in "ab"
    assert person(Query("compare", "p", ("poor", "poor"))) is None


def test_rankings_follow_plackett_luce_by_enumeration():
    texts, temperature, times = ("good", "fair", "poor"), 0.3, 6000
    person = boltzmann(SCORES.__getitem__, temperature, rng=np.random.default_rng(2))
    seen = Counter(person(Query("rank", "p", texts)).order for _ in range(times))
    weight = [exp(SCORES[t] / temperature) for t in texts]
    for order in permutations(range(3)):
        expected = prod(weight[x] / sum(weight[y] for y in order[i:]) for i, x in enumerate(order))
        assert seen[order] / times == pytest.approx(expected, abs=0.02)


def test_ratings_lie_on_the_scale_around_the_taste():
    person = boltzmann(SCORES.__getitem__, 0.02, rng=np.random.default_rng(3))
    ratings = [person(Query("rate", "p", ("fair",), scale=(1, 5))).score for _ in range(500)]
    assert set(ratings) <= {1.0, 2.0, 3.0, 4.0, 5.0}
    assert np.mean(ratings) == pytest.approx(1 + 0.6 * 4, abs=0.5)
    exact = boltzmann(SCORES.__getitem__, 0, rng=np.random.default_rng(3))
    assert exact(Query("rate", "p", ("good",), scale=(0, 10))).score == 8


def test_the_same_seed_gives_the_same_person():
    def answers(seed):
        person = boltzmann(SCORES.__getitem__, 0.5, rng=np.random.default_rng(seed))
        return [person(Query("compare", "p", ("good", "fair"))).choice for _ in range(40)]

    assert answers(5) == answers(5) != answers(6)


def test_nonsense_is_refused():
    with pytest.raises(ValueError, match=r"mistake is 1.5, but it is a chance"):
        Habits(mistake=1.5)
    with pytest.raises(ValueError, match=r"temperature is -1, but it must be 0 or more"):
        Habits(temperature=-1)
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="cannot edit text"):
        boltzmann(len, rng=rng)(Query("edit", "p", ("x",)))
    with pytest.raises(ValueError, match="scores must be finite"):
        boltzmann(lambda text: float("nan"), rng=rng)(Query("rate", "p", ("x",)))


@pytest.mark.parametrize(
    "habit", [dict(position=float("nan")), dict(length=float("inf")), dict(skip_below=float("nan"))]
)
def test_habits_that_are_no_numbers_are_refused(habit):
    with pytest.raises(ValueError, match="but it must be a finite number"):
        boltzmann(len, rng=np.random.default_rng(0), **habit)


def test_mistakes_on_a_scale_without_whole_marks_stay_on_it():
    person = boltzmann(lambda text: 0.5, 0.1, rng=np.random.default_rng(0), mistake=1.0)
    scores = [person(Query("rate", "p", ("x",), scale=(0.2, 0.8))).score for _ in range(40)]
    assert 0.2 <= min(scores) < max(scores) <= 0.8
