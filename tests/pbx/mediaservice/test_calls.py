"""Mediaservice's side of whole calls: which callbacks it posts with what in them, and what the caller hears."""

from __future__ import annotations

import json

import pytest

from rpcbridge.errors import ReplyError, StepError
from rpcbridge.pbx import Call, Caller, Command, Scene, as_json
from rpcbridge.pbx.platforms.mediaservice import Behaviour
from rpcbridge.pbx.platforms.mediaservice.state import Own
from tests.pbx.mediaservice.playing import BYE, CALL, DOMAIN, DROP, IVR, QUIET, REFERENCE, Played, menu


def steps(scene: Scene) -> list[str]:
    return [step["step"] for step in as_json(scene)["steps"]]


def said(scene: Scene) -> list[str]:
    """What is heard, in the simplest words."""
    words = {"play": lambda step: step["prompt"]["said"], "say": lambda step: step["digits"], "collect": lambda step: step["prompt"]["said"]}
    return [words.get(step["step"], lambda step: step["step"])(step) for step in as_json(scene)["steps"]]


def in_ivr(*more: object, **options: object) -> Played:
    """A call whose caller hears the prompt `welcome`, of up to four digits."""
    played = Played(**options)  # type: ignore[arg-type]
    played.start(IVR, *(more or (menu("welcome"),)))  # type: ignore[arg-type]
    return played


def connected(**options: object) -> Played:
    played = Played(**options)  # type: ignore[arg-type]
    played.start(CALL)
    played.dialled("answered")
    return played


def split(played: Played) -> Command:
    """What the bridge sends to take the person out of the IVR."""
    answered = played.last("callAnswered")
    return Command("splitconnection", {"connectionId": answered["connectionId"], "replyId": answered["replyId"]})


def test_a_call_to_the_ivr_asks_what_to_play_and_tells_no_numbers_again():
    played = in_ivr()
    assert played.names == ["newCall", "callAnswered", "getIvrCommand"]
    new, answered, command = (body for _, body in played.sent)
    assert (new["sessionId"], new["callingParty"], new["calledParty"], new["displayName"]) == ("rb-phone-1", "0540000000", "0730000000", "Dana Levi")
    assert int(new["sipCallId"]) > 2**53
    assert not {"domain", "replyId", "traceId", "sessionReferenceId"} & new.keys(), "not in it"
    assert "sessionId" not in answered
    assert "domain" not in answered
    assert (answered["sessionReferenceId"], answered["callingPartyNumber"], answered["remotePartyNumber"]) == (REFERENCE, "0540000000", "0730000000")
    assert json.loads(command["sessionReferenceId"]) == REFERENCE
    assert not {"dtmfBuffer", "dtmfParams"} & command.keys()
    assert command["replyId"] != answered["replyId"]


def test_two_silent_rounds_and_then_digits():
    played = in_ivr(menu("welcome"))
    again = menu("welcome", dtmf={"flush": False})
    second = played.press("", again)
    third = played.press("", again)
    assert [step["again"] for scene in (second, third) for step in as_json(scene)["steps"]] == [True, True]
    order = played.press("1234", menu("order", "thanks"))
    assert said(order) == ["order", "thanks"]
    assert [body["dtmfParams"] for _, body in played.sent if "dtmfParams" in body] == [{"dtmfMatch": "1234", "reason": "maxDigits"}]
    assert played.last("getIvrCommand")["dtmfBuffer"] == "1234"
    assert played.press("", menu("order", "thanks")).steps[-1].again is False, "the bridge flushed: it is a menu of its own"  # type: ignore[union-attr]
    assert "dtmfBuffer" not in played.last("getIvrCommand"), "it was flushed"
    assert played.hang_up(DROP) == (True, "HTTP 200")
    assert played.names[-2:] == ["callingPartyDrop", "sessionCompleted"]
    assert played.last("sessionCompleted")["sessionReferenceId"] == REFERENCE


