"""The story world: endless little stories, each told in a hidden mood.

A story draws a weight for every mood (happy, brave, kind, ...). Each choice of a sentence or a word then prefers what
suits it, P(alternative) ∝ exp(Σ_mood weight · loading), so that the words of a story hang together and a reader can
guess its mood. Brevity is one more mood: it prefers short sentences and leaves out turns of the plot.
"""

import re
from functools import cache

import numpy as np

from rlhf_edu.worlds.story_grammar import PLOT, TURNS
from rlhf_edu.worlds.story_moods import MOODS
from rlhf_edu.worlds.story_recogniser import consistent, grammatical, sentences
from rlhf_edu.worlds.story_tastes import GOLD_TASTES, describe, guidelines
from rlhf_edu.worlds.story_text import detokenize, tokenize
from rlhf_edu.worlds.story_words import BOUND, FREE, NAMES, PRONOUNS

__all__ = [
    "GOLD_TASTES",
    "VOCABULARY",
    "consistent",
    "continuations",
    "describe",
    "detokenize",
    "grammatical",
    "guidelines",
    "opening",
    "openings",
    "sentences",
    "stories",
    "story",
    "tokenize",
]

SHORTEST, LONGEST = 40, 90  # tokens in a story
STRENGTH = 1.3  # how much a mood sways each choice
DECISIVE = ("friend", "outcome")  # turns in which a story decides which facts come true
SLOT = re.compile(r"\{(\w+)\}")
PEOPLE = [(name, sex) for sex, names in NAMES.items() for name in names]
ALTERNATIVES = {slot: tuple(words) for slot, words in (BOUND | FREE).items()}
NEUTRAL = np.zeros(len(MOODS) + 1)  # the last entry is brevity


def _all_words() -> list[str]:
    templates = [t for groups in PLOT.values() for group in groups.values() for t in group]
    fillers = [w for words in (*NAMES.values(), *BOUND.values(), *FREE.values()) for w in words]
    pronouns = [w for forms in PRONOUNS.values() for w in forms.values()]
    return sorted({token for text in (*templates, *fillers, *pronouns) for token in tokenize(SLOT.sub(" ", text))})


VOCABULARY: list[str] = _all_words()


@cache
def _loadings(alternatives: tuple[str, ...]) -> np.ndarray:
    """One row per alternative: what its own words say for each mood, and how brief it is."""
    rows = []
    for text in alternatives:
        tokens = tokenize(SLOT.sub(" ", text))
        brevity = -0.15 * (len(tokens) + len(SLOT.findall(text)))
        rows.append([sum(table.get(token, 0.0) for token in set(tokens)) for table in MOODS.values()] + [brevity])
    return np.array(rows)


class _Teller:
    """One story in the telling: its mood, and the names, things and facts that must stay the same."""

    def __init__(self, rng: np.random.Generator):
        self.rng, self.mood, self.bound, self.facts = rng, NEUTRAL, {}, set()
        (hero, sex), (friend, friend_sex) = (PEOPLE[i] for i in rng.choice(len(PEOPLE), size=2, replace=False))
        self.bound |= {"hero": hero, "friend": friend}
        self.bound |= PRONOUNS[sex] | {f"f{form}": word for form, word in PRONOUNS[friend_sex].items()}

    def choose(self, alternatives: tuple[str, ...]) -> str:
        score = _loadings(alternatives) @ self.mood
        steps = np.exp(score - score.max()).cumsum()
        return alternatives[int(steps.searchsorted(self.rng.random() * steps[-1], side="right"))]

    def fill(self, text: str) -> str:
        return SLOT.sub(lambda slot: self.word(slot[1]), text)

    def word(self, slot: str) -> str:
        if slot in FREE:
            return self.fill(self.choose(ALTERNATIVES[slot]))
        if slot not in self.bound:
            self.bound[slot] = self.choose(ALTERNATIVES[slot])
        return self.bound[slot]

    def turn(self, name: str) -> str:
        groups = PLOT[name]
        open_groups = [key for key in groups if name in DECISIVE or set(key.split()) <= self.facts]
        owner = {template: key for key in open_groups for template in groups[key]}
        template = self.choose(tuple(owner))
        if name in DECISIVE:
            self.facts |= {owner[template]}
        return self.fill(template)


def opening(rng: np.random.Generator) -> str:
    """The first sentence of a story; it gives no hint of the mood to come."""
    return _Teller(rng).turn("opening")


def _continue(teller: _Teller, first: str) -> str:
    """A whole story from its opening, in a mood of its own; told again until its length fits."""
    begun = dict(teller.bound)
    while True:
        teller.mood, teller.bound, teller.facts = STRENGTH * teller.rng.normal(size=len(NEUTRAL)), dict(begun), set()
        told = [first]
        for turn, willing in TURNS.items():
            possible = turn in DECISIVE or any(set(key.split()) <= teller.facts for key in PLOT[turn])
            if possible and teller.rng.random() < 1 / (1 + np.exp(teller.mood[-1] - willing)):
                told.append(teller.turn(turn))
        text = " ".join(told)
        if SHORTEST <= len(tokenize(text)) <= LONGEST:
            return text


def continuations(rng: np.random.Generator, n: int) -> list[str]:
    """`n` stories with the same opening, each in a mood of its own."""
    teller = _Teller(rng)
    first, begun = teller.turn("opening"), dict(teller.bound)
    found = []
    for _ in range(n):
        teller.mood, teller.bound = NEUTRAL, dict(begun)
        found.append(_continue(teller, first))
    return found


def story(rng: np.random.Generator) -> str:
    """One story of 40 to 90 tokens."""
    return continuations(rng, 1)[0]


def stories(n: int, seed: int) -> list[str]:
    """`n` stories, the same for the same seed."""
    rng = np.random.default_rng(seed)
    return [story(rng) for _ in range(n)]


def openings(n: int, seed: int) -> list[str]:
    """`n` openings, the same for the same seed."""
    rng = np.random.default_rng(seed)
    return [opening(rng) for _ in range(n)]
