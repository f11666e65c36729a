"""Recorded exchanges -> the requests that send them again, as they were or changed. Pure.

What was masked when it was recorded is never guessed: each such field has to be given. A request is decoded, gets
the id of its new call and the given values as the platform's own members, and is encoded again in its dialect.
Where the bridge carries a call on, all that came before an exchange is sent again, too, and our key in it is the new call's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rpcbridge.codec import REST, Lexical, MethodCall, Value, decode_call, encode_call
from rpcbridge.errors import CallError, EncodeError, Problem, RpcbridgeError, listed, nearest
from rpcbridge.inspector import keys
from rpcbridge.inspector.documents import Document, is_cut, is_delivery, is_order, is_own, unmasked_json
from rpcbridge.inspector.paths import opened, with_value
from rpcbridge.platforms import Kind, Platform

_MASK = re.compile(r"\*\*|^\*$")
_ULID = 26  # characters of an exchange's id
_NUMBERED = re.compile(r"([0-9]{1,3})\.(.+)", re.ASCII)


class NotReplayable(RpcbridgeError):
    """What cannot be sent again, or not yet: `problems` names each field and what to do about it.

    missing: the fields among them that only have to be given.
    """

    def __init__(self, problems: Iterable[Problem], missing: Iterable[str] = ()) -> None:
        self.problems = tuple(problems)
        self.missing = tuple(missing)
        super().__init__(listed(self.problems))


class NotKept(NotReplayable):
    """Nothing is recorded of it, or nothing any more."""


@dataclass(frozen=True, slots=True)
class Field:
    """One value of a request. key: what gives it another; `3.digits` where it differs from turn to turn of a call.

    masked: it is not in the record, and has to be given.
    """

    key: str
    name: str
    member: str
    value: str
    masked: bool


@dataclass(frozen=True, slots=True)
class Step:
    """One exchange that is sent again: its place among all, its request as recorded, its document."""

    number: int
    kind: Kind
    request: MethodCall
    fields: tuple[Field, ...]
    seen: Document

    @property
    def members(self) -> Mapping[str, Value]:
        """The struct that the request carries."""
        return _struct(self.request)

    @property
    def callback(self) -> str:
        """The last segment of the path it is posted to, where that names the method; else ""."""
        return self.request.method if self.request.dialect == REST else ""


@dataclass(frozen=True, slots=True)
class Script:
    """A call, or a part of one, to be sent again. `of`: the id of the exchange that its new call's id names."""

    of: str
    platform: Platform
    steps: tuple[Step, ...]

    @property
    def keys(self) -> frozenset[str]:
        """Ours of the recorded call, which the phone system carried along."""
        talk = self.platform.conversation
        found = {key for step in self.steps for key in keys.of(talk, step.request, step.seen)} if talk is not None else set[str]()
        return frozenset(found - {""})

    @property
    def fields(self) -> tuple[Field, ...]:
        """Every value that can be given, once."""
        return tuple({field.key: field for step in self.steps for field in step.fields}.values())


def script_of(id: str, exchange: Callable[[str], Document | None], call: Callable[[str], Sequence[Document]], platforms: Mapping[str, Platform]) -> Script:
    """What is recorded under the id of an exchange or of a call, found by `exchange` and `call`. Raises NotReplayable."""
    one = exchange(id.upper()) if len(id) == _ULID else None
    if one is None:
        return whole_call(call(id) if id else [], platforms)
    if not _carried(one, platforms) or is_own(one):
        return turn(one, platforms)
    before = [seen for seen in call(one["call_id"]) if one["call_id"] and seen["id"] <= one["id"]]
    if not before or before[-1]["id"] != one["id"]:
        raise NotKept([Problem("", "it belongs to no call that is kept, or to one of which only the beginning is read: what came before it would have to be sent first")])
    return replace(_carried_on(before, platforms), of=one["id"])


def turn(document: Document, platforms: Mapping[str, Platform]) -> Script:
    """One recorded exchange, to be sent again. Raises NotReplayable."""
    return _script([document], platforms)


def whole_call(documents: Sequence[Document], platforms: Mapping[str, Platform]) -> Script:
    """The questions of a call in their order, then the report of its end, if there was one. Raises NotReplayable."""
    if documents and _carried(documents[0], platforms):
        return _carried_on(documents, platforms)
    questions = [seen for seen in documents if seen["event"] == "action_requested" and not seen["shared"]]
    reports = [seen for seen in documents if seen["event"] == "call_ended" and not is_own(seen)]
    if not questions and not reports:
        raise NotKept([Problem("", "no question and no report of this call is kept")])
    return _script([*questions, *reports[:1]], platforms)


