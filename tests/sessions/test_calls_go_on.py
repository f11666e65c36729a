"""kill -9 of whoever served a call: it goes on with the next worker, and on another machine. Real bridges, callbacks over HTTP."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy

from tests.support import backend as backends
from tests.support import bridge as bridges
from tests.support import databases
from tests.support.backend import Backend, in_turn, reply, slow
from tests.support.bridge import Running, awaited
from tests.support.on_the_line import (
    DIAL,
    MENU,
    OnTheLine,
    kill_workers,
    names,
    orders,
    platform_api,
    settings,
    together,
    workers,
)

IDS = count(1)
BYE = {"action": "hangup", "prompt": "bye"}


@dataclass
class Place:
    """Bridges on one database, the backend they ask, the platform they tell."""

    bridges: list[Running]
    backend: Backend
    api: Backend
    database: str

    def call(self, *answers: dict, bridge: int = 0) -> OnTheLine:
        """A new call, in which the backend gives these answers."""
        self.backend.behave = in_turn(*map(reply, answers))
        return OnTheLine(self.bridges[bridge], f"s-{next(IDS)}")

    def asked(self, call: OnTheLine) -> list[dict]:
        return [question.json for question in self.backend.questions if question.json["call_id"] == call.session]

    def told(self, call: OnTheLine, event: str) -> list[dict]:
        return [request.json for request in self.backend.events(event, call_id=call.session)]

    def hurry(self, call: OnTheLine, timer: str) -> None:
        """Let a timer of a call be due now."""
        engine = sqlalchemy.create_engine(self.database.replace("postgresql:", "postgresql+psycopg:"))
        with engine.begin() as connection:
            statement = sqlalchemy.text("UPDATE session_timers SET due_at = 0 WHERE name = :name AND key = :key")
            done = connection.execute(statement, {"name": timer, "key": call.reference["rb"]}).rowcount
        engine.dispose()
        assert done == 1, f"there is no timer {timer}"


def opened(folder: Path, database: str, machines: int) -> Iterator[Place]:
    with ExitStack() as stack:
        backend, api = stack.enter_context(backends.running(reply(MENU))), stack.enter_context(platform_api())
        backend.take = reply(b"", 204)
        running = []
        for number in range(machines):
            own = folder / str(number)
            own.mkdir()
            toml = settings(backend.url, database=database, platform=api.url, folder=own)
            running.append(stack.enter_context(bridges.running(own, toml)))
        yield Place(running, backend, api, database)


@pytest.fixture(scope="module", params=databases.KINDS)
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """One bridge with one worker."""
    folder = tmp_path_factory.mktemp("one")
    yield from opened(folder, databases.fresh(request.param, folder), 1)


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Two bridges, each in a folder of its own, on one PostgreSQL."""
    folder = tmp_path_factory.mktemp("two")
    yield from opened(folder, databases.fresh("postgresql", folder), 2)


def test_the_answer_that_was_kept_is_served_by_the_next_worker_and_the_turns_count_on(place: Place):
    call = place.call(MENU, BYE)
    assert call.begin()["action"] == "ivr"
    kill_workers(place.bridges[0])
    assert names(call.command()) == ["welcome"]
    assert len(place.asked(call)) == 1, "it was answered before the worker died"
    kill_workers(place.bridges[0])
    assert names(call.command("7")) == ["bye"]
    first, second = place.asked(call)
    assert (first["turn"], first["state"], first["reason"]) == (1, None, "call_started")
    assert (second["turn"], second["state"], second["reason"], second["digits"], second["menu"]) == (2, MENU["state"], "input", "7", "main")
    assert {name: second[name] for name in ("caller_number", "called_number", "caller_name")} == {
        "caller_number": "0540000000", "called_number": "0730000000", "caller_name": "Dana",
    }  # fmt: skip
    assert call.completed().status == 200
    [ended] = awaited(lambda: place.told(call, "call_ended"))
    assert (ended["state"], ended["ended_by"]) == (MENU["state"], "backend")


def test_a_worker_that_dies_while_the_backend_is_asked_lets_the_next_request_ask_again(place: Place):
    call = place.call(MENU)
    call.in_ivr()
    place.backend.behave = slow(1.5, reply(BYE))
    with together(lambda: call.command("7")) as asking:
        awaited(lambda: len(place.asked(call)) == 2)
        kill_workers(place.bridges[0])
    assert isinstance(asking.results[0], OSError), "its connection broke"
    place.backend.behave = reply(BYE)
    assert names(call.command("7")) == ["bye"]
    asked = place.asked(call)[1:]
    assert [(one["turn"], one["digits"], one["menu"], one["state"]) for one in asked] == [(2, "7", "main", MENU["state"]), (3, "7", "main", MENU["state"])]


def test_a_worker_that_dies_in_a_newCall_lets_the_ivr_ask(place: Place):
    call = place.call(MENU)
    place.backend.behave = slow(1.5, reply(BYE))
    with together(call.begin):
        awaited(lambda: place.asked(call))
        kill_workers(place.bridges[0])
    place.backend.behave = reply(MENU)
    assert names(call.command()) == ["welcome"]
    assert [(one["turn"], one["reason"]) for one in place.asked(call)] == [(1, "call_started"), (2, "call_started")]


