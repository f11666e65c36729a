"""The judge of Mediaservice's JSON judges: what is wrong is named, what is right passes."""

from __future__ import annotations

import pytest

from tests.support.mediaservice import valid_callback, valid_reply, valid_request, valid_response

SPLIT = {"replyId": "r", "connectionId": "c"}


@pytest.mark.parametrize(
    ("path", "method", "body"),
    [
        ("/d.example/splitconnection", "POST", SPLIT),
        ("splitconnection", "post", SPLIT),
        ("placeivrcall", "POST", {"destAddr": "sip:1@x", "maxRingTime": 2.5, "xHeaders": {"X-A": ["1", "2"]}, "sessionReferenceId": {"rb": "x"}}),
        ("placeremotecalljwt", "POST", {"destinationUri": "sip:1@x", "codec": "GSM", "receiveIp": "192.0.2.1", "receivePort": 3, "crypto": [{"id": 1}]}),
        ("promptfile", "GET", None),
        ("/d.example/promptfile?next=a%20b", "GET", None),
        ("promptfile/welcome.mp3", "PUT", b"RIFF"),
        ("promptfile/a%2Fb", "DELETE", None),
        ("promptfile/a", "GET", None),
        ("promptfile/welcome.mp3/url", "GET", None),
        ("promptfile/a/move", "POST", {"bucketRegion": "eu", "bucketName": "b", "type": "s3"}),
    ],
)  # fmt: skip
def test_what_the_platform_takes_passes(path: str, method: str, body: object):
    valid_request(path, method, body)


@pytest.mark.parametrize(
    ("path", "method", "body", "word"),
    [
        ("splitconnection", "POST", {"replyId": "r"}, "connectionId"),
        ("splitconnection", "POST", SPLIT | {"x": 1}, "'x'"),
        ("splitconnection", "GET", None, "does not take GET"),
        ("splitconnexion", "POST", SPLIT, "no path"),
        ("/splitconnection", "POST", SPLIT, "no path"),
        ("promptfile", "GET", {"next": "x"}, "takes no body"),
        ("promptfile?page=2", "GET", None, "page"),
        ("promptfile?next=1&next=2", "GET", None, "twice"),
        ("promptfile/a", "PUT", None, "takes a file"),
        ("promptfile/../url", "GET", None, "no path"),
        ("promptfile/a/move", "POST", {"bucketRegion": "eu", "bucketName": "b", "type": "ftp"}, "ftp"),
        ("placeivrcall", "POST", {"destAddr": "sip:1@x", "sessionReferenceId": "x"}, "sessionReferenceId"),
        ("placeivrcall", "POST", {"destAddr": "sip:1@x", "xHeaders": {"X-A": "a\r\nb"}}, "xHeaders.X-A"),
        ("answerremotecall", "POST", {"replyId": "r", "codec": "PCMA", "receiveIp": "i", "receivePort": "3"}, "receivePort"),
    ],
)
def test_what_the_platform_would_not_take_is_named(path: str, method: str, body: object, word: str):
    with pytest.raises(AssertionError, match=word):
        valid_request(path, method, body)


@pytest.mark.parametrize(
    ("callback", "reply", "word"),
    [
        ("newCall", {}, "action"),
        ("newCall", {"action": "call"}, "destAddr"),
        ("newCall", {"action": "connect"}, "participantId"),
        ("newCall", {"action": "httpcall"}, "httpcall"),
        ("newCall", {"action": "ivr", "phrases": []}, "phrases"),
        ("callEvent", {"action": "httpcall", "codec": "GSM"}, "receiveIp"),
        ("callEvent", {"action": "drop", "dropCode": "none"}, "dropCode"),
        ("getIvrCommand", {}, "the whole"),
        ("getIvrCommand", {"action": "drop"}, "action"),
        ("getIvrCommand", {"phrases": [{"format": "file"}]}, "phrases.0.*fileName"),
        ("getIvrCommand", {"dtmf": {"maxDigits": 0}}, "dtmf.maxDigits"),
        ("getIvrCommand", {"sessionReferenceId": "{}"}, "sessionReferenceId"),
        ("callAnswered", {"action": "drop"}, "the whole"),
        ("sessionCompleted", "", "the whole"),
        ("newcall", {"action": "drop"}, "no callback"),
    ],
)
def test_a_wrong_reply_is_named(callback: str, reply: object, word: str):
    with pytest.raises(AssertionError, match=word):
        valid_reply(callback, reply)


def test_right_replies_pass():
    valid_reply("newCall", {"action": "ivr", "sessionReferenceId": {"rb": "x"}})
    valid_reply("callEvent", {"action": "drop", "dropCode": "dropNoMsg"})
    valid_reply("getIvrCommand", {"hangup": True, "phrases": [{"format": "file", "fileName": "bye"}, {"format": "other", "x": 1}]})
    valid_reply("callNotify", {})
    valid_reply("fileRecorded", {})
    valid_reply("getCallIdentifier", {"sessionId": "s", "sessionReferenceId": {}})


def test_callbacks_have_the_documented_types():
    valid_callback("callEvent", {"event": "calledPartyDrop", "sessionId": "s", "participantId": "p", "connectionId": "c", "sessionReferenceId": "{}"})
    valid_callback("alarm", {"type": "callEventError", "error": "Invalid sip address: sip:x"})
    with pytest.raises(AssertionError, match="sipCallId"):
        valid_callback("newCall", {"sessionId": "s", "callingParty": "1", "calledParty": "2", "sipCallId": 5473001594892095000})


def test_answers_of_the_platform():
    valid_response("placeivrcall", "POST", {"success": True})
    valid_response("promptfile", "GET", {"success": True, "next": None, "files": [{"name": "a", "size": 1}]})
    valid_response("promptfile/a/url", "GET", {"success": False, "reason": "no such file"})
    with pytest.raises(AssertionError, match="the whole"):
        valid_response("promptfile/a/url", "GET", {"success": True})
