"""What happens to a SQLite file: its disk is full, it cannot be written, somebody else has locked it."""

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.chaos.bridges import Bridge
from tests.chaos.callers import Callers
from tests.chaos.row import Missing, Row, Size
from tests.chaos.world import world
from tests.support.bridge import awaited

_DISK = 64 * 2**20  # the ballast takes most of it; what is recorded of some thousand requests takes ten or twenty


def disk_full(folder: Path, size: Size) -> Row:
    """Hang-ups get STATUS 1 until there is room again. A small file system where we may mount one, else a limit on files' sizes."""
    row = Row("disk full")
    with world(folder, size) as here, _small_disk(folder / "disk") as disk, here.bridge(f"sqlite:///{disk or folder}/bridge.db") as bridge:
        row.remarks.append("a tmpfs of 64 MiB" if disk else "RLIMIT_FSIZE, as we may not mount")
        fill, free = _of_disk(disk) if disk else _of_limit(bridge, folder / "bridge.db")
        workers = bridge.worker_pids()
        with here.callers(bridge) as callers:
            callers.reach(size.requests // 3)
            for turn in range(1, max(1, size.times // 2) + 1):
                fill()
                _until(lambda turn=turn: bridge.said("outbox_failing") >= turn, "the full disk was not logged")
                time.sleep(size.seconds)
                free()
                _stores_again(callers, "10 s after there was room again, hang-ups still get STATUS 1")
            callers.reach(callers.answered + size.requests // 3)
        row.require(bridge.worker_pids() == workers, "workers were changed")
        row.require(bridge.said("outbox_works_again"), "the end was not logged")
        here.judged(row, callers)
        row.require(row.refused, "no hang-up was answered STATUS 1: the disk was not full")
        return row


def read_only(folder: Path, size: Size) -> Row:
    """The bridge starts on a file that it may not write, which is put right later."""
    row = Row("database read-only, then not")
    with world(folder, size) as here, _small_disk(folder / "disk") as disk:
        place = disk or folder / "place"
        place.mkdir(exist_ok=True)
        url = f"sqlite:///{place}/bridge.db"
        with here.bridge(url, "before") as before, here.callers(before, enough=50):
            awaited(lambda: before.said("exchange") > 40, 20)  # so that there is a database
        here.backend.events.clear()
        forbid, allow = _of_mount(place) if disk else _of_modes(place)
        row.remarks.append("a read-only mount" if disk else "file modes")
        forbid()
        try:
            with here.bridge(url) as bridge, here.callers(bridge) as callers:
                callers.reach(size.requests // 3)
                row.require(not any(tried.hangup and tried.status == 0 for tried in callers.tries), "STATUS 0 although nothing can be written")
                allow()
                _stores_again(callers, "10 s after the database may be written, hang-ups still get STATUS 1")
                callers.reach(callers.answered + size.requests // 3)
        finally:
            allow()
        here.judged(row, callers)
        return row


def locked(folder: Path, size: Size) -> Row:
    """Another process holds the writer's lock for 3 s: there is time for that within the deadline."""
    row = Row("database locked by another process for 3 s")
    file = folder / "bridge.db"
    with world(folder, size) as here, here.bridge(f"sqlite:///{file}") as bridge:
        with here.callers(bridge) as callers:
            for turn in range(size.times):
                callers.reach((turn + 1) * size.requests // (size.times + 2))
                with closing(sqlite3.connect(file, isolation_level=None, timeout=10)) as other:
                    other.execute("BEGIN IMMEDIATE")
                    time.sleep(3.0)
                    other.execute("ROLLBACK")
                _stores_again(callers, "10 s after the lock, hang-ups still get STATUS 1")
            callers.reach(callers.answered + size.requests // 3)
        slowest = max(tried.seconds for tried in callers.tries if tried.hangup is None)
        row.remarks.append(f"questions at most {slowest * 1000:.0f} ms")
        row.require(slowest < 0.5 * size.patience, f"a question waited {slowest:.2f} s for the lock")
        row.require(not any(tried.status for tried in callers.tries), "STATUS 1, although there was time to wait for the lock")
        return here.judged(row, callers)


@contextmanager
def _small_disk(place: Path) -> Iterator[Path | None]:
    """A file system of its own, or None where we may not mount one."""
    place.mkdir(parents=True, exist_ok=True)
    mounted = os.geteuid() == 0 and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={_DISK}", "rpcbridge-chaos", place], capture_output=True, check=False
    ).returncode == 0  # fmt: skip
    try:
        yield place if mounted else None
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", place], check=True)


def _of_disk(disk: Path) -> tuple[Callable[[], None], Callable[[], None]]:
    ballast = disk / "ballast"

    def fill() -> None:
        with ballast.open("ab", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                return

    return fill, ballast.unlink


def _of_limit(bridge: Bridge, file: Path) -> tuple[Callable[[], None], Callable[[], None]]:
    """No file of a worker may grow; its log is a file, too, and stays as it is."""

    def limited(size: int) -> None:
        for pid in bridge.worker_pids():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    journal = file.with_name(f"{file.name}-wal")
    return lambda: limited(min(file.stat().st_size, journal.stat().st_size)), lambda: limited(resource.RLIM_INFINITY)


def _of_mount(place: Path) -> tuple[Callable[[], None], Callable[[], None]]:
    def remount(how: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{how}", place], check=True)

    return lambda: remount("ro"), lambda: remount("rw")


def _of_modes(place: Path) -> tuple[Callable[[], None], Callable[[], None]]:
    if os.geteuid() == 0:
        raise Missing("root may write every file, and may not mount a file system here")

    def modes(folder: int, file: int) -> None:
        place.chmod(0o700)
        for one in place.iterdir():
            one.chmod(file)
        place.chmod(folder)

    return lambda: modes(0o500, 0o400), lambda: modes(0o700, 0o600)


def _stores_again(callers: Callers, complaint: str) -> None:
    known = len(callers.tries)
    _until(lambda: any(tried.status == 0 and tried.hangup for tried in callers.tries[known:]), complaint)


def _until(look: Callable[[], object], complaint: str) -> None:
    try:
        awaited(look, 10)
    except AssertionError:
        raise AssertionError(complaint) from None
