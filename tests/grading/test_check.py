"""`check` as a student meets it: in a script, in a notebook, right, wrong, unfinished, and with things going wrong."""

import json
import subprocess
import sys

import numpy as np
import pytest

from rlhf_edu.grading import check
from rlhf_edu.grading.check import as_html, as_text, judged, originals
from rlhf_edu.grading.own_work import borrowed, fingerprint
from rlhf_edu.grading.student import LocalStudent, written_answer
from rlhf_edu.grading.task import StudentError, Verdict
from rlhf_edu.grading.tasks import all_tasks, find, of_exercise
from rlhf_edu.grading.tasks.e00_start import preference_by_definition


@pytest.fixture(autouse=True)
def own_progress(tmp_path, monkeypatch):
    monkeypatch.setenv("RLHF_EDU_PROGRESS", str(tmp_path / "progress.json"))
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)


def right(r_a, r_b):
    return 1 / (1 + np.exp(r_b - r_a))


def said(capsys, name, **namespace):
    check(name, namespace=namespace)
    return capsys.readouterr().out


def test_a_right_answer_is_told_that_hidden_checks_are_still_to_come(capsys):
    assert said(capsys, "preference", preference=right) == (
        "✓ preference: visible checks passed; hidden ones run when graded.\n"
    )


def test_the_function_is_found_where_check_is_called(capsys):
    def preference(r_a, r_b):
        return right(r_a, r_b)

    check("preference")
    assert capsys.readouterr().out.startswith("✓")
    assert preference


def test_a_mistake_is_named_and_shown_on_the_smallest_case_with_shapes(capsys):
    out = said(capsys, "preference", preference=lambda a, b: a - b)
    assert "this is the gap itself" in out.lower()
    assert "r_a = array of shape (2,)" in out
    assert "at [0]: yours" in out


def test_an_unwritten_answer_is_no_failure_and_no_try(capsys):
    def preference(r_a, r_b):
        raise NotImplementedError()

    for _ in range(5):
        out = said(capsys, "preference", preference=preference)
    assert out.startswith("…")
    assert "not written yet" in out
    assert "hint" not in out
    assert "r_a" not in out


def test_hints_come_one_by_one_after_two_tries(capsys):
    outs = [said(capsys, "preference", preference=lambda a, b: a * b) for _ in range(4)]
    assert [out.count("hint ") for out in outs] == [0, 1, 2, 2]


def test_a_missing_name_says_what_to_do(capsys):
    assert "run the cell that defines it" in said(capsys, "preference")
    assert "should be a function" in said(capsys, "preference", preference=3)


def test_an_exception_is_shown_by_its_last_line_alone(capsys):
    def preference(r_a, r_b):
        return r_a + np.ones((7, 3, 2)) + r_b.nonsense

    out = said(capsys, "preference", preference=preference)
    assert "AttributeError" in out
    assert "ones((7, 3, 2))" in out
    assert "Traceback" not in out


@pytest.mark.parametrize("error", [SystemExit(3), RecursionError(), MemoryError(), ZeroDivisionError("½")])
def test_no_exception_of_the_student_escapes(capsys, error):
    def preference(r_a, r_b):
        raise error

    assert "✗" in said(capsys, "preference", preference=preference)


def test_an_interrupt_does_escape():
    def preference(r_a, r_b):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check("preference", namespace={"preference": preference})


def test_inputs_are_copies():
    kept = []

    def preference(r_a, r_b):
        kept.append(r_a)
        answer = right(r_a, r_b)
        r_a[:] = 0
        return answer

    assert judged(find("preference"), {"preference": preference}, seed=1, hidden=True).score == 1
    assert all((array == 0).all() for array in kept)


def test_hidden_checks_raise_and_give_nothing_away():
    with pytest.raises(AssertionError, match="this is the gap itself") as caught:
        check("preference", hidden=True, namespace={"preference": lambda a, b: a - b})
    assert "yours" not in str(caught.value)
    assert check("preference", hidden=True, namespace={"preference": right}) is None


def test_hidden_cases_are_harder_than_the_visible_ones_and_never_shown():
    def preference(r_a, r_b):
        with np.errstate(all="ignore"):
            return np.exp(r_a - r_b) / (1 + np.exp(r_a - r_b))

    task = find("preference")
    assert judged(task, {"preference": preference}, seed=3).score == 1
    verdict = judged(task, {"preference": preference}, seed=3, hidden=True)
    assert (verdict.score, verdict.mistake, verdict.example) == (0, "overflow", "")


