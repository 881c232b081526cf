"""Each statistic by hand or by slow loops, and against other people's libraries where they are installed."""

from itertools import combinations, permutations

import numpy as np
import pytest
from scipy.stats import rankdata

from rlhf_edu.feedback.agreement import (
    answer_table,
    bootstrap_interval,
    cohen_kappa,
    fleiss_kappa,
    krippendorff_alpha,
    percent_agreement,
)
from rlhf_edu.feedback.events import Event
from rlhf_edu.feedback.types import Edit, Preference, Rating

NAN = np.nan


def ratings(rng, n=60, people=4, values=5, noise=1.0, gaps=0.3):
    """Items of different worth, rated on a scale by people who see them with noise; some cells are empty."""
    worth = rng.uniform(1, values, size=(n, 1))
    table = np.clip(np.round(worth + noise * rng.normal(size=(n, people))), 1, values)
    table[rng.random(table.shape) < gaps] = NAN
    return table


def pairs_within(table):
    """Every ordered pair of answers to one item by two people, with the weight 1 / (answers to the item − 1)."""
    for row in table:
        given = row[~np.isnan(row)]
        for x, y in permutations(range(len(given)), 2):
            yield given[x], given[y], 1 / (len(given) - 1)


def slow_alpha(table, difference):
    """D_o: the mean difference within items; D_e: the mean difference of any two answers that could be paired."""
    table = np.array([row for row in table if (~np.isnan(row)).sum() > 1])
    everything = table[~np.isnan(table)]
    observed = sum(w * difference(x, y) for x, y, w in pairs_within(table)) / len(everything)
    by_chance = np.mean([difference(x, y) for x, y in permutations(everything, 2)])
    return 1 - observed / by_chance


def test_percent_agreement_counts_pairs(rng):
    table = ratings(rng)
    same = [x == y for row in table for x, y in combinations(row[~np.isnan(row)], 2)]
    assert percent_agreement(table) == pytest.approx(np.mean(same))
    assert np.isnan(percent_agreement(np.array([[1.0, NAN], [NAN, 2.0]])))


def test_cohens_kappa_by_hand():
    # 20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no: they agree on 0.7; chance gives 0.5 · 0.6 + 0.5 · 0.4 = 0.5
    a = np.repeat([1, 1, 0, 0], [20, 5, 10, 15])
    b = np.repeat([1, 0, 1, 0], [20, 5, 10, 15])
    assert cohen_kappa(a, b) == pytest.approx((0.7 - 0.5) / (1 - 0.5))
    assert cohen_kappa(a, a) == 1
    assert cohen_kappa(a, 1 - a) == pytest.approx(-1)
    assert np.isnan(cohen_kappa(np.ones(5), np.ones(5)))


@pytest.mark.parametrize("weights", ["none", "linear", "quadratic"])
def test_cohens_kappa_equals_scikit_learns_and_slow_loops(rng, weights):
    from sklearn.metrics import cohen_kappa_score

    a, b = ratings(rng, gaps=0.1, people=2).T
    both = ~np.isnan(a) & ~np.isnan(b)
    x, y = a[both].astype(int), b[both].astype(int)
    ours = cohen_kappa(a, b, weights)
    assert ours == pytest.approx(cohen_kappa_score(x, y, weights=None if weights == "none" else weights))
    cost = {"none": lambda i, j: i != j, "linear": lambda i, j: abs(i - j), "quadratic": lambda i, j: (i - j) ** 2}
    observed = np.mean([cost[weights](i, j) for i, j in zip(x, y, strict=True)])
    by_chance = np.mean([cost[weights](i, j) for i in x for j in y])
    assert ours == pytest.approx(1 - observed / by_chance)
    assert 0.1 < ours < 0.95


def test_fleiss_kappa_by_hand_and_by_statsmodels(rng):
    # three people, two items: (x x y) and (y y y). P̄ = (1/3 + 1) / 2 = 2/3; shares 1/3 and 2/3: P̄_e = 5/9
    assert fleiss_kappa(np.array([[0.0, 0, 1], [1, 1, 1]])) == pytest.approx((2 / 3 - 5 / 9) / (1 - 5 / 9))
    table = ratings(rng, gaps=0)
    peer = pytest.importorskip("statsmodels.stats.inter_rater")
    assert fleiss_kappa(table) == pytest.approx(peer.fleiss_kappa(peer.aggregate_raters(table.astype(int))[0]))


