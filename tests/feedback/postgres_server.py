"""A private PostgreSQL in a temporary folder, on loopback, for the tests that need one. Nobody has to start it."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path


def programs() -> Path | None:
    """The folder with `initdb` and `pg_ctl`, or None. Debian keeps them out of the PATH."""
    found = shutil.which("initdb")
    places = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((place for place in places if (place / "initdb").exists() and (place / "pg_ctl").exists()), None)


class Server:
    """One cluster: made, started, crashed and started again at will. PostgreSQL refuses to run as root."""

    def __init__(self, bin: Path):
        self.bin, self.folder = bin, Path(tempfile.mkdtemp(prefix="rlhf-edu-postgres-"))
        self.user = next((u for u in ("postgres", "nobody") if _exists(u)), None) if os.getuid() == 0 else None
        if self.user:
            shutil.chown(self.folder, self.user)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.data = self.folder / "data"
        self._call("initdb", "-D", self.data, "-U", "teacher", "--auth=trust", "-E", "UTF8", "--no-sync")
        settings = f"listen_addresses = '127.0.0.1'\nport = {self.port}\nunix_socket_directories = ''\n"
        with (self.data / "postgresql.conf").open("a") as file:
            file.write(settings)
        self.url = f"postgresql://teacher@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        self._call("pg_ctl", "-D", self.data, "-l", self.folder / "log", "-w", "-t", "30", "start")

    def crash(self) -> None:
        """Kill every process at once; nothing is flushed, so that the next start has to recover."""
        self._call("pg_ctl", "-D", self.data, "-m", "immediate", "-w", "stop")

    def remove(self) -> None:
        if (self.data / "postmaster.pid").exists():
            self.crash()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _call(self, program: str, *words) -> None:
        command = [str(self.bin / program), *map(str, words)]
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        with tempfile.TemporaryFile("w+") as said:  # a pipe would stay open in the server, and we would wait for ever
            quiet["stdout"] = said
            done = subprocess.run(command, check=False, user=self.user, cwd=self.folder, timeout=60, **quiet)
            said.seek(0)
            if done.returncode:
                raise RuntimeError(f"{program} failed: {said.read()[-500:]}")


def _exists(user: str) -> bool:
    try:
        pwd.getpwnam(user)
        return True
    except KeyError:
        return False
