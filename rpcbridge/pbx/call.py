"""The phone system's side of one call, step by step: asks, hears, collects digits, dials, reports the end.

Does no I/O: bytes go out and come in. Time is virtual: the durations it reports are reckoned. All it
knows stands in `state()`, so any process can take the call up at any step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from rpcbridge.codec import Fault, Lexical, MethodCall, Value, decode_reply, encode_call
from rpcbridge.errors import CallError, Problem, ReplyError, StepError, shown
from rpcbridge.pbx.platforms import Answer, Emulated
from rpcbridge.pbx.progress import OUTCOMES, Caller, Progress, read
from rpcbridge.pbx.reading import Reader
from rpcbridge.pbx.scene import Collect, Dial, End, Play, Say, Scene, Speak, Step, Talk, scene_of

MAX_TURNS = 50  # no caller listens longer; a call that goes round in circles must end

# Seconds the emulated world takes: a prompt to play, a target to pick up, a conversation.
PROMPT, PICK_UP, TALK = 2, 6, 60

KEYS = "0123456789*#"


class Call:
    """`sent` and `answer` are the last question or report, and the last usable reply: for whoever shows them."""

    sent: MethodCall
    answer: Answer

    def __init__(self, emulated: Emulated, progress: Progress) -> None:
        self._emulated = emulated
        self.progress = progress

    @classmethod
    def restored(cls, emulated: Emulated, state: object) -> Call:
        """The call whose `state()` this was. Raises StepError with every problem."""
        reader = Reader(state, "call", [])
        progress = read(reader)
        if reader.problems:
            raise StepError(reader.problems)
        return cls(emulated, progress)

    def state(self) -> dict[str, Any]:
        """All that is known of the call, as JSON."""
        return self.progress.as_json()

    @property
    def over(self) -> bool:
        """Whether no more questions come; the end is still to be reported."""
        return self.progress.over

    def question(self) -> bytes:
        """The request for what the caller hears next. Raises StepError while the caller has to do something first."""
        call = self.progress
        if call.over:
            raise _out_of_order("the call is over")
        if call.waiting is not None:
            raise _out_of_order(f"the phone system waits for the caller ({call.waiting.step})")
        if call.turns == MAX_TURNS:
            raise _out_of_order(f"{MAX_TURNS} questions were asked: the call goes round in circles")
        call.turns += 1
        return self._written(self._emulated.question(call), call.turns)

    def hear(self, reply: bytes) -> Scene:
        """What the reply lets the caller hear. Raises ReplyError where the phone system could not use it."""
        self.answer = self._emulated.answer(self._value(reply, self.progress.turns))
        scene = scene_of(self.answer.action)
        self.progress.language = scene.language
        return self._played(scene.steps)

    def press(self, digits: str) -> None:
        """What the caller presses where digits are collected; "" is silence. What is too much is not taken."""
        call, step = self.progress, self.progress.waiting
        if not isinstance(step, Collect):
            raise _out_of_order("the phone system collects no digits now")
        if digits.strip(KEYS):
            raise StepError([Problem("digits", f"expected 0-9, * and # alone, got {shown(digits)}")])
        call.waiting, call.digits = None, digits[: step.size]
        if not digits:
            call.seconds += (step.loops - 1) * PROMPT + step.loops * step.delay

    def dialled(self, outcome: object) -> Scene:
        """What comes of dialling: `answered`, `busy` or `no_answer`. Raises StepError for anything else."""
        if not isinstance(outcome, str) or outcome not in OUTCOMES:
            raise StepError([Problem("outcome", f"expected one of {', '.join(OUTCOMES)}, got {shown(outcome)}")])
        call, step = self.progress, self.progress.waiting
        if not isinstance(step, Dial):
            raise _out_of_order("the phone system dials nobody now")
        call.waiting, call.outcome = None, outcome
        if outcome == "answered":
            call.ring_seconds = min(step.ring_timeout, PICK_UP)
            call.seconds += call.ring_seconds + min(step.max_duration, TALK)
            return self._played((Talk(step.target, step.max_duration, step.record),))
        call.ring_seconds = step.ring_timeout if outcome == "no_answer" else 0
        call.seconds += call.ring_seconds or PROMPT
        return self._played((End("disconnected"),) if step.on_failure is None else (step.on_failure,))

    def ended(self) -> bytes:
        """The report of the call's end, whoever ended it."""
        self.progress.over = True
        return self._written(self._emulated.ended(self.progress), self.progress.turns + 1)

    def acknowledged(self, reply: bytes) -> tuple[bool, str]:
        """Whether the report was acknowledged, and what the reply says. Raises ReplyError."""
        return self._emulated.acknowledged(self._value(reply, self.progress.turns + 1))

    def _played(self, steps: Sequence[Step]) -> Scene:
        for step in steps:
            self._take(step)
        return Scene(tuple(steps), self.progress.language)

    def _take(self, step: Step) -> None:
        call = self.progress
        match step:
            case Play():
                call.seconds += PROMPT
            case Say():
                call.seconds += len(step.digits)
            case Collect():
                call.previous_menu, call.menu, call.digits = call.menu, step.menu, ""
                call.seconds += PROMPT
                call.waiting = step if step.size else None
            case Dial():
                call.target, call.waiting = step.target, step
            case Speak():
                call.seconds += step.max_duration or TALK
                call.over = True
            case Talk() | End():
                call.over = True

    def _written(self, call: MethodCall, number: int) -> bytes:
        self.sent = replace(call, id=_id(number)) if call.dialect == "jsonrpc" else call
        return encode_call(self.sent)

    def _value(self, reply: bytes, number: int) -> Value:
        try:
            response = decode_reply(reply)
        except CallError as error:
            raise ReplyError([Problem("", str(error))]) from None
        if isinstance(response, Fault):
            raise ReplyError([Problem("", f"fault {response.code}: {response.message}")])
        expected = _id(number) if self.progress.caller.dialect == "jsonrpc" else None
        if response.id != expected:
            raise ReplyError([Problem("id", f"the request's is {expected}, the reply's {response.id}: this answers another request")])
        return response.value


def begun(emulated: Emulated, caller: Caller, call_id: str, started: float) -> Call:
    """A call of `caller`'s that was just taken; `started` in seconds since 1970."""
    return Call(emulated, Progress(caller, call_id, int(started)))


def _id(number: int) -> Lexical:
    """JSON-RPC's id of a call's request: the how-manieth it is."""
    return Lexical(str(number), "int")


def _out_of_order(message: str) -> StepError:
    return StepError([Problem("", message)])
