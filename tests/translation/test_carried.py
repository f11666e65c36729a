"""Requests of calls that the bridge carries on: translated as the bridge answers them, or as of a call that is supposed, which is said."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rpcbridge.backend import Routes, Target
from rpcbridge.domain.actions import AnyAction, Catalogue, Hangup, Prompt
from rpcbridge.platforms import Options
from rpcbridge.platforms.mediaservice import NAME, SAMPLES, Section, make
from rpcbridge.settings import Backend
from rpcbridge.translation import Translation, Translator, recognized
from tests.support import mediaservice
from tests.support.exchanges import FIXTURES, KEY, Case, whole

CATALOGUE: Catalogue = {}
FALLBACK: AnyAction = Hangup(prompt=Prompt(name="sorry"))
TRANSLATOR = Translator(
    make(Section(), Options(CATALOGUE)), Routes(Target("http://b.example", FALLBACK), {}, []), Backend(url="http://b.example"), 100_000
)
HANG_UP = b'{"action":"hangup","prompt":"bye"}'
CASES = [Case(folder) for folder in whole(NAME)]
BEGINNINGS = [case for case in CASES if case.path.endswith("/newCall")]


def translated(name: str, answer: Any = None, callback: str = "") -> Translation:
    case = Case(FIXTURES / NAME / name)
    given = case.bytes("backend_response") if answer is None and case.has("backend_response") else answer
    return TRANSLATOR.exchange(case.bytes("platform_request"), given, callback)


def replies(found: Translation) -> list[Any]:
    return [json.loads(reply.body) for reply in found.replies]


@pytest.mark.parametrize("case", BEGINNINGS, ids=lambda case: case.name)
def test_a_call_that_comes_in_becomes_what_the_bridge_makes_of_it(case: Case):
    found = TRANSLATOR.exchange(case.bytes("platform_request"), case.bytes("backend_response"))
    assert found.event == case.json("event")
    assert found.outcome == "answered"
    assert replies(found)[0] == json.loads(case.bytes("platform_response").replace(KEY.encode(), TRANSLATOR.event_id.encode()))
    assert [remark.kind for remark in found.remarks] == []
    assert found.backend_request is not None


def test_what_is_kept_for_the_ivr_is_shown_as_the_reply_to_the_request_that_follows():
    found = translated("new_call_menu")
    _, following = found.replies
    assert following.about == "to the getIvrCommand that follows"
    fixture = json.loads(Case(FIXTURES / NAME / "get_ivr_command_first").bytes("platform_response").replace(KEY.encode(), TRANSLATOR.event_id.encode()))
    assert json.loads(following.body) == fixture | {"replyId": "the request's own"}


@pytest.mark.parametrize("case", [case for case in CASES if case not in BEGINNINGS], ids=lambda case: case.name)
def test_every_other_request_is_shown_for_a_call_that_is_supposed(case: Case):
    callback = case.path.rpartition("/")[2]
    found = TRANSLATOR.exchange(case.bytes("platform_request"), case.bytes("backend_response") if case.has("backend_response") else HANG_UP, callback)
    assert found.request is not None
    assert (found.request.method, found.problems) == (callback, ())
    assert found.outcome in ("answered", "continued", "stored", "noted")
    for reply in replies(found):
        mediaservice.valid_reply(callback, reply)
    assert "it is shown for one from 0550000000 to 0770000000" in found.remarks[0].message


def test_a_key_in_a_menu_asks_the_backend_with_the_menu_that_is_supposed():
    found = translated("get_ivr_command_digits", b'{"action":"menu","menu":"orders","prompt":"order"}')
    assert found.event is not None
    assert (found.event["reason"], found.event["digits"], found.event["menu"], found.event["turn"]) == ("input", "2", "main", 2)
    (reply,) = replies(found)
    assert reply["phrases"] == [{"format": "file", "fileName": "order"}]


def test_without_an_answer_there_is_no_reply_yet():
    case = Case(FIXTURES / NAME / "new_call_menu")
    found = TRANSLATOR.exchange(case.bytes("platform_request"))
    assert (found.outcome, found.replies, found.problems) == ("", (), ())
    assert found.event is not None


def test_an_answer_that_cannot_be_used_gets_the_caller_the_fallback():
    found = translated("new_call_menu", b'{"action":"menoo"}')
    assert (found.outcome, found.reason) == ("fallback", "unknown_action")
    assert [reply.get("action", reply.get("phrases")) for reply in replies(found)] == ["ivr", [{"format": "file", "fileName": "sorry"}]]


def test_fields_that_fit_several_callbacks_do_not_tell_which_it_is():
    found = TRANSLATOR.exchange(b'{"sessionId":"x","calledParty":"0770000000"}')
    assert found.outcome == "refused"
    assert "newCall, getCallIdentifier" in found.problems[0].message
    told = TRANSLATOR.exchange(b'{"sessionId":"x","calledParty":"0770000000"}', None, "getCallIdentifier")
    assert (told.outcome, told.problems) == ("noted", ())


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (b'{"sessionId":"x","callingParty":"1"}', "request"), (b'{"action":"hangup"}', "answer"), (b'{"native":{"phrases":[]}}', "answer"),
        (b'{"what":1}', "its keys are what"), (b"{}", "it is an empty object"), (b"<methodCall/>", "it begins with '<methodCall/>'"), (b"{", "answer"),
    ],
)  # fmt: skip
def test_a_text_is_told_by_its_shape(text: bytes, what: str):
    assert recognized(text, TRANSLATOR.platform) == what


def test_an_answer_alone_says_what_is_added_to_its_reply():
    found = TRANSLATOR.answer(b'{"action":"hangup","prompt":"bye"}', None, TRANSLATOR.platform.dialects)
    assert replies(found) == [{"phrases": [{"format": "file", "fileName": "bye"}], "hangup": True}]
    assert found.remarks[0].kind == "supposed"


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.title)
def test_a_sample_can_be_translated(sample: Any):
    if not sample.method:
        assert TRANSLATOR.answer(sample.text.encode(), None, TRANSLATOR.platform.dialects).problems == ()
        return
    found = TRANSLATOR.exchange(sample.text.encode(), None, sample.method)
    assert found.problems == ()
    assert TRANSLATOR.exchange(sample.text.encode()).request == found.request
