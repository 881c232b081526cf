"""The two losses of PPO against loops over tokens, finite differences and cases worked out on paper."""

import math

import pytest
import torch

from rlhf_edu.ops import whiten
from rlhf_edu.rlhf.ppo import policy_loss, value_loss
from rlhf_edu.rlhf.watching import explained_variance

G = torch.Generator().manual_seed(1)
LENGTHS = (5, 2, 1, 4)
MASK = torch.arange(5)[None, :] < torch.tensor(LENGTHS)[:, None]
OLD = torch.log(torch.rand(4, 5, generator=G))
NEW = OLD + 0.5 * torch.randn(4, 5, generator=G)
ADV, RET = torch.randn(4, 5, generator=G), torch.randn(4, 5, generator=G)
V_OLD = torch.randn(4, 5, generator=G)
V = V_OLD + 0.4 * torch.randn(4, 5, generator=G)
REAL = [(b, t) for b, n in enumerate(LENGTHS) for t in range(n)]
NAN = float("nan")


def slow_policy_loss(new, clip=0.2):
    total = 0.0
    for b, t in REAL:
        ratio, a = math.exp(new[b][t] - OLD[b, t].item()), ADV[b, t].item()
        total += max(-a * ratio, -a * min(max(ratio, 1 - clip), 1 + clip))
    return total / len(REAL)


def slow_value_loss(v, clip=0.2):
    total = 0.0
    for b, t in REAL:
        old, r = V_OLD[b, t].item(), RET[b, t].item()
        near = old + min(max(v[b][t] - old, -clip), clip)
        total += max((v[b][t] - r) ** 2, (near - r) ** 2)
    return 0.5 * total / len(REAL)


def test_policy_loss_is_a_mean_over_real_tokens_written_as_a_loop():
    assert policy_loss(NEW, OLD, ADV, MASK, 0.2).item() == pytest.approx(slow_policy_loss(NEW.tolist()), abs=1e-5)


def test_value_loss_is_half_a_mean_over_real_tokens_written_as_a_loop():
    assert value_loss(V, V_OLD, RET, MASK, 0.2).item() == pytest.approx(slow_value_loss(V.tolist()), abs=1e-5)


@pytest.mark.parametrize(
    ("loss", "slow", "start"),
    [
        (lambda x: policy_loss(x, OLD, ADV, MASK, 0.2), slow_policy_loss, NEW),
        (lambda x: value_loss(x, V_OLD, RET, MASK, 0.2), slow_value_loss, V),
    ],
)
def test_gradients_are_those_of_the_loop(loss, slow, start):
    """Central differences on the double-precision loop, token by token; padding gets no gradient."""
    x = start.clone().requires_grad_(True)
    (grad,) = torch.autograd.grad(loss(x), x)
    assert grad[~MASK].abs().sum() == 0
    eps = 1e-5
    for b, t in REAL:
        up, down = start.double().tolist(), start.double().tolist()
        up[b][t] += eps
        down[b][t] -= eps
        assert grad[b, t].item() == pytest.approx((slow(up) - slow(down)) / (2 * eps), abs=1e-4)


@pytest.mark.parametrize(
    ("ratio", "advantage", "loss", "moves"),
    [
        (1.0, 2.0, -2.0, True),  # nothing has changed yet: the plain policy gradient
        (1.5, 2.0, -2.4, False),  # already much likelier, and good: enough
        (0.5, 2.0, -1.0, True),  # good, but grown unlikely: bring it back
        (1.5, -2.0, 3.0, True),  # bad, and grown likely: push it down, without limit
        (0.5, -2.0, 1.6, False),  # bad, and already unlikely: enough
    ],
)
def test_the_four_corners_of_clipping_on_paper(ratio, advantage, loss, moves):
    logp = torch.tensor([[math.log(ratio)]], requires_grad=True)
    found = policy_loss(logp, torch.zeros(1, 1), torch.tensor([[advantage]]), torch.ones(1, 1, dtype=torch.bool), 0.2)
    found.backward()
    assert found.item() == pytest.approx(loss, abs=1e-6)
    assert (logp.grad.abs().item() > 1e-6) == moves
    if moves:
        assert (logp.grad.item() < 0) == (advantage > 0)  # descent raises the log-prob of what was good


def test_padding_may_hold_anything():
    bad = [x.masked_fill(~MASK, NAN) for x in (NEW, OLD, ADV)]
    assert torch.equal(policy_loss(*bad, MASK, 0.2), policy_loss(NEW, OLD, ADV, MASK, 0.2))
    bad = [x.masked_fill(~MASK, NAN) for x in (V, V_OLD, RET)]
    assert torch.equal(value_loss(*bad, MASK, 0.2), value_loss(V, V_OLD, RET, MASK, 0.2))


def test_before_any_step_the_gradient_is_the_policy_gradient():
    """d/dlogp of −mean(A·logp): clipping must not touch the first minibatch."""
    x = OLD.clone().requires_grad_(True)
    (grad,) = torch.autograd.grad(policy_loss(x, OLD, ADV, MASK, 0.2), x)
    assert torch.allclose(grad[MASK], -ADV[MASK] / len(REAL), atol=1e-6)


def test_whitening_of_advantages_removes_the_mean_and_of_rewards_keeps_it():
    x = 3.0 + 2.0 * torch.randn(4, 5, generator=G)
    real = [x[b, t].item() for b, t in REAL]
    mean = sum(real) / len(real)
    sd = math.sqrt(sum((v - mean) ** 2 for v in real) / len(real))
    adv, rew = whiten(x, MASK), whiten(x, MASK, shift_mean=False)
    for b, t in REAL:
        assert adv[b, t].item() == pytest.approx((x[b, t].item() - mean) / sd, abs=1e-4)
        assert rew[b, t].item() == pytest.approx((x[b, t].item() - mean) / sd + mean, abs=1e-4)
    assert adv[~MASK].abs().sum() == rew[~MASK].abs().sum() == 0


def test_explained_variance_on_paper():
    mask, returns = torch.ones(1, 4, dtype=torch.bool), torch.tensor([[1.0, 2.0, 3.0, 4.0]])
    assert explained_variance(returns, returns, mask) == pytest.approx(1.0)
    assert explained_variance(torch.full((1, 4), 2.5), returns, mask) == pytest.approx(0.0)
    assert explained_variance(torch.zeros(1, 4), returns, mask) == pytest.approx(0.0)  # a constant error is forgiven
    assert explained_variance(-returns, returns, mask) == pytest.approx(1 - 4.0)
    assert explained_variance(RET, RET.masked_fill(~MASK, 99.0), MASK) == pytest.approx(1.0)
