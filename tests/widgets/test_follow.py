"""A picture that follows sliders."""

import ipywidgets as W

from rlhf_edu.plots.style import Picture, new_figure
from rlhf_edu.widgets.follow import follow


def test_the_picture_is_drawn_anew_when_a_control_moves_and_an_error_is_shown_in_its_place():
    seen = []

    def draw(slope, name):
        seen.append((slope, name))
        if slope > 2:
            raise ValueError("slope is <3>, but at most 2 can be drawn")
        figure, (ax,) = new_figure()
        ax.plot([0, slope])
        return Picture(figure, f"a line of slope {slope}")

    slope, name = W.FloatSlider(1.0, max=4), W.ToggleButtons(options=["x", "y"], description="which")
    box = follow(draw, slope=slope, name=name)
    page = box.children[-1]
    assert (slope.description, name.description) == ("slope", "which")
    assert 'alt="a line of slope 1.0"' in page.value
    slope.value = 2.0
    name.value = "y"
    assert seen == [(1.0, "x"), (2.0, "x"), (2.0, "y")]
    assert 'alt="a line of slope 2.0"' in page.value
    slope.value = 3.0
    assert page.value == "<p role='alert'><b>ValueError</b>: slope is &lt;3&gt;, but at most 2 can be drawn</p>"
    slope.value = 0.5
    assert 'alt="a line of slope 0.5"' in page.value
