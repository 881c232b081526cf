import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from rlhf_edu.envs import GridWorld
from rlhf_edu.rl.planning import PlanningConfig, exact_values, q_values, value_iteration
from rlhf_edu.rl.spaces import count, indexer
from rlhf_edu.rl.tabular import (
    TabularConfig,
    epsilon_greedy,
    expected_sarsa,
    expected_sarsa_target,
    make_table,
    q_learning,
    q_learning_target,
    sarsa,
    sarsa_target,
)


def best_q(env, gamma):
    v = np.zeros(len(env.unwrapped.P))
    value_iteration(v, env, PlanningConfig(gamma=gamma)).run()
    return q_values(env, v, gamma)


def test_q_learning_finds_the_optimal_values_of_a_deterministic_lake():
    env = gym.make("FrozenLake-v1", is_slippery=False)
    q = make_table(env)
    config = TabularConfig(episodes=4000, alpha=0.5, gamma=0.9, epsilon=1.0)
    q_learning(q, env, config, rng=np.random.default_rng(0)).run()
    assert q == pytest.approx(best_q(env, 0.9), abs=1e-3)


@pytest.mark.parametrize("algorithm", [sarsa, expected_sarsa])
def test_sarsa_learns_the_values_of_the_policy_it_follows(algorithm):
    env = gym.wrappers.TimeLimit(GridWorld(["S.G", "..X"]), 100)
    q = make_table(env)
    config = TabularConfig(episodes=4000, alpha=0.1, gamma=0.9, epsilon=1.0)  # ε = 1: the policy stays uniform
    algorithm(q, env, config, rng=np.random.default_rng(0)).run()
    truth = q_values(env, exact_values(env, np.full((6, 4), 0.25), 0.9), 0.9)
    walkable = [0, 1, 3, 4]
    assert q[walkable] == pytest.approx(truth[walkable], abs=0.25 if algorithm is sarsa else 0.12)
    assert np.abs(q[walkable] - best_q(env, 0.9)[walkable]).max() > 0.4  # and not those of the best policy


def test_targets_by_hand():
    row = [1.0, 3.0, 2.0]
    assert q_learning_target(row, 2, 0.3) == 3.0
    assert sarsa_target(row, 2, 0.3) == 2.0
    assert expected_sarsa_target(row, 2, 0.3) == pytest.approx(0.7 * 3 + 0.1 * (1 + 3 + 2))


