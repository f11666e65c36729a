"""deploy/nginx.conf as it stands, before a real bridge: who and what gets through, and what of it is written down."""

from __future__ import annotations

import contextlib
import http.client
import re
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from rpcbridge.settings import load
from tests.support import backend as backends
from tests.support import bridge as bridges
from tests.support.calls import as_json, xml
from tests.support.profile import check_reply

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
pytestmark = [pytest.mark.alone, pytest.mark.skipif(not NGINX, reason="nginx is not installed: sudo apt-get install nginx-light")]

CONF = (bridges.ROOT / "deploy" / "nginx.conf").read_text("utf-8")
NAME, SECRET = "ivr.example.com", "correct-horse-battery"
PHONE_SYSTEM, STRANGER = "127.0.0.2", "127.0.0.3"  # all of 127/8 is this machine: a sender's address can be chosen
TOML = """
[server]
trusted_proxies = ["127.0.0.1"]
drain = "{drain}"
[backend]
url = "{url}"
[voicenter]
secret = "{secret}"
networks = ["127.0.0.2/32"]
"""


@dataclass
class Proxy:
    """nginx, with the certificate's authority and the folder it writes to."""

    port: int
    trust: ssl.SSLContext
    folder: Path
    bridge: bridges.Running

    def connection(self, sender: str = PHONE_SYSTEM) -> ssl.SSLSocket:
        plain = socket.create_connection(("127.0.0.1", self.port), 30, (sender, 0))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self.trust.wrap_socket(plain, server_hostname=NAME)

    def ask(
        self, body: bytes = b"", path: str = f"/voicenter/{SECRET}", method: str = "POST", sender: str = PHONE_SYSTEM, **headers: str
    ) -> bridges.Reply:
        started = time.monotonic()
        with contextlib.closing(http.client.HTTPSConnection(NAME)) as connection:
            connection.sock = self.connection(sender)
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            response = connection.getresponse()
            data, seconds = response.read(), time.monotonic() - started
        return bridges.Reply(response.status, {n.lower(): v for n, v in response.getheaders()}, data, seconds)

    def many(self, count: int, sender: str) -> list[int]:
        """The statuses of so many calls, one after the other over one connection."""
        statuses: list[int] = []
        with contextlib.closing(http.client.HTTPSConnection(NAME)) as connection:
            connection.sock = self.connection(sender)
            for _ in range(count):
                connection.request("POST", f"/voicenter/{SECRET}", as_json())
                response = connection.getresponse()
                response.read()
                statuses.append(response.status)
        return statuses

    def written(self) -> str:
        return "".join(file.read_text() for file in self.folder.glob("*.log"))


def derived(folder: Path, port: int, upstreams: list[int], taken_in: bool = False) -> str:
    """deploy/nginx.conf with other ports, paths and addresses, and nothing else changed. taken_in: with the locations that are off."""
    servers = "\n".join(f"    server 127.0.0.1:{upstream} max_fails=3 fail_timeout=5s;" for upstream in upstreams)
    changes = [
        (r"    server 127\.0\.0\.1:8080 .*", servers),
        (r"    listen 443 ssl;", f"    listen 127.0.0.1:{port} ssl;"),
        (r"    listen \[::\]:443 ssl;\n", ""),
        (r"/etc/ssl/ivr\.example\.com\.pem", f"{folder}/certificate.pem"),
        (r"/etc/ssl/private/ivr\.example\.com\.key", f"{folder}/key.pem"),
        (r"/var/log/nginx/", f"{folder}/"),
        (r"192\.0\.2\.0/24", f"{PHONE_SYSTEM}/32"),
        *([(r"(?m)^    #(location|    |\})", r"    \1"), (r"198\.51\.100\.7;", f"{PHONE_SYSTEM};")] if taken_in else []),
    ]
    text = CONF
    for pattern, instead in changes:
        text, count = re.subn(pattern, instead, text)
        assert count >= 1, f"deploy/nginx.conf has no {pattern} any more"
    return text


