"""One HTTP request of any method whose bodies may be larger than the memory, over a connection of its own.

Beside `Transport.send`, which is on a caller's way and keeps its connections: nothing here is in a hurry, and nothing of
it stays in a handle that a question takes next. libcurl works only while somebody asks for the next piece.
"""

from __future__ import annotations

import select
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Self

import pycurl

from rpcbridge.errors import TransportError
from rpcbridge.transport import MAX_REPLY, HttpReply, HttpRequest, Transport, header_lines, reply_of, transport_error

# An older pycurl has only the one that a newer one calls deprecated.
_LENGTH = getattr(pycurl, "CONTENT_LENGTH_DOWNLOAD_T", None) or pycurl.CONTENT_LENGTH_DOWNLOAD


@dataclass(frozen=True, slots=True)
class Source:
    """A body that is sent as it is read: `read(n)` gives up to n bytes, none at its end; `length` of them are announced."""

    read: Callable[[int], bytes]
    length: int


class Incoming:
    """A reply as it comes: its head is there, its body is what iterating gives. Close it, or use it in `with`.

    Raises TransportError, while iterating too. For one thread at a time.
    """

    def __init__(self, handle: pycurl.Curl) -> None:
        self._handle = handle
        self._chunks: list[bytes] = []
        self._sockets: dict[int, int] = {}
        self._poll = select.poll()  # libcurl's own select() takes no descriptor above 1023
        self._timer = 0
        self._done = self._closed = False
        handle.setopt(pycurl.WRITEFUNCTION, self._chunks.append)
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._set_timer)
        self._multi.add_handle(handle)
        try:
            while not self._done and not self._chunks:
                self._work()
        except BaseException:
            self.close()
            raise
        self.head = reply_of(handle, b"")

    @property
    def length(self) -> int | None:
        """How many bytes are announced; None where that is not said."""
        announced = int(self._handle.getinfo(_LENGTH))
        return announced if announced >= 0 else None

    def __iter__(self) -> Iterator[bytes]:
        while True:
            while self._chunks:
                yield self._chunks.pop(0)
            if self._done or self._closed:
                return
            self._work()

    def whole(self, most: int = MAX_REPLY) -> HttpReply:
        """The reply with its body, of at most so many bytes."""
        body = bytearray()
        for chunk in self:
            body += chunk
            if len(body) > most:
                raise TransportError("too_large", f"the reply has more than {most} bytes")
        return reply_of(self._handle, bytes(body))

    def close(self) -> None:
        """Give up what has not come yet, and the connection."""
        if not self._closed:
            self._closed = True
            self._chunks.clear()
            self._multi.remove_handle(self._handle)
            self._multi.close()
            self._handle.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _work(self) -> None:
        """Wait until there is something to do, and have it done. Up to a few buffers of 16 KiB come at once."""
        ready = self._poll.poll(self._timer if self._timer >= 0 else None)
        if not ready:
            self._timer = -1  # it may be set anew meanwhile
            self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        for descriptor, events in ready:
            self._multi.socket_action(descriptor, _flags(events))
        _, finished, failed = self._multi.info_read()
        if failed:
            _, code, message = failed[0]
            self._done = True
            raise transport_error(self._handle, pycurl.error(code, message))
        self._done = bool(finished)

    def _watch(self, what: int, descriptor: int, *_: Any) -> None:
        if what == pycurl.POLL_REMOVE:
            if self._sockets.pop(descriptor, None) is not None:
                self._poll.unregister(descriptor)
            return
        events = (select.POLLIN if what & pycurl.POLL_IN else 0) | (select.POLLOUT if what & pycurl.POLL_OUT else 0)
        self._sockets[descriptor] = events
        self._poll.register(descriptor, events)

    def _set_timer(self, milliseconds: int) -> None:
        self._timer = milliseconds


def stream(transport: Transport, method: str, request: HttpRequest, seconds: float, source: Source | None = None) -> Incoming:
    """The reply to `request` as it comes; `seconds` are for all of it. A body is `source`, else that of the request.

    Raises TransportError: `failed` where the source ends before its length. Follows no redirect.
    """
    handle = transport.new_handle()
    handle.setopt(pycurl.MAXFILESIZE, 0)  # none: it is not kept
    handle.setopt(pycurl.URL, request.url)
    handle.setopt(pycurl.TIMEOUT_MS, max(1, int(seconds * 1000)))
    handle.setopt(pycurl.CONNECTTIMEOUT_MS, max(1, int(min(seconds, transport.connect_timeout) * 1000)))
    # libcurl would ask first whether a large body is welcome, and wait a second where nobody says.
    handle.setopt(pycurl.HTTPHEADER, [*header_lines(request), "Expect:"])
    if source is not None:
        handle.setopt(pycurl.UPLOAD, 1)
        handle.setopt(pycurl.INFILESIZE_LARGE, source.length)
        handle.setopt(pycurl.READFUNCTION, _bounded(source))
    elif request.body is not None:
        handle.setopt(pycurl.POSTFIELDS, request.body)
    handle.setopt(pycurl.CUSTOMREQUEST, method)
    return Incoming(handle)


def _bounded(source: Source) -> Callable[[int], bytes | int]:
    """What libcurl reads: exactly the announced length, or it is told to give up."""
    left = source.length

    def read(size: int) -> bytes | int:
        nonlocal left
        try:
            piece = source.read(min(size, left)) if left else b""
        except Exception:
            return int(pycurl.READFUNC_ABORT)
        if left and not piece:
            return int(pycurl.READFUNC_ABORT)
        left -= len(piece)
        return piece

    return read


def _flags(events: int) -> int:
    flags = (pycurl.CSELECT_IN if events & (select.POLLIN | select.POLLHUP) else 0) | (pycurl.CSELECT_OUT if events & select.POLLOUT else 0)
    return flags | (pycurl.CSELECT_ERR if events & (select.POLLERR | select.POLLNVAL) else 0)
