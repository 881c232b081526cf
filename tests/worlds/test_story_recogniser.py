"""The recogniser against two oracles: writing out all derivations, and a slow reader without a compiled grammar."""

import re
from itertools import product

import numpy as np
import pytest

from rlhf_edu.worlds.stories import VOCABULARY, detokenize, grammatical, sentences, stories, tokenize
from rlhf_edu.worlds.story_grammar import PLOT
from rlhf_edu.worlds.story_recogniser import LONGEST, SEX, parses
from rlhf_edu.worlds.story_words import BOUND, FREE, NAMES, PRONOUNS

TEMPLATES = [template for groups in PLOT.values() for group in groups.values() for template in group]
SLOT = re.compile(r"(\{\w+\})")


def fillers(slot, bound):
    """All (text, bindings after it) that a slot can stand for."""
    if slot in PRONOUNS["f"] or slot[1:] in PRONOUNS["f"]:
        who, form = ("sex", slot) if slot in PRONOUNS["f"] else ("friend_sex", slot[1:])
        for sex in "fm":
            if bound.get(who, sex) == sex:
                yield PRONOUNS[sex][form], bound | {who: sex}
    elif slot in ("hero", "friend"):
        who, other = ("sex", "friend") if slot == "hero" else ("friend_sex", "hero")
        for name, sex in SEX.items():
            if bound.get(slot, name) == name and bound.get(who, sex) == sex and bound.get(other) != name:
                yield name, bound | {slot: name, who: sex}
    elif slot in BOUND:
        yield from ((word, bound | {slot: word}) for word in BOUND[slot] if bound.get(slot, word) == word)
    else:
        yield from ((word, bound) for word in FREE[slot])


def derivations(text, bound=None):
    """All texts that a template can become."""
    bound = bound or {}
    head, *rest = SLOT.split(text, maxsplit=1)
    if not rest:
        yield head
        return
    for word, now in fillers(rest[0][1:-1], bound):
        for tail in derivations(word + rest[1], now):
            yield head + tail


def readable(text, tokens, bound):
    """Whether a template, read from the left, can become these tokens."""
    if not text.strip():
        return not tokens
    first = re.match(r'\s*(\{\w+\}|[.,!?"]|[^\s.,!?"{]+)', text)
    assert first
    rest = text[first.end() :]
    if not first[1].startswith("{"):
        return bool(tokens) and tokens[0] == first[1] and readable(rest, tokens[1:], bound)
    return any(readable(word + rest, tokens, now) for word, now in fillers(first[1][1:-1], bound))


def small(template):
    size = 1
    for slot in re.findall(r"\{(\w+)\}", template):
        size *= len(SEX) if slot in ("hero", "friend") else len(BOUND.get(slot, FREE.get(slot, "fm")))
    return size <= 1500


@pytest.mark.parametrize("template", [t for t in TEMPLATES if small(t)])
def test_every_derivation_of_a_small_template_is_accepted(template):
    for text in derivations(template):
        assert grammatical(text) == 1.0, text


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_sampled_derivation_of_every_template_is_accepted(template):
    rng = np.random.default_rng(len(template))
    for _ in range(20):
        text, bound = template, {}
        while slot := re.search(r"\{(\w+)\}", text):
            options = list(fillers(slot[1], bound))
            word, bound = options[rng.integers(len(options))]
            text = text[: slot.start()] + word + text[slot.end() :]
        assert grammatical(text) == 1.0, text
        assert len(" ".join(tokenize(text))) < LONGEST


def damaged(tokens, rng):
    """A sentence with one word replaced, dropped, doubled or swapped with the next; the end mark stays."""
    tokens, i = list(tokens), int(rng.integers(len(tokens) - 1))
    match rng.integers(4):
        case 0:
            tokens[i] = VOCABULARY[rng.integers(len(VOCABULARY))]
        case 1:
            del tokens[i]
        case 2:
            tokens.insert(i, tokens[i])
        case _:
            tokens[i], tokens[i + 1] = tokens[i + 1], tokens[i]
    return tokens


def test_recogniser_and_slow_reader_agree_on_damaged_sentences():
    rng = np.random.default_rng(0)
    found = [sentence.split(" ") for text in stories(25, seed=3) for sentence in sentences(text)]
    verdicts = []
    for sentence in found:
        for tokens in (sentence, damaged(sentence, rng), damaged(sentence, rng)):
            slow = any(readable(template, tokens, {}) for template in TEMPLATES)
            assert bool(parses(" ".join(tokens))) == slow, detokenize(tokens)
            verdicts.append(slow)
    assert 1 / 3 < np.mean(verdicts) < 1 / 2  # all the whole ones, and few of the damaged ones, which are two thirds


def test_pronouns_and_repeated_things_must_agree_within_a_sentence():
    assert grammatical("Mia found Ben the mole stuck in a tree and helped him.") == 1.0
    assert grammatical("Mia found Ben the mole stuck in a tree and helped her.") == 0.0
    assert grammatical("Mia found Mia the mole stuck in a tree and helped her.") == 0.0
    assert grammatical("With tears on her nose, she danced home.") == 1.0
    assert grammatical("With tears on his nose, she danced home.") == 0.0


def test_word_salad_and_broken_stories_are_told_from_stories():
    rng = np.random.default_rng(1)
    for text in stories(100, seed=4):
        tokens = tokenize(text)
        assert grammatical(detokenize(list(rng.permutation(tokens)))) < 0.3
        assert grammatical(" ".join(rng.choice(VOCABULARY, size=len(tokens)))) == 0
        n = len(sentences(text))
        assert grammatical(text[:-1]) == pytest.approx((n - 1) / n)  # the last sentence is not finished
        assert grammatical(text + " And then") == pytest.approx(n / (n + 1))


def test_sentences_are_cut_at_end_marks_but_not_inside_quotations():
    assert sentences('"Stop!" called a big troll. Mia felt brave.') == [
        '" Stop ! " called a big troll .',
        "Mia felt brave .",
    ]
    assert grammatical("Mia felt brave. Mia brave felt.") == 0.5


def test_names_belong_to_one_sex_and_the_cast_does_not_overlap():
    assert not set(NAMES["f"]) & set(NAMES["m"])
    for a, b in product(("kind", "friend_kind", "foe"), repeat=2):
        assert a == b or not set(BOUND[a]) & set(BOUND[b])
    assert len(TEMPLATES) == len(set(TEMPLATES))
