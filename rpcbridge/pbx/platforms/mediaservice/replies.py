"""The bridge's replies as Mediaservice reads them: everything that it could not use at once, and the alarm it would raise. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rpcbridge.errors import Problem, ReplyError, shown

# The document lost which four belong to which callback; httpcall needs a media endpoint, connect a second participant.
_ACTIONS = ("ivr", "call", "drop")
DROP_CODES = ("busy", "error", "numberNotFound", "numberNotActive", "dropNoMsg", "temporarilyUnavailable")
_SIP = re.compile(r"sips?:[^\s@<>]+@[^\s@<>]+", re.ASCII)
_MOST_DIGITS = 32  # what the phone page collects at once

# The alarms, as the document words them: for an empty body, one that is no JSON object, and an HTTP status that is none.
EMPTY = {
    "newCall": "newCall response empty", "callEvent": "No response to callEvent request",
    "getIvrCommand": "Empty body in getIvrCommand response",
}  # fmt: skip
UNREADABLE = {"newCall": "newCall request failed", "callEvent": "No response to callEvent request", "getIvrCommand": "IVR command failed"}
FAILED = {"newCall": "newCall request failed", "callEvent": "No response to callEvent request", "getIvrCommand": "getIvrCommand request error"}
ALARM = {"newCall": "newCallEventError", "callEvent": "callEventError", "getIvrCommand": "ivrCommandError"}


class Alarming(ReplyError):
    """A reply that the platform raises an alarm about: its type and its error beside the problems."""

    def __init__(self, problems: list[Problem], type: str, error: str) -> None:
        self.type = type
        self.error = error
        super().__init__(problems)


@dataclass(frozen=True, slots=True)
class Command:
    """What the IVR shall do. size 0: no digits are collected. after, first_timeout: seconds, None where they are not said."""

    phrases: tuple[Mapping[str, Any], ...]
    hangup: bool
    size: int
    finish_key: str
    first_timeout: int
    after: int | None
    flush: bool
    shown: Mapping[str, Any]


def json_object(callback: str, body: bytes) -> dict[str, Any]:
    """The reply's object. Raises Alarming."""
    if not body.strip():
        raise Alarming([Problem("", "the reply is empty")], ALARM[callback], EMPTY[callback])
    try:
        reply = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Alarming([Problem("", f"the reply is no JSON: {error}")], ALARM[callback], UNREADABLE[callback]) from None
    if not isinstance(reply, dict):
        raise Alarming([Problem("", f"expected an object, got {shown(reply)}")], ALARM[callback], UNREADABLE[callback])
    return reply


def reference_in(reply: Mapping[str, Any]) -> str:
    """The sessionReferenceId of a reply as JSON, "" for none."""
    given = reply.get("sessionReferenceId")
    return json.dumps(given) if isinstance(given, dict) else ""


def action_in(callback: str, reply: Mapping[str, Any]) -> str:
    """What a reply to newCall or callEvent wants done. Raises Alarming."""
    action = reply.get("action")
    if not action:
        error = "newCall response without action" if callback == "newCall" else "No action provided in callEvent response"
        raise Alarming([Problem("action", "missing, and the platform raises an alarm without it")], ALARM[callback], error)
    if action not in _ACTIONS:
        raise Alarming(
            [Problem("action", f"expected one of {', '.join(_ACTIONS)}, got {shown(action)}")],
            ALARM[callback], f"{callback} response with unknown action",
        )  # fmt: skip
    problems = [*_reference_problems(reply), *(_call_problems(reply) if action == "call" else ())]
    if reply.get("dropCode", "busy") not in DROP_CODES:
        problems.append(Problem("dropCode", f"expected one of {', '.join(DROP_CODES)}, got {shown(reply['dropCode'])}"))
    if problems:
        address = reply.get("destAddr")
        bad = any(problem.path == "destAddr" for problem in problems)
        raise Alarming(problems, "callEventError" if bad else ALARM[callback], f"Invalid sip address: {address}" if bad else FAILED[callback])
    return str(action)


def is_sip(address: object) -> bool:
    """Whether it is a SIP URI with a user part."""
    return isinstance(address, str) and _SIP.fullmatch(address) is not None


def _call_problems(reply: Mapping[str, Any]) -> list[Problem]:
    problems = []
    address = reply.get("destAddr")
    if not is_sip(address):
        problems.append(Problem("destAddr", f"expected a SIP URI, got {shown(address)}"))
    if not _seconds(reply.get("maxRingTime", 1), 1):
        problems.append(Problem("maxRingTime", f"expected seconds, got {shown(reply['maxRingTime'])}"))
    if reply.get("callRecording") is True and not reply.get("recordingFileName"):
        problems.append(Problem("recordingFileName", "missing, and the call shall be recorded"))
    greeting = reply.get("greeting", {})
    for side in ("caller", "callee"):
        played = greeting.get(side, {}) if isinstance(greeting, Mapping) else None
        if not isinstance(played, Mapping):
            problems.append(Problem(f"greeting.{side}", f"expected an object with phrases, got {shown(played)}"))
        else:
            problems += _phrase_problems(played.get("phrases", []), f"greeting.{side}.phrases")
    return problems


