"""A store of events on each database, with a clock that is moved by hand."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from rpcbridge import calls, db
from rpcbridge.outbox import Notice, Store
from tests.support import databases

CLOCK = "(SELECT ms FROM clock)"
START = 1_000_000_000_000


class World:
    """One database, any number of stores on it, and its clock in milliseconds."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engines: list[Engine] = []
        self.stores: list[Store] = []
        self.calls = calls.Store(self.engine(), CLOCK)
        self.store = self.another()
        with self.store.engine.begin() as connection:
            connection.execute(text("CREATE TABLE clock (ms BIGINT)"))
            connection.execute(text("INSERT INTO clock VALUES (:ms)"), {"ms": START})
        self.store.prepare()
        self._ids = count(1)

    def engine(self) -> Engine:
        self.engines.append(db.opened(self.url, patience=5.0, durable=True, erase=True))
        return self.engines[-1]

    def another(self) -> Store:
        """What another process has."""
        under_way = calls.Store(self.engine(), CLOCK)
        self.stores.append(Store(self.engine(), under_way.ended, under_way.prepare, CLOCK))
        return self.stores[-1]

    def close(self) -> None:
        for store in (self.calls, *self.stores):
            store.close()
        for engine in self.engines:
            engine.dispose()

    def passes(self, seconds: float) -> None:
        with self.store.engine.begin() as connection:
            connection.execute(text("UPDATE clock SET ms = ms + :ms"), {"ms": int(seconds * 1000)})

    def notice(self, call_id: str = "c1", *, same_as: str = "", ends: bool = False, **fields: object) -> Notice:
        content = {
            "event": "call_ended", "event_id": f"{next(self._ids):026}", "platform": "voicenter", "call_id": call_id, "state": None,
        }  # fmt: skip
        return Notice(content | fields, "00-trace", same_as, ends)


@pytest.fixture(params=databases.KINDS)
def world(request: pytest.FixtureRequest, tmp_path: Path):
    made = World(databases.fresh(request.param, tmp_path))
    yield made
    made.close()
