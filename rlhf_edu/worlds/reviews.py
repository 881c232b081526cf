"""The review world: sentences about films as critics write them, short, sharp, and not always fair.

The model that ships with it has learned from real sentences that real people have rated (see reviews_data). Openings and
tastes are our own, so that writing, comparing and teaching need no network.
"""

import re

import numpy as np

from rlhf_edu.worlds.reviews_data import RatedText, rated
from rlhf_edu.worlds.reviews_words import BLAME, CRAFT, KINDS, PRAISE, THINGS, TURNS, VERBS

__all__ = ["GOLD_TASTES", "RatedText", "describe", "held_out", "openings", "rated", "texts", "well_formed"]

FRAMES = (
    "The {thing} {verb}",
    "This {thing} {verb}",
    "The {kind} {thing} {verb}",
    "It's a {kind} {thing}",
    "This is a {kind} {thing}",
    "A {kind} {thing} that",
    "A {thing} that {verb}",
    "If the {thing} {verb}",
    "While the {thing} {verb}",
    "As a {kind} {thing}, it",
    "There is a {kind} {thing}",
    "One of the {thing}'s",
)
HELD_OUT = 10  # every tenth text is kept for testing
WORD = re.compile(r"[a-z]+(?:['’-][a-z]+)*")
END = re.compile(r"(?<=[.!?…])[\"')\]]*\s+")
PAIRS = (("(", ")"), ("[", "]"))


def words(text: str) -> list[str]:
    return WORD.findall(text.lower())


def squash(x: float) -> float:
    """Any number to [0, 1]; 0 gives ½."""
    return float(1 / (1 + np.exp(-x)))


def praise(text: str) -> float:
    """½ without an opinion; up with each word of praise, down with each of blame; a "not" before a word turns it round."""
    tokens, total = words(text), 0
    for i, word in enumerate(tokens):
        turned = any(t in ("not", "no", "never", "hardly") or t.endswith("n't") for t in tokens[max(0, i - 2) : i])
        total += ((word in PRAISE) - (word in BLAME)) * (-1 if turned else 1)
    return squash(float(total))


def harsh(text: str) -> float:
    return 1.0 - praise(text)


def brief(text: str) -> float:
    """1 for up to eight words, falling to 0 at forty; nothing at all says nothing."""
    n = len(words(text))
    return float(np.clip((40 - n) / 32, 0, 1)) if n else 0.0


def craft(text: str) -> float:
    """How much of the text speaks of how films are made; a fifth of its words is as much as there can be."""
    tokens = words(text)
    return min(1.0, 5 * len(set(tokens) & CRAFT) / max(len(tokens), 10))


def balanced(text: str) -> float:
    """Half for a word of praise and one of blame in the same text, half for a turn ("but") between opinions."""
    tokens = set(words(text))
    good, bad, turn = (bool(tokens & some) for some in (PRAISE, BLAME, TURNS))
    return 0.5 * (good and bad) + 0.5 * (turn and (good or bad))


GOLD_TASTES = {"praise": praise, "harsh": harsh, "brief": brief, "craft": craft, "balanced": balanced}
DESCRIPTIONS = {
    "praise": "Likes reviews that find something to love.",
    "harsh": "Likes reviews that spare nobody.",
    "brief": "Likes reviews that say it in few words.",
    "craft": "Likes reviews that speak of acting, script and camera.",
    "balanced": "Likes reviews that see both sides.",
}


def describe(taste: str) -> str:
    """What a taste likes, in one sentence."""
    if taste not in DESCRIPTIONS:
        raise ValueError(f"{taste!r} is no taste of the review world; choose one of {', '.join(DESCRIPTIONS)}")
    return DESCRIPTIONS[taste]


def well_formed(text: str) -> float:
    """Share of sentences that keep the plain rules of writing: an end, closed brackets and quotes, no word three times in a row.

    Far less than grammar: no program here can tell a good sentence from a bad one.
    """
    found = [part for part in END.split(text.strip()) if part]
    return sum(map(_keeps_the_rules, found)) / len(found) if found else 0.0


def _keeps_the_rules(sentence: str) -> bool:
    tokens = words(sentence)
    stutters = any(a == b == c for a, b, c in zip(tokens, tokens[1:], tokens[2:], strict=False))
    closed = all(sentence.count(a) == sentence.count(b) for a, b in PAIRS) and sentence.count('"') % 2 == 0
    return len(tokens) > 0 and not stutters and closed and sentence.rstrip("\"')]")[-1:] in {".", "!", "?", "…"}


def openings(n: int, seed: int) -> list[str]:
    """`n` beginnings of a review, the same for the same seed; they take no side."""
    rng = np.random.default_rng(seed)
    options = {"thing": THINGS, "verb": VERBS, "kind": KINDS}
    found = []
    for _ in range(n):
        chosen = {slot: some[rng.integers(len(some))] for slot, some in options.items()}
        found.append(FRAMES[rng.integers(len(FRAMES))].format(**chosen))
    return found


def _draw(pool: list[str], n: int, seed: int) -> list[str]:
    if not 0 <= n <= len(pool):
        raise ValueError(f"{n} texts were asked for, but there are {len(pool)}: real sentences do not grow on trees")
    return [pool[i] for i in np.random.default_rng(seed).permutation(len(pool))[:n]]


def _split() -> tuple[list[str], list[str]]:
    """Sentences to learn from, and every tenth to test on, unless it stands among the others too."""
    films = [r.text for r in rated("films")]
    learned = [text for i, text in enumerate(films) if i % HELD_OUT]
    known = set(learned)
    return learned, [text for text in films[::HELD_OUT] if text not in known]


def texts(n: int, seed: int) -> list[str]:
    """`n` different real sentences about films, to learn from; fetched on first use."""
    return _draw(_split()[0], n, seed)


def held_out(n: int, seed: int) -> list[str]:
    """`n` different real sentences about films that `texts` never gives, to test on."""
    return _draw(_split()[1], n, seed)
