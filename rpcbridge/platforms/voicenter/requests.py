"""GET_IVR_ACTION and HANGUP_CALL -> events. Pure: id and time come with the receipt."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError

from rpcbridge.codec import MethodCall
from rpcbridge.domain.events import ABSENT, ActionRequested, CallEnded
from rpcbridge.errors import Problem, Repair, shown
from rpcbridge.platforms import Receipt, UnusableCall
from rpcbridge.platforms.voicenter.tables import CALL_STATUS, NO_MENU
from rpcbridge.platforms.voicenter.wire import ACTION_REQUEST, HANGUP_REQUEST
from rpcbridge.schemas.fields import problems_of

Repairs = tuple[Repair, ...]


def data_of(call: MethodCall) -> Mapping[str, Any] | None:
    """The call's one struct; None where there is none. PHP writes an empty map as an empty array."""
    if len(call.params) != 1:
        return None
    data = call.params[0]
    if data == []:
        return {}
    return data if isinstance(data, dict) else None


def text_of(call: MethodCall, name: str) -> str | None:
    """One member of the call's struct without outer blanks, None where there is no such text."""
    value = (data_of(call) or {}).get(name)
    return value.strip() if isinstance(value, str) else None


def fingerprint(call: MethodCall) -> str:
    """What two reports of one hang-up have in common: the call's id and all else they say. "" where they name no call.

    Python's and Java's XML-RPC clients silently send a report again when the connection broke.
    """
    data = data_of(call) or {}
    sent = data.get("IVR_UNIQUE_ID")
    call_id = "".join(sent.split()) if isinstance(sent, str) else ""
    said = json.dumps({**data, "IVR_UNIQUE_ID": call_id}, sort_keys=True)
    return hashlib.sha256(f"voicenter {call.method} {said}".encode()).hexdigest() if call_id else ""


def action_requested(call: MethodCall, receipt: Receipt) -> tuple[ActionRequested, Repairs]:
    """A caller waits. A field that cannot be read is left out and counted, if the question is the same without it.

    Raises UnusableCall where it is not.
    """
    data = _struct(call)
    repairs: list[Repair] = _struct_repairs(call)
    read, problems = _readable(ACTION_REQUEST, data, repairs)
    if any(problem.path in ("DATA.MENU", "DATA.DTMF") for problem in problems):
        raise UnusableCall(problems)
    about = _about_call(read, data, receipt, repairs)
    for name in ("menu", "previous_menu"):
        if read.get(name) == NO_MENU:
            read[name] = None
    begins = read.get("menu") is None
    reason = "call_started" if begins else "input" if read.get("digits") else "no_input"
    return ActionRequested(**read, **about, reason=reason), tuple(repairs)


def call_ended(call: MethodCall, receipt: Receipt) -> tuple[CallEnded, Repairs]:
    """The call is over. A field that cannot be read is left out and counted: the event must not be lost for it.

    Raises UnusableCall only where the call carries no struct.
    """
    data = _struct(call)
    repairs: list[Repair] = _struct_repairs(call)
    wanted = data
    if "CALL_DIALTIME" in data:  # the right spelling, should the vendor ever take to it
        wanted = {"CALL_DAILTIME": data["CALL_DIALTIME"], **data}
        repairs.append(Repair("spelling", "DATA.CALL_DIALTIME", "read as CALL_DAILTIME"))
    read, _ = _readable(HANGUP_REQUEST, wanted, repairs)
    about = _about_call(read, data, receipt, repairs)
    status, text = _call_status(read.pop("call_status", ""))
    return CallEnded(**read, **about, call_status=status, platform_text=text), tuple(repairs)


def _about_call(read: dict[str, Any], data: Mapping[str, Any], receipt: Receipt, repairs: list[Repair]) -> dict[str, Any]:
    """What every event of a call says beside its own fields; takes the platform's id out of `read`."""
    return {
        "event_id": receipt.event_id,
        "occurred_at": receipt.occurred_at,
        "platform": "voicenter",
        "call_id": _call_id(read.pop("call_id", ""), data, receipt, repairs),
        "direction": "inbound",
        "raw": data if receipt.include_raw else ABSENT,
    }


def _struct(call: MethodCall) -> Mapping[str, Any]:
    data = data_of(call)
    if data is None:
        came = shown(call.params[0]) if len(call.params) == 1 else f"{len(call.params)} parameters"
        raise UnusableCall((Problem("DATA", f"expected one struct, got {came}"),))
    return data


def _struct_repairs(call: MethodCall) -> list[Repair]:
    return [Repair("empty_map", "DATA", "an empty array read as an empty struct")] if call.params == ([],) else []


def _readable(
    schema: Schema, data: Mapping[str, Any], repairs: list[Repair]
) -> tuple[dict[str, Any], tuple[Problem, ...]]:
    """What of `data` the schema can read, and the problems with the rest; both problems and changes join `repairs`."""
    problems: tuple[Problem, ...] = ()
    try:
        read: dict[str, Any] = schema.load(data)
    except ValidationError as error:
        problems = problems_of(error, "DATA")
        read = dict(error.valid_data)  # type: ignore[arg-type]  # one object in, one object out
    repairs += [Repair("unreadable", problem.path, problem.message) for problem in problems]
    for name, value in read.items():
        wire = str(schema.fields[name].data_key)
        if str(data[wire]) != str(value) and wire != "IVR_UNIQUE_ID":
            kind = "blanks" if isinstance(value, str) else "type"
            repairs.append(Repair(kind, f"DATA.{wire}", "blanks removed" if isinstance(value, str) else "read as an integer"))
    return read, problems


def _call_id(sent: str, data: Mapping[str, Any], receipt: Receipt, repairs: list[Repair]) -> str:
    # The vendor's own sample breaks the line inside the id, and HANGUP_CALL carries the same id whole.
    call_id = "".join(sent.split())
    if not call_id:
        repairs.append(Repair("no_call_id", "DATA.IVR_UNIQUE_ID", "made one for this request"))
        return f"rb-{receipt.event_id}"
    if call_id != data.get("IVR_UNIQUE_ID"):
        repairs.append(Repair("blanks", "DATA.IVR_UNIQUE_ID", "white space removed"))
    return call_id


def _call_status(text: str) -> tuple[Any, Any]:
    """The contract's word and, where that is `unknown`, the platform's; absent where nothing was dialled."""
    if not text:
        return ABSENT, ABSENT
    status = CALL_STATUS.get(text.upper())
    return ("unknown", text) if status is None else (status, ABSENT)
