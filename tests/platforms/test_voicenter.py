"""Voicenter's words and the contract's, without any I/O."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from rpcbridge.codec import MethodCall, decode_call
from rpcbridge.domain.actions import Menu, Prompt
from rpcbridge.domain.causes import CAUSES, definition
from rpcbridge.domain.events import ABSENT, CALL_STATUSES
from rpcbridge.errors import AnswerRejected
from rpcbridge.platforms import Options, Receipt, UnusableCall, discovered
from rpcbridge.platforms.voicenter.tables import CALL_STATUS
from rpcbridge.schemas import actions
from tests.support.calls import HANGUP, QUESTION, as_json, xml

RECEIPT = Receipt("01KB0Q8ZJ5T3V9W2X4Y6Z8A0BC", datetime(2026, 11, 20, tzinfo=UTC))
FOLDER = discovered()["voicenter"]
MENU = {"action": "menu", "menu": "m", "prompt": "p"}


def voicenter(catalogue=None, strict=False, **section):
    return FOLDER.make(FOLDER.Section(**section), Options(catalogue or {}, strict))


def event_of(body: bytes, receipt: Receipt = RECEIPT):
    return voicenter().to_domain(decode_call(body), receipt)


def reply(answer: dict, dialect: str = "xmlrpc", called: str | None = "0730000000", **options):
    platform = voicenter(**options)
    return platform.from_domain(actions.load(answer).action, called, dialect)


def native(answer: object, called: str | None = "0730000000", dialect: str = "xmlrpc"):
    platform = voicenter()
    loaded, repairs = platform.load_native(answer, "native")
    response, more = platform.from_domain(loaded, called, dialect)
    return response.value, [*repairs, *more]


@pytest.mark.parametrize(
    ("changes", "menu", "reason"),
    [
        ({}, None, "call_started"),
        ({"MENU": "main", "DTMF": "1"}, "main", "input"),
        ({"MENU": "main", "DTMF": ""}, "main", "no_input"),
        ({"MENU": "", "DTMF": "*"}, "", "input"),
        ({"MENU": "-1", "DTMF": "7"}, None, "call_started"),
        ({"MENU": -1}, None, "call_started"),
    ],
)
def test_the_reason_follows_from_menu_and_digits(changes: dict, menu: str | None, reason: str):
    for body in (xml(**changes), as_json(**changes)):
        event, _ = event_of(body)
        assert (event.menu, event.reason) == (menu, reason)


def test_every_field_of_a_question_may_be_missing():
    event, repairs = event_of(xml(data={}))
    assert event.call_id == "rb-01KB0Q8ZJ5T3V9W2X4Y6Z8A0BC"
    assert (event.menu, event.previous_menu, event.called_number, event.caller_number) == (ABSENT,) * 4
    assert (event.digits, event.reason) == ("", "call_started")
    assert [repair.kind for repair in repairs] == ["no_call_id"]


def test_php_writes_an_empty_map_as_an_empty_array():
    assert event_of(as_json(data=[]))[0].reason == event_of(xml(data=[]))[0].reason == "call_started"


@pytest.mark.parametrize("value", ["a b\n c", "\tabc ", "ab\u00a0c"])
def test_all_white_space_leaves_the_call_id(value: str):
    event, repairs = event_of(xml(IVR_UNIQUE_ID=value))
    assert event.call_id == "abc"
    assert repairs[0].path == "DATA.IVR_UNIQUE_ID"


def test_numbers_stay_text():
    event, _ = event_of(b'{"METHOD": "GET_IVR_ACTION", "DATA": {"DID": 97273, "DTMF": 5, "IVR_UNIQUE_ID": ' + b"9" * 34 + b"}}")
    assert (event.called_number, event.digits, event.call_id) == ("97273", "5", "9" * 34)


def test_unknown_fields_are_kept_in_raw_where_it_is_wanted():
    receipt = Receipt(RECEIPT.event_id, RECEIPT.occurred_at, include_raw=True)
    assert event_of(xml(NEW_FIELD="x"), receipt)[0].raw == QUESTION | {"NEW_FIELD": "x"}
    assert event_of(xml(NEW_FIELD="x"))[0].raw is ABSENT


@pytest.mark.parametrize("params", [(), ("text",), ([1],), ({}, {})])
def test_a_question_without_one_struct_cannot_be_used(params: tuple):
    with pytest.raises(UnusableCall, match="DATA: expected one struct"):
        voicenter().to_domain(MethodCall("GET_IVR_ACTION", params), RECEIPT)


def test_every_change_to_a_request_is_counted():
    _, repairs = event_of(xml(DID=" 073 ", CALLER_NAME="\tx"))
    assert [(repair.kind, repair.path) for repair in repairs] == [("blanks", "DATA.DID"), ("blanks", "DATA.CALLER_NAME")]
    _, repairs = event_of(as_json("HANGUP_CALL", CALL_DURATION="+5"))
    assert [(repair.kind, repair.path) for repair in repairs] == [("type", "DATA.CALL_DURATION")]
    assert [repair.kind for repair in event_of(xml(data=[]))[1]] == ["empty_map", "no_call_id"]


def test_every_unusable_field_of_a_question_is_named():
    with pytest.raises(UnusableCall) as error:
        event_of(xml(DID={"a": "b"}, DTMF=["1"]))
    assert [str(problem) for problem in error.value.problems] == [
        "DATA.DID: expected a text, got an object", "DATA.DTMF: expected a text, got an array",
    ]  # fmt: skip


def test_an_event_is_not_lost_for_a_field_that_cannot_be_read():
    event, repairs = event_of(as_json("HANGUP_CALL", CALL_DURATION="long", TARGET={}, CALL_DAILTIME=""))
    assert (event.duration, event.target, event.ring_duration) == (ABSENT, ABSENT, ABSENT)
    assert event.call_status == "answered"
    assert sorted(repair.path for repair in repairs) == ["DATA.CALL_DAILTIME", "DATA.CALL_DURATION", "DATA.TARGET"]
    assert {repair.kind for repair in repairs} == {"unreadable"}


@pytest.mark.parametrize("value", [15616841651, -1563027533, 1_700_000_000_000, 0])
def test_the_epochs_are_passed_on_as_received(value: int):
    event, _ = event_of(as_json("HANGUP_CALL", CALL_TIME_EPOCH=value, CALL_START_EPOCH=str(value)))
    assert (event.platform_call_time, event.platform_call_start) == (value, value)


def test_both_spellings_of_the_ring_time_are_read():
    data = {name: value for name, value in HANGUP.items() if name != "CALL_DAILTIME"} | {"CALL_DIALTIME": 9}
    event, repairs = event_of(xml("HANGUP_CALL", data))
    assert event.ring_duration == 9
    assert repairs[0].kind == "spelling"


@pytest.mark.parametrize(("text", "status"), [*CALL_STATUS.items(), ("answer", "answered")])
def test_the_call_status_table(text: str, status: str):
    event, _ = event_of(xml("HANGUP_CALL", CALL_STATUS=text))
    assert (event.call_status, event.platform_text) == (status, ABSENT)
    assert status in CALL_STATUSES


@pytest.mark.parametrize(("text", "status"), [("ABANDONE", "unknown"), ("VOICEMAIL", "unknown")])
def test_an_unknown_call_status_goes_along_as_it_came(text: str, status: str):
    event, _ = event_of(xml("HANGUP_CALL", CALL_STATUS=text))
    assert (event.call_status, event.platform_text) == (status, text)


def test_no_call_status_is_absent():
    assert event_of(xml("HANGUP_CALL", CALL_STATUS=""))[0].call_status is ABSENT


def test_the_hangup_causes_are_whole():
    assert len(CAUSES) == 33
    assert [cause.sip for cause in CAUSES if cause.code == 22] == [410, 301]
    assert {cause.code for cause in CAUSES} == {
        1, 2, 3, 16, 17, 18, 19, 20, 21, 22, 23, 26, 27, 28, 29, 31, 34, 38, 41, 42, 47, 55, 57, 58, 65, 70, 79, 87, 88,
        102, 111, 127,
    }  # fmt: skip
    assert (definition(16), definition(99)) == ("normal call clearing", "unknown cause")


def test_a_call_without_a_called_number_shows_none():
    assert reply({"action": "call", "target": "1"}, called=None)[0].value["DATA"]["CALLERID"] == ""


def test_an_empty_caller_number_is_kept():
    assert reply({"action": "call", "target": "1", "caller_number": ""})[0].value["DATA"]["CALLERID"] == ""


def test_say_digits_without_an_intro_plays_the_silent_prompt():
    answer = MENU | {"action": "say_digits", "digits": "05"}
    assert reply(answer)[0].value["DATA"]["SAYDIGITSRECORD"] == "blank"
    assert reply(answer, silent_prompt="quiet")[0].value["DATA"]["SAYDIGITSRECORD"] == "quiet"


@pytest.mark.parametrize(
    ("case", "dialect", "written"),
    [("sampled", "xmlrpc", "he"), ("sampled", "json", "HE"), ("lower", "json", "he"), ("upper", "xmlrpc", "HE")],
)
def test_the_language_is_written_as_configured(case: str, dialect: str, written: str):
    assert reply(MENU, dialect, language_case=case)[0].value["LANGUAGE"] == written


@pytest.mark.parametrize(("asked", "spoken", "lost"), [("en-GB", "en", 0), ("HE", "he", 0), ("ru", "he", 1)])
def test_a_region_is_dropped_and_another_language_is_lost(asked: str, spoken: str, lost: int):
    response, repairs = reply(MENU | {"language": asked})
    assert response.value["LANGUAGE"] == spoken
    assert len(repairs) == lost


def test_the_types_of_the_samples_may_be_written():
    answer = {"action": "call", "target": "1", "on_failure": {"menu": "m", "prompt": "p"}}
    as_xml = reply(answer, as_sampled=True)[0].value["DATA"]
    assert [as_xml[name] for name in ("REC_STATUS", "NEXT_MENU_LOOP", "NEXT_MENU_WAIT", "NEXT_MENU_SIZE")] == ["0", "1", "3", "1"]
    assert as_xml["CALL_MAX"] == 3600
    as_js = reply(answer, "json", as_sampled=True)[0].value["DATA"]
    assert [as_js[name] for name in ("CALL_MAX_DIAL", "CALL_MAX", "REC_STATUS", "NEXT_MENU_LOOP")] == ["30", "3600", "0", 1]


LOSSY = [
    (MENU | {"finish_key": "#"}, "finish_key"),
    (MENU | {"digit_timeout": 5}, "digit_timeout"),
    (MENU | {"language": "ru"}, "language"),
    ({"action": "call", "target": "1", "on_failure": {"menu": "m", "prompt": "p", "validate_digits": True}}, "on_failure.validate_digits"),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "path"), LOSSY)
def test_what_voicenter_lacks_is_dropped_and_counted_or_refused_when_strict(answer: dict, path: str):
    _, repairs = reply(answer)
    assert [(repair.kind, repair.path) for repair in repairs] == [("dropped", path)]
    with pytest.raises(AnswerRejected) as error:
        reply(answer, strict=True)
    assert [problem.path for problem in error.value.problems] == [path]


@pytest.mark.parametrize(
    ("answer", "path"),
    [
        (MENU | {"prompt": {"text": "hello"}}, "prompt.text"),
        (MENU | {"prompt": {"url": "http://x/y.wav"}}, "prompt.url"),
        ({"action": "call", "target": "1", "after_call": "ask"}, "after_call"),
        ({"action": "call", "target": "1", "on_failure": {"menu": "m", "prompt": {"text": "t"}}}, "on_failure.prompt.text"),
    ],
)
def test_what_voicenter_cannot_do_is_refused_with_a_hint(answer: dict, path: str):
    with pytest.raises(AnswerRejected) as error:
        reply(answer)
    (problem,) = error.value.problems
    assert problem.path == path
    assert "voicenter cannot" in problem.message


def test_a_name_in_the_catalogue_plays_what_it_says_for_voicenter():
    catalogue = {"welcome": {"voicenter": Prompt(name="welcome_he"), "other": Prompt(text="hi")}}
    assert reply(MENU | {"prompt": "welcome"}, catalogue=catalogue)[0].value["DATA"]["REC"] == "welcome_he"
    assert reply(MENU | {"prompt": "other"}, catalogue=catalogue)[0].value["DATA"]["REC"] == "other"


NATIVE_MENU = {"ACTION": "MENU", "DATA": {"REC": "r", "LOOP": 1, "DELAY": 1, "SIZE": 2, "MENU": "m", "VALIDATION": 0}}


def test_a_native_answer_is_filled_and_put_in_order():
    value, repairs = native({"DATA": dict(reversed(NATIVE_MENU["DATA"].items())), "ACTION": " menu "})
    assert value == {"STATUS": 0, "ACTION": "MENU", "LANGUAGE": "he", "DATA": NATIVE_MENU["DATA"]}
    assert list(value["DATA"]) == ["REC", "LOOP", "DELAY", "SIZE", "MENU", "VALIDATION"]
    assert {(repair.kind, repair.path) for repair in repairs} >= {("filled", "native.STATUS"), ("filled", "native.LANGUAGE")}


def test_a_native_answer_gets_the_documents_types():
    data = NATIVE_MENU["DATA"] | {"LOOP": "2", "SIZE": 3.0}
    value, repairs = native(NATIVE_MENU | {"STATUS": "0", "LANGUAGE": "EN", "DATA": data})
    assert (value["DATA"]["LOOP"], value["DATA"]["SIZE"], value["LANGUAGE"]) == (2, 3, "en")
    assert {repair.path for repair in repairs} >= {"native.STATUS", "native.DATA.LOOP", "native.DATA.SIZE"}


def test_a_native_calls_mandatory_fields_are_filled():
    value, repairs = native({"ACTION": "CALL", "DATA": {"TARGET": "1"}})
    assert value["DATA"] == {
        "TARGET": "1", "CALLERID": "0730000000", "CALLERNAME": "", "CALL_MAX_DIAL": 30, "CALL_MAX": 3600, "REC_STATUS": 0,
    }  # fmt: skip
    assert "DATA.CALLERID" in {repair.path for repair in repairs}


def test_a_native_hangup_needs_no_data():
    for answer in ({"ACTION": "HANGUP"}, {"ACTION": "HANGUP", "DATA": []}, {"ACTION": "HANGUP", "DATA": None}):
        assert native(answer)[0]["DATA"] == {}


def test_every_problem_of_a_native_answer_is_named():
    answer = {"STATUS": 1, "ACTION": "MENU", "LANGUAGE": "fr", "DATA": {"REC": "r", "LOOP": "x", "SIZ": 1}}
    with pytest.raises(AnswerRejected) as error:
        native(answer)
    assert {problem.path for problem in error.value.problems} == {
        "native.STATUS", "native.LANGUAGE", "native.DATA.LOOP", "native.DATA.SIZ",
        "native.DATA.DELAY", "native.DATA.SIZE", "native.DATA.MENU", "native.DATA.VALIDATION",
    }  # fmt: skip


def test_problems_of_the_shell_and_of_its_data_are_named_together():
    with pytest.raises(AnswerRejected) as error:
        native({"ACTION": "HANGUP", "DATA": "x", "LANGUAGE": "fr", "STATUS": 1, "X": 1})
    assert {problem.path for problem in error.value.problems} == {"native.DATA", "native.LANGUAGE", "native.STATUS", "native.X"}


@pytest.mark.parametrize("answer", [[], "MENU", {"ACTION": "TRANSFER", "DATA": {}}, {"ACTION": "VO", "DATA": "x"}, {"DATA": {}}])
def test_what_is_no_native_answer_is_refused(answer: object):
    with pytest.raises(AnswerRejected, match="native"):
        native(answer)


ANSWERS = [
    MENU, MENU | {"loops": 4, "loop_delay": 0, "max_digits": 12, "validate_digits": True},
    MENU | {"action": "say_digits", "digits": "0547", "intro_prompt": "your_number"},
    {"action": "call", "target": "0540123456", "caller_number": "0730000000"},
    {"action": "call", "target": "1", "caller_number": "", "caller_prompt": "a", "target_prompt": "b", "hold_music": "c", "record": True,
     "send_digits": "12#", "dial_strings": ["SIP/1", "SIP/2"], "on_failure": {"menu": "16", "prompt": "rec", "max_digits": 2}},
    {"action": "hangup"}, {"action": "hangup", "prompt": "bye", "cause": 16},
    {"action": "go_to_layer", "layer": 3, "prompt": "blank"}, {"action": "record"}, {"action": "record", "prompt": "beep", "max_duration": 60},
]  # fmt: skip


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_reply_reads_back_as_the_action_that_was_written(answer: dict):
    platform = voicenter()
    action = replace(actions.load(answer).action, language="en")
    written, _ = platform.from_domain(action, "0730000000", "xmlrpc")
    native, _ = platform.load_native(written.value, "")
    assert platform.action_of(native) == action
    said = actions.dump(action)
    for member, path in platform.reply_fields[action.action].items():
        assert (member in written.value["DATA"]) == (path.partition(".")[0] in said), member


def test_a_native_call_that_names_no_next_menu_disconnects():
    platform = voicenter()
    for data in ({}, {"NEXT_MENU": ""}, {"NEXT_MENU": "", "NEXT_MENU_RECORD": "r"}):
        found, _ = platform.load_native({"ACTION": "CALL", "DATA": {"TARGET": "1"} | data}, "")
        assert platform.action_of(found).on_failure is None
    found, _ = platform.load_native({"ACTION": "CALL", "DATA": {"TARGET": "1", "NEXT_MENU": "m"}}, "")
    assert platform.action_of(found).on_failure == Menu(menu="m", prompt=Prompt(name=""))


def test_every_field_of_an_event_that_the_wire_carries_has_its_member():
    assert voicenter().fields == {
        "called_number": "DID", "caller_number": "CALLER_ID", "caller_name": "CALLER_NAME", "call_id": "IVR_UNIQUE_ID",
        "digits": "DTMF", "menu": "MENU", "previous_menu": "PREVIOUS_MENU", "target": "TARGET",
        "platform_call_time": "CALL_TIME_EPOCH", "platform_call_start": "CALL_START_EPOCH", "duration": "CALL_DURATION",
        "ring_duration": "CALL_DAILTIME", "call_status": "CALL_STATUS",
    }  # fmt: skip
