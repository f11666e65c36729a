"""What the bridge needs is away for a while: the backend, or PostgreSQL. And 300 callers before a backend that hangs."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable
from pathlib import Path

from tests.chaos.bridges import Bridge
from tests.chaos.callers import FALLBACK, Callers, Try
from tests.chaos.loop import do
from tests.chaos.postgres import Postgres
from tests.chaos.row import Row, Size
from tests.chaos.world import World, world
from tests.support import databases

_PATIENCE = 0.05  # seconds a question may wait for the database


def backend_down(folder: Path, size: Size) -> Row:
    """Questions get the fallback, hang-ups are stored; everything is delivered once the backend is up."""
    row = Row("backend down, then up")
    deadline = size.seconds / 2  # shorter than the backend is away: questions are asked again while there is time
    with world(folder, size) as here, here.bridge(databases.fresh("sqlite", folder), deadline=deadline) as bridge:
        with here.callers(bridge) as callers:
            callers.reach(size.requests // 3)
            here.backend.down()
            time.sleep(size.seconds)
            here.backend.up()
            callers.reach(callers.answered + size.requests // 3)
        here.judged(row, callers, backend_well=False, seconds=60)
        row.require(any(tried.menu == FALLBACK for tried in callers.tries), "the backend was not down")
        row.require(not row.refused, f"{row.refused} hang-ups were answered STATUS 1")
        return row


def backend_flaps(folder: Path, size: Size) -> Row:
    """Every 300 ms something else: well, down, 5xx, resets, slow."""
    row = Row("backend flapping")
    with world(folder, size) as here, here.bridge(databases.fresh("sqlite", folder)) as bridge:
        with here.callers(bridge) as callers:
            end = time.monotonic() + 3 * size.seconds
            while time.monotonic() < end:
                for mood in ("5xx", "reset", "slow", "well"):
                    here.backend.mood = mood
                    time.sleep(0.3)
                    here.backend.down()
                    time.sleep(0.3)
                    here.backend.up()
        here.judged(row, callers, backend_well=False, seconds=60)
        row.require(not row.refused, f"{row.refused} hang-ups were answered STATUS 1")
        return row


def postgresql_stops(folder: Path, size: Size) -> Row:
    """Hang-ups get STATUS 1, questions go to the backend without what is known of the call; no restart is needed."""
    row = Row("PostgreSQL stopped and started")
    again = []
    with Postgres() as server, world(folder, size) as here, here.bridge(server.url) as bridge:
        workers = bridge.worker_pids()
        with here.callers(bridge) as callers:
            callers.reach(size.requests // 4)
            for mode in ("fast", "immediate"):
                _without(server, mode, size, here, callers, row)
                again.append(_storing_again(callers))
                callers.reach(callers.answered + size.requests // 4)
        row.require(bridge.worker_pids() == workers, "workers were changed")
        row.require(bridge.said("outbox_failing") >= 2, "nothing was logged")
        row.require(row.refused == 0 or bridge.said("outbox_works_again") >= 2, "the end was not logged")
        row.remarks.append(f"STATUS 0 again {max(again):.1f} s after the start at the latest")
        here.judged(row, callers)
        row.require(row.refused, "no hang-up was answered STATUS 1: PostgreSQL was not down")
        return row


def _without(server: Postgres, mode: str, size: Size, here: World, callers: Callers, row: Row) -> None:
    """Stop it, see how callers fare, start it."""
    before = _questions(callers.tries)
    server.stop(mode)
    asked, begun = len(here.backend.questions), len(callers.tries)
    time.sleep(size.seconds)
    during = callers.tries[begun + callers.count :]  # what was under way at the stop is not counted
    knowing = [question for question in here.backend.questions[asked + callers.count :] if {"turn", "state"} & set(question)]
    extra = statistics.median(_questions(during)) - statistics.median(before)
    row.require(not knowing, f"{len(knowing)} questions with a turn or state, without a database (-m {mode})")
    row.require(extra < _PATIENCE * size.patience, f"without PostgreSQL (-m {mode}) questions took {extra * 1000:.0f} ms longer")
    row.require(not any(tried.hangup and tried.status == 0 for tried in during), "STATUS 0 without a database")
    row.remarks.append(f"-m {mode}: questions {extra * 1000:+.0f} ms")
    server.start()


def _questions(tries: Iterable[Try]) -> list[float]:
    return [tried.seconds for tried in list(tries) if tried.hangup is None and tried.answer is not None]


def _storing_again(callers: Callers) -> float:
    """Seconds until a hang-up is answered STATUS 0."""
    begun, known = time.monotonic(), len(callers.tries)
    while not any(tried.status == 0 and tried.hangup for tried in callers.tries[known:]):
        assert time.monotonic() < begun + 20, "no hang-up is stored 20 s after PostgreSQL was started"
        time.sleep(0.02)
    return time.monotonic() - begun


def hung(folder: Path, size: Size) -> Row:
    """300 at once, each before a backend that takes the request and says nothing: every one hears the fallback in time."""
    row = Row("300 hung backends at once")
    deadline = size.deadline / 2
    with world(folder, size) as here, here.bridge(databases.fresh("sqlite", folder), deadline=deadline, debug=False) as bridge:
        _warm(here, bridge)
        here.backend.mood = "hung"
        callers = here.callers(bridge, count=300, enough=1)
        for _ in range(size.times):
            do(here.loop, callers.all_ask())
        slowest = max(tried.seconds for tried in callers.tries)
        row.require(all(tried.menu == FALLBACK for tried in callers.tries), "not every caller heard the fallback")
        row.require(slowest < deadline + 0.2 * size.patience, f"p100 is {slowest:.3f} s with a deadline of {deadline:g} s")
        row.remarks.append(f"deadline {deadline:g} s, p100 {(slowest - deadline) * 1000:+.0f} ms")
        return here.judged(row, callers, backend_well=False)


def _warm(here: World, bridge: Bridge) -> None:
    """A bridge that was started just now: its first requests make its threads."""
    warming = here.callers(bridge, count=100, enough=1)
    for _ in range(2):
        do(here.loop, warming.all_ask())
