"""Standard Webhooks: what is sent carries a signature that whoever knows the secret can check.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from standardwebhooks import Webhook


class Signer:
    """Signs with every secret there is: two while one replaces the other, so that the receiver may know either."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._webhooks = [Webhook(secret) for secret in secrets]

    def headers(self, id: str, moment: datetime, body: bytes) -> tuple[tuple[str, str], ...]:
        """`webhook-timestamp` and `webhook-signature` of a message sent at `moment` (UTC); none without a secret."""
        if not self._webhooks:
            return ()
        text = body.decode()
        signatures = [webhook.sign(id, moment, text) for webhook in self._webhooks]
        return (("webhook-timestamp", str(int(moment.timestamp()))), ("webhook-signature", " ".join(signatures)))
