"""Pictures of tokens: a text cut into pieces, pieces tinted by a number each, and what may come next."""

import html
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from rlhf_edu.plots.style import COLOURS, Picture, new_figure

WRAP = "max-width:900px; font-family:sans-serif"


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


class TokenBoxes:
    """A text cut into tokens, a box each; the number of a token on hover. Neighbours differ in lightness."""

    def __init__(self, words: Sequence[str], ids: Sequence[int]):
        if len(words) != len(ids):
            raise ValueError(f"{len(words)} pieces came with {len(ids)} ids: give one id for each piece")
        self.words, self.ids = list(words), [int(i) for i in ids]

    def _repr_html_(self) -> str:
        boxes = "".join(
            f"<span title='token {i}' style='background:{('#dbe7f3', '#f4e3d3')[n % 2]}; color:#222; border:1px solid #999; "
            f"border-radius:3px; padding:1px 2px; margin:0 1px; white-space:pre'>{html.escape(visible(word))}</span>"
            for n, (word, i) in enumerate(zip(self.words, self.ids, strict=True))
        )
        count = f"{len(self.words)} token{'s' * (len(self.words) != 1)}; the number of each on hover"
        return f"<div style='{WRAP}; line-height:2'>{boxes}<br><small>{count}</small></div>"

    def __repr__(self) -> str:
        return "|".join(visible(word) for word in self.words)


def visible(word: str) -> str:
    """A token with its spaces and line ends to be seen."""
    return word.replace(" ", "␣").replace("\n", "⏎") or "·"


def next_token_bars(
    words: Sequence[str],
    probs: Float[np.ndarray, " V"],
    before: Float[np.ndarray, " V"] | None = None,
    *,
    top: int = 12,
    title: str = "",
) -> Picture:
    """The likeliest next tokens as bars of `probs`; hollow bars show what they were `before` a filter or a temperature.

    Tokens are in the order of `before`, so that a bar keeps its place while a slider moves.
    """
    probs = np.asarray(probs, dtype=float)
    before = probs if before is None else np.asarray(before, dtype=float)
    for name, p in (("probs", probs), ("before", before)):
        if p.shape != (len(words),) or abs(p.sum() - 1) > 1e-3 or (p < 0).any():
            raise ValueError(
                f"{name} has shape {p.shape} and adds up to {p.sum():.3g}, but it must be one probability for each of "
                f"the {len(words)} tokens, adding up to 1"
            )
    chosen = np.argsort(-before, kind="stable")[:top].tolist()
    figure, (ax,) = new_figure(width=6.4, height=0.6 + 0.27 * len(chosen))
    places = np.arange(len(chosen))
    ax.barh(places, before[chosen], height=0.8, facecolor="none", edgecolor="0.45", linewidth=1)
    ax.barh(places, probs[chosen], height=0.5, color=COLOURS[0])
    for y, p in zip(places, probs[chosen], strict=True):
        ax.annotate(
            f"{p:.3f}" if p else "never", (p, y), xytext=(4, 0), textcoords="offset points", va="center", fontsize=8
        )
    ax.set_yticks(places, [visible(words[int(i)]) for i in chosen], parse_math=False)  # a dollar is a dollar
    ax.invert_yaxis()
    ax.set(
        xlabel="probability of the next token",
        xlim=(0, min(1.0, 1.15 * max(probs.max(), before.max())) + 0.06),
    )
    ax.set_title(title, parse_math=False)
    ax.grid(axis="y", visible=False)
    likely = [i for i in np.argsort(-probs, kind="stable")[:3].tolist() if probs[i] > 0]
    said = ", ".join(f"{visible(words[int(i)])} {probs[i]:.2f}" for i in likely)
    return Picture(
        figure, f"{title or 'Next token'}: {int((probs > 0).sum())} of {len(words)} tokens are possible; {said}"
    )
