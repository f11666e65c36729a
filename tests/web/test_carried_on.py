"""Every fixture of a call that the bridge carries on, through a real bridge in front of a real backend: reply and event are the fixture's."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import backend as backends
from tests.support import bridge as bridges
from tests.support import mediaservice
from tests.support.backend import reply
from tests.support.exchanges import OPEN, PLATFORMS, Case, Playing, whole

CASES = [case for platform in PLATFORMS for folder in whole(platform) if (case := Case(folder)).carried_on]
OWN = ("event_id", "occurred_at")  # made anew in every exchange

Line = tuple[backends.Backend, Playing]


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    with backends.running(reply({})) as backend:
        backend.take = reply(b"", 204)
        with bridges.running(tmp_path_factory.mktemp("carried"), f'[backend]\nurl = "{backend.url}"\n{OPEN}') as bridge:

            def answer(body: bytes) -> None:
                backend.behave = reply(body)

            yield backend, Playing(bridge.post, answer)


def test_every_case_of_such_a_platform_is_whole():
    folders = {case.folder.parent for case in CASES}
    assert folders
    unfinished = [path.parent.name for folder in folders for path in folder.glob("*/case.json") if not list(path.parent.glob("platform_response.*"))]
    assert unfinished == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_reply_is_the_fixture_s_and_one_that_the_platform_takes(line: Line, case: Case):
    backend, playing = line
    backend.requests.clear()
    replied = playing.play(case)
    assert replied.status == 200
    got, expected = json.loads(replied.body), json.loads(playing.written(case.bytes("platform_response")))
    assert got == expected
    assert _typed(got) == _typed(expected)
    callback = case.path.rpartition("/")[2]
    mediaservice.valid_reply(callback, got)
    if not case.name.startswith("drift_"):
        mediaservice.valid_callback(callback, case.json("platform_request"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_backend_is_told_what_the_fixture_says(line: Line, case: Case):
    backend, playing = line
    backend.requests.clear()
    playing.play(case)
    wanted = sum(one.has("event") for one in (*case.before, case))
    bridges.awaited(lambda: len(backend.requests) >= wanted, 10)
    if not case.has("event"):
        assert len(backend.requests) == wanted
        return
    event = json.loads(playing.written(case.bytes("event")))
    # The one before it may still be delivered: it counts among those that came.
    (request,) = bridges.awaited(lambda: [one for one in backend.requests if _told(one) == _told_of(event)], 10)
    sent, written = request.json, case.json("backend_request")
    assert sent == event | {name: sent[name] for name in OWN} | _by_the_clock(sent, event)
    assert list(sent) == list(event), "the contract's order"
    assert re.fullmatch("[0-9A-HJKMNP-TV-Z]{26}", sent["event_id"])
    assert (request.method, request.target) == (written["method"], written["path"])
    headers = {name.lower(): value for name, value in written["headers"].items()} | {"idempotency-key": sent["event_id"]}
    assert {name: request.headers[name] for name in headers} == headers


def _told(request: backends.Request) -> tuple[Any, ...]:
    return _told_of(request.json)


def _told_of(event: dict[str, Any]) -> tuple[Any, ...]:
    return event["event"], event.get("call_id"), event.get("turn")


def _by_the_clock(sent: dict[str, Any], event: dict[str, Any]) -> dict[str, int]:
    """A duration is what this machine took."""
    return {"duration": sent["duration"]} if 0 <= sent.get("duration", -1) - event.get("duration", 0) <= 5 else {}


def _typed(value: Any) -> Any:
    """The types in it: to Python, true is 1 and 1.0 is 1."""
    if isinstance(value, dict):
        return {name: _typed(inner) for name, inner in value.items()}
    return [_typed(inner) for inner in value] if isinstance(value, list) else type(value)
