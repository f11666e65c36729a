"""What a generous reading changed, found by comparing what came with what was understood."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict

from rpcbridge.domain.actions import Prompt
from rpcbridge.errors import Repair, shown
from rpcbridge.schemas.fields import carried


def repairs_between(given: Mapping[str, object], read: Mapping[str, object], path: str = "") -> tuple[Repair, ...]:
    """One repair for each field of `read` that does not say what `given` said, with its path."""
    found: list[Repair] = []
    for name, value in read.items():
        if name not in given or name == "state":  # any JSON, kept as it came: there is nothing to put right in it
            continue
        came, where = given[name], f"{path}.{name}" if path else name
        if isinstance(value, Prompt):
            value = _as_given(value) if isinstance(came, Mapping) else value.name
        if isinstance(came, str) and isinstance(value, str):
            if came != value:
                kind = "characters" if came != carried(came) else "case" if came.strip().lower() == value.lower() and came.strip() != value else "blanks"
                found.append(Repair(kind, where, f"{shown(came)} read as {shown(value)}"))
        elif isinstance(value, str | bool | int):
            if type(came) is type(value) and came == value:
                continue
            found.append(Repair("type", where, f"{shown(came)} read as {shown(value)}"))
        elif isinstance(value, list) and isinstance(came, list):
            found += repairs_between(dict(_numbered(came)), dict(_numbered(value)), where)
        elif isinstance(value, Mapping) and isinstance(came, Mapping):
            found += repairs_between(came, value, where)
    return tuple(found)


def _as_given(prompt: Prompt) -> dict[str, str]:
    return {name: value for name, value in asdict(prompt).items() if value is not None}


def _numbered(items: list[object]) -> Iterator[tuple[str, object]]:
    return ((str(place), item) for place, item in enumerate(items))
