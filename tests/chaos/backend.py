"""The customer's backend: it answers each call with that call's own id, and keeps every event that came."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from tests.chaos import http
from tests.chaos.loop import do


@dataclass(frozen=True, slots=True)
class Came:
    """An event as it came, and when."""

    when: float
    event: dict[str, Any]


@dataclass
class Backend:
    """Listens on one port, which it may leave and take again.

    `mood` says how it behaves, and may be changed at any time: well, 5xx, reset, slow or hung.
    """

    loop: asyncio.AbstractEventLoop
    mood: str = "well"
    port: int = 0
    slowness: float = 0.0
    prompt: str = "welcome"
    questions: list[dict[str, Any]] = field(default_factory=list)
    events: dict[str, list[Came]] = field(default_factory=lambda: defaultdict(list))  # by call id
    _server: asyncio.Server | None = None
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def up(self) -> None:
        """Listen; on the same port as before."""
        do(self.loop, self._up())

    def down(self) -> None:
        """Be gone: every connection is reset, and new ones are refused."""
        do(self.loop, self._down())

    async def _up(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _down(self) -> None:
        if self._server is not None:
            for listener in self._server.sockets:  # a server closed while it accepts leaves that socket open
                self.loop.remove_reader(listener.fileno())
            await asyncio.sleep(0.01)
            self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while True:
                await self._answer(await http.read(reader), writer)
        except (OSError, EOFError, asyncio.CancelledError):
            pass  # the bridge has gone, or the scenario is over
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def _answer(self, message: http.Message, writer: asyncio.StreamWriter) -> None:
        mood, event = self.mood, json.loads(message.body)
        if mood == "hung":
            await asyncio.sleep(3600)
        if mood == "reset":
            writer.transport.abort()
            raise EOFError
        if mood == "5xx":
            writer.write(http.reply(random.choice((500, 502, 503)), b"{}"))
            return
        await asyncio.sleep(self.slowness if mood == "well" else random.uniform(0.1, 3.0))
        writer.write(http.reply(200, json.dumps(self._said(event)).encode()))
        with suppress(ConnectionError):
            await writer.drain()

    def _said(self, event: dict[str, Any]) -> dict[str, Any]:
        call_id = event["call_id"]
        if event["event"] == "action_requested":
            self.questions.append(event)
            return {"action": "menu", "menu": call_id, "prompt": self.prompt.format(call_id=call_id), "state": {"of": call_id}}
        self.events[call_id].append(Came(time.monotonic(), event))
        return {}
