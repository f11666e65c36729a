"""How far a call has come, as one value: a phone system can stop at any step, and another take the call up there. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rpcbridge.codec import DIALECTS
from rpcbridge.domain.actions import Prompt
from rpcbridge.pbx.reading import Reader
from rpcbridge.pbx.scene import Collect, Dial, step_json

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


@dataclass(slots=True)
class Progress:
    """All that a phone system knows of a call. `menu` is None before the first; `seconds` are reckoned, not measured.

    waiting: the step that needs the caller before anything can be asked again. started: seconds since 1970.
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
    waiting: Collect | Dial | None = None

    def as_json(self) -> dict[str, Any]:
        """What `read` reads again."""
        caller = self.caller
        return {
            "called_number": caller.called_number, "caller_number": caller.caller_number, "caller_name": caller.caller_name,
            "dialect": caller.dialect, "call_id": self.call_id, "started": self.started, "turns": self.turns, "menu": self.menu,
            "previous_menu": self.previous_menu, "digits": self.digits, "language": self.language, "seconds": self.seconds,
            "ring_seconds": self.ring_seconds, "target": self.target, "outcome": self.outcome, "over": self.over,
            "waiting": None if self.waiting is None else step_json(self.waiting),
        }  # fmt: skip


def read(given: Reader) -> Progress:
    """The progress in a JSON object; what is wrong with it stands in the reader's problems."""
    return Progress(
        read_caller(given), given.text("call_id", 200), given.whole("started", 0, 2**33), given.whole("turns", 0, _LONG),
        _menu(given, "menu"), _menu(given, "previous_menu"), given.text("digits", 32), given.text("language", 40),
        given.whole("seconds", 0, _LONG), given.whole("ring_seconds", 0, _LONG), given.text("target"),
        given.choice("outcome", ("", *OUTCOMES)), given.flag("over"), _waiting(given),
    )  # fmt: skip


def read_caller(given: Reader) -> Caller:
    """Who calls whom."""
    longest = 80  # no number and no name on a phone is longer
    numbers = given.text("called_number", longest), given.text("caller_number", longest)
    return Caller(*numbers, given.text("caller_name", longest), given.choice("dialect", tuple(DIALECTS)))


def _menu(given: Reader, name: str) -> str | None:
    return given.text(name) if given.given(name) else None


def _waiting(given: Reader) -> Collect | Dial | None:
    if not given.given("waiting"):
        return None
    step = given.inner("waiting")
    return _dial(step) if step.choice("step", ("collect", "dial")) == "dial" else _collect(step)


def _collect(given: Reader) -> Collect:
    return Collect(
        given.text("menu"), _prompt(given.inner("prompt")), given.whole("size", 0, 32), given.whole("loops", 1, 99),
        given.whole("delay", 0, 600), given.flag("validate"),
    )  # fmt: skip


def _dial(given: Reader) -> Dial:
    failed = _collect(given.inner("on_failure")) if given.given("on_failure") else None
    durations = given.whole("ring_timeout", 1, _DAY), given.whole("max_duration", 1, _DAY)
    return Dial(given.text("target"), *durations, given.flag("record"), on_failure=failed)


def _prompt(given: Reader) -> Prompt:
    return Prompt(**{given.choice("kind", ("name", "file", "url", "text")): given.text("said")})


