"""The table of troubles: one row a kind, the same for all processes, changed by one of them at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

from sqlalchemy import Column, Connection, Engine, MetaData, String, Table, Text, insert, select, update

from rpcbridge import db
from rpcbridge.alerts.trouble import KINDS, Trouble

_TABLES = MetaData()
ALERTS = Table(
    "alerts", _TABLES,
    Column("kind", String(40), primary_key=True),
    Column("trouble", Text, nullable=False),  # a Trouble as JSON
)  # fmt: skip


def _first_table(connection: Connection) -> None:
    _TABLES.create_all(connection)
    connection.execute(insert(ALERTS), [{"kind": kind, "trouble": _dump(Trouble(kind))} for kind in KINDS])


_STEPS = [_first_table]


class Store:
    """Troubles in one database. Every method may raise SQLAlchemyError or DatabaseError."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._ready = False

    def troubles(self) -> dict[str, Trouble]:
        """All kinds as they stand."""
        self._prepare()
        with db.reading(self._engine) as connection:
            return {row.kind: _load(row.trouble) for row in connection.execute(select(ALERTS))}

    @contextmanager
    def changing(self, kind: str) -> Iterator[Trouble]:
        """One kind, kept as it is at the end of the block; every other process that wants it waits until then."""
        self._prepare()
        with self._engine.begin() as connection:
            row = ALERTS.c.kind == kind
            trouble = _load(connection.execute(select(ALERTS.c.trouble).where(row).with_for_update()).scalar_one())
            yield trouble
            connection.execute(update(ALERTS).where(row).values(trouble=_dump(trouble)))

    def _prepare(self) -> None:
        if not self._ready:
            db.prepare(self._engine, "alerts", _STEPS)
            self._ready = True


def _dump(trouble: Trouble) -> str:
    return json.dumps(asdict(trouble), separators=(",", ":"))


def _load(text: str) -> Trouble:
    return Trouble(**json.loads(text))
