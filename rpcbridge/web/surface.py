"""Flask: one route per platform, plain text for everything that is not a call. No HTML, no redirects."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from rpcbridge.bridge import Bridge
from rpcbridge.codec import content_type
from rpcbridge.platforms import Platform
from rpcbridge.web.body import BodyReader, abandon
from rpcbridge.web.guard import Guard
from rpcbridge.web.tracing import traceparent


@dataclass(frozen=True, slots=True)
class Surface:
    """What the routes serve: the bridge, the platforms with their guards by URL name, the body's limit."""

    bridge: Bridge
    platforms: Mapping[str, tuple[Platform, Guard]]
    max_body: int


def create(surface: Surface) -> Flask:
    """The WSGI application."""
    app = Flask(__name__, static_folder=None)
    app.url_map.strict_slashes = False  # an XML-RPC client does not follow a redirect
    app.url_map.merge_slashes = False
    bodies = BodyReader(surface.max_body)
    for name, (platform, guard) in surface.platforms.items():
        view = _platform_view(surface.bridge, platform, guard, bodies)
        options: dict[str, Any] = {"methods": ["POST"], "provide_automatic_options": False}
        app.add_url_rule(f"/{name}", f"{name}", view, **options)
        app.add_url_rule(f"/{name}/<segment>", f"{name}-secret", view, **options)
    app.register_error_handler(HTTPException, _plain)
    return app


def _platform_view(bridge: Bridge, platform: Platform, guard: Guard, bodies: BodyReader) -> Any:
    log = structlog.get_logger()

    def view(segment: str = "") -> Response:
        arrived = time.monotonic()
        environ = request.environ
        client = guard.client(environ.get("REMOTE_ADDR", ""), environ.get("HTTP_X_FORWARDED_FOR", ""))
        reason = guard.refusal(segment, client)
        if reason:
            log.warning("request_refused", platform=platform.name, reason=reason, client=client[:60])
            abandon(environ)
            return _text(403, "forbidden")
        seen = bridge.handle(
            platform, lambda deadline: bodies.read(environ, deadline),
            arrived, traceparent(environ.get("HTTP_TRACEPARENT", "")),
        )  # fmt: skip
        return Response(seen.platform_response, 200, content_type=content_type(seen.dialect))

    return view


def _plain(error: HTTPException) -> Response:
    """Anything Flask itself refuses, in plain text: a phone system's log shows it as it is."""
    abandon(request.environ)
    response = _text(error.code or 500, error.name.lower())
    if isinstance(error, MethodNotAllowed):
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods or ()))
    return response


def _text(status: int, text: str) -> Response:
    return Response(f"{text}\n", status, content_type="text/plain; charset=utf-8")
