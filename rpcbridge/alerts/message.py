"""A Trouble -> the message about it: JSON, whose `text` is one line for people, as chat systems' hooks show it. Pure.

Holds reasons, counts and backends; never a number, a digit or an id of a call.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from rpcbridge import __version__
from rpcbridge.alerts.trouble import BACKEND_DOWN, FALLBACKS, Counts, State, Trouble, less


def body(trouble: Trouble, state: State, now: float, *, host: str, alone: bool) -> bytes:
    """The JSON of it. `alone`: the process speaks for itself, since it cannot reach the others.

    `count` and `reasons` are those since the last message; when it is over, those of all the time.
    """
    counts = less(trouble.total, trouble.told) if state == "firing" else trouble.total
    said: dict[str, Any] = {
        "alert": trouble.kind, "state": state, "text": f"rpcbridge: {_text(trouble, state, counts, now)}",
        "since": f"{datetime.fromtimestamp(trouble.since, UTC):%Y-%m-%dT%H:%M:%SZ}",
        "count": sum(counts.values()), "reasons": dict(_ordered(counts)),
    }  # fmt: skip
    if trouble.kind == BACKEND_DOWN:
        said["backends"] = sorted(trouble.open)
    if alone:
        said["text"] += " - counted by one process, the database cannot be used"
    said |= {"host": host, "scope": "process" if alone else "installation", "version": __version__}
    return json.dumps(said, ensure_ascii=False).encode()


def _text(trouble: Trouble, state: State, counts: Counts, now: float) -> str:
    if state == "resolved":
        return _over(trouble, now)
    since, reasons = _clock(trouble.since, now), ", ".join(f"{reason} {count}" for reason, count in _ordered(counts))
    if not trouble.told:
        return f"{_begun(trouble, sum(counts.values()))} since {since} ({reasons})"
    more = f"{_more(trouble, sum(counts.values()))} since {_clock(trouble.sent, now)} ({reasons})"
    return f"{more}, {sum(trouble.total.values())} in all since {since}"


def _begun(trouble: Trouble, count: int) -> str:
    if trouble.kind == FALLBACKS:
        return f"{count} {'caller' if count == 1 else 'callers'} got the fallback"
    if trouble.kind == BACKEND_DOWN:
        return f"{_down(trouble)} down" if trouble.open else "a backend was down for a short time"
    return f"{count} {'event' if count == 1 else 'events'} could not be delivered"


def _more(trouble: Trouble, count: int) -> str:
    if trouble.kind == FALLBACKS:
        return f"{count} more {'caller' if count == 1 else 'callers'} got the fallback"
    if trouble.kind == BACKEND_DOWN:
        return f"{_down(trouble)} still down, found so {count} more {'time' if count == 1 else 'times'}"
    return f"{count} more {'event' if count == 1 else 'events'} could not be delivered"


def _down(trouble: Trouble) -> str:
    return f"{'backend' if len(trouble.open) == 1 else 'backends'} {', '.join(sorted(trouble.open))}"


def _over(trouble: Trouble, now: float) -> str:
    end, in_all = _clock(trouble.seen, now), f"{sum(trouble.total.values())} in all"
    if trouble.kind == FALLBACKS:
        return f"back to normal, no fallback since {end} ({in_all})"
    if trouble.kind != BACKEND_DOWN:
        return f"back to normal, no new dead letter since {end} ({in_all})"
    if trouble.silent:
        return f"no backend is known to be down any more; of {', '.join(trouble.silent)} there was no more news"
    return f"back to normal, no backend down since {end}"


def _ordered(counts: Counts) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _clock(moment: float, now: float) -> str:
    """The time of day, and the day where it was another one."""
    when, today = datetime.fromtimestamp(moment, UTC), datetime.fromtimestamp(now, UTC)
    return f"{when:%H:%M} UTC" if when.date() == today.date() else f"{when:%Y-%m-%d %H:%M} UTC"
