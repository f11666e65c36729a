"""What recording costs: one bridge with its debug pages, one without, everything else alike, one worker each.

Both run at the same time and are asked in turns. How many exchanges were recorded is counted in the database.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rich.console import Console
from sqlalchemy import text

from benchmarks import databases, servers
from benchmarks.load import drive
from benchmarks.payloads import IN_REPLY
from benchmarks.report import Outcome, RunFailed, Size, Target, table
from benchmarks.servers import Server
from rpcbridge import db

RATIO = 0.9  # of the requests a second, with capture in those without
CONNECTIONS = 16
WARM_UP = 3  # seconds, once for each
SIZE = Size(rounds=8, seconds=4)
QUICK = Size(rounds=2, seconds=1, quick=True)

Rounds = dict[str, list[dict[str, float]]]


def run(size: Size, console: Console) -> Outcome:
    """Requests a second and CPU a request with and without, and what was recorded; on SQLite and PostgreSQL."""
    outcome, lines = Outcome({"connections": CONNECTIONS}), []
    with databases.running() as server, tempfile.TemporaryDirectory(prefix="rpcbridge-bench-") as name:
        for kind in ("sqlite", "postgresql"):
            found = _measured(kind, lambda kind=kind: databases.fresh(kind, Path(name), server), Path(name) / kind, size, console)
            outcome.figures[kind] = found
            outcome.targets += _targets(kind, found)
            lines += [[f"{kind}, capture {which}", *_cells(found["rounds"][which])] for which in found["rounds"]]
    columns = ["best / median of the rounds", "requests/s", "p50 ms", "p99 ms", "CPU µs a request"]
    console.print(table(f"capture, 1 worker, {CONNECTIONS} connections", columns, lines))
    _show(console, outcome.figures)
    return outcome


def _measured(kind: str, fresh: Callable[[], str], folder: Path, size: Size, console: Console) -> dict[str, Any]:
    url = fresh()
    with ExitStack() as stack:
        backend = stack.enter_context(servers.backend(_made(folder / "backend")))
        bridges = {
            which: stack.enter_context(
                servers.rpcbridge(_made(folder / which), backend.url, [], debug=which == "on", database=url if which == "on" else fresh(), workers=1)
            )
            for which in ("off", "on")
        }
        asked = sum(_warmed(bridge, size, which == "on") for which, bridge in bridges.items())
        rounds: Rounds = {which: [] for which in bridges}
        for number in range(size.rounds):
            for which in ("off", "on") if number % 2 else ("on", "off"):
                rounds[which].append(_round(bridges[which], size.seconds))
            rates = ", ".join(f"{which} {done[-1]['rate']:.0f}, {done[-1]['cpu_us']:.0f} µs" for which, done in rounds.items())
            console.print(f"[dim]{kind}, round {number + 1} of {size.rounds}, requests a second: {rates}[/]")
    asked += sum(int(done["requests"]) for done in rounds["on"])
    return {"rounds": rounds, "ratios": _ratios(rounds), "exchanges": _exchanges(url, asked)}


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def _warmed(bridge: Server, size: Size, counts: bool) -> int:
    load = drive(f"{bridge.url}/voicenter", IN_REPLY, connections=CONNECTIONS, seconds=1 if size.quick else WARM_UP)
    return load.requests if counts else 0


def _round(bridge: Server, seconds: float) -> dict[str, float]:
    before, of_worker = bridge.settled(), bridge.cpu_of_workers()
    load = drive(f"{bridge.url}/voicenter", IN_REPLY, connections=CONNECTIONS, seconds=seconds)
    cpu = bridge.settled() - before  # also what is recorded behind the last reply's back
    of_worker = bridge.cpu_of_workers() - of_worker
    return {
        "requests": load.requests, "rate": load.rate, "p50_ms": load.p50_ms, "p99_ms": load.p99_ms,
        "cpu_us": cpu / load.requests * 1e6, "worker_us": of_worker / load.requests * 1e6,
    }  # fmt: skip


def _exchanges(url: str, asked: int) -> dict[str, int]:
    """Of all requests that were asked: how many are, or were, in the table, and how many it says were dropped."""
    engine = db.opened(url, patience=30)
    for _ in range(20):  # wrk ends with some requests under way, which it does not count and the bridge records
        with db.reading(engine) as connection:
            recorded = int(connection.execute(text("SELECT coalesce(max(seq), 0) FROM exchanges")).scalar_one())
            dropped = int(connection.execute(text("SELECT coalesce(sum(count), 0) FROM exchanges_dropped")).scalar_one())
        if recorded + dropped >= asked:
            break
        time.sleep(0.25)  # the recorder writes as often
    engine.dispose()
    if recorded + dropped < asked:
        raise RunFailed(f"{asked} requests, but {recorded} recorded and {dropped} told as dropped")
    return {"asked": asked, "recorded": recorded, "dropped": dropped}


def _ratios(rounds: Rounds) -> dict[str, float]:
    """With capture in without; of the pairs, in which both were asked one after the other, the median."""
    on, off = rounds["on"], rounds["off"]
    return {
        "rate_best": max(_all(on, "rate")) / max(_all(off, "rate")),
        "rate_median": statistics.median(_all(on, "rate")) / statistics.median(_all(off, "rate")),
        "rate_pairs": statistics.median(a["rate"] / b["rate"] for a, b in zip(on, off, strict=True)),
        "cpu_us_best": min(_all(on, "cpu_us")) - min(_all(off, "cpu_us")),
        "cpu_us_median": statistics.median(_all(on, "cpu_us")) - statistics.median(_all(off, "cpu_us")),
        "worker_us_median": statistics.median(_all(on, "worker_us")) - statistics.median(_all(off, "worker_us")),
    }


def _targets(kind: str, found: dict[str, Any]) -> list[Target]:
    dropped = found["exchanges"]["dropped"] / max(1, found["exchanges"]["asked"])
    return [
        Target(f"{kind}: requests a second with capture beside without, best against best", found["ratios"]["rate_best"], RATIO),
        Target(f"{kind}: exchanges that were not recorded", dropped, 0.0, False, ""),
    ]


def _all(rounds: list[dict[str, float]], figure: str) -> list[float]:
    return [one[figure] for one in rounds]


def _show(console: Console, figures: dict[str, Any]) -> None:
    columns = ["with capture\nin without", "requests/s\nbests", "requests/s\nmedians", "requests/s\npairs", "CPU µs more\nbests", "CPU µs more\nmedians", "in the worker\nmedians"]
    rows = []
    for kind in ("sqlite", "postgresql"):
        ratios, counts = figures[kind]["ratios"], figures[kind]["exchanges"]
        cells = [f"{ratios[name]:.3f}x" for name in ("rate_best", "rate_median", "rate_pairs")]
        rows.append([kind, *cells, *(f"{ratios[name]:.0f}" for name in ("cpu_us_best", "cpu_us_median", "worker_us_median"))])
        console.print(f"{kind}: of {counts['asked']:,} requests {counts['recorded']:,} recorded, {counts['dropped']:,} dropped")
    console.print(table("what recording costs", columns, rows))


def _cells(done: list[dict[str, float]]) -> list[str]:
    def cell(figure: str, best: Any, digits: int) -> str:
        values = _all(done, figure)
        return f"{best(values):.{digits}f} / {statistics.median(values):.{digits}f}"

    return [cell("rate", max, 0), cell("p50_ms", min, 1), cell("p99_ms", min, 1), cell("cpu_us", min, 0)]
