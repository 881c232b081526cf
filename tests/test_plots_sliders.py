"""A slider that moves gives another picture, with other words."""

import ipywidgets as W
import pytest

from rlhf_edu.plots import Picture, new_figure
from rlhf_edu.plots.sliders import slide

CALLS = []


def draw(eps, n):
    CALLS.append((eps, n))
    figure, (ax,) = new_figure(width=2.0, height=1.5)
    ax.plot([0, eps], [0, n])
    return Picture(figure, f"a line to {eps:.2f} and {n}")


def test_the_picture_follows_its_controls():
    box = slide(draw, eps=(0.0, 1.0, 0.5), n=W.Dropdown(options=[3, 4]))
    view, eps, n = box.children
    assert 'alt="a line to 0.50 and 3"' in view.value
    eps.value = 0.7
    assert 'alt="a line to 0.70 and 3"' in view.value
    n.value = 4
    assert 'alt="a line to 0.70 and 4"' in view.value
    assert CALLS[-3:] == [(0.5, 3), (0.7, 3), (0.7, 4)]
    assert eps.step == pytest.approx(0.02)


def test_whole_numbers_move_in_whole_steps():
    slider = slide(lambda steps_ahead: draw(1.0, steps_ahead), steps_ahead=(1, 9, 3)).children[1]
    assert isinstance(slider, W.IntSlider)
    assert (slider.min, slider.max, slider.value, slider.description) == (1, 9, 3, "steps ahead")


@pytest.mark.parametrize(
    ("low", "high", "start", "step"),
    [
        (0.1, 2.0, 1.0, 0.02),
        (0.05, 5.0, 1.0, 0.05),
        (0.05, 1.0, 1.0, 0.01),
        (-4.0, 16.0, 0.0, 0.5),
        (0.0, 1.0, 0.1234567, 0.02),
    ],
)
def test_steps_are_round_and_meet_the_start(low, high, start, step):
    slider = slide(lambda x: draw(x, 1), x=(low, high, start)).children[1]
    assert slider.value == start
    assert slider.step == pytest.approx(step)


def test_a_fault_in_the_drawing_is_shown_and_the_next_move_mends_it():
    def fussy(x):
        if x < 0:
            raise ValueError(f"{x} is <below> 0")
        return draw(x, 1)

    view, x = slide(fussy, x=(-1.0, 1.0, 0.5)).children
    x.value = -1.0
    assert view.value == "<p role='alert'>No picture for these values. ValueError: -1.0 is &lt;below&gt; 0</p>"
    x.value = 0.5
    assert 'alt="a line to 0.50 and 1"' in view.value
    with pytest.raises(ValueError, match="below"):  # the first picture: the cell shows what is wrong
        slide(fussy, x=(-1.0, 1.0, -0.5))


def test_nothing_to_move_is_refused():
    with pytest.raises(ValueError, match="nothing to move"):
        slide(draw)
