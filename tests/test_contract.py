"""The backend contract: its normative examples, its ranges, its JSON Schema. What stands here is the public face."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import pytest

from rpcbridge.domain.events import ActionRequested, CallEnded
from rpcbridge.errors import AnswerRejected
from rpcbridge.platforms import Options, discovered
from rpcbridge.schemas import actions, events
from rpcbridge.schemas.jsonschema import actions_schema, events_schema, files

DOCS = Path(__file__).resolve().parent.parent / "docs"

EVENTS = [
    {
        "event": "action_requested", "event_id": "01KB0Q8ZJ5T3V9W2X4Y6Z8A0BC", "occurred_at": "2026-11-20T21:27:03.123Z",
        "platform": "voicenter", "call_id": "ced4619f30fc17182d8e41ddf4d6869X", "direction": "inbound", "turn": 1,
        "reason": "call_started", "caller_number": "0540000000", "caller_name": "017W", "called_number": "0730000000",
        "menu": None, "previous_menu": None, "digits": "", "state": None,
    },
    {
        "event": "call_ended", "event_id": "01KB0Q9A0H6R8S1T3V5W7X9Y2Z", "occurred_at": "2026-11-20T21:29:10.004Z",
        "platform": "voicenter", "call_id": "ced4619f30fc17182d8e41ddf4d6869X", "direction": "inbound",
        "caller_number": "0540000000", "called_number": "0730000000", "target": "0500000555", "call_status": "answered",
        "duration": 125, "ring_duration": 15, "platform_call_time": 15616841651, "platform_call_start": 15616841612,
        "state": None,
    },
]  # fmt: skip

_CALL = {"TARGET": "0540123456", "CALLERID": "0730000000", "CALLERNAME": "", "CALL_MAX_DIAL": 30, "CALL_MAX": 3600}
# Answer -> ACTION and DATA, its members in this order.
REPLIES = [
    (
        {"action": "menu", "menu": "main", "prompt": "welcome"},
        "MENU", {"REC": "welcome", "LOOP": 1, "DELAY": 3, "SIZE": 1, "MENU": "main", "VALIDATION": 0},
    ),
    (
        {"action": "say_digits", "digits": "0547", "intro_prompt": "your_number", "menu": "m", "prompt": "next"},
        "SAYDIGITS",
        {
            "REC": "next", "LOOP": 1, "DELAY": 3, "SIZE": 1, "MENU": "m", "VALIDATION": 0,
            "SAYDIGITSRECORD": "your_number", "DIGITS": "0547",
        },
    ),
    ({"action": "call", "target": "0540123456"}, "CALL", _CALL | {"REC_STATUS": 0}),
    (
        {"action": "call", "target": "0540123456", "on_failure": {"menu": "16", "prompt": "rec", "max_digits": 2}},
        "CALL",
        _CALL | {
            "NEXT_MENU": "16", "NEXT_MENU_RECORD": "rec", "NEXT_MENU_LOOP": 1, "NEXT_MENU_SIZE": 2, "NEXT_MENU_WAIT": 3,
            "REC_STATUS": 0,
        },
    ),
    ({"action": "hangup", "prompt": "bye", "cause": 16}, "HANGUP", {"HANGUP_REC": "bye", "HANGUP_CAUSE": 16}),
    ({"action": "hangup"}, "HANGUP", {}),
    ({"action": "go_to_layer", "layer": 3, "prompt": "blank"}, "VO", {"LAYER": 3, "RECORD": "blank", "LOOP": 1, "DELAY": 3}),
    ({"action": "record", "prompt": "beep", "max_duration": 60}, "SILENTRECORD", {"REC": "beep", "MAXDURATION": 60}),
    ({"action": "record"}, "SILENTRECORD", {}),
]  # fmt: skip


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event["event"])
def test_the_normative_events_fit_the_schema(event: dict):
    jsonschema.validate(event, events_schema(), jsonschema.Draft202012Validator)


@pytest.mark.parametrize(("answer", "action", "data"), REPLIES)
def test_the_normative_answers_fit_the_schema_and_become_the_normative_replies(answer: dict, action: str, data: dict):
    jsonschema.validate(answer, actions_schema(), jsonschema.Draft202012Validator)
    folder = discovered()["voicenter"]
    voicenter = folder.make(folder.Section(), Options({}))
    response, repairs = voicenter.from_domain(actions.load(answer).action, "0730000000", "xmlrpc")
    assert response.value == {"STATUS": 0, "ACTION": action, "LANGUAGE": "he", "DATA": data}
    assert list(response.value) == ["STATUS", "ACTION", "LANGUAGE", "DATA"]
    assert list(response.value["DATA"]) == list(data)
    assert repairs == ()


def test_the_published_schemas_are_the_generated_ones():
    for name, text in files().items():
        assert (DOCS / name).read_text("utf-8") == text, f"run `make schemas`: docs/{name} is out of date"


MENU = {"action": "menu", "menu": "m", "prompt": "p"}
CALL = {"action": "call", "target": "1"}


@pytest.mark.parametrize(
    ("base", "field", "low", "high"),
    [
        (MENU, "loops", 1, 99), (MENU, "loop_delay", 0, 600), (MENU, "max_digits", 0, 32), (MENU, "digit_timeout", 1, 86400),
        (CALL, "ring_timeout", 1, 86400), (CALL, "max_duration", 1, 86400),
        ({"action": "hangup"}, "cause", 0, 127),
        ({"action": "go_to_layer", "prompt": "p"}, "layer", 0, 2147483647),
        ({"action": "go_to_layer", "prompt": "p", "layer": 1}, "loops", 1, 99),
        ({"action": "go_to_layer", "prompt": "p", "layer": 1}, "loop_delay", 0, 600),
        ({"action": "record"}, "max_duration", 1, 86400),
    ],
)  # fmt: skip
def test_ranges_are_kept_at_both_ends(base: dict, field: str, low: int, high: int):
    for good in (low, high):
        assert getattr(actions.load(base | {field: good}).action, field) == good
    for bad in (low - 1, high + 1):
        assert _problems(base | {field: bad})[0].startswith(f"{field}: expected {low} ")
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(base | {field: bad}, actions_schema(), jsonschema.Draft202012Validator)


@pytest.mark.parametrize(
    ("given", "kinds"),
    [
        ({"max_digits": "25"}, ["type"]),
        ({"max_digits": 4.0}, ["type"]),
        ({"max_digits": " +4 "}, ["type"]),
        ({"action": " Menu "}, ["case"]),
        ({"action": "menu "}, ["blanks"]),
        ({"language": "HE"}, ["case"]),
        ({"language": "he-il"}, ["case"]),
        ({"menu": 16}, ["type"]),
        ({"prompt": " welcome "}, ["blanks"]),
        ({"validate_digits": 1}, ["type"]),
        ({"validate_digits": "true"}, ["type"]),
        ({"loops": None}, []),
        ({"finish_key": ""}, ["empty"]),
        ({"prompt": 25}, ["type"]),
        ({"prompt": {"file": " welcome "}}, ["blanks"]),
        ({"prompt": {"file": "welcome"}}, []),
        ({"prompt": "wel\0come"}, ["characters"]),
        ({"prompt": {"file": "welcome\ud800"}}, ["characters"]),
        ({"finish_key": "\x01"}, ["empty"]),
        ({"state": {"a": " \0"}}, []),
    ],
)
def test_what_can_only_mean_one_thing_is_read_and_counted(given: dict, kinds: list[str]):
    assert [repair.kind for repair in actions.load(MENU | given).repairs] == kinds


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"max_digits": "four"}, 'max_digits: expected an integer, got "four"'),
        ({"max_digits": 7.9}, "max_digits: expected an integer, got 7.9"),
        ({"max_digits": "1_0"}, 'max_digits: expected an integer, got "1_0"'),
        ({"max_digits": "٤"}, 'max_digits: expected an integer, got "٤"'),
        ({"max_digits": True}, "max_digits: expected an integer, got true"),
        ({"max_digits": [4]}, "max_digits: expected an integer, got an array"),
        ({"menu": True}, "menu: expected a text, got true"),
        ({"menu": ""}, 'menu: expected a text, got ""'),
        ({"menu": None}, "menu: missing, and required"),
        ({"validate_digits": "perhaps"}, 'validate_digits: expected true or false, got "perhaps"'),
        ({"finish_key": "##"}, 'finish_key: expected one of 0-9, * and #, got "##"'),
        ({"language": "Hebrew!"}, 'language: expected a BCP 47 language such as "he", got "Hebrew!"'),
        ({"prompt": {"file": "a", "text": "b"}}, "prompt: expected exactly one of file, url, text"),
        ({"prompt": {}}, "prompt: expected exactly one of file, url, text"),
        ({"prompt": {"fil": "a"}}, "prompt.fil: unknown key, did you mean file?"),
        ({"prompt": [5]}, "prompt: expected a recording's name or an object with file, url or text, got an array"),
        ({"max_digit": 4}, "max_digit: unknown key, did you mean max_digits?"),
        ({"Loops": 4}, "Loops: unknown key, did you mean loops?"),
    ],
)
def test_what_cannot_be_used_is_named_by_its_field(given: dict, problem: str):
    assert _problems(MENU | given) == [problem]


def test_all_problems_are_named_at_once():
    answer = {"action": "call", "ring_timeout": 0, "recrod": 1, "on_failure": {"menu": "m", "loops": 0, "promt": "p"}}
    assert sorted(_problems(answer)) == [
        "on_failure.loops: expected 1 to 99, got 0",
        "on_failure.prompt: missing, and required",
        "on_failure.promt: unknown key, did you mean prompt?",
        "recrod: unknown key, did you mean record?",
        "ring_timeout: expected 1 to 86400, got 0",
        "target: missing, and required",
    ]


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ({}, "action: missing, and required: one of menu, say_digits, call, hangup, go_to_layer, record"),
        ({"action": "hang_up"}, 'action: unknown action "hang_up", did you mean hangup?'),
        ({"action": 5}, "action: unknown action 5, known: menu, say_digits, call, hangup, go_to_layer, record"),
        ([], "expected an object with an action, got an array"),
        ("menu", 'expected an object with an action, got "menu"'),
        (None, "expected an object with an action, got null"),
    ],
)
def test_what_is_no_action_is_refused(answer: object, problem: str):
    assert _problems(answer) == [problem]


@pytest.mark.parametrize("digits", ["", "none", None, ["1"]])
def test_say_digits_needs_a_digit(digits: object):
    answer = {"action": "say_digits", "menu": "m", "prompt": "p", "digits": digits}
    assert _problems(answer)[0].startswith("digits: ")


def test_a_phone_number_given_as_a_number_is_read_as_its_digits():
    loaded = actions.load({"action": "call", "target": 972541234567})
    assert loaded.action.target == "972541234567"
    assert loaded.repairs[0].path == "target"


def test_repairs_inside_lists_are_counted():
    loaded = actions.load({"action": "call", "target": "1", "dial_strings": [" x ", 5, "y"], "caller_prompt": ""})
    assert loaded.action.dial_strings == ("x", "5", "y")
    assert [(repair.kind, repair.path) for repair in loaded.repairs] == [
        ("blanks", "dial_strings.0"), ("type", "dial_strings.1"), ("empty", "caller_prompt"),
    ]  # fmt: skip


@pytest.mark.parametrize("field", ["menu", "prompt"])
def test_a_text_of_characters_that_no_reply_can_carry_is_no_text(field: str):
    assert _problems(MENU | {field: "\x01\ufffe"})[0].startswith(f"{field}: expected")


def test_characters_that_no_reply_can_carry_are_taken_out_of_lists():
    loaded = actions.load({"action": "call", "target": "1", "dial_strings": ["a\0b"]})
    assert loaded.action.dial_strings == ("ab",)
    assert [(repair.kind, repair.path) for repair in loaded.repairs] == [("characters", "dial_strings.0")]


def test_of_very_many_problems_the_first_are_told_and_the_rest_counted():
    problems = _problems(MENU | {f"prompt{place}": 1 for place in range(20_000)})
    assert len(problems) == 51
    assert problems[-1] == "and 19950 more"


def test_a_state_as_deep_as_the_reader_allows_does_no_harm():
    state: list = []
    for _ in range(3_000):
        state = [state]
    assert actions.load(MENU | {"state": state}).state is state


def test_a_native_answer_fits_the_schema():
    answer = {"native": {"ACTION": "HANGUP"}, "state": 1}
    jsonschema.validate(answer, actions_schema(), jsonschema.Draft202012Validator)


@pytest.mark.parametrize("answer", [
    *(answer for answer, _, _ in REPLIES),
    {"action": "call", "target": "1", "dial_strings": ["a", "b"], "caller_number": "", "language": "en", "record": True},
    {"action": "hangup", "prompt": {"file": "bye", "voice": "Dana"}},
])  # fmt: skip
def test_a_dumped_action_is_the_same_action_with_its_defaults(answer: dict):
    action = actions.load(answer).action
    dumped = actions.dump(action)
    jsonschema.validate(dumped, actions_schema(), jsonschema.Draft202012Validator)
    again = actions.load(dumped)
    assert (again.action, again.repairs) == (action, ())
    assert answer.keys() <= dumped.keys()


def test_a_dump_names_the_defaults():
    dumped = actions.dump(actions.load({"action": "menu", "menu": "m", "prompt": "p"}).action)
    assert dumped == {
        "action": "menu", "menu": "m", "prompt": "p", "loops": 1, "loop_delay": 3, "max_digits": 1, "validate_digits": False,
    }  # fmt: skip


def test_state_is_taken_and_does_not_disturb():
    assert actions.load({"action": "hangup", "state": {"step": 2}}).state == {"step": 2}


def _problems(answer: object) -> list[str]:
    with pytest.raises(AnswerRejected) as error:
        actions.load(answer)
    return [str(problem) for problem in error.value.problems]


@pytest.mark.parametrize("event", [
    ActionRequested(event_id="01KB0Q8ZJ5T3V9W2X4Y6Z8A0BC", occurred_at=datetime(2026, 11, 20, 21, 27, 3, 123999, UTC), platform="voicenter",
                    call_id="c", direction="inbound", reason="call_started", menu=None, caller_number="1", digits="", raw={"A": ["1"]}),
    CallEnded(event_id="01KB0Q8ZJ5T3V9W2X4Y6Z8A0BC", occurred_at=datetime(2026, 11, 20, tzinfo=UTC), platform="voicenter",
              call_id="c", direction="inbound", duration=125, call_status="answered", platform_call_time=15616841651),
], ids=lambda event: event.event)  # fmt: skip
def test_an_event_is_dumped_as_its_schema_would(event: ActionRequested | CallEnded):
    assert list(events.dump(event).items()) == list(events.SCHEMAS[event.event].dump(event).items())
