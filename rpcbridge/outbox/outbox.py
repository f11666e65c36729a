"""The way in: an event is on disk before anybody is told that it is. One writer a process, many events a commit."""

from __future__ import annotations

from collections.abc import Callable

from rpcbridge import db
from rpcbridge.background import NotInTime, Together
from rpcbridge.errors import NotStored
from rpcbridge.outbox.notice import Notice
from rpcbridge.outbox.store import Store
from rpcbridge.standing import Standing


class Outbox:
    """Puts events of one process. `stored` is told each time that there is something new to deliver."""

    def __init__(self, store: Store, stored: Callable[[], None] = lambda: None) -> None:
        self._store = store
        self._stored = stored
        self._prepared = False
        self._standing = Standing("outbox")
        self._writer: Together[Notice, bool] = Together("outbox", self._written)

    def put(self, notice: Notice, seconds: float) -> bool:
        """Whether `notice` is new; False: it was put before. On disk either way. Raises NotStored, after `seconds` at the latest."""
        try:
            return self._writer.ask(notice, seconds)
        except NotInTime:
            raise NotStored("the database did not confirm the event in time") from None
        except Exception as error:
            raise NotStored(db.reason(error)) from None

    def post(self, notice: Notice) -> None:
        """Put `notice`, for which nobody waits: it is lost where it cannot be stored, as `outbox_failing` tells."""
        self._writer.send(notice)

    def check(self) -> tuple[str, bool, str]:
        """The health check `outbox`: whether events can be stored."""
        return self._standing.check()

    def close(self) -> None:
        """Write what waits."""
        self._writer.close()
        self._store.close()

    def _written(self, notices: list[Notice]) -> list[bool]:
        try:
            new = self._added(notices)
        except Exception as error:
            self._standing.fails(db.reason(error))
            raise
        self._standing.works()
        if any(new):
            self._stored()
        return new

    def _added(self, notices: list[Notice]) -> list[bool]:
        if not self._prepared:
            self._store.prepare()
            self._prepared = True
        return self._store.add(notices)
