"""Where each field came from: every kind, with the tables of a platform of this test's own and with Voicenter's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from rpcbridge.codec import encode_call
from rpcbridge.codec.values import MethodCall
from rpcbridge.inspector.fields import Diff, Field, event_fields, reply_fields
from rpcbridge.platforms import Options, discovered
from tests.inspector.recorded import MENU, REPLY, SENT, document


@dataclass
class Tables:
    """As a platform gives them."""

    fields: Mapping[str, str] = field(default_factory=lambda: {
        "called_number": "DID", "caller_number": "CALLER_ID", "caller_name": "CALLER_NAME", "call_id": "IVR_UNIQUE_ID", "digits": "DTMF",
        "menu": "MENU", "previous_menu": "PREVIOUS_MENU", "state": "state",
    })  # fmt: skip
    reply_fields: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: {
        "menu": {"REC": "prompt", "LOOP": "loops", "DELAY": "loop_delay", "SIZE": "max_digits", "MENU": "menu", "VALIDATION": "validate_digits"},
        "call": {"TARGET": "target", "CALLERID": "caller_number", "NEXT_MENU": "on_failure.menu", "NEXT_MENU_LOOP": "on_failure.loops"},
        "hangup": {"HANGUP_REC": "prompt", "HANGUP_CAUSE": "cause"},
    })  # fmt: skip


def of_event(**changes: object) -> Diff:
    return event_fields(document(**changes), Tables())


def of_reply(**changes: object) -> Diff:
    return reply_fields(document(**changes), Tables())


def found(diff: Diff, name: str) -> Field:
    """The one field of that name at any of its ends."""
    (one,) = [field for field in diff.fields if name in (field.became.name, field.came.name if not field.became.name else "", field.wire.name if not field.became.name else "")]
    return one


def test_a_field_with_another_name_is_renamed_and_one_that_was_masked_is_redacted():
    diff = of_event()
    assert found(diff, "digits").kinds == ("renamed",)
    number = found(diff, "called_number")
    assert (number.came.name, number.came.value, number.became.value, number.kinds) == ("DID", '"********67"', '"********67"', ("renamed", "redacted"))


def test_a_value_that_changed_is_coerced_and_says_how():
    diff = of_event(sent={"MENU": " main "}, says={"menu": "main"}, repairs=[{"kind": "blanks", "path": "DATA.MENU", "detail": "blanks removed"}])
    assert (found(diff, "menu").kinds, found(diff, "menu").detail) == (("renamed", "coerced"), "blanks: blanks removed")
    assert found(diff, "previous_menu").detail == '"-1" → null'


def test_what_the_bridge_says_itself_is_added_and_says_why():
    diff = of_event()
    added = {field.became.name for field in diff.fields if "added" in field.kinds}
    assert added == {"event", "event_id", "occurred_at", "platform", "direction", "turn", "reason"}
    assert found(diff, "turn").detail == "counts the questions of this call"


def test_what_was_not_sent_is_defaulted_and_what_nobody_takes_is_dropped():
    sent = {name: value for name, value in SENT.items() if name != "DTMF"} | {"EXTRA": "x"}
    diff = of_event(request=encode_call(MethodCall("GET_IVR_ACTION", (sent,))).decode())
    assert (found(diff, "digits").kinds, found(diff, "digits").detail) == (("defaulted",), "the phone system did not send it")
    assert (found(diff, "EXTRA").kinds, found(diff, "EXTRA").came.value) == (("dropped",), '"x"')


def test_with_the_raw_fields_nothing_is_dropped():
    diff = of_event(sent={"EXTRA": "x"}, says={"raw": {"EXTRA": "x"}})
    assert (found(diff, "raw.EXTRA").kinds, found(diff, "raw.EXTRA").came.name) == (("as is",), "EXTRA")


def test_of_a_shared_answer_nothing_is_said_to_be_a_default():
    diff = of_reply(answer=None, shared=True)
    assert diff.note == "The answer stands with the identical question that was asked in its place."
    assert "defaulted" not in diff.counts


def test_a_field_that_could_not_be_read_was_dropped_with_the_reason():
    diff = of_event(sent={"CALL_DURATION": "long"}, repairs=[{"kind": "unreadable", "path": "DATA.CALL_DURATION", "detail": "expected an integer"}])
    assert (found(diff, "CALL_DURATION").kinds, found(diff, "CALL_DURATION").detail) == (("dropped",), "unreadable: expected an integer")


def test_the_same_name_and_value_is_as_is():
    assert found(of_event(sent={"state": "x"}, says={"state": "x"}), "state").kinds == ("as is",)


def test_typed_numbers_of_the_wire_are_shown_as_numbers_and_are_the_same():
    diff = of_event(sent={"DTMF": 25}, says={"digits": "25"})
    assert (found(diff, "digits").came.value, found(diff, "digits").kinds) == ("25", ("renamed",))


@pytest.mark.parametrize("body", ["<methodCall><broken", "{", "no call at all", "[1]"])
def test_a_request_that_cannot_be_decoded_says_so_and_shows_what_it_can(body: str):
    diff = of_event(request=body)
    assert diff.note.startswith("The request as it was kept cannot be read (")
    assert found(diff, "menu").kinds == ("renamed",)
    assert found(diff, "called_number").came.name == "DID"


def test_without_an_event_there_is_nothing_to_compare():
    assert event_fields(document(event=None), Tables()) == Diff(note="No event was made of this request.")


def test_an_answer_s_fields_to_the_wire():
    answer = {"action": "menu", "menu": " main ", "prompt": "welcome", "max_digits": "1", "state": {"n": 1}}
    repairs = [{"kind": "blanks", "path": "menu", "detail": '" main " read as "main"'}, {"kind": "type", "path": "max_digits", "detail": '"1" read as 1'}]
    diff = of_reply(answer=answer, repairs=repairs)
    assert {field.became.name or field.wire.name or field.came.name: (field.kinds, field.detail) for field in diff.fields} == {
        "action": (("renamed",), ""),
        "menu": (("coerced", "renamed"), 'blanks: " main " read as "main"'),
        "prompt": (("renamed",), ""),
        "loops": (("defaulted", "renamed"), "the answer does not say it"),
        "loop_delay": (("defaulted", "renamed"), "the answer does not say it"),
        "max_digits": (("coerced", "renamed"), 'type: "1" read as 1'),
        "validate_digits": (("defaulted", "renamed"), "the answer does not say it"),
        "STATUS": (("added",), "the platform's reply needs it"),
        "LANGUAGE": (("added",), "the platform's reply needs it"),
        "state": (("dropped",), "kept by the bridge for the call's next question"),
    }
    assert (found(diff, "prompt").wire.name, found(diff, "prompt").wire.value) == ("REC", '"welcome"')
    assert found(diff, "loops").wire.value == "1"
    assert diff.counts == "10 fields: 7 renamed, 2 coerced, 3 defaulted, 2 added, 1 dropped"


def test_a_nested_menu_and_a_masked_target():
    served = {"action": "call", "target": "********67", "on_failure": {"menu": "nobody", "loops": 1}, "after_call": "hangup"}
    got = REPLY | {"ACTION": "CALL", "DATA": {"TARGET": "********67", "CALLERID": "********67", "NEXT_MENU": "nobody", "NEXT_MENU_LOOP": 1}}
    diff = of_reply(served=served, got=got, answer={"action": "call", "target": "********67", "on_failure": {"menu": "nobody"}})
    assert found(diff, "target").kinds == ("renamed", "redacted")
    assert (found(diff, "on_failure.menu").wire.name, found(diff, "on_failure.loops").kinds) == ("NEXT_MENU", ("defaulted", "renamed"))
    assert (found(diff, "CALLERID").kinds, found(diff, "CALLERID").detail) == (("defaulted", "redacted"), "the platform needs it, the action does not say it")
    assert found(diff, "after_call").kinds == ("defaulted",), "a default that does not go on the wire was not lost"


def test_what_the_platform_lacks_is_dropped():
    repairs = [{"kind": "dropped", "path": "finish_key", "detail": "no such field here"}]
    diff = of_reply(served=MENU | {"finish_key": "#"}, answer=MENU | {"finish_key": "#"}, repairs=repairs)
    assert (found(diff, "finish_key").kinds, found(diff, "finish_key").detail) == (("dropped",), "dropped: no such field here")


def test_of_a_fallback_every_field_comes_from_the_configuration():
    diff = of_reply(outcome="fallback", answer={"promt": "x"})
    assert all("fallback" in field.kinds for field in diff.fields if field.became.name)
    assert not [field for field in diff.fields if field.came.name]


def test_a_native_answer_is_compared_under_what_it_means():
    answer = {"ACTION": "HANGUP", "DATA": {"HANGUP_REC": "bye", "HANGUP_CAUSE": "16"}}
    got = REPLY | {"ACTION": "HANGUP", "DATA": {"HANGUP_REC": "bye", "HANGUP_CAUSE": 16}}
    served = {"action": "hangup", "prompt": "bye", "cause": 16, "language": "he"}
    diff = of_reply(native=True, served=served, answer=answer, got=got, repairs=[{"kind": "type", "path": "DATA.HANGUP_CAUSE", "detail": '"16" read as 16'}])
    assert (found(diff, "action").came.name, found(diff, "action").kinds) == ("ACTION", ("renamed",))
    assert (found(diff, "cause").kinds, found(diff, "cause").detail) == (("coerced", "renamed"), 'type: "16" read as 16')
    assert found(diff, "language").kinds == ("defaulted", "renamed")
    assert reply_fields(document(native=True, served=served, answer={"native": answer, "state": 1}, got=got), Tables()).fields[0].came.name == "ACTION"


@pytest.mark.parametrize(("answer", "note"), [("<html>", "The answer as it was kept cannot be read"), ("[]", "The answer is no object.")])
def test_an_answer_that_cannot_be_decoded_says_so(answer: str, note: str):
    diff = of_reply(answer=answer)
    assert note in diff.note
    assert found(diff, "prompt").wire.name == "REC"


def test_a_reply_that_cannot_be_decoded_says_so_and_shows_the_answer():
    diff = of_reply(response="<methodResponse><para")
    assert "The reply as it was kept cannot be read" in diff.note
    assert (found(diff, "menu").came.name, found(diff, "menu").kinds) == ("menu", ("as is",))


def test_nothing_served_is_nothing_compared():
    assert of_reply(served=None).note == "No action was served."
    assert Diff().counts == "0 fields"


def test_very_long_values_are_cut():
    diff = of_event(says={"state": "x" * 5000})
    assert len(found(diff, "state").became.value) == 200


@pytest.mark.parametrize("name", discovered())
def test_every_platform_has_the_tables(name: str):
    folder = discovered()[name]
    platform = folder.make(folder.Section(), Options({}))
    diff = event_fields(document(sent={"DTMF": "1"}, says={"digits": "1"}), platform)
    assert diff.fields
    assert {field.kinds for field in diff.fields if field.became.name == "event_id"} == {("added",)}
