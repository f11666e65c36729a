"""What every scenario has: a backend, callers, bridges between them; and the judgement of what became of it all."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.chaos import loop as loops
from tests.chaos.backend import Backend, Came
from tests.chaos.bridges import Bridge
from tests.chaos.callers import FALLBACK, Callers, Try
from tests.chaos.row import Row, Size

_MARGIN = 0.2  # seconds over the deadline, times the size's patience
_CONSTANT = {
    "event": "call_ended", "platform": "voicenter", "direction": "inbound", "caller_number": "0540000000", "called_number": "0730000000",
    "ring_duration": 15,
}  # fmt: skip


@dataclass
class World:
    """One scenario's."""

    folder: Path
    size: Size
    loop: asyncio.AbstractEventLoop
    backend: Backend

    def bridge(self, database: str, name: str = "bridge", **more: Any) -> Bridge:
        """A bridge before this backend; it starts as its block begins."""
        return Bridge(self.folder / name, self.backend.url, database, **{"deadline": self.size.deadline} | more)

    def callers(self, *bridges: Bridge, **more: Any) -> Callers:
        """Callers who take any of these bridges; they begin as their block begins."""
        return Callers(self.loop, [bridge.port for bridge in bridges], **more)

    def judged(self, row: Row, callers: Callers, *, lease: float = 1.0, backend_well: bool = True, seconds: float = 30.0) -> Row:
        """Count what became of every request, once all that was acknowledged has come or had the time to."""
        self._settled(callers, lease, seconds)
        _Judge(row, self, callers).judge()
        if backend_well:
            fallbacks = sum(tried.menu == FALLBACK for tried in callers.tries)
            row.require(not fallbacks, f"{fallbacks} fallbacks, although the backend was well")
        return row

    def _settled(self, callers: Callers, lease: float, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and any(not _arrivals(self.backend, tried) for tried in _acknowledged(callers)):
            time.sleep(0.1)
        time.sleep(lease + 0.5)  # what comes twice has come by then


@contextmanager
def world(folder: Path, size: Size) -> Iterator[World]:
    """A backend that listens, and a loop to call in."""
    folder.mkdir(exist_ok=True)
    with loops.running() as loop:
        backend = Backend(loop)
        backend.up()
        try:
            yield World(folder, size, loop, backend)
        finally:
            backend.down()


def _acknowledged(callers: Callers) -> list[Try]:
    return [tried for tried in list(callers.tries) if tried.hangup and tried.status == 0]


def _arrivals(backend: Backend, tried: Try) -> list[Came]:
    """The events that tell this hang-up."""
    assert tried.hangup is not None
    return [came for came in backend.events.get(tried.call_id, ()) if tried.hangup.items() <= came.event.items()]


class _Judge:
    """Fills in one row."""

    def __init__(self, row: Row, world: World, callers: Callers) -> None:
        self._row = row
        self._backend = world.backend
        self._longest = world.size.deadline + _MARGIN * world.size.patience
        self._callers = callers
        self._why: dict[str, list[str]] = {"lost": [], "wrong": []}

    def judge(self) -> None:
        row, tries = self._row, self._callers.tries
        for tried in tries:
            row.tried += 1
            self._answer(tried)
        self._events()
        row.lost += len(self._why["lost"])
        row.wrong += len(self._why["wrong"])
        for kind, found in self._why.items():
            row.require(not found, f"{len(found)} {kind}, such as: {'; '.join(found[:3])}")
        answered = [tried.seconds for tried in tries if tried.answer is not None]
        row.require(answered, "nothing was answered at all")
        if answered:
            row.remarks.append(f"p50 {statistics.median(answered) * 1000:.0f} ms, p100 {max(answered) * 1000:.0f} ms")
        fallbacks = sum(tried.menu == FALLBACK for tried in tries)
        if fallbacks:
            row.remarks.append(f"{fallbacks} fallbacks")

    def _answer(self, tried: Try) -> None:
        row = self._row
        if tried.unreadable:
            self._why["wrong"].append(tried.unreadable)
        elif tried.broke and self._excused(tried):
            row.reset += 1
        elif tried.broke:
            self._why["lost"].append(f"{tried.broke} after {tried.seconds:.2f} s")
        elif tried.seconds > self._longest:
            self._why["lost"].append(f"an answer only after {tried.seconds:.2f} s")
        elif tried.hangup is not None:
            row.survived += tried.status == 0
            row.refused += tried.status == 1
        elif tried.menu not in (tried.call_id, FALLBACK):
            self._why["wrong"].append(f"the answer {tried.answer} to the call {tried.call_id}")
        else:
            row.survived += 1

    def _excused(self, tried: Try) -> bool:
        """Whether the process that held the connection was killed; a kept connection breaks only when it is used again."""
        return any(tried.connected <= end and begin - 0.01 <= tried.ended <= end + 2.0 for begin, end in self._callers.breaking)

    def _events(self) -> None:
        sent: dict[str, list[Try]] = {}
        for tried in self._callers.tries:
            if tried.hangup:
                sent.setdefault(tried.call_id, []).append(tried)
        for call_id, tries in sent.items():
            self._of_call(call_id, tries)
        strange = set(self._backend.events) - set(sent)
        self._why["wrong"] += [f"an event of the call {call_id}, which was never hung up" for call_id in strange]
        duplicates = self._duplicates(sent)
        if duplicates:
            self._row.remarks.append(f"{duplicates} delivered twice, with the same event_id")

    def _of_call(self, call_id: str, tries: list[Try]) -> None:
        reports = _distinct(tries)
        known = 0
        order = []
        for report in reports:
            came = _arrivals(self._backend, report)
            known += len(came)
            acknowledged = any(tried.status == 0 and tried.hangup == report.hangup for tried in tries)
            if acknowledged and not came:
                self._why["lost"].append(f"the event of the acknowledged hang-up of {call_id}")
            if acknowledged and came:
                order.append(came[0].when)
            if len({one.event["event_id"] for one in came}) > 1:
                self._why["wrong"].append(f"one hang-up of {call_id} with two event_ids")
            self._why["wrong"] += [f"altered: {one.event}" for one in came if not _as_sent(one.event)]
        if order != sorted(order):
            self._why["wrong"].append(f"the events of {call_id} out of order")
        if known != len(self._backend.events.get(call_id, ())):
            self._why["wrong"].append(f"an event of {call_id} that nobody sent")

    def _duplicates(self, calls: Iterable[str]) -> int:
        came = [one.event["event_id"] for call_id in calls for one in self._backend.events.get(call_id, ())]
        return len(came) - len(set(came))


def _distinct(tries: list[Try]) -> list[Try]:
    """Each report once, in the order they were first sent."""
    found: list[Try] = []
    for tried in tries:
        if all(tried.hangup != other.hangup for other in found):
            found.append(tried)
    return found


def _as_sent(event: dict[str, Any]) -> bool:
    return _CONSTANT.items() <= event.items() and event.get("state") in (None, {"of": event["call_id"]})
