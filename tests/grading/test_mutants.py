"""No check of any exercise can be fooled, now or later; and the harness that proves it would notice if one could."""

import subprocess
import sys

import numpy as np
import pytest

from rlhf_edu.grading import tasks
from rlhf_edu.grading.judges import FunctionJudge
from rlhf_edu.grading.mutants import AT_LEAST_RIGHT, AT_LEAST_WRONG, table, trials, try_out, written_answers
from rlhf_edu.grading.task import Task


@pytest.mark.parametrize("exercise", tasks.exercises())
def test_every_check_rejects_wrong_answers_and_accepts_right_ones(exercise):
    done = trials(exercise)
    print(table(done))
    assert not [f"{t.task.name}: {fault}" for t in done for fault in t.faults]
    assert all(t.wrong >= AT_LEAST_WRONG and t.right >= AT_LEAST_RIGHT and t.careless >= 3 for t in done)


@pytest.mark.parametrize("exercise", tasks.exercises())
def test_answers_are_written_for_tasks_that_exist(exercise):
    names = {task.name for task in tasks.of_exercise(exercise)}
    for written in written_answers(exercise):
        assert set(written) == names


def task_with(judge):
    judge.oracle.__module__ = "rlhf_edu.grading.tasks.of_a_test"  # where the oracles of real tasks are
    return Task("double", "00_start", "function", "", points=1, minutes=1, judge=judge)


def draw(rng, i, hidden):
    return {"x": rng.normal(size=3)}


SOUND = {"triple": lambda x: 3 * x, "square": lambda x: x**2, "half": lambda x: x / 2, "more": lambda x: 2 * x + 1}
WRONG = SOUND | {"tripled": lambda x: x + x + x}
RIGHT = {"sum": lambda x: x + x, "shift": lambda x: x * 4 / 2}


def faults(judge, wrong=WRONG, right=RIGHT):
    return " ".join(try_out(task_with(judge), wrong, right).faults)


def test_a_sound_check_has_no_faults():
    assert faults(FunctionJudge("f", lambda x: 2 * x, draw)) == ""


def test_a_check_that_is_too_loose_is_caught():
    assert "“more” is accepted" in faults(FunctionJudge("f", lambda x: 2 * x, draw, atol=2.0))


def test_a_check_whose_answer_is_zero_is_caught():
    assert "“zeros” is accepted" in faults(FunctionJudge("f", lambda x: 0 * x, draw))


def test_a_check_without_random_inputs_is_caught():
    ones = FunctionJudge("f", lambda x: 2 * x, lambda rng, i, hidden: {"x": np.full(3, 2.0)})
    assert "“square” is accepted" in faults(ones)


def test_a_check_that_refuses_right_answers_is_caught():
    assert "right answer “sum” is refused" in faults(FunctionJudge("f", lambda x: 2 * x + 1e-3, draw))


def test_mistakes_that_cannot_be_told_apart_are_caught():
    alike = {"a": (lambda x: 3 * x, "tripled"), "b": (lambda x: x * 3.0, "three times"), "c": (lambda x: 2 * x, "no")}
    said = faults(FunctionJudge("f", lambda x: 2 * x, draw, alike))
    assert "“b” is taken for “a”" in said
    assert "“c” is accepted" in said


def test_too_few_answers_are_caught():
    said = faults(FunctionJudge("f", lambda x: 2 * x, draw), wrong={}, right={})
    assert "0 wrong answers" in said
    assert "0 right answers" in said


def test_the_table_is_printed_from_the_command_line(tmp_path):
    command = [sys.executable, "-m", "rlhf_edu.grading.mutants", "00"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "preference" in done.stdout
    assert "FAULT" not in done.stdout
    empty = subprocess.run([*command, "--folder", str(tmp_path)], capture_output=True, text=True, timeout=120)
    assert empty.returncode == 1
    assert "at least 5 are needed" in empty.stdout
    missing = subprocess.run([*command, "--folder", str(tmp_path / "no")], capture_output=True, text=True, timeout=120)
    assert missing.returncode == 2
