"""What a caller shall hear next. One frozen value per action of the contract; its defaults are the contract's.

All times are whole seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """Something to be played: a recording's `name`, or exactly one of `file`, `url`, `text`."""

    name: str | None = None
    file: str | None = None
    url: str | None = None
    text: str | None = None
    voice: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What every action may carry: the language of the platform's own voice (BCP 47)."""

    action: ClassVar[str]

    language: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Menu(Action):
    """Play a prompt and collect digits."""

    action: ClassVar[str] = "menu"

    menu: str
    prompt: Prompt
    loops: int = 1
    loop_delay: int = 3
    max_digits: int = 1
    validate_digits: bool = False
    finish_key: str | None = None
    digit_timeout: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SayDigits(Menu):
    """Say digits one by one, then play a menu."""

    action: ClassVar[str] = "say_digits"

    digits: str
    intro_prompt: Prompt | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Action):
    """Connect the caller to a target. `caller_number` None is the number that was called."""

    action: ClassVar[str] = "call"

    target: str
    caller_number: str | None = None
    caller_name: str = ""
    ring_timeout: int = 30
    max_duration: int = 3600
    record: bool = False
    caller_prompt: Prompt | None = None
    target_prompt: Prompt | None = None
    hold_music: str | None = None
    send_digits: str | None = None
    dial_strings: tuple[str, ...] = ()
    on_failure: Menu | None = None
    after_call: str = "hangup"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hangup(Action):
    """End the call, after a last prompt. `cause` is a Q.850 cause."""

    action: ClassVar[str] = "hangup"

    prompt: Prompt | None = None
    cause: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GoToLayer(Action):
    """Hand the caller to a layer of the platform's own IVR."""

    action: ClassVar[str] = "go_to_layer"

    layer: int
    prompt: Prompt
    loops: int = 1
    loop_delay: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Record(Action):
    """Record the caller until hanging up or the limit; ends the flow."""

    action: ClassVar[str] = "record"

    prompt: Prompt | None = None
    max_duration: int | None = None


AnyAction: TypeAlias = Menu | SayDigits | Call | Hangup | GoToLayer | Record
ACTIONS: dict[str, type[AnyAction]] = {kind.action: kind for kind in (Menu, SayDigits, Call, Hangup, GoToLayer, Record)}

# The configured prompts: name -> platform -> what to play there.
Catalogue: TypeAlias = Mapping[str, Mapping[str, Prompt]]


def looked_up(prompt: Prompt, catalogue: Catalogue, platform: str) -> Prompt:
    """What `prompt` means on `platform`: its entry in the catalogue, else the prompt itself."""
    if prompt.name is None:
        return prompt
    return catalogue.get(prompt.name, {}).get(platform, prompt)
