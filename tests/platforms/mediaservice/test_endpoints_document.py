"""The operations' schemas hold every field of the vendor's document and no other."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.platforms.mediaservice.test_document import OPERATIONS, held, printed

endpoints = pytest.importorskip("rpcbridge.platforms.mediaservice.endpoints", reason="the client is not there yet")


def spelt(path: str) -> str:
    """A path as the document spells it, whether or not it names the domain, and however it marks its parameters."""
    return "/{domain}/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", path).removeprefix("/").removeprefix("{domain}/")


def test_there_is_an_endpoint_for_each_operation():
    ours = [(spelt(one.path), one.method) for one in endpoints.ENDPOINTS.values()]
    assert sorted(ours) == sorted(OPERATIONS)


@pytest.mark.parametrize("name", sorted(endpoints.ENDPOINTS))
def test_an_endpoint_s_schema_is_complete(name: str):
    endpoint = endpoints.ENDPOINTS[name]
    document = OPERATIONS[spelt(endpoint.path), endpoint.method]
    schema: Any = endpoint.schema() if isinstance(endpoint.schema, type) else endpoint.schema
    assert (held(schema) if schema is not None else {}) == printed(document["query"] | document["body"])
