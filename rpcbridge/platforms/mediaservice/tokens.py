"""JSON Web Tokens, RS256 only: ours, which open the platform's API, and the platform's, which its callbacks carry.

A token says who sent a request. It says nothing of the request: neither its body nor its path is bound by the signature.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

_ALGORITHM = "RS256"  # named here and never read from a token: `none`, or HS256 with the public key, would let anybody in
_LONGEST = 8192  # characters of a token that is looked at
_LEEWAY = 30.0  # seconds by which two clocks may differ


class Tokens:
    """Makes the token for the platform's API, and keeps it until shortly before it expires. For all threads of a process."""

    def __init__(
        self, key: RSAPrivateKey, claims: Mapping[str, Any], lifetime: float, key_id: str = "", *, now: Callable[[], float]
    ) -> None:
        self._key = key
        self._claims = dict(claims)
        self._lifetime = lifetime
        self._headers = {"kid": key_id} if key_id else None
        self._now = now
        self._kept = ("", 0.0, 0.0)  # the token, and from when to when it is used: one value, so that no thread sees half of it

    def token(self) -> str:
        """A token that is good for a while yet."""
        token, since, until = self._kept
        now = self._now()
        if not since <= now < until:  # before `since`: somebody set the clock back, and it would expire too late
            issued = int(now)
            claims = self._claims | {"iat": issued, "exp": issued + max(1, int(self._lifetime))}
            token = jwt.encode(claims, self._key, _ALGORITHM, self._headers)
            self._kept = (token, float(issued), now + self._lifetime - min(_LEEWAY, self._lifetime / 4))
        return token


class Verifier:
    """Checks the token of a callback. Of several keys any will do: two while one replaces the other."""

    def __init__(self, keys: Sequence[RSAPublicKey], header: str = "Authorization") -> None:
        self.header = header
        self._keys = tuple(keys)

    def refusal(self, value: str, now: float) -> str:
        """Why a callback whose `header` says `value` is not believed at `now` (seconds since 1970); "" where it is.

        `no_token`, `malformed` (no token, or of another algorithm), `bad_signature`, `expired`, `not_yet`.
        """
        token = _bare(value)
        if not token:
            return "no_token"
        if len(token) > _LONGEST:
            return "malformed"
        for key in self._keys:
            try:
                claims: Any = jwt.decode(token, key, algorithms=[_ALGORITHM], options=_SIGNATURE_ALONE)
            except jwt.InvalidSignatureError:
                continue
            except jwt.PyJWTError:
                return "malformed"
            return _untimely(claims, now)
        return "bad_signature"


# What it claims beside times is not known; times are looked at here, by the caller's clock.
_SIGNATURE_ALONE: Any = {"verify_signature": True, "require": []} | dict.fromkeys(
    ("verify_exp", "verify_nbf", "verify_iat", "verify_aud", "verify_iss", "verify_sub", "verify_jti"), False
)


def _bare(value: str) -> str:
    scheme, _, rest = value.strip().partition(" ")
    return rest.strip() if scheme.lower() == "bearer" else value.strip()


def _untimely(claims: Mapping[str, Any], now: float) -> str:
    if "exp" in claims:
        expires = _moment(claims["exp"])
        if expires is None or now >= expires + _LEEWAY:
            return "malformed" if expires is None else "expired"
    if "nbf" in claims:
        begins = _moment(claims["nbf"])
        if begins is None or now < begins - _LEEWAY:
            return "malformed" if begins is None else "not_yet"
    return ""


def _moment(claim: object) -> float | None:
    """Seconds since 1970. JSON's NaN would never be over."""
    if not isinstance(claim, int | float) or isinstance(claim, bool):
        return None
    try:
        moment = float(claim)
    except OverflowError:
        return None
    return moment if math.isfinite(moment) else None
