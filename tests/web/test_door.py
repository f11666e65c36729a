"""Who may enter, and how: secret, networks, paths, methods, bodies. Nothing answers in HTML, nothing redirects."""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
import socket
import time
import zlib

import pytest

from rpcbridge.web.guard import Guard
from rpcbridge.web.tracing import traceparent
from tests.support import backend as backends
from tests.support import bridge as bridges
from tests.support.calls import xml
from tests.support.profile import check_reply

SECRET = "correct-horse-battery"
TOML = """
[server]
max_body = "64KiB"
trusted_proxies = ["127.0.0.0/8"]
[backend]
url = "{url}"
deadline = "1s"
[voicenter]
secret = "{secret}"
networks = ["192.0.2.0/24", "127.0.0.1/32"]
"""
BODY = xml()


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory):
    with (
        backends.running(backends.reply({"action": "hangup"})) as backend,
        bridges.running(tmp_path_factory.mktemp("door"), TOML.format(url=backend.url, secret=SECRET)) as bridge,
    ):
        bridge.path = f"/voicenter/{SECRET}"
        yield bridge


def valid(reply: bridges.Reply) -> object:
    return check_reply(reply.status, reply.headers, reply.body)


def plain(reply: bridges.Reply) -> int:
    """A refusal in plain text; its status."""
    assert reply.headers["content-type"] == "text/plain; charset=utf-8"
    assert b"<" not in reply.body
    assert "location" not in reply.headers
    return reply.status


@pytest.mark.parametrize("path", [f"/voicenter/{SECRET}", f"/voicenter/{SECRET}/"])
def test_the_secret_opens_with_and_without_a_slash(door, path: str):
    assert valid(door.post(BODY, path))["ACTION"] == "HANGUP"


@pytest.mark.parametrize("path", ["/voicenter", "/voicenter/", "/voicenter/wrong-secret-wrong-", f"/voicenter/{SECRET}x", "/voicenter/%ff%00"])
def test_without_it_the_door_stays_shut(door, path: str):
    reply = door.post(BODY, path)
    assert plain(reply) == 403
    assert reply.body == b"forbidden\n"


@pytest.mark.parametrize("path", ["/", "//voicenter", f"/voicenter/{SECRET}/more", f"//{SECRET}", "/voicenter//", "/nowhere", "/voicenter%2F"])
def test_other_paths_are_not_found_in_plain_text(door, path: str):
    assert plain(door.post(BODY, path)) in (403, 404)


def test_a_doubled_slash_is_no_redirect(door):
    reply = door.post(BODY, f"//voicenter/{SECRET}")
    assert reply.status in (200, 404)
    assert "location" not in reply.headers


@pytest.mark.parametrize("method", ["GET", "PUT", "OPTIONS", "DELETE"])
def test_other_methods_are_not_allowed_in_plain_text(door, method: str):
    reply = door.post(b"", method=method)
    assert plain(reply) == 405
    assert reply.headers["allow"] == "POST"


@pytest.mark.parametrize(
    ("forwarded", "status"),
    [("192.0.2.7", 200), ("203.0.113.5", 403), ("192.0.2.7, 203.0.113.5", 403), ("203.0.113.5, 192.0.2.7", 200),
     ("192.0.2.7, 127.0.0.9", 200), ("nonsense", 403), ("", 200)],
)  # fmt: skip
def test_a_trusted_proxy_says_who_sent_it(door, forwarded: str, status: int):
    assert door.post(BODY, X_Forwarded_For=forwarded).status == status
    if status == 403:
        assert door.last_line("request_refused", client=forwarded.split(",")[-1].strip())


@pytest.mark.parametrize(
    ("peer", "forwarded", "refusal"),
    [
        ("192.0.2.7", "", ""),
        ("::ffff:192.0.2.7", "", ""),
        ("203.0.113.5", "192.0.2.7", "network"),
        ("10.0.0.1", "192.0.2.7", ""),
        ("10.0.0.1", "192.0.2.7, 203.0.113.5", "network"),
        ("10.0.0.1", "192.0.2.7, 10.9.9.9", ""),
        ("", "", "network"),
    ],
)
def test_only_a_trusted_proxy_is_believed(peer: str, forwarded: str, refusal: str):
    guard = Guard("", ["192.0.2.0/24"], ["10.0.0.0/8"])
    assert guard.refusal("", guard.client(peer, forwarded)) == refusal


def test_no_secret_configured_takes_no_segment():
    assert Guard("", [], []).refusal("", "203.0.113.5") == ""
    assert Guard("", [], []).refusal("guess", "203.0.113.5") == "path"


USER = "pbx:correct-battery-staple"


def basic(credentials: str, scheme: str = "Basic") -> str:
    return f"{scheme} {base64.b64encode(credentials.encode()).decode()}"


