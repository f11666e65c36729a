"""What once went wrong: times, memory, lines and refusals of odd bodies."""

from __future__ import annotations

import contextlib
import time

import pytest

from rpcbridge.codec import MethodResponse, decode_call, decode_reply, encode_reply
from rpcbridge.errors import CallError, EncodeError, NotACall, UnsupportedEncoding

CALL = "<methodCall><methodName>M</methodName><params><param>{}</param></params></methodCall>"


def refused(body: bytes, read=decode_call) -> CallError:
    with pytest.raises(CallError) as error:
        read(body)
    return error.value


@pytest.mark.parametrize("body", ["{'" + "\\'" * 20_000, '{"' + '\\"' * 20_000, "{" + "/* " * 13_000])
def test_an_unclosed_string_or_comment_is_done_with_fast(body: str):
    started = time.perf_counter()
    refused(body.encode())
    assert time.perf_counter() - started < 2


@pytest.mark.parametrize(("end", "data"), [("\u2028", ["1", "0"]), ("\u2029", ["1", "0"])])
def test_a_comment_ends_where_json5_says_a_line_ends(end: str, data: list):
    with contextlib.suppress(CallError):
        assert decode_call(f"{{METHOD:'x',DATA:[1,//{end} 0\n]}}".encode()).params == (data,)


@pytest.mark.parametrize("end", ["\u2028", "\u2029"])
def test_no_number_is_overlooked(end: str):
    with contextlib.suppress(CallError):
        decode_call(f"{{METHOD:'x',DATA:[//{end} 5\n]}}".encode())


@pytest.mark.parametrize(
    "body",
    [
        "<methodResponse><fault><value><struct><member><name>faultCode</name><value><int>%s</int></value></member><member>"
        "<name>faultString</name><value>x</value></member></struct></value></fault></methodResponse>",
        '{"ERROR": {"code": %s, "message": "x"}}',
    ],
)
def test_a_fault_code_of_5000_digits_is_refused(body: str):
    with contextlib.suppress(CallError):
        decode_reply((body % ("9" * 5_000)).encode())


@pytest.mark.parametrize("method", ["5", "1.5"])
def test_a_method_s_name_is_a_text(method: str):
    assert isinstance(refused(f'{{"METHOD": {method}}}'.encode()), NotACall)


@pytest.mark.parametrize("label", ["unicode_escape", "unicode-escape", "raw_unicode_escape"])
def test_unicode_escape_is_no_encoding(label: str):
    with pytest.raises(UnsupportedEncoding):
        decode_call(f'<?xml version="1.0" encoding="{label}"?>{CALL.format("<value/>")}'.encode())


def test_a_comment_with_a_line_end_leaves_nothing_in_a_value():
    assert decode_call(CALL.format("<value>073<!--\n-->0000<?a\nb?>000</value>").encode()).params == ("0730000000",)


def test_a_processing_instruction_may_come_first():
    assert decode_call(f"<?xml-stylesheet href='x'?>{CALL.format('<value>1</value>')}".encode()).params == ("1",)


def test_utf_16_with_a_bom_may_end_in_one_odd_nul():
    assert decode_call(("\ufeff" + CALL.format("<value>1</value>")).encode("utf-16-le") + b"\0").params == ("1",)


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("\n\n\n<methodCall>\n<script/></methodCall>", 5),
        ("\n\n{'METHOD':\n 0x10}", 4),
        ("<methodCall\n\n\n a='b'>\n<value/></methodCall>", 5),
        ("<methodCall>\n<methodName>M</methodName>\n<params\n a='b'\n><value/></params></methodCall>", 5),
    ],
)
def test_a_refusal_names_the_sender_s_line(body: str, line: int):
    assert str(refused(body.encode())).startswith(f"line {line}: ")


@pytest.mark.parametrize(
    ("body", "line"),
    [('{"METHOD": "M",\n"DATA": NaN}', 2), ('{"METHOD": "M",\n"DATA": -Infinity}', 2), ('{"METHOD": "M"}\n}', 2)],
)
def test_every_json_refusal_carries_its_line(body: str, line: int):
    assert str(refused(body.encode())).startswith(f"line {line}: ")


