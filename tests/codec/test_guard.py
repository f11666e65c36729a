"""What is taken out of XML, what is refused before libxml2 sees it, and that neither costs time or memory."""

from __future__ import annotations

import contextlib
import time

import pytest

from rpcbridge.codec import decode_call
from rpcbridge.errors import CallError, NotACall, NotWellFormed

CALL = "<methodCall><methodName>M</methodName><params><param>%s</param></params></methodCall>"


def value_of(value: str) -> object:
    return decode_call((CALL % value).encode()).params[0]


@pytest.mark.parametrize(
    "declaration",
    [
        "<!DOCTYPE methodCall>",
        "<!doctype methodCall>",
        '<!DOCTYPE methodCall SYSTEM "http://192.0.2.1/x.dtd">',
        '<!DOCTYPE m [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>',
        '<!DOCTYPE m [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!ENTITY a "b">',
        "<!ELEMENT value ANY>",
        "<![INCLUDE[",
        "<!>",
    ],
)
def test_every_declaration_is_refused_with_its_line(declaration: str):
    for body in (f"\n<?xml version='1.0'?>\n{declaration}{CALL % '<value>1</value>'}", CALL % f"\n\n{declaration}<value/>"):
        with pytest.raises(NotACall, match=r"^line \d+: .*DOCTYPE"):
            decode_call(body.encode())


@pytest.mark.parametrize(
    "name", ["script", "soap:Envelope", "Value", "valuex", "ex:foo", "int2", "י", "xi:include", "n:int", "_"]
)
@pytest.mark.parametrize("form", ["<{}>", "<{}/>", "</{}>", '<{} a="b"/>', "<{} "])
def test_foreign_elements_are_refused_by_name(name: str, form: str):
    with pytest.raises(NotACall, match=f"^line 1: <.*{name}.* is no element of XML-RPC"):
        value_of(f"<value>{form.format(name)}</value>")


@pytest.mark.parametrize(
    "entity", ["&nbsp;", "&eacute;", "&a;", "&", "&;", "& amp;", "&#;", "&#x;", "&#xg;", "&#12345678;", "&AMP;"]
)
def test_unknown_entities_and_bare_ampersands_are_refused(entity: str):
    with pytest.raises(NotWellFormed, match=r"^line 1: & begins no known entity"):
        value_of(f"<value>a{entity}b</value>")


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        ("&amp;", "&"),
        ("&lt;&gt;", "<>"),
        ("&quot;&apos;", "\"'"),
        ("&#1513;", "ש"),
        ("&#x5e9;&#x05E9;", "שש"),
        ("&amp;lt;", "&lt;"),
    ],
)
def test_known_references_are_read(reference: str, text: str):
    assert value_of(f"<value>{reference}</value>") == text


@pytest.mark.parametrize("reference", ["&#0;", "&#1;", "&#xD800;", "&#xFFFF;", "&#9999999;"])
def test_references_to_what_xml_cannot_hold_are_refused(reference: str):
    with pytest.raises(NotWellFormed, match=r"^line 1: "):
        value_of(f"<value>{reference}</value>")


@pytest.mark.parametrize(
    "attributes",
    [
        ' a="b"',
        " a='b'",
        ' xmlns:ex="http://ws.apache.org/xmlrpc/namespaces/extensions"',
        ' xsi:type="xsd:string"',
        " a = 'b'  c\n=\n\"d\" ",
        ' a="x > y" b="&bogus;"',
        ' a=""',
    ],
)
def test_attributes_are_dropped(attributes: str):
    for value in (f"<value{attributes}>x</value>", f"<value><string{attributes}>x</string></value>"):
        assert value_of(value) == "x"
    assert value_of(f"<value{attributes}/>") == ""


@pytest.mark.parametrize("value", ['<value a="b" a="c" >x</value >', "<value >x</value\n>", "<value\n>x</value>"])
def test_blanks_in_tags_and_repeated_attributes_do_no_harm(value: str):
    assert value_of(value) == "x"


@pytest.mark.parametrize("value", ['<value>x</value a="b">', "<value>x</value/>", "<value>x</value b>"])
def test_a_closing_tag_carries_nothing_but_its_name(value: str):
    with pytest.raises((NotWellFormed, NotACall), match=r"^line 1: "):
        value_of(value)


