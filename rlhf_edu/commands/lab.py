"""`rlhf-edu lab`: a working copy of the course, and JupyterLab on it. A student's own work is never overwritten."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from rich.console import Console

MANIFEST = (
    ".rlhf_edu.json"  # what was handed out: file → hash, so that an untouched copy can be told from a worked-on one
)
SETTINGS = Path(__file__).with_name("jupyter")  # no question about news, which would lie over the lesson


def course_folders() -> dict[str, Path]:
    """Where the lessons and exercises are: inside the installed package, or in the checkout it is run from."""
    package = Path(__file__).resolve().parents[1]
    installed, checkout = package / "course", package.parent
    root = installed if installed.is_dir() else checkout
    folders = {name: root / name for name in ("notebooks", "exercises")}
    if not any(folder.glob("*.ipynb") for folder in folders.values()):
        raise FileNotFoundError(f"no lessons were found under {root}: install the package again")
    return folders


@dataclass
class CopyReport:
    new: list[str]
    updated: list[str]
    kept: list[str]  # new versions that lie beside a file the student has worked on, which stays as it is


def handed_out() -> Iterator[tuple[str, Path]]:
    for name, folder in course_folders().items():
        for path in sorted(folder.glob("*.ipynb")):
            yield f"{name}/{path.name}", path


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def working_copy(target: Path) -> CopyReport:
    """Copy the course to `target`. Files that were worked on stay; a changed lesson then comes as NAME.new.ipynb."""
    report = CopyReport([], [], [])
    if target.exists() and not target.is_dir():
        raise NotADirectoryError(f"{target} is a file, but the course needs a folder: choose another --dir")
    target.mkdir(parents=True, exist_ok=True)
    manifest = _read_manifest(target / MANIFEST)
    for name, source in handed_out():
        copy, wanted = target / name, digest(source)
        copy.parent.mkdir(exist_ok=True)
        if not copy.exists():
            shutil.copyfile(source, copy)
            report.new.append(name)
        elif digest(copy) != wanted and digest(copy) == manifest.get(name):
            shutil.copyfile(source, copy)
            report.updated.append(name)
        elif digest(copy) != wanted and manifest.get(name) != wanted:
            beside = _free_name(copy, manifest)
            shutil.copyfile(source, beside)
            manifest[f"{Path(name).parent}/{beside.name}"] = wanted
            report.kept.append(f"{Path(name).parent}/{beside.name}")
        manifest[name] = wanted
    new = target / f"{MANIFEST}.tmp"
    new.write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    new.replace(target / MANIFEST)
    return report


def _free_name(copy: Path, manifest: dict[str, str]) -> Path:
    """Where a new version may lie: NAME.new.ipynb, or .new2, .new3 … when the student has worked in the earlier ones."""
    for number in count(1):
        beside = copy.with_suffix(f".new{number if number > 1 else ''}.ipynb")
        if not beside.exists() or digest(beside) == manifest.get(f"{copy.parent.name}/{beside.name}"):
            return beside
    raise AssertionError("count never ends")


def _read_manifest(path: Path) -> dict[str, str]:
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # without it every existing file counts as worked on: the safe side
    return manifest if isinstance(manifest, dict) else {}


def lab(target: Path, browser: bool, port: int | None, arguments: list[str]) -> int:
    """Make or refresh the working copy and run JupyterLab on it until it is stopped."""
    console = Console()
    report = working_copy(target)
    console.print(f"The course lies in {target.resolve()}", highlight=False, markup=False)
    for names, words in ((report.new, "new"), (report.updated, "updated"), (report.kept, "kept as you left it")):
        if names:
            console.print(f"  {len(names)} notebook{'s' if len(names) > 1 else ''} {words}", highlight=False)
    for name in report.kept:
        console.print(f"    the new version of one you worked on lies beside it: {name}", markup=False)
    first = next((name for name, _ in handed_out()), "")
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={target.resolve()}"]
    command += [f"--LabApp.default_url=/lab/tree/{first}"]
    command += [] if browser else ["--no-browser"]
    command += [f"--port={port}"] if port else []
    places = [str(SETTINGS), os.environ.get("JUPYTER_CONFIG_PATH", "")]
    environment = os.environ | {"JUPYTER_CONFIG_PATH": os.pathsep.join(filter(None, places))}
    return subprocess.run([*command, *arguments], env=environment).returncode
