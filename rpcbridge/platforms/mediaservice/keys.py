"""RSA keys in files: read once at the start, so that what is wrong with them is a fault of the configuration."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

_SHORTEST = 2048  # bits; RFC 7518, 3.3: "A key of size 2048 bits or larger MUST be used"
_LARGEST = 64 * 1024  # bytes of a file: a key has a few thousand

Key = TypeVar("Key", RSAPrivateKey, RSAPublicKey)


class UnusableKey(ValueError):
    """A key file that cannot be used; says why, and nothing of what is in it."""


def private_key(file: str) -> RSAPrivateKey:
    """The RSA private key in a PEM file. Raises UnusableKey."""
    return _read(file, lambda pem: load_pem_private_key(pem, None), RSAPrivateKey, "private")  # type: ignore[type-abstract]  # isinstance takes it


def public_key(file: str) -> RSAPublicKey:
    """The RSA public key in a PEM file. Raises UnusableKey."""
    return _read(file, load_pem_public_key, RSAPublicKey, "public")  # type: ignore[type-abstract]


def _read(file: str, load: Callable[[bytes], object], kind: type[Key], name: str) -> Key:
    try:
        pem = Path(file).read_bytes()[:_LARGEST]
    except OSError as error:
        raise UnusableKey(f"cannot be read: {error.strerror or 'no such file'}") from None
    if name == "public" and b"PRIVATE KEY" in pem:
        raise UnusableKey("holds a private key: the other side's private key is not yours to have, ask for the public one")
    try:
        key = load(pem)
    except TypeError:
        raise UnusableKey("is encrypted: give a key without a passphrase, in a file that only rpcbridge may read") from None
    except (ValueError, UnsupportedAlgorithm):
        raise UnusableKey(f"holds no RSA {name} key in PEM") from None
    if not isinstance(key, kind):
        raise UnusableKey(f"holds another key than RSA, which RS256 needs: {type(key).__name__}")
    if key.key_size < _SHORTEST:
        raise UnusableKey(f"holds a key of {key.key_size} bits: RS256 needs {_SHORTEST} or more")
    return key
