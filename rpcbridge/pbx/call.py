"""The phone system's side of one call, step by step: asks, hears, collects digits, dials, reports the end.

Does no I/O: each step is an `Asking`, and whoever takes it carries the requests. Time is virtual: the durations it
reports are reckoned. All it knows stands in `state()`, so any process can take the call up between two steps.
"""

from __future__ import annotations

from typing import Any

from rpcbridge.errors import Problem, StepError, shown
from rpcbridge.pbx.asking import Asking, Command, Listen, Request, T
from rpcbridge.pbx.platforms import Emulated
from rpcbridge.pbx.progress import OUTCOMES, Caller, Progress, read
from rpcbridge.pbx.reading import Reader
from rpcbridge.pbx.scene import Collect, Dial, End, Play, Say, Scene, Silence, Speak, Step, Talk

MAX_TURNS = 50  # no caller listens longer; a call that goes round in circles must end

# Seconds the emulated world takes: a prompt to play, a target to pick up, a conversation.
PROMPT, PICK_UP, TALK = 2, 6, 60

KEYS = "0123456789*#"


class Call:
    """A method that takes a step checks at once whether it can be taken, and raises StepError where not."""

    def __init__(self, emulated: Emulated, progress: Progress) -> None:
        self._emulated = emulated
        self.progress = progress

    @classmethod
    def restored(cls, emulated: Emulated, state: object) -> Call:
        """The call whose `state()` this was. Raises StepError with every problem."""
        reader = Reader(state, "call", [])
        progress = read(reader, emulated.dialects)
        progress.own = emulated.read_own(reader.inner("own"))
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

    @property
    def repeats(self) -> bool:
        """Whether the phone system plays a menu as often as it is told; else it asks each time."""
        return self._emulated.repeats

    def question(self) -> Asking[Scene]:
        """What the caller hears first, or next where nothing was collected. Raises StepError while the caller has to do something."""
        call = self.progress
        self._goes_on()
        if call.waiting is not None:
            raise _out_of_order(f"the phone system waits for the caller ({call.waiting.step})")
        return self._heard(self._emulated.pressed(call, None) if call.turns else self._emulated.begun(call))

    def press(self, digits: str) -> Asking[Scene]:
        """What is heard after the caller pressed `digits` where they are collected; "" is silence. What is too much is not taken."""
        call, step = self.progress, self.progress.waiting
        if not isinstance(step, Collect):
            raise _out_of_order("the phone system collects no digits now")
        if digits.strip(KEYS):
            raise StepError([Problem("digits", f"expected 0-9, * and # alone, got {shown(digits)}")])
        self._goes_on()
        call.waiting, call.digits = None, taken(digits, step)
        if not digits:
            call.seconds += (step.loops - 1) * PROMPT + step.loops * step.delay
        return self._heard(self._emulated.pressed(call, step))

    def dialled(self, outcome: object) -> Asking[Scene]:
        """What is heard after dialling: `answered`, `busy` or `no_answer`. Raises StepError for anything else."""
        if not isinstance(outcome, str) or outcome not in OUTCOMES:
            raise StepError([Problem("outcome", f"expected one of {', '.join(OUTCOMES)}, got {shown(outcome)}")])
        call, step = self.progress, self.progress.waiting
        if not isinstance(step, Dial):
            raise _out_of_order("the phone system dials nobody now")
        call.waiting, call.outcome = None, outcome
        if outcome == "answered":
            call.ring_seconds = min(step.ring_timeout, PICK_UP)
            call.seconds += call.ring_seconds + min(step.max_duration or TALK, TALK)
        else:
            call.ring_seconds = step.ring_timeout if outcome == "no_answer" else 0
            call.seconds += call.ring_seconds or PROMPT
        return self._heard(self._emulated.dialled(call, step))

    def talked(self) -> Asking[Scene]:
        """What the caller hears after the target of the conversation hung up."""
        call, step = self.progress, self.progress.waiting
        if not isinstance(step, Talk):
            raise _out_of_order("nobody talks now")
        call.waiting = None
        return self._heard(self._emulated.talked(call, step))

    def commanded(self, command: Command) -> Asking[Scene]:
        """What is heard of it that the bridge tells the platform something; often nothing, and what was waited for still is."""
        return self._heard(self._emulated.commanded(self.progress, command))

    def listened(self, seconds: int) -> Asking[Scene]:
        """What is heard of whatever the bridge tells the phone system within `seconds`, while the caller does nothing."""
        scene = Scene(())
        for command in (yield Listen(seconds)).commands:
            scene = scene.then((yield from self.commanded(command)))
        return scene

    def ended(self) -> Asking[tuple[bool, str]]:
        """The report of the call's end, whoever ended it: whether it was acknowledged, and what its reply says."""
        self.progress.over = True
        return self._counted(self._emulated.ended(self.progress), limited=False)

    def _goes_on(self) -> None:
        if self.progress.over:
            raise _out_of_order("the call is over")
        if self.progress.turns >= MAX_TURNS:
            raise _in_circles()

    def _heard(self, asking: Asking[Scene]) -> Asking[Scene]:
        scene = yield from self._counted(asking, limited=True)
        self.progress.language = scene.language
        for step in scene.steps:
            self._take(step)
        return scene

    def _counted(self, asking: Asking[T], *, limited: bool) -> Asking[T]:
        """`asking`, its questions counted before they are sent."""
        try:
            wanted = next(asking)
            while True:
                if isinstance(wanted, Request) and wanted.question:
                    if limited and self.progress.turns >= MAX_TURNS:
                        raise _in_circles()
                    self.progress.turns += 1
                try:
                    came = yield wanted
                except Exception as error:  # a reply that could not be had: the platform may have its say to that
                    wanted = asking.throw(error)
                else:
                    wanted = asking.send(came)
        except StopIteration as end:
            value: T = end.value
            return value

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
                call.over = step.last
            case Silence():
                call.seconds += step.seconds
            case Talk() if not step.last:
                call.waiting = step
            case Talk() | End():
                call.over = True


def begun(emulated: Emulated, caller: Caller, call_id: str, started: float) -> Call:
    """A call of `caller`'s that was just taken; `started` in seconds since 1970."""
    return Call(emulated, Progress(caller, call_id, int(started)))


def taken(digits: str, step: Collect) -> str:
    """What of `digits` the phone system takes: to the key that ends them, and not more than are wanted."""
    if step.finish_key and step.finish_key in digits[: step.size + 1]:
        return digits[: digits.index(step.finish_key) + 1]
    return digits[: step.size]


def _out_of_order(message: str) -> StepError:
    return StepError([Problem("", message)])


def _in_circles() -> StepError:
    return _out_of_order(f"{MAX_TURNS} questions were asked: the call goes round in circles")
