"""Steps that a GPU can replay, tried on the CPU: the same texts, nothing that moves, and nothing Python would have to say.

A CUDA graph repeats kernels with the numbers they were recorded with. `make_fx` records the same way: every Python
number is frozen. So a step that was recorded once and gives all the right tokens is fit for a graph.
"""

import copy
import gc
import threading
import weakref

import pytest
import tiny
import torch
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils._python_dispatch import TorchDispatchMode

from rlhf_edu.lm import graphs, sampling
from rlhf_edu.lm.heads import ScalarHead
from rlhf_edu.lm.interface import left_pad
from rlhf_edu.lm.sampling import sample

HEAD = ScalarHead(tiny.WIDTH)
torch.nn.init.normal_(HEAD.linear.weight, generator=torch.Generator().manual_seed(1))


def both(monkeypatch, model, seed, n=6, n_new=12, samples=3, **more):
    """The same dice, thrown step by step with rows leaving the batch, and by steady steps."""
    ids, mask = left_pad(tiny.prompts(seed, n), tiny.PAD)
    dice = torch.rand(n * samples, n_new, generator=torch.Generator().manual_seed(seed))
    kw = dict(eos_id=tiny.EOS, pad_id=tiny.PAD, samples=samples, dice=dice) | more
    expected = sample(model, ids, mask, n_new, **kw)
    monkeypatch.setattr(sampling, "GRAPHS", {"cpu"})
    found = sample(model, ids, mask, n_new, **kw)
    monkeypatch.setattr(sampling, "GRAPHS", {"cuda"})
    return found, expected


def same(found, expected):
    assert torch.equal(found.ids, expected.ids)
    assert torch.equal(found.mask, expected.mask)
    assert torch.allclose(found.logp, expected.logp, atol=1e-5)
    assert (found.val is None) == (expected.val is None)
    if expected.val is not None:
        assert torch.allclose(found.val, expected.val, atol=1e-5)


@pytest.mark.parametrize("n_new", [0, 1, 2, 20])
@pytest.mark.parametrize(("temperature", "head"), [(1.0, None), (0.7, HEAD)])
def test_steady_steps_write_what_the_others_write(monkeypatch, n_new, temperature, head):
    found, expected = both(monkeypatch, tiny.gpt2(1), 2, n_new=n_new, temperature=temperature, head=head)
    same(found, expected)
    if n_new == 20:
        assert expected.new_mask.sum(1).unique().numel() > 3  # rows ended at different times
    assert not found.logp.is_inference()
    assert found.val is None or not found.val.is_inference()


class Recorded:
    """What `torch.cuda.CUDAGraph` is on a GPU: one recorded step, repeated with the numbers it was recorded with."""

    def __init__(self, steps, model):
        with torch.no_grad():
            self.step = make_fx(lambda: steps.step(model))()

    def replay(self):
        self.step()


def test_a_step_recorded_once_and_repeated_writes_all_the_tokens(monkeypatch):
    recorded = []

    def recording(lm, plan, out, keep):
        steps = graphs.Steps(plan, plan.width + plan.n_new + 3, out, keep)
        steps.graph = Recorded(steps, lm)
        recorded.append(steps)
        return steps

    monkeypatch.setattr(graphs, "steps_for", recording)
    model = tiny.gpt2(3)
    monkeypatch.setattr(model, "step", counted := Counted(model.step), raising=False)
    found, expected = both(monkeypatch, model, 4, n_new=20, head=HEAD)
    same(found, expected)
    assert counted.calls == 1  # all later steps were the recording
    assert len(recorded) == 1


class Counted:
    def __init__(self, function):
        self.function, self.calls = function, 0

    def __call__(self, *args):
        self.calls += 1
        return self.function(*args)


class NothingForPython(TorchDispatchMode):
    """Refuses what would make Python wait for the GPU: a number, or a shape that hangs on one."""

    WAITS = ("_local_scalar_dense", "nonzero", "masked_select", "is_nonzero", "unique", "equal", "item")

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func.overloadpacket.__name__ in self.WAITS:
            raise AssertionError(f"{func} waits for the GPU")
        return func(*args, **(kwargs or {}))


def test_a_step_never_waits_for_a_number(monkeypatch):
    model, steps = tiny.gpt2(5), []
    real = graphs.Steps.run

    def run(self, lm):
        steps.append(self)
        with NothingForPython():
            for _ in range(self.plan.n_new - 1):
                self.step(lm)
            self.note()

    monkeypatch.setattr(graphs.Steps, "run", run)
    same(*both(monkeypatch, model, 6))
    assert len(steps) == 1
    monkeypatch.setattr(graphs.Steps, "run", real)
    with pytest.raises(AssertionError, match="waits for the GPU"), NothingForPython():
        model(torch.tensor([[3]]), torch.ones(1, 1, dtype=torch.bool))  # the ordinary way looks at the mask


def test_the_same_steps_serve_again_after_training_and_new_ones_after_a_move(monkeypatch):
    model = tiny.gpt2(7)
    same(*both(monkeypatch, model, 8))
    first = graphs._kept[model][1]
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(1.3)
    same(*both(monkeypatch, model, 8))
    assert graphs._kept[model][1] is first
    widths = {left_pad(tiny.prompts(seed), tiny.PAD)[0].shape[1] for seed in (8, 20, 21)}
    for seed in (20, 21):  # prompts of another width
        same(*both(monkeypatch, model, seed))
    assert len(widths) > 1
    assert graphs._kept[model][1] is first
    same(*both(monkeypatch, model, 8, temperature=0.5))
    second = graphs._kept[model][1]
    assert second is not first
    for p in model.parameters():
        p.data = p.data.clone()
    same(*both(monkeypatch, model, 8, temperature=0.5))
    assert graphs._kept[model][1] is not second


def test_nothing_of_an_earlier_text_is_left(monkeypatch):
    model = tiny.gpt2(10)
    same(*both(monkeypatch, model, 11, n_new=20, head=HEAD))
    steps = graphs._kept[model][1]
    with torch.inference_mode():
        for left in (steps.kv, steps.logits, steps.hidden, steps.logp, steps.states):
            left.fill_(1e4)
        steps.t.fill_(5)
        steps.column.fill_(5)
        steps.ids.fill_(7)
    same(*both(monkeypatch, model, 11, n_new=20, head=HEAD))
    assert graphs._kept[model][1] is steps


def test_two_threads_do_not_write_into_each_other(monkeypatch):
    model, dice = tiny.gpt2(12), torch.rand(6, 20, generator=torch.Generator().manual_seed(13))
    ids, mask = left_pad(tiny.prompts(14), tiny.PAD)
    kw = dict(eos_id=tiny.EOS, pad_id=tiny.PAD)
    expected = [sample(model, ids, mask, 20, dice=d, **kw) for d in (dice, 1 - dice)]
    monkeypatch.setattr(sampling, "GRAPHS", {"cpu"})
    right = []

    def write(which):
        for _ in range(10):
            done = sample(model, ids, mask, 20, dice=(dice, 1 - dice)[which], **kw)
            right.append(torch.equal(done.ids, expected[which].ids))

    threads = [threading.Thread(target=write, args=(k,)) for k in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert right == [True] * 20


def test_a_model_that_is_gone_takes_its_steps_along(monkeypatch):
    model = copy.deepcopy(tiny.gpt2(15))
    both(monkeypatch, model, 16)
    steps = weakref.ref(graphs._kept[model][1])
    del model
    gc.collect()
    assert steps() is None
