"""Requests made of records: as they were but for the call's id, changed as told, and never with a guessed value in them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from rpcbridge.codec import MethodCall, decode_call, encode_call, encode_reply
from rpcbridge.domain.actions import Catalogue
from rpcbridge.domain.origins import made, origin_of, replayed
from rpcbridge.exchange import Exchange
from rpcbridge.inspector.comparison import Compared, compared
from rpcbridge.inspector.replay import NotReplayable, Script, changed, requests, turn, whole_call
from rpcbridge.platforms import Options, Platform, Receipt
from rpcbridge.platforms.understanding import understood
from rpcbridge.platforms.voicenter import NAME, Section, make
from rpcbridge.redaction import Redactor
from rpcbridge.schemas import events
from rpcbridge.trace.noting import noted
from rpcbridge.trace.record import Recorder, restored

CATALOGUE: Catalogue = {}
PLATFORM: Platform = make(Section(), Options(CATALOGUE))
PLATFORMS = {NAME: PLATFORM}
RECORDER = Recorder(Redactor(b"k" * 32, PLATFORM.sensitive), ["pin"])
QUESTION = {
    "DID": "0730000000", "CALLER_ID": "0540000000", "CALLER_NAME": "Dana Levi", "IVR_UNIQUE_ID": "c1", "DTMF": "", "MENU": "-1", "PREVIOUS_MENU": "-1",
}  # fmt: skip
END = {"DID": "0730000000", "CALLER_ID": "0540000000", "IVR_UNIQUE_ID": "c1", "CALL_DURATION": 12, "TARGET": "", "CALL_STATUS": ""}
NEW = made("replay", "01KB0Q8ZJ5T3V9W2X4Y6Z8A0BC", "01ARZ3NDEKTSV4RRFFQ69G5FAV")
GIVEN = {"called_number": "0731111111", "caller_number": "0542222222", "caller_name": "Roni"}


def recorded(
    number: int, *, answer: dict[str, Any] | None = None, dialect: str = "xmlrpc", method: str = "GET_IVR_ACTION", body: bytes = b"", **members: Any
) -> dict[str, Any]:
    """A document as the store gives it back."""
    base = QUESTION if method == "GET_IVR_ACTION" else END
    sent = body or encode_call(MethodCall(method, (base | members,), dialect))
    seen = Exchange(f"01KB0Q8ZJ5{number:016d}", NAME, 1.0, datetime.now(UTC), "", platform_request=sent, dialect=dialect, method=method, finished=1.01)
    event, _ = PLATFORM.to_domain(decode_call(sent), Receipt(seen.id, seen.received))
    seen.content, seen.called_number = events.dump(event), "0730000000"
    if method == "GET_IVR_ACTION":
        action, _ = understood(PLATFORM, answer or {"action": "hangup"})
        response, _ = PLATFORM.from_domain(action, seen.called_number, dialect)
        seen.served, seen.outcome = lambda: action, "answered"
    else:
        response, seen.outcome = PLATFORM.acknowledge(True), "stored"
    seen.platform_response = encode_reply(response, dialect)
    row = RECORDER.row(noted(seen))
    return {**row, **restored(json.loads(row["document"]))}


def sent(script: Script, values: dict[str, str], **options: bool) -> list[dict[str, Any]]:
    calls = [decode_call(body) for body in requests(script, values, NEW, **options)]
    return [dict(call.params[0]) for call in calls]  # type: ignore[call-overload]


def refusal(script: Script, values: dict[str, str]) -> NotReplayable:
    with pytest.raises(NotReplayable) as caught:
        requests(script, values, NEW)
    return caught.value


@pytest.mark.parametrize("dialect", ["xmlrpc", "json", "jsonrpc"])
def test_a_turn_is_sent_as_it_was_but_for_the_id_and_what_is_given(dialect: str):
    script = turn(recorded(1, dialect=dialect, DTMF="2", MENU="main", PREVIOUS_MENU="-1", Extra="x<y"), PLATFORMS)
    (body,) = requests(script, GIVEN, NEW)
    call = decode_call(body)
    assert (call.method, call.dialect) == ("GET_IVR_ACTION", dialect)
    assert call.params[0] == {
        "DID": "0731111111", "CALLER_ID": "0542222222", "CALLER_NAME": "Roni", "IVR_UNIQUE_ID": NEW, "DTMF": "2", "MENU": "main",
        "PREVIOUS_MENU": "-1", "Extra": "x<y",
    }  # fmt: skip
    assert (origin_of(NEW), replayed(NEW)) == ("replay", "01ARZ3NDEKTSV4RRFFQ69G5FAV")


def test_every_masked_field_has_to_be_given_and_each_is_named():
    script = turn(recorded(1, DTMF="123456", MENU="order", Card="4580 1234 5678 9012"), PLATFORMS)
    error = refusal(script, {})
    assert error.missing == ("called_number", "caller_number", "caller_name", "digits", "Card")
    assert str(error.problems[0]) == 'called_number: masked in the record ("********00"), so it has to be given'
    assert refusal(script, GIVEN).missing == ("digits", "Card")
    (members,) = sent(script, {**GIVEN, "digits": "654321", "Card": ""})
    assert (members["DTMF"], members["Card"]) == ("654321", "")
    (members,) = sent(script, GIVEN, as_masked=True)
    assert (members["DTMF"], members["CALLER_ID"]) == ("******", "0542222222")


def test_a_key_that_is_a_star_is_not_taken_for_a_mask_and_a_secret_one_is():
    plain = turn(recorded(1, DTMF="*", MENU="main"), PLATFORMS)
    assert not any(field.masked for field in plain.fields if field.name == "digits")
    secret = turn(recorded(2, DTMF="7", MENU="pin"), PLATFORMS)
    assert [field.value for field in secret.fields if field.masked and field.name == "digits"] == ["*"]


def test_fields_go_by_the_contracts_names_and_by_the_platforms():
    script = turn(recorded(1, MENU="main", DTMF="1"), PLATFORMS)
    assert sent(script, {**GIVEN, "DTMF": "9"})[0]["DTMF"] == sent(script, {**GIVEN, "digits": "9"})[0]["DTMF"] == "9"
    assert sent(script, {**GIVEN, "target": "05"})[0]["TARGET"] == "05", "a field of the platform that this request had not"
    wrong = refusal(script, {**GIVEN, "digit": "1", "call_id": "mine", "IVR_UNIQUE_ID": "mine"})
    assert [problem.path for problem in wrong.problems] == ["digit", "call_id", "IVR_UNIQUE_ID"]
    assert "did you mean digits?" in str(wrong)


def test_what_was_changed_is_told_and_what_was_masked_is_not():
    script = turn(recorded(1, MENU="main", DTMF="1"), PLATFORMS)
    (body,) = requests(script, {**GIVEN, "digits": "2", "menu": "main", "target": "05"}, NEW)
    assert changed(script.steps[0], body) == ("digits", "TARGET")


def test_types_stay_what_they_were():
    script = turn(recorded(1, method="HANGUP_CALL", dialect="json"), PLATFORMS)
    given = {"called_number": "0731111111", "caller_number": "0542222222"}
    body = requests(script, {**given, "duration": "30"}, NEW)[0]
    assert json.loads(body)["DATA"]["CALL_DURATION"] == 30
    script = turn(recorded(2, method="HANGUP_CALL"), PLATFORMS)
    assert b"<name>CALL_DURATION</name><value><int>30</int>" in requests(script, {**given, "duration": "30"}, NEW)[0]


def test_a_number_that_was_masked_in_json_is_read_all_the_same():
    body = b'{"METHOD": "GET_IVR_ACTION", "DATA": {"CALLER_ID": 972540000000, "DID": "1", "IVR_UNIQUE_ID": "c", "MENU": "-1", "N": [972540000000]}}'
    document = recorded(1, body=body)
    assert '"CALLER_ID": **********00' in document["stations"]["platform_request"]["body"]
    script = turn(document, PLATFORMS)
    assert refusal(script, {}).missing == ("caller_number", "called_number", "N")
    assert sent(script, {"caller_number": "0542222222", "called_number": "2", "N": ""})[0]["CALLER_ID"] == "0542222222"


def whole() -> list[dict[str, Any]]:
    delivery = recorded(5, method="HANGUP_CALL") | {"method": "call_ended", "outcome": "delivered"}
    menu = {"action": "menu", "menu": "main", "prompt": "welcome"}
    return [
        recorded(1, answer=menu), recorded(2, MENU="main", DTMF="1", answer={**menu, "menu": "order", "max_digits": 4}),
        recorded(3, MENU="order", PREVIOUS_MENU="main", DTMF="1234"), recorded(3, MENU="order", DTMF="1234") | {"shared": True},
        recorded(4, method="HANGUP_CALL"), delivery, recorded(6, method="HANGUP_CALL") | {"outcome": "duplicate"},
    ]  # fmt: skip


def test_a_whole_call_is_its_questions_and_one_report():
    script = whole_call(whole(), PLATFORMS)
    assert [step.seen["method"] for step in script.steps] == ["GET_IVR_ACTION"] * 3 + ["HANGUP_CALL"]
    assert script.of == "01KB0Q8ZJ50000000000000001"
    assert refusal(script, GIVEN).missing == ("3.digits",)
    members = sent(script, {**GIVEN, "digits": "5678"})
    assert [one.get("DTMF") for one in members] == ["", "1", "5678", None], "only one was masked, so that is meant"
    assert {(one["IVR_UNIQUE_ID"], one["CALLER_ID"]) for one in members} == {(NEW, "0542222222")}
    members = sent(script, {**GIVEN, "3.digits": "5678", "2.digits": "7", "2.caller_number": "0549999999"})
    assert [one.get("DTMF") for one in members] == ["", "7", "5678", None]
    assert [one["CALLER_ID"] for one in members] == ["0542222222", "0549999999", "0542222222", "0542222222"]


def test_what_differs_from_turn_to_turn_needs_the_turn():
    script = whole_call(whole(), PLATFORMS)
    error = refusal(script, {**GIVEN, "3.digits": "1", "menu": "main", "9.digits": "1"})
    assert [str(problem) for problem in error.problems] == [
        "menu: differs from turn to turn: say in which one, as in 3.menu", "9.digits: there are 4 turns",
    ]  # fmt: skip


def test_what_cannot_be_replayed_says_why():
    def why(document: dict[str, Any]) -> str:
        with pytest.raises(NotReplayable) as caught:
            turn(document, PLATFORMS)
        return str(caught.value)

    assert "the delivery of an event" in why(recorded(1, method="HANGUP_CALL") | {"method": "call_ended", "outcome": "delivered"})
    assert "not system.listMethods" in why(recorded(1) | {"method": "system.listMethods"})
    assert "of its request of 20," in why(recorded(1, Note="x" * 20_000))
    assert "cannot be read" in why(recorded(1) | {"stations": {"event": None, "platform_request": {"size": 3, "body": "<a>"}}})
    assert "is not there any more" in why(recorded(1) | {"platform": "gone"})
    with pytest.raises(NotReplayable, match="is kept"):
        whole_call([], PLATFORMS)
    with pytest.raises(NotReplayable, match="2: of its request"):
        whole_call([recorded(1), recorded(2, Note="x" * 20_000)], PLATFORMS)


def replied(answer: dict[str, Any]) -> bytes:
    action, _ = understood(PLATFORM, answer)
    return encode_reply(PLATFORM.from_domain(action, "0731111111", "xmlrpc")[0], "xmlrpc")


def came_back(script: Script, reply: bytes, **options: Any) -> Compared:
    (sent,) = requests(script, {}, NEW, as_masked=True)
    return compared(script, script.steps[0], sent, reply, 1.0, **options)


CALL = {"action": "call", "target": "0501234567", "caller_number": "0730000000", "caller_prompt": "hold"}


@pytest.mark.parametrize(
    ("then", "now", "elsewhere", "names"),
    [
        ({"action": "menu", "menu": "main", "prompt": "p"}, {"action": "menu", "menu": "main", "prompt": "p"}, False, []),
        ({"action": "menu", "menu": "main", "prompt": "p"}, {"action": "menu", "menu": "main", "prompt": "q"}, False, ["prompt"]),
        ({"action": "menu", "menu": "main", "prompt": "p"}, {"action": "menu", "menu": "closed", "prompt": "p"}, True, ["menu"]),
        (CALL, CALL, False, []),
        (CALL, CALL | {"target": "0509999967"}, False, []),  # what was masked may have been this
        (CALL, CALL | {"target": "0501234568"}, True, ["target"]),
        ({"action": "say_digits", "digits": "1234", "menu": "m", "prompt": "p"}, {"action": "say_digits", "digits": "9876", "menu": "m", "prompt": "p"}, False, []),
        ({"action": "hangup"}, {"action": "hangup", "prompt": "bye"}, False, ["prompt"]),
    ],
)  # fmt: skip
def test_what_comes_back_is_held_against_the_record(then: dict[str, Any], now: dict[str, Any], elsewhere: bool, names: list[str]):
    script = turn(recorded(1, answer=then), PLATFORMS)
    found = came_back(script, replied(now))
    assert (found.elsewhere, [one.name for one in found.differences], found.unreadable) == (elsewhere, names, "")
    assert found.same == (not elsewhere and not names)
    assert (found.asked, found.then_ms) == ("the call begins", 10.0)


def test_a_turn_that_leads_elsewhere_says_where():
    script = turn(recorded(1, MENU="x", DTMF="3", answer={"action": "menu", "menu": "main", "prompt": "p"}), PLATFORMS)
    found = came_back(script, replied({"action": "go_to_layer", "layer": 3, "prompt": "p"}))
    assert (found.then, found.now, found.asked) == ("menu main", "go_to_layer 3", "3 pressed in menu x")
    assert came_back(script, b"").unreadable == "nothing came back"
    assert not came_back(script, b"<html>").same


def test_of_a_report_the_acknowledgement_is_compared():
    script = turn(recorded(1, method="HANGUP_CALL"), PLATFORMS)
    good, bad = (encode_reply(PLATFORM.acknowledge(well), "xmlrpc") for well in (True, False))
    assert came_back(script, good).same
    found = came_back(script, bad)
    assert [(one.name, one.then, one.now) for one in found.differences] == [("STATUS", "0", "1")]


def test_a_notification_that_nobody_answers_came_back_as_it_was():
    sent = b'{"jsonrpc": "2.0", "method": "HANGUP_CALL", "params": {"IVR_UNIQUE_ID": "c1", "DID": "1"}}'
    document = recorded(1, method="HANGUP_CALL", dialect="jsonrpc", body=sent)
    document["stations"]["platform_response"] = {"size": 0, "body": ""}
    script = turn(document, PLATFORMS)
    assert b'"id"' not in requests(script, {"called_number": "073"}, NEW)[0]
    assert came_back(script, b"").same


def test_what_is_shown_of_now_may_be_masked():
    script = turn(recorded(1, answer=CALL), PLATFORMS)
    raw = replied(CALL | {"target": "0501234568"})
    found = came_back(script, raw, shown=raw.replace(b"0501234568", b"********68"))
    assert (found.now, found.differences[0].now) == ("call ********68", "********68")


def test_what_is_masked_where_digits_are_due_leads_where_it_leads():
    said = {"action": "say_digits", "digits": "0547", "menu": "after", "prompt": "more"}
    raw = replied(said)
    found = came_back(turn(recorded(1, answer=said), PLATFORMS), raw, shown=raw.replace(b"0547", b"****"))
    assert (found.then, found.now, found.same) == ("digits, then menu after", "digits, then menu after", True)
