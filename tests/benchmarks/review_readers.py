"""The mini GPT-2s of `bench_reviews.py mini`: each cuts the texts into pieces of its own, so that each errs in its own way."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from rlhf_edu.core import seed_everything
from rlhf_edu.lm.gpt2 import GPT2, GPT2Config
from rlhf_edu.lm.tokenizer import Tokenizer, bpe_tokenizer
from rlhf_edu.reward.scorers import LMFeatures, Scorer

CONTEXT = 149


@dataclass(frozen=True)
class Reading:
    """How a member reads: the size of its vocabulary, which pairs of pieces are tokens too, and how much it leaves out."""

    byte_pairs: int
    least: int | None = None  # texts that must have a pair; None: no pairs
    drop: float = 0.5
    steps: int = 1320  # 1320 batches of 64 are about five passes
    width: int = 64
    rate: float = 5e-4  # of all that is no embedding; higher where pieces must be put together to mean something


# Large vocabularies know words, small ones their parts: " disappoint" is in "disappoints" and in "disappointment".
READINGS = (
    Reading(2048, least=2, steps=1000),
    Reading(16_384, steps=2640, width=128),
    Reading(4096, drop=0.2, rate=2e-3),
    Reading(8192, least=2, steps=1000),
    Reading(32_768),
    Reading(1024, least=2, steps=1000),
    Reading(8192),
    Reading(2048, drop=0.2, rate=2e-3),
    Reading(4096, least=2, steps=1000),
    Reading(16_384, drop=0.3),
)


class Neighbours:
    """Pieces as another tokenizer cuts them, each followed by the token of the pair that it ends, where that pair is known.

    " not funny" becomes " not", " funny", (" not", " funny"). So a pair has an embedding of its own, learned like a word's:
    Joulin et al. (2017), "Bag of tricks for efficient text classification", where n-grams are words of their own.
    """

    def __init__(self, inner: Tokenizer, texts: Iterable[str], least: int):
        self.inner, self.pad_id, self.eos_id = inner, inner.pad_id, inner.eos_id
        texts_with = Counter(pair for text in texts for pair in set(pairwise(inner.encode(text))))
        known = sorted(pair for pair, n in texts_with.items() if n >= least)
        self.ids = {pair: inner.vocab_size + i for i, pair in enumerate(known)}

    @property
    def vocab_size(self) -> int:
        return self.inner.vocab_size + len(self.ids)

    def encode(self, text: str) -> list[int]:
        row = self.inner.encode(text)
        found = row[:1]
        for pair in pairwise(row):
            found += [pair[1], self.ids[pair]] if pair in self.ids else [pair[1]]
        return found


def plain(some: list[str]) -> list[str]:
    """Small letters, and a space before the first word too: one token for each word, wherever it stands."""
    return [" " + text.lower() for text in some]


def reader(reading: Reading, some: list[str], seed: int) -> Scorer:
    """A GPT-2 of one layer with random weights and a tokenizer learned from `some`, and a head on Σ h / √n."""
    tokenizer = bpe_tokenizer(some, reading.byte_pairs)
    if reading.least is not None:
        tokenizer = Neighbours(tokenizer, some, reading.least)
    seed_everything(seed)
    gpt2 = GPT2(GPT2Config(tokenizer.vocab_size, context=CONTEXT, layers=1, heads=4, width=reading.width))
    rng = np.random.default_rng([seed, 1])
    features = LMFeatures(gpt2, tokenizer, pool="sqrt", trainable=True, cut=True, drop=reading.drop, rng=rng)
    return Scorer(features, reading.width, scale="all")
