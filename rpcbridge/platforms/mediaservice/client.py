"""Mediaservice's REST API: one operation, one request, one deadline; what came of it, or how much of it may have been done.

Nothing that could be done twice is sent twice. A call that is placed again rings a person again, so a POST is repeated
only where surely nothing arrived, and whatever else went wrong is `unclear`. Connections are not kept for the same
reason: libcurl sends a request anew, whatever it is, when a kept one turns out to have been closed.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from tenacity import RetryCallState, Retrying, retry_if_exception

from rpcbridge import __version__
from rpcbridge.errors import Problem, TransportError
from rpcbridge.platforms.mediaservice.endpoints import ENDPOINTS, FILE, Endpoint, checked
from rpcbridge.platforms.mediaservice.outcomes import failed, loaded, no_reply
from rpcbridge.platforms.mediaservice.tokens import Tokens
from rpcbridge.platforms.operations import Download, PlatformFailed, UnusableRequest, Upload
from rpcbridge.streaming import Source, stream
from rpcbridge.transport import HttpReply, HttpRequest, Transport

_FIRST_WAIT = 0.2  # seconds; doubles with every attempt, and jitter takes off up to half
_SHORTEST_ATTEMPT = 0.1  # seconds an attempt needs to have any chance
_RETRIED = {"dns", "refused", "connect_timeout"}  # nothing has arrived yet: these may be repeated whatever was to be done
_RETRIED_GETS = _RETRIED | {"reset", "timeout", "http_5xx"}
_LARGEST_NOTE = 64 * 1024  # bytes of a reply that is JSON where a file was asked for


@dataclass(frozen=True, slots=True)
class Region:
    """Where the API is: its base URL, the tenant's domain, and the base URLs of hybrid sites that may be called too."""

    url: str
    domain: str
    sites: tuple[str, ...] = ()

    def base(self, site: str = "") -> str:
        """The URL that paths follow: the region's own, or `site`'s (a callback's siteBaseUrl) as it is configured.

        Raises PlatformFailed for a site that is not configured: who can forge a callback must not choose who gets our token.
        """
        known = {_comparable(url): url for url in (self.url, *self.sites)}
        url = known.get(_comparable(site)) if site else self.url
        if url is None:
            raise PlatformFailed("unknown_site", "this siteBaseUrl is not in mediaservice.site_urls: nothing was sent to it", "refused")
        return f"{url}/{self.domain}"


def _comparable(url: str) -> tuple[str, str, int | None, str] | None:
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return None
    if parts.query or parts.fragment or "@" in parts.netloc:
        return None
    return parts.scheme, parts.hostname or "", port, parts.path.rstrip("/")


