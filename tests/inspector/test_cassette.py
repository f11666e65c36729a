"""Exported calls, judged by a real pytest against the example backend alone: no rpcbridge between them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rpcbridge.inspector import cassette
from tests.cli.test_call import rpcbridge
from tests.support import backend as backends
from tests.support import bridge as bridges
from tests.support import shop
from tests.support.backend import reply
from tests.support.bridge import awaited
from tests.support.documents import question, unanswered

JSON = {"Accept": "application/json"}
NUMBERS = ("0541112233", "0731234567", "0501234567", "1234", "0547")
FIELDS = {"caller_number": "CALLER_ID", "caller_name": "CALLER_NAME", "called_number": "DID", "digits": "DTMF"}


@pytest.fixture(scope="module")
def backend() -> Iterator[str]:
    with shop.running() as url:
        yield url


def played(folder: Path, backend: str, encoding: str) -> list[dict[str, Any]]:
    """The documents of one call: Hebrew, order status, order 1234."""
    toml = f'[backend]\nurl = "{backend}"\nencoding = "{encoding}"\n[backend.headers]\nX-Tenant = "tenant-secret"\n[debug]\nenabled = true\n'
    with bridges.running(folder, toml) as bridge:
        done = rpcbridge("call", "--url", bridge.url, "--caller", NUMBERS[0], "--did", NUMBERS[1], "--press", "1,1,1234", "--json")
        assert done.returncode == 0, done.stderr
        call_id = json.loads(done.stdout.splitlines()[0])["sent"]["IVR_UNIQUE_ID"]
        return awaited(lambda: recorded(bridge, call_id), 20)


def recorded(bridge: bridges.Running, call_id: str) -> list[dict[str, Any]]:
    """The documents of a call, once the last of its exchanges is recorded."""
    got = bridge.get(f"/debug/call.json?id={call_id}", **JSON)
    documents = json.loads(got.body) if got.status == 200 else []
    return documents if any(seen["outcome"] == "delivered" for seen in documents) else []


@pytest.fixture(scope="module")
def call(backend: str, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return played(tmp_path_factory.mktemp("call"), backend, "json")


def exported(documents: list[dict[str, Any]], folder: Path) -> Path:
    """The test file, its cassette beside it."""
    files = cassette.files(documents, "0.1.0", FIELDS)
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
    (test,) = (name for name in files if name.endswith(".py"))
    return folder / test


def run(test: Path, backend: str, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """pytest as a backend's author has it: nothing of rpcbridge can be imported."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(test.parent), "BACKEND_URL": backend} | variables
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:randomly", "-W", "error", test.name, *options]
    return subprocess.run(command, capture_output=True, text=True, cwd=test.parent, timeout=120, env=environment)


def test_the_backend_answers_as_it_did_once_the_digits_are_given(call, backend: str, tmp_path: Path):
    done = run(exported(call, tmp_path), backend, "-v", TURN_4_DIGITS="1234", HEADER_X_TENANT="acme")
    assert done.returncode == 0, done.stdout
    assert re.findall(r"\[(turn_\d)\] PASSED", done.stdout) == ["turn_1", "turn_2", "turn_3", "turn_4"]


def test_what_has_to_be_given_is_named(call, backend: str, tmp_path: Path):
    test = exported(call, tmp_path)
    done = run(test, backend, HEADER_X_TENANT="")
    assert done.returncode == 1
    assert "turn_4_digits was masked when the call was recorded. Give it in GIVEN, or in the environment as TURN_4_DIGITS" in done.stdout
    assert "1 failed, 3 passed" in done.stdout
    test.write_text(test.read_text("utf-8").replace('"turn_4_digits": None', '"turn_4_digits": "1234"'), "utf-8")
    assert run(test, backend, HEADER_X_TENANT="").returncode == 0


