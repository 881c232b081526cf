"""The painted grid without a browser: what strokes do to the world, how values flow, and what the page is told."""

import itertools
import json
import re
import sys

import numpy as np
import pytest

from rlhf_edu.rl.planning import PlanningConfig, exact_values, value_iteration
from rlhf_edu.widgets.grid import Grid
from rlhf_edu.widgets.sketch import BRUSHES, REWARDS, Sketch, bellman

ROOM = ("S..", "...", "..G")
EVIL = "<script>alert(1)</script>"


def click(view, **message):
    view._receive(view.rich, message, [])


def optimum(env, gamma):
    """The best of all policies, by solving for the value of every single one."""
    free = [s for s, letter in enumerate("".join(env.rows)) if letter not in "#GX"]
    best = np.full(env.observation_space.n, -np.inf)
    for acts in itertools.product(range(4), repeat=len(free)):
        policy = np.zeros(env.observation_space.n, dtype=int)
        policy[free] = acts
        best = np.maximum(best, exact_values(env, policy, gamma))
    return best


def test_values_flow_to_the_best_of_all_policies():
    sketch = Sketch(("S.+", "-#G"), gamma=0.8, slip=0.2, step_reward=-0.02)
    frames = sketch.flow()
    assert sketch.values == pytest.approx(optimum(sketch.env, 0.8), abs=1e-4)
    assert [frame.sweep for frame in frames[:4]] == [0, 1, 2, 3]
    assert frames[0].values == [0, 0, 0, 0, None, None]
    assert frames[-1].values[2] == pytest.approx(sketch.values[2], abs=1e-4)


def test_by_hand_on_a_corridor():
    sketch = Sketch(("S..G",), gamma=0.5)
    assert [sketch.sweep() for _ in range(4)] == [1, 0.5, 0.25, 0]
    assert sketch.frame().values == [0.25, 0.5, 1, None]
    assert sketch.frame().moves == [4, 4, 4, 0]  # right


def test_a_stroke_changes_the_world_and_can_be_taken_back():
    sketch = Sketch(ROOM)
    sketch.flow()
    before = sketch.values.copy()
    assert sketch.paint([1, 4, 7], "#") == ""
    assert sketch.rows == ("S#.", ".#.", ".#G")
    sketch.flow()
    assert sketch.values[0] == pytest.approx(0, abs=1e-4)  # walled in
    assert sketch.env.P[0][2] == [(1.0, 0, 0.0, False)]  # a step into the wall stays
    sketch.undo()
    sketch.flow()
    assert sketch.rows == ROOM
    assert sketch.values == pytest.approx(before, abs=1e-4)
    sketch.undo()  # nothing left to take back
    assert not sketch.can_undo
    sketch.paint([1], "X")
    sketch.start_over()
    assert sketch.rows == ROOM
    sketch.undo()
    assert sketch.rows == ("SX.", "...", "..G")


def test_there_is_always_exactly_one_start():
    sketch = Sketch(ROOM)
    assert "start stays" in sketch.paint([0], "#")
    assert not sketch.can_undo
    assert sketch.paint([0, 1], "#") == ""
    assert sketch.rows[0] == "S#."
    sketch.paint([3, 4, 5], "S")
    assert sketch.rows == (".#.", "..S", "..G")
    assert sketch.env.starts == [5]


def test_what_each_letter_pays():
    for letter in "GX+-":
        sketch = Sketch(("S.",))
        sketch.paint([1], letter)
        ends = letter in "GX"
        assert sketch.env.P[0][2] == [(1.0, 1, REWARDS[letter], ends)]


