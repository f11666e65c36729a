"""A real HTTP backend in a thread, which answers as told and misbehaves in every way a backend can."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

Behaviour = Callable[[socket.socket, "Request"], None]


@dataclass
class Request:
    """One request as the backend got it; header names in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict:
        return json.loads(self.body)

    @property
    def is_event(self) -> bool:
        return self.target.startswith(("/ivr/events", "/e/"))


@dataclass
class Backend:
    """Listens on a free loopback port. `requests` is what came.

    `behave` may be changed at any time, and so may `take`: how it behaves where events are posted, None for as elsewhere.
    """

    behave: Behaviour
    take: Behaviour | None = None
    requests: list[Request] = field(default_factory=list)
    tls: ssl.SSLContext | None = None
    connections: int = 0
    _listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0), backlog=512))
    _open: set[socket.socket] = field(default_factory=set)

    @property
    def port(self) -> int:
        return self._listener.getsockname()[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def questions(self) -> list[Request]:
        """What came, but for events."""
        return [request for request in self.requests if not request.is_event]

    def events(self, name: str = "", **said: object) -> list[Request]:
        """The events that came (of that name) and say so."""
        return [
            request for request in self.requests
            if request.is_event and (not name or request.json["event"] == name) and said.items() <= request.json.items()
        ]  # fmt: skip

    def accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            if self.tls is not None:
                connection = self.tls.wrap_socket(connection, server_side=True)
            with connection, connection.makefile("rb") as stream:
                while (request := _read(stream)) is not None:
                    self.requests.append(request)
                    behave = self.take if request.is_event and self.take is not None else self.behave
                    behave(connection, request)
        except (OSError, ValueError):
            pass  # the bridge has gone, or the behaviour closed the connection
        finally:
            self._open.discard(connection)

    def close(self) -> None:
        self._listener.close()
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def _read(stream) -> Request | None:
    line = stream.readline()
    if not line:
        return None
    method, target, _ = line.decode("latin-1").split()
    headers = {}
    while (line := stream.readline()) not in (b"\r\n", b""):
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    body = stream.read(int(headers.get("content-length", 0)))
    return Request(method, target, headers, body)


@contextmanager
def running(behave: Behaviour, tls: ssl.SSLContext | None = None) -> Iterator[Backend]:
    backend = Backend(behave, tls=tls)
    threading.Thread(target=backend.accept, daemon=True).start()
    try:
        yield backend
    finally:
        backend.close()


def raw(data: bytes, *, close: bool = True) -> Behaviour:
    """Sends exactly these bytes."""

    def behave(connection: socket.socket, _: Request) -> None:
        connection.sendall(data)
        if close:
            connection.shutdown(socket.SHUT_RDWR)

    return behave


def reply(body: object = b"", status: int = 200, headers: str = "Content-Type: application/json\r\n") -> Behaviour:
    """A well-formed reply, the connection kept open. What is not bytes is sent as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return raw(f"HTTP/1.1 {status} Whatever\r\n{headers}Content-Length: {len(data)}\r\n\r\n".encode() + data, close=False)


def slow(seconds: float, then: Behaviour) -> Behaviour:
    """Waits before it answers."""

    def behave(connection: socket.socket, request: Request) -> None:
        time.sleep(seconds)
        then(connection, request)

    return behave


def trickle(data: bytes, seconds: float) -> Behaviour:
    """A byte every so many seconds."""

    def behave(connection: socket.socket, _: Request) -> None:
        for byte in data:
            connection.sendall(bytes([byte]))
            time.sleep(seconds)

    return behave


def reset(after: bytes = b"") -> Behaviour:
    """A TCP reset, after some bytes."""

    def behave(connection: socket.socket, _: Request) -> None:
        if after:
            connection.sendall(after)
            time.sleep(0.05)  # so that they are not overtaken
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # makefile() holds the descriptor open: only detaching really closes it here.
        socket.close(connection.detach())

    return behave


def in_turn(*behaviours: Behaviour) -> Behaviour:
    """One behaviour a request, the last one for ever."""
    left = list(behaviours)

    def behave(connection: socket.socket, request: Request) -> None:
        (left.pop(0) if len(left) > 1 else left[0])(connection, request)

    return behave
