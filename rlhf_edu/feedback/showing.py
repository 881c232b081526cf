"""How a question is shown to one person, and how far they are."""

from dataclasses import dataclass, replace

import numpy as np

from rlhf_edu.feedback.types import Query


@dataclass(frozen=True)
class Shown:
    """A query as it is shown: its options stand in `order`."""

    query: Query
    order: tuple[int, ...]

    @property
    def item(self) -> str:
        return self.query.id


@dataclass(frozen=True)
class Progress:
    """How far the person is; `seconds_each` is the median of the last twenty answers, None before the first."""

    answered: int
    skipped: int
    total: int
    simulated: int
    unsaved: int
    seconds_each: float | None

    @property
    def left(self) -> int:
        return self.total - self.answered - self.skipped

    def __str__(self) -> str:
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        filled = f"; a simulated person filled in {self.simulated}" if self.simulated else ""
        return f"{self.answered} of {self.total} answered{skipped}{filled}"


def shuffled(query: Query, annotator: str, seed: int) -> Shown:
    """The query with its options in this person's order, which depends on nothing but the arguments."""
    digits = f"{query.id}/{annotator}".encode()
    order = np.random.default_rng([seed, *digits]).permutation(len(query.options))
    return Shown(replace(query, options=tuple(query.options[i] for i in order)), tuple(int(i) for i in order))
