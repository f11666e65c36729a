"""What all views read of a document in the same way."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rpcbridge.inspector.documents import KEPT, is_cut, unmasked_json
from rpcbridge.inspector.fields import event_fields
from rpcbridge.platforms import Options
from rpcbridge.platforms.voicenter import Section, make
from rpcbridge.trace.noting import LONGEST
from tests.inspector.recorded import document


def test_what_is_recorded_and_what_is_read_are_one_length():
    assert KEPT == LONGEST


@pytest.mark.parametrize(
    ("recorded", "read"),
    [
        ('{"CALLER_ID": ********67, "SIZE": 1}', {"CALLER_ID": "********67", "SIZE": 1}),
        ('{"numbers": [+*****67,-**]}', {"numbers": ["+*****67", "-**"]}),
        ('{"text": "press 1,*,2 or [*]"}', {"text": "press 1,*,2 or [*]"}),
        ('{"text": "a \\" quote,*,", "pin": ****}', {"text": 'a " quote,*,', "pin": "****"}),
    ],
)
def test_a_masked_number_in_json_can_be_read_and_no_text_is_changed(recorded: str, read: Any):
    assert json.loads(unmasked_json(recorded)) == read


def test_xml_needs_nothing():
    assert unmasked_json("<value>[*]</value>") == "<value>[*]</value>"


def test_a_request_is_compared_although_a_number_in_it_was_masked():
    """A phone system may send a number as a number: masked, it is no JSON any more."""
    seen = document()
    seen["stations"]["platform_request"]["body"] = (
        '{"METHOD": "GET_IVR_ACTION", "DATA": {"DID": ********67, "CALLER_ID": "********67", "IVR_UNIQUE_ID": "c1", "DTMF": "1", "MENU": "main"}}'
    )
    diff = event_fields(seen, make(Section(), Options({})))
    assert diff.note == ""
    assert "DID" in [field.came.name for field in diff.fields]


@pytest.mark.parametrize(("size", "kept", "cut"), [(KEPT, KEPT, False), (KEPT + 1, KEPT, True), (KEPT + 1, KEPT + 1, False), (0, 0, False)])
def test_what_is_larger_than_what_is_kept_was_cut_unless_it_is_there(size: int, kept: int, cut: bool):
    assert is_cut({"size": size, "body": "x" * kept}) is cut
