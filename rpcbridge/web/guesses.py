"""How many wrong tokens came from where of late. Bounded; each worker counts for itself."""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Callable

_MANY = 10  # wrong tokens from one address: more than somebody mistypes
_TIME = 60.0  # seconds from the first of them on
_ADDRESSES = 1000  # remembered, the last that guessed


class Guesses:
    """No thread waits for anything: threads are the callers'. An address that guessed too often is not listened to for a while."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._wrong: dict[str, tuple[float, int]] = {}  # address -> since when, how many; the last that guessed at the end
        self._counting = threading.Lock()

    def pause(self, address: str) -> float:
        """Seconds for which no token from this address is looked at, not even the right one; 0 for none."""
        since, count = self._wrong.get(_origin(address), (0.0, 0))
        return max(since + _TIME - self._clock(), 0.0) if count >= _MANY else 0.0

    def wrong(self, address: str) -> None:
        """One more wrong token from there."""
        now, origin = self._clock(), _origin(address)
        with self._counting:
            since, count = self._wrong.pop(origin, (now, 0))
            self._wrong[origin] = (since, count + 1) if now - since < _TIME else (now, 1)
            if len(self._wrong) > _ADDRESSES:
                del self._wrong[next(iter(self._wrong))]


def _origin(address: str) -> str:
    """An address; of IPv6 the network, since one machine has all addresses of it."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address[:60]
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else address
