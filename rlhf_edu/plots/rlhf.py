"""Pictures of a language model being taught: what it earns, and how far it has gone."""

import html
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.ticker import MaxNLocator

from rlhf_edu.plots.style import COLOURS, Picture, new_figure
from rlhf_edu.plots.tokens import TokenMap

__all__ = ["Riddle", "TokenMap", "fault_map", "fault_picture", "outside", "run_picture"]

# The vital signs of a PPO run, two rows of five: what it earns and pays, and whether the machinery is sound.
SIGNS = {
    "score": "score (sd)",
    "books": "books (reward − score + β·KL)",
    "gold": "hidden taste (0 to 1)",
    "kl_nats": "KL (nats a text)",
    "entropy": "entropy (nats a token)",
    "first_ratio": "first ratio",
    "clip_fraction": "clip fraction",
    "value_loss": "value loss",
    "n_new": "length (tokens)",
    "ended": "texts that end (share)",
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


def curve(history: Sequence[Mapping], key: str) -> Float[np.ndarray, " N"]:
    """A vital sign by step; "books", which must stay at 0, is what the rewards of a text exceed score − β·KL by."""
    if key == "books":
        return np.array([r["reward"] - (r["score"] - r["beta"] * r["kl_nats"]) for r in history], float)
    return np.array([record[key] for record in history], float)


def fault_picture(history: Sequence[Mapping], healthy: Sequence[Sequence[Mapping]]) -> Picture:
    """The vital signs of one run (dashed) over those of healthy ones: their mean, and the band from lowest to highest."""
    if not healthy:
        raise ValueError("there is no healthy run to compare with: give at least one")
    figure, axes = new_figure(len(SIGNS), width=2.5, height=2.1, rows=2)
    said = []
    for ax, (key, title) in zip(axes, SIGNS.items(), strict=True):
        run = curve(history, key)
        sound = np.array([curve(other, key) for other in healthy])
        steps = range(1, sound.shape[1] + 1)
        ax.fill_between(steps, sound.min(0), sound.max(0), color=COLOURS[0], alpha=0.3, linewidth=0)
        ax.plot(steps, sound.mean(0), color=COLOURS[0], linewidth=1)
        ax.plot(range(1, len(run) + 1), run, color=COLOURS[1], linestyle="--")
        ax.set_title(title, fontsize=9)
        ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        low, high = ax.get_ylim()
        if high - low < 0.02:  # a line that stands still should not look like a mountain range
            ax.set_ylim((low + high) / 2 - 0.01, (low + high) / 2 + 0.01)
        ends = (run[0], run[-1], sound[:, 0].mean(), sound[:, -1].mean())
        said.append("{} from {:.3g} to {:.3g}, healthy from {:.3g} to {:.3g}".format(title, *ends))
    for ax in axes[len(SIGNS) // 2 :]:
        ax.set_xlabel("PPO step", fontsize=9)
    return Picture(figure, f"A run (dashed) and {len(healthy)} healthy: " + "; ".join(said))


def outside(history: Sequence[Mapping], healthy: Sequence[Sequence[Mapping]], key: str) -> tuple[float, float]:
    """How far a sign lies above (+) or below (−) the healthy band at the first step, and over the last three; 0 inside.

    In widths of the band there, which counts as at least 0.02 wide. The distance is what tells, not the leaving: with n
    healthy runs, one more healthy run is the highest or the lowest of them all at 2 of n + 1 steps.
    """
    sound, run = np.array([curve(other, key) for other in healthy]), curve(history, key)
    low, high = sound.min(0)[: len(run)], sound.max(0)[: len(run)]
    off, width = np.maximum(run - high, 0) - np.maximum(low - run, 0), high - low
    return float(off[0] / max(width[0], 0.02)), float(off[-3:].mean() / max(width[-3:].mean(), 0.02))


def fault_map(runs: Mapping[str, Sequence[Mapping]], healthy: Sequence[Sequence[Mapping]], far: float = 1.5) -> Picture:
    """Which sign gives which run away: a triangle where it is more than `far` widths of the healthy band outside of it.

    Full triangles: at the first step, before anything is learned. Hollow ones: only later.
    """
    figure, (ax,) = new_figure(width=10.0, height=0.7 + 0.27 * len(runs))
    dials, said = [title.split(" (")[0] for title in SIGNS.values()], []
    for y, (name, run) in enumerate(runs.items()):
        found = []
        for x, key in enumerate(SIGNS):
            first, later = outside(run, healthy, key)
            at_once, where = abs(first) > far, first if abs(first) > far else later
            if abs(where) > far:
                colour, marker = (COLOURS[0], "^") if where > 0 else (COLOURS[1], "v")
                ax.scatter(x, y, 60, marker=marker, edgecolors=colour, facecolors=colour if at_once else "white")
                found.append(f"{dials[x]} too {'high' if where > 0 else 'low'} {'at once' if at_once else 'later'}")
        said.append(f"{name}: {', '.join(found) or 'nothing'}")
    ax.set_xticks(range(len(SIGNS)), dials, fontsize=9)
    ax.set_yticks(range(len(runs)), list(runs), fontsize=9)
    ax.set(xlim=(-0.5, len(SIGNS) - 0.5), ylim=(len(runs) - 0.5, -0.5))
    ax.xaxis.tick_top()
    return Picture(
        figure, f"More than {far:g} widths of the band of {len(healthy)} healthy runs outside. " + "; ".join(said)
    )


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
