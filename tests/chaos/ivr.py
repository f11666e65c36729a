"""Calls on Mediaservice, whose workers are killed between their callbacks and within them: each goes on where it stands.

The phone system sends what broke again. A call begins, is answered, asks a few times with a digit, is left by its caller
and completed; the backend plays it nothing but its own id.
"""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.chaos.callers import AGAIN, Callers, Line, Try
from tests.chaos.row import Row, Size
from tests.chaos.world import World, world
from tests.support import databases
from tests.support.bridge import awaited
from tests.support.mediaservice import valid_reply

_WORKERS = 2
_MARGIN = 0.2  # seconds over the deadline, times the size's patience
_DOMAIN = "customer.example"
_DROP = {"action": "drop", "dropCode": "dropNoMsg"}


@dataclass
class Calls(Callers):
    """Callers of Mediaservice's."""

    async def _calls(self, line: Line) -> None:
        while not self.over:
            await _Call(self, line, uuid.uuid4().hex).whole()
        line.close()


class _Call:
    """One call: what it sends, and what it expects."""

    def __init__(self, calls: Calls, line: Line, id: str) -> None:
        self._calls, self._line, self._id = calls, line, id
        self._reference: Any = None
        self._commands = 0

    async def whole(self) -> None:
        began = await self._post("newCall", {"sessionId": self._id, "callingParty": "0540000000", "calledParty": "0730000000"})
        self._reference = began.get("sessionReferenceId")
        await self._post("callAnswered", self._answered())
        for digits in ["", *random.choices("123456789", k=random.choice((1, 1, 2)))]:
            await self._pause()
            await self._command(digits)
        await self._pause()
        side = {"participantId": "person", "connectionId": "c", "domain": _DOMAIN, "sessionReferenceId": json.dumps(self._reference)}
        await self._post("callEvent", {"sessionId": self._id, "event": "callingPartyDrop", **side})
        self._calls.hung_up += 1
        await self._post("sessionCompleted", {"sessionId": self._id, "domain": _DOMAIN, "sessionReferenceId": self._reference})

    def _answered(self) -> dict[str, Any]:
        who = {"callerParticipantId": "person", "calleeParticipantId": "ivr", "connectionId": "c", "replyId": "r", "monitoringParticipant": False}
        return who | {"sessionReferenceId": self._reference}

    async def _command(self, digits: str) -> None:
        self._commands += 1
        pressed = {"dtmfParams": {"dtmfMatch": digits, "reason": "maxDigits"}} if digits else {}
        await self._post("getIvrCommand", {"sessionId": self._id, "replyId": f"command-{self._commands}", **pressed})

    async def _post(self, callback: str, body: dict[str, Any]) -> dict[str, Any]:
        """The reply to a callback, sent again as long as its connections break or it is not acknowledged."""
        data = json.dumps(body).encode()
        for _ in range(100):
            tried = Try(self._id, None, 0, what=callback)
            await self._line.tried(tried, f"/mediaservice/{callback}", data, "application/json", partial(_read, callback))
            if tried.answer not in (None, _REFUSED) or tried.unreadable:
                return tried.answer or {}
            await asyncio.sleep(AGAIN)
        return {}

    async def _pause(self) -> None:
        await asyncio.sleep(random.uniform(0, 2 * self._calls.pause))


_REFUSED = "refused"


def _read(callback: str, status: int, _: dict[str, str], body: bytes) -> Any:
    if status == 503 and callback in ("callAnswered", "sessionCompleted"):
        return _REFUSED
    assert status == 200
    reply = json.loads(body)
    valid_reply(callback, reply)
    return reply


