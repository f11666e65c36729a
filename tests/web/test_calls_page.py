"""The list of calls of a real bridge with four workers: found by every filter, live across workers, and never in a call's way."""

from __future__ import annotations

import http.client
import json
import re
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest

from rpcbridge.domain.origins import made
from tests.support import backend as backends
from tests.support import bridge as bridges
from tests.support import databases
from tests.support.backend import reply
from tests.support.bridge import awaited
from tests.support.calls import xml

ULID = "01KB0Q8ZJ5T3V9W2X4Y6Z8A0BC"
JSON = {"Accept": "application/json"}
TOML = """
[server]
{server}
[backend]
url = "{backend}"
deadline = "2s"
[database]
url = "{database}"
[debug]
enabled = true
[fallback]
action = "hangup"
"""
MENU = reply({"action": "menu", "menu": "main", "prompt": "welcome"})


@contextmanager
def serving(folder: Path, *, database: str = "", server: str = "", workers: int = 4) -> Iterator[tuple[bridges.Running, backends.Backend]]:
    with backends.running(MENU) as backend:
        backend.take = reply(b"", 204)
        toml = TOML.format(backend=backend.url, database=database or f"sqlite:///{folder / 'x.db'}", server=server)
        with bridges.running(folder, toml, WEB_CONCURRENCY=str(workers)) as bridge:
            yield bridge, backend


@pytest.fixture(scope="module", params=databases.KINDS)
def bridge(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[bridges.Running]:
    """Has one call of every kind: ended, fallback, under way, a phone's; and a request that belongs to none."""
    folder = tmp_path_factory.mktemp("calls")
    with serving(folder, database=databases.fresh(request.param, folder)) as (bridge, backend):
        bridge.post(xml(IVR_UNIQUE_ID="under-way", CALLER_ID="0541111122", DID="0739999911"))
        for menu, digits in (("-1", ""), ("main", "1"), ("pin", "7")):
            bridge.post(xml(IVR_UNIQUE_ID="ended", CALLER_ID="0541112233", MENU=menu, DTMF=digits))
        bridge.post(xml("HANGUP_CALL", IVR_UNIQUE_ID="ended", CALLER_ID="0541112233", CALL_STATUS="BUSY"))
        backend.behave = reply(b"<html>", 200, "Content-Type: text/html\r\n")
        bridge.post(xml(IVR_UNIQUE_ID="fell-back", MENU="main", DTMF="2"))
        backend.behave = MENU
        bridge.post(xml(IVR_UNIQUE_ID=made("phone", ULID)))
        bridge.post(b"junk")
        awaited(lambda: len(calls_of(bridge)) == 5 and exchanges(bridge) >= 10, 20)
        yield bridge


def exchanges(bridge: bridges.Running) -> int:
    kept: int = json.loads(bridge.get("/debug/", **JSON).body)["kept"]
    return kept


def calls_of(bridge: bridges.Running, **filters: object) -> list[dict]:
    got = bridge.get(f"/debug/?{urlencode(filters)}", **JSON)
    assert got.status == 200, got.body
    return json.loads(got.body)["calls"]


def ids(bridge: bridges.Running, **filters: object) -> set[str]:
    return {call["call_id"] for call in calls_of(bridge, **filters)}


def test_a_call_is_one_row(bridge: bridges.Running):
    (call,) = calls_of(bridge, call="ended")
    wanted = {
        "caller": "********33", "called": "********00", "platform": "voicenter", "turns": 3, "outcome": "ended", "call_status": "busy",
        "exchanges": 5, "reason": "", "origin": "", "replays": "",
    }  # fmt: skip
    assert wanted.items() <= call.items()
    assert call["first"] < call["last"]
    assert call["slowest"]["where"] in ("backend", "bridge")
    assert {call["call_id"]: call["outcome"] for call in calls_of(bridge)} == {
        "ended": "ended", "under-way": "under_way", "fell-back": "fallback", made("phone", ULID): "under_way", "": "refused",
    }  # fmt: skip
    assert [call["reason"] for call in calls_of(bridge, outcome="fallback")] == ["html"]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"call": "ended"}, {"ended"}), ({"call": "end"}, {"ended"}), ({"call": "ENDED"}, set()), ({"call": "%"}, set()),
        ({"number": "0541112233"}, {"ended"}), ({"number": " 054-111 22-33 "}, {"ended"}), ({"number": "0739999911"}, {"under-way"}),
        ({"number": "1112233"}, set()), ({"menu": "pin"}, {"ended"}), ({"menu": "main", "digits": "1"}, {"ended"}),
        ({"menu": "main", "digits": "7"}, set()), ({"digits": "2"}, {"fell-back"}), ({"outcome": "fallback"}, {"fell-back"}),
        ({"outcome": "fallback", "reason": "html"}, {"fell-back"}), ({"reason": "timeout"}, set()), ({"outcome": "ended"}, {"ended"}),
        ({"outcome": "ended", "menu": "pin"}, {"ended"}), ({"outcome": "ended", "menu": "main", "digits": "2"}, set()),
        ({"outcome": "under_way"}, {"under-way", "fell-back", made("phone", ULID)}), ({"outcome": "refused"}, {""}),
        ({"outcome": "not_stored"}, set()), ({"outcome": "dead_letter"}, set()), ({"outcome": "postponed"}, set()),
        ({"origin": "phone"}, {made("phone", ULID)}), ({"origin": "real", "kind": "calls"}, {"ended", "under-way", "fell-back"}),
        ({"kind": "rest"}, {""}), ({"platform": "voicenter", "digits": "7"}, {"ended"}), ({"platform": "other"}, set()),
        ({"last": "15m", "digits": "7"}, {"ended"}), ({"from": "2020-01-01", "until": "2020-12-31"}, set()),
        ({"from": "2020-01-01T00:00", "digits": "7"}, {"ended"}), ({"until": "2020-01-01 10:00:00Z"}, set()),
    ],
)  # fmt: skip
def test_every_filter_finds_what_it_says(bridge: bridges.Running, filters: dict[str, str], found: set[str]):
    assert ids(bridge, **filters) == found


