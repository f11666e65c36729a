"""Calls that no phone system placed: their ids are the bridge's own, and say so wherever they are seen.

The id is the only mark, for it goes everywhere a call goes: to the backend, into logs, events and records.
"""

from __future__ import annotations

import re
from typing import Literal

Origin = Literal["phone", "drill", "replay"]  # the inspector's phone, its fault drill, an exchange or a call sent again

_MADE = re.compile(r"rb-(phone|drill|replay)-[0-9A-HJKMNP-TV-Z]{26}(?:-of-([0-9A-HJKMNP-TV-Z]{26}))?")


def made(origin: Origin, ulid: str, of: str = "") -> str:
    """A new call's id: `rb-phone-<ULID>`; of a replay also the exchange that is sent again."""
    return f"rb-{origin}-{ulid}{f'-of-{of}' if of else ''}"


def origin_of(call_id: str) -> str:
    """`phone`, `drill` or `replay`; "" for a call of a phone system."""
    found = _MADE.fullmatch(call_id) if call_id.startswith("rb-") else None
    return found[1] if found else ""


def replayed(call_id: str) -> str:
    """The id of the exchange that a replay sends again, "" where this is none."""
    found = _MADE.fullmatch(call_id) if call_id.startswith("rb-") else None
    return (found[2] or "") if found else ""
