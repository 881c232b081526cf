"""Paint a grid world and watch the values flow through it after each stroke."""

from collections.abc import Sequence
from dataclasses import asdict

import ipywidgets as W
import numpy as np

from rlhf_edu.envs.grid import GridWorld
from rlhf_edu.widgets.panel import Panel, as_text
from rlhf_edu.widgets.sketch import BRUSHES, REWARDS, Frame, Sketch, Sweep, bellman

ARROWS = "←↓→↑"
SIGNS = {".": "", "#": "wall", "X": "✗", "G": "★", "+": "●", "-": "≈", "S": "S"}


class Grid(Panel):
    """A world to paint: walls, cliffs, coins, puddles, the goal and the start. The cell returns at once.

    Keys: 1 to 7 choose a brush, arrows move, Enter paints · u undo · n one sweep · f let the values flow · z all values
    to 0 · o the first map. `sweep(model, v, gamma)` may be your own. `env`, `rows` and `values` say what is there now.
    """

    script = "grid"

    def __init__(
        self,
        rows: Sequence[str] | str = "two_rooms",
        *,
        gamma: float = 0.9,
        slip: float = 0.0,
        step_reward: float = 0.0,
        sweep: Sweep = bellman,
        view: str = "auto",
    ):
        self.sketch = Sketch(rows, gamma=gamma, slip=slip, step_reward=step_reward, sweep=sweep)
        self._frames, self._turn, self._note, self._brush = self.sketch.flow(), 0, "", "#"
        super().__init__(view)

    @property
    def env(self) -> GridWorld:
        """The world as it is painted now, as a Gymnasium environment."""
        return self.sketch.env

    @property
    def rows(self) -> tuple[str, ...]:
        """Its map, to keep or to paint on: `Grid(painter.rows)`."""
        return self.sketch.rows

    @property
    def values(self) -> np.ndarray:
        """What each cell is worth after the sweeps so far."""
        return self.sketch.values.copy()

    def set(self, **changes: float) -> None:
        """Change `gamma`, `slip` or `step_reward`, and let the values flow again."""
        with self._drawing:
            self.sketch.set(**changes)
            self._flow()
        self.draw()

    def act(self, message: dict) -> None:
        """Paint, take back, sweep, flow, forget or start over, as the page says."""
        with self._drawing:
            self._note = ""
            try:
                self._do(message)
            except ValueError as error:
                self._note = str(error)
        self.draw()

    def _do(self, message: dict) -> None:
        match message.get("do"):
            case "paint":
                cells = [int(cell) for cell in message.get("cells", [])]
                self._note = self.sketch.paint(cells, str(message.get("letter", "")))
                self._flow()
            case "undo":
                self.sketch.undo()
                self._flow()
            case "start over":
                self.sketch.start_over()
                self._flow()
            case "flow":
                self._flow()
            case "forget":
                self.sketch.forget()
                self._keep([self.sketch.frame()])
            case "sweep":
                self.sketch.sweep()
                self._keep([self.sketch.frame()])

    def _flow(self) -> None:
        self._keep(self.sketch.flow())

    def _keep(self, frames: list[Frame]) -> None:
        self._frames, self._turn = frames, self._turn + 1

    def _state(self) -> dict:
        sketch = self.sketch
        shown = [v for frame in (self._frames[0], self._frames[-1]) for v in frame.values if v is not None]
        brushes = [
            {"letter": letter, "name": name, "sign": SIGNS[letter], "pays": REWARDS.get(letter, 0.0)}
            for letter, name in BRUSHES.items()
        ]
        return {
            "shape": list(sketch.shape),
            "letters": sketch.letters,
            "brushes": brushes,
            "turn": self._turn,
            "frames": [asdict(frame) for frame in self._frames],
            "low": min(shown, default=0.0),
            "high": max(shown, default=0.0),
            "start": sketch.letters.index("S"),
            "says": f"γ = {sketch.gamma:g}, slip = {sketch.slip:g}, each step pays {sketch.step_reward:g}",
            "can_undo": sketch.can_undo,
            "note": self._note,
        }

    # ---- the plain twin

    def _plain(self) -> W.Box:
        rows, cols = self.sketch.shape
        self._brushes = W.ToggleButtons(options=[(name, letter) for letter, name in BRUSHES.items()], value="#")
        self._brushes.style.button_width = "70px"
        square, style = W.Layout(width="58px", height="46px", margin="1px", padding="0"), W.ButtonStyle()
        self._cells = [W.Button(layout=square, style=style) for _ in range(rows * cols)]
        for i, button in enumerate(self._cells):
            button.on_click(lambda _, i=i: self.act({"do": "paint", "cells": [i], "letter": self._brushes.value}))
        lines = [W.HBox(self._cells[r * cols : (r + 1) * cols]) for r in range(rows)]
        self._undo, *others = [
            W.Button(description=words) for words in ("Undo", "One sweep", "Let it flow", "Values to 0", "First map")
        ]
        names = ("undo", "sweep", "flow", "forget", "start over")
        for name, button in zip(names, (self._undo, *others), strict=True):
            button.on_click(lambda _, name=name: self.act({"do": name}))
        self._says = W.HTML()
        return W.VBox([self._brushes, *lines, W.HBox([self._undo, *others]), self._says])

    def _draw_plain(self, state: dict) -> None:
        last = state["frames"][-1]
        for i, (button, letter) in enumerate(zip(self._cells, state["letters"], strict=True)):
            button.description = plain_cell(letter, last["values"][i], last["moves"][i])
            button.tooltip = f"row {i // state['shape'][1] + 1}, column {i % state['shape'][1] + 1}: {BRUSHES[letter]}"
        self._undo.disabled = not state["can_undo"]
        worth = last["values"][state["start"]]
        says = f"After {last['sweep']} sweeps the start is worth {worth:.2f}. {state['says']}. {state['note']}"
        self._says.value = as_text(says)


def plain_cell(letter: str, value: float | None, moves: int) -> str:
    """A cell as a few letters: its sign, its value, and the best moves."""
    if value is None:
        return SIGNS[letter]
    arrows = "".join(arrow for i, arrow in enumerate(ARROWS) if moves >> i & 1)
    return f"{SIGNS[letter]}{value:.2f}{arrows}"
