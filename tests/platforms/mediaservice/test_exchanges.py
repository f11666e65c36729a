"""The fixtures of Mediaservice's exchanges: each request is one the platform may send, each event fits the contract."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from rpcbridge.codec import decode_call
from rpcbridge.platforms.mediaservice.wire.callbacks import CALLBACKS, read
from rpcbridge.schemas import actions
from rpcbridge.schemas.jsonschema import events_schema
from tests.support import mediaservice

CASES = sorted(path.parent.name for path in mediaservice.FOLDER.glob("*/case.json"))
DRIFTS = [name for name in CASES if name.startswith("drift_")]


def one(case: str, name: str) -> Path:
    return mediaservice.FOLDER / case / name


def told(case: str) -> dict[str, Any]:
    return json.loads(one(case, "case.json").read_bytes())


def request(case: str) -> Any:
    return json.loads(one(case, "platform_request.json").read_bytes())


def said(case: str) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    call = decode_call(one(case, "platform_request.json").read_bytes(), told(case)["callback"])
    (body,) = call.params
    assert isinstance(body, dict)
    fields, repairs = read(call.method, body)
    return fields, [(repair.kind, repair.path) for repair in (*call.repairs, *repairs)]


def test_every_folder_is_a_case_with_a_note():
    assert sorted(folder.name for folder in mediaservice.FOLDER.iterdir() if folder.is_dir()) == CASES
    assert [case for case in CASES if not one(case, "NOTE.md").read_text("utf-8").startswith(f"# {case}\n")] == []


@pytest.mark.parametrize("case", CASES)
def test_a_case_comes_after_others_of_the_same_call(case: str):
    after = told(case)["after"]
    assert told(case)["callback"] in CALLBACKS
    assert all(told(name)["after"] == after[:place] for place, name in enumerate(after))
    assert len({request(name).get("sessionId") for name in (case, *after)} - {None}) == 1  # callAnswered has none


@pytest.mark.parametrize("case", [name for name in CASES if name not in DRIFTS])
def test_a_request_is_what_the_platform_sends(case: str):
    mediaservice.valid_callback(told(case)["callback"], request(case))
    fields, repairs = said(case)
    assert (fields["unknown"], repairs) == ({}, [])


@pytest.mark.parametrize("case", DRIFTS)
def test_a_drifted_request_is_none_and_is_read_all_the_same(case: str):
    if case != "drift_reference_text_twice":  # a text is a text, whatever it holds
        with pytest.raises(AssertionError):
            mediaservice.valid_callback(told(case)["callback"], request(case))
    fields, repairs = said(case)
    assert fields["unknown"] == {}
    assert "unreadable" not in [kind for kind, _ in repairs]


@pytest.mark.parametrize(
    ("case", "repairs"),
    [
        ("drift_new_call_sample", [("type", "sipCallId")]),
        ("drift_sip_call_id", [("type", "sipCallId")]),
        ("drift_reference_text_twice", [("stringified", "sessionReferenceId")]),
        ("drift_reference_text_in_call_answered", []),
        ("drift_reference_object_in_call_event", []),
        ("drift_numbers", [("type", path) for path in ("callingPartyNumber", "remotePartyNumber", "callingPartyExpires", "monitoringParticipant")]),
    ],
)  # fmt: skip
def test_what_a_drift_costs_is_told(case: str, repairs: list[tuple[str, str]]):
    fields, found = said(case)
    assert sorted(found) == sorted(repairs)
    assert fields.get("session_reference_id", {"rb": "$KEY"}) == {"rb": "$KEY"}
    if "sipCallId" in request(case):
        assert fields["sip_call_id"] == "5473001594892095000"


@pytest.mark.parametrize("case", [name for name in CASES if one(name, "event.json").is_file()])
def test_an_event_fits_the_contract(case: str):
    event = json.loads(one(case, "event.json").read_bytes())
    jsonschema.validate(event, events_schema(), jsonschema.Draft202012Validator)
    answer = json.loads(one(case, "backend_response.json").read_bytes())
    if event["event"] == "action_requested":
        assert actions.load(answer).repairs == ()
    else:
        assert answer == {}
