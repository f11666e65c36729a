"""Where each field came from: of an event against the phone system's request, of a reply against the backend's answer.

Pure. What a platform calls a field is in its own tables, `Platform.fields` and `Platform.reply_fields`; what was put right
is in the exchange's repairs. Values are as they were recorded, masked.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from rpcbridge.codec import Fault, Lexical, MethodCall, decode_call, decode_reply
from rpcbridge.errors import CallError
from rpcbridge.inspector.documents import Document, unmasked_json

# as is: the same name and value. renamed: another name. coerced: another value. defaulted: it was not said, its default stands.
# added: by the bridge. redacted: masked when it was recorded. dropped: it did not go on. fallback: of the configured action.
Kind = Literal["as is", "renamed", "coerced", "defaulted", "added", "redacted", "dropped", "fallback"]
KINDS: tuple[Kind, ...] = ("renamed", "coerced", "defaulted", "added", "redacted", "dropped", "fallback", "as is")


class Tables(Protocol):
    """What is needed of a platform: rpcbridge.platforms.Platform has it."""

    @property
    def fields(self) -> Mapping[str, str]:
        """A request's: the contract's field -> the platform's member."""

    @property
    def reply_fields(self) -> Mapping[str, Mapping[str, str]]:
        """A reply's, by action: the platform's member -> the contract's field."""


@dataclass(frozen=True, slots=True)
class End:
    """A field at one end of its way: its name there, and its value as JSON; no value where it was not there."""

    name: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """One field: as it came, as it went on, for a reply as the platform got it; what happened to it, and why."""

    came: End
    became: End
    kinds: tuple[Kind, ...]
    detail: str = ""
    wire: End = End()


@dataclass(frozen=True, slots=True)
class Diff:
    """All fields of one step, and what could not be compared ("" for nothing)."""

    fields: tuple[Field, ...] = ()
    note: str = ""

    @property
    def counts(self) -> str:
        """`7 fields: 3 renamed, 1 coerced, 3 as is`"""
        each = [(sum(kind in field.kinds for field in self.fields), kind) for kind in KINDS]
        told = ", ".join(f"{count} {kind}" for count, kind in each if count)
        return f"{len(self.fields)} field{'s' * (len(self.fields) != 1)}{f': {told}' if told else ''}"


def event_fields(seen: Document, platform: Tables) -> Diff:
    """The event against the phone system's request."""
    event = seen["stations"]["event"]
    if event is None:
        return Diff(note="No event was made of this request.")
    sent, note = _sent(seen)
    repairs, masked = _repairs(seen), set(seen.get("masked") or ())
    found = [_event_field(name, value, platform.fields.get(name), sent, repairs, name in masked) for name, value in event.items()]
    taken = {platform.fields[name] for name in event if name in platform.fields}
    return Diff((*found, *_not_taken(sent or {}, taken, repairs, "raw" in event)), note)


def _event_field(
    name: str, value: Any, wire: str | None, sent: Mapping[str, Any] | None, repairs: Mapping[str, str], masked: bool
) -> Field:
    became = End(name, _json(value))
    redacted: tuple[Kind, ...] = ("redacted",) if masked else ()
    if wire is None:
        return Field(End(), became, ("added", *redacted), _ADDED.get(name, ""))
    if sent is None:
        return Field(End(wire), became, (*_renamed(wire, name), *redacted))
    if wire not in sent:
        return Field(End(wire), became, ("defaulted", *redacted), repairs.get(wire, "the phone system did not send it"))
    came = sent[wire]
    changed = not _same(came, value) and not (masked and _hidden(came))
    kinds = (*_renamed(wire, name), *_coerced(changed), *redacted) or ("as is",)
    return Field(End(wire, _json(came)), became, kinds, _change(came, value, repairs.get(wire, "")) if changed else "")


def _not_taken(sent: Mapping[str, Any], taken: set[str], repairs: Mapping[str, str], raw: bool) -> Iterator[Field]:
    """What the phone system said and no field of the event tells; `raw`: all it said goes along."""
    for wire, value in sent.items():
        if wire not in taken and raw:
            yield Field(End(wire, _json(value)), End(f"raw.{wire}", _json(value)), ("as is",), repairs.get(wire, ""))
        elif wire not in taken:
            why = repairs.get(wire, "the contract has no such field; backend.include_raw passes it on in raw")
            yield Field(End(wire, _json(value)), End(), ("dropped",), why)


