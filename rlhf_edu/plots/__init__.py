"""Pictures: live curves, bands over seeds, value maps with arrows, animated episodes. No display needed.

Every picture is drawn on a `matplotlib.figure.Figure` of its own, never through pyplot, so that it is safe in widget
callbacks and threads.
"""

from rlhf_edu.plots.clips import Clip, Sheet, clip, frames_of, play, sheet
from rlhf_edu.plots.curves import curves
from rlhf_edu.plots.grids import value_map
from rlhf_edu.plots.live import watch
from rlhf_edu.plots.style import COLOURS, Picture, new_figure

__all__ = [
    "COLOURS",
    "Clip",
    "Picture",
    "Sheet",
    "clip",
    "curves",
    "frames_of",
    "new_figure",
    "play",
    "sheet",
    "value_map",
    "watch",
]
