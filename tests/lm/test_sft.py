"""Fine-tuning: the loss counts answers and their end only, by a loop; demonstrations that do not fit are named."""

import math
from itertools import islice

import numpy as np
import pytest
import tiny
import torch

from rlhf_edu.lm.sft import SFTConfig, encode_demonstration, sft, sft_batches
from rlhf_edu.lm.tokenizer import word_tokenizer
from rlhf_edu.lm.train import next_token_loss, right_pad

TOKENIZER = word_tokenizer([f" w{i}" for i in range(3, tiny.VOCAB)])
PAIRS = [(" w3 w4 w5", " w6 w7"), (" w8", " w9 w10 w11"), (" w12 w13", "")]


def demonstrations():
    return [encode_demonstration(TOKENIZER, prompt, answer, tiny.CONTEXT) for prompt, answer in PAIRS]


def test_prompt_answer_and_end():
    ids, n_prompt = demonstrations()[0]
    assert TOKENIZER.decode(ids[:n_prompt]) == PAIRS[0][0]
    assert TOKENIZER.decode(ids[n_prompt:]) == PAIRS[0][1]
    assert ids[-1] == tiny.EOS


def test_the_loss_is_the_surprise_at_the_answers_written_as_a_loop():
    model, total, count = tiny.gpt2(1), 0.0, 0
    for row, n_prompt in demonstrations():
        for t in range(n_prompt, len(row)):
            head = torch.tensor([row[:t]])
            with torch.no_grad():
                logits = model(head, torch.ones_like(head, dtype=torch.bool)).logits[0, -1].tolist()
            total += math.log(sum(map(math.exp, logits))) - logits[row[t]]
            count += 1
    batch = next(sft_batches(demonstrations(), 3, tiny.PAD, np.random.default_rng(0)))
    assert count == 3 + 4 + 1
    assert next_token_loss(model, *batch).item() == pytest.approx(total / count, abs=1e-5)
    first = sft(model, TOKENIZER, PAIRS, SFTConfig(steps=1, batch=3), rng=np.random.default_rng(1)).run()[0]
    assert first["loss"] == pytest.approx(total / count, abs=1e-5)


def test_each_pass_shows_every_demonstration_once():
    stream = sft_batches(demonstrations(), 2, tiny.PAD, np.random.default_rng(2))
    seen = [tuple(row[m].tolist()) for ids, mask, _ in islice(stream, 2) for row, m in zip(ids, mask, strict=True)]
    assert sorted(seen) == sorted(tuple(ids) for ids, _ in demonstrations())


def test_learning_everything_is_pretraining_and_learning_answers_is_not():
    rows = [ids for ids, _ in demonstrations()]
    ids, mask = right_pad(rows, tiny.PAD)
    model = tiny.gpt2(3)
    everything = next_token_loss(model, ids, mask, torch.ones_like(mask))
    assert torch.equal(everything, next_token_loss(model, ids, mask))
    assert not torch.isclose(
        everything, next_token_loss(model, *next(sft_batches(demonstrations(), 3, 0, np.random.default_rng(0))))
    )


def test_fine_tuning_turns_a_model_to_the_answers_and_leaves_prompts_to_chance():
    model = tiny.gpt2(4)
    pairs = [(f" w{a} w{b}", f" w{a}") for a in range(3, 13) for b in range(3, 13)]  # the answer repeats the first word
    records = sft(
        model, TOKENIZER, pairs[::2], SFTConfig(steps=150, batch=16, lr=1e-2), rng=np.random.default_rng(5)
    ).run()
    assert records[-1]["loss"] < 0.1
    right = 0
    for prompt, answer in pairs[1::2]:
        ids = torch.tensor([TOKENIZER.encode(prompt)])
        right += (
            TOKENIZER.decode([int(model(ids, torch.ones_like(ids, dtype=torch.bool)).logits[0, -1].argmax())]) == answer
        )
    assert right >= 45  # of 50 prompts that it has never seen


def test_what_does_not_fit_is_named():
    with pytest.raises(
        ValueError, match=r"a demonstration has 41 tokens, but this model reads at most 40: shorten ' w3 w3"
    ):
        encode_demonstration(TOKENIZER, " w3" * 30, " w4" * 11, 40)
    assert len(encode_demonstration(TOKENIZER, " w3" * 30, " w4" * 10, 40)[0]) == 41  # the end need not be read
    with pytest.raises(ValueError, match="there are no demonstrations"):
        next(sft(tiny.gpt2(1), TOKENIZER, [], rng=np.random.default_rng(0)))


def test_the_settings_are_those_of_pretraining():
    assert SFTConfig().lr < 1e-3
    with pytest.raises(ValueError, match="lr is 0"):
        SFTConfig(lr=0.0)
    assert "not finished" in repr(sft(tiny.gpt2(1), TOKENIZER, PAIRS, rng=np.random.default_rng(0)))
