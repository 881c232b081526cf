"""Pictures of walks: steps are counted as they are, and what the picture says in words is true."""

import numpy as np
import pytest

from rlhf_edu.envs.graph import WalkGraph
from rlhf_edu.plots.walks import count_steps, describe, walk_map

GRAPH = WalkGraph(8, 6, p_edge=0.3, seed=1)


def test_steps_are_counted_and_unknown_nodes_left_out():
    counts = count_steps([[3, 1, 0], [2, 1, 0], [4, -1, 2]], 5)
    assert counts[1, 0] == 2
    assert counts[3, 1] == counts[2, 1] == 1
    assert counts.sum() == 4


def test_the_words_hold_what_the_picture_shows():
    shortest = count_steps([GRAPH.shortest_walk(node) for node in range(1, 8)], 8)
    picture = walk_map(GRAPH, shortest, np.arange(8.0), marked=[2], title="best")
    assert picture.alt == "best: 100% of the steps lead nearer to the goal, 0% along no edge"
    assert picture.png.startswith(b"\x89PNG")
    a, b = np.argwhere(~GRAPH.edges & ~np.eye(8, dtype=bool))[0].tolist()
    assert describe(GRAPH, count_steps([[a, b]], 8)).endswith("100% along no edge")


def test_nodes_stand_in_the_column_of_their_distance():
    texts = walk_map(GRAPH, np.zeros((8, 8))).figure.axes[0].texts
    places = {t.get_text(): t.get_position() for t in texts if t.get_text()}
    assert {GRAPH.from_text(name)[0]: round(-x) for name, (x, _) in places.items()} == dict(enumerate(GRAPH.distances))
    assert len(set(places.values())) == 8  # no node hides another


def test_steps_of_another_graph_are_refused():
    with pytest.raises(ValueError, match=r"steps have shape \(3, 3\), but the graph needs \(8, 8\)"):
        walk_map(GRAPH, np.zeros((3, 3)))
