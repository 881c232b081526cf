"""Reports: nothing a student wrote becomes markup, no page can run or load anything, and the numbers are right."""

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest

from rlhf_edu.grading.grades import Grade, TaskGrade
from rlhf_edu.grading.page import bar, histogram, number
from rlhf_edu.grading.report import file_name, overview, student_page, write_reports
from rlhf_edu.grading.task import Task, Verdict

EVIL = "</pre></style><script>alert(1)</script><img src=x onerror='alert(2)'>\"&"


class Tags(HTMLParser):
    def __init__(self, text: str):
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))


def grade(student: str = "anna", points: float = 1.0, waiting: bool = False, mistake: str = "sign") -> Grade:
    tasks = [
        TaskGrade("sum", "A sum", points, 4.0, EVIL, mistake, EVIL, EVIL, comments=(EVIL,)),
        TaskGrade("text", "A text", 0.0, 2.0, "ready", essay=EVIL, waiting=waiting),
    ]
    return Grade(student, f"b{len(student)}", "90_test", tasks, [EVIL], sha256="0" * 64)


def evil_pages():
    everyone = [grade(EVIL, waiting=True), grade("bob", 4.0)]
    return {"student": student_page(everyone[:1]), "overview": overview(everyone, left_out=[EVIL])}


@pytest.mark.parametrize("name", ["student", "overview"])
def test_a_page_holds_no_script_no_handler_and_nothing_from_elsewhere(name):
    text = evil_pages()[name]
    for tag, attributes in Tags(text).tags:
        assert tag not in ("script", "img", "iframe", "object", "embed", "form", "base", "link")
        assert not any(key.startswith("on") or key in ("src", "style") for key in attributes)
        if "href" in attributes:
            assert re.fullmatch(r"(feedback/)?[\w.-]+\.html", attributes["href"])
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_the_policy_allows_exactly_the_page_s_own_style():
    text = evil_pages()["student"]
    policy = next(a["content"] for tag, a in Tags(text).tags if a.get("http-equiv") == "Content-Security-Policy")
    style = text.split("<style>")[1].split("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'")


def test_unsafe_grading_is_said_on_every_page(tmp_path):
    tasks = {"text": Task("text", "90_test", "essay", "A text", 2.0, 1, lambda *_: Verdict(0.0, ""))}
    for unsafe in (False, True):
        mine = grade(waiting=True)
        mine.unsafe = unsafe
        write_reports(tmp_path, [mine], tasks)
        for page in tmp_path.rglob("*.html"):
            assert ("Graded without a sandbox" in page.read_text(encoding="utf-8")) == unsafe


@pytest.mark.parametrize("name", ["../../etc/passwd", EVIL, "", "名前", "a" * 300, "CON", ".."])
def test_no_name_leaves_the_feedback_folder(name):
    assert re.fullmatch(r"[A-Za-z0-9_-]+\.html", file_name(grade(name)))


def test_pages_of_students_who_are_gone_do_not_stay(tmp_path):
    write_reports(tmp_path, [grade("anna"), grade("bobby")], {})
    write_reports(tmp_path, [grade("bobby")], {})
    assert [p.name for p in (tmp_path / "feedback").iterdir()] == [file_name(grade("bobby"))]


def test_blind_overviews_show_no_name():
    text = overview([grade("anna"), grade("bobby")], blind=True)
    assert "anna" not in text
    assert "bobby" not in text
    assert "b4" in text


def test_losses_are_counted_by_task_and_by_mistake():
    text = overview([grade("anna", 1.0), grade("bobby", 2.0), grade("carla", 4.0, mistake="")])
    rows = [re.sub(r"<[^>]+>", "|", row) for row in re.findall(r"<tr>(.*?)</tr>", text)]
    task_row = next(row for row in rows if "A sum" in row)
    assert "|58%|" in task_row  # 7 of 12 points
    assert "|5|" in task_row
    mistake_row = next(row for row in rows if "|sign|" in row)
    assert "|2||5|" in mistake_row


def test_a_histogram_counts_everybody_once():
    shares = [0.0, 0.05, 0.1, 0.3, 0.999, 1.0, 1.2, -0.1]
    texts = re.findall(r"<text[^>]*>(\d+)</text>", histogram(shares))
    assert [int(t) for t in texts] == [3, 1, 1, 3]


def test_small_pieces():
    assert [number(x) for x in (3.0, 2.5, 1 / 3, 0.0, 10.0)] == ["3", "2.5", "0.33", "0", "10"]
    assert 'width="120.0"' in bar(7.0, "x")
    assert 'width="0.0"' in bar(-1.0, "x")