def test_today_is_until_the_end_of_the_day(bridge: bridges.Running):
    today = datetime.now(UTC)
    assert "ended" in ids(bridge, until=f"{today:%Y-%m-%d}") | ids(bridge, until=f"{today - timedelta(days=1):%Y-%m-%d}")
    assert "ended" in ids(bridge, until=f"{today + timedelta(minutes=1):%Y-%m-%dT%H:%M:%S}")


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("outcome", "bad", "expected one of not_stored, dead_letter, fallback"), ("origin", "x", "expected one of real, phone"),
        ("last", "1y", "expected one of 15m, 1h, 24h, 7d"), ("from", "yesterday", "a time in UTC such as 2026-11-20T21:30"),
        ("until", "2026-13-01", "a time in UTC"), ("until", "9999-12-31", "a time in UTC"), ("from", "2026-11-20T25:00", "a time in UTC"),
        ("before", "x", "the number that the page before ended with"), ("before", "9" * 30, "the number"), ("number", "****67", "masked numbers"),
        ("digits", "1234", "**** finds every input of 4"), ("digits", "a b", "what a caller can press"), ("menu", "x" * 201, "longer than 200"),
        ("outcom", "ended", "there is no such filter"), ("<b>", "x", "there is no such filter"), ("kind", "x\0", "expected one of"),
    ],
)  # fmt: skip
def test_a_filter_that_is_none_is_named(bridge: bridges.Running, field: str, value: str, message: str):
    got = bridge.get(f"/debug/?{urlencode({field: value})}", **JSON)
    said = json.loads(got.body)
    assert (got.status, said["problems"][0]["field"]) == (400, field)
    assert message in said["problems"][0]["message"]
    page = bridge.get(f"/debug/?{urlencode({field: value})}")
    assert page.status == 400
    assert b"<b>" not in page.body


def test_all_faults_are_named_at_once_and_last_goes_alone(bridge: bridges.Running):
    said = json.loads(bridge.get("/debug/?last=1h&from=2026-01-01&outcome=x", **JSON).body)
    assert [problem["field"] for problem in said["problems"]] == ["outcome", "last"]


