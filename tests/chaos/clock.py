"""The wall clock is set while calls are under way: an hour on, an hour back. The monotonic clock goes on as ever.

Not by libfaketime: Debian's makes the monotonic waits of Python 3.11 fail or last (its issues 426 and 503).
"""

from __future__ import annotations

import shutil
import struct
import subprocess
import time
from pathlib import Path

from tests.chaos.backend import Came
from tests.chaos.row import Missing, Row, Size
from tests.chaos.world import world
from tests.support import databases

_HOUR = 3600
_DELIVERED = 15.0  # seconds; what was noted for an hour that is gone is put right every ten


def clock_steps(folder: Path, size: Size) -> Row:
    """Nothing is lost and nothing hangs; what was noted for the hour that is gone is delivered within seconds."""
    row = Row("clock set +1 h, then -1 h")
    clock = folder / "clock"
    _set(clock, 0)
    variables = {"LD_PRELOAD": str(_library(folder)), "WALL_CLOCK": str(clock)}
    late = []
    with world(folder, size) as here, here.bridge(databases.fresh("sqlite", folder), variables=variables) as bridge:
        here.backend.slowness = 0.05
        with here.callers(bridge) as callers:
            for _ in range(max(1, size.times // 2)):
                callers.reach(callers.answered + size.requests // 4)
                _set(clock, _HOUR)
                callers.reach(callers.answered + size.requests // 4)
                here.backend.mood = "5xx"  # what is to be tried again is noted in the hour that is taken back
                time.sleep(1.0)
                _set(clock, 0)
                here.backend.mood = "well"
                stepped = time.monotonic()
                callers.reach(callers.answered + size.requests // 4)
                late.append(stepped)
        here.judged(row, callers, backend_well=False)
        slowest = _last(here.backend.events) - late[-1]
        row.remarks.append(f"the last event {slowest:.1f} s after the step back")
        row.require(slowest < _DELIVERED * size.patience, f"an event came only {slowest:.1f} s after the step back")
        row.require(not row.refused, f"{row.refused} hang-ups were answered STATUS 1")
        row.require(not bridge.said("internal_error"), "internal errors were logged")
        row.require(_hours(here.backend.events) > 1, "the clock did not step")
        return row


def _library(folder: Path) -> Path:
    compiler, built = shutil.which("cc"), folder / "wall_clock.so"
    if compiler is None:
        raise Missing("a C compiler is missing, for a clock that can be set; install it with: sudo apt-get install gcc libc6-dev")
    source = Path(__file__).with_name("wall_clock.c")
    subprocess.run([compiler, "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", built, source], check=True)
    return built


def _set(clock: Path, seconds: int) -> None:
    with clock.open("r+b" if clock.exists() else "wb") as file:  # in place: it is mapped
        file.write(struct.pack("q", seconds))


def _last(events: dict[str, list[Came]]) -> float:
    return max(one.when for came in events.values() for one in came)


def _hours(events: dict[str, list[Came]]) -> int:
    return len({one.event["occurred_at"][:13] for came in events.values() for one in came})
