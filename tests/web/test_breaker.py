"""A backend that is down costs a few callers the deadline, and the others nothing: the whole line with its breaker."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support import backend as backends
from tests.support import bridge as bridges
from tests.support.backend import Backend, reply, slow
from tests.support.calls import xml
from tests.support.profile import check_reply

pytestmark = pytest.mark.alone

TOML = """
[backend]
url = "{url}"
deadline = "400ms"
[backend.breaker]
failures = 3
interval = "2s"
[fallback]
action = "menu"
menu = "fallback"
prompt = "technical_problem"
"""
AT_ONCE = 0.15  # three times the 50 ms that are promised: tests run on busy machines
ANSWER = {"action": "menu", "menu": "back", "prompt": "p"}


class Down:
    """A backend that is down in one way or another, until it comes back."""

    def __init__(self, url: str, come_back) -> None:
        self.url = url
        self.come_back = come_back


@contextmanager
def dead() -> Iterator[Down]:
    """Nobody listens on its port."""
    port, started = bridges.free_port(), []

    def come_back() -> None:
        started.append(Backend(reply(ANSWER), _listener=socket.create_server(("127.0.0.1", port))))
        threading.Thread(target=started[0].accept, daemon=True).start()

    try:
        yield Down(f"http://127.0.0.1:{port}", come_back)
    finally:
        for backend in started:
            backend.close()


@contextmanager
def hanging() -> Iterator[Down]:
    """It takes every request and answers none in time."""
    with backends.running(slow(2, reply(ANSWER))) as backend:
        yield Down(backend.url, lambda: setattr(backend, "behave", reply(ANSWER)))


def menu_of(answer: bridges.Reply) -> str:
    return check_reply(answer.status, answer.headers, answer.body)["DATA"]["MENU"]


@pytest.mark.parametrize(("kind", "reason"), [(dead, "refused"), (hanging, "timeout")], ids=["dead", "hanging"])
def test_a_backend_goes_away_and_comes_back(tmp_path, kind, reason: str):
    with kind() as down, bridges.running(tmp_path, TOML.format(url=down.url)) as bridge:
        for number in range(3):
            assert menu_of(bridge.post(xml(IVR_UNIQUE_ID=f"a{number}"))) == "fallback"
        for number in range(5):
            answer = bridge.post(xml(IVR_UNIQUE_ID=f"b{number}"))
            assert (menu_of(answer), answer.seconds < AT_ONCE) == ("fallback", True), answer.seconds
        health = bridge.get("/readyz?verbose")
        assert (health.status, health.body[:9]) == (200, b"degraded\n")
        assert re.search(rf"\[-\] breaker open for [01] s \({reason}\)\n", health.body.decode())
        checks = json.loads(bridge.get("/readyz", Accept="application/json").body)["checks"]
        assert [check["ok"] for check in checks if check["name"] == "breaker"] == [False]
        down.come_back()
        bridges.awaited(lambda: menu_of(bridge.post(xml())) == "back", 10)
        assert [menu_of(bridge.post(xml(IVR_UNIQUE_ID=f"c{number}"))) for number in range(3)] == ["back"] * 3
        assert b"[+] breaker ok\n" in bridge.get("/readyz?verbose").body
    (opened,), (closed,) = bridge.lines("breaker_opened"), bridge.lines("breaker_closed")
    reasons = [line.get("fallback_reason") for line in bridge.lines()]
    assert (opened["level"], opened["backend"], opened["failures"], opened["reason"]) == ("warning", down.url, 3, reason)
    assert (closed["level"], closed["backend"]) == ("info", down.url)
    assert 1.9 <= closed["seconds"] < 12
    assert reasons[:3] == [reason] * 3
    assert reasons[3:8] == ["breaker_open"] * 5
    assert set(reasons[8:-4]) <= {"breaker_open"}, "the first probe closed it"
    assert reasons[-4:] == [None] * 4


def test_events_are_delivered_while_it_is_open(tmp_path):
    with backends.running(slow(2, reply())) as backend, bridges.running(tmp_path, TOML.format(url=backend.url)) as bridge:
        for number in range(3):
            bridge.post(xml(IVR_UNIQUE_ID=f"a{number}"))
        backend.behave = reply(b"", 204)
        answer = bridge.post(xml("HANGUP_CALL"))
        assert check_reply(answer.status, answer.headers, answer.body) == {"STATUS": 0}
        assert menu_of(bridge.post(xml())) == "fallback"
        assert bridge.last_line(fallback_reason="breaker_open")
