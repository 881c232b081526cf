"""Simulated people: noisy, biased and tired in ways that the literature has measured.

Lee et al. (2021), "B-Pref: benchmarking preference-based reinforcement learning", section 4, for the noise; the biases
are added to the same log-odds. Left out on purpose: people who learn, and people who read.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from rlhf_edu.feedback.events import as_asked, judge
from rlhf_edu.feedback.session import FeedbackSession
from rlhf_edu.feedback.types import Feedback, Number, Query

Annotator = Callable[[Query], Feedback | None]  # None: this person skips the question
Taste = Callable[[str], Number | Sequence[Number] | np.ndarray]  # a score, or one for each step of a clip or text


@dataclass(frozen=True)
class Habits:
    """What makes a simulated person human; with the defaults, they err only on close calls.

    temperature: how close is close, in units of the taste; 0 never errs.  mistake: the chance of a wrong button.
    value_noise: standard deviation of what the same text seems worth from one reading to the next (Thurstone 1927).
    myopic: what a step counts for each step that follows it; below 1, the beginning is half forgotten.
    tie_within, skip_below: says "tie" to a smaller difference, skips when no text scores this much (never if None). Both
    go by what is remembered, noise included; in B-Pref they go by the plain sum of the steps, even where `myopic` is below 1.
    position, length: log-odds for the left text, and for each doubling of the number of words.
    fatigue: growth of the temperature with each answer given, as a share of it.
    """

    temperature: Number = 0.1
    mistake: Number = 0.0
    value_noise: Number = 0.0
    myopic: Number = 1.0
    tie_within: Number = 0.0
    skip_below: Number | None = None
    position: Number = 0.0
    length: Number = 0.0
    fatigue: Number = 0.0

    def __post_init__(self):
        for name in ("temperature", "value_noise", "tie_within", "fatigue"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} is {getattr(self, name)}, but it must be 0 or more")
        for name in ("position", "length", "skip_below"):
            if not math.isfinite(getattr(self, name) or 0):
                raise ValueError(f"{name} is {getattr(self, name)}, but it must be a finite number")
        if not 0 < self.myopic <= 1:
            raise ValueError(f"myopic is {self.myopic}, but it must lie above 0 and not above 1, which forgets nothing")
        if not 0 <= self.mistake <= 1:
            raise ValueError(f"mistake is {self.mistake}, but it is a chance: it must lie in [0, 1]")


class SimulatedPerson:
    """Answers any query but an edit, by a hidden `taste` (text → score, or a score a step) and some `habits`.

    P(left ≻ right) = σ( (u_left − u_right) / T_n + position + length · log₂(words_left / words_right) )
    u = Σ_t γ^(H − t) taste_t + noise,    T_n = temperature · (1 + fatigue · n) after n answers     (B-Pref, section 4)

    Rankings are Plackett-Luce draws of the same scores; ratings are the score with that noise, rounded to the scale.
    """

    def __init__(self, taste: Taste, habits: Habits, rng: np.random.Generator):
        self.taste, self.habits, self.rng, self.answered = taste, habits, rng, 0

    def __call__(self, query: Query) -> Feedback | None:
        if query.kind == "edit":
            raise ValueError("a simulated person cannot edit text: ask for comparisons, ratings or rankings")
        scores = np.array([self.worth(text) for text in query.options])
        if not np.isfinite(scores).all():
            raise ValueError(f"the taste returned {scores.tolist()}, but scores must be finite numbers")
        if self.habits.value_noise:
            scores = scores + self.habits.value_noise * self.rng.normal(size=len(scores))
        if self.habits.skip_below is not None and scores.max() < self.habits.skip_below:
            return None
        answer = {"rate": self._rate, "rank": self._rank}.get(query.kind, self._compare)
        record = judge(query, answer(query, scores))
        self.answered += 1
        return record

    def worth(self, text: str) -> float:
        """What the text is worth to this person, before any noise: later steps count for more if they are myopic."""
        steps = np.atleast_1d(np.asarray(self.taste(text), dtype=float))
        return float(self.habits.myopic ** np.arange(len(steps))[::-1] @ steps)

    @property
    def temperature(self) -> float:
        """T_n, as it stands after the answers given so far."""
        return self.habits.temperature * (1 + self.habits.fatigue * self.answered)

    def _utilities(self, query: Query, scores: np.ndarray) -> np.ndarray:
        words = np.array([max(len(text.split()), 1) for text in query.options])
        bias = self.habits.length * np.log2(words)
        if query.kind in ("compare", "clips"):
            bias[0] += self.habits.position
        return scores / max(self.temperature, 1e-12) + bias

    def _compare(self, query: Query, scores: np.ndarray) -> str:
        if abs(scores[0] - scores[1]) < self.habits.tie_within:
            return "tie"
        left, right = self._utilities(query, scores)
        likes_left = self.rng.random() < 0.5 * (1 + math.tanh((left - right) / 2))  # σ without overflow
        slips = self.rng.random() < self.habits.mistake
        return "left" if likes_left != slips else "right"

    def _rank(self, query: Query, scores: np.ndarray) -> list[int]:
        noisy = self._utilities(query, scores) + self.rng.gumbel(size=len(scores))
        order = [int(i) for i in np.argsort(-noisy)]
        if self.rng.random() < self.habits.mistake:  # two neighbours change places
            at = int(self.rng.integers(len(order) - 1))
            order[at], order[at + 1] = order[at + 1], order[at]
        return order

    def _rate(self, query: Query, scores: np.ndarray) -> float:
        low, high = query.scale
        if self.rng.random() < self.habits.mistake:
            return float(np.clip(self.rng.integers(math.floor(low), math.ceil(high) + 1), low, high))
        noisy = scores[0] + self.temperature * self.rng.logistic()
        return float(np.clip(round(low + noisy * (high - low)), low, high))


def boltzmann(
    taste: Taste, temperature: Number = 0.1, *, rng: np.random.Generator, **habits: Number
) -> SimulatedPerson:
    """A person who chooses by `taste`, and wavers the more the closer two texts are; `habits` are those of `Habits`."""
    return SimulatedPerson(taste, Habits(temperature=temperature, **habits), rng)


def label_all(session: FeedbackSession, annotator: Annotator, name: str = "simulated") -> int:
    """Let `annotator` answer what the person has neither answered nor skipped; return how many that were.

    The answers are marked simulated and stay out of the way: the person is still asked, and their answer goes first.
    Nobody is asked twice: what `name` has answered before stands. For another simulated person, give another name.
    """
    own = {event.item for event in session.events(simulated=False)}
    records = {event.item: event.record for event in session.store.answers(annotator=name, simulated=True)}
    records = {query.id: records.get(query.id) for query in session.queries if query.id not in own}
    for item in [item for item, known in records.items() if known is None]:
        shown = session.shown(item)
        record = annotator(shown.query)
        records[item] = record if record is None else as_asked(record, shown.order)
    return session.fill({item: record for item, record in records.items() if record is not None}, name=name)