@pytest.mark.parametrize(
    ("pressed", "params", "behaviour"),
    [
        ("12#", {"dtmfMatch": "12", "reason": "terminationKey", "matchedTerminationKey": "#"}, Behaviour()),
        ("12#9", {"dtmfMatch": "12", "reason": "terminationKey", "matchedTerminationKey": "#"}, Behaviour()),
        ("12", {"dtmfMatch": "12", "reason": "betweenTimeout"}, Behaviour()),
        ("123456", {"dtmfMatch": "1234", "reason": "maxDigits"}, Behaviour()),
        ("123456", {"dtmfMatch": "1234", "reason": "max_digits_reached"}, Behaviour(reasons="other_words")),
        ("1", {"dtmfMatch": "1"}, Behaviour(reasons="absent")),
        ("#", {"dtmfMatch": "#", "reason": "terminationKey", "matchedTerminationKey": "#"}, Behaviour()),
        ("#", {"dtmfMatch": "", "reason": "terminationKey", "matchedTerminationKey": "#"}, Behaviour(key_alone="empty")),
        ("", {"dtmfMatch": "", "reason": "firstTimeout"}, Behaviour(silence="empty_match")),
        ("", None, Behaviour()),
    ],
)
def test_what_is_said_of_the_digits(pressed: str, params: dict | None, behaviour: Behaviour):
    played = in_ivr(menu("welcome", dtmf={"terminationKey": "#"}), behaviour=behaviour)
    played.press(pressed, BYE)
    assert played.last("getIvrCommand").get("dtmfParams") == params


def test_digits_may_come_before_they_match():
    played = in_ivr(behaviour=Behaviour(buffer="before_match"))
    assert said(played.press("12", QUIET, menu("order"))) == ["order"]
    first, second = [body for _, body in played.sent if "dtmfBuffer" in body]
    assert ("dtmfParams" in first, first["dtmfBuffer"], second["dtmfParams"]["dtmfMatch"]) == (False, "12", "12")
    played.press("1234", BYE)
    assert played.names.count("getIvrCommand") == 4, "as many digits as are wanted match at once"


def test_which_of_two_times_closes_a_silent_round():
    for behaviour, seconds in ((Behaviour(), 3), (Behaviour(round_ends="first_timeout"), 30)):
        (step,) = as_json(Played(behaviour=behaviour).start(IVR, menu("welcome")))["steps"]
        assert step["delay"] == seconds


def test_digits_are_said_one_by_one():
    files = [{"format": "file", "fileName": name} for name in ("your_code", "digits/0", "digits/5", "after")]
    spelt = {"format": "awstts", "region": "eu-west-1", "awsTTSParameters": {"Text": "0 5 4", "VoiceId": "Joanna", "LanguageCode": "en-US"}}
    assert said(in_ivr().press("1", menu() | {"phrases": files})) == ["your_code", "05", "after"]
    scene = in_ivr().press("1", menu() | {"phrases": [*files[:1], spelt, files[3]]})
    assert (said(scene), scene.language) == (["your_code", "054", "after"], "en-US")


def test_what_is_neither_collected_nor_hung_up_goes_on_by_itself():
    played = in_ivr(QUIET | {"phrases": [{"format": "file", "fileName": "news"}]})
    assert (played.listened, played.call.progress.waiting) == ([2], None), "the bridge may have told something meanwhile"
    scene = played.go_on(QUIET)
    assert steps(scene) == ["silence"]
    assert said(played.go_on(BYE)) == ["goodbye", "end"]


def test_hanging_up_by_the_ivr_ends_the_session():
    played = in_ivr(BYE)
    assert played.call.over
    assert played.hang_up() == (True, "HTTP 200")
    assert played.names == ["newCall", "callAnswered", "getIvrCommand", "sessionCompleted"]


def test_hanging_up_by_the_ivr_may_ask_what_becomes_of_the_caller():
    played = Played(behaviour=Behaviour(hangup="event"))
    scene = played.start(IVR, BYE, DROP | {"dropCode": "busy"})
    assert (said(scene), as_json(scene)["steps"][-1]["cause"]) == (["goodbye", "end"], 17)
    transferred = Played(behaviour=Behaviour(hangup="event"))
    assert said(transferred.start(IVR, BYE, CALL)) == ["goodbye", "dial"]
    assert transferred.names == ["newCall", "callAnswered", "getIvrCommand", "calledPartyDrop", "callNotify"]
    left = transferred.last("callEvent")
    answered = transferred.last("callAnswered")
    assert (left["participantId"], left["remoteParticipantId"]) == (answered["calleeParticipantId"], answered["callerParticipantId"])


