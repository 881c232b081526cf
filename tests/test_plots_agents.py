"""Episodes to scrub through: the right picture and the right numbers at every step."""

import io

import gymnasium as gym
import numpy as np
import pytest
from PIL import Image

from rlhf_edu.plots.agents import Film, film


def balance(obs):
    return int(obs[2] + obs[3] > 0)


def angle_and_speed(obs):
    return obs[:, 2:4]


@pytest.fixture(scope="module")
def shown():
    env = gym.make("CartPole-v1", render_mode="rgb_array")
    return film(env, balance, angle_and_speed, ("angle", "speed"), label="rad", seed=0, max_steps=12, skip=3)


def test_numbers_belong_to_the_observations_of_the_pictures(shown):
    env = gym.make("CartPole-v1")
    obs, _ = env.reset(seed=0)
    expected = [obs[2:4]]
    for t in range(1, 13):
        obs, *_ = env.step(balance(obs))
        expected += [obs[2:4]] if t % 3 == 0 else []
    assert len(shown) == 5
    assert shown.numbers == pytest.approx(np.array(expected), abs=1e-6)
    assert shown.alt == "An episode of CartPole: 12 steps, return 12"
    assert shown.words(1) == f"step 3: angle {expected[1][0]:.2f}, speed {expected[1][1]:.2f}"


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def test_each_step_has_a_picture_of_its_own_and_the_first_comes_back(shown):
    first, last = pixels(shown.png(0)), pixels(shown.png(4))
    half = first.shape[1] // 2
    assert first.shape == last.shape
    assert np.abs(first - last)[:, :half].max() > 50  # the cart has moved
    assert np.abs(first - last)[:, half:].max() > 50  # so has the mark
    assert np.array_equal(pixels(shown.png(0)), first)


def test_the_slider_moves_picture_and_words(shown):
    image, controls, says = shown.widget().children
    before = image.value
    controls.children[1].value = 3
    assert image.value == shown.png(3) != before
    assert says.value == shown.words(3)


def test_what_does_not_fit_is_refused_in_one_sentence():
    frames = [np.zeros((4, 4, 3), np.uint8)] * 3
    with pytest.raises(ValueError, match=r"numbers have shape \(3, 1\), but 3 pictures with the names left, right"):
        Film(frames, np.zeros((3, 1)), ("left", "right"), "Q", "nothing")
    with pytest.raises(ValueError, match="8 numbers a picture"):
        Film(frames, np.zeros((3, 8)), "abcdefgh", "Q", "nothing")
    with pytest.raises(ValueError, match="render_mode"):
        film(gym.make("CartPole-v1"), balance, angle_and_speed, ("a", "b"))
