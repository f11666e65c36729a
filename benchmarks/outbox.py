"""Storing events: the outbox beside one INSERT and one commit for each event, on the same database.

Both write the same row into the same table, durably, for 64 clients that each wait for their event to be on disk.
"""

from __future__ import annotations

import multiprocessing
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks import databases
from benchmarks.report import Outcome, RunFailed, Size, Target, table
from rpcbridge import calls, db
from rpcbridge.outbox import Notice, Outbox, Store
from rpcbridge.outbox.notice import as_text

RATIO = 2.0
CLIENTS = 64
SIZE = Size(rounds=3, seconds=4.0)
QUICK = Size(rounds=1, seconds=0.5, quick=True)

Put = Callable[[Notice], None]
_SPAWNED = multiprocessing.get_context("spawn")


def run(size: Size, console: Console) -> Outcome:
    """Events a second, for each database and 1 and 4 processes."""
    outcome, rows = Outcome({}), []
    with databases.running() as server, tempfile.TemporaryDirectory(prefix="rpcbridge-bench-") as folder:
        for kind in ("sqlite", "postgresql"):
            for workers in (1, 4):
                name = f"{kind}, {workers} worker{'s' * (workers > 1)}"
                rates = _rounds(lambda kind=kind: databases.fresh(kind, Path(folder), server), workers, size)
                figures = {who: {"best": max(r), "median": statistics.median(r), "rounds": r} for who, r in rates.items()}
                ratio = figures["outbox"]["best"] / figures["single"]["best"]
                outcome.figures[name] = figures | {"ratio_of_bests": ratio}
                outcome.targets.append(Target(f"durable events, {name}, best against best", ratio, RATIO))
                rows.append([name, *(f"{figures[who][what]:.0f}" for who in ("outbox", "single") for what in ("best", "median")), f"{ratio:.2f}x"])
    columns = ["events a second", "outbox\nbest", "outbox\nmedian", "single\nbest", "single\nmedian", "ratio of\nbests"]
    console.print(table(f"outbox: {CLIENTS} clients, each waiting until its event is on disk", columns, rows))
    return outcome


def _rounds(fresh: Callable[[], str], workers: int, size: Size) -> dict[str, list[float]]:
    rates: dict[str, list[float]] = {"outbox": [], "single": []}
    for _ in range(size.rounds):
        for who, found in rates.items():
            found.append(_round(fresh(), who, workers, size.seconds))
    return rates


def _round(url: str, who: str, workers: int, seconds: float) -> float:
    """Events a second of all processes; the table must hold exactly as many."""
    with _store(url) as store:
        store.prepare()
        barrier, counts = _SPAWNED.Barrier(workers), _SPAWNED.Queue()
        processes = [
            _SPAWNED.Process(target=_worker, args=(url, who, CLIENTS // workers, seconds, number, barrier, counts)) for number in range(workers)
        ]
        for process in processes:
            process.start()
        done = [counts.get(timeout=seconds + 60) for _ in processes]
        for process in processes:
            process.join()
        stored, failed = store.counts()["pending"], sum(count[1] for count in done)
    if failed or stored != sum(count[0] for count in done):
        raise RunFailed(f"{who}: {sum(count[0] for count in done)} said to be stored, {stored} found, {failed} failed")
    return stored / seconds


def _worker(url: str, who: str, clients: int, seconds: float, number: int, barrier: Any, counts: Any) -> None:
    """One process: `clients` threads that put one event after the other."""
    with _store(url) as store:
        outbox = Outbox(store)
        done, failed = [0] * clients, [0] * clients
        started = threading.Barrier(clients + 1)

        def client(place: int) -> None:
            with _putting(who, outbox, store) as put:
                started.wait()
                done[place], failed[place] = _put_for(seconds, put, f"{number}.{place}")

        threads = [threading.Thread(target=client, args=(place,)) for place in range(clients)]
        for thread in threads:
            thread.start()
        barrier.wait(60)
        started.wait()
        for thread in threads:
            thread.join()
        outbox.close()
    counts.put((sum(done), sum(failed)))


def _put_for(seconds: float, put: Put, name: str) -> tuple[int, int]:
    """How many events were put one after the other, and whether one failed."""
    end, number = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        try:
            put(_notice(f"{name}.{number}"))
        except Exception:
            return number, 1
        number += 1
    return number, 0


@contextmanager
def _putting(who: str, outbox: Outbox, store: Store) -> Iterator[Put]:
    """How one client has an event stored."""
    if who == "outbox":
        yield lambda notice: outbox.put(notice, 30.0) and None
        return
    connection = store.engine.raw_connection()
    yield _single(connection, store)
    connection.close()


def _single(connection: Any, store: Store) -> Put:
    """One INSERT, one commit, straight through the driver."""
    mark = "?" if store.engine.dialect.name == "sqlite" else "%s"
    statement = (
        "INSERT INTO outbox (event_id, same_as, event, platform, call_key, call_id, payload, traceparent, status, attempts, problem, "
        f"owner, ready_at, noted_at, stored_at) VALUES ({', '.join([mark] * 15)})"
    )

    def put(notice: Notice) -> None:
        content, now = notice.content, int(time.time() * 1000)
        row = (content["event_id"], notice.same_as, content["event"], content["platform"], notice.call_key, content["call_id"])
        cursor = connection.cursor()
        cursor.execute(statement, (*row, as_text(content), notice.traceparent, "pending", 0, "", "", now, now, now))
        connection.driver_connection.commit()
        cursor.close()

    return put


def _notice(id: str) -> Notice:
    content = {
        "event": "call_ended", "event_id": f"{id:>26}", "occurred_at": "2026-11-20T21:29:10.004Z", "platform": "voicenter",
        "call_id": f"call{id}", "direction": "inbound", "caller_number": "0540000000", "called_number": "0730000000",
        "target": "0500000555", "call_status": "answered", "duration": 125, "ring_duration": 15, "platform_call_time": 15616841651,
        "platform_call_start": 15616841612, "state": None,
    }  # fmt: skip
    return Notice(content, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", id, True)


@contextmanager
def _store(url: str) -> Iterator[Store]:
    """As the bridge has it, with as many connections as there are clients."""
    engine, under_way = db.opened(url, patience=30.0, durable=True, erase=True), db.opened(url, patience=30.0, erase=True)
    engine.pool._max_overflow = CLIENTS  # type: ignore[attr-defined]  # the single ones need one each
    state = calls.Store(under_way)
    store = Store(engine, state.ended, state.prepare)
    yield store
    store.close()
    engine.dispose()
    under_way.dispose()
