"""Reading XML-RPC calls: every form senders write, what is refused and why, and where we differ from others on purpose."""

from __future__ import annotations

import pytest

from rpcbridge.codec import Lexical, MethodCall, decode_call
from rpcbridge.errors import CallError, NotACall, NotWellFormed

CALL = "<methodCall><methodName>GET_IVR_ACTION</methodName><params><param>{}</param></params></methodCall>"


def value_of(value: str) -> object:
    return decode_call(CALL.format(value).encode()).params[0]


def refused(body: str) -> CallError:
    with pytest.raises(CallError) as error:
        decode_call(body.encode())
    return error.value


def struct(*members: str) -> str:
    return f"<value><struct>{''.join(members)}</struct></value>"


def member(name: str, value: str) -> str:
    return f"<member><name>{name}</name><value>{value}</value></member>"


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("<value>text</value>", "text"),
        ("<value> two  words\n</value>", " two  words\n"),
        ("<value/>", ""),
        ("<value></value>", ""),
        ("<value><string/></value>", ""),
        ("<value>\n  <string>x</string>\n</value>", "x"),
        ("<value><string> x </string></value>", " x "),
        ("<value><string>ced4619f\n  d6869X</string></value>", "ced4619f\n  d6869X"),
        ("<value>&#1513;&#x5dc;</value>", "של"),
        ("<value><nil/></value>", None),
        ("<value><nil></nil></value>", None),
        ("<value><ex:nil/></value>", None),
        ("<value><array><data/></array></value>", []),
        ("<value><array/></value>", []),
        ("<value><array><data><value>1</value><value><int>2</int></value></data></array></value>", ["1", "2"]),
        ("<value><array><data><value><array><data/></array></value></data></array></value>", [[]]),
        ("<value><struct/></value>", {}),
        ("<value>\n<struct>\n</struct>\n</value>", {}),
        (struct(member("A", "1"), member("B", "<int>2</int>")), {"A": "1", "B": "2"}),
        (struct("<member><value>073</value><name>DID</name></member>"), {"DID": "073"}),
        (struct(member("A", "1"), member("A", "2")), {"A": "2"}),
        (struct(member("", "1")), {"": "1"}),
        (struct(member(" A ", "1")), {" A ": "1"}),
        (struct(member("DATA", "<array><data/></array>")), {"DATA": []}),
    ],
)
def test_every_form_of_a_value_is_read(value: str, read: object):
    assert value_of(value) == read


@pytest.mark.parametrize(
    ("tag", "text", "type"),
    [
        ("int", "0730000000", "int"),
        ("i4", "+972540000000", "int"),
        ("i4", "1234567890123456789012345678901234", "int"),
        ("int", "-1", "int"),
        ("int", "15616841651", "int"),
        ("i8", "-1563027533", "int"),
        ("ex:i8", "9223372036854775808", "int"),
        ("i1", "1", "int"),
        ("ex:i2", "2", "int"),
        ("ex:biginteger", "99999999999999999999", "int"),
        ("double", "1.10", "double"),
        ("double", "1.2345678901234568e+33", "double"),
        ("double", ".5", "double"),
        ("double", "-5.", "double"),
        ("ex:float", "0.50", "double"),
        ("ex:bigdecimal", "0.10000000000000000000", "double"),
        ("boolean", "1", "boolean"),
        ("boolean", "0", "boolean"),
        ("boolean", "true", "boolean"),
        ("boolean", "False", "boolean"),
        ("dateTime.iso8601", "20260131T09:15:00", "dateTime.iso8601"),
        ("dateTime.iso8601", "2026-01-31T09:15:00.250Z", "dateTime.iso8601"),
        ("ex:dateTime", "2026-01-31 09:15:00+02:00", "dateTime.iso8601"),
        ("base64", "aGVs\nbG8=", "base64"),
        ("base64", "", "base64"),
    ],
)
def test_a_scalar_keeps_its_text_and_its_tag_is_a_remark(tag: str, text: str, type: str):
    for around in ("{}", " {} ", "\n\t{}\n"):
        read = value_of(f"<value><{tag}>{around.format(text)}</{tag}></value>")
        assert isinstance(read, Lexical)
        assert (str(read), read.type) == (text, type)


@pytest.mark.parametrize(
    "text",
    ["<int></int>", "<int/>", "<int>x</int>", "<int>1.5</int>", "<int>1_000</int>", "<int>٣</int>", "<int>0x10</int>", "<int>5 6</int>",
     "<i4>--1</i4>", "<double>1,5</double>", "<double>NaN</double>", "<double>.</double>", "<double>inf</double>",
     "<boolean>yes</boolean>", "<boolean>2</boolean>", "<boolean/>", "<dateTime.iso8601>today</dateTime.iso8601>", "<base64>!</base64>",
     "<nil>x</nil>", "<nil><int>1</int></nil>", "<int><int>1</int></int>", "<string><int>1</int></string>", "x<int>1</int>",
     "<int>1</int>x", "<int>1</int><int>2</int>", "<value>1</value>", "<data/>", "<member/>", "<array><value>1</value></array>",
     "<array><data/><data/></array>", "<array><data><int>1</int></data></array>", "<struct><value>1</value></struct>",
     "<struct><member/></struct>", "<struct><member><value>1</value></member></struct>", "<struct><member><name/></member></struct>",
     "<struct><member><name>a</name><value/><value/></member></struct>", "<struct><member><name>a</name><int>1</int></member></struct>",
     "<struct><member><name><int>1</int></name><value/></member></struct>"],
)  # fmt: skip
def test_a_value_that_is_none_is_refused_with_its_line_and_the_method(text: str):
    error = refused(CALL.format(f"\n\n<value>{text}</value>"))
    assert (type(error), error.method, error.dialect) == (NotACall, "GET_IVR_ACTION", "xmlrpc")
    assert str(error).startswith("line 3: ")