WRONG = {
    "none": "", "no scheme": basic(USER).removeprefix("Basic "), "another password": basic("pbx:correct-battery-staplf"),
    "a part of it": basic("pbx:correct"), "more": basic(USER + "x"), "another user": basic("pbX:correct-battery-staple"),
    "bearer": basic(USER, "Bearer"), "bearer in the clear": f"Bearer {USER}", "in the clear": f"Basic {USER}", "no base64": "Basic %%%",
    "empty": "Basic ", "not ASCII": "Basic \xff\xfe", "twice": f"{basic(USER)}, {basic(USER)}", "no text": "Basic //8=",
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_credentials_do_not_open(name: str):
    assert Guard("", [], [], USER).refusal("", "192.0.2.7", WRONG[name]) == "credentials"


@pytest.mark.parametrize("given", [basic(USER), basic(USER, "basic"), basic(USER, "BASIC") + " ", basic(USER, "Basic ")])
def test_the_right_ones_do(given: str):
    assert Guard("", [], [], USER).refusal("", "192.0.2.7", given) == ""


def test_whatever_is_configured_must_all_be_right():
    guard = Guard(SECRET, ["192.0.2.0/24"], [], USER)
    assert guard.refusal(SECRET, "192.0.2.7", basic(USER)) == ""
    assert guard.refusal("wrong", "192.0.2.7", basic(USER)) == "secret"
    assert guard.refusal(SECRET, "203.0.113.5", basic(USER)) == "network"
    assert guard.refusal(SECRET, "192.0.2.7", "") == "credentials"
    assert Guard("", [], []).refusal("", "192.0.2.7", basic("who:ever-it-may-be")) == "", "asked for only where configured"


def test_every_refusal_is_the_same_and_credentials_are_kept_nowhere(backend: backends.Backend, tmp_path):
    toml = TOML.format(url=backend.url, secret=SECRET) + f'credentials = "{USER}"\n[debug]\nenabled = true\n'
    path = f"/voicenter/{SECRET}"
    with bridges.running(tmp_path, toml) as bridge:
        assert valid(bridge.post(BODY, path, Authorization=basic(USER)))["ACTION"] == "HANGUP"
        refused = [
            bridge.post(BODY, "/voicenter/wrong", Authorization=basic(USER)),
            bridge.post(BODY, path, Authorization=basic(USER), X_Forwarded_For="203.0.113.5"),
            bridge.post(BODY, path, Authorization=basic("pbx:guessed-guessed")),
            bridge.post(BODY, path),
        ]
        bridges.awaited(lambda: len(bridge.lines("request_refused")) == 4)
    assert len({(reply.status, reply.body, tuple(_timeless(reply.headers))) for reply in refused}) == 1
    assert plain(refused[0]) == 403
    assert "www-authenticate" not in refused[0].headers
    assert [line["reason"] for line in bridge.lines("request_refused")] == ["secret", "network", "credentials", "credentials"]
    assert "authorization" not in backend.requests[0].headers
    recorded = b"".join(file.read_bytes() for file in tmp_path.glob("rpcbridge.db*"))
    assert b"GET_IVR_ACTION" in recorded
    kept = bridge.log.read_bytes() + recorded
    for credentials in (USER, "pbx:guessed-guessed"):
        for secret in (credentials.partition(":")[2], basic(credentials).removeprefix("Basic ")):
            assert secret.encode() not in kept


def _timeless(headers: dict[str, str]) -> list[tuple[str, str]]:
    return sorted((name, value) for name, value in headers.items() if name != "date")


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZIP", "identity"])
def test_compressed_bodies_are_read(door, encoding: str):
    body = BODY if encoding == "identity" else gzip.compress(BODY)
    assert valid(door.post(body, Content_Encoding=encoding))["ACTION"] == "HANGUP"


def test_deflate_is_read(door):
    assert valid(door.post(zlib.compress(BODY), Content_Encoding="deflate"))["ACTION"] == "HANGUP"


@pytest.mark.parametrize(
    ("body", "encoding", "code"),
    [
        (gzip.compress(b" " * 50_000_000), "gzip", -32600),
        (gzip.compress(BODY)[:-9], "gzip", -32700),
        (BODY, "gzip", -32700),
        (BODY, "br", -32701),
        (b" " * 70_000, "", -32600),
        (b"", "", -32700),
        (b"hello", "", -32700),
        (b'<?xml version="1.0" encoding="klingon"?><methodCall/>', "", -32701),
        (b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><methodCall><methodName>&e;</methodName></methodCall>', "", -32600),
        (xml("NO_SUCH_METHOD", "x"), "", -32601),
        (xml("system.listMethod", "x"), "", -32601),
        (xml("system.listMethods", "x"), "", -32602),
        (b"<methodResponse/>", "", -32600),
    ],
)  # fmt: skip
def test_what_is_no_call_gets_a_fault(door, body: bytes, encoding: str, code: int):
    fault = valid(door.post(body, **({"Content_Encoding": encoding} if encoding else {})))
    assert fault["faultCode"] == code
    assert fault["faultString"]


@pytest.mark.parametrize(
    ("body", "code"),
    [(b"{", -32700), (b'[{"METHOD": "X"}]', -32600), (b"{}", -32600), (b'{"METHOD": "X"}', -32601)],
)  # fmt: skip
def test_a_fault_is_written_in_the_senders_dialect(door, body: bytes, code: int):
    reply = valid(door.post(body))
    assert (reply["STATUS"], reply["ERROR"]["code"]) == (1, code)


@pytest.mark.parametrize(
    ("body", "code"),
    [(b'{"jsonrpc": "2.0", "method"', -32700), (b'{"jsonrpc": "2.0"' + b" " * 70_000, -32600), (b"[]", -32600),
     (b'{"jsonrpc": "2.0", "method": "X", "id": 1}', -32601)],
)  # fmt: skip
def test_a_fault_is_an_error_object_for_json_rpc(door, body: bytes, code: int):
    reply = door.post(body)
    assert valid(reply)["code"] == code
    assert "error" in json.loads(reply.body)


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "application/json", "text/plain", ""])
def test_the_content_type_does_not_matter(door, kind: str):
    assert valid(door.post(BODY, Content_Type=kind))["ACTION"] == "HANGUP"


