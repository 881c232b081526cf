"""The over-optimisation laws: recovered without noise, their peaks by search, their intervals by simulation."""

import math

import numpy as np
import pytest
from scipy.optimize import curve_fit, minimize_scalar

from rlhf_edu.evaluate import fit_law
from rlhf_edu.evaluate.overoptimisation import peak

LAWS = {
    "best_of_n": lambda kl, a, b: np.sqrt(kl) * (a - b * np.sqrt(kl)),
    "rl": lambda kl, a, b: np.sqrt(kl) * (a - b * np.log(np.sqrt(kl))),
}
KL = np.linspace(0.1, 40, 25)


@pytest.mark.parametrize("form", LAWS)
def test_a_curve_without_noise_is_recovered_and_turns_where_a_search_says(form):
    a, b = (1.2, 0.15) if form == "best_of_n" else (0.9, 0.5)
    law = fit_law(KL, LAWS[form](KL, a, b), form, rng=np.random.default_rng(0), resamples=100)
    assert (law.alpha.value, law.beta.value) == pytest.approx((a, b), abs=1e-8)
    assert law.r_squared == pytest.approx(1.0)
    top = minimize_scalar(lambda kl: -LAWS[form](kl, a, b), bounds=(1e-3, 200), method="bounded")
    assert law.peak_kl.value == pytest.approx(top.x, rel=1e-3)
    assert law(KL) == pytest.approx(LAWS[form](KL, a, b))
    assert law(np.zeros(1))[0] == 0.0


@pytest.mark.parametrize("form", LAWS)
def test_with_noise_the_fit_is_scipys_and_the_interval_holds_the_truth(form):
    truth, hits = (1.0, 0.2), 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        gold = LAWS[form](KL, *truth) + 0.2 * rng.normal(size=len(KL))
        law = fit_law(KL, gold, form, rng=rng, resamples=150)
        if seed == 0:
            theirs, _ = curve_fit(LAWS[form], KL, gold, p0=(1.0, 0.1))
            assert (law.alpha.value, law.beta.value) == pytest.approx(tuple(theirs), abs=1e-5)
        hits += law.alpha.low <= truth[0] <= law.alpha.high
    assert 15 <= hits <= 20


def test_whole_runs_are_drawn_so_that_repeating_a_point_adds_no_certainty():
    """Each point ten times over, as one run: the interval must not move. Taken for independent, they look √10 times surer."""
    gold = LAWS["rl"](KL, 1.0, 0.2) + 0.2 * np.random.default_rng(1).normal(size=len(KL))
    fit = lambda *data, **kw: fit_law(*data, "rl", rng=np.random.default_rng(0), resamples=200, **kw)  # noqa: E731
    once = fit(KL, gold)
    ten = np.repeat(KL, 10), np.repeat(gold, 10)
    together, apart = fit(*ten, runs=np.repeat(np.arange(len(KL)), 10)), fit(*ten)
    assert together.alpha == pytest.approx(once.alpha)
    assert together.beta == pytest.approx(once.beta)
    width = lambda law: law.alpha.high - law.alpha.low  # noqa: E731
    assert width(apart) == pytest.approx(width(once) / math.sqrt(10), rel=0.3)


def test_a_curve_that_never_turns_says_so():
    law = fit_law(KL, np.sqrt(KL), "rl", rng=np.random.default_rng(0), resamples=100)
    assert law.peak_kl.high == math.inf or law.peak_kl.value > 1e6
    assert peak("best_of_n", 1.0, -0.1) == math.inf
    assert peak("best_of_n", -1.0, 0.1) == 0.0
    assert peak("rl", 1.0, 0.0) == math.inf
    assert "gold turns at" in str(law)


def test_bad_input_is_refused_in_one_sentence():
    rng, gold = np.random.default_rng(0), np.ones(4)
    for kl, form, words in (
        (np.ones(4), "rl", "at three or more distances"),
        (np.array([1.0, 2.0, 3.0]), "rl", "as many of each"),
        (np.array([1.0, 2.0, 3.0, -1.0]), "rl", "0 or more"),
        (np.array([1.0, 2.0, 3.0, np.inf]), "rl", "distances must be finite"),
        (np.arange(4.0), "ppo", 'form is "ppo"'),
    ):
        with pytest.raises(ValueError, match=words):
            fit_law(kl, gold, form, rng=rng)