class Client:
    """One for all threads of a process; made after the fork. `clock` is monotonic, in seconds."""

    def __init__(
        self, region: Region, tokens: Tokens, transport: Transport, *, clock: Callable[[], float], sleep: Callable[[float], None]
    ) -> None:
        self._region = region
        self._tokens = tokens
        self._transport = transport
        self._clock = clock
        self._sleep = sleep

    def send(
        self, operation: str, given: Mapping[str, Any] | None = None, *, filename: str = "", base_url: str = "", seconds: float
    ) -> Mapping[str, Any]:
        """What the platform replies. `operation` is a name in ENDPOINTS, `given` its body, or its query where it has none.

        `base_url` is a callback's siteBaseUrl, "" for none. Raises UnusableRequest (nothing was sent) and PlatformFailed.
        """
        endpoint = ENDPOINTS[operation]
        fields = endpoint.load({} if given is None else given)
        url, headers = self._url(endpoint, filename, base_url), self._headers()
        body = None
        if endpoint.takes == "json":
            body = json.dumps(fields).encode()
            headers += (("Content-Type", "application/json"),)
        elif fields:
            url += f"?{urlencode(fields)}"
        request = HttpRequest(url, headers, body)
        return self._repeated(endpoint, request, self._clock() + seconds)

    def upload(self, filename: str, file: Upload, *, base_url: str = "", seconds: float) -> Mapping[str, Any]:
        """Store a prompt file, as it is read; sent once. Raises what `send` does."""
        endpoint = ENDPOINTS["promptfile.upload"]
        headers = (*self._headers(), ("Content-Type", file.content_type or "application/octet-stream"))
        came = 0

        def read(size: int) -> bytes:
            nonlocal came
            piece = file.read(size)
            came += len(piece)
            return piece

        request = HttpRequest(self._url(endpoint, filename, base_url), headers)
        try:
            with stream(self._transport, endpoint.method, request, seconds, Source(read, file.length)) as reply:
                return loaded(endpoint.method, reply.whole())
        except TransportError as error:
            if error.reason == "failed" and came < file.length:
                problem = Problem("body", f"only {came} of its {file.length} bytes came: the file was not stored")
                raise UnusableRequest([problem]) from None
            raise no_reply(endpoint.method, error) from None

    def download(self, filename: str, *, base_url: str = "", seconds: float) -> Download:
        """A prompt file as it comes; close it. Raises what `send` does; iterating raises TransportError where it breaks off."""
        endpoint = ENDPOINTS["promptfile.download"]
        request = HttpRequest(self._url(endpoint, filename, base_url), self._headers("*/*"))
        try:
            reply = stream(self._transport, endpoint.method, request, seconds)
        except TransportError as error:
            raise no_reply(endpoint.method, error) from None
        try:
            note = reply.head.content_type.partition(";")[0].strip().lower() == "application/json"
            if note or not 200 <= reply.head.status < 300:
                loaded(endpoint.method, reply.whole(_LARGEST_NOTE))
                raise failed("GET", reply.head, "unreadable", "the reply is JSON where a file was asked for")
        except TransportError as error:
            reply.close()
            raise no_reply(endpoint.method, error) from None
        except BaseException:
            reply.close()
            raise
        return Download(reply.head.content_type, reply.length, iter(reply), reply.close)

    def _url(self, endpoint: Endpoint, filename: str, site: str) -> str:
        name = checked(filename) if FILE in endpoint.path else ""
        return f"{self._region.base(site)}/{endpoint.target(name)}"

    def _headers(self, accept: str = "application/json") -> tuple[tuple[str, str], ...]:
        return (("Accept", accept), ("User-Agent", f"rpcbridge/{__version__}"), ("Authorization", f"Bearer {self._tokens.token()}"))

    def _repeated(self, endpoint: Endpoint, request: HttpRequest, deadline: float) -> Mapping[str, Any]:
        """The reply before `deadline`, after as many attempts as may be made."""
        retried = _RETRIED_GETS if endpoint.method == "GET" else _RETRIED

        def attempt() -> Mapping[str, Any]:
            return self._attempt(endpoint.method, request, deadline - self._clock())

        def another(error: BaseException) -> bool:
            return isinstance(error, PlatformFailed) and (error.reason in retried or error.status in (429, 503))

        def too_late(state: RetryCallState) -> bool:
            return self._clock() + state.upcoming_sleep + _SHORTEST_ATTEMPT > deadline

        retrying = Retrying(retry=retry_if_exception(another), wait=_pause, stop=too_late, sleep=self._sleep, reraise=True)
        return retrying(attempt)

    def _attempt(self, method: str, request: HttpRequest, seconds: float) -> Mapping[str, Any]:
        if seconds < _SHORTEST_ATTEMPT:
            raise PlatformFailed("timeout", "no time was left to send it", "not_done")
        try:
            reply: HttpReply
            if method in ("GET", "POST"):
                reply = self._transport.send(request, seconds)
            else:
                with stream(self._transport, method, request, seconds) as incoming:
                    reply = incoming.whole()
        except TransportError as error:
            raise no_reply(method, error) from None
        return loaded(method, reply)


def _pause(state: RetryCallState) -> float:
    """Seconds before the next attempt: doubling, with jitter, and never less than the platform asked for."""
    failure = state.outcome.exception() if state.outcome else None
    backoff: float = _FIRST_WAIT * 2 ** (state.attempt_number - 1) * random.uniform(0.5, 1.0)
    asked = failure.wait if isinstance(failure, PlatformFailed) else None
    return max(backoff, asked or 0.0)
