"""What calls, breaker and outbox say of trouble: counted in memory at once, told by a thread of its own."""

from __future__ import annotations

import atexit
import re
import threading
import time
from collections.abc import Callable

import structlog

from rpcbridge import db
from rpcbridge.alerts.hook import Hook
from rpcbridge.alerts.store import Store
from rpcbridge.alerts.teller import Teller
from rpcbridge.alerts.trouble import BACKEND_DOWN, DEAD_LETTERS, FALLBACKS, Trouble
from rpcbridge.domain.origins import origin_of
from rpcbridge.exchange import Exchange
from rpcbridge.settings import Alerts as Section

_PATIENCE = 5.0  # seconds for the database; only the background thread waits
_SOON = 0.5  # seconds for which others may come, and are then taken in one go


class Alerts:
    """Tells one URL of trouble. Made after the fork; what it is told of costs microseconds, and cannot fail.

    The thread begins with the first exchange of any outcome: a process before this one may have left trouble that is over.
    """

    def __init__(self, configured: Section, database: str, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._teller = Teller(Store(db.opened(database, patience=_PATIENCE)), Hook(configured), configured.interval, clock)
        self._lock = threading.Lock()
        self._counted: dict[str, Trouble] = {}
        self._open: set[str] = set()
        self._awake = threading.Event()
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    def observe(self, seen: Exchange) -> None:
        """Take note where a caller got the fallback: one who called, not whoever tries something out."""
        if seen.outcome == "fallback" and not origin_of(seen.call_id):
            self._count(FALLBACKS, seen.fallback_reason)
        elif self._thread is None:
            self._wake()

    def breaker(self, backend: str, open: bool, reason: str) -> None:
        """This process's breaker for `backend` (scheme, host and port) opened for `reason`, or closed."""
        with self._lock:
            news = open and backend not in self._open
            (self._open.add if open else self._open.discard)(backend)
        if news:
            self._count(BACKEND_DOWN, _word(reason))
        else:
            self._wake()

    def dead_letter(self, event: str, reason: str) -> None:
        """An event of this name is not delivered any more."""
        self._count(DEAD_LETTERS, f"{_word(event)} {_word(reason)}")

    def check(self) -> tuple[str, bool, str]:
        """The health check `alerts`."""
        return self._teller.check()

    def close(self, seconds: float = 2.0) -> None:
        """Leave what was counted to the other processes, and end the thread; gives up after `seconds`."""
        self._ending.set()
        self._awake.set()
        if self._thread is not None:
            self._thread.join(seconds)

    def _count(self, kind: str, reason: str) -> None:
        now = self._clock()
        with self._lock:
            if kind not in self._counted:
                self._counted[kind] = Trouble(kind)
            self._counted[kind].count(reason, now)
        if not self._awake.is_set():
            self._wake()

    def _wake(self) -> None:
        self._awake.set()
        with self._lock:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="alerts", daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # no thread to be had just now: what comes next tries again
                    self._awake.clear()
                    return
                self._thread = thread
                atexit.register(self.close)

    def _run(self) -> None:
        pause = 0.0
        while not self._ending.is_set():
            if self._awake.wait(pause):
                self._ending.wait(_SOON)
            self._awake.clear()
            pause = self._round()
        self._round()

    def _round(self) -> float:
        with self._lock:
            counted, self._counted = self._counted, {}
            open = frozenset(self._open)
        try:
            return self._teller.round(counted, open, last=self._ending.is_set())
        except Exception:  # the thread must live
            structlog.get_logger().exception("internal_error", reference="alerts")
            return 60.0


def _word(text: str) -> str:
    """A name such as `http_5xx`; whatever else it was could hold what must not be told."""
    return text if re.fullmatch(r"[a-z][a-z0-9_]{0,39}", text, re.ASCII) else "other"
