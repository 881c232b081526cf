"""Two processes, started as `accelerate launch` and torchrun start them, give the numbers of one with the whole batch."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from rlhf_edu.rlhf.processes import average, average_gradients, gather, my_share, place

WORKER = Path(__file__).with_name("processes_worker.py")


def test_alone_nothing_is_shared():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    assert place() == (0, 1)
    assert my_share([1, 2, 3]) == [1, 2, 3]
    assert average(x).tolist() == gather(x).tolist() == [1.0, 2.0]
    (x * 3).sum().backward()
    average_gradients([x])
    assert x.grad.tolist() == [3.0, 3.0]


def test_rows_that_do_not_divide_are_refused(monkeypatch):
    monkeypatch.setattr("rlhf_edu.rlhf.processes.place", lambda: (1, 2))
    assert my_share([1, 2, 3, 4]) == [3, 4]
    with pytest.raises(ValueError, match="3 rows cannot be shared equally by 2 processes"):
        my_share([1, 2, 3])


@pytest.mark.slow
def test_two_processes_give_the_numbers_of_one(tmp_path):
    pytest.importorskip("accelerate", reason='accelerate is not installed: pip install "rlhf-edu[peers]"')
    # What `accelerate launch` starts on several GPUs; on CPUs it would want MPI.
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    env = dict(os.environ, OMP_NUM_THREADS="1", HF_HOME=str(tmp_path))
    for command in ([sys.executable], launch):
        done = subprocess.run(
            [*command, str(WORKER), str(tmp_path)], env=env, capture_output=True, text=True, check=False, timeout=200
        )
        assert done.returncode == 0, done.stderr[-2000:]
    alone, first, second = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("1-0", "2-0", "2-1"))
    assert first == second  # both hold the same model and report the same numbers
    for name in ("dpo", "kto", "ppo", "rloo", "grpo", "tokens"):
        for a, b in zip(alone[name], first[name], strict=True):
            assert b == pytest.approx(a, abs=2e-4)
        assert first[f"{name} weights"] == pytest.approx(alone[f"{name} weights"], abs=2e-3)
