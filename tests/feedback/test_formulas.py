from collections import Counter
from math import exp

import numpy as np
import pytest

from rlhf_edu.feedback.agreement import bootstrap_interval, krippendorff_alpha, percent_agreement
from rlhf_edu.feedback.annotators import boltzmann
from rlhf_edu.feedback.beliefs import know_nothing
from rlhf_edu.feedback.queries import pick_batch, sigmoid
from rlhf_edu.feedback.types import Query


def test_an_interval_of_less_level_is_narrower_and_undefined_draws_do_not_count():
    table = np.stack([np.zeros(80), np.arange(80) % 2.0], axis=1)
    wide, narrow = (
        bootstrap_interval(percent_agreement, table, np.random.default_rng(0), level=x) for x in (0.95, 0.5)
    )
    assert (narrow.high - narrow.low) / (wide.high - wide.low) == pytest.approx(0.674 / 1.96, rel=0.15)
    rare = np.zeros((4, 2))
    rare[0] = 1  # a third of the draws holds no 1, and α is undefined there
    assert np.isfinite(bootstrap_interval(krippendorff_alpha, rare, np.random.default_rng(0), times=100)).all()


def test_a_batch_follows_its_formula_where_the_answers_are_not_open_and_leaves_the_belief_alone():
    rng = np.random.default_rng(0)
    for _ in range(30):
        x, mean, root = rng.normal(size=(9, 3)), 2 * rng.normal(size=3), rng.normal(size=(3, 3))
        covariance = root @ root.T
        before, precision, chosen = covariance.copy(), np.linalg.inv(covariance), []
        for _ in range(4):
            spread = [v @ np.linalg.inv(precision) @ v for v in x]
            p = sigmoid(x @ mean / np.sqrt(1 + np.pi * np.array(spread) / 8))
            gain = [np.log1p(q * (1 - q) * s) / 2 for q, s in zip(p, spread, strict=True)]
            best = max(set(range(9)) - set(chosen), key=gain.__getitem__)
            precision = precision + p[best] * (1 - p[best]) * np.outer(x[best], x[best])
            chosen.append(best)
        assert pick_batch(x, mean, covariance, 4).tolist() == chosen
        np.testing.assert_array_equal(covariance, before)


def test_knowing_nothing_has_the_variance_asked_for():
    np.testing.assert_array_equal(know_nothing(3, 8.0).covariance, 8 * np.eye(3))


def test_mistakes_and_sides_in_clips_rankings_and_ratings():
    worth = {"x": 1.0, "y": 0.5, "z": 0.0}
    slips = boltzmann(worth.__getitem__, 0, rng=np.random.default_rng(0), mistake=0.4)
    seen = Counter(slips(Query("rank", "p", ("x", "y", "z"))).order for _ in range(3000))
    assert [seen[o] / 3000 for o in ((0, 1, 2), (1, 0, 2), (0, 2, 1))] == pytest.approx([0.6, 0.2, 0.2], abs=0.03)
    scores = Counter(slips(Query("rate", "p", ("x",))).score for _ in range(3000))
    assert [scores[s] / 3000 for s in (5, 1)] == pytest.approx([0.6 + 0.4 / 5, 0.4 / 5], abs=0.03)
    pulled = boltzmann(lambda text: 0.0, 1.0, rng=np.random.default_rng(0), position=1.0)
    clips = np.mean([pulled(Query("clips", "p", ("x", "y"))).choice == "a" for _ in range(3000)])
    assert clips == pytest.approx(1 / (1 + exp(-1)), abs=0.03)
    ranked = np.mean([pulled(Query("rank", "p", ("x", "y"))).order[0] == 0 for _ in range(3000)])
    assert ranked == pytest.approx(0.5, abs=0.03)
