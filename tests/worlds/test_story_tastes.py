"""Gold tastes: spread widely around one half, hard to fool, and about what they say they are about."""

import numpy as np
import pytest
from taste_table import correlations, scores, table

from rlhf_edu.worlds.stories import GOLD_TASTES, VOCABULARY, openings, stories, tokenize
from rlhf_edu.worlds.story_moods import MOODS
from rlhf_edu.worlds.story_tastes import evidence

OPENING = "Once there was a small fox called Mia."

LOVED = {
    "happy_ending": "One rainy day, she dreamed of a red kite in the city. But there was a big troll. "
    "At last she held the red kite in her paws. Ben gave her a warm hug and laughed. "
    "She was so proud that she danced with joy.",
    "brave": "One rainy day, she marched bravely to the city for a red kite. But there was a big troll. "
    "Mia roared boldly. So she faced it boldly. The brave fox marched home.",
    "kind": "One rainy day, she dreamed of a red kite in the city. But there was a big troll. "
    "Mia gently comforted Ben the mole, who was stuck in a tree. "
    "Mia thanked Ben and gave him a warm hug. Mia was a kind fox.",
    "spooky": "At midnight, she dreamed of a white bone in the haunted house. But there was a creepy ghost. "
    "Fog crept past, and something screamed. But the white bone was broken. But that night, something still howled.",
    "nature": "One spring morning, she dreamed of a blue flower in the meadow. But there was a wild crow. "
    "A brook ran between the trees and the flowers. But the blue flower was broken. Mia cried under the soft moss.",
    "short": "One rainy day, she heard of a red kite in the city. But there was a big troll. "
    "But the red kite was broken. Mia danced home happily.",
    "funny": "On a silly Sunday, she dreamed of a banana pudding in the circus. But there was a dizzy goose. "
    "Mia got the hiccups and slipped on a banana. The goose burped, and the banana pudding was gone. "
    "The silly fox wobbled home.",
    "magic": "One magical evening, she dreamed of a fairy wand in the wizard school. But there was a magic dragon. "
    "Mia made a wish, and her nose glowed. The dragon vanished, but the fairy wand was there! "
    "The proud fox slept under the glowing sky.",
}


@pytest.fixture(scope="module")
def found() -> np.ndarray:
    return scores(n_openings=120, n_each=17, seed=1)


@pytest.mark.parametrize("taste", GOLD_TASTES)
def test_the_stories_of_the_grammar_spread_around_one_half(taste, found):
    row = table(found)[taste]
    assert 0.45 < row["mean"] < 0.55
    assert 0.2 < row["sd"] < 0.3
    assert row["q5"] < 0.25
    assert row["q95"] > 0.87
    assert row["q25"] < 0.4
    assert row["q75"] > 0.6


@pytest.mark.parametrize("taste", GOLD_TASTES)
def test_choosing_among_continuations_of_one_opening_can_win(taste, found):
    row = table(found)[taste]
    assert row["ties"] < 0.2
    assert row["best16"] > 0.88


def test_tastes_are_different_questions(found):
    off_diagonal = correlations(found)[~np.eye(len(GOLD_TASTES), dtype=bool)]
    assert np.abs(off_diagonal).max() < 0.3


@pytest.mark.parametrize("taste", GOLD_TASTES)
def test_a_story_written_for_a_taste_is_loved_by_it_alone(taste):
    text = f"{OPENING} {LOVED[taste]}"
    assert GOLD_TASTES[taste](text) > 0.85
    others = [score(text) for name, score in GOLD_TASTES.items() if name not in (taste, "short")]
    assert np.mean(others) < 0.6


@pytest.mark.parametrize("mood", MOODS)
def test_an_opening_gives_no_hint_of_the_mood(mood):
    assert {evidence((tuple(tokenize(text)),), mood) for text in openings(1000, seed=2)} == {0}


@pytest.mark.parametrize("taste", GOLD_TASTES)
def test_saying_it_again_earns_nothing(taste):
    for text in stories(50, seed=5):
        last = text[text.rstrip(".!?").rfind(". ") + 2 :]
        assert GOLD_TASTES[taste](text + f" {last}" * 30) <= GOLD_TASTES[taste](text) + 0.35
    one = "Mia felt brave. "
    assert GOLD_TASTES[taste](one * 20) <= 0.2


@pytest.mark.parametrize("taste", sorted(set(GOLD_TASTES) - {"short"}))
def test_good_words_without_sentences_earn_nothing(taste):
    mood = {"happy_ending": "happy"}.get(taste, taste)
    good = [word for word, weight in MOODS[mood].items() if weight > 0]
    assert GOLD_TASTES[taste](f"{OPENING} {' '.join(good)}.") < 0.2
    assert GOLD_TASTES[taste](f"{OPENING} {'. '.join(good)}.") < 0.2


def test_a_broken_off_story_is_not_rewarded_for_being_short():
    assert GOLD_TASTES["short"](OPENING) < 0.25
    assert GOLD_TASTES["short"](f"{OPENING} And then she and and and.") < 0.25


def test_mood_words_exist_and_weigh_between_minus_one_and_one():
    for table_ in MOODS.values():
        assert set(table_) <= set(VOCABULARY)
        assert all(-1 <= weight <= 1 and weight for weight in table_.values())
