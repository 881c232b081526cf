"""Repeats, attention, habits and ceilings; and people of unequal quality told apart."""

from itertools import product
from math import comb, prod

import numpy as np
import pytest

from rlhf_edu.feedback.annotators import boltzmann
from rlhf_edu.feedback.dawid_skene import dawid_skene
from rlhf_edu.feedback.events import Event
from rlhf_edu.feedback.quality import (
    Share,
    attention,
    bayes_ceiling,
    ceiling_from_votes,
    left_share,
    longer_share,
    self_consistency,
)
from rlhf_edu.feedback.session import FeedbackSession
from rlhf_edu.feedback.store import FeedbackStore
from rlhf_edu.feedback.types import Preference, Query, Rating

NAN = np.nan


def says(who, item, choice, order=(), a="x", b="y"):
    return Event("answer", who, item, Preference("p", a, b, choice), order=order)


def test_self_consistency_compares_answers_to_the_same_question():
    log = [
        says("ann", "1", "a"), says("ann", "1#2", "a"), says("ann", "1#3", "b"), says("ann", "2", "a"),
        says("bob", "1", "a"), says("bob", "1#2", "b"), says("eve", "1", "a"),
    ]  # fmt: skip
    assert self_consistency(log) == {"ann": Share(1, 3), "bob": Share(0, 1)}  # of ann's three pairs one is equal


def test_a_session_that_asks_twice_measures_a_wavering_person():
    queries = [Query("compare", f"{i}", ("good", "fair")) for i in range(400)]
    chance = 1 / (1 + np.exp(-0.5))
    person = boltzmann({"good": 0.5, "fair": 0.0}.__getitem__, 1.0, rng=np.random.default_rng(0))
    store = FeedbackStore()
    session = FeedbackSession([*queries, *queries], store)
    records = {q.id: person(q) for q in session.queries}
    store.append(*[Event("answer", "me", item, record) for item, record in records.items()])
    found = self_consistency(store.answers())["me"]
    assert found.total == 400
    assert found.value == pytest.approx(chance**2 + (1 - chance) ** 2, abs=0.07)


def test_attention_items_by_record_and_by_rule():
    good = Preference("p", "x", "y", "a")
    log = [
        says("ann", "1", "a"), says("ann", "1#2", "tie"), says("bob", "1", "b"), Event("skip", "eve", "1"),
        Event("answer", "bob", "2", Rating("p", "x", 4)),
    ]  # fmt: skip
    expected = {"1": good, "2": lambda record: record.score >= 4}
    assert attention(log, expected) == {"ann": Share(1, 2), "bob": Share(1, 2)}


def test_the_pull_of_the_left_side_and_of_the_longer_text():
    log = [
        says("ann", "1", "a", (0, 1)), says("ann", "2", "b", (1, 0)), says("ann", "3", "a", (1, 0)),
        says("ann", "4", "tie", (0, 1)), says("ann", "5", "a"),
    ]  # fmt: skip
    assert left_share(log) == Share(2, 3)
    assert longer_share([says("ann", "1", "a", a="one two", b="one"), says("ann", "2", "b", a="q r", b="s")]) == Share(
        1, 2
    )
    assert longer_share(log) == Share(0, 0)
    assert np.isnan(Share(0, 0).value)
    assert str(Share(7, 10)) == "7 of 10 (70%)"


def test_the_ceiling_lies_between_its_two_estimates_by_enumeration():
    for p, n in product((0.5, 0.7, 0.95), (2, 3, 6)):
        chances = {k: comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)}
        votes = [np.array([[1.0] * k + [0.0] * (n - k)]) for k in chances]
        low, high = (
            sum(c * ceiling_from_votes(v)[side] for c, v in zip(chances.values(), votes, strict=True))
            for side in (0, 1)
        )
        ceiling = bayes_ceiling(np.array([[p, 1 - p]]))
        assert low <= ceiling + 1e-12 <= high + 2e-12
        others = [(comb(n - 1, k) * p**k * (1 - p) ** (n - 1 - k), k) for k in range(n)]
        wins = sum(c * (1.0 if 2 * k > n - 1 else 0.5 if 2 * k == n - 1 else 0.0) for c, k in others)
        assert low == pytest.approx(p * wins + (1 - p) * (1 - wins))  # the others vote, then one more person is drawn


