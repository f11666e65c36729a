"""The backend client against a real HTTP server: attempts, deadlines, encodings, credentials."""

from __future__ import annotations

import base64
import hmac
import ssl
import threading
import time
from datetime import UTC, datetime
from urllib.parse import parse_qs

import pytest
import trustme

from rpcbridge.backend import Breakers, Client
from rpcbridge.errors import NoUsableAnswer
from rpcbridge.exchange import Hop
from rpcbridge.settings import Backend
from rpcbridge.transport import Tls, Transport
from tests.support.backend import Backend as Server
from tests.support.backend import in_turn, raw, reply, reset, running, slow, trickle

pytestmark = pytest.mark.alone

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
QUESTION = {
    "event": "action_requested", "event_id": "01KB0Q8ZJ5T3V9W2X4Y6Z8A0BC", "platform": "voicenter", "call_id": "a/b?x=y#z",
    "called_number": "+972 73", "digits": "01", "menu": None, "reason": "input",
}  # fmt: skip
EVENT = {"event": "call_ended", "event_id": "01KB0Q9A0H6R8S1T3V5W7X9Y2Z", "platform": "voicenter", "call_id": "c", "duration": 3}
ANSWER = {"action": "hangup"}
RETRY_AT_ONCE = reply(b"", 503)


def client(transport: Transport | None = None, now=lambda: datetime.now(UTC), **settings) -> Client:
    configured = Backend(**settings)
    transport = transport or Transport(connect_timeout=configured.connect_timeout)
    breakers = Breakers(configured.breaker.failures, configured.breaker.interval, clock=time.monotonic)
    return Client(configured, transport, breakers, clock=time.monotonic, now=now, sleep=time.sleep)


def ask(url: str, event=QUESTION, seconds: float = 2.0, asking: Client | None = None, **settings):
    """The answer (or the error), what was seen, and how long it took."""
    seen, started = Hop(), time.monotonic()
    try:
        outcome = (asking or client(**settings)).ask(url, event, started + seconds, TRACEPARENT, seen)
    except NoUsableAnswer as error:
        outcome = error
    return outcome, seen, time.monotonic() - started


def test_a_question_is_posted_as_json_with_the_contracts_headers(backend: Server):
    backend.behave = reply(ANSWER)
    answer, seen, _ = ask(backend.url)
    (request,) = backend.requests
    assert answer == ANSWER
    assert (request.method, request.target, request.json) == ("POST", "/ivr/action", QUESTION)
    headers = request.headers
    assert headers["content-type"] == "application/json"
    assert headers["user-agent"].startswith("rpcbridge/")
    assert headers["rpcbridge-contract"] == headers["rpcbridge-attempt"] == "1"
    assert headers["idempotency-key"] == headers["webhook-id"] == QUESTION["event_id"]
    assert headers["traceparent"] == TRACEPARENT
    assert 1500 < int(headers["rpcbridge-deadline-ms"]) <= 2000
    assert "expect" not in headers
    assert seen.reply.status == 200


@pytest.mark.parametrize("status", [200, 201, 202, 299])
def test_any_2xx_answers_whatever_its_content_type_says(backend: Server, status: int):
    backend.behave = reply(b"\xef\xbb\xbf" + b'{"action": "hangup"}', status, "Content-Type: text/html\r\n")
    assert ask(backend.url)[0] == ANSWER


