"""The table of attacks against a real bridge with a real backend: a clean end to each, in time, and nothing left behind."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import socket
import time
import xmlrpc.client
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.hostile import answers, attacks, seen
from tests.hostile.attacks import Attack, Bait, Script
from tests.support import backend as backends
from tests.support import bridge as bridges
from tests.support.calls import as_json, xml
from tests.support.profile import check_reply

pytestmark = pytest.mark.alone

SECONDS = 2.0
MEGABYTES = 50.0  # that a worker may grow by, over all of this
MENU = backends.reply(answers.MENU)
TOML = """
[backend]
url = "{url}"
deadline = "{late}s"
encoding = "{encoding}"
breaker = {{ failures = 1000 }}
{paths}
[fallback]
action = "hangup"
prompt = "sorry"
[database]
url = "sqlite:///{folder}/attacked.db"
[debug]
enabled = true
"""
TABLE = [*attacks.XXE, *attacks.LARGE, *attacks.ENCODINGS, *attacks.COMPRESSED, *attacks.HEADERS]
NUMBERS = itertools.count()


@dataclass
class Target:
    """The bridge that is attacked, its backend, and what external entities point to."""

    bridge: bridges.Running
    backend: backends.Backend
    trap: backends.Backend
    bait: Bait
    encoding: str

    def workers(self) -> dict[int, float]:
        """MiB of memory by process id."""
        children = Path(f"/proc/{self.bridge.process.pid}/task/{self.bridge.process.pid}/children").read_text().split()
        return {int(child): _resident(int(child)) for child in children}

    def begin(self, behave: backends.Behaviour = MENU) -> None:
        self.backend.requests.clear()
        self.backend.behave = behave

    def clean(self) -> None:
        """Whatever was sent: the backend saw only what was meant for it, and nobody took the bait."""
        for request in list(self.backend.requests):
            seen.check(request, query=self.encoding == "query")
            assert b"SMUGGLED" not in request.body
            assert attacks.MARKER.encode() not in request.body
        assert (self.trap.connections, self.trap.requests) == (0, [])
        assert "Traceback" not in self.bridge.log.read_text()


def _resident(process: int) -> float:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


@contextlib.contextmanager
def attacked(folder: Path, encoding: str) -> Iterator[Target]:
    marker = folder / "marker.txt"
    marker.write_text(attacks.MARKER)
    with backends.running(MENU) as backend, backends.running(MENU) as trap:
        toml = TOML.format(url=backend.url, late=attacks.LATE, encoding=encoding, paths=seen.PATHS, folder=folder)
        with bridges.running(folder, toml) as bridge:
            backend.take = backends.reply(b"", 204)
            bridge.post(xml())  # answered once the worker has loaded everything: from then on seconds count
            yield Target(bridge, backend, trap, Bait(trap.url, str(marker)), encoding)


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """One bridge for the whole table. What it has grown by is looked at when the last attack is over."""
    with attacked(tmp_path_factory.mktemp("attacked"), "json") as target:
        for number in range(30):  # the worker's own buffers have reached their size by then
            target.bridge.post((xml, as_json)[number % 2](IVR_UNIQUE_ID=str(number)))
        with ThreadPoolExecutor(8) as callers:  # ordinary large calls, as many at once as attacks will be
            list(callers.map(target.bridge.post, [xml(CALLER_NAME="x" * 200_000)] * 64))
        bridges.awaited(lambda: _exchanges(target))
        target.bridge.get("/debug/", Accept="text/html")
        before = target.workers()
        yield target
        after = target.workers()
        assert list(after) == list(before), "a worker has died"
        grown = {process: after[process] - before[process] for process in before}
        assert max(grown.values()) < MEGABYTES, grown


@pytest.fixture(scope="module", params=["form", "query"])
def encoded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with attacked(tmp_path_factory.mktemp(request.param), request.param) as target:
        yield target




def judged(status: int, headers: dict[str, str], body: bytes, dialect: str) -> object:
    """What a reply says: a fault's code, an action, a STATUS; `listed` for an array. By others' readers."""
    kind = {"xmlrpc": "text/xml; charset=utf-8"}.get(dialect, "application/json; charset=utf-8")
    assert headers["content-type"] == kind, (dialect, headers)
    value = check_reply(status, headers, body, tables=False)
    if dialect == "xmlrpc":
        try:
            ((value,), _) = xmlrpc.client.loads(body)
        except xmlrpc.client.Fault as fault:
            return fault.faultCode
    else:
        whole = json.loads(body)
        assert ("jsonrpc" in whole) == (dialect == "jsonrpc"), body
        fault = whole.get("ERROR") or whole.get("error")
        if fault:
            return fault["code"]
    if isinstance(value, list):
        return "listed"
    assert attacks.MARKER not in json.dumps(value)
    if "ACTION" in value:
        check_reply(status, headers, body)
        if value["ACTION"] == "HANGUP":
            assert value["DATA"] == {"HANGUP_REC": "sorry"}, "the fallback"
        return value["ACTION"]
    return f"STATUS {value['STATUS']}"


def told(body: bytes) -> str:
    """The dialect that a body's beginning tells."""
    return "xmlrpc" if body[:1] == b"<" else "json" if body[:1] in b"{[" else "xmlrpc"


