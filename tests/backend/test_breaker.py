"""The breaker by a hand-moved clock: when it opens and closes, whom it lets through, whom it tells."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from structlog.testing import capture_logs

from rpcbridge.backend import Breakers
from rpcbridge.errors import NoUsableAnswer
from rpcbridge.exchange import Hop
from rpcbridge.settings.sections import Breaker
from tests.backend.test_client import EVENT, QUESTION, TRACEPARENT, ask, client
from tests.support.backend import Backend, reply, reset, slow

URL = "http://backend.example:8090/tenant-secret"


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


class Watched:
    """A breaker of three failures and five seconds, its clock, and what it told."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.told: list[tuple[str, bool, str]] = []
        self.all = Breakers(3, 5.0, clock=self.clock, changed=lambda *change: self.told.append(change))
        self.breaker = self.all.of(URL)

    def fail(self, times: int = 1, reason: str = "refused") -> None:
        for _ in range(times):
            self.breaker.record(False, reason)


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_it_opens_after_so_many_failures_in_a_row(watched: Watched):
    watched.fail(2)
    watched.breaker.record(True)
    watched.fail(2)
    assert watched.breaker.allow()
    assert watched.told == []
    watched.fail(reason="timeout")
    assert not watched.breaker.allow()
    assert watched.told == [("http://backend.example:8090", True, "timeout")]


def test_while_open_one_probe_an_interval_is_let_through(watched: Watched):
    watched.fail(3)
    watched.clock.time += 4.9
    assert not watched.breaker.allow()
    watched.clock.time += 0.1
    assert [watched.breaker.allow() for _ in range(3)] == [True, False, False]
    watched.fail(reason="http_5xx")
    assert not watched.breaker.allow(), "the probe failed: the next one is an interval after it"
    watched.clock.time += 5
    assert watched.breaker.allow()
    assert len(watched.told) == 1


def test_a_probe_that_never_reports_blocks_for_one_interval_only(watched: Watched):
    watched.fail(3)
    for _ in range(3):
        watched.clock.time += 5
        assert [watched.breaker.allow() for _ in range(2)] == [True, False]


def test_the_first_success_closes_it(watched: Watched):
    watched.fail(3)
    watched.clock.time += 12
    assert watched.breaker.allow()
    watched.breaker.record(True)
    watched.breaker.record(True)
    assert all(watched.breaker.allow() for _ in range(9))
    assert watched.told == [("http://backend.example:8090", True, "refused"), ("http://backend.example:8090", False, "refused")]
    watched.fail(2)
    assert watched.breaker.allow(), "what failed before it closed counts no more"


def test_it_says_only_what_changes(watched: Watched):
    with capture_logs() as lines:
        again = Watched()
        again.fail(7)
        again.clock.time += 6.25
        again.breaker.record(True)
        again.breaker.record(True)
    assert lines == [
        {"event": "breaker_opened", "log_level": "warning", "backend": "http://backend.example:8090", "failures": 3, "reason": "refused"},
        {"event": "breaker_closed", "log_level": "info", "backend": "http://backend.example:8090", "seconds": 6.2},
    ]


def test_a_hook_that_fails_costs_nobody_anything():
    def broken(*change: object) -> None:
        raise RuntimeError("no such address")

    breakers = Breakers(1, 5.0, clock=Clock(), changed=broken)
    breakers.of(URL).record(False, "refused")
    assert not breakers.of(URL).allow()


def test_every_base_url_has_its_own(watched: Watched):
    assert watched.all.of(URL) is watched.breaker
    assert watched.all.check() == ("breaker", True, "ok")
    watched.fail(3)
    watched.clock.time += 12
    assert watched.all.check() == ("breaker", False, "open for 12 s (refused)")
    assert watched.all.of("http://other.example").allow()
    assert watched.all.check() == ("breaker", False, "1 of 2 open for 12 s (refused)")


