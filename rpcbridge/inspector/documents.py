"""A recorded document as every view reads it: what it is of, what of it was cut off, what was masked in its JSON. Pure.

Its shape is trace/record.py's; a row of a list is the same without the stations.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

Document = Mapping[str, Any]

KEPT = 16_384  # bytes of a payload that are recorded, as trace/record.py has it

# Outcomes of an attempt to deliver an event to the backend: no phone system asked, nobody waits for those.
DELIVERIES = ("delivered", "postponed", "dead_letter")

# Outcomes of telling the phone system to do something.
ORDERS = ("ordered", "order_failed")

# In JSON a masked number stands without quotes, and is no number any more. Texts are passed over: what they hold is theirs.
_BARE_MASK = re.compile(r"""("(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?)|(?<=[:,\[])(\s*)([-+]?\*[*0-9]*)(?=\s*[,}\]])""", re.DOTALL)


def is_delivery(seen: Document) -> bool:
    """Whether it is an attempt to deliver an event, and no exchange with a phone system."""
    return seen["outcome"] in DELIVERIES


def is_order(seen: Document) -> bool:
    """Whether the bridge told the phone system to do something, over an API of its own."""
    return seen["outcome"] in ORDERS


def is_own(seen: Document) -> bool:
    """Whether the bridge did something by itself: no phone system asked, and nobody waited."""
    return is_delivery(seen) or is_order(seen)


def goes_on(seen: Document) -> bool:
    """Whether a caller waited and nobody was asked: the bridge carried on by itself what was decided before."""
    return bool(seen.get("about")) and seen["outcome"] in ("answered", "continued", "fallback")


def is_cut(payload: Mapping[str, Any]) -> bool:
    """Whether only the beginning of a payload was kept. An event that was sent as JSON is always whole."""
    return bool(payload["size"] > KEPT >= len(payload["body"]))


def unmasked_json(body: str) -> str:
    """A recorded body that can be read: in JSON, masked numbers as texts."""
    return body if body.lstrip()[:1] == "<" else _BARE_MASK.sub(lambda found: found[1] or f'{found[2]}"{found[3]}"', body)


def first_said(documents: Sequence[Document], name: str) -> str:
    """What the first of them says that says it; "" where none does."""
    return next((str(seen[name]) for seen in documents if seen.get(name)), "")
