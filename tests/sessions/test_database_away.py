"""Without a database nobody hears dead air, nothing is said to be stored that is not, and all of it works again by itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.chaos.postgres import Postgres
from tests.support import backend as backends
from tests.support import bridge as bridges
from tests.support.backend import Backend, reply
from tests.support.bridge import Running, awaited
from tests.support.on_the_line import DIAL, MENU, OnTheLine, names, orders, platform_api, settings, together
from tests.support.rsa_keys import private_file
from tests.web.test_api import BEARER, TOKEN, problem

pytestmark = pytest.mark.alone  # deadlines are measured

DEADLINE, MARGIN = 2.0, 0.3  # seconds; a notification waits for the database all the time there is
BYE = {"action": "hangup", "prompt": "bye"}


@dataclass
class Place:
    bridge: Running
    backend: Backend
    away: Callable[[], None]
    back: Callable[[], None]

    def call(self, session: str, answer: dict) -> OnTheLine:
        self.backend.behave = reply(answer)
        return OnTheLine(self.bridge, session)

    def asked(self, call: OnTheLine) -> list[dict]:
        return [question.json for question in self.backend.questions if question.json["call_id"] == call.session]


def hasty(backend: str, database: str) -> str:
    return settings(backend, database=database).replace("[backend]\n", f'[backend]\ndeadline = "{DEADLINE:g}s"\n')


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """SQLite is away while another process holds its lock; PostgreSQL is stopped."""
    folder = tmp_path_factory.mktemp("away")
    with backends.running(reply(MENU)) as backend:
        backend.take = reply(b"", 204)
        if request.param == "sqlite":
            file = folder / "bridge.db"
            with bridges.running(folder, hasty(backend.url, f"sqlite:///{file}")) as bridge:
                other = sqlite3.connect(file, isolation_level=None, timeout=10, check_same_thread=False)
                yield Place(bridge, backend, lambda: other.execute("BEGIN IMMEDIATE") and None, lambda: other.execute("ROLLBACK") and None)
                other.close()
        else:
            with Postgres() as server, bridges.running(folder, hasty(backend.url, server.url)) as bridge:
                yield Place(bridge, backend, lambda: server.stop("fast"), server.start)


def test_calls_that_are_under_way_and_calls_that_begin(place: Place):
    under_way, dialled, new = place.call("s-1", MENU), place.call("s-2", DIAL), place.call("s-3", MENU)
    under_way.in_ivr()
    place.backend.behave = reply(DIAL)
    dialled.begin()
    place.backend.behave = reply(MENU)
    asked_before = len(place.asked(under_way))
    place.away()
    try:
        assert new.begin() == {"action": "ivr"}, "without our key: nothing is kept that it would lead to"
        [question] = place.asked(new)
        assert {"turn", "state"} & set(question) == set()
        assert (question["reason"], question["caller_number"], question["called_number"]) == ("call_started", "0540000000", "0730000000")
        for call in (under_way, new):
            heard = call.command("7")
            assert (names(heard), heard["hangup"], "dtmf" in heard) == (["sorry"], True, False)
        assert len(place.asked(under_way)) == asked_before, "nobody is asked who cannot be told what it is about"
        dropped = dialled.event("calledPartyFailure", "target", sipResponseCode=486)
        assert (dropped["action"], dropped["dropCode"]) == ("drop", "dropNoMsg")
        refused = dialled.answered("target")
        assert refused.status == 503
        assert max(seconds for call in (under_way, dialled, new) for seconds in call.seconds) < DEADLINE + MARGIN
    finally:
        place.back()
    awaited(lambda: dialled.answered("target").status == 200, 15)
    assert awaited(lambda: [one.json for one in place.backend.events("call_answered", call_id="s-2")])
    again = place.call("s-4", MENU | {"state": "again"})
    assert names(again.in_ivr()) == ["welcome"]
    place.backend.behave = reply(BYE)
    assert names(under_way.command("7")) == ["bye"], "what was kept is there"
    assert place.asked(under_way)[-1]["state"] == MENU["state"]
    lost = new.command()
    # Of this call nothing was kept; or that it began, where SQLite's lock was let go before its writer had given up: then it is asked.
    assert (names(lost), lost["hangup"]) in ((["sorry"], True), (["bye"], True))


def test_an_answer_that_cannot_be_kept_is_no_menu_whose_digits_would_be_taken_for_another_ones(place: Place):
    call = place.call("s-5", MENU)
    call.in_ivr()

    def goes_away(connection, request):
        place.away()
        reply(MENU | {"menu": "pay", "prompt": "how_much"})(connection, request)

    place.backend.behave = goes_away
    try:
        heard = call.command("7")
    finally:
        place.back()
    assert (names(heard), heard["hangup"]) == (["sorry"], True)
    assert call.seconds[-1] < DEADLINE
    line = place.bridge.last_line(call_id="s-5", outcome="fallback")
    assert line["fallback_reason"] == "database"


def test_who_is_given_up_because_nobody_hears_him_is_answered_in_time_too(place: Place):
    call = place.call("s-7", MENU | {"loops": 1})
    call.in_ivr()
    for _ in range(10):
        assert call.command()["hangup"] is False
    place.away()
    try:
        assert call.command()["hangup"] is True
    finally:
        place.back()
    assert call.seconds[-1] < 0.75 * DEADLINE + MARGIN, "what the backend is told of it does not take all the time there is"


def test_a_last_word_is_heard_also_if_it_cannot_be_kept(place: Place):
    call = place.call("s-6", MENU)
    call.in_ivr()

    def goes_away(connection, request):
        place.away()
        reply(BYE)(connection, request)

    place.backend.behave = goes_away
    try:
        assert names(call.command("7")) == ["bye"]
    finally:
        place.back()


def test_a_database_that_was_never_there(tmp_path: Path):
    with backends.running(reply(MENU)) as backend, platform_api() as api:
        place = tmp_path / "missing"
        reached = f'url = "{api.url}/mediaservice"\nprivate_key_file = "{private_file(tmp_path)}"\n[api]\ntoken = "{TOKEN}"\n'
        with bridges.running(tmp_path, hasty(backend.url, f"sqlite:///{place}/bridge.db") + reached) as bridge:
            call = OnTheLine(bridge, "s-1")
            assert call.begin() == {"action": "ivr"}
            heard = call.command()
            assert (names(heard), heard["hangup"]) == (["sorry"], True)
            assert call.event("callingPartyDrop")["action"] == "drop"
            with together(*[call.completed] * 4) as refused:
                pass
            assert {reply.status for reply in refused.results} == {503}
            assert max(call.seconds) < DEADLINE + MARGIN
            wanted = bridge.post(b'{"to": "0501112222"}', "/api/calls", Content_Type="application/json", **BEARER)
            assert problem(wanted, 503, "database")["detail"].endswith("nothing was done")
            assert orders(api) == [], "nobody is dialled of whom nothing would be known"
            health = bridge.get("/readyz?verbose")
            assert health.status == 200
            assert b"[-] sessions failing" in health.body, health.body
            place.mkdir()
            again = OnTheLine(bridge, "s-2")
            assert names(again.in_ivr()) == ["welcome"]
            assert bridge.post(b'{"to": "0501112222"}', "/api/calls", Content_Type="application/json", **BEARER).status == 202
            assert [operation for operation, _ in orders(api)] == ["placeivrcall"]
