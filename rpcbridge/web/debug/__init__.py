"""The inspector's pages at /debug: each also as JSON. They read what is recorded; their own requests are never recorded."""

from __future__ import annotations

import time
from typing import Any

from flask import Blueprint, Response, g, request

from rpcbridge.errors import DatabaseError
from rpcbridge.inspector import words
from rpcbridge.inspector.documents import is_delivery
from rpcbridge.web.body import BodyReader
from rpcbridge.web.debug import call, calls, exchanges, exports, live, login, menumap, phone, playground, replay
from rpcbridge.web.debug.entrance import Entrance
from rpcbridge.web.debug.page import Debug, said, shown
from rpcbridge.web.debug.sessions import Sessions
from rpcbridge.web.guesses import Guesses

__all__ = ["Debug", "Sessions", "pages"]

# What the pages need and nothing else: no inline script or style, no foreign host, no frame around them.
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), midi=(), payment=(), serial=(), usb=()",  # speaking needs none
    "Referrer-Policy": "same-origin",  # with `no-referrer`, browsers call the origin of our own forms `null`
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

# What every page leads to, by endpoint.
_NAVIGATION = (("debug.calls", "Calls"), ("debug.menu_map", "Map"), ("debug.phone", "Phone"), ("debug.playground", "Playground"))


def pages(debug: Debug, bodies: BodyReader) -> Blueprint:
    """The pages, to be registered at /debug."""
    blueprint = Blueprint("debug", __name__, url_prefix="/debug", template_folder="templates", static_folder="static")
    entrance = Entrance(debug, bodies, Guesses(time.monotonic))

    # Of the whole application: who asks for a page that is not there passes the same door.
    @blueprint.before_app_request
    def _guarded() -> Response | None:
        return entrance.refusal() if _here() else None

    @blueprint.after_app_request
    def _safe(response: Response) -> Response:
        if not _here():
            return response
        response.headers.update(_HEADERS)
        response.headers["Cache-Control"] = "no-cache" if request.endpoint == "debug.static" else "no-store"
        return entrance.remember(response)

    @blueprint.app_errorhandler(DatabaseError)
    def _unreadable(error: DatabaseError) -> Response:
        if not g.get("admitted"):  # what is wrong with it is not a stranger's business
            return said(503, "nobody can log in while the database cannot be read; Authorization: Bearer needs no database", {"Retry-After": "5"})
        again = request.method == "GET" and not request.headers.get("HX-Request")  # what keeps a list live tries again by itself
        response = shown(503, {"error": str(error)}, "error.html", title="The exchanges cannot be read", detail=str(error), again=again)
        response.headers.update({"Retry-After": "5"} | ({"Refresh": "5"} if again else {}))
        return response

    @blueprint.context_processor
    def _shared() -> dict[str, Any]:
        return {"pages": _NAVIGATION, "logged_in": bool(g.get("session"))}

    blueprint.add_app_template_global(entrance.csrf_token, "csrf_token")
    blueprint.add_app_template_filter(words.milliseconds, "ms")
    blueprint.add_app_template_filter(words.failed, "failed")
    blueprint.add_app_template_test(is_delivery, "delivery")
    calls.add(blueprint, debug)
    live.add(blueprint, debug)
    exchanges.add(blueprint, debug)
    call.add(blueprint, debug)
    menumap.add(blueprint, debug)
    phone.add(blueprint, debug)
    exports.add(blueprint, debug)
    playground.add(blueprint, debug)
    replay.add(blueprint, debug)
    if debug.guard.asks:
        login.add(blueprint, debug, entrance)
    return blueprint


def _here() -> bool:
    return request.path == "/debug" or request.path.startswith("/debug/")
