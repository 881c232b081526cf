"""What a student's process can and cannot do, tried from the inside, and that nothing carries over to the next one."""

import ast
import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from rlhf_edu.grading import sandbox as module
from rlhf_edu.grading.sandbox import Limits, Sandbox, SandboxError, bubblewrap, inside
from rlhf_edu.grading.session import SandboxStudent, WorkerGone
from rlhf_edu.grading.task import StudentError

needs_bubblewrap = pytest.mark.skipif(bubblewrap() is None, reason="bubblewrap is not installed")


@pytest.fixture(scope="module")
def box():
    with Sandbox(Limits(processes=24, memory_mb=256, file_mb=8, scratch_mb=16)) as made:
        yield made


@pytest.fixture
def run(box):
    """Runs a cell in a fresh process and gives what it printed."""
    session = box.session()

    def cell(source: str, seconds: float = 20.0) -> str:
        answer = session.ask(seconds, do="cell", source=source)
        assert answer["ok"], answer["words"]
        return answer["out"].strip()

    cell.session = session
    yield cell
    session.close()


@needs_bubblewrap
def test_a_session_is_process_one_of_its_own_tree_and_nobody_special(run):
    assert run("import os; print(os.getpid(), os.getppid(), len(os.listdir('/proc')))") == "1 0 0"
    assert int(run("print(os.getuid())")) != 0
    assert run("print(sorted(os.listdir('/tmp')))") == "['ipython']"


WRITABLE = """
import os
places = set()
for folder, _, _ in os.walk("/"):
    try:
        open(os.path.join(folder, "x"), "w").close()
        places.add(folder)
    except OSError:
        pass
print(sorted(places - {"/tmp/ipython"} - {p for p in places if p.startswith("/tmp/ipython/")}))
"""


@needs_bubblewrap
def test_only_the_scratch_folders_can_be_written(run):
    assert run(WRITABLE) == "['/dev/shm', '/tmp']"


@needs_bubblewrap
def test_the_home_folder_the_judges_and_the_repository_are_not_there(run):
    assert run("import os; print(os.path.exists('/etc/passwd'))") == "False"
    package = module.PACKAGE
    assert run(f"print(sorted(os.listdir({inside(package / 'grading')!r})))") == str(
        sorted(f"{name}.py" for name in module.INSIDE + module.STUBBED)
    )
    assert "tests" not in run(f"print(os.listdir({inside(package.parent)!r}))")
    home = os.path.expanduser("~")
    held = run(f"print(os.listdir({home!r}) if os.path.exists({home!r}) else [])")
    installed = {Path(at).relative_to(home).parts[0] for at in (sys.prefix, sys.base_prefix) if at.startswith(home)}
    assert set(ast.literal_eval(held)) <= installed  # Python itself may live there; nothing else does


@needs_bubblewrap
def test_the_grader_s_environment_is_not_handed_on(monkeypatch):
    monkeypatch.setenv("RLHF_EDU_SECRET_OF_THIS_TEST", "hush")
    with Sandbox() as fresh:
        session = fresh.session()
        out = session.ask(20.0, do="cell", source="import os; print(dict(os.environ))")["out"]
        session.close()
    assert "HOME" in out
    assert "hush" not in out


PRIVILEGED = """
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)

def refused(*call):
    ctypes.set_errno(0)
    return libc.syscall(*call) == -1 and ctypes.get_errno() in (errno.EPERM, errno.ENOSYS)

unshare, trace, mount, memory_file, clone, clone3, x32 = 272, 101, 165, 319, 56, 435, 39 | 1 << 30
print(
    refused(unshare, 0x10000000), refused(trace, 0, 0, 0, 0), refused(mount, b"x", b"/tmp", b"tmpfs", 0, 0),
    refused(memory_file, b"m", 0), refused(clone, 0x10000011, 0, 0, 0, 0), refused(clone3, 0, 88), refused(x32),
)
"""


@needs_bubblewrap
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the numbers of the calls are those of x86_64")
def test_privileged_calls_are_refused(run):
    assert run(PRIVILEGED) == "True True True True True True True"


FORKS = """
import os, time
n = 0
try:
    while n < 200:
        if os.fork() == 0:
            {body}
            os._exit(0)
        n += 1
except OSError:
    pass
print(n)
"""


@needs_bubblewrap
def test_processes_memory_files_and_scratch_space_are_limited(run):
    assert 0 < int(run(FORKS.format(body="time.sleep(30)"))) <= 24
    assert run("try:\n    x = bytearray(400 << 20)\nexcept MemoryError: print('no')") == "no"
    assert run("try:\n    open('/tmp/big', 'wb').write(b'x' * (9 << 20))\nexcept OSError: print('no')") == "no"
    many = "try:\n    for i in range(9): open(f'/tmp/{i}', 'wb').write(b'x' * (4 << 20))\nexcept OSError: print('no')"
    assert run(many) == "no"


