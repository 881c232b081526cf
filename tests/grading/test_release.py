"""One source becomes the solution and the exercise: stripped, locked, the same bytes each time; never a leak."""

import json
import re
import shutil
import subprocess
import sys

import nbformat
import pytest
import typer
from typer.testing import CliRunner

from rlhf_edu.grading import cells, tasks
from rlhf_edu.grading.cells import ReleaseError
from rlhf_edu.grading.release import (
    find_root,
    orphans,
    outputs,
    read_source,
    read_students,
    release,
    release_per_student,
    stripped,
    text_of,
)
from rlhf_edu.grading.release_command import release_command

pytest.importorskip("jupytext")
ROOT = find_root()
EXERCISES = tasks.exercises()


@pytest.fixture
def course(tmp_path):
    """A course with the sources of exercise 00 and one lesson, nothing built."""
    (tmp_path / "solutions" / "source").mkdir(parents=True)
    (tmp_path / "notebooks" / "source").mkdir(parents=True)
    shutil.copy(ROOT / "solutions" / "source" / "00_start.py", tmp_path / "solutions" / "source")
    (tmp_path / "notebooks" / "source" / "07_words.py").write_text("# %% [markdown]\n# # Words\n\n# %%\n1 + 1\n")
    return tmp_path


def source(course):
    return course / "solutions" / "source" / "00_start.py"


def edit(course, old, new):
    text = source(course).read_text(encoding="utf-8")
    assert old in text
    source(course).write_text(text.replace(old, new), encoding="utf-8")


def test_the_committed_notebooks_are_fresh():
    assert [(p.name, s) for p, s in release(ROOT, check=True) if "notebooks" not in p.parts and s != "fresh"] == []


def test_building_twice_gives_the_same_bytes():
    assert list(outputs(ROOT, ["00"])) == list(outputs(ROOT, ["00"]))


@pytest.mark.parametrize("exercise", EXERCISES)
def test_nothing_of_the_solution_or_the_hidden_tests_reaches_a_student(exercise):
    full = read_source(ROOT / "solutions" / "source" / f"{exercise}.py", graded=True)
    student = text_of(stripped(full))
    for word in ("BEGIN SOLUTION", "END SOLUTION", "HIDDEN", "hidden=True"):
        assert word not in student
    for cell in full.cells:
        for region in re.findall(r"BEGIN SOLUTION\n(.*?)\n\s*### END", cell.source, flags=re.S):
            for line in region.split("\n"):
                if len(line.strip()) < 4:  # a bracket or an empty line gives nothing away
                    continue
                assert json.dumps(line.strip())[1:-1] not in student
        if cell.metadata.get("nbgrader", {}).get("solution") and cell.cell_type == "markdown":
            assert json.dumps(cell.source[:60])[1:-1] not in student


@pytest.mark.parametrize("exercise", EXERCISES)
def test_a_released_notebook_has_what_it_needs(exercise):
    nb = nbformat.read(ROOT / "exercises" / f"{exercise}.ipynb", as_version=4)
    nbformat.validate(nb)
    by_id = {c.metadata["nbgrader"]["grade_id"]: c for c in nb.cells if "nbgrader" in c.metadata}
    for task in tasks.of_exercise(exercise):
        cell = by_id[task.name]
        assert cell.metadata["nbgrader"]["points"] == task.points
        assert cell.metadata["deletable"] is False
        if task.kind == "essay":
            assert cell.source == cells.TEXT_STUB
        else:
            assert cell.metadata["editable"] is False
            assert cell.source.strip() == f'check("{task.name}")'
            answer = by_id[f"{task.name}_answer"]
            assert answer.source.rstrip().endswith("raise NotImplementedError()")
            assert "editable" not in answer.metadata
    assert all(c.get("outputs", []) == [] and c.get("execution_count") is None for c in nb.cells)
    top = nb.cells[0].source
    assert f"solutions/{exercise}.ipynb" in top
    assert f"{sum(t.points for t in tasks.of_exercise(exercise)):g}" in top
    total = sum(t.points for t in tasks.of_exercise(exercise))
    assert re.search(rf"Points\D+{total:g}\b", top)


def test_cell_ids_are_unique_and_survive_an_insertion(course):
    before = [c["id"] for c in read_source(source(course), graded=True).cells]
    assert len(set(before)) == len(before)
    edit(course, "# %% [markdown]\n# ## 2 A number", "# %%\n42\n\n# %% [markdown]\n# ## 2 A number")
    after = [c["id"] for c in read_source(source(course), graded=True).cells]
    assert [i for i in after if i in before] == before
    assert len(after) == len(before) + 1


def test_check_tells_stale_files_and_orphans_and_builds_nothing(course):
    assert {s for _, s in release(course, check=True)} == {"stale"}
    assert not (course / "exercises").exists()
    assert [s for _, s in release(course)] == ["built"] * 3
    assert {s for _, s in release(course, check=True)} == {"fresh"}
    edit(course, "about 35 minutes", "about 30 minutes")
    stale = [p.parent.name for p, s in release(course, check=True) if s == "stale"]
    assert stale == ["solutions", "exercises"]
    (course / "exercises" / "33_gone.ipynb").write_text("{}")
    assert [p.name for p in orphans(course)] == ["33_gone.ipynb"]
    assert (course / "exercises" / "33_gone.ipynb", "orphan") in release(course)