def test_odd_texts_are_no_fault(bridge: bridges.Running):
    for odd in ("\0", "'; DROP TABLE exchanges; --", "\ud800", "<script>alert(1)</script>", "%' OR 1=1", "א" * 200):
        for field in ("call", "number", "menu", "reason", "platform"):
            got = bridge.get(f"/debug/?{urlencode({field: odd}, errors='surrogatepass')}")
            assert got.status == 200
            assert b"<script>alert" not in got.body


def test_what_is_empty_is_taken_out_of_the_address(bridge: bridges.Running):
    got = bridge.get("/debug/?call=&number=&menu=a+b&outcome=")
    assert (got.status, got.headers["location"]) == (302, "/debug/?menu=a+b")
    assert bridge.get("/debug/?call=").headers["location"] == "/debug/"


def test_pages_follow_each_other_without_a_gap_and_without_a_call_twice(tmp_path: Path):
    with serving(tmp_path, workers=1) as (bridge, _):
        for number in range(130):
            bridge.post(xml(IVR_UNIQUE_ID=f"c{number % 120:03}"))
        awaited(lambda: exchanges(bridge) == 130, 20)
        found, older = [], None
        while True:
            page = json.loads(bridge.get("/debug/" + (f"?before={older}" if older else ""), **JSON).body)
            found += [call["call_id"] for call in page["calls"]]
            if (older := page["older"]) is None:
                break
        again = [f"c{number:03}" for number in range(9, -1, -1)]  # their last question came last
        assert found == again + [f"c{number:03}" for number in range(119, 9, -1)]
        html = bridge.get("/debug/").body.decode()
        assert re.search(r'<a href="/debug/\?before=\d+" rel="next">Older calls', html)
        assert "There is nothing older" in bridge.get("/debug/?before=1").body.decode()


def test_nothing_recorded_and_nothing_found_say_what_to_do(tmp_path: Path, bridge: bridges.Running):
    with serving(tmp_path, workers=1) as (empty, _):
        page = empty.get("/debug/").body.decode()
        assert "No call has been recorded yet" in page
        assert "rpcbridge call" in page
    page = bridge.get("/debug/?menu=nowhere").body.decode()
    assert "Nothing that is kept matches" in page
    assert '<a href="/debug/">Clear the filters</a>' in page


def test_a_strangers_text_is_text(bridge: bridges.Running):
    mark = "<script>alert(1)</script>\"'"
    bridge.post(xml(IVR_UNIQUE_ID=mark, CALLER_ID=mark, DID=mark))
    bridge.post(xml(mark))
    awaited(lambda: calls_of(bridge, call="<script>"))
    page = bridge.get("/debug/").body.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert not re.search(r"<[^>]+\s(on\w+|style)=", page)


def test_who_cannot_read_the_exchanges_is_told_and_the_page_tries_again(tmp_path: Path):
    with serving(tmp_path, database=f"sqlite:///{tmp_path}/none/x.db", workers=1) as (bridge, _):
        page = bridge.get("/debug/")
        assert (page.status, page.headers["refresh"], page.headers["retry-after"]) == (503, "5", "5")
        assert b"tries again" in page.body
        assert "refresh" not in bridge.get("/debug/", HX_Request="true").headers
        assert bridge.get("/debug/live").status == 503
        (tmp_path / "none").mkdir()
        assert bridge.get("/debug/").status == 200


@contextmanager
def stream(bridge: bridges.Running, after: int | None = None, **headers: str) -> Iterator[http.client.HTTPResponse]:
    with closing(http.client.HTTPConnection("127.0.0.1", bridge.port, timeout=20)) as connection:
        connection.request("GET", "/debug/live" + (f"?after={after}" if after is not None else ""), headers={name.replace("_", "-"): value for name, value in headers.items()})
        yield connection.getresponse()


def event(response: http.client.HTTPResponse) -> dict[str, str]:
    """The next event that has data."""
    found: dict[str, str] = {}
    while "data" not in found:
        line = response.readline().decode()
        assert line, "the stream has ended"
        name, _, value = line.strip().partition(": ")
        found = {} if not name else found | {name: value}
    return found


def newest(bridge: bridges.Running) -> int:
    number: int = json.loads(bridge.get("/debug/", **JSON).body)["newest"]
    return number