@pytest.mark.parametrize(
    "note", ["<!-- note -->", "<!---->", "<!-- <value> & -- > -->", "<?php echo 1 ?>", "<?x?>", "<?a <b> & ?>"]
)
def test_comments_and_processing_instructions_are_removed_everywhere(note: str):
    body = (
        f"{note}<methodCall>{note}<methodName>{note}G{note}ET{note}</methodName>{note}<params>{note}<param>{note}<value>{note}"
        f"<struct>{note}<member>{note}<name>{note}DI{note}D{note}</name>{note}<value>{note}<string>{note}07{note}30{note}</string>"
        f"{note}</value>{note}</member>{note}<member><name>X</name><value>a{note}b{note}</value></member></struct>{note}</value>"
        f"{note}</param>{note}</params>{note}</methodCall>{note}"
    )
    call = decode_call(body.encode())
    assert (call.method, call.params) == ("GET", ({"DID": "0730", "X": "ab"},))


@pytest.mark.parametrize("note", ["<!--a\nb\r\nc-->", "<?a\nb?>"])
def test_a_removed_comment_does_not_shift_the_lines_of_later_errors(note: str):
    with pytest.raises(NotACall, match=f"^line {2 + note.count(chr(10))}: "):
        value_of(f"{note}\n<value><int>x</int></value>")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("<value><![CDATA[a<b>&c]]></value>", "a<b>&c"),
        ("<value><string>x<![CDATA[ & ]]>y</string></value>", "x & y"),
        ("<value><![CDATA[]]></value>", ""),
        ("<value><![CDATA[<!-- kept --><?kept?>]]></value>", "<!-- kept --><?kept?>"),
        ("<value><![CDATA[<!DOCTYPE x><script>&nbsp;]]></value>", "<!DOCTYPE x><script>&nbsp;"),
        ("<value><![CDATA[a]]]]><![CDATA[>b]]></value>", "a]]>b"),
        ("<value><![CDATA[a\n b]]></value>", "a\n b"),
        ("<value><int><![CDATA[5]]></int></value>", "5"),
    ],
)
def test_cdata_is_kept_as_it_is(value: str, expected: str):
    assert value_of(value) == expected


def test_cdata_may_stand_around_a_method_s_and_a_member_s_name():
    body = (
        "<methodCall><methodName><![CDATA[GET_IVR_ACTION]]></methodName><params><param><value><struct><member>"
        "<name><![CDATA[DID]]></name><value><![CDATA[073]]></value></member></struct></value></param></params></methodCall>"
    )
    call = decode_call(body.encode())
    assert (call.method, call.params) == ("GET_IVR_ACTION", ({"DID": "073"},))


@pytest.mark.parametrize("opening", ["<!-- a", "<!--", "<!-->", "<?a", "<?", "<![CDATA[a", "<![CDATA[ ]] >"])
def test_what_is_opened_and_never_closed_is_refused_with_its_line(opening: str):
    with pytest.raises(NotWellFormed, match=r"^line 2: .* is not closed"):
        value_of(f"\n{opening}<value>1</value>")


@pytest.mark.parametrize(
    "tag", ["i1", "i2", "i4", "i8", "int", "biginteger", "bigdecimal", "float", "dateTime", "nil", "string"]
)
@pytest.mark.parametrize("namespace", ["", ' xmlns:ex="http://ws.apache.org/xmlrpc/namespaces/extensions"'])
def test_extension_types_need_no_declared_namespace(tag: str, namespace: str):
    text = {"nil": "", "dateTime": "20260101T00:00:00"}.get(tag, "7")
    body = CALL.replace("<methodCall>", f"<methodCall{namespace}>") % f"<value><ex:{tag}>{text}</ex:{tag}></value>"
    assert decode_call(body.encode()).params[0] == (None if tag == "nil" else text)


QUARTER = 250_000
PATHOLOGICAL = (
    "<!--", "<!-- --", "<![CDATA[", "<![CDATA[]]", "<?", "<", "</", "<!", "&", "&#", ' a=""', " a", " a=", " a='",
    "<value>", "<value/>", "<!---->", "<?a?>", "\r", "]]>", "\0",
)  # fmt: skip


@pytest.mark.parametrize(
    "before", ["", "<value", "<value>", "<value ", "<?xml ", "<?xml encoding", "<!--", "<![CDATA[", "<value a='"]
)
def test_pathological_bodies_are_done_with_fast(before: str):
    slowest = 0.0
    for piece in (*PATHOLOGICAL, " ", "a", "\n"):
        junk = before + piece * (QUARTER // len(piece))
        for body in (junk, CALL % junk, junk + CALL % "<value/>"):
            started = time.perf_counter()
            with contextlib.suppress(CallError):
                decode_call(body.encode())
            slowest = max(slowest, time.perf_counter() - started)
    assert slowest < 2  # measured: 0.05; a body read in quadratic time takes minutes
