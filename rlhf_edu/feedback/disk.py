"""Where a SQLite file may live, and what its complaints mean in plain words."""

import os
import re
import subprocess
import sys
from pathlib import Path

NETWORK = {
    "9p",
    "afs",
    "afpfs",
    "beegfs",
    "ceph",
    "cifs",
    "davfs",
    "gfs2",
    "glusterfs",
    "gpfs",
    "lustre",
    "ncpfs",
    "nfs",
    "nfs4",
}
NETWORK |= {
    "ocfs2",
    "orangefs",
    "smb2",
    "smb3",
    "smbfs",
    "webdav",
    "fuse.sshfs",
    "fuse.glusterfs",
    "fuse.rclone",
    "fuse.s3fs",
}


def mounts() -> list[tuple[str, str]]:
    """(folder, file system) of everything mounted here, as far as this system tells."""
    if sys.platform.startswith("linux"):
        lines = Path("/proc/self/mounts").read_text(errors="replace").splitlines()
        words = [line.split() for line in lines]
        return [(re.sub(r"\\([0-7]{3})", lambda m: chr(int(m[1], 8)), w[1]), w[2]) for w in words if len(w) > 2]
    if sys.platform == "darwin":
        lines = subprocess.run(["/sbin/mount"], capture_output=True, text=True, check=False).stdout.splitlines()
        parts = [line.partition(" on ")[2].rpartition(" (") for line in lines]
        return [(folder, kind.split(",")[0].strip(" )")) for folder, _, kind in parts]
    return []


def network_disk(path: Path, mounted: list[tuple[str, str]] | None = None) -> str:
    """The network file system that `path` lies on, or "" for a local disk."""
    path = path.resolve()
    if os.name == "nt":
        import ctypes

        drive = path.drive if path.drive.startswith("\\\\") else path.drive + "\\"
        is_remote = drive.startswith("\\\\") or ctypes.windll.kernel32.GetDriveTypeW(drive) == 4  # type: ignore[attr-defined]
        return "a network drive" if is_remote else ""
    around = [(Path(at), kind) for at, kind in (mounts() if mounted is None else mounted) if path.is_relative_to(at)]
    # The deepest mount wins; of two on one folder, the later one hides the earlier.
    kind = max(enumerate(around), key=lambda x: (len(x[1][0].parts), x[0]), default=(0, (path, "")))[1][1]
    return kind if kind in NETWORK else ""


def plain_words(error: Exception, where: str) -> str:
    """One sentence for what a database driver raised: what went wrong with `where`, and what to do."""
    original = getattr(error, "orig", None) or error
    code = getattr(original, "sqlite_errorname", "") or ""
    meanings = {
        "SQLITE_READONLY": f"{where} cannot be written: it, or its folder, is read-only; choose another place",
        "SQLITE_CANTOPEN": f"{where} cannot be opened or created: check that its folder exists and can be written",
        "SQLITE_FULL": f"the disk that holds {where} is full: free some space, then answer again",
        "SQLITE_BUSY": f"{where} is locked by another program: close that program, then try again",
        "SQLITE_LOCKED": f"{where} is locked by another program: close that program, then try again",
        "SQLITE_NOTADB": f"{where} is not a feedback store: give the path of one, or of a file that does not exist yet",
        "SQLITE_CORRUPT": f"{where} is damaged: keep it for rescue, and use a copy or another file",
        "SQLITE_IOERR": f"the disk failed while writing or reading {where}: check that it is connected and has space",
    }
    for start, sentence in meanings.items():
        if code.startswith(start):
            return sentence
    if not code and {c.__name__ for c in type(original).__mro__} & {"OperationalError", "InterfaceError"}:
        reason = (str(original).strip().splitlines() or ["no reason given"])[0]
        return f"{where} does not answer ({reason}): check that the database runs, then try again"
    reason = (str(original).strip().splitlines() or ["no reason given"])[0]
    return f"{where} refused ({reason}): check that it is a feedback store that you may write to"