def reply_fields(seen: Document, platform: Tables) -> Diff:
    """The action that was served against the backend's answer, and each field's place in the reply."""
    served = seen.get("served")
    if not served:
        return Diff(note="No action was served.")
    reply, note = _replied(seen)
    names = platform.reply_fields.get(str(served.get("action")), {})
    answer, unread = _answer(seen, names)
    wires = {path: wire for wire, path in names.items()} | _by_case(served, reply or {}, names)
    walk = _Walk(seen.get("outcome") == "fallback", bool(seen.get("native")), answer, reply, _repairs(seen), wires)
    flat = dict(_flat(served))
    found = [walk.field(path, value) for path, value in flat.items()]
    found += [walk.added(wire, value, names.get(wire)) for wire, value in (reply or {}).items() if wire not in {wires.get(path) for path in flat}]
    found += walk.left_over(flat)
    return Diff(tuple(found), " ".join(filter(None, (note, unread))))


@dataclass(frozen=True, slots=True)
class _Walk:
    """What the fields of one reply are compared with."""

    fallback: bool
    native: bool
    answer: Mapping[str, Any] | None
    reply: Mapping[str, Any] | None
    repairs: Mapping[str, str]
    wires: Mapping[str, str]

    def field(self, path: str, value: Any) -> Field:
        """One field of the action served."""
        origin, came, detail = self._origin(path, value)
        wire = self.wires.get(path)
        placed = End() if wire is None or self.reply is None or wire not in self.reply else End(wire, _json(self.reply[wire]))
        kinds: tuple[Kind, ...] = (*origin, *(_renamed(path, placed.name) if placed.name else ()))
        if self.reply is not None and not placed.name and "defaulted" not in origin:
            kinds, detail = (*kinds, "dropped"), detail or self.repairs.get(path, "") or "the reply has no such member"
        if _hidden(value):
            kinds = (*kinds, "redacted")
        return Field(came, End(path, _json(value)), kinds or ("as is",), detail, placed)

    def _origin(self, path: str, value: Any) -> tuple[tuple[Kind, ...], End, str]:
        if self.fallback:
            return ("fallback",), End(), "of the configured fallback"
        if self.answer is None:
            return (), End(), ""
        if path not in self.answer:
            return ("defaulted",), End(), "the answer does not say it"
        came, wire = self.answer[path], self.wires.get(path, "")
        said = End(wire if self.native and wire else path, _json(came))
        same = (_same(came, value) and type(came) is type(value)) or (_hidden(came) and _hidden(value))
        if same or (self.native and path == "action"):
            return (), said, ""
        return ("coerced",), said, _change(came, value, self.repairs.get(path, "") or self.repairs.get(wire, ""))

    def added(self, wire: str, value: Any, path: str | None) -> Field:
        """A member of the reply that no field of the action tells."""
        why = self.repairs.get(wire, "") or ("the platform needs it, the action does not say it" if path else "the platform's reply needs it")
        kinds: tuple[Kind, ...] = ("defaulted" if path else "added",)
        return Field(End(), End(), (*kinds, "redacted") if _hidden(value) else kinds, why, End(wire, _json(value)))

    def left_over(self, served: Mapping[str, Any]) -> Iterator[Field]:
        """What the answer said beside the action."""
        for path, value in (self.answer or {}).items():
            if path not in served:
                kept = "kept by the bridge for the call's next question" if path == "state" else self.repairs.get(path, "does not go to the phone system")
                yield Field(End(path, _json(value)), End(), ("dropped",), kept)


def _sent(seen: Document) -> tuple[Mapping[str, Any] | None, str]:
    """The members of the phone system's request, or why they cannot be told."""
    body = seen["stations"]["platform_request"]["body"]
    if not body:
        return None, "The phone system had no part in this exchange."
    try:
        call = decode_call(unmasked_json(body).encode("utf-8", "replace"))
    except CallError as error:
        return None, f"The request as it was kept cannot be read ({error}): what the phone system sent is not compared."
    return _members(call), ""


def _members(call: MethodCall) -> Mapping[str, Any]:
    return next((param for param in call.params if isinstance(param, dict)), {})


