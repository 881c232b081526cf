"""Each way of choosing a question against its definition, by enumeration of answers, members or batches."""

from collections import Counter
from itertools import combinations
from math import exp, log

import numpy as np
import pytest

from rlhf_edu.feedback.events import Event
from rlhf_edu.feedback.ledger import Entry, Ledger, cost_of
from rlhf_edu.feedback.queries import (
    all_pairs,
    disagreement,
    duel,
    entropy,
    information_gain,
    pick,
    pick_at_random,
    pick_batch,
    sigmoid,
    uncertainty,
)
from rlhf_edu.feedback.types import Preference

YES = Preference("p", "x", "y", "a")


def beliefs(rng, members=5, candidates=7):
    return rng.random((members, candidates))


def test_information_gain_is_the_expected_shrinking_of_doubt_about_the_member(rng):
    """By Bayes' rule on the member itself: log E − Σ_answers P(answer) · H(member | answer)."""
    probs = beliefs(rng)
    members, candidates = probs.shape
    for n in range(candidates):
        left = 0.0
        for likelihood in (probs[:, n], 1 - probs[:, n]):
            chance = likelihood.mean()
            posterior = likelihood / likelihood.sum()
            left += chance * -sum(q * log(q) for q in posterior if q > 0)
        assert information_gain(probs)[n] == pytest.approx(log(members) - left)


def test_uncertainty_and_disagreement_by_plain_loops(rng):
    probs = beliefs(rng)
    for n, column in enumerate(probs.T.tolist()):
        mean = sum(column) / len(column)
        assert uncertainty(probs)[n] == pytest.approx(-mean * log(mean) - (1 - mean) * log(1 - mean))
        assert disagreement(probs)[n] == pytest.approx(sum((p - mean) ** 2 for p in column) / len(column))
    np.testing.assert_array_equal(entropy(np.array([0.0, 1.0])), 0)
    assert sigmoid(np.array([-800.0, 0.0, 2.0])) == pytest.approx([0, 0.5, 1 / (1 + exp(-2))])


def test_a_coin_is_uncertain_but_teaches_nothing_and_a_quarrel_teaches_most():
    coin, quarrel, known = [0.5] * 4, [0.01, 0.99, 0.01, 0.99], [0.97] * 4
    probs = np.array([coin, quarrel, known]).T
    assert uncertainty(probs)[:2] == pytest.approx([log(2), log(2)])
    assert information_gain(probs) == pytest.approx([0, log(2) - entropy(np.array([0.01]))[0], 0], abs=1e-12)
    assert disagreement(probs).argmax() == information_gain(probs).argmax() == 1


def test_picking_takes_the_best_and_breaks_ties_at_random():
    worth = np.array([1.0, 3.0, 2.0, 3.0, 0.0])
    seen = Counter(tuple(pick(worth, 3, np.random.default_rng(seed)).tolist()) for seed in range(200))
    assert set(seen) == {(1, 3, 2), (3, 1, 2)}
    assert min(seen.values()) > 60
    random = Counter(i for seed in range(600) for i in pick_at_random(5, 2, np.random.default_rng(seed)).tolist())
    assert min(random.values()) > 200 < max(random.values()) < 280
    with pytest.raises(ValueError, match="asked for 6 of 5 candidates"):
        pick(worth, 6, np.random.default_rng(0))


def test_a_batch_gains_what_the_determinants_say(rng):
    """With all answers open (mean 0, small covariance) the sum of gains is ½ ln det of the shrinking covariance."""
    x, root = rng.normal(size=(9, 3)), rng.normal(size=(3, 3))
    covariance = 0.001 * root @ root.T

    def gain(batch):
        precision = np.linalg.inv(covariance) + sum(0.25 * np.outer(x[i], x[i]) for i in batch)
        return 0.5 * (np.linalg.slogdet(covariance)[1] + np.linalg.slogdet(precision)[1])

    chosen: list[int] = []
    for _ in range(4):  # greedy, by inverting the whole matrix for each candidate
        chosen.append(max(set(range(9)) - set(chosen), key=lambda i: gain([*chosen, i])))
    found = pick_batch(x, np.zeros(3), covariance, 4)
    assert found.tolist() == chosen
    best = max(gain(batch) for batch in combinations(range(9), 4))
    assert gain(found.tolist()) > 0.63 * best  # greedy on a submodular gain: 1 − 1/e of the optimum at least


def test_a_batch_does_not_ask_the_same_twice(rng):
    direction, other = np.array([3.0, 0.0]), np.array([0.0, 2.0])
    candidates = np.array([direction, direction + 0.01, direction - 0.01, other])
    assert set(pick_batch(candidates, np.zeros(2), np.eye(2), 2)) > {3}
    alone = information_gain(sigmoid(rng.multivariate_normal(np.zeros(2), np.eye(2), 500) @ candidates.T))
    assert 3 not in pick(alone, 2, rng)  # one at a time, the near copies win
    decided = pick_batch(candidates, np.array([50.0, 0.0]), np.eye(2), 1)
    assert decided.tolist() == [3]  # where the answer is known beforehand, nothing is learned