def test_the_ceiling_needs_items_with_two_answers_and_rows_of_chances():
    with pytest.raises(ValueError, match="no item has two answers"):
        ceiling_from_votes(np.array([[1.0, NAN]]))
    with pytest.raises(ValueError, match="add up to 1"):
        bayes_ceiling(np.array([[0.5, 0.6]]))
    assert ceiling_from_votes(np.array([[1.0, 1, NAN], [0, NAN, NAN]])) == (1.0, 1.0)


def crowd(seed=0, n=400):
    """Two careful people, two who guess, and one who answers the opposite: the majority is little better than a coin."""
    rng = np.random.default_rng(seed)
    truth = (rng.random(n) < 0.4).astype(int)
    right = np.array([0.92, 0.88, 0.5, 0.5, 0.15])
    table = np.where(rng.random((n, 5)) < right, truth[:, None], 1 - truth[:, None]).astype(float)
    table[rng.random(table.shape) < 0.1] = NAN
    return truth, right, table[(~np.isnan(table)).any(axis=1)]


def test_dawid_skene_finds_who_is_careful_and_beats_the_majority():
    truth, right, table = crowd()
    assert len(table) == len(truth)
    found = dawid_skene(table)
    majority = np.nan_to_num(np.nanmean(table, axis=1), nan=0.5) > 0.5
    assert (found.best == truth).mean() > max(0.9, (majority == truth).mean() + 0.05)
    np.testing.assert_allclose(found.accuracy, right, atol=0.07)
    assert found.prior[1] == pytest.approx(0.4, abs=0.06)


def test_dawid_skenes_loss_never_rises_and_its_posterior_is_bayes_rule():
    _, _, table = crowd(seed=1, n=60)
    found = dawid_skene(table)
    assert len(found.loss) > 3
    assert (np.diff(found.loss) < 1e-9).all()
    for i in range(10):  # by plain loops, from what was found
        said = [(r, int(v)) for r, v in enumerate(table[i]) if not np.isnan(v)]
        joint = [found.prior[j] * prod(found.confusion[r, j, k] for r, k in said) for j in (0, 1)]
        np.testing.assert_allclose(found.posterior[i], np.array(joint) / sum(joint), rtol=1e-6)
    before = dawid_skene(table, steps=len(found.loss) - 1).posterior
    counted = np.zeros((2, 2))  # person 0's confusion: the expected counts under the posterior it was made from
    for i, value in enumerate(table[:, 0]):
        if not np.isnan(value):
            counted[:, int(value)] += before[i]
    expected = (counted + 0.1) / (counted + 0.1).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found.confusion[0], expected, rtol=1e-8)


def test_dawid_skene_refuses_what_it_cannot_use():
    with pytest.raises(ValueError, match="two different values"):
        dawid_skene(np.ones((3, 2)))
    with pytest.raises(ValueError, match="an answer to each item"):
        dawid_skene(np.array([[0.0, 1.0], [NAN, NAN]]))
    with pytest.raises(ValueError, match="smoothing is 0"):
        dawid_skene(np.array([[0.0, 1.0]]), smoothing=0)


def test_ids_of_ones_own_that_end_in_a_number_are_no_second_asking():
    events = [Event("answer", "ann", f"film#{n}", Preference(f"p {n}", "x", "y", "ab"[n % 2])) for n in range(5)]
    assert self_consistency(events) == {}
    again = Event("answer", "ann", "film#0#2", Preference("p 0", "x", "y", "b"))
    assert self_consistency([*events, again]) == {"ann": (0, 1)}