@pytest.mark.parametrize("tag", ["<value a>", "<value a=b>", '<value a="<">', "<value   "])
def test_a_broken_tag_of_a_known_name_is_not_called_foreign(tag: str):
    error = refused(CALL.format(f"{tag}x</value>").encode())
    assert error.reason == "not_well_formed"
    assert "is no element of XML-RPC" not in str(error)


def test_blank_lines_may_stand_before_a_bom():
    assert decode_call(b"\r\n\xef\xbb\xbf" + CALL.format("<value>1</value>").encode()).params == ("1",)


def test_names_that_differ_in_what_xml_cannot_hold_alone_are_not_written_twice():
    try:
        body = encode_reply(MethodResponse({"A": 1, "A\x01": 2}), "xmlrpc")
    except EncodeError:
        return
    assert body.count(b"<name>A</name>") == 1


def test_a_reply_writes_no_type_beyond_the_safe_profile():
    value = decode_call(CALL.format("<value><i8>15616841651</i8></value>").encode()).params[0]
    with pytest.raises(EncodeError):
        encode_reply(MethodResponse(value), "xmlrpc")


@pytest.mark.parametrize("tag", ["int", "i4", "i8", "double", "boolean", "dateTime.iso8601", "base64", "nil"])
@pytest.mark.parametrize("unit", ["1", "+", ".", "1.", "1e", "T", "20261120", " ", "A="])
def test_no_text_takes_a_type_more_than_linear_time(tag: str, unit: str):
    body = CALL.format(f"<value><{tag}>{unit * (240_000 // len(unit))}!</{tag}></value>").encode()
    started = time.perf_counter()
    refused(body)
    assert time.perf_counter() - started < 1


def test_cdata_keeps_what_looks_like_markup():
    inside = f"<a>{' ' * 40}</a> & ]] >"
    assert decode_call(CALL.format(f"<value><![CDATA[{inside}]]></value>").encode()).params == (inside,)


def test_the_method_is_known_where_only_its_parameters_are_refused():
    assert refused(CALL.format("<value><uuid>1</uuid></value>").encode()).method == "M"
    assert refused(b'{"METHOD": "M", "DATA": ' + b"[" * 100_000).method == "M"


@pytest.mark.parametrize(
    ("body", "dialect"),
    [
        (b'{"METHOD": "M", "DATA": "\xd9\xff"}', "json"),
        (b'\xef\xbb\xbf{"METHOD": "M", "DATA": "\xd9\xff"}', "json"),
        (b'\n\xef\xbb\xbf {"jsonrpc": "2.0", "method": "\xd9\xff"}', "jsonrpc"),
        ('\ufeff{"METHOD": "M"}'.encode("utf-16-le") + b"\xd8", "json"),
        (" <methodCall/>".encode("utf-16-be") + b"\xd8", "xmlrpc"),
        (b"\n" * 5_000 + b'{"METHOD": "M"', "json"),
        (b"\xd9\xff", "xmlrpc"),
    ],
)
def test_what_is_in_no_encoding_is_refused_in_its_dialect(body: bytes, dialect: str):
    assert refused(body).dialect == dialect


@pytest.mark.parametrize("body", [b'{"METHOD": "a\\ud800"}', b'{"jsonrpc": "2.0", "method": "a\\ud800", "id": 1}'])
def test_half_a_character_in_a_method_s_name_is_replaced(body: bytes):
    assert decode_call(body).method == "a\ufffd"


def test_blanks_behind_a_text_that_ends_in_an_angle_bracket_belong_to_it():
    text = f"a>{' ' * 20}"
    assert decode_call(CALL.format(f"<value>{text}</value>").encode()).params == (text,)
    assert decode_call(CALL.format(f"<value><string>{text}</string>{' ' * 20}</value>").encode()).params == (text,)
