"""The backend's answer <-> an action. Reads generously, names every problem at once, never guesses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, is_dataclass
from dataclasses import fields as dataclass_fields
from typing import Any

from marshmallow import Schema, ValidationError, fields

from rpcbridge.domain.actions import ACTIONS, AnyAction, Hangup, Menu, Prompt
from rpcbridge.domain.events import ABSENT
from rpcbridge.errors import AnswerRejected, Problem, Repair, nearest, shown
from rpcbridge.schemas.fields import AnswerSchema, Flag, OneOf, PromptField, Text, Texts, Whole, carried, problems_of
from rpcbridge.schemas.repairs import repairs_between

DAY = 86_400  # the longest duration, in seconds
MOST_DIAL_STRINGS = 100
HAS_DIGIT = r"[^0-9]*[0-9][\s\S]*"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a backend said: the action, the new `state` (ABSENT keeps the old one), and what was repaired."""

    action: AnyAction
    state: object = ABSENT
    repairs: tuple[Repair, ...] = ()


class _Fields(AnswerSchema):
    """A row of the contract. Where a field may be left out, an empty text counts as left out too."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._may_be_empty = {name for name, field in self.fields.items() if field.required} | {"caller_number", "caller_name"}

    def given(self, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """`data` without what is left out."""
        said = super().given(data)
        if "" not in said.values():
            return said
        return {key: value for key, value in said.items() if value != "" or key in self._may_be_empty}


class _MenuFields(_Fields):
    menu = Text(required=True)
    prompt = PromptField(required=True)
    loops = Whole(1, 99)
    loop_delay = Whole(0, 600)
    max_digits = Whole(0, 32)
    validate_digits = Flag()
    finish_key = Text("[0-9*#]", "one of 0-9, * and #")
    digit_timeout = Whole(1, DAY)


class _Common(Schema):
    action = fields.String(required=True)
    language = Text("[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", 'a BCP 47 language such as "he"')
    state = fields.Raw()


class MenuSchema(_MenuFields, _Common):
    """menu"""


class SayDigitsSchema(_MenuFields, _Common):
    """say_digits"""

    digits = Text(HAS_DIGIT, "a text with at least one digit", required=True)
    intro_prompt = PromptField()


class CallSchema(_Fields, _Common):
    """call"""

    target = Text(required=True)
    caller_number = Text(empty=True)
    caller_name = Text(empty=True)
    ring_timeout = Whole(1, DAY)
    max_duration = Whole(1, DAY)
    record = Flag()
    caller_prompt = PromptField()
    target_prompt = PromptField()
    hold_music = Text()
    send_digits = Text()
    dial_strings = Texts(MOST_DIAL_STRINGS)
    on_failure = fields.Nested(_MenuFields)
    after_call = OneOf("hangup", "ask")


class HangupSchema(_Fields, _Common):
    """hangup"""

    prompt = PromptField()
    cause = Whole(0, 127)


class GoToLayerSchema(_Fields, _Common):
    """go_to_layer"""

    layer = Whole(0, 2**31 - 1, required=True)
    prompt = PromptField(required=True)
    loops = Whole(1, 99)
    loop_delay = Whole(0, 600)


class RecordSchema(_Fields, _Common):
    """record"""

    prompt = PromptField()
    max_duration = Whole(1, DAY)


MENU_FIELDS = _MenuFields()
SCHEMAS: dict[str, AnswerSchema] = {
    "menu": MenuSchema(),
    "say_digits": SayDigitsSchema(),
    "call": CallSchema(),
    "hangup": HangupSchema(),
    "go_to_layer": GoToLayerSchema(),
    "record": RecordSchema(),
}

HANG_UP = Hangup()


def load(answer: object) -> Answer:
    """The action in a backend's JSON answer. Raises AnswerRejected with every problem, each at its path."""
    if type(answer) is not dict and not isinstance(answer, Mapping):
        raise AnswerRejected([Problem("", f"expected an object with an action, got {shown(answer)}")])
    name = answer.get("action")
    kind = name.strip().lower() if isinstance(name, str) else ""
    schema = SCHEMAS.get(kind)
    if schema is None:
        raise AnswerRejected([_no_action(answer, kind)], "unknown_action")
    try:
        read: dict[str, Any] = schema.load(answer)
    except ValidationError as error:
        raise AnswerRejected(problems_of(error)) from None
    read["action"] = kind
    if "language" in read:
        read["language"] = _normal_language(read["language"])
    return Answer(_action(kind, read), answer.get("state", ABSENT), repairs_between(answer, read) + _left_out(answer, read))


def dump(action: AnyAction) -> dict[str, Any]:
    """The JSON object of `action` with its defaults filled in: `load` reads the same action out of it, without a repair."""
    return {"action": action.action, **_said(action)}


def _said(value: Any) -> Any:
    """What `value` says: a prompt's name as it is, an object without what it leaves out, a list."""
    if isinstance(value, Prompt) and value.name is not None:
        return value.name
    if is_dataclass(value):
        given = {field.name: getattr(value, field.name) for field in dataclass_fields(value)}
        return {name: _said(inner) for name, inner in given.items() if inner is not None and inner != ()}
    return list(value) if isinstance(value, tuple) else value


def _action(kind: str, read: Mapping[str, Any]) -> AnyAction:
    values = {name: value for name, value in read.items() if name not in ("action", "state")}
    if "on_failure" in values:
        values["on_failure"] = Menu(**values["on_failure"])
    if "dial_strings" in values:
        values["dial_strings"] = tuple(values["dial_strings"])
    return ACTIONS[kind](**values)


def _left_out(answer: Mapping[str, Any], read: Mapping[str, Any], path: str = "") -> tuple[Repair, ...]:
    """Empty texts that were taken for nothing."""
    found = [Repair("empty", f"{path}{name}", "taken as left out") for name, value in answer.items() if name not in read and isinstance(value, str) and carried(value) == ""]
    nested = read.get("on_failure")
    if isinstance(nested, Mapping):
        found += _left_out(answer["on_failure"], nested, "on_failure.")
    return tuple(found)


def _no_action(answer: Mapping[str, Any], kind: str) -> Problem:
    if "action" not in answer:
        return Problem("action", f"missing, and required: one of {', '.join(ACTIONS)}")
    return Problem("action", f"unknown action {shown(answer['action'])}, {nearest(kind, list(ACTIONS))}")


def _normal_language(tag: str) -> str:
    """`HE` and `he-il` as `he` and `he-IL`: BCP 47's recommended case."""
    language, *rest = tag.split("-")
    return "-".join([language.lower(), *(part.upper() if len(part) == 2 else part for part in rest)])
