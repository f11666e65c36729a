"""Answers in Mediaservice's own words: both levels, every problem at once, what is unknown is passed on."""

from __future__ import annotations

from typing import Any

import pytest

from rpcbridge.errors import AnswerRejected
from rpcbridge.platforms.mediaservice.wire.replies import is_media, load_native
from rpcbridge.platforms.mediaservice.wire.words import DROP_CODES, RINGBACK_TONES
from tests.support import mediaservice

FILE = {"format": "file", "fileName": "welcome"}
SPOKEN = {
    "format": "awstts", "region": "eu-west-1", "cacheTimeToLive": "WEEK", "refreshCache": False,
    "awsTTSParameters": {"Text": "Hello", "OutputFormat": "pcm", "VoiceId": "Joanna", "LanguageCode": "en-US"},
}  # fmt: skip
CALL_LEVEL: list[dict[str, Any]] = [
    {"action": "ivr"},
    {"action": "drop"},
    *({"action": "drop", "dropCode": word} for word in DROP_CODES),
    {"action": "connect", "participantId": "c2af21a1"},
    {"action": "call", "destAddr": [{"anything": 1}]},
    {"action": "httpcall", "codec": "GSM", "receiveIp": "192.0.2.1", "receivePort": "30000"},
    *({"action": "call", "destAddr": "sip:0540000000@trunk.example", "ringbackTone": word} for word in RINGBACK_TONES),
    {
        "action": "call", "callerPrivacy": True, "callRecording": True, "contactParameters": {"a": "b"}, "contactUserParameters": {"a": "b"},
        "destAddr": "sip:0540000000@trunk.example", "displayName": "", "greeting": {"playMode": "calleeFirst", "caller": {"phrases": [FILE]}},
        "maxRingTime": 2.5, "monitorDestAddr": "sip:m@monitor.example", "monitorPHeaders": {"P-A": None}, "monitorXHeaders": {"X-A": ["1", "2"]},
        "pHeaders": {"P-B": "1"}, "recordingFileName": "rec.mp3", "sessionReferenceId": {"a": [1]}, "sipDiversion": "1",
        "sipDiversionParameters": {"reason": "busy"}, "sipFrom": "+1", "sipPAI": "1", "sipRPID": "1", "sipTo": "1", "xHeaders": {"X-B": "x"},
        "copyHeaders": ["X-C"], "monitorSipFrom": "m",
    },
]  # fmt: skip
MEDIA_LEVEL: list[dict[str, Any]] = [
    {"hangup": True},
    {"phrases": [FILE, SPOKEN], "hangup": False},
    {"dtmf": {"maxDigits": 3, "terminationKey": "#"}, "bargeIn": "all", "phrases": [FILE], "hangup": False},
    {
        "sessionId": "s", "sessionReferenceId": {}, "dtmf": {
            "flush": True, "encryption": {"type": "md5", "salt": "s"}, "maxDigits": 10, "firstTimeout": 30, "betweenTimeout": 2.5, "terminationKey": "",
        },
        "phrases": [], "backgroundPrompt": {"fileName": "f", "url": "https://files.example/f", "repeatPause": 0, "stop": True},
        "bargeIn": "current", "recordedCallback": True, "getIVRCommandAfter": 0, "replyId": "r",
    },
]  # fmt: skip


def problems(answer: object, callback: str = "", reason: str = "invalid_answer") -> list[str]:
    with pytest.raises(AnswerRejected) as error:
        load_native(answer, "native", callback)
    assert error.value.reason == reason
    return [str(problem) for problem in error.value.problems]


@pytest.mark.parametrize("answer", CALL_LEVEL)
def test_an_answer_of_the_call_level_goes_as_it_is(answer: dict[str, Any]):
    assert load_native(answer, "native") == (answer, ())
    assert not is_media(answer)
    mediaservice.valid_reply("callEvent", answer)


@pytest.mark.parametrize("answer", MEDIA_LEVEL)
def test_an_answer_of_the_media_level_goes_as_it_is(answer: dict[str, Any]):
    assert load_native(answer, "native") == (answer, ())
    assert is_media(answer)
    mediaservice.valid_reply("getIvrCommand", answer)