def test_a_busy_target_and_then_a_menu():
    played = Played()
    scene = played.start(CALL)
    dial = as_json(scene)["steps"][0]
    assert (dial["target"], dial["ring_timeout"], dial["caller_number"], dial["max_duration"]) == ("0501234567", 20, "0730000000", None)
    rings = played.last("callNotify")
    assert (rings["event"], rings["user"], rings["remoteUser"]) == ("ringing", "0501234567", "0540000000")
    assert said(played.dialled("busy", IVR, menu("nobody"))) == ["nobody"]
    assert played.names == ["newCall", "callNotify", "calledPartyFailure", "callAnswered", "getIvrCommand"]
    failed = played.last("callEvent")
    assert (failed["sipResponseCode"], failed["participantId"], failed["domain"]) == (486, rings["participantId"], DOMAIN)
    assert played.last("callAnswered")["connectionId"] != failed["connectionId"]


@pytest.mark.parametrize("code", ["480", "408", "487"])
def test_nobody_answers(code: str):
    played = Played(behaviour=Behaviour(no_answer=code))  # type: ignore[arg-type]
    played.start(CALL)
    assert said(played.dialled("no_answer", DROP)) == ["end"]
    assert (played.last("callEvent")["sipResponseCode"], played.call.over) == (int(code), True)
    played.hang_up()
    assert played.names[-1] == "sessionCompleted"


def test_a_conversation_ends_with_a_question():
    played = connected()
    assert played.names == ["newCall", "callNotify", "callAnswered"]
    answered = played.last("callAnswered")
    assert (answered["callingPartyNumber"], answered["remotePartyNumber"]) == ("0540000000", "0501234567")
    assert said(played.talked(IVR, menu("anything_else"))) == ["anything_else"]
    left = played.last("callEvent")
    assert (left["event"], left["participantId"]) == ("calledPartyDrop", answered["calleeParticipantId"])
    again = connected()
    assert said(again.talked(DROP)) == []
    assert again.call.over
    again.hang_up()
    assert again.names[-2:] == ["calledPartyDrop", "sessionCompleted"]


def test_what_is_heard_before_both_are_connected():
    greeting = {"playMode": "calleeFirst", "caller": {"phrases": [{"format": "file", "fileName": "connecting"}]},
                "callee": {"phrases": [{"format": "file", "fileName": "a_call"}]}}  # fmt: skip
    played = Played()
    dial = as_json(played.start(CALL | {"greeting": greeting}))["steps"][0]
    assert dial["target_prompt"]["said"] == "a_call"
    assert said(played.dialled("answered")) == ["connecting", "talk"]


@pytest.mark.parametrize("order", ["caller_first", "callee_first"])
def test_out_of_the_ivr_by_a_split(order: str):
    played = in_ivr(behaviour=Behaviour(split=order))  # type: ignore[arg-type]
    played.commands = lambda: [split(played)]
    connecting = QUIET | {"phrases": [{"format": "file", "fileName": "connecting"}]}
    answers = (CALL, DROP) if order == "caller_first" else (DROP, CALL)
    assert said(played.press("2", connecting, *answers)) == ["connecting", "dial"]
    events = ["callerConnectionSplit", "calleeConnectionSplit"]
    assert played.names[4:] == [*(events if order == "caller_first" else reversed(events)), "callNotify"]
    sides = {body["event"]: body["participantId"] for name, body in played.sent if name == "callEvent"}
    answered = played.last("callAnswered")
    assert sides == dict(zip(events, (answered["callerParticipantId"], answered["calleeParticipantId"]), strict=True))
    assert said(played.dialled("busy", IVR, menu("nobody"))) == ["nobody"]


def test_a_split_of_another_connection_is_nothing_to_this_call():
    played = in_ivr()
    played.commands = [Command("splitconnection", {"connectionId": "another", "replyId": "x"})]
    assert steps(played.press("2", QUIET)) == ["silence"]


def test_nobody_but_the_person_goes_on_after_a_split():
    played = in_ivr()
    played.commands = lambda: [split(played)]
    with pytest.raises(ReplyError, match="expected drop for the side that is not the person's"):
        played.press("2", QUIET, CALL, CALL)


