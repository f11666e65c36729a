"""Times as they stand in an address, and periods that end now: the same for every page that filters by them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

LAST = {"15m": timedelta(minutes=15), "1h": timedelta(hours=1), "24h": timedelta(days=1), "7d": timedelta(days=7)}
PERIODS: Mapping[str, str] = {"15m": "15 minutes", "1h": "hour", "24h": "24 hours", "7d": "7 days"}  # how they are called

_TIME = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?))?(Z|[+-]\d\d:\d\d)?", re.ASCII)


def moment(text: str, *, end: bool = False) -> datetime | None:
    """A time, in UTC where it names no zone; a day alone is its beginning, or its `end`. None for what is no time, or none of ours."""
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    try:
        there = datetime.fromisoformat(f"{found[1]}T{found[2] or '00:00'}{found[3] or 'Z'}")
        said = there.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    if not 1970 <= said.year < 9999:
        return None
    return said + timedelta(days=1) if end and not found[2] else said
