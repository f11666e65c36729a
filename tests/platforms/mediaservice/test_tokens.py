"""Tokens by a clock of the test: ours as another library reads them, and every one that a callback must not be believed for."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.hashes import SHA256, SHA512, HashAlgorithm

from rpcbridge.platforms.mediaservice.tokens import Tokens, Verifier
from tests.support.rsa_keys import pair, public_pem

NOW = 1_800_000_000.0


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def part(value: object) -> str:
    return b64(json.dumps(value).encode())


def signed(claims: object, key: str = "a", algorithm: str = "RS256", hash: HashAlgorithm | None = None, **header: Any) -> str:
    """A token written by hand, as RFC 7515 has it."""
    text = f"{part({'alg': algorithm, 'typ': 'JWT', **header})}.{part(claims)}"
    signature = pair(key).sign(text.encode(), padding.PKCS1v15(), hash or SHA256())
    return f"{text}.{b64(signature)}"


def read(token: str, key: str = "a") -> tuple[dict, dict]:
    """Header and claims, the signature checked without the library that made it."""
    header, claims, signature = (base64.urlsafe_b64decode(piece + "=" * (-len(piece) % 4)) for piece in token.split("."))
    pair(key).public_key().verify(signature, token.rpartition(".")[0].encode(), padding.PKCS1v15(), SHA256())
    return json.loads(header), json.loads(claims)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


def test_our_token_says_what_is_configured():
    tokens = Tokens(pair(), {"iss": "acme", "scope": ["a", "b"]}, 300, "key-1", now=Clock())
    header, claims = read(tokens.token())
    assert header == {"alg": "RS256", "typ": "JWT", "kid": "key-1"}
    assert claims == {"iss": "acme", "scope": ["a", "b"], "iat": NOW, "exp": NOW + 300}
    header, _ = read(Tokens(pair(), {}, 300, now=Clock()).token())
    assert "kid" not in header


def test_our_token_is_kept_until_shortly_before_it_expires():
    clock = Clock()
    tokens = Tokens(pair(), {}, 300, now=clock)
    first = tokens.token()
    clock.now += 269
    assert tokens.token() == first
    clock.now += 2
    second = tokens.token()
    assert read(second)[1]["exp"] == NOW + 271 + 300
    clock.now -= 3600  # a clock that was set right: the one that is kept would be good for too long
    assert read(tokens.token())[1]["exp"] == clock.now + 300


def test_a_short_lived_token_is_renewed_before_its_end():
    clock = Clock()
    tokens = Tokens(pair(), {}, 4, now=clock)
    first = tokens.token()
    clock.now += 3.5
    assert read(tokens.token())[1]["exp"] > read(first)[1]["exp"]


VERIFIER = Verifier([pair("a").public_key(), pair("b").public_key()])


@pytest.mark.parametrize("key", ["a", "b"])
@pytest.mark.parametrize("prefix", ["", "Bearer ", "bearer ", " BEARER   "])
def test_a_token_of_either_key_is_believed(key: str, prefix: str):
    token = signed({"iss": "anyone", "aud": "anybody", "sub": 7, "exp": NOW + 60, "nbf": NOW - 60, "iat": NOW + 999}, key)
    assert VERIFIER.refusal(prefix + token, NOW) == ""
    assert VERIFIER.refusal(signed({}, key), NOW) == ""  # nothing that it has to say is known


def _hs256_with_the_public_key(claims: object) -> str:
    text = f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part(claims)}"
    return f"{text}.{b64(hmac.new(public_pem(pair('a')), text.encode(), hashlib.sha256).digest())}"


def _changed() -> str:
    header, _, signature = signed({"sub": "a"}).split(".")
    return f"{header}.{part({'sub': 'b'})}.{signature}"


REFUSED = {
    "nothing": ("", "no_token"),
    "the scheme alone": ("Bearer ", "no_token"),
    "no token": ("secret", "malformed"),
    "another scheme": ("Basic dTpw", "malformed"),
    "half a token": (signed({}).rpartition(".")[0], "malformed"),
    "a long one": (signed({"x": "x" * 9000}), "malformed"),
    "none": (f"{part({'alg': 'none'})}.{part({})}.", "malformed"),
    "None": (f"{part({'alg': 'None'})}.{part({})}.", "malformed"),
    "hs256 with the public key": (_hs256_with_the_public_key({}), "malformed"),
    "rs512": (signed({}, algorithm="RS512", hash=SHA512()), "malformed"),
    "said to be rs256, hashed as rs512": (signed({}, hash=SHA512()), "bad_signature"),
    "another key": (signed({}, "c"), "bad_signature"),
    "its key in it": (signed({}, "c", jwk={"kty": "RSA", "n": "AQAB", "e": "AQAB"}, jku="https://evil.example/"), "bad_signature"),
    "changed": (_changed(), "bad_signature"),
    "without a signature": (signed({}).rpartition(".")[0] + ".", "bad_signature"),
    "what must be understood": (signed({}, crit=["x"], x=1), "malformed"),
    "not an object": (signed([1]), "malformed"),
    "expired": (signed({"exp": NOW - 31}), "expired"),
    "not yet": (signed({"nbf": NOW + 31}), "not_yet"),
    "never over": (signed({"exp": float("nan")}), "malformed"),
    "for ever": (signed({"exp": float("inf")}), "malformed"),
    "an enormous time": (signed({"exp": 10**400}), "malformed"),
    "a time in words": (signed({"exp": "tomorrow"}), "malformed"),
    "a time that is true": (signed({"nbf": True}), "malformed"),
    "a time that is null": (signed({"exp": None}), "malformed"),
}


@pytest.mark.parametrize(("value", "reason"), REFUSED.values(), ids=REFUSED)
def test_any_other_is_refused_with_its_reason(value: str, reason: str):
    assert VERIFIER.refusal(value, NOW) == reason


def test_clocks_may_differ_a_little():
    assert VERIFIER.refusal(signed({"exp": NOW - 29, "nbf": NOW + 29}), NOW) == ""