def outbound(**options: object) -> Played:
    played = Played(caller=Caller("0540000000", "0730000000", "Shop", "rest"), **options)  # type: ignore[arg-type]
    played.call.progress.own = Own(outbound=True, reference=json.dumps(REFERENCE), ring=25)
    return played


def test_an_outbound_call_with_a_menu():
    played = outbound()
    dial = as_json(played.start())["steps"][0]
    assert (dial["target"], dial["ring_timeout"]) == ("0540000000", 25)
    assert said(played.dialled("answered", menu("a_call_for_you"))) == ["a_call_for_you"]
    assert played.names == ["callNotify", "callAnswered", "getIvrCommand"]
    rings, answered, _ = (body for _, body in played.sent)
    assert json.loads(rings["sessionReferenceId"]) == REFERENCE
    assert (answered["callingPartyNumber"], answered["remotePartyNumber"]) == ("0730000000", "0540000000")
    assert answered["calleeParticipantId"] == rings["participantId"], "the person is the called party"
    played.commands = lambda: [split(played)]
    assert said(played.press("2", QUIET, DROP, CALL)) == ["dial"], "the IVR is the calling party"
    played.hang_up(DROP, DROP)
    assert played.names[-3:] == ["callingPartyDrop", "calledPartyFailure", "sessionCompleted"]


def test_an_outbound_call_that_nobody_takes():
    played = outbound()
    played.start()
    assert said(played.dialled("busy", DROP)) == ["end"]
    assert played.last("callEvent")["participantId"] == played.last("callNotify")["participantId"]


def test_whoever_was_called_hangs_up_as_the_called_party():
    played = outbound()
    played.start()
    played.dialled("answered", menu("hello"))
    played.hang_up(DROP)
    assert played.names[-2:] == ["calledPartyDrop", "sessionCompleted"]


@pytest.mark.parametrize(("gone", "events"), [("leg_failed", ["callingPartyDrop", "calledPartyFailure"]), ("silent", ["callingPartyDrop"])])
def test_the_caller_hangs_up_while_the_target_rings(gone: str, events: list[str]):
    played = Played(behaviour=Behaviour(gone=gone))  # type: ignore[arg-type]
    played.start(CALL)
    played.hang_up(*[DROP for _ in events])
    assert played.names == ["newCall", "callNotify", *events, "sessionCompleted"]


def test_nobody_is_left_to_be_called():
    with pytest.raises(ReplyError, match="nobody is left on the line"):
        in_ivr().hang_up(CALL)


def test_the_ivr_can_be_interrupted():
    played = in_ivr()
    reply_id = played.last("getIvrCommand")["replyId"]
    assert said(played.command("interruptivrcommand", {"sessionId": "rb-phone-1", "replyId": reply_id}, menu("news"))) == ["news"]
    assert played.last("getIvrCommand")["replyId"] != reply_id
    kept = in_ivr(behaviour=Behaviour(reply_ids="one_a_call"))
    before = kept.last("getIvrCommand")["replyId"]
    kept.press("1", menu("more"))
    assert kept.last("getIvrCommand")["replyId"] == before


def test_participants_are_hung_up():
    played = connected()
    answered = played.last("callAnswered")
    assert said(played.command("hangupparticipant", {"participantId": answered["calleeParticipantId"]}, IVR, menu("gone"))) == ["gone"]
    assert played.last("callEvent")["event"] == "calledPartyDrop"
    other = connected()
    remote = {"participantId": other.last("callAnswered")["calleeParticipantId"]}
    assert said(other.command("hangupremoteparticipant", remote, DROP)) == ["end"]
    assert other.last("callEvent")["event"] == "callingPartyDrop"


def test_a_recording_of_the_caller_until_its_limit():
    played = in_ivr()
    played.commands = [Command("startrecording", {"recordingFileName": "rec-1.mp3"})]
    message = QUIET | {"phrases": [{"format": "file", "fileName": "beep"}], "getIVRCommandAfter": 60}
    scene = played.press("3", message)
    assert (said(scene), as_json(scene)["steps"][-1]["max_duration"], played.call.over) == (["beep", "speak"], 60, False)
    played.go_on(BYE | {"phrases": []})
    played.command("stoprecording", {})
    ready = played.last("recordingReady")
    assert (ready["recordingFileName"], ready["event"]) == ("rec-1.mp3", "recordingSuccessful")
    played.hang_up()
    assert played.names.count("recordingReady") == 1


