"""What is thrown: bodies, whole requests and backends' answers, built with their structure in mind or made of the fixtures.

Every input is bytes, so that a finding is a file: a body, a request as it stands on the wire, an answer.
"""

from __future__ import annotations

import gzip
import json
import zlib

from hypothesis import strategies as st

from tests.support.bridge import ROOT
from tests.support.calls import as_json, xml

FIXTURES = sorted(
    path for name in ("platform_*", "sample.*", "as_printed.*") for path in ROOT.glob(f"fixtures/*/*/{name}") if path.is_file()
)
ANSWERS = [path.read_bytes() for path in sorted(ROOT.glob("fixtures/*/*/backend_response.json"))]
_JSON_RPC = b'{"jsonrpc": "2.0", "method": "GET_IVR_ACTION", "params": {"DID": "0730000000", "MENU": -1}, "id": 7}'
CORPUS = [path.read_bytes() for path in FIXTURES] + [xml(), as_json(), xml("HANGUP_CALL"), as_json("HANGUP_CALL"), _JSON_RPC]

METHODS = ["GET_IVR_ACTION", "HANGUP_CALL", "system.listMethods", "system.multicall", "system.methodHelp", "M", ""]
FIELDS = ["DID", "CALLER_ID", "CALLER_NAME", "IVR_UNIQUE_ID", "DTMF", "MENU", "PREVIOUS_MENU", "TARGET", "CALL_DURATION", "CALL_STATUS", "X", ""]
IDS = ["../../admin", "a/b?x=y#z", ".", "..", "", "%2e%2e", "x\r\nX-Evil: 1", "\x00", "..\\..", "ש", "0730000000", "-1", "1e400", "9" * 400]
LABELS = ["utf-8", "utf-16", "utf-16-le", "iso-8859-1", "iso-8859-8-i", "windows-1255", "utf-7", "utf-32", "cp037", "hz", "klingon", ""]
TOKENS = [
    b"<!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>", b"&e;", b"&#0;", b"&#xD800;", b"&#x10FFFF;", b"<![CDATA[", b"]]>", b"<!--", b"-->",
    b"<?", b"?>", b"<?xml version='1.0' encoding='utf-16'?>", b"<value>", b"</value>", b"<struct>", b"<member>", b"<array><data>", b"<nil/>",
    b"<ex:i8>", b" xmlns:ex='u'", b"\0", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\xd9", b"\xed\xa0\x80", b"\xc0\xaf", b"\r", b"\n", b" " * 40,
    b"NaN", b"Infinity", b"1e400", b"0x10", b"\\ud800", b"\\u0000", b"[" * 40, b"{" * 40, b'{"a":' * 40, b"//", b"/*", b"'", b'"', b",", b"9" * 5000,
    b"GET_IVR_ACTION", b"METHOD", b"DATA", b"jsonrpc", b"method", b"params", b"id", b"system.multicall", b"methodName", b"null", b"true", b"-",
]  # fmt: skip

TEXT = st.sampled_from(IDS) | st.text(max_size=12) | st.integers(-(10**20), 10**20).map(str)


@st.composite
def mutated(draw: st.DrawFn, bodies: list[bytes]) -> bytes:
    """One of `bodies` changed in up to four places: bits, cuts, copies, splices with another, other encodings."""
    body = draw(st.sampled_from(bodies))
    for _ in range(draw(st.integers(1, 4))):
        body = _changed(draw, body, bodies)
    return body


def _changed(draw: st.DrawFn, body: bytes, bodies: list[bytes]) -> bytes:
    start = draw(st.integers(0, len(body)))
    end = draw(st.integers(start, min(len(body), start + 60)))
    match draw(st.integers(0, 8)):
        case 0 if body:
            at = start % len(body)
            return body[:at] + bytes([body[at] ^ 1 << draw(st.integers(0, 7))]) + body[at + 1 :]
        case 1:
            return body[:start] + body[end:]
        case 2:
            return body[:end] + body[start:]
        case 3:
            return body[:start]
        case 4:
            other = draw(st.sampled_from(bodies))
            return body[:start] + other[draw(st.integers(0, len(other))) :]
        case 5:
            return body[:start] + body[start:end] * draw(st.integers(2, 200)) + body[end:]
        case 6:
            return _relabelled(body, draw(st.sampled_from(LABELS)), draw(st.sampled_from(LABELS)))
        case 7:
            return body[:start] + draw(st.binary(max_size=6)) + body[end:]
        case _:
            return body[:start] + draw(st.sampled_from(TOKENS)) + body[end:]


def _relabelled(body: bytes, label: str, real: str) -> bytes:
    """`body` said to be in one encoding and written in another."""
    text = body.decode("utf-8", "replace")
    if label and not text.startswith("<?xml"):
        text = f'<?xml version="1.0" encoding="{label}"?>{text}'
    elif label:
        text = text.replace("utf-8", label, 1).replace("UTF-8", label, 1)
    try:
        return text.encode(real or "utf-8", "replace")
    except LookupError:
        return text.encode("utf-8", "replace")


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


