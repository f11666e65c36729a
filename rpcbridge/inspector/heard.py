"""What a caller did and heard, in words, from recorded events and the actions that were served. Pure.

Knows the contract alone, no platform: `rpcbridge call` says the same of a call it places itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rpcbridge.domain.causes import definition
from rpcbridge.inspector.documents import Document
from rpcbridge.inspector.words import isolated, seconds

Served = Mapping[str, Any]


def heard(served: Served | None, *, deferred: bool = False) -> tuple[str, ...]:
    """What the caller hears of an action, a sentence each; nothing where none was served. deferred: not until the phone system asks again."""
    if not served:
        return ()
    if deferred:
        return (f"goes into the phone system's IVR; it asks for what is played there: {_named(served)}",)
    tell = _ACTIONS.get(str(served.get("action")))
    return tell(served) if tell else (f"gets the action {_text(served.get('action'))}, which is not known here",)


def done(event: Mapping[str, Any] | None, masked: Sequence[str] = ()) -> str:
    """What the caller did so that the question came; "" where that is not known. `masked`: fields whose value is hidden."""
    if not event or event.get("event") != "action_requested":
        return ""
    digits, menu = _text(event.get("digits")), isolated(event.get("menu"))
    where = f" in the menu {menu}" if menu else ""
    told = {
        "call_started": "calls",
        "input": f"presses {_count(digits) if 'digits' in masked else ' '.join(digits)}{where}",
        "no_input": f"presses nothing{where}",
        "leg_failed": "was not connected, and waits",
        "leg_ended": "was connected, and waits again",
    }
    return told.get(_text(event.get("reason")), "waits")


def prompt_in_words(prompt: object) -> str:
    """A prompt: a recording's name, or what an object says is to be played."""
    if isinstance(prompt, str):
        return f'"{isolated(prompt)}"' if prompt else "a prompt without a name"
    if not isinstance(prompt, Mapping):
        return "a prompt"
    how = ", ".join(f"{kind} {_text(prompt[kind])}" for kind in ("voice", "language") if prompt.get(kind))
    with_voice = f" ({how})" if how else ""
    for kind, words in (("text", "the text"), ("file", "the file"), ("url", "the recording at")):
        if prompt.get(kind):
            return f'{words} "{isolated(prompt[kind])}"{with_voice}'
    return prompt_in_words(prompt.get("name")) + with_voice


def ended(documents: Sequence[Document]) -> str:
    """The call as a whole in one line, from the report of its end."""
    event = next((seen["stations"]["event"] for seen in documents if seen.get("event") == "call_ended" and seen["stations"]["event"]), None)
    if event is None:
        last = next((seen["served"] for seen in reversed(documents) if seen.get("served")), None)
        return f"Its end was not reported{_last_words(last)}."
    told = [_by_whom(event), _dialled(event), _lasted(event), _cause(event)]
    return f"{'; '.join(part for part in told if part)}."


def once_more(served: Served) -> tuple[str, ...]:
    """What the caller hears again, or still."""
    return (f"still gets {_named(served)}: nothing was asked",)


def _named(served: Served) -> str:
    """An action by its name and menu."""
    menu = f" {isolated(served['menu'])}" if served.get("menu") else ""
    return _text(served.get("action")).replace("_", " ") + menu


def _menu(served: Served) -> tuple[str, ...]:
    return (f"hears {prompt_in_words(served.get('prompt'))}; {_wanted(served)}", *_silence(served))


def _wanted(menu: Served) -> str:
    size, name = menu.get("max_digits", 1), isolated(menu.get("menu"))
    of_menu = f" (menu {name})" if name else ""
    if size == 0:
        return f"no digits are collected{of_menu}"
    key = f", {_text(menu['finish_key'])} ends them" if menu.get("finish_key") else ""
    return f"up to {_text(size)} digit{'s' * (size != 1)} wanted{key}{of_menu}"