def test_lessons_are_built_whole(course):
    release(course, ["07"])
    nb = nbformat.read(course / "notebooks" / "07_words.ipynb", as_version=4)
    assert [c.source for c in nb.cells] == ["# Words", "1 + 1"]
    assert not (course / "exercises").exists()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('# %% check="gap"', "# %%", "no cell marked check"),
        ('# %% answer="gap"', "# %%", "no cell marked answer"),
        ('# %% [markdown] essay="taste"', "# %% [markdown]", "no cell marked essay"),
        ('# %% check="gap"', '# %% check="shift"', "more than one cell"),
        ('# %% check="gap"', '# %% check="gaps"', "no task of that name"),
        ('check("gap", hidden=True)', 'check("gap")', "no hidden test"),
        ("    ### END SOLUTION\n\n\n# %% check=\"preference\"", "\n\n# %% check=\"preference\"", "has no END SOLUTION"),
        ("### BEGIN SOLUTION\n    return 1 /", "### BEGIN SOLUTION\n### BEGIN SOLUTION\n    return 1 /", "inside"),
        ('progress()\n', "### BEGIN SOLUTION\n1\n### END SOLUTION\nprogress()\n", "not marked answer"),
        ('progress()\n', "### BEGIN HIDDEN TESTS\n1\n### END HIDDEN TESTS\nprogress()\n", "not marked check"),
    ],
)  # fmt: skip
def test_a_broken_source_is_refused_with_a_sentence(course, old, new, words):
    text = source(course).read_text(encoding="utf-8")
    at = text.rindex(old)
    source(course).write_text(text[:at] + new + text[at + len(old) :], encoding="utf-8")
    with pytest.raises(ReleaseError, match=words):
        release(course)


def test_full_nbgrader_metadata_is_accepted_as_it_is(course):
    edit(
        course,
        '# %% check="gap"',
        '# %% nbgrader={"grade": true, "grade_id": "gap", "locked": true, "points": 2, "schema_version": 3, '
        '"solution": false, "task": false}',
    )
    assert release(course)
    edit(course, '"points": 2', '"points": 3')
    with pytest.raises(ReleaseError, match="does not carry the task's 2 points"):
        release(course)


def test_each_student_gets_other_numbers_and_keeps_them(course, tmp_path):
    out = tmp_path / "out"
    (tmp_path / "class.csv").write_text("student,mail\nana,a@x\nbo b,b@x\n")
    names = read_students(tmp_path / "class.csv")
    assert names == ["ana", "bo b"]
    release_per_student(course, ["00"], names, out)
    first = (out / "seeds.csv").read_text()
    seeds = dict(line.split(",") for line in first.splitlines()[1:])
    assert len(set(seeds.values())) == 2
    release_per_student(course, [], [*names, "cy"], out)
    assert (out / "seeds.csv").read_text().startswith(first)
    for name in names:
        nb = nbformat.read(out / name / "00_start.ipynb", as_version=4)
        seed = int(seeds[name])
        assert nb.metadata["rlhf_edu"]["seed"] == seed
        cell = next(c for c in nb.cells if c["id"] == "seed")
        assert cell.source.startswith(f"SEED = {seed} ")
        assert cell.metadata["nbgrader"]["checksum"] == cells.checksum(cell)
    gap = tasks.find("gap")
    assert gap.numbers is not None
    assert len({gap.numbers(seed)["percent"] for seed in range(1, 60)}) > 20


@pytest.mark.parametrize("bad", ["", "# none\n", "a/b\n", "../x\n", ".hidden\n", "ana\nana\n"])
def test_a_bad_class_list_is_refused(tmp_path, bad):
    (tmp_path / "class.txt").write_text(bad)
    with pytest.raises(ReleaseError):
        read_students(tmp_path / "class.txt")


def test_the_command(course, monkeypatch, tmp_path):
    app = typer.Typer()
    app.command()(release_command)
    run = CliRunner().invoke
    monkeypatch.chdir(course)
    stale = run(app, ["--check"])
    assert stale.exit_code == 1
    assert "stale  exercises/00_start.ipynb" in stale.output
    assert run(app, []).exit_code == 0
    assert "up to date" in run(app, ["00", "--check"]).output
    unknown = run(app, ["55"])
    assert unknown.exit_code == 2
    assert "there is no source called 55" in unknown.output
    (tmp_path / "class.txt").write_text("ana\n")
    done = run(app, ["00", "--seed-per-student", str(tmp_path / "class.txt"), "--out", "copies"])
    assert done.exit_code == 0, done.output
    assert (course / "copies" / "ana" / "00_start.ipynb").is_file()
    missing = run(app, ["--seed-per-student", "nowhere.txt"])
    assert missing.exit_code == 2
    assert "Traceback" not in missing.output


def test_without_jupytext_one_sentence_says_what_to_install(course):
    program = (
        "import sys; sys.modules['jupytext'] = None\n"
        "from pathlib import Path\n"
        "from rlhf_edu.grading.release import release\n"
        f"release(Path({str(course)!r}))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert 'pip install "rlhf-edu[class]"' in done.stderr.splitlines()[-1]