# What a distribution's own nginx.conf gives, here without root's folders.
AROUND = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log crit;
events {{ worker_connections 4096; }}
http {{
    access_log {folder}/nginx.log;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    include {folder}/rpcbridge.conf;
}}
"""


@contextlib.contextmanager
def proxied(folder: Path, bridge: bridges.Running, *upstreams: int, taken_in: bool = False) -> Iterator[Proxy]:
    """nginx before these ports, the bridge's own if none is named."""
    port, authority = bridges.free_port(), trustme.CA()
    certificate = authority.issue_cert(NAME)
    (folder / "certificate.pem").write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
    (folder / "key.pem").write_bytes(certificate.private_key_pem.bytes())
    (folder / "rpcbridge.conf").write_text(derived(folder, port, list(upstreams) or [bridge.port], taken_in))
    main = folder / "nginx.conf"
    main.write_text(AROUND.format(folder=folder))
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    command = [str(NGINX), "-p", str(folder), "-e", str(folder / "nginx.log"), "-c", str(main)]
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        bridges.awaited(lambda: _listens(port), 10)
        yield Proxy(port, trust, folder, bridge)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def line(folder: Path, behave: backends.Behaviour, drain: str = "0s") -> Iterator[tuple[bridges.Running, backends.Backend]]:
    """A bridge as deploy/README.md has it behind nginx, and its backend."""
    with backends.running(behave) as backend:
        toml = TOML.format(url=backend.url, secret=SECRET, drain=drain)
        (folder / "bridge").mkdir()
        with bridges.running(folder / "bridge", toml) as bridge:
            yield bridge, backend


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("nginx")
    with line(folder, backends.reply({"action": "menu", "menu": "main", "prompt": "welcome"})) as (bridge, _), proxied(folder, bridge) as proxy:
        yield proxy


def served(reply: bridges.Reply) -> str:
    """The action of a reply that a phone system can use."""
    return check_reply(reply.status, reply.headers, reply.body)["ACTION"]


@pytest.mark.parametrize("body", [xml(), as_json()], ids=["xml", "json"])
@pytest.mark.parametrize("path", [f"/voicenter/{SECRET}", f"/voicenter/{SECRET}/", f"//voicenter/{SECRET}", f"/voicenter/{SECRET}?a=b"])
def test_a_call_gets_through(proxy: Proxy, body: bytes, path: str):
    assert served(proxy.ask(body, path)) == "MENU"


def test_a_body_in_chunks_is_collected_first(proxy: Proxy):
    with contextlib.closing(http.client.HTTPSConnection(NAME)) as connection:
        connection.sock = proxy.connection()
        connection.request("POST", f"/voicenter/{SECRET}", iter([xml()[:40], xml()[40:]]), encode_chunked=True)
        response = connection.getresponse()
        assert served(bridges.Reply(response.status, {n.lower(): v for n, v in response.getheaders()}, response.read(), 0)) == "MENU"


def test_the_bridge_sees_the_sender_and_believes_nothing_he_says_of_himself(proxy: Proxy):
    assert proxy.ask(xml(), sender=STRANGER).status == 403
    assert proxy.ask(xml(), sender=STRANGER, X_Forwarded_For=PHONE_SYSTEM).status == 403
    assert served(proxy.ask(xml(), X_Forwarded_For=f"198.51.100.7, {STRANGER}")) == "MENU"
    assert proxy.bridge.last_line("request_refused", reason="network")["client"] == STRANGER


