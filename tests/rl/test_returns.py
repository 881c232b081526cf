"""`gae` and `discounted_returns` against the definitions they abbreviate, written as slowly and plainly as possible."""

import pytest
import torch

from rlhf_edu.rl.returns import discounted_returns, explained_variance, gae, normalised


def random_steps(seed, T=12, E=3):
    g = torch.Generator().manual_seed(seed)
    ends = torch.rand(T, E, generator=g)
    return dict(
        rewards=torch.randn(T, E, generator=g),
        values=torch.randn(T, E, generator=g),
        next_values=torch.randn(T, E, generator=g),
        terminated=ends < 0.15,
        truncated=(ends > 0.15) & (ends < 0.30),
    )


def slow_advantage(steps, t, e, gamma, lam):
    """A_t = Σ_k (γλ)^k δ_{t+k}, summed to the end of the episode."""
    total = 0.0
    for k, u in enumerate(range(t, len(steps["rewards"]))):
        at = {name: x[u, e].item() for name, x in steps.items()}
        future = 0.0 if at["terminated"] else gamma * at["next_values"]
        total += (gamma * lam) ** k * (at["rewards"] + future - at["values"])
        if at["terminated"] or at["truncated"]:
            break
    return total


@pytest.mark.parametrize(("gamma", "lam"), [(0.9, 0.8), (1.0, 1.0), (0.9, 0.0), (0.0, 0.9)])
def test_gae_equals_its_definition(gamma, lam):
    steps = random_steps(seed=3)
    advantages = gae(**steps, gamma=gamma, lam=lam)
    for t in range(12):
        for e in range(3):
            assert advantages[t, e].item() == pytest.approx(slow_advantage(steps, t, e, gamma, lam), abs=1e-5)


def test_a_time_limit_bootstraps_and_a_terminal_state_does_not():
    one = torch.ones(1, 1)
    yes, no = torch.tensor([[True]]), torch.tensor([[False]])
    assert gae(one, 0 * one, 10 * one, yes, no, gamma=0.5).item() == 1.0
    assert gae(one, 0 * one, 10 * one, no, yes, gamma=0.5).item() == 6.0


def test_nothing_leaks_from_the_next_episode():
    steps = random_steps(seed=4)
    steps["truncated"][5] = True
    changed = {name: x.clone() for name, x in steps.items()}
    changed["rewards"][6:] += 100.0
    assert torch.equal(gae(**steps)[:6], gae(**changed)[:6])


def test_with_lambda_1_advantages_are_returns_minus_values():
    steps = random_steps(seed=5)
    ended = steps["terminated"] | steps["truncated"]
    ended[-1] = True
    last = steps["next_values"] * ~steps["terminated"]
    # Values are a function of the state: between ends, V(s'_t) is the next row's V(s).
    going = ~ended[:-1]
    steps["next_values"][:-1][going] = steps["values"][1:][going]
    returns = discounted_returns(steps["rewards"], ended, 0.9, last)
    assert torch.allclose(gae(**steps, gamma=0.9, lam=1.0), returns - steps["values"], atol=1e-5)


def test_returns_by_hand():
    rewards = torch.tensor([[1.0], [2.0], [4.0], [8.0]])
    ended = torch.tensor([[False], [True], [False], [True]])
    last = torch.tensor([[9.0], [16.0], [9.0], [0.0]])
    assert discounted_returns(rewards, ended, 0.5).flatten().tolist() == [2.0, 2.0, 8.0, 8.0]
    assert discounted_returns(rewards, ended, 0.5, last).flatten().tolist() == [6.0, 10.0, 8.0, 8.0]


def test_whitening_and_explained_variance():
    x = torch.tensor([1.0, 2.0, 3.0, 6.0])
    z = normalised(x)
    assert z.mean().item() == pytest.approx(0, abs=1e-6)
    assert z.std().item() == pytest.approx(1, abs=1e-5)
    assert torch.equal(z.argsort(), x.argsort())
    assert torch.equal(normalised(torch.ones(4)), torch.zeros(4))
    assert explained_variance(x, x) == 1.0
    assert explained_variance(torch.full_like(x, 7.0), x) == pytest.approx(0.0)
    assert explained_variance(-x, x) == pytest.approx(-3.0)
