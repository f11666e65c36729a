"""The bodies of Mediaservice's callbacks, as its document has them, and as far from it as a `Behaviour` says. Pure."""

from __future__ import annotations

import json
from typing import Any

from rpcbridge.pbx.platforms.mediaservice import state
from rpcbridge.pbx.platforms.mediaservice.behaviour import Behaviour
from rpcbridge.pbx.platforms.mediaservice.state import id_of, own, reply_id
from rpcbridge.pbx.progress import Progress

_SERVER = "127.0.0.1"  # ivrServer: "the IP address of the node that sends the callback"
_EXPIRES = 600  # seconds of a SIP session, as in the document's sample

# The document has sessionReferenceId as text in these, and as an object in the others.
_REFERENCE_IS_TEXT = ("callEvent", "callNotify", "getIvrCommand")
# Where its samples have a number for a text, and what may come the other way round.
_NUMBERS = ("callingPartyNumber", "remotePartyNumber", "callingParty", "calledParty", "fromUser", "sipCallId", "sessionDuration", "user", "remoteUser")
_TEXTS = ("sipResponseCode", "fileSize", "callingPartyExpires", "calledPartyExpires")


class Bodies:
    """Writes what a platform of one domain and behaviour posts."""

    def __init__(self, behaviour: Behaviour, domain: str, site: str) -> None:
        self._behaviour = behaviour
        self._domain = {"domain": domain} if domain else {}
        self._site = {"siteId": "siteA", "siteBaseUrl": site} if site else {}

    def new_call(self, call: Progress) -> dict[str, Any]:
        caller = call.caller
        withheld = not caller.caller_number
        number = caller.caller_number or "anonymous"
        named = {"displayName": caller.caller_name} if caller.caller_name else {}
        return self._typed({
            "sessionId": call.call_id, "sipCallId": _sip_call_id(call), "ivrServer": _SERVER,
            "callingPartyPrivacy": "secret" if withheld else "public", "callingParty": number, **named, "fromUser": number,
            "xHeaders": {}, "pHeaders": {}, "copyHeaders": [], "calledParty": caller.called_number, "srcAddr": _SERVER, **self._site,
        })  # fmt: skip

    def call_answered(self, call: Progress) -> dict[str, Any]:
        """The other side of the connection answered. There is no sessionId in it."""
        caller, callee = _sides(call, (state.person(call), state.person_number(call)), (state.other(call), state.other_number(call)))
        return self._typed({
            "callingPartyNumber": caller[1], "remotePartyNumber": callee[1], "callerParticipantId": caller[0],
            "calleeParticipantId": callee[0], "connectionId": state.connection(call), "callingPartyExpires": _EXPIRES,
            "calledPartyExpires": _EXPIRES, "monitoringParticipant": False,
            "replyId": reply_id(call, "callAnswered", own(call).connection), **self._reference(call, "callAnswered"),
            "traceId": id_of(call, "trace"), "httpTransactionId": id_of(call, "answered", own(call).connection), **self._site,
        })  # fmt: skip

    def call_notify(self, call: Progress, *, of_person: bool) -> dict[str, Any]:
        """A participant rings."""
        return self._typed({
            "event": "ringing", "monitoringParticipant": False, **self._participant(call, of_person=of_person),
            "sessionId": call.call_id, **self._reference(call, "callNotify"), "sipCallId": _sip_call_id(call), "ivrServer": _SERVER,
            "traceId": id_of(call, "trace"), **self._site,
        })  # fmt: skip

    def get_ivr_command(self, call: Progress, digits: dict[str, Any]) -> dict[str, Any]:
        """A command is due. Neither the caller's number nor the called one is in it."""
        number = own(call).commands if self._behaviour.reply_ids == "each_command" else 1
        return {
            "sessionId": call.call_id, **self._reference(call, "getIvrCommand"), "ivrServer": _SERVER, **digits,
            "replyId": reply_id(call, "getIvrCommand", number), **self._site,
        }  # fmt: skip

    def call_event(self, call: Progress, event: str, *, of_person: bool, code: int = 0, descr: str = "", reason: str = "") -> dict[str, Any]:
        """Something happened to a participant: what to do with whoever remains, or after a split with this one."""
        why: dict[str, Any] = {"sipResponseCode": code, "errorDescr": descr} if code else {}
        return self._typed({
            "connectionId": state.connection(call), **self._domain, "event": event, "ivrServer": _SERVER,
            **self._participant(call, of_person=of_person), "sessionId": call.call_id, **self._reference(call, "callEvent"), **why,
            **({"sipReason": reason} if reason else {}), **self._site,
        })  # fmt: skip

    def recording_ready(self, call: Progress) -> dict[str, Any]:
        """A recording is in the prompt storage, or will never be."""
        failed = self._behaviour.recording == "failed"
        return self._typed({
            "sessionId": call.call_id, "connectionId": state.connection(call), "recordingFileName": own(call).recording,
            "fileSize": 0 if failed else 4711, "ivrServer": _SERVER, **self._domain,
            "event": "recordingFailed" if failed else "recordingSuccessful", **({"reason": "No callee media received"} if failed else {}),
        })  # fmt: skip

    def session_completed(self, call: Progress) -> dict[str, Any]:
        """The call is over. What sessionDuration and reason are is described as something else."""
        return self._typed({
            "sessionId": call.call_id, **self._domain, "sessionDuration": str(call.seconds), "reason": "completed",
            **self._reference(call, "sessionCompleted"), "ivrServer": _SERVER, "traceId": id_of(call, "trace"),
            "httpTransactionId": id_of(call, "completed"), **self._site,
        })  # fmt: skip

    def alarm(self, call: Progress, type: str, error: str) -> dict[str, Any]:
        """What the platform could not use."""
        return {"type": type, **self._domain, "sessionId": call.call_id, "error": error, "errorDetails": {}}

    def _participant(self, call: Progress, *, of_person: bool) -> dict[str, Any]:
        one, far = (state.person(call), state.person_number(call)), (state.other(call), state.other_number(call))
        (id, user), (remote, remote_user) = (one, far) if of_person else (far, one)
        return {"participantId": id, "user": user, "remoteParticipantId": remote, "remoteUser": remote_user}

    def _reference(self, call: Progress, callback: str) -> dict[str, Any]:
        """The object that was answered last, however this behaviour gives it back; before there is one, nothing."""
        text = own(call).reference
        if not text:
            return {}
        form = self._behaviour.reference
        if form == "documented":
            form = "text" if callback in _REFERENCE_IS_TEXT else "object"
        return {"sessionReferenceId": {"text": text, "object": json.loads(text), "text_twice": json.dumps(text)}[form]}

    def _typed(self, fields: dict[str, Any]) -> dict[str, Any]:
        if self._behaviour.types == "documented":
            return fields
        return {name: _drifted(name, value) for name, value in fields.items()}


def _sides(call: Progress, one: tuple[str, str], far: tuple[str, str]) -> tuple[tuple[str, str], tuple[str, str]]:
    """The calling party and the called one."""
    return (far, one) if own(call).person_called else (one, far)


def _sip_call_id(call: Progress) -> str:
    """Above 2^53, as in the document's sample."""
    return f"54730015{int(id_of(call, 'sip').replace('-', ''), 16) % 10**11:011}"


def _drifted(name: str, value: Any) -> Any:
    """A value as a sample might have it, as far as nothing is lost by that: a number keeps no leading zero."""
    if name in _NUMBERS and isinstance(value, str) and value.isascii() and value.isdigit() and str(int(value)) == value:
        return int(value)
    return str(value) if name in _TEXTS else value
