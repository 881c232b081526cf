"""Pictures of a language model being taught: what it earns, and how far it has gone."""

import html
from collections.abc import Mapping, Sequence

import numpy as np

from rlhf_edu.plots.style import COLOURS, Picture, new_figure
from rlhf_edu.plots.tokens import TokenMap

__all__ = ["Riddle", "TokenMap", "fault_picture", "run_picture"]

# The vital signs of a PPO run, two rows of five: what it earns and pays, and whether the machinery is sound.
SIGNS = {
    "score": "score (sd)",
    "reward": "reward: score − price (sd)",
    "gold": "hidden taste (0 to 1)",
    "kl_nats": "KL (nats a text)",
    "entropy": "entropy (nats a token)",
    "first_ratio": "first ratio",
    "clip_fraction": "clip fraction",
    "value_loss": "value loss",
    "n_new": "length (tokens)",
    "ended": "share of texts that end",
}


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


def fault_picture(history: Sequence[Mapping], healthy: Sequence[Sequence[Mapping]]) -> Picture:
    """The vital signs of one run (dashed) over those of healthy ones: their mean, and the band from lowest to highest."""
    if not healthy:
        raise ValueError("there is no healthy run to compare with: give at least one")
    figure, axes = new_figure(len(SIGNS), width=2.5, height=2.1, rows=2)
    said = []
    for ax, (key, title) in zip(axes, SIGNS.items(), strict=True):
        run = [record[key] for record in history]
        sound = np.array([[record[key] for record in other] for other in healthy], float)
        steps = range(1, sound.shape[1] + 1)
        ax.fill_between(steps, sound.min(0), sound.max(0), color=COLOURS[0], alpha=0.3, linewidth=0)
        ax.plot(steps, sound.mean(0), color=COLOURS[0], linewidth=1)
        ax.plot(range(1, len(run) + 1), run, color=COLOURS[1], linestyle="--")
        ax.set_title(title, fontsize=9)
        low, high = ax.get_ylim()
        if high - low < 0.02:  # a line that stands still should not look like a mountain range
            ax.set_ylim((low + high) / 2 - 0.01, (low + high) / 2 + 0.01)
        ends = (run[0], run[-1], sound[:, 0].mean(), sound[:, -1].mean())
        said.append("{} from {:.3g} to {:.3g}, healthy from {:.3g} to {:.3g}".format(title, *ends))
    for ax in axes[len(SIGNS) // 2 :]:
        ax.set_xlabel("PPO step", fontsize=9)
    return Picture(figure, f"A run (dashed) and {len(healthy)} healthy: " + "; ".join(said))


class Riddle:
    """A picture, and under it an answer that is folded away until somebody wants it."""

    def __init__(self, picture: Picture, answer: Mapping[str, str]):
        self.picture, self.answer = picture, answer

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        lines = "".join(f"<p><b>{html.escape(k)}</b>: {html.escape(v)}</p>" for k, v in self.answer.items())
        folded = f"<details><summary>Decide first, then unfold the answer</summary>{lines}</details>"
        return {"text/html": self.picture._repr_mimebundle_()["text/html"] + folded, "text/plain": repr(self)}

    def __repr__(self) -> str:
        return repr(self.picture)
