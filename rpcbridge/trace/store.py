"""The tables of exchanges: rows in, a list and single exchanges out, bounded by count, age and bytes.

What is looked through stands in a narrow table, the documents in one of their own, many in a row.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain, groupby
from operator import itemgetter
from typing import Any, TypeVar

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Engine,
    Float,
    FromClause,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Select,
    String,
    Table,
    and_,
    delete,
    func,
    insert,
    select,
    update,
)

from rpcbridge import db
from rpcbridge.db import UtcTime
from rpcbridge.trace.record import Row, restored
from rpcbridge.trace.segments import blanked, hash_of, segmented

T = TypeVar("T")

_TABLES = MetaData()

EXCHANGES = Table(
    "exchanges", _TABLES,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),  # the order of writing
    Column("id", String(26), nullable=False, unique=True),  # a ULID: it tells the time of receipt, and the order of ids is that of time
    Column("platform", String(40), nullable=False),
    Column("call_id", String(200), nullable=False),
    Column("method", String(80), nullable=False),
    Column("dialect", String(10), nullable=False),
    Column("outcome", String(20), nullable=False),
    Column("action", String(20), nullable=False),
    Column("reason", String(40), nullable=False),
    Column("event", String(40), nullable=False),
    Column("turn", Integer),
    Column("menu", String(200), nullable=False),
    Column("digits", String(40), nullable=False),
    Column("next_menu", String(200), nullable=False),
    Column("failure_menu", String(200), nullable=False),
    Column("origin", String(10), nullable=False),
    Column("caller", String(80), nullable=False),
    Column("caller_key", String(16), nullable=False),
    Column("called", String(80), nullable=False),
    Column("called_key", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("repairs", Integer, nullable=False),
    Column("backend_ms", Float, nullable=False),
    Column("total_ms", Float, nullable=False),
    Column("size", Integer, nullable=False),
    # From here on how it is kept, which nobody is shown.
    Column("call_hash", Integer, nullable=False, default=0),  # `segments.hash_of` the call_id
    Column("segment", String(26), nullable=False, default=""),  # where the document is, and the place in it where it begins
    Column("begin", Integer, nullable=False, default=0),
    Index("exchanges_of_call", "call_hash", "seq"),
    sqlite_autoincrement=True,  # the number of a row that was pruned does not come again
)  # fmt: skip
DOCUMENTS = Table("exchange_documents", _TABLES, Column("id", String(26), primary_key=True), Column("documents", LargeBinary, nullable=False))
DROPS = Table(
    "exchanges_dropped", _TABLES,
    Column("id", Integer, primary_key=True),
    Column("noted_at", UtcTime, nullable=False, index=True),
    Column("count", Integer, nullable=False),
)  # fmt: skip
_KEY = Table("exchanges_key", _TABLES, Column("id", Integer, primary_key=True), Column("secret", LargeBinary, nullable=False))

# Many rows a statement: SQLite's driver lets go of the interpreter's lock for each statement, and has to
# wait for it again behind every call in flight. A few sizes only: drivers keep every statement they
# have prepared, and with one for each number of rows that was 50 MB.
_ROWS_A_STATEMENT = (256, 64, 16, 4, 1)
_KEPT = ("call_hash", "segment", "begin")
SHOWN = tuple(column.name for column in EXCHANGES.c if column.name not in _KEPT)
COLUMNS = (*SHOWN[1:], *_KEPT)  # the order of a row's values; the database gives `seq`
_NAMES, _VALUES = ", ".join(COLUMNS), itemgetter(*SHOWN[1:])
# More than what is added at once, and no more: whoever else writes waits for it, callers among them.
_FORGOTTEN_AT_ONCE = 512
_MOST_OF_A_CALL = 200  # exchanges that a page about one call shows


def _first_tables(connection: Connection) -> None:
    _TABLES.create_all(connection, [DROPS, _KEY])
    connection.execute(insert(_KEY).values(id=1, secret=secrets.token_bytes(32)))


def _documents_apart(connection: Connection) -> None:
    """What was recorded before is forgotten: it lacks what the pages show now."""
    connection.exec_driver_sql("DROP TABLE IF EXISTS exchanges")
    _TABLES.create_all(connection, [EXCHANGES, DOCUMENTS])


_STEPS = [_first_tables, _documents_apart]


class Store:
    """Exchanges in one database. Every method may raise SQLAlchemyError; none is called while a caller waits."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        mark = "?" if engine.dialect.name == "sqlite" else "%s"
        self._row = f"({', '.join([mark] * len(COLUMNS))})"
        self._document = f"({mark}, {mark})"
        self._beyond = ""  # the id up to which exchanges are to be forgotten

    def prepare(self) -> bytes:
        """Make the tables where they are missing; the key of this store's pseudonyms. Raises DatabaseError too."""
        db.prepare(self.engine, "exchanges", _STEPS)
        with db.reading(self.engine) as connection:
            key: bytes = connection.execute(select(_KEY.c.secret)).scalar_one()
        return key

    def add(self, rows: Sequence[Row], dropped: int, now: datetime) -> None:
        """Keep `rows`, and that `dropped` others were not kept."""
        segments, values = [], []
        for segment, placed in segmented(rows):
            segments.append(segment)
            values += [(*_VALUES(row), hash_of(row["call_id"]), segment.id, begin) for row, begin in placed]
        last = self._portion()
        # Nothing but statements, and few: on SQLite whoever else writes waits for all of it, and callers wait for him.
        with self.engine.begin() as connection:
            if last:  # here, for what is new takes the place of what is old, and is written once
                self._forget(connection, last)
            if segments:
                statement = f"INSERT INTO exchange_documents (id, documents) VALUES {', '.join([self._document] * len(segments))}"
                connection.exec_driver_sql(statement, tuple(chain.from_iterable(segments)))
            self._write(connection, values)
            if dropped:
                connection.execute(insert(DROPS).values(noted_at=now, count=dropped))

    def _write(self, connection: Connection, values: Sequence[tuple[Any, ...]]) -> None:
        if connection.dialect.name == "postgresql":  # a parameter costs its driver as much as a row does this way
            cursor = connection.connection.cursor()
            with cursor.copy(f"COPY exchanges ({_NAMES}) FROM STDIN") as copy:
                for row in values:
                    copy.write_row(row)
            return
        for some in _portions(values):
            statement = f"INSERT INTO exchanges ({_NAMES}) VALUES {', '.join([self._row] * len(some))}"
            connection.exec_driver_sql(statement, tuple(chain.from_iterable(some)))

    def recent(self, limit: int, *, before: str = "", call_id: str = "") -> list[dict[str, Any]]:
        """The newest exchanges, newest first, without their documents; `before` is the id where the last list ended."""
        query = select(*listed(EXCHANGES)).order_by(EXCHANGES.c.id.desc()).limit(limit)
        if before:
            query = query.where(EXCHANGES.c.id < db.storable(before, 26))
        if call_id:
            query = query.where(of_call(EXCHANGES, call_id))
        with db.reading(self.engine) as connection:
            return [shown(row._mapping) for row in connection.execute(query)]

    def of_call(self, call_id: str) -> list[dict[str, Any]]:
        """All exchanges of one call, the oldest first, without their documents."""
        return self.recent(100_000, call_id=call_id)[::-1]

    def documents_of(self, call_id: str, limit: int = _MOST_OF_A_CALL) -> list[dict[str, Any]]:
        """The first exchanges of one call with everything that is kept of them, the oldest first."""
        query = _WHOLE.where(of_call(EXCHANGES, call_id)).order_by(EXCHANGES.c.id).limit(limit)
        with db.reading(self.engine) as connection:
            return [whole(row._mapping) for row in connection.execute(query)]

    def steps(
        self, limit: int, *, since: datetime | None = None, until: datetime | None = None, called_key: str = "", platform: str = "",
        origin: str | None = "",
    ) -> list[dict[str, Any]]:  # fmt: skip
        """Questions and reports of ends, the newest first: what tells how callers went from menu to menu.

        origin: "" for calls of phone systems, None for all.
        """
        query = select(*_STEP).where(EXCHANGES.c.event.in_(("action_requested", "call_ended"))).order_by(EXCHANGES.c.id.desc()).limit(limit)
        # Deliveries of the report are exchanges of their own, and tell nothing new. How a platform calls its methods does not matter.
        query = query.where(EXCHANGES.c.outcome.not_in(("delivered", "postponed", "dead_letter")))
        if since is not None:
            query = query.where(EXCHANGES.c.id >= ulid_floor(since))
        if until is not None:
            query = query.where(EXCHANGES.c.id < ulid_floor(until))
        for column, wanted in ((EXCHANGES.c.called_key, called_key or None), (EXCHANGES.c.platform, db.storable(platform, 40) or None), (EXCHANGES.c.origin, origin)):
            if wanted is not None:
                query = query.where(column == wanted)
        with db.reading(self.engine) as connection:
            return [dict(zip(_STEP_NAMES, row, strict=True)) for row in connection.execute(query).all()]

    def purge(self, call_id: str) -> int:
        """Forget the exchanges of one call; how many there were."""
        wanted = of_call(EXCHANGES, call_id)
        kept = select(EXCHANGES.c.segment, EXCHANGES.c.begin, EXCHANGES.c.size).where(wanted).order_by(EXCHANGES.c.segment)
        with self.engine.begin() as connection:
            for segment, rows in groupby(connection.execute(kept).all(), key=itemgetter(0)):
                self._blank(connection, segment, [(row.begin, row.size) for row in rows])
            return int(connection.execute(delete(EXCHANGES).where(wanted)).rowcount)

    def _blank(self, connection: Connection, segment: str, places: Sequence[tuple[int, int]]) -> None:
        this = DOCUMENTS.c.id == segment
        documents = connection.execute(select(DOCUMENTS.c.documents).where(this).with_for_update()).scalar()
        if documents:
            connection.execute(update(DOCUMENTS).where(this).values(documents=blanked(documents, places)))

    def exchange(self, id: str) -> dict[str, Any] | None:
        """One exchange with everything that is kept of it."""
        with db.reading(self.engine) as connection:
            row = connection.execute(_WHOLE.where(EXCHANGES.c.id == db.storable(id, 26))).one_or_none()
        return None if row is None else whole(row._mapping)

    def counts(self) -> tuple[int, int]:
        """How many exchanges are kept, and how many were dropped in the same time."""
        with db.reading(self.engine) as connection:
            kept = connection.execute(select(func.count()).select_from(EXCHANGES)).scalar_one()
            dropped = connection.execute(select(func.coalesce(func.sum(DROPS.c.count), 0))).scalar_one()
        return int(kept), int(dropped)

    def outdate(self, newest: int, age: timedelta, size: int, now: datetime) -> None:
        """See what is to be forgotten: all but the `newest` exchanges, what is older than `age`, the oldest beyond `size` bytes of all.

        Whatever is added from now on forgets a portion of it.
        """
        with db.reading(self.engine) as connection:
            beyond = [ulid_floor(now - age), *connection.execute(_nth(newest)).scalars()]
            if connection.execute(_ALL_BYTES).scalar_one() > size:  # a look at each segment is soon done, one at each exchange is not
                beyond += connection.execute(_beyond(size)).scalars()
            drops = connection.execute(select(DROPS.c.id).where(DROPS.c.noted_at < now - age).limit(1)).first()
        self._beyond = max(beyond)
        if drops:
            with self.engine.begin() as connection:
                connection.execute(delete(DROPS).where(DROPS.c.noted_at < now - age))

    def forget(self) -> bool:
        """Forget a portion of what is outdated; whether there is more. Who waits to write gets his turn in between."""
        if last := self._portion():
            with self.engine.begin() as connection:
                self._forget(connection, last)
        return bool(self._beyond)

    def prune(self, newest: int, age: timedelta, size: int, now: datetime) -> None:
        """Forget all that is outdated."""
        self.outdate(newest, age, size, now)
        while self.forget():
            pass

    def _portion(self) -> str:
        """The last id of those that are to be forgotten next, "" where there are none."""
        beyond = self._beyond
        if not beyond:
            return ""
        oldest = select(EXCHANGES.c.id).where(EXCHANGES.c.id <= beyond).order_by(EXCHANGES.c.id).limit(_FORGOTTEN_AT_ONCE)
        with db.reading(self.engine) as connection:
            ids = connection.execute(oldest).scalars().all()
        if len(ids) < _FORGOTTEN_AT_ONCE and self._beyond == beyond:
            self._beyond = ""
        return ids[-1] if ids else ""

    def _forget(self, connection: Connection, last: str) -> None:
        for table in (DOCUMENTS, EXCHANGES):  # the one first that `purge` takes first: two who wait for each other would not end
            connection.execute(delete(table).where(table.c.id <= last))


