"""What happened in a call, as the backend is told it. One frozen value per event of the contract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import ClassVar, Final, Literal, TypeAlias, TypeVar


class Absent(Enum):
    """The type of ABSENT: unknown or not applicable, as against None, which is known to be none."""

    ABSENT = "absent"

    def __bool__(self) -> Literal[False]:
        return False


ABSENT: Final = Absent.ABSENT

_T = TypeVar("_T")
Maybe: TypeAlias = _T | Absent

CALL_STATUSES = (
    "answered", "busy", "no_answer", "cancelled", "rejected", "unavailable", "congestion",
    "invalid_number", "not_allowed", "failed", "unknown",
)  # fmt: skip
REASONS = ("call_started", "input", "no_input", "leg_failed", "leg_ended")
DIRECTIONS = ("inbound", "outbound")
ENDED_BY = ("caller", "target", "backend", "bridge", "platform", "unknown")


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """What every event carries. Numbers that are names stay text, as received."""

    event: ClassVar[str]

    event_id: str
    occurred_at: datetime
    platform: str
    caller_number: Maybe[str] = ABSENT
    caller_name: Maybe[str] = ABSENT
    called_number: Maybe[str] = ABSENT
    reference: Maybe[str] = ABSENT  # what the backend gave when it started the call
    raw: Maybe[object] = ABSENT


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEvent(Happening):
    """What every event about a call carries."""

    call_id: str
    direction: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionRequested(CallEvent):
    """A caller is on the line and waits for an action. `menu` is None at the start of the call."""

    event: ClassVar[str] = "action_requested"

    reason: str
    turn: Maybe[int] = ABSENT
    menu: Maybe[str | None] = ABSENT
    previous_menu: Maybe[str | None] = ABSENT
    digits: str = ""
    state: Maybe[object] = ABSENT


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRinging(CallEvent):
    """Somebody's phone rings."""

    event: ClassVar[str] = "call_ringing"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallAnswered(CallEvent):
    """Somebody picked up. `target` is whom the caller is connected to now, where that is known."""

    event: ClassVar[str] = "call_answered"

    target: Maybe[str] = ABSENT


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEnded(CallEvent):
    """The call is over. Durations in seconds; the two platform times exactly as received, unit unverified."""

    event: ClassVar[str] = "call_ended"

    target: Maybe[str] = ABSENT
    call_status: Maybe[str] = ABSENT
    platform_text: Maybe[str] = ABSENT
    hangup_cause: Maybe[int] = ABSENT
    ended_by: Maybe[str] = ABSENT
    duration: Maybe[int] = ABSENT
    ring_duration: Maybe[int] = ABSENT
    billed_duration: Maybe[int] = ABSENT
    estimated: Maybe[bool] = ABSENT
    platform_call_time: Maybe[int] = ABSENT
    platform_call_start: Maybe[int] = ABSENT
    state: Maybe[object] = ABSENT


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionRejected(CallEvent):
    """The backend answered a question, and the answer could not be used.

    reason: the short name of logs. problems: (field, message) each. served: what the caller got instead.
    """

    event: ClassVar[str] = "action_rejected"

    reason: str
    problems: tuple[tuple[str, str], ...]
    served: Mapping[str, object]

    @property
    def rejected(self) -> dict[str, object]:
        """The three of them, as the contract has them."""
        problems = [{"field": field, "message": message} for field, message in self.problems]
        return {"reason": self.reason, "problems": problems, "served": self.served}


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingReady(CallEvent):
    """A recording can be fetched, or could not be made: `name`, `size_bytes`, `ok`, `reason`, `url` as far as known."""

    event: ClassVar[str] = "recording_ready"

    recording: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformAlarm(Happening):
    """The phone system says that something went wrong. Of no call where `call_id` is ABSENT; then `direction` is, too."""

    event: ClassVar[str] = "platform_alarm"

    call_id: Maybe[str] = ABSENT
    direction: Maybe[str] = ABSENT
    alarm_type: str
    error: str
    details: Maybe[object] = ABSENT


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteCallOffered(CallEvent):
    """A call that only somebody with an RTP endpoint can take; `raw` has what is needed for that."""

    event: ClassVar[str] = "remote_call_offered"


Event: TypeAlias = (
    ActionRequested | CallRinging | CallAnswered | CallEnded | RecordingReady | PlatformAlarm | RemoteCallOffered | ActionRejected
)
EVENTS: tuple[type[Event], ...] = (
    ActionRequested, CallRinging, CallAnswered, CallEnded, RecordingReady, PlatformAlarm, RemoteCallOffered, ActionRejected,
)  # fmt: skip
