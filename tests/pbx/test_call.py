"""The phone system's side of a call: what it asks, what its caller hears, and that it can be taken up at any step."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from rpcbridge.codec import decode_call
from rpcbridge.errors import ReplyError, StepError
from rpcbridge.pbx import MAX_TURNS, Call, Caller, as_json, begun, discovered
from rpcbridge.platforms import Options
from rpcbridge.platforms.voicenter import Section, make
from rpcbridge.schemas import actions

PLATFORM = make(Section(), Options({}))
EMULATED = discovered()["voicenter"]
ORDER = {"action": "menu", "menu": "order", "prompt": "number", "max_digits": 4, "loops": 3, "loop_delay": 5, "validate_digits": True}
DIAL = {"action": "call", "target": "0501234567", "caller_prompt": "connecting", "ring_timeout": 20, "hold_music": "jazz"}
NOBODY = {"menu": "nobody", "prompt": "nobody_answers", "max_digits": 2, "loops": 2}


def call(dialect: str = "xmlrpc") -> Call:
    return begun(EMULATED, Caller("0730000000", "0540000000", "דנה", dialect), "rb-phone-1", 1_700_000_000)


def reply(action: dict, request: bytes) -> bytes:
    """What the bridge would answer to `request`."""
    asked = decode_call(request)
    response, _ = PLATFORM.from_domain(actions.load(action).action, "0730000000", asked.dialect)
    return PLATFORM.encode(replace(response, id=asked.id), asked.dialect)


def sent(request: bytes) -> dict:
    (struct,) = decode_call(request).params
    return struct


def steps(action: dict) -> list[dict]:
    one = call()
    return as_json(one.hear(reply(action, one.question())))["steps"]


def recording(name: str) -> dict:
    return {"kind": "name", "said": name}


COLLECT = {"step": "collect", "menu": "order", "prompt": recording("number"), "size": 4, "loops": 3, "delay": 5, "validate": True}
RING = {
    "step": "dial", "target": "0501234567", "ring_timeout": 20, "max_duration": 3600, "record": False, "caller_number": "0730000000",
    "caller_name": "", "hold_music": "jazz", "target_prompt": None, "on_failure": None,
}  # fmt: skip


@pytest.mark.parametrize(
    ("action", "heard"),
    [
        (ORDER, [COLLECT]),
        (ORDER | {"action": "say_digits", "digits": "05-47", "intro_prompt": "your_code"},
         [{"step": "play", "prompt": recording("your_code"), "loops": 1, "delay": 0}, {"step": "say", "digits": "0547"}, COLLECT]),
        (DIAL, [{"step": "play", "prompt": recording("connecting"), "loops": 1, "delay": 0}, RING]),
        (DIAL | {"record": True, "on_failure": NOBODY},
         [{"step": "play", "prompt": recording("connecting"), "loops": 1, "delay": 0},
          RING | {"record": True, "on_failure": {
              "step": "collect", "menu": "nobody", "prompt": recording("nobody_answers"), "size": 2, "loops": 2, "delay": 3,
              "validate": False}}]),
        ({"action": "hangup", "prompt": "bye", "cause": 17},
         [{"step": "play", "prompt": recording("bye"), "loops": 1, "delay": 0}, {"step": "end", "why": "hangup", "cause": 17, "layer": None}]),
        ({"action": "hangup"}, [{"step": "end", "why": "hangup", "cause": None, "layer": None}]),
        ({"action": "go_to_layer", "layer": 3, "prompt": "blank", "loops": 2, "loop_delay": 1},
         [{"step": "play", "prompt": recording("blank"), "loops": 2, "delay": 1}, {"step": "end", "why": "layer", "cause": None, "layer": 3}]),
        ({"action": "record", "prompt": "beep", "max_duration": 60},
         [{"step": "play", "prompt": recording("beep"), "loops": 1, "delay": 0}, {"step": "speak", "max_duration": 60}]),
    ],
)  # fmt: skip
def test_every_action_has_its_scene(action: dict, heard: list[dict]):
    assert steps(action) == heard


def whole(dialect: str, again: Callable[[Call], Call]) -> list[dict]:
    """A whole call: silence, digits, a busy target, its menu, the end. `again` is asked between any two steps."""
    one, asked = again(call(dialect)), []

    def ask(action: dict) -> dict:
        nonlocal one
        request = one.question()
        asked.append(sent(request))
        one = again(one)
        scene = one.hear(reply(action, request))
        one = again(one)
        return as_json(scene)

    def then(do: Callable[[Call], object]) -> None:
        nonlocal one
        asked.append({"heard": as_json(found) if (found := do(one)) is not None else None})
        one = again(one)

    ask(ORDER)
    then(lambda it: it.press(""))
    ask(ORDER | {"menu": "order2", "max_digits": 0})
    ask(ORDER | {"menu": "order3"})
    then(lambda it: it.press("12345"))
    ask(DIAL | {"on_failure": NOBODY})
    then(lambda it: it.dialled("busy"))
    then(lambda it: it.press("9"))
    ask({"action": "hangup", "prompt": "bye"})
    assert one.over
    asked.append(sent(one.ended()))
    return asked


@pytest.mark.parametrize("dialect", ["xmlrpc", "json", "jsonrpc"])
def test_a_call_taken_up_at_every_step_is_the_same_call(dialect: str):
    def restored(one: Call) -> Call:
        return Call.restored(EMULATED, json.loads(json.dumps(one.state())))

    asked = whole(dialect, restored)
    assert asked == whole(dialect, lambda one: one)
    questions = [one for one in asked if "MENU" in one]
    assert [(one["PREVIOUS_MENU"], one["MENU"], one["DTMF"]) for one in questions] == [
        ("-1", "-1", ""), ("-1", "order", ""), ("order", "order2", ""), ("order2", "order3", "1234"), ("order3", "nobody", "9"),
    ]  # fmt: skip
    assert (asked[-1]["CALL_STATUS"], asked[-1]["TARGET"]) == ("BUSY", "0501234567")


@pytest.mark.parametrize(
    ("outcome", "next_step", "status", "ring"),
    [("answered", "talk", "ANSWER", "6"), ("busy", "end", "BUSY", "0"), ("no_answer", "end", "NOANSWER", "20")],
)
def test_what_comes_of_dialling(outcome: str, next_step: str, status: str, ring: str):
    one = call()
    one.hear(reply(DIAL, one.question()))
    scene = as_json(one.dialled(outcome))
    assert ([step["step"] for step in scene["steps"]], one.over) == ([next_step], True)
    ended = sent(one.ended())
    assert (ended["CALL_STATUS"], ended["CALL_DAILTIME"]) == (status, ring)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<html>", "line 1: <html> is no element of XML-RPC"),
        (b'{"STATUS": 0}', "ACTION: missing, and mandatory; LANGUAGE: missing, and mandatory; DATA: missing, and mandatory"),
        (b'{"STATUS": 1, "ERROR": {"code": -32601, "message": "what?"}}', "fault -32601: what?"),
        (b'{"STATUS":0,"ACTION":"CALL","LANGUAGE":"HE","DATA":{"TARGET":"1"}}', "DATA.REC_STATUS: missing, and mandatory"),
        (b'{"STATUS":0,"ACTION":"MENU","LANGUAGE":"HE","DATA":{"REC":"x","LOOP":"y"}}', "DATA.LOOP: "),
        (b'{"jsonrpc": "2.0", "result": {"STATUS": 0}, "id": 7}', "this answers another request"),
        (b"[]", ""),
    ],
)
def test_a_reply_that_cannot_be_used_says_everything_that_is_wrong(body: bytes, said: str):
    one = call("json")
    one.question()
    with pytest.raises(ReplyError) as refused:
        one.hear(body)
    assert said in str(refused.value)
    assert sent(one.ended())["IVR_UNIQUE_ID"] == "rb-phone-1", "its end can be reported all the same"


def test_steps_out_of_their_order_are_refused():
    one = call()
    with pytest.raises(StepError, match="collects no digits"):
        one.press("1")
    with pytest.raises(StepError, match="dials nobody"):
        one.dialled("busy")
    one.hear(reply(ORDER, one.question()))
    with pytest.raises(StepError, match="waits for the caller"):
        one.question()
    with pytest.raises(StepError, match="digits: expected 0-9"):
        one.press("1a")
    one.press("1")
    one.hear(reply({"action": "hangup"}, one.question()))
    with pytest.raises(StepError, match="the call is over"):
        one.question()


def test_a_call_that_goes_round_in_circles_ends():
    one = call()
    for _ in range(MAX_TURNS):
        one.hear(reply(ORDER | {"max_digits": 0}, one.question()))
    with pytest.raises(StepError, match="round in circles"):
        one.question()


def test_a_state_that_no_call_was_in_is_refused_with_every_fault():
    one = call()
    one.hear(reply(DIAL | {"on_failure": NOBODY}, one.question()))
    state = one.state()
    Call.restored(EMULATED, state)
    state |= {"turns": -1, "dialect": "morse", "menu": 5, "called_number": "0" * 81, "over": "no", "caller_name": "a\0b"}
    state["waiting"]["on_failure"]["prompt"] = {"kind": "eval", "said": "x"}
    del state["call_id"]
    with pytest.raises(StepError) as refused:
        Call.restored(EMULATED, state)
    paths = {problem.path for problem in refused.value.problems}
    assert paths == {
        "call.turns", "call.dialect", "call.menu", "call.called_number", "call.over", "call.caller_name", "call.call_id",
        "call.waiting.on_failure.prompt.kind",
    }  # fmt: skip
    for odd in (None, [], "x", 3, {"waiting": []}):
        with pytest.raises(StepError):
            Call.restored(EMULATED, odd)