def test_on_policy_walks_away_from_the_cliff_and_off_policy_along_it():
    env = gym.make("CliffWalking-v1", max_episode_steps=1000)
    config = TabularConfig(episodes=400, alpha=0.5, gamma=1.0)
    rows = {}
    for algorithm in (q_learning, sarsa):
        q = make_table(env)
        algorithm(q, env, config, rng=np.random.default_rng(1)).run()
        obs, path = 36, []
        while obs != 47 and len(path) < 60:
            obs = env.unwrapped.P[obs][int(q[obs].argmax())][0][1]
            path.append(obs)
        rows[algorithm] = [state // 12 for state in path]
    assert rows[q_learning].count(2) >= 12  # the row beside the cliff, all the way
    assert sum(rows[sarsa]) / len(rows[sarsa]) < sum(rows[q_learning]) / len(rows[q_learning])


def test_a_cut_off_episode_bootstraps():
    """Staying put for ever at 1 a step is worth 1 / (1 − γ) = 10, though every episode is cut off after 3 steps."""
    env = gym.wrappers.TimeLimit(GridWorld(["S"], step_reward=1.0), 3)
    for algorithm in (q_learning, sarsa, expected_sarsa):
        q = make_table(env)
        algorithm(q, env, TabularConfig(episodes=2000, alpha=0.2, gamma=0.9), rng=np.random.default_rng(0)).run()
        assert q.max() == pytest.approx(10.0, rel=0.02)


def test_a_terminal_state_does_not_bootstrap():
    env = GridWorld(["SG"])
    q = make_table(env)
    q[1] = 1000.0  # nonsense in the terminal row must not leak
    q_learning(q, env, TabularConfig(episodes=50, alpha=1.0), rng=np.random.default_rng(0)).run()
    assert q[0, 2] == 1.0


def test_blackjack_and_taxi_fit_a_table():
    blackjack = gym.make("Blackjack-v1")
    q = make_table(blackjack)
    assert q.shape == (32 * 11 * 2, 2)
    config = TabularConfig(episodes=20_000, alpha=0.02, gamma=1.0, epsilon=0.3, epsilon_end=0.0)
    history = q_learning(q, blackjack, config, rng=np.random.default_rng(0)).run()
    assert np.mean([r["ret"] for r in history[-5000:]]) > -0.15  # at random it is about −0.39
    assert history[-1]["epsilon"] == 0.0
    assert make_table(gym.make("Taxi-v4")).shape == (500, 6)


def test_rows_of_a_product_space_are_all_different():
    space = spaces.Tuple([spaces.Discrete(3, start=2), spaces.MultiDiscrete([2, 3]), spaces.Discrete(2)])
    rows = {indexer(space)((a, np.array(b), c)) for a in (2, 3, 4) for b in np.ndindex(2, 3) for c in (0, 1)}
    assert rows == set(range(36))
    assert count(space) == 36
    assert indexer(spaces.Discrete(4, start=-1))(np.int64(-1)) == 0


def test_epsilon_greedy_explores_as_often_as_it_says_and_breaks_ties_fairly():
    rng = np.random.default_rng(0)
    acts = np.array([epsilon_greedy([0.0, 5.0, 5.0, 1.0], 0.2, rng) for _ in range(20_000)])
    share = np.bincount(acts, minlength=4) / len(acts)
    assert share == pytest.approx([0.05, 0.45, 0.45, 0.05], abs=0.012)


def test_a_students_own_target_is_what_trains():
    env = GridWorld(["S.G"])
    q = make_table(env)
    q_learning(q, env, TabularConfig(episodes=20, gamma=1.0), rng=np.random.default_rng(0), target=lambda *_: 7.0).run()
    assert 1.0 < q[0].max() <= 7.0
    assert q[1, 2] <= 1.0


def test_nothing_happens_before_the_loop_starts():
    q = np.zeros((16, 4))
    run = q_learning(q, gym.make("FrozenLake-v1"), rng=np.random.default_rng(0))
    assert "Loop over it" in repr(run)
    assert not q.any()
    assert set(next(run)) == {"episode", "step", "ret", "steps", "epsilon"}


def test_the_same_generator_gives_the_same_run():
    runs = []
    for _ in range(2):
        q = np.zeros((16, 4))
        env = gym.make("FrozenLake-v1")
        runs.append(q_learning(q, env, TabularConfig(episodes=30), rng=np.random.default_rng(5)).run())
    assert runs[0] == runs[1]


class Broken(GridWorld):
    def step(self, action):
        return 0, float("nan"), False, False, {}


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda rng: q_learning(np.zeros((4, 4)), GridWorld("book"), rng=rng).run(), r"floats of shape \(12, 4\)"),
        (lambda rng: q_learning(np.zeros((12, 4), int), GridWorld("book"), rng=rng).run(), "table of int64"),
        (lambda rng: q_learning(np.zeros((12, 4)), Broken("book"), rng=rng).run(), "reward nan"),
        (lambda rng: make_table(gym.make("CartPole-v1")), "needs discrete observations"),
        (lambda rng: TabularConfig(epsilon=1.5), r"epsilon is 1.5, but it must lie in \[0, 1\]"),
        (lambda rng: TabularConfig(episodes=0), "episodes is 0"),
    ],
)
def test_bad_input_gets_one_clear_sentence(call, words):
    with pytest.raises(ValueError, match=words):
        call(np.random.default_rng(0))
