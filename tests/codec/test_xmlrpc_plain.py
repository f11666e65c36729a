"""The short way of a plain call: it reads what the long way reads, and leaves everything else to it."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from rpcbridge.codec import Lexical, MethodCall, xmlrpc_plain, xmlrpc_reader
from rpcbridge.codec.text import to_utf8
from tests.codec.test_properties import ANY_CALL

FIXTURES = Path(__file__).parents[2] / "fixtures" / "voicenter"
QUESTION = (FIXTURES / "reply_menu_xml" / "platform_request.xml").read_bytes()
CALL = "<methodCall><methodName>M</methodName><params><param>{}</param></params></methodCall>"
MEMBER = "<member><name>A</name><value><string>{}</string></value></member>"


def plain(*members: str) -> str:
    return CALL.format(f"<value><struct>{''.join(members)}</struct></value>")


def by_the_long_way(body: bytes) -> MethodCall:
    text, repairs = to_utf8(body)
    call = xmlrpc_reader.read_call(text)
    return MethodCall(call.method, call.params, call.dialect, (*repairs, *call.repairs))


def typed(call: MethodCall) -> tuple:
    """All of a call, its members in their order and its scalars with their types."""
    params = [[(name, value, getattr(value, "type", None)) for name, value in param.items()] for param in call.params]
    return call, params, [[type(part) for member in param for part in member] for param in params]


def mostly(usual: st.SearchStrategy[str], odd: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Often enough `usual` that most bodies of some thirty parts are plain, with `odd` parts in the rest."""
    return st.integers(0, 40).flatmap(lambda chance: odd if chance == 40 else usual)


BLANKS = mostly(
    st.sampled_from(["", "", "\n", "\r\n", "\r", " ", "\n    ", "\n" + " " * 20, "\t" * 17, " \n\r\n\t" * 5]),
    st.sampled_from(["\x0b", "\0", "\x85", "a", "<!-- a -->", "&#32;"]),
)
PIECES = st.sampled_from(["073", "קפה", "\n ", "\r\n", "\r", " " * 20, "&amp;", "&#10;", "&#65;", "&#x5e9;", "&lt;b&gt;", "\ufeff", "]]"])
TEXTS = mostly(
    st.lists(PIECES, max_size=4).map("".join).map(str.lstrip),
    st.sampled_from([" ", " a", " " * 20, "&", "&#0;", "&#xD800;", "&nbsp;", "]]>", "<b>", "<![CDATA[a]]>"]) | st.text(max_size=8),
)
INTEGERS = mostly(
    st.sampled_from(["5", "-1", "+972540000000", "15616841651"]), st.sampled_from(["", " 5", "5\n", "x", "٣", "&#53;", "1.5", "1_0"])
)
NAMES = mostly(
    st.sampled_from(["DID", "CALLER_ID", "שם", "a b", "&amp;", "A" * 90]), st.sampled_from(["", " a", "<b/>"]) | st.text(max_size=5)
)
SCALARS = st.one_of(
    TEXTS.map("<string>{}</string>".format), INTEGERS.map("<int>{}</int>".format), INTEGERS.map("<i4>{}</i4>".format),
    st.just("<string/>"),
)  # fmt: skip
VALUES = mostly(
    SCALARS,
    TEXTS | st.sampled_from(["<int>1</i4>", "<i8>1</i8>", "<int/>", "<nil/>", "<string></string><int>1</int>", "<struct></struct>"]),
)
HEADS = mostly(
    st.sampled_from(["", "<?xml version='1.0'?>", '<?xml version="1.0" encoding="utf-8"?>', "<?xml version='1.0' encoding='UTF-8'?>"]),
    st.sampled_from(
        ["<?xml version='1.0\"?>", '<?xml version="1.0" encoding="windows-1255"?>', "\ufeff", " <?xml version='1.0'?>", "<!DOCTYPE m>"]
    ),
)
METHODS = mostly(st.sampled_from(["GET_IVR_ACTION", "a.b:c/d"]), st.sampled_from(["", " M ", "<string/>", "ש"]))
ENCODINGS = mostly(st.just("utf-8"), st.sampled_from(["windows-1255", "utf-16", "utf-8-sig"]))


@st.composite
def nearly_plain(draw: st.DrawFn) -> bytes:
    """A body of the plain shape, with something odd in it now and then."""
    gap = draw(st.sampled_from([BLANKS, st.just(draw(BLANKS))]))

    def spaced(*parts: str) -> str:
        return "".join(part + draw(gap) for part in parts)

    def member() -> str:
        return spaced("<member>", f"<name>{draw(NAMES)}</name>", "<value>", draw(VALUES), "</value>", "</member>")

    before = spaced(draw(HEADS), "<methodCall>", f"<methodName>{draw(METHODS)}</methodName>", "<params>", "<param>", "<value>", "<struct>")
    members = "".join(member() for _ in range(draw(st.integers(0, 4))))
    body = before + members + spaced("</struct>", "</value>", "</param>", "</params>", "</methodCall>")
    return body.encode(draw(ENCODINGS), "ignore")


