"""A call that the bridge carries on, as it is recorded, told, drawn, compared and sent again: played through the platform itself."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rpcbridge.codec import MethodCall, MethodResponse, decode_call, encode_reply
from rpcbridge.domain.actions import Catalogue
from rpcbridge.domain.origins import made, origin_of
from rpcbridge.exchange import Exchange
from rpcbridge.inspector import calls, cassette, comparison, curl, fields, har, keys, ladder, menus, replay, story
from rpcbridge.platforms import Conversation, Found, Kept, Native, Options, Platform, Receipt, Step
from rpcbridge.platforms.mediaservice import NAME, Section, make
from rpcbridge.platforms.understanding import understood
from rpcbridge.redaction import Redactor
from rpcbridge.schemas import events
from rpcbridge.trace.noting import noted
from rpcbridge.trace.record import Recorder, restored
from rpcbridge.transport import HttpReply, HttpRequest
from tests.support.exchanges import FIXTURES, KEY, Case

CATALOGUE: Catalogue = {}
PLATFORM: Platform = make(Section(), Options(CATALOGUE))
PLATFORMS = {NAME: PLATFORM}
NEW = made("replay", "01KB0Q8ZJ5T3V9W2X4Y6Z8A0BC", "01ARZ3NDEKTSV4RRFFQ69G5FAV")
GIVEN = {"caller_number": "0542222222", "called_number": "0731111111", "caller_name": "Roni"}


class Line:
    """The bridge's line of such a call, without its wires: what is kept is kept here, and every exchange recorded."""

    def __init__(self, *secret_menus: str, platform: Platform = PLATFORM) -> None:
        self.platform = platform
        talk = platform.conversation
        assert talk is not None
        self.talk: Conversation = talk
        self.kept: Kept | None = None
        self.rows: list[dict[str, Any]] = []  # as a list has them
        self.documents: list[dict[str, Any]] = []
        self._recorder = Recorder(Redactor(b"k" * 32, platform.sensitive, secret_digits=bool(secret_menus)), secret_menus)
        self._number = 0

    def play(self, *cases: str) -> Line:
        for case in map(self.case, cases):
            answer = case.json("backend_response") if case.has("backend_response") else None
            self.send(case.path.rpartition("/")[2], case.bytes("platform_request"), answer)
        return self

    def case(self, name: str) -> Case:
        return Case(FIXTURES / NAME / name)

    def send(self, callback: str, body: bytes, answer: Any = None) -> bytes:
        """The reply; the exchange is recorded."""
        self._number += 1
        received = datetime(2026, 11, 30, tzinfo=UTC) + timedelta(seconds=self._number)
        seen = Exchange(f"01KB0Q8ZJ5{self._number:016d}", NAME, 1.0, received, "", dialect="rest", method=callback, finished=1.01)
        seen.platform_request = body.replace(KEY.encode(), self.kept.key.encode() if self.kept else b"")
        call, receipt = decode_call(seen.platform_request, callback), Receipt(seen.id, received)
        step = self.talk.begin(call, Found(self.kept), receipt)
        self._note(seen, step)
        if step.question is not None:
            seen.content, seen.outcome = events.dump(step.question), "answered"
            text = json.dumps(answer).encode()
            seen.hop.request, seen.hop.reply = HttpRequest("http://b.example/ivr/action", (), b"{}"), HttpReply(200, text)
            action, _ = understood(self.platform, answer)
            step = self.talk.answered(call, self.kept, action, receipt, is_fallback=False, state=None)
            self._note(seen, step)
        elif self.platform.methods[callback] == "notification":
            seen.outcome = "stored" if step.events else "noted"
            seen.content = events.dump(step.events[0].event) if step.events else seen.content
        else:
            seen.outcome = step.outcome
        if (served := step.served) is not None:
            assert not isinstance(served, Native)
            seen.action, seen.served, seen.deferred = served.action, lambda: served, step.deferred
        seen.platform_response = encode_reply(MethodResponse({} if step.reply is None else step.reply), "rest")
        row = self._recorder.row(noted(seen))
        document = restored(json.loads(row.pop("document")))
        self.rows.append({**row, "received_at": received.isoformat()})
        self.documents.append(self.rows[-1] | document)
        return seen.platform_response

    def _note(self, seen: Exchange, step: Step) -> None:
        self.kept = step.kept or self.kept
        if step.about:
            seen.called_number = step.about.get("called_number")
            seen.content = seen.content or {"platform": NAME, **step.about}


