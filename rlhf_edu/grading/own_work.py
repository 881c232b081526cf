"""Is a function the student's own? Catches the library's function handed in, called from inside, or copied.

It catches what students do, not what a determined person could: a rewritten copy is their own work as far as any
program can tell.
"""

import dis
import hashlib
import sys
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from inspect import unwrap
from types import CodeType, FunctionType
from typing import Any

SHORTEST = 100  # bytes of code below which two people write the same function by chance


def fingerprint(function: Callable[..., Any]) -> str:
    """A hash of what a function does, the same under other variable names and comments; "" for a short one."""
    code = getattr(unwrap(function), "__code__", None)
    if code is None or len(code.co_code) < SHORTEST:
        return ""
    digest = hashlib.sha256()
    for part in _codes(code):
        digest.update(repr(_steps(part)).encode())
    return digest.hexdigest()[:16]


def _steps(code: CodeType) -> list[tuple[str, str]]:
    """The instructions without what depends on where the imports stand: a call of np.array compiles in two ways."""
    steps = []
    for step in dis.get_instructions(code):
        if step.opname in ("PUSH_NULL", "PRECALL", "RESUME", "CACHE", "NOP"):
            continue
        name = step.opname.replace("LOAD_METHOD", "LOAD_ATTR").replace("CALL_METHOD", "CALL")
        local = "FAST" in name or "DEREF" in name
        value = "" if step.opcode in dis.hasjrel + dis.hasjabs else step.arg if local else step.argval
        steps.append((name, "code" if isinstance(value, CodeType) else repr(value)))
    return steps


def _codes(code: CodeType) -> Iterable[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def borrowed(function: Any, forbidden: Iterable[str], originals: Iterable[str] = ()) -> str:
    """Whose function this is when it is not the student's: a sentence, or ""."""
    if any(function is loaded(name) for name in forbidden):
        return "this is the library's own function; the task is to write it"
    own = unwrap(function) if callable(function) else function
    if isinstance(own, FunctionType) and str(own.__module__).startswith("rlhf_edu."):
        return "this is the library's own function; the task is to write it"
    if isinstance(own, FunctionType) and fingerprint(own) and fingerprint(own) in set(originals):
        return "this is a copy of the checker's function; the task is to write your own"
    return ""


def loaded(dotted: str) -> Any:
    """The object with this dotted name if its module is loaded, else a fresh object that nothing is identical to."""
    parts = dotted.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        found: Any = sys.modules.get(".".join(parts[:cut]))
        if found is not None:
            for part in parts[cut:]:
                found = getattr(found, part, None)
            return object() if found is None else found
    return object()


@contextmanager
def watched(forbidden: Iterable[str]):
    """Note in the list it gives which forbidden functions are called inside, directly or not.

    "rlhf_edu.rlhf." with the dot at its end forbids all that is defined in there.
    """
    names = frozenset(forbidden)
    modules = (*(name for name in names if name.endswith(".")), "rlhf_edu.grading.tasks.", "rlhf_edu.grading.judges.")
    builtins = [b for b in (loaded(name) for name in names) if not isinstance(b, FunctionType)]
    calls: list[str] = []

    def watch(frame, event, arg):
        if event == "call":
            module = frame.f_globals.get("__name__", "")
            name = f"{module}.{frame.f_code.co_qualname}"
            if name in names or name.startswith(modules):
                calls.append(name)
        elif event == "c_call" and any(arg is builtin for builtin in builtins):
            calls.append(f"{getattr(arg, '__name__', arg)}")

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        yield calls
    finally:
        sys.setprofile(before)
