"""Packed rows lose nothing; held-out loss in two units, against loops; a byte-pair vocabulary that can write anything."""

import math
from itertools import islice, pairwise

import numpy as np
import pytest
import tiny
import torch

from rlhf_edu.lm.interface import check_lengths
from rlhf_edu.lm.tokenizer import EOS, Tokenizer, bpe_tokenizer, word_tokenizer
from rlhf_edu.lm.train import held_out, packed

WORDS = word_tokenizer([f" w{i}" for i in range(3, tiny.VOCAB)])
ROWS = [[100 * i + t for t in range(2 + i % 7)] for i in range(60)]  # every token tells its text and its place in it


@pytest.mark.parametrize(("length", "batch"), [(10, 4), (7, 64), (50, 3)])
def test_each_pass_lays_all_texts_end_to_end_and_cuts_them(length, batch):
    total = sum(map(len, ROWS))
    blocks = total // length
    batches = -(-blocks // batch)
    stream = packed(ROWS, length, batch, np.random.default_rng(1))
    passes = [list(islice(stream, batches)) for _ in range(3)]
    for found in passes:
        assert all(mask.all() for _, mask in found)
        rows = torch.cat([ids for ids, _ in found])
        assert rows.shape == (blocks, length)
        tokens = rows.flatten().tolist()
        assert len(set(tokens)) == len(tokens)  # nothing twice
        assert len(tokens) > total - length  # what was lost is less than a row
        for row in rows.tolist():
            for a, b in pairwise(row):
                starts = b % 100 == 0
                ends = a % 100 == 1 + (a // 100) % 7
                assert starts == ends  # after the end of a text stands the start of another,
                assert starts or b == a + 1  # and otherwise its next token
    assert not torch.equal(passes[0][0][0], passes[1][0][0])


def test_a_corpus_shorter_than_a_row_is_refused():
    with pytest.raises(ValueError, match="the corpus has 5 tokens, but one row of 6 needs more"):
        next(packed([[1, 2], [3, 4, 5]], 6, 2, np.random.default_rng(0)))
    with pytest.raises(ValueError, match="the corpus has 0 tokens"):
        next(packed([], 6, 2, np.random.default_rng(0)))


def slow(model, tokenizer, texts):
    """Nats and bytes of every token after a text's first, each from a fresh reading of at most a context before it."""
    nats, tokens, n_bytes, hop = 0.0, 0, 0, model.context - 1
    for text in texts:
        row = [*tokenizer.encode(text), tokenizer.eos_id]
        for t in range(1, len(row)):
            start = (t - 1) // hop * hop
            seen = torch.tensor([row[start:t]])
            with torch.no_grad():
                logits = model(seen, torch.ones_like(seen, dtype=torch.bool)).logits[0, -1].double()
            nats -= torch.log_softmax(logits, 0)[row[t]].item()
            tokens += 1
            n_bytes += len(tokenizer.decode([row[t]]).encode())
    return dict(held_out_nats=nats / tokens, bits_per_byte=nats / math.log(2) / n_bytes)


@pytest.mark.parametrize("batch", [2, 64])
def test_held_out_loss_equals_its_definition_for_texts_short_and_longer_than_the_context(batch):
    model, rng = tiny.gpt2(3), np.random.default_rng(4)
    texts = ["".join(rng.choice([f" w{i}" for i in range(3, tiny.VOCAB)], size=n)) for n in (1, 4, 9, 39, 40, 100)]
    found = held_out(model, WORDS, texts, batch)
    assert found == pytest.approx(slow(model, WORDS, texts), rel=1e-5)


def test_nothing_to_test_on_is_refused():
    with pytest.raises(ValueError, match="no texts to test on came"):
        held_out(tiny.gpt2(3), WORDS, [])


CORPUS = ["the red fox saw the red bird", "the bird saw a fox", "a red, red bird"] * 5


def test_byte_pairs_join_what_is_common_and_write_anything():
    tokenizer = bpe_tokenizer(CORPUS, 300)
    assert tokenizer.vocab_size <= 300
    assert "Ġred" in tokenizer.tokens("the red fox")
    for text in [*CORPUS, "naïve 東京 🦊", "a\nb\t c  d", f"typed {EOS} is no end"]:
        ids = tokenizer.encode(text)
        assert tokenizer.decode(ids) == text
        assert not set(ids) & {tokenizer.eos_id, tokenizer.pad_id, tokenizer.unk_id}
    with pytest.raises(ValueError, match="vocab_size is 100, but 256 bytes and 3 special tokens need at least 259"):
        bpe_tokenizer(CORPUS, 100)


def test_the_first_pair_joined_is_the_commonest_one():
    """Byte-pair encoding by hand: count neighbours inside words, the space before a word belonging to it."""
    pairs: dict[tuple[str, str], int] = {}
    for text in CORPUS:
        pieces = text.replace(",", " ,").split(" ")
        for i, word in enumerate(pieces):
            word = word if i == 0 or word == "," else f"Ġ{word}"
            for pair in pairwise(word):
                pairs[pair] = pairs.get(pair, 0) + 1
    best = max(pairs.values())
    one = bpe_tokenizer(CORPUS, 260)  # room for a single pair
    joined = next(token for token, i in one.rust.get_vocab().items() if i == 259)
    assert pairs[tuple(joined)] == best


def test_a_saved_byte_pair_tokenizer_comes_back(tmp_path):
    tokenizer = bpe_tokenizer(CORPUS, 300)
    tokenizer.save(tmp_path)
    again = Tokenizer.load(tmp_path)
    assert again.encode("the naïve fox") == tokenizer.encode("the naïve fox")
    assert (again.eos_id, again.pad_id, again.start_id) == (1, 0, None)


def test_a_text_that_does_not_fit_is_named():
    with pytest.raises(ValueError, match="41 tokens came, but this model reads at most 40"):
        check_lengths(40, 41, 0, 41)
