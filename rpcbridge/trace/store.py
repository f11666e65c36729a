"""The table of exchanges: rows in, a list and single exchanges out, bounded by count and age."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
)

from rpcbridge import db
from rpcbridge.db import UtcTime
from rpcbridge.trace.record import Row, restored

_TABLES = MetaData()

EXCHANGES = Table(
    "exchanges", _TABLES,
    Column("id", String(26), primary_key=True),  # a ULID: it tells the time of receipt, and the order of ids is that of time
    Column("platform", String(40), nullable=False),
    Column("call_id", String(200), nullable=False, index=True),
    Column("method", String(80), nullable=False),
    Column("dialect", String(10), nullable=False),
    Column("outcome", String(20), nullable=False),
    Column("action", String(20), nullable=False),
    Column("reason", String(40), nullable=False),
    Column("menu", String(200), nullable=False),
    Column("caller", String(80), nullable=False),
    Column("caller_key", String(16), nullable=False),
    Column("called", String(80), nullable=False),
    Column("called_key", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("repairs", Integer, nullable=False),
    Column("backend_ms", Float, nullable=False),
    Column("total_ms", Float, nullable=False),
    Column("document", Text, nullable=False),
)  # fmt: skip
_DROPS = Table(
    "exchanges_dropped", _TABLES,
    Column("id", Integer, primary_key=True),
    Column("noted_at", UtcTime, nullable=False, index=True),
    Column("count", Integer, nullable=False),
)  # fmt: skip
_KEY = Table("exchanges_key", _TABLES, Column("id", Integer, primary_key=True), Column("secret", LargeBinary, nullable=False))

# Many rows a statement: SQLite's driver lets go of the interpreter's lock for each statement, and has to
# wait for it again behind every call in flight. A few sizes only: drivers keep every statement they
# have prepared, and with one for each number of rows that was 50 MB.
_ROWS_A_STATEMENT = (64, 8, 1)
COLUMNS = tuple(column.name for column in EXCHANGES.c)  # the order of a row's values
_LISTED = [column for column in EXCHANGES.c if column.name != "document"]


def _first_tables(connection: Connection) -> None:
    _TABLES.create_all(connection)
    connection.execute(insert(_KEY).values(id=1, secret=secrets.token_bytes(32)))


_STEPS = [_first_tables]


class Store:
    """Exchanges in one database. Every method may raise SQLAlchemyError; none is called while a caller waits."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        mark = "?" if engine.dialect.name == "sqlite" else "%s"
        self._row = f"({', '.join([mark] * len(COLUMNS))})"
        self._insert = f"INSERT INTO exchanges ({', '.join(COLUMNS)}) VALUES"

    def prepare(self) -> bytes:
        """Make the tables where they are missing; the key of this store's pseudonyms. Raises DatabaseError too."""
        db.prepare(self._engine, "exchanges", _STEPS)
        with db.reading(self._engine) as connection:
            key: bytes = connection.execute(select(_KEY.c.secret)).scalar_one()
        return key

    def add(self, rows: Sequence[Row], dropped: int, now: datetime) -> None:
        """Keep `rows`, and that `dropped` others were not kept."""
        with self._engine.begin() as connection:
            for some in _portions(rows):
                values = tuple(chain.from_iterable(row.values() for row in some))
                connection.exec_driver_sql(f"{self._insert} {', '.join([self._row] * len(some))}", values)
            if dropped:
                connection.execute(insert(_DROPS).values(noted_at=now, count=dropped))

    def recent(self, limit: int, *, before: str = "", call_id: str = "") -> list[dict[str, Any]]:
        """The newest exchanges, newest first, without their documents; `before` is the id where the last list ended."""
        query = select(*_LISTED).order_by(EXCHANGES.c.id.desc()).limit(limit)
        if before:
            query = query.where(EXCHANGES.c.id < before)
        if call_id:
            query = query.where(EXCHANGES.c.call_id == call_id)
        with db.reading(self._engine) as connection:
            return [_shown(row._mapping) for row in connection.execute(query)]

    def of_call(self, call_id: str) -> list[dict[str, Any]]:
        """All exchanges of one call, newest first, without their documents."""
        return self.recent(100_000, call_id=db.storable(call_id, 200))

    def purge(self, call_id: str) -> int:
        """Forget the exchanges of one call; how many there were."""
        with self._engine.begin() as connection:
            return int(connection.execute(delete(EXCHANGES).where(EXCHANGES.c.call_id == db.storable(call_id, 200))).rowcount)

    def exchange(self, id: str) -> dict[str, Any] | None:
        """One exchange with everything that is kept of it."""
        with db.reading(self._engine) as connection:
            row = connection.execute(select(EXCHANGES).where(EXCHANGES.c.id == id)).one_or_none()
        if row is None:
            return None
        listed = _shown(row._mapping)
        return listed | restored(json.loads(listed.pop("document")))

    def counts(self) -> tuple[int, int]:
        """How many exchanges are kept, and how many were dropped in the same time."""
        with db.reading(self._engine) as connection:
            kept = connection.execute(select(func.count()).select_from(EXCHANGES)).scalar_one()
            dropped = connection.execute(select(func.coalesce(func.sum(_DROPS.c.count), 0))).scalar_one()
        return int(kept), int(dropped)

    def prune(self, newest: int, age: timedelta, now: datetime) -> None:
        """Forget all but the `newest` exchanges, and what is older than `age`."""
        with self._engine.begin() as connection:
            last = connection.execute(select(EXCHANGES.c.id).order_by(EXCHANGES.c.id.desc()).offset(newest).limit(1)).scalar()
            if last is not None:
                connection.execute(delete(EXCHANGES).where(EXCHANGES.c.id <= last))
            connection.execute(delete(EXCHANGES).where(EXCHANGES.c.id < _ulid_floor(now - age)))
            connection.execute(delete(_DROPS).where(_DROPS.c.noted_at < now - age))


def _portions(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """`rows` in as many as one statement takes."""
    begin = 0
    for size in _ROWS_A_STATEMENT:
        while len(rows) - begin >= size:
            yield rows[begin : begin + size]
            begin += size


def _shown(row: Any) -> dict[str, Any]:
    return {"id": row["id"], "received_at": _moment(row["id"]), **row}


_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def _ulid_floor(moment: datetime) -> str:
    """The first ULID of a millisecond: its ten characters of time, the rest zero."""
    milliseconds = int(moment.timestamp() * 1000)
    return "".join(_CROCKFORD[milliseconds >> shift & 31] for shift in range(45, -1, -5)) + "0" * 16


def _moment(ulid: str) -> str:
    """The time in a ULID, RFC 3339 with milliseconds."""
    milliseconds = 0
    for character in ulid[:10]:
        milliseconds = milliseconds << 5 | _CROCKFORD.index(character)
    moment = datetime.fromtimestamp(milliseconds // 1000, UTC).replace(microsecond=milliseconds % 1000 * 1000)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
