import gymnasium as gym
import numpy as np
import pytest
import torch

from rlhf_edu.envs import make_vec
from rlhf_edu.rl.distributions import Categorical, Gaussian
from rlhf_edu.rl.dqn import dqn
from rlhf_edu.rl.nets import QNetwork, actor_critic, q_network, see
from rlhf_edu.rl.policy_gradient import a2c, reinforce
from rlhf_edu.rl.ppo import ppo


def test_dueling_splits_values_as_the_paper_says():
    net = QNetwork(3, 4, (8,), dueling=True)
    obs = torch.randn(5, 3)
    out = net.body(obs)
    for row, q in zip(out, net(obs), strict=True):
        value, advantage = row[0], row[1:]
        assert torch.allclose(q, torch.stack([value + a - sum(advantage) / 4 for a in advantage]), atol=1e-5)
    assert torch.allclose(net(obs).mean(1), out[:, 0], atol=1e-5)  # so V is the mean action value


def test_networks_fit_their_environment():
    assert q_network(gym.make("Acrobot-v1"))(torch.zeros(2, 6)).shape == (2, 3)
    discrete, continuous = actor_critic(make_vec("CartPole-v1", 2)), actor_critic(gym.make("Pendulum-v1"))
    assert isinstance(discrete.policy(torch.zeros(1, 4)), Categorical)
    assert isinstance(continuous.policy(torch.zeros(1, 3)), Gaussian)
    assert continuous.value(torch.zeros(7, 3)).shape == (7,)


def test_the_first_policy_hardly_prefers_anything():
    p = torch.softmax(actor_critic(gym.make("CartPole-v1")).policy(torch.randn(50, 4)).logits, 1)
    assert (p - 0.5).abs().max() < 0.05


@pytest.mark.parametrize(
    ("build", "env", "words"),
    [
        (q_network, lambda: gym.make("Pendulum-v1"), "DQN needs discrete actions"),
        (q_network, lambda: gym.make("FrozenLake-v1"), "vectors of floats"),
        (actor_critic, lambda: gym.make("FrozenLake-v1"), "q_learning"),
        (actor_critic, lambda: Plane(), "one axis"),
    ],
)
def test_spaces_that_do_not_fit_say_why(build, env, words):
    with pytest.raises(ValueError, match=words):
        build(env())


class Plane(gym.Env):
    observation_space = gym.spaces.Box(-1, 1, (2,), np.float32)
    action_space = gym.spaces.Box(-1, 1, (2, 2), np.float32)


def test_standardise_keeps_the_mean_and_variance_of_all_it_saw():
    rng = np.random.default_rng(0)
    batches = [rng.normal([5.0, -0.1], [3.0, 0.01], size=(n, 2)).astype(np.float32) for n in (1, 8, 8, 100, 3)]
    net = QNetwork(2, 3, (8,))
    before = net.scale(torch.from_numpy(batches[3]))
    assert torch.allclose(before, torch.from_numpy(batches[3]), atol=1e-4)  # nothing seen yet: nothing changed
    for batch in batches:
        see(net, batch)
    everything = np.concatenate(batches)
    scaled = net.scale(torch.from_numpy(everything)).numpy()
    assert scaled == pytest.approx((everything - everything.mean(0)) / everything.std(0), abs=0.02)
    assert net.scale.count == 120
    assert torch.equal(net(torch.from_numpy(everything)), net.body(torch.from_numpy(scaled)))


def test_what_never_changes_and_networks_without_a_scale_do_no_harm():
    constant, plain = QNetwork(1, 2), QNetwork(1, 2, standardise=False)
    for net in (constant, plain):
        for _ in range(3):
            see(net, np.full((4, 1), 7.0, np.float32))
    assert constant.scale(torch.full((2, 1), 7.0)).abs().max() < 1e-3
    assert plain.scale(torch.full((2, 1), 7.0)).tolist() == [[7.0], [7.0]]


@pytest.mark.parametrize("train", [dqn, ppo, reinforce, a2c])
@pytest.mark.parametrize("other", ["Acrobot-v1", "rlhf_edu/ProbeAction-v0"])
def test_a_network_made_for_another_environment_is_named(train, other):
    made = q_network if train is dqn else actor_critic
    run = train(made(make_vec("CartPole-v1", 2)), make_vec(other, 2), rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match=rf"does not fit this environment.*make it with {made.__name__}\(env\)"):
        run.run()


def test_a_policy_of_the_other_kind_of_action_is_named():
    run = ppo(actor_critic(make_vec("Acrobot-v1", 2)), make_vec("Pendulum-v1", 2), rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="does not fit this environment"):
        run.run()