def test_a_backend_that_answers_otherwise_is_told_what_differs(call, tmp_path: Path):
    test = exported(call, tmp_path)
    with backends.running(reply({"action": "menu", "menu": "language", "prompt": "hello", "max_digits": 1, "loops": 2, "language": "he"})) as other:
        done = run(test, other.url, TURN_4_DIGITS="1234", HEADER_X_TENANT="acme")
        assert (done.returncode, "4 failed" in done.stdout) == (1, True)
        assert "turn_1: another answer" in done.stdout
        assert re.search(r"'prompt': 'hello'.*!=.*'prompt': 'welcome'", done.stdout)
        assert {request.headers["x-tenant"] for request in other.requests} == {"acme"}
        assert len({request.json["call_id"] for request in other.requests}) == 1
        assert {request.json["event_id"] for request in other.requests} == {request.headers["idempotency-key"] for request in other.requests}
        assert [request.json["digits"] for request in other.requests] == ["", "1", "1", "1234"]
        assert "webhook-signature" not in other.requests[0].headers
        gone = other.url
    done = run(test, gone, TURN_4_DIGITS="1234", HEADER_X_TENANT="acme")
    assert f"{gone} cannot be reached" in done.stdout


@pytest.mark.parametrize(("status", "body", "said"), [(500, b"oops", "HTTP 500"), (200, b"<html>", "the answer is no JSON"), (200, b"[]", "no JSON object")])
def test_what_is_no_answer_is_said(status: int, body: bytes, said: str, call, tmp_path: Path):
    with backends.running(reply(body, status)) as other:
        assert said in run(exported(call, tmp_path), other.url, HEADER_X_TENANT="").stdout


@pytest.mark.parametrize("encoding", ["form", "query"])
def test_old_encodings_are_sent_as_the_bridge_sends_them(encoding: str, tmp_path: Path):
    with backends.running(reply({"action": "menu", "menu": "m", "prompt": "p", "max_digits": 4})) as backend:
        documents = played(tmp_path, backend.url, encoding)
        first, count = backend.questions[0], len(backend.questions)
        done = run(exported(documents, tmp_path), backend.url, TURN_4_DIGITS="1234", HEADER_X_TENANT="tenant-secret", CALLER_NUMBER=NUMBERS[0], CALLED_NUMBER=NUMBERS[1])
        assert done.returncode == 0, done.stdout
        again = backend.questions[count]
        assert (again.method, _fresh(again.target), _fresh(again.body.decode())) == (first.method, _fresh(first.target), _fresh(first.body.decode()))
        assert again.headers.get("content-type") == first.headers.get("content-type")


def _fresh(text: str) -> str:
    return re.sub(r"(event_id|occurred_at|call_id)=[^&]*", r"\1=", text)


def test_nothing_exported_holds_a_number_of_the_call(call):
    text = "\n".join(cassette.files(call, "0.1.0", FIELDS).values())
    for secret in (*NUMBERS, "tenant-secret"):
        assert not re.search(rf"(?<![0-9a-z]){secret}(?![0-9a-z])", text.replace("TURN_4_DIGITS=1234", "")), secret


