"""What a backend may see: its own paths with encoded values in them, the contract's headers, and no query but its own."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, unquote

from tests.support.backend import Request

# The settings that the bridges of these tests have: values of a call stand in the middle of a path.
PATHS = 'action_path = "/a/{call_id}/{called_number}/x"\nevents_path = "/e/{call_id}/{called_number}/x"\n'
_TARGET = re.compile(r"/[ae]/((?:[A-Za-z0-9_.~-]|%[0-9A-F]{2})+)/((?:[A-Za-z0-9_.~-]|%[0-9A-F]{2})+)/x")
_HEADERS = {
    "host", "accept", "user-agent", "rpcbridge-contract", "rpcbridge-deadline-ms", "rpcbridge-attempt", "idempotency-key", "webhook-id",
    "traceparent", "content-type", "content-length",
}  # fmt: skip
_EVENT = {
    "event", "event_id", "occurred_at", "platform", "call_id", "direction", "reason", "caller_number", "caller_name", "called_number",
    "menu", "previous_menu", "digits", "target", "call_status", "platform_text", "duration", "ring_duration", "platform_call_time",
    "platform_call_start", "turn", "state", "rejected",
}  # fmt: skip


def check(request: Request, *, query: bool = False) -> tuple[str, str]:
    """The call's id and the number called as they stand in the path. `query`: questions go in one."""
    path, _, after = request.target.partition("?")
    found = _TARGET.fullmatch(path)
    assert found, request.target
    assert not {".", ".."} & set(path.split("/")), request.target
    assert set(request.headers) <= _HEADERS, request.headers
    assert bool(after) == (query and request.method == "GET"), request.target
    in_path = (unquote(found[1], errors="strict"), unquote(found[2], errors="strict"))
    event = said(request)
    assert set(event) <= _EVENT, event
    assert (event["call_id"], event["called_number"]) == in_path
    return in_path


def said(request: Request) -> dict:
    """The event, however it is encoded."""
    if request.headers.get("content-type") == "application/json":
        return request.json
    form = request.target.partition("?")[2] if request.method == "GET" else request.body.decode("ascii")
    fields = parse_qs(form, keep_blank_values=True, strict_parsing=True, errors="strict")
    assert all(len(values) == 1 for values in fields.values()), fields
    return {name: values[0] for name, values in fields.items()}
