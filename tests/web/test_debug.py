"""The debug pages of a real bridge: the same under several workers, for nobody who should not look, nothing in them that must not be read."""

from __future__ import annotations

import json
import re
import socket
import sqlite3
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support import backend as backends
from tests.support import bridge as bridges
from tests.support import databases
from tests.support.backend import in_turn, reply
from tests.support.bridge import awaited
from tests.support.calls import xml as question

TOML = """
[backend]
url = "{backend}"
deadline = "2s"
[backend.headers]
X-Tenant = "tenant-secret"
[database]
url = "{database}"
[debug]
enabled = true
{more}
[capture]
secret_menus = ["pin"]
"""
JSON = {"Accept": "application/json"}
SCRIPTS = {b'<script src="/debug/static/%s" defer>' % name for name in (b"htmx.min.js", b"sse.js")}
CALL = {"DID": "0731234567", "CALLER_ID": "0541112233", "CALLER_NAME": "Dana Levi", "IVR_UNIQUE_ID": "c1", "DTMF": "", "MENU": "-1"}


@pytest.fixture(scope="module", params=databases.KINDS)
def debugged(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[bridges.Running]:
    folder = tmp_path_factory.mktemp("debug")
    menu = reply(b'{"action": "menu", "menu": " main ", "prompt": "welcome"}')
    with backends.running(menu) as backend:
        toml = TOML.format(backend=backend.url, database=databases.fresh(request.param, folder), more="")
        with bridges.running(folder, toml, WEB_CONCURRENCY="3") as bridge:
            yield bridge


def listed(bridge: bridges.Running, call_id: str, count: int) -> list[dict]:
    """The exchanges of one call, once there are so many."""

    def look() -> list[dict]:
        got = bridge.post(b"", f"/debug/exchanges?call_id={call_id}", "GET", **JSON)
        assert got.status == 200, got.body
        found: list[dict] = json.loads(got.body)["exchanges"]
        return found if len(found) == count else []

    return awaited(look)


def test_what_any_worker_saw_is_shown_by_every_worker(debugged: bridges.Running):
    for _ in range(30):
        debugged.post(question(IVR_UNIQUE_ID="spread"))
    listed(debugged, "spread", 30)
    for _ in range(20):
        assert len(listed(debugged, "spread", 30)) == 30


def test_an_exchange_shows_its_five_stations_times_attempts_repairs_and_outcome(debugged: bridges.Running):
    debugged.post(question(**(CALL | {"IVR_UNIQUE_ID": "one"})))
    (row,) = listed(debugged, "one", 1)
    page = f"/debug/exchanges/{row['id']}"
    seen = json.loads(debugged.post(b"", page, "GET", **JSON).body)
    assert (seen["outcome"], seen["action"], seen["caller"], seen["called"]) == ("answered", "menu", "********33", "********67")
    assert list(seen["stations"]) == ["platform_request", "event", "backend_request", "backend_response", "platform_response"]
    assert seen["stations"]["event"]["event_id"] == seen["id"]
    assert seen["stations"]["event"]["caller_name"] == "***"
    assert seen["repairs"] == [{"kind": "blanks", "path": "menu", "detail": '" main " read as "main"'}]
    assert [attempt["status"] for attempt in seen["attempts"]] == [200]
    assert seen["total_ms"] >= seen["backend_ms"] > 0
    html = debugged.post(b"", page, "GET").body.decode()
    assert re.findall("<h3>(.*?)</h3>", html) == [
        "Phone system asks", "Event", "Backend is asked", "Backend answers", "Phone system is answered",
    ]  # fmt: skip
    for word in ("answered", "GET_IVR_ACTION", "blanks", "MENU", "ms at the backend"):
        assert word in html


def test_a_report_and_its_delivery_are_two_exchanges_of_one_call(debugged: bridges.Running):
    debugged.post(question("HANGUP_CALL", IVR_UNIQUE_ID="ended", CALLER_ID="0541112233", DID="0731234567"))
    stored, delivered = sorted(listed(debugged, "ended", 2), key=lambda row: row["method"])
    assert [(row["method"], row["outcome"], row["dialect"]) for row in (stored, delivered)] == [
        ("HANGUP_CALL", "stored", "xmlrpc"), ("call_ended", "delivered", "json"),
    ]  # fmt: skip
    report, delivery = (json.loads(debugged.post(b"", f"/debug/exchanges/{row['id']}", "GET", **JSON).body) for row in (stored, delivered))
    assert report["stations"]["event"] == delivery["stations"]["event"]
    assert report["trace_id"] == delivery["trace_id"]
    assert (report["stations"]["backend_request"], report["attempts"]) == (None, [])
    assert [(attempt["number"], attempt["status"]) for attempt in delivery["attempts"]] == [(1, 200)]
    html = debugged.post(b"", f"/debug/exchanges/{delivered['id']}", "GET").body.decode()
    assert html.count('<p class="empty">nothing</p>') == 2, "the phone system has no part in it"
    for secret in ("0731234567", "0541112233"):
        assert secret not in html


def test_nothing_that_must_not_be_read_is_on_any_page(debugged: bridges.Running):
    debugged.post(question(**(CALL | {"IVR_UNIQUE_ID": "red", "MENU": "pin", "DTMF": "73"})))
    (row,) = listed(debugged, "red", 1)
    for path in ("/debug/", "/debug/exchanges", f"/debug/exchanges/{row['id']}"):
        for headers in (JSON, {}):
            text = debugged.post(b"", path, "GET", **headers).body.decode()
            for secret in ("0731234567", "0541112233", "Dana", "tenant-secret", ">73<", '"73"'):
                assert secret not in text


def test_an_attack_in_a_payload_is_text_on_the_page(debugged: bridges.Running):
    debugged.post(question(IVR_UNIQUE_ID="xss", MENU="<script>alert(1)</script>"))
    (row,) = listed(debugged, "xss", 1)
    for path in ("/debug/exchanges", f"/debug/exchanges/{row['id']}"):
        got = debugged.post(b"", path, "GET")
        assert set(re.findall(rb"<script[^>]*>", got.body)) - {b'<script src="/debug/static/copy.js" defer>'} == SCRIPTS
        assert b"&lt;script&gt;alert(1)" in got.body
        assert got.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'; style-src 'self'")
        assert got.headers["cache-control"] == "no-store"


def test_the_pages_refuse_whoever_is_not_on_this_machine(debugged: bridges.Running):
    assert debugged.post(b"", "/debug/", "GET").status == 200
    for headers in (
        {"X_Forwarded_For": "127.0.0.1"}, {"Forwarded": "for=127.0.0.1"}, {"Via": "1.1 proxy"}, {"X_Real_IP": "127.0.0.1"},
        {"Host": "bridge.example"}, {"Host": "127.0.0.1.evil.example"}, {"Host": "localhost.evil.example:80"},
    ):  # fmt: skip
        for path in ("/debug/", "/debug/exchanges/x", "/debug/static/debug.css"):
            assert debugged.post(b"", path, "GET", **headers).status == 403, (headers, path)
    for host in ("localhost", "LOCALHOST:8080", "127.0.0.1", "[::1]:8080"):
        assert debugged.post(b"", "/debug/", "GET", Host=host).status == 200


def test_pages_that_are_not_there_say_so_in_the_form_asked_for(debugged: bridges.Running):
    got = debugged.post(b"", "/debug/exchanges/01ARZ3NDEKTSV4RRFFQ69G5FAV", "GET", **JSON)
    assert (got.status, json.loads(got.body)) == (404, {"error": "No exchange 01ARZ3NDEKTSV4RRFFQ69G5FAV is kept: it is too old, was dropped, or never was."})
    assert debugged.post(b"", "/debug/exchanges/x", "GET").status == 404
    assert debugged.post(b"", "/debug/static/../debug.py", "GET").status == 404


def test_a_proxy_that_says_nothing_of_itself_speaks_http_1_0(debugged: bridges.Running):
    with socket.create_connection(("127.0.0.1", debugged.port)) as connection:
        connection.sendall(f"GET /debug/ HTTP/1.0\r\nHost: 127.0.0.1:{debugged.port}\r\n\r\n".encode())
        assert connection.makefile("rb").readline().split()[1] == b"403"


def test_pages_change_nothing(debugged: bridges.Running):
    for method in ("POST", "PUT", "DELETE"):
        assert debugged.post(b"", "/debug/", method).status == 405


def test_a_token_opens_the_pages_from_anywhere_and_nothing_else_does(tmp_path: Path):
    token = "a-token-of-20-letters"
    more = f'token = "{token}"'
    with backends.running(reply(b"{}")) as backend:
        toml = TOML.format(backend=backend.url, database=f"sqlite:///{tmp_path}/x.db", more=more)
        with bridges.running(tmp_path, toml) as bridge:

            def status(authorization: str = "", **headers: str) -> int:
                return bridge.post(b"", "/debug/", "GET", **({"Authorization": authorization} if authorization else {}), **headers).status

            basic = "Basic " + b64encode(f"anyone:{token}".encode()).decode()
            assert [status(f"Bearer {token}"), status(basic), status(f"bearer {token}", Host="bridge.example", Via="1.1 p")] == [200] * 3
            assert bridge.post(b"", "/debug/", "GET").headers["www-authenticate"].startswith("Bearer")
            wrong = ["", "Bearer", "Bearer wrong", f"Bearer {token}x", "Basic !!", "Basic " + b64encode(b"x:wrong").decode(), token, "Basic é"]
            assert [status(given) for given in wrong] == [401] * len(wrong)
            assert bridge.last_line("request_refused", platform="debug", reason="token")


def test_without_debug_enabled_there_is_nothing_to_see_and_nothing_is_recorded(tmp_path: Path):
    with backends.running(reply(b"{}")) as backend, bridges.running(tmp_path, f'[backend]\nurl = "{backend.url}"\n') as bridge:
        bridge.post(question())
        assert bridge.post(b"", "/debug/", "GET").status == 404
        assert bridge.last_line(method="GET_IVR_ACTION")
        assert bridge.last_line(method="action_rejected", outcome="delivered")
        with closing(sqlite3.connect(tmp_path / "rpcbridge.db")) as database:
            parts = {part for (part,) in database.execute("SELECT part FROM rpcbridge_schema")}
        assert parts == {"outbox", "calls"}


@pytest.mark.alone
def test_a_call_does_not_notice_that_nothing_can_be_recorded(tmp_path: Path):
    with backends.running(reply(b'{"action": "hangup"}')) as backend:
        toml = TOML.format(backend=backend.url, database=f"sqlite:///{tmp_path}/none/x.db", more="")
        with bridges.running(tmp_path, toml) as bridge:
            started = time.monotonic()
            assert [bridge.post(question()).status for _ in range(20)] == [200] * 20
            assert time.monotonic() - started < 6
            assert bridge.last_line("debug_store_failing")
            got = bridge.post(b"", "/debug/", "GET", **JSON)
            assert (got.status, list(json.loads(got.body))) == (503, ["error"])
            assert b"The exchanges cannot be read" in bridge.post(b"", "/debug/", "GET").body


def test_the_log_has_a_line_for_each_attempt_that_failed(tmp_path: Path):
    flapping = in_turn(reply(b"", 503), reply(b"", 502), reply(b'{"action": "hangup"}'))
    with backends.running(flapping) as backend, bridges.running(tmp_path, f'[backend]\nurl = "{backend.url}"\n') as bridge:
        bridge.post(question(IVR_UNIQUE_ID="c9"))
        line = bridge.last_line(outcome="answered")
        failed = bridge.lines("attempt_failed")
        assert [(one["attempt"], one["http_status"], one["reason"], one["call_id"]) for one in failed] == [
            (1, 503, "http_5xx", "c9"), (2, 502, "http_5xx", "c9"),
        ]  # fmt: skip
        assert {one["trace_id"] for one in failed} == {line["trace_id"]}
        assert list(line)[:4] == ["timestamp", "level", "event", "trace_id"]
        assert failed[0]["timestamp"] <= failed[1]["timestamp"] <= line["timestamp"]
