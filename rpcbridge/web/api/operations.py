"""`/api/<platform>/<path>`: what a platform can do beside calls, by its own paths and methods. Knows none of them by name."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from flask import Blueprint, Response, g, request

from rpcbridge.errors import TransportError
from rpcbridge.platforms.operations import (
    Download,
    Given,
    NoSuchOperation,
    Operation,
    Operations,
    PlatformFailed,
    UnusableRequest,
    Upload,
    WrongMethod,
)
from rpcbridge.web.api.given import json_value
from rpcbridge.web.api.problems import Refusal, unusable
from rpcbridge.web.body import BodyReader

_ANY = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]  # so that the platform says which of them its path takes
# What a browser could take for a page or a script stays a file of bytes.
_HARMLESS = ("audio/", "video/")
_LATE = {"timeout", "connect_timeout"}


def add(blueprint: Blueprint, platforms: Mapping[str, Operations], bodies: BodyReader) -> None:
    """A route for each platform; other paths are other modules', or nobody's."""
    for platform, offered in platforms.items():
        view = partial(_served, platform, offered, bodies)
        blueprint.add_url_rule(f"/{platform}/<path:path>", f"operations-{platform}", view, methods=_ANY, provide_automatic_options=False)


def _served(platform: str, offered: Operations, bodies: BodyReader, path: str) -> Response:
    g.api_platform = platform
    try:
        found = offered.find(request.method, path.split("/"))
        g.api_operation = found.name
        answer = found.run(_given(found, bodies))
    except (NoSuchOperation, WrongMethod, UnusableRequest, PlatformFailed) as error:
        raise _refusal(error) from None
    return _file(answer, found, bodies) if isinstance(answer, Download) else _json(answer)


def _given(found: Operation, bodies: BodyReader) -> Given:
    query = {name: values[-1] for name, values in request.args.lists()}
    if found.takes == "json":
        return Given(query, json_value(bodies))
    if found.takes == "file":
        return Given(query, file=_upload(found, bodies))
    return Given(query)


def _upload(found: Operation, bodies: BodyReader) -> Upload:
    """The file in the request's body, read while it is sent on."""
    length = request.content_length
    if length is None or "Transfer-Encoding" in request.headers:
        raise Refusal(411, "length_required", "send the file with its Content-Length")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Refusal(415, "encoded", "send the file as it is, without a Content-Encoding")
    if length > found.most:
        raise Refusal(413, "too_large", f"the file has {length} bytes, more than the {found.most} of {found.bound}")
    g.api_body_taken = length == 0
    deadline, environ, left, seen = time.monotonic() + found.seconds, request.environ, length, g

    def read(size: int) -> bytes:
        nonlocal left
        piece = bodies.piece(environ, min(size, left), deadline)
        left -= len(piece)
        seen.api_body_taken = left == 0
        return piece

    return Upload(read, length, request.headers.get("Content-Type", ""))


def _json(answer: Mapping[str, Any]) -> Response:
    return Response(json.dumps(answer) + "\n", content_type="application/json")


def _file(download: Download, found: Operation, bodies: BodyReader) -> Response:
    """The platform's file as it comes. Where it breaks off, so does the connection: its end must not look like the file's."""
    environ, deadline, seen = request.environ, time.monotonic() + found.seconds, g.setdefault("api_seen", {})

    def chunks() -> Iterator[bytes]:
        with bodies.until(environ, deadline, socket.SHUT_RDWR):
            try:
                yield from download.chunks
            except TransportError as error:
                seen["broken_off"] = error.reason
                with contextlib.suppress(KeyError, OSError):
                    environ["gunicorn.socket"].shutdown(socket.SHUT_RDWR)

    kind = download.content_type if download.content_type.lower().startswith(_HARMLESS) else "application/octet-stream"
    response = Response(chunks(), content_type=kind, headers={"Content-Disposition": "attachment"})
    if download.length is not None:
        response.content_length = download.length
    response.call_on_close(download.close)
    return response


def _refusal(error: NoSuchOperation | WrongMethod | UnusableRequest | PlatformFailed) -> Refusal:
    if isinstance(error, NoSuchOperation):
        return Refusal(404, "not_found", str(error))
    if isinstance(error, WrongMethod):
        return Refusal(405, "method_not_allowed", str(error), headers={"Allow": ", ".join(error.allowed)})
    if isinstance(error, UnusableRequest):
        return unusable(error.problems)
    more: dict[str, Any] = {"outcome": error.outcome}
    if error.status:
        more["platform_status"] = error.status
    headers = {"Retry-After": str(max(1, round(error.wait)))} if error.wait else None
    return Refusal(_status(error), error.reason, str(error), headers=headers, **more)


def _status(error: PlatformFailed) -> int:
    """What our own client is told: whose fault it is, and whether it is worth trying again."""
    if error.reason in _LATE:
        return 504
    if error.reason == "unknown_site":
        return 422
    if error.reason == "not_configured" or error.status in (429, 503):
        return 503
    if error.status == 404:
        return 404
    # 401 and 403 refuse the bridge's own token, of which its client knows nothing.
    return 409 if error.outcome == "refused" and error.status not in (401, 403) and not 300 <= error.status < 400 else 502
