"""A Gaussian belief about a linear reward, against sums over a fine grid and over many drawn rewards."""

import numpy as np
import pytest

from rlhf_edu.feedback.beliefs import Belief, know_nothing
from rlhf_edu.feedback.queries import information_gain, sigmoid


def some_belief(rng, width=2):
    root = rng.normal(size=(width, width))
    return Belief(rng.normal(size=width), root @ root.T + 0.1 * np.eye(width))


def on_a_grid(belief, x, first_better):
    """Mean and covariance of w after an answer, by adding up the plane."""
    line = np.linspace(-12, 12, 601)
    w = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2) + belief.mean
    off = w - belief.mean
    density = np.exp(-0.5 * np.einsum("nd,de,ne->n", off, np.linalg.inv(belief.covariance), off))
    density *= sigmoid((w @ x) * (1 if first_better else -1))
    density /= density.sum()
    mean = density @ w
    return mean, (w - mean).T @ ((w - mean) * density[:, None])


@pytest.mark.parametrize("first_better", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_an_answer_moves_mean_and_covariance_as_bayes_rule_says(seed, first_better):
    rng = np.random.default_rng(seed)
    belief, x = some_belief(rng), rng.normal(size=2)
    before = belief.mean.copy(), belief.covariance.copy()
    after = belief.learn(x, first_better)
    mean, covariance = on_a_grid(belief, x, first_better)
    assert after.mean == pytest.approx(mean, abs=2e-3)
    assert after.covariance == pytest.approx(covariance, abs=5e-3)
    np.testing.assert_array_equal(belief.mean, before[0])
    np.testing.assert_array_equal(belief.covariance, before[1])


def test_chance_and_gain_are_those_of_a_large_ensemble_drawn_from_the_belief(rng):
    belief, x = some_belief(rng, width=4), rng.normal(size=(6, 4))
    members = rng.multivariate_normal(belief.mean, belief.covariance, size=100_000)
    probs = sigmoid(members @ x.T)
    assert belief.chance(x) == pytest.approx(probs.mean(0), abs=0.005)
    assert belief.gain(x) == pytest.approx(information_gain(probs), abs=0.005)


def test_the_expected_shrinking_of_the_belief_is_what_the_gain_measures(rng):
    """To be known is to have small entropy, and a question of more gain leaves less of it, on average over its answers."""
    belief, x = some_belief(rng, width=3), rng.normal(size=(40, 3))

    def entropy_left(question):
        p = float(belief.chance(question[None])[0])
        halves = [np.linalg.slogdet(belief.learn(question, yes).covariance)[1] / 2 for yes in (True, False)]
        return p * halves[0] + (1 - p) * halves[1]

    fall = np.linalg.slogdet(belief.covariance)[1] / 2 - np.array([entropy_left(question) for question in x])
    assert np.corrcoef(fall, belief.gain(x))[0, 1] > 0.99
    assert (fall > 0).all()


def test_what_an_answer_settles_is_how_far_it_lowers_the_variance_of_the_texts_rewards(rng):
    """Σ_texts Var[w · f] = n tr(C Σ), before and after both answers."""
    belief, x = some_belief(rng, width=3), rng.normal(size=(20, 3))
    texts = rng.normal(size=(50, 3)) * [3.0, 1.0, 0.1]
    spread = texts.T @ texts / len(texts)

    def doubt(b):
        return np.mean([text @ b.covariance @ text for text in texts])

    p = belief.chance(x)
    left = [p[i] * doubt(belief.learn(q, True)) + (1 - p[i]) * doubt(belief.learn(q, False)) for i, q in enumerate(x)]
    assert belief.settles(x, spread) == pytest.approx(doubt(belief) - np.array(left), rel=1e-6)


def test_texts_ahead_are_those_of_a_policy_that_has_gained_one_standard_deviation_of_reward(rng):
    """Normal features tilted by exp(r / std r) keep their covariance and move by one standard deviation along the reward;
    and the weights are those with which texts would be drawn anew."""
    belief, features = some_belief(rng, width=3), rng.normal(size=(200_000, 3)) * [3.0, 1.0, 0.3]
    assert belief.ahead(features) == pytest.approx(np.diag([9.0, 1.0, 0.09]), rel=0.1, abs=0.1)
    skewed = rng.exponential(size=(400, 3))
    r = skewed @ belief.mean
    p = np.exp(2 * r / r.std())
    drawn = rng.choice(skewed, size=400_000, p=p / p.sum())
    assert belief.ahead(skewed, pull=2.0) == pytest.approx(np.cov(drawn.T), rel=0.05, abs=0.01)
    assert know_nothing(3).ahead(skewed) == pytest.approx(
        np.cov(skewed.T, bias=True)
    )  # no reward yet: any text counts alike


def test_many_answers_find_the_direction_and_the_doubt_covers_what_is_missing():
    rng = np.random.default_rng(0)
    truth, belief = rng.normal(scale=2**0.5, size=5), know_nothing(5)
    for x in rng.normal(size=(400, 5)):
        belief = belief.learn(x, bool(rng.random() < sigmoid(x[None] @ truth)[0]))
    off = belief.mean - truth
    assert np.corrcoef(belief.mean, truth)[0, 1] > 0.97
    assert off @ np.linalg.solve(belief.covariance, off) < 15  # a χ² with five degrees of freedom


def test_equal_texts_teach_nothing_and_nonsense_is_refused():
    belief = know_nothing(3)
    assert belief.gain(np.zeros((1, 3))) == pytest.approx(0)
    assert belief.settles(np.zeros((1, 3)), np.eye(3)) == pytest.approx(0)
    assert belief.learn(np.zeros(3), True) is belief
    with pytest.raises(ValueError, match=r"width is 0 and variance 2\.0, but both must be positive"):
        know_nothing(0)
    with pytest.raises(ValueError, match="variance -1"):
        know_nothing(3, -1)


@pytest.mark.parametrize(("mean", "s"), [(45.0, 1.0), (60.0, 2.0), (60.0, 1.0)])
def test_an_answer_nobody_expected_moves_the_belief_and_breaks_nothing(mean, s):
    after = Belief(np.array([mean]), np.array([[s**2]])).learn(np.ones(1), False)
    assert after.mean[0] == pytest.approx(mean - s**2, abs=1e-3)  # σ(−z) is e^−z there: the bell is only moved
    assert after.covariance[0, 0] == pytest.approx(s**2, rel=1e-3)
