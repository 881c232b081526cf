"""What a (simulated) reader may like about a story: gold tastes, from text to a number between 0 and 1.

    taste = sigmoid((evidence − centre) / width) · min(1, distinct derivable sentences / 5)

Evidence sums what the distinct words say (story_moods). A reader takes in only sentences that the grammar can derive,
each of them once, and not many more tokens than a story has. So saying a thing twice, or piling up good words without
sentences, earns nothing; and a text with fewer sentences than any story counts in part.
"""

import math
from collections.abc import Callable
from functools import lru_cache, partial

from rlhf_edu.worlds.story_moods import MOODS
from rlhf_edu.worlds.story_recogniser import parses
from rlhf_edu.worlds.story_text import split_sentences, tokenize

READ = 100  # tokens a reader takes in; no story is longer
ENOUGH = 20 * READ  # characters, more than that many tokens of the vocabulary take
ENDING = 3  # sentences that make the ending
FULL = 5  # sentences of the shortest story


Sentences = tuple[tuple[str, ...], ...]


@lru_cache(maxsize=2000)  # the tastes of one text ask one after the other
def _read(start: str) -> tuple[Sentences, Sentences, int]:
    """Distinct derivable sentences among the first tokens, those in the ending, and the number of all tokens."""
    tokens = tokenize(start)
    told = [tuple(sentence) for sentence in split_sentences(tokens[:READ])]
    distinct = tuple(sentence for sentence in dict.fromkeys(told) if parses(" ".join(sentence)))
    return distinct, tuple(sentence for sentence in distinct if sentence in told[-ENDING:]), len(tokens)


def evidence(sentences: Sentences, mood: str) -> float:
    """Σ of the weights of the distinct words, in one order, so that equal texts are equal to the last bit everywhere."""
    return sum((MOODS[mood].get(word, 0.0) for word in sorted({w for sentence in sentences for w in sentence})), 0.0)


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, x))))


def _mood(text: str, *, mood: str, centre: float, width: float) -> float:
    told, ending, _ = _read(text[:ENOUGH])
    found = evidence(ending if mood == "happy" else told, mood)
    return _sigmoid((found - centre) / width) * min(1.0, len(told) / FULL)


def _short(text: str, *, centre: float, width: float) -> float:
    told, _, n_tokens = _read(text[:ENOUGH])
    return _sigmoid((centre - n_tokens) / width) * min(1.0, len(told) / FULL)


# Centre and width put the stories of the grammar near 0.5 on average, with a standard deviation near 0.25.
GOLD_TASTES: dict[str, Callable[[str], float]] = {
    "happy_ending": partial(_mood, mood="happy", centre=0.15, width=1.15),
    "brave": partial(_mood, mood="brave", centre=0.08, width=0.83),
    "kind": partial(_mood, mood="kind", centre=-0.03, width=0.9),
    "spooky": partial(_mood, mood="spooky", centre=0.66, width=0.9),
    "nature": partial(_mood, mood="nature", centre=-0.1, width=1.0),
    "short": partial(_short, centre=71.0, width=8.3),
    "funny": partial(_mood, mood="funny", centre=0.78, width=0.94),
    "magic": partial(_mood, mood="magic", centre=0.9, width=1.15),
}

LIKES = {
    "happy_ending": "Likes stories that end well: found, hugged, proud, laughing, home.",
    "brave": "Likes heroes with courage, who march on and do not hide.",
    "kind": "Likes creatures who help, share, comfort and thank one another.",
    "spooky": "Likes a shiver: night, fog, bones, ghosts and creaking doors.",
    "nature": "Likes forests, flowers, birds and moss better than streets, shops and buses.",
    "short": "Likes a story that is told in few words.",
    "funny": "Likes silly stories: hiccups, socks, noodles and tickled noses.",
    "magic": "Likes spells, wands, wizards, and things that glow or vanish.",
}


def describe(taste: str) -> str:
    """One plain sentence about what a taste likes."""
    return LIKES[_known(taste)]


WAYS = {
    "compare": "Read both stories to the end and choose the one that shows more of it. "
    "If one of them breaks off or makes no sense, choose the other. "
    "If you cannot see a difference, choose the one you would rather read aloud.",
    "rate": "Read the story to the end and mark how much of it you find there. "
    "If it breaks off or makes no sense, give the lowest mark. Between two marks, give the lower.",
    "rank": "Read all the stories to the end and put the one that shows most of it on top. "
    "Those that break off or make no sense go to the bottom. "
    "If you cannot see a difference, put first what you would rather read aloud.",
    "edit": "Change the story until it shows more of it, and change no more than that takes. "
    "If it breaks off or makes no sense, mend that first. If it is good as it is, keep it so.",
}


def guidelines(taste: str, kind: str = "compare") -> str:
    """What a person is asked to do who compares, rates, ranks or edits (`kind`) stories by this taste."""
    if kind not in WAYS:
        raise ValueError(f"there are no guidelines for {kind!r}; there are for {', '.join(WAYS)}")
    return f"{describe(taste)} {WAYS[kind]}"


def _known(taste: str) -> str:
    if taste not in GOLD_TASTES:
        raise ValueError(f"{taste!r} is no taste of the story world; choose one of {', '.join(GOLD_TASTES)}")
    return taste
