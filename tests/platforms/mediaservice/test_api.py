"""Mediaservice's operations through /api of a real bridge: what the platform gets, what comes back, files of any size."""

from __future__ import annotations

import hashlib
import http.client
import json
import re
import socket
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import pytest

from rpcbridge.platforms.mediaservice.tokens import Verifier
from tests.support import backend as backends
from tests.support import bridge as bridges
from tests.support import prompt_store
from tests.support.backend import Backend as Server
from tests.support.backend import raw, reply, reset, slow
from tests.support.bridge import Running, awaited
from tests.support.mediaservice import valid_request
from tests.support.rsa_keys import pair, private_file, public_file
from tests.web.test_api import BEARER, TOKEN, problem

JSON = BEARER | {"Content_Type": "application/json"}
SPLIT = b'{"replyId": "r", "connectionId": "c"}'
DONE = reply({"success": True})
AT = "/api/mediaservice"


@contextmanager
def bridge_to(folder: Path, url: str, more: str = "", api: str = "") -> Iterator[Running]:
    toml = f"""
[backend]
url = "http://127.0.0.1:9"
[api]
token = "{TOKEN}"
{api}
[mediaservice]
url = "{url}/mediaservice"
domain = "customer.example"
private_key_file = "{private_file(folder)}"
claims = {{ iss = "acme" }}
timeout = "1s"
{more}
"""
    with bridges.running(folder, toml) as running:
        yield running


def connected(bridge: Running) -> AbstractContextManager[http.client.HTTPConnection]:
    return closing(http.client.HTTPConnection("127.0.0.1", bridge.port, timeout=60))


def answered(sender: socket.socket) -> tuple[int, dict]:
    """Status and problem of the reply to what was written by hand."""
    with http.client.HTTPResponse(sender) as reply:
        reply.begin()
        return reply.status, json.loads(reply.read())


def head_of_an_upload(length: int) -> bytes:
    return f"PUT {AT}/promptfile/a.wav HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: {length}\r\n\r\n".encode()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with backends.running(DONE) as running:
        yield running


@pytest.fixture
def platform(server: Server) -> Server:
    server.behave = DONE
    server.requests.clear()
    return server


@pytest.fixture(scope="module")
def bridge(tmp_path_factory: pytest.TempPathFactory, server: Server) -> Iterator[Running]:
    with bridge_to(tmp_path_factory.mktemp("api"), server.url, f'site_urls = ["{server.url}/site"]\nmax_prompt = "1MiB"') as running:
        yield running


def test_an_operation_goes_to_the_platform_and_its_reply_comes_back(bridge: Running, platform: Server):
    platform.behave = reply({"success": True, "more": "שלום"})
    got = bridge.post(SPLIT, f"{AT}/splitconnection", **JSON)
    assert (got.status, got.headers["content-type"], json.loads(got.body)) == (200, "application/json", {"success": True, "more": "שלום"})
    (request,) = platform.requests
    assert (request.method, request.target, request.json) == ("POST", "/mediaservice/customer.example/splitconnection", json.loads(SPLIT))
    assert Verifier([pair().public_key()]).refusal(request.headers["authorization"], time.time()) == ""
    assert TOKEN not in str(request)


@pytest.mark.parametrize(
    ("method", "path", "body", "target"),
    [
        ("GET", "promptfile", b"", "promptfile"),
        ("GET", "promptfile?next=a%20b", b"", "promptfile?next=a+b"),
        ("GET", "promptfile/%D7%A9.wav/url", b"", "promptfile/%D7%A9.wav/url"),
        ("POST", "promptfile/a/move", b'{"bucketRegion": "r", "bucketName": "b", "type": "s3"}', "promptfile/a/move"),
        ("DELETE", "promptfile/a%3Fb", b"", "promptfile/a%3Fb"),
        ("POST", "hangupcall", b'{"replyId": "r"}', "hangupcalljwt"),
        ("POST", "hangupcalljwt", b'{"replyId": "r"}', "hangupcalljwt"),
        ("PUT", "promptfile/a.wav", b"RIFF", "promptfile/a.wav"),
    ],
)
def test_the_platform_s_own_paths_and_methods(bridge: Running, platform: Server, method: str, path: str, body: bytes, target: str):
    assert bridge.post(body, f"{AT}/{path}", method, **JSON).status == 200
    (request,) = platform.requests
    assert (request.method, request.target) == (method, f"/mediaservice/customer.example/{target}")
    valid_request(request.target.removeprefix("/mediaservice"), method, request.json if method == "POST" else request.body or None)


