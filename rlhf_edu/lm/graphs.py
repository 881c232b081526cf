"""Writing on a GPU: one step of sampling as a CUDA graph, replayed for every new token.

A small model's step is some hundred kernels of a few microseconds, and Python needs longer to start each than the GPU
to run it. A graph starts them all at once. It repeats the very same kernels on the very same memory, so here nothing
may move: the cache has its final length from the start, finished rows stay in the batch, and what changes from step to
step (which column is next, who still writes) is kept in tensors on the GPU that the step itself updates.

Left out on purpose: models behind the Hugging Face adapter, whose caches grow.
"""

import threading
import warnings
import weakref
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from rlhf_edu.lm.interface import LMOutput, SteadyLM
from rlhf_edu.lm.sampling import Plan, Written, draw

ROUND = 32  # the cache is as many columns longer as it takes to a multiple, so that prompts of other widths fit it too
LOOK = 16  # steps between two looks at whether anybody still writes: at each, the GPU waits for Python


class Steps:
    """The state of B rows that write `n_new` tokens each, and one step of all of them. It does not hold the model.

    `S` is the length of the cache. Where the prompts end is no fixed number, but a tensor.
    """

    def __init__(self, plan: Plan, S: int, out: LMOutput, keep: bool):
        self.plan, like, kv = plan, out.logits, out.cache.kv
        layers, two, _, heads, _, Dh = kv.shape
        # Zeros, not whatever was in memory: columns to come weigh nothing, but nothing times NaN is NaN.
        self.kv = kv.new_zeros((layers, two, plan.B, heads, S, Dh))
        self.readable = like.new_zeros((plan.B, S), dtype=torch.bool)
        self.logits = like.new_zeros((plan.B, like.shape[-1]))
        self.hidden = out.hidden.new_zeros((plan.B, out.hidden.shape[-1]))
        self.dice = like.new_zeros((plan.B, plan.n_new), dtype=torch.float32)
        self.t, self.column = (torch.zeros(1, dtype=torch.long, device=like.device) for _ in range(2))
        self.pad = torch.tensor(plan.pad_id, device=like.device)
        self.writing = like.new_zeros(plan.B, dtype=torch.bool)
        self.ids, self.logp = torch.zeros_like(self.dice, dtype=torch.long), torch.zeros_like(self.dice)
        self.mask = torch.zeros_like(self.dice, dtype=torch.bool)
        self.states = self.hidden.new_zeros((plan.B, plan.n_new, self.hidden.shape[1])) if keep else None
        self.graph: torch.cuda.CUDAGraph | None = None

    def start(
        self, out: LMOutput, mask: Bool[Tensor, "P T"], each: Int[Tensor, " B"], dice: Float[Tensor, "B N"]
    ) -> None:
        """Put the prompts as they were read, one for each row, and the dice where the steps look for them."""
        width = mask.shape[1]
        self.kv[..., :width, :] = out.cache.kv[:, :, each]
        self.readable.zero_()
        self.readable[:, :width] = mask[each]
        self.column.fill_(width)
        self.logits.copy_(out.logits[each, -1])
        self.hidden.copy_(out.hidden[each, -1])
        self.dice.copy_(dice)
        self.ids.fill_(self.plan.pad_id)
        for zeroed in (self.t, self.logp, self.mask):
            zeroed.zero_()
        self.writing.fill_(True)

    def note(self) -> Int[Tensor, " B"]:
        """Draw a token a row and note it."""
        token, logp = draw(self.logits, self.plan.temperature, None, self.dice.index_select(1, self.t).squeeze(1))
        self.ids.index_copy_(1, self.t, token.where(self.writing, self.pad)[:, None])
        self.logp.index_copy_(1, self.t, (logp * self.writing)[:, None])
        self.mask.index_copy_(1, self.t, self.writing[:, None])
        if self.states is not None:
            self.states.index_copy_(1, self.t, self.hidden[:, None])
        self.writing.logical_and_(token != self.plan.eos_id)
        return token

    def step(self, lm: SteadyLM) -> None:
        """Note a token a row and read it; what follows from it goes where the next step looks."""
        token = self.note()
        self.readable.index_fill_(1, self.column, True)
        out = lm.step(token[:, None], self.readable, self.kv, self.column)
        self.logits.copy_(out.logits[:, -1])
        self.hidden.copy_(out.hidden[:, -1])
        self.t.add_(1)
        self.column.add_(1)

    def capture(self, lm: SteadyLM) -> None:
        """Record one step as a graph. What it computes meanwhile is of no use: `start` comes after."""
        here, aside = torch.cuda.current_stream(), torch.cuda.Stream()
        aside.wait_stream(here)
        with torch.cuda.stream(aside):  # the first times, libraries choose their kernels and workspaces
            for _ in range(2):
                self.t.zero_()
                self.column.zero_()
                self.step(lm)
        here.wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):  # another thread may use the GPU meanwhile
            self.step(lm)
        self.graph = graph

    def run(self, lm: SteadyLM) -> None:
        """All steps; the last one only notes, for nobody reads on."""
        for t in range(self.plan.n_new - 1):
            self.graph.replay() if self.graph is not None else self.step(lm)
            if t % LOOK == LOOK - 1 and not self.writing.any():
                return
        self.note()


_lock = threading.Lock()  # a model has one set of steps, and a live view writes from a thread of its own
_kept: "weakref.WeakKeyDictionary[Any, tuple[Any, Steps]]" = weakref.WeakKeyDictionary()


def steps_for(lm: SteadyLM, plan: Plan, out: LMOutput, keep: bool) -> Steps:
    """The model's last `Steps` where they fit, else new ones, recorded; that costs about as much as a few steps.

    A graph remembers where the weights lie. Training changes them in place, so it stays good; a moved model needs another.
    """
    where = tuple(p.data_ptr() for p in lm.parameters())
    plan, S = plan._replace(width=0), -(-(plan.width + plan.n_new) // ROUND) * ROUND
    key = (plan, S, keep, where, out.logits.dtype, out.hidden.dtype, out.cache.kv.dtype)
    kept, steps = _kept.pop(lm, (None, None))
    if steps is None or kept != key:
        steps = None  # gives its memory back before as much is asked for again
        steps = Steps(plan, S, out, keep)
        if out.logits.is_cuda:
            try:
                with torch.autocast("cuda", torch.bfloat16, cache_enabled=False):  # replays must cast the weights anew
                    steps.capture(lm)
            except RuntimeError as error:
                warnings.warn(f"writing without a CUDA graph: {str(error).splitlines()[0]}", stacklevel=2)
    _kept[lm] = key, steps
    return steps


def write(
    lm: SteadyLM,
    plan: Plan,
    out: LMOutput,
    mask: Bool[Tensor, "P T"],
    each: Int[Tensor, " B"],
    dice: Float[Tensor, "B N"],
    head: nn.Module | None = None,
) -> Written:
    """The new tokens of all rows, each after the prompt that `each` names; `out` is what the model said of the prompts."""
    with _lock:
        steps = steps_for(lm, plan, out, head is not None)
        steps.start(out, mask, each, dice)
        steps.run(lm)
        val = None if head is None or steps.states is None else head(steps.states) * steps.mask
        return Written(steps.ids.clone(), steps.mask.clone(), steps.logp.clone(), val)
