"""What calls, breaker and outbox see of it: nothing that takes time, and a message soon after; with real gunicorn too."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rpcbridge.alerts import Alerts
from rpcbridge.domain.origins import made
from rpcbridge.exchange import Exchange
from rpcbridge.settings import Alerts as Section
from tests.alerts.conftest import SECRET, told
from tests.support import backend as backends
from tests.support import calls
from tests.support.bridge import awaited, free_port, running


def exchange(outcome: str, reason: str = "") -> Exchange:
    return Exchange("01M7XJK07BM7KM7XJHTX9XRJMT", "voicenter", 0.0, datetime.now(UTC), "", outcome=outcome, fallback_reason=reason)


@pytest.fixture
def alerts(url: str, hook: backends.Backend) -> Iterator[Alerts]:
    telling = Alerts(Section(hook.url, (SECRET,), 1.0), url)
    yield telling
    telling.close()


def test_what_is_observed_is_told_and_its_end_too(alerts: Alerts, hook: backends.Backend):
    alerts.observe(exchange("answered"))
    for _ in range(5):
        alerts.observe(exchange("fallback", "timeout"))
        alerts.observe(exchange("undelivered", "refused"))
    awaited(lambda: len(hook.requests) == 2, 10)
    assert [(said["alert"], said["state"], said["reasons"]) for said in told(hook)] == [
        ("fallbacks", "firing", {"timeout": 5}), ("fallbacks", "resolved", {"timeout": 5}),
    ]  # fmt: skip
    assert alerts.check() == ("alerts", True, "ok")


def test_what_went_on_by_itself_alarms_nobody_and_an_unknown_call_does(alerts: Alerts, hook: backends.Backend):
    for outcome in ("continued", "noted"):
        alerts.observe(exchange(outcome))
    alerts.observe(exchange("fallback", "unknown_session"))  # whoever is in that call hears the fallback, and the end
    awaited(lambda: hook.requests, 10)
    assert told(hook)[0]["reasons"] == {"unknown_session": 1}


def test_what_nobody_dialled_alarms_nobody(alerts: Alerts, hook: backends.Backend):
    for origin in ("phone", "drill", "replay"):
        seen = exchange("fallback", "invalid_answer")
        seen.content = {"call_id": made(origin, seen.id)}
        alerts.observe(seen)
    alerts.observe(exchange("fallback", "timeout"))
    awaited(lambda: hook.requests, 10)
    assert told(hook)[0]["reasons"] == {"timeout": 1}


def test_a_breaker_and_dead_letters_are_told_without_anything_of_a_call(alerts: Alerts, hook: backends.Backend):
    alerts.breaker("api.example:443", True, "timeout")
    alerts.breaker("api.example:443", True, "timeout")  # said again, it is no other
    alerts.dead_letter("call_ended", "http_4xx")
    alerts.dead_letter("0540000000", "422 for 0540000000, call ced4619f30fc")
    awaited(lambda: len(hook.requests) == 2)
    down, dead = told(hook)
    assert (down["backends"], down["reasons"]) == (["api.example:443"], {"timeout": 1})
    assert dead["reasons"] == {"call_ended http_4xx": 1, "other other": 1}
    alerts.breaker("api.example:443", False, "")
    awaited(lambda: [said for said in hook.requests if said.json["alert"] == "backend_down"], 10)
    assert {(said["alert"], said["state"]) for said in told(hook)} >= {("backend_down", "resolved")}


def test_a_process_that_starts_later_tells_the_end(url: str, hook: backends.Backend):
    first = Alerts(Section(hook.url, (), 2.0), url)
    first.observe(exchange("fallback", "timeout"))
    awaited(lambda: hook.requests)
    first.close()
    told(hook)
    later = Alerts(Section(hook.url, (), 2.0), url)
    later.observe(exchange("answered"))
    awaited(lambda: hook.requests, 10)
    assert [said["state"] for said in told(hook)] == ["resolved"]
    later.close()


def test_what_was_counted_when_a_process_ends_is_told_by_another(url: str, hook: backends.Backend):
    first = Alerts(Section(hook.url, (), 1.0), url)
    first.observe(exchange("fallback", "timeout"))
    first.close()
    assert told(hook) == []
    later = Alerts(Section(hook.url, (), 1.0), url)
    later.observe(exchange("answered"))
    awaited(lambda: hook.requests, 10)
    assert told(hook)[0]["reasons"] == {"timeout": 1}
    later.close()


@pytest.mark.alone
def test_nobody_waits_for_a_hook_that_does_not_answer(alerts: Alerts, hook: backends.Backend):
    hook.behave = backends.slow(3, backends.reply(b"", 204, ""))
    alerts.observe(exchange("fallback", "timeout"))
    awaited(lambda: hook.requests)
    before = time.monotonic()
    for _ in range(1000):
        alerts.observe(exchange("fallback", "timeout"))
        alerts.observe(exchange("answered"))
    assert time.monotonic() - before < 1


@pytest.mark.alone
def test_two_workers_tell_of_a_dead_backend_once_and_of_its_return_once(tmp_path: Path, hook: backends.Backend):
    port = free_port()
    toml = f"""
        [server]
        workers = 2
        pin_workers = false
        [backend]
        url = "http://127.0.0.1:{port}"
        deadline = "300ms"
        breaker = {{ failures = 1000 }}
        [alerts]
        url = "{hook.url}/services/T0"
        secrets = ["{SECRET}"]
        interval = "3s"
    """
    with running(tmp_path, toml, WEB_CONCURRENCY="2") as bridge, ThreadPoolExecutor(40) as pool:
        awaited(lambda: bridge.log.read_text().count("Booting worker") == 2)
        time.sleep(1)  # until both listen
        before = time.monotonic()
        list(pool.map(lambda number: bridge.post(calls.xml(IVR_UNIQUE_ID=f"{number:032x}")), range(40)))
        awaited(lambda: hook.requests)
        assert time.monotonic() - before < 3 * 3
        (firing,) = told(hook)
        assert (firing["alert"], firing["state"], firing["scope"]) == ("fallbacks", "firing", "installation")
        assert (firing["count"], firing["reasons"]) == (40, {"refused": 40})
        pages = [bridge.get("/readyz?verbose").body.decode() for _ in range(40)]
        assert {page.splitlines()[-1] for page in pages} == {"[+] alerts ok"}
        assert "40 in a row" not in "".join(pages)  # no worker has seen them all
        awaited(lambda: hook.requests, 15)
        time.sleep(4)  # an interval more, in which nobody says anything
        (resolved,) = told(hook)
        assert (resolved["state"], resolved["count"]) == ("resolved", 40)
        assert resolved["text"].startswith("rpcbridge: back to normal, no fallback since ")
    assert "0540000000" not in str((firing, resolved))


def test_a_breaker_that_opens_and_a_dead_letter_are_told_and_so_is_their_end(tmp_path: Path, hook: backends.Backend):
    with backends.running(backends.reply(b"", 503, "")) as backend:
        toml = f"""
            [backend]
            url = "{backend.url}"
            deadline = "200ms"
            breaker = {{ failures = 2, interval = "200ms" }}
            [events]
            retry_after = []
            [alerts]
            url = "{hook.url}/services/T0"
            interval = "2s"
        """
        seen: list[dict] = []

        def of(kind: str, state: str) -> list[dict]:
            seen.extend(json.loads(request.body) for request in hook.requests)
            hook.requests.clear()
            return [one for one in seen if (one["alert"], one["state"]) == (kind, state)]

        with running(tmp_path, toml) as bridge:
            for number in range(3):
                bridge.post(calls.xml(IVR_UNIQUE_ID=f"{number:032x}"))
            bridge.post(calls.xml("HANGUP_CALL", IVR_UNIQUE_ID="a" * 32))
            (down,) = awaited(lambda: of("backend_down", "firing"), 10)
            assert down["backends"] == [backend.url]
            (dead,) = awaited(lambda: of("dead_letters", "firing"), 10)
            assert (dead["count"], dead["reasons"]) == (1, {"call_ended http_5xx": 1})
            backend.behave = backends.reply({"action": "hangup"})
            time.sleep(0.3)
            bridge.post(calls.xml(IVR_UNIQUE_ID="b" * 32))
            awaited(lambda: of("backend_down", "resolved") and of("dead_letters", "resolved"), 15)
