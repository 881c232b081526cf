"""Small help for task modules that speak of tensors but must load without torch."""

from typing import Any

import numpy as np


def tensor(x: Any) -> Any:
    """`x` as a torch tensor: float32 where it holds floats, bool or int64 otherwise."""
    import torch

    x = np.asarray(x)
    return torch.as_tensor(x.astype(np.float32) if x.dtype.kind == "f" else x)


def ragged_mask(rng: np.random.Generator, n_rows: int, n_new: int, hidden: bool) -> np.ndarray:
    """True on the real tokens of each response, False on the padding after it; the first row always has padding.

    Hidden masks also hold a response of a single token and one without padding.
    """
    lengths = rng.integers(1, n_new + 1, size=n_rows)
    lengths[0] = n_new - 1
    if hidden and n_rows > 2:
        lengths[1], lengths[2] = 1, n_new
    return np.arange(n_new) < lengths[:, None]


SIZES = ((1, 4), (2, 5), (3, 6), (4, 8), (6, 12))  # rows and tokens of case 0, 1, …
