"""The process that records beside each worker of a real bridge: however the two end, what was handed over is recorded, and nobody is left."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from sqlite3 import connect

import pytest

from tests.support import bridge as bridges
from tests.support import processes
from tests.support.calls import xml

RECORDER = "-m rpcbridge.trace"

awaited = partial(bridges.awaited, seconds=20)  # on a busy machine a process takes a while to start


@pytest.fixture
def bridge(backend, tmp_path: Path) -> Iterator[bridges.Running]:
    with bridges.running(tmp_path, f'[backend]\nurl = "{backend.url}"\n[debug]\nenabled = true\n') as running:
        yield running
    theirs = f"RPCBRIDGE_CONFIG={tmp_path}".encode()
    assert [pid for pid in recorders() if theirs in environment(pid)] == [], "none outlives the bridge"


def recorders() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit() and RECORDER in processes.command(int(path.name))]


def environment(pid: int) -> bytes:
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/environ").read_bytes()
    return b""


def worker(bridge: bridges.Running) -> int:
    (found,) = awaited(lambda: processes.children(bridge.process.pid))
    return found


def recorder(of: int) -> int:
    (found,) = awaited(lambda: processes.children(of, RECORDER))
    return found


def ask(bridge: bridges.Running, *calls: str) -> None:
    for call in calls:
        assert bridge.post(xml(IVR_UNIQUE_ID=call)).status == 200


def recorded(bridge: bridges.Running) -> set[str]:
    with closing(connect(f"file:{bridge.log.parent / 'rpcbridge.db'}?mode=ro", uri=True)) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'exchanges'").fetchall():
            return set()
        return {call for (call,) in connection.execute("SELECT call_id FROM exchanges")}


def gone(pid: int) -> bool:
    return not processes.command(pid)


def test_it_listens_nowhere_and_runs_beside_the_worker(bridge: bridges.Running):
    assert processes.children(worker(bridge)) == [], "none before there is something to record"
    ask(bridge, "one")
    awaited(lambda: recorded(bridge) == {"one"})
    pid = recorder(worker(bridge))
    sockets = [link for link in (os.readlink(file) for file in Path(f"/proc/{pid}/fd").iterdir()) if link.startswith("socket:")]
    assert len(sockets) == 1, "that to its worker"
    everywhere = os.sched_getaffinity(bridge.process.pid)
    assert os.sched_getaffinity(pid) == (everywhere - os.sched_getaffinity(worker(bridge)) or everywhere)
    assert not {"flask", "lxml", "gunicorn", "pycurl", "marshmallow"} & loaded(pid)


def loaded(pid: int) -> set[str]:
    """The compiled libraries in it, by their package."""
    paths = {line.split()[-1] for line in Path(f"/proc/{pid}/maps").read_text().splitlines() if ".so" in line}
    return {Path(path).parent.name for path in paths} | {Path(path).name.partition(".")[0] for path in paths}


@pytest.mark.parametrize("everybody", [False, True], ids=["master", "everybody"])
def test_what_came_just_before_the_stop_is_recorded(bridge: bridges.Running, everybody: bool):
    """Also the very first, for which it has to be started; and where all of a unit's processes are told to stop, or Ctrl-C was pressed."""
    ask(bridge, "first")
    if everybody:
        awaited(lambda: recorded(bridge))
        ask(bridge, "last")
        pid = worker(bridge)
        for one in (recorder(pid), pid):
            os.kill(one, signal.SIGINT if one == pid else signal.SIGTERM)
    bridge.process.send_signal(signal.SIGTERM)
    bridge.process.wait(20)
    assert recorded(bridge) == ({"first", "last"} if everybody else {"first"})


@pytest.mark.skipif(not shutil.which("ss"), reason="ss is missing: sudo apt-get install iproute2")
def test_a_worker_that_is_killed_has_recorded_what_it_had_handed_over(bridge: bridges.Running):
    ask(bridge, "first")
    awaited(lambda: recorded(bridge))
    killed = worker(bridge)
    pid = recorder(killed)
    time.sleep(0.5)  # what is in the database has yet to be answered for: until then nothing else is handed over
    os.kill(pid, signal.SIGSTOP)
    ask(bridge, "second", "third")
    awaited(lambda: waiting(pid))  # handed over, and not read yet
    os.kill(killed, signal.SIGKILL)
    bridge.said("was sent SIGKILL")
    os.kill(pid, signal.SIGCONT)
    awaited(lambda: gone(pid))
    assert recorded(bridge) == {"first", "second", "third"}
    ask(bridge, "fourth")
    awaited(lambda: "fourth" in recorded(bridge))


def waiting(pid: int) -> bool:
    """Whether there is something to read for it: it holds the one end of a pair of sockets, and whoever has the other has sent something."""
    inode = os.readlink(f"/proc/{pid}/fd/0")[len("socket:[") : -1]
    shown = subprocess.run(["ss", "-x", "-n", "-O"], capture_output=True, text=True, check=True).stdout
    return any(int(line.split()[2]) > 4 for line in shown.splitlines() if f" {inode} " in line)


def test_a_reload_leaves_no_recorder_behind(bridge: bridges.Running):
    ask(bridge, "before")
    awaited(lambda: recorded(bridge))
    before = worker(bridge)
    first = recorder(before)
    ask(bridge, "last")
    bridge.process.send_signal(signal.SIGHUP)
    awaited(lambda: gone(before) and gone(first))
    ask(bridge, "after")
    assert awaited(lambda: len(recorded(bridge)) == 3)
    assert recorder(worker(bridge)) != first


def test_one_that_dies_is_said_and_replaced(bridge: bridges.Running):
    ask(bridge, "first")
    awaited(lambda: recorded(bridge))
    first = recorder(worker(bridge))
    time.sleep(0.5)  # what is in the database has yet to be answered for
    os.kill(first, signal.SIGKILL)
    awaited(lambda: processes.command(first) == "")
    ask(bridge, "lost")
    bridge.said("debug_store_failing", "the recorder has ended: Killed")
    assert b"failing (the recorder has ended: Killed)" in bridge.get("/readyz?verbose").body
    ask(bridge, "kept")
    bridge.said("debug_store_works_again")
    assert recorded(bridge) == {"first", "kept"}
    page = bridge.get("/debug/exchanges", Accept="application/json").body
    assert b'"dropped":1' in page.replace(b" ", b"")
