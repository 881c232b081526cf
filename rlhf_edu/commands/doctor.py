"""`rlhf-edu doctor`: what works on this machine, in words, and what to do about what does not."""

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

State = Literal["good", "note", "bad"]


@dataclass(frozen=True)
class Finding:
    what: str
    state: State
    words: str


def python() -> Finding:
    words = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    return Finding("Python", "good" if sys.version_info >= (3, 11) else "bad", words)


def memory() -> Finding:
    free = _free_memory()
    if free is None:
        return Finding("memory", "note", "this system does not tell how much memory is free; lessons need about 2 GB")
    state: State = "good" if free > 2 else "bad"
    more = "" if free > 2 else "; lessons need about 2 GB: close other programs"
    return Finding("memory", state, f"{free:.1f} GB free{more}")


def _free_memory() -> float | None:
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            kilobytes = next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))
        return kilobytes / 1e6
    except (OSError, StopIteration):
        return None


def disk() -> Finding:
    free = shutil.disk_usage(os.getcwd()).free / 1e9
    if free < 0.5:
        return Finding("disk", "bad", f"only {free:.1f} GB free here: checkpoints may not fit, so free some space")
    return Finding("disk", "good", f"{free:.0f} GB free here")


def device() -> Finding:
    import torch

    words = f"torch {torch.__version__}"
    if torch.cuda.is_available():
        return Finding("device", "good", f"{words}, GPU {torch.cuda.get_device_name()}: it is used by itself")
    return Finding("device", "good", f"{words}, CPU with {torch.get_num_threads()} threads: enough for every lesson")


def model() -> Finding:
    import torch

    from rlhf_edu.rlhf.studio import open_studio

    studio = open_studio("stories")
    for _ in range(2):  # the first call is slow
        start = time.perf_counter()
        done = studio.write(studio.policy, studio.world.openings(16, 0), torch.Generator().manual_seed(0))
        speed = done.new_mask.sum().item() / (time.perf_counter() - start)
    words = f"the shipped storyteller writes {speed:,.0f} tokens a second here"
    if speed < 1000:
        return Finding("mini GPT-2", "note", f"{words}, which is slow: close other programs and ask again")
    return Finding("mini GPT-2", "good", words)


def lab() -> Finding:
    versions = [_version(name) for name in ("jupyterlab", "ipykernel")]
    if None in versions:
        return Finding(
            "JupyterLab", "bad", "JupyterLab or its kernel is not installed: pip install jupyterlab ipykernel"
        )
    return Finding(
        "JupyterLab", "good", f"JupyterLab {versions[0]}, ipykernel {versions[1]}: start it with rlhf-edu lab"
    )


def widgets() -> Finding:
    versions = [_version(name) for name in ("ipywidgets", "anywidget")]
    if versions[0] is None:
        return Finding(
            "widgets", "bad", "ipywidgets is not installed, so nothing can be clicked: pip install ipywidgets"
        )
    if versions[1] is None:
        return Finding("widgets", "note", "anywidget is not installed: labelling falls back to plain buttons")
    return Finding("widgets", "good", f"ipywidgets {versions[0]}, anywidget {versions[1]}")


def network() -> Finding:
    try:
        socket.create_connection(("huggingface.co", 443), timeout=3).close()
    except OSError:
        return Finding("network", "note", "no way to the Hugging Face hub; every lesson works without it")
    return Finding("network", "good", "the Hugging Face hub can be reached; lessons never need it")


def sandbox() -> Finding:
    if shutil.which("bwrap"):
        return Finding("sandbox", "good", "bubblewrap is there: submissions of others can be graded safely")
    return Finding(
        "sandbox", "note", "no bubblewrap; only instructors need it (Debian, Ubuntu: apt install bubblewrap)"
    )


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


CHECKS: tuple[Callable[[], Finding], ...] = (python, memory, disk, device, model, lab, widgets, network, sandbox)


def examine() -> Iterator[Finding]:
    """One finding a check; a check that breaks is a finding, not a traceback."""
    for check in CHECKS:
        try:
            yield check()
        except Exception as error:  # whatever is broken here is exactly what the doctor is asked about
            name = check.__name__.replace("_", " ")
            yield Finding(name, "bad", f"{type(error).__name__}: {error}")


def doctor() -> int:
    """Print every finding; 1 when something is broken."""
    from rich.console import Console
    from rich.text import Text

    console, broken = Console(), 0
    signs: dict[State, tuple[str, str]] = {
        "good": ("ok", "green"),
        "note": ("note", "yellow"),
        "bad": ("BROKEN", "red"),
    }
    for finding in examine():
        word, colour = signs[finding.state]
        console.print(Text.assemble((f"{word:>7}", colour), f"  {finding.what:<11} {finding.words}"))
        broken += finding.state == "bad"
    console.print("Something is broken: see above." if broken else "Everything the course needs works here.")
    return int(broken > 0)
