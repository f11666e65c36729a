"""The database: an engine for SQLite or PostgreSQL, its column type for times, and versioned tables.

Knows no table of its own but the one that remembers versions: each part of the package that
stores something declares its tables and the steps that lead to them.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    DateTime,
    Dialect,
    Engine,
    ExceptionContext,
    Integer,
    MetaData,
    String,
    Table,
    TypeDecorator,
    create_engine,
    event,
    insert,
    select,
    text,
    update,
)

from rpcbridge.errors import DatabaseError

Step = Callable[[Connection], None]

_VERSIONS = Table("rpcbridge_schema", MetaData(), Column("part", String(40), primary_key=True), Column("version", Integer))
_ONE_AT_A_TIME = 7_267_627  # PostgreSQL's lock for whoever changes tables; any number, always the same


class UtcTime(TypeDecorator[datetime]):
    """A moment in UTC. SQLite keeps no time zone and would give naive times back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def opened(url: str, *, patience: float, durable: bool = False, erase: bool = False) -> Engine:
    """An engine for `url`; nothing connects yet. `patience`: seconds to wait for a connection or another's lock.

    `durable`: what is committed survives a power cut; otherwise the last moments before one may be missing, and
    nothing else. `erase`: what is deleted is overwritten, as far as the database can; without it SQLite does so
    where that costs no writing of its own, whatever it was built to do.
    To be called after the fork. A transaction on SQLite has the writer's lock from its first statement on.
    """
    if url.startswith("sqlite"):
        engine = create_engine(url, pool_size=2, max_overflow=2, pool_timeout=patience, connect_args={"timeout": patience})
        event.listen(engine, "connect", _prepared_for_many(f"synchronous = {'FULL' if durable else 'NORMAL'}", f"secure_delete = {'ON' if erase else 'FAST'}"))
        event.listen(engine, "do_connect", _writable(url.removeprefix("sqlite:///")))
        event.listen(engine, "begin", _begun)
        event.listen(engine, "handle_error", _file_gone_bad)
        return engine
    options = f"-c statement_timeout={round(patience * 1000)}{'' if durable else ' -c synchronous_commit=off'}"
    # A server that is gone without a word is noticed by what it does not acknowledge.
    limits = {"connect_timeout": max(2, round(patience)), "tcp_user_timeout": round(patience * 1000), "options": options}
    driver = re.sub(r"^postgres(ql)?(\+psycopg)?://", "postgresql+psycopg://", url)
    return create_engine(driver, pool_size=2, max_overflow=2, pool_timeout=patience, pool_pre_ping=True, connect_args=limits)


def prepare(engine: Engine, part: str, steps: Sequence[Step]) -> None:
    """Bring the tables of `part` to the newest version: `steps[n]` leads from version n to n + 1.

    Safe when several processes start at once. Raises DatabaseError for tables of a newer rpcbridge.
    """
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ONE_AT_A_TIME})
        _VERSIONS.create(connection, checkfirst=True)
        row = connection.execute(select(_VERSIONS.c.version).where(_VERSIONS.c.part == part)).scalar()
        if row is None:
            connection.execute(insert(_VERSIONS).values(part=part, version=0))
        version = row or 0
        if version > len(steps):
            raise DatabaseError(
                f"the {part} tables have version {version}, this rpcbridge knows {len(steps)}: run the newer rpcbridge, "
                "or name another database in database.url"
            )
        for step in steps[version:]:
            step(connection)
        connection.execute(update(_VERSIONS).where(_VERSIONS.c.part == part).values(version=len(steps)))


def _prepared_for_many(*pragmas: str) -> Callable[[Any, object], None]:
    """Readers and one writer at a time, each waiting for the other, as several workers need it."""

    def prepared(connection: Any, _: object) -> None:
        connection.isolation_level = None  # begun by us, not behind our back at the first write
        cursor = connection.cursor()
        # A checkpoint at every 16 MiB: whoever comes to it waits for the disk, and pages written often are moved once.
        for pragma in ("journal_mode = WAL", "wal_autocheckpoint = 4096", *pragmas):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return prepared


_MAKING = threading.Lock()


def _writable(path: str) -> Callable[..., None]:
    """Refuses to connect to a file that may not be written; makes it where it is missing, nobody else's to read.

    SQLite itself would open it for reading, and every later connection of the process with it, as long as
    any of them lives: also when the file may be written long since. A file that is there is not opened to see
    that: to close it again would let go of all locks this process has on it, and whoever closes it next would
    take himself for the last one, and remove the journal under us.
    """

    def check(*_: object) -> None:
        try:
            with _MAKING:  # nobody connects to a file that is just being closed
                with suppress(FileExistsError):
                    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
                if not os.access(path, os.R_OK | os.W_OK):
                    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        except OSError as error:
            raise sqlite3.OperationalError(f"unable to open database file for writing: {error.strerror}") from None

    return check


