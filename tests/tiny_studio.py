"""A world of two dozen words, with a random model at work in it: the whole loop in seconds."""

import re

import numpy as np
import tiny

from rlhf_edu.lm.tokenizer import Tokenizer, word_tokenizer
from rlhf_edu.rlhf.studio import Studio
from rlhf_edu.worlds.world import World

WORDS = [f" w{i}" for i in range(3, tiny.VOCAB)]  # the word of token i is wi


def tokenizer() -> Tokenizer:
    return word_tokenizer(WORDS)


def openings(n: int, seed: int) -> list[str]:
    rng = np.random.default_rng(seed)
    return ["".join(rng.choice(WORDS, size=rng.integers(2, 5))) for _ in range(n)]


def low(text: str) -> float:
    """A taste for words with small numbers, in [0, 1]."""
    numbers = [int(number) for number in re.findall(r"w(\d+)", text)]
    return sum(1 - n / tiny.VOCAB for n in numbers) / max(1, len(numbers))


def world() -> World:
    return World(
        name="tiny",
        about="words without sense",
        openings=openings,
        texts=openings,
        gold={"low": low},
        describe=lambda taste: f"likes {taste} words",
        grammatical=lambda text: 1.0,
    )


def studio(seed: int = 0) -> Studio:
    return Studio(world(), tiny.gpt2(7), tokenizer(), seed)
