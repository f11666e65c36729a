"""The operations' schemas hold every field of the vendor's document and no other."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.platforms.mediaservice.test_document import DOWNLOAD, OPERATIONS, held, printed

endpoints = pytest.importorskip("rpcbridge.platforms.mediaservice.endpoints", reason="the client is not there yet")


def spelt(path: str) -> str:
    """A path as the document spells it, whether or not it names the domain, and however it marks its parameters."""
    return "/{domain}/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", path).removeprefix("/").removeprefix("{domain}/")


def complete(schema: Any) -> dict[str, Any]:
    """As `held`, also for fields that have a schema of their own within."""
    inner = {str(field.data_key or name): getattr(field, "_schema", None) for name, field in schema.fields.items()}
    return held(schema) | {name: held(within) for name, within in inner.items() if within is not None}


def test_there_is_an_endpoint_for_each_operation():
    ours = [(spelt(one.path), one.method) for one in endpoints.ENDPOINTS.values()]
    assert len(ours) == len(set(ours))
    assert {*ours} - {DOWNLOAD} == OPERATIONS.keys()


@pytest.mark.parametrize("name", sorted(endpoints.ENDPOINTS))
def test_an_endpoint_s_schema_is_complete(name: str):
    endpoint = endpoints.ENDPOINTS[name]
    document = OPERATIONS.get((spelt(endpoint.path), endpoint.method), {"query": {}, "body": {}})
    assert complete(endpoint.schema) == printed(document["query"] | document["body"])
