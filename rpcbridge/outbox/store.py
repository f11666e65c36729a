"""The table of events: put, claim, renew, settle, postpone, bury. The database's clock is the only one here.

An event is `pending` until it is `delivered` or `dead`; both are settled. While it is pending, `ready_at` says when
somebody may deliver it: later, when it is to be tried again; at the end of the lease, while somebody is at it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import BigInteger, Column, Connection, Engine, Index, Integer, MetaData, String, Table, Text, text

from rpcbridge import db
from rpcbridge.outbox.notice import Claimed, Notice, as_text

_TABLES = MetaData()
_BIG = BigInteger().with_variant(Integer, "sqlite")

_OUTBOX = Table(
    "outbox", _TABLES,
    Column("seq", _BIG, primary_key=True),  # the order of a call's events
    Column("event_id", String(26), nullable=False),
    Column("same_as", String(64), unique=True),
    Column("event", String(40), nullable=False),
    Column("platform", String(40), nullable=False),
    Column("call_key", String(32), nullable=False),
    Column("call_id", String(200), nullable=False),
    Column("payload", Text, nullable=False),  # "" once it is delivered
    Column("traceparent", String(60), nullable=False),
    Column("status", String(10), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("problem", String(300), nullable=False),  # why the last attempt failed
    Column("owner", String(26), nullable=False),
    Column("ready_at", BigInteger, nullable=False),
    Column("noted_at", BigInteger, nullable=False),  # when `ready_at` was written
    Column("stored_at", BigInteger, nullable=False),
    Column("settled_at", BigInteger),
    sqlite_autoincrement=True,
)  # fmt: skip
_PENDING = text("status = 'pending'")
_SETTLED = text("settled_at IS NOT NULL")
# Each index costs as much as half the event itself, while its phone system waits: no more than these.
Index("outbox_ready", _OUTBOX.c.ready_at, sqlite_where=_PENDING, postgresql_where=_PENDING)
Index("outbox_order", _OUTBOX.c.call_key, _OUTBOX.c.seq)
Index("outbox_settled", _OUTBOX.c.status, _OUTBOX.c.settled_at, sqlite_where=_SETTLED, postgresql_where=_SETTLED)

_COLUMNS = ("event_id", "same_as", "event", "platform", "call_key", "call_id", "payload", "traceparent")
_LISTED = "seq, event_id, event, platform, call_id, status, attempts, problem, owner, ready_at, stored_at, settled_at"
_CLOCK_SET_BACK = 2_000  # milliseconds by which a note from the future is no more than a rounding

Rows = Callable[[str, Sequence[Any]], list[Any]]  # runs one statement
Ended = Callable[[Rows, Sequence[str]], Mapping[str, Any]]


class Store:
    """The events of one database. Every method may raise SQLAlchemyError. `now`: the clock as SQL, for tests.

    `ended`: gives and forgets the states of calls that are over, in the same transaction; `prepare_also` makes its tables.
    """

    def __init__(
        self, engine: Engine, ended: Ended | None = None, prepare_also: Callable[[], None] = lambda: None, now: str = ""
    ) -> None:
        self.engine = engine
        self._kept = db.Kept(engine)  # of the thread that adds
        self._ended = ended
        self._prepare_also = prepare_also
        self._now = now or db.milliseconds_now(engine)
        fields, given = db.from_json(engine, len(_COLUMNS))
        self._insert = (
            f"INSERT INTO outbox ({', '.join(_COLUMNS)}, status, attempts, problem, owner, ready_at, noted_at, stored_at) "
            f"SELECT {', '.join(fields)}, 'pending', 0, '', '', {self._now}, {self._now}, {self._now} FROM {given} WHERE true "
            "ON CONFLICT (same_as) DO NOTHING RETURNING event_id"
        )
        self._skip = "FOR UPDATE OF o SKIP LOCKED" if engine.dialect.name == "postgresql" else ""

    def prepare(self) -> None:
        """Make the tables where they are missing. Raises DatabaseError too."""
        self._prepare_also()
        db.prepare(self.engine, "outbox", [_TABLES.create_all])

    def close(self) -> None:
        """Let the connection go that is kept for adding."""
        self._kept.close()

    def add(self, notices: Sequence[Notice]) -> list[bool]:
        """Put all of them, in one transaction; for each, whether it is new and not the second report of one put before."""
        new: set[str] = set()
        with self._kept.together():
            self._with_states(notices)
            # In one order, so that two processes that put the same never wait for each other.
            rows = [_row(notice) for notice in sorted(notices, key=lambda notice: notice.same_as)]
            new.update(row[0] for row in self._kept.rows(self._insert, (orjson.dumps(rows).decode(),)))
        return [notice.content["event_id"] in new for notice in notices]

    def claim(self, owner: str, count: int, lease: float) -> list[Claimed]:
        """Up to `count` events that are due, for `owner` alone for `lease` seconds."""
        if not count or not self._anything_due():
            return []
        with self.engine.begin() as connection:
            return self._claimed(connection, owner, count, lease)

    def renew(self, owner: str, seqs: Sequence[int], lease: float) -> None:
        """`owner` is still at these."""
        with self.engine.begin() as connection:
            connection.execute(
                text(f"UPDATE outbox SET ready_at = {self._now} + :lease, noted_at = {self._now} "
                     "WHERE seq = :seq AND owner = :owner AND status = 'pending'"),
                [{"seq": seq, "owner": owner, "lease": int(lease * 1000)} for seq in seqs],
            )  # fmt: skip

    def settle(self, owner: str, seqs: Sequence[int]) -> None:
        """Delivered: what was in them is blanked."""
        self._note(f"status = 'delivered', payload = '', problem = '', settled_at = {self._now}", owner, [{"seq": seq} for seq in seqs])

    def postpone(self, owner: str, seq: int, seconds: float, problem: str) -> None:
        """Not delivered: to be tried again in so many seconds."""
        values = {"seq": seq, "wait": int(seconds * 1000), "problem": db.storable(problem, 300)}
        self._note(f"ready_at = {self._now} + :wait, noted_at = {self._now}, problem = :problem", owner, [values])

    def bury(self, owner: str, seq: int, problem: str) -> None:
        """A dead letter: never tried again by itself, kept for `deadletters`. Holds nothing of its call back."""
        values = {"seq": seq, "problem": db.storable(problem, 300)}
        self._note(f"status = 'dead', settled_at = {self._now}, problem = :problem", owner, [values])

    def release(self, owner: str, seqs: Sequence[int]) -> None:
        """Claimed, and not tried after all: others may have them at once."""
        self._note(f"ready_at = {self._now}, noted_at = {self._now}, attempts = attempts - 1", owner, [{"seq": seq} for seq in seqs])

    def counts(self) -> dict[str, int]:
        """`pending` and `dead` events, and `oldest`: for how many milliseconds the oldest pending one has waited."""
        waiting = text(f"SELECT count(*), {self._now} - min(stored_at) FROM outbox WHERE status = 'pending'")
        with db.reading(self.engine) as connection:
            pending, oldest = connection.execute(waiting).one()
            dead = connection.execute(text(f"SELECT count(*) FROM outbox WHERE status = 'dead' AND {_SETTLED}")).scalar_one()
        return {"pending": int(pending), "dead": int(dead), "oldest": int(oldest or 0)}

    def of_status(self, status: str, limit: int) -> list[dict[str, Any]]:
        """The newest events of one status, without what is in them."""
        return self._listed("WHERE status = :status ORDER BY seq DESC LIMIT :limit", status=status, limit=limit)

    def calls(self, limit: int) -> list[dict[str, Any]]:
        """The calls of which events are kept, the one with the newest event first: how many events of each status."""
        counted = ", ".join(f"sum(CASE WHEN status = '{status}' THEN 1 ELSE 0 END) AS {status}" for status in ("pending", "delivered", "dead"))
        query = text(
            f"SELECT call_id, platform, {counted}, max(stored_at) AS stored_at, "
            "max(CASE WHEN event = 'call_ended' THEN 1 ELSE 0 END) AS ended FROM outbox WHERE call_id <> '' "
            "GROUP BY call_id, platform ORDER BY max(seq) DESC LIMIT :limit"
        )
        with db.reading(self.engine) as connection:
            return [dict(row) for row in connection.execute(query, {"limit": limit}).mappings()]

    def of_call(self, platform: str, call_id: str) -> list[dict[str, Any]]:
        """The events of one call, the first one first."""
        return self._listed("WHERE call_key = :key ORDER BY seq", key=db.key_of(platform, call_id))

    def event(self, event_id: str) -> dict[str, Any] | None:
        """One event, with its `content`: {} once it was delivered."""
        with db.reading(self.engine) as connection:
            row = connection.execute(
                text(f"SELECT {_LISTED}, traceparent, payload FROM outbox WHERE event_id = :id"), {"id": event_id}
            ).mappings().one_or_none()  # fmt: skip
        return dict(row) | {"content": json.loads(row["payload"] or "{}")} if row else None

    def replay(self, event_id: str = "") -> int:
        """Have a dead letter delivered again, or all of them; how many there were."""
        one = "AND event_id = :id" if event_id else ""
        with self.engine.begin() as connection:
            found = connection.execute(
                text("UPDATE outbox SET status = 'pending', attempts = 0, owner = '', settled_at = NULL, "
                     f"ready_at = {self._now}, noted_at = {self._now} WHERE status = 'dead' {one}"),
                {"id": event_id} if event_id else {},
            )  # fmt: skip
        return int(found.rowcount)

    def purge(self, platform: str, call_id: str) -> int:
        """Delete what is settled of a call; how many events that were."""
        with self.engine.begin() as connection:
            found = connection.execute(
                text("DELETE FROM outbox WHERE call_key = :key AND status <> 'pending'"), {"key": db.key_of(platform, call_id)}
            )
        return int(found.rowcount)

    def prune(self, age: float, newest: int, dead_age: float) -> int:
        """Forget events delivered `age` seconds ago and all but the `newest` of them, and dead letters of `dead_age`.

        How many dead letters were forgotten.
        """
        old = f"settled_at < {self._now} - :age"
        with self.engine.begin() as connection:
            connection.execute(text(f"DELETE FROM outbox WHERE status = 'delivered' AND {old}"), {"age": int(age * 1000)})
            last = connection.execute(
                text(f"SELECT settled_at FROM outbox WHERE status = 'delivered' AND {_SETTLED} ORDER BY settled_at DESC LIMIT 1 OFFSET :newest"),
                {"newest": newest},
            ).scalar()
            if last is not None:
                connection.execute(text("DELETE FROM outbox WHERE status = 'delivered' AND settled_at <= :last"), {"last": last})
            dead = connection.execute(text(f"DELETE FROM outbox WHERE status = 'dead' AND {old}"), {"age": int(dead_age * 1000)})
            # Noted in the future: the clock was set back since. What waits for then would wait for long.
            connection.execute(
                text(f"UPDATE outbox SET ready_at = {self._now}, noted_at = {self._now} "
                     f"WHERE status = 'pending' AND noted_at > {self._now} + {_CLOCK_SET_BACK}")
            )  # fmt: skip
        return int(dead.rowcount)

    def _with_states(self, notices: Sequence[Notice]) -> None:
        """Give each event that ends a call what the backend last returned as its state, which is forgotten then."""
        ending = [notice for notice in notices if notice.ends_call]
        if self._ended is None or not ending:
            return
        states = self._ended(self._kept.rows, sorted({notice.call_key for notice in ending}))
        for notice in ending:
            notice.content["state"] = states.get(notice.call_key)

    def _anything_due(self) -> bool:
        """Looks first, since on SQLite a claim keeps everybody else from writing."""
        with db.reading(self.engine) as connection:
            due = text(f"SELECT 1 FROM outbox WHERE status = 'pending' AND ready_at <= {self._now} LIMIT 1")
            return connection.execute(due).first() is not None

    def _claimed(self, connection: Connection, owner: str, count: int, lease: float) -> list[Claimed]:
        # Two statements, since only this is exact on PostgreSQL: within an UPDATE the SELECT may be made more than once.
        due = connection.execute(
            text("SELECT o.seq, o.event_id, o.payload, o.traceparent, o.attempts + 1 FROM outbox o "
                 f"WHERE o.status = 'pending' AND o.ready_at <= {self._now} AND NOT EXISTS ("
                 "SELECT 1 FROM outbox e WHERE e.status = 'pending' AND e.call_key = o.call_key AND e.seq < o.seq) "
                 f"ORDER BY o.ready_at, o.seq LIMIT :count {self._skip}"),
            {"count": count},
        ).all()  # fmt: skip
        if due:
            connection.execute(
                text(f"UPDATE outbox SET owner = :owner, attempts = attempts + 1, ready_at = {self._now} + :lease, "
                     f"noted_at = {self._now} WHERE seq = :seq"),
                [{"owner": owner, "lease": int(lease * 1000), "seq": row[0]} for row in due],
            )  # fmt: skip
        return [Claimed(seq, id, json.loads(payload), parent, attempt) for seq, id, payload, parent, attempt in due]

    def _note(self, what: str, owner: str, values: Sequence[Mapping[str, Any]]) -> None:
        """What became of events that `owner` still holds: one whose lease has ended is somebody else's."""
        if values:
            statement = text(f"UPDATE outbox SET {what}, owner = '' WHERE seq = :seq AND owner = :owner AND status = 'pending'")
            with self.engine.begin() as connection:
                connection.execute(statement, [{"owner": owner, **value} for value in values])

    def _listed(self, rest: str, **values: Any) -> list[dict[str, Any]]:
        with db.reading(self.engine) as connection:
            return [dict(row) for row in connection.execute(text(f"SELECT {_LISTED} FROM outbox {rest}"), values).mappings()]


def _row(notice: Notice) -> tuple[str | None, ...]:
    content = notice.content
    return (
        content["event_id"], notice.same_as or None, content["event"], content["platform"], notice.call_key,
        db.storable(content.get("call_id", ""), 200), as_text(content), notice.traceparent,
    )  # fmt: skip