def test_what_the_bridge_is_asked(tmp_path: Path):
    """HTTP/1.1 over a connection that is kept, and who asked: seen by a server in the bridge's place."""
    with (
        backends.running(backends.reply({})) as instead,
        proxied(tmp_path, bridges.Running(instead.port, None, tmp_path / "none")) as proxy,  # type: ignore[arg-type]
    ):
        for _ in range(3):
            proxy.ask(b"{}", "//voicenter/../voicenter/x?y=z", X_Forwarded_For="198.51.100.7", Content_Type="application/json")
    assert instead.connections == 1
    asked = instead.requests[0]
    assert asked.target == "/voicenter/x"
    assert asked.headers.get("connection") is None
    assert asked.headers["x-forwarded-for"] == f"198.51.100.7, {PHONE_SYSTEM}"
    assert asked.headers["x-forwarded-proto"] == "https"
    assert asked.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "path",
    [
        "/", "/debug", "/debug/", "/livez", "/metrics", "/api/calls", "/mediaservice", "/mediaservice/../debug/", "/mediaservice/..%2fdebug/", "/mediaservice/a/b/c", "/voicenter/../debug/", "/voicenter/..%2fdebug/",
        "/voicenter%2f..%2fdebug/", "/voicenterx", f"/voicenter/{SECRET}/more", "/voicenter/%2e%2e/debug/", "/voicenter/a%00b",
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nothing_else_gets_through(proxy: Proxy, path: str, method: str):
    reply = proxy.ask(path=path, method=method)
    assert reply.status in (400, 404)
    assert b"nginx" in reply.body  # its own page: the bridge was not asked


def test_callbacks_get_through_and_the_api_where_it_is_taken_in(tmp_path: Path):
    with (
        backends.running(backends.reply({})) as instead,
        proxied(tmp_path, bridges.Running(instead.port, None, tmp_path / "none"), taken_in=True) as proxy,  # type: ignore[arg-type]
    ):
        callbacks = [f"/mediaservice/{SECRET}/newCall", "/mediaservice/newCall/", f"/mediaservice/{SECRET}/alarm", "/mediaservice/customer.example"]
        assert [proxy.ask(b"{}", path).status for path in (*callbacks, "/api/calls")] == [200] * 5
        assert proxy.ask(b"{}", "/api/calls", sender=STRANGER).status == 403
        assert proxy.ask(b"{}", "/apis").status == 404
        assert proxy.ask(b"x" * 1_000_000, "/api/mediaservice/promptfile/a%20b.wav", "PUT").status == 200
        proxy.ask(b"{}", "/debug/../api/calls")
    targets = [request.target for request in instead.requests]
    assert targets == [*callbacks, "/api/calls", "/api/mediaservice/promptfile/a%20b.wav", "/api/calls"]


def test_readyz_is_for_those_on_the_list(proxy: Proxy):
    assert proxy.ask(path="/readyz", method="GET", sender="127.0.0.1").body.startswith(b"ok")
    assert proxy.ask(path="/readyz", method="GET", sender=STRANGER).status == 403


def test_as_large_as_the_bridge_takes_and_no_larger(proxy: Proxy):
    limit = load(None, {}, {}, {}).server.max_body
    assert proxy.ask(as_json().ljust(limit), Content_Type="application/json").status == 200
    assert proxy.ask(as_json().ljust(limit + 1), Content_Type="application/json").status == 413
    assert not any((proxy.folder / "body").rglob("*[0-9]")), "a body came to lie on the disk"


def test_slow_headers_and_bodies_are_cut_off(proxy: Proxy):
    """A header line a second goes on for ever; a body that stops comes never. Both at once, to wait once."""
    head = f"POST /voicenter/{SECRET} HTTP/1.1\r\nHost: {NAME}\r\n".encode()
    ended: dict[str, float] = {}

    def client(name: str, first: bytes, then: bytes) -> None:
        began = time.monotonic()
        with contextlib.suppress(OSError), proxy.connection() as connection:
            connection.sendall(first)
            connection.settimeout(1)
            while time.monotonic() < began + 15:
                try:
                    if not connection.recv(1000):
                        break
                except TimeoutError:
                    connection.sendall(then)
        ended[name] = time.monotonic() - began

    clients = [
        threading.Thread(target=client, args=("headers", head, b"X-More: x\r\n")),
        threading.Thread(target=client, args=("body", head + b"Content-Length: 1000\r\n\r\nfew", b"")),
    ]
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join()
    assert all(4 < seconds < 12 for seconds in ended.values()), ended
    assert not [line for line in proxy.bridge.lines() if line["outcome"] == "refused"], "the bridge has seen them"


def test_a_phone_system_is_not_limited_and_a_stranger_is(proxy: Proxy):
    assert set(proxy.many(300, PHONE_SYSTEM)) == {200}
    assert set(proxy.many(300, STRANGER)) == {403, 429}


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_1_2_and_1_3(proxy: Proxy, version: ssl.TLSVersion):
    proxy.trust.minimum_version = proxy.trust.maximum_version = version
    try:
        assert served(proxy.ask(xml())) == "MENU"
    finally:
        proxy.trust.minimum_version, proxy.trust.maximum_version = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.MAXIMUM_SUPPORTED


def test_an_old_tls_is_refused(proxy: Proxy):
    old = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{proxy.port}", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
        input="", capture_output=True, text=True, timeout=20,
    )  # fmt: skip
    assert "alert protocol version" in old.stderr, old.stderr