@pytest.mark.parametrize("attack", TABLE, ids=lambda attack: attack.name)
def test_a_body(target: Target, attack: Attack):
    target.begin()
    body = attack.body if isinstance(attack.body, bytes) else attack.body(target.bait)
    reply = target.bridge.post(body, **attack.headers)
    assert reply.seconds < SECONDS
    assert judged(reply.status, reply.headers, reply.body, attack.dialect or told(body)) == attack.end
    assert attacks.MARKER.encode() not in reply.body
    assert len(target.backend.questions) == (1 if attack.end == "MENU" else 0)
    if attack.end == "STATUS 0":
        bridges.awaited(target.backend.events)
    target.clean()


def sent(port: int, script: Script) -> object:
    """How a script ends."""
    with socket.create_connection(("127.0.0.1", port), timeout=script.seconds + 3) as connection:
        with contextlib.suppress(OSError):  # cut off: the reply may be there all the same
            for piece in script.pieces:
                connection.sendall(piece)
                time.sleep(script.pause)
            if script.hang_up:
                connection.shutdown(socket.SHUT_WR)
        response = http.client.HTTPResponse(connection)
        try:
            response.begin()
            body = response.read()
        except (OSError, http.client.HTTPException):
            return "dropped"
        headers = {name.lower(): value for name, value in response.getheaders()}
        if response.status != 200:
            assert b"Traceback" not in body
            return f"HTTP {response.status}"
        return judged(response.status, headers, body, "xmlrpc")


@pytest.mark.parametrize("script", attacks.SCRIPTS, ids=lambda script: script.name)
def test_a_script(target: Target, script: Script):
    target.begin()
    started = time.monotonic()
    end = sent(target.bridge.port, script)
    assert time.monotonic() - started < script.seconds
    assert end in script.ends
    target.clean()


@pytest.mark.parametrize("answer", answers.ANSWERS, ids=lambda answer: answer.name)
@pytest.mark.parametrize("dialect", ["xmlrpc", "json"])
def test_an_answer(target: Target, answer: answers.Answer, dialect: str):
    def behave(connection: socket.socket, request: backends.Request) -> None:
        answer.behave(_Baited(connection, target.bait.url), request)  # type: ignore[arg-type]

    target.begin(behave)
    call = f"answer-{next(NUMBERS)}"
    reply = target.bridge.post((xml if dialect == "xmlrpc" else as_json)(IVR_UNIQUE_ID=call))
    assert reply.seconds < SECONDS
    assert judged(reply.status, reply.headers, reply.body, dialect) == answer.action
    value = check_reply(reply.status, reply.headers, reply.body)
    assert isinstance(value, dict)
    assert {name: value["DATA"][name] for name, _ in answer.data} == dict(answer.data)
    target.clean()


@dataclass
class _Baited:
    """A connection over which BAIT is sent as the trap's URL."""

    connection: socket.socket
    url: str

    def sendall(self, data: bytes) -> None:
        self.connection.sendall(data.replace(b"BAIT", self.url.encode()))

    def __getattr__(self, name: str) -> object:
        return getattr(self.connection, name)


def _path_checked(target: Target, reply: bridges.Reply, dialect: str, field: str, value: str, end: str) -> None:
    assert reply.seconds < SECONDS
    assert judged(reply.status, reply.headers, reply.body, dialect) == end
    target.clean()
    if end == "HANGUP":
        assert target.backend.questions == []
        return
    (request,) = target.backend.questions
    call_id, called = seen.check(request, query=target.encoding == "query")
    if dialect == "xmlrpc":
        value = value.replace("\r\n", "\n")  # as every reader of XML does
    assert (call_id, called)[field == "DID"] == ("".join(value.split()) if field == "IVR_UNIQUE_ID" else value.strip())


