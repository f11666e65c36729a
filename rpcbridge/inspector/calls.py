"""The exchanges of one call -> the row that stands for it in a list: when, who, how long, what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rpcbridge.domain.origins import replayed
from rpcbridge.inspector.documents import first_said, is_delivery, is_own

Seen = Mapping[str, Any]  # a row of the table of exchanges

_QUESTION, _ENDED = "action_requested", "call_ended"


@dataclass(frozen=True, slots=True)
class Hop:
    """Where time went while the phone system waited: `backend` (with the pauses between attempts) or `bridge`. turn: None of a report."""

    where: str
    turn: int | None
    ms: float


@dataclass(frozen=True, slots=True)
class Call:
    """One row. first, last: RFC 3339, when the first and the last exchange began.

    exchange: the id of the newest one. exchanges: how many there are, at least. turns: questions, as far as they are known.
    outcome: the worst that is still so: `not_stored`, `dead_letter`, `fallback`, `refused`, `postponed`, `ended`, `under_way`; of an
    exchange that belongs to no call (no call_id, `method` says what was asked) its own. reason: of a fallback, the last one.
    ended_by: the id of an exchange that tells how the call ended; "" where it has not. replays: the exchange that it sends again.
    """

    call_id: str
    exchange: str
    first: str
    last: str
    caller: str
    called: str
    platform: str
    method: str
    origin: str
    replays: str
    exchanges: int
    turns: int
    outcome: str
    reason: str
    slowest: Hop | None
    ended_by: str


def call_of(exchanges: Sequence[Seen]) -> Call:
    """The row of one call, or of one exchange that belongs to none. `exchanges`: the oldest first, at least one."""
    last = exchanges[-1]
    ids = sorted(seen["id"] for seen in exchanges)
    moments = sorted(seen["received_at"] for seen in exchanges)
    call_id = last["call_id"]
    outcome = _outcome(exchanges) if call_id else last["outcome"]
    return Call(
        call_id=call_id, exchange=ids[-1], first=moments[0], last=moments[-1],
        caller=first_said(exchanges, "caller"), called=first_said(exchanges, "called"), platform=last["platform"],
        method="" if call_id else last["method"], origin=last["origin"], replays=replayed(call_id),
        exchanges=len(exchanges), turns=_turns(exchanges), outcome=outcome,
        reason=_reason(exchanges, outcome), slowest=_slowest(exchanges),
        ended_by=next((seen["id"] for seen in reversed(exchanges) if seen["event"] == _ENDED), ""),
    )  # fmt: skip


def _turns(exchanges: Sequence[Seen]) -> int:
    """The number of the last question that has one: earlier ones may be forgotten. A repeated question counts once."""
    questions = [seen["turn"] for seen in exchanges if seen["event"] == _QUESTION]
    known = {int(turn) for turn in questions if turn is not None}
    return max([len(known) + questions.count(None), *known])


def _outcome(exchanges: Sequence[Seen]) -> str:
    """The worst first; what was made good later does not count."""
    outcomes = {seen["outcome"] for seen in exchanges}
    deliveries = {seen["method"]: seen["outcome"] for seen in exchanges if is_delivery(seen)}  # the last of each event
    lost = {seen["method"] for seen in exchanges if seen["outcome"] == "not_stored"}
    if lost - {seen["method"] for seen in exchanges if seen["outcome"] in ("stored", "noted", "duplicate")}:
        return "not_stored"
    if _dead(exchanges, deliveries):
        return "dead_letter"
    for outcome in ("fallback", "refused"):
        if outcome in outcomes:
            return outcome
    if "postponed" in deliveries.values():
        return "postponed"
    return "ended" if any(seen["event"] == _ENDED for seen in exchanges) else "under_way"


def _dead(exchanges: Sequence[Seen], deliveries: Mapping[str, str]) -> bool:
    """An event that was given up. A call ends once: that it was delivered after all can be told; which of several others was cannot."""
    dead = {seen["method"] for seen in exchanges if seen["outcome"] == "dead_letter"}
    return bool(dead - {_ENDED}) or (_ENDED in dead and deliveries[_ENDED] != "delivered")


def _reason(exchanges: Sequence[Seen], outcome: str) -> str:
    return next((str(seen["reason"]) for seen in reversed(exchanges) if seen["outcome"] == outcome and seen["reason"]), "")


def _slowest(exchanges: Sequence[Seen]) -> Hop | None:
    return max((hop for seen in _numbered(exchanges) for hop in _hops(*seen)), key=lambda hop: hop.ms, default=None)


def _numbered(exchanges: Sequence[Seen]) -> Iterator[tuple[Seen, int | None]]:
    """What the phone system waited for, each question with its turn; one without gets its place."""
    place = 0
    for seen in exchanges:
        if seen["event"] == _QUESTION:
            place = seen["turn"] or place + 1
        if not is_own(seen):
            yield seen, place if seen["event"] == _QUESTION else None


def _hops(seen: Seen, turn: int | None) -> Iterator[Hop]:
    if not seen["attempts"] and seen["outcome"] == "answered" and seen["event"] == _QUESTION:
        return  # it got the answer to an identical question, and waited for that
    backend = seen["total_ms"] if seen["attempts"] > 1 else seen["backend_ms"]
    yield Hop("bridge", turn, round(max(seen["total_ms"] - backend, 0.0), 1))
    if seen["attempts"]:
        yield Hop("backend", turn, backend)
