"""Whatever stops a run (Ctrl-C, kill -9, a full disk, a reward gone mad), the numbers in the end are those of no stop."""

import json
import os
import signal
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest
import tiny
import torch
from ppo_runs import Bench, likes_low_ids

from rlhf_edu.lm import checkpoint as files
from rlhf_edu.lm.checkpoint import load_state, save_state
from rlhf_edu.rlhf import ppo as module


@pytest.fixture(scope="module")
def whole():
    """The records and the final weights of a run that nothing disturbs."""
    bench = Bench()
    return bench.run().run(), bench.weights()


def assert_same(whole, first: list[dict], rest: list[dict], bench: Bench):
    records = [*first, *rest]
    assert [r["step"] for r in records] == list(range(5))
    assert records == whole[0]
    assert torch.equal(bench.weights(), whole[1])


def test_the_same_seed_gives_the_same_run(whole):
    bench = Bench()
    assert_same(whole, [], bench.run().run(), bench)


def test_watching_and_saving_change_nothing(whole, tmp_path):
    bench = Bench()
    assert_same(whole, [], bench.run(checkpoint=tmp_path / "ppo.pt").run(), bench)


@pytest.mark.parametrize("steps", [1, 3])
def test_a_run_left_early_goes_on_in_a_new_process_as_if_nothing_had_been(whole, tmp_path, steps):
    first = list(islice(Bench().run(checkpoint=tmp_path / "ppo.pt"), steps))
    bench = Bench(seed=1)
    bench.generator.manual_seed(12345)  # its state comes from the file
    assert_same(whole, first, bench.run(checkpoint=tmp_path / "ppo.pt").run(), bench)


@pytest.mark.parametrize("at", [2, 10])
def test_ctrl_c_in_the_middle_of_an_update_is_undone_when_the_cell_is_run_again(whole, tmp_path, monkeypatch, at):
    """As in a notebook: the same model objects, half a step further, are handed in again. `at` 2 is in the first step."""
    bench, calls, original = Bench(), [], module.value_loss

    def interrupted(*args):
        calls.append(1)
        if len(calls) == at:
            raise KeyboardInterrupt
        return original(*args)

    monkeypatch.setattr(module, "value_loss", interrupted)
    first = []
    with pytest.raises(KeyboardInterrupt):
        first.extend(bench.run(checkpoint=tmp_path / "ppo.pt"))
    assert_same(whole, first, bench.run(checkpoint=tmp_path / "ppo.pt").run(), bench)


def test_a_process_killed_in_the_middle_loses_at_most_one_step(whole, tmp_path):
    path, here = tmp_path / "ppo.pt", Path(__file__).parents[1]
    env = os.environ | {"PYTHONPATH": f"{here}{os.pathsep}{here.parent}"}
    child = subprocess.Popen([sys.executable, here / "ppo_runs.py", path], env=env, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    first = [json.loads(child.stdout.readline()) for _ in range(2)]
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    kept = load_state(path)["step"]
    assert kept >= 2
    bench = Bench()
    rest = bench.run(checkpoint=path).run()
    assert rest[0]["step"] == kept
    assert first == whole[0][:2]
    assert_same(whole, whole[0][:kept], rest, bench)


def test_a_full_disk_keeps_the_last_state(whole, tmp_path, monkeypatch):
    path, saves, original = tmp_path / "ppo.pt", [], files.torch.save

    def save(state, new):
        saves.append(1)
        if len(saves) == 4:  # the start and two steps fitted
            new.write_bytes(b"half a state")
            raise OSError(28, "No space left on device")
        original(state, new)

    bench, first = Bench(), []
    with monkeypatch.context() as patch:
        patch.setattr(files.torch, "save", save)
        with pytest.raises(OSError, match="free some space or choose another place"):
            first.extend(bench.run(checkpoint=path))
    assert len(first) == 2
    assert [p.name for p in tmp_path.iterdir()] == ["ppo.pt"]
    assert_same(whole, first, bench.run(checkpoint=path).run(), bench)


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (lambda d: torch.full((len(d),), float("nan")), "NaN or infinity for 12 of 12 texts"),
        (lambda d: torch.zeros(3), r"shape \(3,\) for 12 texts"),
    ],
)
def test_a_reward_that_goes_mad_loses_nothing_and_can_be_mended(whole, tmp_path, bad, words):
    calls, bench, first = [], Bench(), []

    def reward(done):
        calls.append(1)
        return bad(done) if len(calls) == 3 else likes_low_ids(done)

    with pytest.raises(ValueError, match=words):
        first.extend(bench.run(reward, checkpoint=tmp_path / "ppo.pt"))
    assert len(first) == 2
    assert_same(whole, first, bench.run(checkpoint=tmp_path / "ppo.pt").run(), bench)


def test_a_finished_run_is_not_run_again_but_its_weights_come_back(whole, tmp_path):
    Bench().run(checkpoint=tmp_path / "ppo.pt").run()
    bench = Bench()
    assert bench.run(checkpoint=tmp_path / "ppo.pt").run() == []
    assert torch.equal(bench.weights(), whole[1])


def test_a_damaged_or_foreign_checkpoint_is_named(tmp_path):
    path = tmp_path / "ppo.pt"
    next(Bench().run(checkpoint=path))
    whole_file = path.read_bytes()
    path.write_bytes(whole_file[: len(whole_file) // 2])
    with pytest.raises(ValueError, match=r"ppo.pt cannot be read .*delete it to start this run afresh"):
        next(Bench().run(checkpoint=path))
    other = Bench().policy.state_dict()
    other["ln.weight"] = torch.ones(3)
    for foreign in (dict(step=1), dict(step=1, policy={"w": torch.ones(2)}), dict(step=1, policy=other)):
        save_state(path, foreign)
        bench = Bench()
        before = bench.weights()
        with pytest.raises(ValueError, match=r"ppo.pt is of another model .*delete it"):
            next(bench.run(checkpoint=path))
        assert torch.equal(bench.weights(), before)


def test_prompts_that_cannot_be_used_are_refused_before_anything_is_written(tmp_path):
    for prompts, words in (
        ([], "no sequences came"),
        ([[3], []], "sequence 1 is empty"),
        ([[3]] * 500 + [[4] * (tiny.CONTEXT - 7)], "do not fit the model's context of 40"),
    ):
        with pytest.raises(ValueError, match=words):
            next(Bench().run(prompts=prompts, checkpoint=tmp_path / "ppo.pt"))
    assert not list(tmp_path.iterdir())


def test_a_run_that_stopped_because_it_was_good_enough_is_finished(whole, tmp_path):
    """The same numbers up to the first step whose score reaches `enough`; handed in again, nothing is left to do."""
    scores = [record["score"] for record in whole[0]]
    enough = max(scores[1:4])
    last = next(i for i, score in enumerate(scores) if score >= enough)
    bench = Bench()
    records = bench.run(checkpoint=tmp_path / "ppo.pt", enough=enough).run()
    assert records == whole[0][: last + 1]
    assert len(records) < 5
    again = Bench(seed=1)
    assert again.run(checkpoint=tmp_path / "ppo.pt", enough=enough).run() == []
    assert torch.equal(again.weights(), bench.weights())
