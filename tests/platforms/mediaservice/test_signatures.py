"""Callbacks that carry a token, through a real bridge: believed by the platform's key, and by the new one while it replaces the old."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.platforms.mediaservice.test_tokens import signed
from tests.support import bridge as bridges
from tests.support.backend import Backend as Server
from tests.support.rsa_keys import public_file

NEW_CALL = json.dumps({"sessionId": "9bb07660", "callingParty": "0540000000", "calledParty": "0730000000"}).encode()


@pytest.mark.parametrize("header", ["Authorization", "X-Signature"])
def test_a_callback_is_believed_by_its_token_alone(tmp_path: Path, backend: Server, header: str):
    files = [str(public_file(tmp_path, name)) for name in ("a", "b")]
    toml = f"""
[backend]
url = "{backend.url}"
[mediaservice]
domain = "customer.example"
public_key_files = {files}
signature_header = "{header}"
"""

    def post(token: str) -> int:
        return bridge.post(NEW_CALL, "/mediaservice/newCall", **{header: token}).status

    with bridges.running(tmp_path, toml) as bridge:
        for key in ("a", "b"):
            assert post(f"Bearer {signed({'exp': time.time() + 60}, key)}") == 200
        for token, reason in (("", "no_token"), (signed({}, "c"), "bad_signature"), (signed({"exp": 1}), "expired"), ("x", "malformed")):
            assert post(token) == 403
            assert bridge.last_line("request_refused", reason=reason)["platform"] == "mediaservice"
        assert len(backend.questions) == 1  # the second is the same call


def test_a_key_that_is_none_lets_nobody_in(tmp_path: Path):
    (tmp_path / "key.pem").write_text("-----BEGIN PUBLIC KEY-----\n")
    toml = '[backend]\nurl = "http://127.0.0.1:9"\n[mediaservice]\npublic_key_files = ["key.pem"]\n'
    with pytest.raises(AssertionError, match=r"key\.pem holds no RSA public key in PEM"), bridges.running(tmp_path, toml):
        pass


def test_one_header_cannot_hold_two_things(tmp_path: Path):
    file = public_file(tmp_path)
    toml = f'[backend]\nurl = "http://127.0.0.1:9"\n[mediaservice]\npublic_key_files = ["{file}"]\ncredentials = "user:0123456789ab"\n'
    with pytest.raises(AssertionError, match=r"mediaservice\.credentials: cannot stand in the header that holds"), bridges.running(tmp_path, toml):
        pass
