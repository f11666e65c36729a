"""One request at its five stations, as it passes: filled in by the bridge and its client, read by whoever looks.

Holds what was seen and nothing of how it came about. Times are monotonic seconds, `received` alone is UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rpcbridge.domain.actions import AnyAction
from rpcbridge.domain.events import Event
from rpcbridge.errors import Repair
from rpcbridge.transport import HttpReply, HttpRequest


@dataclass(slots=True)
class Attempt:
    """One try: when it began, seconds taken, the reason it failed ("" for a reply), the HTTP status (0 for none)."""

    started: float
    seconds: float
    reason: str
    status: int
    message: str = ""


@dataclass(slots=True)
class Hop:
    """What passed between bridge and backend for one event."""

    request: HttpRequest | None = None
    reply: HttpReply | None = None
    attempts: list[Attempt] = field(default_factory=list)


@dataclass(slots=True)
class Exchange:
    """One request of a phone system and everything that became of it.

    id: a ULID, also the event's id, so that a backend's log leads to the exchange.
    outcome: `answered` (the backend's action), `continued` (by what it answered before), `fallback`; of a notification
    `stored`, `noted` (it tells the backend nothing), `duplicate` (stored before) or `not_stored`; of an attempt to deliver one `delivered`, `postponed` or `dead_letter`; of something that the phone system is told to do
    `ordered` or `order_failed`; `refused` (no
    call of a known method), `introspected` (a method of the bridge's own), `unpacked` (several calls in one
    request, each of which is an exchange of its own).
    served: what the caller got, the backend's action or the fallback; `action` is its name, or `native`. It is asked of who
    records it alone: what a native answer means takes longer to say than everything else that is noted here.
    deferred: what was served is heard later: the phone system gets it when it asks again.
    content: the event as the backend's contract has it; where the backend is told nothing, what is known of the call by the same names, without `event`.
    attempt: of a delivery, which one it is; its method is the event's name.
    reply_id, unanswered: JSON-RPC's id of the request, and that it has none: no reply is written.
    """

    id: str
    platform: str
    arrived: float
    received: datetime
    traceparent: str
    deadline: float = 0.0
    platform_request: bytes = b""
    dialect: str = "xmlrpc"
    method: str = ""
    event: Event | None = None
    content: Mapping[str, Any] | None = None
    called_number: str | None = None
    hop: Hop = field(default_factory=Hop)
    shared: bool = False
    platform_response: bytes = b""
    outcome: str = ""
    action: str = ""
    served: Callable[[], AnyAction] | None = None
    deferred: bool = False
    fallback_reason: str = ""
    detail: str = ""
    detail_quotes: bool = False  # whether `detail` may quote what a caller or a backend sent
    repairs: list[Repair] = field(default_factory=list)
    finished: float = 0.0
    let_go: int = 0  # bytes at the end of platform_request that nobody needs any more
    reply_id: str | None = None
    unanswered: bool = False
    attempt: int = 0

    @property
    def call_id(self) -> str:
        """The call it is about, "" where that is not known."""
        return str(self.content.get("call_id", "")) if self.content else ""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a line needs from outside: clocks, ids, and who is told of each exchange."""

    clock: Callable[[], float]
    now: Callable[[], datetime]
    new_id: Callable[[], str]
    observe: Callable[[Exchange], None]
    report_bug: Callable[[str], None]