def test_an_order_is_given_after_the_reply_and_once_also_when_who_replied_is_dead(place: Place):
    call = place.call(MENU, DIAL | {"caller_prompt": "connecting"})
    call.in_ivr()
    reply = call.command("2")
    victim = workers(place.bridges[0])[0]
    os.kill(victim, signal.SIGKILL)
    assert (names(reply), reply["hangup"]) == (["connecting"], False)
    split = ("splitconnection", {"replyId": f"{call.session}-reply-c", "connectionId": f"{call.session}-c"})
    assert awaited(lambda: orders(place.api, call.session), 20) == [split]
    assert call.event("calleeConnectionSplit", "ivr")["action"] == "drop"
    assert call.event("callerConnectionSplit")["destAddr"] == "sip:0501234567@customer.example"
    time.sleep(0.7)  # somebody looks every half second
    assert orders(place.api, call.session) == [split]


def test_an_order_that_the_platform_cannot_take_now_is_given_again(place: Place):
    call = place.call(DIAL)
    call.begin()
    assert call.answered("target").status == 200
    place.api.behave = in_turn(reply({"success": False}), reply({"success": True}))
    place.hurry(call, "limit")
    hang_up = {"participantId": f"{call.session}-target", "replyId": f"{call.session}-reply-c", "sessionId": call.session}
    assert awaited(lambda: len(found := orders(place.api, call.session)) == 2 and found, 15) == [("hangupparticipant", hang_up)] * 2
    assert call.event("calledPartyDrop", "target")["action"] == "drop"
    assert call.completed().status == 200
    [ended] = awaited(lambda: place.told(call, "call_ended"))
    assert ended["ended_by"] == "bridge"


def test_an_end_that_nobody_reports_is_told_half_a_minute_after_our_last_word(place: Place):
    call = place.call(BYE)
    call.begin()
    assert names(call.command()) == ["bye"]
    assert place.told(call, "call_ended") == []
    place.hurry(call, "end")
    [ended] = awaited(lambda: place.told(call, "call_ended"))
    assert (ended["estimated"], ended["ended_by"]) == (True, "backend")
    assert call.completed().status == 200, "it comes late"
    awaited(lambda: [line for line in place.bridges[0].lines_of(call.session, "sessionCompleted") if line["outcome"] == "duplicate"])
    assert len(place.told(call, "call_ended")) == 1


def test_a_call_that_nobody_ends_is_over_when_it_is_kept_no_more(place: Place):
    call = place.call(MENU)
    call.in_ivr()
    place.hurry(call, "expire")
    [ended] = awaited(lambda: place.told(call, "call_ended"))
    assert (ended["estimated"], ended["ended_by"]) == (True, "unknown")


def test_every_callback_may_be_served_by_another_machine(machines: Place):
    call = machines.call(MENU, DIAL)
    call.begin()
    here, there = machines.bridges
    call.bridge = there
    assert call.answered().status == 200
    call.bridge = here
    assert names(call.command()) == ["welcome"]
    call.bridge = there
    assert call.command("2")["hangup"] is False
    assert [(one["turn"], one["state"]) for one in machines.asked(call)] == [(1, None), (2, MENU["state"])]
    assert awaited(lambda: orders(machines.api, call.session))
    call.bridge = here
    assert call.event("callerConnectionSplit")["action"] == "call"
    call.bridge = there
    assert call.answered("target", "c2").status == 200
    assert call.event("calledPartyDrop", "target", "c2")["action"] == "drop"
    with together(call.completed, lambda: OnTheLine(here, call.session, reference=call.reference).completed()) as both:
        pass
    assert [reply.status for reply in both.results] == [200, 200]
    awaited(lambda: machines.told(call, "call_ended"))
    time.sleep(0.5)
    assert [ended["call_status"] for ended in machines.told(call, "call_ended")] == ["answered"]
    assert len(machines.told(call, "call_answered")) == 1


def test_the_end_reported_to_two_machines_at_the_same_time_is_told_once(machines: Place):
    calls = [machines.call(BYE) for _ in range(10)]
    for call in calls:
        call.begin()
        twin = OnTheLine(machines.bridges[1], call.session, reference=call.reference)
        with together(call.completed, twin.completed) as both:
            pass
        assert [reply.status for reply in both.results] == [200, 200]
    for call in calls:
        awaited(lambda call=call: machines.told(call, "call_ended"))
    time.sleep(0.5)
    assert [len(machines.told(call, "call_ended")) for call in calls] == [1] * 10


def test_the_same_new_call_on_two_machines_is_one_call(machines: Place):
    calls = [machines.call(MENU) for _ in range(5)]
    for call in calls:
        twin = OnTheLine(machines.bridges[1], call.session)
        with together(call.begin, twin.begin) as both:
            pass
        first, second = both.results
        assert first == second == {"action": "ivr", "sessionReferenceId": call.reference}
        assert names(twin.command()) == ["welcome"]


def test_a_machine_that_is_gone_leaves_its_calls_and_their_orders_to_the_others(machines: Place):
    """The last of this module's: it costs a machine."""
    here, there = machines.bridges
    talking = machines.call(DIAL)
    talking.begin()
    assert talking.answered("target").status == 200
    leaving = machines.call(MENU, DIAL)
    leaving.in_ivr()
    assert leaving.command("2")["hangup"] is False
    _gone(here)
    assert [name for name, _ in awaited(lambda: orders(machines.api, leaving.session), 20)] == ["splitconnection"]
    machines.hurry(talking, "limit")
    assert [name for name, _ in awaited(lambda: orders(machines.api, talking.session))] == ["hangupparticipant"]
    talking.bridge = leaving.bridge = there
    assert leaving.event("callerConnectionSplit")["action"] == "call"
    assert talking.event("calledPartyDrop", "target")["action"] == "drop"


def _gone(bridge: Running) -> None:
    """A whole bridge at once, as when its machine is gone."""
    pids = [bridge.process.pid, *workers(bridge)]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    bridge.process.wait(10)
