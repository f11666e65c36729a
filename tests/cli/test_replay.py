"""`rpcbridge replay` against a real bridge: what was recorded is sent again, and says what came back then and now."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rpcbridge.domain.origins import origin_of, replayed
from tests.support import backend as backends
from tests.support import bridge as bridges
from tests.support.bridge import awaited
from tests.support.lines import Answers, line, placed

SECRET = "a-secret-of-20-letters"
TOML = """
[backend]
url = "{backend}"
[debug]
enabled = true
[voicenter]
secret = "{secret}"
credentials = "pbx:p@ss:word/12345"
[database]
url = "sqlite:///{folder}/rpcbridge.db"
"""
MAIN = {"action": "menu", "menu": "main", "prompt": "welcome"}
ORDER = {"action": "menu", "menu": "order", "prompt": "number", "max_digits": 4}
NUMBERS = ("--set", "caller_number=0540000000", "--set", "called_number=0730000000", "--set", "caller_name=Dana")
ALL = (*NUMBERS, "--set", "3.digits=1234", "--set", "target=0500000555")


class Line:
    """A bridge, and a backend whose answers a test may change."""

    def __init__(self, bridge: bridges.Running, backend: backends.Backend, answers: Answers, folder: Path) -> None:
        self.bridge, self.backend, self.answers, self.folder = bridge, backend, answers, folder

    def replay(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess:
        done = subprocess.run(
            [sys.executable, "-m", "rpcbridge", "replay", "-c", str(self.folder / "rpcbridge.toml"), *arguments],
            capture_output=True, text=True, timeout=60, env={**os.environ, "PORT": str(self.bridge.port), "NO_COLOR": "1"},
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        return done

    def rows(self, call_id: str, count: int) -> list[dict]:
        def look() -> list[dict]:
            found: list[dict] = json.loads(self.bridge.get(f"/debug/call?id={call_id}", Accept="application/json").body).get("exchanges", [])
            return found if len(found) >= count else []

        return sorted(awaited(look, 20), key=lambda row: row["id"])


@pytest.fixture
def called(tmp_path: Path) -> Iterator[Line]:
    """A call `c1` is recorded: menu main, 1 pressed, menu order, 1234 pressed, hung up on."""
    answers: Answers = {(None, ""): dict(MAIN), ("main", "1"): dict(ORDER), ("order", "1234"): {"action": "hangup", "prompt": "bye"}}
    with backends.running(line(answers)) as backend:
        toml = TOML.format(backend=backend.url, folder=tmp_path, secret=SECRET)
        with bridges.running(tmp_path, toml) as bridge:
            bridge.path = f"/voicenter/{SECRET}"
            bridge.headers["Authorization"] = "Basic cGJ4OnBAc3M6d29yZC8xMjM0NQ=="
            assert placed(bridge, "c1", ("1", "1234")) == ["main", "order", "HANGUP"]
            found = Line(bridge, backend, answers, tmp_path)
            found.rows("c1", 5)
            yield found


def test_a_whole_call_comes_back_as_it_was(called: Line):
    done = called.replay("c1", *ALL)
    assert done.stdout.count("as it was") == 4
    assert "1 pressed in menu main" in done.stdout
    assert SECRET not in done.stdout
    (question, *_) = [request.json for request in called.backend.questions if request.json["call_id"].startswith("rb-replay-")]
    assert (question["turn"], question["caller_number"], question["caller_name"]) == (1, "0540000000", "Dana")
    call_id = question["call_id"]
    assert (origin_of(call_id), replayed(call_id)) == ("replay", called.rows("c1", 5)[0]["id"])
    again = called.rows(call_id, 5)
    assert [row["turn"] for row in again if row["event"] == "action_requested"] == [1, 2, 3]
    assert {row["origin"] for row in again} == {"replay"}
    assert awaited(lambda: called.backend.events("call_ended", call_id=call_id))


def test_what_was_masked_is_named_and_nothing_is_sent_without_it(called: Line):
    before = len(called.backend.requests)
    done = called.replay("c1", code=2)
    for flag in ("caller_number=…", "called_number=…", "caller_name=…", "3.digits=…", "target=…"):
        assert f"--set {flag}" in done.stderr
    assert "--as-masked" in done.stderr
    assert len(called.backend.requests) == before
    done = called.replay("c1", "--as-masked", code=1)
    assert "elsewhere: was: hangup, now: hangup" not in done.stdout
    assert "prompt: bye → nothing" in done.stdout, "of order **** the backend knows nothing"


def test_a_turn_may_be_changed(called: Line):
    turn = called.rows("c1", 5)[1]["id"]
    done = called.replay(turn.lower(), *NUMBERS, "--set", "digits=1", "--json")
    (said,) = [json.loads(text) for text in done.stdout.splitlines()]
    assert (said["same"], said["then"], said["now"], said["of"]) == (True, "menu order", "menu order", turn)
    done = called.replay(turn, *NUMBERS, "--set", "digits=2", "--json", code=1)
    (said,) = [json.loads(text) for text in done.stdout.splitlines()]
    assert (said["elsewhere"], said["now"], said["changed"]) == (True, "hangup", ["digits"])
    assert said["differences"] == [{"name": "action", "then": "menu", "now": "hangup"}]


def test_a_line_that_was_changed_since_says_where_it_leads_now(called: Line):
    called.answers["main", "1"] = {"action": "menu", "menu": "closed", "prompt": "closed"}
    done = called.replay("c1", *ALL, code=1)
    assert "elsewhere: was: menu order, now: menu closed" in done.stdout
    assert "menu: order → closed" in done.stdout
    assert done.stdout.count("as it was") == 3, "digits and menus are the record's, whatever the answers are"


def test_another_bridge_may_get_it(called: Line):
    with backends.running(backends.reply({"action": "hangup"})) as other:
        (called.folder / "other").mkdir()
        with bridges.running(called.folder / "other", f'[backend]\nurl = "{other.url}"\n') as bridge:
            called.replay(called.rows("c1", 5)[0]["id"], *NUMBERS, "--to", bridge.url, code=1)
            assert other.questions[0].json["call_id"].startswith("rb-replay-")


def test_what_is_not_there_is_said_so(called: Line):
    assert "no question and no report of this call is kept" in called.replay("c9", code=1).stderr
    delivery = next(row for row in called.rows("c1", 5) if row["method"] == "call_ended")
    assert "the delivery of an event" in called.replay(delivery["id"], code=1).stderr
    assert "is not NAME=VALUE" in called.replay("c1", "--set", "digits", code=2).stderr
    assert "cannot be reached" in called.replay("c1", *NUMBERS, "--as-masked", "--to", "http://x:y@127.0.0.1:1/voicenter/z", code=3).stderr
    assert "did you mean digits?" in called.replay("c1", "--set", "digit=1", "--as-masked", code=2).stderr
