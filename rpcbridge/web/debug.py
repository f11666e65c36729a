"""The debug pages: the last exchanges, and each at its five stations. Every page also as JSON.

Reads what is recorded and changes nothing. Its own requests are never recorded.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog
from flask import Blueprint, Response, render_template, request

from rpcbridge.codec import laid_out
from rpcbridge.errors import DatabaseError
from rpcbridge.web.guard import DebugGuard

if TYPE_CHECKING:  # who records nothing need not load a database library
    from rpcbridge.trace import Trace

_PAGE = 100  # exchanges a list shows
_STATIONS = {
    "platform_request": "Phone system asks",
    "event": "Event",
    "backend_request": "Backend is asked",
    "backend_response": "Backend answers",
    "platform_response": "Phone system is answered",
}
# What the pages need and nothing else: no script, no foreign host, no frame around them.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True)
class Debug:
    """What the debug pages show, who may see them, and whether nothing is masked in it."""

    trace: Trace
    guard: DebugGuard
    reveal: bool = False


def pages(debug: Debug) -> Blueprint:
    """The pages, to be registered at /debug."""
    blueprint = Blueprint("debug", __name__, url_prefix="/debug", template_folder="templates", static_folder="static")
    log = structlog.get_logger()

    @blueprint.before_request
    def _guarded() -> Response | None:
        refusal = debug.guard.refusal(request.environ)
        if not refusal:
            return None
        if refusal != "no_token":  # a browser learns only so that it has to ask its user
            log.warning("request_refused", platform="debug", reason=refusal, client=(request.remote_addr or "")[:60])
        if refusal == "not_local":
            return Response("forbidden\n", 403, content_type="text/plain; charset=utf-8")
        asked = {"WWW-Authenticate": 'Basic realm="rpcbridge debug", charset="UTF-8"'}
        return Response("forbidden\n", 401, asked, content_type="text/plain; charset=utf-8")

    @blueprint.after_request
    def _safe(response: Response) -> Response:
        response.headers.update(_HEADERS)
        return response

    @blueprint.errorhandler(DatabaseError)
    def _unreadable(error: DatabaseError) -> Response:
        return _shown(503, {"error": str(error)}, "error.html", title="The exchanges cannot be read", detail=str(error))

    @blueprint.get("/")
    def exchanges() -> Response:
        before, call_id = request.args.get("before", ""), request.args.get("call_id", "")
        rows = debug.trace.looked_up(lambda store: store.recent(_PAGE + 1, before=before, call_id=call_id))
        kept, dropped = debug.trace.looked_up(lambda store: store.counts())
        _, recording, state = debug.trace.check()
        older = rows[_PAGE - 1]["id"] if len(rows) > _PAGE else None
        listed = {
            "exchanges": rows[:_PAGE], "older": older, "kept": kept, "dropped": dropped,
            "recording": recording, "state": state, "revealed": debug.reveal,
        }  # fmt: skip
        return _shown(200, listed, "exchanges.html", call_id=call_id, before=before, **listed)

    @blueprint.get("/exchanges/<id>")
    def exchange(id: str) -> Response:
        found = debug.trace.looked_up(lambda store: store.exchange(id.upper()))
        if found is None:
            detail = f"No exchange {id[:40]} is kept: it is too old, was dropped, or never was."
            return _shown(404, {"error": detail}, "error.html", title="Not found", detail=detail)
        return _shown(200, found, "exchange.html", seen=found, stations=_stations(found), line=_line(found), revealed=debug.reveal)

    return blueprint


def _shown(status: int, content: Mapping[str, Any], template: str, **values: Any) -> Response:
    """`content` as JSON where that is wanted, else as a page."""
    best = request.accept_mimetypes.best_match(["text/html", "application/json"], "text/html")
    if best == "application/json":
        text, kind = json.dumps(content, ensure_ascii=False, indent=2) + "\n", "application/json"
    else:
        text, kind = render_template(template, **values), "text/html; charset=utf-8"
    response = Response(text.encode("utf-8", "replace"), status, content_type=kind)  # half a character is no reason to fail
    response.headers["Vary"] = "Accept"
    return response


def _stations(seen: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The five stations as the page shows them: a title, what came with the payload, the payload laid out."""
    shown = []
    for name, title in _STATIONS.items():
        station = seen["stations"][name]
        if name == "event":
            body = json.dumps(station, indent=2, ensure_ascii=False) if station else ""
            shown.append({"name": name, "title": title, "there": station is not None, "body": body, "head": [], "line": ""})
            continue
        there = station is not None and bool(station.get("size") or "url" in station or "status" in station)
        station = station or {"body": "", "size": 0}
        line = f"{station['method']} {station['url']}" if "url" in station else f"HTTP {station['status']}" if "status" in station else ""
        body, size = station["body"], station["size"]
        shown.append({
            "name": name, "title": title, "there": there, "line": line, "head": station.get("headers", []),
            "body": laid_out(body), "size": size, "cut": size > 16384,
        })  # fmt: skip
    return shown


_WIDTH = 1000  # units of the drawing, whatever the page's width


def _line(seen: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The attempts on a line of time that the whole exchange fills: where each begins, how wide it is."""
    total: float = max(seen["total_ms"], 0.1)

    def place(milliseconds: float) -> float:
        return round(min(milliseconds / total, 1.0) * _WIDTH, 1)

    return [
        {"x": min(place(a["started_ms"]), _WIDTH - 2.0), "width": max(place(a["ms"]), 2.0), "failed": bool(a["reason"]) or not 200 <= a["status"] < 300, **a}
        for a in seen["attempts"]
    ]
