"""The backend that every contender asks: one process, as cheap as possible, the same answer for ever.

`python -m benchmarks.backend --port 8090 [--delay 1]`. It reads no more of a request than its path
and its length, so that what is measured is the contender and not the backend.
"""

from __future__ import annotations

import asyncio
import gc
import re
import signal
import sys

import click

from benchmarks.payloads import ACTION, REPLY

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]+)", re.IGNORECASE)
_END = b"\r\n\r\n"


def _response(status: bytes, type: bytes = b"", body: bytes = b"") -> bytes:
    content = b"Content-Type: " + type + b"\r\n" if type else b""
    return b"HTTP/1.1 %s\r\n%bContent-Length: %d\r\n\r\n%b" % (status, content, len(body), body)


ANSWERS = {
    b"/ivr/action": _response(b"200 OK", b"application/json", ACTION),  # for who translates
    b"/ivr/events": _response(b"200 OK", b"application/json", b"{}"),
    b"/voicenter": _response(b"200 OK", b"text/xml; charset=utf-8", REPLY),  # for who passes bytes on
}
NOT_FOUND = _response(b"404 Not Found")


class Connection(asyncio.Protocol):
    """One kept-alive connection. Requests may come in any pieces; each is answered after the delay."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._pending = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio says so."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete, keep the beginning of the next."""
        pending = self._pending + data
        while (end := pending.find(_END)) >= 0:
            length = _LENGTH.search(pending, 0, end)
            whole = end + len(_END) + (int(length[1]) if length else 0)
            if len(pending) < whole:
                break
            self._answer(pending.split(b" ", 2)[1])
            pending = pending[whole:]
        self._pending = pending

    def _answer(self, path: bytes) -> None:
        response = ANSWERS.get(path, NOT_FOUND)
        if self._delay:
            asyncio.get_running_loop().call_later(self._delay, self._send, response)
        else:
            self._send(response)

    def _send(self, response: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(response)


async def serve(port: int, delay: float) -> None:
    """Listen on loopback until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for wanted in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(wanted, stop.set)
    server = await loop.create_server(lambda: Connection(delay), "127.0.0.1", port, backlog=2048)
    gc.freeze()
    print(f"listening, delay {delay:g} s", file=sys.stderr, flush=True)
    await stop.wait()
    server.close()


@click.command()
@click.option("--port", type=int, required=True)
@click.option("--delay", type=float, default=0.0, help="Seconds before each answer.")
def main(port: int, delay: float) -> None:
    """Answer every question with the same action."""
    asyncio.run(serve(port, delay))


if __name__ == "__main__":
    main()
