"""What holds for every input: reading raises nothing but CallError, and what is written is read back."""

from __future__ import annotations

import contextlib
import json
import xmlrpc.client

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rpcbridge.codec import (
    Batch,
    Fault,
    Lexical,
    MethodCall,
    MethodResponse,
    decode_call,
    decode_reply,
    decode_request,
    encode_call,
    encode_reply,
)
from rpcbridge.codec.limits import MAX_DEPTH
from rpcbridge.errors import CallError

CALLS = [
    b"<?xml version='1.0' encoding='utf-8'?><methodCall><methodName>M</methodName><params><param><value><struct><member><name>A</name>"
    b"<value><int>5</int></value></member></struct></value></param></params></methodCall>",
    b'{"METHOD": "M", "DATA": {"A": "5", "B": [1, null, true, 1.5e3]}}',
    b"{METHOD: 'M', DATA: {A: '5', B: [1, null, -0.5,],},}",
    b'{"jsonrpc": "2.0", "method": "M", "params": {"A": "5", "B": [1, null, true]}, "id": 1.5e3}',
    b"[{jsonrpc: '2.0', method: 'M', params: [{A: '5'}], id: 'x'}, {jsonrpc: '2.0', method: 'N'},]",
]
REPLIES = [
    b"<methodResponse><params><param><value><array><data><value>x</value></data></array></value></param></params></methodResponse>",
    b"<methodResponse><fault><value><struct><member><name>faultCode</name><value><int>4</int></value></member>"
    b"<member><name>faultString</name><value>x</value></member></struct></value></fault></methodResponse>",
    b'{"STATUS": 1, "ERROR": {"code": -32600, "message": "x"}}',
    b'{"jsonrpc": "2.0", "error": {"code": -32600, "message": "x"}, "id": null}',
    b'{"jsonrpc": "2.0", "result": {"A": [1]}, "id": 15616841651}',
]
XML_PIECES = st.sampled_from(
    ["<value>", "</value>", "<value/>", "<struct>", "</struct>", "<member>", "</member>", "<name>", "</name>", "<array>", "</array>",
     "<data>", "</data>", "<int>", "</int>", "<nil/>", "<string>", "</string>", "<params>", "</params>", "<param>", "</param>",
     "<fault>", "</fault>", "<methodName>", "</methodName>", "<!--", "-->", "<![CDATA[", "]]>", "<?", "?>", "<!", "&", "&amp;", "&#5;",
     " a='b'", "<ex:i8>", "</ex:i8>", "faultCode", "5", "\n", "\r", "\0", "ש", "<", ">", "/"]
)  # fmt: skip
JSON_PIECES = st.sampled_from(
    ["{", "}", "[", "]", ":", ",", '"', "'", "\\", "//", "/*", "*/", "\n", "METHOD", "DATA", "ERROR", "jsonrpc:'2.0'", "method:'M'", "id", "params", "code", "message", "a", "$", "_",
     "\\u0031", "\\ud800", "0", "5", "-", "+", ".", "e", "x", "NaN", "Infinity", "null", "true", "ש", "\0", " "]
)  # fmt: skip


