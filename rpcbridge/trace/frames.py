"""Messages between a worker and the process that records beside it: a length, and as many bytes of plain values."""

from __future__ import annotations

import marshal
import socket
import struct
from typing import Any

_LENGTH = struct.Struct("!I")


def send(pipe: socket.socket, message: tuple[Any, ...]) -> None:
    """Raises OSError, TimeoutError among them; the other side cannot be understood any more after that."""
    body = marshal.dumps(message)
    pipe.sendall(_LENGTH.pack(len(body)))
    pipe.sendall(body)


def received(pipe: socket.socket) -> Any:
    """The next message. Raises EOFError where the other side has gone, OSError as `send` does."""
    (length,) = _LENGTH.unpack(_read(pipe, _LENGTH.size))
    return marshal.loads(_read(pipe, length))  # noqa: S302  # both sides are this very program


def _read(pipe: socket.socket, length: int) -> bytearray:
    body = bytearray(length)
    rest = memoryview(body)
    while rest:
        count = pipe.recv_into(rest)
        if not count:
            raise EOFError
        rest = rest[count:]
    return body