def test_a_duel_is_between_likely_winners(rng):
    rewards = np.zeros((4, 5))
    rewards[[0, 1], 2] = 1.0
    rewards[2, 4] = rewards[3, 0] = 1.0  # text 2 is the best to two members, 4 and 0 to one each; 1 and 3 to nobody
    seen = Counter(duel(rewards, rng) for _ in range(4000))
    assert {i for pair in seen for i in pair} == {0, 2, 4}
    assert all(a != b for a, b in seen)
    firsts = Counter(a for a, _ in seen.elements())
    assert firsts[2] / 4000 == pytest.approx(0.5, abs=0.03)
    after_two = Counter(b for a, b in seen.elements() if a == 2)
    assert after_two[4] / after_two.total() == pytest.approx(0.5, abs=0.05)
    agreed = Counter(duel(np.array([[0.0, 1.0, 0.0]] * 3), rng) for _ in range(400))
    assert set(agreed) == {(1, 0), (1, 2)}
    with pytest.raises(ValueError, match="a duel needs two texts"):
        duel(np.zeros((3, 1)), rng)


def test_all_pairs_and_what_each_member_believes():
    pairs, probs = all_pairs(np.array([[0.0, 1.0, 3.0], [1.0, 1.0, 0.0]]), temperature=2.0)
    assert pairs.tolist() == [[0, 1], [0, 2], [1, 2]]
    assert probs == pytest.approx(np.array([[1 / (1 + exp(d / 2)) for d in row] for row in ([1, 3, 2], [0, -1, -1])]))


def test_information_gain_finds_a_hidden_direction_with_fewer_questions_than_chance():
    """Twenty seeds of a linear taste: after the same number of answers, the informed questioner is nearer to it."""

    def accuracy(seed, informed):
        rng = np.random.default_rng(seed)
        truth, members = rng.normal(size=4), rng.normal(size=(300, 4))
        candidates, exam = rng.normal(size=(2, 300, 4)) * rng.choice([0.1, 3.0], size=(2, 300, 1))
        weight = np.zeros(300)
        for _ in range(12):
            belief = members[rng.choice(300, size=60, p=np.exp(weight) / np.exp(weight).sum())]
            probs = sigmoid(belief @ candidates.T)
            n = pick(information_gain(probs), 1, rng)[0] if informed else pick_at_random(300, 1, rng)[0]
            sign = 1 if rng.random() < sigmoid(candidates[[n]] @ truth)[0] else -1
            weight -= np.logaddexp(0, -sign * members @ candidates[n])
            weight -= weight.max()
        mean = np.exp(weight) @ members
        return ((exam @ mean > 0) == (exam @ truth > 0)).mean()

    gains = [accuracy(seed, True) - accuracy(seed, False) for seed in range(20)]
    assert np.mean(gains) > 2 * np.std(gains) / np.sqrt(len(gains)) > 0


def test_a_ledger_adds_up_and_says_what_a_target_cost():
    ledger = Ledger()
    for labels, minutes, seconds, score in [(10, 1.0, 5.0, 0.5), (10, 1.5, 5.0, 0.8), (20, 2, 6, 0.7), (10, 1, 5, 0.9)]:
        ledger.add(labels, minutes, seconds, score=score, what="round")
    assert ledger.running()[-1] == Entry(50, 5.5, 21.0, 0.9, "round")
    assert ledger.until(0.75) == Entry(50, 5.5, 21.0, 0.9, "round")  # 0.8 at first, but then it fell again
    assert ledger.until(0.6) == Entry(20, 2.5, 10.0, 0.8, "round")
    assert ledger.until(0.4).labels == 10
    assert ledger.until(0.95) is None
    assert Ledger().until(0.1) is None
    lines = str(ledger).splitlines()
    assert lines[0].split() == ["labels", "minutes", "seconds", "score", "per", "label"]
    assert lines[2].split() == ["20", "2.5", "10", "0.800", "+0.0300", "round"]
    with pytest.raises(ValueError, match="labels is -1, but a cost must be 0 or more"):
        ledger.add(-1, 0, 0, score=0)


def test_the_cost_of_answers_counts_labels_and_the_time_of_people():
    log = [
        Event("answer", "ann", "1", YES, seconds=30), Event("answer", "ann", "2", YES, seconds=4000),
        Event("answer", "robot", "1", YES, simulated=True, seconds=50), Event("answer", "ann", "3", YES),
        Event("skip", "ann", "4", seconds=60),
    ]  # fmt: skip
    assert cost_of(log) == (4, pytest.approx((30 + 120) / 60))


def test_a_duel_of_texts_nobody_can_tell_apart_names_any_of_them():
    rng = np.random.default_rng(0)
    first = np.bincount([duel(np.zeros((3, 4)), rng)[0] for _ in range(400)], minlength=4)
    assert first.min() > 60  # 100 each, standard deviation 9


def test_a_batch_of_none_is_empty_and_still_an_index():
    chosen = pick_batch(np.eye(3), np.zeros(3), np.eye(3), 0)
    assert np.arange(3)[chosen].tolist() == []
