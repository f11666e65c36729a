"""SIGTERM under load: not ready first, then the stop, and no call is lost. Real gunicorn, real signals."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support import backend as backends
from tests.support import bridge as bridges
from tests.support.calls import as_json
from tests.support.load import Load

pytestmark = pytest.mark.alone

ANSWER = backends.reply({"action": "menu", "menu": "main", "prompt": "welcome"})
SERVE = [sys.executable, "-m", "rpcbridge", "serve"]
GUNICORN = [sys.executable, "-m", "gunicorn", "wsgi:app"]


@dataclass
class Drained(bridges.Running):
    """A bridge, and the calls that have reached its backend."""

    asked: list[backends.Request] = field(default_factory=list)

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)


@contextlib.contextmanager
def draining(
    folder: Path, drain: str, *, seconds: float = 0.0, workers: int = 2, command: list[str] = SERVE
) -> Iterator[Drained]:
    """A bridge with a backend that takes so many seconds."""
    with backends.running(backends.slow(seconds, ANSWER)) as backend:
        toml = f'[server]\ndrain = "{drain}"\n[backend]\nurl = "{backend.url}"\n'
        with bridges.running(folder, toml, command=command, cwd=bridges.ROOT, WEB_CONCURRENCY=str(workers)) as bridge:
            yield Drained(**vars(bridge), asked=backend.requests)


@contextlib.contextmanager
def in_flight(bridge: Drained) -> Iterator[http.client.HTTPConnection]:
    """A call that has reached the backend, its reply not yet read."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", bridge.port, timeout=30)) as connection:
        connection.request("POST", bridge.path, as_json(), {"Content-Type": "application/json"})
        before = time.monotonic()
        while not bridge.asked:
            assert time.monotonic() < before + 10
            time.sleep(0.01)
        yield connection


def refused(bridge: Drained) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", bridge.port)) != 0


def until_refused(bridge: Drained) -> None:
    before = time.monotonic()
    while not refused(bridge):
        assert time.monotonic() < before + 10, "the listener is still open"
        time.sleep(0.02)


@pytest.mark.parametrize("command", [SERVE, GUNICORN], ids=["serve", "gunicorn"])
def test_no_call_is_lost_where_callers_look_at_readyz(tmp_path: Path, command: list[str]):
    with draining(tmp_path, "2s", seconds=0.5, command=command) as bridge, Load(bridge.port, callers=96) as load:
        load.reach(300)
        bridge.signal(signal.SIGTERM)
        load.join()
        bridge.process.wait(20)
    assert (load.lost, load.refused, bridge.process.returncode) == ([], 0, 0)
    assert len(bridge.asked) == len(load.answered)


@pytest.mark.parametrize("drain", ["0s", "1s"])
def test_who_does_not_look_is_answered_or_refused_at_the_door(tmp_path: Path, drain: str):
    with draining(tmp_path, drain, seconds=0.5) as bridge, Load(bridge.port, polite=False) as load:
        load.reach(150)
        bridge.signal(signal.SIGTERM)
        load.join()
    assert len(bridge.asked) == len(load.answered)  # whatever was taken was finished
    # Who connects in the very instant of the closing is reset by the kernel: one of 64 in 40 such runs. gunicorn alone: all.
    assert len(load.lost) <= 3, load.lost
    assert load.refused == load.callers - len(load.lost)


def test_while_it_drains_calls_are_served_and_connections_let_go(tmp_path: Path):
    with draining(tmp_path, "30s") as bridge:
        bridge.signal(signal.SIGTERM)
        bridge.said('"event":"draining"')
        for _ in range(8):  # whichever worker answers
            assert (bridge.get("/readyz").status, bridge.get("/livez").status) == (503, 200)
        assert bridge.get("/readyz?verbose").body.startswith(b"draining\n[-] serving draining")
        reply = bridge.post(as_json())
        assert (reply.status, b'"MENU"' in reply.body, reply.headers["connection"]) == (200, True, "close")
        assert bridge.process.poll() is None


def test_a_worker_that_is_forked_while_draining_knows_it(tmp_path: Path):
    with draining(tmp_path, "30s", workers=1) as bridge:
        bridge.signal(signal.SIGTERM)
        worker = int(bridge.said('"event":"draining"').partition("Booting worker with pid: ")[2].split()[0])
        os.kill(worker, signal.SIGKILL)
        bridge.said("was sent SIGKILL")
        assert bridge.get("/readyz").status == 503
        assert bridge.log.read_text().count("Booting worker") == 2


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_skips_the_wait(tmp_path: Path, second: signal.Signals):
    with draining(tmp_path, "10m", seconds=1.0, workers=1) as bridge, in_flight(bridge) as connection:
        bridge.signal(signal.SIGTERM)
        bridge.said('"event":"draining"')
        bridge.signal(second)
        assert b'"MENU"' in connection.getresponse().read()
        bridge.process.wait(20)


def test_ctrl_c_stops_at_once_and_finishes_calls_in_flight(tmp_path: Path):
    with draining(tmp_path, "10m", seconds=1.0, workers=1) as bridge, in_flight(bridge) as connection:
        bridge.signal(signal.SIGINT)
        assert b'"MENU"' in connection.getresponse().read()
        bridge.process.wait(20)
    assert "draining" not in bridge.log.read_text()


def test_the_door_closes_before_the_last_call_is_finished(tmp_path: Path):
    with draining(tmp_path, "0s", seconds=2.5) as bridge, in_flight(bridge) as connection:
        bridge.signal(signal.SIGTERM)
        until_refused(bridge)
        assert bridge.process.poll() is None
        assert b'"MENU"' in connection.getresponse().read()


def test_a_call_over_a_kept_connection_just_at_the_stop_is_answered(tmp_path: Path):
    with draining(tmp_path, "0s") as bridge, in_flight(bridge) as connection:
        first = connection.getresponse()
        assert first.read()
        assert not first.will_close
        bridge.signal(signal.SIGTERM)
        until_refused(bridge)  # every worker has begun to stop
        connection.request("POST", bridge.path, as_json(), {"Content-Type": "application/json"})
        last = connection.getresponse()
        assert (b'"MENU"' in last.read(), last.will_close) == (True, True)


SLOW_TO_START = """
import time
from rpcbridge.serving import gunicorn_options, this_master
globals().update(gunicorn_options(this_master()))
def post_fork(server, worker):
    time.sleep(1)
"""


def test_a_worker_that_is_still_starting_does_not_miss_the_stop(tmp_path: Path):
    (tmp_path / "slow.py").write_text(SLOW_TO_START, "utf-8")
    with draining(tmp_path, "0s", command=[*GUNICORN, "-c", str(tmp_path / "slow.py")]) as bridge:
        bridge.signal(signal.SIGTERM)
        bridge.process.wait(7)  # gunicorn alone would wait for ten seconds, and kill it then
