"""Reading JSON replies and faults, and writing both directions, judged by the standard library's json."""

from __future__ import annotations

import json

import pytest

from rpcbridge.codec import Fault, MethodCall, MethodResponse, decode_reply, encode_call, encode_reply
from rpcbridge.errors import EncodeError


@pytest.mark.parametrize(
    ("body", "read"),
    [
        ('{"STATUS": 0}', MethodResponse({"STATUS": "0"})),
        ('{"STATUS": 1, "ERROR": {"code": -32601, "message": "no such method"}}', Fault(-32601, "no such method")),
        ('{"STATUS": 1, "ERROR": "text"}', MethodResponse({"STATUS": "1", "ERROR": "text"})),
        (
            '{"STATUS": 1, "ERROR": {"code": 1.5, "message": "x"}}',
            MethodResponse({"STATUS": "1", "ERROR": {"code": "1.5", "message": "x"}}),
        ),
        ("[1]", MethodResponse(["1"])),
    ],
)
def test_replies_and_faults_are_read(body: str, read: MethodResponse | Fault):
    assert decode_reply(body.encode()) == read


def test_a_reply_is_written_as_compact_json_with_its_types():
    value = {"STATUS": 0, "ACTION": "CALL", "DATA": {"CALLERNAME": "דוד", "DIALSTRINGS": ["SIP/1@a"], "X": 'a"b\\\n\x01'}}
    body = encode_reply(MethodResponse(value), "json")
    assert body.startswith('{"STATUS":0,"ACTION":"CALL","DATA":{"CALLERNAME":"דוד",'.encode())
    assert json.loads(body) == value


def test_a_fault_is_written_as_a_status_and_an_error():
    body = encode_reply(Fault(-32600, "no method"), "json")
    assert json.loads(body) == {"STATUS": 1, "ERROR": {"code": -32600, "message": "no method"}}
    assert decode_reply(body) == Fault(-32600, "no method")


@pytest.mark.parametrize("params", [(), ({"DID": "073", "CALL_TIME_EPOCH": 15616841651},)])
def test_a_call_is_written_as_the_platform_writes_it(params: tuple):
    body = encode_call(MethodCall("HANGUP_CALL", params, "json"))
    assert json.loads(body) == {"METHOD": "HANGUP_CALL", **({"DATA": params[0]} if params else {})}


def test_half_a_character_is_not_written():
    assert json.loads(encode_reply(MethodResponse({"a\ud800": "\udfffb"}), "json")) == {"a": "b"}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), b"x", object(), {"a": [{1, 2}]}])
def test_what_json_cannot_carry_is_refused(value: object):
    with pytest.raises(EncodeError):
        encode_reply(MethodResponse(value), "json")