def command_in(reply: Mapping[str, Any]) -> Command:
    """What a reply to getIvrCommand wants done. Raises Alarming."""
    phrases = reply.get("phrases", [])
    wrong = _phrase_problems(phrases, "phrases")
    if wrong:
        raise Alarming([*wrong, *_command_problems(reply), *_reference_problems(reply)], "ivrCommandError", "phraseError")
    problems = [*_command_problems(reply), *_reference_problems(reply)]
    dtmf, after = reply.get("dtmf"), reply.get("getIVRCommandAfter")
    if not phrases and not dtmf and after is None and not reply.get("hangup"):
        problems.append(Problem("", "neither phrases nor dtmf nor hangup: nothing would ever happen again"))
    if problems:
        raise Alarming(problems, "ivrCommandError", "IVR command failed")
    dtmf = dtmf or {}
    size = min(int(dtmf.get("maxDigits", _MOST_DIGITS)), _MOST_DIGITS) if "dtmf" in reply else 0
    return Command(
        tuple(phrases), bool(reply.get("hangup")), size, dtmf.get("terminationKey", ""), int(dtmf.get("firstTimeout", 30)),
        None if after is None else round(after), dtmf.get("flush") is True, reply,
    )  # fmt: skip


def _command_problems(reply: Mapping[str, Any]) -> list[Problem]:
    problems = []
    dtmf = reply.get("dtmf", {})
    if not isinstance(dtmf, Mapping):
        return [Problem("dtmf", f"expected an object, got {shown(dtmf)}")]
    if not _whole(dtmf.get("maxDigits", 1), 1):
        problems.append(Problem("dtmf.maxDigits", f"expected at least 1, got {shown(dtmf['maxDigits'])}"))
    for name in ("firstTimeout", "betweenTimeout"):
        if not _seconds(dtmf.get(name, 0), 0):
            problems.append(Problem(f"dtmf.{name}", f"expected seconds, got {shown(dtmf[name])}"))
    key = dtmf.get("terminationKey", "#")
    if not isinstance(key, str) or len(key) != 1 or key not in "0123456789*#":
        problems.append(Problem("dtmf.terminationKey", f"expected one key, got {shown(key)}"))
    if dtmf.get("encryption"):
        problems.append(Problem("dtmf.encryption", "hashed digits are not emulated"))
    for where, value in (("dtmf.flush", dtmf.get("flush", False)), ("hangup", reply.get("hangup", False))):
        if not isinstance(value, bool):
            problems.append(Problem(where, f"expected true or false, got {shown(value)}"))
    if reply.get("bargeIn", "all") not in ("all", "current"):
        problems.append(Problem("bargeIn", f"expected all or current, got {shown(reply['bargeIn'])}"))
    if not _seconds(reply.get("getIVRCommandAfter", 0), 0):
        problems.append(Problem("getIVRCommandAfter", f"expected seconds, got {shown(reply['getIVRCommandAfter'])}"))
    return problems


def _phrase_problems(phrases: object, path: str) -> list[Problem]:
    if not isinstance(phrases, list):
        return [Problem(path, f"expected an array, got {shown(phrases)}")]
    return [problem for at, phrase in enumerate(phrases) for problem in _of_phrase(phrase, f"{path}.{at}")]


def _of_phrase(phrase: object, path: str) -> list[Problem]:
    if not isinstance(phrase, Mapping):
        return [Problem(path, f"expected an object, got {shown(phrase)}")]
    match phrase.get("format"):
        case "file":
            return [] if _text(phrase.get("fileName")) else [Problem(f"{path}.fileName", "missing, and the format is file")]
        case "awstts":
            speech = phrase.get("awsTTSParameters")
            needed = {"region": phrase.get("region")}
            needed |= {f"awsTTSParameters.{name}": speech.get(name) if isinstance(speech, Mapping) else None for name in ("Text", "VoiceId")}
            return [Problem(f"{path}.{name}", "missing, and the format is awstts") for name, value in needed.items() if not _text(value)]
        case format:
            return [Problem(f"{path}.format", f"expected file or awstts, got {shown(format)}")]


def _reference_problems(reply: Mapping[str, Any]) -> list[Problem]:
    given = reply.get("sessionReferenceId")
    return [] if given is None or isinstance(given, dict) else [Problem("sessionReferenceId", f"expected an object, got {shown(given)}")]


def _text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _seconds(value: object, least: int) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= least


def _whole(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least
