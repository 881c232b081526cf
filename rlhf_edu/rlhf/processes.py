"""Several processes at one run (`accelerate launch`, `torchrun`): each takes its share of a batch, gradients and numbers are averaged.

Whoever starts the processes makes the group (`accelerate.PartialState()`, `torch.distributed.init_process_group`) and gives
all of them the same weights, data and seeds. Alone, everything here does nothing.

    accelerate launch --multi_gpu --num_processes 4 mine.py                          the GPUs of one machine
    accelerate launch --cpu --num_processes 2 --mpirun_hostfile hosts mine.py        CPUs, by mpirun; hosts: "localhost slots=2"

`mine.py` begins with `PartialState()`, or `PartialState(cpu=True)` for CPUs; with the latter the first line serves CPUs too,
where there is no MPI. `--cpu` without a hostfile starts a single process, whatever `--num_processes` says.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
import torch.distributed as dist
from jaxtyping import Bool, Int
from torch import Tensor

from rlhf_edu.lm.interface import CausalLM, Completions
from rlhf_edu.lm.sampling import sample


def place() -> tuple[int, int]:
    """Which process this is, and how many there are: (0, 1) alone."""
    if not (dist.is_available() and dist.is_initialized()):
        return 0, 1
    return dist.get_rank(), dist.get_world_size()


def my_share(rows: Any) -> Any:
    """This process's rows of a list or a tensor, next to each other. All shares are equal, so that a mean of means is the mean."""
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


def write_together(
    policy: CausalLM,
    ids: Int[Tensor, "P T"],
    mask: Bool[Tensor, "P T"],
    n_new: int,
    *,
    generator: torch.Generator,
    samples: int = 1,
    **how: Any,
) -> Completions:
    """`lm.sampling.sample`, each process for its share of the prompts; all of them get the whole batch.

    In a group (also of one) the random numbers are drawn ahead for all texts, so that none depends on who writes it.
    """
    if not (dist.is_available() and dist.is_initialized()):
        return sample(policy, ids, mask, n_new, samples=samples, generator=generator, **how)
    dice = torch.rand(len(ids) * samples, n_new, generator=generator, device=ids.device)
    done = sample(
        policy, my_share(ids), my_share(mask), n_new, samples=samples, dice=my_share(dice), generator=generator, **how
    )
    return Completions(
        gather(done.ids), gather(done.mask), gather(done.logp), None if done.val is None else gather(done.val)
    )


def by_shares(fn: Callable[[Completions], Any], done: Completions) -> Any:
    """`fn(done)`, a tensor or a tuple of them, one row for each text: each process computes its share, all get the whole."""
    if place()[1] == 1:
        return fn(done)
    found = fn(done[my_share(torch.arange(len(done)))])
    return tuple(gather(x) for x in found) if isinstance(found, tuple) else gather(found)


def weight(mine: Bool[Tensor, "B N"], everyone: Bool[Tensor, "A N"]) -> Tensor | float:
    """What a mean over this process's tokens must be multiplied with, for `average` to give the mean over all tokens."""
    size = place()[1]
    return 1.0 if size == 1 else size * mine.sum() / everyone.sum()
