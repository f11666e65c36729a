"""Every fixture through the whole line, in both directions: a real bridge in front of a real backend."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from rpcbridge import db
from rpcbridge.calls import Store as CallStore
from rpcbridge.codec import Fault, Lexical, decode_call, decode_reply, encode_call
from rpcbridge.errors import CallError
from rpcbridge.outbox import Store as EventStore
from rpcbridge.platforms.voicenter.replies import load_native
from tests.support import backend as backends
from tests.support import bridge as bridges
from tests.support.profile import check_reply

FIXTURES = bridges.ROOT / "fixtures" / "voicenter"
FOLDERS = sorted(folder.name for folder in FIXTURES.iterdir() if folder.is_dir())
SEVERAL = [name for name in FOLDERS if name.startswith("several_")]  # calls in one request; the phone system sends one
CASES = [name for name in FOLDERS if name not in SEVERAL]
SAMPLES = [name for name in CASES if list((FIXTURES / name).glob("sample.*"))]

# These do not parse as printed: page breaks, stray end tags, a missing brace, a wrong root end tag.
BROKEN = {
    "get_ivr_action_xml", "reply_call_xml", "reply_saydigits_xml", "reply_saydigits_json", "reply_hangup_call_xml",
}  # fmt: skip
# Broken too, but its unquoted keys can be read leniently.
LENIENT = "get_ivr_action_json"


def payload(case: str, station: str) -> bytes:
    return one(case, station).read_bytes()


def one(case: str, station: str) -> Path:
    (path,) = (FIXTURES / case).glob(f"{station}.*")
    return path


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("line")
    engine = db.opened(f"sqlite:///{folder / 'rpcbridge.db'}", patience=5)
    calls, events = CallStore(engine), EventStore(engine)
    events.prepare()
    calls.prepare()

    def fresh(call_id: str) -> None:
        """Nothing is known of this call any more: several cases have the vendor's own."""
        calls.purge("voicenter", call_id)
        bridges.awaited(lambda: all(event["status"] != "pending" for event in events.of_call("voicenter", call_id)))
        events.purge("voicenter", call_id)

    with (
        backends.running(backends.reply({})) as backend,
        bridges.running(folder, f'[backend]\nurl = "{backend.url}"\n') as bridge,
    ):
        yield bridge, backend, fresh
    engine.dispose()


def told(line, case: str) -> backends.Request:
    """What the backend is told of a call that nobody knows yet; the reply is the fixture's."""
    bridge, backend, fresh = line
    event = json.loads(payload(case, "event"))
    fresh(event["call_id"])
    backend.requests.clear()
    backend.behave = backends.reply(payload(case, "backend_response"))
    reply = bridge.post(payload(case, "platform_request"))
    assert reply.body == payload(case, "platform_response")
    check_reply(reply.status, reply.headers, reply.body, tables=case not in SEVERAL)
    bridges.awaited(lambda: backend.requests)
    (request,) = backend.requests
    return request


@pytest.mark.parametrize("case", FOLDERS)
def test_an_exchange_at_its_five_stations(line, case: str):
    request = told(line, case)
    for _ in range(3):  # a database on a busy machine may take longer than a caller waits for it
        if "state" not in request.json:
            request = told(line, case)
    expected = json.loads(payload(case, "backend_request"))
    event = json.loads(payload(case, "event"))
    sent = request.json
    assert (request.method, request.target) == (expected["method"], expected["path"])
    assert re.fullmatch("[0-9A-HJKMNP-TV-Z]{26}", sent["event_id"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", sent["occurred_at"])
    own = {name: sent[name] for name in ("event_id", "occurred_at")}
    assert sent == event | own
    assert list(sent) == list(event), "the contract's order"
    headers = {name.lower(): value for name, value in expected["headers"].items()} | {"idempotency-key": sent["event_id"]}
    assert {name: request.headers[name] for name in headers} == headers


@pytest.mark.parametrize("case", CASES)
def test_the_emulated_phone_system_writes_what_the_bridge_reads(case: str):
    call = decode_call(payload(case, "platform_request"))
    again = decode_call(encode_call(call))
    assert (again.method, again.params) == (call.method, call.params)


@pytest.mark.parametrize("case", CASES)
def test_the_emulated_phone_system_reads_what_the_bridge_writes(case: str):
    reply = decode_reply(payload(case, "platform_response"))
    assert not isinstance(reply, Fault)
    assert reply.value["STATUS"] == "0"
    if "ACTION" in reply.value:
        load_native(reply.value, "", "he")


@pytest.mark.parametrize("case", [name for name in SAMPLES if name.startswith("reply_")])
def test_a_reply_says_what_the_documents_sample_says(case: str):
    sample, ours = (decode_reply(payload(case, station)).value for station in ("sample", "platform_response"))
    assert _said(ours) == _said(sample)


@pytest.mark.parametrize("case", sorted(set(SAMPLES) - BROKEN - {LENIENT}))
def test_a_sound_sample_reads_as_printed(case: str):
    read = decode_reply if case.startswith("reply_") else decode_call
    printed, clean = read(payload(case, "as_printed")), read(payload(case, "sample"))
    assert _said(getattr(printed, "value", None) or printed.params) == _said(getattr(clean, "value", None) or clean.params)


def test_unquoted_keys_are_read_leniently_and_counted():
    call = decode_call(payload(LENIENT, "as_printed"))
    assert call.params == decode_call(payload(LENIENT, "sample")).params
    assert [repair.kind for repair in call.repairs] == ["lenient_json"]


@pytest.mark.parametrize("case", sorted(BROKEN))
def test_a_broken_sample_is_refused_with_line_and_reason(case: str):
    read = decode_reply if case.startswith("reply_") else decode_call
    with pytest.raises(CallError, match=r"^line \d+: ."):
        read(payload(case, "as_printed"))


def test_a_broken_question_is_refused_over_the_wire(line):
    reply = line[0].post(payload("get_ivr_action_xml", "as_printed"))
    fault = check_reply(reply.status, reply.headers, reply.body)
    assert fault["faultCode"] == -32700


def test_every_case_has_a_note():
    assert [case for case in FOLDERS if not (FIXTURES / case / "NOTE.md").is_file()] == []


def _said(value: object) -> object:
    """`value` without what a sample may print differently: types, outer blanks, empty optional members."""
    if isinstance(value, dict):
        return {name: _said(member) for name, member in value.items() if member not in ("", None)}
    if isinstance(value, list | tuple):
        return [_said(item) for item in value]
    if isinstance(value, Lexical | str):
        return value.strip().lower() if value.strip() in ("HE", "EN") else str(value).strip()
    return value
