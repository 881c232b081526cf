"""Every agent climbs the ladder of probes, and the ladder catches the mistakes it is there for."""

from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from rlhf_edu.envs import PROBES, make_vec
from rlhf_edu.rl.dqn import DQNConfig, double_targets, dqn, dqn_targets, move_target
from rlhf_edu.rl.nets import actor_critic, q_network, see
from rlhf_edu.rl.policy_gradient import A2CConfig, ReinforceConfig, a2c, reinforce
from rlhf_edu.rl.ppo import PPOConfig, ppo
from rlhf_edu.rl.returns import gae

GAMMA = 0.8
DISCRETE = [name for name in PROBES if name != "Aim"]
QUICK = dict(steps=3000, gamma=GAMMA, lr=3e-3, batch_size=32, explore=1.0, epsilon=0.2, target_update=25)
DQNS = {
    "plain": dict(double=False),
    "double": dict(double=True),
    "soft": dict(target_update=0.1),
    "n-step": dict(n_step=3, epsilon=0.0, explore=0.3),
    "prioritised": dict(priority=0.6),
    "dueling": dict(),
    "Huber": dict(),
    "raw observations": dict(),
    "lr kept": dict(anneal=False),
}
POLICIES = {
    "reinforce": (reinforce, ReinforceConfig(steps=12_000, n_steps=20, gamma=GAMMA, lr=0.01, normalise=False)),
    "a2c": (a2c, A2CConfig(steps=12_000, gamma=GAMMA, lr=0.01)),
    "ppo": (ppo, PPOConfig(steps=6_000, n_steps=16, epochs=4, batch_size=32, gamma=GAMMA, lr=0.01)),
}


def states_of(name, best=True):
    """Observations that the best agent meets, and the answers to them."""
    env, states = PROBES[name](), {}
    for seed in range(6):
        obs, _ = env.reset(seed=seed)
        for _ in range(6):
            states[tuple(obs.tolist())] = (env.value(obs, GAMMA), env.best(obs))
            act = env.best(obs) or 0
            obs, _, terminated, _, _ = env.step(act)
            if terminated:
                break
    return states


def check(name, values_of, actions_of, tolerance):
    for obs, (value, best) in states_of(name).items():
        batch = torch.tensor([obs])
        assert values_of(batch) == pytest.approx(value, abs=tolerance * max(1.0, abs(value))), (obs, value)
        if best is not None:
            assert actions_of(batch) == best


LADDER = [("plain", name) for name in DISCRETE] + [
    (variant, name)
    for variant in list(DQNS)[1:]
    for name in ("Discount", "ObservationAction", "Credit", "TimeLimit")  # the rungs a variant could break
]


@pytest.mark.parametrize(("variant", "name"), LADDER)
def test_dqn_solves_every_probe(variant, name):
    torch.manual_seed(0)
    env = make_vec(f"rlhf_edu/Probe{name}-v0", 4)
    net = q_network(env, (32,), dueling=variant == "dueling", standardise=variant != "raw observations")
    loss = F.smooth_l1_loss if variant == "Huber" else F.mse_loss
    dqn(net, env, DQNConfig(**(QUICK | DQNS[variant])), rng=np.random.default_rng(0), loss=loss).run()
    check(name, lambda obs: net(obs).max().item(), lambda obs: net(obs).argmax().item(), 0.15)


@pytest.mark.parametrize("name", PROBES)
@pytest.mark.parametrize("algorithm", POLICIES)
def test_policy_gradients_solve_every_probe(name, algorithm):
    torch.manual_seed(0)
    env = make_vec(f"rlhf_edu/Probe{name}-v0", 8)
    policy = actor_critic(env, (16,))
    train, config = POLICIES[algorithm]
    config = replace(config, lr=3e-3) if name == "Aim" else config
    train(policy, env, config, rng=np.random.default_rng(0)).run()
    if name == "Aim":
        for seen in (-1.0, 1.0):
            assert policy.policy(torch.tensor([[seen]])).mean.item() == pytest.approx(seen / 2, abs=0.15)
        return
    check(name, lambda obs: policy.value(obs).item(), lambda obs: policy.policy(obs).mode().item(), 0.2)


def truncation_as_termination(rewards, values, next_values, terminated, truncated, gamma, lam):
    return gae(rewards, values, next_values, terminated | truncated, truncated, gamma, lam)


@pytest.mark.parametrize("algorithm", ["a2c", "ppo"])
def test_the_time_limit_probe_catches_truncation_taken_for_termination(algorithm):
    torch.manual_seed(0)
    env = make_vec("rlhf_edu/ProbeTimeLimit-v0", 8)
    policy = actor_critic(env, (16,))
    train, config = POLICIES[algorithm]
    train(policy, env, config, rng=np.random.default_rng(0), advantages=truncation_as_termination).run()
    assert policy.value(torch.zeros(1, 1)).item() < 4.0  # the truth is 5


class EndsMixedUp(gym.Wrapper):
    """Reports every end as a terminal state: the commonest fault of home-made environments and agents."""

    def step(self, action):
        obs, rew, terminated, truncated, info = self.env.step(action)
        return obs, rew, terminated or truncated, False, info


