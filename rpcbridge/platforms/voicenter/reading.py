"""A reply in Voicenter's words, read as the contract's action: the way back from replies.py. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rpcbridge.domain.actions import AnyAction, Call, GoToLayer, Hangup, Menu, Prompt, Record, SayDigits
from rpcbridge.platforms import Native
from rpcbridge.platforms.voicenter.wire import ACTION_REQUEST, HANGUP_REQUEST

# The contract's event fields and the members they come from.
FIELDS: Mapping[str, str] = {
    name: str(field.data_key) for schema in (HANGUP_REQUEST, ACTION_REQUEST) for name, field in schema.fields.items()
}

_MENU = {
    "REC": "prompt", "LOOP": "loops", "DELAY": "loop_delay", "SIZE": "max_digits", "MENU": "menu", "VALIDATION": "validate_digits",
}  # fmt: skip
_NEXT_MENU = {
    "NEXT_MENU": "menu", "NEXT_MENU_RECORD": "prompt", "NEXT_MENU_LOOP": "loops", "NEXT_MENU_SIZE": "max_digits",
    "NEXT_MENU_WAIT": "loop_delay",
}  # fmt: skip
_CALL = {
    "TARGET": "target", "CALLERID": "caller_number", "CALLERNAME": "caller_name", "CALLER_REC": "caller_prompt",
    "MOH_CLASS": "hold_music", "TARGET_REC": "target_prompt", "CALL_MAX_DIAL": "ring_timeout", "CALL_MAX": "max_duration",
    "REC_STATUS": "record", "DTMF_PLAY": "send_digits", "DIALSTRINGS": "dial_strings",
}  # fmt: skip

# DATA's members and the action's fields they say, by the contract's action.
REPLY_FIELDS: Mapping[str, Mapping[str, str]] = {
    "menu": _MENU,
    "say_digits": _MENU | {"SAYDIGITSRECORD": "intro_prompt", "DIGITS": "digits"},
    "call": _CALL | {member: f"on_failure.{name}" for member, name in _NEXT_MENU.items()},
    "hangup": {"HANGUP_REC": "prompt", "HANGUP_CAUSE": "cause"},
    "go_to_layer": {"LAYER": "layer", "RECORD": "prompt", "LOOP": "loops", "DELAY": "loop_delay"},
    "record": {"REC": "prompt", "MAXDURATION": "max_duration"},
}
_KINDS: Mapping[str, type[AnyAction]] = {
    "MENU": Menu, "SAYDIGITS": SayDigits, "CALL": Call, "HANGUP": Hangup, "VO": GoToLayer, "SILENTRECORD": Record,
}  # fmt: skip
_PROMPTS = {"prompt", "intro_prompt", "caller_prompt", "target_prompt"}
_FLAGS = {"validate_digits", "record"}


def action_of(native: Native) -> AnyAction:
    """What a reply means, an empty text taken as left out where the contract has a default."""
    kind, data = _KINDS[native.value["ACTION"]], native.value["DATA"]
    values = _values(data, {member: name for member, name in REPLY_FIELDS[kind.action].items() if "." not in name})
    if data.get("NEXT_MENU"):  # empty or absent: the caller is disconnected
        nothing = {"prompt": Prompt(name="")}
        values["on_failure"] = Menu(**nothing | _values(data, _NEXT_MENU))
    return kind(language=native.value["LANGUAGE"], **values)


def _values(data: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {name: _value(name, data[member]) for member, name in names.items() if _said(name, data.get(member))}


def _said(name: str, value: Any) -> bool:
    return value is not None and (value not in ("", []) or name in ("menu", "caller_number", "caller_name", "prompt"))


def _value(name: str, value: Any) -> Any:
    if name in _PROMPTS:
        return Prompt(name=value)
    return bool(value) if name in _FLAGS else tuple(value) if name == "dial_strings" else value
