"""A phone system that places one call by a script over HTTP, and says in words what the caller hears."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from rpcbridge.codec import content_type
from rpcbridge.domain.causes import definition
from rpcbridge.errors import Problem, ReplyError
from rpcbridge.pbx.call import MAX_TURNS, Call, begun
from rpcbridge.pbx.platforms import Emulated
from rpcbridge.pbx.progress import Caller
from rpcbridge.pbx.scene import Collect, Dial, End, Play, Say, Scene, Speak, Step, said
from rpcbridge.platforms import route
from rpcbridge.transport import HttpRequest, Transport

# The command line's words for what comes of a dialled call, and the contract's.
OUTCOMES = {"answer": "answered", "busy": "busy", "noanswer": "no_answer"}


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

    @property
    def caller(self) -> Caller:
        """Who calls whom."""
        return Caller(self.called_number, self.caller_number, self.caller_name, self.dialect)


@dataclass(frozen=True, slots=True)
class Turn:
    """One exchange: what was sent, what came back, what the caller heard and did, milliseconds it took."""

    method: str
    sent: Mapping[str, Any]
    action: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    heard: tuple[str, ...] = ()
    milliseconds: int = 0
    usable: bool = True  # False: the report of the end was not acknowledged


class PhoneSystem:
    """Places calls against one bridge URL, such as http://127.0.0.1:8080/<platform>."""

    def __init__(self, emulated: Emulated, url: str, transport: Transport, *, patience: float = 10.0) -> None:
        self._emulated = emulated
        self._url = url
        self._transport = transport
        self._patience = patience

    def place(self, script: Script) -> Iterator[Turn]:
        """The call, turn by turn, the report of its end last. Raises TransportError, or ReplyError for an unusable reply."""
        call = begun(self._emulated, script.caller, script.call_id, time.time())
        acting = _Acting(call, script)
        while not call.over and call.progress.turns < MAX_TURNS:
            reply, milliseconds = self._post(call.question(), script.dialect)
            scene = call.hear(reply)
            answer = call.answer
            yield Turn(call.sent.method, _sent(call), answer.name, answer.data, tuple(acting.through(scene)), milliseconds)
        reply, milliseconds = self._post(call.ended(), script.dialect)
        well, says = call.acknowledged(reply)
        heard = f"is {'' if well else 'NOT '}acknowledged ({says})"
        yield Turn(call.sent.method, _sent(call), heard=(heard,), milliseconds=milliseconds, usable=well)

    def _post(self, body: bytes, dialect: str) -> tuple[bytes, int]:
        request = HttpRequest(self._url, (("Content-Type", content_type(dialect)),), body)
        started = time.monotonic()
        reply = self._transport.send(request, self._patience)
        milliseconds = round((time.monotonic() - started) * 1000)
        if reply.status != 200:
            text = f"HTTP {reply.status}: {reply.body[:80].decode(errors='replace').strip()}"
            hint = {
                403: "the secret in the path or the credentials are wrong, or this address is not listed",
                404: f"the path is /{route(self._emulated.name)}[/<secret>]",
            }
            raise ReplyError([Problem("", f"{text} ({hint[reply.status]})" if reply.status in hint else text)])
        return reply.body, milliseconds


def _sent(call: Call) -> Mapping[str, Any]:
    (struct,) = call.sent.params
    return struct if isinstance(struct, dict) else {}


class _Acting:
    """The script's caller: hears scenes, presses what is left to press, hangs up where nothing is."""

    def __init__(self, call: Call, script: Script) -> None:
        self._call = call
        self._presses = list(script.presses)
        self._outcome = OUTCOMES[script.outcome]

    def through(self, scene: Scene) -> Iterator[str]:
        """What the caller hears and does, in words."""
        steps, played = scene.steps, None
        for step, after in zip(steps, (*steps[1:], None), strict=True):
            if isinstance(step, Play) and isinstance(after, Say):
                played = step  # it introduces the digits
                continue
            if isinstance(step, Say):
                digits = f"the digits {' '.join(step.digits)} ({scene.language})"
                yield f"hears {_quoted(said(played.prompt))}, then {digits}" if played else f"hears {digits}"
            else:
                yield from self._step(step)

    def _step(self, step: Step) -> Iterator[str]:
        match step:
            case Play():
                yield f"hears {_quoted(said(step.prompt))}"
            case Collect():
                yield from self._collect(step)
            case Dial():
                yield from self._dial(step)
            case Speak():
                limit = step.max_duration
                yield f"is recorded{f' for at most {limit} s' if limit else ''}, and hangs up"
            case End():
                yield _ended(step)

    def _collect(self, step: Collect) -> Iterator[str]:
        prompt, size, loops = _quoted(said(step.prompt)), step.size, step.loops
        if size == 0:
            yield f"hears {prompt}; no digits are collected (menu {step.menu})"
            return
        yield f"hears {prompt}; up to {size} digit{'s' * (size > 1)} wanted (menu {step.menu})"
        if not self._presses:
            self._call.progress.over = True
            yield "hangs up"
            return
        pressed = self._presses.pop(0)
        self._call.press(pressed)
        if not pressed:
            yield f"stays silent: the prompt plays {loops} time{'s' * (loops > 1)}, {step.delay} s after each"
        elif len(pressed) > size:
            yield f"presses {pressed}, of which the phone system takes {pressed[:size]}"
        else:
            yield f"presses {pressed}"

    def _dial(self, step: Dial) -> Iterator[str]:
        with_music = f", to the music {_quoted(step.hold_music)}" if step.hold_music else ""
        yield f"hears {step.target} being dialled for at most {step.ring_timeout} s{with_music}"
        scene = self._call.dialled(self._outcome)
        if self._outcome == "answered":
            recorded = ", recorded" if step.record else ""
            yield f"talks to {step.target}{recorded}, for at most {step.max_duration} s; then both hang up"
            return
        yield "nobody answers" if self._outcome == "no_answer" else "the line is busy"
        yield from self.through(scene)


def _ended(step: End) -> str:
    if step.why == "layer":
        return f"goes on in layer {step.layer} of the phone system's own IVR"
    if step.why == "disconnected":
        return "is disconnected: the action names no menu for a failed call"
    reason = f" (cause {step.cause}, {definition(step.cause)})" if step.cause is not None else ""
    return f"is hung up on{reason}"


def _quoted(text: str) -> str:
    return f'"{text}"'
