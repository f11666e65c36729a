"""Calls that are kept, on each database, with a clock that is moved by hand."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from rpcbridge import db
from rpcbridge.sessions import Row, Saved, Store
from tests.support import databases

CLOCK = "(SELECT ms FROM clock)"
START = 1_000_000_000_000
HOUR = 3600.0


class World:
    """One database, any number of stores on it, and its clock in milliseconds."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engines: list[Engine] = []
        self.stores: list[Store] = []
        self.store = self.another()
        with self.store.engine.begin() as connection:
            connection.execute(text("CREATE TABLE clock (ms BIGINT)"))
            connection.execute(text("INSERT INTO clock VALUES (:ms)"), {"ms": START})
        self.store.prepare()
        self._keys = count(1)

    def another(self, patience: float = 5.0) -> Store:
        """What another process has."""
        self.engines.append(db.opened(self.url, patience=patience, durable=True, erase=True))
        self.stores.append(Store(self.engines[-1], CLOCK))
        return self.stores[-1]

    def close(self) -> None:
        for store in self.stores:
            store.close()
        for engine in self.engines:
            engine.dispose()

    def passes(self, seconds: float) -> None:
        with self.store.engine.begin() as connection:
            connection.execute(text("UPDATE clock SET ms = ms + :ms"), {"ms": int(seconds * 1000)})

    def new(self, session_id: str = "s1", *, key: str = "", call_id: str = "", **document: Any) -> Row:
        """A call that nobody has kept yet."""
        return Row("mediaservice", key or f"key{next(self._keys)}", call_id or session_id, session_id, document)

    def kept(self, session_id: str = "s1", *, seconds: float = HOUR, timers: dict[str, float | None] | None = None, **more: Any) -> Row:
        """A call that is kept, as it is found."""
        row = self.new(session_id, **more)
        assert self.store.save([Saved(row, seconds, timers or {})]) == [True]
        found = self.store.find(row.platform, row.session_id, row.key)
        assert found is not None
        return found

    def timers(self) -> list[tuple[str, str, int]]:
        """Key, name and seconds until it is due, of every timer."""
        with self.store.engine.connect() as connection:
            rows = connection.execute(text(f"SELECT key, name, due_at - {CLOCK} FROM session_timers ORDER BY due_at, key, name"))
            return [(key, name, left // 1000) for key, name, left in rows]


@pytest.fixture(params=databases.KINDS)
def world(request: pytest.FixtureRequest, tmp_path: Path):
    made = World(databases.fresh(request.param, tmp_path))
    yield made
    made.close()
