"""Progress is kept, shown, and survives bad files and full or forbidden disks."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser

import pytest

from rlhf_edu.grading import progress as show_progress
from rlhf_edu.grading.progress import PARTS, as_html, as_text, load, path, record, summary
from rlhf_edu.grading.task import Verdict
from rlhf_edu.grading.tasks import all_tasks, exercises, find

RIGHT, WRONG, UNWRITTEN = Verdict(1.0, "correct"), Verdict(0.0, "no", "value"), Verdict(0.0, "", "missing")


@pytest.fixture(autouse=True)
def file(tmp_path, monkeypatch):
    monkeypatch.setenv("RLHF_EDU_PROGRESS", str(tmp_path / "deep" / "progress.json"))
    return tmp_path / "deep" / "progress.json"


def test_points_once_earned_stay_and_failed_tries_are_counted(file):
    task = find("gap")
    assert [record(task, v) for v in (UNWRITTEN, WRONG, WRONG, RIGHT, WRONG)] == [0, 1, 2, 2, 3]
    assert load()["gap"]["score"] == 1.0
    assert json.loads(file.read_text())["version"] == 1


def test_the_summary_adds_up_by_part_of_the_course():
    record(find("gap"), RIGHT)
    record(find("falling_loss"), Verdict(0.5, "half", "x"))
    record(find("policy_loss"), RIGHT)
    parts = {row["part"]: row for row in summary()}
    start, rlhf = parts["Start"], parts["RLHF"]
    assert (start["part"], start["points"], start["of"], start["done"]) == ("Start", 3.5, 20, 1)
    assert (rlhf["part"], rlhf["points"], rlhf["done"]) == ("RLHF", 5, 1)
    assert rlhf["of"] == sum(task.points for task in all_tasks() if int(task.exercise[:2]) in PARTS["RLHF"])
    assert dict((name, state) for name, _, state in start["tasks"])["falling_loss"] == "tried"


def test_an_essay_counts_as_done_but_earns_nothing_before_it_is_marked():
    record(find("taste"), RIGHT)
    assert (summary()[0]["points"], summary()[0]["done"]) == (0, 1)


def test_every_exercise_belongs_to_exactly_one_part():
    for exercise in exercises():
        assert sum(int(exercise[:2]) in numbers for numbers in PARTS.values()) == 1
    assert sorted(n for numbers in PARTS.values() for n in numbers) == list(range(28))


def test_the_picture_says_the_same_in_text_and_in_html(capsys):
    record(find("gap"), RIGHT)
    show_progress()
    text = capsys.readouterr().out
    assert text.strip() == as_text(summary())
    assert "✓ gap" in text
    assert "2 of 20 points, 1 of 6 tasks" in text

    opened: list[str] = []

    class Balanced(HTMLParser):
        def handle_starttag(self, tag, attrs):
            if tag != "br":
                opened.append(tag)

        def handle_endtag(self, tag):
            assert opened.pop() == tag

    html = as_html(summary())
    Balanced().feed(html)
    assert not opened
    assert "2 of 20 points" in html
    assert "aria-label" in html


@pytest.mark.parametrize("junk", ["", "{", "[]", '{"tasks": 3}', '{"tasks": {"gap": 1}}', "\x00"])
def test_a_broken_file_is_set_aside_and_not_lost(file, junk, capsys):
    file.parent.mkdir()
    file.write_text(junk)
    assert load() == {}
    kept = list(file.parent.glob("progress.json.unreadable-*"))
    assert [k.read_text() for k in kept] == [junk]
    assert "kept as" in capsys.readouterr().err
    assert record(find("gap"), WRONG) == 1


def test_checks_work_where_nothing_can_be_written(tmp_path, monkeypatch, capsys):
    (tmp_path / "a file").write_text("")
    monkeypatch.setenv("RLHF_EDU_PROGRESS", str(tmp_path / "a file" / "progress.json"))
    assert record(find("gap"), WRONG) == 1
    assert "could not be saved" in capsys.readouterr().err


def test_the_file_is_whole_at_every_moment(file):
    """Writers in several threads, as with two notebooks open, never leave a half-written file."""
    record(find("gap"), WRONG)
    with ThreadPoolExecutor(4) as pool:
        done = [pool.submit(record, find("gap"), WRONG) for _ in range(40)]
        for _ in range(40):
            json.loads(file.read_text())
        assert all(d.result() >= 1 for d in done)
    assert not list(file.parent.glob("*.tmp"))


def test_without_the_variable_it_lies_in_the_users_data_directory(monkeypatch, tmp_path):
    monkeypatch.delenv("RLHF_EDU_PROGRESS")
    if sys.platform.startswith("linux"):
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
        assert path() == tmp_path / "rlhf-edu" / "progress.json"
    assert path().name == "progress.json"
