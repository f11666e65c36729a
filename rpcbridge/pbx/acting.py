"""A scripted caller: hears scenes, presses what is left to press, hangs up where nothing is; in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from rpcbridge.domain.causes import definition
from rpcbridge.pbx.asking import Asking
from rpcbridge.pbx.call import Call
from rpcbridge.pbx.scene import Collect, Dial, End, Play, Say, Scene, Silence, Speak, Step, Talk, said

WAITS = "."  # before the keys for a prompt: it plays once more before they are pressed
LISTENS = "!"  # for keys: nothing is pressed, until the bridge tells the phone system something
_TOLD = 10  # seconds that it may take


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A prompt to which nothing was pressed yet: the keys that will be, how often it has played, seconds after each."""

    keys: str
    played: int
    delay: int


class Acting:
    """One caller. After `through` a scene, `next` is the step of the call that the caller's doing leads to.

    rings: whether that is what comes of dialling, which belongs to what was heard before.
    """

    def __init__(self, call: Call, presses: Sequence[str], outcome: str, *, speaks_on: bool, listens: int) -> None:
        self._call = call
        self._presses = list(presses)
        self._outcome = outcome
        self._speaks_on = speaks_on
        self._listens = listens
        self._next: Asking[Any] | None = None
        self._gone = False
        self._waiting: _Waiting | None = None
        self.rings = False

    def next(self) -> Asking[Any] | None:
        """What comes next; None where nothing does, as the caller is gone."""
        step, self._next = self._next, None
        if step is not None or self._gone or self._call.over:
            return step
        match self._call.progress.waiting:
            case None:
                return self._call.question()
            case Talk() if self._listens > 0:
                self._listens -= 1
                return self._call.listened(_TOLD)
            case Talk():
                return self._call.talked()
        return None  # a prompt at which nothing was told

    def through(self, scene: Scene) -> Iterator[str]:
        """What the caller hears and does, in words."""
        self.rings = False
        last = scene.steps[-1] if scene.steps else None
        if isinstance(last, Collect) and last.again:
            yield from self._again(last)
            return
        if self._waiting is not None:
            yield _silence(self._waiting.played, self._waiting.delay)
            self._waiting = None
        played = None
        for step, after in zip_longest(scene.steps, scene.steps[1:]):
            if isinstance(step, Play) and isinstance(after, Say):
                played = step  # it introduces the digits
                continue
            if isinstance(step, Say):
                digits = f"the digits {' '.join(step.digits)}{f' ({scene.language})' if scene.language else ''}"
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
            case Talk():
                recorded = ", recorded" if step.record else ""
                limit = f", for at most {step.max_duration} s" if step.max_duration else ""
                yield f"talks to {step.target}{recorded}{limit}; then both hang up"
            case Speak():
                limit = f" for at most {step.max_duration} s" if step.max_duration else ""
                self._gone = not self._speaks_on
                yield f"is recorded{limit}, and {'speaks on' if self._speaks_on else 'hangs up'}"
            case Silence():
                yield f"hears nothing for {step.seconds} s"
            case End():
                yield _ended(step)

    def _collect(self, step: Collect) -> Iterator[str]:
        prompt, size, menu = _quoted(said(step.prompt)), step.size, f" (menu {step.menu})" if step.menu else ""
        if size == 0:
            yield f"hears {prompt}; no digits are collected{menu}"
            return
        yield f"hears {prompt}; up to {size} digit{'s' * (size > 1)} wanted{menu}"
        if not self._presses:
            self._gone = True
            yield "hangs up"
            return
        yield from self._pressed(self._presses.pop(0), step, 1)

    def _pressed(self, keys: str, step: Collect, played: int) -> Iterator[str]:
        """What the caller does while a prompt plays for the `played` time."""
        pressed = keys.lstrip(WAITS)
        if keys == LISTENS:
            self._next = self._call.listened(_TOLD)
            return
        if self._call.repeats:
            self._next = self._call.press(pressed)
            if not pressed:
                yield _silence(step.loops, step.delay)
                return
            played = min(len(keys) - len(pressed) + 1, step.loops)
        elif not keys or keys.startswith(WAITS):
            self._waiting, self._next = _Waiting(keys[1:], played, step.delay), self._call.press("")
            return
        else:
            self._next, self._waiting = self._call.press(pressed), None
        time = f" as the prompt plays the {played}. time" if played > 1 else ""
        taken, cut = pressed[: step.size], len(pressed) > step.size
        yield f"presses {pressed}{f', of which the phone system takes {taken}' if cut else ''}{time}"

    def _again(self, step: Collect) -> Iterator[str]:
        """A prompt plays again, as nothing was pressed."""
        if step.size and self._waiting is not None:
            yield from self._pressed(self._waiting.keys, step, self._waiting.played + 1)

    def _dial(self, step: Dial) -> Iterator[str]:
        with_music = f", to the music {_quoted(step.hold_music)}" if step.hold_music else ""
        yield f"hears {step.target} being dialled for at most {step.ring_timeout} s{with_music}"
        self._next, self.rings = self._call.dialled(self._outcome), True
        if self._outcome != "answered":
            yield "nobody answers" if self._outcome == "no_answer" else "the line is busy"


def _silence(times: int, delay: int) -> str:
    return f"stays silent: the prompt plays {times} time{'s' * (times > 1)}, {delay} s after each"


def _ended(step: End) -> str:
    if step.why == "layer":
        return f"goes on in layer {step.layer} of the phone system's own IVR"
    if step.why == "disconnected":
        return "is disconnected: the action names no menu for a failed call"
    reason = f" (cause {step.cause}, {definition(step.cause)})" if step.cause is not None else ""
    return f"is hung up on{reason}"


def _quoted(text: str) -> str:
    return f'"{text}"' if text else "nothing"
