"""kill -9: of a worker, of the master, of a whole bridge among several; and the reload, which must kill nothing."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from pathlib import Path

from tests.chaos.bridges import Bridge, ended
from tests.chaos.callers import Callers, Try
from tests.chaos.row import Row, Size
from tests.chaos.world import World, world
from tests.support import databases
from tests.support.bridge import awaited

_PARALLEL = 8  # events.parallel: what one process delivers at once
_WORKERS = 2
_ORPHANED = 6.0  # seconds; an orphan notices within one, and keeps idle connections open for two more


def worker_killed(folder: Path, size: Size, kind: str) -> Row:
    """The master starts another; what the dead one was delivering is taken over when its lease ends."""
    row = Row(f"kill -9 of a worker, {kind}")
    with world(folder, size) as here, here.bridge(databases.fresh(kind, folder)) as bridge:
        here.backend.slowness = 0.02  # so that there is something in flight
        with here.callers(bridge) as callers:
            for turn in range(size.times):
                callers.reach((turn + 1) * size.requests // (size.times + 1))
                begun = time.monotonic()
                dead = bridge.kill_worker()
                callers.breaking.append((begun, time.monotonic() + 0.05))
                awaited(lambda dead=dead: dead not in bridge.worker_pids() and len(bridge.worker_pids()) == _WORKERS, 20)
            callers.reach(size.requests)
        return here.judged(row, callers)


def master_killed(folder: Path, size: Size, kind: str) -> Row:
    """Its workers notice, finish and go; the new master has the port as soon as they have let go of it."""
    row = Row(f"kill -9 of the master, {kind}")
    held, away = [], []
    with world(folder, size) as here, here.bridge(databases.fresh(kind, folder)) as bridge:
        here.backend.slowness = 0.02
        with here.callers(bridge) as callers:
            for turn in range(max(1, size.times // 2)):
                callers.reach((turn + 1) * size.requests // (size.times + 1))
                begun = time.monotonic()
                orphans = bridge.kill_master()
                bridge.start()
                awaited(lambda orphans=orphans: all(ended(pid) for pid in orphans), 30)
                held.append(time.monotonic() - begun)
                bridge.serves()
                away.append(time.monotonic() - begun)
                callers.breaking.append((begun, time.monotonic()))
            callers.reach(size.requests)
        row.remarks.append(f"old workers gone after {max(held):.1f} s, serving again after {max(away):.1f} s at the latest")
        row.require(max(held) < _ORPHANED, f"orphaned workers held the port for {max(held):.1f} s")
        return here.judged(row, callers)


def several_machines(folder: Path, size: Size) -> Row:
    """Three bridges on one PostgreSQL, one of them gone at once in the middle of the hang-ups."""
    row = Row("three bridges on one PostgreSQL, one killed")
    with world(folder, size) as here, ExitStack() as stack:
        url = databases.fresh("postgresql", folder)
        here.backend.slowness = 0.05
        one, two, three = [stack.enter_context(here.bridge(url, f"bridge-{n}", lease=2.0)) for n in (1, 2, 3)]
        with here.callers(one, two, three, pause=0.02, enough=size.hangups) as callers:
            awaited(lambda: callers.hung_up > size.hangups // 2, 60)
            begun = time.monotonic()
            two.kill_all()
            callers.breaking.append((begun, time.monotonic() + 0.05))
            callers.ports = [one.port, three.port]
            callers.finish()
        here.judged(row, callers, lease=2.0)
        row.remarks.append(f"{callers.hung_up} hang-ups")
        _shared(row, here, callers, one)
        twice = [came for came in here.backend.events.values() if len({one.event["event_id"] for one in came}) < len(came)]
        early = [came for came in twice if not begun - 2.0 * size.patience < came[0].when < begun + 1.0]
        row.require(len(twice) <= _WORKERS * _PARALLEL, f"{len(twice)} calls delivered twice: more than were in flight")
        row.require(not early, f"{len(early)} delivered twice that were not in flight at the kill")
        taken = [max(one.when for one in came) - begun for came in twice]
        if taken:
            row.remarks.append(f"taken over {max(taken):.1f} s after the kill at the latest, the lease is 2 s")
        return row


def _shared(row: Row, here: World, callers: Callers, one: Bridge) -> None:
    """Calls that more than one bridge served: their state was known at the end, and any bridge shows all of their requests."""
    calls: dict[str, list[Try]] = {}
    for tried in callers.tries:
        calls.setdefault(tried.call_id, []).append(tried)
    moved = {call_id: tries for call_id, tries in calls.items() if len({tried.port for tried in tries}) > 1}
    whole = [call_id for call_id, tries in moved.items() if tries[0].hangup is None and {tried.port for tried in tries} <= set(callers.ports)]
    row.require(whole, "no call went from one bridge to another")
    knowing = [call_id for call_id in whole if here.backend.events[call_id][0].event["state"] == {"of": call_id}]
    row.require(len(knowing) > 0.9 * len(whole), f"of {len(whole)} calls that moved only {len(knowing)} had their state")
    for call_id in whole[-5:]:
        shown = json.loads(one.page(f"/debug/exchanges?call_id={call_id}"))["exchanges"]
        row.require(len(shown) >= len(calls[call_id]), f"{len(shown)} of {len(calls[call_id])} requests of a call are shown")
    row.remarks.append(f"{len(moved)} calls served by several bridges")


def reloaded(folder: Path, size: Size, kind: str) -> Row:
    """SIGHUP again and again: not one connection is refused or reset."""
    row = Row(f"graceful restart, {kind}")
    with world(folder, size) as here, here.bridge(databases.fresh(kind, folder)) as bridge:
        here.backend.slowness = 0.1
        with here.callers(bridge) as callers:
            for turn in range(size.times):
                callers.reach((turn + 1) * size.requests // (size.times + 1))
                bridge.reload()
            callers.reach(size.requests)
        row.remarks.append(f"{size.times} times SIGHUP")
        here.judged(row, callers)
        row.require(not row.refused, f"{row.refused} hang-ups were answered STATUS 1")
        return row