def menu_call() -> Line:
    return Line().play("new_call_menu", "get_ivr_command_first", "get_ivr_command_silent", "get_ivr_command_digits")


def code_call(*secret_menus: str) -> Line:
    return Line(*secret_menus).play("new_call_headers", "get_ivr_command_spoken", "get_ivr_command_typing", "get_ivr_command_pin")


def test_turns_are_questions_and_what_goes_on_by_itself_stands_between_them():
    told = story.told(menu_call().documents)
    assert [(part.kind, part.name) for part in told.parts] == [
        ("question", "Turn 1"), ("step", "getIvrCommand after turn 1"), ("step", "getIvrCommand after turn 1, again"), ("question", "Turn 2"),
    ]  # fmt: skip
    assert told.summary == "2 turns"


def test_what_is_heard_is_told_where_it_is_heard_and_once():
    begins, first, again, _ = (part.heard for part in story.told(menu_call().documents).parts)
    assert begins == ("goes into the phone system's IVR; it asks for what is played there: menu main",)
    assert first[0].startswith('hears "welcome"')
    assert again == ("still gets menu main: nothing was asked",)


def test_a_report_that_tells_the_backend_nothing_is_a_report():
    (_, part) = story.told(Line().play("new_call_call", "call_notify_reinvite").documents).parts
    assert (part.kind, part.name, part.seen["outcome"], part.seen["event"]) == ("report", "Report callNotify", "noted", "")


def test_a_list_counts_the_questions_and_knows_the_caller_from_every_request():
    rows = menu_call().rows
    assert {seen["caller_key"] for seen in rows} == {rows[0]["caller_key"]}
    assert rows[0]["caller_key"]
    row = calls.call_of(rows)
    assert (row.turns, row.exchanges, row.outcome, row.caller, row.called) == (2, 4, "under_way", "********22", "********22")


def test_who_could_not_be_connected_is_hung_up_on():
    (_, _, part) = story.told(Line().play("new_call_call", "call_notify_ringing", "call_event_failure").documents).parts
    assert (part.name, part.heard) == ("callEvent after turn 1", ("is hung up on (cause 17, user busy)",))


def test_a_cassette_holds_the_questions_and_names_what_was_masked_within_raw():
    documents = code_call().documents
    event = documents[3]["stations"]["event"]
    event["raw"] = {"dtmfParams": {"dtmfMatch": "******", "reason": "terminationKey"}, "callingParty": "***********44", "user": "****"}
    documents[3]["masked"].append("raw")
    made = cassette.files(documents, "0", PLATFORM.fields)
    (tape,) = (json.loads(text) for name, text in made.items() if name.endswith(".json"))
    assert [turn["name"] for turn in tape["turns"]] == ["turn_1", "turn_2"]
    assert tape["turns"][1]["request"]["event"]["raw"] == {
        "dtmfParams": {"dtmfMatch": "{turn_2_digits}", "reason": "terminationKey"}, "callingParty": "{caller_number}", "user": "{turn_2_raw_user}",
    }  # fmt: skip
    compile("".join(text for name, text in made.items() if name.endswith(".py")), "test_call.py", "exec")


def test_the_map_counts_a_menu_once_however_often_the_ivr_asks():
    rows = [seen for seen in menu_call().rows if seen["event"] == "action_requested"]
    graph = menus.graph(rows)
    assert {node.key: node.visits for node in graph.nodes} == {"start": 1, "menu:main": 1, "hangup": 1}
    assert [(edge.source, edge.digits, edge.target) for edge in graph.edges] == [("menu:main", "2", "hangup"), ("start", None, "menu:main")]


def test_a_report_that_was_lost_is_made_good_by_the_same_report_alone():
    base = menu_call().rows[0]
    lost = base | {"method": "callAnswered", "event": "", "outcome": "not_stored"}
    assert calls.call_of([base, lost, base | {"method": "callNotify", "outcome": "stored"}]).outcome == "not_stored"
    assert calls.call_of([base, lost, base | {"method": "callAnswered", "outcome": "noted"}]).outcome == "under_way"


