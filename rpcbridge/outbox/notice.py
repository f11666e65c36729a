"""What is put into the outbox, and what comes out of it. Values only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from rpcbridge import db


@dataclass(frozen=True, slots=True)
class Notice:
    """One event to be delivered.

    content: the event as the backend's contract has it. same_as: what a second report of the same
    happening has in common with the first, "" where nothing tells. ends_call: the call is over, so
    that its state goes along and is then forgotten.
    """

    content: dict[str, Any]
    traceparent: str
    same_as: str = ""
    ends_call: bool = False

    @property
    def call_key(self) -> str:
        """What the events of one call have in common; of an event about no call its own id."""
        call_id = self.content.get("call_id")
        return db.key_of(self.content["platform"], call_id) if call_id else self.content["event_id"]


@dataclass(frozen=True, slots=True)
class Claimed:
    """An event that this process delivers now. `attempt` counts from 1."""

    seq: int
    event_id: str
    content: Mapping[str, Any]
    traceparent: str
    attempt: int


def as_text(content: Mapping[str, Any]) -> str:
    """An event as JSON that every database takes."""
    try:
        return orjson.dumps(content).decode()
    except TypeError:  # an integer of more than 64 bits, or half a character: as ASCII it survives
        return json.dumps(content, separators=(",", ":"))
