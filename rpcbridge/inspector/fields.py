"""Where each field came from: of an event against the phone system's request, of a reply against the backend's answer.

Pure. What a platform calls a field is in its own tables, `Platform.fields` and `Platform.reply_fields`; what was put right
is in the exchange's repairs. Values are as they were recorded, masked.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from rpcbridge.codec import REST, Fault, Lexical, MethodCall, decode_call, decode_reply
from rpcbridge.errors import CallError
from rpcbridge.inspector.documents import Document, unmasked_json
from rpcbridge.inspector.paths import opened

# as is: the same name and value. renamed: another name. coerced: another value. defaulted: it was not said, its default stands.
# added: by the bridge. kept: from, or for, what the bridge keeps of a call that it carries on. redacted: masked when it was recorded.
# dropped: it did not go on. fallback: of the configured action.
Kind = Literal["as is", "renamed", "coerced", "defaulted", "added", "kept", "redacted", "dropped", "fallback"]
KINDS: tuple[Kind, ...] = ("renamed", "coerced", "defaulted", "added", "kept", "redacted", "dropped", "fallback", "as is")


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


def event_fields(seen: Document, platform: Tables, *, keeps: bool = False) -> Diff:
    """The event against the phone system's request. keeps: the bridge carries its calls on, and keeps what is known of them."""
    event = seen["stations"]["event"]
    if event is None:
        return Diff(note="No event was made of this request.")
    sent, note = _sent(seen, platform)
    repairs, masked = _repairs(seen), set(seen.get("masked") or ())
    told = opened(event, platform.fields)
    found = [_event_field(name, value, platform.fields.get(name), sent, repairs, name in masked, keeps) for name, value in told.items()]
    taken = {platform.fields[name] for name in told if name in platform.fields}
    return Diff((*found, *_not_taken(sent or {}, taken, repairs, "raw" in event)), note)


def _event_field(
    name: str, value: Any, wire: str | None, sent: Mapping[str, Any] | None, repairs: Mapping[str, str], masked: bool, keeps: bool
) -> Field:
    became = End(name, _json(value))
    redacted: tuple[Kind, ...] = ("redacted",) if masked else ()
    if keeps and name in _KEPT and sent is not None and wire not in sent:
        return Field(End(), became, ("kept", *redacted), "from what is kept of the call")
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


def reply_fields(seen: Document, platform: Tables, *, keeps: bool = False) -> Diff:
    """The action that was served against the backend's answer, and each field's place in the reply. keeps: as above."""
    served = seen.get("served")
    if not served:
        return Diff(note="No action was served.")
    names = platform.reply_fields.get(str(served.get("action")), {})
    shape = names if keeps else None
    reply, note = _replied(seen, shape)
    answer, unread = _answer(seen, names, shape)
    wires = _places(names, reply or {}) | _by_case(served, reply or {}, names)
    walk = _Walk(seen.get("outcome") == "fallback", bool(seen.get("native")), answer, reply, _repairs(seen), wires, keeps)
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
    keeps: bool = False

    def field(self, path: str, value: Any) -> Field:
        """One field of the action served."""
        origin, came, detail = self._origin(path, value)
        wire = self.wires.get(path)
        placed = End() if wire is None or self.reply is None or wire not in self.reply else End(wire, _json(self.reply[wire]))
        kinds: tuple[Kind, ...] = (*origin, *(_renamed(path, placed.name) if placed.name else ()))
        if self.keeps and self.reply is not None and not placed.name and path not in self.repairs and "defaulted" not in origin:
            kinds, detail = (*kinds, "kept"), detail or ("what it plays says it" if path == "action" else "kept by the bridge, which carries the call on")
        elif self.reply is not None and not placed.name and "defaulted" not in origin:
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


def _places(names: Mapping[str, str], reply: Mapping[str, Any]) -> dict[str, str]:
    """Where in the reply each of the action's fields is said: of several places the one that is there."""
    found: dict[str, str] = {}
    for wire, paths in names.items():
        found |= {path: wire for path in paths.split() if path not in found or (wire in reply and found[path] not in reply)}
    return found


def _sent(seen: Document, platform: Tables) -> tuple[Mapping[str, Any] | None, str]:
    """The members of the phone system's request, or why they cannot be told."""
    body = seen["stations"]["platform_request"]["body"]
    if not body:
        return None, "The phone system had no part in this exchange."
    try:
        call = decode_call(unmasked_json(body).encode("utf-8", "replace"), seen["method"] if seen["dialect"] == REST else "")
    except CallError as error:
        return None, f"The request as it was kept cannot be read ({error}): what the phone system sent is not compared."
    return opened(_members(call), platform.fields.values()), ""


def _members(call: MethodCall) -> Mapping[str, Any]:
    return next((param for param in call.params if isinstance(param, dict)), {})


def _replied(seen: Document, shape: Mapping[str, str] | None) -> tuple[Mapping[str, Any] | None, str]:
    """The members of the reply; or why they cannot be told."""
    body = seen["stations"]["platform_response"]["body"]
    try:
        reply = decode_reply(unmasked_json(body).encode("utf-8", "replace"))
    except CallError as error:
        return None, f"The reply as it was kept cannot be read ({error}): its members are not shown."
    if isinstance(reply, Fault) or not isinstance(reply.value, dict):
        return None, "The reply is no struct."
    return _opened(reply.value, shape), ""


def _opened(members: Mapping[str, Any], shape: Mapping[str, str] | None) -> dict[str, Any]:
    """The members by their paths, as `shape` opens them; without one, those of a struct beside the others."""
    if shape is not None:
        return opened(members, shape)
    found: dict[str, Any] = {}
    for name, value in members.items():
        found |= value if isinstance(value, dict) else {name: value}
    return found


def _answer(seen: Document, names: Mapping[str, str], shape: Mapping[str, str] | None) -> tuple[Mapping[str, Any] | None, str]:
    """The backend's answer by the contract's paths; of a native one, its members under the names they mean.

    None where it cannot be told, with the reason.
    """
    station = seen["stations"]["backend_response"]
    if seen.get("outcome") == "fallback":
        return None, ""
    if station is None and seen.get("about"):
        return None, "Nobody was asked: it was decided before."
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
    members = _opened(native, shape) if isinstance(native, dict) else {}
    return {path: value for wire, value in members.items() for path in names.get(wire, wire.lower()).split()} | state, ""


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

# What the bridge knows of a call that it carries on.
_KEPT = {
    "call_id", "caller_number", "caller_name", "called_number", "reference", "menu", "previous_menu", "target", "call_status",
    "hangup_cause", "ended_by", "duration", "ring_duration", "estimated",
}  # fmt: skip

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
