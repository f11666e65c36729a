"""How times, foreign texts and failures are said, the same on every page. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def isolated(text: object) -> str:
    """A foreign text whose direction of writing does not touch the words around it."""
    plain = "" if text is None else str(text)
    return plain if plain.isascii() else f"\N{FIRST STRONG ISOLATE}{plain}\N{POP DIRECTIONAL ISOLATE}"


def seconds(count: object) -> str:
    """A number of seconds as people say it: `45 s`, `2 min 5 s`, `1 h`."""
    if not isinstance(count, int) or isinstance(count, bool) or abs(count) < 60:
        return f"{'' if count is None else count} s"
    hours, rest = divmod(count, 3600)
    parts = ((hours, "h"), (rest // 60, "min"), (rest % 60, "s"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number)


def milliseconds(count: float) -> str:
    """`0.3 ms`, `45 ms`, `1,204 ms`."""
    return f"{count:.1f} ms" if count < 10 else f"{count:,.0f} ms"


def failed(attempt: Mapping[str, Any]) -> str:
    """Why an attempt at the backend brought no answer, "" where it did."""
    if attempt["reason"]:
        return f"HTTP {attempt['status']} {attempt['reason']}" if attempt["status"] else str(attempt["reason"])
    return "" if 200 <= attempt["status"] < 300 else f"HTTP {attempt['status']}"
