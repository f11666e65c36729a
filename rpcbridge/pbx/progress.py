"""How far a call has come, as one value: a phone system can stop at any step, and another take the call up there. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from rpcbridge.domain.actions import Prompt
from rpcbridge.pbx.reading import Reader
from rpcbridge.pbx.scene import Collect, Dial, Talk, step_json

# What may come of a dialled call, in the contract's words.
OUTCOMES = ("answered", "busy", "no_answer")

_LONG = 10**9  # seconds, turns: more than any call has
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls whom, and in which wire form the phone system tells it."""

    called_number: str
    caller_number: str
    caller_name: str
    dialect: str


class Kept(Protocol):
    """What a platform's emulation keeps of a call for itself."""

    def as_json(self) -> dict[str, Any]:
        """What the platform reads again."""


@dataclass(slots=True)
class Progress:
    """All that a phone system knows of a call. `menu` is None before the first; `seconds` are reckoned, not measured.

    waiting: the step that needs the caller before anything can be asked again. started: seconds since 1970. turns: the
    questions so far. own: what the platform's emulation keeps for itself.
    """

    caller: Caller
    call_id: str
    started: int
    turns: int = 0
    menu: str | None = None
    previous_menu: str | None = None
    digits: str = ""
    language: str = ""
    seconds: int = 0
    ring_seconds: int = 0
    target: str = ""
    outcome: str = ""
    over: bool = False
    waiting: Collect | Dial | Talk | None = None
    own: Kept | None = None

    def as_json(self) -> dict[str, Any]:
        """What `read` reads again."""
        caller = self.caller
        return {
            "called_number": caller.called_number, "caller_number": caller.caller_number, "caller_name": caller.caller_name,
            "dialect": caller.dialect, "call_id": self.call_id, "started": self.started, "turns": self.turns, "menu": self.menu,
            "previous_menu": self.previous_menu, "digits": self.digits, "language": self.language, "seconds": self.seconds,
            "ring_seconds": self.ring_seconds, "target": self.target, "outcome": self.outcome, "over": self.over,
            "waiting": None if self.waiting is None else step_json(self.waiting),
            "own": {} if self.own is None else self.own.as_json(),
        }  # fmt: skip


def read(given: Reader, dialects: Sequence[str]) -> Progress:
    """The progress in a JSON object, but for `own`; what is wrong with it stands in the reader's problems."""
    return Progress(
        read_caller(given, dialects), given.text("call_id", 200), given.whole("started", 0, 2**33), given.whole("turns", 0, _LONG),
        _menu(given, "menu"), _menu(given, "previous_menu"), given.text("digits", 32), given.text("language", 40),
        given.whole("seconds", 0, _LONG), given.whole("ring_seconds", 0, _LONG), given.text("target"),
        given.choice("outcome", ("", *OUTCOMES)), given.flag("over"), _waiting(given),
    )  # fmt: skip


def read_caller(given: Reader, dialects: Sequence[str]) -> Caller:
    """Who calls whom, in one of `dialects`."""
    longest = 80  # no number and no name on a phone is longer
    numbers = given.text("called_number", longest), given.text("caller_number", longest)
    return Caller(*numbers, given.text("caller_name", longest), given.choice("dialect", dialects))


def _menu(given: Reader, name: str) -> str | None:
    return given.text(name) if given.given(name) else None


def _waiting(given: Reader) -> Collect | Dial | Talk | None:
    if not given.given("waiting"):
        return None
    step = given.inner("waiting")
    return _STEPS[step.choice("step", tuple(_STEPS))](step)


def _collect(given: Reader) -> Collect:
    return Collect(
        given.text("menu"), _prompt(given.inner("prompt")), given.whole("size", 0, 32), given.whole("loops", 1, 99),
        given.whole("delay", 0, 600), given.flag("validate"), given.text("finish_key", 1),
    )  # fmt: skip


def _dial(given: Reader) -> Dial:
    failed = _collect(given.inner("on_failure")) if given.given("on_failure") else None
    greeting = _prompt(given.inner("greeting")) if given.given("greeting") else None
    return Dial(
        given.text("target"), given.whole("ring_timeout", 1, _DAY), _longest(given), given.flag("record"), on_failure=failed, greeting=greeting
    )


def _talk(given: Reader) -> Talk:
    return Talk(given.text("target"), _longest(given), given.flag("record"), given.flag("last"))


_STEPS: Mapping[str, Callable[[Reader], Collect | Dial | Talk]] = {"collect": _collect, "dial": _dial, "talk": _talk}


def _longest(given: Reader) -> int | None:
    return given.whole("max_duration", 1, _DAY) if given.given("max_duration") else None


def _prompt(given: Reader) -> Prompt:
    return Prompt(**{given.choice("kind", ("name", "file", "url", "text")): given.text("said")})
