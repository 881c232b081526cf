import io
import subprocess
import sys
import xml.etree.ElementTree as ET
from itertools import pairwise

import gymnasium as gym
import numpy as np
import pytest
from PIL import Image

from rlhf_edu.core import trainer
from rlhf_edu.envs import GridWorld
from rlhf_edu.plots import COLOURS, Picture, clip, curves, new_figure, play, value_map, watch
from rlhf_edu.plots import live as live_module
from rlhf_edu.plots.curves import smoothed
from rlhf_edu.plots.grids import ways


@trainer
def climbing(n, closed=None):
    try:
        for step in range(n):
            yield dict(step=step, ret=float(step), loss=float("nan") if step < 2 else 1.0 / step)
    finally:
        if closed is not None:
            closed.append(True)


def texts(picture, tmp_path):
    """All the words in a picture, read from its SVG."""
    import matplotlib

    with matplotlib.rc_context({"svg.fonttype": "none"}):
        tree = ET.parse(picture.save(tmp_path / "picture.svg"))
    return [element.text for element in tree.iter() if element.tag.endswith("text") and element.text]


def test_watch_hands_on_every_record_and_prints_the_last_line(capsys):
    history = watch(climbing(10), "ret", "loss").run()
    assert [r["step"] for r in history] == list(range(10))
    line = capsys.readouterr().err
    assert line.startswith("step 9")
    assert "ret 4.5" in line


def test_breaking_out_of_watch_stops_the_run(capsys):
    closed = []
    for record in (run := watch(climbing(1000, closed), "ret")):
        if record["step"] == 3:
            break
    assert not closed
    run.close()
    assert closed == [True]


def test_watching_something_that_is_not_there_says_what_is():
    with pytest.raises(ValueError, match="no 'return' to watch in this run's records; they have step, ret, loss"):
        watch(climbing(3), "return").run()


def test_in_a_notebook_one_picture_is_replaced_in_place(monkeypatch):
    import IPython.display

    shown = []

    class Handle:
        def update(self, picture):
            shown.append(picture)

    monkeypatch.setattr(live_module, "screen_of_this_place", live_module.NotebookScreen)
    monkeypatch.setattr(IPython.display, "display", lambda picture, display_id: shown.append(picture) or Handle())
    watch(climbing(5), "ret", "loss", every=0.0).run()
    assert len(shown) == 6  # one for each record, and the final one
    assert all(isinstance(picture, Picture) for picture in shown)
    assert "step 4" in shown[-1].alt
    assert Image.open(io.BytesIO(shown[-1].png)).size[0] > 1000


def test_the_band_is_the_middle_half_over_seeds(tmp_path):
    runs = [[dict(step=t, ret=float(seed)) for t in range(1, 50)] for seed in range(5)]
    picture = curves({"ours": runs, "other": runs[0]}, best=4.0)
    (ax,) = picture.figure.axes
    band = ax.collections[0].get_paths()[0].vertices
    assert (band[:, 1].min(), band[:, 1].max()) == (1.0, 3.0)
    assert ax.lines[0].get_ydata() == pytest.approx(2.0)
    words = texts(picture, tmp_path)
    for wanted in ("ours (5 seeds)", "other (one seed)", "best possible", "environment steps", "return an episode"):
        assert wanted in words
    assert "ours (5 seeds) ends at 2" in picture.alt
    assert "other ends at 0." in curves({"other": runs[0]}, exact=True).alt
    assert ax.lines[0].get_linestyle() != ax.lines[1].get_linestyle()  # readable without colour


def test_without_smoothing_the_records_are_joined_by_straight_lines():
    history = [dict(step=t, ret=float(t * t)) for t in (0, 2, 4)]
    (ax,) = curves({"ours": [history]}, smooth=0.0).figure.axes
    x, y = ax.lines[0].get_data()
    assert y == pytest.approx(np.where(x < 2, 2 * x, 4 + 6 * (x - 2)))


