"""W3C trace context: an incoming `traceparent` goes on, else a trace begins here."""

from __future__ import annotations

import os
import re

_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})")


def traceparent(incoming: str) -> str:
    """A traceparent for what the bridge does with this request."""
    found = _TRACEPARENT.fullmatch(incoming) if incoming else None
    if found is None:
        fresh = os.urandom(24).hex()
        return f"00-{fresh[:32]}-{fresh[32:]}-01"
    return f"00-{found[1]}-{os.urandom(8).hex()}-{found[2]}"
