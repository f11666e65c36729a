"""The phone system's side of a call: what it asks, what its caller hears, and that it can be taken up at any step."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from rpcbridge.codec import decode_call
from rpcbridge.errors import ReplyError, StepError
from rpcbridge.pbx import MAX_TURNS, Asking, Call, Caller, Command, Request, Scene, as_json, begun, conducted, discovered
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
    if asked.method == "HANGUP_CALL":
        response = PLATFORM.acknowledge(True)
    else:
        response, _ = PLATFORM.from_domain(actions.load(action).action, "0730000000", asked.dialect)
    return PLATFORM.encode(replace(response, id=asked.id), asked.dialect)


def sent(request: bytes) -> dict:
    (struct,) = decode_call(request).params
    return struct


class Answering:
    """A bridge that answers with one action, or with these very bytes."""

    def __init__(self, answer: dict | bytes) -> None:
        self.answer = answer
        self.requests: list[bytes] = []

    def post(self, request: Request) -> bytes:
        assert request.callback == "", "Voicenter posts to one path alone"
        self.requests.append(request.body)
        return self.answer if isinstance(self.answer, bytes) else reply(self.answer, request.body)

    def listen(self, seconds: int) -> list:
        raise AssertionError("Voicenter has no API")

    def understood(self, name: str, data: object) -> None:
        pass


NOBODY_IS_ASKED = Answering(b"")


def heard(asking: Asking[Scene], answer: dict | bytes) -> Scene:
    return conducted(asking, Answering(answer))


def end_of(one: Call) -> dict:
    """The report of its end."""
    bridge = Answering({})
    assert conducted(one.ended(), bridge) == (True, "STATUS 0")
    return sent(bridge.requests[0])


def steps(action: dict) -> list[dict]:
    return as_json(heard(call().question(), action))["steps"]


def recording(name: str) -> dict:
    return {"kind": "name", "said": name}


COLLECT = {"step": "collect", "menu": "order", "prompt": recording("number"), "size": 4, "loops": 3, "delay": 5, "validate": True,
           "finish_key": "", "again": False}  # fmt: skip
RING = {
    "step": "dial", "target": "0501234567", "ring_timeout": 20, "max_duration": 3600, "record": False, "caller_number": "0730000000",
    "caller_name": "", "hold_music": "jazz", "target_prompt": None, "on_failure": None,
    "greeting": None,
}  # fmt: skip


@pytest.mark.parametrize(
    ("action", "scene"),
    [
        (ORDER, [COLLECT]),
        (ORDER | {"action": "say_digits", "digits": "05-47", "intro_prompt": "your_code"},
         [{"step": "play", "prompt": recording("your_code"), "loops": 1, "delay": 0}, {"step": "say", "digits": "0547"}, COLLECT]),
        (DIAL, [{"step": "play", "prompt": recording("connecting"), "loops": 1, "delay": 0}, RING]),
        (DIAL | {"record": True, "on_failure": NOBODY},
         [{"step": "play", "prompt": recording("connecting"), "loops": 1, "delay": 0},
          RING | {"record": True, "on_failure": {
              "step": "collect", "menu": "nobody", "prompt": recording("nobody_answers"), "size": 2, "loops": 2, "delay": 3,
              "validate": False, "finish_key": "", "again": False}}]),
        ({"action": "hangup", "prompt": "bye", "cause": 17},
         [{"step": "play", "prompt": recording("bye"), "loops": 1, "delay": 0}, {"step": "end", "why": "hangup", "cause": 17, "layer": None}]),
        ({"action": "hangup"}, [{"step": "end", "why": "hangup", "cause": None, "layer": None}]),
        ({"action": "go_to_layer", "layer": 3, "prompt": "blank", "loops": 2, "loop_delay": 1},
         [{"step": "play", "prompt": recording("blank"), "loops": 2, "delay": 1}, {"step": "end", "why": "layer", "cause": None, "layer": 3}]),
        ({"action": "record", "prompt": "beep", "max_duration": 60},
         [{"step": "play", "prompt": recording("beep"), "loops": 1, "delay": 0}, {"step": "speak", "max_duration": 60, "last": True}]),
    ],
)  # fmt: skip
def test_every_action_has_its_scene(action: dict, scene: list[dict]):
    assert steps(action) == scene


def whole(dialect: str, again: Callable[[Call], Call]) -> list[dict]:
    """A whole call: silence, digits, a busy target, its menu, the end. `again` is asked between any two steps."""
    one, asked = again(call(dialect)), []

    def ask(asking: Asking[Scene], action: dict) -> None:
        nonlocal one
        bridge = Answering(action)
        scene = as_json(conducted(asking, bridge))
        asked.extend([*map(sent, bridge.requests), {"heard": scene}])
        one = again(one)

    ask(one.question(), ORDER)
    ask(one.press(""), ORDER | {"menu": "order2", "max_digits": 0})
    ask(one.question(), ORDER | {"menu": "order3"})
    ask(one.press("12345"), DIAL | {"on_failure": NOBODY})
    ask(one.dialled("busy"), {})
    ask(one.press("9"), {"action": "hangup", "prompt": "bye"})
    assert one.over
    asked.append(end_of(one))
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
    heard(one.question(), DIAL)
    scene = as_json(conducted(one.dialled(outcome), NOBODY_IS_ASKED))
    assert ([step["step"] for step in scene["steps"]], one.over) == ([next_step], True)
    ended = end_of(one)
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
    with pytest.raises(ReplyError) as refused:
        heard(one.question(), body)
    assert said in str(refused.value)
    assert end_of(one)["IVR_UNIQUE_ID"] == "rb-phone-1", "its end can be reported all the same"


def test_steps_out_of_their_order_are_refused():
    one = call()
    with pytest.raises(StepError, match="collects no digits"):
        one.press("1")
    with pytest.raises(StepError, match="dials nobody"):
        one.dialled("busy")
    heard(one.question(), ORDER)
    with pytest.raises(StepError, match="waits for the caller"):
        one.question()
    with pytest.raises(StepError, match="digits: expected 0-9"):
        one.press("1a")
    heard(one.press("1"), {"action": "hangup"})
    with pytest.raises(StepError, match="the call is over"):
        one.question()


def test_a_call_that_goes_round_in_circles_ends():
    one = call()
    for _ in range(MAX_TURNS):
        heard(one.question(), ORDER | {"max_digits": 0})
    with pytest.raises(StepError, match="round in circles"):
        one.question()


def test_a_state_that_no_call_was_in_is_refused_with_every_fault():
    one = call()
    heard(one.question(), DIAL | {"on_failure": NOBODY})
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


def test_what_a_platform_keeps_for_itself_is_read_by_itself():
    state = call().state() | {"own": []}
    with pytest.raises(StepError, match=r"call\.own: expected an object"):
        Call.restored(EMULATED, state)


def test_a_phone_system_without_an_api_cannot_be_told_anything():
    with pytest.raises(StepError, match="no API"):
        heard(call().commanded(Command("splitconnection", {})), {})
