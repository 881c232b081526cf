"""The command line as a user meets it: what it writes, what it says, and what it refuses to do."""

import json
import sys
from functools import partial

import pytest

from rlhf_edu import cli
from rlhf_edu.commands import demo as demo_module
from rlhf_edu.commands import doctor as doctor_module
from rlhf_edu.reward.train import FitConfig
from rlhf_edu.rlhf.loop import LoopConfig
from rlhf_edu.rlhf.ppo import PPOConfig

KEYS = (
    "world taste pairs seed device seconds gold_before gold_after proxy_before proxy_after kl_nats grammatical_before "
    "grammatical_after distinct2_before distinct2_after win_rate win_rate_low win_rate_high"
)


@pytest.fixture
def command(monkeypatch, capsys):
    """Run a command in this process; its exit code and everything it said."""

    def run(*words) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["rlhf-edu", *map(str, words)])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        said = capsys.readouterr()
        code = stop.value.code
        if isinstance(code, str):
            return 1, said.out + said.err + code
        return code or 0, said.out + said.err

    return run


@pytest.fixture
def small(monkeypatch):
    """The demo with the real world and model, but budgets of seconds."""

    def config(pairs):
        ppo = PPOConfig(steps=3, batch=8, epochs=1, minibatches=2, enough=float("inf") if pairs > 4 else -9.0)
        return LoopConfig(pairs=pairs, drafts=2, fit=FitConfig(steps=10), ppo=ppo)

    monkeypatch.setattr(demo_module, "LoopConfig", config)
    monkeypatch.setattr(demo_module, "blind_test", partial(demo_module.blind_test, n=24))


def result(folder) -> dict:
    return {k: v for k, v in json.loads((folder / "result.json").read_text()).items() if k != "seconds"}


def test_the_demo_says_when_it_ends_before_its_steps_are_through(command, small, tmp_path):
    code, said = command("demo", "--pairs", 4, "--device", "cpu", "--out", tmp_path / "a")
    assert code == 0, said
    assert "PPO ended after 1 of 3 steps: a mean score of -9 standard deviations is enough." in " ".join(said.split())


def test_the_demo_does_everything_and_goes_on_after_ctrl_c(command, small, monkeypatch, tmp_path):
    code, said = command("demo", "--pairs", 6, "--device", "cpu", "--out", tmp_path / "a")
    assert code == 0, said
    numbers = json.loads((tmp_path / "a" / "result.json").read_text())
    assert set(numbers) == set(KEYS.split())
    assert numbers["world"] == "stories"
    assert numbers["win_rate_low"] <= numbers["win_rate"] <= numbers["win_rate_high"]
    assert (tmp_path / "a" / "run.png").read_bytes().startswith(b"\x89PNG")
    assert "rlhf-edu lab" in said.strip().splitlines()[-1]
    assert f"{numbers['gold_after']:.3f}" in said
    assert "before" in said

    with monkeypatch.context() as patch:
        calls, original = [], demo_module.Studio.read

        def stop(studio, done):  # texts are read once for the pairs, then once a step: this is the second step
            calls.append(1)
            if len(calls) == 3:
                raise KeyboardInterrupt
            return original(studio, done)

        patch.setattr(demo_module.Studio, "read", stop)
        code, said = command("demo", "--pairs", 6, "--device", "cpu", "--out", tmp_path / "b")
    assert code == 130
    assert "run the same command again to go on" in said
    assert not (tmp_path / "b" / "result.json").exists()
    assert command("demo", "--pairs", 6, "--device", "cpu", "--out", tmp_path / "b")[0] == 0
    assert result(tmp_path / "b") == result(tmp_path / "a")

    code, said = command("demo", "--pairs", 7, "--out", tmp_path / "b")
    assert code == 1
    assert "holds another run" in said
    assert "choose another --out" in said
    assert result(tmp_path / "b") == result(tmp_path / "a")


def test_a_corrupt_checkpoint_in_the_folder_is_named(command, small, tmp_path):
    (tmp_path / "ppo.pt").write_bytes(b"half a checkpoint")
    code, said = command("demo", "--pairs", 3, "--device", "cpu", "--out", tmp_path)
    assert code == 1
    assert "ppo.pt cannot be read" in said
    assert "delete it to start this run afresh" in said
    assert (tmp_path / "labels.jsonl").exists()  # what was done is kept


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--taste", "vanilla"], 'the stories world has no taste "vanilla": choose one of'),
        (["--world", "dinosaurs"], 'there is no world "dinosaurs": choose one of stories'),
        (["--pairs", "0"], "pairs is 0, but a reward model needs at least one comparison"),
        (["--device", "abacus"], 'device is "abacus", but it must be "auto", "cpu" or "cuda"'),
    ],
)
def test_what_does_not_exist_is_refused_before_anything_is_made(command, tmp_path, words, said):
    code, answer = command("demo", *words, "--out", tmp_path / "new")
    assert code == 1
    assert said in answer
    assert "Traceback" not in answer
    assert not (tmp_path / "new").exists()