_STEP_NAMES = ("id", "platform", "call_id", "event", "turn", "menu", "digits", "outcome", "action", "next_menu", "failure_menu", "total_ms")
_STEP = tuple(EXCHANGES.c[name] for name in _STEP_NAMES)


def listed(table: FromClause) -> list[ColumnElement[Any]]:
    """What is shown of an exchange in a list."""
    return [table.c[name] for name in SHOWN]


def of_call(table: FromClause, call_id: str) -> ColumnElement[bool]:
    stored = db.storable(call_id, 200)
    return and_(table.c.call_hash == hash_of(stored), table.c.call_id == stored)


DOCUMENT = func.substr(DOCUMENTS.c.documents, EXCHANGES.c.begin + 1, EXCHANGES.c.size).label("document")
_WHOLE = select(*listed(EXCHANGES), DOCUMENT).join(DOCUMENTS, DOCUMENTS.c.id == EXCHANGES.c.segment)


_ALL_BYTES = select(func.coalesce(func.sum(func.length(DOCUMENTS.c.documents)), 0))


def _nth(newest: int) -> Select[tuple[str]]:
    """The newest exchange that is one too many."""
    return select(EXCHANGES.c.id).order_by(EXCHANGES.c.id.desc()).offset(newest).limit(1)


def _beyond(size: int) -> Select[tuple[str]]:
    """The newest exchange with which all are larger than `size`."""
    sums = select(EXCHANGES.c.id, func.sum(EXCHANGES.c.size).over(order_by=EXCHANGES.c.id.desc()).label("sum")).subquery()
    return select(sums.c.id).where(sums.c.sum > size).order_by(sums.c.id.desc()).limit(1)


def _portions(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    """`rows` in as many as one statement takes."""
    begin = 0
    for size in _ROWS_A_STATEMENT:
        while len(rows) - begin >= size:
            yield rows[begin : begin + size]
            begin += size


def whole(row: Any) -> dict[str, Any]:
    """An exchange with everything that is kept of it, from its row and the document in it."""
    listed = shown(row)
    return listed | restored(json.loads(listed.pop("document")))


def shown(row: Any) -> dict[str, Any]:
    return {"id": row["id"], "received_at": _moment(row["id"]), **row}


_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def ulid_floor(moment: datetime) -> str:
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