def test_a_content_type_may_be_written_in_any_encoding(backend: Server):
    body = b'{"action": "hangup"}'
    backend.behave = raw(b"HTTP/1.1 200 OK\r\nContent-Type: text/\xf9\xff\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    answer, seen, _ = ask(backend.url)
    assert answer == ANSWER
    assert seen.reply.content_type == "text/\ufffd\ufffd"


@pytest.mark.parametrize("first", [reply(b"", 502), reply(b"", 503), reply(b"", 504), reply(b"", 429), reply(b"", 429, "Retry-After: 0\r\n")])
def test_what_may_pass_is_tried_again_with_the_same_key(backend: Server, first):
    backend.behave = in_turn(first, first, reply(ANSWER))
    answer, seen, _ = ask(backend.url)
    assert answer == ANSWER
    assert [attempt.status for attempt in seen.attempts][-1] == 200
    assert [request.headers["rpcbridge-attempt"] for request in backend.requests] == ["1", "2", "3"]
    assert len({request.headers["idempotency-key"] for request in backend.requests}) == 1
    left = [int(request.headers["rpcbridge-deadline-ms"]) for request in backend.requests]
    assert left == sorted(left, reverse=True)
    assert left[0] > left[2]


@pytest.mark.parametrize(
    ("behave", "reason"),
    [
        (reply(b"", 400), "http_4xx"),
        (reply(b"", 404), "http_4xx"),
        (reply(b"", 429, "Retry-After: 60\r\n"), "http_4xx"),
        (reply(b"", 503, "Retry-After: Wed, 01 Jan 2200 00:00:00 GMT\r\n"), "http_5xx"),
        (reply(b"", 500), "http_5xx"),
        (reply(b"", 501), "http_5xx"),
        (reply(b"", 302, "Location: /elsewhere\r\n"), "http_3xx"),
        (reply(b"", 307, "Location: http://127.0.0.1:1/\r\n"), "http_3xx"),
        (reset(), "reset"),
        (reset(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"), "reset"),
        (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"), "reset"),
        (raw(b""), "reset"),
        (raw(b"\x16\x03\x01 no HTTP at all\r\n\r\n"), "not_http"),
        (raw(b"HTTP/9.9 banana\r\n\r\n"), "not_http"),
        (reply(b" " * 300_000), "too_large"),
        (raw(b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 300_000), "too_large"),
        (raw(b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 400_000 + b"\r\n\r\n"), "too_large"),
        (reply(b""), "empty"),
        (reply(b"", 204), "empty"),
        (reply(b"<!DOCTYPE html><p>Fatal error"), "html"),
        (reply(b"Notice: undefined index"), "not_json"),
        (reply(b'{"action": "hangup", "cause": NaN}'), "not_json"),
        (reply(b'{"cause": 1' + b"0" * 5000 + b"}"), "not_json"),
        (reply(b"[" * 100_000), "not_json"),
        (reply(b'{"action": "\xff"}'), "not_json"),
    ],
)  # fmt: skip
def test_what_cannot_pass_is_tried_once(backend: Server, behave, reason: str):
    backend.behave = behave
    error, seen, seconds = ask(backend.url)
    assert isinstance(error, NoUsableAnswer), error
    assert error.reason == reason
    assert len(backend.requests) == len(seen.attempts) == 1
    assert seconds < 1


def test_a_redirect_is_not_followed(backend: Server):
    backend.behave = reply(b"", 302, f"Location: {backend.url}/elsewhere\r\n")
    ask(backend.url)
    assert [request.target for request in backend.requests] == ["/ivr/action"]


def test_retry_after_is_honoured_where_it_can_still_finish(backend: Server):
    backend.behave = in_turn(reply(b"", 503, "Retry-After: 1\r\n"), reply(ANSWER))
    answer, _, seconds = ask(backend.url, seconds=3)
    assert answer == ANSWER
    assert 1 <= seconds < 2


def test_attempts_end_before_the_deadline(backend: Server):
    backend.behave = RETRY_AT_ONCE
    error, seen, seconds = ask(backend.url, seconds=1)
    assert error.reason == "http_5xx"
    assert 3 <= len(seen.attempts) <= 8
    assert seconds <= 1.0


@pytest.mark.parametrize("behave", [slow(3, reply(ANSWER)), trickle(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n" * 9, 0.2)])
def test_the_deadline_ends_a_reply_that_is_late_or_trickles(backend: Server, behave):
    backend.behave = behave
    error, seen, seconds = ask(backend.url, seconds=0.5)
    assert error.reason == "timeout"
    assert len(seen.attempts) == 1
    assert 0.45 < seconds < 0.8


def test_a_time_out_is_tried_again_only_where_attempt_timeout_leaves_room(backend: Server):
    backend.behave = in_turn(slow(2, reply(ANSWER)), reply(ANSWER))
    answer, seen, _ = ask(backend.url, attempt_timeout=0.3)
    assert answer == ANSWER
    assert [attempt.reason for attempt in seen.attempts] == ["timeout", ""]


def test_a_backend_that_is_down_is_tried_until_it_is_too_late():
    error, seen, seconds = ask("http://127.0.0.1:1", seconds=0.5)
    assert error.reason == "refused"
    assert len(seen.attempts) >= 2
    assert seconds < 0.6


def test_a_name_that_does_not_exist_is_a_dns_failure():
    error, _, seconds = ask("http://no-such-host.invalid", seconds=0.5)
    assert error.reason in ("dns", "connect_timeout")
    assert seconds < 0.8


def test_a_connection_that_hangs_ends_with_its_own_time_out(full_listener: int):
    error, seen, seconds = ask(f"http://127.0.0.1:{full_listener}", seconds=1, connect_timeout=0.2)
    assert error.reason == "connect_timeout"
    assert len(seen.attempts) >= 2
    assert seconds < 1.2


@pytest.fixture
def full_listener():
    """A port whose queue of connections is full: the kernel answers no further one."""
    import socket

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    waiting = []
    for _ in range(4):
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(listener.getsockname())
        waiting.append(sock)
    yield listener.getsockname()[1]
    for sock in (*waiting, listener):
        sock.close()


def test_connections_are_kept_and_used_again(backend: Server):
    asking = client()
    for _ in range(10):
        assert ask(backend.url, asking=asking)[0] == ANSWER
    assert backend.connections == 1


def test_a_kept_connection_that_the_backend_closed_is_no_failure(backend: Server):
    backend.behave = raw(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n" + b'{"action": "hangup"}')
    asking = client()
    for _ in range(5):
        answer, seen, _ = ask(backend.url, asking=asking)
        assert answer == ANSWER
        assert len(seen.attempts) == 1


def test_idle_connections_are_bounded(backend: Server):
    backend.behave = slow(0.2, reply(ANSWER))
    asking = client(Transport(idle_connections=2))
    for _ in range(2):
        threads = [threading.Thread(target=ask, args=(backend.url,), kwargs={"asking": asking}) for _ in range(6)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
    assert backend.connections == 6 + 4


def test_one_backend_does_not_take_all_idle_connections(backend: Server):
    backend.behave = slow(0.1, reply(ANSWER))
    asking = client(Transport(idle_connections=2))
    with running(reply(ANSWER)) as other:
        threads = [threading.Thread(target=ask, args=(backend.url,), kwargs={"asking": asking}) for _ in range(4)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        for _ in range(3):
            ask(other.url, asking=asking)
        assert other.connections == 1


def test_no_idle_connection_at_all_works_too(backend: Server):
    asking = client(Transport(idle_connections=0))
    for _ in range(2):
        assert ask(backend.url, asking=asking)[0] == ANSWER
    assert backend.connections == 2


def test_a_form_carries_what_json_would_say(backend: Server):
    event = QUESTION | {"raw": {"A": ["1", None]}, "estimated": True}
    ask(backend.url, event, encoding="form")
    (request,) = backend.requests
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    fields = {name: values[0] for name, values in parse_qs(request.body.decode(), keep_blank_values=True).items()}
    assert fields == {name: value for name, value in event.items() if isinstance(value, str)} | {
        "raw": '{"A":["1",null]}', "estimated": "true",
    }  # fmt: skip


def test_a_query_carries_questions_and_a_form_the_events(backend: Server):
    asking = client(encoding="query", action_path="/index.php?route=ivr")
    ask(backend.url, asking=asking)
    asking.deliver(backend.url, EVENT, 2.0, TRACEPARENT, 3, Hop())
    question, event = backend.requests
    assert question.method == "GET"
    assert question.body == b""
    assert question.target.startswith("/index.php?route=ivr&event=action_requested&")
    assert "content-type" not in question.headers
    assert (event.method, event.target) == ("POST", "/ivr/events")
    assert event.headers["rpcbridge-attempt"] == "3"
    assert parse_qs(event.body.decode())["duration"] == ["3"]


@pytest.mark.parametrize(
    ("behave", "reason"), [(reply(b"", 500), "http_5xx"), (RETRY_AT_ONCE, "http_5xx"), (reset(), "reset"), (slow(2, reply()), "timeout")]
)
def test_delivering_is_one_attempt_that_says_why_it_failed(backend: Server, behave, reason: str):
    backend.behave = behave
    seen = Hop()
    with pytest.raises(NoUsableAnswer) as failure:
        client().deliver(backend.url, EVENT, 0.4, TRACEPARENT, 1, seen)
    assert failure.value.reason == reason
    assert len(backend.requests) == len(seen.attempts) == 1


@pytest.mark.parametrize("body", [b"", b"<html>", b"{"])
def test_what_is_said_to_an_event_does_not_matter(backend: Server, body: bytes):
    backend.behave = reply(body)
    client().deliver(backend.url, EVENT, 1.0, TRACEPARENT, 1, Hop())


def test_values_in_a_path_are_percent_encoded(backend: Server):
    ask(backend.url + "/base", action_path="/{platform}/{event}/{called_number}/{call_id}")
    assert backend.requests[0].target == "/base/voicenter/action_requested/%2B972%2073/a%2Fb%3Fx%3Dy%23z"


@pytest.mark.parametrize("value", ["", ".", "..", None])
def test_a_value_that_would_change_the_path_never_gets_there(backend: Server, value):
    event = {name: content for name, content in (QUESTION | {"call_id": value}).items() if content is not None}
    error, _, _ = ask(backend.url, event, action_path="/calls/{call_id}/action")
    assert error.reason == "unsafe_path"
    assert backend.requests == []


@pytest.mark.parametrize(
    ("auth", "header"), [("bearer s3cr3t", "Bearer s3cr3t"), ("basic user:pa:ss", "Basic dXNlcjpwYTpzcw==")]
)
def test_credentials_and_static_headers_go_along(backend: Server, auth: str, header: str):
    ask(backend.url, auth=auth, headers=(("X-Shop", "7"), ("Host", "shop.example")))
    headers = backend.requests[0].headers
    assert (headers["authorization"], headers["x-shop"], headers["host"]) == (header, "7", "shop.example")


def test_the_environments_proxy_is_not_used(backend: Server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert ask(backend.url)[0] == ANSWER


def test_a_configured_proxy_is_used(backend: Server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("no_proxy", "*")
    assert ask("http://shop.example", asking=client(Transport(proxy=backend.url)))[0] == ANSWER
    assert backend.requests[0].target == "http://shop.example/ivr/action"


class TestTls:
    """An https backend with a certificate of an authority of its own."""

    @pytest.fixture
    def authority(self, tmp_path):
        authority = trustme.CA()
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        return authority, str(tmp_path / "ca.pem")

    @pytest.fixture
    def secure(self, authority):
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority[0].issue_cert("localhost").configure_cert(context)
        with running(reply(ANSWER), context) as server:
            yield f"https://localhost:{server.port}"

    def test_the_configured_authority_is_believed(self, secure, authority):
        assert ask(secure, asking=client(Transport(tls=Tls(ca_file=authority[1]))))[0] == ANSWER

    def test_nobody_else_is(self, secure):
        error, seen, _ = ask(secure, asking=client(Transport()))
        assert error.reason == "tls"
        assert len(seen.attempts) == 1

    def test_the_name_must_be_the_certificates(self, secure, authority):
        url = secure.replace("localhost", "127.0.0.1")
        assert ask(url, asking=client(Transport(tls=Tls(ca_file=authority[1]))))[0].reason == "tls"

    def test_unless_verification_is_switched_off(self, secure):
        assert ask(secure, asking=client(Transport(tls=Tls(verify=False))))[0] == ANSWER


def test_each_attempt_is_signed_anew(backend: Server):
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    backend.behave = in_turn(RETRY_AT_ONCE, reply(ANSWER))
    moments = iter([datetime(2026, 11, 20, 21, 27, 3, tzinfo=UTC), datetime(2026, 11, 20, 21, 27, 5, 999_999, tzinfo=UTC)])
    ask(backend.url, asking=client(now=lambda: next(moments), secrets=(secret,)))
    headers = [request.headers for request in backend.requests]
    assert [header["webhook-timestamp"] for header in headers] == ["1795210023", "1795210025"]
    assert len({header["webhook-signature"] for header in headers}) == 2
    assert len({header["webhook-id"] for header in headers}) == 1
    for request in backend.requests:
        signed = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + request.body
        digest = hmac.digest(base64.b64decode(secret.removeprefix("whsec_")), signed, "sha256")
        assert request.headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"
