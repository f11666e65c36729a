"""A store on each kind of database, and exchanges to put into it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rpcbridge import db
from rpcbridge.domain.events import ActionRequested
from rpcbridge.exchange import Attempt, Exchange, Hop
from rpcbridge.schemas import events
from rpcbridge.trace.store import Store
from rpcbridge.transport import HttpReply, HttpRequest
from tests.support import databases

START = datetime(2026, 11, 20, 21, 27, 3, 123000, UTC)


@pytest.fixture(params=databases.KINDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return databases.fresh(request.param, tmp_path)


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    engine = db.opened(url, patience=5)
    made = Store(engine)
    made.prepare()
    yield made
    engine.dispose()


@pytest.fixture
def exchange() -> Callable[..., Exchange]:
    """Makes exchanges: the n-th came n seconds after the first."""

    def make(number: int = 0, **changes: object) -> Exchange:
        moment = START + timedelta(seconds=number)
        event = ActionRequested(
            event_id=ulid_at(moment, number), occurred_at=moment, platform="voicenter", call_id=f"call{number % 3}", direction="inbound",
            reason="input", caller_number="0541234567", caller_name="Dana Levi", called_number="0731234567", menu="main", digits="1234",
        )  # fmt: skip
        sent = json.dumps(events.dump(event), separators=(",", ":")).encode()
        hop = Hop(
            HttpRequest("http://b/ivr/action", (("Authorization", "Bearer secret-token"),), sent),
            HttpReply(200, b'{"action":"call","target":"0507654321"}', "application/json"),
            [Attempt(10.1, 0.2, "refused", 0, "nobody there"), Attempt(10.5, 0.3, "", 200)],
        )
        seen = Exchange(
            ulid_at(moment, number), "voicenter", 10.0, moment, "00-" + "a" * 32 + "-" + "b" * 16 + "-01", deadline=14.0,
            platform_request=b"<member><name>CALLER_ID</name><value>0541234567</value></member>", method="GET_IVR_ACTION",
            content=events.dump(event), called_number="0731234567", hop=hop, outcome="answered", action="call", finished=10.9,
            platform_response=b"<member><name>TARGET</name><value>0507654321</value></member>",
        )  # fmt: skip
        for name, value in changes.items():
            setattr(seen, name, value)
        return seen

    return make


def ulid_at(moment: datetime, number: int) -> str:
    from rpcbridge.trace.store import ulid_floor

    return ulid_floor(moment)[:16] + f"{number:010d}"
