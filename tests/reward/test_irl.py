"""Maximum causal entropy against enumerated paths, sums over time, small steps, and a world whose reward is known."""

import math

import numpy as np
import pytest

from rlhf_edu.envs.grid import GridWorld
from rlhf_edu.reward.irl import (
    IRLConfig,
    World,
    demonstrate,
    landing,
    log_likelihood,
    max_ent_irl,
    observed_occupancy,
    occupancy,
    occupancy_gap,
    soft_value_iteration,
    world_of,
)
from rlhf_edu.rl.planning import Model, PlanningConfig, exact_values, greedy, model_of, q_values, value_iteration

GAMMA = 0.9
ENV = GridWorld(["S..-", ".#..", "S..G"], slip=0.2, step_reward=-0.1, rewards={"G": 2.0})
WORLD, REWARD = world_of(ENV.P, ENV.starts), model_of(ENV).reward


def random_policy(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.ones(4), size=12)


def layers(width: int = 2, depth: int = 3) -> World:
    """From each cell of a layer every action leads to one cell of the next; the last layer ends the episode."""
    n = 1 + width * depth
    land, reach = np.zeros((n, width, n)), np.zeros((n, width, n))
    for s in range(n):
        layer = 0 if s == 0 else (s - 1) // width + 1
        for a in range(width):
            to = layer * width + 1 + a if layer < depth else s
            land[s, a, to] = 1
            reach[s, a, to] = float(layer < depth - 1)
    return World(land, reach, np.eye(n)[0])


def test_soft_values_are_sums_over_all_paths():
    """Without chance and discount: V(s₀) = log Σ_paths exp(reward), and a path has the probability exp(reward − V)."""
    world, paths = layers(), []
    reward = np.random.default_rng(1).normal(size=(7, 2))
    for bits in np.ndindex(2, 2, 2):
        states = [0, 1 + bits[0], 3 + bits[1]]
        paths.append(
            (list(zip(states, bits, strict=True)), sum(reward[s, a] for s, a in zip(states, bits, strict=True)))
        )
    v, policy = soft_value_iteration(world, reward, 1.0 - 1e-12)
    z = sum(math.exp(r) for _, r in paths)
    assert v[0] == pytest.approx(math.log(z))
    for steps, r in paths:
        assert math.prod(policy[s, a] for s, a in steps) == pytest.approx(math.exp(r) / z)


def test_soft_values_satisfy_their_equation_state_by_state():
    v, policy = soft_value_iteration(WORLD, REWARD, GAMMA)
    for s in range(12):
        q = [REWARD[s, a] + GAMMA * sum(WORLD.reach[s, a, t] * v[t] for t in range(12)) for a in range(4)]
        assert v[s] == pytest.approx(math.log(sum(map(math.exp, q))), abs=1e-8)
        assert policy[s] == pytest.approx([math.exp(x - v[s]) for x in q])
    warm, same = soft_value_iteration(WORLD, REWARD, GAMMA, v)
    assert warm == pytest.approx(v, abs=1e-8)
    assert same == pytest.approx(policy)


