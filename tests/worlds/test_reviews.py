"""The review world: openings, tastes and form without a network; the real sentences where they have been fetched."""

import numpy as np
import pytest
from test_stories import HOSTILE

from rlhf_edu.lm.checkpoint import load
from rlhf_edu.rlhf.studio import open_studio
from rlhf_edu.worlds import reviews as world
from rlhf_edu.worlds.reviews import GOLD_TASTES, describe, held_out, openings, rated, texts, well_formed
from rlhf_edu.worlds.reviews_data import FILE, cache_folder, is_whole
from rlhf_edu.worlds.world import world as world_of

fetched = pytest.mark.skipif(
    not is_whole(cache_folder() / FILE),
    reason="the rated sentences are not in the cache (rlhf-edu fetches them on use)",
)


def test_openings_are_reproducible_many_and_take_no_side():
    assert openings(30, 1) == openings(30, 1) == openings(60, 1)[:30] != openings(30, 2)
    found = openings(6000, 3)
    assert len(set(found)) > 2000
    assert {GOLD_TASTES["praise"](text) for text in found} == {0.5}


@pytest.mark.parametrize(
    ("taste", "likes", "dislikes"),
    [
        ("praise", "A warm, funny and moving film.", "A dull and clumsy mess."),
        ("praise", "The plot is not boring.", "The plot is not funny."),
        ("praise", "It never fails.", "It never delights."),
        ("harsh", "A dull and clumsy mess.", "A warm, funny and moving film."),
        (
            "brief",
            "It works.",
            "It works, and it goes on working for as long as anybody in the theater cares to stay awake.",
        ),
        ("craft", "The acting and the camera make the script shine.", "I went there with my aunt on a Friday."),
        ("balanced", "The cast is funny but the plot is dull.", "The cast is funny and the plot is clever."),
        ("balanced", "It is funny but it is long.", "It is funny and it is long."),
    ],
)
def test_tastes_tell_apart_what_they_should(taste, likes, dislikes):
    assert GOLD_TASTES[taste](likes) > GOLD_TASTES[taste](dislikes) + 0.1


def test_praise_by_hand():
    assert GOLD_TASTES["praise"]("Funny and warm, but dull.") == pytest.approx(1 / (1 + np.exp(-1)))
    assert GOLD_TASTES["praise"]("It isn't funny.") == pytest.approx(1 / (1 + np.e))


def test_form():
    assert well_formed('A "gem" (really). Go and see it!') == 1.0
    assert well_formed("A gem. And then") == 0.5
    assert well_formed("A very very very long film.") == 0.0
    assert well_formed("A gem (really.") == well_formed('A "gem.') == well_formed("...") == well_formed("") == 0.0


@pytest.mark.parametrize("name", HOSTILE)
def test_any_text_gets_an_answer(name):
    for judge in (well_formed, *GOLD_TASTES.values()):
        assert 0 <= judge(HOSTILE[name]) <= 1


def test_every_taste_is_described_and_others_are_refused():
    assert all(describe(taste).endswith(".") for taste in GOLD_TASTES)
    with pytest.raises(ValueError, match="'sour' is no taste of the review world"):
        describe("sour")


def test_the_shipped_model_writes_reviews_without_a_network(monkeypatch):
    monkeypatch.setattr(world, "rated", lambda source: pytest.fail("writing asked for the network"))
    studio = open_studio("reviews", seed=0)
    done = studio.write(studio.policy, studio.openings(64, "test"), studio.generator("test"))
    told = studio.read(done)
    assert np.mean([well_formed(text) for text in told]) > 0.6
    assert (done.new_ids == studio.tokenizer.eos_id).any(1).float().mean() > 0.9
    assert len({tuple(text.split()[-3:]) for text in told}) > 50
    assert (
        studio.tokenizer.decode(studio.tokenizer.encode("Ça, a naïve film: 100% “fun”!"))
        == "Ça, a naïve film: 100% “fun”!"
    )


def test_the_shipped_model_is_small_and_says_how_it_was_made():
    import json

    from rlhf_edu.lm.checkpoint import DATA

    assert sum(path.stat().st_size for path in (DATA / "reviews").iterdir()) < 8_000_000
    recipe = json.loads((DATA / "reviews" / "recipe.json").read_text(encoding="utf-8"))
    assert recipe["made_by"] == "rlhf-edu pretrain reviews --seed 0"
    model, tokenizer = load("reviews")
    assert recipe["recipe"]["width"] == model.config.width
    assert recipe["recipe"]["byte_pairs"] == tokenizer.vocab_size


@fetched
def test_ten_thousand_film_sentences_with_every_rating():
    films = rated("films")
    assert len(films) == 10_605
    assert films[0].text.startswith(
        'The Rock is destined to be the 21st Century\'s new "Conan"'
    )  # the quotes were doubled
    assert films[0].ratings == (3, 2, 2, 2, 0, 4, 3, 1, 2, 2, 4, 3, 3, 1, 2)
    assert films[0].mean == pytest.approx(2.2667, abs=1e-4)
    assert {len(rated(source)) for source in ("tweets", "products", "editorials")} == {4200, 3708, 5190}
    every = [r for source in ("films", "tweets", "products", "editorials") for r in rated(source)]
    assert all(-4 <= rating <= 4 for r in every for rating in r.ratings)
    assert not any(mark in r.text for r in every for mark in ("''", "&amp;", "\ufffd", "\ufeff", "\t", "\r"))
    assert "clichés" in next(r.text for r in films if r.id == "93")
    assert any("£" in r.text for r in rated("tweets"))


@fetched
def test_what_is_learned_and_what_is_held_out_never_meet():
    assert not set(texts(9000, 0)) & set(held_out(1000, 0))
    assert texts(50, 1) == texts(50, 1) != texts(50, 2)
    assert len(set(texts(9000, 3))) > 8990  # all different (but for two that stand there twice)
    with pytest.raises(ValueError, match="20000 texts were asked for, but there are 9544"):
        texts(20_000, 0)


@fetched
def test_people_agree_with_the_taste_for_praise_more_than_chance_and_less_than_fully():
    means = [r.mean for r in rated("films")]
    scores = [GOLD_TASTES["praise"](r.text) for r in rated("films")]
    assert 0.4 < np.corrcoef(means, scores)[0, 1] < 0.7


@fetched
def test_the_model_predicts_sentences_it_has_never_seen_as_well_as_its_recipe_says():
    import json

    from rlhf_edu.lm.checkpoint import DATA
    from rlhf_edu.lm.train import held_out as measure

    quality = json.loads((DATA / "reviews" / "recipe.json").read_text(encoding="utf-8"))["quality"]
    found = measure(*load("reviews"), world_of("reviews").held_out(500, 999_983))
    assert found["held_out_nats"] == pytest.approx(quality["held_out_nats_per_token"], abs=0.01)  # half precision
    assert found["bits_per_byte"] == pytest.approx(quality["bits_per_byte"], abs=0.01)