@pytest.mark.parametrize(
    ("when", "last"),
    [("before_completed", ["calledPartyDrop", "recordingReady", "sessionCompleted"]), ("failed", ["calledPartyDrop", "recordingReady", "sessionCompleted"]),
     ("after_completed", ["calledPartyDrop", "sessionCompleted", "recordingReady"])],
)  # fmt: skip
def test_a_conversation_is_recorded(when: str, last: list[str]):
    played = Played(behaviour=Behaviour(recording=when))  # type: ignore[arg-type]
    played.start(CALL | {"callRecording": True, "recordingFileName": "rec-2.mp3"})
    played.dialled("answered")
    played.talked(DROP)
    played.hang_up()
    assert played.names[-3:] == last
    assert (played.last("recordingReady")["event"] == "recordingFailed") == (when == "failed")


def test_nothing_is_recorded_of_a_target_that_does_not_answer():
    played = Played()
    played.start(CALL | {"callRecording": True, "recordingFileName": "rec-2.mp3"})
    played.dialled("busy", DROP)
    played.hang_up()
    assert "recordingReady" not in played.names


def test_the_end_of_a_session_can_be_lost():
    played = in_ivr(BYE, behaviour=Behaviour(completed="lost"))
    assert played.hang_up() == (True, "sessionCompleted is lost")
    assert "sessionCompleted" not in played.names


@pytest.mark.parametrize("form", ["documented", "text", "object", "text_twice"])
def test_how_the_reference_comes_back(form: str):
    played = Played(behaviour=Behaviour(reference=form), strict=form == "documented")  # type: ignore[arg-type]
    played.start(CALL)
    played.dialled("busy", IVR, menu("nobody"))
    played.hang_up(DROP)
    seen = {callback: body["sessionReferenceId"] for callback, body in played.sent if "sessionReferenceId" in body}
    text = json.dumps(REFERENCE)
    documented = {"callNotify": text, "callEvent": text, "getIvrCommand": text, "callAnswered": REFERENCE, "sessionCompleted": REFERENCE}
    one = {"text": text, "object": REFERENCE, "text_twice": json.dumps(text)}
    assert seen == (documented if form == "documented" else dict.fromkeys(documented, one[form]))


def test_types_drift_as_in_the_samples():
    played = Played(behaviour=Behaviour(types="drifting"), strict=False, caller=Caller("46890200", "0540000000", "", "rest"))
    played.start(CALL)
    played.dialled("busy", DROP)
    played.hang_up()
    new, failed, done = played.last("newCall"), played.last("callEvent"), played.last("sessionCompleted")
    assert (new["calledParty"], new["callingParty"]) == (46890200, "0540000000"), "a leading zero would be lost"
    assert new["sipCallId"] > 2**53
    assert (failed["sipResponseCode"], isinstance(done["sessionDuration"], int)) == ("486", True)


def test_a_hybrid_site_names_its_own_address():
    played = Played(site="http://127.0.0.1:1/site")
    played.start(IVR, BYE)
    played.hang_up()
    assert {name for name, body in played.sent if "siteBaseUrl" not in body} == set()


def test_a_withheld_number_is_secret():
    played = Played(caller=Caller("0730000000", "", "", "rest"))
    played.start(DROP | {"dropCode": "numberNotFound"})
    new = played.last("newCall")
    assert (new["callingPartyPrivacy"], new["callingParty"], "displayName" in new) == ("secret", "anonymous", False)


def test_a_state_that_no_call_was_in_is_refused_with_every_fault():
    played = in_ivr()
    state = played.call.state()
    state["own"] |= {"phase": "asleep", "outbound": "no", "connection": -1, "reference": "[1]", "recording": 5}
    del state["own"]["buffer"]
    with pytest.raises(StepError) as refused:
        Call.restored(played.emulated, state | {"dialect": "xmlrpc"})
    assert {problem.path for problem in refused.value.problems} == {
        "call.dialect", "call.own.phase", "call.own.outbound", "call.own.connection", "call.own.reference", "call.own.recording", "call.own.buffer",
    }  # fmt: skip
