"""What a PPO run says about itself: every number of a record computed again, and settings that make no sense."""

import copy
import math
from itertools import pairwise

import pytest
import tiny
import torch
from ppo_runs import Bench, alone, likes_low_ids, slow_scores

from rlhf_edu.lm.interface import Completions
from rlhf_edu.rlhf.ppo import PPOConfig
from rlhf_edu.rlhf.watching import distinct_pairs


def test_the_record_tells_the_truth():
    """At a step where policy and reference differ, every number again, by loops over tokens."""
    bench, copies, texts = Bench(), [], []

    def reward(done):
        copies.append(copy.deepcopy(bench.policy))
        return likes_low_ids(done)

    run = bench.run(reward, lr=2e-2, beta=0.5, batch=8, watch_texts=lambda d: texts.append(d) or {"gold": 0.25})
    record = [next(run), next(run), next(run)][-1]
    policy, done = copies[-1], texts[-1]
    kl, k3, H, scores, tokens = 0.0, 0.0, 0.0, [], 0
    for b in range(8):
        for (p, _), (q, _) in zip(
            slow_scores(policy, done, b, 1.0), slow_scores(bench.reference, done, b, 1.0), strict=True
        ):
            kl, k3, H, tokens = kl + p - q, k3 + math.exp(q - p) - 1 - (q - p), H - p, tokens + 1
        ends = tiny.EOS in done.new_ids[b].tolist()
        scores.append(likes_low_ids(done[[b]]).item() if ends else PPOConfig().missing_eos)
    assert record["kl_nats"] == pytest.approx(kl / 8, abs=1e-3)
    assert abs(record["kl_nats"]) > 0.01  # so that there was something to get wrong
    assert record["kl_per_token"] == pytest.approx(k3 / tokens, abs=1e-4)
    assert record["entropy"] == pytest.approx(H / tokens, abs=1e-3)
    assert record["score"] == pytest.approx(sum(scores) / 8, abs=1e-5)
    assert record["reward"] == pytest.approx(sum(scores) / 8 - 0.5 * kl / 8, abs=1e-3)
    assert record["n_new"] == pytest.approx(tokens / 8)
    assert record["ended"] == pytest.approx(sum(tiny.EOS in row for row in done.new_ids.tolist()) / 8)
    pairs = [
        tuple(r[i : i + 2]) for b in range(8) for r in [alone(done, b).new_ids[0].tolist()] for i in range(len(r) - 1)
    ]
    assert record["distinct_2"] == pytest.approx(len(set(pairs)) / len(pairs))
    assert record["gold"] == 0.25


def test_the_record_has_what_must_be_watched():
    keys = "step score kl_nats kl_per_token beta entropy clip_fraction approx_kl ratio explained_variance n_new ended"
    record = next(Bench().run())
    assert set(f"{keys} distinct_2 reward policy_loss value_loss grad_norm stopped first_ratio".split()) <= set(record)
    assert all(isinstance(v, int | float) and math.isfinite(v) for v in record.values())


def test_distinct_pairs_by_hand():
    ids = torch.tensor([[9, 3, 4, 3, 4], [9, 3, 4, 0, 0]])
    mask = torch.tensor([[True] * 5, [True, True, True, False, False]])
    assert distinct_pairs(Completions(ids, mask, torch.zeros(2, 4))) == 2 / 4  # 34 43 34 | 34
    assert (
        distinct_pairs(Completions(ids[1:, :3], mask[1:, :3], torch.zeros(1, 1))) == 0.0
    )  # one token has no neighbour


@pytest.mark.parametrize(("target", "sign"), [(1e-6, 1), (1e6, -1)])
def test_beta_adapts_step_by_step_both_ways(target, sign):
    betas = [r["beta"] for r in Bench().run(target_kl=target, beta=0.1, lr=1e-2, batch=50)]
    growth = [b / a for a, b in pairwise(betas[1:])]  # the first KL is 0, whatever the target
    assert growth == pytest.approx([1 + sign * 0.2 * 50 / 10_000] * 3, abs=1e-6)


@pytest.mark.parametrize("name", ["steps", "batch", "n_new", "epochs", "minibatches", "lr", "clip", "temperature"])
def test_settings_must_be_positive(name):
    zero = type(getattr(PPOConfig(), name))(0)
    with pytest.raises(ValueError, match=f"{name} is {zero}, but it must be positive"):
        PPOConfig(**{name: zero})


@pytest.mark.parametrize("beta", [-1.0, float("nan"), float("inf")])
def test_a_price_that_is_no_price_is_refused(beta):
    with pytest.raises(ValueError, match="must be finite and 0 or more"):
        PPOConfig(beta=beta)


def test_settings_that_contradict_each_other_are_refused():
    with pytest.raises(ValueError, match="5 minibatches cannot be cut from a batch of 4"):
        PPOConfig(batch=4, minibatches=5)
    for settings in (dict(target_kl=0.0), dict(target_kl=3.0, beta=0.0)):
        with pytest.raises(ValueError, match="to adapt β, both must be positive"):
            PPOConfig(**settings)
