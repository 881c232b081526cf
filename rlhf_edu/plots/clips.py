"""Animated episodes shown inline, without a display: an animated WEBP, GIF or PNG in the page itself.

For the view that compares clips, pictures go into one sheet, which a page can step through to and fro.
"""

import io
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
    return Clip(animated(shrunk(frames, width), fps, kind), kind, alt, width)


def shrunk(frames: Sequence[np.ndarray], width: int) -> list[Image.Image]:
    size = (width, round(frames[0].shape[0] * width / frames[0].shape[1]))
    return [Image.fromarray(np.asarray(frame)).resize(size, Image.Resampling.LANCZOS) for frame in frames]


def animated(images: Sequence[Image.Image], fps: float | int, kind: Kind) -> bytes:
    buffer = io.BytesIO()
    options: dict[str, Any] = dict(quality=60, method=2) if kind == "webp" else {}
    images[0].save(
        buffer, format=kind, save_all=True, append_images=images[1:], duration=round(1000 / fps), loop=0, **options
    )
    return buffer.getvalue()


@dataclass(frozen=True)
class Sheet:
    """The n pictures of a clip in one WEBP image, row by row, `columns` in a row, each width × height pixels."""

    data: bytes
    n: int
    columns: int
    width: int
    height: int
    fps: float | int
    alt: str

    def pictures(self) -> list[Image.Image]:
        whole = Image.open(io.BytesIO(self.data)).convert("RGB")
        w, h = self.width, self.height
        corners = [(i % self.columns * w, i // self.columns * h) for i in range(self.n)]
        return [whole.crop((x, y, x + w, y + h)) for x, y in corners]

    def animation(self, n: int) -> bytes:
        """As an animated WEBP of `n` pictures; where the clip is shorter its last picture stays, so that two keep in step."""
        images = self.pictures()
        return animated(images + images[-1:] * (n - self.n), self.fps, "webp")


def sheet(frames: Sequence[np.ndarray], *, fps: float | int = 20, width: int = 240, alt: str = "A clip") -> Sheet:
    """Frames (height × width × 3, bytes) as one image, six in a row."""
    if not 1 <= len(frames) <= 240:
        raise ValueError(f"{len(frames)} frames came, but a clip has 1 to 240: film fewer steps, or every second one")
    images, columns = shrunk(frames, width), min(6, len(frames))
    width, height = images[0].size
    whole = Image.new("RGB", (columns * width, -(-len(images) // columns) * height), "white")
    for i, image in enumerate(images):
        whole.paste(image, (i % columns * width, i // columns * height))
    buffer = io.BytesIO()
    whole.save(buffer, format="webp", quality=70, method=2)
    return Sheet(buffer.getvalue(), len(images), columns, width, height, fps, alt)


def states(env: gym.Env, obs: Any) -> Any:
    """What the environment's `state` must be so that one observes `obs` [T, D]."""
    name = env.spec.id.split("-")[0] if env.spec else ""
    match name:
        case "CartPole" | "MountainCar":
            return obs
        case "Pendulum":  # cos θ, sin θ, speed
            return np.stack([np.arctan2(obs[:, 1], obs[:, 0]), obs[:, 2]], 1)
        case "Acrobot":  # cos and sin of two angles, two speeds
            return np.stack([np.arctan2(obs[:, 1], obs[:, 0]), np.arctan2(obs[:, 3], obs[:, 2]), *obs[:, 4:].T], 1)
    raise ValueError(
        f"pictures can be drawn from observations of CartPole, MountainCar, Pendulum, Acrobot, not of {name!r}"
    )


def frames_of(env: gym.Env, obs: Any) -> list[np.ndarray]:
    """A picture of each observation in `obs` [T, D], whoever saw it: no step is taken."""
    if env.render_mode != "rgb_array":
        raise ValueError(f'this environment renders {env.render_mode!r}: make it with render_mode="rgb_array"')
    if not os.environ.get("DISPLAY"):
        os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
    found, frames = states(env, np.asarray(obs, dtype=float)), []
    env.reset()
    world: Any = env.unwrapped
    for state in found:
        world.state = state
        world.last_u = None  # Pendulum draws its last push, which an observation does not tell
        frames.append(env.render())
    return frames


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
