"""The whole HTTP surface: platforms' doors ahead, Flask for the rest. Plain text for what is not there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from rpcbridge.bridge import Bridge
from rpcbridge.platforms import Platform
from rpcbridge.web.api import Api, here, of_http, routes
from rpcbridge.web.body import BodyReader, abandon
from rpcbridge.web.debug import Debug, pages
from rpcbridge.web.door import Door, Doors
from rpcbridge.web.guard import Guard


@dataclass(frozen=True, slots=True)
class Surface:
    """What the routes serve: the bridge, the platforms with their guards by URL name, the body's limit."""

    bridge: Bridge
    platforms: Mapping[str, tuple[Platform, Guard]]
    max_body: int
    debug: Debug | None = None
    api: Api = field(default_factory=Api)


def create(surface: Surface) -> Flask:
    """The WSGI application."""
    app = Flask(__name__, static_folder=None)
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    bodies = BodyReader(surface.max_body)
    if surface.debug is not None:
        app.register_blueprint(pages(surface.debug, bodies))
    app.register_blueprint(routes(surface.api, bodies))
    app.register_error_handler(HTTPException, _plain)
    doors = {name: Door(surface.bridge, platform, guard, bodies) for name, (platform, guard) in surface.platforms.items()}
    app.wsgi_app = Doors(doors, app.wsgi_app)  # type: ignore[method-assign]  # as Flask's documentation says
    return app


def _plain(error: HTTPException) -> Response:
    """Anything Flask itself refuses, in plain text, or as the API says it."""
    if here():
        return of_http(error)
    abandon(request.environ)
    response = Response(f"{error.name.lower()}\n", error.code or 500, content_type="text/plain; charset=utf-8")
    if error.code == 405:
        response.headers["Allow"] = ", ".join(sorted(getattr(error, "valid_methods", None) or []))
    return response
