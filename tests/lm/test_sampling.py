"""Sampling against plain re-reading: the recorded log-probs, the distribution, the ends, the shared prompts."""

import math

import pytest
import tiny
import torch
from tiny import EOS, PAD

from rlhf_edu.lm.heads import ScalarHead
from rlhf_edu.lm.interface import completion_logits, left_pad
from rlhf_edu.lm.sampling import draw, sample
from rlhf_edu.ops import token_logp


def slow_logp(model, ids: list[int], start: int, temperature: float) -> list[float]:
    """Log-prob of ids[start:], one token at a time, each from a fresh reading of what stands before it."""
    found = []
    with torch.no_grad():
        for t in range(start, len(ids)):
            head = torch.tensor([ids[:t]])
            logits = model(head, torch.ones_like(head, dtype=torch.bool)).logits[0, -1] / temperature
            found.append(torch.log_softmax(logits, 0)[ids[t]].item())
    return found


@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_recorded_logp_equals_a_token_by_token_reading_without_padding_or_cache(temperature):
    model, prompts = tiny.gpt2(1), tiny.prompts(2)
    done = tiny.written(model, seed=2, temperature=temperature)
    for b, prompt in enumerate(prompts):
        new = done.new_ids[b][done.new_mask[b]].tolist()
        expected = slow_logp(model, prompt + new, len(prompt), temperature)
        assert done.logp[b][done.new_mask[b]].tolist() == pytest.approx(expected, abs=1e-4)
        assert done.ids[b][done.mask[b]].tolist() == prompt + new


def test_scoring_slice_is_not_off_by_one():
    model = tiny.gpt2(3)
    done = tiny.written(model, seed=4)
    logits, _ = completion_logits(model, done)
    assert torch.allclose(token_logp(logits, done.new_ids)[done.new_mask], done.logp[done.new_mask], atol=1e-4)


def test_a_text_ends_with_its_first_eos_and_is_padding_after_it():
    done = tiny.written(tiny.gpt2(5), seed=6, n=40, n_new=20)
    ended = 0
    for ids, mask in zip(done.new_ids.tolist(), done.new_mask.tolist(), strict=True):
        length = sum(mask)
        assert mask == [True] * length + [False] * (20 - length)
        assert EOS not in ids[: length - 1]
        if length < 20:
            assert ids[length - 1] == EOS
            assert set(ids[length:]) == {PAD}
            ended += 1
    assert 5 < ended < 40  # both kinds occurred, so both were tested


def test_rows_that_leave_the_batch_do_not_disturb_the_others():
    """Forty rows end one by one; each recorded log-prob must still be that of the row's own text."""
    model, prompts = tiny.gpt2(7), tiny.prompts(8, n=40)
    done = tiny.written(model, seed=8, n=40, n_new=20)
    for b in range(0, 40, 3):
        new = done.new_ids[b][done.new_mask[b]].tolist()
        assert done.logp[b][done.new_mask[b]].tolist() == pytest.approx(
            slow_logp(model, prompts[b] + new, len(prompts[b]), 1.0), abs=1e-4
        )


def test_several_samples_of_a_prompt_lie_side_by_side_and_differ():
    model, prompts = tiny.gpt2(9), tiny.prompts(10, n=3)
    ids, mask = left_pad(prompts, PAD)
    g = torch.Generator().manual_seed(11)
    done = sample(model, ids, mask, 10, eos_id=EOS, pad_id=PAD, samples=4, generator=g)
    assert len(done) == 12
    for b in range(12):
        row = done.ids[b][done.mask[b]].tolist()
        assert row[: len(prompts[b // 4])] == prompts[b // 4]
        assert done.logp[b][done.new_mask[b]].tolist() == pytest.approx(
            slow_logp(model, row, len(prompts[b // 4]), 1.0), abs=1e-4
        )
    assert len({tuple(r) for r in done.new_ids[:4].tolist()}) > 1


def test_the_same_generator_gives_the_same_texts():
    a, b = (tiny.written(tiny.gpt2(12), seed=13) for _ in range(2))
    assert torch.equal(a.ids, b.ids)
    assert torch.equal(a.logp, b.logp)


def test_tokens_come_with_their_probabilities():
    """Chi-squared over 20,000 draws: 5 degrees of freedom, the 99.9 % quantile is 20.5."""
    logits, temperature, n = torch.tensor([2.0, 1.0, 0.0, -1.0, 0.5, -3.0]), 1.5, 20_000
    weights = [math.exp(v / temperature) for v in logits.tolist()]
    p = [w / sum(weights) for w in weights]
    tokens, logp = draw(logits.expand(n, 6), temperature, torch.Generator().manual_seed(14))
    seen = torch.bincount(tokens, minlength=6).tolist()
    assert sum((s - n * q) ** 2 / (n * q) for s, q in zip(seen, p, strict=True)) < 20.5
    assert logp[0].item() == pytest.approx(math.log(p[tokens[0]]), abs=1e-5)


def test_a_token_of_probability_zero_is_never_drawn():
    logits = torch.tensor([float("-inf"), 0.0, float("-inf"), 0.0, float("-inf")])
    tokens, _ = draw(logits.expand(5000, 5), 1.0, torch.Generator().manual_seed(15))
    assert set(tokens.tolist()) == {1, 3}


def test_what_cannot_be_sampled_is_refused_in_words():
    model = tiny.gpt2(16)
    ids, mask = left_pad([[3, 4], [5]], PAD)
    kw = dict(eos_id=EOS, pad_id=PAD)
    with pytest.raises(ValueError, match="prompts of 2 tokens and 39 new ones do not fit the model's context of 40"):
        sample(model, ids, mask, 39, **kw)
    with pytest.raises(ValueError, match="temperature is 0"):
        sample(model, ids, mask, 3, temperature=0.0, **kw)
    with pytest.raises(ValueError, match="pad prompts on the left"):
        sample(model, ids.flip(1), mask.flip(1), 3, **kw)
    with pytest.raises(ValueError, match="sequence 1 is empty"):
        left_pad([[3], []], PAD)
    with pytest.raises(ValueError, match="no sequences came"):
        left_pad([], PAD)


def test_a_head_reads_the_state_before_each_new_token():
    """Noted while writing, row by row leaving the batch: the same as one pass over the finished texts."""
    model, head = tiny.gpt2(3), ScalarHead(tiny.WIDTH)
    torch.nn.init.normal_(head.linear.weight, generator=torch.Generator().manual_seed(1))
    torch.nn.init.constant_(head.linear.bias, 0.3)
    ids, mask = left_pad(tiny.prompts(5), tiny.PAD)
    g = torch.Generator().manual_seed(6)
    done = sample(
        model, ids, mask, 14, eos_id=tiny.EOS, pad_id=tiny.PAD, samples=3, temperature=1.5, generator=g, head=head
    )
    assert done.val is not None
    with torch.no_grad():
        _, hidden = completion_logits(model, done)
    assert torch.allclose(done.val[done.new_mask], head(hidden)[done.new_mask], atol=1e-4)
    assert not done.val[~done.new_mask].any()
    assert done.new_mask.sum(1).unique().numel() > 2  # rows did end at different times
    assert torch.equal(done[2:5].val, done.val[2:5])
    assert tiny.written(model, 1).val is None
