import gymnasium as gym
import numpy as np
import pytest
import torch

from rlhf_edu.envs import make_vec
from rlhf_edu.rl.nets import actor_critic
from rlhf_edu.rl.play import episode_returns, greedy_actions, greedy_policy
from rlhf_edu.rl.rollout import rollouts
from rlhf_edu.rl.stepping import Stepper, as_vector


def short_cartpole(n_envs=3):
    return make_vec("CartPole-v1", n_envs, max_episode_steps=13)


def test_each_step_says_where_it_truly_led():
    """The same actions in plain environments, reset by hand, give the same transitions."""
    envs = Stepper(short_cartpole(2), seed=5)
    plain = [gym.make("CartPole-v1", max_episode_steps=13) for _ in range(2)]
    obs = [env.reset(seed=5 + i)[0] for i, env in enumerate(plain)]
    rng, scores, ends = np.random.default_rng(0), [[0.0, 0], [0.0, 0]], 0
    for _ in range(100):
        assert np.array_equal(envs.obs, np.stack(obs))
        act = rng.integers(2, size=2)
        rew, reached, terminated, truncated = envs.step(act)
        finished = []
        for i, env in enumerate(plain):
            obs[i], r, term, trunc, _ = env.step(act[i])
            scores[i] = [scores[i][0] + r, scores[i][1] + 1]
            assert (rew[i], terminated[i], truncated[i]) == (r, term, trunc)
            assert np.array_equal(reached[i], obs[i])
            if term or trunc:
                finished.append(tuple(scores[i]))
                scores[i], obs[i] = [0.0, 0], env.reset()[0]
                ends += 1
        assert envs.finished == finished
    assert ends > 10
    assert envs.steps == 200
    assert envs.score()["ret"] == np.mean([ret for ret, _ in list(envs.recent)])


def test_only_the_reset_that_keeps_the_last_state_is_accepted():
    with pytest.raises(ValueError, match="SAME_STEP"):
        as_vector(gym.make_vec("CartPole-v1", 2, vectorization_mode="sync"))
    with pytest.raises(ValueError, match="env is str"):
        as_vector("CartPole-v1")
    assert as_vector(gym.make("CartPole-v1")).num_envs == 1


class NaNReward(gym.Wrapper):
    def step(self, action):
        obs, _, terminated, truncated, info = self.env.step(action)
        return obs, float("nan"), terminated, truncated, info


def test_rewards_that_are_no_numbers_are_refused():
    envs = Stepper(NaNReward(gym.make("CartPole-v1")), seed=0)
    with pytest.raises(ValueError, match="rewards must be finite"):
        envs.step(np.array([0]))


def test_actions_are_clipped_into_the_box_and_shifted_to_the_first():
    class Recorder(gym.Env):
        observation_space = gym.spaces.Box(-1, 1, (1,), np.float32)

        def __init__(self, space):
            self.action_space, self.got = space, []

        def reset(self, **_):
            return np.zeros(1, np.float32), {}

        def step(self, action):
            self.got.append(np.asarray(action).tolist())
            return np.zeros(1, np.float32), 0.0, False, False, {}

    box = Recorder(gym.spaces.Box(-0.5, 0.5, (1,), np.float32))
    Stepper(box, seed=0).step(np.array([[3.0]], np.float32))
    shifted = Recorder(gym.spaces.Discrete(3, start=5))
    Stepper(shifted, seed=0).step(np.array([2]))
    assert (box.got, shifted.got) == ([[0.5]], [7])


def test_a_rollout_holds_values_of_the_states_truly_reached():
    torch.manual_seed(0)
    env = short_cartpole()
    policy = actor_critic(env, (8,))
    envs = Stepper(env, seed=1)
    start = envs.obs.copy()
    first, second = (
        r for r, _ in zip(rollouts(policy, envs, 40, torch.Generator().manual_seed(0)), range(2), strict=False)
    )
    assert np.array_equal(first.obs[0].numpy(), start)
    plain = [gym.make("CartPole-v1", max_episode_steps=13) for _ in range(3)]
    obs = [e.reset(seed=1 + i)[0] for i, e in enumerate(plain)]
    cut = 0
    for r in (first, second):
        for t in range(40):
            for i, e in enumerate(plain):
                assert np.array_equal(r.obs[t, i].numpy(), obs[i])
                with torch.no_grad():
                    here = torch.from_numpy(obs[i])[None]
                    assert r.val[t, i].item() == pytest.approx(policy.value(here).item(), abs=1e-5)
                    expected = torch.log_softmax(policy.actor(here), 1)[0, r.act[t, i]].item()
                    assert r.logp[t, i].item() == pytest.approx(expected, abs=1e-5)
                obs[i], rew, terminated, truncated, _ = e.step(int(r.act[t, i]))
                assert (r.rew[t, i], r.terminated[t, i], r.truncated[t, i]) == (rew, terminated, truncated)
                if not terminated:
                    with torch.no_grad():
                        after = policy.value(torch.from_numpy(obs[i])[None]).item()
                    assert r.next_val[t, i].item() == pytest.approx(after, abs=1e-5)
                cut += truncated and not terminated
                if terminated or truncated:
                    obs[i], _ = e.reset()
    assert cut > 3  # the case that matters did happen


def test_episode_returns_count_every_environment_equally():
    env = make_vec("CartPole-v1", 4)
    returns = episode_returns(lambda obs: np.zeros(len(obs), int), env, episodes=10)
    assert returns.shape == (10,)
    assert (returns >= 8).all()
    assert (returns <= 11).all()  # pushing left for ever falls over at once
    with pytest.raises(ValueError, match="episodes is 0"):
        episode_returns(lambda obs: np.zeros(len(obs), int), env, episodes=0)


def test_greedy_takes_the_mode():
    policy = actor_critic(gym.make("CartPole-v1"), (8,))
    obs = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    best = policy.actor(torch.from_numpy(obs)).argmax(1).numpy()
    assert np.array_equal(greedy_actions(policy)(obs), best)
    assert [int(greedy_policy(policy)(row)) for row in obs] == best.tolist()