_TYPES = st.sampled_from(["string", "int", "i4", "i8", "double", "boolean", "dateTime.iso8601", "base64", "nil", "ex:i1", "ex:nil", "string a='b'", "uuid"])
_XML_SCALAR = st.one_of(
    TEXT.map(lambda text: f"<value>{_escaped(text)}</value>"),
    st.builds(lambda tag, text: f"<value><{tag}>{_escaped(text)}</{tag.split()[0]}></value>", _TYPES, TEXT),
    st.sampled_from([
        "<value/>", "<value><string/></value>", "<value><nil/></value>", "<value><![CDATA[<a>&]]></value>", "<value>&#x5e9;</value>",
        "<value><boolean>1</boolean></value>", "<value><double>1e400</double></value>", "<value><int>0730</int></value>",
        "<value><!--c-->1<?p i?></value>", "<value><dateTime.iso8601>20261120T21:27:03</dateTime.iso8601></value>",
    ]),
)  # fmt: skip
_NAME = st.sampled_from(FIELDS) | st.text(max_size=6)


def _member(name: str, value: str, shape: int) -> str:
    shapes = (f"<name>{_escaped(name)}</name>{value}", f"{value}<name>{_escaped(name)}</name>", f"<name>{_escaped(name)}</name>", value)
    return f"<member>{shapes[shape]}</member>"


_XML_VALUE = st.recursive(
    _XML_SCALAR,
    lambda inner: st.lists(inner, max_size=4).map(lambda items: f"<value><array><data>{''.join(items)}</data></array></value>")
    | st.lists(st.builds(_member, _NAME, inner, st.sampled_from([0, 0, 0, 0, 0, 1, 2, 3])), max_size=8).map(
        lambda members: f"<value><struct>{''.join(members)}</struct></value>"
    ),
    max_leaves=12,
)
_HEADS = st.sampled_from(['<?xml version="1.0"?>', "<?xml version='1.0' encoding='utf-8'?>\n", "", "\ufeff", " \n", '<?xml version="1.1" encoding="iso-8859-8-i"?>'])


def _xml_call(head: str, method: str, values: list[str], blank: str) -> bytes:
    params = "".join(f"<param>{value}</param>" for value in values)
    text = f"{head}<methodCall><methodName>{_escaped(method)}</methodName><params>{params}</params></methodCall>"
    return text.replace("><", f">{blank}<").encode("utf-8", "replace")


_METHOD = st.sampled_from(METHODS) | TEXT
XML_CALL = st.builds(_xml_call, _HEADS, _METHOD, st.lists(_XML_VALUE, max_size=2), st.sampled_from(["", "", "\n", " " * 20]))

# Halves of characters and controls included, and numbers of every size.
_ANY_TEXT = st.sampled_from(IDS) | st.text(st.characters(), max_size=12)
_FLOAT = st.floats(allow_nan=False, allow_infinity=False)  # TOKENS has what is no JSON
JSON_VALUE = st.recursive(
    _ANY_TEXT | st.none() | st.booleans() | st.integers(-(10**40), 10**40) | _FLOAT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(FIELDS) | _ANY_TEXT, inner, max_size=8),
    max_leaves=12,
)
_VENDORS = st.fixed_dictionaries({"METHOD": st.sampled_from(METHODS) | _ANY_TEXT}, optional={"DATA": JSON_VALUE, "X": JSON_VALUE})
_RPC = st.fixed_dictionaries(
    {"jsonrpc": st.sampled_from(["2.0", "2.0", "2.0", "1.0", 2.0]), "method": st.sampled_from(METHODS) | _ANY_TEXT},
    optional={"params": JSON_VALUE, "id": JSON_VALUE},
)
_JSON_TREE = _VENDORS | _RPC | st.lists(_RPC, max_size=4) | JSON_VALUE


def _json_text(value: object, ascii_only: bool, lenient: bool) -> bytes:
    text = json.dumps(value, ensure_ascii=ascii_only)
    return (text.replace('"', "'").replace("}", ",}") if lenient else text).encode("utf-8", "surrogatepass")


JSON_CALL = st.builds(_json_text, _JSON_TREE, st.booleans(), st.sampled_from([False, False, False, True]))
BODY = st.one_of(mutated(CORPUS), XML_CALL, JSON_CALL, st.binary(max_size=100))

