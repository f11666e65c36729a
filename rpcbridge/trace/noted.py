"""What is recorded of an exchange, as plain values that bytes can hold: so another process can be handed it.

Nothing is masked here yet, and nothing of this is ever written to a disk. Knows neither codec nor contract: who
unpacks it has no need of them. Pure.
"""

from __future__ import annotations

import marshal
from typing import Any, NamedTuple, TypeAlias

Payload: TypeAlias = tuple[int, str | None]  # bytes, and the beginning as text; None for a request that holds the event and nothing else
Headers: TypeAlias = tuple[tuple[str, str], ...]


class Noted(NamedTuple):
    """An exchange, named and measured as in `exchange.Exchange`, but for what stands here.

    event, served: the event's content and what the caller got, as JSON. said: the digits that are said to him, if any.
    sent: method, URL, headers and body of the request to the backend; got: status, headers and body of its reply.
    attempts: when each began, its seconds, reason, status and message. repairs: kind, path and detail. Of very many the first.
    """

    id: str
    platform: str
    traceparent: str
    arrived: float
    deadline: float
    finished: float
    dialect: str
    method: str
    outcome: str
    action: str
    fallback_reason: str
    detail: str
    detail_quotes: bool
    shared: bool
    attempt: int
    called_number: str
    event: bytes | None
    served: bytes | None
    deferred: bool
    said: str
    attempts: tuple[tuple[float, float, str, int, str], ...]
    attempted: int  # how many attempts there were
    backend: float  # the seconds of all of them
    repairs: tuple[tuple[str, str, str], ...]
    repaired: int
    platform_request: Payload
    sent: tuple[str, str, Headers, Payload] | None
    got: tuple[int, Headers, Payload] | None
    platform_response: Payload


def packed(noted: Noted) -> bytes:
    """`noted` as bytes. Raises ValueError where a value is not plain."""
    try:
        return marshal.dumps(tuple(noted))
    except ValueError:  # a text that carries more, as the codec's own kind does
        return marshal.dumps(_plain(tuple(noted)))


def unpacked(noted: bytes) -> Noted:
    """What was packed: by this very program, in the same version."""
    return Noted(*marshal.loads(noted))  # noqa: S302  # from our own process


def _plain(value: Any) -> Any:
    return tuple(map(_plain, value)) if isinstance(value, tuple) else str(value) if isinstance(value, str) else value