def _replied(seen: Document) -> tuple[Mapping[str, Any] | None, str]:
    """The members of the reply, those of a struct in it beside the others; or why they cannot be told."""
    body = seen["stations"]["platform_response"]["body"]
    try:
        reply = decode_reply(unmasked_json(body).encode("utf-8", "replace"))
    except CallError as error:
        return None, f"The reply as it was kept cannot be read ({error}): its members are not shown."
    if isinstance(reply, Fault) or not isinstance(reply.value, dict):
        return None, "The reply is no struct."
    return _opened(reply.value), ""


def _opened(members: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in members.items():
        found |= value if isinstance(value, dict) else {name: value}
    return found


def _answer(seen: Document, names: Mapping[str, str]) -> tuple[Mapping[str, Any] | None, str]:
    """The backend's answer by the contract's paths; of a native one, its members under the names they mean.

    None where it cannot be told, with the reason.
    """
    station = seen["stations"]["backend_response"]
    if seen.get("outcome") == "fallback":
        return None, ""
    if station is None:
        return None, "The answer stands with the identical question that was asked in its place."
    try:
        answer = json.loads(unmasked_json(station["body"]))
    except (ValueError, RecursionError):
        return None, "The answer as it was kept cannot be read: it is not compared."
    if not isinstance(answer, dict):
        return None, "The answer is no object."
    if not seen.get("native"):
        return dict(_flat(answer)), ""
    state = {"state": answer["state"]} if "state" in answer else {}
    native = answer.get("native", {name: value for name, value in answer.items() if name != "state"})
    members = _opened(native) if isinstance(native, dict) else {}
    return {names.get(wire, wire.lower()): value for wire, value in members.items()} | state, ""


def _by_case(served: Mapping[str, Any], reply: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, str]:
    """Members that no table tells, for they stand in every reply: `action` is ACTION."""
    lower = {wire.lower(): wire for wire in reply if wire not in names}
    return {path: lower[path] for path in served if path in lower}


def _flat(action: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Fields by their paths; a prompt, a list and a state are one value each."""
    for name, value in action.items():
        if name == "on_failure" and isinstance(value, Mapping):
            yield from _flat(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", value


def _repairs(seen: Document) -> dict[str, str]:
    """What was put right, by the path without the struct it stands in, and by the field's own name."""
    found: dict[str, str] = {}
    for repair in seen.get("repairs") or ():
        path = str(repair["path"]).removeprefix("native.")
        told = f"{repair['kind']}: {repair['detail']}" if repair["detail"] else str(repair["kind"])
        for name in (path, path.rpartition(".")[2]):
            found.setdefault(name, told)
    return found


def _renamed(came: str, became: str) -> tuple[Kind, ...]:
    return () if came == became else ("renamed",)


def _coerced(changed: bool) -> tuple[Kind, ...]:
    return ("coerced",) if changed else ()


def _change(came: Any, became: Any, repair: str) -> str:
    return repair or f"{_json(came)} → {_json(became)}"


def _same(came: Any, became: Any) -> bool:
    """Whether both say the same; a number on the wire is its digits, a flag 1 or 0."""
    if isinstance(came, list) and isinstance(became, list):
        return len(came) == len(became) and all(map(_same, came, became))
    if isinstance(became, bool) or isinstance(came, bool):
        return came is became
    if isinstance(became, int) and isinstance(came, str):
        return came == str(became)
    return bool(came == became)


def _hidden(value: Any) -> bool:
    """Whether a value was masked: no field of the contract holds three stars of its own."""
    if isinstance(value, str):
        return "***" in value
    return isinstance(value, Sequence | Mapping) and any(map(_hidden, _inner(value)))


def _inner(value: Sequence[Any] | Mapping[str, Any]) -> Iterable[Any]:
    return value.values() if isinstance(value, Mapping) else value


def _json(value: Any) -> str:
    if isinstance(value, Lexical) and value.type != "string":
        text = str(value)  # a number on the wire
    else:
        text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


_LONGEST = 200  # characters of a value in a table

# What the bridge says of its own accord.
_ADDED: Mapping[str, str] = {
    "event": "what the phone system's method means",
    "event_id": "the exchange's own id, the same on every redelivery",
    "occurred_at": "when the request came",
    "platform": "which phone system it is",
    "direction": "who called whom",
    "turn": "counts the questions of this call",
    "reason": "from the menu and the digits",
    "state": "what the backend last returned as state",
    "raw": "the phone system's own fields, by backend.include_raw",
    "platform_text": "the phone system's own word",
}
