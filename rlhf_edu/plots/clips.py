"""Animated episodes shown inline, without a display: an animated WEBP, GIF or PNG in the page itself."""

import io
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import gymnasium as gym
import numpy as np
from jaxtyping import UInt8
from PIL import Image

from rlhf_edu.plots.style import image_tag

Frame = UInt8[np.ndarray, "height width 3"]
Kind = Literal["webp", "gif", "png"]


class Clip:
    """A short animation that shows itself in a notebook."""

    def __init__(self, data: bytes, kind: Kind, alt: str, width: int):
        self.data, self.kind, self.alt, self.width = data, kind, alt, width

    def save(self, path: str | Path) -> Path:
        path = Path(path)
        path.write_bytes(self.data)
        return path

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        return {"text/html": image_tag(self.data, self.kind, self.alt, self.width), "text/plain": repr(self)}

    def __repr__(self) -> str:
        return f"<Clip: {self.alt}, {len(self.data) / 1000:.0f} kB>"


def clip(
    frames: Sequence[np.ndarray], *, fps: float = 20, width: int = 300, kind: Kind = "webp", alt: str = "Animation"
) -> Clip:
    """Frames (height × width × 3, bytes) as an animation `width` pixels wide that repeats for ever."""
    if not len(frames):
        raise ValueError("there are no frames to show: make the environment with render_mode='rgb_array'")
    if not 0 < fps <= 50:
        raise ValueError(f"fps is {fps}, but browsers play between 0 and 50 frames a second")
    first = np.asarray(frames[0])
    if first.ndim != 3 or first.shape[2] != 3 or first.dtype != np.uint8:
        raise ValueError(f"a frame is {first.dtype} of shape {first.shape}, but it must be bytes, height × width × 3")
    size = (width, round(first.shape[0] * width / first.shape[1]))
    images = [Image.fromarray(np.asarray(frame)).resize(size, Image.Resampling.LANCZOS) for frame in frames]
    buffer = io.BytesIO()
    options: dict[str, Any] = dict(quality=60, method=2) if kind == "webp" else {}
    images[0].save(
        buffer, format=kind, save_all=True, append_images=images[1:], duration=round(1000 / fps), loop=0, **options
    )
    return Clip(buffer.getvalue(), kind, alt, width)


def play(
    env: gym.Env,
    policy: Callable[[Any], Any],
    *,
    seed: int | None = None,
    max_steps: int = 500,
    fps: float | None = None,
    width: int = 300,
    kind: Kind = "webp",
    skip: int = 1,
) -> Clip:
    """Play one episode of `policy` (observation → action) and show it; `skip=2` draws every second step only."""
    if env.render_mode != "rgb_array":
        raise ValueError(f'this environment renders {env.render_mode!r}: make it with render_mode="rgb_array"')
    if not os.environ.get("DISPLAY"):
        os.environ.setdefault("SDL_VIDEODRIVER", "dummy")  # pygame asks for a screen even to draw in memory
    obs, _ = env.reset(seed=seed)
    frames, ret, steps, ended = [env.render()], 0.0, 0, False
    while not ended and steps < max_steps:
        obs, rew, terminated, truncated, _ = env.step(policy(obs))
        ret, steps, ended = ret + float(rew), steps + 1, terminated or truncated
        if steps % skip == 0 or ended:
            frames.append(env.render())
    fps = fps or min(50, env.metadata.get("render_fps", 20) / skip)
    name = env.spec.name if env.spec else type(env.unwrapped).__name__
    alt = f"An episode of {name}: {steps} steps, return {ret:.4g}"
    return clip(frames, fps=fps, width=width, kind=kind, alt=alt)  # type: ignore[arg-type]
