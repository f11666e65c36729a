"""A call that the bridge carries on, from the command line: shown, exported and sent again; and what the log and the record say of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rpcbridge.domain.origins import origin_of
from tests.support import backend as backends
from tests.support import bridge as bridges
from tests.support.backend import reply
from tests.support.bridge import awaited
from tests.support.exchanges import FIXTURES, KEY, Case, Playing

SECRET = "a-secret-of-20-letters"
TOML = """
[backend]
url = "{backend}"
[debug]
enabled = true
[mediaservice]
secret = "{secret}"
[database]
url = "sqlite:///{folder}/rpcbridge.db"
[fallback]
action = "hangup"
prompt = "sorry"
"""
MENU = ("new_call_menu", "get_ivr_command_first", "get_ivr_command_silent", "get_ivr_command_digits")
CALL = ("new_call_call", "call_notify_ringing", "call_answered", "call_notify_reinvite")
ANSWERS: dict[str, Any] = {
    "call_started": {"action": "menu", "menu": "main", "prompt": "welcome", "loops": 2}, "input": {"action": "hangup", "prompt": "later"},
}  # fmt: skip
NUMBERS = ("--set", "caller_number=0540001122", "--set", "called_number=0730001122", "--set", "caller_name=Dana")


class Line:
    """A bridge with two recorded calls, one in a menu and one that was connected, and a backend behind it."""

    def __init__(self, bridge: bridges.Running, backend: backends.Backend, folder: Path) -> None:
        self.bridge, self.backend, self.folder = bridge, backend, folder
        self.menu, self.call = self._played(MENU), self._played(CALL)
        backend.behave = lambda connection, request: reply(ANSWERS[request.json["reason"]])(connection, request)

    def _played(self, cases: tuple[str, ...]) -> str:
        playing = Playing(self.post, lambda body: setattr(self.backend, "behave", reply(body)))
        for name in cases:
            assert playing.step(Case(FIXTURES / "mediaservice" / name)).status == 200
        (call_id,) = playing.ids.values()
        self.exchanges(call_id, len(cases))
        return call_id

    def post(self, body: bytes, path: str) -> bridges.Reply:
        return self.bridge.post(body, path.replace("/mediaservice/", f"/mediaservice/{SECRET}/"))

    def exchanges(self, call_id: str, count: int) -> list[dict]:
        def look() -> list[dict]:
            found: list[dict] = json.loads(self.bridge.get(f"/debug/call?id={call_id}", Accept="application/json").body).get("exchanges", [])
            return found if len(found) >= count else []

        return awaited(look, 20)

    def run(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess:
        done = subprocess.run(
            [sys.executable, "-m", "rpcbridge", arguments[0], "-c", str(self.folder / "rpcbridge.toml"), *arguments[1:]],
            capture_output=True, text=True, timeout=60, env={**os.environ, "PORT": str(self.bridge.port), "NO_COLOR": "1"},
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        return done


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    folder = tmp_path_factory.mktemp("carried")
    with backends.running(reply({})) as backend:
        backend.take = reply(b"", 204)
        with bridges.running(folder, TOML.format(backend=backend.url, secret=SECRET, folder=folder)) as bridge:
            yield Line(bridge, backend, folder)


def test_a_whole_call_is_sent_again_under_an_id_and_a_key_of_its_own(line: Line):
    said = [json.loads(text) for text in line.run("replay", line.menu, *NUMBERS, "--json", code=1).stdout.splitlines()]
    assert [(turn["method"], turn["same"]) for turn in said] == [
        ("newCall", True), ("getIvrCommand", True), ("getIvrCommand", True), ("getIvrCommand", False),
    ]  # fmt: skip
    assert said[3]["differences"] == [{"name": "prompt", "then": "bye", "now": "later"}]
    assert origin_of(said[0]["call_id"]) == "replay"
    again = line.exchanges(said[0]["call_id"], 4)
    assert (again[0]["turn"], again[0]["outcome"]) == (1, "answered")
    assert again[3]["stations"]["event"]["digits"] == "2"
    assert len(line.exchanges(line.menu, 4)) == 4, "nothing of it came to the recorded call"


def test_reports_are_sent_again_with_the_new_key_and_find_the_new_call(line: Line):
    said = [json.loads(text) for text in line.run("replay", line.call, "--as-masked", "--json", code=1).stdout.splitlines()]
    assert [turn["method"] for turn in said] == ["newCall", "callNotify", "callAnswered", "callNotify"]
    again = line.exchanges(said[0]["call_id"], 4)
    assert {seen["call_id"] for seen in again} == {said[0]["call_id"]}, "callAnswered carries our key alone"


def test_the_secret_of_the_path_is_said_nowhere(line: Line):
    done = line.run("replay", line.menu, "--as-masked", code=1)
    har = line.run("export", line.menu, "--format", "har").stdout
    assert SECRET not in done.stdout + done.stderr + har
    urls = [entry["request"]["url"] for entry in json.loads(har)["log"]["entries"]]
    assert urls[0].endswith("/mediaservice/SECRET/newCall")


def test_tail_shows_each_request_on_a_line(line: Line):
    with subprocess.Popen(
        [sys.executable, "-m", "rpcbridge", "tail", "-c", str(line.folder / "rpcbridge.toml"), "-n", "50", "--call", line.menu],
        stdout=subprocess.PIPE, text=True, env={**os.environ, "NO_COLOR": "1"},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        shown = [process.stdout.readline() for _ in MENU]
        process.terminate()
    assert [text.split("mediaservice  ")[1].split("  ")[0] for text in shown] == [
        "turn 1 (start) → menu main", "getIvrCommand → menu main", "getIvrCommand → menu main", "turn 2 main [2] → hangup",
    ]  # fmt: skip


def test_what_went_on_by_itself_is_no_warning(line: Line):
    lines = [one for one in line.bridge.lines() if one.get("call_id") in (line.menu, line.call)]
    assert {one["outcome"] for one in lines} >= {"answered", "continued", "stored", "noted"}
    assert {one["level"] for one in lines} == {"info"}


def test_a_request_of_a_call_that_nobody_knows_stands_under_its_id_with_the_fallback(line: Line):
    case = Case(FIXTURES / "mediaservice" / "get_ivr_command_first")
    unknown = f"9bb07660-c747-11ea-afa0-{time.monotonic_ns():012x}"[:36]
    body = case.bytes("platform_request").replace(case.json("platform_request")["sessionId"].encode(), unknown.encode())
    assert json.loads(line.post(body.replace(KEY.encode(), b"none"), case.path).body) == {"phrases": [{"format": "file", "fileName": "sorry"}], "hangup": True}
    (seen,) = line.exchanges(unknown, 1)
    assert (seen["outcome"], seen["reason"], seen["name"]) == ("fallback", "unknown_session", "getIvrCommand, before any turn")
    assert seen["heard"] == ['hears "sorry"', "is hung up on"]
    assert line.bridge.last_line(call_id=unknown)["level"] == "warning"
    page = json.loads(line.bridge.get(f"/debug/call?id={unknown}", Accept="application/json").body)
    assert [trouble["what"] for trouble in page["troubles"]] == ["the caller got the fallback: unknown_session"]
