"""The contract as JSON Schema (2020-12), generated from the marshmallow schemas: what the code does is what it says.

`python -m rpcbridge.schemas.jsonschema DIRECTORY` writes events.schema.json and actions.schema.json.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from marshmallow import fields

from rpcbridge.domain.actions import ACTIONS, Menu
from rpcbridge.schemas import actions, events
from rpcbridge.schemas.fields import OneOf, PromptField, Text

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_NAME = {"type": "string", "minLength": 1}
_PROMPT: dict[str, Any] = {
    "description": "A recording's name, or an object with exactly one of file, url, text.",
    "oneOf": [
        _NAME,
        {
            "type": "object",
            "properties": dict.fromkeys(("file", "url", "text", "voice", "language"), _NAME),
            "oneOf": [{"required": [kind]} for kind in ("file", "url", "text")],
            "additionalProperties": False,
        },
    ],
}


_NATIVE: dict[str, Any] = {
    "title": "native",
    "description": "An answer in the platform's own shape, validated against the platform's own tables.",
    "type": "object",
    "properties": {"native": {"type": "object"}, "state": {}},
    "required": ["native"],
    "additionalProperties": False,
}


def events_schema() -> dict[str, Any]:
    """Every event the bridge sends. Additive: a backend ignores fields it does not know."""
    converter = _converter()
    one_of = [
        {"title": name, "description": schema.__doc__} | _object(converter, schema) for name, schema in events.SCHEMAS.items()
    ]
    return {"$schema": _DIALECT, "title": "rpcbridge event, contract version 1", "oneOf": one_of}


def actions_schema() -> dict[str, Any]:
    """Every action a backend may answer. What is written here is what needs no repair."""
    converter = _converter()
    one_of = []
    for name, schema in actions.SCHEMAS.items():
        described = _object(converter, schema)
        described["properties"]["action"] = {"const": name}
        if "on_failure" in described["properties"]:
            nested = _object(converter, actions.MENU_FIELDS)
            described["properties"]["on_failure"] = _with_defaults(nested, Menu) | {"additionalProperties": False}
        one_of.append({"title": name} | _with_defaults(described, ACTIONS[name]) | {"additionalProperties": False})
    one_of.append(_NATIVE)
    return {"$schema": _DIALECT, "title": "rpcbridge action, contract version 1", "oneOf": one_of}


def _converter() -> Any:
    spec = APISpec("rpcbridge", "1", "3.1.0")
    converter: Any = OpenAPIConverter("3.1.0", lambda _: "", spec)  # no name: nested schemas stand where they are used

    def own_fields(_: object, field: fields.Field[Any], **__: object) -> dict[str, Any]:
        if isinstance(field, PromptField):
            return _PROMPT
        if isinstance(field, Text) and not isinstance(field, OneOf):
            return field.json_schema
        return {}

    converter.add_attribute_function(own_fields)
    return converter


def _object(converter: Any, schema: Any) -> dict[str, Any]:
    described: dict[str, Any] = converter.schema2jsonschema(schema)
    return described


def _with_defaults(described: dict[str, Any], action: type[Any]) -> dict[str, Any]:
    """`described` with the defaults that the domain's dataclass gives."""
    for field in dataclasses.fields(action):
        default = field.default
        if isinstance(default, str | int) and field.name in described["properties"]:
            described["properties"][field.name] = {**described["properties"][field.name], "default": default}
    return described


def files() -> Mapping[str, str]:
    """The published files by name."""
    schemas = {"events.schema.json": events_schema(), "actions.schema.json": actions_schema()}
    return {name: json.dumps(schema, indent=2, ensure_ascii=False) + "\n" for name, schema in schemas.items()}


if __name__ == "__main__":
    for name, text in files().items():
        Path(sys.argv[1], name).write_text(text, "utf-8")
