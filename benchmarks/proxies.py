"""End to end under gunicorn: rpcbridge, a bare proxy and a bridge written by hand, each with the same options.

All three run at the same time, and one of them at a time is asked, in an order that turns with every round.
"""

from __future__ import annotations

import statistics
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks import servers
from benchmarks.load import drive
from benchmarks.payloads import IN_REPLY
from benchmarks.report import Outcome, Size, Target, table
from benchmarks.servers import Server

BARE, HAND_WRITTEN = 0.8, 1.6  # rpcbridge's requests a second, in theirs
CONNECTIONS = 16
WARM_UP = 3  # seconds, once for each
SIZE = Size(rounds=10, seconds=4)
QUICK = Size(rounds=2, seconds=1, quick=True)

Rounds = list[dict[str, float]]


def run(size: Size, console: Console) -> Outcome:
    """Requests a second, latency and CPU a request of all three."""
    outcome = Outcome({})
    with tempfile.TemporaryDirectory(prefix="rpcbridge-bench-") as name, ExitStack() as stack:
        contenders = _start(Path(name), size, outcome.notes, stack)
        for one in contenders:
            drive(f"{one.url}/voicenter", IN_REPLY, connections=CONNECTIONS, seconds=1 if size.quick else WARM_UP)
        rounds = _interleaved(contenders, size, console)
    outcome.figures = {"connections": CONNECTIONS, "rounds": rounds, "ratios": _ratios(rounds)}
    outcome.targets = _targets(outcome.figures["ratios"])
    _show(console, rounds, outcome.figures["ratios"])
    return outcome


def _start(folder: Path, size: Size, notes: list[str], stack: ExitStack) -> list[Server]:
    backend = stack.enter_context(servers.backend(folder))
    return [
        stack.enter_context(servers.rpcbridge(folder, backend.url, notes, debug=size.debug)),
        stack.enter_context(servers.contender("bare", f"benchmarks.bare_proxy:create('{backend.url}')", folder)),
        stack.enter_context(servers.contender("hand-written", f"benchmarks.hand_written:create('{backend.url}')", folder)),
    ]


def _interleaved(contenders: list[Server], size: Size, console: Console) -> dict[str, Rounds]:
    rounds: dict[str, Rounds] = {one.name: [] for one in contenders}
    for number in range(size.rounds):
        turned = number % len(contenders)
        for one in contenders[turned:] + contenders[:turned]:
            rounds[one.name].append(_round(one, size.seconds))
        rates = ", ".join(f"{name} {done[-1]['rate']:.0f}" for name, done in rounds.items())
        console.print(f"[dim]round {number + 1} of {size.rounds}, requests a second: {rates}[/]")
    return rounds


def _round(one: Server, seconds: float) -> dict[str, float]:
    before = one.settled()
    load = drive(f"{one.url}/voicenter", IN_REPLY, connections=CONNECTIONS, seconds=seconds)
    cpu = one.settled() - before
    return {
        "requests": load.requests,
        "rate": load.rate,
        "p50_ms": load.p50_ms,
        "p99_ms": load.p99_ms,
        "cpu_us": cpu / load.requests * 1e6,
    }


def _ratios(rounds: dict[str, Rounds]) -> dict[str, dict[str, float]]:
    return {other: _compared(rounds["rpcbridge"], rounds[other]) for other in rounds if other != "rpcbridge"}


def _compared(ours: Rounds, theirs: Rounds) -> dict[str, float]:
    return {
        "rate_best": max(_all(ours, "rate")) / max(_all(theirs, "rate")),
        "rate_median": statistics.median(_all(ours, "rate")) / statistics.median(_all(theirs, "rate")),
        "cpu_best": min(_all(ours, "cpu_us")) / min(_all(theirs, "cpu_us")),
        "cpu_median": statistics.median(_all(ours, "cpu_us")) / statistics.median(_all(theirs, "cpu_us")),
    }


def _targets(ratios: dict[str, dict[str, float]]) -> list[Target]:
    bounds = {"bare": BARE, "hand-written": HAND_WRITTEN}
    return [
        Target(f"requests a second beside {name}, best against best", ratios[name]["rate_best"], bound)
        for name, bound in bounds.items()
    ]


def _all(rounds: Rounds, figure: str) -> list[float]:
    return [one[figure] for one in rounds]


def _show(console: Console, rounds: dict[str, Rounds], ratios: dict[str, dict[str, float]]) -> None:
    columns = ["best / median of the rounds", "requests/s", "p50 ms", "p99 ms", "CPU µs a request"]
    rows = [[name, *_cells(done)] for name, done in rounds.items()]
    console.print(table(f"end to end, {CONNECTIONS} connections", columns, rows))
    columns = ["rpcbridge in theirs", "requests/s\nbests", "requests/s\nmedians", "CPU\nbests", "CPU\nmedians", "target"]
    bounds = {"bare": BARE, "hand-written": HAND_WRITTEN}
    rows = [[name, *(f"{value:.2f}x" for value in found.values()), f">= {bounds[name]:g}x"] for name, found in ratios.items()]
    console.print(table("rpcbridge beside the others (of CPU, less is better)", columns, rows))


def _cells(done: Rounds) -> list[str]:
    def cell(figure: str, best: Any, digits: int) -> str:
        values = _all(done, figure)
        return f"{best(values):.{digits}f} / {statistics.median(values):.{digits}f}"

    return [cell("rate", max, 0), cell("p50_ms", min, 1), cell("p99_ms", min, 1), cell("cpu_us", min, 0)]
