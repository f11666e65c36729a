"""Voicenter's side: GET_IVR_ACTION, its replies with what the document calls mandatory, and HANGUP_CALL. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rpcbridge.codec import MethodCall, Value
from rpcbridge.errors import Problem, ReplyError, RpcbridgeError
from rpcbridge.pbx.platforms import Answer
from rpcbridge.pbx.progress import Progress
from rpcbridge.platforms.voicenter.reading import action_of
from rpcbridge.platforms.voicenter.replies import load_native
from rpcbridge.platforms.voicenter.tables import NO_MENU

# What the document calls mandatory, and typed clients refuse a reply without.
_MANDATORY = ("STATUS", "ACTION", "LANGUAGE", "DATA")
_MANDATORY_CALL = ("TARGET", "CALLERID", "CALLERNAME", "CALL_MAX_DIAL", "CALL_MAX", "REC_STATUS")

_STATUS = {"": "", "answered": "ANSWER", "busy": "BUSY", "no_answer": "NOANSWER"}


class Voicenter:
    """Voicenter's External IVR."""

    name = "voicenter"

    def question(self, call: Progress) -> MethodCall:
        caller = call.caller
        sent: dict[str, Value] = {
            "DID": caller.called_number, "CALLER_ID": caller.caller_number, "CALLER_NAME": caller.caller_name,
            "IVR_UNIQUE_ID": call.call_id, "DTMF": call.digits, "MENU": _menu(call.menu), "PREVIOUS_MENU": _menu(call.previous_menu),
        }  # fmt: skip
        return MethodCall("GET_IVR_ACTION", (sent,), caller.dialect)

    def answer(self, value: Value) -> Answer:
        reply = _struct(value)
        missing = [Problem(name, "missing, and mandatory") for name in _MANDATORY if name not in reply]
        try:
            native, _ = load_native(reply, "", "he")
        except RpcbridgeError as error:
            raise ReplyError([*missing, *getattr(error, "problems", (Problem("", str(error)),))]) from None
        name, data = native.value["ACTION"], native.value["DATA"]
        if name == "CALL":
            missing += [Problem(f"DATA.{member}", "missing, and mandatory") for member in _MANDATORY_CALL if member not in data]
        if missing:
            raise ReplyError(missing)
        return Answer(name, data, action_of(native))

    def ended(self, call: Progress) -> MethodCall:
        caller = call.caller
        sent: dict[str, Value] = {
            "DID": caller.called_number, "CALLER_ID": caller.caller_number, "IVR_UNIQUE_ID": call.call_id,
            "TARGET": call.target, "CALL_TIME_EPOCH": call.started, "CALL_START_EPOCH": call.started,
            "CALL_DURATION": call.seconds, "CALL_DAILTIME": call.ring_seconds, "CALL_STATUS": _STATUS[call.outcome],
        }  # fmt: skip
        return MethodCall("HANGUP_CALL", (sent,), caller.dialect)

    def acknowledged(self, value: Value) -> tuple[bool, str]:
        status = str(_struct(value).get("STATUS"))
        return status == "0", f"STATUS {status}"


def _menu(menu: str | None) -> str:
    return NO_MENU if menu is None else menu


def _struct(value: Value) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ReplyError([Problem("", "the reply is no struct")])
    return value


EMULATED = Voicenter()