@pytest.mark.parametrize("algorithm", ["dqn", "reinforce", "a2c", "ppo"])
def test_no_agent_passes_the_time_limit_probe_when_ends_are_mixed_up(algorithm):
    torch.manual_seed(0)
    env = make_vec(lambda: EndsMixedUp(gym.make("rlhf_edu/ProbeTimeLimit-v0")), 8)
    if algorithm == "dqn":
        net = q_network(env, (16,))
        dqn(net, env, DQNConfig(**QUICK), rng=np.random.default_rng(0)).run()
        value = net(torch.zeros(1, 1)).max().item()
    else:
        policy = actor_critic(env, (16,))
        train, config = POLICIES[algorithm]
        train(policy, env, config, rng=np.random.default_rng(0)).run()
        value = policy.value(torch.zeros(1, 1)).item()
    assert value < 4.0  # the truth is 5; rewards up to the cut alone are worth less than 3.4


def test_targets_by_hand():
    rewards, discounts = torch.tensor([1.0, 1.0]), torch.tensor([0.5, 0.0])
    target, online = torch.tensor([[4.0, 2.0], [9.0, 9.0]]), torch.tensor([[0.0, 3.0], [1.0, 0.0]])
    assert dqn_targets(rewards, discounts, target, online).tolist() == [3.0, 1.0]
    assert double_targets(rewards, discounts, target, online).tolist() == [2.0, 1.0]


def test_the_learning_rate_falls_in_a_straight_line_unless_it_is_kept(monkeypatch):
    seen = []

    class Spy(torch.optim.Adam):
        def step(self, closure=None):
            seen.append(self.param_groups[0]["lr"])
            return super().step(closure)

    monkeypatch.setattr(torch.optim, "Adam", Spy)
    env = make_vec("rlhf_edu/ProbeConstant-v0", 1)
    config = DQNConfig(steps=400, batch_size=4, lr=1e-3, replay_ratio=1.0)
    for anneal in (True, False):
        seen.clear()
        dqn(q_network(env, (4,)), env, replace(config, anneal=anneal), rng=np.random.default_rng(0)).run()
        steps = 400 - len(seen) + 1 + np.arange(len(seen))  # one update a step, once there is something to learn from
        assert seen == pytest.approx(1e-3 * (1 - steps / 400) if anneal else np.full(len(seen), 1e-3), abs=1e-12)


@pytest.mark.parametrize(("how", "moved"), [(0.25, 0.25), (1, 1.0), (2, 0.0)])
def test_the_target_follows_with_its_weights_and_its_scale(how, moved):
    net, target = q_network(make_vec("CartPole-v1", 1), (4,)), q_network(make_vec("CartPole-v1", 1), (4,))
    see(net, np.random.default_rng(0).normal(3.0, 2.0, size=(50, 4)).astype(np.float32))
    before = {name: x.clone() for name, x in target.state_dict().items()}
    move_target(target, net, 1, how)
    for name, x in target.state_dict().items():
        assert torch.allclose(x, (1 - moved) * before[name] + moved * net.state_dict()[name], atol=1e-5), name


def test_huber_hears_one_failure_less_than_the_square_does():
    """One prediction is 60 too high and 99 are 0.5 too low: which way does the common bias go?"""
    errors = torch.tensor([60.0] + [-0.5] * 99)
    push = {}
    for loss in (F.mse_loss, F.smooth_l1_loss):
        bias = torch.zeros((), requires_grad=True)
        loss(errors + bias, torch.zeros(100)).backward()
        push[loss] = -bias.grad.item()
    assert push[F.mse_loss] < 0 < push[F.smooth_l1_loss]


def test_a_students_own_targets_train_the_network():
    torch.manual_seed(0)
    env = make_vec("rlhf_edu/ProbeConstant-v0", 4)
    net = q_network(env, (8,))
    history = dqn(
        net,
        env,
        DQNConfig(**QUICK, anneal=False),
        rng=np.random.default_rng(0),
        targets=lambda rewards, discounts, next_target, next_online: torch.full_like(rewards, 3.0),
    ).run()
    assert net(torch.zeros(1, 1)).item() == pytest.approx(3.0, abs=0.1)
    assert set(history[-1]) == {"episode", "step", "ret", "steps", "loss", "epsilon"}
    assert [r["episode"] for r in history] == list(range(len(history)))


@pytest.mark.parametrize("baseline", ["none", "mean", "value"])
def test_reinforce_learns_with_and_without_a_baseline(baseline):
    torch.manual_seed(0)
    env = make_vec("rlhf_edu/ProbeObservationAction-v0", 8)
    policy = actor_critic(env, (16,))
    config = ReinforceConfig(steps=8000, n_steps=10, lr=0.01, baseline=baseline)
    history = reinforce(policy, env, config, rng=np.random.default_rng(0)).run()
    assert np.mean([r["ret"] for r in history[-10:]]) > 0.9


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: DQNConfig(gamma=1.1), "gamma is 1.1"),
        (lambda: DQNConfig(steps=0), "steps is 0"),
        (lambda: DQNConfig(n_step=0), "n_step is 0"),
        (lambda: DQNConfig(lr=0.0), "lr is 0.0"),
        (lambda: PPOConfig(n_steps=0), "n_steps is 0"),
        (lambda: PPOConfig(batch_size=1), "batch_size is 1"),
        (lambda: PPOConfig(clip=-0.2), "clip is -0.2"),
        (lambda: A2CConfig(lam=2.0), "lam is 2.0"),
        (lambda: ReinforceConfig(n_steps=0), "n_steps is 0"),
        (lambda: ReinforceConfig(baseline="median"), "baseline is 'median'"),
    ],
)
def test_configs_that_make_no_sense_are_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_dqn_refuses_continuous_actions():
    env = make_vec("rlhf_edu/ProbeAim-v0", 2)
    with pytest.raises(ValueError, match="DQN needs discrete actions"):
        next(dqn(torch.nn.Linear(1, 2), env, rng=np.random.default_rng(0)))
