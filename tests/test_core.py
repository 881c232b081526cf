"""Runs that explain themselves, seeds, budgets and devices."""

import random
import sys

import numpy as np
import pytest
import torch

from rlhf_edu import core
from rlhf_edu.core import Run, budget, pick_device, seed_everything, trainer


@trainer
def count(n: int, log: list):
    """Count to n."""
    log.append("start")
    try:
        for i in range(n):
            yield dict(step=i)
    finally:
        log.append("end")


def test_a_call_trains_nothing_and_says_how_to_begin():
    log: list[str] = []
    run = count(3, log)
    assert isinstance(run, Run)
    assert log == []
    assert "count" in repr(run)
    assert ".run()" in repr(run)
    assert count.__doc__ == "Count to n."


def test_a_run_is_a_loop_that_can_be_left_and_gone_on_with():
    log: list[str] = []
    run = count(3, log)
    assert next(run) == {"step": 0}
    for record in run:
        assert record == {"step": 1}
        break
    assert run.run() == [{"step": 2}]
    assert run.run() == []
    assert log == ["start", "end"]


def test_closing_a_run_lets_the_trainer_tidy_up():
    log: list[str] = []
    run = count(3, log)
    next(run)
    run.close()
    assert log == ["start", "end"]
    Run("list", iter([{"step": 0}])).close()  # nothing to tidy up there


def test_an_error_inside_comes_out_of_the_loop():
    @trainer
    def broken():
        yield dict(step=0)
        raise ValueError("two")

    run = broken()
    next(run)
    with pytest.raises(ValueError, match="two"):
        next(run)


@pytest.mark.parametrize(("value", "expected"), [(None, 100), ("", 100), ("0", 100), ("1", 5)])
def test_the_budget_follows_the_environment(monkeypatch, value, expected):
    monkeypatch.delenv("RLHF_EDU_FAST", raising=False)
    if value is not None:
        monkeypatch.setenv("RLHF_EDU_FAST", value)
    assert budget(100, fast=5) == expected


def test_a_notebook_in_fast_mode_says_once_that_its_numbers_differ(monkeypatch, capsys):
    monkeypatch.setenv("RLHF_EDU_FAST", "1")
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    core._say_that_it_is_fast.cache_clear()
    budget(100, fast=5)
    assert capsys.readouterr().out == ""  # elsewhere nobody reads a lesson's text
    monkeypatch.setitem(sys.modules, "ipykernel", object())
    budget(100, fast=5), budget(100, fast=5)
    assert capsys.readouterr().out.count("Fast mode (RLHF_EDU_FAST=1)") == 1
    core._say_that_it_is_fast.cache_clear()


def test_one_seed_for_all_three_generators():
    draws = []
    for seed in (3, 3, 4):
        seed_everything(seed)
        draws.append((random.random(), np.random.rand(), torch.rand(1).item()))
    assert draws[0] == draws[1]
    assert all(a != b for a, b in zip(draws[0], draws[2], strict=True))


@pytest.mark.parametrize("name", ["gpu", "", "mps", "cpu:x"])
def test_a_device_that_is_none_is_refused_in_words(name):
    with pytest.raises(ValueError, match=f'device is "{name}", but it must be "auto", "cpu" or "cuda"'):
        pick_device(name)


def test_cuda_without_a_gpu_is_refused_and_auto_does_without(monkeypatch):
    monkeypatch.delenv("RLHF_EDU_DEVICE", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pick_device() == pick_device("cpu") == torch.device("cpu")
    for name in ("cuda", "cuda:1"):
        with pytest.raises(
            ValueError, match=f'device is "{name}", but torch sees no CUDA GPU here: use "auto" or "cpu"'
        ):
            pick_device(name)
    monkeypatch.setenv("RLHF_EDU_DEVICE", "cuda")
    with pytest.raises(ValueError, match="torch sees no CUDA GPU"):
        pick_device()


def test_with_a_gpu_auto_takes_it_and_the_environment_may_say_otherwise(monkeypatch):
    monkeypatch.delenv("RLHF_EDU_DEVICE", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert pick_device() == torch.device("cuda")
    assert pick_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(ValueError, match=r"only 2 CUDA device\(s\)"):
        pick_device("cuda:2")
    monkeypatch.setenv("RLHF_EDU_DEVICE", "cpu")
    assert pick_device() == torch.device("cpu")
