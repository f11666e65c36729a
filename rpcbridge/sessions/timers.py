"""What is to be done in calls later: claimed when it is due, by one process at a time, and done by whoever is handed over.

One dispatcher thread a process looks for what is due; each timer is seen to in a thread of its own, four at most.
A process that dies in the middle leaves its timers to the others as soon as their lease ends.
"""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

import structlog

from rpcbridge import db
from rpcbridge.sessions.row import Row
from rpcbridge.sessions.store import Store
from rpcbridge.standing import Standing

_POLL = 0.5  # seconds between looks: an order for a phone system is felt by a caller
_LEASE = 15.0  # seconds; longer than any order takes
_PARALLEL = 4
_AGAIN, _LONGEST = 2.0, 60.0  # seconds before a timer that could not be seen to is tried again; doubled every time, up to a minute
_TENDED = 60.0  # seconds between two clean-ups


@dataclass(frozen=True, slots=True)
class Due:
    """A timer that is due now. attempt: which one it is; from the second on, nobody knows how far the one before came."""

    name: str
    row: Row
    attempt: int


class Timers:
    """One a process. `see_to` does what is due and may raise anything; it is then tried again.

    new_id: names each claim, so that one that took too long does not settle what somebody else, or this very process, began after it.
    """

    def __init__(self, store: Store, see_to: Callable[[Due], None], new_id: Callable[[], str]) -> None:
        self._store = store
        self._see_to = see_to
        self._new_id = new_id
        self._prepared = False
        self._next_look = self._next_tending = 0.0
        self._planning = threading.Lock()
        self._standing = Standing("timers")
        self._wake = threading.Event()
        self._ending = threading.Event()
        self._free = threading.Semaphore(_PARALLEL)
        self._pool = ThreadPoolExecutor(_PARALLEL, "timer")
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._log = structlog.get_logger()

    def start(self) -> None:
        """Begin to look, in threads of its own. To be called after the fork; does nothing the second time."""
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._dispatch, name="timers", daemon=True)
                self._thread.start()
                atexit.register(self.close)

    def wake(self, seconds: float = 0.0) -> None:
        """There is a new timer, due in so many seconds."""
        if self._thread is None:
            self.start()
        moment = time.monotonic() + seconds
        with self._planning:
            sooner = moment < self._next_look
            if sooner:
                self._next_look = moment
        if sooner:
            self._wake.set()

    def close(self, seconds: float = 3.0) -> None:
        """Claim nothing more, and wait for what is being done; the rest is for others."""
        self._ending.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(seconds)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def check(self) -> tuple[str, bool, str]:
        """The health check `timers`."""
        return self._standing.check()

    def run_once(self) -> int:
        """See to what is due now; how many that were. Raises what the database does."""
        self._prepare()
        claim = self._new_id()
        claimed = self._store.claim(claim, _PARALLEL, _LEASE)
        for key, name, attempt, row in claimed:
            self._done(claim, key, Due(name, row, attempt))
        return len(claimed)

    def _dispatch(self) -> None:
        while not self._ending.is_set():
            if (pause := self._next_look - time.monotonic()) > 0:
                self._wake.wait(pause)
                self._wake.clear()
                continue
            with self._planning:  # before looking: what begins meanwhile is another look's
                self._next_look = time.monotonic() + _POLL
            try:
                self._look()
            except Exception as error:  # whatever it was, the thread must live
                self._standing.fails(db.reason(error))
            else:
                self._standing.works()

    def _look(self) -> None:
        self._prepare()
        while not self._ending.is_set() and self._free.acquire(blocking=False):
            self._free.release()
            claim = self._new_id()
            claimed = self._store.claim(claim, 1, _LEASE)  # as many as there are threads for: a lease begins with the claim
            if not claimed:
                break
            for key, name, attempt, row in claimed:
                self._free.acquire()
                self._pool.submit(self._worked, claim, key, Due(name, row, attempt))
        if (now := time.monotonic()) >= self._next_tending:
            self._next_tending = now + _TENDED
            self._store.prune()

    def _prepare(self) -> None:
        if not self._prepared:
            self._store.prepare()
            self._prepared = True

    def _worked(self, claim: str, key: str, due: Due) -> None:
        try:
            self._done(claim, key, due)
        finally:
            self._free.release()
            self.wake()

    def _done(self, claim: str, key: str, due: Due) -> None:
        try:
            self._see_to(due)
        except Exception as error:
            self._log.exception("timer_failed", timer=due.name, reason=db.reason(error))
            with suppress(Exception):  # else its lease ends
                self._store.postpone(claim, key, due.name, min(_LONGEST, _AGAIN * 2 ** (min(due.attempt, 9) - 1)))
            return
        with suppress(Exception):
            self._store.settle(claim, key, due.name)
