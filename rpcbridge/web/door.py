"""Where platforms post: one plain WSGI application a platform, mounted ahead of Flask. No HTML, no redirects.

A caller waits behind every request here, and Flask's routing, request and response objects cost
more than decoding the call and encoding the reply together (measured: 90 us of 750). Everything
that is not a platform's is Flask's.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import structlog

from rpcbridge.bridge import Bridge
from rpcbridge.codec import content_type
from rpcbridge.platforms import Platform
from rpcbridge.web.body import BodyReader, abandon
from rpcbridge.web.guard import Guard
from rpcbridge.web.tracing import traceparent

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication


class Door:
    """`/<platform>[/<secret>]`, or `/<platform>[/<secret>]/<method>` where the platform names its methods so; POST only."""

    def __init__(self, bridge: Bridge, platform: Platform, guard: Guard, bodies: BodyReader) -> None:
        self._bridge = bridge
        self._platform = platform
        self._guard = guard
        self._bodies = bodies
        self._log = structlog.get_logger()

    def reply(self, environ: dict[str, Any], rest: str, start_response: StartResponse) -> Iterable[bytes]:
        """The reply to a request whose path goes on with `rest` after the platform's name and a slash."""
        arrived = time.monotonic()
        segment, method = rest.removesuffix("/"), ""
        if self._platform.methods_in_path:
            segment, _, method = segment.rpartition("/")
        if "/" in segment or rest == "/" or (self._platform.methods_in_path and not method):
            return plain(environ, start_response, HTTPStatus.NOT_FOUND)
        if environ["REQUEST_METHOD"] != "POST":
            return plain(environ, start_response, HTTPStatus.METHOD_NOT_ALLOWED, ("Allow", "POST"))
        client = self._guard.client(environ.get("REMOTE_ADDR", ""), environ.get("HTTP_X_FORWARDED_FOR", ""))
        reason = self._guard.refusal(segment, client, environ.get("HTTP_AUTHORIZATION", ""))
        reason = reason or self._platform.refusal(partial(_header, environ), time.time())
        if reason:
            self._log.warning("request_refused", platform=self._platform.name, reason=reason, client=client[:60])
            return plain(environ, start_response, HTTPStatus.FORBIDDEN)
        seen = self._bridge.handle(
            self._platform, lambda deadline: self._bodies.read(environ, deadline),
            arrived, traceparent(environ.get("HTTP_TRACEPARENT", "")), method,
        )  # fmt: skip
        body = seen.platform_response
        if not body:  # the reply to a notification alone
            start_response("204 No Content", [])
            return ()
        status = HTTPStatus(self._platform.statuses.get(seen.outcome, 200))
        start_response(f"{status.value} {status.phrase}", [("Content-Type", content_type(seen.dialect)), ("Content-Length", str(len(body)))])
        return (body,)


def _header(environ: Mapping[str, Any], name: str) -> str:
    return str(environ.get(f"HTTP_{name.upper().replace('-', '_')}", ""))


class Doors:
    """The doors by their names in the URL, and the application behind them for everything else."""

    def __init__(self, doors: Mapping[str, Door], behind: WSGIApplication) -> None:
        self._doors = doors
        self._behind = behind
        self._log = structlog.get_logger()

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        name, _, rest = environ["PATH_INFO"][1:].partition("/")
        door = self._doors.get(name)
        if door is None:
            return self._behind(environ, start_response)
        try:
            return door.reply(environ, rest, start_response)
        except Exception:  # never a page of HTML; the bridge itself raises nothing
            self._log.exception("internal_error", platform=name)
            return plain(environ, start_response, HTTPStatus.INTERNAL_SERVER_ERROR)


def plain(
    environ: dict[str, Any], start_response: StartResponse, status: HTTPStatus, *headers: tuple[str, str]
) -> Iterable[bytes]:
    """A refusal in plain text: a phone system's log shows it as it is. The request's body is not read."""
    abandon(environ)
    body = f"{status.phrase.lower()}\n".encode()
    kind = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
    start_response(f"{status.value} {status.phrase}", [*kind, *headers])
    return () if environ["REQUEST_METHOD"] == "HEAD" else (body,)
