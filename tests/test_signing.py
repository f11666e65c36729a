"""Signatures as Standard Webhooks has them, judged by its own example, by hmac itself, and by its own library."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from rpcbridge.signing import Signer

# The example of the specification's own libraries.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
MOMENT = datetime.fromtimestamp(1614265330, UTC)
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

OTHER = "whsec_" + base64.b64encode(bytes(range(32))).decode()


def by_hand(secret: str, id: str, timestamp: int, body: bytes) -> str:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    return "v1," + base64.b64encode(hmac.new(key, f"{id}.{timestamp}.".encode() + body, hashlib.sha256).digest()).decode()


def test_the_specifications_own_example():
    assert by_hand(SECRET, ID, 1614265330, BODY) == SIGNATURE
    assert Signer([SECRET]).headers(ID, MOMENT, BODY) == (("webhook-timestamp", "1614265330"), ("webhook-signature", SIGNATURE))


@pytest.mark.parametrize("body", [b"", '{"caller_name":"משלוחים \U0001f600"}'.encode(), b"a=1&b=%D7%A9"])
def test_it_is_made_over_the_bytes_as_they_are(body: bytes):
    (_, (_, signature)) = Signer([OTHER]).headers("01KB0Q8ZJ5T3V9W2X4Y6Z8A0BC", datetime(2026, 11, 20, 21, 27, 3, 999_999, UTC), body)
    assert signature == by_hand(OTHER, "01KB0Q8ZJ5T3V9W2X4Y6Z8A0BC", 1795210023, body)


def test_two_secrets_make_two_signatures_that_either_verifies():
    headers = {"webhook-id": ID, **dict(Signer([OTHER, SECRET]).headers(ID, datetime.now(UTC), BODY))}
    assert headers["webhook-signature"].count(" ") == 1
    for secret in (OTHER, SECRET):
        assert Webhook(secret).verify(BODY, headers) == {"test": 2432232314}
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + base64.b64encode(bytes(32)).decode()).verify(BODY, headers)


def test_without_a_secret_nothing_is_said():
    assert Signer(()).headers(ID, MOMENT, BODY) == ()