def test_the_ladder_says_where_the_reply_leads():
    drawn = ladder.laid_out(menu_call().documents)
    replies = [band.arrows[-1].label for band in drawn.bands]
    assert replies[0] == "into the IVR · menu main follows"
    assert replies[1] == 'menu → main · "welcome"'


def test_the_platform_s_hop_is_at_the_path_of_its_method():
    first = menu_call().documents[0]
    command = curl.to_bridge(first, "http://127.0.0.1:8080", secret=True, fields=PLATFORM.fields)
    assert command is not None
    assert "'http://127.0.0.1:8080/mediaservice/SECRET/newCall'" in command
    assert "masked when it was recorded, and to be given: callingParty, displayName, calledParty" in command
    entry = har.archive([first | {"outcome": "not_stored"}], "http://b", "0", {}, {NAME: PLATFORM.statuses})["log"]["entries"][0]
    assert (entry["request"]["url"], entry["response"]["status"]) == ("http://b/mediaservice/newCall", 503)


@pytest.mark.parametrize("secret", ["", "pin"])
def test_nothing_that_is_pressed_or_said_can_be_read(secret: str):
    text = json.dumps(code_call(secret).documents)
    for digits in ("471108", "47110", "908172", "9 0 8 1 7 2", "0730005566", "972540003344", "88123456", "eyJhbGci", "Dana"):
        assert digits not in text, digits


def test_digits_said_by_a_recording_each_cannot_be_read():
    platform = make(Section(digit_file="v2/digits/{digit}.wav"), Options(CATALOGUE))
    line = Line(platform=platform).play("new_call_say_digits", "get_ivr_command_say_digits")
    reply = line.documents[1]["stations"]["platform_response"]["body"]
    assert '"v2/digits/*.wav"' in reply
    assert not [digit for digit in "0123456789" if f"digits/{digit}.wav" in reply]


def test_short_digits_of_a_secret_menu_cannot_be_read_while_they_are_typed():
    line = Line("pin").play("new_call_headers", "get_ivr_command_spoken")
    line.send("getIvrCommand", b'{"sessionId":"9bb07660-c747-11ea-afa0-bd07728b0004","dtmfBuffer":"47"}')
    line.send("getIvrCommand", b'{"sessionId":"9bb07660-c747-11ea-afa0-bd07728b0004","dtmfParams":{"dtmfMatch":"47"}}', {"action": "hangup"})
    assert ['"**"' in seen["stations"]["platform_request"]["body"] for seen in line.documents[2:]] == [True, True]
    assert (line.documents[3]["digits"], line.documents[3]["menu"]) == ("**", "pin")


def diff(seen: dict[str, Any], which: Any = fields.event_fields) -> dict[str, fields.Field]:
    return {field.became.name or field.wire.name or field.came.name: field for field in which(seen, PLATFORM, keeps=True).fields}


def test_a_field_says_whether_it_came_with_the_request_or_is_kept():
    turn = code_call().documents[3]
    found = diff(turn)
    assert (found["digits"].came.name, found["digits"].kinds) == ("dtmfParams.dtmfMatch", ("renamed", "redacted"))
    assert (found["caller_number"].came.name, found["caller_number"].kinds) == ("", ("kept", "redacted"))
    assert (found["menu"].kinds, found["menu"].detail) == (("kept",), "from what is kept of the call")
    assert found["dtmfParams.reason"].kinds == ("dropped",)
    assert diff(code_call().documents[0])["caller_number"].came.name == "callingParty"


def test_a_reply_s_fields_stand_where_its_json_has_them():
    found = diff(code_call().documents[1], fields.reply_fields)
    places = {name: found[name].wire.name for name in ("prompt", "language", "max_digits", "finish_key", "digit_timeout", "loop_delay")}
    assert places == {
        "prompt": "phrases.0.awsTTSParameters.Text", "language": "phrases.0.awsTTSParameters.LanguageCode", "max_digits": "dtmf.maxDigits",
        "finish_key": "dtmf.terminationKey", "digit_timeout": "dtmf.betweenTimeout", "loop_delay": "getIVRCommandAfter",
    }  # fmt: skip
    assert (found["menu"].kinds, found["loops"].kinds) == (("kept",), ("kept",))
    assert found["dtmf.firstTimeout"].kinds == ("added",)
    said = diff(code_call().documents[3], fields.reply_fields)
    assert {said[name].wire.name for name in ("digits", "intro_prompt", "prompt")} == {"phrases"}


