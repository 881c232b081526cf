"""Runs a student's cells and functions on request, inside the sandbox, and hands back plain data.

Everything here lives in the same process as the student's code and may be bent by it; the grader outside takes each
answer for nothing more than a claim.
"""

import io
import os
import socket
import struct
import sys
from typing import Any

from rlhf_edu.grading import wire
from rlhf_edu.grading.student import LocalStudent
from rlhf_edu.grading.task import StudentError

OUTPUT_LIMIT = 20_000  # characters of one cell
NUMBERS: dict[tuple[str, int], Any] = {}  # what the stub of `numbers` gives


class Output(io.TextIOBase):
    """Catches what is printed, up to a limit, and cannot be closed."""

    def __init__(self):
        self.parts: list[str] = []
        self.room = OUTPUT_LIMIT

    def write(self, text: str) -> int:
        if self.room > 0:
            self.parts.append(str(text)[: self.room])
            self.room -= len(self.parts[-1])
        return len(text)

    def writable(self) -> bool:
        return True

    def close(self) -> None:
        pass

    def text(self) -> str:
        return "".join(self.parts) + ("\n… (the rest is cut off)" if self.room <= 0 else "")


def serve(fd: int, settings: dict) -> None:
    """Answer requests on the socket `fd` until it closes."""
    channel = socket.socket(fileno=fd)
    shell = _shell()
    me = os.getpid()
    while True:
        request = receive(channel)
        if request is None:
            return
        answer = _answer(shell, request)
        if os.getpid() != me:  # a copy that a cell forked and that ran on to here: one of us answers
            os._exit(0)
        answer["id"] = request["id"]
        send(channel, answer)


def receive(channel: socket.socket) -> Any:
    """The next request, or None once the grader has hung up."""
    head = _exactly(channel, 8)
    if head is None:
        return None
    data = _exactly(channel, struct.unpack("<Q", head)[0])
    return None if data is None else wire.unpack(data)


def _exactly(channel: socket.socket, n: int) -> bytes | None:
    data = bytearray()
    while len(data) < n:
        part = channel.recv(min(n - len(data), 1 << 20))
        if not part:
            return None
        data += part
    return bytes(data)


def send(channel: socket.socket, answer: dict) -> None:
    """Send `answer`, or the reason why it cannot be sent."""
    try:
        data = wire.pack(answer)
    except wire.WireError as error:
        refusal = {"id": answer["id"], "ok": False, "words": str(error), "kind": "type", "out": ""}
        data = wire.pack(refusal)
    channel.sendall(struct.pack("<Q", len(data)) + data)


def _shell():
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = False  # neither a file nor a thread
    config.InteractiveShell.colors = "NoColor"
    shell = InteractiveShell.instance(config=config)
    shell.showtraceback = lambda *args, **kwargs: None  # the error goes back as data
    shell.showsyntaxerror = lambda *args, **kwargs: None
    return shell


def _answer(shell, request: dict) -> dict:
    out = Output()
    sys.stdout = sys.stderr = out
    try:
        if request["do"] == "numbers":
            NUMBERS.update(request["table"])
            return {"ok": True, "out": ""}
        if request["do"] == "cell":
            return _cell(shell, request["source"]) | {"out": out.text()}
        return _value(shell, request) | {"out": ""}  # what is printed in a call could quote a hidden case
    except BaseException as error:
        return _failure(error) | {"out": out.text() if request["do"] == "cell" else ""}


def _cell(shell, source: str) -> dict:
    result = shell.run_cell(source, store_history=False)
    error = result.error_before_exec or result.error_in_exec
    return {"ok": True} if error is None else _failure(error)


def _value(shell, request: dict) -> dict:
    student = LocalStudent(shell.user_ns, request["forbidden"], request["originals"])
    if request["do"] == "get":
        return {"ok": True, "value": student.get(request["name"])}
    if request["do"] == "gradient":
        return {
            "ok": True,
            "value": student.gradient(request["name"], request["place"], request["part"], *request["args"]),
        }
    return {"ok": True, "value": student.call(request["name"], *request["args"], **request["kwargs"])}


def _failure(error: BaseException) -> dict:
    try:
        if isinstance(error, StudentError):
            return {"ok": False, "words": str(error), "kind": str(error.kind)}
        kind = type(error).__name__
        message = " ".join(str(error).split())[:200]
        return {"ok": False, "words": f"{kind}: {message}" if message else kind, "kind": kind}
    except BaseException:  # an exception whose own text raises
        return {"ok": False, "words": "an exception that cannot be shown", "kind": "exception"}
