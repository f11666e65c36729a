"""Mediaservice as an OpenAPI document has it (fixtures/mediaservice/openapi.json): a judge of what is sent to it and by it.

It is stricter than the bridge: types as documented, no unknown field, nothing missing that is needed.
Each function raises AssertionError, naming everything that is wrong.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import jsonschema

from tests.support.bridge import ROOT

FOLDER = ROOT / "fixtures" / "mediaservice"


@functools.cache
def openapi() -> dict[str, Any]:
    return json.loads((FOLDER / "openapi.json").read_text("utf-8"))


@functools.cache
def document() -> dict[str, Any]:
    """The fields of the vendor's document."""
    return json.loads((FOLDER / "document.json").read_text("utf-8"))


def valid_callback(callback: str, body: object) -> None:
    """`body` is what the platform posts to `callback`."""
    _judge(f"{callback}'s request", _hook(callback)["requestBody"], body)


def valid_reply(callback: str, reply: object) -> None:
    """`reply` answers `callback`."""
    _judge(f"{callback}'s reply", _hook(callback)["responses"]["200"], reply)


def valid_request(path: str, method: str, body: object = None) -> None:
    """`body` (None: none, bytes: a file) may be sent to `path`.

    path: `/{domain}/promptfile?next=x` with a domain in its place, or what stands behind that without a slash before it.
    """
    what = f"{method.upper()} {path}"
    operation = _operation(path, method)
    known = {one["name"] for one in operation.get("parameters", ())}
    asked = [name for name, _ in parse_qsl(urlsplit(path).query, keep_blank_values=True)]
    assert set(asked) <= known, f"{what}: knows {sorted(known)} in its query, not {sorted({*asked} - known)}"
    assert len(asked) == len(set(asked)), f"{what}: {asked} names something twice"
    taken = operation.get("requestBody")
    if taken is None:
        assert body in (None, b""), f"{what} takes no body, got {body!r}"
    elif "application/json" in taken["content"]:
        _judge(what, taken, body)
    else:
        assert isinstance(body, bytes), f"{what} takes a file, got {body!r}"
        assert body, f"{what} takes a file, got an empty one"


def valid_response(path: str, method: str, body: object) -> None:
    """`body` is what the platform answers."""
    _judge(f"the answer to {method.upper()} {path}", _operation(path, method)["responses"]["200"], body)


def _hook(callback: str) -> dict[str, Any]:
    assert callback in openapi()["webhooks"], f"there is no callback {callback}"
    return openapi()["webhooks"][callback]["post"]


def _operation(path: str, method: str) -> dict[str, Any]:
    plain = urlsplit(path).path
    whole = plain if plain.startswith("/") else f"/domain.example/{plain}"
    for template, operations in openapi()["paths"].items():
        pattern = re.sub(r"\\\{\w+\\\}", "([^/]+)", re.escape(template))
        if (match := re.fullmatch(pattern, whole)) and not {unquote(part) for part in match.groups()} & {".", ".."}:
            assert method.lower() in operations, f"{template} does not take {method.upper()}"
            return operations[method.lower()]
    raise AssertionError(f"there is no path {path}")


def _judge(what: str, content: Mapping[str, Any], value: object) -> None:
    schema = content["content"]["application/json"]["schema"] | {"components": openapi()["components"]}
    found = jsonschema.Draft202012Validator(schema).iter_errors(value)
    problems = [f"{'.'.join(map(str, error.absolute_path)) or 'the whole'}: {error.message}" for error in found]
    assert not problems, f"{what} is wrong: " + "; ".join(problems)
