"""Pictures of a language model being taught: what it earns, how far it has gone, and where in a text it happens."""

import html
from collections.abc import Sequence

import numpy as np

from rlhf_edu.plots.style import COLOURS, Picture, new_figure


def run_picture(history: Sequence[dict]) -> Picture:
    """A PPO run in three panels: learned score and hidden taste by step, KL by step, and taste against KL."""
    steps = [record["step"] + 1 for record in history]
    figure, (scores, kl, trade) = new_figure(3, width=3.7, height=3.0)
    blue, orange, green = COLOURS[:3]
    gold = [record.get("gold", np.nan) for record in history]
    scores.plot(steps, [record["score"] for record in history], color=blue)
    scores.set(xlabel="PPO step", ylabel="learned score (sd of the reference)")
    kl.plot(steps, [record["kl_nats"] for record in history], color=orange, linestyle="--")
    kl.set(xlabel="PPO step", ylabel="KL to the reference (nats a text)")
    trade.plot([record["kl_nats"] for record in history], gold, ".-", color=green, linewidth=0.8)
    trade.set(xlabel="KL to the reference (nats a text)", ylabel="hidden taste (0 to 1)", ylim=(0, 1))
    trade.axhline(0.5, color="0.6", linewidth=0.8)
    last = history[-1]
    return Picture(
        figure,
        f"PPO over {len(history)} steps: the learned score ends at {last['score']:.2f}, the KL at {last['kl_nats']:.1f} nats "
        f"and the hidden taste at {last.get('gold', float('nan')):.2f}",
    )


class TokenMap:
    """Words tinted by a number each: orange below zero, blue above; underlined for those who see no colour."""

    def __init__(self, rows: Sequence[tuple[Sequence[str], Sequence[float]]], name: str):
        self.rows, self.name = rows, name
        values = np.abs(np.concatenate([np.asarray(values, float) for _, values in rows]))
        self.top = float(np.quantile(values, 0.98)) or 1.0

    def _repr_html_(self) -> str:
        lines = "".join(f"<p style='margin:6px 0; line-height:2.1'>{self._line(*row)}</p>" for row in self.rows)
        legend = f"<small>{html.escape(self.name)}: orange below 0, blue above; strongest at ±{self.top:.2g}</small>"
        return f"<div style='max-width:900px; font-family:sans-serif'>{lines}{legend}</div>"

    def _line(self, words: Sequence[str], values: Sequence[float]) -> str:
        return "".join(self._word(word, float(value)) for word, value in zip(words, values, strict=True))

    def _word(self, word: str, value: float) -> str:
        strength = min(1.0, abs(value) / self.top)
        colour = "0, 114, 178" if value >= 0 else "213, 94, 0"  # the blue and the vermilion of COLOURS
        sign = "" if strength < 0.5 else "border-bottom: 2px solid" if value >= 0 else "border-bottom: 2px dotted"
        return (
            f"<span title='{value:+.3f}' style='background: rgba({colour}, {0.55 * strength:.2f}); "
            f"border-radius:3px; white-space:pre-wrap; {sign}'>{html.escape(word)}</span>"
        )

    def __repr__(self) -> str:
        return "\n".join(
            " ".join(f"{word.strip()}({value:+.2f})" for word, value in zip(*row, strict=True)) for row in self.rows
        )
