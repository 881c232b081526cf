"""What a world is: something to write about, people's tastes in it, and a small model that can already write."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

Taste = Callable[[str], float]


@dataclass(frozen=True)
class World:
    """A place to do RLHF in. `gold` tastes are hidden from the learner and judge it in the end."""

    name: str  # also the name of its shipped weights: lm.checkpoint.load(world.name)
    about: str  # one sentence
    openings: Callable[[int, int], list[str]]  # (n, seed) → prompts
    texts: Callable[[int, int], list[str]]  # (n, seed) → whole texts to pretrain on
    gold: Mapping[str, Taste]  # named tastes: whole text → [0, 1]
    describe: Callable[[str], str]  # what a taste likes, in one sentence
    grammatical: Callable[[str], float]  # share of sentences that are well formed
    held_out: Callable[[int, int], list[str]] | None = None  # (n, seed) → texts to test on, where `texts` is finite

    def taste(self, name: str) -> Taste:
        """A gold taste by name; ValueError lists the names there are."""
        if name not in self.gold:
            raise ValueError(f'the {self.name} world has no taste "{name}": choose one of {", ".join(self.gold)}')
        return self.gold[name]


@cache
def _stories() -> World:
    from rlhf_edu.worlds import stories as s

    return World(
        name="stories",
        about="little children's stories, endless, from a grammar",
        openings=s.openings,
        texts=s.stories,
        gold=s.GOLD_TASTES,
        describe=s.describe,
        grammatical=s.grammatical,
    )


@cache
def _reviews() -> World:
    from rlhf_edu.worlds import reviews as r

    return World(
        name="reviews",
        about="sentences about films, learned from real ones that people have rated",
        openings=r.openings,
        texts=r.texts,
        gold=r.GOLD_TASTES,
        describe=r.describe,
        grammatical=r.well_formed,
        held_out=r.held_out,
    )


WORLDS: dict[str, Callable[[], World]] = {"stories": _stories, "reviews": _reviews}


def world(name: str) -> World:
    """A world by name; ValueError lists the names there are."""
    if name not in WORLDS:
        raise ValueError(f'there is no world "{name}": choose one of {", ".join(WORLDS)}')
    return WORLDS[name]()
