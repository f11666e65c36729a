"""What a caller hears now, and what the phone system waits for: neutral, frozen, also as JSON. Pure."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, ClassVar, TypeAlias

from rpcbridge.domain.actions import AnyAction, Call, GoToLayer, Hangup, Menu, Prompt, Record, SayDigits


@dataclass(frozen=True, slots=True)
class Play:
    """A prompt is played: `loops` times, `delay` seconds after each."""

    step: ClassVar[str] = "play"

    prompt: Prompt
    loops: int = 1
    delay: int = 0


@dataclass(frozen=True, slots=True)
class Say:
    """Digits are said one by one."""

    step: ClassVar[str] = "say"

    digits: str


@dataclass(frozen=True, slots=True)
class Collect:
    """A prompt is played while nothing is pressed, and up to `size` digits are collected; of size 0 it only plays.

    menu: its name, "" on a platform that does not know it. finish_key: ends the digits before there are `size`. again: the
    prompt was heard before, and nobody pressed anything.
    """

    step: ClassVar[str] = "collect"

    menu: str
    prompt: Prompt
    size: int
    loops: int
    delay: int
    validate: bool = False
    finish_key: str = ""
    again: bool = False


@dataclass(frozen=True, slots=True)
class Dial:
    """A target is rung, for `ring_timeout` seconds; what comes of it decides how the call goes on.

    max_duration: None where the platform is not told. greeting: what the caller hears once the target answered.
    """

    step: ClassVar[str] = "dial"

    target: str
    ring_timeout: int
    max_duration: int | None
    record: bool = False
    caller_number: str | None = None
    caller_name: str = ""
    hold_music: str | None = None
    target_prompt: Prompt | None = None
    on_failure: Collect | None = None
    greeting: Prompt | None = None


@dataclass(frozen=True, slots=True)
class Talk:
    """The target answered: both talk, until one hangs up. `last`: the phone system asks nothing when the target does."""

    step: ClassVar[str] = "talk"

    target: str
    max_duration: int | None
    record: bool
    last: bool = True


@dataclass(frozen=True, slots=True)
class Speak:
    """The caller is recorded until hanging up, or for `max_duration` seconds. `last`: the phone system asks nothing then."""

    step: ClassVar[str] = "speak"

    max_duration: int | None
    last: bool = True


@dataclass(frozen=True, slots=True)
class End:
    """No more questions come: `hangup` (with a Q.850 cause), `layer` (of the phone system's own IVR), `disconnected`."""

    step: ClassVar[str] = "end"

    why: str
    cause: int | None = None
    layer: int | None = None


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing is heard for `seconds`; then the phone system asks again."""

    step: ClassVar[str] = "silence"

    seconds: int


Step: TypeAlias = Play | Say | Collect | Dial | Talk | Speak | Silence | End


@dataclass(frozen=True, slots=True)
class Scene:
    """Steps one after the other, in the language of the phone system's own voice."""

    steps: tuple[Step, ...]
    language: str = ""

    def then(self, further: Scene) -> Scene:
        """This, and what is heard after it."""
        return Scene(self.steps + further.steps, further.language or self.language)


def scene_of(action: AnyAction) -> Scene:
    """What `action` does on a phone system."""
    return Scene(_steps(action), action.language or "")


def _steps(action: AnyAction) -> tuple[Step, ...]:
    match action:
        case SayDigits():
            said = Say("".join(character for character in action.digits if character.isdigit()))
            return (*_played(action.intro_prompt), said, _collected(action))
        case Menu():
            return (_collected(action),)
        case Call():
            return (*_played(action.caller_prompt), _dialled(action))
        case Hangup():
            return (*_played(action.prompt), End("hangup", action.cause))
        case GoToLayer():
            return (Play(action.prompt, action.loops, action.loop_delay), End("layer", layer=action.layer))
        case Record():
            return (*_played(action.prompt), Speak(action.max_duration))


def _played(prompt: Prompt | None) -> tuple[Play, ...]:
    return () if prompt is None else (Play(prompt),)


def _collected(menu: Menu) -> Collect:
    return Collect(menu.menu, menu.prompt, menu.max_digits, menu.loops, menu.loop_delay, menu.validate_digits)


def _dialled(call: Call) -> Dial:
    return Dial(
        call.target, call.ring_timeout, call.max_duration, call.record, call.caller_number, call.caller_name,
        call.hold_music, call.target_prompt, None if call.on_failure is None else _collected(call.on_failure),
    )  # fmt: skip


def as_json(scene: Scene) -> dict[str, Any]:
    """`scene` for a page: each step an object with its name as `step`."""
    return {"language": scene.language, "steps": [step_json(step) for step in scene.steps]}


def step_json(step: Step) -> dict[str, Any]:
    """One step as JSON; `progress.read` reads those that the phone system waits at."""
    return {"step": step.step, **{field.name: _value(getattr(step, field.name)) for field in fields(step)}}


def _value(value: Any) -> Any:
    if isinstance(value, Prompt):
        return prompt_json(value)
    return step_json(value) if isinstance(value, Collect) else value


def prompt_json(prompt: Prompt) -> dict[str, str]:
    """What is played: its kind (`name` of a recording, `file`, `url`, `text`) and what stands there."""
    kind = next((kind for kind in ("name", "file", "url", "text") if getattr(prompt, kind) is not None), "name")
    return {"kind": kind, "said": said(prompt)}


def said(prompt: Prompt) -> str:
    """The recording's name, or whatever the prompt has instead."""
    return prompt.name or prompt.file or prompt.url or prompt.text or ""
