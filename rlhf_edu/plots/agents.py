"""What an agent thinks while it acts: an episode to scrub through, its numbers beside the picture. No display needed."""

import io
import os
from collections.abc import Callable, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from jaxtyping import Float
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D

from rlhf_edu.plots.style import COLOURS, DASHES, _drawing, label_ends, new_figure

Numbers = Callable[[Float[np.ndarray, "T D"]], Float[np.ndarray, "T K"]]


class Film:
    """An episode: T pictures, and K numbers for each. Shows itself with a slider and a play button."""

    def __init__(
        self, frames: Sequence[np.ndarray], numbers: Any, names: Sequence[str], label: str, alt: str, skip: int = 1
    ):
        self.frames, self.numbers, self.names = frames, np.asarray(numbers, dtype=float), tuple(names)
        self.label, self.alt, self.skip = label, alt, skip
        if len(self.names) > len(COLOURS):
            raise ValueError(f"{len(self.names)} numbers a picture are too many to tell apart: at most {len(COLOURS)}")
        if self.numbers.shape != (len(frames), len(self.names)):
            raise ValueError(
                f"the numbers have shape {self.numbers.shape}, but {len(frames)} pictures with the names "
                f"{', '.join(self.names)} need ({len(frames)}, {len(self.names)})"
            )
        self._drawn: tuple[Figure, AxesImage, Line2D, PathCollection] | None = None

    def __len__(self) -> int:
        return len(self.frames)

    def png(self, t: int) -> bytes:
        """The picture of step `t`, and beside it all the numbers of the episode with this step marked."""
        with _drawing:
            self._drawn = self._drawn or self._draw()
            figure, picture, line, dots = self._drawn
            picture.set_data(self.frames[t])
            line.set_xdata([t * self.skip] * 2)
            dots.set_offsets([(t * self.skip, y) for y in self.numbers[t]])
            buffer = io.BytesIO()
            figure.savefig(buffer, format="png", dpi=100)
        return buffer.getvalue()

    def _draw(self) -> "tuple[Figure, AxesImage, Line2D, PathCollection]":
        figure, (left, right) = new_figure(2, width=3.9, height=2.7)
        left.set_axis_off()
        steps, colours = np.arange(len(self)) * self.skip, COLOURS[: len(self.names)]
        for y, colour, dash in zip(self.numbers.T, colours, DASHES, strict=False):
            right.plot(steps, y, color=colour, linestyle=dash, linewidth=1.2)
        named = zip(self.numbers[-1].tolist(), self.names, colours, strict=True)
        label_ends(right, [(float(steps[-1]), y, name, colour) for y, name, colour in named])
        right.set(xlabel="step of the episode", ylabel=self.label)
        dots = right.scatter([0] * len(colours), self.numbers[0], color=colours, s=22, zorder=3)
        picture, line = left.imshow(self.frames[0]), right.axvline(0, color="0.5", linewidth=0.8)
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # laid out once: nothing jumps from step to step
        return figure, picture, line, dots

    def words(self, t: int) -> str:
        """The numbers of step `t`, for those who cannot see the picture."""
        return f"step {t * self.skip}: " + ", ".join(
            f"{n} {y:.2f}" for n, y in zip(self.names, self.numbers[t], strict=True)
        )

    def widget(self) -> Any:
        """The picture over a play button and a slider."""
        import ipywidgets as W

        image = W.Image(value=self.png(0), format="png", width=780)
        image.add_class("jp-needs-light-background")
        play = W.Play(max=len(self) - 1, interval=200)
        slider = W.IntSlider(max=len(self) - 1, description="picture", layout=W.Layout(width="420px"))
        says = W.HTML(self.words(0))

        def show(change: dict) -> None:
            image.value, says.value = self.png(change["new"]), self.words(change["new"])

        slider.observe(show, "value")
        W.jslink((play, "value"), (slider, "value"))
        return W.VBox([image, W.HBox([play, slider]), says])

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display(self.widget())

    def __repr__(self) -> str:
        return f"<Film: {self.alt}; {len(self)} pictures>"


def film(
    env: gym.Env,
    policy: Callable[[Any], Any],
    numbers: Numbers,
    names: Sequence[str],
    *,
    label: str = "value",
    seed: int | None = None,
    max_steps: int = 200,
    skip: int = 1,
) -> Film:
    """Play one episode of `policy` (observation → action) and keep `numbers(observations)` beside its pictures.

    `numbers` sees every kept observation at once, and gives one row for each: `names` says what the columns are.
    `skip=2` keeps every second step only.
    """
    if env.render_mode != "rgb_array":
        raise ValueError(f'this environment renders {env.render_mode!r}: make it with render_mode="rgb_array"')
    if not os.environ.get("DISPLAY"):
        os.environ.setdefault("SDL_VIDEODRIVER", "dummy")  # pygame asks for a screen even to draw in memory
    obs, _ = env.reset(seed=seed)
    seen, frames, ret, steps, ended = [obs], [np.asarray(env.render())], 0.0, 0, False
    while not ended and steps < max_steps:
        obs, rew, terminated, truncated, _ = env.step(policy(obs))
        ret, steps, ended = ret + float(rew), steps + 1, terminated or truncated
        if steps % skip == 0:
            seen.append(obs)
            frames.append(np.asarray(env.render()))
    name = env.spec.name if env.spec else type(env.unwrapped).__name__
    alt = f"An episode of {name}: {steps} steps, return {ret:.4g}"
    return Film(frames, numbers(np.stack(seen).astype(np.float32)), names, label, alt, skip)
