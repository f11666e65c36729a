"""Key files: what is a key, and what is said of everything else that stands in one."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from rpcbridge.platforms.mediaservice.keys import UnusableKey, private_key, public_key
from tests.support.rsa_keys import pair, private_file, private_pem, public_file, public_pem


def test_keys_are_read_from_their_files(tmp_path: Path):
    assert private_key(str(private_file(tmp_path))).key_size == 2048
    assert public_key(str(public_file(tmp_path))).public_numbers() == pair().public_key().public_numbers()


SHORT = pair("short", 1024)
FAULTS = [
    (private_key, b"", "holds no RSA private key in PEM"),
    (private_key, b"-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\n", "holds no RSA private key in PEM"),
    (private_key, public_pem(pair()), "holds no RSA private key in PEM"),
    (private_key, private_pem(pair(), b"secret"), "is encrypted"),
    (private_key, private_pem(ec.generate_private_key(ec.SECP256R1())), "holds another key than RSA"),
    (private_key, private_pem(SHORT), "holds a key of 1024 bits"),
    (public_key, b"ssh-rsa AAAA", "holds no RSA public key in PEM"),
    (public_key, private_pem(pair()), "holds a private key"),
    (public_key, public_pem(SHORT), "holds a key of 1024 bits"),
]


@pytest.mark.parametrize(("read", "content", "said"), FAULTS)
def test_a_file_that_holds_no_such_key_says_what_it_holds(tmp_path: Path, read, content: bytes, said: str):
    file = tmp_path / "key.pem"
    file.write_bytes(content)
    with pytest.raises(UnusableKey, match=said):
        read(str(file))


@pytest.mark.parametrize("read", [private_key, public_key])
def test_a_file_that_is_not_there(tmp_path: Path, read):
    with pytest.raises(UnusableKey, match="cannot be read: No such file"):
        read(str(tmp_path / "none.pem"))
    with pytest.raises(UnusableKey, match="cannot be read: Is a directory"):
        read(str(tmp_path))
