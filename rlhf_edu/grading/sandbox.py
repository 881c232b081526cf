"""A sandbox around a student's code, and the grader's end of the channel into it.

`Sandbox` keeps a warm zygote inside bubblewrap: no network, no home, a read-only system, its own process tree, and
nothing of this package's judges. `Session` is one fork of it: one student's process, for one submission, then killed.
"""

import contextlib
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import rlhf_edu
from rlhf_edu.grading.session import Session

PACKAGE = Path(rlhf_edu.__file__).resolve().parent
INSIDE = ("wire", "isolate", "zygote", "worker", "student", "own_work", "task")  # all a sandbox sees of this folder
STUBBED = ("__init__", "check", "progress", "numbers")  # and these are silent
ENVIRON = {
    "HOME": "/tmp", "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MPLBACKEND": "Agg", "MPLCONFIGDIR": "/tmp/matplotlib",
    "SDL_VIDEODRIVER": "dummy", "IPYTHONDIR": "/tmp/ipython", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false",
    "NBGRADER_EXECUTION": "autograde",
}  # fmt: skip


class SandboxError(RuntimeError):
    """The sandbox itself cannot be built here; says what to do."""


@dataclass(frozen=True)
class Limits:
    """What one submission may use. Memory is what it may take on top of the imported libraries."""

    memory_mb: int = 2048
    processes: int = 64
    file_mb: int = 64
    scratch_mb: int = 128
    cpu_seconds: int = 900
    cell_seconds: float = 60.0
    task_seconds: float = 300.0  # where the task itself allows more
    notebook_seconds: float = 300.0


def bubblewrap() -> str | None:
    """Where bubblewrap is, or None where untrusted code cannot be shut in."""
    return shutil.which("bwrap") if sys.platform == "linux" else None


class Sandbox:
    """A warm place to run submissions in; `session()` gives a fresh process that knows nothing of earlier ones."""

    def __init__(self, limits: Limits = Limits(), preload: Sequence[str] = (), unsafe: bool = False):
        self.limits = limits
        self.preload = ["numpy", "IPython.core.interactiveshell", *preload]
        self.contained = not unsafe
        if self.contained and bubblewrap() is None:
            raise SandboxError(
                "bubblewrap is not installed, so students' code cannot be shut in: install it (apt install bubblewrap),"
                " or grade with --unsafe if you trust every submission"
            )
        self.folder = "/tmp" if self.contained else tempfile.mkdtemp(prefix="rlhf_edu_unsafe_")
        self.process: subprocess.Popen | None = None
        self.nested = False

    def session(self) -> Session:
        """A fresh process for one submission."""
        if self.process is not None and (self.process.poll() is not None or (self.contained and not self.nested)):
            self._stop()
        if self.process is None:
            self._start()
        ours, theirs = socket.socketpair()
        try:
            socket.send_fds(self.control, [b'{"do": "spawn"}'], [theirs.fileno()])
            while "spawned" not in (answer := self._hear(30.0)):
                pass
        finally:
            theirs.close()
        if not answer["spawned"]:
            raise SandboxError("the sandbox could not start a process for the submission")
        return Session(self, ours)

    def kill(self) -> str:
        """Kill the student's process and all it has started; why the zygote had killed it already, if it had."""
        why = ""
        try:
            self.control.send(b'{"do": "kill"}')
            while select.select([self.control], [], [], 0)[0]:
                why = self._hear(1.0).get("gone", "") or why
        except (OSError, SandboxError):
            self._stop()
        return why

    def close(self) -> None:
        """End the zygote with everything in it."""
        self._stop()
        if not self.contained:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _stop(self) -> None:
        if self.process is not None:
            self.control.close()  # the zygote ends when it hears nothing more
            with contextlib.suppress(OSError):
                self.process.kill()
            self.process.wait()
            self.errors.close()
            self.process = None

    def _start(self) -> None:
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        uid = 200_000 + os.getpid() % 60_000 if self.contained and os.getuid() == 0 else 0
        settings = asdict(self.limits) | {
            "uid": uid, "contained": self.contained, "preload": self.preload,
            "environ": ENVIRON if self.contained else {k: v for k, v in ENVIRON.items() if "/" not in v},
            "workdir": self.folder,
        }  # fmt: skip
        paths = [inside(PACKAGE.parent) if self.contained else str(PACKAGE.parent)]
        code = f"import sys; sys.path[:0] = {paths!r}; from rlhf_edu.grading import zygote; "
        code += f"zygote.main({theirs.fileno()}, {settings!r})"
        command = [sys.executable, "-I", "-B", "-c", code]
        if self.contained:
            command = [*bwrap_command(), inside(sys.executable), *command[1:]]
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115
        self.process = subprocess.Popen(
            command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=self.errors, stderr=self.errors
        )
        theirs.close()
        ready = self._hear(120.0)
        self.nested = ready["nested"]

    def _hear(self, seconds: float) -> dict:
        if select.select([self.control], [], [], seconds)[0]:
            data = self.control.recv(65536)
            if data:
                return json.loads(data)
        self.errors.seek(0)
        said = self.errors.read().decode(errors="replace").strip()[-600:]
        raise SandboxError(f"the sandbox does not answer{': ' + said if said else ''}")


def inside(path: str | Path) -> str:
    """Where a path of this machine lies in the sandbox: the same place, unless the scratch folder /tmp covers it there."""
    return f"/installed{path}" if Path(path).is_relative_to("/tmp") else str(path)


def bwrap_command() -> list[str]:
    """The bubblewrap command line: what of this machine a submission may see."""
    command = [bubblewrap() or "bwrap", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"]
    command += ["--unshare-cgroup-try", "--die-with-parent", "--new-session", "--hostname", "grader", "--clearenv"]
    if os.getuid() == 0:  # the zygote leaves root at once for a number nobody owns, so that limits on processes hold
        command += ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        command += ["--unshare-user"]
    for path in ("/usr", "/bin", "/sbin", "/lib", "/lib64"):
        if os.path.islink(path):
            command += ["--symlink", os.readlink(path), path]
        elif os.path.exists(path):
            command += ["--ro-bind", path, path]
    for path in ("/etc/ld.so.cache", "/etc/localtime", "/etc/fonts", "/etc/alternatives", "/etc/mime.types"):
        command += ["--ro-bind-try", path, path]
    shown = [path for path in dict.fromkeys([sys.base_prefix, sys.prefix, str(PACKAGE)]) if path != "/usr"]
    for parent in dict.fromkeys(str(p) for path in shown for p in reversed(Path(inside(path)).parents[:-1])):
        if not parent.startswith("/usr"):
            command += ["--perms", "0755", "--dir", parent]  # bubblewrap's own would be closed to other users
    for path in shown:
        command += ["--ro-bind", path, inside(path)]
    grading = PACKAGE / "grading"
    command += ["--tmpfs", inside(grading)]
    for name in INSIDE + STUBBED:
        source = grading / f"{'stubs' if name in STUBBED else name}.py"
        command += ["--ro-bind", str(source), inside(grading / f"{name}.py")]
    command += ["--remount-ro", inside(grading)]
    if (PACKAGE / "course").exists():
        command += ["--tmpfs", inside(PACKAGE / "course")]
    command += ["--proc", "/proc", "--dev", "/dev", "--perms", "1777", "--tmpfs", "/tmp", "--chdir", "/tmp"]
    for key, value in ENVIRON.items():
        command += ["--setenv", key, value]
    return [*command, "--remount-ro", "/dev", "--remount-ro", "/", "--"]
