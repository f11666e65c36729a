"""A backend's answer in Mediaservice's own words -> the object that is sent, or every problem with it at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from marshmallow import ValidationError

from rpcbridge.errors import AnswerRejected, Problem, Repair, nearest, shown
from rpcbridge.platforms.mediaservice.wire.answers import REPLIES, is_other_phrase, text_of
from rpcbridge.platforms.mediaservice.wire.words import ACTIONS, CALL_EVENT_ACTIONS
from rpcbridge.schemas.fields import problems_of
from rpcbridge.schemas.repairs import repairs_between

__all__ = ["MEDIA", "REPLIES", "is_media", "load_native"]

# What stands in an answer of the media level alone. `sessionId` and `replyId` do too, but say nothing by themselves.
MEDIA = ("phrases", "dtmf", "hangup", "backgroundPrompt", "bargeIn", "recordedCallback", "getIVRCommandAfter")


def is_media(answer: Mapping[str, Any]) -> bool:
    """Whether an answer is of the media level: to be served at getIvrCommand, after an `action` "ivr" where a call begins."""
    return any(answer.get(name) is not None for name in MEDIA)


def load_native(answer: object, path: str, callback: str = "") -> tuple[dict[str, Any], tuple[Repair, ...]]:
    """An answer of either level by the platform's names, and what was put right. `is_media` tells the level of what it returns.

    Either may answer any callback: phrases at newCall are played once the call is in the IVR, an
    action at getIvrCommand takes it out. `action` "ivr" beside phrases means the phrases. `callback`
    "newCall" refuses what callEvent alone may be answered. Raises AnswerRejected with every problem.
    """
    here = f"{path}." if path else ""
    if not isinstance(answer, Mapping):
        raise AnswerRejected([Problem(path, f"expected an object, got {shown(answer)}")])
    said, repairs, problems = dict(answer), list[Repair](), list[Problem]()
    actions = ACTIONS if callback == "newCall" else CALL_EVENT_ACTIONS
    action = text_of(said.get("action")).lower()
    media = is_media(said)
    if not media and said.get("action") is None:
        hint = f"expected an `action` ({', '.join(actions)}), or at least one of {', '.join(MEDIA)}"
        problems.append(Problem(path, hint))
        said["action"] = "ivr"  # so that only what else is wrong will be told of it
    if media and said.get("action") is not None:
        if action == "ivr":
            repairs.append(Repair("dropped", f"{here}action", "ivr is meant by what is played"))
        else:
            both = ", ".join(name for name in MEDIA if said.get(name) is not None)
            problems.append(Problem(f"{here}action", f"cannot stand beside {both}: an action is done, or something is played"))
        del said["action"]
    schema = REPLIES["getIvrCommand" if media else "newCall" if callback == "newCall" else "callEvent"]
    try:
        read: dict[str, Any] = schema.dump(schema.load(said))
    except ValidationError as error:
        problems += problems_of(error, path)
        read = {}
    unknown = not media and bool(action) and action not in [word.lower() for word in actions]
    if unknown:
        where = f"{here}action"
        problems = [problem for problem in problems if problem.path != where]
        problems.insert(0, Problem(where, f"unknown action {shown(said['action'])}, {nearest(action, actions)}"))
    if problems:
        raise AnswerRejected(problems, "unknown_action" if unknown else "invalid_answer")
    return read, (*repairs, *repairs_between(said, read, path), *_unverified(read, path))


def _unverified(answer: Mapping[str, Any], path: str) -> Iterator[Repair]:
    """Phrases that are passed on as they are, since nothing is known of their format."""
    greeting = answer.get("greeting") or {}
    lists = [("phrases", answer.get("phrases"))]
    lists += [(f"greeting.{side}.phrases", (greeting.get(side) or {}).get("phrases")) for side in ("caller", "callee")]
    for name, phrases in lists:
        for place, phrase in enumerate(phrases or []):
            if is_other_phrase(phrase):
                where = f"{path}.{name}.{place}.format" if path else f"{name}.{place}.format"
                yield Repair("unverified", where, f"nothing is known of {shown(phrase['format'])}: passed on as it is")
