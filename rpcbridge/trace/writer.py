"""What was noted -> rows in the store, a batch at a time: masked, written, and what is outdated forgotten.

The same for a thread of the process that serves calls and for a process of its own beside it. It counts what it
could not keep and says why; who tells of it, and what becomes of the count, is the asker's.
"""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy.exc import SQLAlchemyError

from rpcbridge import db
from rpcbridge.errors import DatabaseError
from rpcbridge.redaction import Redactor, Sensitivity
from rpcbridge.trace.noted import unpacked
from rpcbridge.trace.record import Recorder, Row
from rpcbridge.trace.store import Store

_OUTDATED_EVERY = 5.0  # seconds: what is kept beyond its time makes every write dearer
_PATIENCE = 5.0  # seconds for the database; no caller waits for it


@dataclass(frozen=True, slots=True)
class Keeping:
    """Where exchanges are kept, how many of them, and what must not be read in them. Plain values, for another process to be told."""

    url: str
    fields: Mapping[str, Sensitivity]
    secret_headers: tuple[str, ...]
    secret_menus: tuple[str, ...]
    reveal: bool
    max_exchanges: int
    max_age: float
    max_bytes: int


class Written(NamedTuple):
    """What became of a batch. `bugs`: the ids of those that could not be made rows, each with its traceback; they count as dropped."""

    kept: bool
    problem: str = ""
    bugs: tuple[tuple[str, str], ...] = ()


class Writer:
    """Writes into one store. Nothing is opened before it is first used."""

    def __init__(self, keeping: Keeping, now: Callable[[], datetime]) -> None:
        self.store = Store(db.opened(keeping.url, patience=_PATIENCE))
        self.key = b""  # of this store's pseudonyms; empty until it is prepared
        self._keeping = keeping
        self._now = now
        self._recorder: Recorder | None = None
        self._preparing = threading.Lock()
        self._outdated = 0.0

    def prepared(self, patience: float = -1) -> Recorder:
        """The maker of rows, with the tables there. `patience`: seconds behind another who prepares them. Raises DatabaseError, SQLAlchemyError."""
        if not self._preparing.acquire(timeout=patience):
            raise DatabaseError("the database does not answer")
        try:
            if self._recorder is None:
                self.key = self.store.prepare()
                self._recorder = self._made()
            return self._recorder
        finally:
            self._preparing.release()

    def _made(self) -> Recorder:
        keeping = self._keeping
        redactor = Redactor(
            self.key, keeping.fields, secret_headers=keeping.secret_headers, reveal=keeping.reveal, secret_digits=bool(keeping.secret_menus)
        )
        return Recorder(redactor, keeping.secret_menus)

    def write(self, batch: Sequence[bytes], dropped: int) -> Written:
        """Keep what was noted, and that `dropped` others were not kept. Never raises."""
        bugs: list[tuple[str, str]] = []
        try:
            recorder = self.prepared()
            rows = [row for noted in batch for row in _rows(recorder, noted, bugs)]
            self.store.add(rows, dropped + len(bugs), self._now())
        except Exception as error:  # a driver's own, too: nothing of it may be lost unsaid
            return Written(False, db.reason(error), tuple(bugs))
        try:
            self.outdate()
        except SQLAlchemyError as error:
            return Written(True, db.reason(error), tuple(bugs))
        return Written(True, "", tuple(bugs))

    def outdate(self) -> None:
        """See what is to be forgotten, unless that was done a moment ago. Raises SQLAlchemyError."""
        now = time.monotonic()
        if now - self._outdated > _OUTDATED_EVERY:
            self._outdated = now
            keeping = self._keeping
            self.store.outdate(keeping.max_exchanges, timedelta(seconds=keeping.max_age), keeping.max_bytes, self._now())


def _rows(recorder: Recorder, noted: bytes, bugs: list[tuple[str, str]]) -> tuple[Row, ...]:
    """The row of one exchange, or none where a bug keeps it from being made: the others are kept."""
    seen = unpacked(noted)
    try:
        return (recorder.row(seen),)
    except Exception:
        bugs.append((seen.id, traceback.format_exc()))
        return ()
