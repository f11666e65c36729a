"""What a reply of Mediaservice's API means: done, or how it failed and how much of it may have been done. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from rpcbridge.errors import TransportError, shown
from rpcbridge.platforms.operations import Outcome, PlatformFailed
from rpcbridge.transport import HttpReply

# Nothing arrived, or a connection on which nothing can: a POST was not done.
_UNSENT = {"dns", "refused", "connect_timeout", "tls"}
_REASON_KEYS = ("reason", "error", "message", "errorMessage")  # the document has the first two; gateways say `message`
_LONGEST = 300  # characters of the platform's own words


def loaded(method: str, reply: HttpReply) -> Mapping[str, Any]:
    """The reply's JSON where it says that all went well. Raises PlatformFailed."""
    value = _value(reply.body)
    if not 200 <= reply.status < 300:
        reason = f"http_{reply.status // 100}xx"
        raise failed(method, reply, reason, f"the platform answered HTTP {reply.status}{_said(value)}")
    if reply.status == 204:
        return {"success": True}
    if not isinstance(value, Mapping):
        raise failed(method, reply, "unreadable", f"the platform answered HTTP {reply.status} with something else than a JSON object")
    success = value.get("success")
    if success not in (None, True):  # every reply of the document says it; one that says nothing has at least the status of success
        raise PlatformFailed("refused_by_platform", f"the platform said success: {shown(success)}{_said(value)}", "refused", reply.status)
    return value


def failed(method: str, reply: HttpReply, reason: str, message: str) -> PlatformFailed:
    """The error for a reply that is none: whether it was done depends on the status, and on whether there was anything to do."""
    return PlatformFailed(reason, message, _outcome(method, reply.status), reply.status, reply.retry_after)


def no_reply(method: str, error: TransportError) -> PlatformFailed:
    """The error for no reply at all."""
    nothing_done = method == "GET" or error.reason in _UNSENT
    return PlatformFailed(error.reason, f"no reply from the platform: {error}", "not_done" if nothing_done else "unclear")


def _outcome(method: str, status: int) -> Outcome:
    if status in (429, 503):  # too busy to begin
        return "not_done"
    if 300 <= status < 500:
        return "refused"
    return "not_done" if method == "GET" else "unclear"


def _value(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _said(value: Any) -> str:
    """The platform's own words, for a person: one line, and without what could be a key or a token."""
    words = [str(value[key]) for key in _REASON_KEYS if isinstance(value, Mapping) and isinstance(value.get(key), str | int | float)]
    text = re.sub(r"eyJ[\w-]+\.[\w.-]+", "***", " ".join(": ".join(dict.fromkeys(words)).split()))
    return f": {text[:_LONGEST]}" if text else ""