def test_cuda_without_a_gpu_says_what_to_do(command, monkeypatch, tmp_path):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    code, said = command("demo", "--device", "cuda", "--out", tmp_path / "new")
    assert code == 1
    assert 'use "auto" or "cpu"' in said


def test_tastes_are_listed_with_what_they_like(command):
    code, said = command("demo", "--taste", "list")
    assert code == 0
    assert "happy_ending" in said
    assert len(said.strip().splitlines()) >= 6


def test_a_place_that_cannot_hold_results_is_named_with_what_to_do(command, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("mine")
    for out in (tmp_path / "file", tmp_path / "file" / "inside"):
        code, said = command("demo", "--out", out)
        assert code == 1
        assert f"no folder can be made at {out}" in said
        assert "choose another --out" in said
    assert (tmp_path / "file").read_text() == "mine"
    folder = tmp_path / "locked"
    folder.mkdir()

    def refuse(self, *args, **kw):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr("pathlib.Path.write_text", refuse)  # root may write anywhere, so take the right away by hand
    code, said = command("demo", "--out", folder)
    assert code == 1
    assert "choose another place" in said
    assert not list(folder.iterdir())


def test_what_the_system_refuses_is_said_with_place_and_reason(command, monkeypatch, tmp_path):
    def refuse():
        raise OSError(30, "Read-only file system", str(tmp_path))

    monkeypatch.setattr(doctor_module, "doctor", refuse)
    code, said = command("doctor")
    assert code == 1
    assert f"rlhf-edu: {tmp_path} cannot be used (Read-only file system): check the path" in said


def test_a_damaged_note_of_the_run_is_named(command, tmp_path):
    (tmp_path / "run.json").write_text('{"world": "sto')
    code, said = command("demo", "--out", tmp_path)
    assert code == 1
    assert "run.json is damaged: delete the folder" in said


def test_wrong_commands_and_options_are_explained(command):
    for words in (["dance"], ["demo", "--colour", "red"], ["demo", "--pairs", "many"]):
        code, said = command(*words)
        assert code == 2
        assert "Traceback" not in said
        assert words[-1] in said or words[1] in said


def test_a_mistake_of_ours_is_not_hidden(monkeypatch):
    def broken():
        raise ZeroDivisionError

    monkeypatch.setattr(doctor_module, "doctor", broken)
    monkeypatch.setattr(sys, "argv", ["rlhf-edu", "doctor"])
    with pytest.raises(ZeroDivisionError):
        cli.main()


def finding(state):
    return lambda: doctor_module.Finding("thing", state, "words about it")


@pytest.mark.parametrize(("states", "code"), [("good note", 0), ("good bad", 1)])
def test_the_doctors_verdict_is_the_exit_code(command, monkeypatch, states, code):
    monkeypatch.setattr(doctor_module, "CHECKS", tuple(finding(state) for state in states.split()))
    found, said = command("doctor")
    assert found == code
    assert said.count("words about it") == 2
    assert ("BROKEN" in said) == (code == 1)


def test_a_check_that_breaks_is_a_finding_and_the_others_go_on(monkeypatch):
    def sound_card():
        raise RuntimeError("no such thing")

    monkeypatch.setattr(doctor_module, "CHECKS", (sound_card, finding("good")))
    broken, fine = doctor_module.examine()
    assert (broken.what, broken.state) == ("sound card", "bad")
    assert "RuntimeError: no such thing" in broken.words
    assert fine.state == "good"


def test_the_doctor_looks_at_this_machine_and_needs_no_network(monkeypatch):
    def offline(*args, **kw):
        raise OSError

    monkeypatch.setattr(doctor_module.socket, "create_connection", offline)
    findings = {f.what: f for f in doctor_module.examine()}
    assert {"Python", "memory", "disk", "device", "mini GPT-2", "JupyterLab", "widgets", "network"} <= set(findings)
    assert findings["network"].state == "note"
    assert "works without it" in findings["network"].words
    assert findings["mini GPT-2"].state != "bad"
    assert all(f.words for f in findings.values())


@pytest.mark.parametrize(
    ("missing", "what", "remedy"),
    [
        ("ipykernel", "JupyterLab", "pip install jupyterlab ipykernel"),
        ("ipywidgets", "widgets", "pip install ipywidgets"),
    ],
)
def test_what_is_not_installed_comes_with_the_command_that_installs_it(monkeypatch, missing, what, remedy):
    version = doctor_module._version
    monkeypatch.setattr(doctor_module, "_version", lambda name: None if name == missing else version(name))
    found = {f.what: f for f in (doctor_module.lab(), doctor_module.widgets())}[what]
    assert found.state == "bad"
    assert remedy in found.words


def test_little_memory_or_disk_is_told(monkeypatch):
    monkeypatch.setattr(doctor_module, "_free_memory", lambda: 0.7)
    assert "close other programs" in doctor_module.memory().words
    monkeypatch.setattr(doctor_module, "_free_memory", lambda: None)
    assert doctor_module.memory().state == "note"
    monkeypatch.setattr(doctor_module.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 1e8})())
    assert doctor_module.disk().state == "bad"
