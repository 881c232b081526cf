"""A grid world under construction, and what its cells are worth: the plain half of the `Grid` view."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rlhf_edu.envs.grid import GridWorld, check_map
from rlhf_edu.rl.planning import Model, model_of, q_values

BRUSHES = {".": "floor", "#": "wall", "X": "cliff", "G": "goal", "+": "coin", "-": "puddle", "S": "start"}
REWARDS = {"G": 1.0, "X": -1.0, "+": 0.05, "-": -0.05}  # coins and puddles pay at each visit, so they are small
ENDS = "GX"
MOST_SWEEPS, ENOUGH = 2000, 1e-4  # stop when no value is further from the truth than this
CELLS = 120  # a larger grid is neither pleasant to paint nor quick to send

Sweep = Callable[[Model, Float[np.ndarray, " S"], float], Float[np.ndarray, " S"]]


def bellman(model: Model, v: Float[np.ndarray, " S"], gamma: float) -> Float[np.ndarray, " S"]:
    """One sweep of value iteration: v(s) ← max_a Σ_s' P(s'|s, a) [ r + γ v(s') ]."""
    return q_values(model, v, gamma).max(axis=1)


@dataclass(frozen=True)
class Frame:
    """The values after some sweeps, and the best moves: bit 1 left, 2 down, 4 right, 8 up; 0 where all are alike."""

    sweep: int
    values: list[float | None]  # None for walls and for the ends, where nothing follows
    moves: list[int]


class Sketch:
    """A grid that is painted cell by cell; `flow` lets the values run through it, one `sweep` at a time.

    `sweep(model, v, gamma)` may be a function of your own; without one it is value iteration. There is always exactly
    one start: painting another one moves it.
    """

    def __init__(
        self,
        rows: Sequence[str] | str = "two_rooms",
        *,
        gamma: float = 0.9,
        slip: float = 0.0,
        step_reward: float = 0.0,
        sweep: Sweep = bellman,
    ):
        self.first = "".join(check_map(rows))
        self.shape = (len(check_map(rows)), len(check_map(rows)[0]))
        strange = set(self.first) - set(BRUSHES)
        if strange or self.first.count("S") != 1 or len(self.first) > CELLS:
            raise ValueError(
                f"the map has {self.first.count('S')} starts, {len(self.first)} cells and the letters "
                f"{''.join(sorted(set(self.first)))!r}, but to be painted it needs one S, at most {CELLS} cells, and "
                f"no letters but {''.join(BRUSHES)!r}"
            )
        self.letters, self._before = self.first, list[str]()
        self.sweep_rule, self.sweeps = sweep, 0
        self.values = np.zeros(len(self.first))
        self.gamma, self.slip, self.step_reward = gamma, slip, step_reward
        self.set()

    def set(self, *, gamma: float | None = None, slip: float | None = None, step_reward: float | None = None) -> None:
        """Change the discount, the chance to slip sideways, or what every step pays."""
        gamma = self.gamma if gamma is None else gamma
        if not 0 <= gamma <= 0.99:
            raise ValueError(f"gamma is {gamma}, but it must lie in [0, 0.99]: a painted world may never end")
        slip = self.slip if slip is None else slip
        step_reward = self.step_reward if step_reward is None else step_reward
        env = GridWorld(self.rows, slip=slip, step_reward=step_reward, rewards=REWARDS, terminal=ENDS)
        self.gamma, self.slip, self.step_reward = gamma, slip, step_reward
        self._env, self._model = env, model_of(env)

    @property
    def rows(self) -> tuple[str, ...]:
        """The map as rows of letters."""
        width = self.shape[1]
        return tuple(self.letters[i : i + width] for i in range(0, len(self.letters), width))

    @property
    def env(self) -> GridWorld:
        """The painted world as a Gymnasium environment."""
        return self._env

    def paint(self, cells: Sequence[int], letter: str) -> str:
        """Put the letter on these cells, as one stroke; returns a note where something was left out."""
        if letter not in BRUSHES:
            raise ValueError(f"the brush is {letter!r}, but it must be one of {' '.join(BRUSHES)}")
        for cell in cells:
            if not 0 <= cell < len(self.letters):
                raise ValueError(f"there is no cell {cell}: cells are numbered from 0 to {len(self.letters) - 1}")
        old = self.letters
        start = old.index("S")
        if letter == "S":
            cells = cells[-1:]
            new = old.replace("S", ".") if cells else old
        else:
            new, cells = old, [cell for cell in cells if cell != start]
        for cell in cells:
            new = new[:cell] + letter + new[cell + 1 :]
        if new != old:
            self._before.append(old)
            self._show(new)
        return "" if cells else "The start stays. Paint a start somewhere else to move it."

    def undo(self) -> None:
        """Take the last stroke back."""
        if self._before:
            self._show(self._before.pop())

    def start_over(self) -> None:
        """The map as it was at first, as one more stroke."""
        if self.letters != self.first:
            self._before.append(self.letters)
            self._show(self.first)

    @property
    def can_undo(self) -> bool:
        return bool(self._before)

    def _show(self, letters: str) -> None:
        self.letters, self.sweeps = letters, 0
        self.set()

    def forget(self) -> None:
        """All values back to 0."""
        self.values, self.sweeps = np.zeros(len(self.letters)), 0

    def sweep(self) -> float:
        """One sweep over all cells; returns the largest change."""
        new = np.asarray(self.sweep_rule(self._model, self.values.copy(), self.gamma))
        if new.shape != self.values.shape or not np.isfinite(new.astype(float)).all():
            raise ValueError(
                f"the sweep gave {new.shape} numbers, {np.count_nonzero(~np.isfinite(new.astype(float)))} of them not "
                f"finite, but it must give one finite value for each of {len(self.values)} cells"
            )
        change = float(np.abs(new - self.values).max())
        self.values, self.sweeps = new.astype(float), self.sweeps + 1
        return change

    def flow(self, most: int = 40) -> list[Frame]:
        """Sweep until nothing moves; returns about `most` frames of it, the early ones closer together."""
        frames, next_kept, self.sweeps = [self.frame()], 1.0, 0
        for _ in range(MOST_SWEEPS):
            change = self.sweep()
            still = change * self.gamma <= ENOUGH * (1 - self.gamma)  # what all later sweeps can still add up to
            if self.sweeps >= next_kept or still:
                frames.append(self.frame())
                next_kept = self.sweeps + 1 if self.sweeps < most // 2 else self.sweeps * 1.25
            if still:
                break
        return frames

    def frame(self) -> Frame:
        """What there is to see now."""
        dead = [letter == "#" or letter in ENDS for letter in self.letters]
        q = q_values(self._model, self.values, self.gamma)
        best = (q >= q.max(axis=1, keepdims=True) - 2 * ENOUGH) @ (1 << np.arange(4))
        values = [None if end else round(float(v), 4) for v, end in zip(self.values, dead, strict=True)]
        moves = [0 if end or m == 15 else int(m) for m, end in zip(best, dead, strict=True)]
        return Frame(self.sweeps, values, moves)