def _silence(menu: Served) -> tuple[str, ...]:
    """What comes of silence, where it is more than one playing of the prompt."""
    loops = menu.get("loops", 1)
    if menu.get("max_digits", 1) == 0 or loops == 1:
        return ()
    return (f"if silent, hears it {_text(loops)} times, {_text(menu.get('loop_delay', 3))} s after each",)


def _say_digits(served: Served) -> tuple[str, ...]:
    digits = [character for character in _text(served.get("digits")) if not character.isspace()]
    spoken = _count(digits) if digits and set(digits) == {"*"} else f"the digits {' '.join(digits)}"
    intro = served.get("intro_prompt")
    first = (f"hears {prompt_in_words(intro)}",) if intro else ()
    return (*first, f"hears {spoken}", *_menu(served))


def _call(served: Served) -> tuple[str, ...]:
    first = (f"hears {prompt_in_words(served['caller_prompt'])}",) if served.get("caller_prompt") else ()
    music = f', to the music "{isolated(served["hold_music"])}"' if served.get("hold_music") else ""
    recorded = ", recorded" if served.get("record") else ""
    dialled = f"is connected to {_text(served.get('target'))}: it rings for at most {seconds(served.get('ring_timeout', 30))}{music}"
    talk = f"they talk for at most {seconds(served.get('max_duration', 3600))}{recorded}"
    return (*first, dialled, talk, _afterwards(served))


def _afterwards(served: Served) -> str:
    menu = served.get("on_failure")
    if served.get("after_call") == "ask":
        return "then the backend is asked again"
    if not isinstance(menu, Mapping):
        return "if nobody answers, is disconnected"
    return f"if nobody answers, {_menu(menu)[0]}"


def _hangup(served: Served) -> tuple[str, ...]:
    cause = served.get("cause")
    why = "" if cause is None else f" (cause {_text(cause)}, {definition(cause)})"
    return (*_played(served), f"is hung up on{why}")


def _go_to_layer(served: Served) -> tuple[str, ...]:
    return (*_played(served), f"goes on in layer {_text(served.get('layer'))} of the phone system's own IVR")


def _record(served: Served) -> tuple[str, ...]:
    limit = served.get("max_duration")
    return (*_played(served), f"is recorded{f' for at most {seconds(limit)}' if limit else ''}, until hanging up")


def _played(served: Served) -> tuple[str, ...]:
    return (f"hears {prompt_in_words(served['prompt'])}",) if served.get("prompt") else ()


_ACTIONS: Mapping[str, Callable[[Served], tuple[str, ...]]] = {
    "menu": _menu, "say_digits": _say_digits, "call": _call, "hangup": _hangup, "go_to_layer": _go_to_layer, "record": _record,
}  # fmt: skip


def _last_words(served: Served | None) -> str:
    return f"; the last action was {_text(served.get('action'))}" if served else ""


def _by_whom(event: Mapping[str, Any]) -> str:
    whom = _text(event.get("ended_by"))
    if not whom or whom == "unknown":
        return "The call ended, it is not known by whom" if whom else "The call ended"
    return f"The call was ended by the {whom}"


def _dialled(event: Mapping[str, Any]) -> str:
    status, target = _text(event.get("call_status")).replace("_", " "), _text(event.get("target"))
    if not status:
        return ""
    word = _text(event.get("platform_text"))
    whom = f"the call to {target}" if target else "the dialled call"
    return f"{whom}: {status}{f' ({word})' if word else ''}"


def _lasted(event: Mapping[str, Any]) -> str:
    if event.get("duration") is None:
        return ""
    ring = event.get("ring_duration")
    rang = f", rang for {seconds(ring)}" if ring else ""
    return f"lasted {seconds(event['duration'])}{rang}{' (estimated)' if event.get('estimated') else ''}"


def _cause(event: Mapping[str, Any]) -> str:
    cause = event.get("hangup_cause")
    return "" if cause is None else f"cause {_text(cause)}, {definition(cause)}"


def _count(digits: Sequence[str]) -> str:
    return f"{len(digits)} digit{'s' * (len(digits) != 1)} (masked here)"


def _text(value: object) -> str:
    return "" if value is None else str(value)
