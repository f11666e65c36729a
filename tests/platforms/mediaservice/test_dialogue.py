"""The eight rules of a call on Mediaservice, walked step by step; every callback and reply is judged by the platform's description."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rpcbridge.errors import NoUsableAnswer, OutOfPlace
from rpcbridge.platforms.mediaservice import Section
from tests.platforms.mediaservice.walk import ANSWERED, CALL, Walk

MENU = {"action": "menu", "menu": "main", "prompt": "welcome", "loops": 3, "max_digits": 2, "finish_key": "#"}
DIAL = {"action": "call", "target": "0501234567", "ring_timeout": 20, "max_duration": 600}
NOBODY = {"menu": "nobody", "prompt": "nobody_answers"}
DOWN = NoUsableAnswer("refused", "nobody listens")


def names(phrases: list) -> list[str]:
    return [phrase["fileName"] for phrase in phrases]


def test_a_media_answer_at_the_start_is_kept_and_served_without_asking_again():
    walk = Walk([MENU])
    assert walk.begin() == {"action": "ivr", "sessionReferenceId": walk.reference}
    reply = walk.command()
    assert names(reply["phrases"]) == ["welcome"]
    assert reply["dtmf"] == {"flush": True, "maxDigits": 2, "firstTimeout": 30, "terminationKey": "#"}
    assert (reply["hangup"], reply["getIVRCommandAfter"]) == (False, 3)
    assert (reply["sessionId"], reply["replyId"], reply["sessionReferenceId"]) == ("s-1", "command-1", walk.reference)
    assert [asked["reason"] for asked in walk.asked] == ["call_started"]


def test_the_first_question_says_who_calls_whom():
    walk = Walk([MENU])
    walk.begin()
    asked = walk.asked[0]
    assert {name: asked[name] for name in ("caller_number", "called_number", "caller_name", "call_id", "direction", "turn")} == {
        "caller_number": "0540000000", "called_number": "0730000000", "caller_name": "Dana", "call_id": "s-1",
        "direction": "inbound", "turn": 1,
    }  # fmt: skip
    assert (asked["menu"], asked["previous_menu"], asked["digits"], asked["state"]) == (None, None, "", None)


def test_two_silent_loops_are_the_bridges_own_and_digits_ask():
    walk = Walk([MENU | {"state": {"n": 1}}, {"action": "hangup", "prompt": "bye"}])
    first = walk.in_ivr()
    again = walk.command()
    assert names(again["phrases"]) == names(first["phrases"])
    assert again["dtmf"] == first["dtmf"] | {"flush": False}
    assert walk.last.outcome == "continued"
    walk.command()
    assert len(walk.asked) == 1
    reply = walk.command("12")
    asked = walk.asked[1]
    assert (asked["reason"], asked["digits"], asked["menu"], asked["previous_menu"], asked["turn"]) == ("input", "12", "main", None, 2)
    assert asked["state"] == {"n": 1}
    assert (asked["caller_number"], asked["called_number"]) == ("0540000000", "0730000000")
    assert (names(reply["phrases"]), reply["hangup"]) == (["bye"], True)


def test_when_the_loops_ran_out_the_backend_is_asked():
    walk = Walk([MENU, MENU])
    walk.in_ivr()
    walk.command()
    walk.command()
    walk.command()
    assert (walk.asked[1]["reason"], walk.asked[1]["digits"]) == ("no_input", "")


def test_a_termination_key_alone_is_a_digit():
    walk = Walk([MENU, MENU])
    walk.in_ivr()
    walk.command(dtmfParams={"dtmfMatch": "", "reason": "terminationKey", "matchedTerminationKey": "#"})
    assert (walk.asked[1]["reason"], walk.asked[1]["digits"]) == ("input", "#")


def test_in_the_midst_of_typing_nothing_is_played_and_nobody_is_asked():
    walk = Walk([MENU])
    walk.in_ivr()
    reply = walk.command(dtmfBuffer="1")
    assert (reply["phrases"], reply["hangup"], "dtmf" in reply) == ([], False, False)
    assert names(walk.command(dtmfBuffer="1")["phrases"]) == ["welcome"], "the same buffer again: he types no more"


def test_a_call_from_the_start_is_dialled_and_its_failure_serves_the_menu_for_it():
    walk = Walk([DIAL | {"on_failure": NOBODY}, {"action": "hangup"}])
    reply = walk.begin()
    assert (reply["action"], reply["destAddr"], reply["maxRingTime"]) == ("call", "sip:0501234567@customer.example", 20)
    assert reply["sipFrom"] == "0730000000"
    walk.post("callNotify", event="ringing", sessionId="s-1", participantId="p-2", monitoringParticipant=False)
    walk.later(3)
    reply = walk.event("calledPartyFailure", participantId="p-2", sipResponseCode=486)
    assert reply["action"] == "ivr"
    assert names(walk.command()["phrases"]) == ["nobody_answers"]
    walk.command("1")
    assert (walk.asked[1]["menu"], walk.asked[1]["reason"]) == ("nobody", "input")
    walk.post("sessionCompleted", sessionId="s-1", domain="customer.example")
    assert [told["event"] for told in walk.told] == ["call_ringing", "call_ended"]
    ended = walk.told[-1]
    assert (ended["call_status"], ended["hangup_cause"], ended["ring_duration"], ended["target"]) == ("busy", 17, 3, "0501234567")


@pytest.mark.parametrize(
    ("code", "status", "cause", "dropped"),
    [(486, "busy", 17, "busy"), (404, "invalid_number", 1, "numberNotFound"), (410, "invalid_number", 22, "numberNotActive"),
     (480, "no_answer", 18, "temporarilyUnavailable"), (487, "no_answer", None, "dropNoMsg"), (503, "congestion", 41, "temporarilyUnavailable"),
     (403, "rejected", 21, "error"), (402, "not_allowed", None, "dropNoMsg"), (606, "failed", None, "dropNoMsg"),
     (None, "failed", None, "dropNoMsg")],
)  # fmt: skip
def test_a_failed_leg_without_a_menu_drops_by_its_code(code: int | None, status: str, cause: int | None, dropped: str):
    walk = Walk([DIAL])
    walk.begin()
    said = {} if code is None else {"sipResponseCode": code}
    reply = walk.event("calledPartyFailure", participantId="p-2", **said)
    assert (reply["action"], reply["dropCode"]) == ("drop", dropped)
    walk.post("sessionCompleted", sessionId="s-1")
    assert (walk.told[-1]["call_status"], walk.told[-1].get("hangup_cause")) == (status, cause)


def test_a_q850_cause_beats_the_sip_code():
    walk = Walk([DIAL])
    walk.begin()
    reply = walk.event("calledPartyFailure", participantId="p-2", sipResponseCode=480, sipReason='Q.850;cause=17;text="User busy"')
    assert reply["dropCode"] == "busy"


def test_answered_talked_and_hung_up_by_the_target():
    walk = Walk([DIAL])
    walk.begin()
    walk.later(4)
    walk.post("callAnswered", **ANSWERED | {"calleeParticipantId": "p-2"}, sessionReferenceId=walk.reference)
    assert walk.timers["limit"] == 600
    walk.later(60)
    assert walk.event("calledPartyDrop", participantId="p-2")["action"] == "drop"
    assert "limit" not in walk.timers
    walk.post("sessionCompleted", sessionId="s-1")
    answered, ended = walk.told
    assert (answered["event"], answered["target"]) == ("call_answered", "0501234567")
    assert {name: ended[name] for name in ("call_status", "ended_by", "duration", "ring_duration", "estimated")} == {
        "call_status": "answered", "ended_by": "target", "duration": 64, "ring_duration": 4, "estimated": True,
    }  # fmt: skip


def test_the_longest_duration_hangs_up_by_an_order():
    walk = Walk([DIAL])
    walk.begin()
    walk.post("callAnswered", **ANSWERED | {"calleeParticipantId": "p-2"}, sessionReferenceId=walk.reference)
    walk.due("limit")
    assert walk.orders == [("hangupparticipant", {"participantId": "p-2", "replyId": "reply-1", "sessionId": "s-1"})]
    walk.event("calledPartyDrop", participantId="p-2")
    walk.post("sessionCompleted", sessionId="s-1")
    assert walk.told[-1]["ended_by"] == "bridge"


def test_a_transfer_from_within_the_ivr_splits_and_dials():
    walk = Walk([MENU, DIAL | {"caller_prompt": "connecting"}])
    walk.in_ivr()
    reply = walk.command("2")
    assert (names(reply["phrases"]), reply["hangup"], reply["getIVRCommandAfter"]) == (["connecting"], False, 2)
    walk.due("split")
    assert walk.orders == [("splitconnection", {"replyId": "reply-1", "connectionId": "c-1"})]
    ivr = walk.event("calleeConnectionSplit", participantId="p-ivr")
    assert (ivr["action"], ivr["dropCode"]) == ("drop", "dropNoMsg")
    person = walk.event("callerConnectionSplit", participantId="p-person")
    assert (person["action"], person["destAddr"]) == ("call", "sip:0501234567@customer.example")
    assert "greeting" not in person, "he has heard it in the IVR"
    walk.post("callAnswered", **ANSWERED | {"calleeParticipantId": "p-2", "connectionId": "c-2"}, sessionReferenceId=walk.reference)
    walk.event("callingPartyDrop", participantId="p-person")
    walk.post("sessionCompleted", sessionId="s-1")
    assert [told["event"] for told in walk.told] == ["call_answered", "call_ended"]
    assert (walk.told[-1]["ended_by"], walk.told[-1]["call_status"]) == ("caller", "answered")


@pytest.mark.parametrize("order", [("p-person", "p-ivr"), ("p-ivr", "p-person")])
def test_person_and_ivr_are_told_apart_by_participant_whatever_side_they_are_said_to_be(order: tuple[str, str]):
    walk = Walk([MENU, DIAL])
    walk.in_ivr()
    walk.command("2")
    walk.due("split")
    replies = {who: walk.event(side, participantId=who) for who, side in zip(order, ("calleeConnectionSplit", "callerConnectionSplit"), strict=True)}
    assert (replies["p-person"]["action"], replies["p-ivr"]["action"]) == ("call", "drop")


def test_a_split_that_does_not_happen_is_tried_once_more_and_then_the_failures_menu_is_served():
    walk = Walk([MENU, DIAL | {"on_failure": NOBODY}])
    walk.in_ivr()
    walk.command("2")
    walk.due("split")
    walk.fail("split")
    walk.command()
    walk.due("split")
    assert [operation for operation, _ in walk.orders] == ["splitconnection"] * 2
    assert names(walk.command()["phrases"]) == ["nobody_answers"]


def test_a_split_that_does_not_happen_and_has_no_menu_gets_the_fallback():
    walk = Walk([MENU, DIAL])
    walk.in_ivr()
    walk.command("2")
    walk.due("split")
    walk.command()
    walk.due("split")
    assert names(walk.command()["phrases"]) == ["technical_problem"]
    assert walk.phase == "ivr"


def test_a_split_is_never_ordered_twice_by_a_timer_that_was_taken_over():
    walk = Walk([MENU, DIAL])
    walk.in_ivr()
    walk.command("2")
    walk.due("split", again=True)
    assert not walk.orders


def test_a_transfer_by_hangup():
    walk = Walk([MENU, DIAL], Section(domain="customer.example", transfer="hangup"))
    walk.in_ivr()
    reply = walk.command("2")
    assert (reply["phrases"], reply["hangup"]) == ([], True)
    reply = walk.event("calledPartyDrop", participantId="p-ivr")
    assert (reply["action"], reply["destAddr"]) == ("call", "sip:0501234567@customer.example")


def test_without_a_callAnswered_of_the_ivr_a_transfer_goes_by_hangup():
    walk = Walk([MENU, DIAL])
    walk.begin()
    walk.command()
    assert walk.command("2")["hangup"] is True
    assert walk.event("calledPartyDrop", participantId="p-unknown")["action"] == "call"


def test_an_ivr_that_does_not_hang_up_for_a_transfer_is_told_once_more_and_then_the_failures_menu_is_served():
    walk = Walk([MENU, DIAL | {"on_failure": NOBODY}], Section(domain="customer.example", transfer="hangup"))
    walk.in_ivr()
    assert [walk.command("2")["hangup"], walk.command()["hangup"]] == [True, True]
    assert names(walk.command()["phrases"]) == ["nobody_answers"]


def test_another_tenants_call_is_refused():
    walk = Walk([MENU])
    walk.in_ivr()
    with pytest.raises(OutOfPlace, match="somebody else's"):
        walk.event("calledPartyDrop", domain="other.example")


def test_a_transfer_needs_the_platforms_url():
    walk = Walk([MENU, DIAL], Section(domain="customer.example"))
    walk.in_ivr()
    assert names(walk.command("2")["phrases"]) == ["technical_problem"]


def test_the_person_who_left_is_never_asked_about():
    walk = Walk([MENU])
    walk.in_ivr()
    reply = walk.event("callingPartyDrop", participantId="p-person", remoteParticipantId="p-ivr")
    assert (reply["action"], reply["dropCode"], walk.phase) == ("drop", "dropNoMsg", "ended")
    assert walk.command()["hangup"] is True
    walk.post("sessionCompleted", sessionId="s-1")
    assert (walk.told[-1]["ended_by"], "call_status" in walk.told[-1]) == ("caller", False)


def test_an_answer_that_comes_for_an_ended_call_drops():
    walk = Walk([MENU])

    def left(kept: object) -> None:
        walk.event("callingPartyDrop", participantId="p-person")

    class Late(dict):
        def get(self, *args: object) -> object:  # while the backend thinks about it
            left(None)
            return dict.get(self, *args)

    walk.answers = [Late(MENU)]
    assert walk.begin()["action"] == "drop"


@pytest.mark.parametrize(("reason", "event", "code"), [("leg_failed", "calledPartyFailure", {"sipResponseCode": 486}), ("leg_ended", "calledPartyDrop", {})])
def test_after_call_ask(reason: str, event: str, code: dict):
    walk = Walk([DIAL | {"after_call": "ask"}, MENU])
    walk.begin()
    if reason == "leg_ended":
        walk.post("callAnswered", **ANSWERED | {"calleeParticipantId": "p-2"}, sessionReferenceId=walk.reference)
    assert walk.event(event, participantId="p-2", **code)["action"] == "ivr"
    assert walk.asked[1]["reason"] == reason
    assert names(walk.command()["phrases"]) == ["welcome"]


def test_hangup_keeps_its_code_for_the_last_callEvent():
    walk = Walk([MENU, {"action": "hangup", "prompt": "bye", "cause": 17}])
    walk.in_ivr()
    walk.command("1")
    assert walk.timers["end"] == 30
    assert walk.event("calledPartyDrop", participantId="p-ivr")["dropCode"] == "busy"
    assert walk.command()["hangup"] is True


def test_a_hangup_without_a_prompt_drops_at_once():
    walk = Walk([{"action": "hangup", "cause": 1}])
    assert walk.begin() == {"action": "drop", "dropCode": "numberNotFound", "sessionReferenceId": walk.reference}


def test_the_end_is_told_once_by_whatever_comes_first():
    walk = Walk([{"action": "hangup"}])
    walk.begin()
    walk.later(30)
    walk.due("end")
    assert [told["event"] for told in walk.told] == ["call_ended"]
    walk.post("sessionCompleted", sessionId="s-1")
    walk.due("expire")
    assert len(walk.told) == 1


def test_a_lost_sessionCompleted_is_made_up_for_at_the_end_of_the_calls_time():
    walk = Walk([MENU])
    walk.in_ivr()
    assert walk.timers["expire"] == 6 * 3600
    walk.due("expire")
    assert (walk.told[-1]["event"], walk.told[-1]["estimated"], walk.told[-1]["ended_by"]) == ("call_ended", True, "unknown")
    assert walk.last.kept.seconds == 0


def test_the_fallbacks_menu_is_heard_at_most_twice_running():
    walk = Walk([MENU, DOWN, DOWN, DOWN])
    walk.in_ivr()
    assert names(walk.command("1")["phrases"]) == ["technical_problem"]
    assert names(walk.command("1")["phrases"]) == ["technical_problem"]
    reply = walk.command("1")
    assert (reply["phrases"], reply["hangup"]) == ([], True)
    assert (walk.told[-1]["event"], walk.told[-1]["rejected"]["reason"]) == ("action_rejected", "silent_loop")


def test_a_usable_answer_in_between_counts_anew():
    walk = Walk([MENU, DOWN, DOWN, MENU, DOWN])
    walk.in_ivr()
    for _ in range(4):
        assert walk.command("1")["hangup"] is False


def test_no_more_than_so_many_turns_in_silence():
    walk = Walk([MENU | {"loops": 1}] * 12)
    walk.in_ivr()
    for _ in range(10):
        assert walk.command()["hangup"] is False
    assert walk.command()["hangup"] is True
    assert walk.told[-1]["rejected"]["reason"] == "silent_loop"
    assert len(walk.asked) == 11


def test_say_digits_by_text_and_by_files():
    say = {"action": "say_digits", "digits": "0547", "intro_prompt": "your_code", "menu": "m", "prompt": "next"}
    spoken = Walk([say]).in_ivr()["phrases"]
    assert [phrase["format"] for phrase in spoken] == ["file", "awstts", "file"]
    assert spoken[1]["awsTTSParameters"]["Text"] == "0 5 4 7"
    filed = Walk([say], Section(digit_file="digits/{digit}")).in_ivr()["phrases"]
    assert names(filed) == ["your_code", "digits/0", "digits/5", "digits/4", "digits/7", "next"]


def test_record_begins_by_an_order_and_ends_when_its_time_is_over():
    walk = Walk([MENU, {"action": "record", "prompt": "beep", "max_duration": 60}])
    walk.in_ivr()
    reply = walk.command("3")
    assert (names(reply["phrases"]), reply["getIVRCommandAfter"], reply["hangup"]) == (["beep"], 60, False)
    walk.due("start_recording")
    key = walk.kept.key
    assert walk.orders == [("startrecording", {"recordingFileName": f"rec-{key}-1.mp3", "replyId": "reply-1", "connectionId": "c-1"})]
    assert walk.command()["hangup"] is True
    walk.due("stop_recording")
    assert walk.orders[-1][0] == "stoprecording"
    walk.post("recordingReady", sessionId="s-1", recordingFileName=f"rec-{key}-1.mp3", fileSize=4711, event="recordingSuccessful")
    assert walk.told[-1]["recording"] == {
        "name": f"rec-{key}-1.mp3", "ok": True, "size_bytes": 4711, "url": f"/api/mediaservice/promptfile/rec-{key}-1.mp3/url",
    }  # fmt: skip


@pytest.mark.parametrize("kept", [True, False])
def test_without_the_api_nothing_is_recorded(kept: bool):
    record = {"action": "record", "prompt": "beep"}
    walk = Walk([record] if kept else [MENU, record], Section(domain="customer.example"))
    if kept:
        assert walk.begin()["action"] == "ivr"
        assert names(walk.command()["phrases"]) == ["technical_problem"]
    else:
        walk.in_ivr()
        assert names(walk.command("3")["phrases"]) == ["technical_problem"]


@pytest.mark.parametrize("target", ["0501234567\r\nX-Evil: 1", "050 1234567"])
def test_nothing_that_would_begin_another_header_is_dialled(target: str):
    walk = Walk([DIAL | {"target": target}])
    assert walk.begin()["action"] == "ivr"
    assert names(walk.command()["phrases"]) == ["technical_problem"]


def test_a_failures_menu_that_cannot_be_played_is_refused_before_anybody_is_dialled():
    walk = Walk([DIAL | {"on_failure": {"menu": "m", "prompt": {"url": "https://x.example/a.mp3"}}}])
    assert walk.begin()["action"] == "ivr"


def test_without_the_api_no_order_limits_a_call():
    walk = Walk([DIAL], Section(domain="customer.example"))
    walk.begin()
    walk.post("callAnswered", **ANSWERED | {"calleeParticipantId": "p-2"}, sessionReferenceId=walk.reference)
    assert "limit" not in walk.timers


def test_a_recording_that_cannot_begin_is_told():
    walk = Walk([MENU, {"action": "record"}])
    walk.in_ivr()
    walk.command("3")
    walk.due("start_recording")
    walk.fail("start_recording", "the platform refused")
    assert walk.told[-1]["recording"]["ok"] is False


def test_native_answers_of_both_vocabularies():
    phrases = {"phrases": [{"format": "file", "fileName": "own"}], "dtmf": {"maxDigits": 1}}
    walk = Walk([{"native": phrases}, {"native": {"action": "call", "destAddr": "sip:target@trunk.example"}}])
    assert names(walk.in_ivr()["phrases"]) == ["own"]
    assert walk.command("5")["hangup"] is False
    assert walk.asked[1]["digits"] == "5"
    walk.due("split")
    reply = walk.event("callerConnectionSplit", participantId="p-person")
    assert (reply["action"], reply["destAddr"], reply["sessionReferenceId"]) == ("call", "sip:target@trunk.example", walk.reference)


def test_an_action_now_interrupts_the_ivr_and_is_served():
    walk = Walk([MENU])
    walk.in_ivr()
    walk.act({"action": "menu", "menu": "news", "prompt": "news"})
    assert walk.orders == [("interruptivrcommand", {"replyId": "command-1", "sessionId": "s-1"})]
    assert names(walk.command()["phrases"]) == ["news"]
    assert len(walk.asked) == 1


def test_an_action_now_takes_a_connected_person_out_of_the_connection():
    walk = Walk([DIAL, MENU])
    walk.begin()
    walk.post("callAnswered", **ANSWERED | {"calleeParticipantId": "p-2"}, sessionReferenceId=walk.reference)
    walk.act(MENU)
    assert walk.orders == [("splitconnection", {"replyId": "reply-1", "connectionId": "c-1"})]
    assert walk.event("calleeConnectionSplit", participantId="p-2")["action"] == "drop"
    assert walk.event("callerConnectionSplit", participantId="p-person")["action"] == "ivr"
    assert names(walk.command()["phrases"]) == ["welcome"]


OUT = {"to": "0501112222", "caller_number": "0730000000", "reference": "order-7"}


def outbound(walk: Walk) -> None:
    reference = walk.orders[0][1]["sessionReferenceId"]
    walk.post("callNotify", event="ringing", sessionId="s-1", sessionReferenceId=str(reference).replace("'", '"'), participantId="p-out", monitoringParticipant=False)
    walk.later(5)
    out = {"callerParticipantId": "p-ivr", "calleeParticipantId": "p-person"}
    walk.post("callAnswered", **ANSWERED | out, sessionReferenceId=reference)


def test_an_outbound_call_asks_when_it_is_answered():
    walk = Walk([MENU, {"action": "hangup"}])
    walk.place(**OUT)
    assert walk.orders[0] == ("placeivrcall", {
        "destAddr": "sip:0501112222@customer.example", "maxRingTime": 30, "sipFrom": "0730000000", "sessionReferenceId": {"rb": "KEY"},
    })  # fmt: skip
    outbound(walk)
    assert names(walk.command()["phrases"]) == ["welcome"]
    asked = walk.asked[0]
    assert (asked["reason"], asked["direction"], asked["reference"], asked["call_id"]) == ("call_started", "outbound", "order-7", "rb-OUT")
    walk.later(10)
    walk.command("1")
    walk.post("sessionCompleted", sessionId="s-1")
    assert [told["event"] for told in walk.told] == ["call_ringing", "call_answered", "call_ended"]
    assert (walk.told[-1]["call_status"], walk.told[-1]["ring_duration"], walk.told[-1]["duration"]) == ("answered", 5, 10)


def test_an_outbound_call_with_an_action_of_its_own_does_not_ask():
    walk = Walk([{"action": "hangup"}])
    walk.place(**OUT, action=MENU)
    outbound(walk)
    assert names(walk.command()["phrases"]) == ["welcome"]
    assert not walk.asked
    walk.command("1")
    assert (walk.asked[0]["reason"], walk.asked[0]["menu"]) == ("input", "main")


def test_an_outbound_call_that_nobody_answers():
    walk = Walk()
    walk.place(**OUT)
    reference = walk.orders[0][1]["sessionReferenceId"]
    walk.later(30)
    reply = walk.event("calledPartyFailure", participantId="p-out", sipResponseCode=408, sessionReferenceId='{"rb": "KEY"}')
    assert reply["action"] == "drop"
    assert reference == {"rb": "KEY"}
    walk.post("sessionCompleted", sessionId="s-1", sessionReferenceId=reference)
    assert (walk.told[-1]["event"], walk.told[-1]["call_status"], walk.told[-1]["hangup_cause"]) == ("call_ended", "no_answer", 102)


def test_an_outbound_callers_hangup_is_the_target_who_is_the_person():
    walk = Walk([MENU])
    walk.place(**OUT)
    outbound(walk)
    walk.command()
    walk.event("calledPartyDrop", participantId="p-person", remoteParticipantId="p-ivr")
    assert walk.phase == "ended"
    walk.post("sessionCompleted", sessionId="s-1")
    assert walk.told[-1]["ended_by"] == "target"


def test_all_faults_of_an_outbound_call_are_named_at_once():
    walk = Walk()
    with pytest.raises(NoUsableAnswer) as caught:
        walk.place(caller_numbr="1", ring_timeout="soon", action={"action": "go_to_layer", "layer": 3, "prompt": "x"})
    assert [problem.path for problem in caught.value.problems] == ["caller_numbr", "to", "ring_timeout", "action.layer"]


@pytest.mark.parametrize("database", [True, False])
def test_of_a_call_that_is_not_known(database: bool):
    walk = Walk()
    assert walk.event("calledPartyDrop")["action"] == "drop"
    with pytest.raises(NoUsableAnswer):
        walk.command()


def test_newCall_twice_gets_the_same():
    walk = Walk([MENU])
    first = walk.begin()
    assert walk.begin() == first
    assert len(walk.asked) == 1


def test_go_to_layer_where_the_configuration_says_what_it_is():
    section = Section(domain="d", layers=(("3", {"action": "menu", "menu": "three", "prompt": "third", "loops": 2}),))
    walk = Walk([{"action": "go_to_layer", "layer": 3, "prompt": "x"}, {"action": "go_to_layer", "layer": 4, "prompt": "x"}], section)
    assert names(walk.in_ivr()["phrases"]) == ["third"]
    assert names(walk.command()["phrases"]) == ["third"]
    assert names(walk.command("1")["phrases"]) == ["technical_problem"]
    assert (walk.asked[1]["menu"], walk.asked[1]["digits"]) == ("three", "1")


def test_which_time_ends_a_round_is_a_switch():
    slow = MENU | {"loop_delay": 7}
    assert Walk([slow]).in_ivr()["dtmf"]["firstTimeout"] == 30
    assert Walk([slow], replace(Section(), round_ends="firstTimeout")).in_ivr()["dtmf"]["firstTimeout"] == 7


def test_only_playing_collects_nothing_and_then_asks():
    walk = Walk([MENU | {"max_digits": 0, "loops": 1}, MENU])
    assert "dtmf" not in walk.in_ivr()
    walk.command()
    assert walk.asked[1]["reason"] == "no_input"


def test_a_site_is_remembered_for_orders():
    walk = Walk([MENU, DIAL])
    walk.post("newCall", **CALL, siteId="a", siteBaseUrl="https://site.example/mediaservice")
    walk.post("callAnswered", **ANSWERED, sessionReferenceId=walk.reference)
    walk.command()
    walk.command("2")
    assert walk.due("split").order.base_url == "https://site.example/mediaservice"


def test_the_longest_duration_is_the_connections_and_not_the_calls():
    walk = Walk([DIAL | {"after_call": "ask"}, MENU, {"native": {"action": "call", "destAddr": "sip:target@trunk.example"}}])
    walk.begin()
    walk.post("callAnswered", **ANSWERED | {"calleeParticipantId": "p-2"}, sessionReferenceId=walk.reference)
    walk.event("calledPartyDrop", participantId="p-2")
    walk.post("callAnswered", **ANSWERED | {"connectionId": "c-2", "replyId": "reply-2"}, sessionReferenceId=walk.reference)
    walk.command()
    walk.due("limit")
    assert walk.orders == [], "the person is in the IVR by now"
    walk.post("sessionCompleted", sessionId="s-1")
    assert walk.told[-1]["ended_by"] == "unknown"


def test_a_limit_does_not_outlive_its_connection():
    walk = Walk([DIAL, {"native": {"action": "call", "destAddr": "sip:target@trunk.example"}}])
    walk.begin()
    walk.post("callAnswered", **ANSWERED | {"calleeParticipantId": "p-2"}, sessionReferenceId=walk.reference)
    walk.act({"native": {"action": "call", "destAddr": "sip:target@trunk.example"}})
    walk.event("callerConnectionSplit", participantId="p-person")
    walk.post("callAnswered", **ANSWERED | {"calleeParticipantId": "p-3", "connectionId": "c-3"}, sessionReferenceId=walk.reference)
    assert "limit" not in walk.timers


def test_a_call_that_rings_is_not_unclear_any_more():
    walk = Walk()
    walk.place(**OUT)
    assert walk.talk.shown(walk.kept)["status"] == "dialing"
    walk._step(walk.talk.unclear, walk.kept)
    assert walk.talk.shown(walk.kept)["status"] == "unclear"
    outbound(walk)
    walk._step(walk.talk.unclear, walk.kept)
    assert walk.talk.shown(walk.kept)["status"] == "ivr"


def test_an_action_that_is_wanted_while_the_backend_thinks_is_what_is_heard():
    walk = Walk([MENU])
    walk.in_ivr()

    class Slow(dict):
        def get(self, *args: object) -> object:  # while its answer is on its way
            walk.act({"action": "menu", "menu": "urgent", "prompt": "urgent"})
            return dict.get(self, *args)

    walk.answers = [Slow(MENU)]
    assert names(walk.command("1")["phrases"]) == ["urgent"]


def test_a_command_that_is_faster_than_callAnswered_leaves_the_person_the_person():
    walk = Walk([MENU])
    walk.place(**OUT, max_duration=600)
    walk.command(sessionReferenceId='{"rb": "KEY"}')
    walk.post("callAnswered", **ANSWERED | {"callerParticipantId": "p-ivr", "calleeParticipantId": "p-person"}, sessionReferenceId={"rb": "KEY"})
    assert walk.timers["limit"] == 600
    walk.post("sessionCompleted", sessionId="s-1")
    assert [(told["event"], told.get("call_status")) for told in walk.told] == [("call_answered", None), ("call_ended", "answered")]


def test_a_late_command_of_an_ivr_that_the_person_has_left_changes_nothing():
    walk = Walk([MENU, DIAL])
    walk.in_ivr()
    walk.command("2")
    walk.due("split")
    walk.event("callerConnectionSplit", participantId="p-person")
    assert walk.command()["hangup"] is True
    assert (walk.phase, len(walk.asked)) == ("dialing", 2)
    walk.post("callAnswered", **ANSWERED | {"calleeParticipantId": "p-2", "connectionId": "c-2"}, sessionReferenceId=walk.reference)
    assert walk.told[-1]["event"] == "call_answered"


def test_a_reply_carries_the_reply_id_of_its_own_command():
    walk = Walk([{"action": "record"}])
    walk.begin()
    assert walk.command()["replyId"] == "command-1", "the fallback, since no callAnswered told how to record"


def test_the_person_of_an_outbound_call_stays_the_person_in_a_second_ivr():
    walk = Walk([DIAL | {"after_call": "ask"}, MENU, DIAL])
    walk.place(**OUT)
    outbound(walk)
    walk.command()
    walk.due("split")
    walk.event("calleeConnectionSplit", participantId="p-person")
    walk.post("callAnswered", **ANSWERED | {"callerParticipantId": "p-person", "calleeParticipantId": "p-2"}, sessionReferenceId={"rb": "KEY"})
    walk.event("calledPartyDrop", participantId="p-2")
    walk.post("callAnswered", **ANSWERED | {"callerParticipantId": "p-person", "calleeParticipantId": "p-ivr2"}, sessionReferenceId={"rb": "KEY"})
    walk.command()
    walk.command("1")
    walk.due("split")
    assert walk.event("callerConnectionSplit", participantId="p-person")["action"] == "call"


def test_a_native_answer_cannot_take_our_reference_away():
    walk = Walk([{"native": {"phrases": [], "sessionReferenceId": {"x": 1}}}])
    assert walk.in_ivr()["sessionReferenceId"] == walk.reference


def test_an_action_now_may_carry_state():
    walk = Walk([MENU, MENU])
    walk.in_ivr()
    walk.act(MENU | {"state": {"n": 7}})
    walk.command()
    walk.command("1")
    assert walk.asked[1]["state"] == {"n": 7}


def test_who_hangs_up_while_somebody_is_rung_cancels():
    walk = Walk([DIAL])
    walk.place(**OUT)
    outbound(walk)
    walk.command()
    walk.due("split")
    walk.event("calleeConnectionSplit", participantId="p-person")
    walk.event("callingPartyDrop", participantId="p-person")
    walk.post("sessionCompleted", sessionId="s-1")
    assert walk.told[-1]["call_status"] == "cancelled"