def test_a_sweep_of_your_own_runs_the_show_and_a_bad_one_is_one_sentence():
    calls = []

    def mine(model, v, gamma):
        calls.append(gamma)
        return bellman(model, v, gamma)

    view = Grid(ROOM, sweep=mine, gamma=0.7)
    assert set(calls) == {0.7}
    assert view.values[0] == pytest.approx(0.7**3, abs=1e-4)
    view.sketch.sweep_rule = lambda model, v, gamma: v[:2]
    click(view, do="sweep")
    assert re.search(r"gave \(2,\) numbers.*one finite value for each of 9 cells", view.rich.state["note"])
    view.sketch.sweep_rule = lambda model, v, gamma: v * np.nan
    click(view, do="sweep")
    assert "9 of them not finite" in view.rich.state["note"]
    assert np.isfinite(view.values).all()
    click(view, do="undo")
    assert view.rich.state["note"] != ""  # the flow after it fails for the same reason


def test_the_values_are_those_of_the_library_even_in_a_world_that_never_ends():
    sketch = Sketch(("S+.", "..."), gamma=0.99, slip=0.1)
    sketch.flow()
    v = np.zeros(6)
    value_iteration(v, sketch.env, PlanningConfig(gamma=0.99)).run()
    assert sketch.values == pytest.approx(v, abs=1e-4)
    assert len(sketch.flow(most=40)) < 60


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Sketch(("..", "..")), "the map has no start"),
        (lambda: Sketch(("SS",)), "the map has 2 starts, 2 cells"),
        (lambda: Sketch(("S?",)), "the letters '\\?S'"),
        (lambda: Sketch(["S" + "." * 120]), "121 cells"),
        (lambda: Sketch(ROOM, gamma=1.0), r"gamma is 1\.0, but it must lie in"),
        (lambda: Sketch(ROOM, slip=2.0), r"slip is 2\.0"),
        (lambda: Sketch(ROOM).paint([0], "?"), "the brush is '\\?', but it must be one of"),
        (lambda: Sketch(ROOM).paint([9], "#"), "there is no cell 9: cells are numbered from 0 to 8"),
    ],
)
def test_bad_input_is_one_clear_sentence(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_the_page_is_told_what_to_draw_and_its_strokes_count():
    view = Grid(ROOM)
    state = view.rich.state
    assert json.loads(json.dumps(state)) == state
    assert (state["shape"], state["letters"], state["start"], state["turn"]) == ([3, 3], "S.......G", 0, 0)
    assert [brush["letter"] for brush in state["brushes"]] == list(BRUSHES)
    click(view, do="paint", cells=[5, 7], letter="#")
    assert view.rows == ("S..", "..#", ".#G")
    assert view.env.rows == view.rows
    assert view.rich.state["turn"] == 1
    assert len(view.rich.state["frames"]) > 3
    assert (view.rich.state["low"], view.rich.state["high"]) == pytest.approx((0, 0.9), abs=1e-4)  # it drains
    click(view, do="forget")
    assert not view.values.any()
    click(view, do="sweep")
    assert [frame["sweep"] for frame in view.rich.state["frames"]] == [1]
    click(view, do="paint", cells=[0], letter="#")
    assert "start stays" in view.rich.state["note"]
    click(view, do="paint", cells=[99], letter=EVIL)
    assert "the brush is" in view.rich.state["note"]
    click(view, do="dance")
    assert view.rich.state["note"] == ""
    click(view, do="start over")
    assert view.rows == ROOM
    view.set(gamma=0.5, slip=0.0)
    assert view.values[0] == pytest.approx(0.125, abs=1e-4)
    with pytest.raises(ValueError, match=r"gamma is 1\.5"):
        view.set(gamma=1.5)


def test_the_plain_twin_works_by_its_buttons(monkeypatch):
    monkeypatch.setitem(sys.modules, "anywidget", None)
    view = Grid(ROOM)
    assert view.view == "plain"
    view._brushes.value = "#"
    view._cells[1].click()
    assert view.rows[0] == "S#."
    assert view._cells[1].description == "wall"
    assert view._cells[8].description == "★"
    assert view._cells[7].description == "1.00→"
    assert view._cells[1].tooltip == "row 1, column 2: wall"
    assert "the start is worth 0.73" in view._says.value
    view._undo.click()
    assert view.rows == ROOM
    assert view._undo.disabled