def test_either_level_may_answer_any_callback():
    assert load_native({"phrases": [FILE]}, "native", "newCall")[0] == {"phrases": [FILE]}
    assert load_native({"action": "drop"}, "native", "getIvrCommand")[0] == {"action": "drop"}


def test_ivr_beside_what_is_played_says_the_same():
    read, repairs = load_native({"action": "IVR", "phrases": [FILE]}, "native")
    assert read == {"phrases": [FILE]}
    assert [(repair.kind, repair.path) for repair in repairs] == [("dropped", "native.action")]


def test_another_action_beside_what_is_played_cannot_be():
    answer = {"action": "call", "destAddr": "sip:1@x", "phrases": [FILE], "hangup": None}
    assert problems(answer) == [
        "native.action: cannot stand beside phrases: an action is done, or something is played",
        "native.destAddr: unknown key, known: sessionId, sessionReferenceId, dtmf, phrases, backgroundPrompt, bargeIn, recordedCallback, hangup, getIVRCommandAfter, replyId",
    ]


@pytest.mark.parametrize("answer", [{}, {"sessionReferenceId": {}}, {"phrases": None}, {"sessionId": "s"}])
def test_an_answer_that_says_nothing_is_none(answer: dict[str, Any]):
    assert problems(answer)[0].startswith("native: expected an `action` (call, ivr, drop, connect, httpcall), or at least one of phrases, ")


@pytest.mark.parametrize("answer", [None, [], "drop", 5])
def test_what_is_no_object_is_refused(answer: object):
    assert problems(answer)[0].startswith("native: expected an object, got ")


def test_an_unknown_action_is_told_with_its_nearest():
    assert problems({"action": "conect"}, reason="unknown_action") == ['native.action: unknown action "conect", did you mean connect?']


