"""One HTTP request, one deadline -> one reply, or a TransportError that says why not. libcurl lives here only.

libcurl, because one call does the whole exchange and its total time-out covers all of it: a
resolver that does not answer, a connection that hangs, a reply that trickles a byte a second.
"""

from __future__ import annotations

import ssl
import threading
from collections import deque
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

import pycurl

from rpcbridge.errors import TransportError

# An answer is a few hundred bytes; one of this size is a mistake, and must not fill the memory.
MAX_REPLY = 256 * 1024

# Why no reply was had: the reasons a TransportError may carry.
REASONS = ("dns", "refused", "connect_timeout", "tls", "timeout", "reset", "not_http", "too_large", "failed")

_REASON_OF = {
    pycurl.E_COULDNT_RESOLVE_HOST: "dns",
    pycurl.E_COULDNT_RESOLVE_PROXY: "dns",
    pycurl.E_COULDNT_CONNECT: "refused",
    pycurl.E_OPERATION_TIMEDOUT: "timeout",
    pycurl.E_SSL_CONNECT_ERROR: "tls",
    pycurl.E_PEER_FAILED_VERIFICATION: "tls",
    pycurl.E_SSL_CACERT_BADFILE: "tls",
    pycurl.E_GOT_NOTHING: "reset",
    pycurl.E_SEND_ERROR: "reset",
    pycurl.E_RECV_ERROR: "reset",
    pycurl.E_PARTIAL_FILE: "reset",
    pycurl.E_UNSUPPORTED_PROTOCOL: "not_http",  # "Received HTTP/0.9 when not allowed"
    8: "not_http",  # CURLE_WEIRD_SERVER_REPLY
    pycurl.E_FILESIZE_EXCEEDED: "too_large",
    pycurl.E_WRITE_ERROR: "too_large",  # our own write() refused more
    100: "too_large",  # CURLE_TOO_LARGE: its headers
}

# CURLOPT_QUICK_EXIT, which pycurl does not name: without it, giving up on a resolver that does
# not answer ends in time, but closing the handle then waits for it (measured: 9 s more).
_QUICK_EXIT = 322


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """What is sent. `body` None sends a GET."""

    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None

    @property
    def method(self) -> str:
        """GET or POST."""
        return "GET" if self.body is None else "POST"


@dataclass(frozen=True, slots=True)
class HttpReply:
    """What came back. Of its headers only what somebody asks for: libcurl hands over each by calling back.

    Every such call takes the interpreter's lock, and with many threads waiting for it that is a
    change of threads: reading five headers took 8 % of the throughput. `retry_after` is seconds,
    None for none; `location` is where a redirect leads.
    """

    status: int
    body: bytes
    content_type: str = ""
    retry_after: float | None = None
    location: str = ""


@dataclass(frozen=True, slots=True)
class Tls:
    """How https is verified: by the system's authorities unless `ca_file` names others."""

    verify: bool = True
    ca_file: str = ""


