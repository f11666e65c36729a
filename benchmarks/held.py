"""Many calls held at once, against a backend that takes its time: straight at the backend, and through rpcbridge.

What a held call costs shows only where hundreds wait together, each in a thread of its own.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks import servers
from benchmarks.load import Load, drive
from benchmarks.payloads import IN_ACTION, IN_REPLY
from benchmarks.report import Outcome, RunFailed, Size, Target, table
from benchmarks.servers import Server

SHARE = 0.95  # of the rate straight at the backend
SIZE = Size(rounds=3, seconds=14)  # two seconds are left out of the rate, see Load.held_rate
QUICK = Size(rounds=1, seconds=5, quick=True)
HELD, QUICK_HELD = (256, 512), (64,)
DELAY = 1.0
WARM_UP = 3  # seconds

Rounds = list[dict[str, float]]


def run(size: Size, console: Console) -> Outcome:
    """The rate both ways, for each number of calls held at once."""
    outcome = Outcome({"delay": DELAY})
    if size.seconds < 4 * DELAY:
        raise RunFailed(f"held needs rounds of at least {4 * DELAY:g} s")
    with tempfile.TemporaryDirectory(prefix="rpcbridge-bench-") as name:
        folder = Path(name)
        with (
            servers.backend(folder, DELAY) as backend,
            servers.rpcbridge(folder, backend.url, outcome.notes, debug=size.debug) as bridge,
        ):
            for held in QUICK_HELD if size.quick else HELD:
                outcome.figures[str(held)] = _measured(held, backend, bridge, size)
    _show(outcome, console)
    return outcome


def _measured(held: int, backend: Server, bridge: Server, size: Size) -> dict[str, Any]:
    """Rounds in turn: straight at the backend, through rpcbridge."""
    ways = {
        "straight": (f"{backend.url}/ivr/action", IN_ACTION),
        "rpcbridge": (f"{bridge.url}/voicenter", IN_REPLY),
    }
    rounds: dict[str, Rounds] = {way: [] for way in ways}
    for url, wanted in ways.values():
        drive(url, wanted, connections=held, seconds=WARM_UP)
    for _ in range(size.rounds):
        for way, (url, wanted) in ways.items():
            rounds[way].append(_figures(drive(url, wanted, connections=held, seconds=size.seconds)))
    best = {way: max(one["rate"] for one in done) for way, done in rounds.items()}
    return {"rounds": rounds, "ratio_of_bests": best["rpcbridge"] / best["straight"]}


def _figures(load: Load) -> dict[str, float]:
    return {
        "rate": load.held_rate,
        "rate_of_the_whole_run": load.rate,
        "requests": load.requests,
        "p50_ms": load.p50_ms,
        "p99_ms": load.p99_ms,
        "max_ms": load.max_ms,
    }


def _show(outcome: Outcome, console: Console) -> None:
    rows = []
    for held, found in outcome.figures.items():
        if held == "delay":
            continue
        ratio = found["ratio_of_bests"]
        rows += [[f"{held} calls, {way}", *_cells(done), ""] for way, done in found["rounds"].items()]
        rows[-1][-1] = f"{ratio:.3f} >= {SHARE}"
        outcome.targets.append(Target(f"{held} calls held at once, rate in the backend's own", ratio, SHARE))
    columns = ["best / median of the rounds", "requests/s", "p50 ms", "p99 ms", "longest ms", "ratio, target"]
    console.print(table(f"calls held for {DELAY:g} s by the backend", columns, rows))


def _cells(done: Rounds) -> list[str]:
    def cell(figure: str, best: Any) -> str:
        values = [one[figure] for one in done]
        return f"{best(values):.0f} / {statistics.median(values):.0f}"

    return [cell("rate", max), cell("p50_ms", min), cell("p99_ms", min), cell("max_ms", min)]
