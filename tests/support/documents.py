"""Recorded exchanges as documents, as /debug/exchanges/<id> gives them: one question, changed as a test needs it."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

EVENT = {
    "event": "action_requested", "event_id": "01KB0Q8ZJ5T3V9W2X4Y6Z8A0BC", "occurred_at": "2026-11-20T21:27:03.123Z",
    "platform": "voicenter", "call_id": "ced4619f30fc17182d8e41ddf4d6869X", "direction": "inbound", "turn": 1,
    "reason": "call_started", "caller_number": "********33", "caller_name": "***", "called_number": "********67",
    "menu": None, "previous_menu": None, "digits": "", "state": None,
}  # fmt: skip
HEADERS = [
    ["Accept", "application/json"], ["X-Tenant", "***"], ["User-Agent", "rpcbridge/0.1.0"], ["Rpcbridge-Contract", "1"],
    ["Authorization", "***"], ["Idempotency-Key", EVENT["event_id"]], ["webhook-id", EVENT["event_id"]],
    ["traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"], ["Content-Type", "application/json"],
    ["Rpcbridge-Deadline-Ms", "3999"], ["Rpcbridge-Attempt", "1"], ["webhook-timestamp", "1790000000"], ["webhook-signature", "***"],
]  # fmt: skip
ANSWER = {"action": "menu", "menu": "main", "prompt": "welcome"}


def question(
    body: str = "<methodCall/>", *, answer: Any = ANSWER, event: dict[str, Any] | None = None, url: str = "http://backend.example", **changes: Any
) -> dict[str, Any]:
    """A question that was answered; `changes` to its top level, `event` to its event."""
    told = EVENT | (event or {})
    sent = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
    answered = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
    document = {
        "id": told["event_id"], "received_at": "2026-11-20T21:27:03.123Z", "platform": "voicenter", "call_id": told["call_id"],
        "method": "GET_IVR_ACTION", "dialect": "xmlrpc", "outcome": "answered", "action": "menu", "reason": "", "event": "action_requested",
        "turn": told["turn"], "caller": "********33", "called": "********67", "total_ms": 12.5, "backend_ms": 8.5,
        "shared": False, "detail": "", "repairs": [], "masked": ["caller_number", "caller_name", "called_number"],
        "attempts": [{"number": 1, "started_ms": 2.0, "ms": 8.5, "status": 200, "reason": "", "message": ""}],
        "stations": {
            "platform_request": {"size": len(body.encode("utf-8", "replace")), "body": body},
            "event": told,
            "backend_request": {"method": "POST", "url": f"{url}/ivr/action", "headers": deepcopy(HEADERS), "size": len(sent), "body": sent},
            "backend_response": {"status": 200, "headers": [["Content-Type", "application/json"]], "size": len(answered), "body": answered},
            "platform_response": {"size": 17, "body": "<methodResponse/>"},
        },
    }  # fmt: skip
    return document | changes


def unanswered(reason: str = "refused", **changes: Any) -> dict[str, Any]:
    """A question that got the fallback after two attempts that failed."""
    document = question(**changes)
    document["stations"]["backend_response"] = None
    failed = {"ms": 0.4, "status": 0, "reason": reason, "message": "Failed to connect"}
    document["attempts"] = [{"number": 1, "started_ms": 1.0} | failed, {"number": 2, "started_ms": 51.0} | failed]
    return document | {"outcome": "fallback", "action": "hangup", "reason": reason, "detail": "Failed to connect"}
