"""One file to hand in, and a folder of submissions out of many such files. No hub and no shared disk needed.

A pack is a zip file with `notebook.ipynb` and `manifest.json` (who, which exercise, the course's version, the
notebook's SHA-256). It proves nothing about who made it; it makes damage in transit and mix-ups visible.
"""

import hashlib
import json
import os
import re
import secrets
import time
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from platformdirs import user_data_dir

from rlhf_edu import __version__
from rlhf_edu.grading.submission import MAX_BYTES, read_submission

SUFFIX = ".rlhf.zip"


@dataclass(frozen=True)
class Manifest:
    """What a pack says about itself; all of it is the student's claim."""

    name: str
    student_id: str
    exercise: str
    version: str
    sha256: str
    packed_at: float
    origin: str  # a random number of the computer it was packed on: tells two people of one name apart

    @property
    def key(self) -> str:
        """What the student's folder is called: their id, else their name, made safe."""
        plain = re.sub(r"[^\w.@+-]+", "_", self.student_id or self.name).strip("._")[:60]
        return plain or "student"


class PackError(ValueError):
    """A notebook that cannot be packed, or a pack that cannot be opened; says what to do."""


def pack(notebook: Path, name: str, student_id: str = "", folder: Path | None = None) -> Path:
    """Write the pack for `notebook` into `folder` (the current one) and return its path."""
    if not name.strip():
        raise PackError("your name is empty: give it with --name")
    if not notebook.is_file():
        raise PackError(f"{notebook} is not there: give the path of your notebook")
    submission = read_submission(notebook, name, notebook.parent)
    if not submission.readable:
        raise PackError(f"{notebook.name}: {submission.problems[-1]}")
    exercise = submission.exercise or notebook.stem
    manifest = Manifest(name.strip(), student_id, exercise, __version__, submission.sha256, time.time(), _origin())
    folder = Path.cwd() if folder is None else folder
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{_plain(exercise)}-{manifest.key}{SUFFIX}"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", json.dumps(asdict(manifest), indent=1))
        archive.write(notebook, "notebook.ipynb")
    return path


def unpack(path: Path) -> tuple[Manifest, bytes]:
    """The manifest and the notebook in a pack from anybody; raises `PackError`."""
    if path.is_symlink():
        raise PackError(f"{path.name} is a link; it was not opened")
    try:
        with zipfile.ZipFile(path) as archive:
            raw = _member(archive, "manifest.json", 100_000)
            notebook = _member(archive, "notebook.ipynb", MAX_BYTES)
        entries = json.loads(raw)
        kinds = {"packed_at": (int, float)}
        fields = {k: entries[k] for k in Manifest.__dataclass_fields__}
        if not all(isinstance(v, kinds.get(k, str)) and len(str(v)) <= 200 for k, v in fields.items()):
            raise ValueError("a field of the manifest has the wrong type")
        manifest = Manifest(**fields)
    except PackError:
        raise
    except (OSError, ValueError, KeyError, TypeError, RecursionError, NotImplementedError, zipfile.BadZipFile) as error:
        raise PackError(f"{path.name} is not a pack made by `rlhf-edu submit` ({error})") from None
    if hashlib.sha256(notebook).hexdigest() != manifest.sha256:
        raise PackError(f"{path.name} was damaged or changed after it was packed: ask for it again")
    return manifest, notebook


def _member(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    with archive.open(name) as file:  # sizes in a zip's directory can lie: read no more than is allowed
        data = file.read(most + 1)
    if len(data) > most:
        where = Path(archive.filename or "").name
        raise PackError(f"{name} in {where} is too large: clear the notebook's outputs and pack it again")
    return data


def collect(packs: Sequence[Path], out: Path) -> tuple[int, list[str]]:
    """Unpack into `out/STUDENT/EXERCISE.ipynb`, the newest of each; how many notebooks there are, and what to know.

    A pack's arrival (its file's time) becomes the notebook's, since the time inside is the student's claim. Two people
    of one name, told apart by their computers, get two folders.
    """
    newest: dict[tuple[str, str, str], tuple[float, Manifest, bytes]] = {}
    notes: list[str] = []
    for path in packs:
        try:
            manifest, notebook = unpack(path)
        except PackError as error:
            notes.append(str(error))
            continue
        arrived = path.stat().st_mtime
        who = "" if manifest.student_id else manifest.origin
        key = (manifest.key, who, _plain(manifest.exercise))
        if key not in newest or arrived > newest[key][0]:
            newest[key] = (arrived, manifest, notebook)
        if manifest.version != __version__:
            notes.append(f"{path.name} was made with version {manifest.version} of the course; this is {__version__}")
    folders = _folders(sorted({key[:2] for key in newest}), notes)
    for (name, who, exercise), (arrived, _, notebook) in newest.items():
        folder = out / folders[name, who]
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / f"{exercise}.ipynb"
        target.write_bytes(notebook)
        os.utime(target, (arrived, arrived))
    return len(newest), notes


def _folders(people: Sequence[tuple[str, str]], notes: list[str]) -> dict[tuple[str, str], str]:
    names = [name for name, _ in people]
    folders = {}
    for name, who in people:
        alone = names.count(name) == 1
        folders[name, who] = name if alone else f"{name}-{who[:6] or 'id'}"
        if not alone:
            notes.append(f'more than one student is called "{name}": see the folder {folders[name, who]}')
    return folders


def _plain(exercise: str) -> str:
    return re.sub(r"[^\w-]+", "_", exercise) or "unknown"


def _origin() -> str:
    path = Path(user_data_dir("rlhf_edu")) / "origin"
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(secrets.token_hex(8))
        return path.read_text().strip()[:32]
    except OSError:
        return "unknown"
