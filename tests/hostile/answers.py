"""What a hostile or broken backend answers, and what the caller must get all the same: `MENU`, `CALL` ... or `HANGUP`, the fallback."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass

from tests.support.backend import Behaviour, raw, reply, reset, trickle

MENU = {"action": "menu", "menu": "main", "prompt": "welcome"}


@dataclass(frozen=True)
class Answer:
    """What the backend does, the action that must come of it, and what must stand in the reply's DATA."""

    name: str
    behave: Behaviour
    action: str = "HANGUP"
    data: tuple[tuple[str, str], ...] = ()


def _json(text: str | bytes) -> Behaviour:
    return reply(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)


def _with(**fields: object) -> Behaviour:
    return reply(MENU | fields)


def _headers(*lines: str, status: int = 200) -> Behaviour:
    return reply(MENU, status, "".join(f"{line}\r\n" for line in lines))


_BODY = json.dumps(MENU).encode()
_DEEP = 100_000

ANSWERS = [
    Answer("arrays 100,000 deep", _json("[" * _DEEP + "]" * _DEEP)),
    Answer("arrays 100,000 deep, not closed", _json("[" * _DEEP)),
    Answer("objects 40,000 deep", _json('{"a":' * 40_000)),
    *[Answer(f"a state {deep} deep", _json(json.dumps(MENU)[:-1] + f', "state": {"[" * deep}{"]" * deep}}}'), "MENU") for deep in (100, 500)],
    Answer("a native state 100,000 deep", _json('{"native": {"ACTION": "HANGUP"}, "state": ' + "[" * _DEEP + "]" * _DEEP + "}")),
    Answer("a prompt 500 deep", _json('{"action": "menu", "menu": "m", "prompt": ' + '{"text":' * 500 + "1" + "}" * 501)),
    Answer("1e400", _json('{"action": "go_to_layer", "layer": 1e400, "prompt": "p"}')),
    Answer("1e400 in a state", _json(json.dumps(MENU)[:-1] + ', "state": 1e400}'), "MENU"),
    Answer("nan", _json('{"action": "go_to_layer", "layer": NaN, "prompt": "p"}')),
    Answer("infinity", _json('{"action": "menu", "menu": "m", "prompt": "p", "loops": -Infinity}')),
    Answer("a number of 250,000 digits", _json('{"action": "go_to_layer", "prompt": "p", "layer": ' + "9" * 250_000 + "}")),
    Answer("a number of 4,000 digits as text", _json('{"action": "go_to_layer", "prompt": "p", "layer": "' + "9" * 4_000 + '"}')),
    Answer("a menu of 4,000 digits", _json('{"action": "menu", "prompt": "p", "menu": ' + "9" * 4_000 + "}"), "MENU", (("MENU", "9" * 4_000),)),
    Answer("a layer beyond 32 bits", _json('{"action": "go_to_layer", "prompt": "p", "layer": 2147483648}')),
    Answer("a lone surrogate", _json('{"action": "menu", "menu": "a\\ud800b", "prompt": "p"}'), "MENU", (("MENU", "ab"),)),
    Answer("a lone surrogate alone", _json('{"action": "call", "target": "\\udfff"}')),
    Answer("a surrogate as it is", _json('{"action": "menu", "menu": "a\ud800b", "prompt": "p"}'), "MENU", (("MENU", "ab"),)),
    Answer("lone surrogates in names", _json('{"action": "hangup", "\\ud800": 1}')),
    Answer("a state of 250,000 characters", _with(state="x" * 250_000), "MENU"),
    Answer("a state of lone surrogates", _json(json.dumps(MENU)[:-1] + ', "state": "' + "\\ud800" * 1_000 + '"}'), "MENU"),
    Answer("nul in a prompt", _with(prompt="wel\0come"), "MENU", (("REC", "welcome"),)),
    Answer("nul in a prompt's file", _with(prompt={"file": "wel\0come"}), "MENU", (("REC", "welcome"),)),
    Answer("nul as a prompt", _with(prompt="\0")),
    Answer("nul in a target", reply({"action": "call", "target": "05\x0040"}), "CALL", (("TARGET", "0540"),)),
    Answer("a target of controls alone", reply({"action": "call", "target": "\x01\x02"})),
    Answer("controls in every text", reply({
        "action": "call", "target": "\x011", "caller_number": "\x02", "caller_name": "\x03a", "hold_music": "\x04", "send_digits": "\x051", "dial_strings": ["\x06", "a\x07"],
    })),
    Answer("controls in dial strings", reply({"action": "call", "target": "1", "dial_strings": ["a\x07"]}), "CALL"),
    Answer("controls in digits", reply({"action": "say_digits", "menu": "m", "prompt": "p", "digits": "\x001\x1f2"}), "SAYDIGITS", (("DIGITS", "12"),)),
    Answer("controls in a native reply", reply({"ACTION": "MENU", "DATA": {"REC": "a\0", "LOOP": 1, "DELAY": 1, "SIZE": 1, "MENU": "m\x0b", "VALIDATION": 0}}), "MENU", (("REC", "a"), ("MENU", "m"))),
    Answer("a native prompt of controls", reply({"ACTION": "VO", "DATA": {"LAYER": 1, "RECORD": "\x08", "LOOP": 1, "DELAY": 1}})),
    Answer("crlf in names", _with(menu="a\r\nX-Evil: 1\r\n\r\nb", prompt="c\rd\ne"), "MENU", (("MENU", "a\r\nX-Evil: 1\r\n\r\nb"), ("REC", "c\rd\ne"))),
    Answer("markup in names", _with(menu="</string></value><!--", prompt="]]>&amp;<![CDATA["), "MENU", (("MENU", "</string></value><!--"), ("REC", "]]>&amp;<![CDATA["))),
    Answer("non-characters", _with(menu="a\ufffe\uffffb"), "MENU", (("MENU", "ab"),)),
    Answer("characters beyond the first plane", _with(menu="\U0001f600"), "MENU", (("MENU", "\U0001f600"),)),
    Answer("a prompt of 250,000 characters", _with(prompt="&" * 250_000), "MENU"),
    Answer("28,000 unknown keys", reply(MENU | {f"{n:x}": 1 for n in range(20_000)})),
    Answer("20,000 keys that resemble one", _json("{" + '"action":"menu",' + ",".join(f'"max_dig{n:x}":1' for n in range(14_000)) + "}")),
    Answer("a key of 250,000 characters", reply({"action": "hangup", "p" * 250_000: 1})),
    Answer("an action of 250,000 characters", reply({"action": "m" * 250_000})),
    Answer("125,000 dial strings", _json('{"action": "call", "target": "1", "dial_strings": [' + ",".join(["1"] * 125_000) + "]}")),
    Answer("125,000 native dial strings", _json('{"ACTION": "CALL", "DATA": {"TARGET": "1", "DIALSTRINGS": [' + ",".join(["1"] * 120_000) + "]}}")),
    Answer("80,000 dial strings that are none", _json('{"action": "call", "target": "1", "dial_strings": [' + ",".join(["[]"] * 80_000) + "]}")),
    Answer("one key again and again", _json("{" + '"action":"hangup",' * 10_000 + '"action":"menu","menu":"m","prompt":"p"}'), "MENU"),
    Answer("the prototype of everything", _json('{"__proto__": {"action": "hangup"}, "__class__": 1, "action": "menu"}')),
    Answer("utf-16", reply(json.dumps(MENU).encode("utf-16")), "MENU"),
    Answer("utf-16 cut in a character", reply(json.dumps(MENU).encode("utf-16") + b"\xd8")),
    Answer("no encoding", reply(b'{"action": "\xd9\xff"}')),
    Answer("xml with a doctype", reply(b'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>')),
    Answer("nuls alone", reply(b"\0" * 1_000)),
    Answer("a gzip bomb nobody asked for", reply(gzip.compress(b" " * 50_000_000), headers="Content-Encoding: gzip\r\n")),
    Answer("a body of 50 MB", raw(b"HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n" + b" " * 1_000_000)),
    Answer("a body without an end", raw(b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 1_000_000)),
    Answer("50 MB of headers", raw(b"HTTP/1.1 200 OK\r\n" + b"X-A: " + b"b" * 8_000 + b"\r\n" * 1 + (b"X-B: " + b"c" * 8_000 + b"\r\n") * 500)),
    Answer("100,000 headers", raw(b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 100_000)),
    Answer("1xx without an end", raw(b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000)),
    Answer("a header in no encoding", _headers("Content-Type: \u05e9", "X-A: \u05e9"), "MENU"),
    Answer("a content-type in latin-1", raw(b"HTTP/1.1 200 OK\r\nContent-Type: a/\xff\xfe\r\nContent-Length: %d\r\n\r\n%s" % (len(_BODY), _BODY)), "MENU"),
    Answer("a nul in a header", raw(b"HTTP/1.1 200 OK\r\nX-A: a\0b\r\nContent-Length: %d\r\n\r\n%s" % (len(_BODY), _BODY))),
    Answer("two lengths", raw(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: %d\r\n\r\n%s" % (len(_BODY), _BODY))),
    Answer("a negative length", raw(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n" + _BODY)),
    Answer("a length too long", raw(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + _BODY)),
    Answer("chunks cut short", raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n" + _BODY)),
    Answer("chunks that are none", raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n" + _BODY)),
    Answer("no http", raw(b"SSH-2.0-OpenSSH_9.2\r\n")),
    Answer("http/0.9", raw(_BODY)),
    Answer("a status of 999", _headers(status=999)),
    Answer("a status of 0", raw(b"HTTP/1.1 000 X\r\nContent-Length: %d\r\n\r\n%s" % (len(_BODY), _BODY))),
    Answer("a redirect", _headers("Location: BAIT/redirect", status=307)),
    Answer("a redirect to a file", _headers("Location: file:///etc/passwd", status=302)),
    Answer("a redirect to nowhere", _headers("Location: http://[::1", status=301)),
    Answer("a redirect in no encoding", raw(b"HTTP/1.1 302 X\r\nLocation: http://\xff\xfe/\r\nContent-Length: 0\r\n\r\n")),
    Answer("a refresh and cookies", _headers("Refresh: 0; url=BAIT/refresh", "Set-Cookie: a=b; Domain=127.0.0.1", 'Alt-Svc: h2="BAIT"'), "MENU"),
    *[Answer(f"retry-after {wait}", _headers(f"Retry-After: {wait}", status=503)) for wait in ("9" * 30, "-5", "nan", "Mon, 99 Foo 9999", "1e400")],
    Answer("an upgrade", raw(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n" + _BODY)),
    Answer("a reset", reset(b"HTTP/1.1 200 OK\r\n")),
    Answer("a reply that trickles", trickle(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + b" " * 20, 0.1)),
]  # fmt: skip
