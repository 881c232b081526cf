"""Our GPT-2 against Hugging Face's: random shapes, left padding, the cache, both directions."""

import pytest
import torch
from transformers import GPT2Config as TheirConfig
from transformers import GPT2LMHeadModel

from rlhf_edu.lm.gpt2 import GPT2, GPT2Config, attention_mask
from rlhf_edu.lm.interface import left_pad

SHAPES = [(11, 16, 1, 1, 8), (50, 32, 2, 4, 16), (97, 40, 3, 2, 24), (512, 64, 2, 8, 64)]


def random_gpt2(shape, seed):
    """Weights three times their usual size: with those of a fresh model, most mistakes would hide below 1e-5."""
    torch.manual_seed(seed)
    gpt2 = GPT2(GPT2Config(*shape)).eval()
    with torch.no_grad():
        for p in gpt2.parameters():
            p.add_(0.06 * torch.randn_like(p))
    return gpt2


def ragged(vocab, seed, rows=3, longest=12):
    g = torch.Generator().manual_seed(seed)
    lengths = [longest, longest - 5, longest - 9][:rows]
    return [torch.randint(vocab, (n,), generator=g).tolist() for n in lengths]


@pytest.mark.parametrize("shape", SHAPES)
def test_logits_equal_those_of_transformers_after_conversion_there_and_back(shape):
    gpt2 = random_gpt2(shape, seed=1)
    theirs = gpt2.to_transformers()
    back = GPT2.from_transformers(theirs)
    ids = torch.tensor(ragged(shape[0], seed=2)[:1])
    mask = torch.ones_like(ids, dtype=torch.bool)
    with torch.no_grad():
        ours = gpt2(ids, mask).logits
        assert torch.allclose(ours, theirs(ids).logits, atol=1e-5)
        assert torch.equal(ours, back(ids, mask).logits)


