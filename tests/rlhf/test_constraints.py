"""Combinators of rewards, text by text, and a constraint that is met while the reward is still wanted."""

import math
from dataclasses import replace

import pytest
import tiny
import torch
from ppo_runs import likes_low_ids

from rlhf_edu.reward.losses import bradley_terry
from rlhf_edu.reward.models import RewardModel
from rlhf_edu.rlhf.constraints import Lagrangian, head_posterior, length_penalty, lower_bound
from rlhf_edu.rlhf.group import RLOO, group_rl

DONE = tiny.written(tiny.gpt2(1), seed=3, n=12)


def test_each_token_beyond_the_free_ones_has_its_price():
    plain, priced = likes_low_ids(DONE), length_penalty(likes_low_ids, 0.25, free=3)(DONE)
    lengths = [int(m.sum()) for m in DONE.new_mask]
    assert min(lengths) < 3 < max(lengths)
    for b, n in enumerate(lengths):
        assert priced[b].item() == pytest.approx(plain[b].item() - 0.25 * max(0, n - 3), abs=1e-5)


def test_the_price_of_a_cost_follows_its_equation():
    cost = lambda done: done.new_mask.sum(1).float()  # noqa: E731
    rule = Lagrangian(likes_low_ids, cost, limit=4.0, rate=0.2, start=0.5)
    multiplier = 0.5
    for _ in range(3):
        paid = rule.reward(DONE)
        expected = (likes_low_ids(DONE) - multiplier * cost(DONE)) / (1 + multiplier)
        assert torch.allclose(paid, expected, atol=1e-5)
        multiplier = math.exp(math.log(multiplier) + 0.2 * (cost(DONE).mean().item() - 4.0))
        assert rule.watch(DONE) == pytest.approx(dict(cost=cost(DONE).mean().item(), multiplier=multiplier))
    rule.limit = 100.0
    before = rule.multiplier
    rule.reward(DONE)
    assert rule.multiplier < before  # below its limit, the cost gets cheaper


def test_a_policy_that_loves_costly_tokens_learns_to_stay_within_the_limit():
    """Token 5 is worth 1 and costs 1: without a limit it fills the texts, with one the mean cost settles there."""
    fives = lambda done: ((done.new_ids == 5) & done.new_mask).sum(1).float()  # noqa: E731
    ends = {}
    for limit in (1.0, 1e6):
        rule = Lagrangian(fives, fives, limit=limit, rate=0.3)
        policy = tiny.gpt2(1)
        settings = replace(RLOO, steps=80, prompts=4, group=8, n_new=8, lr=4e-3, beta=0.01, missing_eos=None)
        records = group_rl(
            policy,
            tiny.gpt2(1).requires_grad_(False),
            rule.reward,
            tiny.prompts(1, 10),
            settings,
            eos_id=tiny.EOS,
            pad_id=tiny.PAD,
            generator=torch.Generator().manual_seed(0),
            watch_texts=rule.watch,
        ).run()
        ends[limit] = sum(r["cost"] for r in records[-20:]) / 20
    assert ends[1e6] > 4.0
    assert ends[1.0] < 2.0


def test_what_makes_no_sense_is_refused_in_one_sentence():
    for call, words in (
        (lambda: length_penalty(likes_low_ids, -0.1), "per_token is -0.1"),
        (lambda: Lagrangian(likes_low_ids, likes_low_ids, math.nan), "limit is nan"),
        (lambda: Lagrangian(likes_low_ids, likes_low_ids, 1.0, rate=0.0), "rate is 0.0"),
        (lambda: length_penalty(lambda d: torch.full((len(d),), math.nan), 0.1)(DONE), "NaN or infinity"),
    ):
        with pytest.raises(ValueError, match=words):
            call()


def fitted(prior: float = 0.02):
    """A reward model settled on some texts, its head at the very minimum of loss and prior, and the features it was fitted to."""
    model = RewardModel(tiny.gpt2(1))
    model.settle(DONE)
    f = model.features(DONE.ids, DONE.mask)
    chosen, rejected = f[:6], f[6:]
    optimizer = torch.optim.LBFGS(model.head.parameters(), max_iter=300, tolerance_grad=1e-9, tolerance_change=1e-12)

    def loss():
        optimizer.zero_grad()
        weight = model.head.linear.weight
        total = bradley_terry(model.reward(chosen), model.reward(rejected)) + prior * weight.square().sum()
        total.backward()
        return total

    optimizer.step(loss)
    return model, chosen, rejected, prior


def test_the_posterior_is_the_inverse_curvature_that_autograd_finds():
    model, chosen, rejected, prior = fitted()
    a, b = (model.standardise(x).double() for x in (chosen, rejected))
    log_posterior = lambda w: len(a) * (bradley_terry(a @ w, b @ w) + prior * w.square().sum())  # noqa: E731
    w = model.head.linear.weight[0].detach().double()
    assert torch.autograd.functional.jacobian(log_posterior, w).norm() < 1e-3  # w is the minimum
    curve = torch.autograd.functional.hessian(log_posterior, w)
    found = head_posterior(model, chosen, rejected, prior)
    assert torch.allclose(found @ curve, torch.eye(len(w)).double(), atol=1e-6)


def test_the_lower_bound_is_that_of_very_many_heads_drawn_from_the_posterior():
    model, chosen, rejected, prior = fitted()
    covariance = head_posterior(model, chosen, rejected, prior)
    w = model.head.linear.weight[0].detach().double()
    g = torch.Generator().manual_seed(0)
    noise = torch.randn(20_000, len(w), generator=g, dtype=torch.float64)
    heads = w + noise @ torch.linalg.cholesky(covariance).T
    z = model.standardise(model.features(DONE.ids, DONE.mask)).double()
    doubt = (z @ heads.T).std(1)
    found = (model(DONE) - lower_bound(model, covariance, k=2.0)(DONE)) / 2
    assert torch.allclose(found.double(), doubt, rtol=0.03)
    assert torch.equal(lower_bound(model, covariance, k=0.0)(DONE), model(DONE))


def test_bad_doubts_are_refused():
    model, chosen, rejected, _ = fitted()
    with pytest.raises(ValueError, match=r"prior is 0\.0"):
        head_posterior(model, chosen, rejected, 0.0)
    with pytest.raises(ValueError, match=r"k is -1\.0"):
        lower_bound(model, torch.eye(2), k=-1.0)