def test_fleiss_kappa_refuses_items_with_unequal_numbers_of_answers():
    with pytest.raises(ValueError, match=r"equally many answers .* got \[1.0, 2.0\]: use krippendorff_alpha"):
        fleiss_kappa(np.array([[0.0, 1.0], [0.0, NAN]]))
    with pytest.raises(ValueError, match="at least 2"):
        fleiss_kappa(np.array([[0.0], [1.0]]))


def test_alpha_by_hand():
    # Two people, four items: (0 0) (0 0) (1 1) (0 1). n_0 = 5, n_1 = 3, n = 8; the mixed item gives o_01 = 1.
    table = np.array([[0.0, 0], [0, 0], [1, 1], [0, 1]])
    assert krippendorff_alpha(table) == pytest.approx(1 - (8 - 1) * 1 / (5 * 3))
    assert krippendorff_alpha(np.array([[0.0, 0], [1, 1]])) == 1
    assert np.isnan(krippendorff_alpha(np.ones((3, 2))))
    with pytest.raises(ValueError, match="weights is 'cubic'"):
        cohen_kappa(table[:, 0], table[:, 1], "cubic")
    with pytest.raises(ValueError, match="level is 'ratio'"):
        krippendorff_alpha(table, "ratio")


@pytest.mark.parametrize("seed", [0, 1])
def test_alpha_equals_slow_loops_over_pairs(seed):
    table = ratings(np.random.default_rng(seed), n=25)
    several = (~np.isnan(table)).sum(axis=1) > 1
    ranks = table.copy()
    used = ~np.isnan(table) & several[:, None]
    ranks[used] = rankdata(table[used])  # between two ranks lie the answers between them
    assert krippendorff_alpha(table) == pytest.approx(slow_alpha(table, lambda x, y: float(x != y)))
    assert krippendorff_alpha(table, "interval") == pytest.approx(slow_alpha(table, lambda x, y: (x - y) ** 2))
    assert krippendorff_alpha(table, "ordinal") == pytest.approx(slow_alpha(ranks, lambda x, y: (x - y) ** 2))


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval"])
def test_alpha_equals_the_krippendorff_packages(rng, level):
    peer = pytest.importorskip("krippendorff")
    table = ratings(rng)
    assert krippendorff_alpha(table, level) == pytest.approx(
        peer.alpha(reliability_data=table.T, level_of_measurement=level)
    )


def test_people_who_answer_at_random_agree_no_more_than_chance(rng):
    table = rng.integers(3, size=(4000, 3)).astype(float)
    values = [krippendorff_alpha(table), fleiss_kappa(table), cohen_kappa(table[:, 0], table[:, 1])]
    assert np.abs(values).max() < 0.04


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(3)
    covered = []
    for _ in range(150):
        equal = rng.random(80) < 0.7  # the truth
        found = bootstrap_interval(percent_agreement, np.stack([np.zeros(80), 1.0 - equal], axis=1), rng, times=100)
        covered.append(found.low <= 0.7 <= found.high)
        assert found.value == pytest.approx(equal.mean())
    assert 0.88 <= np.mean(covered) <= 0.99
    with pytest.raises(ValueError, match="level lies in"):
        bootstrap_interval(percent_agreement, np.zeros((0, 2)), rng)


def test_the_table_of_a_store():
    def says(who, item, record):
        return Event("answer", who, item, record)

    def prefers(choice):
        return Preference("p", "x", "y", choice)

    log = [
        says("ann", "1", prefers("a")), says("bob", "1", prefers("tie")), says("bob", "2", prefers("both_bad")),
        says("ann", "3", prefers("b")), Event("skip", "ann", "2"),
    ]  # fmt: skip
    values, items, people = answer_table(log)
    assert (items, people) == (["1", "2", "3"], ["ann", "bob"])
    np.testing.assert_equal(values, [[0, 1], [NAN, 3], [2, NAN]])
    np.testing.assert_equal(answer_table(log, ordered=True).values, [[0, 1], [NAN, NAN], [2, NAN]])
    np.testing.assert_equal(answer_table([says("ann", "1", Rating("p", "x", 4))]).values, [[4.0]])
    assert answer_table([]).values.shape == (0, 0)
    with pytest.raises(ValueError, match="got comparisons and ratings"):
        answer_table([*log, says("ann", "4", Rating("p", "x", 4))])
    with pytest.raises(ValueError, match="but got one of kind edit"):
        answer_table([says("ann", "4", Edit("p", "x", "y"))])
