"""What the reward model thinks of some texts, redrawn whenever it changes its mind."""

import math
from collections.abc import Sequence
from numbers import Real

import ipywidgets as W

from rlhf_edu.widgets.panel import Panel, as_text


class Opinion(Panel):
    """Shows texts with a bar each; `set_scores` moves the bars, from any thread.

    Bars show scores between `low` and `high`; without these, between the lowest and the highest score so far, because a
    reward model's numbers mean nothing but their differences.
    """

    script = "opinion"

    def __init__(
        self,
        texts: Sequence[str],
        labels: Sequence[str] | None = None,
        *,
        title: str = "What the reward model thinks",
        low: float | int | None = None,
        high: float | int | None = None,
        view: str = "auto",
    ):
        if labels is not None and len(labels) != len(texts):
            raise ValueError(f"labels has {len(labels)} entries, but there are {len(texts)} texts: give one for each")
        self.texts, self.labels, self.title = list(texts), list(labels or [""] * len(texts)), title
        self.low, self.high, self.note = low, high, "No opinion yet."
        self.scores: list[float] = []
        self._first: list[float] = []
        self._seen: list[float] = []
        super().__init__(view)

    def set_scores(self, scores: Sequence[float], note: str = "") -> None:
        """Move the bars: one finite score for each text, in the order of the texts; `note` is shown beneath."""
        news = [float(score) for score in scores]
        if len(news) != len(self.texts):
            raise ValueError(
                f"scores has {len(news)} entries, but there are {len(self.texts)} texts: give one for each"
            )
        bad = [score for score in news if not math.isfinite(score)]
        if bad:
            raise ValueError(f"scores contains {bad[0]}, but every score must be a finite number")
        with self._drawing:
            self._first = self._first or news
            self._seen = [min([*self._seen[:1], *news]), max([*self._seen[1:], *news])]
            self.scores, self.note = news, note
            self.draw()

    def act(self, message: dict) -> None:
        """Nothing can be pressed here."""

    def _share(self, score: float) -> float:
        low = self._seen[0] if self.low is None else self.low
        high = self._seen[1] if self.high is None else self.high
        return 0.5 if high <= low else min(1.0, max(0.0, (score - low) / (high - low)))

    def _state(self) -> dict:
        rows = [
            {
                "text": text,
                "label": label,
                "score": self.scores[i] if self.scores else None,
                "share": self._share(self.scores[i]) if self.scores else 0.0,
                "change": self.scores[i] - self._first[i] if self.scores else 0.0,
            }
            for i, (text, label) in enumerate(zip(self.texts, self.labels, strict=True))
        ]
        return {"title": self.title, "note": self.note, "rows": rows}

    # ---- the plain twin

    def _plain(self) -> W.Box:
        self._heading, self._note = W.HTML(), W.HTML()
        self._bars = [W.FloatProgress(max=1.0, layout=W.Layout(width="160px")) for _ in self.texts]
        self._numbers = [W.HTML(layout=W.Layout(width="110px")) for _ in self.texts]
        stories = [W.HTML(as_text(text), layout=W.Layout(width="60%")) for text in self.texts]
        rows = [W.HBox(row) for row in zip(self._bars, self._numbers, stories, strict=True)]
        return W.VBox([self._heading, *rows, self._note])

    def _draw_plain(self, state: dict) -> None:
        self._heading.value, self._note.value = f"<b>{as_text(state['title'])}</b>", as_text(state["note"])
        for bar, number, row in zip(self._bars, self._numbers, state["rows"], strict=True):
            bar.value = row["share"]
            number.value = f"{row['score']:+.2f}" if isinstance(row["score"], Real) else "–"
