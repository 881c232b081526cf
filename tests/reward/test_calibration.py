"""Calibration by counting, ceilings by simulation, and the mistakes that are commonly made with both."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar
from scipy.special import expit
from sklearn.metrics import brier_score_loss, log_loss

from rlhf_edu.reward.calibration import (
    brier,
    brier_ceiling_from_votes,
    ceiling,
    choice_chances,
    gain_and_bias,
    nll,
    noise_ece,
    reliability,
    temperature,
)


def forecasts(seed: int, n: int = 2000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    p = rng.beta(2, 2, size=n)
    return p, (rng.random(n) < p).astype(float)


def test_bins_by_counting_one_at_a_time():
    p, y = np.array([0.0, 0.05, 0.1, 0.35, 0.999, 1.0]), np.array([0, 1, 1, 0, 1, 0])
    found = reliability(p, y, bins=10)
    assert found.count.tolist() == [2, 1, 1, 2]
    assert found.said.tolist() == pytest.approx([0.025, 0.1, 0.35, 0.9995])
    assert found.came_true.tolist() == pytest.approx([0.5, 1.0, 0.0, 0.5])
    by_hand = (2 * 0.475 + 0.9 + 0.35 + 2 * 0.4995) / 6
    assert found.ece == pytest.approx(by_hand)


def test_one_bin_sees_only_the_average():
    p, y = forecasts(1)
    assert reliability(p, y, bins=1).ece == pytest.approx(abs(p.mean() - y.mean()))


def test_right_forecasts_show_no_more_than_chance_and_swollen_ones_do():
    p, y = forecasts(2)
    sure = expit(2.5 * np.log(p / (1 - p)))
    chance = noise_ece(p, rng=np.random.default_rng(3))
    assert 0 < chance < 0.05
    assert reliability(p, y).ece < 2 * chance
    assert reliability(sure, y).ece > 4 * chance


def test_scores_equal_scikit_learns():
    p, y = forecasts(4)
    assert brier(p, y) == pytest.approx(brier_score_loss(y, p))
    assert nll(p, y) == pytest.approx(log_loss(y, p))
    assert nll(np.array([0.0]), np.array([1.0]), floor=1e-6) == pytest.approx(-np.log(1e-6))


def test_the_ceiling_is_what_the_truth_scores_and_nothing_beats_it():
    p, _ = forecasts(5)
    rng, best = np.random.default_rng(6), ceiling(p)
    draws = [(rng.random(len(p)) < p).astype(float) for _ in range(200)]
    assert np.mean([brier(p, y) for y in draws]) == pytest.approx(best.brier, abs=1e-3)
    assert np.mean([nll(p, y) for y in draws]) == pytest.approx(best.nll, abs=2e-3)
    assert np.mean([((p > 0.5) == y).mean() for y in draws]) == pytest.approx(best.accuracy, abs=2e-3)
    for other in (0.9 * p + 0.05, p**1.3, np.full_like(p, p.mean())):
        assert np.mean([brier(other, y) for y in draws]) > best.brier
        assert np.mean([nll(other, y) for y in draws]) > best.nll


def test_the_brier_score_is_distance_from_the_truth_plus_its_noise():
    p, _ = forecasts(7)
    q, rng = 0.8 * p + 0.1, np.random.default_rng(8)
    score = np.mean([brier(q, (rng.random(len(p)) < p).astype(float)) for _ in range(300)])
    assert score == pytest.approx(((q - p) ** 2).mean() + ceiling(p).brier, abs=1e-3)


def test_the_ceiling_is_not_the_squared_smaller_chance():
    assert ceiling(np.array([0.5])).brier == 0.25
    assert min(0.5, 0.5) ** 2 == 0.25  # equal at ½, and wrong everywhere else
    assert ceiling(np.array([0.9])).brier == pytest.approx(0.09)
    assert ceiling(np.array([0.9])).brier > 5 * min(0.9, 0.1) ** 2


@pytest.mark.parametrize("votes", [2, 3, 10])
def test_the_ceiling_from_votes_is_unbiased_and_the_plug_in_is_not(votes):
    p, _ = forecasts(9, n=20_000)
    k = np.random.default_rng(10).binomial(votes, p)
    truth, share = ceiling(p).brier, k / votes
    assert brier_ceiling_from_votes(k, np.full(len(k), votes)) == pytest.approx(truth, abs=0.004)
    assert (share * (1 - share)).mean() == pytest.approx(truth * (votes - 1) / votes, abs=0.004)


def test_questions_answered_once_are_left_out_of_the_ceiling():
    assert brier_ceiling_from_votes(np.array([1, 1, 0]), np.array([2, 1, 1])) == 0.5
    with pytest.raises(ValueError, match="answered once"):
        brier_ceiling_from_votes(np.array([1, 0]), np.array([1, 1]))
    with pytest.raises(ValueError, match="no more than its votes"):
        brier_ceiling_from_votes(np.array([3]), np.array([2]))


def test_the_temperature_is_where_another_optimiser_finds_it():
    rng = np.random.default_rng(11)
    x = rng.normal(size=3000)
    y = (rng.random(3000) < expit(x)).astype(float)
    found = temperature(torch.tensor(3 * x), torch.tensor(y))
    expected = minimize_scalar(lambda t: nll(expit(3 * x / np.exp(t)), y), bounds=(-3, 3), method="bounded").x
    assert found == pytest.approx(np.exp(expected), rel=1e-3)
    assert found == pytest.approx(3.0, rel=0.1)  # the rewards were three times too large
    with pytest.raises(ValueError, match="all rewards are equal"):
        temperature(torch.zeros(3), torch.ones(3))


def test_chances_of_choices_keep_their_digits():
    found = choice_chances(torch.tensor([0.0, 2.0]), torch.tensor([0.0, 0.0]))
    assert found.tolist() == pytest.approx([0.5, 0.880797])
    assert found.dtype == np.float64


def test_gain_and_bias_make_typical_rewards_standard():
    r = torch.tensor([3.0, 5.0, 10.0])
    gain, bias = gain_and_bias(r)
    assert (gain * r + bias).mean().item() == pytest.approx(0, abs=1e-6)
    assert (gain * r + bias).std(correction=0).item() == pytest.approx(1)
    with pytest.raises(ValueError, match="all 2 rewards are 1"):
        gain_and_bias(torch.ones(2))


@pytest.mark.parametrize(
    ("p", "y", "words"),
    [
        ([0.2, 1.5], [0, 1], r"a forecast is 1\.5"),
        ([0.2], [3], r"an outcome is 3\.0"),
        ([0.2, 0.3], [1], "two equal lists"),
        ([], [], "two equal lists"),
        ([float("nan")], [1], "a forecast is nan"),
    ],
)
def test_numbers_that_are_no_chances_are_refused(p, y, words):
    for score in (brier, nll, reliability):
        with pytest.raises(ValueError, match=words):
            score(np.array(p, float), np.array(y, float))
    with pytest.raises(ValueError, match="bins is 0"):
        reliability(np.array([0.5]), np.array([1.0]), bins=0)
