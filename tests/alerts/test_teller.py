"""Who tells what, and when: one message for all processes, one an interval, a notice when it is over; on both databases."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import structlog
from standardwebhooks import Webhook

from rpcbridge import __version__
from rpcbridge.alerts.store import Store
from rpcbridge.alerts.trouble import SILENCE
from tests.alerts.conftest import MINUTE, SECRET, START, Clock, Process, texts, told
from tests.support import backend as backends

Processes = Callable[..., Process]


def test_the_first_trouble_is_told_after_a_second_with_what_all_processes_saw(
    process: Processes, hook: backends.Backend, clock: Clock
):
    one, other = process(), process()
    one.round("fallbacks", timeout=4, http_5xx=2)
    other.round("fallbacks", timeout=6)
    assert told(hook) == []
    clock.now += 1
    one.round()
    other.round()
    assert told(hook) == [
        {
            "alert": "fallbacks", "state": "firing",
            "text": "rpcbridge: 12 callers got the fallback since 03:12 UTC (timeout 10, http_5xx 2)",
            "since": "2026-11-21T03:12:00Z", "count": 12, "reasons": {"timeout": 10, "http_5xx": 2},
            "host": socket.gethostname(), "scope": "installation", "version": __version__,
        }
    ]  # fmt: skip


def test_after_it_one_message_an_interval_and_one_when_it_is_over(process: Processes, hook: backends.Backend, clock: Clock):
    one, other = process(), process()
    one.round("fallbacks", timeout=12)
    clock.now += 1
    one.round()
    assert len(told(hook)) == 1
    for _ in range(5):  # until 03:16
        clock.now += 0.9 * MINUTE
        one.round("fallbacks", timeout=5)
        other.round()
    assert told(hook) == []
    clock.now = START + 1 + 5 * MINUTE
    other.round()
    one.round()
    assert texts(hook) == ["rpcbridge: 25 more callers got the fallback since 03:12 UTC (timeout 25), 37 in all since 03:12 UTC"]
    clock.now += 5 * MINUTE - 1
    other.round()
    assert told(hook) == []
    clock.now += 1
    other.round()
    one.round()
    (said,) = told(hook)
    assert said["text"] == "rpcbridge: back to normal, no fallback since 03:16 UTC (37 in all)"
    assert (said["state"], said["count"], said["reasons"]) == ("resolved", 37, {"timeout": 37})
    clock.now += 60 * MINUTE
    assert (one.round(), other.round()) == (60, 60)
    assert told(hook) == []


def test_a_new_trouble_waits_for_the_end_of_the_interval_that_the_notice_began(
    process: Processes, hook: backends.Backend, clock: Clock
):
    one = process()
    one.round("fallbacks", timeout=1)
    for _ in range(2):
        clock.now += 5 * MINUTE
        one.round()
    assert [said["state"] for said in told(hook)] == ["firing", "resolved"]
    clock.now += MINUTE
    one.round("fallbacks", dns=2)
    clock.now += 3 * MINUTE
    one.round()
    assert told(hook) == []
    clock.now += MINUTE
    one.round()
    assert texts(hook) == ["rpcbridge: 2 callers got the fallback since 03:23 UTC (dns 2)"]


def test_kinds_do_not_wait_for_each_other(process: Processes, hook: backends.Backend, clock: Clock):
    one = process()
    one.round("fallbacks", timeout=1)
    one.round("dead_letters", **{"call_ended http_4xx": 1})
    clock.now += 1
    one.round()
    assert texts(hook) == [
        "rpcbridge: 1 caller got the fallback since 03:12 UTC (timeout 1)",
        "rpcbridge: 1 event could not be delivered since 03:12 UTC (call_ended http_4xx 1)",
    ]


def test_many_processes_at_once_send_one_message(process: Processes, hook: backends.Backend, clock: Clock):
    several = [process() for _ in range(6)]
    for one in several:
        one.round("fallbacks", timeout=1)
    clock.now += 1
    threads = [threading.Thread(target=one.round) for one in several]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [said["count"] for said in told(hook)] == [6]


def test_each_alert_is_signed(process: Processes, hook: backends.Backend, clock: Clock):
    clock.now = time.time()  # the library wants a signature of now
    one = process()
    one.round("fallbacks", timeout=1)
    clock.now += 1
    one.round()
    (request,) = hook.requests
    assert request.target == "/services/T0?key=k"
    assert request.headers["content-type"] == "application/json"
    assert Webhook(SECRET).verify(request.body, request.headers)["alert"] == "fallbacks"


def test_a_backend_is_down_until_every_breaker_is_closed(process: Processes, hook: backends.Backend, clock: Clock):
    one, other = process(), process()
    one.open.add("b:1")
    other.open.update(("a:2", "b:1"))
    one.round("backend_down", timeout=1)
    other.round("backend_down", refused=2)
    clock.now += 1
    other.round()
    (said,) = told(hook)
    assert said["text"] == "rpcbridge: backends a:2, b:1 down since 03:12 UTC (refused 2, timeout 1)"
    assert said["backends"] == ["a:2", "b:1"]
    other.open.clear()
    clock.now += 5 * MINUTE
    other.round()
    one.round("backend_down", timeout=1)
    assert texts(hook) == ["rpcbridge: backend b:1 still down, found so 1 more time since 03:12 UTC (timeout 1), 4 in all since 03:12 UTC"]
    one.open.clear()
    one.round()
    clock.now += 5 * MINUTE
    other.round()
    (said,) = told(hook)
    assert said["text"] == "rpcbridge: back to normal, no backend down since 03:17 UTC"
    assert said["backends"] == []


def test_a_breaker_that_stays_open_stays_told_for_as_long(process: Processes, hook: backends.Backend, clock: Clock):
    one = process()
    one.open.add("b:1")
    one.round("backend_down", timeout=1)
    for _ in range(200):
        clock.now += MINUTE
        one.round()
    assert [said["state"] for said in told(hook)] == ["firing"]


def test_a_process_that_died_with_its_breaker_open_does_not_keep_it_down(
    process: Processes, hook: backends.Backend, clock: Clock
):
    one, other = process(), process()
    one.open.add("b:1")
    one.round("backend_down", timeout=1)
    clock.now += SILENCE - 1
    other.round()
    assert len(told(hook)) == 1
    clock.now += 5 * MINUTE
    other.round()
    assert texts(hook) == ["rpcbridge: no backend is known to be down any more; of b:1 there was no more news"]


def test_a_process_that_ends_leaves_its_successor_an_interval(process: Processes, hook: backends.Backend, clock: Clock):
    one, successor = process(), process()
    one.open.add("b:1")
    successor.open.add("b:1")
    one.round("backend_down", timeout=1)
    clock.now += 1
    one.round()
    one.round(last=True)
    told(hook)
    clock.now += MINUTE
    successor.round("backend_down", timeout=1)
    clock.now += 20 * MINUTE
    successor.round()
    assert [(said["state"], said["backends"]) for said in told(hook)] == [("firing", ["b:1"])]


def test_what_was_not_delivered_is_tried_again_with_its_counts(process: Processes, hook: backends.Backend, clock: Clock):
    one = process()
    hook.behave = backends.reply(b"no", 500)
    with structlog.testing.capture_logs() as said:
        one.round("fallbacks", timeout=3)
        for seconds in (1, 1, 1, 1, 1, 1, 1):  # tried after 1, 2, 4, 8 … seconds
            clock.now += seconds
            one.round()
        assert len(hook.requests) == 3
        assert len({request.headers["webhook-id"] for request in hook.requests}) == 1
        assert one.teller.check() == ("alerts", False, "failing (hook: it answered with status 500)")
        hook.behave = backends.reply(b"", 204, "")
        one.round("fallbacks", timeout=2)
        told(hook)
        clock.now += 1
        one.round()
    assert [(line["event"], line["log_level"], line["what"]) for line in said] == [
        ("alerts_failing", "error", "hook"), ("alerts_work_again", "warning", "hook"),
    ]  # fmt: skip
    assert texts(hook) == ["rpcbridge: 5 callers got the fallback since 03:12 UTC (timeout 5)"]
    assert one.teller.check() == ("alerts", True, "ok")


def test_it_backs_off_up_to_the_interval(process: Processes, hook: backends.Backend, clock: Clock):
    one = process(interval=MINUTE)
    hook.behave = backends.reply(b"no", 404)
    one.round("fallbacks", timeout=3)
    for _ in range(3600):
        clock.now += 1
        one.round()
    assert 60 <= len(hook.requests) <= 66


def test_the_claim_of_a_process_that_dies_runs_out(process: Processes, hook: backends.Backend, clock: Clock):
    dying, other = process(), process()
    dying.round("fallbacks", timeout=3)
    clock.now += 1
    with Store(dying._engine).changing("fallbacks") as trouble:
        trouble.take("claim of the dying", clock.now)
    clock.now += 29
    other.round()
    assert told(hook) == []
    clock.now += 1
    other.round("fallbacks", timeout=1)
    assert [said["count"] for said in told(hook)] == [4]


def test_what_comes_while_the_end_is_being_told_is_another_trouble(process: Processes, hook: backends.Backend, clock: Clock):
    one, other = process(), process()
    one.round("fallbacks", timeout=3)
    clock.now += 1
    one.round()
    clock.now += 5 * MINUTE
    told(hook)
    answer = hook.behave

    def late(connection: socket.socket, request: backends.Request) -> None:
        other.round("fallbacks", dns=1)
        answer(connection, request)

    hook.behave = late
    one.round()
    hook.behave = answer
    assert texts(hook) == ["rpcbridge: back to normal, no fallback since 03:12 UTC (3 in all)"]
    clock.now += 5 * MINUTE
    one.round()
    assert texts(hook) == ["rpcbridge: 1 caller got the fallback since 03:17 UTC (dns 1)"]


def test_without_a_database_each_process_tells_for_itself_and_says_so(
    process: Processes, hook: backends.Backend, clock: Clock, tmp_path: Path
):
    folder = tmp_path / "later"
    one, other = (process(database=f"sqlite:///{folder}/x.db") for _ in range(2))
    with structlog.testing.capture_logs() as said:
        one.round("fallbacks", timeout=3)
        other.round("fallbacks", timeout=2)
        clock.now += 1
        for _ in range(3):
            one.round()
            other.round()
        assert [(line["event"], line["what"]) for line in said] == [("alerts_failing", "database")] * 2
        messages = told(hook)
        assert [(message["scope"], message["count"]) for message in messages] == [("process", 3), ("process", 2)]
        assert messages[0]["text"] == (
            "rpcbridge: 3 callers got the fallback since 03:12 UTC (timeout 3) - counted by one process, the database cannot be used"
        )
        assert "unable to open database file" in one.teller.check()[2]
        folder.mkdir()
        one.round("fallbacks", dns=1)  # what was told and what was not goes to all
        other.round()
        clock.now += 5 * MINUTE
        other.round()
        one.round()
    assert [(message["scope"], message["state"], message["count"]) for message in told(hook)] == [("installation", "resolved", 6)]
    assert [(line["event"], line["what"]) for line in said[2:]] == [("alerts_work_again", "database")] * 2


def test_a_database_that_goes_away_does_not_make_a_second_message_at_once(
    process: Processes, hook: backends.Backend, clock: Clock, tmp_path: Path
):
    file = tmp_path / "y.db"
    one, other = (process(database=f"sqlite:///{file}") for _ in range(2))
    one.round("fallbacks", timeout=3)
    clock.now += 1
    one.round()
    other.round()
    one.close()
    other.close()
    for left in tmp_path.glob("y.db*"):
        left.unlink()
    file.mkdir()
    one.round("fallbacks", timeout=2)
    other.round("fallbacks", timeout=2)
    clock.now += MINUTE
    one.round()
    other.round()
    assert [said["scope"] for said in told(hook)] == ["installation"]
    clock.now += 4 * MINUTE
    one.round("fallbacks", timeout=1)
    assert [(said["scope"], said["count"]) for said in told(hook)] == [("process", 3)]


def test_a_clock_that_was_wrong_silences_nobody_for_ever(process: Processes, hook: backends.Backend, clock: Clock):
    one = process()
    clock.now += 400 * 86_400
    one.round("dead_letters", gone=1)
    clock.now += 1
    one.round()
    clock.now = START
    told(hook)
    one.round("dead_letters", gone=1)
    assert len(told(hook)) == 1


@pytest.mark.parametrize("count", [41, 100])
def test_reasons_are_bounded(process: Processes, hook: backends.Backend, clock: Clock, count: int):
    one = process()
    one.round("dead_letters", **{f"r{number}": 1 for number in range(count)})
    clock.now += 1
    one.round()
    (said,) = told(hook)
    assert (said["count"], said["reasons"]["other"]) == (count, count - 40)
