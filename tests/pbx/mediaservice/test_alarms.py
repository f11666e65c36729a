"""A reply that Mediaservice could not use: everything that is wrong with it is said, and the alarm that it would raise is posted."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, get_args, get_type_hints

import pytest

from rpcbridge.errors import Problem, ReplyError
from rpcbridge.pbx.platforms.mediaservice import Behaviour, variants
from tests.pbx.mediaservice.playing import BYE, CALL, DROP, IVR, QUIET, Played, menu

HTTP = ReplyError([Problem("", "HTTP 503: not stored")])


def refused(played: Played, callback: str, answer: Any) -> tuple[set[str], dict[str, Any]]:
    """The paths of what is wrong, and the alarm."""
    if callback == "callEvent":
        played.start(CALL)
    played.answers += [answer] if callback != "getIvrCommand" else [IVR, answer]
    step = played.call.dialled("busy") if callback == "callEvent" else played.call.question()
    with pytest.raises(ReplyError) as error:
        played.take(step)
    assert played.names[-1] == "alarm"
    return {problem.path for problem in error.value.problems}, played.last("alarm")


NEW, EVENT, COMMAND = ("newCall", "newCallEventError"), ("callEvent", "callEventError"), ("getIvrCommand", "ivrCommandError")


@pytest.mark.parametrize(
    ("of", "answer", "paths", "error"),
    [
        (NEW, b"", {""}, "newCall response empty"),
        (NEW, {}, {"action"}, "newCall response without action"),
        (NEW, {"action": None}, {"action"}, "newCall response without action"),
        (NEW, {"action": "connect"}, {"action"}, "newCall response with unknown action"),
        (NEW, b"<html>", {""}, "newCall request failed"),
        (NEW, b"[]", {""}, "newCall request failed"),
        (NEW, HTTP, {""}, "newCall request failed"),
        (NEW, {"action": "drop", "dropCode": "noIdea", "sessionReferenceId": "x"}, {"dropCode", "sessionReferenceId"}, "newCall request failed"),
        (EVENT, b" ", {""}, "No response to callEvent request"),
        (EVENT, HTTP, {""}, "No response to callEvent request"),
        (EVENT, {}, {"action"}, "No action provided in callEvent response"),
        (EVENT, {"action": "dance"}, {"action"}, "callEvent response with unknown action"),
        (EVENT, {"action": "call", "destAddr": "0501234567"}, {"destAddr"}, "Invalid sip address: 0501234567"),
        (COMMAND, b"", {""}, "Empty body in getIvrCommand response"),
        (COMMAND, HTTP, {""}, "getIvrCommand request error"),
        (COMMAND, b"nothing", {""}, "IVR command failed"),
        (COMMAND, {}, {""}, "IVR command failed"),
        (COMMAND, {"phrases": {"format": "file"}}, {"phrases"}, "phraseError"),
        (COMMAND, {"phrases": [{"format": "file"}, 5, {"format": "url", "url": "x"}]},
         {"phrases.0.fileName", "phrases.1", "phrases.2.format"}, "phraseError"),
        (COMMAND, {"phrases": [{"format": "awstts", "awsTTSParameters": {"Text": " "}}], "bargeIn": "never"},
         {"phrases.0.region", "phrases.0.awsTTSParameters.Text", "phrases.0.awsTTSParameters.VoiceId", "bargeIn"}, "phraseError"),
        (COMMAND, {"dtmf": {"maxDigits": 0, "firstTimeout": -1, "betweenTimeout": "3", "terminationKey": "##", "flush": 1, "encryption": {"type": "md5"}},
                   "hangup": "no", "bargeIn": "none", "getIVRCommandAfter": True},
         {"dtmf.maxDigits", "dtmf.firstTimeout", "dtmf.betweenTimeout", "dtmf.terminationKey", "dtmf.flush", "dtmf.encryption", "hangup",
          "bargeIn", "getIVRCommandAfter"}, "IVR command failed"),
        (COMMAND, {"dtmf": "#", "sessionReferenceId": 5}, {"dtmf", "sessionReferenceId"}, "IVR command failed"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_said_and_alarmed(of: tuple[str, str], answer: Any, paths: set[str], error: str):
    callback, type = of
    played = Played()
    found, alarm = refused(played, callback, answer)
    assert found == paths
    assert (alarm["type"], alarm["error"], alarm["sessionId"], alarm["domain"]) == (type, error, "rb-phone-1", "customer.example")
    played.hang_up(*([DROP, DROP] if played.call.progress.outcome else [DROP] if callback == "getIvrCommand" else []))
    assert played.names[-1] == "sessionCompleted", "its end is reported all the same"


def test_a_bad_address_of_a_new_call_is_alarmed_like_that_of_any_other():
    wrong = {"action": "call", "destAddr": "sip:no one@x", "maxRingTime": 0, "callRecording": True, "greeting": {"caller": [], "callee": {"phrases": [{}]}}}
    paths, alarm = refused(Played(), "newCall", wrong)
    assert paths == {"destAddr", "maxRingTime", "recordingFileName", "greeting.caller", "greeting.callee.phrases.0.format"}
    assert (alarm["type"], alarm["error"]) == ("callEventError", "Invalid sip address: sip:no one@x")


def test_every_value_of_every_switch_has_a_variant_that_plays_a_whole_call():
    hints = get_type_hints(Behaviour)
    assert len(variants()) == 1 + sum(len(get_args(hints[switch.name])) - 1 for switch in fields(Behaviour))
    for name, behaviour in variants().items():
        played = Played(behaviour=behaviour, strict=not name.startswith(("reference", "types")))
        played.start(IVR, menu("welcome"))
        played.press("", menu("welcome", dtmf={"flush": False}))
        short = [QUIET] if behaviour.buffer == "before_match" else []
        played.press("1", *short, BYE, *([DROP] if behaviour.hangup == "event" else []))
        assert played.call.over, name
        assert played.hang_up()[0], name
