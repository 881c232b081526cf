"""Probes find the bias that was put in, and none where there is none."""

import numpy as np
import pytest

from rlhf_edu.feedback.types import Preference
from rlhf_edu.reward.probes import length_bias, position_bias, word_bias


def texts(seed: int, n: int = 400) -> tuple[list[str], np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    quality = rng.normal(size=n)
    words = np.maximum(1, (12 * 2 ** (0.5 * quality + 0.5 * rng.normal(size=n))).astype(int))
    return ["word " * k for k in words], np.log2(words), quality


def test_the_worth_of_a_doubling_is_least_squares_with_uneven_noise():
    said, words, quality = texts(1)
    rng = np.random.default_rng(2)
    rewards = 0.3 * words + quality + 0.2 * words * rng.normal(size=400)
    found = length_bias(rewards, said, quality)
    X, y = np.c_[np.ones(400), words, quality], rewards / rewards.std()
    b, *_ = np.linalg.lstsq(X, y, rcond=None)
    assert found.size == pytest.approx(b[1])
    assert found.low < 0.3 / rewards.std() < found.high
    # The interval by another way: fit again and again to resampled texts.
    again = [np.linalg.lstsq(X[i], y[i], rcond=None)[0][1] for i in (rng.integers(400, size=400) for _ in range(2000))]
    assert found.high - found.low == pytest.approx(2 * 1.96 * np.std(again), rel=0.1)


def test_length_that_comes_with_quality_is_no_bias_among_equals():
    said, _, quality = texts(3)
    rewards = quality + 0.1 * np.random.default_rng(4).normal(size=400)
    assert length_bias(rewards, said).low > 0.5  # longer texts are rewarded, …
    among_equals = length_bias(rewards, said, quality)
    assert among_equals.low < 0 < among_equals.high  # … because they are better


def test_position_counts_decided_choices_only():
    records = [Preference("", "x", "y", choice=c) for c in ["a"] * 70 + ["b"] * 30 + ["tie"] * 50 + ["both_bad"] * 5]
    found = position_bias(records)
    assert (found.size, found.n) == (pytest.approx(0.2), 100)
    assert found.low == pytest.approx(0.604 - 0.5, abs=1e-3)  # Wilson's interval for 70 of 100: 0.604 to 0.781
    assert found.high == pytest.approx(0.781 - 0.5, abs=1e-3)
    assert position_bias(records[20:80]).low < position_bias(records[20:80]).size
    assert "n = 100" in str(found)


def test_only_the_swapped_word_counts():
    rng = np.random.default_rng(5)
    said = [" ".join(rng.choice(["good", "fish", "tree"], size=5)) for _ in range(50)]

    def score(batch):
        return np.array([3.0 * t.split().count("bad") + 0.1 * len(t.split()) - t.split().count("tree") for t in batch])

    found = word_bias(score, said, {"good": "bad", "fish": "cat"}, spread=2.0)
    counts = [t.split().count("good") for t in said if "good" in t.split()]
    assert found["good → bad"].size == pytest.approx(1.5 * np.mean(counts))
    assert found["good → bad"].n == len(counts)
    assert found["fish → cat"].size == 0.0
    own = word_bias(score, said, {"good": "bad"})["good → bad"]
    assert own.size == pytest.approx(2.0 * found["good → bad"].size / np.std(score(said)))


@pytest.mark.parametrize(
    ("probe", "words"),
    [
        (lambda: length_bias(np.arange(4.0), ["a b"] * 4), "all texts have the same number of words"),
        (lambda: length_bias(np.ones(4), ["a", "a b", "a b c", "a"]), "all 4 rewards are the same"),
        (lambda: length_bias(np.arange(2.0), ["a", "a b"]), "more than 2"),
        (lambda: length_bias(np.arange(4.0), ["a", "a a"] * 2, np.array([0.0, 1, 0, 1])), "hand in hand"),
        (lambda: position_bias([Preference("", "x", "y", choice="tie")]), "no comparison was decided"),
        (lambda: word_bias(lambda t: np.arange(len(t)), ["a", "b"], {"a": "c"}), "1 of the texts hold the word 'a'"),
        (lambda: word_bias(lambda t: np.zeros(len(t)), ["a", "a"], {"a": "c"}), "rewards of all 2 texts are the same"),
    ],
)
def test_probes_that_can_find_nothing_say_so(probe, words):
    with pytest.raises(ValueError, match=words):
        probe()
