"""What is new, as server-sent events: so that a list of calls need ask only then, whichever worker or machine recorded it.

A stream holds one of the threads that answer calls. So there are few of them, each ends by itself after a while (the browser
comes again, and goes on where it was), and all end at once when the process is to stop.
"""

from __future__ import annotations

import select
import threading
import time
from collections.abc import Iterator
from typing import Any

from flask import Blueprint, Response, request

from rpcbridge.errors import DatabaseError
from rpcbridge.trace.follow import Follower
from rpcbridge.web.body import abandon
from rpcbridge.web.debug.page import Debug, said

_PAUSE = 1.0  # seconds between two looks: a list is asked for at most so often
_STEP = 0.2  # seconds until a stream notices that the process is to stop
_LENGTH = 60.0  # seconds of one stream
_HEARTBEAT = 10.0  # seconds of silence, which a proxy may take for the end
_AGAIN = b"retry: 1000\n\n"  # milliseconds after which a browser comes again
_HEADERS = {"X-Accel-Buffering": "no", "Content-Type": "text/event-stream; charset=utf-8"}  # nginx would wait for more


def add(blueprint: Blueprint, debug: Debug) -> None:
    """The stream, for as many as may have one."""
    free = threading.BoundedSemaphore(debug.streams) if debug.streams else threading.Semaphore(0)

    @blueprint.get("/live")
    def live() -> Response:
        if debug.ending() or not free.acquire(blocking=False):
            abandon(request.environ)  # the next attempt may come to a process that has one left
            return said(503, "all streams of this process are taken, or it is about to stop", {"Retry-After": "5"})
        try:
            after = _number(request.headers.get("Last-Event-ID") or request.args.get("after", ""))
            follower = debug.trace.looked_up(lambda store: Follower(store, after))
            response = Response(_events(debug, follower, _Listener(request.environ.get("gunicorn.socket"))), headers=_HEADERS)
        except BaseException:
            free.release()
            raise
        response.call_on_close(free.release)
        return response


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


class _Listener:
    """The other end of a connection, as far as the server tells of it: whoever closes a page frees its stream at once."""

    def __init__(self, connection: Any) -> None:
        self._watch = select.poll() if connection is not None else None
        self.gone = False
        if self._watch is not None:
            self._watch.register(connection, getattr(select, "POLLRDHUP", select.POLLHUP))

    def wait(self, seconds: float) -> None:
        """At most so long: shorter where the listener goes."""
        if self._watch is None:
            time.sleep(seconds)
        elif self._watch.poll(seconds * 1000):
            self.gone = True


def _events(debug: Debug, follower: Follower, listener: _Listener) -> Iterator[bytes]:
    """One event for all that is new at a time: how many exchanges, how many were not seen; its id is the last one's number."""
    yield _AGAIN
    end = time.monotonic() + _LENGTH
    spoken = time.monotonic()
    while not (listener.gone or debug.ending()) and (now := time.monotonic()) < end:
        try:
            rows, missed = debug.trace.looked_up(lambda _: follower.poll())
        except DatabaseError:
            return  # the browser comes again, and is told then
        if rows or missed:
            spoken = now
            yield f'event: exchanges\nid: {follower.seen_to}\ndata: {{"new": {len(rows)}, "missed": {missed}}}\n\n'.encode()
        elif now - spoken >= _HEARTBEAT:
            spoken = now
            yield b":\n\n"
        until = min(now + _PAUSE, end)
        while (left := until - time.monotonic()) > 0 and not (listener.gone or debug.ending()):
            listener.wait(min(_STEP, left))