def test_a_site_is_named_in_the_query_and_only_a_listed_one_is_called(bridge: Running, platform: Server):
    assert bridge.post(SPLIT, f"{AT}/splitconnection?siteBaseUrl={platform.url}/site", **JSON).status == 200
    assert platform.requests[-1].target == "/site/customer.example/splitconnection"
    assert bridge.get(f"{AT}/promptfile?siteBaseUrl={platform.url}/site&next=n", **BEARER).status == 200
    assert platform.requests[-1].target == "/site/customer.example/promptfile?next=n"
    problem(bridge.post(SPLIT, f"{AT}/splitconnection?siteBaseUrl={platform.url}/other", **JSON), 422, "unknown_site")
    assert len(platform.requests) == 2


def test_what_cannot_be_used_is_not_sent(bridge: Running, platform: Server):
    said = problem(bridge.post(b'{"replyID": 1, "connectionId": []}', f"{AT}/splitconnection", **JSON), 422, "invalid_request")
    assert said["errors"] == [
        {"field": "replyID", "message": "unknown key, did you mean replyId?"},
        {"field": "replyId", "message": "missing, and required"},
        {"field": "connectionId", "message": "expected an id as a callback gave it, got an array"},
    ]
    for path, body in (("splitconnection?x=1", SPLIT), ("splitconnection", b"[]"), ("splitconnection", b"null")):
        problem(bridge.post(body, f"{AT}/{path}", **JSON), 422, "invalid_request")
    problem(bridge.get(f"{AT}/promptfile?nxt=1", **BEARER), 422, "invalid_request")
    problem(bridge.get(f"{AT}/promptfile/..", **BEARER), 422, "invalid_request")
    for body in (b"", b"{", b"\xff", b'{"a": NaN}', b"[" * 100_000):
        problem(bridge.post(body, f"{AT}/splitconnection", **JSON), 400, "not_json")
    problem(bridge.post(SPLIT, f"{AT}/splitconnection", **BEARER, Content_Type="text/plain"), 415, "not_json")
    problem(bridge.post(SPLIT, f"{AT}/splitconnection", **JSON, Content_Encoding="br"), 415, "encoded")
    problem(bridge.post(b"{" + b" " * 300_000, f"{AT}/splitconnection", **JSON), 413, "too_large")
    problem(bridge.post(SPLIT, f"{AT}/nosuch", **JSON), 404, "not_found")
    for method in ("GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"):
        got = bridge.post(b"", f"{AT}/splitconnection", method, **BEARER)
        assert (got.status, got.headers["allow"]) == (405, "POST")
    assert bridge.get(f"{AT}/promptfile/a", "PATCH", **BEARER).headers["allow"] == "PUT, GET, DELETE"
    assert platform.requests == []


FAILURES = [
    (reply({"success": False, "reason": "gone"}), 409, "refused_by_platform", "refused", 200),
    (reply(b"", 400), 409, "http_4xx", "refused", 400),
    (reply(b"", 403), 502, "http_4xx", "refused", 403),
    (reply(b"", 404), 404, "http_4xx", "refused", 404),
    (reply(b"", 302, "Location: /x\r\n"), 502, "http_3xx", "refused", 302),
    (reply(b"", 500), 502, "http_5xx", "unclear", 500),
    (reply(b"", 503, "Retry-After: 9\r\n"), 503, "http_5xx", "not_done", 503),
    (reply(b"<html>"), 502, "unreadable", "unclear", 200),
    (reset(), 502, "reset", "unclear", None),
    (slow(2.5, DONE), 504, "timeout", "unclear", None),
]  # fmt: skip


@pytest.mark.alone
@pytest.mark.parametrize(("behave", "status", "reason", "outcome", "theirs"), FAILURES)
def test_a_platform_that_fails(bridge: Running, platform: Server, behave, status: int, reason: str, outcome: str, theirs: int | None):
    platform.behave = behave
    got = bridge.post(SPLIT, f"{AT}/splitconnection", **JSON)
    said = problem(got, status, reason)
    assert (said["outcome"], said.get("platform_status")) == (outcome, theirs)
    assert got.headers.get("retry-after") == ("9" if theirs == 503 else None)
    assert len(platform.requests) == 1
    assert bridge.last_line("api_request", reason=reason, http_status=status)["outcome"] == outcome


