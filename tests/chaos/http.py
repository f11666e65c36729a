"""Just enough HTTP for callers and backend: heads with a Content-Length, over asyncio's streams."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Message:
    """A request or a reply: its first line in words, its headers in lower case, its body."""

    first: list[str]
    headers: dict[str, str]
    body: bytes


async def read(reader: asyncio.StreamReader) -> Message:
    """The next message. Raises OSError or EOFError where the connection ends before it does."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip("\r\n").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Message(first.split(" ", 2), headers, body)


def request(path: str, body: bytes, kind: str, *, keep: bool) -> bytes:
    """A POST."""
    connection = "" if keep else "Connection: close\r\n"
    return f"POST {path} HTTP/1.1\r\nHost: bridge\r\nContent-Type: {kind}\r\n{connection}Content-Length: {len(body)}\r\n\r\n".encode() + body


def reply(status: int, body: bytes) -> bytes:
    """A reply with JSON, the connection kept open."""
    return f"HTTP/1.1 {status} Whatever\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
