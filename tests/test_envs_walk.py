import itertools

import gymnasium as gym
import networkx as nx
import numpy as np
import pytest

from rlhf_edu.envs import RandomWalk, WalkGraph

GRAPH = WalkGraph()


def as_networkx(graph):
    return nx.from_numpy_array(graph.edges.astype(int), create_using=nx.DiGraph)


@pytest.mark.parametrize("seed", range(5))
def test_distances_are_those_of_networkx(seed):
    graph = WalkGraph(seed=seed)
    lengths = dict(nx.single_target_shortest_path_length(as_networkx(graph), 0))
    assert graph.distances.tolist() == [lengths[node] for node in range(21)]


def test_optimality_of_every_short_walk_counted_by_hand():
    graph = WalkGraph(n_nodes=5, max_length=5, p_edge=0.4, seed=1)
    picture = as_networkx(graph)
    scores = set()
    for n in range(1, 7):
        for walk in itertools.product(range(5), repeat=n):
            cut = walk[: walk.index(0) + 1] if 0 in walk else walk
            legal = len(cut) > 1 and 0 in walk and len(cut) <= 5 and nx.is_path(picture, list(cut))
            best = len(nx.shortest_path(picture, walk[0], 0))
            expected = (5 - len(cut)) / (5 - best) if legal else 0.0
            assert graph.optimality(walk) == pytest.approx(expected)
            scores.add(round(expected, 3))
    assert {0.0, 1.0} < scores


def test_shortest_walks_are_optimal_and_random_ones_are_not():
    assert all(GRAPH.optimality(GRAPH.shortest_walk(start)) == 1.0 for start in range(1, 21))
    scores = [GRAPH.optimality(walk) for walk in GRAPH.random_walks(500, np.random.default_rng(0))]
    assert 0.1 < np.mean(scores) < 0.6
    assert min(scores) == 0.0
    assert max(scores) == 1.0


def test_text_and_nodes_tell_the_same_walk():
    walks = GRAPH.random_walks(50, np.random.default_rng(1))
    for walk in walks:
        text = GRAPH.to_text(walk)
        assert GRAPH.from_text(text) == walk
        assert GRAPH.score(text) == GRAPH.score(" ".join(text)) == GRAPH.optimality(walk)
        assert len(text) <= 10
    assert GRAPH.corpus(50, np.random.default_rng(1)) == [GRAPH.to_text(walk) for walk in walks]
    assert GRAPH.prompts() == list("bcdefghijklmnopqrstu")


@pytest.mark.parametrize("nonsense", ["", "a", "?", "b?a", "zz", "é", "bbbb", "ba" * 50])
def test_nonsense_is_worth_nothing(nonsense):
    legal = nonsense.startswith("ba") and GRAPH.edges[1, 0]
    assert GRAPH.score(nonsense) == (1.0 if legal else 0.0)


def test_what_follows_the_goal_does_not_count():
    text = GRAPH.to_text(GRAPH.shortest_walk(4))
    assert GRAPH.score(text + "qqq") == 1.0


def test_the_environment_pays_the_optimality_of_the_walk():
    env, rng = RandomWalk(), np.random.default_rng(0)
    for _ in range(200):
        obs, info = env.reset(seed=int(rng.integers(10**6)))
        total, terminated = 0.0, False
        while not terminated:
            assert obs % 21 == env.walk[-1]
            assert obs // 21 == len(env.walk) - 1
            act = int(rng.choice(np.flatnonzero(info["action_mask"])))
            obs, rew, terminated, _, info = env.step(act)
            total += rew
        assert total == env.graph.score(info["walk"]) == env.graph.optimality(env.walk)
        assert 0 <= total <= 1
        assert len(env.walk) <= 10


def test_a_step_along_no_edge_ends_the_walk_unpaid():
    env = RandomWalk()
    env.reset(seed=0, options=dict(start=4))
    wrong = int(np.flatnonzero(~env.graph.edges[4])[0])
    assert env.step(wrong)[1:4] == (0.0, True, False)


def test_rendering_names_the_walk_and_draws_it():
    env = gym.make("rlhf_edu/RandomWalk-v0", render_mode="ansi")
    env.reset(seed=0, options=dict(start=1))
    assert env.render() == "b"
    picture = gym.make("rlhf_edu/RandomWalk-v0", render_mode="rgb_array")
    picture.reset(seed=0)
    assert picture.render().shape == (240, 240, 3)
    assert len(np.unique(picture.render().reshape(-1, 3), axis=0)) > 5


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (dict(n_nodes=1), "n_nodes is 1"),
        (dict(max_length=0), "max_length is 0"),
        (dict(p_edge=-0.1), "p_edge is -0.1"),
        (dict(n_nodes=50, max_length=3, p_edge=0.001), "no graph found"),
    ],
)
def test_impossible_graphs_say_why(arguments, words):
    with pytest.raises(ValueError, match=words):
        WalkGraph(**arguments)


def test_a_start_off_the_graph_is_refused():
    with pytest.raises(ValueError, match="start is 21"):
        RandomWalk().reset(options=dict(start=21))
