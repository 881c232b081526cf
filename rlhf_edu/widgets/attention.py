"""Attention as a picture: point at a word, and see which earlier words it reads from, in every head of every layer."""

from collections.abc import Sequence
from typing import Any

import ipywidgets as W
import numpy as np

from rlhf_edu.widgets.panel import Panel, as_text

LONGEST = 128  # words: a longer text makes pictures too small to point at
BARS = "▁▂▃▄▅▆▇█"


class AttentionView(Panel):
    """Shows `weights[layer, head, t, s]`: how much of what word t gathers comes from word s. The cell returns at once.

    Hover over a word, or move with ← and →; ↑ and ↓ go through the heads; a click keeps a word. Nothing is sent back.
    """

    script = "attention"

    def __init__(self, words: Sequence[str], weights: Any, *, title: str = "Who reads whom", view: str = "auto"):
        self.words, self.title = list(words), title
        self.weights = checked(self.words, np.asarray(weights, dtype=float))
        super().__init__(view)

    def act(self, message: dict) -> None:
        """Nothing that is pressed here changes anything in the kernel."""

    def reads(self, layer: int, head: int, place: int) -> list[tuple[str, float]]:
        """The words that the word at `place` reads from in one head, the largest share first."""
        row = self.weights[layer, head, place, : place + 1]
        return [(self.words[s], float(row[s])) for s in np.argsort(-row, kind="stable")]

    def _state(self) -> dict:
        layers, heads = self.weights.shape[:2]
        flat = [round(float(w), 4) for w in self.weights.ravel()]
        return {"title": self.title, "words": self.words, "layers": layers, "heads": heads, "weights": flat}

    # ---- the plain twin

    def _plain(self) -> W.Box:
        layers, heads, places = self.weights.shape[:3]
        pairs = [(f"layer {a + 1}, head {b + 1}", (a, b)) for a in range(layers) for b in range(heads)]
        self._head = W.Dropdown(options=pairs, value=pairs[0][1], description="Head")
        self._word = W.IntSlider(value=places - 1, min=0, max=places - 1, description="Word", readout=False)
        self._shown = W.HTML()
        for control in (self._head, self._word):
            control.observe(self.draw, "value")
        return W.VBox([W.HTML(f"<b>{as_text(self.title)}</b>"), self._head, self._word, self._shown])

    def _draw_plain(self, state: dict) -> None:
        layer, head = self._head.value or (0, 0)
        place = int(self._word.value or 0)
        spans = []
        for s, (word, share) in enumerate(zip(self.words, self.weights[layer, head, place].tolist(), strict=True)):
            bar = BARS[round(share * (len(BARS) - 1))] if s <= place else ""
            style = "outline: 2px solid" if s == place else f"background: rgba(0, 114, 178, {0.6 * share:.2f})"
            spans.append(f'<span title="{share:.3f}" style="{style}">{as_text(word)}{bar}</span>')
        said = ", ".join(f"{as_text(word.strip())} {share:.0%}" for word, share in self.reads(layer, head, place)[:3])
        text = "".join(spans)
        self._shown.value = f'<p style="white-space: pre-wrap; line-height: 2">{text}</p><p>It reads {said}.</p>'


def checked(words: list[str], weights: np.ndarray) -> np.ndarray:
    """The weights, if they are shares: layers × heads × words × words, each row adding up to 1."""
    n = len(words)
    if weights.ndim != 4 or weights.shape[2:] != (n, n) or 0 in weights.shape:
        raise ValueError(
            f"the weights have shape {weights.shape}, but {n} words need (layers, heads, {n}, {n}): stack what every head of "
            "every layer gives, without a batch"
        )
    if n > LONGEST:
        raise ValueError(f"{n} words came, but at most {LONGEST} can be told apart in a picture: show a shorter text")
    if not (weights >= 0).all() or not np.allclose(weights.sum(-1), 1, atol=1e-3):
        raise ValueError(
            "some rows are no shares: attention weights are at least 0 and add up to 1 over the words read"
        )
    return weights