def test_a_recording_s_fields_are_told_one_by_one():
    found = diff(Line().play("new_call_call", "call_notify_ringing", "call_answered", "recording_ready").documents[3])
    assert (found["recording.name"].came.name, found["recording.size_bytes"].came.name) == ("recordingFileName", "fileSize")
    assert found["recording.size_bytes"].came.value == "4711"


def test_a_call_is_sent_again_as_one_of_its_own():
    line = menu_call()
    script = replay.whole_call(line.documents, PLATFORMS)
    assert [step.callback for step in script.steps] == ["newCall", "getIvrCommand", "getIvrCommand", "getIvrCommand"]
    assert line.kept is not None
    recorded = line.kept.key
    again = Line()
    for step, body in zip(script.steps, replay.requests(script, GIVEN, NEW), strict=True):
        assert recorded.encode() not in body.replace(NEW.encode(), b"")
        assert b"bd07728b0001" not in body
        answer = {1: {"action": "menu", "menu": "main", "prompt": "welcome", "loops": 2}, 4: {"action": "hangup", "prompt": "later"}}.get(step.number)
        sent = keys.renewed(body, again.kept.key if again.kept else "")
        reply = again.send(step.callback, sent, answer)
        result = comparison.compared(script, step, sent, reply, 1.0, key=again.kept.key if again.kept else "")
        assert (result.same, result.changed) == (step.number < 4, ()), result
    assert [(one.name, one.then, one.now) for one in result.differences] == [("prompt", "bye", "later")]
    assert (result.then, result.now, result.elsewhere) == ("hangup bye", "hangup later", True)
    assert {origin_of(seen["call_id"]) for seen in again.documents} == {"replay"}
    assert again.documents[3]["digits"] == "2"


def test_a_turn_is_sent_again_with_all_that_came_before_it():
    documents = menu_call().documents
    by_id = {seen["id"]: seen for seen in documents}
    script = replay.script_of(documents[1]["id"], by_id.get, lambda _: documents, PLATFORMS)
    assert (script.of, len(script.steps)) == (documents[1]["id"], 2)
    with pytest.raises(replay.NotReplayable) as refused:
        replay.requests(script, {}, NEW)
    assert set(refused.value.missing) == {"caller_number", "called_number", "caller_name"}


def test_a_turn_that_lies_beyond_what_is_read_of_its_call_cannot_be_sent_again():
    documents = menu_call().documents
    with pytest.raises(replay.NotKept, match="only the beginning is read"):
        replay.script_of(documents[3]["id"], lambda _: documents[3], lambda _: documents[:2], PLATFORMS)


def test_masked_digits_are_given_within_the_object_in_which_they_came():
    script = replay.whole_call(code_call().documents, PLATFORMS)
    bodies = replay.requests(script, GIVEN | {"4.digits": "123456"}, NEW)
    assert json.loads(bodies[3])["dtmfParams"] == {"dtmfMatch": "123456", "reason": "terminationKey", "matchedTerminationKey": "#"}
    assert json.loads(bodies[3])["replyId"] == "rb-replay-4"
    assert replay.changed(script.steps[3], bodies[3].replace(b'"terminationKey"', b'"other"', 1)) != ()


def test_a_call_whose_beginning_is_not_kept_cannot_be_sent_again():
    with pytest.raises(replay.NotKept, match="with which this call came in"):
        replay.whole_call(menu_call().documents[1:], PLATFORMS)


def test_the_key_of_a_reply_is_found_by_the_platform():
    talk = PLATFORM.conversation
    assert talk is not None
    assert keys.in_reply(talk, b'{"action":"ivr","sessionReferenceId":{"rb":"01KB"}}') == "01KB"
    assert [keys.in_reply(talk, body) for body in (b"", b"{}", b"<x/>", b"[]")] == [""] * 4
    assert talk.key_of(MethodCall("getIvrCommand", ({"sessionReferenceId": '{"rb":"01KB"}'},)))[1] == "01KB"