class Transport:
    """Sends requests over kept-alive connections. One for all threads of a process; made after the fork.

    A libcurl handle owns its connection. Idle handles wait per origin, the last used first, so
    that a quiet hour lets the others grow old and be closed by their servers.
    """

    def __init__(self, *, idle_connections: int = 64, connect_timeout: float = 1.0, tls: Tls | None = None, proxy: str = "") -> None:
        self._idle_limit = idle_connections
        self.connect_timeout = connect_timeout
        self._tls = tls or Tls()
        self._proxy = proxy
        self._authorities = self._tls.ca_file or _system_authorities()
        self._idle: dict[str, deque[pycurl.Curl]] = {}
        self._idle_count = 0
        self._lock = threading.Lock()

    def send(self, request: HttpRequest, seconds: float) -> HttpReply:
        """The reply to `request`, within `seconds` from now. Raises TransportError. Follows no redirect."""
        if seconds <= 0.001:
            raise TransportError("timeout", "no time left to send it")
        origin = _origin(request.url)
        handle = self._handle(origin)
        try:
            reply = self._perform(handle, request, seconds)
        except BaseException:  # nobody knows what is left in its connection
            handle.close()
            raise
        self._keep(origin, handle)
        return reply

    def _perform(self, handle: pycurl.Curl, request: HttpRequest, seconds: float) -> HttpReply:
        chunks: list[bytes] = []
        size = 0

        def write(chunk: bytes) -> int:
            nonlocal size
            size += len(chunk)
            if size > MAX_REPLY:
                return 0  # libcurl ends the transfer, whether a Content-Length announced it or not
            chunks.append(chunk)
            return len(chunk)

        handle.setopt(pycurl.URL, request.url)
        handle.setopt(pycurl.HTTPHEADER, header_lines(request))
        handle.setopt(pycurl.TIMEOUT_MS, int(seconds * 1000))
        handle.setopt(pycurl.CONNECTTIMEOUT_MS, max(1, int(min(seconds, self.connect_timeout) * 1000)))
        handle.setopt(pycurl.WRITEFUNCTION, write)
        if request.body is None:
            handle.setopt(pycurl.HTTPGET, 1)
        else:
            handle.setopt(pycurl.POSTFIELDS, request.body)
        try:
            handle.perform()
        except pycurl.error as error:
            raise transport_error(handle, error) from None
        body = b"".join(chunks)
        chunks.clear()  # the idle handle keeps write(), and must not keep the reply with it
        return reply_of(handle, body)

    def _handle(self, origin: str) -> pycurl.Curl:
        """A handle for `origin`: the last one that was put by, or a new one."""
        with self._lock:
            waiting = self._idle.get(origin)
            if waiting:
                self._idle_count -= 1
                return waiting.pop()
        return self.new_handle()

    def _keep(self, origin: str, handle: pycurl.Curl) -> None:
        """Put `handle` by; over the limit the oldest one of the origin that has most is closed instead."""
        with self._lock:
            self._idle.setdefault(origin, deque()).append(handle)
            self._idle_count += 1
            if self._idle_count <= self._idle_limit:
                return
            fullest = max(self._idle.values(), key=len)
            oldest = fullest.popleft()
            self._idle_count -= 1
        oldest.close()

    def new_handle(self) -> pycurl.Curl:
        """A handle without a connection, set up as all of them are."""
        handle = pycurl.Curl()
        handle.setopt(pycurl.NOSIGNAL, 1)  # signals and threads do not mix
        handle.setopt(pycurl.PATH_AS_IS, 1)  # what was encoded stays as it was encoded
        handle.setopt(pycurl.FOLLOWLOCATION, 0)
        handle.setopt(pycurl.MAXFILESIZE, MAX_REPLY)
        handle.setopt(pycurl.MAXCONNECTS, 1)
        handle.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
        handle.setopt(pycurl.TCP_NODELAY, 1)
        handle.setopt(pycurl.PROXY, self._proxy)  # "" also switches the environment's proxies off
        handle.setopt(pycurl.NOPROXY, "")  # and this its exceptions from a configured one
        handle.setopt(_QUICK_EXIT, 1)
        handle.setopt(pycurl.SSL_VERIFYPEER, int(self._tls.verify))
        handle.setopt(pycurl.SSL_VERIFYHOST, 2 if self._tls.verify else 0)
        if self._authorities:
            handle.setopt(pycurl.CAINFO, self._authorities)
        return handle


def header_lines(request: HttpRequest) -> list[str]:
    """A request's headers as libcurl takes them: with a colon, one without a value would be taken away."""
    return [f"{name}: {value}" if value else f"{name};" for name, value in request.headers]


@lru_cache(256)
def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def reply_of(handle: pycurl.Curl, body: bytes) -> HttpReply:
    """What a handle got back."""
    status, kind = handle.getinfo(pycurl.RESPONSE_CODE), _said(handle, pycurl.CONTENT_TYPE)
    if 200 <= status < 300:
        return HttpReply(status, body, kind)
    # libcurl reads seconds as well as a date, and says 0 for neither.
    return HttpReply(status, body, kind, handle.getinfo(pycurl.RETRY_AFTER) or None, _said(handle, pycurl.REDIRECT_URL))


def _said(handle: pycurl.Curl, what: int) -> str:
    """A header's text. A backend may write it in any encoding, and getinfo() raises for all but UTF-8."""
    return (handle.getinfo_raw(what) or b"").decode("utf-8", "replace")


def transport_error(handle: pycurl.Curl, error: pycurl.error) -> TransportError:
    """Why a handle got nothing back."""
    code, message = int(error.args[0]), str(error.args[1]) if len(error.args) > 1 else ""
    reason = _REASON_OF.get(code, "failed")
    if reason == "timeout" and handle.getinfo(pycurl.REQUEST_SIZE) == 0:
        reason = "connect_timeout"  # not a byte was sent: the name, the connection or the handshake took too long
    return TransportError(reason, message or f"libcurl error {code}")


def _system_authorities() -> str:
    """The system's bundle of certificate authorities; libcurl out of a wheel knows none."""
    paths = ssl.get_default_verify_paths()
    candidates = (paths.cafile, paths.openssl_cafile, "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")
    return next((path for path in candidates if path and Path(path).is_file()), "")
