"""An exchange -> what is recorded of it, as plain values. All that recording takes on a caller's way or in his process.

Whether a value may be read is not asked here.
"""

from __future__ import annotations

import functools
import json

import orjson

from rpcbridge.codec import readable
from rpcbridge.domain.actions import AnyAction, SayDigits
from rpcbridge.exchange import Exchange, Hop
from rpcbridge.schemas import actions
from rpcbridge.trace.noted import Headers, Noted, Payload
from rpcbridge.transport import HttpReply

# Characters of one payload that are kept; a longer one is a mistake whose beginning tells enough.
LONGEST = 16_384

_MOST = 100  # attempts, and repairs, that are kept
_REMEMBERED = 256  # actions: most callers get what others got


def noted(seen: Exchange) -> Noted:
    """What is recorded of `seen`."""
    hop, attempts, repairs = seen.hop, seen.hop.attempts, seen.repairs
    action = None if seen.served is None else seen.served()
    return Noted(
        id=seen.id,
        platform=seen.platform,
        traceparent=seen.traceparent,
        arrived=seen.arrived,
        deadline=seen.deadline,
        finished=seen.finished,
        dialect=seen.dialect,
        method=seen.method[:80],
        outcome=seen.outcome,
        action=seen.action,
        fallback_reason=seen.fallback_reason,
        detail=seen.detail,
        detail_quotes=seen.detail_quotes,
        shared=seen.shared,
        attempt=seen.attempt,
        called_number=seen.called_number or "",
        event=None if seen.content is None else _json(seen.content),
        served=None if action is None else _served(action),
        deferred=seen.deferred,
        said=action.digits if isinstance(action, SayDigits) else "",
        attempts=tuple((one.started, one.seconds, one.reason, one.status, one.message) for one in attempts[:_MOST]),
        attempted=len(attempts),
        backend=attempts[0].seconds if len(attempts) == 1 else sum(one.seconds for one in attempts),
        repairs=tuple((one.kind, one.path, one.detail) for one in repairs[:_MOST]) if repairs else (),
        repaired=len(repairs),
        platform_request=(len(seen.platform_request) + seen.let_go, readable(seen.platform_request[:LONGEST])),
        sent=_sent(hop),
        got=None if hop.reply is None else (hop.reply.status, _headers(hop.reply), _payload(hop.reply.body)),
        platform_response=_payload(seen.platform_response),
    )


def _sent(hop: Hop) -> tuple[str, str, Headers, Payload] | None:
    """An event that was sent as JSON is kept once: `record.restored` makes the request's body of it again."""
    if (request := hop.request) is None:
        return None
    body = request.body or b""
    return request.method, request.url, request.headers, (len(body), None) if body[:1] == b"{" else _payload(body)


def _headers(reply: HttpReply) -> Headers:
    wait = "" if reply.retry_after is None else f"{reply.retry_after:g}"
    told = (("Content-Type", reply.content_type), ("Location", reply.location), ("Retry-After", wait))
    return tuple((name, value) for name, value in told if value)


def _payload(body: bytes) -> Payload:
    return len(body), readable(body[:LONGEST])


def _served(action: AnyAction) -> bytes:
    try:
        return _dumped(action)
    except TypeError:  # it holds what has no hash
        return _json(actions.dump(action))


@functools.lru_cache(_REMEMBERED)
def _dumped(action: AnyAction) -> bytes:
    return _json(actions.dump(action))


def _json(value: object) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError:  # an integer of more than 64 bits, half a character, or a name of the codec's own kind
        return json.dumps(value).encode()
