"""Sends what was recorded to this very bridge again, for a page: as its phone system would, but for the network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rpcbridge.bridge import Bridge
from rpcbridge.exchange import Exchange
from rpcbridge.platforms import Platform


@dataclass(frozen=True, slots=True)
class Replayer:
    """One for all threads of a process. `new_id`: a ULID; `clock` is monotonic."""

    bridge: Bridge
    platforms: Mapping[str, Platform]
    new_id: Callable[[], str]
    clock: Callable[[], float]

    def send(self, platform: str, body: bytes, traceparent: str) -> Exchange:
        """One request and what became of it. Raises nothing."""
        return self.bridge.handle(self.platforms[platform], lambda _: body, self.clock(), traceparent)
