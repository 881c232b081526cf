"""Walk on a graph, one node an action; only the finished walk is judged."""

from typing import ClassVar

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from jaxtyping import UInt8

from rlhf_edu.envs.graph import WalkGraph


class RandomWalk(gym.Env):
    """Find the shortest way to node 0; the reward comes at the end: how close to the shortest it was, in [0, 1].

    The action is the next node; where no edge leads there, the walk is over and worth nothing. The observation counts
    time as well: (nodes walked − 1) × n_nodes + current node, so that a walk about to run out of time looks different.
    `info["action_mask"]` marks the nodes that can come next.
    """

    metadata: ClassVar[dict] = {"render_modes": ["ansi", "rgb_array"], "render_fps": 2}

    def __init__(self, n_nodes: int = 21, max_length: int = 10, *, graph_seed: int = 0, render_mode: str | None = None):
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise ValueError(f'render_mode is {render_mode!r}, but it must be None, "ansi" or "rgb_array"')
        self.graph = WalkGraph(n_nodes, max_length, seed=graph_seed)
        self.render_mode = render_mode
        self.observation_space = spaces.Discrete(n_nodes * max_length)
        self.action_space = spaces.Discrete(n_nodes)
        self.walk = [1]

    def _look(self) -> tuple[int, dict]:
        node = self.walk[-1]
        obs = (len(self.walk) - 1) * self.graph.n_nodes + node
        return obs, {"action_mask": self.graph.edges[node].astype(np.int8), "walk": self.graph.to_text(self.walk)}

    def reset(self, *, seed: int | None = None, options: dict | None = None):
        """Start anywhere but at the goal, or at `options["start"]`."""
        super().reset(seed=seed)
        start = (options or {}).get("start")
        if start is None:
            start = int(self.np_random.integers(1, self.graph.n_nodes))
        if not 1 <= start < self.graph.n_nodes:
            raise ValueError(f"start is {start}, but it must be a node from 1 to {self.graph.n_nodes - 1}")
        self.walk = [start]
        return self._look()

    def step(self, action):
        action = int(action)
        allowed = bool(self.graph.edges[self.walk[-1], action])
        self.walk.append(action)
        # Running out of time ends the task itself (the walk is judged), so it terminates and does not truncate.
        terminated = not allowed or action == 0 or len(self.walk) == self.graph.max_length
        reward = self.graph.optimality(self.walk) if terminated and allowed else 0.0
        obs, info = self._look()
        return obs, reward, terminated, False, info

    def render(self) -> str | UInt8[np.ndarray, "height width 3"] | None:
        if self.render_mode == "ansi":
            return " → ".join(self.graph.to_text(self.walk))
        return self._picture() if self.render_mode == "rgb_array" else None

    def _picture(self, size: int = 240) -> UInt8[np.ndarray, "height width 3"]:
        from PIL import Image, ImageDraw

        n = self.graph.n_nodes
        angles = 2 * np.pi * np.arange(n) / n - np.pi / 2
        points = [(size / 2 + 0.42 * size * np.cos(t), size / 2 + 0.42 * size * np.sin(t)) for t in angles]
        image = Image.new("RGB", (size, size), (250, 250, 248))
        draw = ImageDraw.Draw(image)
        for a, b in np.argwhere(self.graph.edges):
            draw.line([points[a], points[b]], fill=(225, 225, 225))
        draw.line([points[node] for node in self.walk], fill=(0, 60, 140), width=3)
        for node, (x, y) in enumerate(points):
            fill = (0, 158, 115) if node == 0 else (0, 60, 140) if node == self.walk[-1] else (190, 190, 190)
            draw.ellipse([x - 8, y - 8, x + 8, y + 8], fill=fill)
            draw.text((x - 3, y - 6), self.graph.to_text([node]), fill=(255, 255, 255))
        return np.asarray(image).copy()
