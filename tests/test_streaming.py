"""Bodies that are not kept in memory, both ways, against a real HTTP server: every method, every end they can come to."""

from __future__ import annotations

import io
import os
import resource
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import trustme

from rpcbridge.errors import TransportError
from rpcbridge.streaming import Source, stream
from rpcbridge.transport import HttpRequest, Tls, Transport
from tests.support.backend import Backend as Server
from tests.support.backend import raw, reply, reset, running, slow, trickle

HEADERS = (("X-Nothing", ""), ("Content-Type", "audio/wav"))


def ask(server: Server, method: str = "GET", seconds: float = 5.0, source: Source | None = None, body: bytes | None = None):
    return stream(Transport(), method, HttpRequest(f"{server.url}/p", HEADERS, body), seconds, source)


def source_of(data: bytes) -> Source:
    return Source(io.BytesIO(data).read, len(data))


def test_a_file_goes_up_as_it_is_read(backend: Server):
    data = os.urandom(3_000_000)
    asked: list[int] = []
    backend.behave = reply({"success": True})
    file = io.BytesIO(data)

    def read(size: int) -> bytes:
        asked.append(size)
        return file.read(size)

    with ask(backend, "PUT", source=Source(read, len(data))) as got:
        assert got.whole().body == b'{"success": true}'
    (request,) = backend.requests
    assert (request.method, request.target, request.body == data) == ("PUT", "/p", True)
    assert (request.headers["content-length"], request.headers["content-type"], request.headers["x-nothing"]) == ("3000000", "audio/wav", "")
    assert "expect" not in request.headers
    assert len(asked) > 10


@pytest.mark.parametrize("data", [b"", b"x"])
def test_a_small_file_goes_up_too(backend: Server, data: bytes):
    with ask(backend, "PUT", source=source_of(data)) as got:
        assert got.head.status == 200
    assert (backend.requests[0].body, backend.requests[0].headers["content-length"]) == (data, str(len(data)))


def test_what_is_more_than_announced_is_not_sent(backend: Server):
    with ask(backend, "PUT", source=Source(io.BytesIO(b"12345678").read, 5)):
        assert backend.requests[0].body == b"12345"


def _broken(_: int) -> bytes:
    raise OSError("the sender has gone")


@pytest.mark.parametrize("read", [io.BytesIO(b"123").read, _broken])
def test_a_source_that_ends_early_ends_the_request(backend: Server, read):
    with pytest.raises(TransportError) as caught:
        ask(backend, "PUT", source=Source(read, 100_000))
    assert caught.value.reason == "failed"


@pytest.mark.parametrize(("method", "body"), [("DELETE", None), ("GET", None), ("PUT", b"{}"), ("POST", b"{}"), ("POST", b"")])
def test_every_method_goes_as_it_is_called(backend: Server, method: str, body: bytes | None):
    backend.behave = reply({}, 404)
    with ask(backend, method, body=body) as got:
        assert got.whole().status == 404
    assert (backend.requests[0].method, backend.requests[0].body) == (method, body or b"")


def test_a_large_reply_comes_in_pieces(backend: Server):
    data = os.urandom(5_000_000)
    backend.behave = reply(data, headers="Content-Type: audio/mpeg\r\n")
    with ask(backend) as got:
        assert (got.head.status, got.head.content_type, got.length) == (200, "audio/mpeg", len(data))
        pieces = list(got)
    assert b"".join(pieces) == data
    assert max(map(len, pieces)) <= 65_536


def test_the_head_is_there_before_the_body_is(backend: Server):
    backend.behave = trickle(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", 0.01)
    with ask(backend) as got:
        assert got.length is None
        assert list(got)[-1][-1:] == b"c"


def test_an_error_s_body_is_kept_but_not_for_ever(backend: Server):
    backend.behave = reply(b"x" * 500_000, 500)
    with ask(backend) as got, pytest.raises(TransportError) as caught:
        got.whole()
    assert caught.value.reason == "too_large"


def test_a_reply_that_breaks_off_says_so_while_it_is_read(backend: Server):
    backend.behave = raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
    with pytest.raises(TransportError) as caught, ask(backend) as got:
        list(got)
    assert caught.value.reason == "reset"


@pytest.mark.alone
@pytest.mark.parametrize(
    "behave", [slow(3, reply()), trickle(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + b"x" * 100, 0.1)]
)
def test_the_time_is_for_all_of_it(backend: Server, behave):
    backend.behave = behave
    before = time.monotonic()
    with pytest.raises(TransportError) as caught, ask(backend, seconds=0.3) as got:
        list(got)
    assert caught.value.reason == "timeout"
    assert time.monotonic() - before < 0.9


def test_a_reset_and_nobody_there(backend: Server):
    backend.behave = reset()
    with pytest.raises(TransportError) as caught:
        ask(backend, "PUT", source=source_of(b"x"))
    assert caught.value.reason == "reset"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        nobody = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    with pytest.raises(TransportError) as caught:
        stream(Transport(), "PUT", HttpRequest(nobody), 5.0, source_of(b"x"))
    assert caught.value.reason == "refused"


def test_who_has_enough_closes_it_and_the_server_sees_that(backend: Server):
    backend.behave = reply(os.urandom(20_000_000))
    got = ask(backend)
    assert next(iter(got))
    got.close()
    got.close()
    assert list(got) == []


@contextmanager
def many_descriptors(count: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count + 200:
        pytest.skip(f"this process may open {hard} files: raise its limit (ulimit -Hn) for this test")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count + 200), hard))
    opened = [socket.socket() for _ in range(count)]
    try:
        yield
    finally:
        for one in opened:
            one.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_process_with_many_connections_can_do_it_too(backend: Server):
    with many_descriptors(1100), ask(backend) as got:
        assert got.whole().status == 200


def test_a_name_is_looked_up_and_one_that_is_none_says_so(backend: Server):
    with stream(Transport(), "GET", HttpRequest(f"http://localhost:{backend.port}/"), 5.0) as got:
        assert got.whole().status == 200
    with pytest.raises(TransportError) as caught:
        stream(Transport(), "GET", HttpRequest("http://nowhere.invalid/"), 5.0)
    assert caught.value.reason in ("dns", "connect_timeout")


def test_https_is_verified(tmp_path):
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    data = os.urandom(2_000_000)
    with running(reply(data), context) as server:
        url = f"https://127.0.0.1:{server.port}/"
        with stream(Transport(tls=Tls(True, str(file))), "PUT", HttpRequest(url), 10.0, source_of(data)) as got:
            assert b"".join(got) == data
        assert server.requests[0].body == data
        with pytest.raises(TransportError) as caught:
            stream(Transport(), "GET", HttpRequest(url), 5.0)
        assert caught.value.reason == "tls"
    assert len(server.requests) == 1
