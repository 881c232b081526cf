"""Rewards from elsewhere: paid for the right step, also where an episode ends, and nothing forgotten."""

import numpy as np
import pytest
import torch

from rlhf_edu.envs import make_vec
from rlhf_edu.rl.nets import actor_critic
from rlhf_edu.rl.ppo import PPOConfig, ppo
from rlhf_edu.rl.relabel import Relabelled


def walk(env: Relabelled, n: int, seed: int = 0) -> list:
    rng, seen = np.random.default_rng(seed), []
    obs, _ = env.reset(seed=seed)
    for _ in range(n):
        act = rng.integers(2, size=env.num_envs)
        seen.append((obs, act, *env.step(act)))
        obs = seen[-1][2]
    return seen


def test_it_pays_what_it_was_told_for_the_state_truly_reached():
    env = Relabelled(make_vec("CartPole-v1", 3), lambda steps: steps.reached[..., 0])
    for t, (obs, act, new, rew, terminated, truncated, info) in enumerate(walk(env, 60)):
        row = env.rows[t]
        reached = [info["final_obs"][i] if terminated[i] or truncated[i] else new[i] for i in range(3)]
        assert row.obs[0].tolist() == obs.tolist()
        assert row.act[0].tolist() == act.tolist()
        assert rew == pytest.approx([x[0] for x in reached])
        assert row.terminated[0].tolist() == terminated.tolist()
    steps = env.take()
    assert steps.obs.shape == (60, 3, 4)
    assert steps.terminated.sum() > 3
    assert (steps.true_rew == 1).all()
    with pytest.raises(ValueError, match="nothing has happened"):
        env.take()
    going_on = ~steps.terminated[:-1]
    assert np.array_equal(steps.reached[:-1][going_on], steps.obs[1:][going_on])
    assert not np.array_equal(steps.reached[:-1][~going_on], steps.obs[1:][~going_on])


def test_flat_steps_are_the_same_steps():
    env = Relabelled(make_vec("CartPole-v1", 3))
    walk(env, 5)
    steps = env.take()
    assert steps.flat().obs[4, 0].tolist() == steps.obs[1, 1].tolist()
    assert steps.flat().terminated.shape == (15, 1)


def test_true_returns_are_kept_from_the_agent_and_told_to_the_reader():
    env = Relabelled(make_vec("CartPole-v1", 2))
    assert np.isnan(env.true_ret)
    seen = walk(env, 100)
    assert all((step[3] == 0).all() for step in seen)  # no reward was set
    ends = [t for t, step in enumerate(seen) if step[4][0]]
    lengths = np.diff([-1, *ends])
    other = np.diff([-1, *(t for t, step in enumerate(seen) if step[4][1])])
    assert env.true_ret == pytest.approx(np.concatenate([lengths, other])[-20:].mean(), rel=0.2)


def test_an_agent_learns_what_it_is_paid_for():
    torch.manual_seed(0)
    env = Relabelled(make_vec("CartPole-v1", 8), lambda steps: (steps.act == 1).astype(np.float32))
    policy = actor_critic(env, (16,))
    ppo(
        policy, env, PPOConfig(steps=2000, n_steps=32, epochs=4, gamma=0.0, lr=0.02), rng=np.random.default_rng(0)
    ).run()
    with torch.no_grad():
        chance = policy.policy(torch.as_tensor(env.take().obs[-50:].reshape(-1, 4))).log_softmax().exp()[:, 1]
    assert chance.mean() > 0.9