def _posted(target: Target, dialect: str, field: str, value: str) -> bridges.Reply:
    target.begin()
    others = {"IVR_UNIQUE_ID": f"id-{next(NUMBERS)}"} | {field: value}
    return target.bridge.post((xml if dialect == "xmlrpc" else as_json)(**others))


@pytest.mark.parametrize("value", attacks.IDS, ids=lambda value: ascii(value)[:40])
@pytest.mark.parametrize("field", ["IVR_UNIQUE_ID", "DID"])
@pytest.mark.parametrize("dialect", ["xmlrpc", "json"])
class TestAnId:
    def test_is_a_segment_of_the_path(self, target: Target, dialect: str, field: str, value: str):
        _path_checked(target, _posted(target, dialect, field, value), dialect, field, value, "MENU")

    def test_is_one_in_other_encodings_too(self, encoded: Target, dialect: str, field: str, value: str):
        _path_checked(encoded, _posted(encoded, dialect, field, value), dialect, field, value, "MENU")


@pytest.mark.parametrize("value", attacks.NO_SEGMENT, ids=ascii)
@pytest.mark.parametrize("field", ["IVR_UNIQUE_ID", "DID"])
def test_a_path_s_own_words_never_enter_one(target: Target, field: str, value: str):
    if field == "DID" and value.strip() not in (".", ".."):
        return  # with blanks inside it is a segment like any other
    for dialect in ("xmlrpc", "json"):
        _path_checked(target, _posted(target, dialect, field, value), dialect, field, value, "HANGUP")


def test_an_event_with_such_an_id_is_not_delivered(target: Target):
    target.begin()
    reply = target.bridge.post(xml("HANGUP_CALL", IVR_UNIQUE_ID=".."))
    assert judged(reply.status, reply.headers, reply.body, "xmlrpc") == "STATUS 0", "it is on disk, and a dead letter"
    assert target.bridge.last_line(outcome="dead_letter")["fallback_reason"] == "unsafe_path"
    target.clean()


def test_the_same_attacks_once_more_and_all_at_once(target: Target):
    """Every thread of a worker has memory of its own that it keeps: what an attack takes is taken many times over."""
    target.begin()
    bodies = [(attack.body if isinstance(attack.body, bytes) else attack.body(target.bait), attack.headers) for attack in TABLE]
    with ThreadPoolExecutor(8) as attackers:
        replies = list(attackers.map(lambda sent: target.bridge.post(sent[0], **sent[1]), bodies * 4))
    assert {reply.status for reply in replies} == {200}
    assert max(reply.seconds for reply in replies) < SECONDS
    target.clean()


def test_the_debug_pages_show_it_all_as_text(target: Target):
    target.begin()
    mark = "<script>alert(1)</script>"
    target.bridge.post(xml(IVR_UNIQUE_ID=mark, MENU=mark, CALLER_NAME=mark))
    target.bridge.post(as_json(mark, {mark: mark}))
    listed = bridges.awaited(lambda: [e for e in _exchanges(target) if e["call_id"] == "".join(mark.split())])
    paths = ("/debug/exchanges", f"/debug/exchanges/{listed[0]['id']}", f"/debug/exchanges?call_id={quote(mark)}")
    for path in paths:
        page = target.bridge.get(path, Accept="text/html")
        assert page.status == 200
        assert b"<script>alert" not in page.body
        assert b"&lt;script&gt;alert" in page.body


def _exchanges(target: Target) -> list[dict]:
    return json.loads(target.bridge.get("/debug/exchanges", Accept="application/json").body)["exchanges"]


def test_afterwards_a_call_is_answered_as_ever(target: Target):
    """The last of this file: then the worker's memory and its process id are looked at, see `target`."""
    target.begin()
    reply = target.bridge.post(xml())
    assert judged(reply.status, reply.headers, reply.body, "xmlrpc") == "MENU"
    assert reply.seconds < 0.5
    assert target.bridge.get("/livez").body == b"ok\n"
    assert b"[+] debug_store ok" in target.bridge.get("/readyz?verbose").body
    assert attacks.MARKER not in target.bridge.log.read_text()
    target.clean()
