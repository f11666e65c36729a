"""The client of Mediaservice's API against a real HTTP server: what is sent, what comes back, and what may have been done."""

from __future__ import annotations

import io
import json
import os
import socket
import threading
import time

import pytest

from rpcbridge.errors import TransportError
from rpcbridge.platforms.mediaservice.client import Client, Region
from rpcbridge.platforms.mediaservice.tokens import Tokens, Verifier
from rpcbridge.platforms.operations import PlatformFailed, UnusableRequest, Upload
from rpcbridge.transport import Transport
from tests.support.backend import Backend as Server
from tests.support.backend import in_turn, raw, reply, reset, slow
from tests.support.rsa_keys import pair

pytestmark = pytest.mark.alone

DONE = reply({"success": True})
SPLIT = {"replyId": "r", "connectionId": "c"}


def client_of(url: str, sites: tuple[str, ...] = (), domain: str = "customer.example", connect_timeout: float = 1.0) -> Client:
    tokens = Tokens(pair(), {"iss": "acme"}, 300, now=time.time)
    transport = Transport(idle_connections=0, connect_timeout=connect_timeout)
    return Client(Region(url, domain, sites), tokens, transport, clock=time.monotonic, sleep=time.sleep)


def test_an_operation_is_posted_with_a_token_that_the_public_key_verifies(backend: Server):
    backend.behave = reply({"success": True, "extra": 1})
    answer = client_of(f"{backend.url}/mediaservice").send("splitconnection", {"replyId": 5, "connectionId": " c "}, seconds=2)
    assert answer == {"success": True, "extra": 1}
    (request,) = backend.requests
    assert (request.method, request.target) == ("POST", "/mediaservice/customer.example/splitconnection")
    assert request.json == {"replyId": "5", "connectionId": "c"}
    assert request.headers["content-type"] == "application/json"
    assert Verifier([pair().public_key()]).refusal(request.headers["authorization"], time.time()) == ""


def test_a_query_a_file_s_name_and_the_twin_of_a_remote_call(backend: Server):
    backend.behave = DONE
    client = client_of(backend.url)
    client.send("promptfile", {"next": "a b&c"}, seconds=2)
    client.send("promptfile.url", filename="a?b.wav", seconds=2)
    client.send("promptfile.delete", filename="שלום", seconds=2)
    client.send("hangupcall", {"replyId": "r"}, seconds=2)
    client.send("promptfile.move", {"bucketRegion": "r", "bucketName": "b", "type": "S3"}, filename="a", seconds=2)
    assert [(request.method, request.target.removeprefix("/customer.example/")) for request in backend.requests] == [
        ("GET", "promptfile?next=a+b%26c"), ("GET", "promptfile/a%3Fb.wav/url"), ("DELETE", "promptfile/%D7%A9%D7%9C%D7%95%D7%9D"),
        ("POST", "hangupcalljwt"), ("POST", "promptfile/a/move"),
    ]  # fmt: skip
    assert backend.requests[-1].json["type"] == "s3"


def test_nothing_is_sent_that_cannot_be_used(backend: Server):
    client = client_of(backend.url)
    for operation, given, file in (("splitconnection", {}, ""), ("promptfile.url", {}, ".."), ("promptfile.delete", {"x": 1}, "a")):
        with pytest.raises(UnusableRequest):
            client.send(operation, given, filename=file, seconds=2)
    assert backend.requests == []


def failure(server: Server, operation: str = "splitconnection", given=SPLIT, seconds: float = 1.0, **rest) -> PlatformFailed:
    with pytest.raises(PlatformFailed) as caught:
        client_of(server.url).send(operation, given, seconds=seconds, **rest)
    return caught.value


REPLIES = [
    (reply({"success": False, "reason": "no such\nreply", "error": "E1"}), "refused_by_platform", "refused", "success: false: no such reply: E1"),
    (reply({"success": "no"}), "refused_by_platform", "refused", 'success: "no"'),
    (reply({"message": "Forbidden"}, 403), "http_4xx", "refused", "HTTP 403: Forbidden"),
    (reply({"message": "eyJhbGciOi.eyJpc3Mi.c2ln is no good"}, 401), "http_4xx", "refused", "HTTP 401: *** is no good"),
    (reply(b"", 302, "Location: http://127.0.0.1:1/\r\n"), "http_3xx", "refused", "HTTP 302"),
    (reply(b"<html>", 500), "http_5xx", "unclear", "HTTP 500"),
    (reply(b"", 504), "http_5xx", "unclear", "HTTP 504"),
    (reply(b"<html>"), "unreadable", "unclear", "HTTP 200 with something else than a JSON object"),
    (reply([]), "unreadable", "unclear", "something else than a JSON object"),
    (reply(b""), "unreadable", "unclear", "something else than a JSON object"),
    (reset(), "reset", "unclear", "no reply from the platform"),
    (raw(b"SSH-2.0\r\n"), "not_http", "unclear", "no reply from the platform"),
    (reply(b"x" * 300_000), "too_large", "unclear", "no reply from the platform"),
]  # fmt: skip


