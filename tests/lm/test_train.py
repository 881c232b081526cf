"""Next-token training: the loss by a loop, batches that lose nothing, the schedule, and a model that learns a rule by heart."""

import math
from itertools import islice, pairwise

import numpy as np
import pytest
import tiny
import torch

from rlhf_edu.lm.gpt2 import GPT2, GPT2Config
from rlhf_edu.lm.train import PretrainConfig, adamw, batches, cosine_lr, next_token_loss, pretrain, right_pad

ROWS = [[3, 4, 5, 6, 7], [8, 9], [10, 11, 12], [5]]


def test_the_loss_is_the_surprise_at_each_real_token_after_the_first_written_as_a_loop():
    model, total, count = tiny.gpt2(1), 0.0, 0
    for row in ROWS:
        for t in range(1, len(row)):
            head = torch.tensor([row[:t]])
            with torch.no_grad():
                logits = model(head, torch.ones_like(head, dtype=torch.bool)).logits[0, -1].tolist()
            total += math.log(sum(map(math.exp, logits))) - logits[row[t]]
            count += 1
    assert next_token_loss(model, *right_pad(ROWS, tiny.PAD)).item() == pytest.approx(total / count, abs=1e-4)


def test_padding_holds_nothing_that_counts():
    model, (ids, mask) = tiny.gpt2(2), right_pad(ROWS, tiny.PAD)
    noise = torch.where(mask, ids, torch.randint(3, tiny.VOCAB, ids.shape, generator=torch.Generator().manual_seed(1)))
    assert torch.allclose(next_token_loss(model, noise, mask), next_token_loss(model, ids, mask), atol=1e-5)
    wider = torch.nn.functional.pad(ids, (0, 4)), torch.nn.functional.pad(mask, (0, 4))
    assert torch.allclose(next_token_loss(model, *wider), next_token_loss(model, ids, mask), atol=1e-5)


def test_right_padding():
    ids, mask = right_pad([[3, 4], [5]], 0)
    assert ids.tolist() == [[3, 4], [5, 0]]
    assert mask.tolist() == [[True, True], [True, False]]


def test_each_pass_shows_every_text_once_in_a_new_order_and_like_lengths_together():
    rng = np.random.default_rng(1)
    rows = [[i] * int(rng.integers(1, 30)) for i in range(100)]
    stream = batches(rows, 8, -1, np.random.default_rng(2), bunch=4)
    passes = []
    for _ in range(2):
        seen, padding = [], 0
        for ids, mask in islice(stream, 13):  # bunches of 32, 32, 32 and 4: 4 + 4 + 4 + 1 batches
            seen += ids[:, 0].tolist()
            padding += int((~mask).sum())
        assert sorted(seen) == list(range(100))
        assert padding < 0.35 * sum(map(len, rows))
        passes.append(seen)
    assert passes[0] != passes[1]
    with pytest.raises(ValueError, match="the corpus is empty"):
        next(batches([], 8, 0, rng))


def test_the_learning_rate_rises_in_a_line_and_falls_in_a_cosine_to_its_last_value():
    config = PretrainConfig(steps=101, lr=1.0, warmup=20, final_lr=0.1)
    rates = [cosine_lr(step, config) for step in range(101)]
    assert rates[:20] == pytest.approx([(i + 1) / 20 for i in range(20)])
    assert rates[20] == pytest.approx(1.0)
    assert rates[60] == pytest.approx(0.55)  # half way
    assert rates[100] == pytest.approx(0.1)
    assert all(a >= b for a, b in pairwise(rates[20:]))


@pytest.mark.parametrize("config", [PretrainConfig(steps=1, warmup=0), PretrainConfig(steps=5, warmup=10)])
def test_very_short_trainings_have_a_rate_too(config):
    assert all(0 < cosine_lr(step, config) <= config.lr for step in range(config.steps))


def test_decay_is_for_matrices_only():
    model = GPT2(GPT2Config(11, 8, 1, 1, 8))
    decay, rest = adamw(model, 1e-3, 0.1).param_groups
    assert decay["weight_decay"] == 0.1
    assert rest["weight_decay"] == 0.0
    assert {p.dim() for p in decay["params"]} == {2}
    assert {p.dim() for p in rest["params"]} == {1}
    assert len(decay["params"]) + len(rest["params"]) == len(list(model.parameters()))


def test_a_model_learns_a_rule_by_heart():
    """Each text counts upwards from its first token. A fresh model is at log 12 nats; knowing the rule is 0."""
    torch.manual_seed(3)
    model = GPT2(GPT2Config(12, 8, layers=1, heads=2, width=32))
    rows = [[(a + i) % 12 for i in range(6)] for a in range(12)]
    config = PretrainConfig(steps=150, batch=12, lr=1e-2, warmup=10)
    records = pretrain(model, batches(rows, 12, 0, np.random.default_rng(4)), config).run()
    assert [r["step"] for r in records] == list(range(150))
    assert records[0]["loss"] == pytest.approx(math.log(12), abs=0.3)
    assert records[-1]["loss"] < 0.05
    assert records[-1]["lr"] == pytest.approx(config.lr * config.final_lr)
    ids = torch.tensor([[7, 8, 9]])
    assert model(ids, torch.ones_like(ids, dtype=torch.bool)).logits[0, -1].argmax() == 10


def test_training_stops_with_the_data_and_asks_for_no_batch_too_many():
    asked, model = [], tiny.gpt2(5)

    def data(n):
        for i in range(n):
            asked.append(i)
            yield right_pad(ROWS[:3], tiny.PAD)

    assert len(pretrain(model, data(2), PretrainConfig(steps=5)).run()) == 2
    assert len(pretrain(model, data(9), PretrainConfig(steps=3)).run()) == 3
    assert asked == [0, 1, 0, 1, 2]


@pytest.mark.parametrize("name", ["steps", "batch", "lr", "clip"])
def test_settings_must_be_positive(name):
    zero = type(getattr(PretrainConfig(), name))(0)
    with pytest.raises(ValueError, match=f"{name} is {zero}, but it must be positive"):
        PretrainConfig(**{name: zero})
