"""Remember what happened, and draw from it at random: uniform, n-step, and prioritised replay.

Lin (1992); Mnih et al. (2015); Schaul et al. (2016), "Prioritized experience replay".
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int


@dataclass(frozen=True)
class Transitions:
    """B drawn transitions: after `act` in `obs` came `rew` in total, then `next_obs`, worth `discount` × its value."""

    obs: Float[np.ndarray, "B D"]
    act: Int[np.ndarray, " B"]
    rew: Float[np.ndarray, " B"]  # Σ_{k<n} γ^k r_{t+k}
    next_obs: Float[np.ndarray, "B D"]
    discount: Float[np.ndarray, " B"]  # γ^n, or 0 where the episode terminated
    weight: Float[np.ndarray, " B"]  # importance weights; all 1 without priorities
    place: Int[np.ndarray, " B"]  # where they lie, for `set_priorities`


class Replay:
    """The last `capacity` transitions of E environments, in arrays made once."""

    def __init__(
        self, capacity: int, n_envs: int, obs_size: int, *, gamma: float, n_step: int = 1, priority: float = 0.0
    ):
        if capacity < n_envs:
            raise ValueError(f"capacity is {capacity}, but it must hold at least one step of {n_envs} environments")
        self.rows, self.n_envs = max(capacity // n_envs, n_step + 1), n_envs
        self.size = self.rows * n_envs
        self.gamma, self.n_step, self.priority = gamma, n_step, priority
        shape = (self.rows, n_envs)
        self.obs = np.zeros((*shape, obs_size), np.float32)
        self.next_obs = np.zeros((*shape, obs_size), np.float32)
        self.act = np.zeros(shape, np.int64)
        self.rew = np.zeros(shape, np.float32)
        self.terminated = np.zeros(shape, bool)
        self.ended = np.zeros(shape, bool)
        self.head, self.filled = 0, 0  # the row to write next; how many rows hold something
        self.tree = SumTree(self.size) if priority else None
        self.top = 1.0  # the highest priority seen: newcomers get it, so that each is drawn soon

    def __len__(self) -> int:
        return self.filled * self.n_envs

    def add(
        self,
        obs: Float[np.ndarray, "E D"],
        act: Int[np.ndarray, " E"],
        rew: np.ndarray,
        next_obs: Float[np.ndarray, "E D"],
        terminated: Bool[np.ndarray, " E"],
        truncated: Bool[np.ndarray, " E"],
    ) -> None:
        """Remember one step of every environment; `next_obs` is the state it truly led to, not one after a reset."""
        row = self.head
        self.obs[row], self.act[row], self.rew[row], self.next_obs[row] = obs, act, rew, next_obs
        self.terminated[row], self.ended[row] = terminated, terminated | truncated
        self.head, self.filled = (row + 1) % self.rows, min(self.filled + 1, self.rows)
        if self.tree:
            self.tree.set(row * self.n_envs + np.arange(self.n_envs), np.full(self.n_envs, self.top))

    def sample(self, n: int, rng: np.random.Generator, beta: float = 1.0) -> Transitions:
        """Draw `n` transitions; with priorities P(i) ∝ p_i^α and weights (N P(i))^−β / max (Schaul et al., eq. 1)."""
        if self.tree:
            place = self.tree.draw(n, rng)
            weight = (len(self) * self.tree.share(place)) ** -beta
            weight = (weight / weight.max()).astype(np.float32)
        else:
            place, weight = rng.integers(len(self), size=n), np.ones(n, np.float32)
        row, env = np.divmod(place, self.n_envs)
        rew, last, discount = self.look_ahead(row, env)
        return Transitions(
            self.obs[row, env], self.act[row, env], rew, self.next_obs[last, env], discount, weight, place
        )

    def batches(self, count: int, size: int, rng: np.random.Generator, beta: float = 1.0) -> Iterator[Transitions]:
        """`count` batches, drawn all at once: indexing is most of the cost, and hardly more for many than for one."""
        if count:
            drawn = self.sample(count * size, rng, beta)
            columns = [getattr(drawn, column.name) for column in fields(drawn)]
            order = rng.permutation(count * size) if self.tree else None  # priorities are drawn slice by slice
            for i in range(count):
                part = slice(i * size, (i + 1) * size) if order is None else order[i * size : (i + 1) * size]
                yield Transitions(*(column[part] for column in columns))

    def look_ahead(
        self, row: Int[np.ndarray, " B"], env: Int[np.ndarray, " B"]
    ) -> tuple[Float[np.ndarray, " B"], Int[np.ndarray, " B"], Float[np.ndarray, " B"]]:
        """Sum rewards over n steps, fewer where the episode ends or memory stops: (reward, last row, discount).

        Fewer steps are still right: the discount says how many there were, and the bootstrap starts from there.
        """
        rew, last = self.rew[row, env].copy(), row.copy()
        power = np.ones(len(row), np.float32)
        going = np.ones(len(row), bool)
        for _ in range(self.n_step - 1):
            after = (last + 1) % self.rows
            going &= ~self.ended[last, env] & (after != self.head)
            last = np.where(going, after, last)
            power = np.where(going, power * self.gamma, power).astype(np.float32)
            rew += np.where(going, power * self.rew[last, env], 0).astype(np.float32)
        return rew, last, (power * self.gamma * ~self.terminated[last, env]).astype(np.float32)

    def set_priorities(self, place: Int[np.ndarray, " B"], errors: Float[np.ndarray, " B"]) -> None:
        """p_i = (|δ_i| + ε)^α, so that what surprised comes back sooner."""
        if self.tree:
            priorities = (np.abs(errors) + 1e-3) ** self.priority
            self.top = max(self.top, float(priorities.max()))
            self.tree.set(place, priorities)


class SumTree:
    """Numbers ≥ 0 with their sums in a binary tree: drawing in proportion costs log N instead of N."""

    def __init__(self, size: int):
        self.depth = max(1, (size - 1).bit_length())
        self.first = 2**self.depth  # the leaves are first, first + 1, …; the parent of i is i // 2
        self.sums = np.zeros(2 * self.first)

    def set(self, place: Int[np.ndarray, " B"], values: Any) -> None:
        node = place + self.first
        self.sums[node] = values
        for _ in range(self.depth):
            node = node // 2
            self.sums[node] = self.sums[2 * node] + self.sums[2 * node + 1]

    def draw(self, n: int, rng: np.random.Generator) -> Int[np.ndarray, " n"]:
        """One place from each of n equal slices of the total, each place in proportion to its number."""
        left = (np.arange(n) + rng.random(n)) / n * self.sums[1] * (1 - 1e-12)
        node = np.ones(n, dtype=np.int64)
        for _ in range(self.depth):
            node = 2 * node
            right = left >= self.sums[node]
            left = np.where(right, left - self.sums[node], left)
            node += right
        return node - self.first

    def share(self, place: Int[np.ndarray, " B"]) -> Float[np.ndarray, " B"]:
        return self.sums[place + self.first] / self.sums[1]