@pytest.mark.parametrize(
    ("params", "read"),
    [
        ("", ()),
        ("<params/>", ()),
        ("<params></params>", ()),
        ("<params><param><value>1</value></param><param><value>2</value></param></params>", ("1", "2")),
    ],
)
def test_a_call_may_have_any_number_of_params_or_none(params: str, read: tuple):
    for order in ("<methodName> M\n</methodName>{}", "{}<methodName>M</methodName>"):
        call = decode_call(f"<methodCall>{order.format(params)}</methodCall>".encode())
        assert call == MethodCall("M", read, "xmlrpc")


@pytest.mark.parametrize(
    ("body", "method"),
    [
        ("<methodResponse/>", None),
        ("<value/>", None),
        ("<methodCall/>", None),
        ("<methodCall><methodName/></methodCall>", None),
        ("<methodCall><methodName> </methodName></methodCall>", None),
        ("<methodCall><methodName><string>M</string></methodName></methodCall>", None),
        ("<methodCall><params/></methodCall>", None),
        ("<methodCall><methodName>M</methodName><methodName>N</methodName></methodCall>", "M"),
        ("<methodCall><methodName>M</methodName><params/><params/></methodCall>", "M"),
        ("<methodCall><methodName>M</methodName><value/></methodCall>", "M"),
        ("<methodCall><methodName>M</methodName><params><value/></params></methodCall>", "M"),
        ("<methodCall><methodName>M</methodName><params><param/></params></methodCall>", "M"),
        ("<methodCall><methodName>M</methodName><params><param><value/><value/></param></params></methodCall>", "M"),
        ("<methodCall><params><param/></params><methodName>M</methodName></methodCall>", "M"),
    ],
)
def test_what_is_no_call_is_refused_and_names_the_method_where_it_has_one(body: str, method: str | None):
    error = refused(body)
    assert (error.reason, error.method, error.dialect) == ("not_a_call", method, "xmlrpc")


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("<methodCall>\n<methodName>M</methodName>\n</methodResponse>", 3),
        ("<methodCall>\n<methodName>M\n", 2),
        ("<methodCall>\n<value></int>", 2),
        ("<?xml version='1.0'?>\n<methodCall/>\n<methodCall/>", 3),
        ("<methodCall>\n\x01</methodCall>", 2),
        ("<?xml version='1.0'\n?>\n<methodCall>\n<methodName>\n", 4),
    ],
)
def test_what_is_not_well_formed_is_refused_with_its_line(body: str, line: int):
    error = refused(body)
    assert (type(error), error.reason, error.dialect) == (NotWellFormed, "not_well_formed", "xmlrpc")
    assert str(error).startswith(f"line {line}: ")


def nested(depth: int) -> str:
    return "<value><array><data>" * depth + "</data></array></value>" * depth


def test_values_may_be_nested_32_deep_and_no_deeper():
    value_of(nested(32))
    value_of("<value><struct><member><name>a</name>" * 32 + "<value>1</value>" + "</member></struct></value>" * 32)
    error = refused(CALL.format(nested(33)))
    assert (error.reason, error.method) == ("not_a_call", "GET_IVR_ACTION")
    assert "deeper than 32" in str(error)


def test_no_depth_breaks_anything():
    for depth in (200, 1_000, 10_000):
        assert refused(CALL.format(nested(depth))).reason in ("not_a_call", "not_well_formed")


def test_a_body_may_hold_5000_values_and_no_more():
    assert value_of(f"<value><array><data>{'<value/>' * 4_999}</data></array></value>") == [""] * 4_999
    error = refused(CALL.format(f"<value><array><data>{'<value/>' * 5_000}</data></array></value>"))
    assert (error.reason, error.method, "5000" in str(error)) == ("not_a_call", "GET_IVR_ACTION", True)


# Where the field's implementations differ, each choice is deliberate.


def test_a_member_without_a_value_is_an_empty_text():
    # Most libraries refuse it or drop the member. PHP senders write it for null, and a caller must not hear silence for that.
    assert value_of(struct("<member><name>DTMF</name></member>", member("MENU", "-1"))) == {"DTMF": "", "MENU": "-1"}


def test_wrongly_labelled_utf_8_is_retried_as_windows_1255():
    # Most libraries refuse it. The field's older senders label what they have without converting it.
    call = decode_call(b"<?xml version='1.0' encoding='utf-8'?>" + CALL.format("<value>דוד</value>").encode("cp1255"))
    assert (call.params, [repair.kind for repair in call.repairs]) == (("דוד",), ["wrong_encoding"])


def test_of_a_repeated_member_the_last_one_wins():
    # Java's and .NET's libraries refuse it; the scripting languages' take the last.
    assert value_of(struct(member("A", "1"), member("B", "2"), member("A", "3"))) == {"A": "3", "B": "2"}


def test_an_int_beyond_32_bits_is_a_call_s_right():
    # The spec knows four bytes. The vendor's own sample has 15616841651.
    assert value_of("<value><int>15616841651</int></value>") == "15616841651"
