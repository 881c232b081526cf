"""Connections to the database that holds the answers: SQLite made safe for people's work, or PostgreSQL."""

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, create_engine, event, inspect, select
from sqlalchemy.engine import Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError
from sqlalchemy.pool import QueuePool

from rlhf_edu.feedback import schema
from rlhf_edu.feedback.disk import network_disk, plain_words
from rlhf_edu.feedback.events import StoreError


class Database:
    """One engine a process, transactions that are safe from any thread, and errors in plain words."""

    def __init__(self, url: str | Path, timeout_seconds: float | int, must_exist: bool = False):
        self.must_exist, self.url, self.timeout = must_exist, _parse(str(url)), timeout_seconds
        self.sqlite = self.url.get_backend_name() == "sqlite"
        file = self.url.database if self.sqlite and self.url.database != ":memory:" else None
        self.path = Path(file).resolve() if file and not file.startswith("file:") else None
        self.name = str(self.path or self.url.render_as_string(hide_password=True))
        if must_exist and self.path and not self.path.is_file():
            raise StoreError(f"there is no feedback store at {self.path}: check the path")
        if self.path and (kind := network_disk(self.path.parent)):
            raise StoreError(
                f"{self.path} lies on a network disk ({kind}), where SQLite loses answers: choose a folder on this "
                "machine's own disk, or a PostgreSQL address"
            )
        self._engine: Engine | None = None
        self._pid, self._lock = os.getpid(), threading.Lock()

    def update_tables(self) -> None:
        """Create the tables, or bring those of an older version up to date."""
        with self.reading() as connection:
            known = inspect(connection).has_table("schema_version")
            versions = connection.execute(select(schema.schema_version.c.version)).scalars() if known else ()
            if max(versions, default=0) == len(schema.STEPS):
                return  # so that a store that may only be read can be read
        if self.must_exist and not known:
            raise StoreError(f"{self.name} holds no feedback: check that this is the right address")
        with self.writing() as connection:
            self.one_at_a_time(connection)
            schema.migrate(connection)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one consistent state and holds nobody up."""
        with self._plainly(), self.engine.connect().execution_options(reading=True) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that has the right to write from its first statement: all of it happens, or none."""
        with self._plainly(), self.engine.begin() as connection:
            yield connection

    def now(self, connection: Connection) -> float:
        """Seconds since 1970 on the clock that all who share this database have in common."""
        if self.sqlite:
            return time.time()
        return float(connection.exec_driver_sql("SELECT extract(epoch FROM clock_timestamp())").scalar_one())

    def one_at_a_time(self, connection: Connection) -> None:
        """Let no other transaction that calls this run beside this one. (In SQLite, writers queue up anyway.)"""
        if not self.sqlite:
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(725002)")

    def forget_deleted(self) -> None:
        """Make deleted rows unreadable in the files too: `secure_delete` blanks one, and this empties the other."""
        if self.path:
            with self._plainly():
                raw = self.engine.raw_connection()
                try:
                    busy = raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
                finally:
                    raw.close()
            if busy:
                raise StoreError(
                    f"the rows are deleted, but another program is reading {self.name}, so that their text stays in its "
                    "-wal file: close that program; the last one to close removes the file"
                )

    @property
    def engine(self) -> Engine:
        """This process's engine: connections do not survive a fork."""
        with self._lock:
            if self._engine is not None and self._pid != os.getpid():
                self._engine.dispose(close=False)
                self._engine = None
            if self._engine is None:
                self._engine, self._pid = self._connect(), os.getpid()
            return self._engine

    def close(self) -> None:
        """Close the connections; they open again when needed."""
        if self._engine is not None:
            self._engine.dispose()

    def _connect(self) -> Engine:
        if not self.sqlite:
            own = self.url.query.get("options", "")
            waits = {
                "connect_timeout": max(2, round(self.timeout)),
                "options": f"{own} -c lock_timeout={round(1000 * self.timeout)}",
            }
            return create_engine(self.url, pool_pre_ping=True, pool_size=10, max_overflow=50, connect_args=waits)
        arguments = {"timeout": self.timeout, "check_same_thread": False}
        size = {} if self.path else {"pool_size": 1, "max_overflow": 0}  # a database in memory is one connection
        engine = create_engine(self.url, connect_args=arguments, poolclass=QueuePool, **size)
        event.listen(engine, "connect", self._prepare)
        event.listen(engine, "begin", _begin)
        return engine

    def _prepare(self, connection: sqlite3.Connection, _) -> None:
        connection.isolation_level = None  # BEGIN is ours to send
        for setting in ("foreign_keys=ON", "secure_delete=ON", "synchronous=FULL"):
            connection.execute(f"PRAGMA {setting}")
        until = time.monotonic() + self.timeout
        while self.path:
            try:
                connection.execute("PRAGMA journal_mode=WAL")
                return
            except sqlite3.OperationalError as error:  # this switch does not wait for others by itself
                if not error.sqlite_errorname.startswith("SQLITE_BUSY") or time.monotonic() > until:
                    raise
                time.sleep(0.02)

    @contextmanager
    def _plainly(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError:
            raise
        except (DBAPIError, sqlite3.Error) as error:
            raise StoreError(plain_words(error, self.name)) from error


def _begin(connection: Connection) -> None:
    # Taking the write lock at once makes a writer wait its turn; a read that turns into a write would fail instead.
    reading = connection.get_execution_options().get("reading")
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _parse(address: str) -> URL:
    if not address.strip():
        raise StoreError("the address of the store is empty: give a path, or postgresql://user@host/database")
    if "://" not in address:
        try:
            return URL.create("sqlite", database=str(Path(address).expanduser()))
        except RuntimeError:
            raise StoreError(f"{address[:60]!r} is in nobody's home folder here: check the path") from None
    try:
        url = make_url(address)
        if url.get_backend_name() not in ("sqlite", "postgresql", "postgres"):
            raise ArgumentError(f"{url.get_backend_name()} is not supported")
        if url.drivername in ("postgresql", "postgres"):
            url = url.set(drivername="postgresql+psycopg")
        url.get_dialect().import_dbapi()
        return url
    except (ArgumentError, NoSuchModuleError):
        raise StoreError(
            f"{address[:60]!r} is no address of a store: give a path, sqlite:///path, or postgresql://user@host/database"
        ) from None
    except ImportError as error:
        raise StoreError(f"{error.name} is not installed: pip install 'rlhf-edu[postgres]'") from None
