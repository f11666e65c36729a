"""A request's body as bytes, bounded in size (also when inflated) and in time. Raises CallError and nothing else."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from rpcbridge.codec import dialect_of
from rpcbridge.errors import NotACall, NotWellFormed, UnsupportedEncoding

CLOSE = "rpcbridge.close"  # in a WSGI environment: says with the reply that its connection is at its end
_HEAD = 64  # bytes of a body that is too large: enough to refuse it in its own dialect
_TICK = 0.1  # seconds between two looks at the bodies that are being read


def abandon(environ: dict[str, Any]) -> None:
    """Take no more of a request's body: the server would read it to its end, in a thread that callers need.

    The reply then says `Connection: close`: a proxy would send a caller's question over this connection next.
    """
    if close := environ.get(CLOSE):
        close()
    connection = environ.get("gunicorn.socket")
    if connection is not None:
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RD)


class BodyReader:
    """Reads bodies; one thread per process, started with the first body, cuts off those that come too slowly."""

    def __init__(self, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._bounded: dict[int, tuple[float, socket.socket, int]] = {}
        self._watch = threading.Lock()
        self._watching = False

    def read(self, environ: dict[str, Any], deadline: float) -> bytes:
        """The body of a WSGI request, read by `deadline` (by the clock)."""
        length = environ.get("CONTENT_LENGTH") or ""
        expected = int(length) if length.isascii() and length.isdigit() else None
        too_large = expected is not None and expected > self._limit
        wanted = _HEAD if too_large else self._limit + 1 if expected is None else expected
        body = self._taken(environ, wanted, deadline)
        if too_large or len(body) > self._limit:
            self._refuse(environ, body)
        if expected is not None and len(body) < expected:
            late = self._clock() >= deadline
            why = "in time" if late else "before the connection ended"
            raise NotWellFormed(f"only {len(body)} of the body's {expected} bytes came {why}", dialect=dialect_of(body))
        if expected is None and self._clock() >= deadline:
            raise NotWellFormed("the body did not come in time", dialect=dialect_of(body))
        return self._inflated(body, environ.get("HTTP_CONTENT_ENCODING", ""))

    def _refuse(self, environ: dict[str, Any], head: bytes) -> NoReturn:
        abandon(environ)
        message = f"the body is larger than {self._limit} bytes (server.max_body)"
        raise NotACall(message, dialect=dialect_of(head))

    def _inflated(self, body: bytes, encoding: str) -> bytes:
        name = encoding.strip().lower()
        if name in ("", "identity"):
            return body
        if name not in ("gzip", "x-gzip", "deflate"):
            raise UnsupportedEncoding(f"unknown Content-Encoding {name[:40]!r}: send gzip, or none", dialect=dialect_of(body))
        inflater = zlib.decompressobj(zlib.MAX_WBITS | 32)  # 32: gzip or zlib, told by its header
        try:
            inflated = inflater.decompress(body, self._limit + 1)
        except zlib.error:
            raise NotWellFormed(f"the body is not {name}, as its Content-Encoding says", dialect=dialect_of(body)) from None
        if len(inflated) > self._limit:
            raise NotACall(f"the body inflates to more than {self._limit} bytes (server.max_body)", dialect=dialect_of(inflated))
        if not inflater.eof:
            raise NotWellFormed(f"the {name} body ends early", dialect=dialect_of(inflated))
        return inflated

    def _taken(self, environ: dict[str, Any], wanted: int, deadline: float) -> bytes:
        """Up to `wanted` bytes of the body; its connection is cut off at the deadline."""
        connection = environ.get("gunicorn.socket")
        if not self._watching:
            self._start()
        if connection is not None:
            self._bounded[id(connection)] = (deadline, connection, socket.SHUT_RD)
        try:  # what `until` does, without what a context manager costs: a caller waits here
            body: bytes = environ["wsgi.input"].read(wanted)
            return body
        except Exception as error:  # each server has its own for a connection that broke
            raise NotWellFormed(f"the body could not be read: {type(error).__name__}") from None
        finally:
            self._bounded.pop(id(connection), None)

    def piece(self, environ: dict[str, Any], most: int, deadline: float) -> bytes:
        """The next bytes of a body, fewer than `most` where it ends or is late. Raises what the server does for a broken connection."""
        with self.until(environ, deadline):
            read: bytes = environ["wsgi.input"].read(most)
            return read

    @contextlib.contextmanager
    def until(self, environ: dict[str, Any], deadline: float, how: int = socket.SHUT_RD) -> Iterator[None]:
        """What is done within has the request's connection until the deadline; then it is cut off."""
        connection = environ.get("gunicorn.socket")
        if not self._watching:
            self._start()
        if connection is not None:
            self._bounded[id(connection)] = (deadline, connection, how)
        try:
            yield
        finally:
            self._bounded.pop(id(connection), None)

    def _start(self) -> None:
        with self._watch:
            if not self._watching:
                threading.Thread(target=self._cut_off, name="slow-bodies", daemon=True).start()
                self._watching = True

    def _cut_off(self) -> None:
        """End every connection, or its reading side, that is late: whoever waits for it then sees the end."""
        while True:
            time.sleep(_TICK)
            now = self._clock()
            for deadline, connection, how in list(self._bounded.values()):
                if now >= deadline:
                    with contextlib.suppress(OSError):
                        connection.shutdown(how)
