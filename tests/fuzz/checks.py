"""What must hold for every input, whatever it is. Each check takes the input's bytes and raises AssertionError.

The judges are others: xmlrpc.client, json, and tests/support/profile.py.
"""

from __future__ import annotations

import io
import json
import re
import time
import xmlrpc.client
from collections.abc import Callable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import structlog

from rpcbridge import log
from rpcbridge.app import build
from rpcbridge.backend.client import answer_in
from rpcbridge.codec import Batch, Lexical, MethodCall, decode_request, encode_call
from rpcbridge.errors import CallError, EncodeError, NoUsableAnswer, OutOfPlace
from rpcbridge.plan import configured
from rpcbridge.platforms import Options
from rpcbridge.platforms.understanding import understood
from rpcbridge.platforms.voicenter import Section, make
from rpcbridge.transport import HttpReply
from tests.hostile import seen
from tests.support import backend as backends
from tests.support.profile import check_reply

SECONDS = 2.0  # the longest any input may take


@contextmanager
def in_time():
    """The time bound of everything."""
    started = time.perf_counter()
    yield
    taken = time.perf_counter() - started
    assert taken < SECONDS, f"took {taken:.1f} s"


def check_decode(body: bytes) -> None:
    """A call or a batch, or a CallError that can be told; what was read is read again, and as xmlrpc.client reads it."""
    with in_time():
        try:
            read = decode_request(body)
        except CallError as error:
            _told(error)
            return
        for call in read.items if isinstance(read, Batch) else [read]:
            if isinstance(call, MethodCall):
                _call(call)
    if isinstance(read, MethodCall) and read.dialect == "xmlrpc":
        _as_the_standard_client(body, read)


def _told(error: CallError) -> None:
    assert 0 < len(str(error)) < 400, len(str(error))
    for text in (error.method, error.id):
        if text is not None:
            text.encode()
    assert error.method != ""


def _call(call: MethodCall) -> None:
    assert call.method.strip(" \t\r\n") == call.method != ""
    call.method.encode()
    json.dumps(call.params, ensure_ascii=False).encode()
    try:
        again = decode_request(encode_call(call))
    except EncodeError:
        assert "None" in repr(call.params), call  # the one value the writer of XML-RPC has no element for
        return
    assert isinstance(again, MethodCall)
    assert (again.method, again.id, again.unanswered) == (call.method, call.id, call.unanswered)
    assert _plain(again.params) == _plain(call.params)


