"""/api: what your backend asks of the bridge. A module a resource; each has `add(blueprint, ...)`, called below.

Programs only: a bearer token, JSON in and out, every error as problem+json. No cookie opens it, so no browser can be
made to ask.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from flask import Blueprint, Response, request
from werkzeug.exceptions import HTTPException

from rpcbridge.bridge import Carrier
from rpcbridge.platforms.operations import Operations
from rpcbridge.web.api import calls, operations
from rpcbridge.web.api.entrance import Entrance, note
from rpcbridge.web.api.problems import Refusal, shown
from rpcbridge.web.body import BodyReader
from rpcbridge.web.guard import ApiGuard
from rpcbridge.web.guesses import Guesses

__all__ = ["Api", "here", "of_http", "routes"]


@dataclass(frozen=True, slots=True)
class Api:
    """What the API serves: who may ask, how many at once, the platforms' own operations by their names in the URL, and calls."""

    guard: ApiGuard = field(default_factory=ApiGuard)
    most: int = 1
    operations: Mapping[str, Operations] = field(default_factory=dict)
    carrier: Carrier | None = None


def routes(api: Api, bodies: BodyReader) -> Blueprint:
    """Everything below /api. Who asks for a path that is not there passes the same door."""
    blueprint = Blueprint("api", __name__, url_prefix="/api")
    entrance = Entrance(api.guard, Guesses(time.monotonic), bodies, api.most)

    @blueprint.before_app_request
    def _admit() -> None:
        if here():
            entrance.admit()

    @blueprint.after_app_request
    def _see_off(response: Response) -> Response:
        return entrance.see_off(response) if here() else response

    @blueprint.app_errorhandler(Refusal)
    def _refused(refusal: Refusal) -> Response:
        note(reason=refusal.reason, outcome=refusal.more.get("outcome"))
        return shown(refusal)

    if api.carrier is not None:
        calls.add(blueprint, api.carrier, bodies)
    operations.add(blueprint, api.operations, bodies)
    return blueprint


def here() -> bool:
    """Whether this request is the API's."""
    return request.path == "/api" or request.path.startswith("/api/")


def of_http(error: HTTPException) -> Response:
    """What Flask itself refuses, as the API says it."""
    status = error.code or 500
    reason = {404: "not_found", 405: "method_not_allowed"}.get(status, "internal" if status >= 500 else "bad_request")
    headers = {"Allow": ", ".join(sorted(getattr(error, "valid_methods", None) or []))} if status == 405 else {}
    detail = "a bug in the bridge: its log says more" if status >= 500 else "nothing is served at this path" if status == 404 else error.name
    note(reason=reason)
    return shown(Refusal(status, reason, detail, headers=headers))
