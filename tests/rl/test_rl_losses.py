import math

import pytest
import torch

from rlhf_edu.rl.losses import clip_fraction, clipped_policy_loss, policy_gradient_loss, sampled_kl, value_loss


def case(seed=0, n=40):
    old, new, adv = (torch.randn(n, generator=torch.Generator().manual_seed(seed + k)) for k in range(3))
    return -old.abs(), (-old.abs() + 0.3 * new).requires_grad_(), adv


def test_the_clipped_loss_line_by_line():
    logp_old, logp, adv = case()
    total = 0.0
    for old, new, a in zip(logp_old.tolist(), logp.tolist(), adv.tolist(), strict=True):
        ratio = math.exp(new - old)
        total += min(ratio * a, max(0.8, min(1.2, ratio)) * a)
    assert clipped_policy_loss(logp, logp_old, adv, 0.2).item() == pytest.approx(-total / 40, abs=1e-6)


def test_gradient_flows_only_where_moving_still_earns():
    """Written from the picture in the paper: flat beyond 1 + ε if A > 0, and below 1 − ε if A < 0."""
    logp_old, logp, adv = case(seed=7)
    clipped_policy_loss(logp, logp_old, adv, 0.2).backward()
    ratio = torch.exp(logp - logp_old)
    flat = ((adv > 0) & (ratio > 1.2)) | ((adv < 0) & (ratio < 0.8))
    assert 0 < flat.sum() < 40
    expected = torch.where(flat, 0.0, -ratio * adv / 40)
    assert torch.allclose(logp.grad, expected, atol=1e-6)


def test_before_any_update_the_clipped_gradient_is_the_policy_gradient():
    logp_old, _, adv = case(seed=9)
    gradients = []
    for loss in (lambda x: clipped_policy_loss(x, logp_old, adv), lambda x: policy_gradient_loss(x, adv)):
        logp = logp_old.clone().requires_grad_()
        loss(logp).backward()
        gradients.append(logp.grad)
    assert torch.allclose(*gradients, atol=1e-6)


def test_the_policy_gradient_is_the_gradient_of_the_expected_reward():
    """Enumerated for three actions: Σ_a π(a) ∇log π(a) r(a) = ∇ Σ_a π(a) r(a)."""
    rewards, theta = torch.tensor([1.0, -2.0, 0.5]), torch.tensor([0.3, -0.1, 0.7])
    logits = theta.clone().requires_grad_()
    (torch.softmax(logits, 0) * rewards).sum().backward()
    other = theta.clone().requires_grad_()
    logp = torch.log_softmax(other, 0)
    policy_gradient_loss(logp, 3 * logp.detach().exp() * rewards).backward()
    assert torch.allclose(-other.grad, logits.grad, atol=1e-6)


def test_sampled_kl_comes_close_to_the_exact_sum_and_is_never_negative():
    old, new = torch.log_softmax(torch.tensor([1.0, 0.0, -1.0]), 0), torch.log_softmax(torch.tensor([0.5, 0.5, -1]), 0)
    act = torch.multinomial(old.exp(), 200_000, replacement=True, generator=torch.Generator().manual_seed(0))
    exact = (old.exp() * (old - new)).sum().item()
    assert sampled_kl(new[act], old[act]) == pytest.approx(exact, rel=0.03)
    assert all(sampled_kl(new[a : a + 1], old[a : a + 1]) >= 0 for a in range(3))


def test_clip_fraction_counts_both_sides():
    ratio = torch.tensor([0.7, 0.85, 1.0, 1.15, 1.3, 2.0])
    assert clip_fraction(ratio.log(), torch.zeros(6), 0.2) == pytest.approx(3 / 6)


def test_value_loss_by_hand():
    assert value_loss(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 2.0])).item() == 1.0
