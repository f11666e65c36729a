"""The places for calls at once, `server.max_calls` of them in a process."""

from __future__ import annotations

import threading


class Places:
    """One for all threads of a process."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken = 0
        self._lock = threading.Lock()

    def take(self) -> int:
        """The number of places taken, this one included; 0 where there was none."""
        with self._lock:
            if self._taken == self._limit:
                return 0
            self._taken += 1
            return self._taken

    def leave(self) -> None:
        """Give one back."""
        with self._lock:
            self._taken -= 1
