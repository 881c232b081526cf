"""One student's process, as seen from outside: requests with a deadline, and nothing believed but plain data."""

import builtins
import select
import socket
import struct
import time
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from rlhf_edu.grading import wire
from rlhf_edu.grading.task import StudentError

if TYPE_CHECKING:
    from rlhf_edu.grading.sandbox import Sandbox

OUTPUT_SHOWN = 4000  # characters of a cell's output that are kept
WORDS_SHOWN = 300
KINDS = {
    "missing",
    "type",
    "library",
    "seed",
    "shape",
    "detached",
    *(name for name in dir(builtins) if name[0].isupper()),
}


class WorkerGone(Exception):
    """The student's process died, hung, or said something that is no answer; `kind` is a short name for it."""

    def __init__(self, words: str, kind: str):
        super().__init__(words)
        self.kind = kind


class Session:
    """A process that runs one submission. After `WorkerGone` it is over, and a new one has to replay the cells."""

    def __init__(self, sandbox: "Sandbox", channel: socket.socket):
        self.sandbox = sandbox
        self.channel = channel
        self.alive = True
        self.asked = 0

    def ask(self, seconds: float, **request: Any) -> dict:
        """The answer to one request, within `seconds`; raises `WorkerGone`."""
        if not self.alive:
            raise WorkerGone("the process has ended", "crash")
        self.asked += 1
        deadline = time.monotonic() + seconds
        data = wire.pack(request | {"id": self.asked})
        try:
            self._send(struct.pack("<Q", len(data)) + data, deadline)
            answer = wire.unpack(self._frame(deadline))
            if not _is_answer(answer, self.asked):
                raise WorkerGone("it sent something that is not an answer to the question", "forgery")
            return answer
        except (WorkerGone, wire.WireError, OSError) as error:
            raise self._over(error, seconds) from None

    def close(self) -> None:
        """Kill the process and everything it started."""
        if self.alive:
            self.alive = False
            self.sandbox.kill()
            self.channel.close()

    def _over(self, error: Exception, seconds: float) -> WorkerGone:
        self.alive = False
        self.channel.close()
        time.sleep(0.02)  # let the zygote tell why it has ended
        if self.sandbox.kill() == "memory":
            return WorkerGone(f"it used more than {self.sandbox.limits.memory_mb} MB of memory", "memory")
        if isinstance(error, TimeoutError):
            return WorkerGone(f"it took longer than {seconds:.0f} s", "time-out")
        if isinstance(error, WorkerGone):
            return error
        if isinstance(error, wire.WireError):
            return WorkerGone(f"it sent something that is not an answer: {error}", "forgery")
        return WorkerGone("its process crashed", "crash")

    def _send(self, data: bytes, deadline: float) -> None:
        view = memoryview(data)
        while view:
            self._wait(deadline, write=True)
            view = view[self.channel.send(view, socket.MSG_DONTWAIT) :]

    def _frame(self, deadline: float) -> bytes:
        (size,) = struct.unpack("<Q", self._read(8, deadline))
        if size > wire.MAX_FRAME:
            raise wire.WireError(f"a frame of {size} bytes")
        return self._read(size, deadline)

    def _read(self, n: int, deadline: float) -> bytes:
        data = bytearray()
        while len(data) < n:
            self._wait(deadline)
            part = self.channel.recv(min(n - len(data), 1 << 20), socket.MSG_DONTWAIT)
            if not part:
                raise WorkerGone("its process crashed", "crash")
            data += part
        return bytes(data)

    def _wait(self, deadline: float, write: bool = False) -> None:
        left = deadline - time.monotonic()
        channel = [self.channel]
        ready = select.select([] if write else channel, channel if write else [], [], max(0.0, left))
        if left <= 0 or not (ready[0] or ready[1]):
            raise TimeoutError


def _is_answer(answer: Any, asked: int) -> bool:
    if type(answer) is not dict or type(answer.get("id")) is not int or answer["id"] != asked:
        return False
    if type(answer.get("ok")) is not bool:
        return False
    if type(answer.get("out")) is not str:
        return False
    return answer["ok"] or (type(answer.get("words")) is str and type(answer.get("kind")) is str)


class SandboxStudent:
    """A `Student` who lives in a sandbox: what a judge gets to see of a submission.

    All calls together may take `seconds`. `texts` are the written answers, which never enter the sandbox.
    """

    def __init__(
        self,
        session: Session,
        seconds: float,
        texts: Mapping[str, str] = MappingProxyType({}),
        forbidden: Iterable[str] = (),
        originals: Iterable[str] = (),
    ):
        self.session = session
        self.deadline = time.monotonic() + seconds
        self.seconds = seconds
        self.texts = texts
        self.guard = {"forbidden": list(forbidden), "originals": list(originals)}

    def call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """The result of calling the student's function `name` in its sandbox."""
        return self._ask(do="call", name=name, args=list(args), kwargs=kwargs)

    def gradient(self, name: str, place: int, part: int, *args: Any) -> Any:
        """The gradient of the result of the student's function `name`, taken in its sandbox."""
        return self._ask(do="gradient", name=name, place=place, part=part, args=list(args))

    def get(self, name: str) -> Any:
        """The value the notebook gave to `name`, or the text written in the cell of that name."""
        return self.texts[name] if name in self.texts else self._ask(do="get", name=name)

    def _ask(self, **request: Any) -> Any:
        left = self.deadline - time.monotonic()
        try:
            answer = self.session.ask(max(left, 0.0), **request, **self.guard)
        except WorkerGone as error:
            words = f"it took longer than {self.seconds:.0f} s" if error.kind == "time-out" else str(error)
            raise StudentError(f"`{request['name']}`: {words}", error.kind) from None
        if answer["ok"]:
            return answer.get("value")
        kind = answer["kind"] if answer["kind"] in KINDS else "exception"  # an invented name could carry numbers out
        raise StudentError(answer["words"][:WORDS_SHOWN], kind)
