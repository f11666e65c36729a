"""Reading XML-RPC replies and faults, and writing both directions, judged by the standard library's client."""

from __future__ import annotations

import xmlrpc.client

import pytest

from rpcbridge.codec import Fault, MethodCall, MethodResponse, decode_call, decode_reply, encode_call, encode_reply
from rpcbridge.errors import CallError, EncodeError

HEAD = '<?xml version="1.0" encoding="utf-8"?>'
REPLY = "<methodResponse><params><param>{}</param></params></methodResponse>"


def struct(*members: str) -> str:
    return f"<value><struct>{''.join(members)}</struct></value>"


def member(name: str, value: str) -> str:
    return f"<member><name>{name}</name><value>{value}</value></member>"


def refused(reply: str) -> str:
    with pytest.raises(CallError) as error:
        decode_reply(reply.encode())
    return error.value.reason


@pytest.mark.parametrize(
    ("reply", "read"),
    [
        (REPLY.format("<value>x</value>"), MethodResponse("x")),
        (REPLY.format("<value><int>0</int></value>"), MethodResponse("0")),
        (REPLY.format(struct(member("STATUS", "<int>0</int>"))), MethodResponse({"STATUS": "0"})),
        (REPLY.format("<value>1</value></param><param><value>2</value>"), MethodResponse("1")),
    ],
)
def test_a_reply_s_param_is_read(reply: str, read: MethodResponse):
    assert decode_reply(reply.encode()) == read


def fault(code: str, text: str) -> str:
    return (
        f"<methodResponse><fault>{struct(member('faultCode', code), member('faultString', text))}</fault></methodResponse>"
    )


@pytest.mark.parametrize(
    ("reply", "read"),
    [
        (fault("<int>-32601</int>", "<string>no such method</string>"), Fault(-32601, "no such method")),
        (fault("<i4> 4 </i4>", "untyped"), Fault(4, "untyped")),
        (fault("<int>+4</int>", ""), Fault(4, "")),
    ],
)
def test_a_fault_is_read(reply: str, read: Fault):
    assert decode_reply(reply.encode()) == read


@pytest.mark.parametrize(
    "reply",
    ["<methodCall/>", "<methodResponse/>", "<methodResponse><params/></methodResponse>", "<methodResponse><value/></methodResponse>",
     "<methodResponse><params/><fault/></methodResponse>", "<methodResponse><fault/></methodResponse>",
     "<methodResponse><fault><value>x</value></fault></methodResponse>", fault("x", "y"), fault("<int>4</int>", "<int>5</int>"),
     fault("<double>4</double>", "y"), "<methodResponse><fault><value/><value/></fault></methodResponse>"],
)  # fmt: skip
def test_what_is_no_reply_is_refused(reply: str):
    assert refused(reply) == "not_a_call"


def test_a_reply_with_a_wrong_end_tag_is_refused_as_every_client_does():
    # The document's own reply to HANGUP_CALL is printed so.
    assert refused("<methodResponse>\n<params></params>\n</methodCall>") == "not_well_formed"


def test_a_reply_is_written_in_the_profile_every_client_reads():
    written = encode_reply(MethodResponse({"STATUS": 0, "A": ["ש&<>", {}], "B": {"C": []}}), "xmlrpc").decode()
    assert written == HEAD + REPLY.format(
        "<value><struct><member><name>STATUS</name><value><int>0</int></value></member><member><name>A</name>"
        "<value><array><data><value><string>ש&amp;&lt;&gt;</string></value><value><struct></struct></value></data></array></value>"
        "</member><member><name>B</name><value><struct><member><name>C</name><value><array><data></data></array></value></member>"
        "</struct></value></member></struct></value>"
    )


def test_a_fault_is_written_so_that_the_standard_client_raises_it():
    with pytest.raises(xmlrpc.client.Fault) as raised:
        xmlrpc.client.loads(encode_reply(Fault(-32601, "no <such> method & no other"), "xmlrpc"))
    assert (raised.value.faultCode, raised.value.faultString) == (-32601, "no <such> method & no other")


@pytest.mark.parametrize("value", [2**31, -(2**31) - 1, None, True, 1.5, b"x", object(), {"a": [None]}, (1,)])
def test_what_the_safe_profile_lacks_is_refused(value: object):
    with pytest.raises(EncodeError):
        encode_reply(MethodResponse(value), "xmlrpc")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a\x00b\x01\x08\x0b\x0c\x0e\x1fc", "abc"),
        ("a\ud800b\udfff", "ab"),
        ("\ufffe\uffffx", "x"),
        ("a\tb\nc", "a\tb\nc"),
        ("\x7f\x85", "\x7f\x85"),
    ],
)
def test_characters_xml_cannot_hold_are_left_out(text: str, written: str):
    (read,), _ = xmlrpc.client.loads(encode_reply(MethodResponse({text: text}), "xmlrpc"))
    assert read == {written: written}


def test_a_carriage_return_survives_as_a_reference():
    body = encode_reply(MethodResponse("a\r\nb\r"), "xmlrpc")
    assert xmlrpc.client.loads(body)[0] == ("a\r\nb\r",)


def test_numeric_references_keep_a_reply_in_ascii():
    body = encode_reply(MethodResponse({"שם": "דוד 😀"}), "xmlrpc", numeric_references=True)
    assert body.isascii()
    assert xmlrpc.client.loads(body)[0] == ({"שם": "דוד 😀"},)


def test_a_call_is_written_as_a_phone_system_would_write_it():
    big = 15616841651
    body = encode_call(MethodCall("HANGUP_CALL", ({"CALL_TIME_EPOCH": big, "DID": "073", "X": -(10**34)}, ["a", 1])))
    params, method = xmlrpc.client.loads(body)
    assert (params, method) == (({"CALL_TIME_EPOCH": big, "DID": "073", "X": -(10**34)}, ["a", 1]), "HANGUP_CALL")
    assert f"<int>{big}</int>".encode() in body
    assert decode_call(body).params == ({"CALL_TIME_EPOCH": str(big), "DID": "073", "X": "-1" + "0" * 34}, ["a", "1"])


def test_what_was_read_is_written_with_its_own_tag():
    body = b"<methodCall><methodName>M</methodName><params><param><value><double>1.10</double></value></param></params></methodCall>"
    assert encode_call(decode_call(body)) == HEAD.encode() + body


def test_no_character_of_an_identifier_needs_an_escape():
    in_names = [chr(code) for code in range(0x110000) if ("a" + chr(code)).isidentifier()]
    text = "a" + "".join(in_names)
    assert len(in_names) > 100_000
    assert f"<string>{text}</string>" in encode_reply(MethodResponse(text), "xmlrpc").decode()
    assert f"<string>{text}</string>" in encode_reply(MethodResponse(text + "&"), "xmlrpc").decode().replace("&amp;", "")


@pytest.mark.parametrize("name", ["A", "שם", "5", "a b", "a&b", "<A>", "A\r", "A\x01", "", "\ud800"])
def test_a_name_is_written_alike_beside_a_name_that_needs_an_escape_and_alone(name: str):
    alone, beside = (encode_reply(MethodResponse({name: "1"} | more), "xmlrpc") for more in ({}, {"&": "1"}))
    assert alone.removesuffix(b"</struct></value></param></params></methodResponse>") in beside
