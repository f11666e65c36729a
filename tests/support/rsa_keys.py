"""Real RSA keys, as `openssl genrsa` makes them, and files that hold none."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)


def pair(name: str = "a", bits: int = 2048) -> rsa.RSAPrivateKey:
    """A key of this name, the same one all through a run."""
    return _made(name, bits)


@cache
def _made(name: str, bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65_537, bits)


def private_pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, passphrase: bytes = b"") -> bytes:
    encryption = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def public_pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def private_file(folder: Path, name: str = "a") -> Path:
    file = folder / f"{name}.private.pem"
    file.write_bytes(private_pem(pair(name)))
    return file


def public_file(folder: Path, name: str = "a") -> Path:
    file = folder / f"{name}.public.pem"
    file.write_bytes(public_pem(pair(name)))
    return file
