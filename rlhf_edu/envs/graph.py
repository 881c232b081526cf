"""A directed graph to walk on, and how good a walk is. The same walks serve as actions and, letter by letter, as text.

The task is that of Chen et al. (2021), "Decision Transformer", and Snell et al. (2022), "ILQL": learn shortest paths
from random walks. Left out on purpose: edge weights.
"""

import string
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Int

LETTERS = string.ascii_letters
UNREACHABLE = 10**6


@dataclass(frozen=True)
class WalkGraph:
    """A random graph whose node 0 is the goal; every other node can reach it early enough.

    `edges[a, b]` says that b may follow a; `distances[a]` counts the moves from a to the goal on a shortest path.
    """

    n_nodes: int = 21
    max_length: int = 10  # most nodes in a walk, the start included
    p_edge: float = 0.1  # chance of each directed edge
    seed: int = 0
    edges: Bool[np.ndarray, "nodes nodes"] = field(init=False, repr=False, compare=False)
    distances: Int[np.ndarray, " nodes"] = field(init=False, repr=False, compare=False)

    def __post_init__(self):
        if not 2 <= self.n_nodes <= len(LETTERS):
            raise ValueError(f"n_nodes is {self.n_nodes}, but it must lie in [2, {len(LETTERS)}]: one letter a node")
        if self.max_length < 3:
            raise ValueError(f"max_length is {self.max_length}, but a walk needs room for at least 3 nodes")
        if not 0 < self.p_edge <= 1:
            raise ValueError(f"p_edge is {self.p_edge}, but it must lie in (0, 1]")
        rng = np.random.default_rng(self.seed)
        for _ in range(2000):
            edges = rng.random((self.n_nodes, self.n_nodes)) < self.p_edge
            np.fill_diagonal(edges, False)
            distances = moves_to(0, edges)
            if distances.max() <= self.max_length - 2:  # even the longest shortest path leaves room to be worse
                break
        else:
            raise ValueError("no graph found in which every node reaches the goal in time: raise p_edge or max_length")
        object.__setattr__(self, "edges", edges)
        object.__setattr__(self, "distances", distances)

    def next_nodes(self, node: int) -> list[int]:
        return np.flatnonzero(self.edges[node]).tolist()

    def optimality(self, walk: Sequence[int]) -> float:
        """How close a walk comes to the shortest one from its start, in [0, 1].

            (L − n) / (L − n*)      n nodes up to the goal, n* on a shortest path, L = `max_length`

        Steps along no edge, walks that never reach the goal, and walks longer than L are worth 0. What follows the
        first visit to the goal does not count.
        """
        walk = list(walk)
        if 0 in walk:
            walk = walk[: walk.index(0) + 1]
        known = all(0 <= node < self.n_nodes for node in walk)
        if not known or len(walk) < 2 or walk[-1] != 0 or len(walk) > self.max_length:
            return 0.0
        if not all(self.edges[a, b] for a, b in pairwise(walk)):
            return 0.0
        shortest = int(self.distances[walk[0]]) + 1
        return (self.max_length - len(walk)) / (self.max_length - shortest)

    def shortest_walk(self, start: int) -> list[int]:
        """One shortest walk from `start` to the goal (the one with the lowest node numbers)."""
        walk = [start]
        while walk[-1] != 0:
            walk.append(min(self.next_nodes(walk[-1]), key=lambda node: self.distances[node]))
        return walk

    def random_walks(self, n: int, rng: np.random.Generator) -> list[list[int]]:
        """`n` walks from random starts along random edges, each to the goal or to `max_length` nodes."""
        walks = []
        for start in rng.integers(1, self.n_nodes, size=n).tolist():
            walk = [start]
            while walk[-1] != 0 and len(walk) < self.max_length:
                walk.append(int(rng.choice(self.next_nodes(walk[-1]))))
            walks.append(walk)
        return walks

    def to_text(self, walk: Sequence[int]) -> str:
        """One letter a node: the goal is `a`."""
        return "".join(LETTERS[node] for node in walk)

    def from_text(self, text: str) -> list[int]:
        """The nodes of a text, −1 for a letter that is no node; spaces are skipped."""
        known = LETTERS[: self.n_nodes]
        return [known.find(letter) for letter in text if not letter.isspace()]

    def score(self, text: str) -> float:
        """`optimality` of a walk written as text, prompt included; nonsense is worth 0."""
        return self.optimality(self.from_text(text))

    def prompts(self) -> list[str]:
        """Every node to start from, as text."""
        return [self.to_text([node]) for node in range(1, self.n_nodes)]

    def corpus(self, n: int, rng: np.random.Generator) -> list[str]:
        """`n` random walks as text: what a language model learns from before anybody rewards it."""
        return [self.to_text(walk) for walk in self.random_walks(n, rng)]


def moves_to(goal: int, edges: Bool[np.ndarray, "nodes nodes"]) -> Int[np.ndarray, " nodes"]:
    """Fewest moves from every node to `goal`, by breadth-first search against the edges."""
    distances = np.full(len(edges), UNREACHABLE)
    distances[goal] = 0
    queue = deque([goal])
    while queue:
        node = queue.popleft()
        for before in np.flatnonzero(edges[:, node]):
            if distances[before] == UNREACHABLE:
                distances[before] = distances[node] + 1
                queue.append(int(before))
    return distances
