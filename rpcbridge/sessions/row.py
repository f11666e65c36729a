"""A call as one row. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from rpcbridge import db

Lasting = Literal["counted", "answered", "promised"]


@dataclass(frozen=True, slots=True)
class Row:
    """A call of one platform. key: ours; version: how often it was written; session_id: the platform's, "" while unknown."""

    platform: str
    key: str
    call_id: str
    session_id: str
    document: Mapping[str, Any]
    version: int = 0

    @property
    def session_key(self) -> str | None:
        """What it is found by, beside its own key."""
        return db.key_of(self.platform, self.session_id) if self.session_id else None


@dataclass(frozen=True, slots=True)
class Saved:
    """A row to be written in the place of the one of its version; of version 0 it is a new one.

    seconds: for how long it is kept. timers: seconds from now by name, None for one that is no longer needed.
    lasting: what has to be there after a crash that is not only ours. `promised`, after a power cut: a call that somebody hears of,
    an event, an order. `answered`: after a crash of a server with the database, which the bridge outlives, and whose callers have
    heard what is written here; on SQLite all of it is one machine. `counted`: nothing was said to anybody yet.
    """

    row: Row
    seconds: float
    timers: Mapping[str, float | None] = field(default_factory=dict)
    lasting: Lasting = "promised"
