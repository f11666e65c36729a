"""What came back then, and what comes back now: where a replayed turn leads, and what of its reply differs. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from rpcbridge.codec import Fault, Value, decode_reply
from rpcbridge.errors import AnswerRejected, CallError
from rpcbridge.inspector.documents import Document, unmasked_json
from rpcbridge.inspector.replay import Script, Step, as_recorded, changed
from rpcbridge.platforms import Platform
from rpcbridge.schemas import actions


@dataclass(frozen=True, slots=True)
class Difference:
    """One value of the reply: its name (the contract's where it has one), what it was and what it is; "" for none."""

    name: str
    then: str
    now: str


@dataclass(frozen=True, slots=True)
class Compared:
    """One turn sent again. then, now: where it led, in words. elsewhere: it leads to another place than then.

    changed: the fields that were sent otherwise than then. then_note, now_note: why it was a fallback, "" where it was none or nobody knows.
    unreadable: why the reply of now, or the record of then, cannot be compared; "" where both could be read.
    """

    number: int
    of: str
    method: str
    asked: str
    then: str
    now: str
    elsewhere: bool
    differences: tuple[Difference, ...]
    then_ms: float
    now_ms: float
    changed: tuple[str, ...] = ()
    then_note: str = ""
    now_note: str = ""
    unreadable: str = ""

    @property
    def same(self) -> bool:
        """Whether everything that came back is as it was."""
        return not (self.differences or self.elsewhere or self.unreadable)


def compared(
    script: Script, step: Step, sent: bytes, reply: bytes, milliseconds: float, *, shown: bytes | None = None, note: str = "", key: str = "",
) -> Compared:  # fmt: skip
    """What `reply` says to `sent`, beside what the record of the same turn says.

    shown: the same reply as it may be shown, masked. note: why it is a fallback, where that is known. key: ours of the new call.
    """
    platform, seen = script.platform, step.seen
    keeps = platform.conversation is not None
    if keeps:  # what names the new call says nothing of what became of it
        sent, reply = as_recorded(script, step, sent, sent, key), as_recorded(script, step, sent, reply, key)
        shown = None if shown is None else as_recorded(script, step, sent, shown, key)
    then, now = _read(seen["stations"]["platform_response"]["body"].encode()), _read(reply)
    served = seen["served"] or {}
    had, was = (_told(then, platform)) if keeps else (served.get("action", ""), _place(served) or _told(then, platform)[1])
    action, place = _told(now, platform)
    visible = now if shown is None else _read(shown)
    told = place if visible is now else _shown(visible, action, platform)
    readable = not isinstance(then, Fault | str) and not isinstance(now, Fault | str)
    if had and action and had != action:  # none of the fields that only one of them has would tell any more
        differences: tuple[Difference, ...] = (Difference("action", had, action),)
    else:
        differences = tuple(_differences(then, now, visible, platform.reply_fields.get(action, {}))) if readable else ()
    return Compared(
        step.number, seen["id"], seen["method"], _asked(seen), was, told,
        not _alike(was, place), differences, seen["total_ms"], milliseconds, changed(step, sent),
        seen["reason"] if seen["outcome"] == "fallback" else "", note, "" if readable or then == now else _unreadable(now),
    )  # fmt: skip


def _unreadable(now: Value | Fault | str) -> str:
    """Why two replies that are not alike cannot be compared; "" where a fault says enough."""
    if isinstance(now, str):
        return now
    return "" if isinstance(now, Fault) else "what came back then cannot be read any more"


def _read(reply: bytes) -> Value | Fault | str:
    """The value of a reply; a text says why there is none."""
    if not reply:
        return "nothing came back"
    try:
        read = decode_reply(unmasked_json(reply.decode("utf-8", "replace")).encode())
    except CallError as error:
        return f"the reply cannot be read: {error}"
    return read if isinstance(read, Fault) else read.value


def _told(value: Value | Fault | str, platform: Platform) -> tuple[str, str]:
    """The contract's name of the action in a reply, and where it leads, in words."""
    if isinstance(value, Fault):
        return "", f"fault {value.code}: {value.message}"
    if not isinstance(value, dict):
        return "", "nothing of use"
    native = platform.is_native(value)
    try:
        action = platform.action_of(platform.load_native(value, "")[0])
    except AnswerRejected as error:
        words = ", ".join(f"{name} {text}" for name, text in value.items() if isinstance(text, str))
        return "", f"an action that cannot be used: {error}" if native else words
    return action.action, _place(actions.dump(action)) if native else _heard(value, actions.dump(action))


def _heard(reply: Mapping[str, Any], action: Mapping[str, Any]) -> str:
    """A reply that keeps its menu's name to itself: what it says, and what the caller hears."""
    said = str(reply.get("action") or action["action"])
    return " ".join([said, *(_words(action[name]) for name in ("target", "prompt") if action.get(name))])


def _words(value: object) -> str:
    """A target, or what a prompt plays."""
    return next((str(inner) for inner in value.values()), "") if isinstance(value, Mapping) else str(value)


def _shown(visible: Value | Fault | str, action: str, platform: Platform) -> str:
    """Where a masked reply leads, in words. Stars where digits are due make it no action of its own; its fields have names all the same."""
    read, place = _told(visible, platform)
    if read or not action:
        return place
    names = platform.reply_fields.get(action, {})
    fields = {names.get(path.rpartition(".")[2], path): text for path, text in _flat(visible)}
    return _place({**fields, "action": action})


def _place(action: Mapping[str, Any] | None) -> str:
    """Where an action leads: `menu main`, `call 0501234567`."""
    if not action:
        return ""
    about = {"menu": "menu", "say_digits": "menu", "call": "target", "go_to_layer": "layer"}.get(action["action"], "")
    return f"{action['action']} {action.get(about, '')}".strip().replace("say_digits", "digits, then menu")


def _asked(seen: Document) -> str:
    """What the caller did that this turn asks about."""
    event = seen["stations"]["event"] or {}
    if seen.get("about"):
        return "the call goes on"
    if event.get("event") != "action_requested":
        return "the call ends" if event.get("event") in (None, "call_ended") else str(event["event"]).replace("_", " ")
    if event.get("menu") is None:
        return "the call begins"
    return f"{event.get('digits') or 'nothing'} pressed in menu {event['menu']}"


def _differences(then: object, now: object, visible: object, names: Mapping[str, str]) -> Iterator[Difference]:
    before, after, shown = dict(_flat(then)), dict(_flat(now)), dict(_flat(visible))
    for path in {**before, **after}:
        one, other = before.get(path, ""), after.get(path, "")
        if not _alike(one, other):
            yield Difference(names.get(path, names.get(path.rpartition(".")[2], path)), one, shown.get(path, "***" if other else ""))


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _flat(inner, f"{path}.{name}".lstrip("."))
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for place, item in enumerate(value):
            yield from _flat(item, f"{path}.{place}")
    elif isinstance(value, list):
        yield path, ", ".join(map(str, value))
    else:
        yield path, "" if value is None else str(value)


def _alike(then: str, now: str) -> bool:
    """Whether what was recorded may have been this: a star stands for any character, three alone for any text."""
    if then == now or then == "***":
        return True
    if "*" not in then or len(then) != len(now):
        return False
    return all(was in ("*", character) for was, character in zip_longest(then, now)) and bool(re.search(r"\*\*|^\*$", then))
