"""Clips without a browser: the films stand on the sides where the session shows their names, and the twin plays them in step."""

import base64
import io
import time

import gymnasium as gym
import numpy as np
import pytest
from PIL import Image

from rlhf_edu.feedback.session import FeedbackSession
from rlhf_edu.feedback.store import FeedbackStore
from rlhf_edu.feedback.types import Query
from rlhf_edu.plots import frames_of, sheet
from rlhf_edu.widgets.clips import Clips


def film(grey: int, n: int):
    frames = [np.full((40, 60, 3), grey + 10 * i, np.uint8) for i in range(n)]
    return sheet(frames, width=60, fps=10, alt=f"clip of {n} <b>")


FILMS = {"dark": film(0, 8), "light": film(150, 5)}


@pytest.fixture
def session():
    queries = [Query("clips", f"{i}", ("dark", "light")) for i in range(8)]
    return FeedbackSession(queries, FeedbackStore())


def brightness(picture) -> float:
    return float(np.asarray(picture.convert("L")).mean())


def test_a_sheet_holds_every_picture_in_order():
    assert (FILMS["dark"].columns, FILMS["dark"].n) == (6, 8)
    assert Image.open(io.BytesIO(FILMS["dark"].data)).size == (360, 80)
    assert [brightness(p) for p in FILMS["dark"].pictures()] == pytest.approx([10 * i for i in range(8)], abs=4)
    with pytest.raises(ValueError, match="0 frames came, but a clip has 1 to 240"):
        sheet([])


def test_a_shorter_clip_waits_on_its_last_picture_for_the_longer_one():
    moving = Image.open(io.BytesIO(FILMS["light"].animation(8)))
    seen, milliseconds = [], 0
    for k in range(moving.n_frames):
        moving.seek(k)
        seen.append(brightness(moving))
        milliseconds += moving.info["duration"]
    assert seen[:5] == pytest.approx([150, 160, 170, 180, 190], abs=6)
    assert seen[-1] == pytest.approx(190, abs=6)
    assert milliseconds == 800  # equal pictures may have been joined into one that lasts longer


def test_films_stand_where_their_names_are_shown_and_answers_name_the_clip(session):
    view = Clips(session, FILMS)
    items = view.rich.state["items"]
    assert len(items) == 3  # films are large: only a few are sent ahead
    orders = set()
    while session.current:
        item = view.rich.state["items"][0]
        names = session.current.query.options
        orders.add(names)
        assert item["texts"] == list(names)
        assert [f["data"] for f in item["films"]] == [FILMS[name].data for name in names]
        assert [f["n"] for f in item["films"]] == [FILMS[name].n for name in names]
        value = "left" if names[0] == "light" else "right"
        view._receive(view.rich, {"do": "answer", "item": item["item"], "value": value}, [])
    assert len(orders) == 2  # sides are shuffled
    assert {record.chosen for record in session.answers()} == {"light"}


def test_the_plain_twin_plays_both_films_and_escapes_their_words(session):
    view = Clips(session, FILMS, view="plain")
    for widget, name in zip(view._pictures, session.current.query.options, strict=True):
        assert f"clip of {FILMS[name].n} &lt;b&gt;" in widget.value
        calm = base64.b64encode(FILMS[name].data).decode()
        assert f'(prefers-reduced-motion: reduce)" srcset="data:image/webp;base64,{calm}"' in widget.value
    moving = [widget.value for widget in view._pictures]
    view._still.value = True
    assert all(len(a) != len(widget.value) for a, widget in zip(moving, view._pictures, strict=True))
    names = session.current.query.options
    view._choices[0].click()
    assert session.answers()[0].chosen == names[0]
    time.sleep(0.26)
    view._undo.click()
    assert session.progress.answered == 0
    while session.current:
        session.answer("tie")
    assert [widget.value for widget in view._pictures] == ["", ""]
    assert view._choices[0].disabled


def test_a_clip_without_a_film_is_refused(session):
    with pytest.raises(ValueError, match="there is no film of 'light'"):
        Clips(session, {"dark": FILMS["dark"]})
    with pytest.raises(ValueError, match="the session also asks to compare"):
        Clips(FeedbackSession([Query("compare", "", ("dark", "light"))], FeedbackStore()), FILMS)


@pytest.mark.parametrize("name", ["CartPole-v1", "Pendulum-v1", "Acrobot-v1"])
def test_pictures_drawn_from_observations_are_those_the_environment_draws(name):
    env = gym.make(name, render_mode="rgb_array")
    obs, _ = env.reset(seed=3)
    env.action_space.seed(3)
    seen, drawn = [obs], [env.render()]
    for _ in range(3):
        obs, *_ = env.step(env.action_space.sample())
        seen.append(obs)
        if name == "Pendulum-v1":
            env.unwrapped.last_u = None
        drawn.append(env.render())
    for ours, theirs in zip(frames_of(env, np.stack(seen)), drawn, strict=True):
        assert np.abs(ours.astype(int) - theirs).mean() < 0.2  # a pixel here or there, by rounding


def test_worlds_without_a_way_back_from_observations_are_refused():
    with pytest.raises(ValueError, match="not of 'Taxi'"):
        frames_of(gym.make("Taxi-v4", render_mode="rgb_array"), [[0]])
    with pytest.raises(ValueError, match="this environment renders None"):
        frames_of(gym.make("CartPole-v1"), [[0, 0, 0, 0]])
