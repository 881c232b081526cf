"""Two processes, started by `accelerate launch`, give the numbers of one with the whole batch."""

import json
import os
import shutil
import socket
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


def train(folder: Path, command: list[str]) -> None:
    """Run the worker, started by `command`; it leaves a file a process in `folder`."""
    root = dict(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")  # containers run tests as root
    env = dict(os.environ, OMP_NUM_THREADS="1", HF_HOME=str(folder), **root)
    done = subprocess.run(
        [*command, str(WORKER), str(folder)], env=env, capture_output=True, text=True, check=False, timeout=200
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> dict:
    """What one process finds that holds the whole batch."""
    pytest.importorskip("accelerate", reason='accelerate is not installed: pip install "rlhf-edu[peers]"')
    folder = tmp_path_factory.mktemp("alone")
    train(folder, [sys.executable])
    return json.loads((folder / "1-0.json").read_text())


def through_torchrun(folder: Path) -> list[str]:
    """What `accelerate launch` does for several GPUs; where the script says `PartialState(cpu=True)`, it needs none."""
    return ["--multi_gpu", "--main_process_port", "0"]


def through_mpi(folder: Path) -> list[str]:
    """What it does for CPUs: mpirun starts the processes, gloo carries the numbers."""
    if not shutil.which("mpirun"):
        pytest.skip("there is no mpirun: apt-get install openmpi-bin")
    (folder / "hosts").write_text("localhost slots=2\n")
    with socket.socket() as some:
        some.bind(("127.0.0.1", 0))
        port = some.getsockname()[1]
    return ["--cpu", "--mpirun_hostfile", str(folder / "hosts"), "--main_process_port", str(port)]


@pytest.mark.slow
@pytest.mark.parametrize("how", [through_torchrun, through_mpi])
def test_two_processes_give_the_numbers_of_one(how, alone, tmp_path):
    launch = [str(Path(sys.executable).with_name("accelerate")), "launch", "--num_processes", "2"]
    train(tmp_path, [*launch, *how(tmp_path)])
    first, second = (json.loads((tmp_path / f"2-{rank}.json").read_text()) for rank in (0, 1))
    assert first == second  # both hold the same model and report the same numbers
    for name in ("dpo", "kto", "ppo", "rloo", "grpo", "tokens"):
        for a, b in zip(alone[name], first[name], strict=True):
            assert b == pytest.approx(a, abs=2e-4)
        assert first[f"{name} weights"] == pytest.approx(alone[f"{name} weights"], abs=2e-3)
