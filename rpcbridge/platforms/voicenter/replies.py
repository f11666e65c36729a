"""Actions -> the struct that answers GET_IVR_ACTION, members in the order of the document's tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError

from rpcbridge.domain.actions import (
    AnyAction,
    Call,
    GoToLayer,
    Hangup,
    Menu,
    Prompt,
    Record,
    SayDigits,
    looked_up,
)
from rpcbridge.errors import AnswerRejected, Problem, Repair, nearest, shown
from rpcbridge.platforms import Native, Options
from rpcbridge.platforms.findings import Findings
from rpcbridge.platforms.voicenter.tables import LANGUAGES
from rpcbridge.platforms.voicenter.wire import DATA, REPLY
from rpcbridge.schemas.fields import AnswerSchema, problems_of
from rpcbridge.schemas.repairs import repairs_between

Members = dict[str, Any]


class Replies:
    """Writes actions in Voicenter's words; knows the configured language, silent prompt and catalogue."""

    def __init__(self, language: str, silent_prompt: str, options: Options) -> None:
        self._language = language
        self._silent = silent_prompt
        self._options = options

    def written(self, action: AnyAction, called_number: str | None) -> tuple[str, str, Members, tuple[Repair, ...]]:
        """ACTION, language, DATA and what was dropped. Raises AnswerRejected."""
        findings = Findings()
        language = self._spoken(action.language, findings)
        name, data = self._data(action, called_number, findings)
        return name, language, data, findings.judged(self._options.strict)

    def _data(self, action: AnyAction, called_number: str | None, findings: Findings) -> tuple[str, Members]:
        match action:
            case SayDigits():
                intro = self._recording(action.intro_prompt, "intro_prompt", findings) or self._silent
                return "SAYDIGITS", self._menu(action, findings) | {"SAYDIGITSRECORD": intro, "DIGITS": action.digits}
            case Menu():
                return "MENU", self._menu(action, findings)
            case Call():
                return "CALL", self._call(action, called_number, findings)
            case Hangup():
                recording = self._recording(action.prompt, "prompt", findings)
                return "HANGUP", _given(HANGUP_REC=recording, HANGUP_CAUSE=action.cause)
            case GoToLayer():
                recording = self._recording(action.prompt, "prompt", findings)
                layer, loop, delay = action.layer, action.loops, action.loop_delay
                return "VO", {"LAYER": layer, "RECORD": recording, "LOOP": loop, "DELAY": delay}
            case Record():
                recording = self._recording(action.prompt, "prompt", findings)
                return "SILENTRECORD", _given(REC=recording, MAXDURATION=action.max_duration)

    def _menu(self, menu: Menu, findings: Findings) -> Members:
        _dropped(menu, "", ("finish_key", "digit_timeout"), findings)
        return {
            "REC": self._recording(menu.prompt, "prompt", findings),
            "LOOP": menu.loops,
            "DELAY": menu.loop_delay,
            "SIZE": menu.max_digits,
            "MENU": menu.menu,
            "VALIDATION": int(menu.validate_digits),
        }

    def _call(self, call: Call, called_number: str | None, findings: Findings) -> Members:
        if call.after_call == "ask":
            hint = "cannot ask after a call: leave after_call out, or use on_failure for a call that fails"
            findings.refuse("after_call", f"voicenter {hint}")
        caller = call.caller_number if call.caller_number is not None else called_number or ""
        return _given(
            TARGET=call.target,
            CALLERID=caller,
            CALLERNAME=call.caller_name,
            CALLER_REC=self._recording(call.caller_prompt, "caller_prompt", findings),
            MOH_CLASS=call.hold_music,
            TARGET_REC=self._recording(call.target_prompt, "target_prompt", findings),
            CALL_MAX_DIAL=call.ring_timeout,
            CALL_MAX=call.max_duration,
            **self._next_menu(call.on_failure, findings),
            REC_STATUS=int(call.record),
            DTMF_PLAY=call.send_digits,
            DIALSTRINGS=list(call.dial_strings) or None,
        )

    def _next_menu(self, menu: Menu | None, findings: Findings) -> Members:
        if menu is None:
            return {}
        _dropped(menu, "on_failure.", ("validate_digits", "finish_key", "digit_timeout"), findings)
        return {
            "NEXT_MENU": menu.menu,
            "NEXT_MENU_RECORD": self._recording(menu.prompt, "on_failure.prompt", findings),
            "NEXT_MENU_LOOP": menu.loops,
            "NEXT_MENU_SIZE": menu.max_digits,
            "NEXT_MENU_WAIT": menu.loop_delay,
        }

    def _recording(self, prompt: Prompt | None, path: str, findings: Findings) -> str | None:
        """The recording's name on Voicenter; text and URLs it cannot play."""
        if prompt is None:
            return None
        found = looked_up(prompt, self._options.catalogue, "voicenter")
        recording = found.name or found.file
        if recording is None:
            kind = "text" if found.text is not None else "url"
            hint = "record it, and give the recording's name (or name it in [prompts])"
            findings.refuse(f"{path}.{kind}", f"voicenter cannot play a {kind}: {hint}")
        return recording

    def _spoken(self, language: str | None, findings: Findings) -> str:
        if language is None:
            return self._language
        spoken = language.split("-")[0].lower()
        if spoken in LANGUAGES:
            return spoken
        known = " and ".join(LANGUAGES)
        findings.lose("language", f"voicenter speaks {known}, not {language}: {self._language} instead")
        return self._language