def mutated(bodies: list[bytes]) -> st.SearchStrategy[bytes]:
    """One of `bodies` with a stretch of it replaced by anything, in any encoding."""

    def change(body: bytes, at: int, length: int, by: bytes, encoding: str) -> bytes:
        body = body.decode().encode(encoding)
        at %= len(body)
        return body[:at] + by + body[at + length :]

    encodings = st.sampled_from(["utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
    return st.builds(
        change, st.sampled_from(bodies), st.integers(0, 400), st.integers(0, 12), st.binary(max_size=6), encodings
    )


def skeleton(pieces: st.SearchStrategy[str], *around: tuple[str, str]) -> st.SearchStrategy[bytes]:
    """Any sequence of `pieces` where a call or reply would have its values."""
    inner = st.lists(pieces, max_size=24).map("".join)
    return st.builds(lambda frame, text: (frame[0] + text + frame[1]).encode(), st.sampled_from(around), inner)


ANY_CALL = st.one_of(
    st.binary(max_size=200),
    st.text(max_size=100).map(lambda text: ("<" + text).encode("utf-8", "replace")),
    mutated(CALLS),
    skeleton(
        XML_PIECES,
        ("<methodCall><methodName>M</methodName><params><param><value>", "</value></param></params></methodCall>"),
        ("<methodCall>", "</methodCall>"),
        ("<?xml ", "?><methodCall/>"),
    ),
    skeleton(JSON_PIECES, ("{METHOD:'M',DATA:", "}"), ('{"METHOD":"M","DATA":', "}"), ("{", "}"), ("[", "]"),
             ("{jsonrpc:'2.0',method:'M',", "}"), ("[{jsonrpc:'2.0',method:'M',", "}]")),
)
ANY_REPLY = st.one_of(
    st.binary(max_size=200),
    mutated(REPLIES),
    skeleton(
        XML_PIECES,
        ("<methodResponse>", "</methodResponse>"),
        ("<methodResponse><fault><value>", "</value></fault></methodResponse>"),
    ),
    skeleton(JSON_PIECES, ("{STATUS:1,ERROR:", "}"), ('{"ERROR":{"message":"x","code":', "}}")),
)


@settings(max_examples=1_500, deadline=None)
@given(ANY_CALL)
def test_decoding_a_call_raises_nothing_but_call_error(body: bytes):
    with contextlib.suppress(CallError):
        call = decode_call(body)
        assert isinstance(call, MethodCall)
        assert call.method
        call.method.encode()
        json.dumps(call.params, ensure_ascii=False).encode()


@settings(max_examples=1_000, deadline=None)
@given(ANY_CALL)
def test_whatever_comes_as_json_rpc_can_be_answered_with_its_id(body: bytes):
    try:
        call = decode_request(body)
        items = call.items if isinstance(call, Batch) else [call]
    except CallError as error:
        items = [error]
    for item in items:
        json.loads(encode_reply(MethodResponse("x", item.id), "jsonrpc"))
        json.loads(encode_reply(Fault(-32600, "x", item.id), "jsonrpc"))


@settings(max_examples=1_000, deadline=None)
@given(ANY_REPLY)
def test_decoding_a_reply_raises_nothing_but_call_error(body: bytes):
    with contextlib.suppress(CallError):
        assert isinstance(decode_reply(body), MethodResponse | Fault)


@settings(max_examples=300, deadline=None)
@given(ANY_CALL)
def test_a_refusal_says_something_short_that_can_be_written(body: bytes):
    refusal = _refusal(body)
    if refusal is not None:
        assert 0 < len(refusal) < 300
        for dialect in ("xmlrpc", "json", "jsonrpc"):
            assert isinstance(decode_reply(encode_reply(Fault(-32700, refusal), dialect)), Fault)


def _refusal(body: bytes) -> str | None:
    try:
        decode_call(body)
    except CallError as error:
        return str(error)
    return None


# Every character XML can hold. A parser reads a bare CR as LF; ours is written as a reference and survives.
XML_CHARACTERS = st.characters(exclude_categories=("Cs",)).filter(
    lambda c: c >= " " and c not in "\ufffe\uffff"
) | st.sampled_from("\t\n\r")
XML_TEXT = st.text(XML_CHARACTERS, max_size=30)
ANY_TEXT = st.text(st.characters(), max_size=20)  # halves of characters and controls included
INT_32 = st.integers(-(2**31), 2**31 - 1)


def values(scalars: st.SearchStrategy, names: st.SearchStrategy[str]) -> st.SearchStrategy:
    return st.recursive(
        scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4), max_leaves=15
    )


@settings(max_examples=300, deadline=None)
@given(values(XML_TEXT | INT_32, XML_TEXT), st.booleans())
def test_the_standard_client_reads_back_what_a_reply_says(value: object, references: bool):
    body = encode_reply(MethodResponse(value), "xmlrpc", numeric_references=references)
    assert xmlrpc.client.loads(body) == ((value,), None)


@settings(max_examples=300, deadline=None)
@given(values(ANY_TEXT, ANY_TEXT))
def test_any_text_at_all_is_written_so_that_the_standard_client_can_read_it(value: object):
    xmlrpc.client.loads(encode_reply(MethodResponse(value), "xmlrpc"))
    json.loads(encode_reply(MethodResponse(value), "json"))
    json.loads(encode_reply(MethodResponse(value), "jsonrpc"))


@settings(max_examples=200, deadline=None)
@given(ANY_TEXT, INT_32, st.sampled_from(["xmlrpc", "json", "jsonrpc"]))
def test_a_fault_comes_back_whatever_its_message(message: str, code: int, dialect: str):
    read = decode_reply(encode_reply(Fault(code, message), dialect))
    assert isinstance(read, Fault)
    assert read.code == code


@settings(max_examples=300, deadline=None)
@given(values(st.text(max_size=30) | st.integers() | st.none() | st.booleans(), st.text(max_size=10)))
def test_json_is_written_so_that_json_reads_it_back(value: object):
    assert json.loads(encode_reply(MethodResponse(value), "json")) == value


NAME = st.text(st.characters(categories=("Lu", "Ll", "Nd")) | st.sampled_from("._:/"), min_size=1, max_size=20)


def as_read(value: object) -> object:
    """What reading makes of a value: every integer its text."""
    if isinstance(value, dict):
        return {name: as_read(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [as_read(inner) for inner in value]
    return Lexical(str(value), "int") if isinstance(value, int) else value


@pytest.mark.parametrize("dialect", ["xmlrpc", "json", "jsonrpc"])
@settings(max_examples=300, deadline=None)
@given(method=NAME, value=values(XML_TEXT | st.integers(), XML_TEXT))
def test_a_call_that_was_written_is_read_back(dialect: str, method: str, value: object):
    call = decode_call(encode_call(MethodCall(method, (value,), dialect)))
    assert call == MethodCall(method, (as_read(value),), dialect)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, MAX_DEPTH + 8), st.sampled_from(["xmlrpc", "json", "jsonrpc"]))
def test_depth_is_bounded_alike_in_both_dialects_up_to_the_outer_object(depth: int, dialect: str):
    value: object = "x"
    for _ in range(depth):
        value = [value]
    body = encode_call(MethodCall("M", (value,), dialect))
    around = 3 if dialect == "jsonrpc" else 2  # params by place are an array of their own
    if depth <= MAX_DEPTH - around:
        assert decode_call(body).params == (value,)
    elif depth > MAX_DEPTH:
        with pytest.raises(CallError, match="deeper"):
            decode_call(body)
