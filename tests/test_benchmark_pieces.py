"""The parts of published measurements that compute something of their own: a wrong one would publish a wrong number."""

import importlib
from pathlib import Path

import numpy as np
import pytest
import torch

from rlhf_edu.lm.tokenizer import word_tokenizer


@pytest.fixture
def bench(monkeypatch):
    """Opens a module beside the benchmarks."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "benchmarks"))
    return importlib.import_module


def crowd_data(ppo, needs: dict[str, float], seed: int):
    """Win rates of a known truth, a line in ln n through the bar at `needs`, under luck that best of 28 shares."""
    rng, data = np.random.default_rng(seed), {}
    for how, numbers in ppo.NUMBERS.items():
        truth = ppo.BAR + 0.1 * np.log(np.array(numbers) / needs[how])
        luck = rng.normal(0, 0.13, size=(10, 8, ppo.PEOPLE, len(numbers)))
        found = truth - 0.02 + luck
        own = np.stack([found[:, :, i, i] for i in range(len(numbers))], -1)
        win = truth + 0.9 * (own - truth + 0.02) + rng.normal(0, 0.05, size=own.shape)
        data[how] = win, own, found
    return data


def test_answers_needed_are_found_again_and_more_surely_with_the_control(bench):
    ppo, needs = bench("bench_queries_ppo"), dict(random=8.0, ahead=4.0)
    off = {True: [], False: []}
    for seed in range(40):
        data = crowd_data(ppo, needs, seed)
        for controlled, errors in off.items():
            said = ppo.compare(data, controlled)
            assert said["share"] == pytest.approx(said["ahead"] / said["random"])
            errors.append([np.log(said[how] / need) for how, need in needs.items()])
    for errors in off.values():  # right on average, within three standard errors
        assert np.all(np.abs(np.mean(errors, 0)) < 3 * np.std(errors, 0) / 40**0.5)
    assert np.all(np.std(off[True], 0) < 0.75 * np.std(off[False], 0))
    low, high = ppo.interval(data)["share"]
    assert low < ppo.compare(data)["share"] < high
    with pytest.raises(ValueError, match="do not rise"):
        ppo.needed((2, 4), np.array([0.8, 0.7]))


def test_the_control_takes_away_exactly_what_it_explains(bench):
    ppo, rng = bench("bench_queries_ppo"), np.random.default_rng(0)
    found = rng.normal(size=(3, 2, 4))
    win = 0.7 + 0.8 * (found - found.mean((0, 1)))
    assert ppo.control_slope((win, found), (win, found)) == pytest.approx(0.8)
    crowd = found[:, :, None] + np.array([0.0, 0.3])[:, None]  # of two people, the other is luckier by 0.3
    assert ppo.levels(win, found, crowd, 0.8) == pytest.approx(np.full(4, 0.7 + 0.8 * 0.15))


def test_a_mirrored_reward_cannot_tell_a_pendulum_from_its_mirror_image(bench):
    clips = bench("bench_clips")
    torch.manual_seed(0)
    mirrored = clips.Mirrored(3)
    for p in mirrored.parameters():  # the head starts at zero, where everything is worth the same
        torch.nn.init.normal_(p)
    x = torch.randn(50, 3)
    x[:, :2] /= x[:, :2].norm(dim=1, keepdim=True)  # cos θ, sin θ
    image = torch.stack([x[:, 0], -x[:, 1], -x[:, 2]], 1)
    assert torch.allclose(mirrored.step_reward(x), mirrored.step_reward(image), atol=1e-5)
    assert not torch.allclose(clips.SegmentScorer.step_reward(mirrored, x), mirrored.step_reward(x), atol=1e-3)


def test_neighbouring_pieces_get_a_token_where_enough_texts_have_them(bench):
    readers = bench("review_readers")
    texts = [" not funny", " not funny at all", " funny", " not good"]
    words = word_tokenizer([" not", " funny", " at", " all", " good"])
    pairs = readers.Neighbours(words, texts, least=2)
    a, b = words.encode(" not")[0], words.encode(" funny")[0]
    assert pairs.encode(" not funny") == [a, b, pairs.ids[a, b]]
    assert pairs.encode(" funny not") == [b, a]
    assert pairs.ids.keys() == {(a, b)}
    assert pairs.vocab_size == words.vocab_size + 1
    assert pairs.encode("") == []
