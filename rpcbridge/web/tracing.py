"""W3C trace context: an incoming `traceparent` goes on, else a trace begins here."""

from __future__ import annotations

import random
import re

_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})")


def traceparent(incoming: str) -> str:
    """A traceparent for what the bridge does with this request.

    From `random`, which has its seed from the system anew in every process: os.urandom lets go of
    the interpreter's lock, and with many threads waiting for it that is a change of threads.
    """
    found = _TRACEPARENT.fullmatch(incoming) if incoming else None
    if found is None:
        fresh = f"{random.getrandbits(192):048x}"
        return f"00-{fresh[:32]}-{fresh[32:]}-01"
    return f"00-{found[1]}-{random.getrandbits(64):016x}-{found[2]}"
