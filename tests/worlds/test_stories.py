"""Stories: reproducible, of the right length, grammatical, consistent; and text functions that survive anything."""

import time

import numpy as np
import pytest

from rlhf_edu.worlds import stories as world
from rlhf_edu.worlds.stories import (
    GOLD_TASTES,
    VOCABULARY,
    consistent,
    continuations,
    detokenize,
    grammatical,
    opening,
    openings,
    sentences,
    stories,
    story,
    tokenize,
)

TOLD = stories(2000, seed=0)

LIMIT = 3.0  # seconds; each takes well under one without the type checks of the test suite and on a quiet machine

HOSTILE = {
    "empty": "",
    "blank": " \n\t ",
    "one mark": ".",
    "marks": '."!?,,"".' * 40,
    "html": "<script>alert('x')</script> <b>Mia</b>. &amp; <img src=x onerror=y>",
    "control characters": "\x00\x07\x1b[31m Mia\u200b felt\r\nbrave\x0b.",
    "emoji": "🦊 went to 🏰. 🎉! 👨‍👩‍👧‍👦?",
    "right to left": "\u202eevarb saw aiM\u202c. שלום עולם.",
    "lone surrogate": "Mia \ud800 felt brave.",
    "open quotation": '"I will help you, said Mia. Mia felt brave. ' * 20,
    "one long word": "a" * 1_000_000,
    "a megabyte of nonsense": "brave happy ghost " * 55_000,
    "a megabyte of stories": " ".join(TOLD * 2)[:1_000_000],
    "a megabyte of one sentence": "Mia felt brave. " * 62_500,
}


def test_the_same_seed_tells_the_same_stories_and_another_seed_others():
    assert stories(20, seed=7) == stories(20, seed=7) == stories(40, seed=7)[:20]
    assert not set(stories(20, seed=7)) & set(stories(20, seed=8))
    assert openings(20, seed=7) == openings(20, seed=7) != openings(20, seed=8)
    one, other = np.random.default_rng(3), np.random.default_rng(3)
    assert story(one) == story(other)
    assert opening(one) == opening(other)


def test_a_story_has_40_to_90_tokens_and_no_two_are_alike():
    lengths = [len(tokenize(text)) for text in TOLD]
    assert min(lengths) >= 40
    assert max(lengths) <= 90
    assert 8 < np.std(lengths) < 16
    assert len(set(TOLD)) == len(TOLD)


def test_every_sentence_is_grammatical_and_every_story_consistent():
    assert {grammatical(text) for text in TOLD} == {1.0}
    assert {consistent(text) for text in TOLD} == {1.0}


def test_openings_are_first_sentences_and_there_are_thousands():
    found = openings(6000, seed=1)
    assert len(set(found)) > 4000
    assert all(8 <= len(tokenize(text)) <= 16 and len(sentences(text)) == 1 for text in found)
    shapes = {tokenize(text)[0] for text in found}
    assert {tokenize(text)[0] for text in TOLD} <= shapes


def test_continuations_share_their_opening_and_nothing_forces_the_rest():
    texts = continuations(np.random.default_rng(5), 50)
    first = sentences(texts[0])[0]
    assert all(sentences(text)[0] == first for text in texts)
    assert len({sentences(text)[-1] for text in texts}) > 20
    assert {grammatical(text) for text in texts} == {consistent(text) for text in texts} == {1.0}


def test_the_vocabulary_is_sorted_small_and_used_to_the_last_word():
    assert sorted(set(VOCABULARY)) == VOCABULARY
    assert 300 <= len(VOCABULARY) < 512
    used = {token for text in TOLD for token in tokenize(text)}
    assert used == set(VOCABULARY)
    assert {".", ",", "!", "?", '"'} <= set(VOCABULARY)


def test_text_survives_tokens_and_tokens_survive_text():
    for text in TOLD:
        assert detokenize(tokenize(text)) == text
    assert detokenize(['"', "Stop", "!", '"', "called", "Mia", "."]) == '"Stop!" called Mia.'
    assert tokenize(' Mia,\n"hello" ') == ["Mia", ",", '"', "hello", '"']


@pytest.mark.parametrize("name", HOSTILE)
def test_any_text_gets_an_answer_within_a_second(name):
    text = HOSTILE[name]
    for judge in (grammatical, consistent, *GOLD_TASTES.values()):
        start = time.process_time()
        assert 0 <= judge(text) <= 1
        assert time.process_time() - start < LIMIT
    tokens = tokenize(text)
    assert tokenize(detokenize(tokens)) == tokens


@pytest.mark.parametrize("taste", GOLD_TASTES)
def test_what_earns_nothing(taste):
    for name in ("empty", "blank", "marks", "html", "emoji", "one long word", "a megabyte of nonsense"):
        assert GOLD_TASTES[taste](HOSTILE[name]) == 0


def test_consistency_notices_a_changed_name_pronoun_thing_and_place():
    told = "Once there was a small fox called Mia. One sunny morning, she lost a red kite in the forest. {} {}"
    same = told.format("But a big troll wanted the red kite too.", "Mia smiled and slept under the stars.")
    assert grammatical(same) == consistent(same) == 1.0
    for changed in (
        told.format("But a big troll wanted the silver bell too.", "Mia smiled and slept under the stars."),
        told.format("But a big troll wanted the red kite too.", "Leo smiled and slept under the stars."),
        told.format("But a big troll wanted the red kite too.", "That night he slept under the stars."),
        told.format("Then a big troll howled behind him.", "Mia smiled and slept under the stars."),
        told.format("But there was a big troll.", "The happy rabbit danced home."),
    ):
        assert grammatical(changed) == 1.0
        assert consistent(changed) == 0.75


def test_an_unknown_taste_is_refused_with_the_names_there_are():
    with pytest.raises(ValueError, match=r"'sour' is no taste of the story world; choose one of happy_ending, brave"):
        world.describe("sour")


def test_every_taste_is_described_in_one_sentence_and_has_guidelines():
    for taste in GOLD_TASTES:
        assert len(sentences(world.describe(taste))) == 1
        assert world.describe(taste) in world.guidelines(taste)


def test_guidelines_speak_of_what_is_asked():
    pages = {kind: world.guidelines("spooky", kind) for kind in ("compare", "rate", "rank", "edit")}
    assert len(set(pages.values())) == 4
    assert "both" in pages["compare"]
    assert not any("both" in pages[kind] for kind in ("rate", "rank", "edit"))
    with pytest.raises(ValueError, match="no guidelines for 'clips'; there are for compare, rate, rank, edit"):
        world.guidelines("spooky", "clips")
