"""Reading stories back: which sentences can the grammar derive, and do they tell of the same heroes and things?

Every template becomes a regular expression over tokens, one for each sex its pronouns can have. No slot contains
itself, so the grammar is finite, and these expressions accept exactly the sentences it can write.
"""

import re
from collections import Counter
from functools import cache, lru_cache
from itertools import product
from typing import NamedTuple

from rlhf_edu.worlds.story_grammar import PLOT
from rlhf_edu.worlds.story_text import END, split_sentences, tokenize
from rlhf_edu.worlds.story_words import BOUND, FREE, NAMES, PRONOUNS

PIECE = re.compile(r"\{(\w+)\}")
SEX = {name: sex for sex, names in NAMES.items() for name in names}
LONGEST = 250  # characters; no sentence of the grammar is as long, so longer ones need no matching (and no memory)


class Pattern(NamedTuple):
    regex: re.Pattern
    sex: str | None  # what the hero's pronouns say; None where there are none
    friend_sex: str | None


def _expand(text: str, sex: str | None, friend_sex: str | None, counter: Counter) -> str:
    """The regular expression of a text with slots; each occurrence of a bound slot becomes a group of its own."""

    def slot_regex(slot: str) -> str:
        if slot in PRONOUNS["f"]:
            return PRONOUNS[sex or "f"][slot]
        if slot[1:] in PRONOUNS["f"]:
            return PRONOUNS[friend_sex or "f"][slot[1:]]
        if slot in FREE:
            return "(?:" + "|".join(_expand(word, sex, friend_sex, counter) for word in FREE[slot]) + ")"
        known = sex if slot == "hero" else friend_sex
        names = [name for group in NAMES for name in NAMES[group] if known in (None, group)]
        counter[slot] += 1
        words = names if slot in ("hero", "friend") else BOUND[slot]
        return f"(?P<{slot}_{counter[slot]}>" + "|".join(re.escape(" ".join(tokenize(word))) for word in words) + ")"

    def token_regex(token: str) -> str:
        return "".join(slot_regex(part) if i % 2 else re.escape(part) for i, part in enumerate(PIECE.split(token)))

    return " ".join(token_regex(token) for token in tokenize(text))


def _slots(text: str) -> set[str]:
    """All slots below a text."""
    found = set(PIECE.findall(text))
    return found.union(*(_slots(word) for slot in found & set(FREE) for word in FREE[slot]))


@cache
def _index() -> dict[str, list[Pattern]]:
    """Patterns by the rarest word that each of them cannot do without."""
    templates = [t for groups in PLOT.values() for group in groups.values() for t in group]
    literal = {t: set(tokenize(PIECE.sub(" ", t))) for t in templates}
    uses = Counter(word for words in literal.values() for word in words)
    index: dict[str, list[Pattern]] = {}
    for template in templates:
        slots = _slots(template)
        sexes = "fm" if slots & set(PRONOUNS["f"]) else [None]
        friend_sexes = "fm" if any(s[1:] in PRONOUNS["f"] and s not in PRONOUNS["f"] for s in slots) else [None]
        anchor = min(literal[template], key=lambda word: (uses[word], word))
        for sex, friend_sex in product(sexes, friend_sexes):
            regex = re.compile(_expand(template, sex, friend_sex, Counter()))
            index.setdefault(anchor, []).append(Pattern(regex, sex, friend_sex))
    return index


def _binding(match: re.Match, pattern: Pattern) -> dict[str, str] | None:
    """What a sentence says about its story; None if it contradicts itself."""
    bound: dict[str, str] = {}
    for group, word in match.groupdict().items():
        slot = group.rsplit("_", 1)[0]
        if word is not None and bound.setdefault(slot, word) != word:
            return None
    if "hero" in bound and bound["hero"] == bound.get("friend"):
        return None
    sex = pattern.sex or SEX.get(bound.get("hero", ""))
    friend_sex = pattern.friend_sex or SEX.get(bound.get("friend", ""))
    return bound | ({"sex": sex} if sex else {}) | ({"friend_sex": friend_sex} if friend_sex else {})


def parses(sentence: str) -> tuple[dict[str, str], ...]:
    """What each derivation of a sentence (tokens joined by spaces) says about its story; empty if there is none."""
    return _parses(sentence) if len(sentence) <= LONGEST and sentence[-1:] in END else ()


@lru_cache(maxsize=50_000)
def _parses(sentence: str) -> tuple[dict[str, str], ...]:
    candidates = (p for word in set(sentence.split(" ")) & _index().keys() for p in _index()[word])
    found = ((match, p) for p in candidates if (match := p.regex.fullmatch(sentence)))
    return tuple(bound for match, p in found if (bound := _binding(match, p)) is not None)


def sentences(text: str) -> list[str]:
    """The sentences of a text, each as tokens joined by single spaces."""
    return [" ".join(sentence) for sentence in split_sentences(tokenize(text))]


def grammatical(text: str) -> float:
    """Share of the sentences that the grammar can derive; an unfinished last sentence counts as one that it cannot."""
    found = sentences(text)
    return sum(bool(parses(sentence)) for sentence in found) / len(found) if found else 0.0


def consistent(text: str) -> float:
    """Share of derivable sentences whose names, pronouns, kinds, places and things agree with those before them."""
    known: dict[str, str] = {}
    agree = total = 0
    for sentence in sentences(text):
        options = parses(sentence)
        total += bool(options)
        for bound in options:
            if all(known.get(slot, word) == word for slot, word in bound.items()) and _two_people(known | bound):
                known |= bound
                agree += 1
                break
    return agree / total if total else 0.0


def _two_people(bound: dict[str, str]) -> bool:
    return "hero" not in bound or bound["hero"] != bound.get("friend")
