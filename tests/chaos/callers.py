"""Callers: whole calls, questions and hang-ups, over real sockets; and what became of every request.

A call asks once or twice, and is then hung up; now and then two different reports of its end follow each
other, which must arrive in that order. A hang-up of which nobody knows whether it arrived, since its connection broke,
is sent again, byte for byte, as XML-RPC clients do; and so are some that got STATUS 1, which may be stored nevertheless.
"""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from tests.chaos import http
from tests.chaos.loop import do
from tests.support.calls import as_json, xml
from tests.support.profile import check_reply

FALLBACK = "fallback"  # the menu of the configured fallback
_OLDEST = 1.0  # seconds a kept connection may idle: the bridge closes it after two
AGAIN = 0.15  # seconds before what broke is sent again
_INSISTING = 0.25  # of the hang-ups are sent again after STATUS 1
_LONGEST = 20.0  # seconds; nothing may take that long
_STATUSES = {"ANSWERED": "answered", "BUSY": "busy", "NOANSWER": "no_answer", "CANCEL": "cancelled"}


Check = Callable[[int, dict[str, str], bytes], Any]  # status, headers and body to an answer; raises for what is none


@dataclass(slots=True)
class Try:
    """One request, and what became of it: an answer, or how its connection broke."""

    call_id: str
    hangup: dict[str, Any] | None
    port: int
    connected: float = 0.0
    sent: float = 0.0
    ended: float = 0.0
    broke: str = ""
    answer: Any = None
    unreadable: str = ""
    what: str = ""  # the callback, of a phone system that has several

    @property
    def seconds(self) -> float:
        return self.ended - self.sent

    @property
    def status(self) -> int | None:
        return self.answer["STATUS"] if isinstance(self.answer, dict) and "STATUS" in self.answer else None

    @property
    def menu(self) -> str:
        return str(self.answer["DATA"].get("MENU")) if isinstance(self.answer, dict) and "DATA" in self.answer else ""


@dataclass
class Callers:
    """`count` of them at once, until `enough` calls were hung up or until they are stopped."""

    loop: asyncio.AbstractEventLoop
    ports: Sequence[int]
    count: int = 24
    enough: int = 10**9
    pause: float = 0.04
    tries: list[Try] = field(default_factory=list)
    hung_up: int = 0
    breaking: list[tuple[float, float]] = field(default_factory=list)  # when processes that hold connections were killed
    _stopped: bool = False
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def __enter__(self) -> Callers:
        do(self.loop, self._begin())
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped = True
        do(self.loop, self._ended())

    def reach(self, count: int, seconds: float = 60.0) -> None:
        """Wait until so many requests were answered."""
        end = time.monotonic() + seconds
        while self.answered < count:
            assert time.monotonic() < end, f"only {self.answered} of {count} requests were answered in {seconds:g} s"
            time.sleep(0.02)

    def finish(self, seconds: float = 120.0) -> None:
        """Wait until `enough` calls were hung up."""
        end = time.monotonic() + seconds
        while not self.over:
            assert time.monotonic() < end, f"only {self.hung_up} of {self.enough} calls were hung up in {seconds:g} s"
            time.sleep(0.02)

    @property
    def answered(self) -> int:
        return sum(1 for tried in self.tries if tried.answer is not None)

    async def all_ask(self) -> None:
        """One question each, all at the same moment, and no more."""
        lines = [Line(self, keep=False) for _ in range(self.count)]
        await asyncio.gather(*(line.ask(uuid.uuid4().hex) for line in lines))

    async def _begin(self) -> None:
        self._tasks = [asyncio.ensure_future(self._calls(Line(self, keep=number % 2 == 0))) for number in range(self.count)]

    async def _ended(self) -> None:
        await asyncio.gather(*self._tasks)

    @property
    def over(self) -> bool:
        return self._stopped or self.hung_up >= self.enough

    async def _calls(self, line: Line) -> None:
        while not self.over:
            call_id = uuid.uuid4().hex
            for _ in range(random.choice((1, 1, 2))):
                await line.ask(call_id)
                await asyncio.sleep(random.uniform(0, 2 * self.pause))
            for _ in range(random.choice((1, 1, 1, 2))):
                await line.hang_up(call_id)
                await asyncio.sleep(random.uniform(0, 2 * self.pause))
        line.close()


class Line:
    """One caller's connection, kept or made anew for every request."""

    def __init__(self, callers: Callers, keep: bool) -> None:
        self._callers = callers
        self._keep = keep
        self._stream: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._port = 0
        self._connected = self._used = 0.0

    async def ask(self, call_id: str) -> None:
        body = random.choice((xml, as_json))("GET_IVR_ACTION", IVR_UNIQUE_ID=call_id)
        await self._tried(Try(call_id, None, 0), body)

    async def hang_up(self, call_id: str) -> None:
        """One report, sent again as long as its connections break."""
        said = {"CALL_DURATION": random.randrange(10**6), "CALL_STATUS": random.choice(list(_STATUSES)), "TARGET": str(uuid.uuid4().int)[:12]}
        body = random.choice((xml, as_json))("HANGUP_CALL", IVR_UNIQUE_ID=call_id, **said)
        expected = {"duration": said["CALL_DURATION"], "call_status": _STATUSES[str(said["CALL_STATUS"])], "target": said["TARGET"]}
        self._callers.hung_up += 1
        insisting = random.random() < _INSISTING
        for _ in range(100):
            tried = Try(call_id, expected, 0)
            await self._tried(tried, body)
            if not tried.broke and not (tried.status == 1 and insisting):
                return
            insisting = insisting and bool(tried.broke)  # once
            await asyncio.sleep(AGAIN)

    async def _tried(self, tried: Try, body: bytes) -> None:
        await self.tried(tried, "/voicenter", body, "text/xml" if body.startswith(b"<") else "application/json", check_reply)

    async def tried(self, tried: Try, path: str, body: bytes, kind: str, check: Check) -> None:
        """One request, and what became of it in `tried`; `check` reads the reply."""
        self._callers.tries.append(tried)
        tried.sent = time.monotonic()
        try:
            await asyncio.wait_for(self._exchanged(tried, http.request(path, body, kind, keep=self._keep), check), _LONGEST)
        except TimeoutError:
            tried.broke = "no answer"
        except (OSError, EOFError) as error:
            tried.broke = type(error).__name__
        tried.ended = time.monotonic()
        if tried.broke or not self._keep:
            self.close()

    async def _exchanged(self, tried: Try, request: bytes, check: Check) -> None:
        reader, writer = await self._connection(tried)
        writer.write(request)
        message = await http.read(reader)
        try:
            tried.answer = check(int(message.first[1]), message.headers, message.body)
        except (AssertionError, ValueError) as error:
            tried.unreadable = f"{message.first[1]} {message.body[:200]!r}: {error}"
        self._used = time.monotonic()
        if message.headers.get("connection", "").lower() == "close":
            self.close()

    async def _connection(self, tried: Try) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._stream and time.monotonic() - self._used > _OLDEST:
            self.close()
        if self._stream is None:
            self._port = tried.port = random.choice(self._callers.ports)
            tried.connected = self._connected = time.monotonic()
            self._stream = await asyncio.open_connection("127.0.0.1", self._port)
        tried.port, tried.connected = self._port, self._connected
        return self._stream

    def close(self) -> None:
        if self._stream is not None:
            with suppress(OSError):
                self._stream[1].close()
        self._stream = None