def load_native(answer: object, path: str, language: str) -> tuple[Native, tuple[Repair, ...]]:
    """A reply in Voicenter's own shape, as {ACTION, LANGUAGE, DATA}. Raises AnswerRejected with every problem."""
    here = f"{path}." if path else ""
    problems: list[Problem] = []
    given = answer if isinstance(answer, Mapping) else {}
    read = _read(REPLY, answer, path, problems)
    name, spoken = read.get("ACTION", "").upper(), read.get("LANGUAGE", language).lower()
    schema = DATA.get(name)
    if read.get("STATUS", 0) != 0:
        problems.append(Problem(f"{here}STATUS", f"{read['STATUS']} says that there is no answer; 0 is the only usable one"))
    if name and schema is None:
        problems.append(Problem(f"{here}ACTION", f"unknown action {shown(read['ACTION'])}, {nearest(name, list(DATA))}"))
    if spoken not in LANGUAGES:
        problems.append(Problem(f"{here}LANGUAGE", f"expected {' or '.join(LANGUAGES)}, got {shown(read['LANGUAGE'])}"))
    data = _read(schema, _empty_map(given.get("DATA")), f"{here}DATA", problems) if schema else {}
    if problems:
        raise AnswerRejected(problems, "unknown_action" if name and schema is None else "invalid_answer")
    understood = read | {"ACTION": name, "LANGUAGE": spoken, "DATA": data}
    filled = [Repair("filled", f"{here}{member}", "left out") for member in _REPLY_MEMBERS if given.get(member) is None]
    return Native(understood), (*repairs_between(given, understood, path), *filled)


def _read(schema: AnswerSchema, given: Any, path: str, problems: list[Problem]) -> dict[str, Any]:
    """What the schema can read of `given`; what it cannot joins `problems`."""
    try:
        read: dict[str, Any] = schema.load(given)
        return read
    except ValidationError as error:
        problems += problems_of(error, path)
        return dict(error.valid_data) if isinstance(error.valid_data, dict) else {}


def native_data(native: Native, called_number: str | None) -> tuple[str, str, Members, tuple[Repair, ...]]:
    """ACTION, language and DATA of a native answer in the table's order; a CALL's mandatory fields filled in."""
    name, data = native.value["ACTION"], native.value["DATA"]
    missing: Members = {}
    if name == "CALL":
        defaults = _CALL_DEFAULTS | {"CALLERID": called_number or ""}
        missing = {member: value for member, value in defaults.items() if member not in data}
    full = missing | data
    ordered = {member: full[member] for member in DATA[name].fields if member in full}
    filled = tuple(Repair("filled", f"DATA.{member}", shown(value)) for member, value in missing.items())
    return name, native.value["LANGUAGE"], ordered, filled


_REPLY_MEMBERS = ("STATUS", "LANGUAGE", "DATA")
_CALL_DEFAULTS: Members = {
    "CALLERNAME": "",
    "CALL_MAX_DIAL": Call.__dataclass_fields__["ring_timeout"].default,
    "CALL_MAX": Call.__dataclass_fields__["max_duration"].default,
    "REC_STATUS": 0,
}


def _empty_map(data: object) -> Any:
    return {} if data == [] or data is None else data


def _given(**members: Any) -> Members:
    return {name: value for name, value in members.items() if value is not None}


def _dropped(menu: Menu, path: str, names: tuple[str, ...], findings: Findings) -> None:
    for name in names:
        if getattr(menu, name) not in (None, False):
            findings.lose(f"{path}{name}", "voicenter has no such field here")
