"""Pictures of a language model being taught: what it earns, and how far it has gone."""

from collections.abc import Sequence

import numpy as np

from rlhf_edu.plots.style import COLOURS, Picture, new_figure
from rlhf_edu.plots.tokens import TokenMap

__all__ = ["TokenMap", "run_picture"]


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
