"""The table of calls under way: one row a call, from its first question to its end."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, Column, Engine, Integer, MetaData, String, Table, Text, text

from rpcbridge import db

_TABLES = MetaData()
Table(
    "calls", _TABLES,
    Column("call_key", String(32), primary_key=True),
    Column("platform", String(40), nullable=False),
    Column("call_id", String(200), nullable=False),
    Column("turn", Integer, nullable=False),
    Column("state", Text),  # JSON; NULL is null
    Column("started_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)  # fmt: skip
# One tree and no index but the key: every question writes here while its caller waits.

Rows = Callable[[str, Sequence[Any]], list[Any]]
Begun = tuple[int, str | None]  # the turn, and the state as JSON text


class Store:
    """The calls of one database. Every method may raise SQLAlchemyError. `now`: the clock as SQL, for tests."""

    def __init__(self, engine: Engine, now: str = "") -> None:
        self.engine = engine
        self._now = now or db.milliseconds_now(engine)
        self._kept = db.Kept(engine)
        mark = "?" if engine.dialect.name == "sqlite" else "%s"
        (key, platform, call_id, count), given = db.from_json(engine, 4)
        self._begin = (
            "INSERT INTO calls (call_key, platform, call_id, turn, started_at, seen_at) "
            f"SELECT {key}, {platform}, {call_id}, CAST({count} AS INTEGER), {self._now}, {self._now} FROM {given} WHERE true "
            "ON CONFLICT (call_key) DO UPDATE SET turn = calls.turn + excluded.turn, seen_at = excluded.seen_at "
            "RETURNING call_key, turn, state"
        )
        self._keep = f"UPDATE calls SET state = {mark} WHERE call_key = {mark}"
        (key,), given = db.from_json(engine, 1)
        self._ended = f"DELETE FROM calls WHERE call_key IN (SELECT {key} FROM {given}) RETURNING call_key, state"

    def prepare(self) -> None:
        """Make the tables where they are missing. Raises DatabaseError too."""
        db.prepare(self.engine, "calls", [_TABLES.create_all])

    def close(self) -> None:
        """Let the connection go that is kept for questions."""
        self._kept.close()

    def begin(self, calls: Mapping[str, tuple[str, str, int]]) -> dict[str, Begun]:
        """So many more questions in each of these calls (key -> platform, id, how many): the last one's turn, and the state."""
        # In one order, so that no two processes wait for each other.
        given = json.dumps([(key, *call) for key, call in sorted(calls.items())])
        return {key: (turn, state) for key, turn, state in self._kept.rows(self._begin, (given,))}

    def keep(self, states: Mapping[str, str | None]) -> None:
        """The new state of each of these calls, as JSON text."""
        for key, state in sorted(states.items()):
            self._kept.rows(self._keep, (state, key))

    def ended(self, rows: Rows, keys: Sequence[str]) -> dict[str, Any]:
        """These calls are over: their last states, and nothing of them is left. `rows` runs a statement."""
        found = rows(self._ended, (json.dumps([[key] for key in keys]),))
        return {key: None if state is None else json.loads(state) for key, state in found}

    def recent(self, limit: int) -> list[dict[str, Any]]:
        """The calls under way, the one last heard of first, without their states."""
        return self._listed("ORDER BY seen_at DESC LIMIT :limit", limit=limit)

    def of_call(self, platform: str, call_id: str) -> list[dict[str, Any]]:
        """The call, if it is under way."""
        return self._listed("WHERE call_key = :key", key=db.key_of(platform, call_id))

    def purge(self, platform: str, call_id: str) -> int:
        """Forget a call; how many there were."""
        with self.engine.begin() as connection:
            found = connection.execute(text("DELETE FROM calls WHERE call_key = :key"), {"key": db.key_of(platform, call_id)})
            return int(found.rowcount)

    def prune(self, age: float) -> None:
        """Forget calls of which nothing was heard for `age` seconds."""
        with self.engine.begin() as connection:
            connection.execute(text(f"DELETE FROM calls WHERE seen_at < {self._now} - :age"), {"age": int(age * 1000)})

    def _listed(self, rest: str, **values: Any) -> list[dict[str, Any]]:
        with db.reading(self.engine) as connection:
            found = connection.execute(text(f"SELECT platform, call_id, turn, state, started_at, seen_at FROM calls {rest}"), values)
            return [dict(row) for row in found.mappings()]

