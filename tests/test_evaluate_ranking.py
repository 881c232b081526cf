"""Ratings against scipy and logistic regression, Elo by hand, intervals by simulation."""

import math

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import bootstrap as scipy_bootstrap

from rlhf_edu.evaluate import Interval, bootstrap, bradley_terry_ratings, elo_ratings, rank_policies

WINS = np.array([[0, 7, 9.5], [3, 0, 6], [0.5, 4, 0]])


def slow_loss(r, wins, prior):
    total = 0.0
    for i in range(len(r)):
        total += prior / 2 * (math.log1p(math.exp(-r[i])) + math.log1p(math.exp(r[i])))
        for j in range(len(r)):
            if i != j:
                total += wins[i, j] * math.log1p(math.exp(r[j] - r[i]))
    return total


@pytest.mark.parametrize("prior", [0.1, 0.5, 3.0])
def test_ratings_are_those_of_scipys_optimiser(prior):
    rng = np.random.default_rng(2)
    for wins in (WINS, rng.integers(0, 9, size=(5, 5)) * (1.0 - np.eye(5))):
        best = minimize(slow_loss, np.zeros(len(wins)), args=(wins, prior), tol=1e-12)
        assert bradley_terry_ratings(wins, prior) == pytest.approx(best.x, abs=1e-4)


def test_with_hardly_any_prior_they_are_those_of_logistic_regression():
    from sklearn.linear_model import LogisticRegression

    X, y, weight = [], [], []
    for i in range(3):
        for j in range(3):
            if i != j:
                row = np.zeros(3)
                row[i], row[j] = 1, -1
                X += [row, -row]
                y += [1, 0]
                weight += [WINS[i, j]] * 2
    theirs = LogisticRegression(C=1e8, fit_intercept=False, tol=1e-10, max_iter=1000).fit(X, y, weight).coef_[0]
    ours = bradley_terry_ratings(WINS, 1e-6)
    assert ours - ours.mean() == pytest.approx(theirs - theirs.mean(), abs=1e-3)


def test_two_players_have_a_rating_on_paper():
    """75 of 100 games: log-odds log 3 apart."""
    r = bradley_terry_ratings(np.array([[0, 75], [25, 0.0]]), 1e-6)
    assert r[0] - r[1] == pytest.approx(math.log(3), abs=1e-4)


def test_who_never_lost_gets_a_finite_rating_that_grows_with_the_games():
    few, many = (bradley_terry_ratings(np.array([[0, n], [0, 0.0]])) for n in (3.0, 300.0))
    assert 0.5 < few[0] - few[1] < many[0] - many[1] < 20


def test_elo_on_paper():
    ratings = elo_ratings([("a", "b", 1.0), ("a", "b", 0.5), ("c", "a", 0.0)], k=32.0)
    a = 1000 + 32 * 0.5  # equals meet: the winner gains half of k
    expected = 1 / (1 + 10 ** (-32 / 400))
    b = 984 + 32 * (expected - 0.5)
    a = a - 32 * (expected - 0.5)
    last = 1 / (1 + 10 ** ((a - 1000) / 400))  # what c could hope for
    assert ratings == pytest.approx({"a": a + 32 * last, "b": b, "c": 1000 - 32 * last})
    assert sum(ratings.values()) == pytest.approx(3000)


def test_elo_of_many_games_settles_near_bradley_terry():
    rng, true = np.random.default_rng(0), 150.0
    p = 1 / (1 + 10 ** (-true / 400))
    finals = []
    for _ in range(20):
        ratings = elo_ratings([("a", "b", float(rng.random() < p)) for _ in range(800)], k=8.0)
        finals.append(ratings["a"] - ratings["b"])
    assert np.mean(finals) == pytest.approx(true, abs=25)


def test_a_ranking_puts_the_best_first_with_intervals_that_hold_the_truth():
    """Gaussian scores: A beats B with a known chance, and so the rating of three policies is known from many prompts."""
    rng = np.random.default_rng(1)
    means = dict(low=0.0, middle=0.5, high=1.0)
    large = {name: mean + rng.normal(size=40_000) for name, mean in means.items()}
    truth = {s.name: s.elo.value for s in rank_policies(large, rng=rng, resamples=2)}
    hits = 0
    for seed in range(10):
        draw = np.random.default_rng(seed)
        standings = rank_policies({n: m + draw.normal(size=150) for n, m in means.items()}, rng=draw, resamples=100)
        assert standings[0].name == "high"
        hits += sum(s.elo.low <= truth[s.name] <= s.elo.high for s in standings)
    assert 24 <= hits <= 30
    assert sum(s.elo.value for s in standings) == pytest.approx(0, abs=1e-6)
    assert sum(s.won for s in standings) == pytest.approx(1.5)
    assert "high: +" in str(standings[0])


def test_equal_policies_share_a_rating_and_ties_count_half():
    same = np.arange(30) / 30
    a, b = rank_policies(dict(a=same, b=same), rng=np.random.default_rng(0))
    assert a.elo.value == b.elo.value == 0.0
    assert a.won == b.won == 0.5


def test_the_bootstrap_is_scipys_percentile_interval():
    x = np.random.default_rng(5).exponential(size=60)
    ours = bootstrap(np.mean, x, rng=np.random.default_rng(1), resamples=8000)
    theirs = scipy_bootstrap((x,), np.mean, n_resamples=8000, method="percentile", rng=np.random.default_rng(2))
    assert ours.value == pytest.approx(x.mean())
    assert ours.low == pytest.approx(theirs.confidence_interval.low, abs=0.02)
    assert ours.high == pytest.approx(theirs.confidence_interval.high, abs=0.02)


def test_rows_of_several_arrays_are_drawn_together():
    x = np.random.default_rng(3).normal(size=40)
    difference = bootstrap(lambda a, b: float((a - b).mean()), x + 1.0, x, rng=np.random.default_rng(0), resamples=200)
    assert difference == pytest.approx((1.0, 1.0, 1.0))
    assert str(Interval(0.5, 0.25, 0.75)) == "0.5 (0.25 to 0.75)"


def test_bad_input_is_refused_in_one_sentence():
    rng = np.random.default_rng(0)
    for call, words in (
        (lambda: bradley_terry_ratings(np.zeros((2, 3))), r"wins has shape \(2, 3\)"),
        (lambda: bradley_terry_ratings(np.ones((2, 2))), "0 on the diagonal"),
        (lambda: bradley_terry_ratings(WINS, 0.0), "prior is 0.0"),
        (lambda: elo_ratings([("a", "a", 1.0)]), "a game is"),
        (lambda: elo_ratings([("a", "b", 2.0)]), "a score of 0, 0.5 or 1"),
        (lambda: elo_ratings([], k=0.0), "k is 0.0"),
        (lambda: rank_policies(dict(a=np.ones(3)), rng=rng), "ranking needs two or more policies"),
        (lambda: rank_policies(dict(a=np.ones(3), b=np.ones(4)), rng=rng), "judged on the same prompts"),
        (lambda: rank_policies(dict(a=np.ones(3), b=np.full(3, np.nan)), rng=rng), "a score is NaN"),
        (lambda: bootstrap(np.mean, np.ones(1), rng=rng), "two or more"),
        (lambda: bootstrap(np.mean, np.ones(5), rng=rng, level=1.5), "level is 1.5"),
    ):
        with pytest.raises(ValueError, match=words):
            call()
