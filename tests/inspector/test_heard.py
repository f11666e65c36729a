"""What a caller heard, in words: every action of the contract, every form of a prompt, the end of a call."""

from __future__ import annotations

import pytest

from rpcbridge.domain.actions import ACTIONS
from rpcbridge.inspector.heard import done, ended, heard, prompt_in_words, seconds
from rpcbridge.schemas import actions
from tests.inspector.recorded import EVENT, MENU, document

HEARD = {
    "menu": (
        MENU | {"menu": "order", "prompt": "order_number", "max_digits": 4, "loops": 3},
        ('hears "order_number"; up to 4 digits wanted (menu order)', "if silent, hears it 3 times, 3 s after each"),
    ),
    "say_digits": (
        MENU | {"action": "say_digits", "digits": "05 47", "intro_prompt": "your_code", "max_digits": 0},
        ('hears "your_code"', "hears the digits 0 5 4 7", 'hears "welcome"; no digits are collected (menu main)'),
    ),
    "call": (
        {"action": "call", "target": "********67", "ring_timeout": 20, "max_duration": 3600, "record": True, "caller_prompt": "wait",
         "hold_music": "jazz", "on_failure": {"menu": "nobody", "prompt": "nobody_answers", "max_digits": 1}, "after_call": "hangup"},
        ('hears "wait"', 'is connected to ********67: it rings for at most 20 s, to the music "jazz"', "they talk for at most 1 h, recorded",
         'if nobody answers, hears "nobody_answers"; up to 1 digit wanted (menu nobody)'),
    ),
    "hangup": ({"action": "hangup", "prompt": "bye", "cause": 16}, ('hears "bye"', "is hung up on (cause 16, normal call clearing)")),
    "go_to_layer": (
        {"action": "go_to_layer", "layer": 3, "prompt": "blank"}, ('hears "blank"', "goes on in layer 3 of the phone system's own IVR"),
    ),
    "record": (
        {"action": "record", "prompt": "beep", "max_duration": 120}, ('hears "beep"', "is recorded for at most 2 min, until hanging up"),
    ),
}  # fmt: skip


def test_every_action_of_the_contract_is_told():
    assert set(HEARD) == set(ACTIONS)


@pytest.mark.parametrize("action", HEARD)
def test_what_a_caller_hears_of_an_action(action: str):
    served, sentences = HEARD[action]
    assert heard(served) == sentences


@pytest.mark.parametrize("action", ACTIONS)
def test_an_action_with_its_defaults_alone_is_told_too(action: str):
    fewest = {"menu": "m", "prompt": "p", "digits": "1", "target": "t", "layer": 1}
    known = {name for name, field in actions.SCHEMAS[action].fields.items() if field.required} - {"action"}
    loaded = actions.load({"action": action} | {name: fewest[name] for name in known}).action
    assert all(heard(actions.dump(loaded)))


def test_a_call_that_is_not_answered_ends_or_goes_back_to_the_backend():
    call = {"action": "call", "target": "1"}
    assert heard(call)[-1] == "if nobody answers, is disconnected"
    assert heard(call | {"after_call": "ask"})[-1] == "then the backend is asked again"


def test_nothing_served_is_nothing_heard_and_an_unknown_action_is_named():
    assert heard(None) == ()
    assert heard({"action": "sing"}) == ("gets the action sing, which is not known here",)


def test_digits_that_were_masked_are_counted_not_read_out():
    assert heard(MENU | {"action": "say_digits", "digits": "****"})[0] == "hears 4 digits (masked here)"


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("welcome", '"welcome"'),
        ("", "a prompt without a name"),
        ({"file": "a.wav"}, 'the file "a.wav"'),
        ({"url": "https://x.example/a"}, 'the recording at "https://x.example/a"'),
        ({"text": "hello", "voice": "Ada", "language": "en"}, 'the text "hello" (voice Ada, language en)'),
        ({"text": "שלום"}, 'the text "⁨שלום⁩"'),
        (7, "a prompt"),
    ],
)
def test_a_prompt_in_words(prompt: object, words: str):
    assert prompt_in_words(prompt) == words


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ({}, "calls"),
        ({"reason": "input", "menu": "main", "digits": "25"}, "presses 2 5 in the menu main"),
        ({"reason": "no_input", "menu": "main"}, "presses nothing in the menu main"),
        ({"reason": "leg_failed"}, "was not connected, and waits"),
        ({"reason": "whatever"}, "waits"),
        ({"event": "call_ended"}, ""),
    ],
)
def test_what_the_caller_did(event: dict, words: str):
    assert done(EVENT | event) == words


def test_digits_that_were_pressed_and_masked_are_counted():
    assert done(EVENT | {"reason": "input", "digits": "****"}, ["digits"]) == "presses 4 digits (masked here)"
    assert done(EVENT | {"reason": "input", "digits": "*"}) == "presses *"
    assert done(None) == ""


def test_how_the_call_ended():
    def report(**says: object) -> dict:
        return document(2, event="call_ended", outcome="stored", served=None, says={"event": "call_ended", **says})

    assert ended([document()]) == "Its end was not reported; the last action was menu."
    assert ended([document(), report()]) == "The call ended."
    full = report(call_status="no_answer", target="********55", duration=61, ring_duration=15)
    assert ended([full]) == "The call ended; the call to ********55: no answer; lasted 1 min 1 s, rang for 15 s."
    by = report(ended_by="caller", call_status="unknown", platform_text="ODD", duration=5, estimated=True, hangup_cause=17)
    assert ended([by]) == "The call was ended by the caller; the dialled call: unknown (ODD); lasted 5 s (estimated); cause 17, user busy."


def test_seconds():
    assert [seconds(count) for count in (0, 59, 60, 125, 3600, 86_400, None)] == ["0 s", "59 s", "1 min", "2 min 5 s", "1 h", "24 h", " s"]
