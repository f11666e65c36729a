"""Delivers one message to the hook's URL, signed. Its URL is a secret: nothing that is said of a failure holds it."""

from __future__ import annotations

from datetime import UTC, datetime

from rpcbridge import __version__
from rpcbridge.errors import TransportError
from rpcbridge.settings import Alerts as Section
from rpcbridge.signing import Signer
from rpcbridge.transport import HttpRequest, Transport

_SECONDS = 10.0  # less than the lease of a message


class Hook:
    """Where alerts go."""

    def __init__(self, configured: Section) -> None:
        self._url = configured.url
        self._signer = Signer(configured.secrets)
        self._transport = Transport(idle_connections=0, connect_timeout=5.0)  # minutes lie between two messages

    def deliver(self, id: str, body: bytes, now: float) -> str:
        """Why the message was not taken, "" when it was."""
        headers = (
            ("Content-Type", "application/json"), ("User-Agent", f"rpcbridge/{__version__}"), ("webhook-id", id),
            *self._signer.headers(id, datetime.fromtimestamp(now, UTC), body),
        )  # fmt: skip
        try:
            reply = self._transport.send(HttpRequest(self._url, headers, body), _SECONDS)
        except TransportError as error:
            return f"{error.reason}: {error}"
        return "" if 200 <= reply.status < 300 else f"it answered with status {reply.status}"
