"""On a GPU: bfloat16 products, float32 log-probs, and numbers close to those of the CPU. Skipped where there is no GPU."""

import copy

import numpy as np
import pytest
import tiny
import torch

from rlhf_edu.lm import graphs
from rlhf_edu.lm.interface import completion_logits, left_pad
from rlhf_edu.lm.sampling import autocast, sample
from rlhf_edu.lm.train import PretrainConfig, batches, pretrain
from rlhf_edu.ops import token_logp

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA GPU here"),
]


def test_what_was_written_there_has_the_log_probs_that_the_cpu_computes():
    model = tiny.gpt2(1)
    ids, mask = left_pad(tiny.prompts(2, n=32), tiny.PAD, "cuda")
    generator = torch.Generator("cuda").manual_seed(3)
    done = sample(copy.deepcopy(model).cuda(), ids, mask, 12, eos_id=tiny.EOS, pad_id=tiny.PAD, generator=generator)
    assert done.logp.dtype == torch.float32
    logits = model(done.ids[:, :-1].cpu(), done.mask[:, :-1].cpu()).logits[:, -done.n_new :]
    expected = token_logp(logits, done.new_ids.cpu())[done.new_mask.cpu()]
    assert torch.allclose(done.logp.cpu()[done.new_mask.cpu()], expected, atol=0.1)  # bfloat16 has three digits


def test_a_graph_writes_there_and_follows_the_weights_as_they_learn():
    """Recorded once, replayed with other weights: casts to bfloat16 must not be remembered from the recording."""
    model = tiny.gpt2(8)
    there = copy.deepcopy(model).cuda()
    ids, mask = left_pad(tiny.prompts(9, n=32), tiny.PAD)
    recorded = []
    for factor in (1.0, 1.5):
        with torch.no_grad():
            for p in [*model.parameters(), *there.parameters()]:
                p.mul_(factor)
        done = sample(there, ids.cuda(), mask.cuda(), 12, eos_id=tiny.EOS, pad_id=tiny.PAD, samples=2)
        recorded.append(graphs._kept[there][1].graph)
        logits = model(done.ids[:, :-1].cpu(), done.mask[:, :-1].cpu()).logits[:, -done.n_new :]
        new = done.new_mask.cpu()
        assert torch.allclose(done.logp.cpu()[new], token_logp(logits, done.new_ids.cpu())[new], atol=0.15)
    assert recorded[0] is recorded[1] is not None


def test_products_are_bfloat16_and_log_probs_float32():
    model = tiny.gpt2(4)
    done = tiny.written(model, seed=5)
    there = type(done)(done.ids.cuda(), done.mask.cuda(), done.logp.cuda())
    with torch.no_grad(), autocast(there.ids.device):
        logits, _ = completion_logits(model.cuda(), there)
    assert logits.dtype == torch.bfloat16
    assert token_logp(logits, there.new_ids).dtype == torch.float32


def test_training_there_follows_the_cpu():
    rows = [[3 + (a + i) % 20 for i in range(8)] for a in range(20)]
    config, losses = PretrainConfig(steps=40, batch=10, lr=1e-2, warmup=5), []
    for device in ("cpu", "cuda"):
        model = tiny.gpt2(6).to(device)
        losses.append([r["loss"] for r in pretrain(model, batches(rows, 10, 0, np.random.default_rng(7)), config)])
    assert np.allclose(losses[0][:5], losses[1][:5], atol=0.1)
    assert losses[1][-1] == pytest.approx(losses[0][-1], abs=0.2)
