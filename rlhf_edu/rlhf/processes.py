"""Several processes at one run (`accelerate launch`, `torchrun`): each takes its share of a batch, gradients and numbers are averaged.

Whoever starts the processes makes the group (`accelerate.PartialState()`, `torch.distributed.init_process_group`) and gives
all of them the same weights, data and seeds. Alone, everything here does nothing.
"""

from collections.abc import Iterable, Sequence
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

T = TypeVar("T")


def place() -> tuple[int, int]:
    """Which process this is, and how many there are: (0, 1) alone."""
    if not (dist.is_available() and dist.is_initialized()):
        return 0, 1
    return dist.get_rank(), dist.get_world_size()


def my_share(rows: Sequence[T]) -> Sequence[T]:
    """This process's rows, next to each other. All shares are equal, so that a mean of means is the mean."""
    rank, size = place()
    if len(rows) % size:
        raise ValueError(
            f"{len(rows)} rows cannot be shared equally by {size} processes: choose a batch that they divide"
        )
    n = len(rows) // size
    return rows[rank * n : (rank + 1) * n]


def average(x: Tensor) -> Tensor:
    """The mean of x over all processes, cut off from the graph."""
    total, (_, size) = x.detach().clone(), place()
    if size > 1:
        dist.all_reduce(total)
    return total / size


def gather(x: Tensor) -> Tensor:
    """The rows of all processes, in their order."""
    if place()[1] == 1:
        return x.detach()
    parts = [torch.empty_like(x) for _ in range(place()[1])]
    dist.all_gather(parts, x.detach().contiguous())
    return torch.cat(parts)


def average_gradients(parameters: Iterable[Tensor]) -> None:
    """Replace every gradient by its mean over the processes: that of the loss over the whole batch."""
    if place()[1] == 1:
        return
    with_gradient = [p.grad for p in parameters if p.grad is not None]
    flat = average(torch.cat([g.flatten() for g in with_gradient]))
    for g, mean in zip(with_gradient, flat.split([g.numel() for g in with_gradient]), strict=True):
        g.copy_(mean.view_as(g))
