"""The API's door, through a real bridge: who may enter, how every refusal looks, what is logged of it."""

from __future__ import annotations

import http.client
import json
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import bridge as bridges
from tests.support.bridge import ROOT, Reply, Running

TOKEN = "b7c1e0f24d8a4c3f9a5e6d7081923abc"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
TOML = """
[backend]
url = "http://127.0.0.1:9"
"""
OPEN = f'{TOML}\n[api]\ntoken = "{TOKEN}"\n'


@pytest.fixture(scope="module")
def bridge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with bridges.running(tmp_path_factory.mktemp("open"), OPEN) as running:
        yield running


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with bridges.running(tmp_path_factory.mktemp("closed"), TOML) as running:
        yield running


def problem(reply: Reply, status: int, reason: str) -> dict:
    """The reply's problem, which has all that RFC 9457 wants of one."""
    assert (reply.status, reply.headers["content-type"]) == (status, "application/problem+json")
    assert reply.headers["cache-control"] == "no-store"
    assert reply.headers["x-content-type-options"] == "nosniff"
    said = json.loads(reply.body)
    assert (said["type"], said["status"], said["reason"]) == ("about:blank", status, reason)
    assert said["title"]
    assert said["detail"]
    return said


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/calls", "/api/mediaservice/promptfile"])
def test_without_a_token_it_is_closed_to_this_very_machine_too(closed: Running, path: str):
    for headers in ({}, BEARER, {"Authorization": "Bearer "}):
        for method in ("GET", "POST"):
            said = problem(closed.post(b"{}", path, method, **headers), 403, "closed")
            assert "set api.token" in said["detail"]


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer ", f"Basic {TOKEN}", TOKEN])
def test_who_sends_no_token_is_told_to(bridge: Running, authorization: str):
    reply = bridge.get("/api/calls", Authorization=authorization)
    problem(reply, 401, "no_token")
    assert reply.headers["www-authenticate"] == 'Bearer realm="rpcbridge api"'


@pytest.mark.parametrize("token", [TOKEN[:-1], TOKEN + "0", TOKEN.upper(), "\xe9" * 20])
def test_any_other_token_is_refused(bridge: Running, token: str):
    reply = bridge.get("/api/calls", Authorization=f"Bearer {token}")
    problem(reply, 401, "token")
    assert reply.headers["www-authenticate"] == 'Bearer realm="rpcbridge api", error="invalid_token"'


def test_who_guesses_is_not_heard_for_a_while(tmp_path: Path):
    with bridges.running(tmp_path, OPEN) as bridge:
        for _ in range(10):
            problem(bridge.get("/api/x", Authorization="Bearer wrong"), 401, "token")
        reply = bridge.get("/api/x", **BEARER)
        problem(reply, 429, "too_many")
        assert 1 <= int(reply.headers["retry-after"]) <= 60
        problem(bridge.get("/api/x"), 401, "no_token")


def test_what_is_not_there_is_a_problem_too(bridge: Running):
    for path in ("/api", "/api/", "/api/none", "/api/none/none", "/api//", "/api/none/../../debug"):
        problem(bridge.get(path, **BEARER), 404, "not_found")
    assert bridge.get("/apix").headers["content-type"] == "text/plain; charset=utf-8"


def test_a_stranger_s_body_is_not_read(bridge: Running):
    for authorization, status in (("", 401), (f"Authorization: Bearer {TOKEN}\r\n", 404)):
        with socket.create_connection(("127.0.0.1", bridge.port), 5) as stranger:
            stranger.sendall(f"POST /api/none/none HTTP/1.1\r\nHost: x\r\n{authorization}Content-Length: 1000000\r\n\r\nx".encode())
            with http.client.HTTPResponse(stranger) as reply:
                reply.begin()
                assert (reply.status, reply.headers["Connection"]) == (status, "close")


def test_a_small_body_that_nobody_wants_does_not_cost_its_sender_the_reply(bridge: Running):
    for authorization, status in (("", 401), (f"Authorization: Bearer {TOKEN}\r\n", 404)):
        with socket.create_connection(("127.0.0.1", bridge.port), 5) as stranger:
            for _ in range(2):  # over one connection
                stranger.sendall(f"POST /api/none/none HTTP/1.1\r\nHost: x\r\n{authorization}Content-Length: 5\r\n\r\n".encode())
                time.sleep(0.05)
                stranger.sendall(b"12345")
                with http.client.HTTPResponse(stranger) as reply:
                    reply.begin()
                    assert (reply.status, reply.headers["Connection"], bool(reply.read())) == (status, "keep-alive", True)


def test_another_method_of_a_path_that_is_there(bridge: Running):
    for method, path, allowed in (("GET", "/api/calls/x/action", "POST"), ("DELETE", "/api/calls/x", "GET")):
        reply = bridge.get(path, method, **BEARER)
        problem(reply, 405, "method_not_allowed")
        assert allowed in reply.headers["allow"]


def test_a_head_has_no_body(bridge: Running):
    reply = bridge.get("/api/none", "HEAD", **BEARER)
    assert (reply.status, reply.body) == (404, b"")


def test_the_token_opens_nothing_else_and_no_cookie_opens_it(bridge: Running):
    assert bridge.get("/debug/", **BEARER).status == 404
    problem(bridge.get("/api/none", Cookie=f"rpcbridge_session={TOKEN}; token={TOKEN}"), 401, "no_token")
    problem(bridge.get(f"/api/none?token={TOKEN}&access_token={TOKEN}"), 401, "no_token")


def test_each_request_is_one_line_without_what_must_not_be_read(bridge: Running):
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    bridge.get("/api/none/0540000001?number=0540000001", traceparent=trace, **BEARER)
    line = bridge.last_line("api_request", trace_id=trace[3:35])
    assert set(line) == {"timestamp", "level", "event", "trace_id", "method", "http_status", "reason", "total_ms"}
    assert (line["level"], line["method"], line["http_status"], line["reason"]) == ("info", "GET", 404, "not_found")
    bridge.get("/api/0540000001", Authorization="Bearer 0540000001", traceparent=trace.replace("0af", "0bf"))
    line = bridge.last_line("api_request", trace_id=trace.replace("0af", "0bf")[3:35])
    assert (line["level"], line["http_status"], line["reason"], line["client"]) == ("warning", 401, "token", "127.0.0.1")
    log = bridge.log.read_text()
    assert TOKEN not in log
    assert not re.search("0540000001", log)


def test_the_token_is_a_secret_of_sixteen_characters(tmp_path: Path):
    with pytest.raises(AssertionError, match=r"api\.token: expected 16 to 128 printable"), bridges.running(tmp_path, f'{TOML}\n[api]\ntoken = "short"\n'):
        pass


def test_every_reason_stands_in_the_document():
    sources = [file.read_text("utf-8") for file in (ROOT / "rpcbridge" / "web" / "api").glob("*.py")]
    reasons = {reason for source in sources for reason in re.findall(r'Refusal\(\d+, "(\w+)"', source)}
    assert {"not_found", "busy", "too_many"} <= reasons
    document = (ROOT / "docs" / "mediaservice.md").read_text("utf-8")
    assert {reason for reason in reasons if f"`{reason}`" not in document} == set()