def test_what_callevent_alone_may_be_answered_is_refused_where_a_call_begins():
    answer = {"action": "httpcall", "codec": "GSM", "receiveIp": "192.0.2.1", "receivePort": "30000"}
    found = problems(answer, "newCall", "unknown_action")
    assert found[0].startswith('native.action: unknown action "httpcall"')
    assert [problem.split(":")[0] for problem in found[1:]] == ["native.codec", "native.receiveIp", "native.receivePort"]


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ({"action": "call"}, 'destAddr: missing, and required by the action "call"'),
        ({"action": "connect"}, 'participantId: missing, and required by the action "connect"'),
        ({"action": "drop", "dropCode": "bussy"}, f'dropCode: expected one of {", ".join(DROP_CODES)}, got "bussy"'),
        ({"action": "drop", "dropcode": "busy"}, "dropcode: unknown key, did you mean dropCode?"),
        ({"action": "ivr", "ringbackTone": "loud"}, 'ringbackTone: expected one of default, silent, remoteGenerated, got "loud"'),
        ({"action": "call", "destAddr": 5}, "destAddr: expected a SIP URI or an array of objects, got 5"),
        ({"action": "call", "destAddr": []}, "destAddr: expected a SIP URI or an array of objects, got an array"),
        ({"action": "call", "destAddr": ["sip:1@x"]}, "destAddr: expected a SIP URI or an array of objects, got an array"),
        ({"action": "call", "destAddr": "sip:1@x", "maxRingTime": -1}, "maxRingTime: expected a number of seconds, got -1"),
        ({"action": "ivr", "xHeaders": {"X-A": {}}}, "xHeaders.X-A: expected a text of one line, got an object"),
        ({"action": "ivr", "xHeaders": {"X-A": "a\r\nVia: b"}}, 'xHeaders.X-A: expected a text of one line, got "a\\r\\nVia: b"'),
        ({"action": "ivr", "pHeaders": {"P-A": ["a", "b\0"]}}, 'pHeaders.P-A: expected a text of one line, got "b\\u0000"'),
        ({"action": "ivr", "xHeaders": {"X A": "a"}}, 'xHeaders.X A: expected a name of letters, digits and -, got "X A"'),
        ({"hangup": True, "phrases": "welcome"}, 'phrases: expected an array of phrases, got "welcome"'),
        ({"action": "ivr", "displayName": "a\nb"}, 'displayName: expected a text of one line, got "a\\nb"'),
        ({"action": "ivr", "greeting": {"caler": {}}}, "greeting.caler: unknown key, did you mean caller?"),
        ({"action": "ivr", "greeting": {"caller": {"phrases": [{"format": "file"}]}}}, 'greeting.caller.phrases.0.fileName: missing, and required by the format "file"'),
        ({"action": "ivr", "sessionReferenceId": "x"}, 'sessionReferenceId: expected an object, got "x"'),
        ({"phrases": [{"fileName": "a"}]}, "phrases.0.format: missing, and required"),
        ({"phrases": [{"format": "awstts"}]}, 'phrases.0.awsTTSParameters: missing, and required by the format "awstts"'),
        ({"phrases": [{"format": "awstts", "awsTTSParameters": {"text": "a"}}]}, "phrases.0.awsTTSParameters.Text: expected the text that is spoken, got null"),
        ({"phrases": [5]}, "phrases.0: expected an object"),
        ({"dtmf": {"maxDigit": 3}}, "dtmf.maxDigit: unknown key, did you mean maxDigits?"),
        ({"dtmf": {"maxDigits": 0}}, "dtmf.maxDigits: expected 1 or more, got 0"),
        ({"hangup": "maybe"}, 'hangup: expected true or false, got "maybe"'),
        ({"hangup": True, "getIvrCommandAfter": 3}, "getIvrCommandAfter: unknown key, did you mean getIVRCommandAfter?"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_named_by_its_field(answer: dict[str, Any], found: str):
    assert problems(answer) == [f"native.{found}"]


def test_all_problems_are_named_at_once():
    answer = {"phrases": [{"format": "file"}, {"format": "awstts", "regoin": "x"}], "dtmf": {"flush": 7}, "hang": 1}
    assert {problem.split(":")[0] for problem in problems(answer)} == {
        "native.hang", "native.dtmf.flush", "native.phrases.0.fileName", "native.phrases.1.awsTTSParameters", "native.phrases.1.regoin",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "field", "understood", "kinds"),
    [
        ({"action": " Drop "}, "action", "drop", ["case"]),
        ({"action": "drop", "dropCode": "numbernotfound"}, "dropCode", "numberNotFound", ["case"]),
        ({"action": "ivr", "sipFrom": 123456}, "sipFrom", "123456", ["type"]),
        ({"action": "ivr", "callerPrivacy": "true"}, "callerPrivacy", True, ["type"]),
        ({"action": "ivr", "maxRingTime": "30"}, "maxRingTime", 30, ["type"]),
        ({"action": "ivr", "xHeaders": {"X-A": None}}, "xHeaders", {}, []),
        ({"action": "ivr", "monitorXHeaders": {"X-A": None}}, "monitorXHeaders", {"X-A": None}, []),
        ({"action": "ivr", "xHeaders": {"X-A": 5}}, "xHeaders", {"X-A": "5"}, ["type"]),
        ({"hangup": 1}, "hangup", True, ["type"]),
        ({"hangup": True, "replyId": None}, "hangup", True, []),
        ({"phrases": [{"format": "File", "fileName": " a "}]}, "phrases", [{"format": "file", "fileName": "a"}], ["case", "blanks"]),
    ],
)  # fmt: skip
def test_what_can_only_mean_one_thing_is_read_and_counted(answer: dict[str, Any], field: str, understood: object, kinds: list[str]):
    read, repairs = load_native(answer, "native")
    assert read[field] == understood
    assert [repair.kind for repair in repairs] == kinds


def test_a_phrase_of_an_unknown_format_is_passed_on_and_told():
    answer = {"phrases": [{"format": "echo", "seconds": 3, "none": None}, FILE]}
    read, repairs = load_native(answer, "native")
    assert read == answer
    assert [(repair.kind, repair.path) for repair in repairs] == [("unverified", "native.phrases.0.format")]
    mediaservice.valid_reply("getIvrCommand", read)


def test_a_list_of_phrases_without_end_is_refused():
    assert problems({"phrases": [FILE] * 201}) == ["native.phrases: expected at most 200 phrases, got 201"]
