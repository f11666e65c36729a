"""What every request to /api passes: who asks, how many at once, what is logged of it. Its body is not looked at here."""

from __future__ import annotations

import contextlib
import math
import threading
import time

import structlog
from flask import Response, g, request

from rpcbridge.web.api.problems import Refusal
from rpcbridge.web.body import BodyReader, abandon
from rpcbridge.web.guard import ApiGuard
from rpcbridge.web.guesses import Guesses
from rpcbridge.web.tracing import traceparent

_SMALL, _MOMENT = 64 * 1024, 0.25  # bytes and seconds for a body that is taken for its sender's sake
_REALM = 'Bearer realm="rpcbridge api"'
_CLOSED = "the API is closed: set api.token in the bridge's configuration, 16 to 128 characters (such as `openssl rand -hex 16` gives)"


class Entrance:
    """The door of the API. `admit` stands before each request, `see_off` after it."""

    def __init__(self, guard: ApiGuard, guesses: Guesses, bodies: BodyReader, most: int) -> None:
        self._guard = guard
        self._bodies = bodies
        self._guesses = guesses
        self._places = threading.Semaphore(most)
        self._log = structlog.get_logger()

    def admit(self) -> None:
        """Raises Refusal for who may not enter, or may not now."""
        g.api_began = time.monotonic()
        refusal = self._guard.refusal(request.environ)
        if refusal == "closed":
            raise Refusal(403, refusal, _CLOSED)
        if refusal == "no_token":
            raise Refusal(401, refusal, "send Authorization: Bearer and the token", headers={"WWW-Authenticate": _REALM})
        client = self._guard.client(request.environ)
        if pause := math.ceil(self._guesses.pause(client)):
            text = f"too many wrong tokens came from this address: it is heard again in {pause} seconds"
            raise Refusal(429, "too_many", text, headers={"Retry-After": str(pause)})
        if refusal:
            self._guesses.wrong(client)
            raise Refusal(401, refusal, "that is not the token", headers={"WWW-Authenticate": f'{_REALM}, error="invalid_token"'})
        if not self._places.acquire(blocking=False):
            text = "as many requests as may be served at once are under way (api.max_requests): nothing was done"
            raise Refusal(503, "busy", text, headers={"Retry-After": "1"})
        g.api_admitted = True

    def see_off(self, response: Response) -> Response:
        """The response with what every one of them says; when it is over, its place is free and its line is in the log."""
        if not g.get("api_body_taken") and _has_body():
            self._dispose()
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'none'"
        admitted = bool(g.get("api_admitted"))
        line = {
            "trace_id": traceparent(request.headers.get("traceparent", ""))[3:35],
            "method": request.method if request.method in _METHODS else "other",
            "platform": g.get("api_platform"),
            "operation": g.get("api_operation"),
            "http_status": response.status_code,
            "client": None if admitted else self._guard.client(request.environ)[:60],
        }
        seen, began = g.setdefault("api_seen", {}), g.api_began

        @response.call_on_close
        def over() -> None:
            if admitted:
                self._places.release()
            said = {name: value for name, value in {**line, **seen}.items() if value is not None}
            bad = response.status_code in (401, 403, 429) or response.status_code >= 500 or "broken_off" in seen
            say = self._log.warning if bad else self._log.info
            say("api_request", **said, total_ms=round((time.monotonic() - began) * 1000))

        return response

    def _dispose(self) -> None:
        """Of a body that nobody wanted: a small one is taken, or its sender could meet the end of the connection before the reply."""
        length = request.content_length or 0
        with contextlib.suppress(Exception):  # the connection broke
            if 0 < length <= _SMALL and len(self._bodies.piece(request.environ, length, time.monotonic() + _MOMENT)) == length:
                return
        abandon(request.environ)


_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")


def note(**seen: object) -> None:
    """Something for the line in the log, also while the response goes out. Nothing that stood in the request, nor any secret."""
    g.setdefault("api_seen", {}).update(seen)


def _has_body() -> bool:
    return bool(request.content_length) or "Transfer-Encoding" in request.headers
