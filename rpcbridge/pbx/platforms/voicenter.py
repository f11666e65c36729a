"""Voicenter's side: GET_IVR_ACTION, its replies with what the document calls mandatory, and HANGUP_CALL. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rpcbridge.codec import Fault, Lexical, MethodCall, Value, content_type, decode_reply, encode_call
from rpcbridge.domain.actions import AnyAction
from rpcbridge.errors import CallError, Problem, ReplyError, RpcbridgeError, StepError
from rpcbridge.pbx.asking import Asking, Command, Request, Understood
from rpcbridge.pbx.progress import Progress
from rpcbridge.pbx.reading import Reader
from rpcbridge.pbx.scene import Collect, Dial, End, Scene, Talk, scene_of
from rpcbridge.platforms.voicenter.reading import action_of
from rpcbridge.platforms.voicenter.replies import load_native
from rpcbridge.platforms.voicenter.tables import NO_MENU

# What the document calls mandatory, and typed clients refuse a reply without.
_MANDATORY = ("STATUS", "ACTION", "LANGUAGE", "DATA")
_MANDATORY_CALL = ("TARGET", "CALLERID", "CALLERNAME", "CALL_MAX_DIAL", "CALL_MAX", "REC_STATUS")

_STATUS = {"": "", "answered": "ANSWER", "busy": "BUSY", "no_answer": "NOANSWER"}


class Voicenter:
    """Voicenter's External IVR: one question a scene, one report at the end, nothing in between."""

    name = "voicenter"
    dialects = ("xmlrpc", "json", "jsonrpc")
    repeats = True
    operations = ()

    def read_own(self, given: Reader) -> None:
        return None

    def begun(self, call: Progress) -> Asking[Scene]:
        caller = call.caller
        sent: dict[str, Value] = {
            "DID": caller.called_number, "CALLER_ID": caller.caller_number, "CALLER_NAME": caller.caller_name,
            "IVR_UNIQUE_ID": call.call_id, "DTMF": call.digits, "MENU": _menu(call.menu), "PREVIOUS_MENU": _menu(call.previous_menu),
        }  # fmt: skip
        value = yield from _asked("GET_IVR_ACTION", sent, call, question=True)
        name, data, action = _answer(value)
        yield Understood(name, data)
        return scene_of(action)

    def pressed(self, call: Progress, step: Collect | None) -> Asking[Scene]:
        return self.begun(call)

    def dialled(self, call: Progress, step: Dial) -> Asking[Scene]:
        yield from ()  # it tells nobody, and acts on what it was told before
        if call.outcome == "answered":
            return Scene((Talk(step.target, step.max_duration, step.record),), call.language)
        return Scene((End("disconnected"),) if step.on_failure is None else (step.on_failure,), call.language)

    def talked(self, call: Progress, step: Talk) -> Asking[Scene]:
        raise StepError([Problem("", "a conversation is the last thing of a call")])

    def commanded(self, call: Progress, command: Command) -> Asking[Scene]:
        raise StepError([Problem("", "this phone system has no API to be told anything by")])

    def ended(self, call: Progress) -> Asking[tuple[bool, str]]:
        caller = call.caller
        sent: dict[str, Value] = {
            "DID": caller.called_number, "CALLER_ID": caller.caller_number, "IVR_UNIQUE_ID": call.call_id,
            "TARGET": call.target, "CALL_TIME_EPOCH": call.started, "CALL_START_EPOCH": call.started,
            "CALL_DURATION": call.seconds, "CALL_DAILTIME": call.ring_seconds, "CALL_STATUS": _STATUS[call.outcome],
        }  # fmt: skip
        value = yield from _asked("HANGUP_CALL", sent, call, question=False)
        status = str(_struct(value).get("STATUS"))
        return status == "0", f"STATUS {status}"


def _asked(method: str, sent: dict[str, Value], call: Progress, *, question: bool) -> Asking[Value]:
    """The value of the reply to one request."""
    dialect = call.caller.dialect
    id = Lexical(str(call.turns + 1), "int") if dialect == "jsonrpc" else None  # JSON-RPC's: the how-manieth request it is
    body = encode_call(MethodCall(method, (sent,), dialect, id=id))
    came = yield Request("", body, content_type(dialect), method, sent, question)
    try:
        response = decode_reply(came.body)
    except CallError as error:
        raise ReplyError([Problem("", str(error))]) from None
    if isinstance(response, Fault):
        raise ReplyError([Problem("", f"fault {response.code}: {response.message}")])
    if response.id != id:
        raise ReplyError([Problem("id", f"the request's is {id}, the reply's {response.id}: this answers another request")])
    return response.value


def _answer(value: Value) -> tuple[str, Mapping[str, Any], AnyAction]:
    """The ACTION and the DATA of a reply, and what they mean. Raises ReplyError."""
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
    return name, data, action_of(native)


def _menu(menu: str | None) -> str:
    return NO_MENU if menu is None else menu


def _struct(value: Value) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ReplyError([Problem("", "the reply is no struct")])
    return value


EMULATED = Voicenter()