def test_the_secret_is_written_nowhere(tmp_path: Path):
    """Not when all goes well, nor when it does not: with a stranger, a large body, a wrong path, no bridge at all."""
    nobody = bridges.Running(bridges.free_port(), None, tmp_path / "none")  # type: ignore[arg-type]
    with proxied(tmp_path, nobody) as proxy:
        assert proxy.ask(xml()).status == 502
        assert proxy.ask(b" " * 300_000).status == 413
        assert proxy.ask(path=f"/voicenter/{SECRET}/more").status == 404
        assert proxy.ask(path=f"/Voicenter/{SECRET}").status == 404
        assert set(proxy.many(300, STRANGER)) == {502, 429}
        written = bridges.awaited(lambda: "status=502" in proxy.written() and proxy.written())
    assert f" {PHONE_SYSTEM} POST 502 " in written
    assert SECRET not in written


def test_another_bridge_is_asked_where_one_is_away(tmp_path: Path):
    with line(tmp_path, backends.reply({"action": "hangup"})) as (bridge, backend):
        with proxied(tmp_path, bridge, bridges.free_port(), bridge.port) as proxy:
            assert [served(proxy.ask(xml())) for _ in range(10)] == ["HANGUP"] * 10
        assert len(backend.requests) == 10


def test_what_was_sent_is_never_sent_again(tmp_path: Path):
    """A bridge that breaks off after it was asked: the other one is not asked the same."""
    with backends.running(backends.reset()) as one, backends.running(backends.reset()) as other:
        nowhere = bridges.Running(one.port, None, tmp_path / "none")  # type: ignore[arg-type]
        with proxied(tmp_path, nowhere, one.port, other.port) as proxy:
            assert proxy.ask(xml()).status == 502
    assert len(one.requests + other.requests) == 1


@pytest.mark.parametrize("how", ["reload", "restart"])
def test_no_call_is_lost_while_a_bridge_changes_its_workers(tmp_path: Path, how: str):
    """A reload of the one bridge; the stop of one of two, whose drain outlasts what nginx keeps open."""
    answer = backends.slow(0.05, backends.reply({"action": "hangup"}))
    statuses: list[int] = []
    end = threading.Event()

    def caller(proxy: Proxy, number: int) -> None:
        while not end.is_set():
            statuses.append(proxy.ask(as_json(IVR_UNIQUE_ID=f"{number}-{len(statuses)}")).status)

    with line(tmp_path, answer, "2s") as (bridge, backend):
        (tmp_path / "other").mkdir()
        toml = TOML.format(url=backend.url, secret=SECRET, drain="2s")
        with bridges.running(tmp_path / "other", toml) as other, proxied(tmp_path, bridge, bridge.port, other.port) as proxy:
            callers = [threading.Thread(target=caller, args=(proxy, number)) for number in range(8)]
            for thread in callers:
                thread.start()
            bridges.awaited(lambda: len(statuses) > 50, 20)
            if how == "reload":
                other.process.send_signal(signal.SIGHUP)
                other.said("reloading")
                time.sleep(2)
            else:
                other.process.send_signal(signal.SIGTERM)
                other.process.wait(20)
            so_far = len(statuses)
            bridges.awaited(lambda: len(statuses) > so_far + 50, 20)
            end.set()
            for thread in callers:
                thread.join()
    assert set(statuses) == {200}
