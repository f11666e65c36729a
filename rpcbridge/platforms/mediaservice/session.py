"""A call as it stands between two callbacks: the only state there is. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from rpcbridge.domain.actions import AnyAction
from rpcbridge.platforms.conversation import Kept
from rpcbridge.platforms.shapes import Native
from rpcbridge.schemas import actions

# deciding: the backend is being asked. ivr: the IVR plays. dialing: somebody is being rung. transferring: the person is on
# the way out of a connection. ending: we hung up. ended: the person is gone, or the platform said so.
PHASES = ("deciding", "ivr", "dialing", "connected", "transferring", "ending", "ended")

_KEPT = 6 * 3600  # seconds after the last callback, or the longest call that runs
_NOT_IN_DOCUMENT = ("key", "call_id", "session_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Everything known of a call. Times are seconds since 1970, of our receipt; "" and None are unknown.

    playing: the action the caller hears, or will hear or be dialled by; fresh: it has not been served yet.
    person, ivr, other: participants: the one we talk to, the IVR, and whom the person is connected to.
    connection, reply_id: of the connection the person is in, as callAnswered gave them. command: the last getIvrCommand's
    replyId. buffer: the digits that were in the buffer then.
    """

    key: str
    call_id: str
    session_id: str = ""
    phase: str = "deciding"
    direction: str = "inbound"
    caller_number: str | None = None
    caller_name: str | None = None
    called_number: str | None = None
    reference: str | None = None
    turn: int = 0
    state: Any = None
    playing: Mapping[str, Any] | None = None
    fresh: bool = False
    loops_left: int = 0
    menu: str | None = None
    previous_menu: str | None = None
    buffer: str = ""
    silent: int = 0
    fallbacks: int = 0
    person: str = ""
    ivr: str = ""
    other: str = ""
    connection: str = ""
    reply_id: str = ""
    command: str = ""
    base_url: str = ""
    drop_code: str = "dropNoMsg"
    splits: int = 0
    recordings: int = 0
    max_duration: int = 0
    target: str | None = None
    status: str | None = None
    cause: int | None = None
    started: float = 0.0
    dialled: float | None = None
    answered: float | None = None
    ring_seconds: float | None = None
    ended: float | None = None
    ended_by: str = ""
    placing: str = ""  # of a call that the backend had placed: `sent`, or `unclear` until a callback comes
    reported: bool = False

    @classmethod
    def of(cls, kept: Kept) -> Session:
        """The session that was kept. What another version of the bridge wrote and this one does not know is left out."""
        known = {field.name for field in fields(cls)}
        document = {name: value for name, value in kept.document.items() if name in known}
        return cls(key=kept.key, call_id=kept.call_id, session_id=kept.session_id, **document)

    def kept(self, seconds: float | None = None) -> Kept:
        """As it is kept, for six hours or as long as the longest call that runs."""
        document = {
            field.name: value for field in fields(self)
            if field.name not in _NOT_IN_DOCUMENT and (value := getattr(self, field.name)) != field.default
        }  # fmt: skip
        lasting = max(_KEPT, self.max_duration) if seconds is None else seconds
        return Kept(self.key, self.call_id, self.session_id, document, lasting)

    @property
    def action(self) -> AnyAction | Native | None:
        """What `playing` says."""
        if self.playing is None:
            return None
        return Native(self.playing["native"]) if "native" in self.playing else actions.load(self.playing).action

    def about(self) -> dict[str, Any]:
        """The facts of the call, in the names of an event; what is unknown is left out."""
        said = {
            "call_id": self.call_id, "direction": self.direction, "caller_number": self.caller_number,
            "caller_name": self.caller_name, "called_number": self.called_number, "reference": self.reference,
        }  # fmt: skip
        return {name: value for name, value in said.items() if value is not None}


def written(action: AnyAction | Native) -> dict[str, Any]:
    """What `Session.action` reads again."""
    return {"native": dict(action.value)} if isinstance(action, Native) else actions.dump(action)