def test_the_file_is_clean_and_in_good_form(call, tmp_path: Path):
    test = exported(call, tmp_path)
    for check in (["check", "--isolated", "--select", "A,B,C4,E,F,I,N,PT,RUF,SIM,UP,W", "--target-version", "py39"], ["format", "--isolated", "--check", "--diff"]):
        done = subprocess.run([sys.executable, "-m", "ruff", *check, test.name], capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
    assert "rpcbridge" not in re.findall(r"^(?:import|from) (\w+)", test.read_text("utf-8"), re.MULTILINE)


def test_a_masked_state_is_what_the_backend_returned_before(tmp_path: Path):
    seen = [question(event={"turn": turn, "event_id": str(turn), "state": state}, masked=["state"] if turn == 3 else [], id=str(turn), turn=turn,
                     answer={"action": "hangup", "state": {"card": "****"}}) for turn, state in [(1, None), (2, {"a": 1}), (3, {"card": "****"})]]  # fmt: skip
    with backends.running(reply({"action": "hangup", "state": {"card": "9876"}})) as backend:
        given = {"HEADER_X_TENANT": "", "HEADER_AUTHORIZATION": "Bearer x"}
        test = exported(seen, tmp_path)
        done = run(test, backend.url, **given)
        assert done.returncode == 0, done.stdout
        assert [request.json["state"] for request in backend.questions] == [None, {"a": 1}, {"card": "9876"}]
        assert backend.questions[0].headers["authorization"] == "Bearer x"
        done = run(test, backend.url, "-k", "turn_3", **given)
        assert "state was masked when the call was recorded. It comes of the turns before" in done.stdout


def test_names_of_the_call_in_paths_answers_and_raw_are_made_anew(tmp_path: Path):
    call_id = "a b/c-0123456789"
    seen = question(
        event={"call_id": call_id, "raw": {"DID": "********67", "DTMF": "****", "IVR_UNIQUE_ID": call_id, "MORE": "*****11"}, "digits": "****"},
        masked=["called_number", "digits", "raw"], call_id=call_id, answer={"action": "hangup", "state": f"session of {call_id}"},
    )  # fmt: skip
    seen["stations"]["backend_request"]["url"] = "http://b/calls/a%20b%2Fc-0123456789/********67/action?key=***&v=1%202"
    files = cassette.files([seen], "0.1.0", FIELDS)
    taken = json.loads(next(text for name, text in files.items() if name.endswith(".json")))
    (turn,) = taken["turns"]
    assert turn["request"]["path"] == "/calls/{call_id}/{called_number}/action?key={query_key}&v=1%202"
    assert turn["request"]["event"]["raw"] == {
        "DID": "{called_number}", "DTMF": "{turn_1_digits}", "IVR_UNIQUE_ID": "{call_id}", "MORE": "{turn_1_raw_more}",
    }  # fmt: skip
    assert turn["answer"]["state"] == "session of {call_id}"


def test_an_answer_is_told_from_others_by_what_is_not_masked(tmp_path: Path):
    seen = question(answer='{"action": "call", "target": "********67", "send_digits": ****, "x": "*", "caller_name": "***"}', masked=[])
    test = exported([seen], tmp_path)
    answers = [("0501234567", 1234, "*", "Dana"), ("0501234568", 1234, "*", ""), ("0501234567", 123, "*", ""), ("0501234567", 1234, "#", "")]
    for target, digits, key, name in answers:
        with backends.running(reply({"action": "call", "target": target, "send_digits": digits, "x": key, "caller_name": name})) as backend:
            done = run(test, backend.url, HEADER_X_TENANT="", HEADER_AUTHORIZATION="")
            assert (done.returncode == 0) == (name == "Dana"), done.stdout


def test_a_turn_without_a_usable_answer_wants_any_answer(tmp_path: Path):
    test = exported([unanswered(masked=[]), unanswered("invalid_answer", masked=[], event={"event_id": "2"}, id="2")], tmp_path)
    with backends.running(reply({"action": "hangup"})) as backend:
        assert run(test, backend.url, HEADER_X_TENANT="", HEADER_AUTHORIZATION="").returncode == 0
    assert json.loads(test.with_name(test.name.replace("test_call_", "cassette_").replace(".py", ".json")).read_text("utf-8"))["turns"][0]["unanswered"] == "refused: Failed to connect"


def test_what_the_backend_was_not_asked_is_no_turn():
    shared, ended, silent = question(), question(event={"event": "call_ended"}), question()
    shared["id"] = "another"
    silent["stations"]["backend_request"] = None
    assert cassette.files([shared, ended, silent], "0.1.0") == {}


@pytest.mark.parametrize("hostile", ['"""\nimport os\n"""', "\\", "'''", "\u202e", "x\nimport os", "{turn_1_digits}", "../../etc/passwd", "שלום"])
def test_nothing_of_a_payload_becomes_code(hostile: str, tmp_path: Path):
    seen = question(event={"menu": hostile, "digits": "****", "call_id": hostile}, call_id=hostile, masked=["digits", "caller_name"], received_at="2026-11-20T21:27:03.123Z")
    plain = question(event={"digits": "****"}, masked=["digits", "caller_name"])
    names, bodies = zip(*sorted(cassette.files([seen], "1", FIELDS).items()), strict=True)
    assert all(re.fullmatch(r"[a-z0-9_]+\.(py|json)", name) for name in names)
    expected = next(text for name, text in cassette.files([plain], "1", FIELDS).items() if name.endswith(".py"))
    test = next(body for name, body in zip(names, bodies, strict=True) if name.endswith(".py"))
    assert len(test.splitlines()) == len(expected.splitlines())
    compile(test, "test", "exec")
