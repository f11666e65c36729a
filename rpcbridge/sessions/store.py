"""The tables of calls that the bridge carries on, and of their timers. The database's clock is the only one here.

A row is written only in the place of the version that was read: where two processes move a call on at the same
time, one of them reads again. No transaction is open in between.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Engine, Index, Integer, MetaData, String, Table, Text, text

from rpcbridge import db
from rpcbridge.sessions.row import Row, Saved

_TABLES = MetaData()
Table(
    "sessions", _TABLES,
    Column("key", String(40), primary_key=True),
    Column("platform", String(40), nullable=False),
    Column("session_key", String(32), unique=True),  # of the platform's own id, once it is known
    Column("call_key", String(32), nullable=False, index=True),
    Column("call_id", String(200), nullable=False),
    Column("session_id", String(200), nullable=False),
    Column("version", Integer, nullable=False),
    Column("document", Text, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)  # fmt: skip
_TIMERS = Table(
    "session_timers", _TABLES,
    Column("key", String(40), primary_key=True),
    Column("name", String(40), primary_key=True),
    Column("attempts", Integer, nullable=False),
    Column("owner", String(26), nullable=False),
    Column("due_at", BigInteger, nullable=False),
)  # fmt: skip
Index("session_timers_due", _TIMERS.c.due_at)

_FOUND = "key, version, document"
_A_DAY = 86_400_000
_PRUNED = 1000  # at once


@dataclass(frozen=True, slots=True)
class Listed:
    """A call that is kept: when it was heard of last, and until when it is kept, in milliseconds since 1970."""

    row: Row
    seen_at: int
    expires_at: int


class Store:
    """The calls of one database. Every method may raise SQLAlchemyError or the driver's own errors. `now`: the clock as SQL, for tests."""

    def __init__(self, engine: Engine, now: str = "") -> None:
        self.engine = engine
        self._now = now or db.milliseconds_now(engine)
        self._kept = db.Kept(engine)  # of the one thread that looks up and writes
        mark = "?" if engine.dialect.name == "sqlite" else "%s"
        self._lookup = f"SELECT {_FOUND} FROM sessions WHERE platform = {mark} AND "
        self._by_session, self._by_key = f"session_key = {mark}", f"key = {mark}"
        self._by_call = f"call_key = {mark} ORDER BY seen_at DESC LIMIT 1"
        self._insert = (
            "INSERT INTO sessions (key, platform, session_key, call_key, call_id, session_id, version, document, seen_at, expires_at) "
            f"VALUES ({', '.join([mark] * 6)}, 1, {mark}, {self._now}, {self._now} + {mark}) ON CONFLICT DO NOTHING RETURNING key"
        )
        self._update = (
            f"UPDATE sessions SET session_key = {mark}, session_id = {mark}, version = version + 1, document = {mark}, "
            f"seen_at = {self._now}, expires_at = {self._now} + {mark} WHERE key = {mark} AND version = {mark} RETURNING key"
        )
        self._begin_timer = (
            f"INSERT INTO session_timers (key, name, attempts, owner, due_at) VALUES ({mark}, {mark}, 0, '', {self._now} + {mark}) "
            "ON CONFLICT (key, name) DO UPDATE SET attempts = 0, owner = '', due_at = excluded.due_at"
        )
        self._end_timer = f"DELETE FROM session_timers WHERE key = {mark} AND name = {mark}"
        # Waiting for the disk is most of what a save costs: milliseconds, where the rest is a tenth of one.
        self._durable = ("promised",) if engine.dialect.name == "sqlite" else ("promised", "answered")
        self._skip = "FOR UPDATE SKIP LOCKED" if engine.dialect.name == "postgresql" else ""

    def prepare(self) -> None:
        """Make the tables where they are missing. Raises DatabaseError too."""
        db.prepare(self.engine, "sessions", [_TABLES.create_all])

    def close(self) -> None:
        """Let the connection go that is kept for looking up and writing."""
        self._kept.close()

    def find(self, platform: str, session_id: str, key: str) -> Row | None:
        """The call with the platform's own id, else that with our key."""
        looks = [(self._by_session, db.key_of(platform, session_id))] if session_id else []
        looks += [(self._by_key, key)] if key.isascii() and key.isprintable() else []  # PostgreSQL takes no other, and ours is none
        for condition, value in looks:
            if found := self._kept.rows(self._lookup + condition, (platform, value)):
                return _row(platform, found[0])
        return None

    def of_call(self, platform: str, call_id: str) -> Row | None:
        """The call with the contract's id."""
        found = self._kept.rows(self._lookup + self._by_call, (platform, db.key_of(platform, call_id)))
        return _row(platform, found[0]) if found else None

    def save(self, wishes: Sequence[Saved]) -> list[bool]:
        """Write all of them in one transaction; for each, whether nobody had written its call meanwhile."""
        with self._kept.together(any(wish.lasting in self._durable for wish in wishes)):
            # In one order, so that no two processes wait for each other: two keep the same new call under keys of their own.
            done = {number: self._saved(wish) for number, wish in sorted(enumerate(wishes), key=lambda pair: _order(pair[1].row))}
        return [done[number] for number in range(len(wishes))]

    def _saved(self, wish: Saved) -> bool:
        row = wish.row
        # The ids once more, whole: their columns are for people, and may hold less of them.
        document = json.dumps((row.call_id, row.session_id, row.document), separators=(",", ":"))
        call_id, session_id, lasting = db.storable(row.call_id, 200), db.storable(row.session_id, 200), int(wish.seconds * 1000)
        if row.version == 0:
            new = (row.key, row.platform, row.session_key, db.key_of(row.platform, row.call_id), call_id, session_id, document, lasting)
            written = self._kept.rows(self._insert, new)
        else:
            written = self._kept.rows(self._update, (row.session_key, session_id, document, lasting, row.key, row.version))
        if written:
            for name, seconds in sorted(wish.timers.items()):
                if seconds is None:
                    self._kept.rows(self._end_timer, (row.key, name))
                else:
                    self._kept.rows(self._begin_timer, (row.key, name, int(seconds * 1000)))
        return bool(written)

    def claim(self, owner: str, count: int, lease: float) -> list[tuple[str, str, int, Row]]:
        """Up to `count` timers that are due, for `owner` alone for `lease` seconds: key, name, which attempt it is, and the call."""
        condition = f"FROM session_timers WHERE due_at <= {self._now}"
        with db.reading(self.engine) as connection:  # on SQLite a claim keeps everybody else from writing
            if connection.execute(text(f"SELECT 1 {condition} LIMIT 1")).first() is None:
                return []
        with self.engine.begin() as connection:
            due = connection.execute(
                text(f"SELECT key, name, attempts + 1 {condition} ORDER BY due_at LIMIT :count {self._skip}"), {"count": count}
            ).all()
            claimed = [(row, self._claimed(connection, owner, row.key, row.name, lease)) for row in due]
        return [(row.key, row.name, attempt, call) for (row, call) in claimed if call is not None for attempt in [row[2]]]

    def _claimed(self, connection: Connection, owner: str, key: str, name: str, lease: float) -> Row | None:
        """The call of a timer that is now `owner`'s. A timer without a call is none any more."""
        found = connection.execute(text(f"SELECT platform, {_FOUND} FROM sessions WHERE key = :key"), {"key": key}).one_or_none()
        values = {"key": key, "name": name, "owner": owner, "lease": int(lease * 1000)}
        if found is None:
            connection.execute(text("DELETE FROM session_timers WHERE key = :key AND name = :name"), values)
            return None
        connection.execute(
            text(f"UPDATE session_timers SET owner = :owner, attempts = attempts + 1, due_at = {self._now} + :lease "
                 "WHERE key = :key AND name = :name"), values,
        )  # fmt: skip
        return _row(found[0], found[1:])

    def settle(self, owner: str, key: str, name: str) -> None:
        """Done: there is no such timer any more, unless somebody began it anew meanwhile."""
        with self.engine.begin() as connection:
            connection.execute(
                text("DELETE FROM session_timers WHERE key = :key AND name = :name AND owner = :owner"),
                {"key": key, "name": name, "owner": owner},
            )

    def postpone(self, owner: str, key: str, name: str, seconds: float) -> None:
        """Not done: to be tried again in so many seconds."""
        with self.engine.begin() as connection:
            connection.execute(
                text(f"UPDATE session_timers SET due_at = {self._now} + :wait, owner = '' "
                     "WHERE key = :key AND name = :name AND owner = :owner"),
                {"key": key, "name": name, "owner": owner, "wait": int(seconds * 1000)},
            )  # fmt: skip

    def take_timers(self, platform: str, call_id: str, beginning: str) -> list[str]:
        """The names of a call's timers that begin so; they are no more then."""
        call = self.of_call(platform, call_id)
        if call is None:
            return []
        mine = "key = :key AND substr(name, 1, :length) = :beginning"
        values = {"key": call.key, "length": len(beginning), "beginning": beginning}
        with self.engine.begin() as connection:
            names = connection.execute(text(f"SELECT name FROM session_timers WHERE {mine} ORDER BY due_at"), values).scalars().all()
            connection.execute(text(f"DELETE FROM session_timers WHERE {mine}"), values)
        return list(names)

    def forget(self, key: str) -> None:
        """Forget one call and its timers."""
        with self.engine.begin() as connection:
            for table in ("sessions", "session_timers"):  # in the order in which they are written
                connection.execute(text(f"DELETE FROM {table} WHERE key = :key"), {"key": key})

    def purge(self, platform: str, call_id: str) -> int:
        """Forget a call, as the command does; how many there were."""
        call = {"call": db.key_of(platform, call_id)}
        with self.engine.begin() as connection:
            keys = connection.execute(text("DELETE FROM sessions WHERE call_key = :call RETURNING key"), call).scalars().all()
            for key in keys:
                connection.execute(text("DELETE FROM session_timers WHERE key = :key"), {"key": key})
            return len(keys)

    def recent(self, limit: int) -> list[Listed]:
        """The calls that are kept, the one last heard of first."""
        return self._listed("ORDER BY seen_at DESC LIMIT :limit", {"limit": limit})

    def kept_of(self, platform: str, call_id: str) -> list[Listed]:
        """What is kept of a call."""
        return self._listed("WHERE call_key = :call ORDER BY seen_at DESC", {"call": db.key_of(platform, call_id)})

    def _listed(self, which: str, values: dict[str, Any]) -> list[Listed]:
        with db.reading(self.engine) as connection:
            found = connection.execute(text(f"SELECT platform, seen_at, expires_at, {_FOUND} FROM sessions {which}"), values)
            return [Listed(_row(platform, kept), seen_at, expires_at) for platform, seen_at, expires_at, *kept in found]

    def prune(self) -> None:
        """Forget calls a minute beyond their time. One of which something is still to be done has a day more: all bridges may have been away."""
        busy = "EXISTS (SELECT 1 FROM session_timers t WHERE t.key = sessions.key)"
        old = f"expires_at < {self._now} - 60000 AND (expires_at < {self._now} - {_A_DAY} OR NOT {busy})"
        with db.reading(self.engine) as connection:  # every call is looked at, which on SQLite would keep everybody else from writing
            keys = connection.execute(text(f"SELECT key FROM sessions WHERE {old} LIMIT {_PRUNED}")).scalars().all()
        if keys:
            with self.engine.begin() as connection:
                connection.execute(text(f"DELETE FROM sessions WHERE key = :key AND {old}"), [{"key": key} for key in keys])


def _order(row: Row) -> str:
    return row.session_key or row.key


def _row(platform: str, found: Sequence[Any]) -> Row:
    key, version, kept = found
    call_id, session_id, document = json.loads(kept)
    return Row(platform, key, call_id, session_id, document, version)
