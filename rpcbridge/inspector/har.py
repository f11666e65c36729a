"""A call as an HTTP archive, HAR 1.2: an entry a hop, which browsers' network panels and other tools open.

Times are those that were recorded; how long a body took to go and to come was not, so all is waiting. What was masked is
said in comments.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from rpcbridge.codec import content_type
from rpcbridge.inspector.curl import platform_url
from rpcbridge.inspector.documents import Document, is_cut

Headers = Sequence[Sequence[str]]


def archive(
    documents: Sequence[Document], bridge_url: str, version: str, secrets: Mapping[str, bool] | None = None,
    statuses: Mapping[str, Mapping[str, int]] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """The archive of a call's exchanges, the oldest first.

    bridge_url: scheme, host and port of the bridge. secrets: whether a platform's path ends in a secret, which is
    never shown. statuses: of each platform, the HTTP status of a reply by the exchange's outcome, where it is not 200.
    """
    hidden, other = secrets or {}, statuses or {}
    entries = [
        entry for seen in documents
        for entry in _entries(seen, bridge_url, hidden.get(seen["platform"], False), other.get(seen["platform"], {}).get(seen["outcome"], 200))
    ]  # fmt: skip
    pages = [_page(documents[0])] if documents else []
    return {
        "log": {
            "version": "1.2", "creator": {"name": "rpcbridge", "version": version}, "pages": pages,
            "entries": sorted(entries, key=lambda entry: str(entry["startedDateTime"])),
            "comment": "Phone numbers, names, digits and credentials were masked when the call was recorded.",
        }
    }  # fmt: skip


def _page(first: Document) -> dict[str, Any]:
    title = f"call {first['call_id']}" if first["call_id"] else f"exchange {first['id']}"
    page = {"startedDateTime": first["received_at"], "id": _CALL, "title": title, "pageTimings": {}}
    return page | ({"comment": f"placed by the bridge itself: {first['origin']}"} if first.get("origin") else {})


_CALL = "call"


def _entries(seen: Document, bridge_url: str, secret: bool, status: int) -> Iterator[dict[str, Any]]:
    """The phone system's request and the attempts at the backend that it brought about."""
    if seen["stations"]["platform_request"]["size"]:
        yield _of_platform(seen, platform_url(seen, bridge_url, secret=secret), status)
    attempts = seen["attempts"]
    for attempt in attempts:
        yield _of_attempt(seen, attempt, last=attempt is attempts[-1])


def _of_platform(seen: Document, url: str, status: int) -> dict[str, Any]:
    stations, kind = seen["stations"], content_type(seen["dialect"])
    headers = [["Content-Type", kind]]
    reply = stations["platform_response"]
    said = {"headers": headers if reply["size"] else [], **reply, "status": status if reply["size"] else 204}
    why = f" ({seen['reason']})" if seen["reason"] else ""
    request = _request("POST", url, headers, stations["platform_request"], seen["masked"])
    return _entry(seen, 0.0, seen["total_ms"], request, _response(said), f"{seen['method']} {seen['outcome']}{why}")


def _of_attempt(seen: Document, attempt: Mapping[str, Any], *, last: bool) -> dict[str, Any]:
    sent, got = seen["stations"]["backend_request"], seen["stations"]["backend_response"]
    request = _request(sent["method"], sent["url"], sent["headers"], sent, seen["masked"])
    about = f"attempt {attempt['number']} at the backend"
    if not last:
        about += "; headers as of the last attempt, the reply's body was not kept"
    kept = got if last and got is not None and attempt["status"] else {"status": attempt["status"], "headers": [], "size": -1, "body": ""}
    error = ": ".join(part for part in (attempt["reason"], attempt["message"]) if part)
    return _entry(seen, attempt["started_ms"], attempt["ms"], request, _response(kept, error), about)


def _entry(seen: Document, started: float, took: float, request: Any, response: Any, about: str) -> dict[str, Any]:
    return {
        "pageref": _CALL, "startedDateTime": _later(seen["received_at"], started), "time": took, "request": request,
        "response": response, "cache": {}, "timings": {"send": 0, "wait": took, "receive": 0}, "comment": about,
        "_exchange": seen["id"],
    }  # fmt: skip


def _request(method: str, url: str, headers: Headers, payload: Mapping[str, Any], masked: Sequence[str]) -> dict[str, Any]:
    request: dict[str, Any] = _message(headers) | {
        "method": method, "url": url, "queryString": [_pair(*pair) for pair in parse_qsl(urlsplit(url).query, keep_blank_values=True)],
        "bodySize": payload["size"],
    }  # fmt: skip
    if payload["size"]:
        request["postData"] = {"mimeType": _type(headers), "text": payload["body"]} | _cut(payload)
    return request | ({"comment": f"masked when it was recorded: {', '.join(masked)}"} if masked else {})


def _response(got: Mapping[str, Any], error: str = "") -> dict[str, Any]:
    """A reply; one that did not come has status 0 and says why in `_error`, as browsers have it."""
    location = next((value for name, value in got["headers"] if name.lower() == "location"), "")
    content = {"size": max(got["size"], 0), "mimeType": _type(got["headers"]), "text": got["body"]} | _cut(got)
    return _message(got["headers"]) | {
        "status": got["status"], "statusText": _phrase(got["status"]), "content": content, "redirectURL": location,
        "bodySize": got["size"],
    } | ({"_error": error} if error else {})  # fmt: skip


def _message(headers: Headers) -> dict[str, Any]:
    return {"httpVersion": "HTTP/1.1", "cookies": [], "headers": [_pair(*pair) for pair in headers], "headersSize": -1}


def _pair(name: str, value: str) -> dict[str, str]:
    return {"name": name, "value": value} | ({"comment": "masked when it was recorded"} if value == "***" else {})


def _cut(payload: Mapping[str, Any]) -> dict[str, str]:
    return {"comment": f"the beginning of {payload['size']} bytes"} if is_cut(payload) else {}


def _type(headers: Headers) -> str:
    return next((value for name, value in headers if name.lower() == "content-type"), "x-unknown")


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:  # none came, or one that nobody knows
        return ""


def _later(moment: str, milliseconds: float) -> str:
    later = datetime.fromisoformat(moment) + timedelta(milliseconds=milliseconds)
    return later.isoformat(timespec="milliseconds").replace("+00:00", "Z")
