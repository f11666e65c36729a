"""`rpcbridge call` as a phone system whose calls the bridge carries on, and whose API it orders by."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.test_call import rpcbridge
from tests.pbx.configured import CONFIGURED
from tests.support import bridge as bridges
from tests.support import shop as shops

API = bridges.free_port()


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("mediaservice")
    toml = CONFIGURED["mediaservice"](folder, API)
    with shops.running() as backend, bridges.running(folder, f'[backend]\nurl = "{backend}"\n{toml}') as bridge:
        yield f"http://127.0.0.1:{bridge.port}/mediaservice"


def test_an_order_is_looked_up(url: str):
    done = rpcbridge("call", "--platform", "mediaservice", "--url", url, "--json", "--press", "1,1,..1234")
    assert done.returncode == 0, done.stderr
    turns = [json.loads(line) for line in done.stdout.splitlines()]
    assert [turn["method"] for turn in turns[:3]] == ["newCall", "callAnswered", "getIvrCommand"]
    assert [turn["action"] for turn in turns if turn["method"] == "getIvrCommand"] == ["collect"] * 6
    said = [line for turn in turns for line in turn["heard"]]
    assert 'hears "your_code_he", then the digits 0 5 4 7' in said
    assert said[-1] == "is acknowledged (HTTP 200)"
    assert turns[0]["sent"]["sessionId"].startswith("rb-phone-"), "the bridge must order nothing of a real phone system for it"


def test_a_person_is_dialled_where_the_api_is_served(url: str):
    done = rpcbridge("call", "--platform", "mediaservice", "--url", url, "--press", "2,2,1", "--outcome", "busy", "--serve-api", f"127.0.0.1:{API}")
    assert done.returncode == 0, done.stderr
    assert re.search(r"\(rest, call [0-9a-f]{32}\)", done.stdout)
    for said in ("callEvent → call", 'hears "connecting_en"', "hears 0501234567 being dialled for at most 20 s", "the line is busy",
                 'hears "leave_message"', "is recorded for at most 120 s, and hangs up"):  # fmt: skip
        assert said in done.stdout


def test_where_nobody_serves_the_api_that_is_said(url: str):
    done = rpcbridge("call", "--platform", "mediaservice", "--url", url, "--press", "2,2")
    assert "nobody serves the API for that (--serve-api)" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said", "code"),
    [
        (("--platform", "mediaservice", "--dialect", "xmlrpc"), "mediaservice speaks rest", 2),
        (("--platform", "voicenter", "--serve-api", "127.0.0.1:9"), "voicenter has no API", 2),
        (("--platform", "mediaservice", "--serve-api", "9"), "expected HOST:PORT", 2),
        (("--platform", "mediaservice", "--serve-api", "127.0.0.1:99999"), "expected HOST:PORT", 2),
    ],
)
def test_what_cannot_be_is_refused(arguments: tuple[str, ...], said: str, code: int):
    done = rpcbridge("call", *arguments)
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr


def test_an_address_that_is_taken_is_said(tmp_path: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = rpcbridge("call", "--platform", "mediaservice", "--serve-api", f"127.0.0.1:{taken.getsockname()[1]}")
    assert (done.returncode, "cannot be listened on" in done.stderr) == (3, True), done.stderr
