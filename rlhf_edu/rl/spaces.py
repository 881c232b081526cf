"""What an agent needs to know of Gymnasium's spaces, and a clear sentence when a space does not fit."""

from collections.abc import Callable
from typing import Any

from gymnasium import Space, spaces


def count(space: Space) -> int:
    """How many values a discrete space holds; tuples of discrete spaces (Blackjack) count their combinations."""
    if isinstance(space, spaces.Discrete):
        return int(space.n)
    if isinstance(space, spaces.MultiDiscrete):
        return int(space.nvec.prod())
    if isinstance(space, spaces.Tuple):
        total = 1
        for part in space.spaces:
            total *= count(part)
        return total
    raise ValueError(
        f"a table needs discrete observations and actions, but this space is {space}: "
        "use dqn, a2c or ppo, or cut the space into bins"
    )


def indexer(space: Space) -> Callable[[Any], int]:
    """The function that turns a value of a discrete space into its row of the table."""
    if isinstance(space, spaces.Discrete):
        start = int(space.start)
        return int if start == 0 else lambda value: int(value) - start
    count(space)
    if isinstance(space, spaces.MultiDiscrete):
        sizes, starts = space.nvec.ravel().tolist(), space.start.ravel().tolist()
        parts = [lambda value, start=start: int(value) - start for start in starts]
    else:
        assert isinstance(space, spaces.Tuple)
        sizes, parts = [count(part) for part in space.spaces], [indexer(part) for part in space.spaces]

    def index(value: Any) -> int:
        row = 0
        for size, part, item in zip(sizes, parts, value, strict=True):
            row = row * size + part(item)
        return row

    return index
