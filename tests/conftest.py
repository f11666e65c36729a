"""Fixtures that several folders share: a backend that behaves as told, a bridge in front of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import backend as backends


@pytest.fixture
def backend() -> Iterator[backends.Backend]:
    """A backend of this test alone."""
    with backends.running(backends.reply({"action": "hangup"})) as running:
        yield running