def test_large_rewards_make_the_policy_greedy():
    v = np.zeros(12)
    value_iteration(v, ENV, PlanningConfig(gamma=GAMMA)).run()
    best = greedy(q_values(model_of(ENV), v, GAMMA))
    soft, policy = soft_value_iteration(WORLD, 1e3 * REWARD, GAMMA)
    assert soft / 1e3 == pytest.approx(v, abs=0.02)
    there = [s for s in range(12) if ENV.rows[s // 4][s % 4] in ".S-"]
    assert (policy.argmax(1) == best)[there].all()


def test_occupancy_is_a_sum_over_time():
    policy, d, rho = random_policy(2), WORLD.starts.copy(), np.zeros((12, 4))
    for t in range(400):
        rho += GAMMA**t * d[:, None] * policy
        d = np.array(
            [sum(d[s] * policy[s, a] * WORLD.reach[s, a, u] for s in range(12) for a in range(4)) for u in range(12)]
        )
    found = occupancy(WORLD, policy, GAMMA)
    assert found == pytest.approx(rho, abs=1e-9)
    assert (found * REWARD).sum() == pytest.approx(WORLD.starts @ exact_values(ENV, policy, GAMMA))


def test_demonstrations_approach_the_occupancy_of_their_policy():
    policy = random_policy(3)
    episodes = demonstrate(WORLD, policy, 3000, np.random.default_rng(4))
    assert {episode[0][0] for episode in episodes} == set(ENV.starts)
    assert occupancy_gap(observed_occupancy(WORLD, episodes, GAMMA), occupancy(WORLD, policy, GAMMA)) < 0.03
    by_hand = observed_occupancy(WORLD, [[(0, 1), (4, 1), (0, 1)], [(8, 2)]], GAMMA)
    assert by_hand[0, 1] == pytest.approx((1 + GAMMA**2) / 2)
    assert by_hand[4, 1] == pytest.approx(GAMMA / 2)
    assert by_hand[8, 2] == 0.5


def test_the_gap_is_a_distance_between_shares_of_time():
    a, b = np.zeros((2, 2)), np.zeros((2, 2))
    a[0, 0], b[1, 1] = 3.0, 0.5
    assert occupancy_gap(a, b) == 1.0
    assert occupancy_gap(a, 7 * a) == 0.0
    assert occupancy_gap(a + b, a) == pytest.approx(1 / 7)


def test_the_likelihood_is_that_of_the_actions_and_its_gradient_the_difference_of_occupancies():
    rng = np.random.default_rng(5)
    features, theta = landing(WORLD), rng.normal(size=12)
    rho = occupancy(WORLD, random_policy(6), GAMMA)

    def at(theta):
        v, policy = soft_value_iteration(WORLD, features @ theta, GAMMA)
        return log_likelihood(WORLD, rho, v, features @ theta, GAMMA), policy

    value, policy = at(theta)
    assert value == pytest.approx((rho * np.log(policy)).sum(), abs=1e-6)
    gradient = np.einsum("sa,saf->f", rho - occupancy(WORLD, policy, GAMMA), features)
    for i in range(12):
        step = 1e-4 * np.eye(12)[i]
        assert (at(theta + step)[0] - at(theta - step)[0]) / 2e-4 == pytest.approx(gradient[i], abs=1e-5)


def best_return(reward: np.ndarray) -> float:
    """What the best policy for `reward` truly earns."""
    v, model = np.zeros(12), Model(WORLD.reach, reward)
    value_iteration(v, model, PlanningConfig(gamma=GAMMA)).run()
    return float(WORLD.starts @ exact_values(ENV, greedy(q_values(model, v, GAMMA)), GAMMA))


def test_the_recovered_reward_explains_the_expert_and_is_as_good_as_the_true_one():
    _, policy = soft_value_iteration(WORLD, REWARD, GAMMA)
    theta = np.zeros(12)
    records = max_ent_irl(theta, WORLD, occupancy(WORLD, policy, GAMMA), landing(WORLD), IRLConfig(gamma=GAMMA)).run()
    assert records[0]["gap"] > 0.03
    assert records[-1]["gap"] < 1e-3
    assert records[-1]["likelihood"] > records[0]["likelihood"]
    assert best_return(landing(WORLD) @ theta) == pytest.approx(best_return(REWARD), abs=1e-6)
    assert best_return(-REWARD) < best_return(REWARD) - 1  # the question was put rightly


def test_a_hundred_demonstrations_and_a_prior_are_enough():
    _, policy = soft_value_iteration(WORLD, 3 * REWARD, GAMMA)
    seen = observed_occupancy(WORLD, demonstrate(WORLD, policy, 100, np.random.default_rng(7)), GAMMA)
    theta = np.zeros(12)
    max_ent_irl(theta, WORLD, seen, landing(WORLD), IRLConfig(gamma=GAMMA, prior=1e-3)).run()
    assert best_return(landing(WORLD) @ theta) > 0.95 * best_return(REWARD)
    assert np.abs(theta).max() < 50


def test_a_prior_alone_leaves_no_reward():
    theta = np.ones(12)
    rho = occupancy(WORLD, random_policy(8), GAMMA)
    max_ent_irl(theta, WORLD, rho, landing(WORLD), IRLConfig(gamma=GAMMA, prior=1e3)).run()
    assert np.abs(theta).max() < 1e-2


def refuse(**changes):
    kwargs = dict(
        theta=np.zeros(12), world=WORLD, expert=occupancy(WORLD, random_policy(1), GAMMA), features=landing(WORLD)
    )
    next(max_ent_irl(**(kwargs | changes)))


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (lambda: refuse(features=np.ones((12, 4, 12))), "all features are constant"),
        (lambda: refuse(theta=np.zeros(3)), "theta has 3 weights"),
        (lambda: refuse(expert=np.zeros((3, 4))), r"expert \(3, 4\)"),
        (lambda: observed_occupancy(WORLD, [], GAMMA), "no demonstration"),
        (lambda: observed_occupancy(WORLD, [[(0, 1)], []], GAMMA), "or an empty one"),
        (lambda: observed_occupancy(WORLD, [[(0, 9)]], GAMMA), "state 0 and action 9"),
        (lambda: world_of(ENV.P, []), "starts is"),
        (lambda: world_of(ENV.P, [99]), r"starts is \[99\]"),
        (lambda: World(0.5 * WORLD.land, WORLD.reach, WORLD.starts), "probabilities that sum to 1"),
        (lambda: World(WORLD.land, WORLD.reach, 2 * WORLD.starts), r"start probabilities sum to 2\.000"),
        (lambda: IRLConfig(gamma=1.0), r"gamma is 1\.0"),
        (lambda: IRLConfig(steps=0), "steps is 0"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(bad, words):
    with pytest.raises(ValueError, match=words):
        bad()