# SQLite's READONLY, IOERR, CORRUPT, CANTOPEN, NOTADB: what is wrong is the file, or how it was opened.
_OF_THE_FILE = {8, 10, 11, 14, 26}


def _file_gone_bad(context: ExceptionContext) -> None:
    """Open the file anew next time: SQLite remembers that it may only read, also when it may write long since."""
    code = getattr(context.original_exception, "sqlite_errorcode", 0) & 0xFF
    if code in _OF_THE_FILE:
        context.is_disconnect = True


class Kept:
    """One connection that its only thread keeps, for what a caller waits for: SQLAlchemy's pool takes several times as long.

    Each statement is a transaction of its own, but within `together`.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Any = None
        self._full: bool | None = None  # on SQLite: how the connection commits, once we have said so

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        """All rows that one statement gives. Raises SQLAlchemyError as it connects, and the driver's own errors."""
        try:
            if self._connection is None:
                self._connection = self._engine.raw_connection()
                if self._engine.dialect.name != "sqlite":  # there it is so already
                    self._connection.driver_connection.autocommit = True
            cursor = self._connection.cursor()
            cursor.execute(statement, values)
            found = cursor.fetchall() if cursor.description else []
            cursor.close()
        except Exception:
            self.close()
            raise
        return list(found)

    @contextmanager
    def together(self, durable: bool | None = None) -> Iterator[None]:
        """One transaction of all statements in the block. durable: whether it survives a power cut; None: as the engine has it."""
        if self._engine.dialect.name == "sqlite":
            if durable is not None and durable is not self._full:
                self.rows(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
                self._full = durable
            self.rows("BEGIN IMMEDIATE")
        else:
            relaxed = "" if durable is not False else "; SET LOCAL synchronous_commit TO off"
            self.rows("BEGIN" + relaxed)  # in one exchange with the server
        try:
            yield
            self.rows("COMMIT")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let the connection go; the next statement makes another."""
        kept, self._connection, self._full = self._connection, None, None
        if kept is not None:
            kept.invalidate()


def from_json(engine: Engine, fields: int) -> tuple[list[str], str]:
    """Rows that a statement is given as one JSON array of arrays: the SQL of each field, and what they are selected from.

    One statement for any number of rows, prepared once, in one exchange with the server.
    """
    if engine.dialect.name == "sqlite":
        return [f"json_extract(r.value, '$[{n}]')" for n in range(fields)], "json_each(?) AS r"
    return [f"r.value ->> {n}" for n in range(fields)], "json_array_elements(CAST(%s AS json)) AS r(value)"


def milliseconds_now(engine: Engine) -> str:
    """The database's own clock as SQL, in milliseconds since 1970: the machines that share it need not agree on the time."""
    if engine.dialect.name == "sqlite":
        return "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"
    return "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)"


def key_of(platform: str, call_id: str) -> str:
    """A call's key: of one length, whatever a phone system takes for an id."""
    return hashlib.sha256(f"{platform}\0{call_id}".encode("utf-8", "surrogatepass")).hexdigest()[:32]


def storable(text: object, longest: int) -> str:
    """`text` for people to read: without what PostgreSQL refuses, and no longer than this."""
    return str(text).encode("utf-8", "replace").decode().replace("\0", "")[:longest]


def forget(engine: Engine) -> None:
    """On SQLite, move what was written into the database and empty its journal: what is blanked stands there still.

    Does nothing while somebody reads or writes; the next time will do.
    """
    if engine.dialect.name == "sqlite":
        with closing(engine.raw_connection()) as connection:
            cursor = connection.cursor()
            patience = cursor.execute("PRAGMA busy_timeout").fetchone()[0]
            cursor.execute("PRAGMA busy_timeout = 0")
            try:
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                cursor.execute(f"PRAGMA busy_timeout = {patience}")


def reason(error: Exception) -> str:
    """What went wrong, without the statement and its values."""
    original: Any = getattr(error, "orig", None)
    return f"{type(original or error).__name__}: {(str(original or error).splitlines() or [''])[0][:200]}"


def reading(engine: Engine) -> Connection:
    """A connection for reading only: on SQLite it neither takes the writer's lock nor waits for it."""
    return engine.connect().execution_options(**{_READING: True})


_READING = "rpcbridge_reading"


def _begun(connection: Connection) -> None:
    reads = connection.get_execution_options().get(_READING)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
