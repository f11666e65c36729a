"""What this process has seen of the backends: who answered last, who fails and why. Asks nobody."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from rpcbridge.exchange import Exchange


@dataclass(slots=True)
class _Backend:
    """One of them: failures since its last usable answer, the newest one's reason, when the first and that answer came."""

    failures: int = 0
    reason: str = ""
    since: datetime | None = None
    answered: float | None = None


class Record:
    """Told of every exchange, read by /readyz. One for all threads of a process; `clock` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        # By host and port, of which the configuration names a few, and whether events are delivered there:
        # one that takes them does not therefore answer questions.
        self._backends: dict[tuple[str, bool], _Backend] = {}

    def __call__(self, seen: Exchange) -> None:
        """Note what an exchange says of its backend; one that asked none, or broke on a bug of ours, says nothing."""
        if seen.hop.request is None or not seen.hop.attempts or seen.fallback_reason == "internal":
            return
        with self._lock:
            backend = self._backends.setdefault((urlsplit(seen.hop.request.url).netloc, seen.attempt > 0), _Backend())
            if seen.outcome in ("answered", "delivered"):
                backend.failures, backend.answered = 0, seen.finished
                return
            backend.since = backend.since if backend.failures else seen.received
            backend.failures += 1
            backend.reason = seen.fallback_reason

    def check(self) -> tuple[str, bool, str]:
        """The health check `backend`: fails while a backend's newest exchange failed. Never asked counts as well."""
        with self._lock:
            failing = {key: backend for key, backend in self._backends.items() if backend.failures}
            if failing:
                worst = max(failing.values(), key=lambda backend: backend.failures)
                return "backend", False, self._failing(worst, len({netloc for netloc, _ in failing}))
            answers = [backend.answered for backend in self._backends.values() if backend.answered is not None]
            return "backend", True, f"ok, {self._ago(max(answers))}" if answers else "ok, not asked yet"

    def _failing(self, worst: _Backend, count: int) -> str:
        """The one that has failed most often, and how many do where there are several."""
        known = len({netloc for netloc, _ in self._backends})
        among = f"{count} of {known} " if known > 1 else ""
        since = f"{worst.since:%Y-%m-%dT%H:%M:%SZ}"
        return f"{among}failing since {since} ({worst.reason}, {worst.failures} in a row), {self._ago(worst.answered)}"

    def _ago(self, answered: float | None) -> str:
        return "no answer yet" if answered is None else f"last answer {self._clock() - answered:.0f} s ago"
