"""Who is logged in, and which form is ours: signed values that a browser carries. Nothing of it is stored, so every worker and machine reads it alike.

The key is that of the store, mixed with the token: whoever changes the token ends every session.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable
from datetime import UTC, datetime

from itsdangerous import BadSignature, TimestampSigner

_SKEW = 300.0  # seconds that the clock of the machine where somebody logged in may be ahead of ours
_ID = re.compile(r"[A-Za-z0-9_-]{22}")


class Sessions:
    """Each method but `new_id` may raise DatabaseError: without the store there is no key."""

    def __init__(self, store_key: Callable[[], bytes], token: str, lasting: float, clock: Callable[[], float]) -> None:
        """`lasting`: seconds; `clock`: seconds since 1970."""
        self._store_key = store_key
        self._token = token.encode()
        self.lasting = lasting
        self._clock = clock

    @staticmethod
    def new_id() -> str:
        """What a CSRF token is bound to: 128 random bits."""
        return secrets.token_urlsafe(16)

    def begun(self) -> str:
        """The cookie of a session that begins now."""
        return self._signer().sign(self.new_id()).decode()

    def id_of(self, cookie: str) -> str:
        """The id of the session that a cookie stands for; "" for one that is over, or was never begun here."""
        if not cookie:
            return ""
        try:
            id, begun = self._signer().unsign(cookie, return_timestamp=True)
        except BadSignature:
            return ""
        age = self._clock() - begun.timestamp()
        return id.decode() if -_SKEW <= age < self.lasting else ""

    def csrf(self, id: str) -> str:
        """The token that a form or script sends back, for a session or for a visit without one."""
        return hmac.digest(self._key(b"csrf"), id.encode(), "sha256").hex()

    def is_csrf(self, id: str, given: str) -> bool:
        """Whether `given` is the token of `id`; takes as long for any."""
        return bool(id) and hmac.compare_digest(self.csrf(id).encode(), given.encode())

    def _signer(self) -> TimestampSigner:
        return _Signer(self._key(b"session"), self._clock)

    def _key(self, purpose: bytes) -> bytes:
        return hmac.digest(self._store_key(), purpose + b" " + self._token, "sha256")


class _Signer(TimestampSigner):
    """itsdangerous' own, by our clock."""

    def __init__(self, key: bytes, clock: Callable[[], float]) -> None:
        super().__init__(key, salt="rpcbridge", key_derivation="hmac", digest_method=hashlib.sha256)
        self._clock = clock

    def get_timestamp(self) -> int:
        return int(self._clock())

    def timestamp_to_datetime(self, ts: int) -> datetime:
        return datetime.fromtimestamp(ts, UTC)


def is_id(text: str) -> bool:
    """Whether this could be an id of `new_id`."""
    return bool(_ID.fullmatch(text))
