"""The row of a call: what it says of exchanges in every order and state."""

from __future__ import annotations

from typing import Any

import pytest

from rpcbridge.inspector.calls import Hop, call_of


def seen(outcome: str = "answered", **changes: Any) -> dict[str, Any]:
    """An exchange, a question unless it says otherwise."""
    row = {
        "id": "01KB0000000000000000000000", "received_at": "2026-11-20T21:00:00.000Z", "platform": "voicenter", "call_id": "c1",
        "method": "GET_IVR_ACTION", "event": "action_requested", "turn": None, "outcome": outcome, "reason": "", "origin": "",
        "caller": "********67", "called": "********00", "attempts": 1, "backend_ms": 10.0, "total_ms": 12.0,
    }  # fmt: skip
    return row | changes


def report(outcome: str = "stored", **changes: Any) -> dict[str, Any]:
    return seen(outcome, method="HANGUP_CALL", event="call_ended", attempts=0, backend_ms=0.0, total_ms=3.0, **changes)


def delivery(outcome: str, event: str = "call_ended", **changes: Any) -> dict[str, Any]:
    return seen(outcome, method=event, event=event, backend_ms=5000.0, total_ms=5000.0, **changes)


ENDED = [seen(turn=1), seen(turn=2), report(), delivery("delivered")]


@pytest.mark.parametrize(
    ("exchanges", "outcome"),
    [
        ([seen(turn=1)], "under_way"),
        ([seen(turn=1), report()], "ended"),
        (ENDED, "ended"),
        ([delivery("delivered")], "ended"),
        ([report("duplicate")], "ended"),
        ([seen(turn=1), report(), delivery("postponed")], "postponed"),
        ([report(), delivery("postponed"), delivery("delivered")], "ended"),
        ([seen(turn=1), delivery("postponed", "action_rejected")], "postponed"),
        ([seen("refused"), report(), delivery("postponed")], "refused"),
        ([seen("fallback", reason="timeout"), seen("refused"), report()], "fallback"),
        ([seen("fallback"), report(), delivery("postponed"), delivery("dead_letter")], "dead_letter"),
        ([report(), delivery("dead_letter"), delivery("delivered")], "ended"),
        ([report(), delivery("dead_letter", "action_rejected"), delivery("delivered", "action_rejected"), delivery("delivered")], "dead_letter"),
        ([seen("fallback"), report("not_stored"), delivery("dead_letter", "action_rejected")], "not_stored"),
        ([seen(turn=1), report("not_stored"), report("stored"), delivery("delivered")], "ended"),
        ([seen(turn=1), report("not_stored"), report("duplicate")], "ended"),
    ],
)  # fmt: skip
def test_the_outcome_is_the_worst_that_is_still_so(exchanges: list[dict[str, Any]], outcome: str):
    assert call_of(exchanges).outcome == outcome


def test_a_fallback_says_the_last_reason():
    exchanges = [seen("fallback", reason="timeout"), seen("fallback", reason="breaker_open"), seen(turn=3), report()]
    assert (call_of(exchanges).outcome, call_of(exchanges).reason) == ("fallback", "breaker_open")
    assert call_of(ENDED).reason == ""


@pytest.mark.parametrize(
    ("turns", "count"),
    [([], 0), ([1, 2, 3], 3), ([None, None], 2), ([1, 1, 2], 2), ([1, None, 3], 3), ([7, 8], 8), ([None, 2, 3], 3)],
)
def test_turns_are_counted_as_far_as_they_are_known(turns: list[int | None], count: int):
    assert call_of([*(seen(turn=turn) for turn in turns), report()]).turns == count


@pytest.mark.parametrize(
    ("exchanges", "hop"),
    [
        ([seen(turn=1), seen(turn=2, backend_ms=300.0, total_ms=310.0)], Hop("backend", 2, 300.0)),
        ([seen(turn=1, backend_ms=2.0, total_ms=90.0)], Hop("bridge", 1, 88.0)),
        ([seen(turn=1), report() | {"total_ms": 200.0}], Hop("bridge", None, 200.0)),
        ([seen("fallback", turn=1, attempts=7, backend_ms=2.0, total_ms=991.0)], Hop("backend", 1, 991.0)),
        ([seen(turn=1), seen(turn=1, attempts=0, backend_ms=0.0, total_ms=500.0)], Hop("backend", 1, 10.0)),
        ([seen(), seen(backend_ms=40.0, total_ms=41.0)], Hop("backend", 2, 40.0)),
        ([seen("fallback", turn=1, attempts=0, backend_ms=0.0, total_ms=0.4)], Hop("bridge", 1, 0.4)),
        ([delivery("delivered")], None),
    ],
)  # fmt: skip
def test_the_slowest_hop_is_where_the_phone_system_waited_longest(exchanges: list[dict[str, Any]], hop: Hop | None):
    assert call_of(exchanges).slowest == hop


def test_who_and_when_come_from_all_exchanges():
    later = {"id": "01KB0000000000000000000009", "received_at": "2026-11-20T21:00:09.000Z"}
    call = call_of([seen(caller="", **later), seen(called="")])
    assert (call.first, call.last, call.exchange) == ("2026-11-20T21:00:00.000Z", "2026-11-20T21:00:09.000Z", later["id"])
    assert (call.caller, call.called, call.exchanges, call.method) == ("********67", "********00", 2, "")


def test_an_exchange_without_a_call_stands_for_itself():
    call = call_of([seen("refused", call_id="", method="", event="", reason="xml", attempts=0, backend_ms=0.0, total_ms=0.3)])
    assert (call.call_id, call.outcome, call.reason, call.turns, call.ended_by) == ("", "refused", "xml", 0, "")
    assert call_of([seen("introspected", call_id="", method="system.listMethods", event="")]).method == "system.listMethods"


def test_a_replay_says_what_it_replays():
    call = call_of([seen(call_id="rb-replay-01KB0Q9A0H6R8S1T3V5W7X9Y2Z-of-01KB0Q8ZJ5T3V9W2X4Y6Z8A0BC", origin="replay")])
    assert (call.origin, call.replays) == ("replay", "01KB0Q8ZJ5T3V9W2X4Y6Z8A0BC")


def test_how_it_ended_is_told_by_the_newest_report():
    exchanges = [seen(), report(id="01KB0000000000000000000001"), delivery("delivered", id="01KB0000000000000000000002")]
    assert call_of(exchanges).ended_by == "01KB0000000000000000000002"
