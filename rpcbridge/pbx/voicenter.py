"""A Voicenter that places one call: asks, plays, collects digits, dials, and reports the end of the call.

Time is virtual: nothing is waited for, the durations that HANGUP_CALL reports are reckoned.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from rpcbridge.codec import Fault, Lexical, MethodCall, content_type, decode_reply, encode_call
from rpcbridge.domain.causes import definition
from rpcbridge.errors import CallError, Problem, ReplyError, RpcbridgeError
from rpcbridge.platforms.voicenter.replies import load_native
from rpcbridge.transport import HttpRequest, Transport

MAX_TURNS = 50  # no caller listens longer; a script that never ends must

OUTCOMES = {"answer": "ANSWER", "busy": "BUSY", "noanswer": "NOANSWER"}

# Seconds the emulated world takes: a prompt to play, a target to pick up, a conversation.
_PROMPT, _PICK_UP, _TALK = 2, 6, 60

# What the document calls mandatory, and typed clients refuse a reply without.
_MANDATORY = ("STATUS", "ACTION", "LANGUAGE", "DATA")
_MANDATORY_CALL = ("TARGET", "CALLERID", "CALLERNAME", "CALL_MAX_DIAL", "CALL_MAX", "REC_STATUS")


@dataclass(frozen=True, slots=True)
class Script:
    """What the caller does: keys for each prompt that collects digits ("" stays silent), then hangs up."""

    presses: tuple[str, ...] = ()
    called_number: str = "0730000000"
    caller_number: str = "0540000000"
    caller_name: str = "Example Caller"
    dialect: str = "xmlrpc"
    outcome: str = "answer"
    call_id: str = field(default_factory=lambda: secrets.token_hex(16))


@dataclass(frozen=True, slots=True)
class Turn:
    """One exchange: what was sent, what came back, what the caller heard and did, milliseconds it took."""

    method: str
    sent: Mapping[str, Any]
    action: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    heard: tuple[str, ...] = ()
    milliseconds: int = 0
    usable: bool = True  # False: HANGUP_CALL was not acknowledged


class Voicenter:
    """Places calls against one bridge URL, such as http://127.0.0.1:8080/voicenter."""

    def __init__(self, url: str, transport: Transport, *, patience: float = 10.0) -> None:
        self._url = url
        self._transport = transport
        self._patience = patience

    def place(self, script: Script) -> Iterator[Turn]:
        """The call, turn by turn, HANGUP_CALL last. Raises TransportError, or ReplyError for an unusable reply."""
        call = _Call(script)
        while not call.over and call.turns < MAX_TURNS:
            yield self._turn(call)
        sent = call.ended()
        reply, milliseconds = self._post("HANGUP_CALL", sent, script.dialect)
        status = str(reply.get("STATUS"))
        acknowledged = status == "0"
        heard = f"is {'' if acknowledged else 'NOT '}acknowledged (STATUS {status})"
        yield Turn("HANGUP_CALL", sent, heard=(heard,), milliseconds=milliseconds, usable=acknowledged)

    def _turn(self, call: _Call) -> Turn:
        sent = call.question()
        reply, milliseconds = self._post("GET_IVR_ACTION", sent, call.script.dialect)
        action, language, data = _usable(reply)
        heard = tuple(call.hear(action, language, data))
        return Turn("GET_IVR_ACTION", sent, action, data, heard, milliseconds)

    def _post(self, method: str, sent: Mapping[str, Any], dialect: str) -> tuple[Mapping[str, Any], int]:
        id = Lexical(str(secrets.randbelow(2**31)), "int") if dialect == "jsonrpc" else None
        call = MethodCall(method, (dict(sent),), dialect, id=id)
        request = HttpRequest(self._url, (("Content-Type", content_type(call.dialect)),), encode_call(call))
        started = time.monotonic()
        reply = self._transport.send(request, self._patience)
        milliseconds = round((time.monotonic() - started) * 1000)
        if reply.status != 200:
            said = f"HTTP {reply.status}: {reply.body[:80].decode(errors='replace').strip()}"
            hint = {403: "the secret in the path or the credentials are wrong, or this address is not listed", 404: "the path is /voicenter[/<secret>]"}
            raise ReplyError([Problem("", f"{said} ({hint[reply.status]})" if reply.status in hint else said)])
        try:
            response = decode_reply(reply.body)
        except CallError as error:
            raise ReplyError([Problem("", str(error))]) from None
        if isinstance(response, Fault):
            raise ReplyError([Problem("", f"fault {response.code}: {response.message}")])
        if response.id != call.id:
            raise ReplyError([Problem("id", f"the request's is {call.id}, the reply's {response.id}: this answers another request")])
        if not isinstance(response.value, dict):
            raise ReplyError([Problem("", "the reply is no struct")])
        return response.value, milliseconds


def _usable(reply: Mapping[str, Any]) -> tuple[str, str, Mapping[str, Any]]:
    """ACTION, LANGUAGE and DATA. Raises ReplyError with everything that Voicenter could not use."""
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
    return name, native.value["LANGUAGE"], data


