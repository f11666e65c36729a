"""The phone page's steps on Mediaservice: whichever worker takes each, what the bridge orders is carried out on the page alone."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from rpcbridge.pbx.served import Given, Served
from tests.pbx.configured import CONFIGURED
from tests.support import bridge as bridges
from tests.support import shop as shops
from tests.web.test_phone import DEBUG, FORM, stepped, steps_of, taken

REST = FORM | {"platform": "mediaservice", "dialect": "rest"}


@dataclass(frozen=True)
class Line:
    bridge: bridges.Running
    platform: Served  # the real one, as far as the bridge knows


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """Three workers in front of the example backend."""
    folder = tmp_path_factory.mktemp("phone")
    with Served(lambda came: Given()) as platform, shops.running() as url:
        toml = f'[backend]\nurl = "{url}"\n{DEBUG}{CONFIGURED["mediaservice"](folder, int(platform.url.rpartition(":")[2]))}'
        with bridges.running(folder, toml, WEB_CONCURRENCY="3") as bridge:
            yield Line(bridge, platform)


def test_a_whole_call_whichever_worker_takes_each_step(line: Line):
    took = taken(line.bridge, "call", REST)
    assert (steps_of(took), took["exchange"]["method"], took["turn"].count('<article class="turn"')) == (["collect"], "getIvrCommand", 3)
    for digits in ("", "1", "1", "1234", "1", "2"):
        took = taken(line.bridge, "press", {"session": took["session"], "digits": digits})
    assert (steps_of(took), took["over"]) == (["play", "dial"], False)
    took = taken(line.bridge, "dialled", {"session": took["session"], "outcome": "busy"})
    assert steps_of(took) == ["collect"]
    took = taken(line.bridge, "press", {"session": took["session"], "digits": "1"})
    assert (steps_of(took), took["over"]) == (["play", "speak"], False)
    took = taken(line.bridge, "press", {"session": took["session"], "digits": ""})
    assert (steps_of(took), took["over"]) == (["end"], True), "the limit is reached"
    took = taken(line.bridge, "hangup", {"session": took["session"]})
    assert (took["acknowledged"], took["exchange"]["method"]) == ("HTTP 200", "sessionCompleted")
    call_id = took["session"]["call"]["call_id"]
    assert line.bridge.last_line(call_id=call_id, method="call_ended")["origin"] == "phone"
    assert line.bridge.last_line(call_id=call_id, method="recording_ready")["outcome"] == "delivered"
    assert line.platform.requests == (), "nothing of it was ordered of the real platform"


def test_a_conversation_after_which_the_target_hangs_up(line: Line):
    took = taken(line.bridge, "call", REST)
    for digits in ("2", "2"):
        took = taken(line.bridge, "press", {"session": took["session"], "digits": digits})
    took = taken(line.bridge, "dialled", {"session": took["session"], "outcome": "answered"})
    assert (steps_of(took), took["scene"]["steps"][0]["last"], took["over"]) == (["talk"], False, False)
    took = taken(line.bridge, "talked", {"session": took["session"]})
    assert (steps_of(took), took["over"], took["exchange"]["method"]) == ([], True, "callEvent")
    assert taken(line.bridge, "hangup", {"session": took["session"]})["acknowledged"] == "HTTP 200"
    assert stepped(line.bridge, "talked", {"session": took["session"]}).status == 400, "nobody talks now"


def test_a_drill_begins_with_the_question_that_was_chosen(line: Line):
    took = taken(line.bridge, "call", REST | {"fault": "wrong_action", "fault_from": 3})
    assert took["exchange"]["outcome"] == "answered"
    took = taken(line.bridge, "press", {"session": took["session"], "digits": "1"})
    assert (took["exchange"]["outcome"], steps_of(took), took["over"]) == ("fallback", ["play", "end"], True)
    assert taken(line.bridge, "hangup", {"session": took["session"]})["acknowledged"] == "HTTP 200"


@pytest.mark.parametrize(
    ("form", "said"), [(REST | {"dialect": "xmlrpc"}, "dialect: expected one of rest"), (FORM | {"dialect": "rest"}, "dialect: expected one of xmlrpc")]
)
def test_a_platform_is_spoken_to_in_its_own_dialects(line: Line, form: dict, said: str):
    got = stepped(line.bridge, "call", form)
    assert (got.status, said in json.loads(got.body)["error"]) == (400, True)


def test_a_state_that_is_not_the_platform_s_is_refused_with_every_fault(line: Line):
    session = taken(line.bridge, "call", REST)["session"]
    session["call"]["own"] |= {"phase": "asleep", "commands": "many", "reference": "["}
    got = stepped(line.bridge, "press", {"session": session, "digits": "1"})
    assert {problem["field"] for problem in json.loads(got.body)["problems"]} == {f"call.own.{name}" for name in ("phase", "commands", "reference")}


def test_a_bridge_that_serves_brings_no_server_of_the_emulation_s_along():
    done = subprocess.run([sys.executable, "-c", "import sys, rpcbridge.app; print('rpcbridge.pbx.served' in sys.modules)"], capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr
