"""Requests of one call that come at the same time; and calls of which the backend is told less, or more. Through one real bridge each."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from tests.support import backend as backends
from tests.support import bridge as bridges
from tests.support.backend import Backend, in_turn, reply, slow
from tests.support.bridge import Running, awaited
from tests.support.on_the_line import DIAL, DOMAIN, MENU, OnTheLine, names, settings, together

IDS = count(1)
BYE = {"action": "hangup", "prompt": "bye"}


@pytest.fixture(scope="module")
def asked() -> Iterator[Backend]:
    with backends.running(reply(MENU)) as running:
        running.take = reply(b"", 204)
        yield running


@pytest.fixture(scope="module")
def bridge(asked: Backend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with bridges.running(tmp_path_factory.mktemp("bridge"), settings(asked.url)) as running:
        yield running


@pytest.fixture(scope="module")
def spare(asked: Backend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Keeps no state for the backend, and gives it the platform's own fields."""
    toml = settings(asked.url).replace("[backend]\n", "[backend]\nkeep_state = false\ninclude_raw = true\n")
    with bridges.running(tmp_path_factory.mktemp("spare"), toml) as running:
        yield running


def call_of(bridge: Running, backend: Backend, *answers: dict) -> OnTheLine:
    backend.behave = in_turn(*map(reply, answers))
    return OnTheLine(bridge, f"s-{next(IDS)}")


def questions(backend: Backend, call: OnTheLine) -> list[dict]:
    return [question.json for question in backend.questions if question.json["call_id"] == call.session]


def test_two_identical_requests_in_flight_are_one_question_and_get_the_same_reply(bridge: Running, asked: Backend):
    call = call_of(bridge, asked, MENU)
    call.in_ivr()
    asked.behave = slow(1.0, reply(BYE))
    body = call.next_command("7")
    with together(*[lambda: call.post("getIvrCommand", **body)] * 3) as same:
        pass
    assert [names(said) for said in same.results] == [["bye"]] * 3
    assert same.results[0] == same.results[1] == same.results[2]
    assert [one["turn"] for one in questions(asked, call)] == [1, 2]
    lines = awaited(lambda: len(found := bridge.lines_of(call.session, "getIvrCommand")) == 4 and found)
    assert sorted(line.get("shared", False) for line in lines[1:]) == [False, True, True]


def test_other_digits_are_another_question(bridge: Running, asked: Backend):
    call = call_of(bridge, asked, MENU)
    call.in_ivr()
    asked.behave = slow(0.5, reply(MENU))
    one, other = call.next_command("7"), call.next_command("8")
    with together(lambda: call.post("getIvrCommand", **one), lambda: call.post("getIvrCommand", **other)) as both:
        pass
    assert [names(said) for said in both.results] == [["welcome"]] * 2
    later = questions(asked, call)[1:]
    assert sorted(said["digits"] for said in later) == ["7", "8"]
    assert sorted(said["turn"] for said in later) == [2, 3], "each has a turn of its own"


def test_who_hangs_up_while_the_backend_thinks_is_dropped_and_so_is_the_answer(bridge: Running, asked: Backend):
    call = call_of(bridge, asked, MENU)
    asked.behave = slow(1.0, reply(MENU))
    with together(call.begin) as beginning:
        awaited(lambda: questions(asked, call))
        left = OnTheLine(bridge, call.session).event("callingPartyDrop")
    assert (left["action"], left["dropCode"]) == ("drop", "dropNoMsg")
    assert beginning.results[0]["action"] == "drop"
    assert call.completed().status == 200
    [ended] = awaited(lambda: [event.json for event in asked.events("call_ended", call_id=call.session)])
    assert ended["ended_by"] == "caller"


def test_who_hangs_up_in_the_ivr_while_the_backend_thinks_hears_no_more(bridge: Running, asked: Backend):
    call = call_of(bridge, asked, MENU)
    call.in_ivr()
    asked.behave = slow(1.0, reply(MENU))
    with together(lambda: call.command("7")) as asking:
        awaited(lambda: len(questions(asked, call)) == 2)
        assert call.event("callingPartyDrop")["action"] == "drop"
    assert (asking.results[0]["phrases"], asking.results[0]["hangup"]) == ([], True)


def test_without_state_the_call_works_and_the_backend_hears_of_neither_turn_nor_state(spare: Running, asked: Backend):
    call = call_of(spare, asked, MENU, MENU | {"menu": "second", "prompt": "second"}, BYE)
    call.in_ivr()
    assert names(call.command("7")) == ["second"]
    assert names(call.command("8")) == ["bye"]
    assert call.completed().status == 200
    [ended] = awaited(lambda: [event.json for event in asked.events("call_ended", call_id=call.session)])
    said = questions(asked, call)
    assert [(one["menu"], one["previous_menu"], one["digits"]) for one in said] == [(None, None, ""), ("main", None, "7"), ("second", "main", "8")]
    assert [{"turn", "state"} & set(one) for one in (*said, ended)] == [set()] * 4


def test_the_platforms_own_fields_ride_along_where_they_are_wanted(spare: Running, asked: Backend):
    call = call_of(spare, asked, DIAL)
    call.begin(sipCallId="5473001594892095000")
    assert call.post("callNotify", event="ringing", sessionId=call.session, participantId="p-2", monitoringParticipant=False) == {}
    assert call.answered("target").status == 200
    assert call.event("calledPartyDrop", "target")["action"] == "drop"
    assert call.completed().status == 200
    awaited(lambda: asked.events("call_ended", call_id=call.session))
    told = [event.json for event in asked.events(call_id=call.session)]
    assert [(one["event"], set(one["raw"]) >= {"sessionReferenceId"}) for one in told] == [
        ("call_ringing", True), ("call_answered", True), ("call_ended", True),
    ]  # fmt: skip
    assert told[-1]["raw"] == {"sessionId": call.session, "domain": DOMAIN, "sessionReferenceId": call.reference}
    assert questions(asked, call)[0]["raw"]["sipCallId"] == "5473001594892095000"


def test_calls_of_another_tenant_are_refused(bridge: Running, asked: Backend):
    call = call_of(bridge, asked, MENU)
    call.in_ivr()
    for callback in ("callEvent", "sessionCompleted"):
        body = {"sessionId": call.session, "domain": "other.example"}
        if callback == "callEvent":
            body |= call.event_body("callingPartyDrop") | {"domain": "other.example"}
        assert call.sent(callback, **body).status == 400
    assert asked.events("call_ended", call_id=call.session) == []
    assert call.command("7")["hangup"] is False, "the call goes on"


def test_who_does_not_know_the_secret_or_comes_from_elsewhere_stays_outside(asked: Backend, tmp_path_factory: pytest.TempPathFactory):
    asked.behave = reply(MENU)
    guarded = settings(asked.url, section='secret = "c0ffee-c0ffee-c0ffee"\nnetworks = ["127.0.0.0/8", "192.0.2.0/24"]\n')
    with bridges.running(tmp_path_factory.mktemp("guarded"), guarded + '[server]\ntrusted_proxies = ["127.0.0.1"]\n') as bridge:
        for path in ("/mediaservice", "/mediaservice/wrong"):
            stranger = OnTheLine(bridge, "s-strange", path)
            assert stranger.sent("newCall", sessionId="s-strange", callingParty="1", calledParty="2").status == 403
        call = OnTheLine(bridge, "s-guarded", "/mediaservice/c0ffee-c0ffee-c0ffee")
        assert names(call.in_ivr()) == ["welcome"]
        for client, status in (("198.51.100.7", 403), ("192.0.2.7", 200)):
            reply_ = bridge.post(b'{"sessionId": "x"}', f"{call.path}/sessionCompleted", X_Forwarded_For=client)
            assert reply_.status == status, client
        assert "c0ffee" not in bridge.log.read_text()
    assert [question.json["call_id"] for question in asked.questions if "strange" in question.json["call_id"]] == []
