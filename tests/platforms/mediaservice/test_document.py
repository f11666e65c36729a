"""The schemas hold every field of the vendor's document and no other; so does the OpenAPI document that judges them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest
from marshmallow import fields
from openapi_spec_validator import validate

from rpcbridge.platforms.mediaservice.wire import words
from rpcbridge.platforms.mediaservice.wire.answers import REPLIES, Phrase, Phrases
from rpcbridge.platforms.mediaservice.wire.callbacks import CALLBACKS
from tests.support import mediaservice

DOCUMENT = mediaservice.document()
OPENAPI = mediaservice.openapi()
REQUESTS = {name: callback["request"] for name, callback in DOCUMENT["callbacks"].items()}
ANSWERS = {name: callback["reply"] for name, callback in DOCUMENT["callbacks"].items() if callback["reply"] is not None}
OPERATIONS = {(one["path"], one["method"]): one for one in DOCUMENT["endpoints"]}
DOWNLOAD = ("/{domain}/promptfile/{filename}", "GET")  # in some versions of the document, not in the one that was gone through
_PHRASE = Phrase()


def printed(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The document's names, with those of an object's members where it still has them."""
    return {name: printed(field["members"]) if field.get("members") else None for name, field in fields.items()}


def held(schema: Any, phrases: bool = True) -> dict[str, Any]:
    """A schema's names. Of a greeting's phrases the document lost the members."""
    found = {}
    for name, field in schema.fields.items():
        inner: Any = None
        if isinstance(field, Phrases):
            inner = held(_PHRASE) if phrases else None
        elif isinstance(field, fields.Nested):
            inner = held(field.schema, phrases=str(field.data_key or name) not in ("caller", "callee"))
        elif isinstance(field, fields.List) and isinstance(field.inner, fields.Nested):
            inner = held(field.inner.schema)
        found[str(field.data_key or name)] = inner
    return found


def described(schema: Mapping[str, Any], where: str = "") -> dict[str, Any]:
    """The names of an object in the OpenAPI document, as `printed` has them."""
    found: dict[str, Any] = {}
    for name, field in schema.get("properties", {}).items():
        kind = resolved(field.get("items", field))
        own = kind.get("then", {}) if name == "phrases" else kind
        opaque = name in ("awsTTSParameters", "googleTTSParameters") or (name == "phrases" and where in ("caller", "callee"))
        found[name] = described(own, name) if own.get("properties") and not opaque else None
    return found


def resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    return OPENAPI["components"]["schemas"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def hook(callback: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    post = OPENAPI["webhooks"][callback]["post"]
    return tuple(one["content"]["application/json"]["schema"] for one in (post["requestBody"], post["responses"]["200"]))


def test_there_is_a_schema_for_each_callback_and_each_answer():
    assert CALLBACKS.keys() == REQUESTS.keys()
    assert REPLIES.keys() == ANSWERS.keys()


@pytest.mark.parametrize("callback", sorted(REQUESTS))
def test_a_callback_s_schema_is_complete(callback: str):
    assert held(CALLBACKS[callback]) == printed(REQUESTS[callback])


@pytest.mark.parametrize("callback", sorted(ANSWERS))
def test_an_answer_s_schema_is_complete(callback: str):
    assert held(REPLIES[callback]) == printed(ANSWERS[callback])


def snake(name: str) -> str:
    apart = re.sub(r"TTS|IVR|PAI|RPID|[xp](?=Headers)|[XP](?=Headers)", lambda found: f"_{found[0]}_".lower(), name)
    return re.sub("_+", "_", re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", apart)).strip("_")


@pytest.mark.parametrize("schema", [*CALLBACKS.values(), *REPLIES.values(), _PHRASE], ids=lambda schema: type(schema).__name__)
def test_a_field_is_named_here_as_there(schema: Any):
    for attribute, field in schema.fields.items():
        assert attribute == snake(str(field.data_key or attribute))


@pytest.mark.parametrize(
    ("callback", "part", "field", "list_"),
    [
        ("callEvent", "request", "event", words.CALL_EVENTS),
        ("callEvent", "reply", "dropCode", words.DROP_CODES),
        ("callEvent", "reply", "codec", words.CODECS),
        ("newCall", "reply", "dropCode", words.DROP_CODES),
        ("newCall", "reply", "ringbackTone", words.RINGBACK_TONES),
        ("callAnswered", "request", "codec", words.CODECS),
        ("callNotify", "request", "event", words.CALL_NOTIFICATIONS),
        ("recordingReady", "request", "event", words.RECORDING_EVENTS),
        ("alarm", "request", "type", words.ALARM_TYPES),
        ("alarm", "request", "error", words.ALARM_ERRORS),
    ],
)
def test_a_list_is_the_document_s(callback: str, part: str, field: str, list_: tuple[str, ...]):
    assert tuple(DOCUMENT["callbacks"][callback][part][field]["enum"]) == list_


def test_the_document_has_nineteen_paths_and_twenty_operations():
    assert (len({path for path, _ in OPERATIONS}), len(OPERATIONS), len(DOCUMENT["endpoints"])) == (19, 20, 20)


def test_the_openapi_document_is_one():
    validate(OPENAPI)


def test_the_openapi_document_has_every_callback_and_operation():
    assert OPENAPI["webhooks"].keys() == REQUESTS.keys()
    methods = ("get", "put", "post", "delete")
    assert {(path, method.upper()) for path, item in OPENAPI["paths"].items() for method in methods if method in item} == {*OPERATIONS, DOWNLOAD}


@pytest.mark.parametrize("callback", sorted(REQUESTS))
def test_the_openapi_document_has_every_field_of_a_callback(callback: str):
    request, reply = hook(callback)
    assert described(request) == printed(REQUESTS[callback])
    assert described(reply) == printed(ANSWERS.get(callback, {}))


@pytest.mark.parametrize(("path", "method"), sorted(OPERATIONS))
def test_the_openapi_document_has_every_field_of_an_operation(path: str, method: str):
    operation = OPENAPI["paths"][path][method.lower()]
    document = OPERATIONS[path, method]
    assert [one["name"] for one in operation.get("parameters", ())] == list(document["query"])
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    assert described(body) == printed(document["body"])
    assert {name for name, field in document["body"].items() if field.get("required")} <= set(body.get("required", ()))
    answer = operation["responses"]["200"]["content"]["application/json"]["schema"]
    kinds = [described(one) for one in answer.get("oneOf", [answer])]
    assert {name: inner for kind in kinds for name, inner in kind.items()} == printed(document["response"])


TYPES = {"string": "string", "number": ("number", "integer"), "integer": "integer", "boolean": "boolean", "object": "object"}


@pytest.mark.parametrize("callback", sorted(REQUESTS))
def test_the_openapi_document_is_as_strict_as_the_document(callback: str):
    for schema, document in zip(hook(callback), (REQUESTS[callback], ANSWERS.get(callback, {})), strict=True):
        for name, field in document.items():
            described = resolved(schema["properties"][name])
            if field["type"] in TYPES:
                assert described["type"] in TYPES[field["type"]], name
            if field.get("enum") and name != "error":
                assert described["enum"] == field["enum"], name