def _plain(value: Any) -> Any:
    """`value` with a text of blanks alone as none: XML keeps no long ones, see codec/guard.py."""
    if isinstance(value, dict):
        return {name.strip(" \t\r\n"): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value if value is None or value.strip(" \t\r\n") else ""


# What xmlrpc.client takes in its own way: entities that a DOCTYPE makes, a member's value before its name, elements
# where none belong, and text beside a typed value.
_ITS_OWN = re.compile(rb"<!DOCTYPE|</value\s*>\s*<name|<member>\s*<value|<value/>\s*<name|ex:|<name\s*/?>\s*</member|</name>\s*</member>")


def _as_the_standard_client(body: bytes, call: MethodCall) -> None:
    if _ITS_OWN.search(body):
        return
    try:
        params, method = xmlrpc.client.loads(body)
    except Exception:
        return
    assert (method or "").strip(" \t\r\n") == call.method
    assert _plain(_lexical(params)) == _plain(_lexical(call.params)), (params, call.params)


def _lexical(value: Any) -> Any:
    """A value of either reader as texts that can be compared."""
    if isinstance(value, dict):
        return {name: _lexical(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_lexical(inner) for inner in value]
    if isinstance(value, Lexical):
        with suppress(ValueError, OverflowError):
            return _lexical(_NUMBERS[value.type](value))
        return str(value)
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, xmlrpc.client.Binary):
        return xmlrpc.client.Binary(value.data).data.hex()
    return value if value is None else str(value)


def _decoded(text: str) -> xmlrpc.client.Binary:
    read = xmlrpc.client.Binary()
    read.decode(text.encode())
    return read


_NUMBERS: dict[str, Callable[[str], Any]] = {
    "int": int, "double": float, "boolean": lambda text: text.lower() in ("1", "true"), "base64": _decoded, "dateTime.iso8601": str,
}  # fmt: skip

_PLATFORM = make(Section(), Options({}))


def check_answer(body: bytes) -> None:
    """What a backend answers ends in a reply that every client reads, or in words that say why not."""
    with in_time():
        try:
            action, repairs = understood(_PLATFORM, answer_in(HttpReply(200, body)))
            for dialect in ("xmlrpc", "json"):
                response, more = _PLATFORM.from_domain(action, "0730000000", dialect)
                reply = _PLATFORM.encode(response, dialect)
                kind = "text/xml; charset=utf-8" if dialect == "xmlrpc" else "application/json; charset=utf-8"
                said = check_reply(200, {"content-type": kind, "content-length": str(len(reply))}, reply)
                _mandatory(said["DATA"])
                assert len(reply) < 8 * len(body) + 2000, f"{len(reply)} bytes of reply"
            told = [repair.detail for repair in (*repairs, *more)]
        except NoUsableAnswer as error:
            told = [str(error)]
        assert all(len(text) < 10_000 for text in told), "a story longer than anybody reads"


def _mandatory(data: dict) -> None:
    for name in ("TARGET", "REC", "RECORD", "DIGITS"):
        assert data.get(name) != "", f"{name} is written empty"


class App:
    """The whole WSGI application in process, with a backend over real HTTP that notes what it gets."""

    def __init__(self, folder: Path) -> None:
        config = folder / "fuzz.toml"
        self.answer = b'{"action": "menu", "menu": "main", "prompt": "welcome"}'
        self._backend = backends.running(lambda connection, request: backends.reply(self.answer)(connection, request))
        self.backend = self._backend.__enter__()
        config.write_text(
            f'[backend]\nurl = "{self.backend.url}"\ndeadline = "1s"\n'
            f'{seen.PATHS}[database]\nurl = "sqlite:///{folder / "fuzz.db"}"\n[debug]\nenabled = true\n',
            "utf-8",
        )
        before = log._written
        self.app = build(configured(config, environment={})).app
        self._before = before

    def close(self) -> None:
        """Stop the backend, and give the log back to those who had it."""
        time.sleep(0.3)  # lines are written behind the calls' backs
        log._written = self._before
        structlog.reset_defaults()
        self._backend.__exit__(None, None, None)

    def check(self, raw: bytes) -> None:
        """Never a 5xx, never HTML; from a platform's door always a reply in the caller's dialect, to a question an action."""
        environ, body = _environ(raw)
        self.backend.requests.clear()
        with in_time():
            status, headers, reply = self._asked(environ)
        assert status < 500, (status, reply[:200])
        assert b"<html" not in reply or headers["content-type"].startswith("text/html"), reply[:100]
        for request in list(self.backend.requests):
            seen.check(request)
        if environ["PATH_INFO"] in ("/voicenter", "/voicenter/") and environ["REQUEST_METHOD"] == "POST":
            _replied(environ, body, status, headers, reply)

    def _asked(self, environ: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
        began: list[Any] = []
        parts = self.app(environ, lambda status, headers, *_: began.append((status, headers)))
        reply = b"".join(parts)
        getattr(parts, "close", lambda: None)()
        ((status, headers),) = began
        return int(status.split()[0]), {name.lower(): value for name, value in headers}, reply


# What may stand before a body's first character: marks of its encoding, and blanks. A declaration says nothing of the rest.
_MARKS = re.compile(rb"\A(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff|\s)*")


def _replied(environ: dict[str, Any], body: bytes, status: int, headers: dict[str, str], reply: bytes) -> None:
    if status == 204:
        assert reply == b""
        return
    said = check_reply(status, headers, reply, tables=False)
    if "HTTP_CONTENT_ENCODING" in environ or environ["CONTENT_LENGTH"] != str(len(body)):
        return
    begin = _MARKS.sub(b"", body.replace(b"\0", b""))[:5]
    if begin[:1] in (b"{", b"[") or (begin[:1] == b"<" and begin != b"<?xml"):
        assert (reply[:1] == b"<") == (begin[:1] == b"<"), (begin, reply[:100])
    if _question(body):
        assert isinstance(said, dict), said
        assert said.get("ACTION") in ("MENU", "HANGUP"), said


def _question(body: bytes) -> bool:
    """Whether a caller waits for the answer, as far as anybody can tell."""
    try:
        call = decode_request(body)
    except CallError as error:
        return error.method == "GET_IVR_ACTION" and not isinstance(error, OutOfPlace)
    return isinstance(call, MethodCall) and call.method == "GET_IVR_ACTION" and not call.unanswered


def _environ(raw: bytes) -> tuple[dict[str, Any], bytes]:
    """A request's bytes as a WSGI server would hand them over; a Content-Length is added where none is given."""
    head, _, body = raw.partition(b"\r\n\r\n")
    line, *lines = head.decode("latin-1").split("\r\n")
    verb, _, rest = line.partition(" ")
    target = rest.rpartition(" ")[0] or rest
    path, _, query = target.removeprefix("http://evil.example").partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": verb, "PATH_INFO": unquote_to_bytes(path.encode("latin-1")).decode("latin-1"), "QUERY_STRING": query,
        "SCRIPT_NAME": "", "SERVER_NAME": "x", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "127.0.0.1",
        "wsgi.version": (1, 0), "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(body), "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True, "wsgi.multiprocess": False, "wsgi.run_once": False, "wsgi.input_terminated": True,
        "CONTENT_LENGTH": str(len(body)),
    }  # fmt: skip
    for header in lines:
        name, _, value = header.partition(":")
        key = name.strip().upper().replace("-", "_")
        environ[key if key in ("CONTENT_LENGTH", "CONTENT_TYPE") else f"HTTP_{key}"] = value.strip()
    return environ, body
