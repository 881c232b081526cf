import gymnasium as gym
import numpy as np
import pytest

from rlhf_edu.envs import GridWorld
from rlhf_edu.rl.planning import (
    Model,
    PlanningConfig,
    exact_values,
    greedy,
    model_of,
    policy_evaluation,
    policy_iteration,
    q_values,
    value_iteration,
)

ENVS = [
    lambda: gym.make("FrozenLake-v1"),
    lambda: gym.make("CliffWalking-v1"),
    lambda: GridWorld("book", slip=0.2, step_reward=-0.04),
]
CONFIG = PlanningConfig(gamma=0.95, tolerance=1e-10)


def slow_q(env, v, gamma):
    P = env.unwrapped.P
    return np.array([[sum(p * (r + gamma * v[t] * (not end)) for p, t, r, end in P[s][a]) for a in P[s]] for s in P])


@pytest.mark.parametrize("make", ENVS)
def test_q_values_follow_the_table_line_by_line(make):
    env = make()
    v = np.random.default_rng(0).normal(size=len(env.unwrapped.P))
    assert q_values(env, v, 0.9) == pytest.approx(slow_q(env, v, 0.9))


@pytest.mark.parametrize("make", ENVS)
def test_sweeping_and_solving_give_the_same_values(make):
    env, rng = make(), np.random.default_rng(1)
    n_states, n_actions = model_of(env).reward.shape
    random_policy = rng.dirichlet(np.ones(n_actions), size=n_states)
    for policy in (random_policy, rng.integers(n_actions, size=n_states)):
        v = np.zeros(n_states)
        policy_evaluation(v, env, policy, CONFIG).run()
        assert v == pytest.approx(exact_values(env, policy, 0.95), abs=1e-7)


@pytest.mark.parametrize("make", ENVS)
def test_value_iteration_and_policy_iteration_agree_and_no_policy_is_better(make):
    env, rng = make(), np.random.default_rng(2)
    n_states, n_actions = model_of(env).reward.shape
    v, policy = np.zeros(n_states), np.zeros(n_states, dtype=int)
    history = value_iteration(v, env, CONFIG).run()
    assert history[-1]["change"] < 1e-10 <= history[-2]["change"]
    assert policy_iteration(policy, env, CONFIG).run()[-1]["changed"] == 0
    assert v == pytest.approx(exact_values(env, policy, 0.95), abs=1e-7)
    assert v == pytest.approx(exact_values(env, greedy(q_values(env, v, 0.95)), 0.95), abs=1e-7)
    for _ in range(50):
        assert (exact_values(env, rng.integers(n_actions, size=n_states), 0.95) <= v + 1e-7).all()


def test_values_are_what_playing_earns():
    env = GridWorld("book", slip=0.2, step_reward=-0.04)
    policy = np.zeros(12, dtype=int)
    policy_iteration(policy, env, CONFIG).run()
    returns = []
    for episode in range(4000):
        obs, _ = env.reset(seed=7 if episode == 0 else None)
        total, weight, terminated = 0.0, 1.0, False
        while not terminated:
            obs, rew, terminated, _, _ = env.step(policy[obs])
            total, weight = total + weight * rew, weight * 0.95
        returns.append(total)
    error = np.std(returns) / np.sqrt(len(returns))
    assert np.mean(returns) == pytest.approx(exact_values(env, policy, 0.95)[8], abs=4 * error)


def test_a_random_walk_on_a_line_by_hand():
    # Three cells between a cliff (0 a step in) and a goal (1): 1/4, 2/4, 3/4 without discount.
    env = GridWorld(["X.S.G"], rewards={"X": 0.0, "G": 1.0})
    policy = np.tile([0.5, 0, 0.5, 0], (5, 1))
    assert exact_values(env, policy, 1.0)[1:4] == pytest.approx([0.25, 0.5, 0.75])


def test_a_policy_that_never_ends_has_no_undiscounted_value():
    with pytest.raises(ValueError, match="use gamma < 1"):
        exact_values(GridWorld("book"), np.zeros(12, dtype=int), 1.0)


def table(**changes):
    good = {0: {0: [(1.0, 0, 1.0, True)]}}
    good[0][0] = [changes.get("outcome", good[0][0][0])]
    return good


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: model_of(gym.make("CartPole-v1")), "no transition table P"),
        (lambda: model_of(table(outcome=(-0.5, 0, 1.0, True))), r"P\[0\]\[0\] has probabilities \[-0.5\]"),
        (lambda: model_of(table(outcome=(0.5, 0, 1.0, True))), "must sum to 1"),
        (lambda: model_of(table(outcome=(1.0, 0, float("nan"), True))), "reward nan"),
        (lambda: value_iteration(np.zeros(3), GridWorld("book")).run(), r"shape \(12,\)"),
        (lambda: value_iteration(np.zeros(12, int), GridWorld("book")).run(), "float array"),
        (lambda: policy_evaluation(np.zeros(12), GridWorld("book"), np.zeros(5, int)).run(), "each of 12 states"),
        (lambda: exact_values(GridWorld("book"), np.full((12, 4), -0.25)), "no probabilities"),
        (lambda: PlanningConfig(gamma=1.5), "gamma is 1.5"),
        (lambda: PlanningConfig(max_sweeps=0), "max_sweeps 0"),
    ],
)
def test_bad_input_gets_one_clear_sentence(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_a_good_table_is_read():
    assert isinstance(model_of(table()), Model)
    assert model_of(table()).reward.tolist() == [[1.0]]
    assert model_of(table()).reach.tolist() == [[[0.0]]]


@pytest.mark.parametrize(
    ("reach", "reward", "said"),
    [
        (np.array([[[-0.5, 1.0]], [[0.5, 0.5]]]), np.zeros((2, 1)), "must not be negative"),
        (np.array([[[0.9, 0.9]], [[0.5, 0.5]]]), np.zeros((2, 1)), "sum to more than 1"),
    ],
)
def test_arrays_that_are_no_model_are_refused(reach, reward, said):
    with pytest.raises(ValueError, match=said):
        Model(reach, reward)
