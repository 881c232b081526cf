"""Answers of every kind about a set of items, as row numbers: the form in which a reward model learns from them.

Items are texts as a rule (opening and continuation together), but anything that has features will do: observations, clips.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from rlhf_edu.feedback.types import Edit, Feedback, Preference, Ranking, Rating

FIRST, SECOND, TIE = 0, 1, 2


def none_yet() -> Tensor:
    return torch.zeros(0, dtype=torch.long)


def no_pairs() -> Tensor:
    return torch.zeros(0, 2, dtype=torch.long)


def no_numbers() -> Tensor:
    return torch.zeros(0)


@dataclass(frozen=True)
class Labels:
    """Items, and what was said about them. Build it from records with `labels_of`, or by hand for items of your own."""

    items: Sequence[Any]
    rated: Int[Tensor, " R"] = field(default_factory=none_yet)  # which item
    scores: Float[Tensor, " R"] = field(default_factory=no_numbers)
    pairs: Int[Tensor, "P 2"] = field(default_factory=no_pairs)  # first and second item
    outcome: Int[Tensor, " P"] = field(default_factory=none_yet)  # FIRST better, SECOND better, or TIE
    edits: Int[Tensor, "E 2"] = field(default_factory=no_pairs)  # edited and original text
    changed: Float[Tensor, " E"] = field(default_factory=no_numbers)  # share of the words that was changed, in (0, 1]
    ranked: Int[Tensor, "M K"] = field(
        default_factory=no_pairs
    )  # best first; rows shorter than K are filled up with −1
    sizes: Int[Tensor, " M"] = field(default_factory=none_yet)

    def counts(self) -> dict[str, int]:
        """How many answers of each kind there are."""
        return dict(rating=len(self.rated), pair=len(self.pairs), edit=len(self.edits), ranking=len(self.ranked))

    def __len__(self) -> int:
        return sum(self.counts().values())

    def take(self, answers: np.ndarray) -> "Labels":
        """Some of the answers, by number (ratings first, then pairs, edits, rankings; a number may come twice)."""
        parts, start = [], 0
        for n in self.counts().values():
            inside = answers[(answers >= start) & (answers < start + n)] - start
            parts.append(torch.as_tensor(inside, dtype=torch.long))
            start += n
        r, p, e, m = parts
        return Labels(
            self.items,
            self.rated[r],
            self.scores[r],
            self.pairs[p],
            self.outcome[p],
            self.edits[e],
            self.changed[e],
            self.ranked[m],
            self.sizes[m],
        )

    def lengths(self) -> np.ndarray:
        """Characters of the longest text that each answer is about, in the order of `take`; 0 where items are no texts."""
        n = torch.tensor(
            [len(item) if isinstance(item, str) else 0 for item in self.items] + [0]
        )  # last: the filling −1
        longest = [n[self.rated], *(n[rows].amax(1) for rows in (self.pairs, self.edits, self.ranked) if len(rows))]
        return torch.cat(longest).numpy()

    def used(self) -> Int[Tensor, " U"]:
        """Rows of the items that some answer is about."""
        rows = torch.cat([self.rated, self.pairs.flatten(), self.edits.flatten(), self.ranked.flatten()])
        return rows[rows >= 0].unique()

    def compact(self) -> "Labels":
        """The same answers about only the items they need."""
        used = self.used()
        place = torch.full((len(self.items) + 1,), -1)  # the last entry serves the filling −1
        place[used] = torch.arange(len(used))
        moved = {name: place[getattr(self, name)] for name in ("rated", "pairs", "edits", "ranked")}
        return replace(self, items=[self.items[i] for i in used.tolist()], **moved)

    def contradictions(self) -> int:
        """How many pairs of items were judged both ways. No fault: a model should then lean neither way."""
        better = {(a, b) for a, b in self._decided()}
        return sum((b, a) in better for a, b in better) // 2

    def _decided(self) -> list[tuple[int, int]]:
        decided = self.outcome != TIE
        swap = self.outcome[decided] == SECOND
        found = torch.where(swap[:, None], self.pairs[decided].flip(1), self.pairs[decided]).tolist()
        return [(a, b) for a, b in found]

    def check(self) -> "Labels":
        """These labels, or a ValueError that says in one sentence why nothing can be learned from them."""
        if not len(self):
            raise ValueError(
                "no label says which text is better (none came, or all were skipped, equal or unchanged): "
                "judge a few more texts and choose a side"
            )
        if len(self.pairs) != len(self.outcome):
            raise ValueError(
                f"there are {len(self.pairs)} pairs and {len(self.outcome)} outcomes: give one for each pair"
            )
        if odd := sorted({*self.outcome.tolist()} - {FIRST, SECOND, TIE}):
            raise ValueError(
                f"an outcome is {odd[0]}, but it must be {FIRST} (the first is better), {SECOND} (the second) or {TIE} (tie)"
            )
        if len(self.rated) != len(self.scores):
            raise ValueError(
                f"there are {len(self.rated)} rated items and {len(self.scores)} scores: give one for each"
            )
        if len(self.used()) < 2:
            raise ValueError("all labels are about one item, but a reward compares: judge at least two different ones")
        if int(self.used().max()) >= len(self.items):
            raise ValueError(
                f"a label is about item {int(self.used().max())}, but there are {len(self.items)} items, from 0"
            )
        for row, n in zip(self.ranked.tolist(), self.sizes.tolist(), strict=True):
            if len(set(row[:n])) < n or min(row[:n]) < 0:
                raise ValueError(f"a ranking is {row[:n]}, but it must name each of its {n} items exactly once")
        if not torch.isfinite(self.scores).all():
            raise ValueError("a rating is not a finite number: drop it, or give it a score on your scale")
        others = len(self) - len(self.rated)
        if len(self.rated) and not others and len(self.scores.unique()) < 2:
            raise ValueError(
                f"all {len(self.rated)} ratings are {self.scores[0].item():g}, so nothing tells good from bad: "
                "rate texts that you like less, or more"
            )
        if len(self.pairs) == len(self):
            votes = Counter(self._decided())
            if not votes:
                raise ValueError(
                    f"all {len(self.pairs)} comparisons are ties: compare a few more pairs and choose a side"
                )
            if all(votes[b, a] == n for (a, b), n in votes.items()):
                raise ValueError(
                    f"the {len(self.pairs)} comparisons contradict each other exactly (each pair was judged both ways "
                    "equally often), so they say nothing: ask about other pairs, or ask once more"
                )
        return self


def labels_of(records: Iterable[Feedback]) -> Labels:
    """Records of any kind and mixture as `Labels`; equal texts become one item.

    Ties are kept; "both bad", untouched edits and comparisons of equal texts say nothing about which is better and are left
    out. All ratings must share one scale.
    """
    place: dict[Hashable, int] = {}

    def row(prompt: str, text: str) -> int:
        return place.setdefault(prompt + text, len(place))

    rated, scores, pairs, outcome, edits, changed, ranked, scales = [], [], [], [], [], [], [], set()
    for record in records:
        match record:
            case Rating():
                rated.append(row(record.prompt, record.text))
                scores.append(float(record.score))
                scales.add((record.low, record.high))
            case Preference(choice="a" | "b" | "tie") if record.a != record.b:
                pairs.append((row(record.prompt, record.a), row(record.prompt, record.b)))
                outcome.append({"a": FIRST, "b": SECOND, "tie": TIE}[record.choice])
            case Edit() if record.edited != record.text:
                edits.append((row(record.prompt, record.edited), row(record.prompt, record.text)))
                changed.append(changed_share(record.text, record.edited))
            case Ranking() if len(set(record.texts)) > 1:
                if len(set(record.texts)) < len(record.texts):
                    raise ValueError(f"a ranking after {record.prompt!r} holds one text twice: rank different texts")
                ranked.append([row(record.prompt, text) for text in record.ranked])
    if len(scales) > 1:
        raise ValueError(f"the ratings use the scales {sorted(scales)}, but one fit needs one scale: fit them apart")
    width = max(map(len, ranked), default=2)
    return Labels(
        list(place),
        torch.tensor(rated, dtype=torch.long),
        torch.tensor(scores),
        torch.tensor(pairs, dtype=torch.long).view(-1, 2),
        torch.tensor(outcome, dtype=torch.long),
        torch.tensor(edits, dtype=torch.long).view(-1, 2),
        torch.tensor(changed),
        torch.tensor([r + [-1] * (width - len(r)) for r in ranked], dtype=torch.long).view(-1, width),
        torch.tensor([len(r) for r in ranked], dtype=torch.long),
    )


def changed_share(text: str, edited: str) -> float:
    """How much of a text was changed: word edits needed, as a share of the longer version's words.

    d(i, j) = min( d(i−1, j) + 1,  d(i, j−1) + 1,  d(i−1, j−1) + [a_i ≠ b_j] )        Levenshtein (1966)

    A change of spaces alone counts as one word, because the person meant something by it.
    """
    a, b = text.split(), edited.split()
    row = list(range(len(b) + 1))
    for i, word in enumerate(a, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(b, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (word != other))
    longest = max(len(a), len(b), 1)
    return max(row[-1], int(text != edited)) / longest