def send(port: int, *parts: bytes, pause: float = 0.0, close_after: bool = False) -> bytes:
    """Raw bytes over a socket; everything that comes back."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        for part in parts:
            with contextlib.suppress(BrokenPipeError):  # who is cut off is still told why
                connection.sendall(part)
            time.sleep(pause)
        if close_after:
            connection.shutdown(socket.SHUT_WR)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
            if b"</methodResponse>" in received:
                break
        return received


def head(length: object, extra: str = "", version: str = "1.1") -> bytes:
    length_line = f"Content-Length: {length}\r\n" if length is not None else ""
    return f"POST /voicenter/{SECRET} HTTP/{version}\r\nHost: x\r\n{length_line}{extra}\r\n".encode()


def test_http_1_0(door):
    assert b"HANGUP" in send(door.port, head(len(BODY), version="1.0"), BODY)


def test_chunked_bodies(door):
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (BODY[:100], BODY[100:])) + b"0\r\n\r\n"
    assert b"HANGUP" in send(door.port, head(None, "Transfer-Encoding: chunked\r\n"), chunks)


def test_a_truncated_chunked_body_is_refused(door):
    reply = send(door.port, head(None, "Transfer-Encoding: chunked\r\n"), b"ff\r\nabc", close_after=True)
    assert b"-32700" in reply


def test_expect_100_continue(door):
    reply = send(door.port, head(len(BODY), "Expect: 100-continue\r\n"), BODY, pause=0.2)
    assert reply.startswith(b"HTTP/1.1 100 Continue")
    assert b"HANGUP" in reply


def test_a_body_that_ends_early_is_refused(door):
    assert b"bytes came before the connection ended" in send(door.port, head(len(BODY) + 5), BODY, close_after=True)


@pytest.mark.alone
def test_a_body_that_trickles_is_cut_off_at_the_deadline(door):
    started = time.monotonic()
    reply = send(door.port, head(len(BODY)), *[BODY[place : place + 1] for place in range(40)], pause=0.05)
    assert b"bytes came in time" in reply
    assert time.monotonic() - started < 3


@pytest.mark.alone
def test_a_body_far_too_large_is_refused_without_reading_it(door):
    started = time.monotonic()
    reply = send(door.port, head(50_000_000), b" " * 100_000)
    assert b"larger than 65536 bytes" in reply
    assert time.monotonic() - started < 1


def test_a_trace_goes_on_and_a_broken_one_begins_anew():
    trace = "0af7651916cd43dd8448eb211c80319c"
    assert traceparent(f"00-{trace}-b7ad6b7169203331-01")[3:35] == trace
    assert traceparent(f"00-{trace}-b7ad6b7169203331-01")[36:52] != "b7ad6b7169203331"
    for broken in ("", "junk", f"00-{'0' * 32}-b7ad6b7169203331-01", f"00-{trace}-b7ad6b7169203331-01-x"):
        assert traceparent(broken)[3:35] not in (trace, "0" * 32)


@pytest.mark.parametrize(("path", "size"), [("/voicenter/wrong-secret-wrong-", 1), ("/nowhere", 1), (f"/voicenter/{SECRET}", 70_000)])
def test_a_connection_whose_body_was_left_unread_is_said_to_close(door, path: str, size: int):
    """Else a proxy keeps it for the next call, a caller's, which then meets the end of it."""
    assert door.post(BODY.ljust(size), path).headers["connection"] == "close"
