"""Which rated texts of the reviews world a benchmark learns from, and which it is tested on."""

import numpy as np

from rlhf_edu.worlds.reviews import HELD_OUT
from rlhf_edu.worlds.reviews_data import SOURCES, RatedText, rated

ELSEWHERE = 1500  # texts of each other source, drawn at random


def split(source: str = "films", tune: bool = False) -> tuple[list[RatedText], list[RatedText]]:
    """To learn from, and every tenth to test on; with `tune` the test sentences stay unseen and the next ones serve."""
    items = rated(source)
    place = np.arange(len(items)) % HELD_OUT
    learn = [x for x, i in zip(items, place, strict=True) if i > tune]
    known = {x.text for x in learn}
    return learn, [x for x, i in zip(items, place, strict=True) if i == int(tune) and x.text not in known]


def elsewhere(source: str) -> list[RatedText]:
    items = rated(source)
    return [items[i] for i in np.random.default_rng(0).permutation(len(items))[:ELSEWHERE]]


def texts(items: list[RatedText]) -> list[str]:
    return [x.text for x in items]


def means(items: list[RatedText]) -> np.ndarray:
    return np.array([x.mean for x in items])


def all_sources(learn: list[RatedText]) -> tuple[list[str], np.ndarray]:
    """Film sentences and all other rated texts that nothing here is tested on; ratings from their source's mean."""
    tested = {x.text for x in rated("films")} - set(texts(learn))
    tested |= {x.text for source in SOURCES if source != "films" for x in elsewhere(source)}
    parts = [learn] + [[x for x in rated(s) if x.text not in tested] for s in SOURCES if s != "films"]
    scores = [means(part) - means(part).mean() for part in parts]
    return [x.text for part in parts for x in part], np.concatenate(scores)
