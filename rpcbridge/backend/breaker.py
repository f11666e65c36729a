"""Circuit breakers: whether a backend that keeps failing is asked at all. Each says so once, when that changes.

A breaker is asked before a question and told after it; no lock is held in between. It belongs to
one process: every worker finds out for itself.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import urlsplit

import structlog

# Told of every change: the backend as scheme://host:port (of two base URLs there, each tells), whether its breaker
# is open now, and why it is or was.
Changed = Callable[[str, bool, str], None]


class Breaker:
    """One backend's: open after `limit` failures in a row, it lets one probe through each `interval` (seconds).

    The first success closes it, whoever brings it. One for all threads of a process; `clock` is
    monotonic, in seconds.
    """

    def __init__(self, backend: str, limit: int, interval: float, clock: Callable[[], float], changed: Changed) -> None:
        self._backend = backend
        self._limit = limit
        self._interval = interval
        self._clock = clock
        self._changed = changed
        self._lock = threading.Lock()
        self._failures = 0
        self._reason = ""
        self._opened: float | None = None
        self._probed = 0.0
        self._changes: deque[Callable[[], None]] = deque()
        self._telling = threading.Lock()
        self._log = structlog.get_logger()

    def allow(self) -> bool:
        """Whether the backend may be asked now. While open that makes it a probe: one an interval, whether the last reported or not."""
        if self._opened is None:
            return True
        with self._lock:
            now = self._clock()
            if self._opened is not None and now - self._probed < self._interval:
                return False
            self._probed = now
            return True

    def record(self, ok: bool, reason: str = "") -> None:
        """What came of a question: `ok` where the backend replied at all, else `reason` says why not."""
        if ok and not self._failures:
            return  # nothing to put right: nearly every question goes this way, and pays for no lock
        with self._lock:
            changed = self._succeeded() if ok else self._failed(reason)
        if changed:
            self._tell()

    def open_for(self) -> tuple[float, str] | None:
        """How many seconds it has been open, and the newest reason; None while it is closed."""
        with self._lock:
            return None if self._opened is None else (self._clock() - self._opened, self._reason)

    def _failed(self, reason: str) -> bool:
        """Whether this opened it. A failure while it is open only tells the newest reason."""
        self._failures += 1
        self._reason = reason
        if self._opened is not None or self._failures < self._limit:
            return False
        self._opened = self._probed = self._clock()
        failures = self._failures
        self._changes.append(lambda: self._say_opened(failures, reason))
        return True

    def _succeeded(self) -> bool:
        """Whether this closed it."""
        opened, reason = self._opened, self._reason
        self._failures, self._reason, self._opened = 0, "", None
        if opened is None:
            return False
        seconds = self._clock() - opened
        self._changes.append(lambda: self._say_closed(seconds, reason))
        return True

    def _tell(self) -> None:
        """Tell of the oldest change that nobody has told of: in their order, whoever made them."""
        with self._telling, suppress(Exception):  # what is told must not cost a caller the reply
            self._changes.popleft()()

    def _say_opened(self, failures: int, reason: str) -> None:
        self._log.warning("breaker_opened", backend=self._backend, failures=failures, reason=reason)
        self._changed(self._backend, True, reason)

    def _say_closed(self, seconds: float, reason: str) -> None:
        self._log.info("breaker_closed", backend=self._backend, seconds=round(seconds, 1))
        self._changed(self._backend, False, reason)


def _nobody(backend: str, open: bool, reason: str) -> None:
    """Told where nobody else is."""


class Breakers:
    """The breaker of every base URL. `changed` is called by a caller's thread: it must not wait."""

    def __init__(self, failures: int, interval: float, *, clock: Callable[[], float], changed: Changed = _nobody) -> None:
        self._failures = failures
        self._interval = interval
        self._clock = clock
        self._changed = changed
        self._breakers: dict[str, Breaker] = {}  # the configuration names a few URLs

    def of(self, base_url: str) -> Breaker:
        """The one of `base_url`: backend.url or a route's."""
        return self._breakers.get(base_url) or self._breakers.setdefault(base_url, self._made(base_url))

    def _made(self, base_url: str) -> Breaker:
        parts = urlsplit(base_url)  # of which the path stays here: it may hold what is nobody's business
        return Breaker(f"{parts.scheme}://{parts.netloc}", self._failures, self._interval, self._clock, self._changed)

    def check(self) -> tuple[str, bool, str]:
        """The health check `breaker`: fails while one is open. Says no address."""
        every = list(self._breakers.values())
        opened = [state for state in (breaker.open_for() for breaker in every) if state is not None]
        if not opened:
            return "breaker", True, "ok"
        seconds, reason = max(opened)
        among = f"{len(opened)} of {len(every)} " if len(every) > 1 else ""
        return "breaker", False, f"{among}open for {seconds:.0f} s ({reason})"