@st.composite
def broken(draw: st.DrawFn) -> bytes:
    """A platform's own call with a stretch of it replaced by any bytes or moved about."""
    at, length = draw(st.integers(0, len(QUESTION))), draw(st.integers(0, 30))
    piece = st.integers(0, len(QUESTION)).flatmap(lambda start: st.just(QUESTION[start : start + length]))
    return QUESTION[:at] + draw(st.binary(max_size=5) | piece) + QUESTION[at + length * draw(st.booleans()) :]


@settings(max_examples=2_500, deadline=None)
@given(nearly_plain() | broken() | ANY_CALL)
def test_both_ways_read_the_same(body: bytes):
    call = xmlrpc_plain.read_call(body)
    event("long way" if call is None else "short way")
    if call is not None:
        assert typed(call) == typed(by_the_long_way(body))


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("[!s]*/platform_request.xml")), ids=lambda path: path.parent.name)
def test_the_platform_s_own_calls_go_the_short_way(path: Path):  # but not several calls in one
    body = path.read_bytes()
    encoded_otherwise = path.parent.name == "question_windows_1255"
    for form in (body, re.sub(rb">\s+<", b"><", body), body.replace(b"\n", b"\r\n")):
        assert (xmlrpc_plain.read_call(form) is None) == encoded_otherwise


def test_a_plain_call_is_read_with_its_types_and_its_order():
    call = xmlrpc_plain.read_call(
        plain(
            "<member><name>B</name><value><int>0730000000</int></value></member>",
            "<member><name>A</name><value><string>a &amp; b</string></value></member>",
            "<member><name>C</name>\n<value> <string/>\n</value></member>",
            "<member><name>B</name><value><i4>-1</i4></value></member>",
        ).encode()
    )
    assert call == MethodCall("M", ({"B": Lexical("-1", "int"), "A": "a & b", "C": ""},))
    assert [*call.params[0]] == ["B", "A", "C"]
    assert (type(call.params[0]["A"]), call.params[0]["B"].type) == (str, "int")


@pytest.mark.parametrize(
    "body",
    [
        "<!DOCTYPE methodCall>" + plain(MEMBER.format("1")),
        plain(MEMBER.format("1")).replace("<params>", "<params a='b'>"),
        plain(MEMBER.format("1")).replace("string>", "script>"),
        plain(MEMBER.format("1") + "<!-- -->"),
        plain(MEMBER.format("1") + "<?a?>"),
        plain(MEMBER.format("<![CDATA[1]]>")),
        plain(MEMBER.format("&nbsp;")),
        plain(MEMBER.format("&")),
        plain(MEMBER.format(" " * 16)),  # a text of blanks, and
        plain(" " * 16),  # blanks the parser would keep for good
        plain(MEMBER.format("1").replace("A", " " * 16)),
        plain(*[MEMBER.format("1")] * 101),
        plain(MEMBER.format("1")) * 2,
        plain(MEMBER.format("1") + MEMBER.format("1")[:-1]),
    ],
)
def test_what_the_guard_is_for_is_left_to_the_guard(body: str):
    assert xmlrpc_plain.read_call(body.encode()) is None


@pytest.mark.parametrize(
    "character",
    [b"\x80", b"\xff", b"\xe9", b"\xc0\x80", b"\xc1\xbf", b"\xe0\x80\xaf", b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xef\xbf\xbe",
     b"\xef\xbf\xbf", b"\xf0\x80\x80\xaf", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xd7", b"\x00", b"\x01", b"\x1f"],
)  # fmt: skip
def test_what_is_no_character_is_left_to_the_long_way(character: bytes):
    assert xmlrpc_plain.read_call(plain(MEMBER).encode().replace(b"{}", b"a" + character + b"b")) is None


@pytest.mark.parametrize("piece", ["<member>", MEMBER.format("1"), MEMBER.format("x" * 200), "<member><name>", " ", "a"])
@pytest.mark.parametrize("end", ["", "<", "</member>", "&"])
def test_a_body_that_is_not_plain_in_the_end_is_done_with_fast(piece: str, end: str):
    body = (plain(piece * (500_000 // len(piece)))[:-100] + end).encode()
    started = time.perf_counter()
    assert xmlrpc_plain.read_call(body) is None
    assert time.perf_counter() - started < 0.5  # measured: 0.002
