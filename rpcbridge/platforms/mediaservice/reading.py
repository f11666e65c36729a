"""A callback's body -> a turn: its fields by our names, and our key wherever it stands in the reference."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from rpcbridge.codec import MethodCall
from rpcbridge.platforms.mediaservice.turn import Turn
from rpcbridge.platforms.mediaservice.wire.callbacks import read
from rpcbridge.platforms.shapes import Receipt

NOBODYS = Receipt("", datetime.fromtimestamp(0, UTC))
_DEPTH = 3  # a reference that was made text twice is still ours


def turn_of(call: MethodCall, receipt: Receipt) -> Turn:
    """The callback; whatever cannot be read of it is left out and said."""
    body = call.params[0] if call.params else {}
    raw: Mapping[str, Any] = body if isinstance(body, dict) else {}
    said, repairs = read(call.method, raw)
    return Turn(call.method, said, raw, receipt, repairs)


def key_in(reference: Any, depth: int = _DEPTH) -> str:
    """Our key in a sessionReferenceId: an object, one as text, or one within another. "" where it holds none."""
    if isinstance(reference, str) and depth:
        try:
            return key_in(json.loads(reference), depth - 1)
        except (ValueError, RecursionError):
            return ""
    if not isinstance(reference, Mapping):
        return ""
    own = reference.get("rb")
    if isinstance(own, str) and 0 < len(own) <= 40:
        return own
    return next((key for value in reference.values() if depth and (key := key_in(value, depth - 1))), "")
