"""Who may post to a platform's route, and who may look at the debug pages."""

from __future__ import annotations

import base64
import hmac
import ipaddress
import re
from collections.abc import Iterable, Mapping
from typing import Any

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Proxies:
    """The proxies that are believed (server.trusted_proxies): what they say of a request, and of whom it is."""

    def __init__(self, trusted: Iterable[str] = ()) -> None:
        self._networks = [ipaddress.ip_network(network) for network in trusted]

    def __bool__(self) -> bool:
        return bool(self._networks)

    def client(self, peer: str, forwarded_for: str) -> str:
        """The address that sent the request: the last forwarded one that is not a trusted proxy's.

        Only a trusted proxy's X-Forwarded-For is read, from its end: what stands before was written by strangers.
        """
        address = peer
        for hop in reversed(forwarded_for.split(",") if forwarded_for else []):
            if not _within(address, self._networks):
                break
            address = hop.strip()
        return address

    def said(self, environ: Mapping[str, Any], header: str) -> str:
        """What the proxy that passed this WSGI request on wrote into X-Forwarded-`header`; "" where there is none to believe."""
        if not _within(environ.get("REMOTE_ADDR", ""), self._networks):
            return ""
        return str(environ.get(f"HTTP_X_FORWARDED_{header}", "")).rpartition(",")[2].strip()


class Guard:
    """One platform's door. What is not configured is not asked for, what is must all be right; `closed`: nobody enters."""

    def __init__(
        self, secret: str, networks: Iterable[str], trusted_proxies: Iterable[str], credentials: str = "", *, closed: bool = False
    ) -> None:
        self._closed = closed
        self._secret = secret.encode()
        self._credentials = credentials.encode()
        self._networks = [ipaddress.ip_network(network) for network in networks]
        self._proxies = Proxies(trusted_proxies)

    def refusal(self, segment: str, client: str, authorization: str = "") -> str:
        """Why this request may not enter, "" where it may.

        `segment` is the path's last, `client` the sender's address, `authorization` the header's value.
        """
        if self._closed:
            return "not_configured"
        if self._secret and not hmac.compare_digest(segment.encode(), self._secret):
            return "secret"
        if not self._secret and segment:
            return "path"
        if self._networks and not _within(client, self._networks):
            return "network"
        if self._credentials and not hmac.compare_digest(_basic(authorization), self._credentials):
            return "credentials"
        return ""

    def client(self, peer: str, forwarded_for: str) -> str:
        """The address that sent the request, see Proxies."""
        return self._proxies.client(peer, forwarded_for)


class DebugGuard:
    """The debug pages' door: a token where one is configured, else nobody but this very machine."""

    def __init__(self, token: str, trusted_proxies: Iterable[str] = ()) -> None:
        self._token = token.encode()
        self._proxies = Proxies(trusted_proxies)

    @property
    def asks(self) -> bool:
        """Whether there is a token to ask for."""
        return bool(self._token)

    def refusal(self, environ: Mapping[str, Any]) -> str:
        """Why this WSGI request may not look: `no_token`, `token` (a wrong one) or `not_local`; "" where it may."""
        if self._token:
            given = _credential(environ.get("HTTP_AUTHORIZATION", ""))
            return "" if self.opens(given) else "token" if given else "no_token"
        return "" if _local(environ) and not self._proxies else "not_local"

    def opens(self, given: bytes) -> bool:
        """Whether this is the token; takes as long for any."""
        return bool(self._token) and hmac.compare_digest(given, self._token)

    def client(self, environ: Mapping[str, Any]) -> str:
        """The address that sent this WSGI request."""
        return self._proxies.client(environ.get("REMOTE_ADDR", ""), environ.get("HTTP_X_FORWARDED_FOR", ""))

    def secure(self, environ: Mapping[str, Any]) -> bool:
        """Whether the browser asked by https, as far as the bridge can know."""
        return environ.get("wsgi.url_scheme") == "https" or self._proxies.said(environ, "PROTO").lower() == "https"

    def is_own(self, origin: str, environ: Mapping[str, Any]) -> bool:
        """Whether an Origin header names the host that this WSGI request was sent to."""
        scheme, _, host = origin.lower().partition("://")
        own = {environ.get("HTTP_HOST", "").lower(), self._proxies.said(environ, "HOST").lower()}
        return scheme in ("http", "https") and host in own - {""}


class ApiGuard:
    """The API's door: a bearer token, from wherever. Without one it is closed, to this very machine too: it can dial."""

    def __init__(self, token: str = "", trusted_proxies: Iterable[str] = ()) -> None:
        self._token = token.encode()
        self._proxies = Proxies(trusted_proxies)

    def refusal(self, environ: Mapping[str, Any]) -> str:
        """Why this WSGI request may not enter: `closed`, `no_token` or `token` (a wrong one); "" where it may."""
        if not self._token:
            return "closed"
        scheme, _, given = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "bearer" or not given.strip():
            return "no_token"
        return "" if hmac.compare_digest(given.strip().encode(), self._token) else "token"

    def client(self, environ: Mapping[str, Any]) -> str:
        """The address that sent this WSGI request."""
        return self._proxies.client(environ.get("REMOTE_ADDR", ""), environ.get("HTTP_X_FORWARDED_FOR", ""))


def _credential(authorization: str) -> bytes:
    """The token in an Authorization header: of Bearer, or the password of Basic, which browsers ask for by themselves."""
    scheme, _, given = authorization.partition(" ")
    return given.strip().encode() if scheme.lower() == "bearer" else _basic(authorization).partition(b":")[2]


def _basic(authorization: str) -> bytes:
    """USER:PASSWORD in an Authorization header, nothing where it is no such header."""
    scheme, _, given = authorization.partition(" ")
    try:
        return base64.b64decode(given.strip(), validate=True) if scheme.lower() == "basic" else b""
    except ValueError:  # not of this alphabet
        return b""


def _local(environ: Mapping[str, Any]) -> bool:
    """Whether the request was made on this machine. Behind a proxy every peer is; it says so in a header.

    A loopback Host too: else a page on the web could have a browser here ask for it under a name of its own.
    """
    try:
        peer = ipaddress.ip_address(environ.get("REMOTE_ADDR", ""))
    except ValueError:
        return False
    peer = getattr(peer, "ipv4_mapped", None) or peer
    # nginx, left as it is, sends no header and the address it was given as Host; but it speaks HTTP/1.0.
    forwarded = environ.get("SERVER_PROTOCOL") == "HTTP/1.0" or any(name.startswith(_FORWARDING) for name in environ)
    return peer.is_loopback and not forwarded and bool(_LOCAL_HOST.fullmatch(environ.get("HTTP_HOST", "")))


_FORWARDING = (
    "HTTP_FORWARDED", "HTTP_X_FORWARDED", "HTTP_VIA", "HTTP_X_REAL_IP", "HTTP_X_CLIENT", "HTTP_X_CLUSTER", "HTTP_X_ORIGINAL",
    "HTTP_CF_", "HTTP_TRUE_CLIENT", "HTTP_FASTLY",
)  # fmt: skip
_LOCAL_HOST = re.compile(r"(?:localhost|127\.[0-9.]+|\[::1\])(?::[0-9]+)?", re.ASCII | re.IGNORECASE)


def _within(address: str, networks: list[_Network]) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    return any(parsed in network for network in networks)
