"""`rlhf-edu lab`: the working copy follows the course, and never writes over what a student wrote."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rlhf_edu.commands import lab as module
from rlhf_edu.commands.lab import MANIFEST, working_copy


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course of two notebooks; `release(text)` brings out a new version of the first."""
    for name in ("notebooks", "exercises"):
        (tmp_path / "course" / name).mkdir(parents=True)
    folders = {name: tmp_path / "course" / name for name in ("notebooks", "exercises")}
    monkeypatch.setattr(module, "course_folders", lambda: folders)
    (folders["exercises"] / "00_x.ipynb").write_text("x")

    def release(text):
        (folders["notebooks"] / "00_a.ipynb").write_text(text)

    release("one")
    return release


@pytest.fixture
def mine(tmp_path):
    return tmp_path / "mine"


def contents(folder) -> dict[str, str]:
    return {p.relative_to(folder).as_posix(): p.read_text() for p in folder.rglob("*.ipynb")}


def test_a_first_copy_and_a_second_that_changes_nothing(course, mine):
    assert working_copy(mine).new == ["notebooks/00_a.ipynb", "exercises/00_x.ipynb"]
    assert contents(mine) == {"notebooks/00_a.ipynb": "one", "exercises/00_x.ipynb": "x"}
    again = working_copy(mine)
    assert again.new == again.updated == again.kept == []


def test_an_untouched_lesson_is_brought_up_to_date(course, mine):
    working_copy(mine)
    course("two")
    assert working_copy(mine).updated == ["notebooks/00_a.ipynb"]
    assert contents(mine)["notebooks/00_a.ipynb"] == "two"


def test_a_lesson_that_was_worked_on_stays_and_the_new_one_lies_beside_it_once(course, mine):
    working_copy(mine)
    (mine / "notebooks" / "00_a.ipynb").write_text("my work")
    assert working_copy(mine).kept == []  # no new version: nothing to say
    course("two")
    assert working_copy(mine).kept == ["notebooks/00_a.new.ipynb"]
    assert contents(mine)["notebooks/00_a.ipynb"] == "my work"
    assert contents(mine)["notebooks/00_a.new.ipynb"] == "two"
    assert working_copy(mine).kept == []
    course("three")
    assert working_copy(mine).kept == ["notebooks/00_a.new.ipynb"]  # nobody touched "two", so it makes room
    assert contents(mine)["notebooks/00_a.new.ipynb"] == "three"


def test_work_in_the_new_version_is_kept_too(course, mine):
    working_copy(mine)
    (mine / "notebooks" / "00_a.ipynb").write_text("my work")
    course("two")
    working_copy(mine)
    (mine / "notebooks" / "00_a.new.ipynb").write_text("more work")
    course("three")
    assert working_copy(mine).kept == ["notebooks/00_a.new2.ipynb"]
    written = contents(mine)
    assert written["notebooks/00_a.ipynb"] == "my work"
    assert written["notebooks/00_a.new.ipynb"] == "more work"
    assert written["notebooks/00_a.new2.ipynb"] == "three"


@pytest.mark.parametrize("manifest", [None, "{half", "[]", "{}"])
def test_without_its_notes_every_file_counts_as_the_students(course, mine, manifest):
    working_copy(mine)
    (mine / "notebooks" / "00_a.ipynb").write_text("my work")
    if manifest is None:
        (mine / MANIFEST).unlink()
    else:
        (mine / MANIFEST).write_text(manifest)
    course("two")
    working_copy(mine)
    assert contents(mine)["notebooks/00_a.ipynb"] == "my work"


def test_files_that_are_not_of_the_course_and_deleted_lessons(course, mine):
    working_copy(mine)
    (mine / "notebooks" / "diary.ipynb").write_text("dear diary")
    (mine / "notebooks" / "00_a.ipynb").unlink()
    assert working_copy(mine).new == ["notebooks/00_a.ipynb"]  # the way to get a clean copy
    assert contents(mine)["notebooks/diary.ipynb"] == "dear diary"


def test_a_file_in_the_way_is_named(course, mine):
    mine.write_text("a file")
    with pytest.raises(NotADirectoryError, match="is a file, but the course needs a folder: choose another --dir"):
        working_copy(mine)


def test_jupyterlab_is_started_on_the_copy_and_its_exit_code_is_ours(course, mine, monkeypatch, capsys):
    started, seen = [], {}
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "/mine")

    def run(words, env):
        started.extend(words)
        seen.update(env)
        return subprocess.CompletedProcess(words, 3)

    monkeypatch.setattr(module.subprocess, "run", run)
    assert module.lab(mine, browser=False, port=9999, arguments=["--debug"]) == 3
    assert started[:3] == [sys.executable, "-m", "jupyterlab"]
    assert {"--no-browser", "--port=9999", "--debug", f"--ServerApp.root_dir={mine.resolve()}"} <= set(started)
    assert "--LabApp.default_url=/lab/tree/notebooks/00_a.ipynb" in started
    assert "2 notebooks new" in capsys.readouterr().out
    ours, theirs = seen["JUPYTER_CONFIG_PATH"].split(os.pathsep)
    assert theirs == "/mine"
    settings = json.loads((Path(ours) / "labconfig" / "default_setting_overrides.json").read_text())
    assert settings["@jupyterlab/apputils-extension:notification"]["fetchNews"] == "false"


def test_the_real_course_is_found():
    assert any(name.startswith("exercises/") for name, _ in module.handed_out())
