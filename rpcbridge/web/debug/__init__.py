"""The inspector's pages at /debug: each also as JSON. They read what is recorded; their own requests are never recorded."""

from __future__ import annotations

from typing import Any

import structlog
from flask import Blueprint, Response, request

from rpcbridge.errors import DatabaseError
from rpcbridge.web.debug import calls, exchanges, live
from rpcbridge.web.debug.page import Debug, shown

__all__ = ["Debug", "pages"]

# What the pages need and nothing else: no script, no foreign host, no frame around them.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

# What every page leads to, by endpoint.
_NAVIGATION = (("debug.calls", "Calls"),)


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
        return shown(503, {"error": str(error)}, "error.html", title="The exchanges cannot be read", detail=str(error))

    @blueprint.context_processor
    def _shared() -> dict[str, Any]:
        return {"pages": _NAVIGATION, "csrf_token": lambda: ""}

    calls.add(blueprint, debug)
    live.add(blueprint, debug)
    exchanges.add(blueprint, debug)
    return blueprint
