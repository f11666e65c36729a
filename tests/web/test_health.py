"""/livez and /readyz: what they say, how, and that they always answer."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime

import pytest
from flask import Flask

from rpcbridge.backend import Record
from rpcbridge.exchange import Attempt, Exchange
from rpcbridge.transport import HttpRequest
from rpcbridge.web import add_health
from tests.support import backend as backends
from tests.support import bridge as bridges
from tests.support.calls import xml

ONE_PLACE = '[server]\nmax_calls = 1\nthreads = 9\n[backend]\nurl = "{url}"\n'


def client(*checks, draining: bool = False):
    app = Flask("health")
    add_health(app, lambda: draining, checks)
    return app.test_client()


def well():
    return "database", True, "ok"


def ill():
    return "backend", False, "failing"


def broken():
    raise RuntimeError("no such table")


@pytest.mark.parametrize(
    ("checks", "draining", "code", "first"),
    [
        ((), False, 200, "ok"),
        ((well,), False, 200, "ok"),
        ((well, ill), False, 200, "degraded"),
        ((broken,), False, 200, "degraded"),
        ((well,), True, 503, "draining"),
        ((ill,), True, 503, "draining"),
    ],
)
def test_only_a_bridge_that_is_about_to_stop_is_not_ready(checks, draining: bool, code: int, first: str):
    asked = client(*checks, draining=draining)
    assert (asked.get("/readyz").status_code, asked.get("/readyz").text) == (code, f"{first}\n")
    assert asked.get("/readyz?verbose").text.splitlines()[0] == first
    assert asked.get("/readyz", headers={"Accept": "application/json"}).json["status"] == first
    assert (asked.get("/livez").status_code, asked.get("/livez").text) == (200, "ok\n")


def test_verbose_says_one_line_a_check():
    assert client(well, ill, broken).get("/readyz?verbose").text == (
        "degraded\n[+] serving ok\n[+] database ok\n[-] backend failing\n[-] broken the check itself failed: RuntimeError\n"
    )


def test_json_says_the_same_to_who_asks_for_it():
    reply = client(well, ill).get("/readyz", headers={"Accept": "application/json"})
    assert reply.content_type == "application/json"
    assert json.loads(reply.data)["checks"] == [
        {"name": "serving", "ok": True, "text": "ok"},
        {"name": "database", "ok": True, "text": "ok"},
        {"name": "backend", "ok": False, "text": "failing"},
    ]
    assert client().get("/readyz", headers={"Accept": "*/*"}).content_type == "text/plain; charset=utf-8"


NOON = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)


def exchange(
    outcome: str, reason: str = "", finished: float = 0.0, url: str = "http://a/ivr", *, asked: bool = True, attempt: int = 0
) -> Exchange:
    seen = Exchange("id", "voicenter", 0.0, NOON, "", outcome=outcome, fallback_reason=reason, finished=finished, attempt=attempt)
    if asked:
        seen.hop.request = HttpRequest(url, (), b"")
        seen.hop.attempts.append(Attempt(0.0, 0.1, reason, 0))
    return seen


def test_the_record_counts_what_the_backend_did_and_nothing_else():
    now = [10.0]
    record = Record(lambda: now[0])
    assert record.check() == ("backend", True, "ok, not asked yet")
    record(exchange("fallback", "too_many_calls", asked=False))
    record(exchange("fallback", "internal"))
    assert record.check()[1]
    record(exchange("fallback", "refused"))
    record(exchange("fallback", "timeout"))
    record(exchange("stored", asked=False))
    assert record.check() == ("backend", False, "failing since 2026-11-20T12:00:00Z (timeout, 2 in a row), no answer yet")
    record(exchange("answered", finished=10.0))
    now[0] = 15.0
    assert record.check() == ("backend", True, "ok, last answer 5 s ago")
    record(exchange("fallback", "http_5xx"))
    assert record.check()[2] == "failing since 2026-11-20T12:00:00Z (http_5xx, 1 in a row), last answer 5 s ago"


@pytest.mark.parametrize("outcome", ["postponed", "dead_letter"])
def test_a_backend_that_takes_no_events_fails_also_while_it_answers(outcome: str):
    record = Record(lambda: 1.0)
    record(exchange("answered"))
    record(exchange(outcome, "http_5xx", attempt=1))
    record(exchange("answered"))
    assert record.check()[1:] == (False, "failing since 2026-11-20T12:00:00Z (http_5xx, 1 in a row), no answer yet")
    record(exchange("delivered", attempt=2))
    assert record.check()[1]


def test_a_backend_that_takes_events_fails_while_it_does_not_answer():
    record = Record(lambda: 1.0)
    record(exchange("fallback", "html"))
    record(exchange("delivered", attempt=1))
    assert record.check() == ("backend", False, "failing since 2026-11-20T12:00:00Z (html, 1 in a row), no answer yet")


def test_a_backend_that_answers_does_not_hide_another_that_fails():
    record = Record(lambda: 1.0)
    record(exchange("fallback", "refused", url="http://b:81/ivr"))
    record(exchange("answered", url="http://a:80/ivr"))
    assert record.check() == ("backend", False, "1 of 2 failing since 2026-11-20T12:00:00Z (refused, 1 in a row), no answer yet")


def test_a_bridge_whose_backend_is_down_is_degraded_and_ready(backend: backends.Backend, tmp_path):
    with bridges.running(tmp_path, f'[backend]\nurl = "{backend.url}"\n') as bridge:
        assert "[+] backend ok, not asked yet" in bridge.get("/readyz?verbose").body.decode()
        bridge.post(xml())
        assert "[+] backend ok, last answer 0 s ago" in bridge.get("/readyz?verbose").body.decode()
        backend.behave = backends.reply(b"<html>login</html>")
        bridge.post(xml())
        bridge.last_line(method="action_rejected", outcome="delivered")
        reply = bridge.get("/readyz?verbose")
        assert reply.status == 200
        assert reply.body.startswith(b"degraded\n[+] serving ok\n[-] backend failing since ")
        assert b"(html, 1 in a row), last answer " in reply.body
    assert [line["method"] for line in bridge.lines()] == ["GET_IVR_ACTION"] * 2 + ["action_rejected"]  # a look at the health is no exchange


@pytest.mark.alone
def test_it_answers_while_every_place_for_a_call_is_taken(tmp_path):
    held = threading.Event()

    def hold(connection, request):
        held.wait(10)
        backends.reply({"action": "hangup"})(connection, request)

    with backends.running(hold) as backend, bridges.running(tmp_path, ONE_PLACE.format(url=backend.url)) as bridge:
        waiting = threading.Thread(target=bridge.post, args=(xml(),))
        waiting.start()
        try:
            while not backend.requests:
                assert waiting.is_alive()
            for path in ("/livez", "/readyz", "/readyz?verbose"):
                reply = bridge.get(path)
                assert (reply.status, reply.body[:3]) == (200, b"ok\n")
                assert reply.seconds < 1
        finally:
            held.set()
            waiting.join()


@pytest.fixture(scope="module")
def bridge(tmp_path_factory: pytest.TempPathFactory):
    toml = '[backend]\nurl = "http://127.0.0.1:1"\n[voicenter]\nsecret = "correct-horse-battery"\nnetworks = ["192.0.2.1"]\n'
    with bridges.running(tmp_path_factory.mktemp("health"), toml) as running:
        yield running


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/livez/"])
def test_get_and_head_alone_are_allowed_and_no_secret_is_asked_for(bridge: bridges.Running, path: str):
    assert bridge.get(path).status == 200
    head = bridge.get(path, "HEAD")
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", "3")
    assert head.headers["cache-control"] == "no-store"
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        reply = bridge.get(path, method)
        assert (reply.status, reply.headers["allow"], reply.body) == (405, "GET, HEAD", b"method not allowed\n")