@needs_bubblewrap
def test_memory_of_all_children_together_is_limited(box):
    session = box.session()
    code = FORKS.replace("200", "4").format(body="x = b'x' * (120 << 20); time.sleep(60)") + "time.sleep(60)"
    with pytest.raises(WorkerGone) as gone:
        session.ask(50.0, do="cell", source=code)
    assert gone.value.kind == "memory"


LEAVE = """
import numpy, os, sys, time
numpy.pi = 4
sys.modules["evil"] = sys
open("/tmp/left", "w").write("x")
open("/dev/shm/left", "w").write("x")
if os.fork() == 0:
    time.sleep(60)
"""
LOOK = """
import numpy, os, sys
print(numpy.pi == 4, "evil" in sys.modules, os.path.exists("/tmp/left"), os.path.exists("/dev/shm/left"))
"""


@needs_bubblewrap
def test_nothing_carries_over_to_the_next_session(box):
    first = box.session()
    assert first.ask(30.0, do="cell", source=LEAVE)["ok"]
    first.close()
    second = box.session()
    assert second.ask(30.0, do="cell", source=LOOK)["out"].strip() == "False False False False"
    second.close()


@needs_bubblewrap
def test_a_dead_session_is_replaced_within_a_second(box):
    box.session().close()
    start = time.monotonic()
    session = box.session()
    session.ask(20.0, do="cell", source="1")
    session.close()
    assert time.monotonic() - start < 3.0  # a cold start with torch takes longer; on a quiet machine this is 0.1 s


@needs_bubblewrap
def test_a_time_out_ends_the_session_and_says_so(box):
    session = box.session()
    with pytest.raises(WorkerGone, match="longer than 1 s") as gone:
        session.ask(1.0, do="cell", source="while True: pass")
    assert gone.value.kind == "time-out"
    with pytest.raises(WorkerGone):
        session.ask(1.0, do="cell", source="1")


@needs_bubblewrap
def test_a_student_in_the_sandbox_answers_like_a_local_one(box):
    session = box.session()
    session.ask(
        20.0,
        do="cell",
        source="def double(x, k=2):\n    return k * x\ndef bad(x):\n    return object()\nn = 7",
    )
    student = SandboxStudent(session, 20.0, texts={"essay": "words"})
    np.testing.assert_array_equal(student.call("double", np.arange(3.0)), [0.0, 2.0, 4.0])
    assert student.call("double", 4, k=3) == 12
    assert student.get("n") == 7
    assert student.get("essay") == "words"
    for name, kind in (("bad", "type"), ("absent", "missing")):
        with pytest.raises(StudentError) as error:
            student.call(name, 1)
        assert error.value.kind == kind
    session.close()


@needs_bubblewrap
def test_gradients_are_taken_in_the_sandbox():
    with Sandbox(preload=["torch"]) as box:
        session = box.session()
        cell = "def square(x, k):\n    return (k * x ** 2).sum(), 'more'\ndef cut(x):\n    return 2 * x.detach()"
        session.ask(20.0, do="cell", source=cell)
        student, x = SandboxStudent(session, 20.0), torch.tensor([1.0, 2.0])
        assert student.gradient("square", 0, 0, x, 3.0).tolist() == [6.0, 12.0]
        with pytest.raises(StudentError) as error:
            student.gradient("cut", 0, 0, x)
        assert error.value.kind == "detached"
        session.close()


@needs_bubblewrap
def test_without_nested_namespaces_each_session_gets_a_sandbox_of_its_own(box, monkeypatch):
    with Sandbox() as fresh:
        first = fresh.session()
        fresh.nested = False  # as on a system that forbids namespaces inside the sandbox
        process = fresh.process
        first.close()
        second = fresh.session()
        assert fresh.process is not process
        second.close()


def test_without_bubblewrap_it_refuses_and_says_what_to_do(monkeypatch):
    monkeypatch.setattr(module, "bubblewrap", lambda: None)
    with pytest.raises(SandboxError, match="--unsafe"):
        Sandbox()


def test_unsafe_runs_without_bubblewrap(monkeypatch):
    monkeypatch.setattr(module, "bubblewrap", lambda: None)
    with Sandbox(unsafe=True) as box:
        session = box.session()
        answer = session.ask(30.0, do="cell", source="print(6 * 7)")
        session.close()
    assert answer["out"].strip() == "42"