def ivr_killed(folder: Path, size: Size, kind: str) -> Row:
    """The call is where it was, for whichever worker is there next."""
    row = Row(f"kill -9 amid calls on Mediaservice, {kind}")
    with world(folder, size) as here, here.bridge(databases.fresh(kind, folder), more=f'[mediaservice]\ndomain = "{_DOMAIN}"\n') as bridge:
        here.backend.slowness, here.backend.prompt = 0.02, "of-{call_id}"
        with Calls(here.loop, [bridge.port]) as calls:
            for turn in range(size.times):
                calls.reach((turn + 1) * size.requests // (size.times + 1))
                begun = time.monotonic()
                dead = bridge.kill_worker()
                calls.breaking.append((begun, time.monotonic() + 0.05))
                awaited(lambda dead=dead: dead not in bridge.worker_pids() and len(bridge.worker_pids()) == _WORKERS, 20)
            calls.reach(size.requests)
        _judged(row, here, calls)
        return row


def _judged(row: Row, here: World, calls: Calls) -> None:
    finished = {tried.call_id for tried in calls.tries if tried.what == "sessionCompleted" and tried.answer == {}}
    with suppress(AssertionError):  # counted below
        awaited(lambda: all(here.backend.events.get(call_id) for call_id in finished), 30)
    time.sleep(1.5)  # what comes twice has come by then
    why: dict[str, list[str]] = {"lost": [], "wrong": []}
    longest = here.size.deadline + _MARGIN * here.size.patience
    for tried in calls.tries:
        row.tried += 1
        if tried.broke:
            excused = any(tried.connected <= end and begin - 0.01 <= tried.ended <= end + 2.0 for begin, end in calls.breaking)
            row.reset += excused
            why["lost"] += [] if excused else [f"{tried.what}: {tried.broke} after {tried.seconds:.2f} s"]
        elif tried.seconds > longest:
            why["lost"].append(f"an answer to {tried.what} only after {tried.seconds:.2f} s")
        elif tried.answer == _REFUSED:
            row.refused += 1
        elif tried.unreadable or not _right(tried):
            why["wrong"].append(tried.unreadable or f"{tried.what} of {tried.call_id} got {tried.answer}")
        else:
            row.survived += 1
    why["lost"] += [f"the end of {call_id}" for call_id in finished if not here.backend.events.get(call_id)]
    why["wrong"] += _misled(here, finished)
    for counted, found in why.items():
        setattr(row, counted, len(found))
        row.require(not found, f"{len(found)} {counted}, such as: {'; '.join(found[:3])}")
    row.require(row.survived and row.reset, "nothing was broken")
    times = [tried.seconds for tried in calls.tries if tried.answer is not None]
    row.remarks.append(f"{len(finished)} calls; p50 {statistics.median(times) * 1000:.0f} ms, p100 {max(times) * 1000:.0f} ms")


def _right(tried: Try) -> bool:
    """Whether the reply is this call's."""
    reply = tried.answer
    match tried.what:
        case "newCall":
            return reply["action"] == "ivr" and "rb" in reply.get("sessionReferenceId", {})
        case "getIvrCommand":
            played = [phrase["fileName"] for phrase in reply["phrases"]]
            return (played, reply.get("sessionId"), reply["hangup"]) == ([f"of-{tried.call_id}"], tried.call_id, False)
        case "callEvent":
            return _DROP.items() <= reply.items()
    return reply == {}


def _misled(here: World, finished: set[str]) -> list[str]:
    """What the backend heard that is not so: of another call, a turn twice, a menu or state that is not the call's, an end twice."""
    wrong, turns = [], dict[str, list[int]]()
    for asked in here.backend.questions:
        call_id = asked["call_id"]
        turns.setdefault(call_id, []).append(asked.get("turn", 0))
        # A first round whose reply was lost is told as one in silence: nobody can tell a request that is sent again.
        known = (None, None) if asked["reason"] == "call_started" else (call_id, {"of": call_id})
        if (asked["menu"], asked["state"]) != known or asked["caller_number"] != "0540000000":
            wrong.append(f"a question: {asked}")
    wrong += [f"the turns of {call_id}: {counted}" for call_id, counted in turns.items() if sorted(set(counted)) != sorted(counted) or 0 in counted]
    for call_id in finished:
        ends = here.backend.events.get(call_id, [])
        if len({came.event["event_id"] for came in ends}) > 1:
            wrong.append(f"{call_id} ended twice")
        wrong += [f"an end: {came.event}" for came in ends if (came.event["ended_by"], came.event["state"]) != ("caller", {"of": call_id})]
    return wrong
