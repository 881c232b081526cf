"""How every trainer in the course runs: a loop that you hold in your own hands."""

import os
import random
import sys
from collections.abc import Callable, Iterator
from functools import cache, wraps
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    import torch

T = TypeVar("T")


class Run:
    """A training run that has not happened yet. Iterate over it to train; each step gives a `dict` of numbers.

    for record in q_learning(q, env, rng=rng): ...     train, and look at each step
    for record in watch(q_learning(...), "ret"): ...   train, and see the curve move
    history = q_learning(...).run()                    train to the end, keep all the records
    """

    def __init__(self, name: str, records: Iterator[dict]):
        self.name, self._records, self._state = name, records, "not finished"

    def __iter__(self) -> Iterator[dict]:
        return self

    def __next__(self) -> dict:
        try:
            return next(self._records)
        except StopIteration:
            self._state = "finished"
            raise

    def run(self) -> list[dict]:
        """Train to the end and keep every record."""
        return list(self)

    def close(self) -> None:
        """Stop here: lets the trainer put things in order (close environments, restore modes)."""
        close = getattr(self._records, "close", None)
        if close:
            close()

    def __repr__(self) -> str:
        if self._state == "finished":
            return f"<{self.name}: finished. Call {self.name}(...) again for another run.>"
        return f"<{self.name}: not finished. Loop over it, call .run(), or hand it to watch() to train.>"


def trainer(generator: Callable[..., Iterator[dict]]) -> Callable[..., Run]:
    """Make a generator function return a `Run`, so that a call without a loop explains itself."""

    @wraps(generator)
    def start(*args, **kwargs) -> Run:
        return Run(generator.__name__, generator(*args, **kwargs))

    return start


def budget(full: T, fast: T) -> T:
    """`full` normally, `fast` when the environment says RLHF_EDU_FAST=1 (continuous integration, a quick look)."""
    if os.environ.get("RLHF_EDU_FAST", "") in ("", "0"):
        return full
    if "ipykernel" in sys.modules:  # a notebook: somebody reads the text beside the numbers
        _say_that_it_is_fast()
    return fast


@cache  # once in a notebook is enough
def _say_that_it_is_fast() -> None:
    print(
        "Fast mode (RLHF_EDU_FAST=1): little work is done, so the numbers below are not those that the text speaks of."
    )


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and torch. For notebooks, the command line and tests; library code takes generators."""
    import torch

    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def pick_device(name: str = "auto") -> "torch.device":
    """The device to train on. "auto" takes a CUDA GPU where there is one; RLHF_EDU_DEVICE overrides "auto"."""
    import torch

    if name == "auto":
        name = os.environ.get("RLHF_EDU_DEVICE", "") or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda"):
        raise ValueError(f'device is "{name}", but it must be "auto", "cpu" or "cuda" (or "cuda:1", …)')
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(
            f'device is "{name}", but torch sees no CUDA GPU here: use "auto" or "cpu", '
            "or install a CUDA build of torch and an NVIDIA driver"
        )
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ValueError(f'device is "{name}", but this machine has only {torch.cuda.device_count()} CUDA device(s)')
    return device
