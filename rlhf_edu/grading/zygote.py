"""The fork server inside the sandbox: imports torch and the lesson's modules once, then forks a child a submission.

The grader hands over one socket for each child. A child is shut away (`isolate`) before it reads its first request.
Where the kernel refuses namespaces inside the sandbox, the zygote says so and serves one single child.
"""

import gc
import importlib
import json
import os
import random
import select
import signal
import socket
import sys
from pathlib import Path

from rlhf_edu.grading import isolate


def main(control_fd: int, settings: dict) -> None:
    """Serve the grader on the socket `control_fd` until it closes."""
    control = socket.socket(fileno=control_fd)
    if settings["uid"]:
        os.setgroups([])
        os.setresgid(settings["uid"], settings["uid"], settings["uid"])
        os.setresuid(settings["uid"], settings["uid"], settings["uid"])
    os.environ.update(settings["environ"])
    failed = _preload(settings["preload"])
    nested = bool(settings["contained"]) and _probe()
    if settings["contained"]:
        isolate.hide()
    gc.collect()
    gc.freeze()  # the collector must not touch, and so copy, the pages shared with the children
    _Zygote(control, settings, nested).serve(failed)


def _preload(names: list[str]) -> list[str]:
    failed = []
    for name in names:
        try:
            importlib.import_module(name)
        except Exception as error:
            failed.append(f"{name}: {type(error).__name__}")
    return failed


def _probe() -> bool:
    """Whether a child can be shut away here; tried out in one that is thrown away."""
    pid = os.fork()
    if pid == 0:
        try:
            isolate.new_namespaces()
            inner = os.fork()
            if inner == 0:
                isolate.fresh_mounts(1)
                os._exit(0)
            os._exit(os.waitstatus_to_exitcode(os.waitpid(inner, 0)[1]) != 0)
        except BaseException:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


class _Zygote:
    def __init__(self, control: socket.socket, settings: dict, nested: bool):
        self.control = control
        self.settings = settings
        self.nested = nested
        self.child = 0  # the process waited for
        self.inner = 0  # the student's process, first of its own tree, as seen from here
        self.baseline = _anonymous_kb(os.getpid())

    def serve(self, failed: list[str]) -> None:
        self.say(ready=True, nested=self.nested, failed=failed)
        while True:
            if select.select([self.control], [], [], 0.1)[0]:
                data, fds, _, _ = socket.recv_fds(self.control, 65536, 1)
                if not data:
                    self.kill()
                    return
                request = json.loads(data)
                if request["do"] == "spawn":
                    self.spawn(fds[0])
                else:
                    self.kill()
            self.watch()

    def say(self, **message) -> None:
        self.control.send(json.dumps(message).encode())

    def spawn(self, fd: int) -> None:
        self.kill()
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(read)
            self.control.close()
            _become_student(fd, write, self.settings, self.nested)  # never comes back
        os.close(write)
        os.close(fd)
        self.child = pid
        told = os.read(read, 64)  # the inner pid, written before the student's code can run
        os.close(read)
        self.inner = int(told or 0)
        self.say(spawned=bool(told))

    def kill(self) -> None:
        for pid in {self.inner, self.child} - {0}:
            try:
                os.kill(pid, signal.SIGKILL)
                if not self.nested:
                    os.killpg(pid, signal.SIGKILL)
            except OSError:
                pass
        if self.child:
            os.waitpid(self.child, 0)
            self.child = self.inner = 0

    def watch(self) -> None:
        """Reap the child, and kill it when all its processes together hold too much memory."""
        if not self.child:
            return
        if os.waitpid(self.child, os.WNOHANG)[0]:
            self.child = 0  # already reaped
            self.kill()
            self.inner = 0
            return self.say(gone="ended")
        if self.settings["contained"]:
            others = [int(p) for p in os.listdir("/proc") if p.isdigit() and int(p) not in (1, os.getpid())]
            used_kb = sum(max(0, _anonymous_kb(pid) - self.baseline) for pid in others)
            if used_kb > self.settings["memory_mb"] << 10:
                self.kill()
                self.say(gone="memory")


def _anonymous_kb(pid: int) -> int:
    """Memory of a process that no file backs, in kB: what is its own plus what it shares."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith(("RssAnon:", "RssShmem:")))


def _become_student(fd: int, told: int, settings: dict, nested: bool) -> None:
    """Turn this fork into the student's process and serve requests on `fd`; ends the process."""
    try:
        os.setsid()
        if settings["contained"]:
            isolate.die_with_parent()
        if nested:
            isolate.new_namespaces()
        inner = os.fork() if nested else 0  # the first process after the change of namespace is number 1 of its tree
        if inner:
            os.write(told, str(inner).encode())
            os.close(told)
            os.close(fd)
            os.waitpid(inner, 0)
            os._exit(0)
        if nested:
            isolate.die_with_parent()
        else:
            os.write(told, str(os.getpid()).encode())
        os.close(told)
        if sys.platform == "linux":
            isolate.set_limits(settings)
        if nested:
            isolate.fresh_mounts(settings["scratch_mb"])
        _settle(settings)
        from rlhf_edu.grading import worker

        worker.serve(fd, settings)
    except BaseException as error:
        os.write(2, f"the worker could not start: {type(error).__name__}: {error}\n".encode()[:500])
    finally:
        os._exit(70)


def _settle(settings: dict) -> None:
    """The last steps before the student's code: no terminal, an empty folder, limits, no privileges, known seeds."""
    os.chdir(settings["workdir"])
    if settings["contained"]:
        isolate.drop_privileges()
        isolate.filter_system_calls()
    random.seed(0)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(0)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)  # what a cell prints is caught in Python; the rest goes nowhere