@pytest.mark.parametrize(("behave", "reason", "outcome", "said"), REPLIES)
def test_what_a_reply_says_of_what_was_done(backend: Server, behave, reason: str, outcome: str, said: str):
    backend.behave = behave
    error = failure(backend)
    assert (error.reason, error.outcome) == (reason, outcome)
    assert said in str(error)
    assert len(backend.requests) == 1  # whatever it was, it is not posted again


def test_a_reply_without_a_word_of_success_has_its_status(backend: Server):
    for behave in (reply({}), reply({"success": None}), reply(b"", 204)):
        backend.behave = behave
        client_of(backend.url).send("splitconnection", SPLIT, seconds=2)


def test_a_time_out_of_a_post_is_unclear_and_it_is_not_sent_again(backend: Server):
    backend.behave = slow(2, DONE)
    before = time.monotonic()
    error = failure(backend, seconds=0.4)
    assert (error.reason, error.outcome) == ("timeout", "unclear")
    assert time.monotonic() - before < 1.2
    assert len(backend.requests) == 1


def test_without_time_nothing_is_sent(backend: Server):
    error = failure(backend, seconds=0.05)
    assert (error.reason, error.outcome, backend.requests) == ("timeout", "not_done", [])


def test_a_post_whose_connection_ends_without_a_word_is_sent_once(backend: Server):
    """libcurl sends a request anew, whatever its method, if that happens on a connection it had kept."""
    backend.behave = in_turn(DONE, raw(b""), DONE)
    client = client_of(backend.url)
    client.send("splitconnection", SPLIT, seconds=2)
    with pytest.raises(PlatformFailed) as caught:
        client.send("splitconnection", SPLIT, seconds=2)
    assert caught.value.outcome == "unclear"
    assert len(backend.requests) == 2


def test_a_post_is_tried_again_while_nobody_takes_the_connection():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    backend = Server(DONE, _listener=socket.socket())

    def begin() -> None:
        time.sleep(0.5)
        backend._listener.close()
        backend._listener = socket.create_server(("127.0.0.1", port))
        backend.accept()

    threading.Thread(target=begin, daemon=True).start()
    try:
        assert client_of(f"http://127.0.0.1:{port}").send("splitconnection", SPLIT, seconds=5) == {"success": True}
    finally:
        backend.close()


def test_when_nobody_ever_takes_it_nothing_was_done():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    before = time.monotonic()
    with pytest.raises(PlatformFailed) as caught:
        client_of(url).send("splitconnection", SPLIT, seconds=1)
    assert (caught.value.reason, caught.value.outcome) == ("refused", "not_done")
    assert time.monotonic() - before < 3


@pytest.mark.parametrize("status", [429, 503])
def test_what_is_too_busy_to_begin_is_asked_again_when_it_says(backend: Server, status: int):
    backend.behave = in_turn(reply(b"", status, "Retry-After: 1\r\n"), DONE)
    before = time.monotonic()
    client_of(backend.url).send("splitconnection", SPLIT, seconds=5)
    assert time.monotonic() - before >= 1
    backend.behave = reply(b"", status, "Retry-After: 60\r\n")
    error = failure(backend)
    assert (error.outcome, error.status, error.wait) == ("not_done", status, 60)


def test_a_get_is_tried_again_after_anything(backend: Server):
    backend.behave = in_turn(reset(), reply(b"", 500), reply({"success": True, "url": "https://x"}))
    assert client_of(backend.url).send("promptfile.url", filename="a", seconds=5)["url"] == "https://x"
    assert len(backend.requests) == 3
    backend.behave = reply({"success": False, "reason": "no such file"})
    error = failure(backend, "promptfile.url", None, filename="a")
    assert (error.outcome, len(backend.requests)) == ("refused", 4)
    backend.behave = reply(b"{")
    assert failure(backend, "promptfile.url", None, filename="a").outcome == "not_done"


