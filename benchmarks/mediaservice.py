"""What a caller on Mediaservice waits for the bridge: each callback of a call beside Voicenter's question, on both databases.

The backend answers at once, so what is measured is the bridge and its database. One caller, one worker, one kept connection.
"""

from __future__ import annotations

import http.client
import json
import statistics
import tempfile
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks import databases, servers
from benchmarks.payloads import CALL_ID, IN_REPLY, QUESTION
from benchmarks.report import Outcome, RunFailed, Size, Target, table
from rpcbridge.pbx import Emulated, discovered
from rpcbridge.pbx.scripted import PhoneSystem, Script
from rpcbridge.platforms import route
from rpcbridge.transport import Transport

MORE = 10.0  # milliseconds that a question may take longer than Voicenter's: nobody hears that
SIZE = Size(rounds=3, seconds=4.0)
QUICK = Size(rounds=1, seconds=0.5, quick=True)
VOICENTER, QUESTIONED = "GET_IVR_ACTION (Voicenter)", "getIvrCommand, the backend is asked"
_DOMAIN = "customer.example"
_SECTION = f'[mediaservice]\ndomain = "{_DOMAIN}"\n'
_PLAYED = "record_filename"

Times = dict[str, list[float]]


def run(size: Size, console: Console) -> Outcome:
    """Milliseconds of each request, for each database."""
    outcome = Outcome({})
    with databases.running() as server, tempfile.TemporaryDirectory(prefix="rpcbridge-bench-") as name:
        for kind in ("sqlite", "postgresql"):
            folder = Path(name) / kind
            folder.mkdir()
            times = _measured(folder, databases.fresh(kind, folder, server), size, outcome.notes)
            figures = {what: _figures(found) for what, found in times.items()}
            outcome.figures[kind] = figures
            more = figures[QUESTIONED]["p50"] - figures[VOICENTER]["p50"]
            outcome.targets.append(Target(f"a question beside Voicenter's, {kind}, median against median", more, MORE, at_least=False, unit=" ms more"))
            rows = [[what, *(f"{value:.2f}" for value in found.values())] for what, found in figures.items()]
            console.print(table(f"mediaservice: milliseconds a caller waits for the bridge, {kind}", ["", "p50", "p95", "max", "of"], rows))
    return outcome


def _measured(folder: Path, database: str, size: Size, notes: list[str]) -> Times:
    times: Times = defaultdict(list)
    with ExitStack() as stack:
        backend = stack.enter_context(servers.backend(folder))
        started = servers.rpcbridge(folder, backend.url, notes, debug=False, database=database, workers=1, more=_SECTION)
        port = stack.enter_context(started).port
        _Caller(port, defaultdict(list)).calls(1.0)  # threads and tables are made
        for _ in range(size.rounds):
            _Caller(port, times).calls(size.seconds)
            for name, emulated in discovered().items():
                _whole_calls(PhoneSystem(emulated, f"http://127.0.0.1:{port}/{route(name)}", Transport()), emulated, times, size.seconds / 4)
    return times


def _whole_calls(system: PhoneSystem, emulated: Emulated, times: Times, seconds: float) -> None:
    """Calls of two keys as an emulated phone system plays them, one after the other."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        started = time.perf_counter()
        turns = list(system.place(Script(("1", "1"), dialect=emulated.dialects[0])))
        times[f"a whole call of two keys ({emulated.name}, emulated)"].append((time.perf_counter() - started) * 1000)
        _right(turns[-1].usable, turns[-1])


def _figures(found: list[float]) -> dict[str, float]:
    ordered = sorted(found)
    return {"p50": statistics.median(ordered), "p95": ordered[int(len(ordered) * 0.95)], "max": ordered[-1], "of": len(ordered)}


class _Caller:
    """Calls one after the other, and a question of Voicenter's with each. Raises RunFailed for a reply that is not the backend's."""

    def __init__(self, port: int, times: Times) -> None:
        self._port, self._times = port, times

    def calls(self, seconds: float) -> None:
        """For so long."""
        end = time.monotonic() + seconds
        with self._connected() as connection:
            while time.monotonic() < end:
                self._call(connection, uuid.uuid4().hex)

    @contextmanager
    def _connected(self) -> Iterator[http.client.HTTPConnection]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        yield connection
        connection.close()

    def _call(self, connection: http.client.HTTPConnection, id: str) -> None:
        asked = self._timed(connection, VOICENTER, "/voicenter", QUESTION.replace(CALL_ID.encode(), id.encode()))
        _right(all(text in asked.decode() for text in IN_REPLY), asked)
        began = self._posted(connection, "newCall, the backend is asked", "newCall", sessionId=id, callingParty="0540000000", calledParty="0730000000")
        reference = began.get("sessionReferenceId")
        _right(began["action"] == "ivr" and reference, began)
        who = {"callerParticipantId": "person", "calleeParticipantId": "ivr", "connectionId": "c", "replyId": "r"}
        self._posted(connection, "callAnswered", "callAnswered", **who, sessionReferenceId=reference)
        self._played(connection, "getIvrCommand, what was kept", id, 1)
        for number in (2, 3):
            self._played(connection, QUESTIONED, id, number, dtmfParams={"dtmfMatch": "1", "reason": "maxDigits"})
        left = self._posted(connection, "callEvent", "callEvent", sessionId=id, event="callingPartyDrop", participantId="person", connectionId="c")
        _right(left["action"] == "drop", left)
        self._posted(connection, "sessionCompleted", "sessionCompleted", sessionId=id, domain=_DOMAIN)

    def _played(self, connection: http.client.HTTPConnection, what: str, id: str, number: int, **more: Any) -> None:
        said = self._posted(connection, what, "getIvrCommand", sessionId=id, replyId=f"command-{number}", **more)
        _right([phrase.get("fileName") for phrase in said["phrases"]] == [_PLAYED] and said["sessionId"] == id, said)

    def _posted(self, connection: http.client.HTTPConnection, what: str, callback: str, **body: Any) -> Any:
        return json.loads(self._timed(connection, what, f"/mediaservice/{callback}", json.dumps(body).encode()))

    def _timed(self, connection: http.client.HTTPConnection, what: str, path: str, body: bytes) -> bytes:
        started = time.perf_counter()
        connection.request("POST", path, body, {"Content-Type": "application/json" if body.startswith(b"{") else "text/xml"})
        reply = connection.getresponse()
        data = reply.read()
        self._times[what].append((time.perf_counter() - started) * 1000)
        _right(reply.status == 200, (path, reply.status))
        return data


def _right(holds: object, said: object) -> None:
    if not holds:
        raise RunFailed(f"not the backend's answer: {said!r}"[:300])