_ACTION_FIELDS = [
    "action", "menu", "prompt", "loops", "loop_delay", "max_digits", "validate_digits", "finish_key", "digits", "intro_prompt", "target",
    "caller_number", "caller_name", "ring_timeout", "record", "dial_strings", "on_failure", "after_call", "cause", "layer", "language", "state",
    "native", "ACTION", "STATUS", "DATA", "LANGUAGE", "REC", "TARGET", "DIALSTRINGS", "HANGUP_CAUSE",
]  # fmt: skip
_WORDS = st.sampled_from(["menu", "say_digits", "call", "hangup", "go_to_layer", "record", "MENU", "CALL", "HANGUP", "VO", "he", "en-US", "5", "\x01", "a\r\nb\0", "\ud800"])
_ANSWER_VALUE = st.recursive(
    _WORDS | _ANY_TEXT | st.none() | st.booleans() | st.integers(-5, 10**12) | _FLOAT | st.just(10**400),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(_ACTION_FIELDS) | _ANY_TEXT, inner, max_size=5),
    max_leaves=10,
)
_ACTIONS = st.one_of(
    st.fixed_dictionaries({"action": st.just(name)} | dict.fromkeys(fields, _WORDS | _ANY_TEXT | _ANSWER_VALUE), optional=extra)
    for name, fields, extra in (
        ("menu", ("menu", "prompt"), {"loops": _ANSWER_VALUE, "language": _WORDS, "state": _ANSWER_VALUE}),
        ("say_digits", ("menu", "prompt", "digits"), {"intro_prompt": _ANSWER_VALUE}),
        ("call", ("target",), {"caller_number": _ANY_TEXT, "on_failure": _ANSWER_VALUE, "dial_strings": st.lists(_ANY_TEXT, max_size=5)}),
        ("hangup", (), {"prompt": _WORDS, "cause": _ANSWER_VALUE}),
        ("go_to_layer", ("layer", "prompt"), {}),
    )
)
ANSWER = st.one_of(
    st.builds(_json_text, _ACTIONS | _ANSWER_VALUE, st.booleans(), st.just(False)),
    mutated(ANSWERS),
    st.binary(max_size=60),
)

_PATHS = st.sampled_from([
    "/voicenter", "/voicenter", "/voicenter", "/voicenter", "/voicenter/", "/voicenter/x", "//voicenter", "/voicenter/../voicenter",
    "/voicenter/%2e%2e/livez", "/voicenter;x", "/voicenter%00", "/voicenter?x=1", "/", "*", "/livez", "/readyz?verbose", "/debug/", "/debug/exchanges/x",
    "/debug/?call_id=../../x%00", "/debug/?before=%ff", "/debug/../livez", "/debug/login?next=//x", "/debug/static/..%2f", "/%ff%fe", "http://evil.example/voicenter",
])  # fmt: skip
_HEADERS = st.lists(
    st.sampled_from([
        ("traceparent", "00-" + "f" * 32 + "-" + "0" * 16 + "-zz"), ("traceparent", "junk"), ("X-Forwarded-For", "1," * 4000), ("Host", "<b>"),
        ("Content-Length", "-1"), ("Content-Length", "9" * 30), ("Content-Length", "5"), ("Content-Length", "1_0"), ("Content-Length", "\u0665"),
        ("Content-Type", "application/x-www-form-urlencoded"), ("Content-Type", "text/xml; charset=klingon"), ("Content-Encoding", "gzip"),
        ("Content-Encoding", "deflate"), ("Content-Encoding", "br"), ("Content-Encoding", "gzip, gzip"), ("Expect", "100-continue"),
        ("Accept", "application/json"), ("Accept", "*/*;q=nan"), ("Authorization", "Basic \xff"), ("Authorization", "Bearer"), ("Cookie", "a=b"),
        ("If-Modified-Since", "x"), ("Range", "bytes=0-"), ("X-HTTP-Method-Override", "GET"), ("X-Junk", "\xff\x01"),
        ("Accept", "text/html"), ("Cookie", "rpcbridge_visit=" + "A" * 22), ("Cookie", "rpcbridge_session=a.b.c"), ("X-CSRF-Token", "\xff"),
        ("Origin", "null"), ("Origin", "http://["), ("Sec-Fetch-Site", "cross-site"), ("HX-Request", "true"),
        ("Content-Type", "multipart/form-data; boundary=b"),
    ]),
    max_size=3,
)  # fmt: skip
_VERBS = st.sampled_from(["POST"] * 12 + ["GET", "HEAD", "PUT", "OPTIONS", "TRACE", "PROPFIND", "post", "X" * 300])
_PACKED = st.sampled_from([None] * 8 + [gzip.compress, zlib.compress])


def request_bytes(verb: str, path: str, headers: list[tuple[str, str]], body: bytes) -> bytes:
    """A request as it stands on the wire."""
    lines = [f"{verb} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + body


def _packed(verb: str, path: str, headers: list[tuple[str, str]], body: bytes, pack) -> bytes:
    if pack is not None:
        body, headers = pack(body), [*headers, ("Content-Encoding", "gzip")]
    return request_bytes(verb, path, headers, body)


REQUEST = st.builds(_packed, _VERBS, _PATHS, _HEADERS, BODY, _PACKED)
