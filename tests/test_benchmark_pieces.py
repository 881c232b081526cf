"""The parts of published measurements that compute something of their own: a wrong one would publish a wrong number."""

import importlib
import statistics
from itertools import product
from pathlib import Path

import pytest
import torch

from rlhf_edu.lm.tokenizer import word_tokenizer


@pytest.fixture
def bench(monkeypatch):
    """Opens a module beside the benchmarks."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "benchmarks"))
    return importlib.import_module


def test_the_first_number_of_answers_that_is_enough_is_found_wherever_it_stands(bench):
    queries = bench("bench_queries")
    for need in [*queries.LADDER, queries.LADDER[-1] + 1]:
        asked = []
        assert queries.first(lambda n, need=need, asked=asked: asked.append(n) or n >= need) == need
        assert len(asked) <= len(queries.LADDER).bit_length()


def test_the_median_wins_just_when_the_median_of_all_does(bench):
    queries, bar = bench("bench_queries"), bench("bench_queries").BARS[0]
    for wins in product((bar - 0.1, bar, bar + 0.1), repeat=5):
        rest = iter(wins)
        assert queries.most_win(rest, 5) == (statistics.median(wins) >= bar)
        looked = wins[: 5 - sum(1 for _ in rest)]
        won = sum(win >= bar for win in looked)
        assert max(won, len(looked) - won) == 3  # three alike decide, and no policy was trained after them
    assert queries.most_win(iter([bar, bar, bar]), 5)
    with pytest.raises(ValueError, match="2 policies do not decide"):
        queries.most_win([bar, bar - 0.1], 5)


def test_a_mirrored_reward_cannot_tell_a_pendulum_from_its_mirror_image(bench):
    clips = bench("bench_clips")
    torch.manual_seed(0)
    mirrored = clips.Mirrored(3)
    for p in mirrored.parameters():  # the head starts at zero, where everything is worth the same
        torch.nn.init.normal_(p)
    x = torch.randn(50, 3)
    x[:, :2] /= x[:, :2].norm(dim=1, keepdim=True)  # cos θ, sin θ
    image = torch.stack([x[:, 0], -x[:, 1], -x[:, 2]], 1)
    assert torch.allclose(mirrored.step_reward(x), mirrored.step_reward(image), atol=1e-5)
    assert not torch.allclose(clips.SegmentScorer.step_reward(mirrored, x), mirrored.step_reward(x), atol=1e-3)


def test_neighbouring_pieces_get_a_token_where_enough_texts_have_them(bench):
    readers = bench("review_readers")
    texts = [" not funny", " not funny at all", " funny", " not good"]
    words = word_tokenizer([" not", " funny", " at", " all", " good"])
    pairs = readers.Neighbours(words, texts, least=2)
    a, b = words.encode(" not")[0], words.encode(" funny")[0]
    assert pairs.encode(" not funny") == [a, b, pairs.ids[a, b]]
    assert pairs.encode(" funny not") == [b, a]
    assert pairs.ids.keys() == {(a, b)}
    assert pairs.vocab_size == words.vocab_size + 1
    assert pairs.encode("") == []