def test_smoothing_is_the_mean_of_the_window_before():
    rng = np.random.default_rng(0)
    xs, ys, grid = np.sort(rng.random(80)), rng.normal(size=80), np.linspace(0.2, 1, 30)
    slow = []
    for g in grid:
        inside = ys[(xs <= g) & (xs >= g - 0.1)]
        slow.append(inside.mean() if len(inside) else ys[xs <= g][-1])
    assert smoothed(xs, ys, grid, 0.1) == pytest.approx(slow)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: curves({}), "no runs"),
        (lambda: curves({"a": []}), "'a' holds no records"),
        (lambda: curves({"a": [dict(step=1)]}), "no 'ret'; they have step"),
        (lambda: curves({"a": [dict(step=1, ret=float("nan"))]}), "never a number"),
        (lambda: value_map(np.zeros(5), GridWorld("book")), "5 values for a grid of shape"),
        (lambda: value_map(np.zeros(5)), "give one value a cell"),
        (lambda: clip([]), "no frames"),
        (lambda: clip([np.zeros((3, 3))]), "a frame is float64"),
        (lambda: clip([np.zeros((3, 3, 3), np.uint8)], fps=0.0), "fps is 0"),
        (lambda: play(gym.make("CartPole-v1"), int), 'render_mode="rgb_array"'),
    ],
)
def test_bad_input_gets_one_clear_sentence(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def arrows_and_numbers(picture):
    (ax,) = picture.figure.axes
    arrows = [t for t in ax.texts if getattr(t, "arrow_patch", None) is not None]
    return arrows, [t.get_text() for t in ax.texts if t.get_text()]


def test_a_value_map_points_where_the_policy_goes():
    env = GridWorld(["S.#", "..G"])
    values = np.array([0.1, 0.2, 0.0, 0.3, 0.5, 0.0])
    picture = value_map(values, env, policy=np.array([2, 1, 0, 2, 2, 0]))
    arrows, words = arrows_and_numbers(picture)
    heads = {tuple(np.sign(np.round(np.subtract(a.xy, a.xyann), 6)).astype(int)) for a in arrows}
    assert len(arrows) == 4  # neither at the wall nor at the goal
    assert heads == {(1, 0), (0, 1)}
    assert {"G", "S", "0.1", "0.2", "0.3", "0.5"} == set(words)
    assert "from 0.1 to 0.5, highest in row 1, column 1" in picture.alt


def test_a_table_gives_its_own_arrows_and_knows_each_environments_order():
    lake, cliff = gym.make("FrozenLake-v1"), gym.make("CliffWalking-v1")
    q = np.zeros((16, 4))
    q[0, 2] = 1.0
    arrows, _ = arrows_and_numbers(value_map(q, lake))
    assert [np.sign(np.subtract(a.xy, a.xyann)).tolist() for a in arrows] == [[1, 0]]  # untouched cells have none
    q = np.zeros((48, 4))
    q[0, 2] = 1.0
    arrows, _ = arrows_and_numbers(value_map(q, cliff))
    assert [np.sign(np.subtract(a.xy, a.xyann)).tolist() for a in arrows] == [[0, 1]]  # down


def test_ties_get_an_arrow_each():
    assert ways(np.array([0.5, 0.5, 0.0, 0.0]), "←↓→↑") == ["←", "↓"]
    assert ways(2, "←↓→↑") == ["→"]
    assert ways(np.array([True] * 4), "←↓→↑") == []


def test_pictures_show_themselves_with_words_for_those_who_cannot_see():
    figure, _ = new_figure()
    bundle = Picture(figure, 'a "plain" <picture>')._repr_mimebundle_()
    assert 'alt="a &quot;plain&quot; &lt;picture&gt;"' in bundle["text/html"]
    assert bundle["text/html"].startswith('<img src="data:image/png;base64,')


def test_colours_differ_in_grey_too():
    grey = [0.299 * int(c[1:3], 16) + 0.587 * int(c[3:5], 16) + 0.114 * int(c[5:], 16) for c in COLOURS]
    assert min(abs(a - b) for a, b in pairwise(grey)) > 25


@pytest.mark.parametrize("kind", ["webp", "gif", "png"])
def test_an_episode_becomes_an_animation_without_a_display(kind):
    env = GridWorld(["S..G"], render_mode="rgb_array")
    shown = play(env, lambda obs: 2, width=64, fps=5.0, kind=kind)
    image = Image.open(io.BytesIO(shown.data))
    assert image.n_frames == 4
    assert image.size == (64, 16)
    assert shown.alt == "An episode of GridWorld: 3 steps, return 1"
    assert f'src="data:image/{kind};base64,' in shown._repr_mimebundle_()["text/html"]
    first, last = (np.asarray(frame(image, i).convert("RGB")).astype(int) for i in (0, 3))
    assert np.abs(first[8, 8] - [0, 60, 140]).max() < 60  # the agent walked from the left end to the right
    assert np.abs(last[8, 56] - [0, 60, 140]).max() < 60


def frame(image, i):
    image.seek(i)
    return image.copy()


def test_classic_control_renders_where_there_is_no_display():
    code = (
        "import gymnasium as gym; from rlhf_edu.plots import play;"
        "print(len(play(gym.make('CartPole-v1', render_mode='rgb_array'), lambda o: 0, seed=0).data));"
        "print(len(play(gym.make('FrozenLake-v1', render_mode='rgb_array'), lambda o: 1, seed=0).data))"
    )
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert all(1000 < int(size) < 200_000 for size in done.stdout.split())


def test_importing_plots_starts_neither_pyplot_nor_torch():
    code = "import sys, rlhf_edu.plots; print('matplotlib.pyplot' in sys.modules, 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False False"
