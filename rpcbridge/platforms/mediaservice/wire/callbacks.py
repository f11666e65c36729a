"""A callback's body -> its fields by their names here, what was put right, and what nobody knows. Never raises for an object."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from marshmallow import ValidationError, fields

from rpcbridge.codec import Lexical
from rpcbridge.errors import MOST_PROBLEMS, Problem, Repair
from rpcbridge.platforms.mediaservice.wire.fields import Count, Reference, unstringified
from rpcbridge.platforms.mediaservice.wire.requests import CALLBACKS
from rpcbridge.schemas.fields import Flag, GivenSchema, Text, problems_of

__all__ = ["CALLBACKS", "read"]


def read(name: str, body: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[Repair, ...]]:
    """What `body` of the callback `name`, one of CALLBACKS, says: its fields by their Python names, and every repair.

    body: an object of the codec's values. Left out is what was absent, null, or could not be read;
    the last is a Repair "unreadable". `unknown` is always there: what no schema has, by its path
    ("newField", "dtmfParams.newField"), as it came.
    """
    schema = CALLBACKS[name]
    problems: tuple[Problem, ...] = ()
    try:
        said: dict[str, Any] = schema.load(body)
    except ValidationError as error:
        problems = problems_of(error)
        spoilt = {problem.path for problem in problems}
        left = error.valid_data.items() if isinstance(error.valid_data, dict) else ()
        said = {attribute: value for attribute, value in left if str(schema.fields[attribute].data_key or attribute) not in spoilt}
    unreadable = [Repair("unreadable", problem.path, problem.message) for problem in problems[:MOST_PROBLEMS]]
    if (more := len(problems) - MOST_PROBLEMS) > 0:
        unreadable.append(Repair("unreadable", "", f"and {more} more"))
    return said | {"unknown": dict(_unknown(schema, body))}, (*unreadable, *_repaired(schema, body, said))


def _unknown(schema: Any, body: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """What `schema` has no field for, also within its objects."""
    known = _by_wire_name(schema)
    for name, value in body.items():
        field = known.get(name)
        if field is None:
            yield f"{path}{name}", value
        elif isinstance(field, fields.Nested) and isinstance(value, Mapping):
            yield from _unknown(field.schema, value, f"{path}{name}.")
        elif isinstance(field, fields.List) and isinstance(field.inner, fields.Nested) and isinstance(value, list):
            for place, item in enumerate(value):
                if isinstance(item, Mapping):
                    yield from _unknown(field.inner.schema, item, f"{path}{name}.{place}.")


def _repaired(schema: Any, body: Mapping[str, Any], said: Mapping[str, Any], path: str = "") -> Iterator[Repair]:
    """What of `said` does not stand in `body` as it was read."""
    for name, value in said.items():
        field = schema.fields[name]
        wire = str(field.data_key or name)
        came, where = body[wire], f"{path}{wire}"
        if isinstance(field, fields.Nested):
            yield from _repaired(field.schema, came, value, f"{where}.")
        elif isinstance(field, fields.List):
            # Where an item was unreadable, the rest can no longer be told by its place.
            for place, (one, item) in enumerate(zip(came, value, strict=False) if len(came) == len(value) else ()):
                if isinstance(field.inner, fields.Nested):
                    yield from _repaired(field.inner.schema, one, item, f"{where}.{place}.")
                else:
                    yield from _changed(field.inner, one, item, f"{where}.{place}")
        else:
            yield from _changed(field, came, value, where)


def _changed(field: Any, came: Any, value: Any, where: str) -> Iterator[Repair]:
    """What became of one value. It is not shown: it may be a number or a name, and repairs are recorded."""
    kind = came.type if isinstance(came, Lexical) else "text"
    if isinstance(field, Text | Reference) and isinstance(value, str):
        if kind in ("int", "double"):
            yield Repair("type", where, "a number read as a text: it cannot have kept a + or leading zeros")
        elif kind != "text":
            yield Repair("type", where, "read as a text")
        elif came != value:
            yield Repair("blanks", where, "blanks removed")
    elif isinstance(field, Reference) and isinstance(came, str) and unstringified(came)[1] > 1:
        yield Repair("stringified", where, "an object within a text within a text")
    elif isinstance(field, Count) and kind not in ("int", "double"):
        yield Repair("type", where, "read as a number")
    elif isinstance(field, Flag) and kind != "boolean":
        yield Repair("type", where, "read as true or false")


_NAMES: dict[type[GivenSchema], dict[str, Any]] = {}


def _by_wire_name(schema: Any) -> dict[str, Any]:
    """The schema's fields by the platform's names; made once for each."""
    known = _NAMES.get(type(schema))
    if known is None:
        known = _NAMES[type(schema)] = {str(field.data_key or name): field for name, field in schema.fields.items()}
    return known
