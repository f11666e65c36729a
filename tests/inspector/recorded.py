"""Documents as the trace keeps them, made by hand: what a test does not name is that of an ordinary turn."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from rpcbridge.codec import MethodCall, MethodResponse, encode_call, encode_reply

BEGAN = datetime.fromisoformat("2026-11-21T06:48:31.950+00:00")
SENT = {
    "DID": "********67", "CALLER_ID": "********33", "CALLER_NAME": "***", "IVR_UNIQUE_ID": "c1", "DTMF": "", "MENU": "-1",
    "PREVIOUS_MENU": "-1",
}  # fmt: skip
EVENT: dict[str, Any] = {
    "event": "action_requested", "event_id": "", "occurred_at": "2026-11-21T06:48:31.950Z", "platform": "voicenter", "call_id": "c1",
    "direction": "inbound", "turn": 1, "reason": "call_started", "caller_number": "********33", "caller_name": "***",
    "called_number": "********67", "menu": None, "previous_menu": None, "digits": "", "state": None,
}  # fmt: skip
MENU: dict[str, Any] = {
    "action": "menu", "menu": "main", "prompt": "welcome", "loops": 1, "loop_delay": 3, "max_digits": 1, "validate_digits": False,
}  # fmt: skip
REPLY: dict[str, Any] = {
    "STATUS": 0, "ACTION": "MENU", "LANGUAGE": "he",
    "DATA": {"REC": "welcome", "LOOP": 1, "DELAY": 3, "SIZE": 1, "MENU": "main", "VALIDATION": 0},
}  # fmt: skip


def attempt(number: int = 1, status: int = 200, reason: str = "", ms: float = 12.0) -> dict[str, Any]:
    """One try."""
    return {"number": number, "started_ms": 1.0, "ms": ms, "status": status, "reason": reason, "message": ""}


def document(number: int = 1, after: float = 0.0, **changes: Any) -> dict[str, Any]:
    """An exchange of a call, `after` seconds from its beginning."""
    moment = (BEGAN + timedelta(seconds=after)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    seen = {
        "id": f"01M7YDT7EEJPMYWN3P4917K{number:03}", "received_at": moment, "platform": "voicenter", "call_id": "c1",
        "method": "GET_IVR_ACTION", "dialect": "xmlrpc", "outcome": "answered", "action": "menu", "reason": "", "event": "action_requested",
        "turn": number, "caller": "********33", "called": "********67", "backend_ms": 12.0, "total_ms": 20.0, "deadline_ms": 2000,
        "shared": False, "detail": "", "repairs": [], "attempts": [attempt()], "served": MENU, "native": False,
        "masked": ["caller_number", "caller_name", "called_number"], "stations": {},
    }  # fmt: skip
    seen |= {name: value for name, value in changes.items() if name in seen}
    event = None if changes.get("event", EVENT) is None else EVENT | {"event_id": seen["id"], "turn": number} | changes.get("says", {})
    answer = changes.get("answer", {"action": "menu", "menu": "main", "prompt": "welcome"})
    seen["stations"] = {
        "platform_request": _payload(changes.get("request", request(seen["method"], SENT | changes.get("sent", {})))),
        "event": event,
        "backend_request": {"method": "POST", "url": "http://b.example/ivr/action", "headers": [["Accept", "application/json"]], **_payload(json.dumps(event))},
        "backend_response": None if answer is None else {
            "status": 200, "headers": [], **_payload(answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)),
        },
        "platform_response": _payload(changes.get("response", reply(changes.get("got", REPLY)))),
    }  # fmt: skip
    return seen


def delivery(number: int, after: float, outcome: str = "delivered", *tries: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """One attempt to deliver the report of the call's end."""
    says = {"event": "call_ended", "event_id": "01M7YDTCABYK0MG99DEFCXNPFF"} | changes.pop("says", {})
    return document(
        number, after, method="call_ended", event="call_ended", outcome=outcome, served=None, action="", turn=None, request="", response="",
        says=says, attempts=list(tries) or [attempt(ms=3.0)], **changes,
    )  # fmt: skip


def request(method: str, members: dict[str, Any]) -> str:
    """A phone system's request."""
    return encode_call(MethodCall(method, (members,))).decode()


def reply(members: dict[str, Any]) -> str:
    """A reply to it."""
    return encode_reply(MethodResponse(members), "xmlrpc").decode()


def _payload(text: str) -> dict[str, Any]:
    return {"size": len(text.encode()), "body": text}
