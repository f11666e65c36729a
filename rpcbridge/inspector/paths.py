"""Fields within objects and lists by their paths, as a platform's tables name them: `dtmfParams.dtmfMatch`, `phrases.0.fileName`. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any


def opened(value: Mapping[str, Any], paths: Collection[str]) -> dict[str, Any]:
    """The fields of `value` by path. Opened is what `paths` lead into; everything else is one value."""
    return dict(_opened(value, paths, ""))


def _opened(value: Any, paths: Collection[str], before: str) -> Iterator[tuple[str, Any]]:
    for name, inner in value.items() if isinstance(value, Mapping) else enumerate(value):
        path = f"{before}{name}"
        if isinstance(inner, Mapping | list) and inner and any(other.startswith(f"{path}.") for other in paths):
            yield from _opened(inner, paths, f"{path}.")
        else:
            yield path, inner


def with_value(value: Any, path: str, new: Any) -> Any:
    """`value` with another one at `path`; whatever does not stand there yet is an object."""
    name, _, rest = path.partition(".")
    if isinstance(value, list):
        return [with_value(item, rest, new) if str(place) == name and rest else new if str(place) == name else item for place, item in enumerate(value)]
    members = dict(value) if isinstance(value, Mapping) else {}
    return members | {name: with_value(members.get(name, {}), rest, new) if rest else new}
