"""Events -> the flat JSON object a backend receives. An ABSENT field is left out, None is null."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from marshmallow import Schema, fields, missing

from rpcbridge.domain.events import ABSENT, CALL_STATUSES, DIRECTIONS, ENDED_BY, REASONS, Event


def moment(value: datetime) -> str:
    """RFC 3339 in UTC with milliseconds."""
    return value.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


class _Moment(fields.String):
    """RFC 3339 in UTC with milliseconds."""

    def _serialize(self, value: datetime, attr: str | None, obj: Any, **_: Any) -> str:  # type: ignore[override]
        return moment(value)


class _Kept(fields.String):
    """A text that the domain made or kept as it was: no conversion."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **_: Any) -> Any:
        return value


def _known(*words: str, **options: Any) -> _Kept:
    return _Kept(metadata={"enum": list(words)}, **options)


# The order of the contract's examples: people read these objects in logs.
_HEAD = ("event", "event_id", "occurred_at", "platform", "call_id", "direction")
_NUMBERS = ("caller_number", "caller_name", "called_number", "reference")


class EventSchema(Schema):
    """What every event about a call carries."""

    event_id = _Kept(required=True, metadata={"pattern": "^[0-9A-HJKMNP-TV-Z]{26}$"})
    occurred_at = _Moment(required=True, metadata={"format": "date-time"})
    platform = _Kept(required=True)
    call_id = _Kept(required=True)
    direction = _known(*DIRECTIONS, required=True)
    caller_number = _Kept()
    caller_name = _Kept()
    called_number = _Kept()
    reference = _Kept()

    def get_attribute(self, obj: Any, attr: str, default: Any) -> Any:
        """The field's value; ABSENT is what marshmallow calls missing."""
        value = getattr(obj, attr, default)
        return missing if value is ABSENT else value


class ActionRequestedSchema(EventSchema):
    """A caller is on the line and waits: the answer is an action."""

    class Meta:
        fields = (*_HEAD, "turn", "reason", *_NUMBERS, "menu", "previous_menu", "digits", "state", "raw")

    event = fields.Constant("action_requested", required=True, metadata={"type": "string", "enum": ["action_requested"]})
    turn = fields.Integer(metadata={"minimum": 1})
    reason = _known(*REASONS, required=True)
    menu = _Kept(allow_none=True)
    previous_menu = _Kept(allow_none=True)
    digits = _Kept(required=True)
    state = fields.Raw(allow_none=True)
    raw = fields.Raw()


class CallRingingSchema(EventSchema):
    """Somebody's phone rings: any 2xx acknowledges."""

    class Meta:
        fields = (*_HEAD, *_NUMBERS, "raw")

    event = fields.Constant("call_ringing", required=True, metadata={"type": "string", "enum": ["call_ringing"]})
    raw = fields.Raw()


class CallAnsweredSchema(EventSchema):
    """Somebody picked up: any 2xx acknowledges."""

    class Meta:
        fields = (*_HEAD, *_NUMBERS, "target", "raw")

    event = fields.Constant("call_answered", required=True, metadata={"type": "string", "enum": ["call_answered"]})
    target = _Kept()
    raw = fields.Raw()


class CallEndedSchema(EventSchema):
    """The call is over: any 2xx acknowledges."""

    class Meta:
        fields = (
            *_HEAD, *_NUMBERS, "target", "call_status", "platform_text", "hangup_cause", "ended_by", "duration",
            "ring_duration", "billed_duration", "estimated", "platform_call_time", "platform_call_start", "state", "raw",
        )  # fmt: skip

    event = fields.Constant("call_ended", required=True, metadata={"type": "string", "enum": ["call_ended"]})
    target = _Kept()
    call_status = _known(*CALL_STATUSES)
    platform_text = _Kept()
    hangup_cause = fields.Integer(metadata={"minimum": 0, "maximum": 127})
    ended_by = _known(*ENDED_BY)
    duration = fields.Integer()
    ring_duration = fields.Integer()
    billed_duration = fields.Integer()
    estimated = fields.Boolean()
    platform_call_time = fields.Integer()
    platform_call_start = fields.Integer()
    state = fields.Raw(allow_none=True)
    raw = fields.Raw()


class _RecordingSchema(Schema):
    """A recording: where it can be fetched, relative to the bridge's own address, or why there is none."""

    name = _Kept(required=True)
    size_bytes = fields.Integer()
    ok = fields.Boolean(required=True)
    reason = _Kept()
    url = _Kept()


class RecordingReadySchema(EventSchema):
    """A recording can be fetched, or could not be made: any 2xx acknowledges."""

    class Meta:
        fields = (*_HEAD, *_NUMBERS, "recording", "raw")

    event = fields.Constant("recording_ready", required=True, metadata={"type": "string", "enum": ["recording_ready"]})
    recording = fields.Nested(_RecordingSchema, required=True)
    raw = fields.Raw()


class PlatformAlarmSchema(EventSchema):
    """The phone system says that something went wrong, in its own words: any 2xx acknowledges."""

    class Meta:
        fields = (*_HEAD, *_NUMBERS, "alarm_type", "error", "details", "raw")

    event = fields.Constant("platform_alarm", required=True, metadata={"type": "string", "enum": ["platform_alarm"]})
    call_id = _Kept()
    direction = _known(*DIRECTIONS)
    alarm_type = _Kept(required=True)
    error = _Kept(required=True)
    details = fields.Raw()
    raw = fields.Raw()


class RemoteCallOfferedSchema(EventSchema):
    """A call that only somebody with an RTP endpoint can take: any 2xx acknowledges."""

    class Meta:
        fields = (*_HEAD, *_NUMBERS, "raw")

    event = fields.Constant("remote_call_offered", required=True, metadata={"type": "string", "enum": ["remote_call_offered"]})
    raw = fields.Raw(required=True)


class _ProblemSchema(Schema):
    """One thing wrong with the answer. `field` is "" where it is the whole."""

    field = _Kept(required=True)
    message = _Kept(required=True)


class _RejectedSchema(Schema):
    """Why the answer could not be used, and the action that the caller got instead."""

    reason = _Kept(required=True)
    problems = fields.List(fields.Nested(_ProblemSchema), required=True)
    served = fields.Raw(required=True, metadata={"type": "object"})


class ActionRejectedSchema(EventSchema):
    """You answered a question, and the answer could not be used: any 2xx acknowledges."""

    class Meta:
        fields = (*_HEAD, *_NUMBERS, "rejected")

    event = fields.Constant("action_rejected", required=True, metadata={"type": "string", "enum": ["action_rejected"]})
    rejected = fields.Nested(_RejectedSchema, required=True)


SCHEMAS: dict[str, EventSchema] = {
    "action_requested": ActionRequestedSchema(), "call_ringing": CallRingingSchema(), "call_answered": CallAnsweredSchema(),
    "call_ended": CallEndedSchema(), "recording_ready": RecordingReadySchema(), "platform_alarm": PlatformAlarmSchema(),
    "remote_call_offered": RemoteCallOfferedSchema(), "action_rejected": ActionRejectedSchema(),
}  # fmt: skip


_NAMES = {name: tuple(schema.fields) for name, schema in SCHEMAS.items()}


def dump(event: Event) -> dict[str, Any]:
    """The JSON object of `event`, in the order of its schema.

    Every field but the time stands in an event as it goes out, so marshmallow has nothing to do:
    what it would make of the event is the same (a test says so), and takes three times as long.
    """
    said = {name: value for name in _NAMES[event.event] if (value := getattr(event, name)) is not ABSENT}
    return said | {"occurred_at": moment(event.occurred_at)}
