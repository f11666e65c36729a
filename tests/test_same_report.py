"""What two reports have in common is told apart as a whole, however long it is."""

from __future__ import annotations

from datetime import UTC, datetime

from rpcbridge.bridge.conversations import _same_as
from rpcbridge.domain.events import RecordingReady
from rpcbridge.platforms import Options, Told
from rpcbridge.platforms.mediaservice import Mediaservice, Section

EVENT = RecordingReady(
    event_id="01KB0Q8ZJ5T3V9W2X4Y6Z8A0BC", occurred_at=datetime(2026, 11, 20, tzinfo=UTC), platform="mediaservice", call_id="s",
    direction="inbound", recording={"name": "a", "ok": True},
)  # fmt: skip


def test_two_long_ones_that_begin_alike_are_two():
    platform, beginning = Mediaservice(Section(), Options({})), "recorded:9bb07660-c747-11ea-afa0-bd07728b88b7:rec-"
    keys = {_same_as(platform, Told(EVENT, beginning + name)) for name in ("1", "2", "x\0")}
    assert len(keys) == 3
    assert all(len(key) <= 64 and key.isalnum() for key in keys)
    assert _same_as(platform, Told(EVENT)) == ""
