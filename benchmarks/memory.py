"""What rpcbridge keeps: memory after 10,000 and after 100,000 requests, and after 1,000 bodies of made-up tags.

Growth is judged by RSS, summed over the workers and the processes that record beside them. PSS and USS are shown as well, and say better what
a worker costs; but they also move when a page that was shared with the master is written to, or
when another program that uses the same library starts or ends.
"""

from __future__ import annotations

import http.client
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks import servers
from benchmarks.load import drive
from benchmarks.payloads import IN_REPLY
from benchmarks.report import Outcome, RunFailed, Size, Target, table
from benchmarks.servers import Memory, Server

GROWTH = 5.0  # MiB, all workers and what records beside them
SIZE = Size(rounds=1, seconds=5)  # seconds of each stretch of load
QUICK = Size(rounds=1, seconds=1, quick=True)
REQUESTS, QUICK_REQUESTS = (10_000, 100_000), (1_000, 3_000)
BODIES, QUICK_BODIES = (100, 1_000), (20, 50)  # to warm up, and to measure
TAGS = 2000  # in a body, each with a name that was never seen before

# The first stretches have more connections than the rest: each worker then has as many threads as
# it will need, and what grows afterwards is not their number.
CONNECTIONS_FIRST, CONNECTIONS = 64, 16
BODY_CONNECTIONS = 8

Reading = list[Memory]


def run(size: Size, console: Console) -> Outcome:
    """The readings of each worker, and the growth of all of them."""
    outcome = Outcome({})
    readings: dict[str, Reading] = {}
    bodies = QUICK_BODIES if size.quick else BODIES
    with tempfile.TemporaryDirectory(prefix="rpcbridge-bench-") as name:
        folder = Path(name)
        with servers.backend(folder) as backend, servers.rpcbridge(folder, backend.url, outcome.notes, debug=size.debug) as bridge:
            grown = {
                "requests": _by_requests(bridge, QUICK_REQUESTS if size.quick else REQUESTS, size.seconds, readings),
                f"{bodies[1]:,} bodies of unique tags": _by_bodies(bridge, *bodies, readings),
            }
    outcome.targets = [Target(f"growth by {what}, all together", growth, GROWTH, False, " MiB") for what, growth in grown.items()]
    outcome.figures = {"growth_mib": grown, "readings": {when: [asdict(one) for one in found] for when, found in readings.items()}}
    _show(console, readings)
    return outcome


def _by_requests(bridge: Server, marks: tuple[int, int], seconds: float, readings: dict[str, Reading]) -> float:
    """MiB between the first mark and the second."""
    done, taken = 0, []
    for mark, connections in zip(marks, (CONNECTIONS_FIRST, CONNECTIONS), strict=True):
        while done < mark:
            done += drive(f"{bridge.url}/voicenter", IN_REPLY, connections=connections, seconds=seconds).requests
        taken.append(_read(bridge, f"after {done:,} requests", readings))
    return _rss(taken[1]) - _rss(taken[0])


def _by_bodies(bridge: Server, warm_up: int, measured: int, readings: dict[str, Reading]) -> float:
    """MiB by bodies that are refused, after a few that bring the buffers to their size."""
    with _connections(bridge) as connections:
        _post(connections, warm_up)
        before = _read(bridge, f"and {warm_up:,} bodies of unique tags", readings)
        _post(connections, measured)
        after = _read(bridge, f"and {measured:,} more", readings)
    return _rss(after) - _rss(before)


@contextmanager
def _connections(bridge: Server) -> Iterator[list[http.client.HTTPConnection]]:
    """Several, so that each worker gets its share of the bodies."""
    with ExitStack() as stack:
        made = [http.client.HTTPConnection("127.0.0.1", bridge.port, timeout=30) for _ in range(BODY_CONNECTIONS)]
        for connection in made:
            stack.callback(connection.close)
        yield made


def _post(connections: list[http.client.HTTPConnection], bodies: int) -> None:
    """POST so many bodies; each must be refused with HTTP 200 and a fault."""
    for number in range(bodies):
        connection = connections[number % len(connections)]
        connection.request("POST", "/voicenter", unique_tags(), {"Content-Type": "text/xml"})
        reply = connection.getresponse()
        body = reply.read()
        if reply.status != 200 or b"<fault>" not in body:
            raise RunFailed(f"a body of unique tags was answered with HTTP {reply.status}: {body[:300]!r}")


def unique_tags(count: int = TAGS) -> bytes:
    """A methodCall of about 60 KB, whose elements have names that nobody ever used."""
    mine = secrets.token_hex(6)
    elements = "".join(f"<t{mine}{number:x}>1</t{mine}{number:x}>" for number in range(count))
    return f"<?xml version='1.0'?><methodCall>{elements}</methodCall>".encode()


def _read(bridge: Server, when: str, readings: dict[str, Reading]) -> Reading:
    bridge.settled()
    readings[when] = bridge.memory()
    return readings[when]


def _rss(reading: Reading) -> float:
    return sum(one.rss for one in reading)


def _show(console: Console, readings: dict[str, Reading]) -> None:
    rows = []
    for when, reading in readings.items():
        rows += [[f"{when}, {one.of}", *_cells([one])] for one in reading]
        rows.append(["  all together", *_cells(reading)])
    console.print(table("memory, MiB", ["", "RSS", "PSS", "USS", "threads"], rows))


def _cells(found: Reading) -> list[str]:
    figures: dict[str, Any] = {name: sum(getattr(one, name) for one in found) for name in ("rss", "pss", "uss")}
    return [*(f"{value:.1f}" for value in figures.values()), str(sum(one.threads for one in found))]
