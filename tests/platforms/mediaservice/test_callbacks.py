"""Callbacks as they come: types that drift, fields nobody knows, and any JSON object at all."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rpcbridge.codec import json_text
from rpcbridge.platforms.mediaservice.wire.callbacks import CALLBACKS, read
from tests.support import mediaservice

REFERENCE = {"rb": "5f2a"}
NAMES = sorted(CALLBACKS)


def got(callback: str, **body: Any) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """What is read of `body` as it comes over the wire, and kind and path of each repair."""
    value, _ = json_text.parse(json.dumps(body).encode()).settled()
    said, repairs = read(callback, value)
    return said, [(repair.kind, repair.path) for repair in repairs]


@pytest.mark.parametrize("callback", ["getIvrCommand", "callEvent", "callNotify", "callAnswered", "sessionCompleted"])
@pytest.mark.parametrize(
    ("sent", "understood", "kinds"),
    [
        (REFERENCE, REFERENCE, []),
        ({}, {}, []),
        (json.dumps(REFERENCE), REFERENCE, []),
        (" " + json.dumps(REFERENCE), REFERENCE, []),
        (json.dumps(json.dumps(REFERENCE)), REFERENCE, ["stringified"]),
        (json.dumps(json.dumps(json.dumps(REFERENCE))), REFERENCE, ["stringified"]),
        ("{rb: '5f2a'}", REFERENCE, []),
        ("my own", "my own", []),
        ("", "", []),
        ("{broken", "{broken", []),
        ('"quoted"', '"quoted"', []),
        ("[1]", "[1]", []),
        ("{" * 5000, "{" * 5000, []),
        ("{" + " " * 8192 + "}", "{" + " " * 8192 + "}", []),
        (20000, "20000", ["type"]),
    ],
)
def test_a_reference_is_an_object_or_a_text_wherever_it_comes(callback: str, sent: object, understood: object, kinds: list[str]):
    said, repairs = got(callback, sessionReferenceId=sent)
    assert said["session_reference_id"] == understood
    assert [kind for kind, _ in repairs] == kinds


@pytest.mark.parametrize("sent", [[1], [REFERENCE]])
def test_a_reference_that_is_neither_is_left_out(sent: object):
    said, repairs = got("callEvent", sessionReferenceId=sent, event="calledPartyDrop")
    assert "session_reference_id" not in said
    assert said["event"] == "calledPartyDrop"
    assert repairs == [("unreadable", "sessionReferenceId")]


@pytest.mark.parametrize("callback", ["newCall", "callNotify"])
def test_a_large_number_keeps_each_of_its_digits(callback: str):
    said, repairs = got(callback, sipCallId=5473001594892095000)
    assert said["sip_call_id"] == "5473001594892095000"
    assert repairs == [("type", "sipCallId")]


def test_a_number_for_a_text_says_what_it_may_have_lost():
    value, _ = json_text.parse(b'{"callingPartyNumber": 46890510, "remotePartyNumber": "0046890200", "connectionId": 1.50}').settled()
    said, repairs = read("callAnswered", value)
    assert (said["calling_party_number"], said["remote_party_number"], said["connection_id"]) == ("46890510", "0046890200", "1.50")
    assert [repair.path for repair in repairs] == ["callingPartyNumber", "connectionId"]
    assert "leading zeros" in repairs[0].detail
    assert "46890510" not in repairs[0].detail


@pytest.mark.parametrize("sent", ["+46890510", "46890510", "ivr", "caller", "0540000000", "anonymous", "*99"])
def test_a_user_part_is_whatever_it_is(sent: str):
    said, repairs = got("callEvent", user=sent)
    assert (said["user"], repairs) == (sent, [])


@pytest.mark.parametrize(
    ("sent", "understood", "kinds"),
    [(486, 486, []), (486.0, 486, []), ("486", 486, ["type"]), (" 486 ", 486, ["type"]), ("486.0", 486, ["type"]), (0, 0, []), (-1, -1, [])],
)  # fmt: skip
def test_a_number_may_come_as_text(sent: object, understood: int, kinds: list[str]):
    said, repairs = got("callEvent", sipResponseCode=sent)
    assert said["sip_response_code"] == understood
    assert [kind for kind, _ in repairs] == kinds


@pytest.mark.parametrize("sent", ["", "busy", True, "1_000", "٤", 486.5, "9" * 60, "1e999", "Infinity", [486], {}])
def test_what_is_no_number_is_left_out_and_told(sent: object):
    said, repairs = got("callEvent", sipResponseCode=sent, sessionId="s")
    assert said == {"session_id": "s", "unknown": {}}
    assert repairs == [("unreadable", "sipResponseCode")]


@pytest.mark.parametrize(
    ("sent", "understood", "kinds"),
    [(True, True, []), (False, False, []), ("true", True, ["type"]), ("False", False, ["type"]), (1, True, ["type"]), (0, False, ["type"])],
)
def test_a_flag_may_come_as_text(sent: object, understood: bool, kinds: list[str]):
    said, repairs = got("callNotify", monitoringParticipant=sent)
    assert said["monitoring_participant"] is understood
    assert [kind for kind, _ in repairs] == kinds


@pytest.mark.parametrize("callback", NAMES)
def test_null_is_left_out(callback: str):
    names = [str(field.data_key or name) for name, field in CALLBACKS[callback].fields.items()]
    assert got(callback, **dict.fromkeys(names)) == ({"unknown": {}}, [])


@pytest.mark.parametrize("callback", NAMES)
def test_nothing_is_so_needed_that_its_absence_is_an_error(callback: str):
    assert got(callback) == ({"unknown": {}}, [])


@pytest.mark.parametrize("sent", [46890510, "46890510", "12", "d93f0370-c787-11eb-a47c-c9c4e460ef16", {"a": 1}, [True]])
def test_what_the_document_describes_wrongly_is_kept_as_it_came(sent: object):
    came, _ = json_text.parse(json.dumps({"x": sent}).encode()).settled()
    said, repairs = got("sessionCompleted", sessionDuration=sent, reason=sent)
    assert said["session_duration"] == said["reason"] == came["x"]
    assert repairs == []


@pytest.mark.parametrize(("callback", "field"), [("callEvent", "event"), ("callNotify", "event"), ("recordingReady", "event"), ("alarm", "error"), ("alarm", "type")])
def test_a_word_that_no_list_has_is_kept(callback: str, field: str):
    assert got(callback, **{field: "brandNew"}) == ({field: "brandNew", "unknown": {}}, [])


def test_digits_come_with_the_reason():
    params = {"dtmfMatch": "12", "reason": "terminationKey", "matchedTerminationKey": "#", "encryption": {"type": "md5"}}
    said, repairs = got("getIvrCommand", dtmfParams=params, dtmfBuffer="12#")
    assert said["dtmf_params"] == {
        "dtmf_match": "12", "reason": "terminationKey", "matched_termination_key": "#", "encryption": {"type": "md5"},
    }  # fmt: skip
    assert said["dtmf_buffer"] == "12#"
    assert repairs == []


def test_digits_that_came_as_a_number_are_read_and_flagged():
    said, repairs = got("getIvrCommand", dtmfParams={"dtmfMatch": 12})
    assert said["dtmf_params"] == {"dtmf_match": "12"}
    assert repairs == [("type", "dtmfParams.dtmfMatch")]


def test_of_an_object_the_readable_part_is_kept():
    said, repairs = got("getIvrCommand", dtmfParams={"dtmfMatch": "12", "reason": ["x"]})
    assert said["dtmf_params"] == {"dtmf_match": "12"}
    assert repairs == [("unreadable", "dtmfParams.reason")]


def test_an_object_that_is_none_is_left_out():
    said, repairs = got("getIvrCommand", dtmfParams="12", sessionId="s")
    assert said == {"session_id": "s", "unknown": {}}
    assert repairs == [("unreadable", "dtmfParams")]


def test_what_nobody_knows_is_kept_apart_with_its_place():
    said, repairs = got(
        "getIvrCommand", sessionId="s", emotion={"mood": "good"}, dtmfParams={"dtmfMatch": "1", "confidence": "high"}
    )
    assert said["unknown"] == {"emotion": {"mood": "good"}, "dtmfParams.confidence": "high"}
    assert repairs == []


def test_the_cryptos_of_a_remote_call():
    said, repairs = got("newRemoteCall", crypto=[{"id": "1", "suite": "A", "config": "inline:x", "more": "m"}, 7], remoteRtpPort="20000")
    assert said["crypto"][0] == {"id": 1, "suite": "A", "config": "inline:x"}
    assert said["remote_rtp_port"] == 20000
    assert said["unknown"] == {"crypto.0.more": "m"}
    assert repairs == [("unreadable", "crypto.1"), ("type", "remoteRtpPort"), ("type", "crypto.0.id")]


def test_headers_keep_their_shape():
    headers = {"X-One": "1", "X-Two": ["a", "b"]}
    said, repairs = got("newCall", xHeaders=headers, copyHeaders=["X-One"])
    assert (said["x_headers"], said["copy_headers"], repairs) == (headers, ["X-One"], [])


def test_of_a_recorded_file_everything_is_unknown_and_kept():
    assert got("fileRecorded", sessionId="s", fileName="f") == ({"unknown": {"sessionId": "s", "fileName": "f"}}, [])


def test_outer_blanks_are_taken_off_and_told():
    assert got("callEvent", domain=" a.example\n") == ({"domain": "a.example", "unknown": {}}, [("blanks", "domain")])


def test_of_very_many_unreadable_values_the_first_are_told():
    _, repairs = got("newRemoteCall", crypto=[1] * 900)
    assert len(repairs) == 51
    assert repairs[-1] == ("unreadable", "")


@pytest.mark.parametrize("callback", sorted(set(CALLBACKS) - {"fileRecorded"}))
def test_the_document_s_own_samples_are_read(callback: str):
    fields = mediaservice.document()["callbacks"][callback]["request"]
    drifted = {name: field["sample"] for name, field in fields.items() if "sample" in field}
    said, repairs = got(callback, **drifted)
    assert "unreadable" not in [kind for kind, _ in repairs]
    assert len(said) == 1 + len([value for value in drifted.values() if value is not None])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
    | st.sampled_from(["true", "486", '{"rb": "x"}', '"{\\"rb\\": \\"x\\"}"', "{", "\ud800", "{\ud800"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@st.composite
def bodies(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    callback = draw(st.sampled_from(NAMES))
    names = [str(field.data_key or name) for name, field in CALLBACKS[callback].fields.items()]
    member = st.dictionaries(st.sampled_from(["dtmfMatch", "reason", "suite", "id", "encryption", "x"]), JSON, max_size=4)
    keys = st.sampled_from(names) | st.text(max_size=5) if names else st.text(max_size=5)
    return callback, draw(st.dictionaries(keys, JSON | member | st.lists(member, max_size=3), max_size=8))


@given(bodies())
@settings(deadline=None)
def test_no_object_raises_and_nothing_is_lost_unseen(sent: tuple[str, dict[str, Any]]):
    callback, body = sent
    value, _ = json_text.parse(json.dumps(body).encode()).settled()
    said, repairs = read(callback, value)
    attributes = {str(field.data_key or name): name for name, field in CALLBACKS[callback].fields.items()}
    unreadable = {repair.path.split(".")[0] for repair in repairs if repair.kind == "unreadable"}
    for name, came in value.items():
        seen = name in said["unknown"] or attributes.get(name) in said
        assert seen or came is None or name in unreadable


@given(bodies())
@settings(deadline=None)
def test_values_as_python_has_them_do_not_raise_either(sent: tuple[str, dict[str, Any]]):
    read(*sent)
