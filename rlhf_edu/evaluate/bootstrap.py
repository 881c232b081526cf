"""How far a number would have moved with other prompts, seeds or judges: draw the data again and again from itself."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Interval(NamedTuple):
    """A number and where it probably lies."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3g} ({self.low:.3g} to {self.high:.3g})"


def bootstrap(
    statistic: Callable[..., float],
    *data: np.ndarray,
    rng: np.random.Generator,
    resamples: int = 2000,
    level: float = 0.95,
) -> Interval:
    """A statistic of rows, with its percentile interval: rows of all arrays are drawn together, with replacement.

    low, high = the (1 ∓ level)/2 quantiles of statistic(x*_1 … x*_n)        (Efron 1979; the percentile interval: Efron 1981)

    A row is what was drawn independently: a prompt, with all its texts; or a seed, with its whole run. Drawing texts
    where prompts differ makes intervals too narrow. With fewer than about ten rows no interval of this kind can be trusted.
    """
    arrays = [np.asarray(x) for x in data]
    sizes = {len(x) for x in arrays}
    if len(sizes) != 1 or min(sizes) < 2:
        raise ValueError(f"arrays of {sorted(sizes)} rows came, but all need the same number, two or more")
    if not (0 < level < 1 and resamples >= 100):
        raise ValueError(f"level is {level} and resamples {resamples}, but they must lie in (0, 1) and be 100 or more")
    (n,) = sizes
    drawn = [statistic(*(x[rows] for x in arrays)) for rows in (rng.integers(n, size=n) for _ in range(resamples))]
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(statistic(*arrays)), float(low), float(high))