def test_what_a_student_raises_cannot_carry_a_hidden_case_out():
    def preference(r_a, r_b):
        if np.abs(r_a - r_b).max() > 500:
            raise ValueError(f"stolen: {r_a}")
        return right(r_a, r_b)

    verdict = judged(find("preference"), {"preference": preference}, seed=3, hidden=True)
    assert verdict.words == "it fails on a hidden case (ValueError)"


def test_a_partly_right_answer_returns_its_points_for_nbgrader():
    half = {"falling_loss": {"fault": "b", "evidence": "fresh"}}
    assert check("falling_loss", hidden=True, namespace=half) == 1.5


def test_under_nbgrader_a_wrong_visible_check_fails_the_cell_and_records_nothing(monkeypatch, tmp_path):
    monkeypatch.setenv("NBGRADER_EXECUTION", "validate")
    with pytest.raises(AssertionError):
        check("gap", namespace={"gap": 12.0})
    assert not (tmp_path / "progress.json").exists()


def test_the_page_is_escaped_and_hints_are_folded():
    verdict = Verdict(0.0, "<script>alert(1)</script>", "x", "<img src=x>")
    html = as_html(find("preference"), verdict, tries=2)
    assert "<script>" not in html
    assert "<img" not in html
    assert html.count("<details") == 1
    assert "open" not in html.split("<details")[1].split(">")[0]
    assert "hint 1" in as_text(find("preference"), verdict, tries=2)


def test_the_checkers_own_function_and_its_copies_are_refused(capsys):
    task = find("preference")
    assert "library's own" in said(capsys, "preference", preference=preference_by_definition)
    wrapped = {"preference": lambda a, b: preference_by_definition(a, b)}
    assert judged(task, wrapped, seed=1).mistake == "library"
    source = "import math\nimport numpy as np\ndef preference(x, y):\n    'Mine.'\n    out = []\n"
    source += "    for left, right in zip(x.tolist(), y.tolist(), strict=True):\n        top = max(left, right)\n"
    source += "        wa, wb = math.exp(left - top), math.exp(right - top)\n        out.append(wa / (wa + wb))\n"
    source += "    return np.array(out)\n"
    namespace: dict = {}
    exec(source, namespace)
    assert fingerprint(namespace["preference"]) in originals(task)
    verdict = judged(task, namespace, seed=1)
    assert "copy of the checker's" in verdict.words


def test_forbidden_functions_are_seen_inside(capsys):
    import torch

    def preference(r_a, r_b):
        return torch.sigmoid(torch.as_tensor(r_a - r_b)).numpy()

    verdict = judged(find("preference"), {"preference": preference}, seed=1)
    assert verdict.mistake == "library"
    assert borrowed(torch.sigmoid, find("preference").forbidden)
    assert not borrowed(right, find("preference").forbidden)


def test_the_profiler_is_put_back():
    before = sys.getprofile()
    judged(find("preference"), {"preference": lambda a, b: 1 / 0}, seed=1)
    assert sys.getprofile() is before


def test_an_unknown_task_suggests_a_near_one():
    with pytest.raises(LookupError, match='Did you mean "preference"'):
        check("preferense")
    with pytest.raises(LookupError, match="there is no exercise"):
        of_exercise("99")


def test_the_registry_holds_each_task_once_with_sound_numbers():
    for task in all_tasks():
        assert find(task.name) is task
        assert task in of_exercise(task.exercise[:2])
        assert 1 <= task.minutes <= 30
        if task.kind == "essay":
            assert sum(task.rubric.values()) == task.points


def test_the_essay_is_read_from_the_saved_notebook(tmp_path, monkeypatch):
    cell = {"cell_type": "markdown", "metadata": {"nbgrader": {"grade_id": "taste"}}, "source": ["some ", "words"]}
    (tmp_path / "x.ipynb").write_text(json.dumps({"cells": [cell]}))
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "x.ipynb"))
    assert LocalStudent({}).get("taste") == "some words"
    (tmp_path / "x.ipynb").write_text("{broken")
    assert written_answer("taste") is None
    with pytest.raises(StudentError):
        LocalStudent({}).get("taste")


def test_checking_a_numpy_task_loads_neither_torch_nor_jupyter():
    program = (
        "import sys, numpy as np\n"
        "from rlhf_edu.grading import check, progress\n"
        "def preference(r_a, r_b): return 1 / (1 + np.exp(r_b - r_a))\n"
        "check('preference')\n"
        "assert not {'torch', 'jupytext', 'IPython', 'gymnasium'} & set(sys.modules), sorted(sys.modules)\n"
        "progress()\n"
        "assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "✓ preference" in done.stdout
    assert "4 of 20 points" in done.stdout
