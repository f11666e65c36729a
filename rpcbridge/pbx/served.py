"""A small HTTP server on this machine that stands for a phone system's own API: it keeps every request, and answers as it is told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

_LARGEST = 64 * 1024**2  # bytes of one request: a recording is smaller
_PATIENCE = 10.0  # seconds for one request to come in


@dataclass(frozen=True, slots=True)
class Came:
    """A request. headers: by their names in small letters, the last of each."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Given:
    """An answer, given after `delay` seconds; of status 0 the connection is closed without one."""

    status: int = 200
    body: bytes = b'{"success": true}'
    delay: float = 0.0
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})


class Served:
    """The server, from entering to leaving it. `answer` is asked in the thread of each request."""

    def __init__(self, answer: Callable[[Came], Given], address: tuple[str, int] = ("127.0.0.1", 0)) -> None:
        self._answer = answer
        self._lock = threading.Lock()
        self._came: list[Came] = []
        served = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = _PATIENCE
            wbufsize = -1  # an answer is one packet, not one for each header

            def log_message(self, format: str, *args: Any) -> None:
                """Nobody reads it."""

            def do_POST(self) -> None:
                with suppress(ConnectionError):
                    served._handle(self)

            do_GET = do_PUT = do_DELETE = do_POST  # noqa: N815  # the names that the standard library looks for

        self._server = ThreadingHTTPServer(address, Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="api", daemon=True)

    @property
    def url(self) -> str:
        """Where it listens, without a path."""
        return f"http://{self._server.server_address[0]!s}:{self._server.server_port}"

    @property
    def requests(self) -> tuple[Came, ...]:
        """Whatever came so far, in order."""
        with self._lock:
            return tuple(self._came)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handle(self, handler: BaseHTTPRequestHandler) -> None:
        body = _body(handler)
        came = Came(handler.command, handler.path, {name.lower(): value for name, value in handler.headers.items()}, body)
        with self._lock:
            self._came.append(came)
        given = self._answer(came)
        time.sleep(given.delay)
        if not given.status:
            handler.close_connection = True
            return
        handler.send_response(given.status)
        for name, value in given.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(given.body)))
        handler.end_headers()
        handler.wfile.write(given.body)


def _body(handler: BaseHTTPRequestHandler) -> bytes:
    """The request's body, also one that comes in chunks."""
    if "chunked" not in handler.headers.get("Transfer-Encoding", "").lower():
        length = handler.headers.get("Content-Length", "0")
        return handler.rfile.read(min(int(length), _LARGEST)) if length.isdigit() else b""
    parts = []
    while size := int(handler.rfile.readline().partition(b";")[0].strip() or b"0", 16):
        parts.append(handler.rfile.read(min(size, _LARGEST)))
        handler.rfile.readline()
    while handler.rfile.readline().strip():
        pass
    return b"".join(parts)
