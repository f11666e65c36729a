"""A recorded call as a pytest file and its cassette, which drive the backend turn by turn without rpcbridge.

In the cassette `{name}` stands for what is made anew in every run, and for what was masked: `{call_id}`, `{turn_4_digits}`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from rpcbridge.inspector.documents import Document, is_cut, unmasked_json
from rpcbridge.inspector.pytest_file import Given, code

# Whose values say who it is and nothing of what is wanted: a sample serves as well.
_IDENTITIES = {"caller_number": "0550000000000000", "caller_name": "Example Caller", "called_number": "0770000000000000"}

# Made anew, of one sending alone, or the HTTP client's own.
_EVENT_ID = {"idempotency-key", "webhook-id"}
_LEFT_OUT = {"connection", "content-length", "host", "traceparent", "transfer-encoding", "webhook-signature", "webhook-timestamp"}

_TELLING = 8  # characters of an id that is not found in other texts by chance
_MASKED_NUMBER = re.compile(r"\*{3,}[0-9]{2}|\*{3,}")  # in a path


@dataclass(slots=True)
class _Tape:
    """What is known of the call while its turns are taken down: its id, and what has to be given."""

    call_id: str
    wire: Mapping[str, str]  # the platform's names of fields -> the contract's
    given: dict[str, Given] = field(default_factory=dict)

    def hole(self, name: str, value: str | None, remark: str) -> str:
        """The mark for a value that is not known."""
        name = re.sub(r"\W", "_", name.lower(), flags=re.ASCII)
        self.given.setdefault(name, Given(name, value, remark))
        return f"{{{name}}}"

    def anew(self, value: Any) -> Any:
        """`value` with a mark for the call's id, wherever it stands."""
        if isinstance(value, dict):
            return {name: self.anew(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self.anew(item) for item in value]
        telling = isinstance(value, str) and len(self.call_id) >= _TELLING
        return value.replace(self.call_id, "{call_id}") if telling else value


def files(documents: Sequence[Document], version: str, fields: Mapping[str, str] | None = None) -> dict[str, str]:
    """The files, by name, of a call's exchanges, the oldest first; none where the backend was asked nothing.

    fields: the platform's names of the event's fields, by the contract's.
    """
    asked = [seen for seen in documents if _was_asked(seen)]
    if not asked:
        return {}
    first, id = asked[0], short(asked[0]["call_id"])
    name, tape_name = f"call_{id}", f"cassette_{id}.json"  # call_….json is the export of the records
    tape = _Tape(first["call_id"], {wire: told for told, wire in (fields or {}).items()})
    url = urlsplit(first["stations"]["backend_request"]["url"])
    cassette = {
        "recorded_by": f"rpcbridge {version}", "recorded_at": first["received_at"], "platform": first["platform"],
        "call_id": first["call_id"], "backend_url": f"{url.scheme}://{url.netloc}",
        "turns": [_turn(seen, label, tape) for seen, label in zip(asked, _labels(asked), strict=True)],
    }  # fmt: skip
    given = sorted(tape.given.values(), key=lambda one: one.value is None)
    test = code(name, tape_name, _about(first, len(asked), version), given)
    return {f"test_{name}.py": test, tape_name: json.dumps(cassette, indent=2, ensure_ascii=False) + "\n"}


def short(call_id: str) -> str:
    """A few characters that tell a call from another, fit for a file's name."""
    kept = re.sub("[^0-9a-z]", "", call_id.lower())
    return (kept[-8:] if call_id.startswith("rb-") else kept[:8]) or "without_id"


def _about(first: Document, turns: int, version: str) -> str:
    many = "1 question" if turns == 1 else f"{turns} questions"
    return f"Call {first['call_id'][:70]}, {first['received_at'][:10]}, {many}, rpcbridge {version}."


def _was_asked(seen: Document) -> bool:
    """Whether it is a question that was put to the backend, and not answered along with an identical one."""
    stations = seen["stations"]
    event = stations["event"] or {}
    return event.get("event") == "action_requested" and stations["backend_request"] is not None and event["event_id"] == seen["id"]


def _labels(asked: Sequence[Document]) -> list[str]:
    """A name for each turn: its number in the call, or its place where that is not known of all."""
    turns = [seen["turn"] for seen in asked]
    known = None not in turns and len(set(turns)) == len(turns)
    return [f"turn_{turn if known else place}" for place, turn in enumerate(turns, 1)]


def _turn(seen: Document, label: str, tape: _Tape) -> dict[str, Any]:
    sent = seen["stations"]["backend_request"]
    encoding = _encoding(sent)
    answer, why = _answer(seen)
    request = {
        "method": sent["method"], "path": _path(sent["url"], encoding, seen["stations"]["event"], tape), "encoding": encoding,
        "headers": dict(_headers(sent["headers"], tape)), "event": _event(seen, label, tape),
    }  # fmt: skip
    return {"name": label, "request": request, "answer": tape.anew(answer)} | ({"unanswered": why} if why else {})


def _encoding(sent: Mapping[str, Any]) -> str:
    """How the event was written: `json`, `form` or `query`."""
    if sent["method"] == "GET":
        return "query"
    return "json" if sent["body"][:1] == "{" else "form"


def _path(url: str, encoding: str, event: Mapping[str, Any], tape: _Tape) -> str:
    """Path and query without the event's fields in it."""
    parts = urlsplit(url)
    path = parts.path.replace(quote(tape.call_id, safe=""), "{call_id}") if tape.call_id else parts.path
    if _MASKED_NUMBER.search(path):
        mark = _identity("called_number", event.get("called_number", ""), tape)
        path = _MASKED_NUMBER.sub(lambda _: mark, path)
    pairs = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if encoding != "query" or pair[0] not in event]
    query = "&".join(f"{quote(name)}={_query_value(name, value, tape)}" for name, value in pairs)
    return f"{path}?{query}" if query else path


