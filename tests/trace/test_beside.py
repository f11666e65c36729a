"""The process that records beside a worker: whatever becomes of it costs no call anything, and what it costs the record is said."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from rpcbridge import affinity
from rpcbridge.codec.values import Lexical
from rpcbridge.exchange import Exchange
from rpcbridge.trace import beside
from rpcbridge.trace.noted import packed, unpacked
from rpcbridge.trace.noting import noted
from rpcbridge.trace.recorder import Trace
from tests.support import bridge as bridges
from tests.support import processes
from tests.trace.test_recorder import fresh, trace

Make = Callable[..., Exchange]

awaited = partial(bridges.awaited, seconds=20)  # on a busy machine a process takes a while to start


@pytest.fixture
def recording(tmp_path: Path) -> Iterator[Trace]:
    made = trace(f"sqlite:///{tmp_path}/x.db", beside=True)
    yield made
    made.close()
    assert processes.children(os.getpid(), "rpcbridge.trace") == []


def child() -> int:
    """The process that was started, as soon as there is one."""
    return awaited(lambda: processes.children(os.getpid(), "rpcbridge.trace"))[0]


def counts(recording: Trace) -> tuple[int, int]:
    return recording.looked_up(lambda store: store.counts())


def test_what_is_noted_is_the_same_on_the_other_side(exchange: Make):
    content = exchange().content or {}
    plain = noted(exchange(content={**content, "state": {"big": 2**70, "half": "\ud800"}}))
    assert unpacked(packed(plain)) == plain
    odd = noted(exchange(method=Lexical("CALL", "string"), called_number=Lexical("073", "int")))
    assert unpacked(packed(odd)) == odd
    assert type(unpacked(packed(odd)).called_number) is str


def test_nothing_is_started_before_there_is_something_to_record(recording: Trace):
    assert recording.looked_up(lambda store: store.counts()) == (0, 0)
    recording.close()


def test_it_is_told_nothing_that_others_can_see_and_holds_nothing_of_ours(recording: Trace, exchange: Make):
    recording.observe(fresh(exchange))
    awaited(lambda: counts(recording) == (1, 0))
    command = Path(f"/proc/{child()}/cmdline").read_text().split("\0")[:-1]
    assert command == [sys.executable, "-P", "-m", "rpcbridge.trace"]
    held = {os.readlink(file) for file in Path(f"/proc/{child()}/fd").iterdir()}
    assert len([file for file in held if file.startswith(("socket:", "pipe:")) and file != os.readlink("/proc/self/fd/2")]) == 1


@pytest.mark.parametrize("spare", [False, True])
def test_it_runs_on_no_worker_s_core_where_one_is_left(spare: bool):
    cores = sorted(os.sched_getaffinity(0))
    program = (
        "import os; from types import SimpleNamespace; from rpcbridge import affinity\n"
        f"affinity.stay_on_one_core(SimpleNamespace(pid=0, num_workers={1 if spare else len(cores)}), SimpleNamespace(place=0))\n"
        "print(len(os.sched_getaffinity(0)), affinity.cores_for_others())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == f"1 {(cores[1:] or cores) if spare else cores}\n"
    assert affinity.cores_for_others() == cores


def test_who_stops_everybody_does_not_stop_it(recording: Trace, exchange: Make):
    recording.observe(fresh(exchange, 0))
    awaited(lambda: counts(recording) == (1, 0))
    first = child()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(first, number)
    recording.observe(fresh(exchange, 1))
    recording.close()
    assert counts(recording) == (2, 0)


@pytest.mark.alone
def test_killed_under_load_it_is_replaced_and_what_was_under_way_is_counted(
    recording: Trace, exchange: Make, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(beside, "_PAUSE", 0.1)
    for number in range(900):
        recording.observe(fresh(exchange, number))
        if number in (300, 600):
            gone = child()
            os.kill(gone, signal.SIGKILL)
            awaited(lambda gone=gone: gone not in processes.children(os.getpid(), "rpcbridge.trace"))
        time.sleep(0.001)
    kept, dropped = awaited(lambda: (found := counts(recording))[0] + found[1] >= 900 and found)
    assert 0 < dropped <= 2 * 256
    assert kept + dropped <= 900 + 2 * 256, "what was written and not answered for any more counts twice"
    awaited(lambda: recording.check() == ("debug_store", True, "ok"))


@pytest.mark.alone
def test_stopped_it_holds_up_nobody_is_ended_and_replaced(recording: Trace, exchange: Make):
    recording._batches._limit = 3_000_000
    recording.observe(fresh(exchange, 0))
    awaited(lambda: counts(recording) == (1, 0))
    time.sleep(0.5)  # what is in the database has yet to be answered for
    assert recording._beside is not None
    assert recording._beside._pipe is not None
    recording._beside._pipe.settimeout(1.0)  # not the one that comes after it, which has to be started
    os.kill(child(), signal.SIGSTOP)
    seen = [fresh(exchange, number) for number in range(1, 2_000)]
    began = time.perf_counter()
    for one in seen:
        recording.observe(one)
    assert time.perf_counter() - began < 0.3, "some 3 µs each"
    assert recording._batches._weight <= 3_000_000
    awaited(lambda: recording.check()[2].startswith("failing (the recorder did not answer within"))
    kept, dropped = awaited(lambda: (found := counts(recording))[0] + found[1] >= 2_000 and found)
    assert kept + dropped == 2_000
    assert kept >= 100
    awaited(lambda: recording.check()[1])


def test_one_that_cannot_be_started_is_said_and_tried_again(recording: Trace, exchange: Make, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(beside, "_PAUSE", 0.1)
    with monkeypatch.context() as nowhere:
        nowhere.setattr(sys, "executable", "/nowhere/python")
        recording.observe(fresh(exchange, 0))
        awaited(lambda: recording.check()[2].startswith("failing (the recorder cannot be started: FileNotFoundError: "))
    recording.observe(fresh(exchange, 1))
    awaited(lambda: counts(recording) == (1, 1) and recording.check()[1])


def test_one_of_another_version_takes_nothing(recording: Trace, exchange: Make, capfd: pytest.CaptureFixture[str]):
    assert recording._beside is not None
    recording._beside._told = (("id", "document"), *recording._beside._told[1:])
    recording.observe(fresh(exchange, 0))
    awaited(lambda: recording.check()[2] == "failing (the recorder has ended: exit code 1)")
    assert "rpcbridge was replaced under a worker that runs" in capfd.readouterr().err


def test_one_that_ends_at_once_is_said(recording: Trace, exchange: Make, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    recording.observe(fresh(exchange, 0))
    awaited(lambda: recording.check()[2] == "failing (the recorder has ended: exit code 1)")