def all_is_recorded(bridge: bridges.Running) -> None:
    """What the test before had recorded, by whichever process, is in the list: each writes what waits after a quarter of a second."""
    before = -1
    while (now := newest(bridge)) != before:
        before = now
        time.sleep(1.5)


def test_a_stream_of_one_worker_tells_what_the_others_record(bridge: bridges.Running):
    all_is_recorded(bridge)
    with stream(bridge) as listening:
        assert (listening.status, listening.getheader("Content-Type")) == (200, "text/event-stream; charset=utf-8")
        assert listening.getheader("Cache-Control") == "no-store"
        assert listening.readline() == b"retry: 1000\n"
        for number in range(24):  # whichever workers take them
            bridge.post(xml(IVR_UNIQUE_ID=f"live{number}"))
        told = 0
        while told < 24:
            said = event(listening)
            assert said["event"] == "exchanges"
            data = json.loads(said["data"])
            assert data["missed"] == 0
            told += data["new"]
        assert told == 24
        assert int(said["id"]) == newest(bridge)


def test_a_stream_goes_on_where_the_list_or_the_last_stream_ended(bridge: bridges.Running):
    number = newest(bridge)
    bridge.post(xml(IVR_UNIQUE_ID="between"))
    awaited(lambda: newest(bridge) > number)
    for begin in ({"after": number}, {"Last_Event_ID": str(number)}, {"after": 1, "Last_Event_ID": str(number)}):
        with stream(bridge, **begin) as listening:
            assert json.loads(event(listening)["data"])["new"] == 1
    with stream(bridge, after=newest(bridge)) as listening:
        listening.fp.raw._sock.settimeout(2)
        with pytest.raises(TimeoutError):
            event(listening)


def test_few_streams_a_process_and_the_next_is_sent_away(tmp_path: Path):
    with serving(tmp_path, workers=1) as (bridge, _):
        bridge.get("/debug/")
        with ExitStack() as streams:
            assert [streams.enter_context(stream(bridge)).status for _ in range(4)] == [200] * 4
            with stream(bridge) as refused:
                assert (refused.status, refused.getheader("Retry-After")) == (503, "5")
            assert bridge.post(xml()).status == 200
        assert awaited(lambda: granted(bridge)), "who has left makes room, though there is nothing to tell"


def granted(bridge: bridges.Running) -> bool:
    with stream(bridge) as one:
        return one.status == 200


def test_a_bridge_without_threads_to_spare_has_no_streams(tmp_path: Path):
    with serving(tmp_path, server="threads = 9\nmax_calls = 8", workers=1) as (bridge, _):
        with stream(bridge) as refused:
            assert refused.status == 503
        assert bridge.get("/debug/").status == 200


@pytest.mark.alone
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_bridge_with_open_streams_stops_as_fast_as_one_without(tmp_path: Path, number: signal.Signals):
    with serving(tmp_path, workers=2) as (bridge, _):
        bridge.get("/debug/")
        streams = [stream(bridge) for _ in range(3)]
        for one in streams:
            assert one.__enter__().status == 200
        started = time.monotonic()
        bridge.process.send_signal(number)
        bridge.process.wait(20)
        assert time.monotonic() - started < 5
        for one in streams:
            one.__exit__(None, None, None)
    assert bridge.process.returncode == 0


def test_streams_end_when_the_bridge_drains(tmp_path: Path):
    with serving(tmp_path, server='drain = "30s"', workers=1) as (bridge, _):
        with stream(bridge) as listening:
            listening.readline()
            bridge.process.send_signal(signal.SIGTERM)
            bridge.said('"event":"draining"')
            started = time.monotonic()
            listening.read()
            assert time.monotonic() - started < 5
        with stream(bridge) as refused:
            assert refused.status == 503
        bridge.process.send_signal(signal.SIGTERM)


def test_a_stream_holds_up_no_reload(tmp_path: Path):
    with serving(tmp_path, workers=1) as (bridge, _), stream(bridge) as listening:
        listening.readline()
        started = time.monotonic()
        bridge.process.send_signal(signal.SIGHUP)
        listening.read()
        assert time.monotonic() - started < 10
        awaited(lambda: bridge.get("/readyz").status == 200, 10)
