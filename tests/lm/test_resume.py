"""A training that was interrupted goes on with the same numbers; a checkpoint of something else is named."""

from itertools import islice

import numpy as np
import pytest
import tiny
import torch

from rlhf_edu.lm.gpt2 import GPT2, GPT2Config
from rlhf_edu.lm.sft import SFTConfig, sft
from rlhf_edu.lm.tokenizer import word_tokenizer
from rlhf_edu.lm.train import PretrainConfig, batches, pretrain

ROWS = [[3 + (a + i) % 20 for i in range(4 + a % 5)] for a in range(40)]
CONFIG = PretrainConfig(steps=12, batch=8, lr=1e-2, warmup=3)


def data():
    return batches(ROWS, 8, 0, np.random.default_rng(5), bunch=2)


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


@pytest.mark.parametrize("stopped", [4, 7, 12])
def test_an_interrupted_run_goes_on_with_the_same_numbers(tmp_path, stopped):
    """Saved every 4 steps: what was done since then is done again, and the end is the same to the last bit."""
    whole, again = tiny.gpt2(1), tiny.gpt2(1)
    records = pretrain(whole, data(), CONFIG).run()
    path = tmp_path / "state.pt"
    run = pretrain(again, data(), CONFIG, checkpoint=path, save_every=4)
    first = list(islice(run, stopped))
    run.close()
    other = tiny.gpt2(99)  # a new process: nothing is left but the file
    rest = pretrain(other, data(), CONFIG, checkpoint=path, save_every=4).run()
    assert [r["step"] for r in rest] == list(range(stopped // 4 * 4, 12))
    assert first[: stopped // 4 * 4] + rest == records
    assert torch.equal(weights(other), weights(whole))


def test_tests_come_at_their_time_and_at_the_end():
    asked = []
    records = pretrain(
        tiny.gpt2(2), data(), CONFIG, test=lambda lm: asked.append(lm) or {"x": len(asked)}, test_every=5
    )
    assert [r.get("x") for r in records.run()] == [None] * 4 + [1] + [None] * 4 + [2, None, 3]


def test_fine_tuning_goes_on_too(tmp_path):
    tokenizer = word_tokenizer([f" w{i}" for i in range(3, tiny.VOCAB)])
    pairs = [(f" w{3 + i} w{5 + i}", f" w{7 + i}") for i in range(10)]
    config = SFTConfig(steps=6, batch=4, lr=1e-2)
    whole, again = tiny.gpt2(3), tiny.gpt2(4)
    records = sft(whole, tokenizer, pairs, config, rng=np.random.default_rng(6)).run()
    path = tmp_path / "sft.pt"

    def test(lm):
        raise RuntimeError("the lights went out")

    run = sft(tiny.gpt2(3), tokenizer, pairs, config, rng=np.random.default_rng(6), checkpoint=path, test=test)
    with pytest.raises(RuntimeError, match="the lights went out"):
        run.run()
    rest = sft(again, tokenizer, pairs, config, rng=np.random.default_rng(6), checkpoint=path).run()
    assert rest == []  # all six steps were saved before the test failed
    assert torch.equal(weights(again), weights(whole))
    assert len(records) == 6


def test_checkpoints_of_something_else_are_named_and_left_alone(tmp_path):
    path = tmp_path / "state.pt"
    pretrain(tiny.gpt2(1), data(), CONFIG, checkpoint=path).run()
    with pytest.raises(ValueError, match="was made with other settings"):
        next(pretrain(tiny.gpt2(1), data(), PretrainConfig(steps=99), checkpoint=path))
    larger = GPT2(GPT2Config(tiny.VOCAB + 6, tiny.CONTEXT, 2, 2, tiny.WIDTH))
    start = weights(larger)
    with pytest.raises(
        ValueError, match=r"is of another model \(tokens.weight has shape \(24, 16\), not \(30, 16\)\): delete it"
    ):
        next(pretrain(larger, data(), CONFIG, checkpoint=path))
    assert torch.equal(weights(larger), start)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ValueError, match="cannot be read"):
        next(pretrain(tiny.gpt2(1), data(), CONFIG, checkpoint=path))
    assert [p.name for p in tmp_path.iterdir()] == ["state.pt"]