@pytest.mark.parametrize("round", range(20))
def test_of_many_threads_one_is_the_probe(watched: Watched, round: int):
    watched.fail(3)
    watched.clock.time += 5
    start = threading.Barrier(64)

    def try_it(_: int) -> bool:
        start.wait(10)
        return watched.breaker.allow()

    with ThreadPoolExecutor(64) as pool:
        assert sum(pool.map(try_it, range(64))) == 1


def test_many_threads_open_and_close_it_once(watched: Watched):
    for ok in (False, True):
        start = threading.Barrier(64)

        def report(_: int, ok: bool = ok, start: threading.Barrier = start) -> None:
            start.wait(10)
            watched.breaker.record(ok, "" if ok else "reset")

        with ThreadPoolExecutor(64) as pool:
            list(pool.map(report, range(64)))
    assert [open for _, open, _ in watched.told] == [True, False]


FAILURES = [reset(), reply(b"", 500), reply(b"", 503, "Retry-After: 60\r\n"), reply(b"", 429, "Retry-After: 60\r\n"), slow(2, reply())]
ALIVE = [reply(b"", 404), reply(b"", 302, "Location: /x\r\n"), reply(b"<html>"), reply(b""), reply({"action": "?"})]


@pytest.mark.parametrize("behave", FAILURES, ids=["reset", "500", "503", "429", "slow"])
def test_no_reply_and_an_overloaded_backend_are_failures(backend: Backend, behave):
    asking = client(breaker=Breaker(failures=2), deadline=0.3)
    backend.behave = behave
    said = [ask(backend.url, asking=asking, seconds=0.31)[0].reason for _ in range(4)]
    assert "breaker_open" not in said[:2]
    assert said[2:] == ["breaker_open"] * 2
    assert len(backend.requests) == 2


@pytest.mark.parametrize("behave", ALIVE, ids=["404", "302", "html", "empty", "unknown"])
def test_whoever_replies_at_all_is_alive(backend: Backend, behave):
    asking = client(breaker=Breaker(failures=1), deadline=1.0)
    backend.behave = behave
    for _ in range(3):
        ask(backend.url, asking=asking)
    assert len(backend.requests) == 3


@pytest.mark.alone
def test_while_it_is_open_the_answer_comes_at_once_and_without_a_request(backend: Backend):
    asking = client(breaker=Breaker(failures=1), deadline=1.0)
    backend.behave = reset()
    ask(backend.url, asking=asking)
    error, seen, seconds = ask(backend.url, asking=asking)
    assert (error.reason, seen.request, seen.attempts) == ("breaker_open", None, [])
    assert seconds < 0.05


def test_events_neither_ask_nor_report(backend: Backend):
    asking = client(breaker=Breaker(failures=1), deadline=1.0)

    def deliver() -> None:
        asking.deliver(backend.url, EVENT, 2.0, TRACEPARENT, 1, Hop())

    backend.behave = reply(b"", 500)
    for _ in range(3):
        with pytest.raises(NoUsableAnswer, match="HTTP 500"):
            deliver()
    assert ask(backend.url, asking=asking)[0].reason == "http_5xx", "events did not open it"
    backend.behave = reply({"action": "hangup"})
    deliver()
    assert ask(backend.url, asking=asking)[0].reason == "breaker_open", "events did not close it"


def test_a_question_that_was_never_sent_or_came_too_late_says_nothing_of_the_backend(backend: Backend):
    asking = client(breaker=Breaker(failures=1), action_path="/{call_id}", deadline=1.0)
    assert ask(backend.url, QUESTION | {"call_id": ".."}, asking=asking)[0].reason == "unsafe_path"
    assert ask(backend.url, seconds=-1, asking=asking)[0].reason == "timeout"
    backend.behave = slow(0.2, reply({"action": "hangup"}))
    assert ask(backend.url, seconds=0.1, asking=asking)[0].reason == "timeout"
    assert ask(backend.url, asking=asking)[0] == {"action": "hangup"}