def test_their_own_random_model_gives_the_same_logits_here():
    torch.manual_seed(3)
    theirs = GPT2LMHeadModel(TheirConfig(vocab_size=60, n_positions=24, n_embd=32, n_layer=2, n_head=4)).eval()
    ids = torch.tensor(ragged(60, seed=4)[:1])
    with torch.no_grad():
        ours = GPT2.from_transformers(theirs)(ids, torch.ones_like(ids, dtype=torch.bool)).logits
        assert torch.allclose(ours, theirs(ids).logits, atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_left_padding_changes_nothing(shape):
    gpt2, rows = random_gpt2(shape, seed=5), ragged(shape[0], seed=6)
    ids, mask = left_pad(rows, pad_id=0)
    with torch.no_grad():
        padded = gpt2(ids, mask).logits
        theirs = gpt2.to_transformers()(
            ids, attention_mask=mask.long(), position_ids=(mask.long().cumsum(1) - 1).clamp(min=0)
        ).logits
        for b, row in enumerate(rows):
            alone = gpt2(torch.tensor([row]), torch.ones(1, len(row), dtype=torch.bool)).logits[0]
            assert torch.allclose(padded[b, -len(row) :], alone, atol=1e-5)
            assert torch.allclose(padded[b, -len(row) :], theirs[b, -len(row) :], atol=1e-5)


@pytest.mark.parametrize("pieces", [(12,), (5, 7), (1,) * 12, (3, 1, 1, 7)])
@pytest.mark.parametrize("padded", [False, True])
def test_reading_in_pieces_with_the_cache_equals_reading_at_once(pieces, padded):
    gpt2 = random_gpt2(SHAPES[1], seed=7)
    rows = ragged(50, seed=8) if padded else [r + r[::-1] for r in ragged(50, seed=8, rows=1, longest=6)]
    ids, mask = left_pad(rows, pad_id=0)
    with torch.no_grad():
        whole = gpt2(ids, mask).logits
        cache, parts, at = gpt2.new_cache(len(ids), 12), [], 0
        for n in pieces:
            out = gpt2(ids[:, at : at + n], mask[:, : at + n], cache)
            cache, at = out.cache, at + n
            parts.append(out.logits)
    assert torch.allclose(torch.cat(parts, 1)[mask], whole[mask], atol=1e-5)


@pytest.mark.parametrize("last", [1, 5, 12, 99])
@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("read", [0, 4])
def test_asking_for_the_last_tokens_only_gives_theirs(last, padded, read):
    gpt2 = random_gpt2(SHAPES[1], seed=7)
    rows = ragged(50, seed=8) if padded else [r + r[::-1] for r in ragged(50, seed=8, rows=1, longest=6)]
    ids, mask = left_pad(rows, pad_id=0)
    with torch.no_grad():
        whole, cache = gpt2(ids, mask), None
        if read:
            cache = gpt2(ids[:, :read], mask[:, :read], gpt2.new_cache(len(ids), ids.shape[1]), last=1).cache
        some = gpt2(ids[:, read:], mask, cache, last=last)
    kept = min(last, ids.shape[1] - read)
    real = mask[:, -kept:]
    assert some.logits.shape[1] == some.hidden.shape[1] == kept
    assert torch.allclose(some.logits[real], whole.logits[:, -kept:][real], atol=1e-5)
    assert torch.allclose(some.hidden[real], whole.hidden[:, -kept:][real], atol=1e-5)


def test_a_cache_of_chosen_rows_goes_on_like_those_rows():
    gpt2 = random_gpt2(SHAPES[1], seed=9)
    ids, mask = left_pad(ragged(50, seed=10), pad_id=0)
    rows = torch.tensor([2, 0, 0])
    with torch.no_grad():
        cache = gpt2(ids[:, :-1], mask[:, :-1], gpt2.new_cache(3, 12)).cache.rows(rows)
        picked = gpt2(ids[rows, -1:], mask[rows], cache).logits[:, 0]
        assert torch.allclose(picked, gpt2(ids, mask).logits[rows, -1], atol=1e-5)


def test_a_later_token_never_changes_an_earlier_prediction():
    gpt2 = random_gpt2(SHAPES[2], seed=11)
    ids = torch.tensor(ragged(97, seed=12)[:1])
    changed = ids.clone()
    changed[0, 8] = (changed[0, 8] + 1) % 97
    mask = torch.ones_like(ids, dtype=torch.bool)
    with torch.no_grad():
        before, after = gpt2(ids, mask).logits, gpt2(changed, mask).logits
    assert torch.equal(before[:, :8], after[:, :8])
    assert not torch.allclose(before[:, 8:], after[:, 8:])


def test_the_attention_mask_equals_its_definition():
    mask = torch.tensor([[False, True, True, True], [True, True, True, False]])
    allowed = attention_mask(mask, T=2)
    for b in range(2):
        for i, row in enumerate((2, 3)):
            for column in range(4):
                expected = column == row or (column < row and bool(mask[b, column]))
                assert allowed[b, 0, i, column].item() == expected


def test_fresh_weights_are_small_enough_to_learn_from():
    torch.manual_seed(13)
    gpt2 = GPT2(GPT2Config(200, 32, 4, 4, 64))
    ids = torch.randint(200, (4, 32))
    logits = gpt2(ids, torch.ones_like(ids, dtype=torch.bool)).logits
    assert gpt2.tokens.weight.std().item() == pytest.approx(0.02, rel=0.1)
    assert logits.std().item() < 0.5  # nearly uniform: the first loss is log V, not tens of nats


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"activation_function": "relu"}, "activation_function='relu'"),
        ({"n_inner": 48}, "n_inner=48"),
        ({"layer_norm_epsilon": 1e-3}, "layer_norm_epsilon=0.001"),
    ],
)
def test_what_ours_leaves_out_is_refused_by_name(change, words):
    theirs = GPT2LMHeadModel(TheirConfig(vocab_size=9, n_positions=8, n_embd=8, n_layer=1, n_head=1, **change))
    with pytest.raises(ValueError, match=words):
        GPT2.from_transformers(theirs)


def test_too_long_a_text_and_a_wrong_mask_are_named():
    gpt2 = random_gpt2(SHAPES[0], seed=14)
    with pytest.raises(ValueError, match="17 tokens came, but this model reads at most 16"):
        gpt2(torch.zeros(1, 17, dtype=torch.long), torch.ones(1, 17, dtype=torch.bool))
    with pytest.raises(ValueError, match="the mask covers 5 tokens, but cache and ids hold 4"):
        gpt2(torch.zeros(1, 4, dtype=torch.long), torch.ones(1, 5, dtype=torch.bool))


def test_nonsense_configurations_are_refused():
    with pytest.raises(ValueError, match="width 10 cannot be split into 3 heads"):
        GPT2Config(width=10, heads=3)
    with pytest.raises(ValueError, match="layers is 0"):
        GPT2Config(layers=0)
