"""One call as a story: its exchanges in order, each with a name and in words, and what went wrong, first. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from rpcbridge.domain.origins import origin_of, replayed
from rpcbridge.inspector import heard
from rpcbridge.inspector.documents import Document, first_said, goes_on, is_delivery, is_order
from rpcbridge.inspector.ladder import mark
from rpcbridge.inspector.words import failed

# question: a turn, for the backend is asked. step: a caller waits, and gets what was decided before.
Kind = Literal["question", "step", "report", "delivery", "order", "other"]


@dataclass(frozen=True, slots=True)
class Part:
    """One exchange: what it is called (in full and short), what the caller did before and hears after, its document."""

    id: str
    kind: Kind
    name: str
    short: str
    done: str
    heard: tuple[str, ...]
    mark: str
    seen: Document


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that went wrong: in which exchange, what, in the record's words; grave where a caller or an event suffered."""

    id: str
    where: str
    what: str
    detail: str
    grave: bool


@dataclass(frozen=True, slots=True)
class Story:
    """A whole call; its numbers as they were recorded, masked."""

    call_id: str
    origin: str
    replay_of: str
    started: str
    platform: str
    dialect: str
    caller: str
    called: str
    summary: str
    ended: str
    parts: tuple[Part, ...]
    troubles: tuple[Trouble, ...]


def told(documents: Sequence[Document]) -> Story:
    """The story of the exchanges of one call, the oldest first; at least one."""
    parts, first = _parts(documents), documents[0]
    troubles = sorted(_troubles(parts), key=lambda trouble: not trouble.grave)
    return Story(
        call_id=first["call_id"], origin=origin_of(first["call_id"]), replay_of=replayed(first["call_id"]),
        started=first["received_at"], platform=first["platform"], dialect=first["dialect"],
        caller=first_said(documents, "caller"), called=first_said(documents, "called"),
        summary=_summary(parts), ended=heard.ended(documents), parts=tuple(parts), troubles=tuple(troubles),
    )  # fmt: skip


def _parts(documents: Sequence[Document]) -> list[Part]:
    parts: list[Part] = []
    taken: dict[str, str] = {}
    number = 0
    for seen in documents:
        kind = _kind(seen)
        if kind == "question":
            number = _number(seen, number)
        name, short = _name(kind, seen, number)
        event = seen["stations"]["event"]
        id = (event or {}).get("event_id", "")
        if name in taken:
            name = name.replace(" of ", " of another ", 1) if kind == "delivery" and id != taken[name] else f"{name}, again"
        taken.setdefault(name, id)
        did = heard.done(event, seen.get("masked") or ()) if kind == "question" else ""
        parts.append(Part(seen["id"], kind, name, short, did, _heard(seen), mark(seen), seen))
    return parts


def _heard(seen: Document) -> tuple[str, ...]:
    if seen["outcome"] == "continued" and seen.get("served"):
        return heard.once_more(seen["served"])
    return heard.heard(seen.get("served"), deferred=bool(seen.get("deferred")))


def _kind(seen: Document) -> Kind:
    if is_delivery(seen):
        return "delivery"
    if is_order(seen):
        return "order"
    if goes_on(seen):
        return "step"
    if seen.get("event") == "action_requested" or seen.get("served"):
        return "question"
    return "report" if seen["outcome"] in ("stored", "noted", "duplicate", "not_stored") else "other"


def _number(seen: Document, before: int) -> int:
    """The number of a turn: the one the backend was told, if it tells it from the turn before; else the next."""
    told = seen.get("turn") or 0
    return told if told > before or (seen.get("shared") and told) else before + 1


def _name(kind: Kind, seen: Document, number: int) -> tuple[str, str]:
    if kind == "question":
        return f"Turn {number}", str(number)
    if kind == "step":
        return f"{seen['method']} after turn {number}" if number else f"{seen['method']}, before any turn", "goes on"
    if kind == "report":
        return f"Report {seen['method']}", "report"
    if kind == "delivery":
        number = next((attempt["number"] for attempt in seen.get("attempts") or ()), 1)
        return f"Delivery of {seen['method']}, attempt {number}", "delivery"
    if kind == "order":
        return f"Order {seen['method']}", "order"
    return f"Request {seen['method'] or 'of no known method'}", "request"


def _summary(parts: Sequence[Part]) -> str:
    """`6 turns, 1 fallback`"""
    turns = sum(part.kind == "question" for part in parts)
    counts = [(turns, "turn", "turns")]
    for outcome, one, many in _COUNTED:
        counts.append((sum(part.seen["outcome"] == outcome for part in parts), one, many))
    return ", ".join(f"{count} {one if count == 1 else many}" for count, one, many in counts if count) or "no turn"


_COUNTED = (("fallback", "fallback", "fallbacks"), ("not_stored", "report not stored", "reports not stored"), ("dead_letter", "dead letter", "dead letters"))

_WHAT = {
    "fallback": "the caller got the fallback",
    "not_stored": "the report was not stored, and not acknowledged",
    "dead_letter": "the event is not delivered any more",
    "refused": "the phone system was refused",
    "order_failed": "the phone system did not do what it was told",
}


def _troubles(parts: Sequence[Part]) -> Iterator[Trouble]:
    delivered = {_event_id(part) for part in parts if part.seen["outcome"] == "delivered"}
    for part in parts:
        seen = part.seen
        if what := _WHAT.get(seen["outcome"]):
            yield Trouble(part.id, part.name, what + _because(seen), seen.get("detail") or "", True)
        elif seen["outcome"] == "postponed" and _event_id(part) not in delivered:
            yield Trouble(part.id, part.name, f"not delivered yet{_because(seen)}", seen.get("detail") or "", False)
        elif part.kind == "question" and (tries := [failed(attempt) for attempt in seen.get("attempts") or () if failed(attempt)]):
            count = f"{len(tries)} attempt{'s' * (len(tries) > 1)}"
            yield Trouble(part.id, part.name, f"{count} failed ({', '.join(dict.fromkeys(tries))}), a later one was answered", "", False)


def _because(seen: Document) -> str:
    return f": {seen['reason']}" if seen.get("reason") else ""


def _event_id(part: Part) -> str:
    return str((part.seen["stations"]["event"] or {}).get("event_id", ""))
