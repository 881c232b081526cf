"""A grid world drawn as text: walls, cliffs, rewards, a slippery floor, and a transition table to plan with."""

from collections.abc import Sequence
from typing import ClassVar

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from jaxtyping import UInt8

Transition = tuple[float, int, float, bool]  # probability, next state, reward, terminated

MOVES = ((0, -1), (1, 0), (0, 1), (-1, 0))  # left, down, right, up: the order of FrozenLake
MAPS = {
    "two_rooms": ("#######", "#S.#..#", "#.....#", "#..#.G#", "#######"),
    "cliff": ("............", "............", "............", "SXXXXXXXXXXG"),
    "book": ("...G", ".#.X", "S..."),  # the 4 × 3 world of Russell and Norvig, "Artificial Intelligence"
    "treasure": ("S...+", ".##.#", "..X.G"),
}
COLOURS = {"#": (68, 68, 68), ".": (250, 250, 248), "S": (214, 228, 240), "G": (0, 158, 115), "X": (213, 94, 0)}
GOOD, BAD = (240, 228, 66), (158, 118, 82)  # any other letter: a cell that is worth something, or that costs


class GridWorld(gym.Env):
    """Walk over a map of text to a goal: `#` wall, `S` start, `G` goal, `X` cliff, any other letter free floor.

    Actions are 0 left, 1 down, 2 right, 3 up. With probability `slip` the step goes sideways instead (half of it to
    either side); a step into a wall or off the map stays where it is. The reward of a step is `step_reward` plus
    `rewards` of the letter it ends on (G and +: 1, X and -: −1 unless you say otherwise). Letters in `terminal` end the
    episode.
    `P[state][action]` lists (probability, next state, reward, terminated), as Gymnasium's toy-text environments do.
    """

    metadata: ClassVar[dict] = {"render_modes": ["ansi", "rgb_array"], "render_fps": 4}

    def __init__(
        self,
        rows: Sequence[str] | str = "two_rooms",
        *,
        slip: float = 0.0,
        step_reward: float = 0.0,
        rewards: dict[str, float] | None = None,
        terminal: str = "GX",
        render_mode: str | None = None,
    ):
        self.rows = check_map(rows)
        self.shape = (len(self.rows), len(self.rows[0]))
        self.rewards = {"G": 1.0, "X": -1.0, "+": 1.0, "-": -1.0} | (rewards or {})
        if not 0 <= slip <= 1:
            raise ValueError(f"slip is {slip}, but it is a probability: it must lie in [0, 1]")
        for letter, value in [("step_reward", step_reward), *self.rewards.items()]:
            if not np.isfinite(value):
                raise ValueError(f"the reward of {letter!r} is {value}, but rewards must be finite numbers")
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise ValueError(f'render_mode is {render_mode!r}, but it must be None, "ansi" or "rgb_array"')
        self.slip, self.step_reward, self.terminal, self.render_mode = slip, step_reward, terminal, render_mode
        n_states = self.shape[0] * self.shape[1]
        self.observation_space = spaces.Discrete(n_states)
        self.action_space = spaces.Discrete(4)
        letters = "".join(self.rows)
        self.starts = [s for s in range(n_states) if letters[s] == "S"]
        self.P = {s: {a: self._outcomes(s, a) for a in range(4)} for s in range(n_states)}
        self.state = self.starts[0]

    def _outcomes(self, state: int, action: int) -> list[Transition]:
        letter = self.rows[state // self.shape[1]][state % self.shape[1]]
        if letter == "#" or letter in self.terminal:
            return [(1.0, state, 0.0, True)]  # nobody acts from here; planners need an entry all the same
        ways = [(1 - self.slip, action), (self.slip / 2, (action - 1) % 4), (self.slip / 2, (action + 1) % 4)]
        return [(p, *self._move(state, way)) for p, way in ways if p > 0]

    def _move(self, state: int, way: int) -> tuple[int, float, bool]:
        row, col = divmod(state, self.shape[1])
        new_row, new_col = row + MOVES[way][0], col + MOVES[way][1]
        inside = 0 <= new_row < self.shape[0] and 0 <= new_col < self.shape[1]
        if inside and self.rows[new_row][new_col] != "#":
            row, col = new_row, new_col
        letter = self.rows[row][col]
        reward = float(self.step_reward + self.rewards.get(letter, 0.0))
        return row * self.shape[1] + col, reward, letter in self.terminal

    def reset(self, *, seed: int | None = None, options: dict | None = None):
        super().reset(seed=seed)
        self.state = self.starts[self.np_random.integers(len(self.starts))]
        return self.state, {}

    def step(self, action):
        outcomes = self.P[self.state][int(action)]
        pick = 0
        if len(outcomes) > 1:
            left = self.np_random.random() - outcomes[0][0]
            while left >= 0 and pick < len(outcomes) - 1:
                pick += 1
                left -= outcomes[pick][0]
        _, self.state, reward, terminated = outcomes[pick]
        return self.state, reward, terminated, False, {}

    def render(self) -> str | UInt8[np.ndarray, "height width 3"] | None:
        if self.render_mode == "ansi":
            row, col = divmod(self.state, self.shape[1])
            lines = [line[:col] + "@" + line[col + 1 :] if r == row else line for r, line in enumerate(self.rows)]
            return "\n".join(lines)
        return self._picture() if self.render_mode == "rgb_array" else None

    def _picture(self, cell: int = 32) -> UInt8[np.ndarray, "height width 3"]:
        tints = {letter: BAD if worth < 0 else GOOD for letter, worth in self.rewards.items()} | COLOURS
        colours = np.array([[tints.get(letter, GOOD) for letter in line] for line in self.rows], dtype=np.uint8)
        picture = colours.repeat(cell, axis=0).repeat(cell, axis=1)
        picture[::cell] = picture[:, ::cell] = 200  # thin lines between cells
        y, x = np.ogrid[: picture.shape[0], : picture.shape[1]]
        row, col = divmod(self.state, self.shape[1])
        picture[(y - (row + 0.5) * cell) ** 2 + (x - (col + 0.5) * cell) ** 2 < (0.3 * cell) ** 2] = (0, 60, 140)
        return picture


def check_map(rows: Sequence[str] | str) -> tuple[str, ...]:
    """The map as rows of equal width, from a name in `MAPS`, a text of several lines, or a list of rows."""
    if isinstance(rows, str):
        if "\n" not in rows and rows not in MAPS:
            raise ValueError(f"there is no map called {rows!r}: give rows of text, or one of {', '.join(MAPS)}")
        rows = MAPS.get(rows) or [line.strip() for line in rows.strip().splitlines()]
    rows = tuple(rows)
    widths = {len(row) for row in rows}
    if len(widths) != 1 or widths == {0}:
        raise ValueError(
            f"the map has rows of {sorted(widths)} letters, but all rows must be equally wide (at least 1)"
        )
    if not any("S" in row for row in rows):
        raise ValueError("the map has no start: mark at least one cell with S")
    return rows