def requests(script: Script, values: Mapping[str, str], call_id: str, *, as_masked: bool = False) -> tuple[bytes, ...]:
    """The requests in their order, with `values` by key, as parts of the call `call_id`.

    as_masked: what is not given is sent as it was recorded. Raises NotReplayable with every problem.
    """
    given, problems = _given(script, values)
    missing = [] if as_masked else [
        field for step in script.steps for field in step.fields if field.masked and (step.number, field.member) not in given
    ]  # fmt: skip
    missing = list({field.key: field for field in missing}.values())
    if problems or missing:
        unsaid = [Problem(field.key, f'masked in the record ("{field.value}"), so it has to be given') for field in missing]
        raise NotReplayable([*problems, *unsaid], [field.key for field in missing])
    return tuple(
        _sent(script, step, {name: value for (number, name), value in given.items() if number == step.number}, call_id) for step in script.steps
    )


def _sent(script: Script, step: Step, values: dict[str, str], call_id: str) -> bytes:
    """One request as part of the new call. What lets somebody act upon a call is nobody's."""
    member = script.platform.fields["call_id"]
    if script.platform.conversation is None:
        return _encoded(step, {member: call_id} | values)
    tokens = {name: keys.token(step.number) for name in step.members if script.platform.sensitive.get(name) == "token"}
    ours = tokens | ({member: keys.CALL} if member in step.members else {})
    body = keys.cleared(_encoded(step, ours | values), script.keys)
    return body.replace(keys.CALL.encode(), call_id.encode())  # last: it may name the exchange that made the recorded key


def changed(step: Step, sent: bytes) -> tuple[str, ...]:
    """The names of the fields in which `sent` is not what is recorded, but for those that were masked and the call's id."""
    now = _struct(decode_call(sent, step.callback))
    recorded = {field.member: field for field in step.fields}
    ours = set(recorded) | {member for member in now if member not in step.members}
    return tuple(
        recorded[member].name if member in recorded else member
        for member in now if member in ours and not (member in recorded and recorded[member].masked) and now[member] != step.members.get(member)
    )  # fmt: skip


def as_recorded(script: Script, step: Step, sent: bytes, text: bytes, key: str) -> bytes:
    """`text`, which was sent or came back, with the ids and keys of the recorded call in place of the new one's, as `sent` has them."""
    platform, now = script.platform, _struct(decode_call(sent, step.callback))
    told = {member: now.get(member) for member in step.members if member == platform.fields["call_id"] or platform.sensitive.get(member) == "token"}
    pairs = [(str(new), str(step.members[member])) for member, new in told.items()] + [(key, old) for old in script.keys]
    for new, old in pairs:
        text = text.replace(new.encode(), old.encode()) if new else text
    return text


def _carried(seen: Document, platforms: Mapping[str, Platform]) -> bool:
    platform = platforms.get(seen["platform"])
    return platform is not None and platform.conversation is not None


def _carried_on(documents: Sequence[Document], platforms: Mapping[str, Platform]) -> Script:
    """All that the phone system sent: each request moves the call on. Raises NotReplayable."""
    sent = [seen for seen in documents if not is_own(seen) and not seen["shared"] and seen["outcome"] != "refused"]
    first = (sent[0]["stations"]["event"] or {}) if sent else {}
    if first.get("reason") != "call_started" or first.get("direction") == "outbound":
        raise NotKept([Problem("", "the request with which this call came in is not kept: it was placed by the backend, or is too old")])
    return _script(sent, platforms)


def _script(documents: Sequence[Document], platforms: Mapping[str, Platform]) -> Script:
    platform = platforms.get(documents[0]["platform"])
    if platform is None:
        raise NotReplayable([Problem("", f"the platform {documents[0]['platform']} is not there any more")])
    problems: list[Problem] = []
    steps = []
    for number, seen in enumerate(documents, 1):
        try:
            steps.append(_step(number, seen, platform))
        except NotReplayable as error:
            where = f"{number}" if len(documents) > 1 else ""
            problems += [Problem(where, problem.message) for problem in error.problems]
    if problems:
        raise NotReplayable(problems)
    return Script(documents[0]["id"], platform, tuple(_keyed(steps)))


def _step(number: int, seen: Document, platform: Platform) -> Step:
    kind = platform.methods.get(seen["method"])
    if is_delivery(seen):
        raise _refused("this is the delivery of an event to the backend: replay its call, or the exchange that reported it")
    if is_order(seen):
        raise _refused("this is an order of the bridge to the phone system: replay its call, and it is given again")
    if kind is None:
        raise _refused(f"only questions and reports of a call can be replayed, not {seen['method'] or 'what is no call of a known method'}")
    sent = seen["stations"]["platform_request"]
    if is_cut(sent):
        raise _refused(f"of its request of {sent['size']:,} bytes only the beginning is kept")
    try:
        request = decode_call(unmasked_json(sent["body"]).encode(), seen["method"] if seen["dialect"] == REST else "")
    except CallError as error:
        raise _refused(f"the request cannot be read: {error}") from None
    if not isinstance(request.params[0] if len(request.params) == 1 else None, dict):
        raise _refused("the request carries no struct of its own fields")
    return Step(number, kind, request, tuple(_fields(request, seen, platform)), seen)


