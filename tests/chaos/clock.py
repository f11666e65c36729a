"""The wall clock is set while calls are under way: an hour on, an hour back. The monotonic clock goes on as ever."""

from __future__ import annotations

import time
from pathlib import Path

from tests.chaos.row import Missing, Row, Size
from tests.chaos.world import world
from tests.support import databases

_HOUR = 3600
# Debian's libfaketime takes the sleep of Python 3.11 for one by the wall clock and lets it fail (its issue 426): this bridge waits otherwise.
_SLEEP = """
import select, time
time.sleep = lambda seconds: select.select([], [], [], max(0.0, seconds)) and None
"""


def _library() -> Path:
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        raise Missing("libfaketime is missing; install it with: sudo apt-get install libfaketime")
    return found[0]


def clock_steps(folder: Path, size: Size) -> Row:
    """Nothing is lost and nothing hangs; what was noted for the hour that is gone is delivered within seconds."""
    row = Row("clock set +1 h, then -1 h")
    clock = folder / "clock"
    _set(clock, 0)
    (folder / "sitecustomize.py").write_text(_SLEEP, "utf-8")
    variables = {
        "PYTHONPATH": str(folder),
        "LD_PRELOAD": str(_library()), "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1",
    }  # fmt: skip
    with world(folder, size) as here, here.bridge(databases.fresh("sqlite", folder), variables=variables) as bridge:
        here.backend.slowness = 0.05
        with here.callers(bridge) as callers:
            for step in (_HOUR, 0) * max(1, size.times // 2):
                callers.reach(callers.answered + size.requests // (2 * size.times + 1))
                _set(clock, step)
                if step:
                    time.sleep(1.0)
            callers.reach(callers.answered + size.requests // 3)
        stepped = time.monotonic()
        here.judged(row, callers, seconds=30 * size.patience)
        row.remarks.append(f"all delivered {max(_last(here.backend.events) - stepped, 0.0):.1f} s after the last call")
        row.require(bridge.said("internal_error") == 0, "internal errors were logged")
        row.require(_hours_apart(here.backend.events), "the clock did not step")
        return row


def _set(clock: Path, seconds: int) -> None:
    new = clock.with_suffix(".new")
    new.write_text(f"{seconds:+d}\n")
    new.replace(clock)


def _last(events: dict) -> float:
    return max(one.when for came in events.values() for one in came)


def _hours_apart(events: dict) -> bool:
    hours = {one.event["occurred_at"][:13] for came in events.values() for one in came}
    return len(hours) > 1
