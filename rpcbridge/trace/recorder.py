"""From calls to the store, behind their backs: a queue, one thread, batches. What cannot be stored is counted and said."""

from __future__ import annotations

import hmac
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog
from sqlalchemy.exc import SQLAlchemyError

from rpcbridge import db
from rpcbridge.background import Batches
from rpcbridge.errors import DatabaseError
from rpcbridge.exchange import Exchange
from rpcbridge.redaction import Redactor, Sensitivity
from rpcbridge.settings import Capture
from rpcbridge.standing import Standing
from rpcbridge.trace.record import LONGEST, Recorder, Row
from rpcbridge.trace.store import Store, whole

T = TypeVar("T")

# Bytes of exchanges that may wait to be written: some 1,700 of them, or a few very large ones. A database that does
# not answer for a second, as one may while it moves its journal, costs none of a thousand a second.
_WAITING = 20 * 1024 * 1024
_OVERHEAD = 8192  # what an exchange weighs beside its payloads, roughly
_OUTDATED_EVERY = 5.0  # seconds: what is kept beyond its time makes every write dearer
_BREATH = 0.005  # seconds for whoever waits to write
_ROWS_AT_A_TIME = 32  # then the interpreter's lock is let go: no caller waits longer than for as many
_PATIENCE = 5.0  # seconds for the database; only the background thread waits
_A_MOMENT = 0.5  # seconds behind another who prepares the store


class Trace:
    """Records exchanges of one process. `observe` costs a call microseconds and can neither fail nor hold it up."""

    def __init__(
        self,
        url: str,
        capture: Capture,
        fields: Mapping[str, Sensitivity],
        secret_headers: tuple[str, ...],
        now: Callable[[], datetime],
    ) -> None:
        self._store = Store(db.opened(url, patience=_PATIENCE))
        self._capture = capture
        self._fields = fields
        self._secret_headers = secret_headers
        self._now = now
        self._log = structlog.get_logger()
        self._batches: Batches[Exchange] = Batches("debug-store", self._take, limit=_WAITING, pause=0.25)
        self._recorder: Recorder | None = None
        self._key = b""
        self._preparing = threading.Lock()
        self._lost = 0
        self._standing = Standing("debug_store")
        self._outdated = 0.0

    def observe(self, seen: Exchange) -> None:
        """Have `seen` recorded; it must not change any more."""
        if len(seen.platform_request) > LONGEST:  # what is not kept need not wait either
            seen.let_go = len(seen.platform_request) - LONGEST
            seen.platform_request = seen.platform_request[:LONGEST]
        body = len(seen.hop.reply.body) if seen.hop.reply else 0
        self._batches.put(seen, _OVERHEAD + len(seen.platform_request) + len(seen.platform_response) + body)

    def document(self, seen: Exchange) -> dict[str, Any]:
        """What will be kept of `seen`, masked as ever, before it is. Raises DatabaseError: the key of pseudonyms is in the database."""
        try:
            return whole(self._prepared().row(seen))
        except SQLAlchemyError as error:
            raise DatabaseError(db.reason(error)) from None

    def close(self) -> None:
        """Write what waits."""
        self._batches.close()

    def check(self) -> tuple[str, bool, str]:
        """The health check `debug_store`: whether exchanges are being recorded, and what is wrong where they are not."""
        return self._standing.check()

    def looked_up(self, look: Callable[[Store], T]) -> T:
        """What `look` finds in the store. Raises DatabaseError where it cannot be read."""
        try:
            self._prepared()
            self._outdate()
            while self._store.forget():  # where no calls come, nobody else does
                time.sleep(_BREATH)
            return look(self._store)
        except SQLAlchemyError as error:
            raise DatabaseError(db.reason(error)) from None

    def pseudonym(self, number: str) -> str:
        """What stands for a number in this store. Raises DatabaseError where its key cannot be read."""
        try:
            return self._prepared().pseudonym(number)
        except SQLAlchemyError as error:
            raise DatabaseError(db.reason(error)) from None

    def signing_key(self) -> bytes:
        """What the pages sign with: the same for all processes on this store, and not what pseudonyms are made with. Raises DatabaseError.

        Strangers can have it asked for. While the database does not answer, one of them waits for it and the others
        do not wait behind him: the threads are the callers'.
        """
        if not self._key:
            if not self._preparing.acquire(timeout=_A_MOMENT):
                raise DatabaseError("the database does not answer")
            try:
                self._prepare()
            except SQLAlchemyError as error:
                raise DatabaseError(db.reason(error)) from None
            finally:
                self._preparing.release()
        return hmac.digest(self._key, b"signing", "sha512")[:32]  # another function: any text may be somebody's number

    def _prepared(self) -> Recorder:
        with self._preparing:
            return self._prepare()

    def _prepare(self) -> Recorder:
        """To be called with the lock `_preparing`."""
        if self._recorder is None:
            self._key = self._store.prepare()
            redactor = Redactor(
                self._key, self._fields, secret_headers=self._secret_headers, reveal=self._capture.reveal,
                secret_digits=bool(self._capture.secret_menus),
            )  # fmt: skip
            self._recorder = Recorder(redactor, self._capture.secret_menus)
        return self._recorder

    def _take(self, batch: list[Exchange], dropped: int) -> None:
        self._lost += dropped
        try:
            recorder = self._prepared()
            rows = [row for place, seen in enumerate(batch) for row in self._rows(recorder, seen, place)]
            self._store.add(rows, self._lost, self._now())
        except Exception as error:  # a driver's own, too: nothing of it may be lost unsaid
            self._lost += len(batch)
            self._standing.fails(db.reason(error))
            return
        self._lost = 0
        try:
            self._outdate()
        except SQLAlchemyError as error:
            self._standing.fails(db.reason(error))
        else:
            self._standing.works()

    def _rows(self, recorder: Recorder, seen: Exchange, place: int) -> tuple[Row, ...]:
        """The row of one exchange, or none where a bug keeps it from being made: the others are kept."""
        if place % _ROWS_AT_A_TIME == 0:
            time.sleep(0)
        try:
            return (recorder.row(seen),)
        except Exception:
            self._lost += 1
            self._log.exception("internal_error", reference=seen.id)
            return ()

    def _outdate(self) -> None:
        now = time.monotonic()
        if now - self._outdated > _OUTDATED_EVERY:
            self._outdated = now
            capture = self._capture
            self._store.outdate(capture.max_exchanges, timedelta(seconds=capture.max_age), capture.max_bytes, self._now())