def _refused(message: str) -> NotReplayable:
    return NotReplayable([Problem("", message)])


def _struct(request: MethodCall) -> dict[str, Value]:
    struct = request.params[0]
    assert isinstance(struct, dict)
    return struct


def _fields(request: MethodCall, seen: Document, platform: Platform) -> Iterator[Field]:
    """What the request says, but for the call's id: that one is always new.

    Where the bridge carries calls on, a request says much that it does not look at: that need not be given.
    """
    names = {member: name for name, member in platform.fields.items()}
    event = seen["stations"]["event"] or {}
    for member, value in opened(_struct(request), platform.fields.values()).items():
        name = names.get(member, member)
        if name == "call_id" or (platform.conversation is not None and platform.sensitive.get(member) == "token"):
            continue
        if platform.conversation is not None and member not in names:
            yield Field(name, name, member, _text_of(value), False)
            continue
        text = _text_of(value)
        known = name in event  # where the event has it, the record says whether it was masked; a star may be a key
        yield Field(name, name, member, text, name in seen["masked"] if known else bool(_MASK.search(text)))


def _text_of(value: Value) -> str:
    return str(value) if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)


def _keyed(steps: Sequence[Step]) -> Iterator[Step]:
    """The steps, their fields with a number where they differ from turn to turn."""
    values: dict[str, set[str]] = {}
    for step in steps:
        for field in step.fields:
            values.setdefault(field.name, set()).add(field.value)
    for step in steps:
        differing = {name for name, seen in values.items() if len(seen) > 1}
        fields = [replace(field, key=f"{step.number}.{field.name}") if field.name in differing else field for field in step.fields]
        yield replace(step, fields=tuple(fields))


def _given(script: Script, values: Mapping[str, str]) -> tuple[dict[tuple[int, str], str], list[Problem]]:
    """The values by step and member, those with a number above those without; and what is wrong with them."""
    given: dict[tuple[int, str], str] = {}
    problems: list[Problem] = []
    for key in sorted(values, key=lambda key: _NUMBERED.fullmatch(key) is not None):
        numbered = _NUMBERED.fullmatch(key)
        name = numbered[2] if numbered else key
        member = script.platform.fields.get(name, name)
        try:
            for number in _steps_of(script, name, member, int(numbered[1]) if numbered else 0):
                given[number, member] = values[key]
        except NotReplayable as error:
            problems += [replace(problem, path=key) for problem in error.problems]
    return given, problems


def _steps_of(script: Script, name: str, member: str, number: int) -> list[int]:
    """The numbers of the steps that get a value. Raises NotReplayable where that cannot be told."""
    members = {field.member for field in script.fields} | set(script.platform.fields.values())
    if member == script.platform.fields["call_id"]:
        raise _refused("a replay is a call of its own, with an id of its own")
    if member not in members:
        known = sorted({*script.platform.fields, *members} - {"call_id", script.platform.fields["call_id"]})
        raise _refused(f"no such field, {nearest(name, known)}")
    if number:
        if number > len(script.steps):
            raise _refused(f"there are {len(script.steps)} turns")
        return [number]
    having = [step.number for step in script.steps for field in step.fields if field.member == member]
    numbered = [field for field in script.fields if field.member == member and field.key != field.name]
    masked = [step.number for step in script.steps for field in step.fields if field.member == member and field.masked]
    if numbered and len(masked) != 1:
        raise _refused(f"differs from turn to turn: say in which one, as in {numbered[-1].key}")
    return masked if numbered else having or [step.number for step in script.steps]


def _encoded(step: Step, values: Mapping[str, str]) -> bytes:
    """The request with `values` as its members, of the type they had."""
    struct: Any = _struct(step.request)
    was = opened(struct, values)
    for path, value in values.items():
        struct = with_value(struct, path, _typed(value, was.get(path)))
    in_json = step.request.dialect != "xmlrpc"
    plain = {member: _plain(value) if in_json else value for member, value in struct.items() if in_json or value is not None}
    try:
        return encode_call(replace(step.request, params=(plain,)))
    except EncodeError as error:
        raise _refused(f"turn {step.number} cannot be written again: {error}") from None


def _typed(value: str, before: Value) -> Value:
    return Lexical(value, before.type) if isinstance(before, Lexical) else value


def _plain(value: Value) -> Any:
    """A value of JSON with its numbers as such, however deep they stand."""
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else _number(value)


def _number(value: Value) -> Any:
    """A JSON number as one, not as the text that was kept of it."""
    if not isinstance(value, Lexical):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return str(value)