def _query_value(name: str, value: str, tape: _Tape) -> str:
    return tape.hole(f"query_{name}", None, "in the query of the URL") if value == "***" else quote(value, safe="")


def _headers(headers: Sequence[Sequence[str]], tape: _Tape) -> Iterator[tuple[str, str]]:
    for name, value in headers:
        known = name.lower()
        if known in _EVENT_ID:
            yield name, "{event_id}"
        elif known not in _LEFT_OUT:
            yield name, tape.hole(f"header_{name}", None, f"the header {name}") if value == "***" else value


def _event(seen: Document, label: str, tape: _Tape) -> dict[str, Any]:
    """The event with marks for what is made anew or was masked."""
    event: dict[str, Any] = tape.anew(seen["stations"]["event"])
    for name in seen["masked"]:
        event[name] = _hole(name, event[name], seen, label, tape)
    return event | {name: f"{{{name}}}" for name in ("call_id", "event_id", "occurred_at")}


def _hole(name: str, value: Any, seen: Document, label: str, tape: _Tape) -> Any:
    if name in _IDENTITIES:
        return _identity(name, value, tape)
    if name == "state":
        return "{state}"  # what the backend itself returns in the turns before
    if name == "raw" and isinstance(value, dict):
        return _raws(value, seen, label, tape)
    return tape.hole(f"{label}_{name}", None, _remark(name, value, seen))


def _identity(name: str, masked: str, tape: _Tape) -> str:
    """A sample of the same length and ending, so that an answer that repeats it still fits what was recorded."""
    stars = len(masked) - len(masked.lstrip("*"))
    sample = _IDENTITIES[name] if name == "caller_name" else _IDENTITIES[name][:stars] + masked[stars:]
    return tape.hole(name, sample, f"recorded as {masked}")


def _raws(value: Mapping[str, Any], seen: Document, label: str, tape: _Tape, path: str = "") -> dict[str, Any]:
    """The fields of the platform's own, each by its path."""
    return {
        wire: _raws(inner, seen, label, tape, f"{path}{wire}.") if isinstance(inner, Mapping) else _raw(f"{path}{wire}", inner, seen, label, tape)
        for wire, inner in value.items()
    }  # fmt: skip


def _raw(wire: str, value: Any, seen: Document, label: str, tape: _Tape) -> Any:
    """A field of the platform's own: the event's value, where it is the same one."""
    name = tape.wire.get(wire)
    if name in seen["masked"]:
        return _hole(str(name), value, seen, label, tape)
    masked = isinstance(value, str) and "*" in value and name is None
    return tape.hole(f"{label}_raw_{wire}", None, f"recorded as {value}") if masked else value


def _remark(name: str, value: Any, seen: Document) -> str:
    if name == "digits" and isinstance(value, str):
        menu = seen["stations"]["event"].get("menu")
        return f"{len(value)} digit{'s' * (len(value) != 1)}{f', pressed in the menu {menu[:60]}' if isinstance(menu, str) else ''}"
    return f"recorded as {str(value)[:60]}"


def _answer(seen: Document) -> tuple[Any, str]:
    """The recorded answer, or None and why there is none to hold another against."""
    if seen["outcome"] != "answered":
        return None, ": ".join(part for part in (seen["reason"], seen["detail"]) if part)
    got = seen["stations"]["backend_response"]
    if got is None or is_cut(got):
        return None, "the answer is longer than what is recorded"
    for text in (got["body"], unmasked_json(got["body"])):
        with suppress(ValueError, RecursionError):
            return json.loads(text), ""
    return None, "what is recorded of the answer is no JSON"