def test_a_site_is_called_only_if_it_is_configured(backend: Server):
    backend.behave = DONE
    client = client_of("http://127.0.0.1:1", sites=(f"{backend.url}/site",))
    for site in (f"{backend.url}/site", f"{backend.url}/site/", f"HTTP://127.0.0.1:{backend.port}/site"):
        client.send("splitconnection", SPLIT, base_url=site, seconds=2)
    assert {request.target for request in backend.requests} == {"/site/customer.example/splitconnection"}
    for site in (
        backend.url, f"{backend.url}/site/x", f"{backend.url}/site?x", f"https://127.0.0.1:{backend.port}/site", "http://[", "x",
        f"http://u@127.0.0.1:{backend.port}/site", "http://127.0.0.1:99999/site",
    ):  # fmt: skip
        with pytest.raises(PlatformFailed) as caught:
            client.send("splitconnection", SPLIT, base_url=site, seconds=2)
        assert (caught.value.reason, caught.value.outcome) == ("unknown_site", "refused")
    assert len(backend.requests) == 3


def test_a_file_goes_up_and_comes_down(backend: Server):
    data = os.urandom(1_000_000)
    backend.behave = DONE
    client = client_of(backend.url)
    assert client.upload("a.wav", Upload(io.BytesIO(data).read, len(data), "audio/wav"), seconds=5) == {"success": True}
    (request,) = backend.requests
    assert (request.method, request.target, request.body == data) == ("PUT", "/customer.example/promptfile/a.wav", True)
    assert request.headers["content-type"] == "audio/wav"
    assert request.headers["authorization"].startswith("Bearer eyJ")
    backend.behave = reply(data, headers="Content-Type: audio/wav\r\n")
    file = client.download("a.wav", seconds=5)
    assert (file.content_type, file.length, b"".join(file.chunks) == data) == ("audio/wav", len(data), True)
    file.close()


def test_a_file_that_ends_early_is_the_senders_fault(backend: Server):
    backend.behave = DONE
    with pytest.raises(UnusableRequest, match="body: only 3 of its 9 bytes came"):
        client_of(backend.url).upload("a.wav", Upload(io.BytesIO(b"123").read, 9), seconds=5)


@pytest.mark.parametrize(
    ("behave", "reason", "outcome"),
    [
        (reply({"success": False, "reason": "full"}), "refused_by_platform", "refused"),
        (reply(b"", 413), "http_4xx", "refused"), (reply(b"", 500), "http_5xx", "unclear"), (reset(), "reset", "unclear"),
    ],
)  # fmt: skip
def test_an_upload_that_fails(backend: Server, behave, reason: str, outcome: str):
    backend.behave = behave
    with pytest.raises(PlatformFailed) as caught:
        client_of(backend.url).upload("a.wav", Upload(io.BytesIO(b"123").read, 3), seconds=5)
    assert (caught.value.reason, caught.value.outcome) == (reason, outcome)


@pytest.mark.parametrize(
    ("behave", "reason", "outcome"),
    [
        (reply({"success": False, "reason": "no such file"}), "refused_by_platform", "refused"),
        (reply({"message": "Not Found"}, 404), "http_4xx", "refused"), (reply({"success": True}), "unreadable", "not_done"),
        (reply(b" " * 100_000), "too_large", "not_done"), (reset(), "reset", "not_done"),
    ],
)  # fmt: skip
def test_a_download_that_fails_before_it_begins(backend: Server, behave, reason: str, outcome: str):
    backend.behave = behave
    with pytest.raises(PlatformFailed) as caught:
        client_of(backend.url).download("a.wav", seconds=5)
    assert (caught.value.reason, caught.value.outcome) == (reason, outcome)


def test_a_download_that_breaks_off(backend: Server):
    backend.behave = raw(b"HTTP/1.1 200 OK\r\nContent-Type: audio/wav\r\nContent-Length: 900000\r\n\r\n" + b"x" * 400_000)
    file = client_of(backend.url).download("a.wav", seconds=5)
    with pytest.raises(TransportError):
        list(file.chunks)
    file.close()


def test_one_client_serves_many_threads(backend: Server):
    backend.behave = DONE
    client = client_of(backend.url)
    answers: list[object] = []
    threads = [
        threading.Thread(target=lambda n=n: answers.append(client.send("interruptivrcommand", {"replyId": str(n)}, seconds=10))) for n in range(40)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [{"success": True}] * 40
    assert sorted(int(json.loads(request.body)["replyId"]) for request in backend.requests) == list(range(40))