class _Call:
    """The state of one call: menus, keys left to press, the virtual clock, how it ended."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.over = False
        self.turns = 0
        self._presses = list(script.presses)
        self._menu = self._previous = "-1"
        self._digits = ""
        self._seconds = 0
        self._ring_seconds = 0
        self._target = self._status = ""
        self._started = int(time.time())

    def question(self) -> dict[str, Any]:
        """GET_IVR_ACTION's DATA."""
        self.turns += 1
        script = self.script
        return {
            "DID": script.called_number, "CALLER_ID": script.caller_number, "CALLER_NAME": script.caller_name,
            "IVR_UNIQUE_ID": script.call_id, "DTMF": self._digits, "MENU": self._menu, "PREVIOUS_MENU": self._previous,
        }  # fmt: skip

    def ended(self) -> dict[str, Any]:
        """HANGUP_CALL's DATA."""
        script = self.script
        return {
            "DID": script.called_number, "CALLER_ID": script.caller_number, "IVR_UNIQUE_ID": script.call_id,
            "TARGET": self._target, "CALL_TIME_EPOCH": self._started, "CALL_START_EPOCH": self._started,
            "CALL_DURATION": self._seconds, "CALL_DAILTIME": self._ring_seconds, "CALL_STATUS": self._status,
        }  # fmt: skip

    def hear(self, action: str, language: str, data: Mapping[str, Any]) -> Iterator[str]:
        """What the caller hears and does; sets what comes next."""
        match action:
            case "MENU" | "SAYDIGITS":
                if action == "SAYDIGITS":
                    spoken = [character for character in data["DIGITS"] if character.isdigit()]
                    self._seconds += _PROMPT + len(spoken)
                    yield f"hears {_quoted(data['SAYDIGITSRECORD'])}, then the digits {' '.join(spoken)} ({language})"
                yield from self._collect(data["MENU"], data["REC"], data["LOOP"], data["DELAY"], data["SIZE"])
            case "CALL":
                yield from self._dial(data)
            case "HANGUP":
                cause = data.get("HANGUP_CAUSE")
                reason = f" (cause {cause}, {definition(cause)})" if cause is not None else ""
                yield from self._played(data.get("HANGUP_REC"))
                yield f"is hung up on{reason}"
                self.over = True
            case "VO":
                yield from self._played(data["RECORD"])
                yield f"goes on in layer {data['LAYER']} of the phone system's own IVR"
                self.over = True
            case "SILENTRECORD":
                limit = data.get("MAXDURATION")
                self._seconds += limit or _TALK
                yield from self._played(data.get("REC"))
                yield f"is recorded{f' for at most {limit} s' if limit else ''}, and hangs up"
                self.over = True

    def _collect(self, menu: str, prompt: str, loops: int, delay: int, size: int) -> Iterator[str]:
        self._previous, self._menu, self._digits = self._menu, menu, ""
        self._seconds += _PROMPT
        if size == 0:
            yield f"hears {_quoted(prompt)}; no digits are collected (menu {menu})"
            return
        yield f"hears {_quoted(prompt)}; up to {size} digit{'s' * (size > 1)} wanted (menu {menu})"
        if not self._presses:
            self.over = True
            yield "hangs up"
            return
        pressed = self._presses.pop(0)
        self._digits = pressed[:size]
        if not pressed:
            self._seconds += (loops - 1) * _PROMPT + loops * delay
            yield f"stays silent: the prompt plays {loops} time{'s' * (loops > 1)}, {delay} s after each"
        elif len(pressed) > size:
            yield f"presses {pressed}, of which the phone system takes {self._digits}"
        else:
            yield f"presses {pressed}"

    def _dial(self, data: Mapping[str, Any]) -> Iterator[str]:
        self._target = data["TARGET"]
        self._status = OUTCOMES[self.script.outcome]
        yield from self._played(data.get("CALLER_REC"))
        music = data.get("MOH_CLASS")
        with_music = f", to the music {_quoted(music)}" if music else ""
        limit, longest = data["CALL_MAX_DIAL"], data["CALL_MAX"]
        yield f"hears {self._target} being dialled for at most {limit} s{with_music}"
        if self.script.outcome == "answer":
            self._ring_seconds = min(limit, _PICK_UP)
            self._seconds += self._ring_seconds + min(longest, _TALK)
            recorded = ", recorded" if data["REC_STATUS"] else ""
            yield f"talks to {self._target}{recorded}, for at most {longest} s; then both hang up"
            self.over = True
            return
        self._ring_seconds = limit if self.script.outcome == "noanswer" else 0
        self._seconds += self._ring_seconds or _PROMPT
        yield "nobody answers" if self.script.outcome == "noanswer" else "the line is busy"
        if not data.get("NEXT_MENU"):
            self.over = True
            yield "is disconnected: the action names no menu for a failed call"
            return
        prompt, loops = data.get("NEXT_MENU_RECORD", ""), data.get("NEXT_MENU_LOOP", 1)
        yield from self._collect(data["NEXT_MENU"], prompt, loops, data.get("NEXT_MENU_WAIT", 0), data.get("NEXT_MENU_SIZE", 1))

    def _played(self, prompt: str | None) -> Iterator[str]:
        if prompt:
            self._seconds += _PROMPT
            yield f"hears {_quoted(prompt)}"


def _quoted(text: str) -> str:
    return f'"{text}"'
