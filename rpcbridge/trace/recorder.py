"""From calls to the store, behind their backs: a queue, one thread, batches. What cannot be stored is counted and said."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import structlog
from sqlalchemy.exc import SQLAlchemyError

from rpcbridge import db
from rpcbridge.background import Batches
from rpcbridge.errors import DatabaseError
from rpcbridge.exchange import Exchange
from rpcbridge.redaction import Sensitivity
from rpcbridge.settings import Capture
from rpcbridge.standing import Standing
from rpcbridge.trace.beside import Beside
from rpcbridge.trace.noted import packed
from rpcbridge.trace.noting import LONGEST, noted
from rpcbridge.trace.store import Store, whole
from rpcbridge.trace.writer import Keeping, Writer

T = TypeVar("T")

# Bytes of exchanges that may wait to be written: some 2,700 of them, or a few very large ones. A database that does
# not answer for a second, as one may while it moves its journal, costs none of a thousand a second; nor does it when
# the process that writes has yet to be started, on a busy machine.
_WAITING = 32 * 1024 * 1024
_AT_ONCE = 1024 * 1024  # bytes that are written together: to mask and lay them out takes several times as many
_OVERHEAD = 8192  # what an exchange weighs beside its payloads, roughly
_BREATH = 0.005  # seconds for whoever waits to write
_LAST = 4.0  # seconds for the last exchanges at the end; the process that writes them may have to be started for them
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
        beside: Iterable[int] | None = None,
    ) -> None:
        """`beside`: the cores of a process that does the work, started when there is some; without, a thread of this one does it."""
        keeping = Keeping(
            url, fields, secret_headers, capture.secret_menus, capture.reveal, capture.max_exchanges, capture.max_age, capture.max_bytes
        )
        self._writer = Writer(keeping, now)
        self._beside = None if beside is None else Beside(keeping, beside)
        self._write = (self._beside or self._writer).write
        self._log = structlog.get_logger()
        self._batches: Batches[Exchange] = Batches("debug-store", self._take, limit=_WAITING, pause=0.25, last=_LAST)
        self._lost = 0
        self._standing = Standing("debug_store")

    def observe(self, seen: Exchange) -> None:
        """Have `seen` recorded; it must not change any more."""
        if len(seen.platform_request) > LONGEST:  # what is not kept need not wait either
            seen.let_go = len(seen.platform_request) - LONGEST
            seen.platform_request = seen.platform_request[:LONGEST]
        body = len(seen.hop.reply.body) if seen.hop.reply else 0
        self._batches.put(seen, _OVERHEAD + len(seen.platform_request) + len(seen.platform_response) + body)

    def document(self, seen: Exchange) -> dict[str, Any]:
        """What will be kept of `seen`, masked as ever, before it is. Raises DatabaseError: the key of pseudonyms is in the database."""
        return whole(self._asked(lambda: self._writer.prepared().row(noted(seen))))

    def close(self) -> None:
        """Write what waits."""
        self._batches.close()
        if self._beside is not None:
            self._beside.close()

    def check(self) -> tuple[str, bool, str]:
        """The health check `debug_store`: whether exchanges are being recorded, and what is wrong where they are not."""
        return self._standing.check()

    def looked_up(self, look: Callable[[Store], T]) -> T:
        """What `look` finds in the store. Raises DatabaseError where it cannot be read."""
        return self._asked(lambda: self._looked_up(look))

    def pseudonym(self, number: str) -> str:
        """What stands for a number in this store. Raises DatabaseError where its key cannot be read."""
        return self._asked(lambda: self._writer.prepared().pseudonym(number))

    def signing_key(self) -> bytes:
        """What the pages sign with: the same for all processes on this store, and not what pseudonyms are made with. Raises DatabaseError.

        Strangers can have it asked for. While the database does not answer, one of them waits for it and the others
        do not wait behind him: the threads are the callers'.
        """
        if not self._writer.key:
            self._asked(lambda: self._writer.prepared(_A_MOMENT))
        return hmac.digest(self._writer.key, b"signing", "sha512")[:32]  # another function: any text may be somebody's number

    def _looked_up(self, look: Callable[[Store], T]) -> T:
        store = self._writer.store
        self._writer.prepared()
        self._writer.outdate()
        while store.forget():  # where no calls come, nobody else does
            time.sleep(_BREATH)
        return look(store)

    def _asked(self, question: Callable[[], T]) -> T:
        try:
            return question()
        except SQLAlchemyError as error:
            raise DatabaseError(db.reason(error)) from None

    def _take(self, batch: list[Exchange], dropped: int) -> None:
        self._lost += dropped
        plain = [one for seen in batch for one in self._noted(seen)]
        for some in _portions(plain):
            self._keep(some)

    def _keep(self, plain: Sequence[bytes]) -> None:
        written = self._write(plain, self._lost)
        for reference, trace in written.bugs:
            self._log.error("internal_error", reference=reference, exception=trace)
        self._lost = 0 if written.kept else self._lost + len(plain)
        if written.problem:
            self._standing.fails(written.problem)
        else:
            self._standing.works()

    def _noted(self, seen: Exchange) -> tuple[bytes, ...]:
        """What is recorded of one exchange, or nothing where a bug keeps it from being noted: the others are kept."""
        try:
            return (packed(noted(seen)),)
        except Exception:
            self._lost += 1
            self._log.exception("internal_error", reference=seen.id)
            return ()


def _portions(plain: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """All of `plain`, in as many as are written together; once, where there is nothing: that others were dropped is to be kept."""
    begin, size = 0, 0
    for end, one in enumerate(plain):
        if size + len(one) > _AT_ONCE and end > begin:
            yield plain[begin:end]
            begin, size = end, 0
        size += len(one)
    yield plain[begin:]