def test_a_platform_that_is_not_there_or_not_configured(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        nobody = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with bridge_to(tmp_path, nobody) as bridge:
        assert problem(bridge.post(SPLIT, f"{AT}/splitconnection", **JSON), 502, "refused")["outcome"] == "not_done"
    with bridges.running(tmp_path, f'[backend]\nurl = "http://127.0.0.1:9"\n[api]\ntoken = "{TOKEN}"\n') as bridge:
        said = problem(bridge.post(SPLIT, f"{AT}/splitconnection", **JSON), 503, "not_configured")
        assert "mediaservice.private_key_file" in said["detail"]


def test_a_file_that_is_too_large_or_without_a_length_is_refused_unread(bridge: Running, platform: Server):
    with socket.create_connection(("127.0.0.1", bridge.port), 5) as sender:
        sender.sendall(head_of_an_upload(1024**2 + 1))
        status, said = answered(sender)
        assert status == 413
        assert "mediaservice.max_prompt" in said["detail"]
    problem(bridge.post(b"x", f"{AT}/promptfile/a.wav", "PUT", **BEARER, Content_Encoding="gzip"), 415, "encoded")
    with connected(bridge) as connection:
        connection.request("PUT", f"{AT}/promptfile/a.wav", iter([b"x"]), BEARER, encode_chunked=True)
        assert connection.getresponse().status == 411
    assert platform.requests == []


def test_an_upload_whose_sender_breaks_off_is_not_stored(bridge: Running, platform: Server):
    with socket.create_connection(("127.0.0.1", bridge.port)) as sender:
        sender.sendall(head_of_an_upload(9000) + b"abc")
        sender.shutdown(socket.SHUT_WR)
        assert answered(sender)[0] == 422
    assert all(len(request.body) < 9000 for request in platform.requests)


@pytest.mark.alone
def test_an_upload_that_trickles_is_cut_off(tmp_path: Path, platform: Server):
    with bridge_to(tmp_path, platform.url, 'transfer_timeout = "1s"') as bridge, socket.create_connection(("127.0.0.1", bridge.port)) as sender:
        sender.sendall(head_of_an_upload(9000) + b"abc")
        sender.settimeout(5)
        before = time.monotonic()
        assert answered(sender)[0] >= 400
        assert time.monotonic() - before < 3


def test_a_file_comes_down_as_a_file_whatever_it_says_it_is(bridge: Running, platform: Server):
    for kind, ours in (("audio/mpeg", "audio/mpeg"), ("text/html", "application/octet-stream"), ("image/svg+xml", "application/octet-stream")):
        platform.behave = reply(b"<script>", headers=f"Content-Type: {kind}\r\n")
        got = bridge.get(f"{AT}/promptfile/a", **BEARER)
        assert (got.status, got.headers["content-type"], got.headers["content-disposition"], got.body) == (200, ours, "attachment", b"<script>")
        assert got.headers["x-content-type-options"] == "nosniff"


def test_a_file_that_is_not_there(bridge: Running, platform: Server):
    platform.behave = reply({"message": "Not Found"}, 404)
    problem(bridge.get(f"{AT}/promptfile/a", **BEARER), 404, "http_4xx")
    platform.behave = reply({"success": False, "reason": "no such file"})
    assert "no such file" in problem(bridge.get(f"{AT}/promptfile/a", **BEARER), 409, "refused_by_platform")["detail"]


@pytest.mark.parametrize("framing", ["Content-Length: 900000\r\n", "Transfer-Encoding: chunked\r\n"])
def test_a_download_that_breaks_off_does_not_look_whole(bridge: Running, platform: Server, framing: str):
    body = b"x" * 400_000 if "Length" in framing else b"61A80\r\n" + b"x" * 400_000 + b"\r\n"
    platform.behave = raw(f"HTTP/1.1 200 OK\r\nContent-Type: audio/wav\r\n{framing}\r\n".encode() + body)
    with connected(bridge) as connection:
        connection.request("GET", f"{AT}/promptfile/a.wav", headers=BEARER)
        with connection.getresponse() as got, pytest.raises((http.client.IncompleteRead, ConnectionError)):
            got.read()
    assert bridge.last_line("api_request", broken_off="reset")["level"] == "warning"
    assert "Traceback" not in bridge.log.read_text()


def test_what_stands_in_a_request_is_in_no_log_line(bridge: Running, platform: Server):
    platform.behave = reply({"success": False, "reason": "0540000077 is busy"})
    bridge.post(b'{"destAddr": "sip:0540000077@trunk", "sipFrom": "0540000077"}', f"{AT}/placeivrcall", **JSON)
    bridge.get(f"{AT}/promptfile/rec-0540000077.wav/url?siteBaseUrl=http://0540000077", **BEARER)
    line = bridge.last_line("api_request", operation="promptfile/{filename}/url", http_status=422)
    assert (line["platform"], line["method"], line["reason"]) == ("mediaservice", "GET", "unknown_site")
    log = bridge.log.read_text()
    assert "0540000077" not in log
    assert "eyJ" not in log


def test_only_so_many_at_once(tmp_path: Path, platform: Server):
    platform.behave = slow(1.5, DONE)
    with bridge_to(tmp_path, platform.url, api="max_requests = 1") as bridge, connected(bridge) as connection:
        connection.request("GET", f"{AT}/promptfile/a.wav", headers=BEARER)
        awaited(lambda: platform.requests)
        got = bridge.get(f"{AT}/promptfile", **BEARER)
        problem(got, 503, "busy")
        assert got.headers["retry-after"] == "1"
        connection.getresponse().read()
        platform.behave = DONE
        awaited(lambda: bridge.get(f"{AT}/promptfile", **BEARER).status == 200)


def resident(bridge: Running) -> float:
    """MiB of the worker."""
    pid = re.findall(r"Booting worker with pid: (\d+)", bridge.log.read_text())[-1]
    return int(re.findall(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[0]) / 1024


@pytest.mark.alone
def test_a_file_of_a_hundred_megabytes_goes_up_and_down_in_constant_memory(tmp_path: Path):
    pieces = 1920  # 120 MiB
    size = pieces * len(prompt_store.PIECE)
    digest = hashlib.sha256()
    for _ in range(pieces):
        digest.update(prompt_store.PIECE)
    more = 'max_prompt = "200MiB"'
    with prompt_store.running() as store, bridge_to(tmp_path, store.url, more) as bridge, connected(bridge) as connection:
        store.serves = 1000
        assert bridge.get(f"{AT}/promptfile/a.wav", **BEARER).status == 200
        before = resident(bridge)
        file = (prompt_store.PIECE for _ in range(pieces))
        connection.request("PUT", f"{AT}/promptfile/big.wav", file, BEARER | {"Content-Length": str(size)})
        assert connection.getresponse().read() == b'{"success": true}\n'
        assert store.came == [("/mediaservice/customer.example/promptfile/big.wav", size, digest.hexdigest())]
        store.serves = size
        came, hashed = 0, hashlib.sha256()
        connection.request("GET", f"{AT}/promptfile/big.wav", headers=BEARER)
        reply = connection.getresponse()
        assert reply.headers["Content-Length"] == str(size)
        while piece := reply.read(65_536):
            hashed.update(piece)
            came += len(piece)
        assert (came, hashed.hexdigest()) == (size, digest.hexdigest())
        assert resident(bridge) - before < 20


@pytest.mark.alone
def test_who_takes_a_file_too_slowly_is_cut_off(tmp_path: Path):
    with prompt_store.running() as store, bridge_to(tmp_path, store.url, 'transfer_timeout = "1s"') as bridge:
        store.serves = 100 * 1024**2
        with socket.create_connection(("127.0.0.1", bridge.port)) as slow_reader:
            slow_reader.sendall(f"GET {AT}/promptfile/a.wav HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode())
            line = bridge.last_line("api_request", operation="promptfile/{filename}")
        assert line["total_ms"] < 3000


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('private_key_file = "none.pem"', "mediaservice.private_key_file: none.pem cannot be read: No such file"),
        ('public_key_files = ["a.private.pem"]', "mediaservice.public_key_files: a.private.pem holds a private key"),
        ('ca_file = "none.pem"', "mediaservice.ca_file: no such file: none.pem"),
        ("claims = { exp = 1 }", 'mediaservice.claims: expected a table of claims in the file such as { iss = "acme" }'),
        ("claims = { day = 2026-11-30 }", 'got a value of the claim "day" that no JSON holds'),
        ('site_urls = ["ftp://x"]', 'mediaservice.site_urls: expected a list of http or https URLs'),
        ('domain = "a/b"', "mediaservice.domain: expected a host name"),
        ("", "mediaservice.domain: missing, and needed beside mediaservice.url"),
    ],
)
def test_what_is_wrong_with_keys_and_settings_stops_the_start(tmp_path: Path, more: str, said: str):
    private_file(tmp_path)
    public_file(tmp_path)
    toml = f'[backend]\nurl = "http://127.0.0.1:9"\n[mediaservice]\nurl = "https://api.example/mediaservice"\n{more}\n'
    with pytest.raises(AssertionError, match=re.escape(said)), bridges.running(tmp_path, toml):
        pass
